//! Master data: people, shifts, rosters, calendars, leave; from a CSV file each, or from the sheets of a workbook.
//!
//! A file becomes a [`Sheet`], whatever it was. A kind has a file that reads its lines, compares them with what stands,
//! has the rest judged by the rule on a [`Stage`], and hands in what was judged to be good. So a rehearsal says what an
//! import does, and an import that is repeated finds that everything stands.
//!
//! One more kind is a variant of [`Kind`] with its columns, such a file, and a line in [`take`].

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;

use super::{Report, answer, encoding, punches};
use crate::cli::office::{Office, Opening};
use crate::cli::{Answer, Where};
use crate::kernel::{CentreId, EpochDay, Said};

mod kinds;
mod wrong;

mod cell;
mod sheet;

mod csv;

mod became;
mod code;
mod stage;
mod store;

mod calendar;
mod leave;
mod people;
mod people_here;
mod people_store;
mod roster;
mod shifts;

pub(in crate::cli) use became::Became;
pub(in crate::cli) use kinds::{
    CALENDAR_HELP, ERROR, Kind, LEAVE_HELP, PEOPLE_HELP, ROSTER_HELP, SHIFTS_HELP,
};
pub(in crate::cli) use sheet::{Cell, EXAMPLE, Headings, Sheet};
pub(in crate::cli) use stage::Stage;
pub(in crate::cli) use store::Turn;
pub(in crate::cli) use wrong::Wrong;

/// `qinlian import people --help`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// The file: headings, then lines
    file: PathBuf,
    #[command(flatten)]
    place: Where,
    /// The centre
    #[arg(long, value_name = "CODE")]
    centre: String,
    /// The encoding of the file; UTF-16 is known by its byte order mark
    #[arg(long, value_enum, default_value = "utf-8")]
    encoding: encoding::Asked,
    /// Say what would become of each line; write nothing
    #[arg(long)]
    dry_run: bool,
    /// Answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// `qinlian import calendar --help`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CalendarOptions {
    #[command(flatten)]
    pub(super) table: Options,
    /// The name of the notice that sets the days apart
    #[arg(long, value_name = "NAME")]
    pub(super) notice: Option<String>,
}

/// Runs `import` for a kind.
pub(super) async fn run(kind: Kind, options: &Options, notice: Option<&str>) -> anyhow::Result<Answer> {
    let sheet = csv::read(&options.file, kind, options.encoding)?;
    let turn = if options.dry_run { Turn::Rehearse } else { Turn::Store };
    let office = Office::open(options.place.load()?, Opening::default()).await?;
    let report = import(&office, &options.centre, &sheet, notice, turn).await;
    office.close().await;
    answer(&report?, options.json, options.dry_run)
}

async fn import(
    office: &Office,
    centre: &str,
    sheet: &Sheet,
    notice: Option<&str>,
    turn: Turn,
) -> anyhow::Result<Report> {
    let centre = CentreId::parse(centre).context("--centre")?;
    ensure!(
        !centre.is_deployment() || sheet.kind == Kind::Calendar,
        "--centre: only a calendar may be the whole deployment's"
    );
    let mut stage = Stage::open(office, &centre).await?;
    let became = take(&mut stage, sheet, notice, turn).await?;
    let report = Report {
        accepted: became.accepted,
        duplicate: became.duplicate,
        refused: became.refused.into_iter().map(|(line, wrong)| wrong.refuses(line)).collect(),
        ..Report::default()
    };
    punches::finish(office, stage.log, report).await
}

/// Takes a table: each line is stored, or stood already, or is refused.
pub(in crate::cli) async fn take(
    stage: &mut Stage<'_>,
    sheet: &Sheet,
    notice: Option<&str>,
    turn: Turn,
) -> anyhow::Result<Became> {
    match sheet.kind {
        Kind::People => people::take(stage, sheet, turn).await,
        Kind::Shifts => shifts::take(stage, sheet, turn).await,
        Kind::Roster => roster::take(stage, sheet, turn).await,
        Kind::Calendar => calendar::take(stage, sheet, notice, turn).await,
        Kind::Leave => leave::take(stage, sheet, turn).await,
    }
}

/// The day in a cell; none where it is empty.
fn day(row: &sheet::Row<'_>, name: &str) -> Result<Option<EpochDay>, Wrong> {
    let (column, text) = row.get(name)?;
    if text.is_empty() {
        return Ok(None);
    }
    let said = || Said::new("应为日期，如 2026-11-02", "a day like 2026-11-02");
    cell::day(text).map(Some).ok_or_else(|| Wrong::of(column, "BAD_DATE", &said()))
}
