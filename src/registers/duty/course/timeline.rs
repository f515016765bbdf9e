//! What a window did through a stretch of time: the same state function, asked at every instant at which its answer may change.

use super::super::clocked::{Clocked, SHIFT_MS};
use super::super::pause::MINUTE_MS;
use super::{Course, Event};
use crate::kernel::EpochMs;
use crate::policy::Policy;
use crate::proto::board_window::State;

/// A time in which a window did one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// From then on.
    pub from: EpochMs,
    /// Until before then.
    pub until: EpochMs,
    /// What it did.
    pub state: State,
}

/// What a window did from an instant until before another, without gaps, from everything that happened at it (in the order of
/// [`Event::order`]) and who clocked out when.
pub fn timeline<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    clocked: &dyn Fn(&str) -> &'a [Clocked],
    policy: &Policy,
    (from, until): (EpochMs, EpochMs),
) -> Vec<Stretch> {
    let mut events = events.into_iter().peekable();
    let mut course = Course::default();
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut now = from;
    while now < until {
        course.advance(&mut events, clocked, now);
        let state = course.state(policy, now);
        let turns = course.turns(clocked, policy, now).into_iter();
        let turns = turns.chain(events.peek().map(|event| event.at)).filter(|turn| *turn > now);
        let next = turns.min().unwrap_or(until).min(until);
        match stretches.last_mut() {
            Some(last) if last.state == state => last.until = next,
            Some(_) | None => stretches.push(Stretch { from: now, until: next, state }),
        }
        now = next;
    }
    stretches
}

impl Course {
    /// The instants at which the state may change though nothing happens at the window.
    fn turns<'a>(
        &self,
        clocked: &dyn Fn(&str) -> &'a [Clocked],
        policy: &Policy,
        now: EpochMs,
    ) -> Vec<EpochMs> {
        let hold = self.hold.as_ref();
        let pause = self.pause.as_ref();
        let people = hold.map(|hold| &hold.person_id).into_iter().chain(pause.map(|pause| &pause.person_id));
        let clockings = people.filter_map(|person| clocked(person).iter().find(|clocked| clocked.at > now));
        let mut turns: Vec<EpochMs> = clockings.map(|clocked| clocked.at).collect();
        turns.extend(hold.map(|hold| hold.since.plus_ms(SHIFT_MS)));
        if let Some(pause) = pause {
            turns.extend([pause.begins, pause.asked.plus_ms(SHIFT_MS)]);
            if let Some(due) = pause.due() {
                let after = [0, policy.pause_grace_minutes, policy.pause_off_post_minutes];
                turns.extend(after.map(|minutes| due.plus_ms(i64::from(minutes) * MINUTE_MS)));
            }
        }
        turns
    }
}
