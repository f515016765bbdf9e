//! The rule of the directory: what a record names must exist, and what has a meaning in time keeps it. Pure.

use super::fact::{Command, Noun, PERSONAL_SCHEMA, Record, day, mint_grant, opt_day};
use super::refusal::Refusal;
use super::state::{Directory, subject_of};
use super::terminal;
use crate::kernel::{CentreId, PersonId, Reason};
use crate::proto::fact::Fact as Of;
use crate::proto::{DirectoryPersonal, Fact, GenesisFact, Person, RoleGrant};
use crate::registers::verdict::{Accepted, Moment, Personal, Verdict};
use prost::Message;
use std::sync::Arc;

/// What is looked at: the deployment's directory and the log's own (the same one in the deployment's log).
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Centres, departments, people, service items.
    pub deployment: &'a Directory,
    /// Assignments, windows, devices, bindings; grants.
    pub own: &'a Directory,
}

/// Accept, or a reason to refuse.
pub fn admit(command: &Command, seen: Seen<'_>, moment: &Moment<'_>) -> Verdict {
    let decided = match command {
        Command::Genesis { genesis, administrators } => begin(genesis, administrators, seen),
        Command::Put { record, personal } => put(record.clone(), personal, seen, moment),
        Command::Retire { noun, code, reason } => retire(*noun, code, seen, moment).map(|record| Accepted {
            facts: vec![record.into_fact()],
            personal: personal(&DirectoryPersonal {
                reason: reason.as_str().to_owned(),
                ..DirectoryPersonal::default()
            }),
            ..Accepted::default()
        }),
        Command::Terminal(command) => terminal::admit(command, seen, moment),
    };
    match decided {
        Ok(accepted) => Ok(Accepted { kind: command.kind(), changes_config: true, ..accepted }),
        Err(refusal) => Err(Arc::new(refusal) as Arc<dyn Reason>),
    }
}

fn begin(
    genesis: &GenesisFact,
    administrators: &[(Person, RoleGrant); 2],
    seen: Seen<'_>,
) -> Result<Accepted, Refusal> {
    if seen.own.config_pos.get() > 0 {
        return Err(Refusal::HasGenesis);
    }
    let [(first, _), (second, _)] = administrators;
    if first.person_id == second.person_id {
        return Err(Refusal::TwoAdministrators);
    }
    let mut facts = vec![Fact { fact: Some(Of::Genesis(genesis.clone())) }];
    for (person, grant) in administrators {
        facts.push(Record::Person(person.clone()).into_fact());
        facts.push(Record::RoleGrant(grant.clone()).into_fact());
    }
    Ok(Accepted { facts, ..Accepted::default() })
}

/// A part only where there is something to keep.
pub(super) fn personal(fields: &DirectoryPersonal) -> Option<Personal> {
    (*fields != DirectoryPersonal::default())
        .then(|| Personal { schema: PERSONAL_SCHEMA, payload: fields.encode_to_vec() })
}

fn put(
    record: Record,
    fields: &DirectoryPersonal,
    seen: Seen<'_>,
    moment: &Moment<'_>,
) -> Result<Accepted, Refusal> {
    if !record.noun().belongs_in(moment.log) {
        return Err(Refusal::WrongLog(record.noun()));
    }
    let mut opens = None;
    let record = match record {
        Record::Centre(centre) => {
            match seen.own.get(Noun::Centre, &centre.centre).map(|held| &held.record) {
                Some(Record::Centre(known)) if known.timezone != centre.timezone => {
                    return Err(Refusal::ZoneFixed);
                }
                Some(_) => {}
                None => opens = CentreId::parse(&centre.centre).ok(),
            }
            Record::Centre(centre)
        }
        Record::Person(mut person) => {
            named(seen.deployment, Noun::Department, &person.department)?;
            if person.person_id.is_empty() {
                person.person_id = PersonId::mint(moment.random).to_string();
            } else if seen.own.person(&person.person_id).is_none() {
                // Ids are minted, never brought along.
                return Err(Refusal::Unknown(Noun::Person));
            }
            Record::Person(person)
        }
        Record::Assignment(assignment) => {
            alive(seen.deployment, Noun::Person, &assignment.person_id)?;
            named(seen.deployment, Noun::Department, &assignment.department)?;
            for window in &assignment.windows {
                alive(seen.own, Noun::Window, window)?;
            }
            in_order(day(assignment.from.as_ref()), opt_day(assignment.until.as_ref()))?;
            Record::Assignment(assignment)
        }
        Record::Window(window) => {
            for item in &window.items {
                alive(seen.deployment, Noun::ServiceItem, item)?;
            }
            Record::Window(window)
        }
        Record::Device(mut device) => {
            named(seen.own, Noun::Window, &device.window)?;
            device.journal = moment.pos.get();
            if let Some(known) = seen.own.device(&device.device) {
                if known.kind != device.kind {
                    return Err(Refusal::KindFixed);
                }
                // What enrolment made stays: the journal, the key unless another is given, and that it was revoked.
                (device.journal, device.revoked) = (known.journal, known.revoked);
                if device.public_key.is_empty() {
                    device.public_key.clone_from(&known.public_key);
                }
            }
            terminal::own_key(&device, seen.own)?;
            Record::Device(device)
        }
        Record::CredentialBinding(binding) => {
            alive(seen.deployment, Noun::Person, &binding.person_id)?;
            let (from, until) = (day(binding.from.as_ref()), opt_day(binding.until.as_ref()));
            in_order(from, until)?;
            let taken = seen.own.bindings(binding.kind, &binding.value_hmac).any(|other| {
                !other.retired
                    && other.person_id != binding.person_id
                    && until.is_none_or(|until| day(other.from.as_ref()) <= until)
                    && opt_day(other.until.as_ref()).is_none_or(|until| from <= until)
            });
            if taken {
                return Err(Refusal::CredentialTaken);
            }
            Record::CredentialBinding(binding)
        }
        Record::RoleGrant(grant) => Record::RoleGrant(granted(grant, seen, moment)?),
        other @ (Record::Department(_) | Record::ServiceItem(_)) => other,
        Record::EnrolmentCode(_) => return Err(Refusal::NotPut(Noun::EnrolmentCode)),
    };
    Ok(Accepted { facts: vec![record.into_fact()], personal: personal(fields), opens, ..Accepted::default() })
}

fn granted(mut grant: RoleGrant, seen: Seen<'_>, moment: &Moment<'_>) -> Result<RoleGrant, Refusal> {
    let subject = subject_of(&grant).ok_or(Refusal::Unknown(Noun::Person))?;
    if subject.to_string() == moment.principal {
        return Err(Refusal::OwnGrant);
    }
    if let crate::kernel::Subject::Person(person) = &subject {
        alive(seen.deployment, Noun::Person, person.as_str())?;
    }
    if grant.grant.is_empty() {
        grant.grant = mint_grant(moment.random).map_or_else(String::new, |id| id.to_string());
    }
    if seen.own.get(Noun::RoleGrant, &grant.grant).is_some() {
        return Err(Refusal::GrantFixed);
    }
    let reach = grant.scope.clone().unwrap_or_default();
    if !moment.centre.is_deployment() && !reach.centre.is_empty() && reach.centre != moment.centre.as_str() {
        return Err(Refusal::ReachesTooFar);
    }
    named(seen.deployment, Noun::Department, &reach.department)?;
    Ok(grant)
}

fn retire(noun: Noun, code: &str, seen: Seen<'_>, moment: &Moment<'_>) -> Result<Record, Refusal> {
    if !noun.belongs_in(moment.log) {
        return Err(Refusal::WrongLog(noun));
    }
    let held = seen.own.get(noun, code).ok_or(Refusal::Unknown(noun))?;
    if held.record.is_retired() {
        return Err(Refusal::Retired(noun));
    }
    let last = moment.centre.is_deployment()
        && matches!(&held.record, Record::RoleGrant(grant) if grant.role == i32::from(crate::proto::Role::Administrator))
        && seen.own.administrators(moment.at) <= 1;
    if last {
        return Err(Refusal::LastAdministrator);
    }
    Ok(held.record.clone().retired())
}

/// It exists and has not ended.
pub(super) fn alive(directory: &Directory, noun: Noun, code: &str) -> Result<(), Refusal> {
    match directory.get(noun, code) {
        None => Err(Refusal::Unknown(noun)),
        Some(held) if held.record.is_retired() => Err(Refusal::Retired(noun)),
        Some(_) => Ok(()),
    }
}

/// Empty, or it exists and has not ended.
fn named(directory: &Directory, noun: Noun, code: &str) -> Result<(), Refusal> {
    if code.is_empty() { Ok(()) } else { alive(directory, noun, code) }
}

fn in_order(from: crate::kernel::EpochDay, until: Option<crate::kernel::EpochDay>) -> Result<(), Refusal> {
    if until.is_some_and(|until| until < from) { Err(Refusal::EndsBeforeItBegins) } else { Ok(()) }
}
