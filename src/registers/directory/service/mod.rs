//! `DirectoryService`: put, get, list and retire nine nouns (AIP-131 to 135), and let terminals in.
//!
//! What is answered comes from the directory in memory as of the newest entry; personal fields only under a
//! [`Disclosure`](crate::ledger::disclosure::Disclosure).

use std::collections::HashMap;
use std::sync::Arc;

use crate::access::Caller;
use crate::kernel::{Check, EpochDay, LogId, Pos, Words};
use crate::ledger::committer::{Lane, Outcome};
use crate::proto::{DirectoryPersonal, Person, Receipt};
use crate::registers::desk::{Desk, Place, Revealed, Written};
use crate::registers::directory::fact::{Command, Noun, Record, assignment_code, binding_code};
use crate::registers::directory::rows;
use crate::registers::directory::state::Held;
use crate::registers::directory::{Directory, parse};
use crate::registers::failure::Failure;
use crate::registers::wire;

mod batch;
mod nouns;
mod terminal_config;
mod terminals;

pub use terminals::Terminals;

/// The calls of `DirectoryService`.
#[derive(Debug, Clone)]
pub struct Calls {
    desk: Desk,
    terminals: Arc<Terminals>,
}

/// A page of records and the token of the next one.
type Page = (Vec<Held>, String);

impl Calls {
    /// At a desk, with what terminals are told and given.
    pub fn new(desk: Desk, terminals: Terminals) -> Self {
        Self { desk, terminals: Arc::new(terminals) }
    }

    /// Puts what `parsed` makes of a request.
    async fn put(
        &self,
        caller: &Caller,
        (centre, request_id, view): (&str, &str, i32),
        parsed: impl FnOnce(&mut Check) -> parse::Parsed,
    ) -> Result<(Receipt, Record), Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, centre);
        let request_id = wire::request_id(&mut check, request_id);
        let parsed = parsed(&mut check);
        check.done()?;
        let (Some(centre), Some(request_id), Some((record, personal))) = (centre, request_id, parsed) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk.enter(caller, &centre).await?;
        let command = Command::Put { record, personal };
        let written = self.desk.write(&place, request_id, command, Lane::Live, wire::view(view)).await?;
        let record = written.facts.iter().find_map(Record::from_fact).ok_or(Failure::Fault("FACTS"))?;
        Ok((written.receipt(&centre), record))
    }

    /// Ends the record that `code` names.
    async fn retire(
        &self,
        caller: &Caller,
        (centre, request_id, view): (&str, &str, i32),
        reason: &str,
        noun: Noun,
        code: impl FnOnce(&mut Check) -> Option<String>,
    ) -> Result<Receipt, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, centre);
        let request_id = wire::request_id(&mut check, request_id);
        let code = code(&mut check);
        let reason = check.take("reason", Words::parse(reason));
        check.done()?;
        let (Some(centre), Some(request_id), Some(code), Some(reason)) = (centre, request_id, code, reason)
        else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk.enter(caller, &centre).await?;
        let command = Command::Retire { noun, code, reason };
        let written = self.desk.write(&place, request_id, command, Lane::Live, wire::view(view)).await?;
        Ok(written.receipt(&centre))
    }

    /// One record, within what the caller may see.
    async fn get(
        &self,
        caller: &Caller,
        centre: &str,
        noun: Noun,
        code: impl FnOnce(&mut Check) -> Option<String>,
    ) -> Result<(Place, Held), Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, centre);
        let code = code(&mut check);
        check.done()?;
        let (Some(centre), Some(code)) = (centre, code) else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk.enter_to_read(caller, &centre).await?;
        let held = directory(&place, noun).get(noun, &code).filter(|held| visible(&place, held)).cloned();
        Ok((place, held.ok_or(Failure::NotFound(noun.word()))?))
    }

    /// A page of records, within what the caller may see, in the order in which they were first put.
    async fn list(
        &self,
        caller: &Caller,
        centre: &str,
        noun: Noun,
        (size, token): (i32, &str),
        reveal: Option<&crate::proto::Reveal>,
    ) -> Result<(Place, Page, Option<Revealed>), Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, centre);
        let size = wire::page_size(&mut check, "page_size", size);
        let after = wire::parse_token(&mut check, "page_token", token);
        let reveal = Revealed::parse(&mut check, reveal);
        check.done()?;
        let Some(centre) = centre else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk.enter_to_read(caller, &centre).await?;
        let mut page: Vec<Held> = directory(&place, noun)
            .list(noun, after)
            .filter(|held| visible(&place, held))
            .take(size + 1)
            .cloned()
            .collect();
        let more = page.len() > size;
        page.truncate(size);
        let next = page.last().filter(|_| more).map(|held| wire::token(held.first, &held.record.code()));
        Ok((place, (page, next.unwrap_or_default()), reveal))
    }

    /// People as messages; names and external ids only with a `reveal`, after it is on record.
    async fn people(
        &self,
        caller: &Caller,
        place: &Place,
        held: Vec<Held>,
        reveal: Option<Revealed>,
    ) -> Result<(Vec<Person>, Option<u64>), Failure> {
        let (mut fields, mut index) = (HashMap::new(), None);
        if let Some(reveal) = reveal {
            let scope = match held.as_slice() {
                [one] => format!("person/{}", one.record.code()),
                many => format!("people/{}", many.len()),
            };
            let disclosure = self.desk.disclose(caller, place, &scope, &reveal).await?;
            let positions: Vec<Pos> = held.iter().map(|held| held.put).collect();
            let revealed =
                rows::reveal(self.desk.store(), &disclosure, LogId::DEPLOYMENT, &positions).await?;
            fields = revealed.into_iter().collect::<HashMap<Pos, DirectoryPersonal>>();
            index = Some(disclosure.index());
        }
        let people = held
            .into_iter()
            .filter_map(|held| {
                let Record::Person(mut person) = held.record else { return None };
                match fields.remove(&held.put) {
                    Some(personal) => {
                        person.name = personal.name;
                        person.external_ids = personal.external_ids;
                    }
                    None => person.redacted = true,
                }
                Some(person)
            })
            .collect();
        Ok((people, index))
    }
}

/// Which of a place's two directories keeps a noun.
fn directory(place: &Place, noun: Noun) -> &Directory {
    if noun != Noun::RoleGrant && noun.belongs_in(LogId::DEPLOYMENT) { &place.deployment } else { &place.own }
}

/// Is a record within what the caller may see? A department's system sees its own people, a centre's people who were
/// ever assigned there.
fn visible(place: &Place, held: &Held) -> bool {
    match &held.record {
        Record::Person(person) => {
            place.pass.sees(&person.department)
                && (place.log == LogId::DEPLOYMENT
                    || place.own.assignments(&person.person_id).next().is_some())
        }
        Record::Assignment(assignment) => place.pass.sees(&assignment.department),
        Record::Department(record) => place.pass.sees(&record.department),
        Record::Centre(record) => place.log == LogId::DEPLOYMENT || record.centre == place.centre.as_str(),
        Record::Window(_)
        | Record::ServiceItem(_)
        | Record::Device(_)
        | Record::CredentialBinding(_)
        | Record::RoleGrant(_) => true,
        Record::EnrolmentCode(_) => false,
    }
}

/// The outcome of one item of a batch.
fn outcome(written: &Written) -> crate::proto::Outcome {
    match written.outcome {
        Outcome::Accepted => crate::proto::Outcome::Accepted,
        Outcome::Repeat => crate::proto::Outcome::Duplicate,
        Outcome::Conflict => crate::proto::Outcome::Conflict,
    }
}

/// The code of an assignment as a request names it.
fn assignment(check: &mut Check, person_id: &str, from: Option<&crate::proto::Date>) -> Option<String> {
    let person = check.take("person_id", crate::kernel::PersonId::parse(person_id));
    let from: Option<EpochDay> = wire::day(check, "from", from);
    Some(assignment_code(person?.as_str(), from?))
}

/// The code of a binding as a request names it.
fn binding(
    check: &mut Check,
    kind: i32,
    value_hmac: &[u8],
    from: Option<&crate::proto::Date>,
) -> Option<String> {
    let kind = wire::named::<crate::proto::credential::Kind>(check, "kind", kind);
    let from: Option<EpochDay> = wire::day(check, "from", from);
    Some(binding_code(kind?.into(), value_hmac, from?))
}
