//! The hall: everything of the last hours that says what its windows are doing now. Pure; grown by applying facts in the
//! order of their entries, and shared by who admits and who reads.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::clocked::{Clocked, SHIFT_MS, Way, is_in};
use super::course::{Course, Event, Stretch, course, timeline};
use super::fact::{duties, happened};
use crate::kernel::{EpochMs, Pos, Zone};
use crate::policy::Policy;
use crate::proto::duty_fact::What;
use crate::proto::fact::Fact as Of;
use crate::proto::{Fact, PunchFact, StampFact};
use crate::registers::stamp::effective::Neighbours;

/// What began longer ago has ended by itself, and whatever it said of others too: twice the 16 hours of a shift.
pub const REACH_MS: i64 = 2 * SHIFT_MS;
/// A queue that was told longer ago says nothing. 10 × 60,000.
const QUEUE_MS: i64 = 600_000;

/// Of a window at which nothing happened.
static NOTHING: Course = Course::NOTHING;

type Deeds = HashMap<Arc<str>, Arc<BTreeSet<Arc<str>>>>;

/// Somebody did something at a window.
fn did(deeds: &mut Arc<Deeds>, person_id: &str, window: &Arc<str>) {
    if !deeds.get(person_id).is_some_and(|windows| windows.contains(window)) {
        Arc::make_mut(Arc::make_mut(deeds).entry(person_id.into()).or_default()).insert(Arc::clone(window));
    }
}

type Queues = HashMap<Arc<str>, (u32, EpochMs)>;

type Clockings = HashMap<Arc<str>, Arc<Vec<Clocked>>>;

fn of<'a>(clocked: &'a Clockings, person_id: &str) -> &'a [Clocked] {
    clocked.get(person_id).map(|known| known.as_slice()).unwrap_or_default()
}

/// A window at which something happened.
#[derive(Debug, Clone, Default)]
struct Eventful {
    /// What, in the order in which it counts.
    events: Vec<Arc<Event>>,
    /// What it was doing when the last of it happened, once somebody has asked: who looks at the hall looks at all its windows,
    /// and something happens at one of them.
    last: OnceLock<Course>,
}

impl Eventful {
    /// Nothing of it is later.
    fn last_at(&self) -> EpochMs {
        self.events.last().map_or(EpochMs::ZERO, |event| event.at)
    }
}

/// A centre's hall. A batch copies it, and mostly touches windows only.
#[derive(Debug, Clone)]
pub struct Hall {
    /// One past the last entry that it knows.
    pub next: Pos,
    /// One past the last entry that had changed the directory when it was loaded: another one may know other people.
    pub config: Pos,
    /// The newest instant at which anything was recorded.
    newest: EpochMs,
    zone: Zone,
    windows: HashMap<Arc<str>, Arc<Eventful>>,
    clocked: Arc<Clockings>,
    /// The windows at which something was somebody's deed: whoever holds one, or paused at it, is among them.
    deeds: Arc<Deeds>,
    /// How many wait, and since when that is known.
    queues: Arc<Queues>,
}

impl Hall {
    /// In which nothing is known to have happened.
    pub fn new(zone: Zone) -> Self {
        Self {
            next: Pos::ZERO,
            config: Pos::ZERO,
            newest: EpochMs::ZERO,
            zone,
            windows: HashMap::new(),
            clocked: Arc::default(),
            deeds: Arc::default(),
            queues: Arc::default(),
        }
    }

    /// Something was recorded then.
    pub fn recorded(&mut self, at: EpochMs) {
        self.newest = self.newest.max(at);
    }

    /// The centre's zone.
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Something happened.
    pub fn happened(&mut self, event: Event) {
        self.newest = self.newest.max(event.recorded);
        if let Some(What::Queued(queued)) = &event.fact.what {
            // How many wait for an item ranks no window before another.
            if queued.item.is_empty() {
                Arc::make_mut(&mut self.queues)
                    .insert(event.fact.window.as_str().into(), (queued.waiting, event.at));
            }
            return;
        }
        let window: Arc<str> = event.fact.window.as_str().into();
        did(&mut self.deeds, &event.fact.person_id, &window);
        let known = Arc::make_mut(self.windows.entry(window).or_default());
        let place = known.events.partition_point(|known| known.order() < event.order());
        if place < known.events.len() {
            known.last.take();
        } else if let Some(last) = known.last.get_mut() {
            last.follow(&event, &|person| of(&self.clocked, person));
        }
        known.events.insert(place, Arc::new(event));
    }

    /// Somebody clocked in or out.
    pub fn clocked(&mut self, person_id: &str, clocked: Clocked) {
        let known = Arc::make_mut(Arc::make_mut(&mut self.clocked).entry(person_id.into()).or_default());
        let place = known.partition_point(|earlier| *earlier < clocked);
        known.insert(place, clocked);
        for known in self.windows.values_mut() {
            let concerns = |last: &Course| known.last_at() >= clocked.at && last.concerns(person_id);
            if known.last.get().is_some_and(concerns) {
                Arc::make_mut(known).last.take();
            }
        }
    }

    /// A punch, at the best time that it gives itself.
    pub fn punched(&mut self, punch: &PunchFact, at: EpochMs) {
        if !punch.person_id.is_empty() {
            self.clocked(&punch.person_id, Clocked { at, way: Way::of(punch.direction()) });
        }
    }

    /// The facts of an entry.
    pub fn apply(
        &mut self,
        pos: Pos,
        recorded: EpochMs,
        principal: &str,
        facts: &[Fact],
        near: impl Fn(&PunchFact) -> EpochMs,
    ) {
        self.newest = self.newest.max(recorded);
        for fact in facts {
            if let Some(Of::Punch(punch)) = &fact.fact {
                self.punched(punch, near(punch));
            }
        }
        for (item, fact) in (0..).zip(duties(facts)) {
            let at = happened(fact, recorded);
            let principal = principal.to_owned();
            self.happened(Event { at, pos, item, recorded, principal, fact: fact.clone() });
        }
        self.next = pos.next();
    }

    /// Lets go of what says nothing any more.
    pub fn forget(&mut self) {
        let since = self.newest.plus_ms(-REACH_MS);
        let mut forgot = false;
        self.windows.retain(|_, known| {
            if known.events.first().is_some_and(|first| first.at < since) {
                let known = Arc::make_mut(known);
                known.events.retain(|event| event.at >= since);
                known.last.take();
                forgot = true;
            }
            !known.events.is_empty()
        });
        if self.clocked.values().any(|known| known.first().is_none_or(|first| first.at < since)) {
            Arc::make_mut(&mut self.clocked).retain(|_, known| {
                if known.first().is_some_and(|first| first.at < since) {
                    Arc::make_mut(known).retain(|clocked| clocked.at >= since);
                }
                !known.is_empty()
            });
        }
        if forgot {
            self.deeds = Arc::default();
            for (window, known) in &self.windows {
                for event in &known.events {
                    did(&mut self.deeds, &event.fact.person_id, window);
                }
            }
        }
    }

    /// Somebody's clock-ins and clock-outs, in the order of time.
    pub fn clocked_of(&self, person_id: &str) -> &[Clocked] {
        of(&self.clocked, person_id)
    }

    /// Has somebody clocked in?
    pub fn is_in(&self, person_id: &str, at: EpochMs) -> bool {
        is_in(self.clocked_of(person_id), &self.zone, at)
    }

    /// How many are in.
    pub fn count_in(&self, at: EpochMs) -> usize {
        self.clocked.values().filter(|clocked| is_in(clocked, &self.zone, at)).count()
    }

    /// A window at an instant.
    pub fn course(&self, window: &str, at: EpochMs) -> Cow<'_, Course> {
        let clocked = |person: &str| self.clocked_of(person);
        let Some(known) = self.windows.get(window) else { return Cow::Borrowed(&NOTHING) };
        match self.last(known, at) {
            Some(last) => last.later(&clocked, at),
            None => Cow::Owned(course(known.events.iter().map(|event| &**event), &clocked, at)),
        }
    }

    /// What a window was doing when the last of what is known of it happened; `None`: that was after the instant.
    fn last<'a>(&'a self, known: &'a Eventful, at: EpochMs) -> Option<&'a Course> {
        let clocked = |person: &str| self.clocked_of(person);
        let last = || course(known.events.iter().map(|event| &**event), &clocked, known.last_at());
        (known.last_at() <= at).then(|| known.last.get_or_init(last))
    }

    /// The windows that somebody may hold, or have paused at, by code.
    pub fn windows_of(&self, person_id: &str) -> impl Iterator<Item = &str> {
        self.deeds.get(person_id).into_iter().flat_map(|windows| windows.iter()).map(|window| &**window)
    }

    /// The windows of which something may be so, by code: time ends holds and pauses, and begins none, so what the last event
    /// at a window did not leave is not there later.
    pub fn windows_where(&self, at: EpochMs, may_be: impl Fn(&Course) -> bool) -> Vec<&str> {
        let mut found: Vec<&str> = self
            .windows
            .iter()
            .filter(|(_, known)| self.last(known, at).is_none_or(&may_be))
            .map(|(window, _)| &**window)
            .collect();
        found.sort_unstable();
        found
    }

    /// What a window did from an instant until before another, under one policy.
    pub fn timeline(&self, window: &str, policy: &Policy, during: (EpochMs, EpochMs)) -> Vec<Stretch> {
        let since = during.0.plus_ms(-REACH_MS);
        let events = self.windows.get(window).map(|known| known.events.as_slice()).unwrap_or_default();
        let events = events.get(events.partition_point(|event| event.at < since)..).unwrap_or_default();
        timeline(events.iter().map(|event| &**event), &|person| self.clocked_of(person), policy, during)
    }

    /// When what stands before and after a number in a device's journal happened at a window.
    pub fn neighbours(&self, window: &str, stamp: &StampFact) -> Neighbours {
        let mut found = Neighbours::default();
        for event in self.windows.get(window).into_iter().flat_map(|known| &known.events) {
            let Some(other) = &event.fact.stamp else { continue };
            if (&other.device, other.journal) != (&stamp.device, stamp.journal) {
                continue;
            }
            match other.device_seq.cmp(&stamp.device_seq) {
                Ordering::Less => found.previous = found.previous.max(Some(event.at)),
                Ordering::Equal => {}
                Ordering::Greater => {
                    found.next = Some(found.next.map_or(event.at, |next| next.min(event.at)));
                }
            }
        }
        found
    }

    /// The window that a pause is of.
    pub fn window_of(&self, pause: Pos) -> Option<&str> {
        let begins =
            |event: &Arc<Event>| event.pos == pause && matches!(event.fact.what, Some(What::Paused(_)));
        let of_pause = self.windows.iter().find(|(_, known)| known.events.iter().any(begins));
        of_pause.map(|(window, _)| &**window)
    }

    /// Does anybody tell how many wait anywhere?
    pub fn tells_queues(&self, at: EpochMs) -> bool {
        self.queues.values().any(|(_, told)| at.since(*told) < QUEUE_MS)
    }

    /// How many wait at a window, if somebody tells.
    pub fn waiting(&self, window: &str, at: EpochMs) -> Option<u32> {
        self.queues.get(window).filter(|(_, told)| at.since(*told) < QUEUE_MS).map(|(waiting, _)| *waiting)
    }
}
