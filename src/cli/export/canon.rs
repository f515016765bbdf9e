//! The digest of an export: SHA-256 over rows in one form, whatever the form of the file (docs/exports.md, "The digest").
//!
//! A row is an end of a span; a day without spans is one row. It holds everything that is stored of the result and nothing
//! that is personal: no employee number, and no sentence, which only says the same in words.

use sha2::{Digest, Sha256};

use crate::proto::DayResult;
use crate::proto::day_result::{Open, Slot, Span};
use crate::registers::directory::fact::hex;
use crate::registers::month::canonical::{milliseconds, thousandths};

/// What the rows begin with.
const FORMAT: &str = "qinlian days 1";

/// What was counted on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// People with a day.
    pub people: u64,
    /// Days of people.
    pub days: u64,
    /// Rows: ends of spans, and days without spans.
    pub rows: u64,
    /// Days that a later clock-in may still change.
    pub open_days: u64,
}

/// The digest of the days so far.
#[derive(Debug, Clone)]
pub struct Canon {
    hash: Sha256,
    counts: Counts,
    last: String,
}

impl Default for Canon {
    fn default() -> Self {
        Self {
            hash: Sha256::new().chain_update(FORMAT).chain_update("\n"),
            counts: Counts::default(),
            last: String::new(),
        }
    }
}

impl Canon {
    /// The next day, in the order of person and date.
    pub fn add(&mut self, day: &DayResult) {
        if self.last != day.person_id {
            self.last.clone_from(&day.person_id);
            self.counts.people += 1;
        }
        self.counts.days += 1;
        self.counts.open_days += u64::from(!day.r#final);
        for row in rows(day) {
            self.hash.update(row);
            self.hash.update("\n");
            self.counts.rows += 1;
        }
    }

    /// The digest, in hex, and what was counted.
    pub fn finish(self) -> (String, Counts) {
        (hex(&self.hash.finalize()), self.counts)
    }
}

/// The rows of a day, their fields separated by tabs.
pub fn rows(day: &DayResult) -> Vec<String> {
    if day.spans.is_empty() {
        return vec![row(day, "0", "", &Span::default(), None)];
    }
    let spans = day.spans.iter().zip(1_usize..);
    spans
        .flat_map(|(span, number)| {
            let number = number.to_string();
            [("ON", &span.on), ("OFF", &span.off)]
                .map(|(end, slot)| row(day, &number, end, span, slot.as_ref()))
        })
        .collect()
}

fn row(day: &DayResult, span: &str, end: &str, of: &Span, slot: Option<&Slot>) -> String {
    let policy = day.policy.clone().unwrap_or_default();
    let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    let mut fields = vec![
        day.person_id.clone(),
        date(day),
        span.to_owned(),
        end.to_owned(),
        day.seq.to_string(),
        day.revision.to_string(),
        day.entry_index.to_string(),
        day.cause.clone(),
        day.kind().as_str_name().to_owned(),
        day.source().as_str_name().to_owned(),
        day.shift.clone(),
        day.headline().as_str_name().to_owned(),
        flag(day.r#final),
        thousandths(day.absent_fraction),
        day.flags().map(|flag| flag.as_str_name()).collect::<Vec<_>>().join(","),
        policy.pack,
        number(policy.deployment_index),
        number(policy.centre_index),
    ];
    if let Some(slot) = slot {
        fields.extend([
            of.result().as_str_name().to_owned(),
            of.excused().as_str_name().to_owned(),
            number(of.excused_by),
            thousandths(of.day_fraction),
            of.flags().map(|flag| flag.as_str_name()).collect::<Vec<_>>().join(","),
            milliseconds(slot.plan.as_ref()),
            milliseconds(slot.required.as_ref()),
            milliseconds(slot.punched_at.as_ref()),
            number(slot.punch_index),
            slot.raw().as_str_name().to_owned(),
            slot.r#final().as_str_name().to_owned(),
            slot.minutes.to_string(),
            slot.trust().as_str_name().to_owned(),
            flag(slot.is_final),
            slot.supplement().as_str_name().to_owned(),
            open(slot.open.as_ref()),
        ]);
    }
    fields.join("\t")
}

/// `2026-11-03`.
pub(super) fn date(day: &DayResult) -> String {
    day.work_date
        .as_ref()
        .map_or_else(String::new, |date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day))
}

fn flag(yes: bool) -> String {
    u8::from(yes).to_string()
}

fn open(open: Option<&Open>) -> String {
    open.map_or_else(String::new, |open| {
        format!("{}/{}/{}", open.why().as_str_name(), open.device, milliseconds(open.until.as_ref()))
    })
}
