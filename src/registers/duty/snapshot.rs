//! What duty says of a window and a person in one minute, for whoever holds something against it: an inspection. Pure.

use super::board::{Silent, board};
use super::guidance::Scene;
use super::view::{DutySnapshot, PauseSeen};
use crate::proto::guidance::Kind;

/// The minute: `now` as it is known, `then` as far as it was known in that minute, which is what the public saw. Where no
/// window is named it is the one that the person held; where nobody is, the person is whoever held the window.
pub fn snapshot(
    now: &Scene<'_>,
    (then, silent): (&Scene<'_>, &Silent),
    window: &str,
    person_id: &str,
) -> DutySnapshot {
    let held = if window.is_empty() { now.holds(person_id, "") } else { None };
    let window = held.map_or(window, |held| held.window.as_str());
    if window.is_empty() {
        let clocked_in = now.hall.is_in(person_id, now.at);
        return DutySnapshot { clocked_in, ..DutySnapshot::default() };
    }
    let course = now.course(window);
    let holder = course.hold.as_ref().map(|hold| hold.person_id.clone()).unwrap_or_default();
    let concerned = if person_id.is_empty() { holder.as_str() } else { person_id };
    let line = board(then, silent, None).into_iter().find(|line| line.window == window);
    DutySnapshot {
        window: window.to_owned(),
        state: course.state(now.policy, now.at),
        clocked_in: now.hall.is_in(concerned, now.at),
        pause: course.paused(now.at).map(|pause| PauseSeen {
            pos: pause.pos,
            sign_displayed: pause.said.sign_displayed,
            guidance: pause.guidance.iter().map(|told| told.kind()).collect::<Vec<Kind>>(),
            due: pause.due(),
        }),
        public_text: line.and_then(|line| line.text),
        holder,
    }
}
