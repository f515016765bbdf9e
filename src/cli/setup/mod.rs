//! `qinlian setup`: a centre from one workbook. Everything in it is checked before anything is written, by the code that
//! takes each of its tables as a CSV file too ([`master`]).

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::{ArgGroup, Args, Subcommand};
use serde::Serialize;

use self::book::Book;
use super::import::master::{self, Became, Kind, Sheet, Stage, Turn};
use super::office::{Office, Opening};
use super::{Answer, Where, quiet_log, say};
use crate::kernel::CentreId;

mod book;
mod errors;
mod template;

const EXAMPLES: &str = "Examples:
  qinlian setup template -o centre.xlsx
  qinlian setup import centre.xlsx --data ./data --centre hall --dry-run
  qinlian setup import centre.xlsx --data ./data --centre hall --apply";

/// What is done with a workbook.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a workbook to be filled in: people, shifts, roster, calendar, leave, and notes
    Template {
        /// Where to; a file that is there stays
        #[arg(short, long, value_name = "FILE.xlsx")]
        output: PathBuf,
    },
    /// Check a workbook, and take all of it or nothing
    Import(Options),
}

/// `qinlian setup import --help`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("turn").required(true).args(["dry_run", "apply"]), after_help = EXAMPLES)]
pub(super) struct Options {
    /// The workbook
    file: PathBuf,
    #[command(flatten)]
    place: Where,
    /// The centre
    #[arg(long, value_name = "CODE")]
    centre: String,
    /// Say what would become of each row; write nothing
    #[arg(long)]
    dry_run: bool,
    /// Take the workbook, if every row of it is good
    #[arg(long)]
    apply: bool,
    /// Where a copy goes that says in each wrong row what is wrong; beside the workbook unless given
    #[arg(short, long, value_name = "ERRORS.xlsx")]
    output: Option<PathBuf>,
    /// The name of the notice that the calendar's days are from
    #[arg(long, value_name = "NAME")]
    notice: Option<String>,
    /// Answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// What became of a workbook.
#[derive(Debug, Serialize)]
struct Report {
    applied: bool,
    sheets: Vec<SheetReport>,
    errors: Option<String>,
    tree_size: u64,
    root: String,
}

/// What became of a sheet.
#[derive(Debug, Serialize)]
struct SheetReport {
    sheet: &'static str,
    lines: u64,
    accepted: u64,
    duplicate: u64,
    quarantined: u64,
    refused: Vec<Refused>,
}

/// A row that is wrong.
#[derive(Debug, Serialize)]
struct Refused {
    line: u64,
    reason: &'static str,
    detail: String,
}

/// Runs `setup`.
pub(super) async fn run(command: Command) -> anyhow::Result<Answer> {
    quiet_log();
    match command {
        Command::Template { output } => {
            template::write(&output)?;
            say(&format!("{} is there to be filled in", output.display()));
            Ok(Answer::Yes)
        }
        Command::Import(options) => import(&options).await,
    }
}

async fn import(options: &Options) -> anyhow::Result<Answer> {
    let errors = options.output.clone().unwrap_or_else(|| beside(&options.file));
    ensure!(errors != options.file, "--output: the workbook itself is left as it is");
    let book = Book::read(&options.file)?;
    let sheets = book.sheets().with_context(|| options.file.display().to_string())?;
    let office = Office::open(options.place.load()?, Opening::default()).await?;
    let taken = take(&office, options, &sheets).await;
    office.close().await;
    let (mut report, became) = taken?;
    let is_good = report.sheets.iter().all(|sheet| sheet.refused.is_empty());
    if !is_good {
        errors::write(&book, &sheets, &became, &errors)?;
        report.errors = Some(errors.display().to_string());
    }
    if options.json {
        say(&serde_json::to_string(&report)?);
    } else {
        tell(&report);
    }
    Ok(if is_good { Answer::Yes } else { Answer::No })
}

/// The workbook's name with a word behind it.
fn beside(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!("{stem}-errors.xlsx"))
}

/// Checks every sheet, each on top of those before it; takes them only where all of that is good.
async fn take(office: &Office, options: &Options, sheets: &[Sheet]) -> anyhow::Result<(Report, Vec<Became>)> {
    let centre = CentreId::parse(&options.centre).context("--centre")?;
    ensure!(!centre.is_deployment(), "--centre: a workbook is of one centre");
    let notice = options.notice.as_deref();
    let mut stage = Stage::open(office, &centre).await?;
    let mut became = Vec::with_capacity(sheets.len());
    for sheet in sheets {
        became.push(master::take(&mut stage, sheet, notice, Turn::Rehearse).await?);
    }
    let applied = options.apply && became.iter().all(|sheet| sheet.refused.is_empty());
    if applied {
        became.clear();
        for sheet in sheets {
            let mut stage = Stage::open(office, &centre).await?;
            became.push(master::take(&mut stage, sheet, notice, Turn::Store).await?);
        }
    }
    let (head, _) = office.desk.ledger().reader().head(stage.log).await?;
    let (tree_size, root) = (head.size, head.root.to_string());
    let sheets = sheets.iter().zip(&became).map(|(sheet, became)| of_sheet(sheet.kind, became)).collect();
    Ok((Report { applied, sheets, errors: None, tree_size, root }, became))
}

fn of_sheet(kind: Kind, became: &Became) -> SheetReport {
    let refused = became.refused.iter().map(|(line, wrong)| Refused {
        line: *line,
        reason: wrong.reason,
        detail: wrong.said.en.clone(),
    });
    let refused: Vec<Refused> = refused.collect();
    let lines = became.accepted + became.duplicate + u64::try_from(refused.len()).unwrap_or(u64::MAX);
    let (accepted, duplicate) = (became.accepted, became.duplicate);
    SheetReport { sheet: kind.word(), lines, accepted, duplicate, quarantined: 0, refused }
}

fn tell(report: &Report) {
    let stored = if report.applied { "stored" } else { "would be stored" };
    for sheet in &report.sheets {
        let SheetReport { sheet, lines, accepted, duplicate, refused, .. } = sheet;
        let wrong = refused.len();
        say(&format!(
            "{sheet:>8}: {lines} lines, {accepted} {stored}, {duplicate} stood already, {wrong} wrong"
        ));
        for Refused { line, reason, detail } in refused {
            say(&format!("          line {line}: {reason} ({detail})"));
        }
    }
    if let Some(errors) = &report.errors {
        say(&format!("{errors} says so in each wrong row"));
    }
    if !report.applied {
        say("nothing was written");
    }
    say(&format!("the log now has {} entries, root {}", report.tree_size, report.root));
}
