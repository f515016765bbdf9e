//! `qinlian export`: what people's days and months came to, what they clocked, and how windows paused, as a file for people,
//! for payroll, or in the shape of another product. Beside every file stands what it is of: the position of the log, and a
//! digest that does not depend on the form (docs/exports.md).

use std::path::Path;

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::audit::on_record;
use super::office::{Office, Opening, explain};
use super::{Answer, quiet_log, say};
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
pub mod listing;
pub(in crate::cli) mod moment;
pub(in crate::cli) mod numbered;
pub(in crate::cli) mod numbers;
mod options;
pub(in crate::cli) mod same;
mod sheet;
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
use write::Written;

pub(super) use options::Command;

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What people's days came to.
    Days,
    /// A list.
    List(List),
}

/// What a list is of: a line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// People's days of a month, added up.
    Months,
    /// Clock-ins and clock-outs.
    Punches,
    /// Pauses at windows.
    Pauses,
}

impl Kind {
    /// Every one.
    pub const ALL: [Self; 4] =
        [Self::Days, Self::List(List::Months), Self::List(List::Punches), Self::List(List::Pauses)];

    /// What sidecars, digests and records of reads call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Days => "days",
            Self::List(List::Months) => "months",
            Self::List(List::Punches) => "punches",
            Self::List(List::Pauses) => "pauses",
        }
    }

    /// By its name; `None`: this version knows no such kind.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
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

/// A valid order to export.
#[derive(Debug, Clone)]
pub struct Order {
    /// What.
    pub kind: Kind,
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
    let (asked, order) = match command {
        Command::Days(options) => options.order()?,
        Command::Months(options) => options.order(List::Months)?,
        Command::Punches(options) => options.order(List::Punches)?,
        Command::Pauses(options) => options.order(List::Pauses)?,
        Command::Duty(options) => return duty::run(options).await,
    };
    let office = Office::open(asked.place.load()?, Opening::default()).await?;
    let sidecar = export(&office.desk, &order, &asked.out).await;
    office.close().await;
    let sidecar = sidecar?;
    if asked.json {
        say(&serde_json::to_string(&sidecar)?);
    } else {
        tell(&sidecar);
    }
    Ok(Answer::Yes)
}

/// Exports what an order asks for into a file, and what it is of into its sidecar. Errors: the centre or the department is
/// not there, the results do not come to the end of the log, the database, the disk.
pub async fn export(desk: &Desk, order: &Order, out: &Path) -> anyhow::Result<Sidecar> {
    let directory = desk.directory(LogId::DEPLOYMENT).await?;
    let log = rulebook::log_of(&directory, &order.centre)
        .with_context(|| format!("--centre: there is no centre {}", order.centre))?;
    if log == LogId::DEPLOYMENT {
        bail!("--centre: the deployment has no {}", order.kind.name());
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
    let Written { digest, people, rows, days } =
        write::write(&moment, order, &numbers, &whole, &about).await?;
    let (bytes, sha256) = whole.measure()?;
    let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sidecar = Sidecar {
        format: sidecar::FORMAT.to_owned(),
        kind: order.kind.name().to_owned(),
        centre: order.centre.to_string(),
        department: order.department.as_ref().map(ToString::to_string),
        from: order.from.to_string(),
        until: order.until.to_string(),
        log: position,
        deployment_size: moment.at.deployment.get(),
        rules: RULES,
        people,
        days: days.map(|days| days.all),
        rows,
        open_days: days.map(|days| days.open),
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
    let kind = order.kind.name();
    let mut scope = format!("{kind}/{}/{}", order.from, order.until);
    if let Some(department) = &order.department {
        scope = format!("{scope}/{department}");
    }
    let call = format!("qinlian export {kind}");
    let on_record = on_record(desk, log, (&call, *purpose, scope), reason.clone()).await;
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
    let Sidecar { file, log, people, .. } = sidecar;
    match (sidecar.days, sidecar.open_days) {
        (Some(days), Some(open)) => {
            say(&format!("{}: {days} days of {people} people, {open} of them not final", file.name));
        }
        _ => say(&format!("{}: {} {} of {people} people", file.name, sidecar.rows, sidecar.kind)),
    }
    say(&format!("of {} at size {}, root {}", log.origin, log.tree_size, log.root));
    say(&format!("digest {}", sidecar.digest));
    match sidecar.disclosure_index {
        Some(index) => say(&format!("the read of employee numbers is on record as entry {index}")),
        None => say("without employee numbers: --reason reads them, on record"),
    }
}
