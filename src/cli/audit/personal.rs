//! The personal parts of a bundle: which, and the record of their reading before it.

use anyhow::{Context, anyhow, bail};
use jiff::civil;

use super::{BundleOptions, Purpose};
use crate::cli::office::{Office, explain};
use crate::clock::random;
use crate::kernel::{CentreId, EpochMs, LogId, PersonId, RequestId, Words, Zone};
use crate::ledger::bundle::Wanted;
use crate::ledger::disclosure::Disclosure;
use crate::ledger::port::Submission;
use crate::proto::{DisclosureFact, read, reveal};
use crate::registers::audit::fact::Command;
use crate::registers::desk::Desk;
use crate::registers::failure::Failure;
use crate::registers::rulebook::{about, local_administrator};

/// What the record names as the call.
const CALL: &str = "qinlian audit bundle";

/// Puts the read on record and selects; `None` where no personal parts are asked for.
pub(super) async fn read(
    office: &Office,
    options: &BundleOptions,
) -> anyhow::Result<Option<(Disclosure, Wanted)>> {
    let Some(reason) = &options.reason else { return Ok(None) };
    let reason = Words::parse(reason).map_err(|(_, said)| anyhow!("--reason: {}", said.en))?;
    let code = CentreId::parse(&options.centre).context("--centre")?;
    let log = office.log_of(&code).await?;
    let zone = zone_of(office, &code).await?;
    let instant = |option: &str, text: &Option<String>| {
        let parsed = text.as_deref().map(|text| instant_of(&zone, text)).transpose();
        parsed.with_context(|| option.to_owned())
    };
    let mut of = Wanted {
        entries: None,
        from: instant("--from", &options.from)?,
        until: instant("--until", &options.until)?,
    };
    if of.from.zip(of.until).is_some_and(|(from, until)| from >= until) {
        bail!("--until: is not after --from");
    }
    let mut scope = "bundle".to_owned();
    if let Some(person) = &options.person {
        let person = PersonId::parse(person).context("--person")?;
        let mut tx = office.desk.store().snapshot().await?;
        let entries = about(&mut tx, log, &person).await?;
        if entries.is_empty() {
            bail!("--person: the log of {code} has no entry about {person}");
        }
        of.entries = Some(entries);
        scope = format!("bundle/{person}");
    }
    let purpose = match options.purpose {
        Purpose::Audit => reveal::Purpose::Audit,
        Purpose::Investigation => reveal::Purpose::Investigation,
        Purpose::SubjectRequest => reveal::Purpose::SubjectRequest,
    };
    let disclosure = on_record(&office.desk, log, (CALL, purpose, scope), reason).await;
    Ok(Some((disclosure.map_err(explain)?, of)))
}

/// Puts a read on record, as the local administrator's: the call, for what and which content, and why.
pub(in crate::cli) async fn on_record(
    desk: &Desk,
    log: LogId,
    (call, purpose, scope): (&str, reveal::Purpose, String),
    reason: Words,
) -> Result<Disclosure, Failure> {
    let fact = DisclosureFact {
        kind: read::Kind::Read.into(),
        rpc: call.to_owned(),
        purpose: purpose.into(),
        scope,
        session: Vec::new(),
        until_ms: 0,
    };
    let submission = Submission {
        log,
        request_id: RequestId::random(random(&**desk.ledger().clock())),
        author: local_administrator(),
        command: Command::Disclose { fact, reason }.into(),
    };
    Ok(desk.ledger().disclose(submission).await?)
}

async fn zone_of(office: &Office, code: &CentreId) -> anyhow::Result<Zone> {
    let deployment = office.desk.directory(LogId::DEPLOYMENT).await?;
    let name = deployment.centre(code).map_or("UTC", |(_, centre)| centre.timezone.as_str());
    Ok(Zone::parse(name)?)
}

/// An instant of RFC 3339, or the beginning of a day in a zone.
fn instant_of(zone: &Zone, text: &str) -> anyhow::Result<EpochMs> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(EpochMs::new(instant.as_millisecond())?);
    }
    let day: civil::Date =
        text.parse().ok().with_context(|| format!("{text:?} is no day, and no time in UTC"))?;
    Ok(zone.instant_of(day.at(0, 0, 0, 0))?)
}
