//! Nobody is rostered to be at work twice at once (rule R7): what is refused names the two spans. Pure.

use std::collections::BTreeSet;

use super::book::{Book, Seen};
use super::refusal::{Named, Refusal};
use super::shift::{spans, spans_on_rest, works_on};
use crate::kernel::EpochDay;
use crate::registers::directory::view::opt_day;

/// A shift repeats itself weekly, and a span reaches into the next day: from two days before a change until a week and a
/// day after it every pair of neighbours is seen.
const AROUND_DAYS: std::ops::RangeInclusive<i32> = -2..=8;

/// Minutes of a day.
const DAY_MINUTES: i64 = 1_440;

/// The first two spans of a person that overlap near days on which something changes. Calendars are not looked at: they
/// take work away, and what they add is cut where it meets its neighbour.
pub fn first(book: &Book, person_id: &str, changes: &BTreeSet<EpochDay>) -> Option<Refusal> {
    first_of(person_id, changes, |day| worked(book, person_id, day))
}

/// The same of what is worked on each day, however that is known.
pub fn first_of(
    person_id: &str,
    changes: &BTreeSet<EpochDay>,
    worked: impl Fn(EpochDay) -> Vec<Named>,
) -> Option<Refusal> {
    let days: BTreeSet<EpochDay> =
        changes.iter().flat_map(|day| AROUND_DAYS.map(|days| day.plus_days(days))).collect();
    let mut latest: Option<(i64, Named)> = None;
    for day in days {
        for named in worked(day) {
            let begins = day.column() * DAY_MINUTES + i64::from(named.on_plan);
            let ends = day.column() * DAY_MINUTES + i64::from(named.off_plan);
            match &latest {
                Some((until, first)) if *until > begins => {
                    return Some(Refusal::OverlappingSpans {
                        person_id: person_id.to_owned(),
                        first: first.clone(),
                        second: named,
                    });
                }
                Some(_) | None => latest = Some((ends, named)),
            }
        }
    }
    None
}

/// The days on which what somebody is rostered for changes, from a day on: by another duty, or by a later version of its
/// shift.
pub fn changes(book: &Book, person_id: &str, from: EpochDay) -> BTreeSet<EpochDay> {
    let duties = book.duties.get(person_id).into_iter().flatten();
    let worked: BTreeSet<&str> = duties.clone().filter_map(|duty| duty.shift.as_deref()).collect();
    let versions = book.own.shifts.iter().filter(|at| worked.contains(at.shift.shift.as_str()));
    let versions = versions.filter_map(|at| opt_day(at.shift.effective_from.as_ref()));
    let ends = duties.flat_map(|duty| {
        let after = duty.until.map(|until| until.plus_days(1));
        std::iter::once(duty.from).chain(after)
    });
    ends.chain(versions).filter(|day| *day >= from).chain([from]).collect()
}

fn worked(book: &Book, person_id: &str, day: EpochDay) -> Vec<Named> {
    let entry = book.entry(person_id, day, Seen::ALL);
    let duty = entry.or_else(|| book.pattern(person_id, day, Seen::ALL));
    let code = duty.and_then(|duty| duty.shift.as_deref());
    let Some(shift) = code.and_then(|code| book.shift(code, day, Seen::ALL)) else { return Vec::new() };
    let spans = match entry {
        Some(_) if !works_on(shift, day.weekday()) => spans_on_rest(shift, day.weekday()),
        Some(_) | None => spans(shift, day.weekday()),
    };
    spans
        .into_iter()
        .map(|span| Named { day, shift: shift.shift.clone(), on_plan: span.on_plan, off_plan: span.off_plan })
        .collect()
}
