//! Which fields a line, or a span that is exported, may have, and what is left of their values.
//!
//! A list of what passes, not of what is kept out: a field that somebody adds tomorrow stays out until it stands here
//! and in docs/events.md.

use std::borrow::Cow;
use std::fmt::Debug;

use serde_json::Value;
use tracing::field::{Field, Visit};

/// The names that pass, beside `message`, which is a sentence of the program.
pub const ALLOWED: &[&str] = &[
    "address",
    "backoff_ms",
    "centre",
    "code",
    "column",
    "commands",
    "connections",
    "disclosure",
    "doubtful",
    "duration_ms",
    "epoch",
    "erasures",
    "error",
    "fault",
    "file",
    "issuer",
    "known_size",
    "line",
    "log",
    "method",
    "old_size",
    "origin",
    "parts",
    "path",
    "ready",
    "reason",
    "remains",
    "request",
    "rules",
    "size",
    "status",
    "subject_kind",
    "support_id",
    "table",
    "trace",
    "wait_ms",
    "waiting_ms",
    "what",
    "why",
    "witness",
];

/// Whose events and spans have fields at all: ours. What libraries say is free text, and may be made of anything.
const OURS: &str = "qinlian";

/// May a field of this name stand in a line?
pub fn is_allowed(name: &str) -> bool {
    ALLOWED.contains(&name)
}

/// Is this the target of something that we say?
pub fn is_ours(target: &str) -> bool {
    target.strip_prefix(OURS).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// A text without what ends a line, moves a cursor or turns a line around: Unicode's controls (C0, DEL, C1), its line and
/// paragraph separators, and the marks of UAX #9 that change the direction.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_unclean) {
        Cow::Owned(
            text.chars().map(|c| if is_unclean(c) { char::REPLACEMENT_CHARACTER } else { c }).collect(),
        )
    } else {
        Cow::Borrowed(text)
    }
}

fn is_unclean(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The fields that pass, in the order in which they were said.
#[derive(Debug, Default, Clone)]
pub(super) struct Picked {
    pub(super) message: Option<String>,
    pub(super) fields: Vec<(&'static str, Value)>,
}

impl Picked {
    /// One more; what is said again replaces what was said before.
    pub(super) fn put(&mut self, name: &'static str, value: Value) {
        self.fields.retain(|(known, _)| *known != name);
        self.fields.push((name, value));
    }

    fn pick(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        if is_allowed(field.name()) {
            self.put(field.name(), value());
        }
    }
}

impl Visit for Picked {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = Some(clean(&format!("{value:?}")).into_owned());
        } else {
            self.pick(field, || Value::from(&*clean(&format!("{value:?}"))));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.pick(field, || Value::from(&*clean(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.pick(field, || Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.pick(field, || Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.pick(field, || Value::from(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_ends_a_line_moves_a_cursor_or_turns_a_line_around_is_left() {
        for (text, left) in [
            ("勤廉 plain \"text\" \\ é", "勤廉 plain \"text\" \\ é"),
            ("a\r\nb", "a\u{fffd}\u{fffd}b"),
            ("\u{1b}[31m\0\u{7f}\u{85}\u{9b}", "\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ("\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(clean(text), left);
        }
    }

    #[test]
    fn a_crate_whose_name_begins_like_ours_is_not_ours() {
        for (target, ours) in
            [("qinlian", true), ("qinlian::edge::call", true), ("qinlian_other", false), ("h2::codec", false)]
        {
            assert_eq!(is_ours(target), ours, "{target}");
        }
    }
}
