//! What a window was doing at an instant: one pure function of what happened at it. The rule asks it at the time of the
//! command, the board at every change, an audit about the past.
//!
//! Events count in the order in which they happened, so it does not matter in which order they arrived. What does not fit
//! (a return without a pause, a second pause) changes nothing: the rule refuses it at once, and what a terminal recorded
//! by itself is flagged. An opening and a pause end by themselves after 16 hours, so nothing older needs to be looked at.

use std::borrow::Cow;
use std::iter::Peekable;
use std::sync::Arc;

mod timeline;

pub use timeline::{Stretch, timeline};

use super::clocked::{Clocked, SHIFT_MS, first_out, has_left};
use super::pause::PauseCourse;
use crate::kernel::{EpochMs, Pos};
use crate::policy::Policy;
use crate::proto::board_window::State;
use crate::proto::duty_fact::What;
use crate::proto::pause::{Decision, EndMode};
use crate::proto::{DutyFact, DutyFlag};

/// Something that happened at a window, by its entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it happened.
    pub at: EpochMs,
    /// Its entry.
    pub pos: Pos,
    /// Its number among the facts of the entry.
    pub item: u32,
    /// When it was recorded.
    pub recorded: EpochMs,
    /// Who gave the command.
    pub principal: String,
    /// What.
    pub fact: DutyFact,
}

impl Event {
    /// The order in which events count.
    pub const fn order(&self) -> (EpochMs, Pos, u32) {
        (self.at, self.pos, self.item)
    }
}

/// Who holds a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The person.
    pub person_id: String,
    /// Since when.
    pub since: EpochMs,
    /// They stand in.
    pub covering: bool,
}

/// A window at an instant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Course {
    /// Who holds it.
    pub hold: Option<Hold>,
    /// The pause that is not over.
    pub pause: Option<PauseCourse>,
    /// Pauses that are over, oldest first.
    pub past: Vec<Arc<PauseCourse>>,
    /// The entry that made it so.
    pub by: Option<Pos>,
    /// When the holder clocked out, if they have not clocked in again.
    pub left: Option<EpochMs>,
}

/// A window at an instant, from everything that happened at it (in the order of [`Event::order`]) and who clocked out when.
pub fn course<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    clocked: &dyn Fn(&str) -> &'a [Clocked],
    at: EpochMs,
) -> Course {
    let mut course = Course::default();
    course.advance(&mut events.into_iter().peekable(), clocked, at);
    course
}

impl Course {
    /// A window at which nothing ever happened.
    pub const NOTHING: Self = Self { hold: None, pause: None, past: Vec::new(), by: None, left: None };

    /// Goes on to an instant: what happened until then, taken from the events that are left, and what ended by itself.
    fn advance<'a, 'e>(
        &mut self,
        events: &mut Peekable<impl Iterator<Item = &'e Event>>,
        clocked: &dyn Fn(&str) -> &'a [Clocked],
        at: EpochMs,
    ) {
        while let Some(event) = events.next_if(|event| event.at <= at) {
            self.lapse(clocked, event.at);
            self.apply(event);
        }
        self.lapse(clocked, at);
        self.left = self.left(clocked, at);
    }

    /// What ends by itself until an instant: a pause, with when and how, and the hold.
    fn lapses<'a>(
        &self,
        clocked: &dyn Fn(&str) -> &'a [Clocked],
        at: EpochMs,
    ) -> (Option<(EpochMs, EndMode)>, bool) {
        let pause = self.pause.as_ref().and_then(|pause| {
            let over = pause.asked.plus_ms(SHIFT_MS);
            let left =
                pause.is_a_persons().then(|| first_out(clocked(&pause.person_id), pause.asked, at)).flatten();
            match left {
                Some(left) if left < over => Some((left, EndMode::ShiftEnd)),
                Some(_) | None => (over <= at).then_some((over, EndMode::AutoClose)),
            }
        });
        (pause, self.hold.as_ref().is_some_and(|hold| hold.since.plus_ms(SHIFT_MS) <= at))
    }

    fn lapse<'a>(&mut self, clocked: &dyn Fn(&str) -> &'a [Clocked], at: EpochMs) {
        let (pause, hold) = self.lapses(clocked, at);
        if let Some((ended, mode)) = pause {
            self.end(ended, mode);
        }
        if hold {
            self.hold = None;
        }
    }

    /// When the holder clocked out before an instant, if they have not clocked in again.
    fn left<'a>(&self, clocked: &dyn Fn(&str) -> &'a [Clocked], at: EpochMs) -> Option<EpochMs> {
        self.hold.as_ref().and_then(|hold| has_left(clocked(&hold.person_id), hold.since, at))
    }

    /// One more thing happened, and nothing that was not known after it.
    pub fn follow<'a>(&mut self, event: &Event, clocked: &dyn Fn(&str) -> &'a [Clocked]) {
        self.advance(&mut std::iter::once(event).peekable(), clocked, event.at);
    }

    /// The same window later, when nothing more has happened at it: mostly nothing changed.
    pub fn later<'c, 'a>(&'c self, clocked: &dyn Fn(&str) -> &'a [Clocked], at: EpochMs) -> Cow<'c, Self> {
        if self.lapses(clocked, at) == (None, false) && self.left(clocked, at) == self.left {
            return Cow::Borrowed(self);
        }
        let mut course = self.clone();
        course.advance(&mut std::iter::empty().peekable(), clocked, at);
        Cow::Owned(course)
    }

    /// Is somebody's clocking in or out of any matter to it?
    pub fn concerns(&self, person_id: &str) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.person_id == person_id)
            || self.pauses().any(|pause| pause.person_id == person_id)
    }

    fn end(&mut self, at: EpochMs, mode: EndMode) {
        if let Some(mut pause) = self.pause.take() {
            // Who is back, or has gone home, before anybody let it begin was never away.
            let mode = if pause.begins > at { EndMode::NotStarted } else { mode };
            pause.ended = Some((at, mode));
            self.past.push(Arc::new(pause));
        }
    }

    fn take(&mut self, event: &Event, covering: bool) {
        let person_id = event.fact.person_id.clone();
        self.hold = Some(Hold { person_id, since: event.at, covering });
        self.by = Some(event.pos);
    }

    fn apply(&mut self, event: &Event) {
        let fact = &event.fact;
        let Some(what) = &fact.what else { return };
        // Whoever forges a journal does not write a window's past: it is kept, and counts for nothing.
        let forged = fact.flags().any(|flag| flag == DutyFlag::StampSignatureBad);
        if forged && fact.stamp.as_ref().is_some_and(|stamp| !stamp.live) {
            return;
        }
        match what {
            What::Opened(_) | What::HandedOver(_) => {
                if self.pause.as_ref().is_some_and(PauseCourse::is_a_persons) {
                    self.end(event.at, EndMode::Returned);
                }
                self.take(event, false);
            }
            What::Closed(_) => {
                self.end(event.at, EndMode::ShiftEnd);
                self.hold = None;
                self.by = Some(event.pos);
            }
            What::Covered(_) => {
                if self.pause.as_ref().is_some_and(PauseCourse::is_a_persons) {
                    self.end(event.at, EndMode::CoveredBy);
                }
                self.take(event, true);
            }
            What::Paused(_) => {
                if self.pause.is_none() {
                    self.pause = PauseCourse::said(event);
                    self.by = Some(event.pos);
                }
            }
            What::Extended(_) | What::Ended(_) | What::Decided(_) | What::Redirected(_) => {
                let named = fact.pause.map(Pos::new);
                let fits =
                    self.pause.as_ref().is_some_and(|open| named.is_none_or(|named| named == open.pos));
                if fits {
                    self.about_pause(event, what);
                    self.by = Some(event.pos);
                }
            }
            What::Queued(_) => {}
        }
    }

    /// What is about the pause that is open.
    fn about_pause(&mut self, event: &Event, what: &What) {
        let Some(pause) = &mut self.pause else { return };
        match what {
            What::Extended(said) => {
                pause.extensions.push((EpochMs::clamped(said.expected_return_ms), event.at));
            }
            What::Redirected(said) => pause.guidance.clone_from(&said.guidance),
            What::Ended(said) => self.end(event.at, said.mode()),
            What::Decided(said) => {
                let decision = said.decision();
                pause.decided = Some((decision, event.principal.clone(), event.at));
                match decision {
                    Decision::Approve => pause.begins = pause.begins.min(event.at),
                    Decision::Refuse if pause.begins > event.at => self.end(event.at, EndMode::NotStarted),
                    Decision::Refuse | Decision::ReturnNow | Decision::Unspecified => {}
                }
            }
            What::Opened(_)
            | What::Closed(_)
            | What::HandedOver(_)
            | What::Paused(_)
            | What::Covered(_)
            | What::Queued(_) => {}
        }
    }

    /// The pause that is on at an instant.
    pub fn paused(&self, at: EpochMs) -> Option<&PauseCourse> {
        self.pause.as_ref().filter(|pause| pause.is_on(at))
    }

    /// Every pause of it, oldest first.
    pub fn into_pauses(self) -> impl Iterator<Item = PauseCourse> {
        self.past.into_iter().map(Arc::unwrap_or_clone).chain(self.pause)
    }

    /// The same, to look at.
    pub fn pauses(&self) -> impl Iterator<Item = &PauseCourse> {
        self.past.iter().map(|pause| &**pause).chain(&self.pause)
    }

    /// What it is doing (duty notes 3.3): whatever stands in the way of citizens comes first.
    pub fn state(&self, policy: &Policy, at: EpochMs) -> State {
        if let Some(pause) = self.paused(at) {
            if !pause.is_a_persons() {
                return State::Fault;
            }
            let over = pause.overdue_minutes(at);
            let is_due = pause.due().is_some_and(|due| due <= at);
            return if is_due && over >= u32::from(policy.pause_off_post_minutes) {
                State::OffPost
            } else if is_due && over >= u32::from(policy.pause_grace_minutes) {
                State::Overdue
            } else {
                State::Paused
            };
        }
        match &self.hold {
            None => State::Closed,
            Some(_) if self.left.is_some() => State::Unstaffed,
            Some(hold) if hold.covering => State::Covered,
            Some(_) => State::Open,
        }
    }

    /// Does it serve citizens?
    pub fn is_serving(&self, policy: &Policy, at: EpochMs) -> bool {
        matches!(self.state(policy, at), State::Open | State::Covered)
    }
}
