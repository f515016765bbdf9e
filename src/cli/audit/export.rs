//! `qinlian audit verify --export`: is an export what the log says? The facts of two bundles go into a database of their
//! own, by the registers' own rows; the fold makes the results again; and what is exported from that has to be the same.
//! Nothing is derived in a second way.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Serialize;

use super::replay::Replay;
use super::{VerifyOptions, answer, keys_of, verified};
use crate::cli::export::moment::Moment;
use crate::cli::export::numbers::Numbers;
use crate::cli::export::sidecar::Sidecar;
use crate::cli::export::whole::{Whole, measure};
use crate::cli::export::write::Written;
use crate::cli::export::{Format, Kind, Order, same, write};
use crate::cli::{Answer, say};
use crate::kernel::{CentreId, DepartmentId, EpochDay, LogId};
use crate::ledger::verify::Report;
use crate::registers::derivation::RULES;

/// What an export was found to be.
#[derive(Debug, Serialize)]
struct Found {
    verified: bool,
    /// The digest that the sidecar says.
    digest: String,
    /// The digest of what the logs say.
    derived: String,
    rows: u64,
    /// Was the file beside the sidecar compared?
    file: &'static str,
    /// What is not as it should be: the row of the file, from 1, when it is in a row.
    first_bad: Option<FirstBad>,
}

#[derive(Debug, Serialize)]
struct FirstBad {
    row: Option<u64>,
    why: String,
}

impl FirstBad {
    fn new(why: impl Into<String>) -> Self {
        Self { row: None, why: why.into() }
    }

    fn row(row: u64) -> Self {
        Self { row: Some(row), why: "the row says something else than the logs".to_owned() }
    }
}

/// Verifies an export against the bundle of its centre's log, which was looked at before, and that of the deployment's.
pub(super) async fn verify(
    options: &VerifyOptions,
    sidecar: &Path,
    report: &Report,
) -> anyhow::Result<Answer> {
    let Some(deployment) = &options.deployment else {
        bail!(
            "--export: results are made of the deployment's log as well, of people, calendars and policies: name its bundle \
             with --deployment (`qinlian audit bundle --centre _ -o DIR` writes it)"
        );
    };
    let mut keys = Vec::new();
    for given in &options.key {
        keys.extend(keys_of(given)?);
    }
    let named = Sidecar::read(sidecar)?;
    let of_deployment = verified(deployment, keys)?;
    for (what, report) in [("bundle", report), ("bundle of the deployment", &of_deployment)] {
        if !report.verified {
            if !options.json {
                say(&format!("The {what} does not verify, so nothing is said of the export."));
            }
            return answer(report, options.json);
        }
    }
    let found = compare(options, deployment, sidecar, &named).await?;
    if options.json {
        let mut all = serde_json::to_value(report)?;
        if let Some(all) = all.as_object_mut() {
            all.insert("verified".to_owned(), found.verified.into());
            all.insert("export".to_owned(), serde_json::to_value(&found)?);
        }
        say(&all.to_string());
    } else {
        say(&report.to_string());
        tell(&found);
    }
    Ok(if found.verified { Answer::Yes } else { Answer::No })
}

fn tell(found: &Found) {
    match &found.first_bad {
        None => {
            say(&format!("the export is what the logs say: {} rows, digest {}", found.rows, found.digest));
            say(&format!("its file: {}", found.file));
        }
        Some(FirstBad { row: Some(row), why }) => {
            say(&format!("THE EXPORT IS NOT VERIFIED: row {row}: {why}"));
        }
        Some(FirstBad { row: None, why }) => say(&format!("THE EXPORT IS NOT VERIFIED: {why}")),
    }
}

async fn compare(
    options: &VerifyOptions,
    deployment: &Path,
    sidecar: &Path,
    named: &Sidecar,
) -> anyhow::Result<Found> {
    ensure!(
        named.rules == RULES,
        "the export is of results under rules {}, and this version derives by rules {RULES}",
        named.rules
    );
    let order = order(named).with_context(|| format!("{}", sidecar.display()))?;
    let replay = Replay::begin().await?;
    let found = again(&replay, options, deployment, sidecar, named, &order).await;
    replay.end().await;
    found
}

async fn again(
    replay: &Replay,
    options: &VerifyOptions,
    deployment: &Path,
    sidecar: &Path,
    named: &Sidecar,
    order: &Order,
) -> anyhow::Result<Found> {
    let deployed = replay.fill(deployment, LogId::DEPLOYMENT, None).await?;
    let log = replay.log_of(&order.centre, deployed.end).await?;
    let own = replay.fill(&options.dir, log, Some(&named.log)).await?;
    let mut found = Found {
        verified: false,
        digest: named.digest.clone(),
        derived: String::new(),
        rows: 0,
        file: "not looked at",
        first_bad: None,
    };
    match &own.root {
        None => {
            let why = format!(
                "the bundle has no tree of {} with {} entries",
                named.log.origin, named.log.tree_size
            );
            found.first_bad = Some(FirstBad::new(why));
            return Ok(found);
        }
        Some(root) if root.to_string() != named.log.root => {
            let why = format!("the log has another root at size {}", named.log.tree_size);
            found.first_bad = Some(FirstBad::new(why));
            return Ok(found);
        }
        Some(_) => {}
    }
    let moment = Moment::before(replay.store(), log, own.end, [own.epochs, deployed.epochs]).await?;
    ensure!(
        moment.at.deployment <= deployed.end,
        "--deployment: the bundle ends before entry {}, which the export is made of; bundle it anew",
        moment.at.deployment.get()
    );
    replay.fold(log).await?;
    let ours = Whole::new(&replay.folder().join("export"))?;
    let Written { digest, rows, .. } = write::write(&moment, order, &Numbers::Unasked, &ours, &[]).await?;
    found.derived = digest;
    found.rows = rows;
    let beside = beside(sidecar, named);
    found.file = if beside.is_none() { "is not beside the sidecar" } else { "is the same" };
    found.first_bad = judge(named, &found.derived, beside.as_deref(), ours.part())?;
    found.verified = found.first_bad.is_none();
    Ok(found)
}

/// The file, if it is where its sidecar says.
fn beside(sidecar: &Path, named: &Sidecar) -> Option<PathBuf> {
    let name = Path::new(&named.file.name).file_name()?;
    Some(sidecar.with_file_name(name)).filter(|path| path.is_file())
}

/// What is wrong, the row of the file first.
fn judge(
    named: &Sidecar,
    derived: &str,
    file: Option<&Path>,
    ours: &Path,
) -> anyhow::Result<Option<FirstBad>> {
    if let Some(file) = file {
        if let Some(row) = same::first_difference(named.file.form, file, ours)? {
            return Ok(Some(FirstBad::row(row)));
        }
        if measure(file)? != (named.file.bytes, named.file.sha256.clone()) {
            let what = if named.file.form == Format::Xlsx { "workbook" } else { "file" };
            let why =
                format!("the {what} is not the one that the sidecar names: its employee numbers may differ");
            return Ok(Some(FirstBad::new(why)));
        }
    }
    let why = "the sidecar has another digest than the logs";
    Ok((named.digest != derived).then(|| FirstBad::new(why)))
}

fn order(named: &Sidecar) -> anyhow::Result<Order> {
    let day = |text: &str| -> anyhow::Result<EpochDay> {
        let date: jiff::civil::Date = text.parse()?;
        Ok(EpochDay::from_ymd(i32::from(date.year()), i32::from(date.month()), i32::from(date.day()))?)
    };
    Ok(Order {
        kind: Kind::parse(&named.kind).context("kind")?,
        centre: CentreId::parse(&named.centre)?,
        from: day(&named.from).context("from")?,
        until: day(&named.until).context("until")?,
        department: named.department.as_deref().map(DepartmentId::parse).transpose()?,
        format: named.file.form,
        reveal: None,
    })
}
