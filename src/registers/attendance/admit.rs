//! The rule of the attendance register: what is malformed or names no device of ours is refused; what is odd is stored
//! and flagged, because it may be true (rule R3). Pure.

use std::sync::Arc;

use prost::Message;

use super::coverage::{self, Proposal};
use super::fact::{self, Command, Import, Punch, Source, Who};
use super::known::Known;
use super::losses;
use super::refusal::Refusal;
use super::signature;
use super::state::State;
use crate::kernel::{DeviceId, EpochDay, EpochMs, Pos, Reason, Words, Zone};
use crate::ledger::port::Slot;
use crate::proto::device::Kind;
use crate::proto::fact::Fact as Of;
use crate::proto::{
    ConflictFact, CoverageDeclarationFact, CoverageFact, Device, DeviceOutageEndFact, DeviceOutageFact, Fact,
    PunchFact, PunchFlag, RemarkPersonal,
};
use crate::registers::directory::admit::Seen;
use crate::registers::kind;
use crate::registers::stamp::Arrival;
use crate::registers::stamp::effective::{self, Stamped};
use crate::registers::verdict::{Accepted, Moment, Personal, Verdict};

/// A claim of more than 2 s after the server's time.
const FUTURE_MS: i64 = 2_000;
/// A terminal keeps its journal for at least 45 days; a claim from before that is odd. 45 × 86,400,000.
const OLD_MS: i64 = 3_888_000_000;

/// Accept, or a reason to refuse.
pub fn admit(command: &Command, state: &State, seen: Seen<'_>, moment: &Moment<'_>) -> Verdict {
    let unknown = Known::default();
    let known = state.known(moment.log).unwrap_or(&unknown);
    let decided = match command {
        Command::Punch(punch) => admit_punch(punch, state, seen, moment),
        Command::Coverage(proposals) => admit_coverage(proposals, known, seen, moment),
        Command::Outage { device, from, reason } => begin_outage(device, *from, reason, known, seen),
        Command::OutageEnd { device, until } => end_outage(device, *until, known, seen),
        Command::Import(import) => admit_import(import, seen, moment),
        Command::JournalLoss { device, first, last, reason } => {
            losses::declare(device, (*first, *last), reason, known, seen, moment)
        }
        Command::JournalLossSignature { loss } => losses::sign(*loss, state, known, moment),
        Command::DeclareCoverage { device, complete_through, reason } => {
            declare_coverage(device, *complete_through, reason, seen, moment)
        }
    };
    match decided {
        Ok(accepted) => Ok(Accepted { kind: command.kind(), ..accepted }),
        Err(refusal) => Err(Arc::new(refusal) as Arc<dyn Reason>),
    }
}

/// The record of a journal place that was claimed twice.
pub fn conflict(slot: &Slot, first: Pos, digest: [u8; 32]) -> Accepted {
    let fact = ConflictFact {
        first: first.get(),
        device: slot.device.clone(),
        journal: slot.journal.get(),
        device_seq: slot.seq,
        digest: digest.to_vec(),
    };
    Accepted {
        kind: kind::CONFLICT,
        refers_to: Some(first),
        facts: vec![Fact { fact: Some(Of::Conflict(fact)) }],
        ..Accepted::default()
    }
}

pub(super) fn device<'a>(device: &DeviceId, seen: Seen<'a>) -> Result<&'a Device, Refusal> {
    seen.own.device(device.as_str()).ok_or(Refusal::UnknownDevice)
}

fn admit_punch(
    punch: &Punch,
    state: &State,
    seen: Seen<'_>,
    moment: &Moment<'_>,
) -> Result<Accepted, Refusal> {
    let stamp = &punch.stamp;
    let device = device(&stamp.device, seen)?;
    match (punch.source, device.kind == i32::from(Kind::ImportSource)) {
        (Source::Import, false) => return Err(Refusal::NotAnImportSource),
        (Source::Live | Source::Upload, true) => return Err(Refusal::NotATerminal),
        (Source::Import, true) | (Source::Live | Source::Upload, false) => {}
    }
    let arrival = state.arrival(moment.log, device, (punch.source, stamp), moment.at);
    let mut said = PunchFact {
        journal: if stamp.seq > 0 { device.journal } else { 0 },
        contact: arrival.contact.clone(),
        live: punch.source == Source::Live,
        ..punch.said()
    };
    let mut flags = about_device(punch, device, &arrival, moment);
    // The day is that of the best time there is now; a wrong clock makes nobody a stranger.
    let zone = seen.deployment.zone(moment.centre).or_else(|| Zone::parse("").ok());
    let happened = effective::near(&Stamped::of(&said, moment.at));
    let day = zone.map_or(EpochDay::from_column(0), |zone| zone.day_of(happened));
    let (person_id, odd) = about_person(&punch.who, seen, day);
    flags.extend(odd);
    flags.extend(punch.is_fallback().then_some(PunchFlag::FallbackCredential));
    if let Some(witness) = &punch.witness {
        let (witness_person_id, odd) = about_person(witness, seen, day);
        flags.extend((!vouches(&witness_person_id, odd, &person_id)).then_some(PunchFlag::UnprovenWitness));
        said.witness_person_id = witness_person_id;
    }
    flags.sort_unstable();
    said.person_id = person_id;
    said.flags = flags.into_iter().map(i32::from).collect();
    Ok(Accepted {
        claimed: Some(stamp.claimed),
        personal: punch.personal().map(|personal| Personal {
            schema: fact::PUNCH_PERSONAL_SCHEMA,
            payload: personal.encode_to_vec(),
        }),
        contiguous_through: (stamp.seq > 0).then_some(arrival.through),
        facts: vec![Fact { fact: Some(Of::Punch(said)) }],
        ..Accepted::default()
    })
}

/// May somebody vouch for the person? A colleague may, of whichever centre.
fn vouches(witness: &str, odd: Option<PunchFlag>, person: &str) -> bool {
    let known = matches!(odd, None | Some(PunchFlag::NotAssignedHere));
    known && witness != person
}

fn about_device(punch: &Punch, device: &Device, arrival: &Arrival, moment: &Moment<'_>) -> Vec<PunchFlag> {
    let (stamp, imported) = (&punch.stamp, punch.source == Source::Import);
    let signed = device.public_key.is_empty()
        || punch.verified_by.is_some_and(|key| key.as_slice() == device.public_key)
        || signature::is_good(&device.public_key, moment.centre, punch);
    let age_ms = moment.at.since(stamp.claimed);
    let table = [
        (PunchFlag::FutureTime, age_ms < -FUTURE_MS),
        // A file may well be older than a terminal's journal.
        (PunchFlag::OldTime, age_ms > OLD_MS && !imported),
        (PunchFlag::BadSignature, !signed && !imported),
        (PunchFlag::JournalGap, arrival.leaves_gap),
        (PunchFlag::DeviceRetired, device.retired),
        (PunchFlag::FromImport, imported),
    ];
    table.into_iter().filter(|(_, holds)| *holds).map(|(flag, _)| flag).collect()
}

/// Who a punch is of, empty when nobody is known, and what is odd about them.
fn about_person(who: &Who, seen: Seen<'_>, day: EpochDay) -> (String, Option<PunchFlag>) {
    let person_id = person(who, seen, day);
    let flag = match seen.deployment.person(&person_id) {
        None => Some(PunchFlag::UnknownPerson),
        Some(person) if person.retired => Some(PunchFlag::PersonRetired),
        Some(_) if seen.own.assignment(&person_id, day).is_none() => Some(PunchFlag::NotAssignedHere),
        Some(_) => None,
    };
    (person_id, flag)
}

fn person(who: &Who, seen: Seen<'_>, day: EpochDay) -> String {
    match who {
        Who::Person(person) => person.to_string(),
        Who::Credential(kind, hmac) => {
            seen.own.person_for(i32::from(*kind), hmac, day).unwrap_or_default().to_owned()
        }
    }
}

fn admit_coverage(
    proposals: &[Proposal],
    known: &Known,
    seen: Seen<'_>,
    moment: &Moment<'_>,
) -> Result<Accepted, Refusal> {
    let due = proposals.iter().filter_map(|Proposal { contact, .. }| {
        let device = seen.own.device(contact.device.as_str())?;
        if device.journal != contact.journal.get() {
            return None;
        }
        let through = known.accounted_through(&device.device, contact.journal);
        coverage::due(known.covered(&device.device), contact, through, moment.at)
    });
    let devices = coverage::worth_recording(due.collect());
    if devices.is_empty() {
        return Err(Refusal::NothingNew);
    }
    Ok(Accepted {
        facts: vec![Fact { fact: Some(Of::Coverage(CoverageFact { devices })) }],
        ..Accepted::default()
    })
}

fn begin_outage(
    of: &DeviceId,
    from: EpochMs,
    reason: &Words,
    known: &Known,
    seen: Seen<'_>,
) -> Result<Accepted, Refusal> {
    device(of, seen)?;
    if known.outage(of.as_str()).is_some() {
        return Err(Refusal::OutageOpen);
    }
    let fact = DeviceOutageFact { device: of.to_string(), from_ms: from.get() };
    let remark = RemarkPersonal { reason: reason.as_str().to_owned(), ..RemarkPersonal::default() };
    Ok(Accepted {
        claimed: Some(from),
        facts: vec![Fact { fact: Some(Of::DeviceOutage(fact)) }],
        personal: Some(Personal::remark(&remark)),
        ..Accepted::default()
    })
}

fn end_outage(of: &DeviceId, until: EpochMs, known: &Known, seen: Seen<'_>) -> Result<Accepted, Refusal> {
    device(of, seen)?;
    let from = known.outage(of.as_str()).ok_or(Refusal::NoOutage)?;
    if until <= from {
        return Err(Refusal::EndsBeforeItBegins);
    }
    let fact = DeviceOutageEndFact { device: of.to_string(), until_ms: until.get() };
    Ok(Accepted {
        claimed: Some(until),
        facts: vec![Fact { fact: Some(Of::DeviceOutageEnd(fact)) }],
        ..Accepted::default()
    })
}

fn admit_import(import: &Import, seen: Seen<'_>, moment: &Moment<'_>) -> Result<Accepted, Refusal> {
    // It would prove absences that have not happened, and is not taken back.
    if import.complete_through.is_some_and(|through| through > moment.at) {
        return Err(Refusal::CompleteInTheFuture);
    }
    if device(&import.device, seen)?.kind != i32::from(Kind::ImportSource) {
        return Err(Refusal::NotAnImportSource);
    }
    let remark = import.remark();
    let personal = (remark != RemarkPersonal::default()).then(|| Personal::remark(&remark));
    Ok(Accepted {
        claimed: import.complete_through,
        facts: vec![Fact { fact: Some(Of::Import(import.fact())) }],
        personal,
        ..Accepted::default()
    })
}

fn declare_coverage(
    of: &DeviceId,
    through: EpochMs,
    reason: &Words,
    seen: Seen<'_>,
    moment: &Moment<'_>,
) -> Result<Accepted, Refusal> {
    if !moment.is_a_persons() {
        return Err(Refusal::NotAPerson);
    }
    if through > moment.at {
        return Err(Refusal::CompleteInTheFuture);
    }
    let source = device(of, seen)?;
    if source.kind != i32::from(Kind::ImportSource) {
        return Err(Refusal::NotAnImportSource);
    }
    if source.retired {
        return Err(Refusal::DeviceRetired);
    }
    let fact = CoverageDeclarationFact { device: of.to_string(), complete_through_ms: through.get() };
    Ok(Accepted {
        claimed: Some(through),
        facts: vec![Fact { fact: Some(Of::CoverageDeclaration(fact)) }],
        personal: Some(Personal::reason(reason)),
        ..Accepted::default()
    })
}

#[cfg(test)]
mod tests;
