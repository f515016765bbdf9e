//! What became of a pause: it begins, is soon due, overdue, a post that was left, over (duty notes 3.6). The same pure
//! function of a window that the rule and the board ask, at the instants at which its answer changes.
//!
//! What happens at a window touches the pauses near it in time. A clock-out ends a pause too, and most clock-outs end none: so
//! a pause waits for the clock-outs of its person, for as long as one that is recorded at once can be about it.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use prost::Message as _;

use crate::kernel::{EpochDay, EpochMs, LogId, Pos, Zone};
use crate::policy::Policy;
use crate::proto::duty_fact::What;
use crate::proto::fact::Fact as Of;
use crate::proto::pause_result::Phase;
use crate::proto::punch::Direction;
use crate::proto::{Fact, PauseResult};
use crate::registers::attendance::load;
use crate::registers::directory::view::day;
use crate::registers::duty::clocked::{Clocked, SHIFT_MS, Way};
use crate::registers::duty::course::{Course, Event, course};
use crate::registers::duty::fact::happened;
use crate::registers::duty::hall::REACH_MS;
use crate::registers::duty::pause::{MINUTE_MS, PauseCourse};
use crate::registers::duty::rows;
use crate::registers::roster::book::{Book, Pages, Seen};
use crate::registers::roster::{self, plan};
use crate::registers::stamp::effective::{self, Stamped};
use crate::registers::wire::timestamp;
use crate::results::{AsOf, Body, ClockName, Derived, FoldEntry, Key, Moment, RangeAt, Room, Touched, Wait};
use crate::store::{StoreError, Tx};

/// What became of pauses.
pub const PAUSE: Room = Room::new(5);

/// Somebody is reminded so long before they are due. 2 × 60,000.
const REMINDER_MS: i64 = 120_000;

/// The key of a pause: its entry, and its number among the entry's facts of duty.
fn pause_key((pos, item): (Pos, u32)) -> Key {
    Key::new(PAUSE, [&pos.get().to_be_bytes()[..], &item.to_be_bytes()].concat())
}

/// The pause that a key is of.
pub fn pause_of(key: &Key) -> Option<(Pos, u32)> {
    let (pos, rest) = key.bytes.split_first_chunk::<8>()?;
    let item = rest.first_chunk::<4>()?;
    Some((Pos::new(u64::from_be_bytes(*pos)), u32::from_be_bytes(*item)))
}

/// The clock of somebody's clock-outs: each advances it to the position after its entry.
fn outs(person_id: &str) -> ClockName {
    ClockName::new(format!("out:{person_id}"))
}

/// A position as that clock counts.
fn told(pos: Pos) -> i64 {
    i64::try_from(pos.get()).unwrap_or(i64::MAX)
}

/// Pauses, to be expanded page by page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pauses {
    /// Of a window, near an instant.
    Window(String, EpochMs),
    /// Of the windows at which a person paused, near an instant.
    Person(String, EpochMs),
    /// All that began from then on.
    Since(EpochMs),
}

impl Pauses {
    /// As the fold keeps it: a letter, the instant, the window or the person.
    pub fn encode(&self) -> Vec<u8> {
        let (tag, at, of) = match self {
            Self::Window(window, at) => (b'w', at, window.as_str()),
            Self::Person(person, at) => (b'o', at, person.as_str()),
            Self::Since(at) => (b'y', at, ""),
        };
        [&[tag][..], &at.get().to_be_bytes(), of.as_bytes()].concat()
    }

    /// Reads it back; `None` for another register's.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let (at, of) = rest.split_first_chunk::<8>()?;
        let at = EpochMs::clamped(i64::from_be_bytes(*at));
        let of = || std::str::from_utf8(of).ok().map(str::to_owned);
        match tag {
            b'w' => Some(Self::Window(of()?, at)),
            b'o' => Some(Self::Person(of()?, at)),
            b'y' => Some(Self::Since(at)),
            _ => None,
        }
    }

    /// The next keys of a page, in order.
    pub(super) async fn expand(&self, tx: &mut Tx, page: RangeAt<'_>) -> Result<Vec<Key>, StoreError> {
        let after = page.after.filter(|key| key.room == PAUSE).and_then(pause_of);
        let among = rows::Among {
            window: match self {
                Self::Window(window, _) => Some(window),
                Self::Person(..) | Self::Since(_) => None,
            },
            person_id: match self {
                Self::Person(person, _) => Some(person),
                Self::Window(..) | Self::Since(_) => None,
            },
            during: match self {
                // One that was over by itself can be followed by another that did not fit while it was on.
                Self::Window(_, at) => (at.plus_ms(-REACH_MS), at.plus_ms(REACH_MS)),
                // Of the windows at which they paused before: what was in the way of another pause may be gone.
                Self::Person(_, at) => (at.plus_ms(-REACH_MS), at.plus_ms(REACH_MS)),
                Self::Since(at) => (*at, EpochMs::MAX),
            },
            before: page.as_of.pos,
        };
        let found = rows::pauses_among(tx, page.log, &among, after, page.limit).await?;
        Ok(found.into_iter().map(pause_key).collect())
    }
}

/// The pauses of windows at which people paused near some of their days, whose clock-outs may be dated differently now.
pub(super) async fn near<'a>(
    tx: &mut Tx,
    log: LogId,
    zone: &Zone,
    days: impl IntoIterator<Item = &'a (String, EpochDay)>,
    before: Pos,
) -> Result<Vec<Key>, StoreError> {
    let (mut people, mut near): (BTreeSet<&str>, Option<(EpochDay, EpochDay)>) = (BTreeSet::new(), None);
    for (person, day) in days {
        people.insert(person);
        near = Some(near.map_or((*day, *day), |(first, last)| (first.min(*day), last.max(*day))));
    }
    let Some((first, last)) = near else { return Ok(Vec::new()) };
    let during = (zone.start_of(first.plus_days(-2)), zone.start_of(last.plus_days(2)));
    Ok(rows::pauses_of(tx, log, &people, before, during).await?.into_iter().map(pause_key).collect())
}

/// What a fact means for pauses.
pub(super) fn touched_by(entry: &FoldEntry, fact: &Fact, zone: &Zone, touched: &mut Touched) {
    match &fact.fact {
        Some(Of::Duty(duty)) => {
            if matches!(duty.what, Some(What::Queued(_) | What::Redirected(_)) | None) {
                return;
            }
            let at = happened(duty, entry.recorded);
            touched.ranges.push(Pauses::Window(duty.window.clone(), at).encode());
        }
        Some(Of::Punch(punch)) if punch.direction() == Direction::Out && !punch.person_id.is_empty() => {
            let stamped = Stamped::of(punch, entry.recorded);
            if stamped.is_adrift() {
                return;
            }
            let at = effective::near(&stamped);
            if entry.recorded.since(at) < SHIFT_MS {
                touched.advances.push((outs(&punch.person_id), told(entry.pos.next())));
            } else {
                touched.ranges.push(Pauses::Person(punch.person_id.clone(), at).encode());
            }
        }
        Some(Of::PolicyApproval(approval)) => {
            let from = approval.policy.as_ref().and_then(|policy| policy.effective_from.as_ref());
            touched.ranges.push(Pauses::Since(zone.start_of(day(from))).encode());
        }
        _ => {}
    }
}

/// What deriving some pauses needs.
#[derive(Debug, Default)]
pub(super) struct Paused {
    /// The window of each, and when it was asked for.
    asked: HashMap<(Pos, u32), (String, EpochMs)>,
    /// What happened at the windows, in the order in which events count.
    events: HashMap<String, Vec<Event>>,
    punches: load::Rows,
    book: Book,
    /// The window that was looked at last: something that happens at one touches every pause of its day, at one moment.
    last: Mutex<Option<Arc<Looked>>>,
}

/// What some of a window's events come to at a moment.
#[derive(Debug)]
struct Looked {
    window: String,
    /// Which of its events.
    among: Range<usize>,
    at: (Pos, EpochMs),
    course: Course,
}

/// Loads what some pauses need in states until another.
pub(super) async fn load(
    tx: &mut Tx,
    log: LogId,
    zone: &Zone,
    keys: &[(Pos, u32)],
    until: AsOf,
) -> Result<Paused, StoreError> {
    let mut paused = Paused::default();
    for event in rows::pauses_at(tx, log, keys).await? {
        paused.asked.insert((event.pos, event.item), (event.fact.window.clone(), event.at));
    }
    let times = paused.asked.values().map(|(_, at)| *at);
    let Some((first, last)) = times.clone().min().zip(times.max()) else { return Ok(paused) };
    let during = (first.plus_ms(-REACH_MS), last.plus_ms(SHIFT_MS));
    let windows: BTreeSet<&str> = paused.asked.values().map(|(window, _)| window.as_str()).collect();
    let mut people = BTreeSet::new();
    for event in rows::of_windows(tx, log, &windows, until.pos, during).await? {
        people.insert(event.fact.person_id.clone());
        paused.events.entry(event.fact.window.clone()).or_default().push(event);
    }
    for events in paused.events.values_mut() {
        events.sort_by_key(Event::order);
    }
    people.remove("");
    let wanted: Vec<load::Window> =
        people.into_iter().map(|person| (person, during.0, during.1.plus_ms(1))).collect();
    paused.punches = load::punches_in(tx, log, &wanted, until.pos, zone).await?;
    let policies = async |tx: &mut Tx, log, until| {
        let policies = roster::rows::policies(tx, log, until).await?;
        Ok::<_, StoreError>(Pages { policies, ..Pages::default() })
    };
    paused.book.own = policies(tx, log, until.pos).await?;
    paused.book.deployment = policies(tx, LogId::DEPLOYMENT, until.deployment).await?;
    Ok(paused)
}

impl Paused {
    /// A pause at a moment.
    pub(super) fn derive(&self, zone: &Zone, key: (Pos, u32), moment: &Moment) -> Derived {
        let nothing = Derived { body: Body::Nothing, waits: Vec::new() };
        let Some((window, asked)) = self.asked.get(&key) else { return nothing };
        let as_of = moment.as_of.pos;
        let events = self.events.get(window).map(Vec::as_slice).unwrap_or_default();
        let (since, until) = (asked.plus_ms(-REACH_MS), asked.plus_ms(SHIFT_MS));
        let first = events.partition_point(|event| event.at < since);
        let near = first..events.partition_point(|event| event.at <= until);
        let events = events.get(near.clone()).unwrap_or_default();
        let known = events.iter().filter(|event| event.pos < as_of);
        // A second pause of the same window did not fit: it has no course of its own.
        // A clock-out may end a pause that is in the way of this one, too.
        let in_the_way = known.take_while(|event| event.at <= *asked);
        let paused = in_the_way.filter(|event| matches!(event.fact.what, Some(What::Paused(_))));
        let people: BTreeSet<&str> = paused.map(|event| event.fact.person_id.as_str()).collect();
        let outs = outs_of(&people, *asked, moment);
        let looked = self.looked(window, (near, events), moment);
        let mut found = looked.course.pauses();
        let Some(pause) = found.find(|pause| pause.pos == key.0 && pause.window == *window) else {
            return Derived { body: Body::Nothing, waits: outs };
        };
        let seen = Seen { own: as_of, deployment: moment.as_of.deployment };
        let policy = plan::policy(&self.book, zone.day_of(*asked), seen);
        let content = result(pause, &policy, moment.at).encode_to_vec();
        let waits = turns(pause, &policy, moment).into_iter().chain(outs).collect();
        Derived { body: Body::Content(content), waits }
    }

    /// A window by some of its events, at a moment.
    fn looked(
        &self,
        window: &str,
        (among, events): (Range<usize>, &[Event]),
        moment: &Moment,
    ) -> Arc<Looked> {
        let at = (moment.as_of.pos, moment.at);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |last: &&Arc<Looked>| last.window == window && last.among == among && last.at == at;
        if let Some(same) = last.as_ref().filter(same) {
            return Arc::clone(same);
        }
        let events: Vec<&Event> = events.iter().filter(|event| event.pos < at.0).collect();
        let people: BTreeSet<&str> = events.iter().map(|event| event.fact.person_id.as_str()).collect();
        let clocked: HashMap<&str, Vec<Clocked>> =
            people.into_iter().map(|person| (person, self.clocked(person, at.0))).collect();
        let of = |person: &str| clocked.get(person).map(Vec::as_slice).unwrap_or_default();
        let course = course(events, &of, moment.at);
        let looked = Arc::new(Looked { window: window.to_owned(), among, at, course });
        *last = Some(Arc::clone(&looked));
        looked
    }

    /// When somebody clocked in and out, as far as was known before a position.
    fn clocked(&self, person: &str, as_of: Pos) -> Vec<Clocked> {
        let punches = self.punches.punches_of(person, as_of).into_iter();
        let mut clocked: Vec<Clocked> =
            punches.map(|(punch, at)| Clocked { at: at.at, way: Way::of(punch.fact.direction()) }).collect();
        clocked.sort_unstable();
        clocked
    }
}

/// The instants from which on a pause is soon due, overdue, and a post that was left.
fn thresholds(pause: &PauseCourse, policy: &Policy) -> Option<[EpochMs; 3]> {
    let due = pause.due().filter(|_| pause.is_a_persons())?;
    let after = |minutes: u16| due.plus_ms(i64::from(minutes) * MINUTE_MS);
    Some([due.plus_ms(-REMINDER_MS), after(policy.pause_grace_minutes), after(policy.pause_off_post_minutes)])
}

/// What stands in the feed. Minutes beyond the promise are told once it is over: until then they grow with the time.
fn result(pause: &PauseCourse, policy: &Policy, at: EpochMs) -> PauseResult {
    let phase = match thresholds(pause, policy) {
        _ if pause.ended.is_some() => Phase::Over,
        _ if pause.begins > at => Phase::Awaiting,
        Some([_, _, left]) if left <= at => Phase::OffPost,
        Some([_, overdue, _]) if overdue <= at => Phase::Overdue,
        Some([soon, _, _]) if soon <= at => Phase::DueSoon,
        Some(_) | None => Phase::On,
    };
    PauseResult {
        window: pause.window.clone(),
        person_id: pause.person_id.clone(),
        phase: phase.into(),
        classification: pause.classification(policy, at).into(),
        started_at: Some(timestamp(pause.begins)),
        due_at: pause.due().map(timestamp),
        ended_at: pause.ended.map(|(ended, _)| timestamp(ended)),
        end_mode: pause.ended.map_or(0, |(_, mode)| mode.into()),
        overdue_minutes: if pause.ended.is_some() { pause.overdue_minutes(at) } else { 0 },
        ..PauseResult::default()
    }
}

/// The instants at which what stands in the feed changes.
fn turns(pause: &PauseCourse, policy: &Policy, moment: &Moment) -> Vec<Wait> {
    if pause.ended.is_some() {
        return Vec::new();
    }
    let late = pause.due().map(|due| due.plus_ms(MINUTE_MS)).filter(|_| policy.pause_grace_minutes == 0);
    let turns = thresholds(pause, policy).into_iter().flatten().chain(late);
    let turns = turns.chain([pause.begins, pause.asked.plus_ms(SHIFT_MS)]);
    turns.filter(|turn| *turn > moment.at).map(Wait::until).collect()
}

/// Waits for clock-outs of people who paused a window before a pause was asked for. One that is recorded later than 16 hours
/// after it was is a range instead.
fn outs_of(people: &BTreeSet<&str>, asked: EpochMs, moment: &Moment) -> Vec<Wait> {
    if moment.at >= asked.plus_ms(REACH_MS) {
        return Vec::new();
    }
    let next = told(moment.as_of.pos).saturating_add(1);
    people
        .iter()
        .filter(|person| !person.is_empty())
        .map(|person| Wait::reached(outs(person), next))
        .collect()
}
