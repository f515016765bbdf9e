//! `qinlian export`: what people's days came to, as a file for people, for payroll, or in the shape of another product.
//! Beside every file stands what it is of: the position of the log, and a digest that does not depend on the form
//! (docs/exports.md).

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::audit::on_record;
use super::office::{Office, Opening, explain};
use super::{Answer, Where, quiet_log, say};
use crate::kernel::{CentreId, DepartmentId, EpochDay, LogId, Words};
use crate::proto::reveal;
use crate::registers::derivation::RULES;
use crate::registers::desk::Desk;
use crate::registers::directory::fact::Noun;
use crate::registers::rulebook;

mod book;
pub mod canon;
pub mod duty;
mod lines;
pub(in crate::cli) mod moment;
pub(in crate::cli) mod numbered;
pub(in crate::cli) mod numbers;
pub(in crate::cli) mod same;
pub mod sidecar;
pub mod table;
pub mod vendors;
pub(in crate::cli) mod whole;
pub(in crate::cli) mod words;
pub(in crate::cli) mod write;

use moment::Moment;
use numbers::Numbers;
use sidecar::{FileOf, Position, Sidecar};
use whole::Whole;

/// What the record of a read names as the call.
const CALL: &str = "qinlian export days";

/// What is exported.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What people's days of a month came to
    Days(Options),
    /// What windows did through a month, by the day
    Duty(duty::Options),
}

const EXAMPLES: &str = "Examples:
  qinlian export days --data ./data --centre hall --month 2026-11 -o days.csv
  qinlian export days --data ./data --centre hall --month 2026-11 --format xlsx -o november.xlsx \\
      --purpose payroll --reason 'November payroll'
  qinlian export days --data ./data --centre hall --month 2026-11 --format dingtalk -o dingtalk.csv

Beside FILE stands FILE.json: the position of the log, and a digest that is the same for every format.
Without --reason employee numbers are left empty; with it the read goes on record first.";

/// `qinlian export days --help`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    #[command(flatten)]
    place: Where,
    /// The centre
    #[arg(long, value_name = "CODE")]
    centre: String,
    /// The month
    #[arg(long, value_name = "YYYY-MM")]
    month: String,
    /// Only the people of this department
    #[arg(long, value_name = "CODE")]
    department: Option<String>,
    /// The form of the file
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// The file to write; what stands there is replaced
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
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
    json: bool,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A table with Chinese headings, a line for each end of each span
    Csv,
    /// A day result a line, as the interface has it
    Ndjson,
    /// A workbook: a month at a glance, and the table
    Xlsx,
    /// As DingTalk lists results; a table
    Dingtalk,
    /// As WeCom reports days; objects, a line each
    Wecom,
    /// As Feishu lists tasks of users; objects, a line each
    Feishu,
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

/// A valid order to export.
#[derive(Debug, Clone)]
pub struct Order {
    /// The centre.
    pub centre: CentreId,
    /// The first day.
    pub from: EpochDay,
    /// The last day.
    pub until: EpochDay,
    /// Only the people of this department.
    pub department: Option<DepartmentId>,
    /// The form.
    pub format: Format,
    /// The employee numbers are wanted.
    pub reveal: Option<Reveal>,
}

/// Why employee numbers are read.
#[derive(Debug, Clone)]
pub struct Reveal {
    /// For what.
    pub purpose: reveal::Purpose,
    /// In words.
    pub reason: Words,
    /// Whose external ids are employee numbers; anybody's unless named.
    pub system: Option<String>,
}

/// Runs `export`.
pub(super) async fn run(command: Command) -> anyhow::Result<Answer> {
    quiet_log();
    let options = match command {
        Command::Days(options) => options,
        Command::Duty(options) => return duty::run(options).await,
    };
    let order = order(&options)?;
    let office = Office::open(options.place.load()?, Opening::default()).await?;
    let sidecar = days(&office.desk, &order, &options.out).await;
    office.close().await;
    let sidecar = sidecar?;
    if options.json {
        say(&serde_json::to_string(&sidecar)?);
    } else {
        tell(&sidecar);
    }
    Ok(Answer::Yes)
}

fn order(options: &Options) -> anyhow::Result<Order> {
    let (from, until) = month(&options.month)?;
    let reveal = options.reason.as_ref().map(|reason| {
        let reason = Words::parse(reason).map_err(|(_, said)| anyhow!("--reason: {}", said.en))?;
        anyhow::Ok(Reveal { purpose: options.purpose.named(), reason, system: options.system.clone() })
    });
    Ok(Order {
        centre: CentreId::parse(&options.centre).context("--centre")?,
        from,
        until,
        department: options
            .department
            .as_deref()
            .map(DepartmentId::parse)
            .transpose()
            .context("--department")?,
        format: options.format,
        reveal: reveal.transpose()?,
    })
}

/// The first and the last day of `2026-11`.
fn month(text: &str) -> anyhow::Result<(EpochDay, EpochDay)> {
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

/// Exports days into a file, and what they are of into its sidecar.
pub async fn days(desk: &Desk, order: &Order, out: &Path) -> anyhow::Result<Sidecar> {
    let directory = desk.directory(LogId::DEPLOYMENT).await?;
    let log = rulebook::log_of(&directory, &order.centre)
        .with_context(|| format!("--centre: there is no centre {}", order.centre))?;
    if log == LogId::DEPLOYMENT {
        bail!("--centre: the deployment has no days");
    }
    let known = |code: &&DepartmentId| directory.get(Noun::Department, code.as_str()).is_some();
    if let Some(department) = order.department.as_ref().filter(|code| !known(code)) {
        bail!("--department: there is no department {department}");
    }
    let whole = Whole::new(out)?;
    // Before the moment is fixed: it is in the log that is exported.
    let numbers = numbers(desk, log, order).await?;
    let moment = Moment::newest(desk, log).await?;
    let (epoch, size) = moment.tree()?;
    let root = desk.ledger().reader().checkpoint(log, epoch.epoch, size).await?.root;
    let position = Position { origin: epoch.origin.clone(), tree_size: size, root: root.to_string() };
    let about = about(order, &position);
    let (digest, counts) = write::write(&moment, order, &numbers, &whole, &about).await?;
    let (bytes, sha256) = whole.measure()?;
    let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sidecar = Sidecar {
        format: sidecar::FORMAT.to_owned(),
        kind: sidecar::KIND.to_owned(),
        centre: order.centre.to_string(),
        department: order.department.as_ref().map(ToString::to_string),
        from: order.from.to_string(),
        until: order.until.to_string(),
        log: position,
        deployment_size: moment.at.deployment.get(),
        rules: RULES,
        people: counts.people,
        days: counts.days,
        rows: counts.rows,
        open_days: counts.open_days,
        digest,
        disclosure_index: numbers.disclosure_index(),
        file: FileOf { name, form: order.format, bytes, sha256 },
    };
    whole.place()?;
    whole::write(&Sidecar::path(out), &sidecar.render()?)?;
    Ok(sidecar)
}

/// Puts the read of employee numbers on record, when they are wanted.
async fn numbers(desk: &Desk, log: LogId, order: &Order) -> anyhow::Result<Numbers> {
    let Some(Reveal { purpose, reason, system }) = &order.reveal else { return Ok(Numbers::Unasked) };
    let scope = match &order.department {
        Some(department) => format!("days/{}/{}/{department}", order.from, order.until),
        None => format!("days/{}/{}", order.from, order.until),
    };
    let on_record = on_record(desk, log, (CALL, *purpose, scope), reason.clone()).await;
    Ok(Numbers::OnRecord { on_record: on_record.map_err(explain)?, system: system.clone() })
}

/// What a workbook says of itself.
fn about(order: &Order, position: &Position) -> Vec<(&'static str, String)> {
    let department = order.department.as_ref().map(ToString::to_string);
    vec![
        ("中心", order.centre.to_string()),
        ("单位", department.unwrap_or_else(|| "全部".to_owned())),
        ("起止", format!("{} 至 {}", order.from, order.until)),
        ("日志", position.origin.clone()),
        ("日志位置", position.tree_size.to_string()),
        ("根哈希", position.root.clone()),
    ]
}

fn tell(sidecar: &Sidecar) {
    let Sidecar { file, log, .. } = sidecar;
    say(&format!(
        "{}: {} days of {} people, {} of them not final",
        file.name, sidecar.days, sidecar.people, sidecar.open_days
    ));
    say(&format!("of {} at size {}, root {}", log.origin, log.tree_size, log.root));
    say(&format!("digest {}", sidecar.digest));
    match sidecar.disclosure_index {
        Some(index) => say(&format!("the read of employee numbers is on record as entry {index}")),
        None => say("without employee numbers: --reason reads them, on record"),
    }
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
