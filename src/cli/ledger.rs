//! `qinlian ledger`: what somebody at the machine has to decide deliberately.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::office::{self, Office, Opening};
use super::{Answer, Where, quiet_log, say};
use crate::clock::SystemClock;
use crate::kernel::CentreId;
use crate::ledger::anchor::Anchor;
use crate::ledger::erase::Erasures;
use crate::ledger::restore::{Restore, Which};
use crate::proto::RulesFact;
use crate::registers::audit::fact::Command as Audit;
use crate::registers::audit::service::restore::adopt_restore;
use crate::registers::derivation::RULES;
use crate::registers::rulebook::Registers;
use crate::store::OpenMode;

/// What is decided.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// After an older copy of the database was put back: go on as a new epoch, and list what was lost
    AdoptRestore(AdoptRestore),
    /// The server's clock is right although it was stepped
    AcceptClock(Where),
    /// Derive results by this version's rules from here on
    AdoptRules(Where),
}

#[derive(Debug, Args)]
pub(super) struct AdoptRestore {
    #[command(flatten)]
    place: Where,
    /// Only these centres (_ is the deployment), whatever the anchor says
    #[arg(long, value_name = "CODE")]
    centre: Vec<String>,
}

/// Runs `ledger`.
pub(super) async fn run(command: Command) -> anyhow::Result<Answer> {
    quiet_log();
    match command {
        Command::AdoptRestore(options) => adopt(&options).await,
        Command::AcceptClock(place) => {
            each(&place, "the clock", |office| Audit::AcceptClock { to: office.clock.now() }).await
        }
        Command::AdoptRules(place) => {
            each(&place, "the rules", |_| Audit::Rules(RulesFact { rules: RULES })).await
        }
    }
}

/// Gives a command to every log.
async fn each(place: &Where, what: &str, command: impl Fn(&Office) -> Audit) -> anyhow::Result<Answer> {
    let office = Office::open(place.load()?, Opening::default()).await?;
    let mut all = true;
    for (log, centre) in office.desk.ledger().reader().logs().await? {
        match office.administer(log, command(&office)).await {
            Ok(_) => say(&format!("{centre}: {what} is on record")),
            Err(error) => {
                all = false;
                say(&format!("{centre}: {error:#}"));
            }
        }
    }
    office.close().await;
    Ok(if all { Answer::Yes } else { Answer::No })
}

async fn adopt(options: &AdoptRestore) -> anyhow::Result<Answer> {
    let config = options.place.load()?;
    if !config.files.anchor.exists() {
        bail!("{} is not there: without an anchor nobody knows what was lost", config.files.anchor.display());
    }
    let store = office::open_store(&config, OpenMode::Existing).await?;
    store.migrate().await?;
    let keys = office::read_keys(&config)?;
    let registers = Registers::new(std::sync::Arc::clone(&keys));
    let clock = SystemClock::new();
    let anchor = Anchor::open(&config.files.anchor).context("failed to open the anchor")?;
    let erasures = Erasures::open(&config.files.erasures).context("failed to open the list of erasures")?;
    let centres: Vec<CentreId> = options
        .centre
        .iter()
        .map(|code| CentreId::parse(code).context("--centre"))
        .collect::<anyhow::Result<_>>()?;
    let which = if centres.is_empty() { Which::Behind } else { Which::Named(centres) };
    let restore = Restore {
        store: &store,
        keys,
        clock: &clock,
        rulebook: &registers,
        anchor: &anchor,
        erasures: &erasures,
        witnessed: &[],
        deployment: &config.deployment,
    };
    let adopted = adopt_restore(&restore, &which).await?;
    if adopted.is_empty() {
        say("No log is behind what this replica saw: nothing was adopted.");
        return Ok(Answer::No);
    }
    for log in &adopted {
        say(&format!(
            "{}: epoch {} begins at position {}, as {}",
            log.centre, log.epoch, log.base, log.origin
        ));
        if log.lost.is_empty() {
            say("  no entry that is known was lost");
        } else {
            say(&format!(
                "  lost: entries {} to {} of {}; whoever holds their receipts can prove them",
                log.lost.start,
                log.lost.end - 1,
                log.old_origin
            ));
        }
        for (origin, known) in &log.lost_epochs {
            say(&format!("  lost whole: {origin}, {} entries", known.size));
        }
        if !log.erased_again.is_empty() {
            say(&format!("  erased again: {} parts", log.erased_again.len()));
        }
    }
    store.close().await;
    let office = Office::open(config, Opening::default()).await?;
    let lines = office.write_verifier_keys().await?;
    office.close().await;
    say("Verifier keys, one line per log and epoch:");
    say(lines.trim_end());
    Ok(Answer::Yes)
}
