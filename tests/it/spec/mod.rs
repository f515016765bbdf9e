//! What days come to, as a personnel officer would write it down: tables of days with the rule that decides each (rules R4
//! to R8), what went wrong elsewhere, and what must hold of every day.

mod days;
mod given;
mod shown;

mod absences;
mod calendars;
mod clocking;
mod devices;
mod elsewhere;
mod nights;
mod vectors;

mod chance;
mod properties;

/// A rule, what is on record of a day, and what the day comes to.
///
/// On record, separated by `;` (see [`given`]): `std` is a day of 08:30-12:00 and 14:00-17:30, half a day each; times after
/// 24:00 are of the next day. Without a word about it: Monday 2026-11-02 in Shanghai, days of rest before and after it, one
/// device `gate-1` that has told of everything, the policy `cn-default`, and judged two days later.
///
/// What it comes to (see [`shown`]): the headline, then for each span its beginning and its end; then what part of a day was
/// absence, what somebody should look at, and what the result waits for.
type Row = (&'static str, &'static str, &'static str);
