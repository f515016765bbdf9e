//! `qinlian import`: files from elsewhere. Every line is accounted for; running it again changes nothing.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum as _};
use serde::Serialize;

use self::master::Kind;
use super::office::{Office, Opening};
use super::{Answer, Where, quiet_log, say};
use crate::kernel::{CentreId, DeviceId, EpochMs, Words, Zone};

mod twice;

mod encoding;
mod split;

mod attlog;
mod columns;
mod format;
mod local;
mod row;
mod table;

pub(super) mod people;
mod punches;
mod rehearse;

pub(super) mod master;

/// What is imported.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Clock-ins from a table (CSV) or a terminal's attlog.dat
    Punches(Options),
    /// People, their departments, employee numbers and assignments, from a table (CSV)
    #[command(after_help = master::PEOPLE_HELP)]
    People(master::Options),
    /// When there is work: shifts, from a table (CSV)
    #[command(after_help = master::SHIFTS_HELP)]
    Shifts(master::Options),
    /// Who works when, from a table (CSV)
    #[command(after_help = master::ROSTER_HELP)]
    Roster(master::Options),
    /// The days of a year that a notice sets apart, from a table (CSV)
    #[command(after_help = master::CALENDAR_HELP)]
    Calendar(master::CalendarOptions),
    /// Leave that was approved on paper or in another system, from a table (CSV)
    #[command(after_help = master::LEAVE_HELP)]
    Leave(master::Options),
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
    /// Which columns mean what: time=…,person=…[,device=…][,direction=…], by heading; found by their usual headings where
    /// it is not said. Of an attlog.dat by number, and only if it has them in other places than others: method=5,…
    #[arg(long, value_name = "NAME=COLUMN,…")]
    columns: Option<String>,
    /// What the file is; found out by its shape unless given
    #[arg(long, value_enum)]
    format: Option<format::Asked>,
    /// The encoding of the file; UTF-16 is known by its byte order mark
    #[arg(long, value_enum, default_value = "utf-8")]
    encoding: encoding::Asked,
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
    detail: Cow<'static, str>,
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

impl Report {
    /// The lines that something became of.
    fn counted(&self) -> u64 {
        self.accepted + self.duplicate + self.quarantined + self.refused_lines()
    }

    fn refused_lines(&self) -> u64 {
        u64::try_from(self.refused.len()).unwrap_or(u64::MAX)
    }
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
    match command {
        Command::Punches(options) => punches(options).await,
        Command::People(options) => master::run(Kind::People, &options, None).await,
        Command::Shifts(options) => master::run(Kind::Shifts, &options, None).await,
        Command::Roster(options) => master::run(Kind::Roster, &options, None).await,
        Command::Leave(options) => master::run(Kind::Leave, &options, None).await,
        Command::Calendar(options) => {
            master::run(Kind::Calendar, &options.table, options.notice.as_deref()).await
        }
    }
}

async fn punches(options: Options) -> anyhow::Result<Answer> {
    let columns = options.columns.as_deref().map(columns::Columns::parse).transpose()?.unwrap_or_default();
    let mut file = twice::Twice::open(&options.file)?;
    let format = format::Format::find(&mut file, options.format, options.encoding, &columns)?;
    let office = Office::open(options.place.load()?, Opening::default()).await?;
    let report = match order(&office, &options).await {
        Ok(order) if options.dry_run => rehearse::rehearse(&office, &order, &format, &mut file).await,
        Ok(order) => punches::import(&office, &order, &format, &mut file).await,
        Err(error) => Err(error),
    };
    office.close().await;
    answer(&report?, options.json, options.dry_run)
}

fn answer(report: &Report, json: bool, rehearsed: bool) -> anyhow::Result<Answer> {
    if json {
        say(&serde_json::to_string(report)?);
    } else {
        tell(report, rehearsed);
    }
    Ok(Answer::Yes)
}

/// Reads a file of clock-ins to its end as every import does, and writes nothing: how many lines say something, and how
/// many of them are refused.
pub fn read_through(
    file: &Path,
    encoding: &str,
    columns: Option<&str>,
    zone: Zone,
) -> anyhow::Result<(usize, usize)> {
    let encoding = encoding::Asked::from_str(encoding, false).map_err(anyhow::Error::msg)?;
    let columns = columns.map(columns::Columns::parse).transpose()?.unwrap_or_default();
    let mut file = twice::Twice::open(file)?;
    let format = format::Format::find(&mut file, None, encoding, &columns)?;
    let order = Order {
        centre: CentreId::parse("hall")?,
        source: DeviceId::parse("import")?,
        zone,
        create_people: false,
        complete_through: None,
        attested_by: None,
    };
    let mut rows = format.rows(&order, file.first()?)?;
    let (mut lines, mut refused) = (0, 0);
    while let Some(row) = rows.next()? {
        lines += 1;
        refused += usize::from(row.is_err());
    }
    Ok((lines, refused))
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
        options.complete_through.as_deref().map(|text| local::instant(&zone, text)).transpose();
    let attested_by = options.attested_by.as_deref().map(Words::parse).transpose();
    Ok(Order {
        source: DeviceId::parse(&options.source).context("--source")?,
        complete_through: complete_through
            .map_err(|reason| anyhow::anyhow!("--complete-through: {}", row::Why::code(reason).detail))?,
        attested_by: attested_by.map_err(|(_, said)| anyhow::anyhow!("--attested-by: {}", said.en))?,
        centre,
        zone,
        create_people: options.create_people,
    })
}

fn tell(report: &Report, rehearsed: bool) {
    let (head, odd) = if rehearsed {
        ("would be stored", "would be stored, and somebody should look")
    } else {
        ("stored", "stored, and somebody should look")
    };
    say(&format!("{} lines", report.lines));
    say(&format!("{:>8} {head}", report.accepted));
    say(&format!("{:>8} stood already", report.duplicate));
    say(&format!("{:>8} {odd}", report.quarantined));
    say(&format!("{:>8} refused", report.refused.len()));
    for refused in &report.refused {
        say(&format!("         line {}: {} ({})", refused.line, refused.reason, refused.detail));
    }
    say(&format!("the log now has {} entries, root {}", report.tree_size, report.root));
}
