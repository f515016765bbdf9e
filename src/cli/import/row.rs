//! A line that can be read, whatever the file's format: who, when, where, which way.

use std::borrow::Cow;

use super::{Order, Refused, local};
use crate::kernel::{EpochMs, Label, Name};
use crate::proto::punch::{Direction, Method};

/// The cells of a line that matter, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cells {
    /// A local time.
    pub time: String,
    /// A person as read.
    pub person: String,
    /// Empty when the file does not say.
    pub device: String,
    /// Unknown when the file does not say.
    pub direction: Direction,
    /// How the person was recognised, in a format that says so.
    pub method: Option<Method>,
    /// Empty when there is none.
    pub work_code: String,
}

/// Why a line is refused: a stable code, and words without anything of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Why {
    /// The code.
    pub reason: &'static str,
    /// What would be right.
    pub detail: Cow<'static, str>,
}

impl Why {
    /// A code that needs no words.
    pub(super) fn code(reason: &'static str) -> Self {
        let detail = match reason {
            "MISSING_CELL" => "the line ends before a column that matters",
            "BAD_UTF8" => "bytes that are no UTF-8; say --encoding gb18030 if the file is that",
            "BAD_ENCODING" => "bytes that are no text in the file's encoding",
            "LINE_TOO_LONG" => "more than 64 KiB",
            "UNCLOSED_QUOTE" => "a quote that is not closed, or only after 64 KiB",
            "BAD_TIME" => "a local time like 2026-11-02 08:00:00",
            "NO_SUCH_TIME" => "clocks in the time zone were put forward over it",
            "TIME_OUT_OF_RANGE" => "1970 to 9999",
            _ => "",
        };
        Self::new(reason, detail)
    }

    /// A code with words of its own.
    pub(super) fn new(reason: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// Of a line.
    pub(super) fn refuses(self, line: u64) -> Refused {
        Refused { line, reason: self.reason, detail: self.detail }
    }
}

/// A line that can be read.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What it says.
    pub cells: Cells,
    /// When.
    pub at: EpochMs,
    /// Where.
    pub label: Label,
}

impl Row {
    /// From cells that were found.
    pub(super) fn of(order: &Order, line: u64, cells: Cells) -> Result<Self, Why> {
        let at = local::instant(&order.zone, &cells.time).map_err(Why::code)?;
        Name::parse(&cells.person).map_err(|(_, said)| Why::new("BAD_PERSON", said.en))?;
        let label = Label::parse(&cells.device).map_err(|(_, said)| Why::new("BAD_DEVICE", said.en))?;
        Ok(Self { line, cells, at, label })
    }
}
