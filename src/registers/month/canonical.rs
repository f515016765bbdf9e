//! The canonical row of a day, and the digest of many: the same whatever the format in which they were taken, so that an HR
//! system can make it again from what it pulled (docs/months.md). Pure.

use std::fmt::Write;

use crate::proto::DayResult;
use crate::proto::day_result::Slot;
use crate::tlog::{Edge, Hash, leaf_hash};

/// A day in one line, without an end: person, date, revision, kind, headline, `1` when final, thousandths of absence, then for each
/// span its result and both its slots: raw, final, minutes, supplement, trust, `1` when final, and the instant of the
/// deciding clock-in in milliseconds. Enums are their numbers, fields are parted by `,`, spans by `;`.
pub fn row(day: &DayResult) -> String {
    let date = day.work_date.unwrap_or_default();
    let mut line = format!(
        "{},{:04}-{:02}-{:02},{},{},{},{},{}",
        day.person_id,
        date.year,
        date.month,
        date.day,
        day.revision,
        day.kind,
        day.headline,
        u8::from(day.r#final),
        thousandths(day.absent_fraction),
    );
    for span in &day.spans {
        // Writing to a String cannot fail.
        let _ = write!(line, ";{}", span.result);
        for slot in [&span.on, &span.off].into_iter().flatten() {
            push(&mut line, slot);
        }
    }
    line
}

fn push(line: &mut String, slot: &Slot) {
    // Writing to a String cannot fail.
    let _ = write!(
        line,
        ",{},{},{},{},{},{},{}",
        slot.raw,
        slot.r#final,
        slot.minutes,
        slot.supplement,
        slot.trust,
        u8::from(slot.is_final),
        milliseconds(slot.punched_at.as_ref()),
    );
}

/// An instant in milliseconds since 1970; nothing where there is none.
pub fn milliseconds(stamp: Option<&prost_types::Timestamp>) -> String {
    let ms = stamp.map(|at| at.seconds * 1_000 + i64::from(at.nanos / 1_000_000));
    ms.map(|ms| ms.to_string()).unwrap_or_default()
}

/// Fractions are thousandths, as they were before they became a number with a point.
pub fn thousandths(fraction: f64) -> String {
    format!("{:.0}", fraction * 1_000.0)
}

/// A digest under way.
#[derive(Debug, Clone, Default)]
pub struct Digest(Edge);

impl Digest {
    /// One day more; in the order of people, then of days.
    pub fn push(&mut self, day: &DayResult) {
        // It refuses only what no memory holds.
        let _ = self.0.push(leaf_hash(row(day).as_bytes()), &mut |_, _| {});
    }

    /// How many days.
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// The tree head of RFC 6962 over the rows.
    pub fn root(&self) -> Hash {
        self.0.root()
    }
}

/// The digest of some days.
pub fn digest<'a>(days: impl IntoIterator<Item = &'a DayResult>) -> Hash {
    let mut digest = Digest::default();
    for day in days {
        digest.push(day);
    }
    digest.root()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Date;
    use crate::proto::day_result::{Headline, Kind, SlotResult, Span, SpanResult, Supplement};

    fn day() -> DayResult {
        let slot = |minutes| Slot {
            raw: SlotResult::Late.into(),
            r#final: SlotResult::Normal.into(),
            minutes,
            supplement: Supplement::Corrected.into(),
            trust: 1,
            is_final: true,
            punched_at: Some(prost_types::Timestamp { seconds: 1_772_497_500, nanos: 250_000_000 }),
            ..Slot::default()
        };
        DayResult {
            person_id: "p1".to_owned(),
            work_date: Some(Date { year: 2026, month: 3, day: 3 }),
            revision: 4,
            kind: Kind::Workday.into(),
            headline: Headline::Normal.into(),
            r#final: true,
            absent_fraction: 0.5,
            spans: vec![Span {
                on: Some(slot(3)),
                off: Some(Slot { punched_at: None, ..slot(0) }),
                result: SpanResult::SpanNormal.into(),
                ..Span::default()
            }],
            ..DayResult::default()
        }
    }

    #[test]
    fn a_row_is_what_payroll_looks_at() {
        assert_eq!(row(&day()), "p1,2026-03-03,4,1,8,1,500;6,2,1,3,2,1,1,1772497500250,2,1,0,2,1,1,");
    }

    #[test]
    fn a_digest_depends_on_what_was_decided_and_on_nothing_else() {
        let told = DayResult { seq: 9, entry_index: 7, cause: "PUNCH".to_owned(), ..day() };
        assert_eq!(digest([&told]), digest([&day()]));
        assert_ne!(digest([&DayResult { revision: 5, ..day() }]), digest([&day()]));
        assert_eq!(digest([]), crate::tlog::empty_root());
    }
}
