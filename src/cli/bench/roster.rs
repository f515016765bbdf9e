//! What everybody works, for figures of people's days.

use crate::kernel::EpochDay;
use crate::proto::shift::{Span, Template};
use crate::proto::{RosterFact, RosterPattern, Shift};
use crate::registers::directory::fact::date;
use crate::registers::roster::fact::Command as Roster;
use crate::registers::rulebook::Command;

/// The one shift.
const SHIFT: &str = "day";
/// People in one command.
const AT_ONCE: usize = 1_000;

/// Commands by which everybody works the same spans on every day from one on. A span begins and ends at minutes of its day.
pub(super) fn works(
    everybody: &[String],
    from: EpochDay,
    spans: impl IntoIterator<Item = (i32, i32)>,
) -> Vec<Command> {
    let span = |(on_plan_min, off_plan_min)| Span { on_plan_min, off_plan_min, ..Span::default() };
    let spans = spans.into_iter().map(span).collect();
    let template = Template { weekdays: (1..=7).collect(), spans };
    let (shift, name) = (SHIFT.to_owned(), SHIFT.to_owned());
    let shift = Shift { shift, name, templates: vec![template], ..Shift::default() };
    let pattern = |person: &String| RosterPattern {
        person_id: person.clone(),
        from: Some(date(from)),
        until: None,
        shift: SHIFT.to_owned(),
    };
    let rosters = everybody.chunks(AT_ONCE).map(|people| {
        let patterns = people.iter().map(pattern).collect();
        Roster::Roster(RosterFact { entries: Vec::new(), patterns }).into()
    });
    std::iter::once(Roster::Shift(shift).into()).chain(rosters).collect()
}
