//! The words of `qinlian export`, and the order that they make.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand, ValueEnum};

use super::{Format, Kind, List, Order, Reveal, duty};
use crate::cli::Where;
use crate::kernel::{CentreId, DepartmentId, EpochDay, Words};
use crate::proto::reveal;

/// What is exported.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// What people's days of a month came to
    #[command(after_help = DAYS)]
    Days(DayOptions),
    /// What people's months came to: days added up, a line for each person
    #[command(after_help = MONTHS)]
    Months(ListOptions),
    /// Clock-ins and clock-outs of a month, as they were recorded
    #[command(after_help = PUNCHES)]
    Punches(ListOptions),
    /// Pauses at windows that began in a month, and what became of each
    #[command(after_help = PAUSES)]
    Pauses(ListOptions),
    /// What windows did through a month, by the day
    Duty(duty::Options),
}

const DAYS: &str = "Examples:
  qinlian export days --data ./data --centre hall --month 2026-11 -o days.csv
  qinlian export days --data ./data --centre hall --month 2026-11 --format xlsx -o november.xlsx \\
      --purpose payroll --reason 'November payroll'
  qinlian export days --data ./data --centre hall --month 2026-11 --format dingtalk -o dingtalk.csv

Beside FILE stands FILE.json: the position of the log, and a digest that is the same for every format.
Without --reason employee numbers are left empty; with it the read goes on record first.";

const MONTHS: &str = "Examples:
  qinlian export months --data ./data --centre hall --month 2026-11 -o months.csv
  qinlian export months --data ./data --centre hall --month 2026-11 --format xlsx -o months.xlsx \\
      --purpose payroll --reason 'November payroll'

Beside FILE stands FILE.json: the position of the log, and a digest that is the same for every format.
Without --reason employee numbers are left empty; with it the read goes on record first.";

const PUNCHES: &str = "Examples:
  qinlian export punches --data ./data --centre hall --month 2026-11 -o punches.csv
  qinlian export punches --data ./data --centre hall --month 2026-11 --department tax --format ndjson \\
      -o punches.ndjson --purpose attendance --reason 'a question about the third'

Beside FILE stands FILE.json: the position of the log, and a digest that is the same for every format.
Without --reason employee numbers are left empty; with it the read goes on record first.";

const PAUSES: &str = "Examples:
  qinlian export pauses --data ./data --centre hall --month 2026-11 -o pauses.csv
  qinlian export pauses --data ./data --centre hall --month 2026-11 --format xlsx -o pauses.xlsx \\
      --purpose attendance --reason 'the month at the windows'

Beside FILE stands FILE.json: the position of the log, and a digest that is the same for every format.
Without --reason employee numbers are left empty; with it the read goes on record first.";

/// `qinlian export days --help`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DayOptions {
    #[command(flatten)]
    asked: Asked,
    /// The form of the file
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
}

/// `qinlian export months --help`, and so on.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListOptions {
    #[command(flatten)]
    asked: Asked,
    /// The form of the file
    #[arg(long, value_enum, default_value = "csv")]
    format: ListFormat,
}

/// What every export of people is asked with.
#[derive(Debug, Args)]
pub(super) struct Asked {
    #[command(flatten)]
    pub(super) place: Where,
    /// The centre
    #[arg(long, value_name = "CODE")]
    centre: String,
    /// The month
    #[arg(long, value_name = "YYYY-MM")]
    month: String,
    /// Only the people of this department
    #[arg(long, value_name = "CODE")]
    department: Option<String>,
    /// The file to write; what stands there is replaced
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// Why employee numbers are read; it goes on record. Without it they are left empty
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// For what
    #[arg(long, value_enum, default_value = "payroll", requires = "reason")]
    purpose: Purpose,
    /// Whose external ids are employee numbers, for people without one that is bound
    #[arg(long, value_name = "SYSTEM", requires = "reason")]
    system: Option<String>,
    /// Answer with the sidecar, one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// The form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// A table with Chinese headings
    Csv,
    /// A message a line, as the interface has it
    Ndjson,
    /// A workbook: what it is of, and the table
    Xlsx,
}

impl ListFormat {
    const fn form(self) -> Format {
        match self {
            Self::Csv => Format::Csv,
            Self::Ndjson => Format::Ndjson,
            Self::Xlsx => Format::Xlsx,
        }
    }
}

/// What employee numbers are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Purpose {
    /// To pay
    Payroll,
    /// To keep attendance
    Attendance,
    /// To audit
    Audit,
    /// To look into something
    Investigation,
    /// Because the person concerned asks
    SubjectRequest,
}

impl Purpose {
    fn named(self) -> reveal::Purpose {
        match self {
            Self::Payroll => reveal::Purpose::Payroll,
            Self::Attendance => reveal::Purpose::Attendance,
            Self::Audit => reveal::Purpose::Audit,
            Self::Investigation => reveal::Purpose::Investigation,
            Self::SubjectRequest => reveal::Purpose::SubjectRequest,
        }
    }
}

impl DayOptions {
    /// The order of days.
    pub(super) fn order(self) -> anyhow::Result<(Asked, Order)> {
        let order = self.asked.order(Kind::Days, self.format)?;
        Ok((self.asked, order))
    }
}

impl ListOptions {
    /// The order of a list.
    pub(super) fn order(self, list: List) -> anyhow::Result<(Asked, Order)> {
        let order = self.asked.order(Kind::List(list), self.format.form())?;
        Ok((self.asked, order))
    }
}

impl Asked {
    fn order(&self, kind: Kind, format: Format) -> anyhow::Result<Order> {
        let (from, until) = month(&self.month)?;
        let reveal = self.reason.as_ref().map(|reason| {
            let reason = Words::parse(reason).map_err(|(_, said)| anyhow!("--reason: {}", said.en))?;
            anyhow::Ok(Reveal { purpose: self.purpose.named(), reason, system: self.system.clone() })
        });
        let department = self.department.as_deref().map(DepartmentId::parse).transpose();
        Ok(Order {
            kind,
            centre: CentreId::parse(&self.centre).context("--centre")?,
            from,
            until,
            department: department.context("--department")?,
            format,
            reveal: reveal.transpose()?,
        })
    }
}

/// The first and the last day of `2026-11`.
pub(super) fn month(text: &str) -> anyhow::Result<(EpochDay, EpochDay)> {
    let parsed = || {
        let (year, month) = text.split_once('-')?;
        let digits =
            |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        let (year, month): (i32, i32) = (digits(year, 4) && digits(month, 2))
            .then_some(())
            .and_then(|()| Some((year.parse().ok()?, month.parse().ok()?)))?;
        let from = EpochDay::from_ymd(year, month, 1).ok()?;
        let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        let next = EpochDay::from_ymd(year, month, 1).map_or(EpochDay::LAST, |next| next.plus_days(-1));
        Some((from, next))
    };
    parsed().with_context(|| format!("--month: {text:?} is no month like 2026-11"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_its_first_and_last_day() {
        for (text, wanted) in [
            ("2026-11", Some(("2026-11-01", "2026-11-30"))),
            ("2024-02", Some(("2024-02-01", "2024-02-29"))),
            ("2026-12", Some(("2026-12-01", "2026-12-31"))),
            ("9999-12", Some(("9999-12-01", "9999-12-31"))),
            ("2026-13", None),
            ("2026-1", None),
            ("202611", None),
            ("+026-11", None),
            ("2026-11-01", None),
        ] {
            let read = month(text).ok().map(|(from, until)| (from.to_string(), until.to_string()));
            let wanted = wanted.map(|(from, until): (&str, &str)| (from.to_owned(), until.to_owned()));
            assert_eq!(read, wanted, "{text}");
        }
    }
}
