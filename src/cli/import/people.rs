//! `--create-people`: whoever the file names and nobody knows becomes a person, with a credential that is the text as
//! read, and an assignment, both from the file's first date.

use std::collections::BTreeSet;

use anyhow::bail;

use super::super::office::Office;
use crate::kernel::{EpochDay, LogId, RequestId};
use crate::ledger::port::Submission;
use crate::proto::{Assignment, DirectoryPersonal, ExternalId, Person, credential, person};
use crate::registers::directory::fact::{Command, Record, date};
use crate::registers::directory::{Directory, parse};
use crate::registers::rulebook::local_administrator;

/// People per batch: one upload's worth.
const BATCH: usize = 1_000;

/// The kinds of credential that a text as read may be, the likeliest first.
pub(super) const KINDS: [credential::Kind; 6] = [
    credential::Kind::EmployeeNo,
    credential::Kind::Card,
    credential::Kind::Face,
    credential::Kind::Fingerprint,
    credential::Kind::Pin,
    credential::Kind::Qr,
];

/// As which kind of credential a text as read is known, on any day.
pub(super) fn known_as(office: &Office, directory: &Directory, text: &str) -> Option<credential::Kind> {
    KINDS.into_iter().find(|kind| {
        let number = u8::try_from(i32::from(*kind)).unwrap_or_default();
        let hmac = office.keys.credential_hmac(number, text);
        directory.bindings(i32::from(*kind), &hmac).any(|binding| !binding.retired)
    })
}

/// Creates whoever is missing; running it again creates nobody.
pub(in crate::cli) async fn create(
    office: &Office,
    log: LogId,
    centre: &str,
    source: &str,
    people: &BTreeSet<String>,
    first_day: EpochDay,
) -> anyhow::Result<usize> {
    let directory = office.desk.directory(log).await?;
    let missing: Vec<&String> =
        people.iter().filter(|text| known_as(office, &directory, text).is_none()).collect();
    for batch in missing.chunks(BATCH) {
        let persons = batch.iter().map(|text| {
            let personal = DirectoryPersonal {
                name: (*text).clone(),
                external_ids: vec![ExternalId { system: source.to_owned(), id: (*text).clone() }],
                ..DirectoryPersonal::default()
            };
            let record =
                Record::Person(Person { employment: person::Employment::Other.into(), ..Person::default() });
            (LogId::DEPLOYMENT, id(office, "person", log, source, text), Command::Put { record, personal })
        });
        let ids = put(office, persons.collect()).await?;
        let mut local = Vec::with_capacity(ids.len() * 2);
        for (text, facts) in batch.iter().zip(ids) {
            let Some(Record::Person(person)) = facts else { bail!("a person was not put") };
            let from = Some(date(first_day));
            let (record, personal) = parse::binding(
                &office.keys,
                person.person_id.clone(),
                credential::Kind::Card,
                text,
                from,
                None,
            );
            local.push((log, id(office, "binding", log, source, text), Command::Put { record, personal }));
            let record = Record::Assignment(Assignment {
                person_id: person.person_id,
                centre: centre.to_owned(),
                from,
                ..Assignment::default()
            });
            let personal = DirectoryPersonal::default();
            local.push((log, id(office, "assignment", log, source, text), Command::Put { record, personal }));
        }
        put(office, local).await?;
    }
    Ok(missing.len())
}

/// The same command has the same id whenever the file is imported: an import that was cut off goes on.
fn id(office: &Office, what: &str, log: LogId, source: &str, text: &str) -> RequestId {
    let parts: [&[u8]; 4] =
        [what.as_bytes(), &log.column().to_be_bytes(), source.as_bytes(), text.as_bytes()];
    RequestId::server_made(&office.keys.derived_id(b"qinlian/v1/import/people", &parts))
}

/// Puts records as the local administrator, and says what now stands.
pub(in crate::cli) async fn put(
    office: &Office,
    commands: Vec<(LogId, RequestId, Command)>,
) -> anyhow::Result<Vec<Option<Record>>> {
    let submissions = commands
        .into_iter()
        .map(|(log, request_id, command)| Submission {
            log,
            request_id,
            author: local_administrator(),
            command: command.into(),
        })
        .collect();
    let mut records = Vec::new();
    for answer in office.desk.ledger().submit_all(submissions).await? {
        let reply = answer.map_err(|error| super::super::office::explain(error.into()))?;
        let view = crate::proto::ReceiptView::Compact;
        let written = office.desk.written(reply, view).await.map_err(super::super::office::explain)?;
        records.push(written.facts.iter().find_map(Record::from_fact));
    }
    Ok(records)
}
