//! `qinlian import`: files from elsewhere. Every line is accounted for; running it again changes nothing.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::office::{Office, Opening};
use super::{Answer, Where, quiet_log, say};
use crate::kernel::{CentreId, DeviceId, EpochMs, Words, Zone};

pub(super) mod people;
mod punches;
mod table;

/// What is imported.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Clock-ins from a CSV file
    Punches(Options),
}

/// `qinlian import punches --help`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    place: Where,
    /// The centre
    #[arg(long, value_name = "CODE")]
    centre: String,
    /// Which columns mean what: time=…,person=…[,device=…][,direction=…]
    #[arg(long, value_name = "NAME=COLUMN,…")]
    columns: String,
    /// The time zone of the file's times; the centre's unless given
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// The code of the import source: the same for all files of one system, so that overlapping files add only what is
    /// new
    #[arg(long, value_name = "CODE", default_value = "import")]
    source: String,
    /// Create people, credentials and assignments for whoever is not known
    #[arg(long)]
    create_people: bool,
    /// Everything up to this local time is in the file
    #[arg(long, value_name = "TIME", requires = "attested_by")]
    complete_through: Option<String>,
    /// Who vouches for that
    #[arg(long, value_name = "WHO", requires = "complete_through")]
    attested_by: Option<String>,
    /// Read the file and say what is wrong with it; write nothing
    #[arg(long)]
    dry_run: bool,
    /// Answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// A line that was not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Refused {
    line: u64,
    reason: &'static str,
    detail: String,
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    lines: u64,
    accepted: u64,
    duplicate: u64,
    quarantined: u64,
    refused: Vec<Refused>,
    tree_size: u64,
    root: String,
}

/// A valid order to import.
#[derive(Debug)]
struct Order {
    centre: CentreId,
    source: DeviceId,
    zone: Zone,
    create_people: bool,
    complete_through: Option<EpochMs>,
    attested_by: Option<Words>,
}

/// Runs `import`.
pub(super) async fn run(command: Command) -> anyhow::Result<Answer> {
    quiet_log();
    let Command::Punches(options) = command;
    let columns = table::Columns::parse(&options.columns)?;
    let table = table::Table::read(&options.file, &columns)?;
    let office = Office::open(options.place.load()?, Opening::default()).await?;
    let order = order(&office, &options).await?;
    let report = if options.dry_run {
        punches::rehearse(&office, &order, &table).await?
    } else {
        punches::import(&office, &order, &table).await?
    };
    office.close().await;
    if options.json {
        say(&serde_json::to_string(&report)?);
    } else {
        tell(&report, options.dry_run);
    }
    Ok(Answer::Yes)
}

async fn order(office: &Office, options: &Options) -> anyhow::Result<Order> {
    let centre = CentreId::parse(&options.centre).context("--centre")?;
    office.log_of(&centre).await?;
    let deployment = office.desk.directory(crate::kernel::LogId::DEPLOYMENT).await?;
    let zone = match &options.tz {
        Some(name) => Zone::parse(name).context("--tz")?,
        None => deployment.zone(&centre).context("the centre's time zone is not known")?,
    };
    let complete_through =
        options.complete_through.as_deref().map(|text| punches::instant(&zone, text)).transpose();
    let attested_by = options.attested_by.as_deref().map(Words::parse).transpose();
    Ok(Order {
        source: DeviceId::parse(&options.source).context("--source")?,
        complete_through: complete_through
            .map_err(|reason| anyhow::anyhow!("--complete-through: {reason}"))?,
        attested_by: attested_by.map_err(|(_, said)| anyhow::anyhow!("--attested-by: {}", said.en))?,
        centre,
        zone,
        create_people: options.create_people,
    })
}

fn tell(report: &Report, rehearsed: bool) {
    let head = if rehearsed { "would be stored, unless they stand already" } else { "stored" };
    say(&format!("{} lines", report.lines));
    say(&format!("{:>8} {head}", report.accepted));
    say(&format!("{:>8} stood already", report.duplicate));
    say(&format!("{:>8} stored, and somebody should look", report.quarantined));
    say(&format!("{:>8} refused", report.refused.len()));
    for refused in &report.refused {
        say(&format!("         line {}: {} ({})", refused.line, refused.reason, refused.detail));
    }
    say(&format!("the log now has {} entries, root {}", report.tree_size, report.root));
}
