//! Puts people: departments, then the people themselves, then what stands of them in the centre's log. A line whose earlier
//! command is refused asks for nothing more; an import that is cut off in between goes on where it was.

use std::collections::{BTreeMap, HashMap};

use super::became::Fate;
use super::people::{Step, department_command, departments};
use super::people_here::of_person;
use super::stage::Stage;
use super::store::{fresh_id, hand_in, refuse};
use crate::cli::office::{Office, explain};
use crate::kernel::{LogId, PersonId, Pos, Words};
use crate::ledger::committer::Reply;
use crate::ledger::disclosure::Disclosure;
use crate::ledger::port::Submission;
use crate::proto::{DirectoryPersonal, DisclosureFact, ReceiptView, read, reveal};
use crate::registers::audit;
use crate::registers::directory::fact::{Command, Noun, Record};
use crate::registers::directory::rows;
use crate::registers::rulebook::{Detail, local_administrator};

/// What the record of a read names as the call.
const CALL: &str = "qinlian import people";

type Fates<'f> = &'f mut [(u64, Fate)];

/// Puts what the steps ask for.
pub(super) async fn store(
    stage: &Stage<'_>,
    founded: &BTreeMap<String, String>,
    steps: &[Step],
    fates: Fates<'_>,
) -> anyhow::Result<()> {
    put_departments(stage, founded, steps, fates).await?;
    let people = put_people(stage, steps, fates).await?;
    put_here(stage, steps, &people, fates).await
}

fn is_refused(fates: &[(u64, Fate)], step: &Step) -> bool {
    matches!(fates.get(step.at), Some((_, Fate::Wrong(_))))
}

async fn put_departments(
    stage: &Stage<'_>,
    founded: &BTreeMap<String, String>,
    steps: &[Step],
    fates: Fates<'_>,
) -> anyhow::Result<()> {
    let codes: Vec<&str> = departments(founded, steps.iter()).into_iter().collect();
    let commands = codes.iter().filter_map(|code| {
        let command = department_command(code, founded.get(*code)?);
        Some((LogId::DEPLOYMENT, fresh_id(stage.office), command.into()))
    });
    for (code, answer) in codes.iter().zip(hand_in(stage.office, commands.collect()).await?) {
        if let Err(wrong) = answer {
            let of =
                steps.iter().filter(|step| step.put.as_ref().is_some_and(|(_, put)| put.department == *code));
            refuse(fates, &of.map(|step| step.at).collect::<Vec<_>>(), &wrong);
        }
    }
    Ok(())
}

/// Puts the people, and says who each line is of.
async fn put_people(
    stage: &Stage<'_>,
    steps: &[Step],
    fates: Fates<'_>,
) -> anyhow::Result<HashMap<usize, PersonId>> {
    let mut people: HashMap<usize, PersonId> =
        steps.iter().filter_map(|step| Some((step.at, step.person.clone()?))).collect();
    let fields = known_fields(stage, steps).await?;
    let (mut asked, mut commands) = (Vec::new(), Vec::new());
    for step in steps.iter().filter(|step| !is_refused(fates, step)) {
        let Some((id, record)) = &step.put else { continue };
        let known = fields.get(record.person_id.as_str()).cloned().unwrap_or_default();
        let personal = DirectoryPersonal { name: step.asked.name.clone(), ..known };
        let command = Command::Put { record: Record::Person(record.clone()), personal };
        asked.push(step);
        commands.push((LogId::DEPLOYMENT, *id, command.into()));
    }
    for (step, answer) in asked.into_iter().zip(hand_in(stage.office, commands).await?) {
        match answer {
            Ok(reply) => {
                people.extend(person_of(stage.office, reply).await?.map(|person| (step.at, person)));
            }
            Err(wrong) => refuse(fates, &[step.at], &wrong),
        }
    }
    Ok(people)
}

async fn person_of(office: &Office, reply: Reply<Detail>) -> anyhow::Result<Option<PersonId>> {
    let written = office.desk.written(reply, ReceiptView::Compact).await.map_err(explain)?;
    Ok(written.facts.iter().find_map(|fact| {
        let Some(Record::Person(person)) = Record::from_fact(fact) else { return None };
        PersonId::parse(&person.person_id).ok()
    }))
}

/// The personal fields of whoever is put again: what a line does not speak of stays. They are read on record.
async fn known_fields<'s>(
    stage: &Stage<'_>,
    steps: &'s [Step],
) -> anyhow::Result<HashMap<&'s str, DirectoryPersonal>> {
    let directory = stage.office.desk.directory(LogId::DEPLOYMENT).await?;
    let put = steps.iter().filter_map(|step| step.put.as_ref()).map(|(_, person)| person.person_id.as_str());
    let at: HashMap<Pos, &str> =
        put.filter_map(|person| Some((directory.get(Noun::Person, person)?.put, person))).collect();
    if at.is_empty() {
        return Ok(HashMap::new());
    }
    let disclosure = disclose(stage.office).await?;
    let positions: Vec<Pos> = at.keys().copied().collect();
    let found = rows::reveal(stage.office.desk.store(), &disclosure, LogId::DEPLOYMENT, &positions).await?;
    Ok(found.into_iter().filter_map(|(pos, fields)| Some((*at.get(&pos)?, fields))).collect())
}

async fn disclose(office: &Office) -> anyhow::Result<Disclosure> {
    let fact = DisclosureFact {
        kind: read::Kind::Read.into(),
        rpc: CALL.to_owned(),
        purpose: reveal::Purpose::DirectorySync.into(),
        scope: "import/people".to_owned(),
        session: Vec::new(),
        until_ms: 0,
    };
    let reason = Words::parse("导入人员：保留未列出的项").map_err(|(_, said)| anyhow::anyhow!(said.en))?;
    let submission = Submission {
        log: LogId::DEPLOYMENT,
        request_id: fresh_id(office),
        author: local_administrator(),
        command: audit::fact::Command::Disclose { fact, reason }.into(),
    };
    office.desk.ledger().disclose(submission).await.map_err(|error| explain(error.into()))
}

async fn put_here(
    stage: &Stage<'_>,
    steps: &[Step],
    people: &HashMap<usize, PersonId>,
    fates: Fates<'_>,
) -> anyhow::Result<()> {
    let (mut lines, mut commands) = (Vec::new(), Vec::new());
    for step in steps.iter().filter(|step| !is_refused(fates, step)) {
        let Some(person) = people.get(&step.at) else { continue };
        for command in &step.here {
            lines.push(step.at);
            commands.push((stage.log, fresh_id(stage.office), of_person(command, person).into()));
        }
    }
    for (at, answer) in lines.into_iter().zip(hand_in(stage.office, commands).await?) {
        if let Err(wrong) = answer {
            refuse(fates, &[at], &wrong);
        }
    }
    Ok(())
}
