//! Lists: a line for each person's month, each clock-in, each pause. One shape for all of them: columns with Chinese headings,
//! a message of the interface, and pages of rows that are told by what the services tell them by. What a list has of its own
//! stands in a file of its own.

use super::List;
use super::Order;
use super::moment::Moment;
use crate::kernel::{EpochMs, Zone};

pub mod months;
pub mod pauses;
pub mod punches;

mod book;
mod words;
mod write;

pub(super) use write::write;

/// Rows that are looked at for one page.
const PAGE: usize = 1_000;

/// What distinguishes lists.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// The headings, the employee number first.
    columns: &'static [&'static str],
    /// The message of a line.
    message: &'static str,
}

impl List {
    const fn shape(self) -> Shape {
        match self {
            Self::Months => Shape { columns: &months::COLUMNS, message: "qinlian.v1.MonthSummary" },
            Self::Punches => Shape { columns: &punches::COLUMNS, message: "qinlian.v1.PunchRecord" },
            Self::Pauses => Shape { columns: &pauses::COLUMNS, message: "qinlian.v1.Pause" },
        }
    }
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    /// Whom it is about; empty where nobody is.
    person_id: String,
    /// Its cells, after the employee number.
    cells: Vec<Cell>,
    /// The message, encoded.
    message: Vec<u8>,
}

/// A cell: as people read it, and as the digest has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    shown: String,
    canon: String,
    /// A spreadsheet may add it up.
    is_number: bool,
}

impl Cell {
    /// What people read in words, and the digest by a name.
    fn word(shown: impl Into<String>, canon: impl Into<String>) -> Self {
        Self { shown: shown.into(), canon: canon.into(), is_number: false }
    }

    /// The same for both.
    fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { shown: text.clone(), canon: text, is_number: false }
    }

    /// A count.
    fn count(count: impl Into<u64>) -> Self {
        Self { is_number: true, ..Self::text(count.into().to_string()) }
    }

    /// The index of an entry, which nobody adds up; empty where there is none.
    fn entry(index: Option<u64>) -> Self {
        Self::text(index.map(|index| index.to_string()).unwrap_or_default())
    }

    /// Yes or no.
    fn yes(yes: bool) -> Self {
        Self::word(super::words::yes(yes), u8::from(yes).to_string())
    }

    /// An instant: a wall clock in the centre, and milliseconds since 1970.
    fn instant(stamp: Option<&prost_types::Timestamp>, zone: &Zone) -> Self {
        let at = stamp.and_then(|at| EpochMs::from_parts(at.seconds, at.nanos).ok());
        at.map_or_else(|| Self::text(""), |at| Self::word(zone.wall(at), at.get().to_string()))
    }
}

/// The pages of a list.
enum Pages<'a> {
    Months(months::Pages<'a>),
    Punches(punches::Pages<'a>),
    Pauses(pauses::Pages<'a>),
}

impl<'a> Pages<'a> {
    fn new(moment: &'a Moment, order: &'a Order, list: List) -> Self {
        match list {
            List::Months => Self::Months(months::Pages::new(moment, order)),
            List::Punches => Self::Punches(punches::Pages::new(moment, order)),
            List::Pauses => Self::Pauses(pauses::Pages::new(moment, order)),
        }
    }

    /// The next rows; none at the end.
    async fn next(&mut self) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::Months(pages) => pages.next().await,
            Self::Punches(pages) => pages.next().await,
            Self::Pauses(pages) => pages.next().await,
        }
    }
}
