//! `qinlian audit`: bundles for somebody outside, their verification without us, and the database against its ledger.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};

use super::office::{Office, Opening};
use super::{Answer, Where, quiet_log, say};
use crate::config::Config;
use crate::kernel::{CentreId, LogId};
use crate::ledger::bundle::{BundleRequest, Shown, Summary, write_folder};
use crate::ledger::check::{CheckOptions, CheckReport, Finding, Weight, check};
use crate::ledger::keys::Keys;
use crate::ledger::port::Rulebook;
use crate::ledger::verify::{Folder, Options, Report, verify};
use crate::registers::derivation;
use crate::registers::rulebook::Registers;
use crate::results::{self, Audited, Difference};
use crate::tlog::{CosignatureKey, Policy, VerifierKey, parse_cosignature_key};

mod export;
mod personal;
mod replay;

pub(in crate::cli) use personal::on_record;

/// What is audited.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write everything that an outsider needs to verify one log
    Bundle(BundleOptions),
    /// Verify a bundle: no database, no network, no server
    Verify(VerifyOptions),
    /// Compare the database with its own ledger
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub(super) struct BundleOptions {
    #[command(flatten)]
    place: Where,
    /// Whose log; _ is the deployment's
    #[arg(long, value_name = "CODE")]
    centre: String,
    /// The folder to make; personal parts are left out unless they are asked for
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// With the personal parts of the entries about this person
    #[arg(long, value_name = "ID", requires = "reason")]
    person: Option<String>,
    /// With the personal parts of entries recorded at this time or later: a day in the centre, or 2026-11-02T08:00:00Z
    #[arg(long, value_name = "TIME", requires = "reason")]
    from: Option<String>,
    /// With the personal parts of entries recorded before this time
    #[arg(long, value_name = "TIME", requires = "reason")]
    until: Option<String>,
    /// Why personal parts are read; it goes on record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// For what
    #[arg(long, value_enum, default_value = "audit", requires = "reason")]
    purpose: Purpose,
}

/// What personal parts are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Purpose {
    /// To audit
    Audit,
    /// To look into something
    Investigation,
    /// Because the person concerned asks
    SubjectRequest,
}

#[derive(Debug, Args)]
pub(super) struct VerifyOptions {
    /// The bundle
    dir: PathBuf,
    /// The verifier key of the log, a line, or a file with such lines
    #[arg(long, value_name = "FILE|LINE", required = true)]
    key: Vec<String>,
    /// Which witnesses are believed, and how many it takes (c2sp.org/tlog-policy)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A signed checkpoint that was seen before: the log must have grown from it
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// The sidecar of an export: is it what the log says? Its file, beside it, is compared row by row
    #[arg(long, value_name = "FILE.json")]
    export: Option<PathBuf>,
    /// The bundle of the deployment's log, which results are made of as well
    #[arg(long, value_name = "DIR", requires = "export")]
    deployment: Option<PathBuf>,
    /// Answer as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    place: Where,
    /// Answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `audit`.
pub(super) async fn run(command: Command) -> anyhow::Result<Answer> {
    quiet_log();
    match command {
        Command::Bundle(options) => {
            let office = Office::open(options.place.load()?, Opening::default()).await?;
            let summary = match personal::read(&office, &options).await? {
                None => bundle(&office, &options.centre, &options.out, None).await?,
                Some((on_record, of)) => {
                    let shown = Shown { on_record: &on_record, of: &of };
                    bundle(&office, &options.centre, &options.out, Some(shown)).await?
                }
            };
            let vkeys = office.write_verifier_keys().await?;
            office.close().await;
            say(&format!(
                "{} files, {} bytes: the log of {} to size {}",
                summary.files, summary.bytes, options.centre, summary.size
            ));
            say("Give it away with the log's verifier key:");
            let origin = format!("centre/{}", options.centre);
            let wanted = if options.centre == "_" { "deployment" } else { origin.as_str() };
            for line in
                vkeys.lines().filter(|line| line.split('+').next().is_some_and(|o| o.contains(wanted)))
            {
                say(line);
            }
            Ok(Answer::Yes)
        }
        Command::Verify(options) => {
            let report = verify_folder(&options)?;
            match &options.export {
                Some(sidecar) => export::verify(&options, sidecar, &report).await,
                None => answer(&report, options.json),
            }
        }
        Command::Check(options) => {
            let office = Office::open(options.place.load()?, Opening::default()).await?;
            let found = check_office(&office).await?;
            office.close().await;
            if !options.json {
                for finding in &found.findings {
                    say(&format!(
                        "{:?} log {} {} {} {}: {}",
                        finding.weight, finding.log, finding.table, finding.row, finding.column, finding.why
                    ));
                }
            }
            answer(&found.report(), options.json)
        }
    }
}

fn answer(report: &Report, json: bool) -> anyhow::Result<Answer> {
    say(&if json { serde_json::to_string(report)? } else { report.to_string() });
    Ok(if report.verified { Answer::Yes } else { Answer::No })
}

/// The witnesses that the configuration names.
pub(super) fn witnesses(config: &Config) -> anyhow::Result<Vec<CosignatureKey>> {
    let key = |vkey: &String| parse_cosignature_key(vkey).with_context(|| format!("the witness key {vkey}"));
    config.witnesses.iter().map(|witness| key(&witness.vkey)).collect()
}

/// Writes a bundle; without what is shown it holds no personal parts.
pub async fn bundle(
    office: &Office,
    centre: &str,
    out: &Path,
    personal: Option<Shown<'_>>,
) -> anyhow::Result<Summary> {
    let log = office.log_of(&CentreId::parse(centre).context("--centre")?).await?;
    let request = BundleRequest {
        log,
        personal_tables: office.desk.registers().personal_tables(),
        personal,
        witnesses: &witnesses(&office.config)?,
    };
    write_folder(office.desk.ledger().reader(), request, out)
        .await
        .with_context(|| format!("failed to bundle into {}", out.display()))
}

/// Compares a database with its ledger.
pub async fn check_office(office: &Office) -> anyhow::Result<CheckReport> {
    let witnesses = witnesses(&office.config)?;
    let options = CheckOptions {
        deployment: &office.config.deployment,
        anchor: Some(office.desk.ledger().anchor()),
        witnessed: None,
        witnesses: &witnesses,
    };
    let reader = office.desk.ledger().reader();
    let mut found = check(reader, &**office.desk.registers(), &options).await?;
    let folder = results::Folder::new(
        office.desk.store().clone(),
        derivation::registered(office.desk.ledger().clone()),
    );
    for (log, _) in reader.logs().await? {
        // Results are made of the registers' rows: where those are not the ledger's, they are what is told.
        let of_rows = |finding: &Finding| {
            finding.weight == Weight::Bad && [log.column(), LogId::DEPLOYMENT.column()].contains(&finding.log)
        };
        if found.findings.iter().any(of_rows) {
            continue;
        }
        let findings = match folder.audit(log).await? {
            Audited::NotFolded => Vec::new(),
            Audited::CannotTell => {
                let why = "what these results were made of is no longer here: they cannot be made again";
                vec![Finding::new(Weight::Note, log, "result_head", String::new(), "feed", why)]
            }
            Audited::Compared { differences, .. } => {
                let of = |difference: Difference| {
                    let Difference { table, row, column, why } = difference;
                    Finding::new(Weight::Bad, log, table, row, column, why)
                };
                differences.into_iter().map(of).collect()
            }
        };
        found.extend(findings);
    }
    Ok(found)
}

/// What the verifier needs to know of what entries mean; no key of a deployment is needed for that.
pub fn meaning() -> Registers {
    Registers::new(Arc::new(Keys::new(&[0; 32], &[0; 32])))
}

fn verify_folder(options: &VerifyOptions) -> anyhow::Result<Report> {
    if !options.dir.is_dir() {
        bail!("{} is no folder", options.dir.display());
    }
    let mut keys = Vec::new();
    for given in &options.key {
        keys.extend(keys_of(given)?);
    }
    let mut wanted = Options::new(keys);
    if let Some(path) = &options.policy {
        wanted.policy = Some(Policy::parse(&text(path)?).context("--policy")?);
    }
    wanted.since = options.since.as_deref().map(text).transpose()?;
    Ok(verify(&Folder(options.dir.clone()), &wanted, &meaning()))
}

/// What a bundle is, by these keys alone.
fn verified(dir: &Path, keys: Vec<VerifierKey>) -> anyhow::Result<Report> {
    if !dir.is_dir() {
        bail!("{} is no folder", dir.display());
    }
    Ok(verify(&Folder(dir.to_owned()), &Options::new(keys), &meaning()))
}

/// A key, or the keys of a file.
pub(super) fn keys_of(given: &str) -> anyhow::Result<Vec<VerifierKey>> {
    let path = Path::new(given);
    let lines = if path.is_file() { text(path)? } else { given.to_owned() };
    let keys: Vec<VerifierKey> = lines
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| VerifierKey::parse(line).with_context(|| format!("--key: {line} is no verifier key")))
        .collect::<anyhow::Result<_>>()?;
    if keys.is_empty() {
        bail!("--key: {given} holds no key");
    }
    Ok(keys)
}

fn text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}
