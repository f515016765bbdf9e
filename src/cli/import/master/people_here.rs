//! What of a person stands in the centre's log: the employee number, and the days on which they work here.

use std::collections::BTreeSet;

use super::people::Asked;
use super::stage::Stage;
use super::wrong::Wrong;
use crate::kernel::{EpochDay, PersonId, Words};
use crate::proto::{Assignment, CredentialBinding, Date, DirectoryPersonal, credential};
use crate::registers::directory::fact::{Command, Noun, Record, assignment_code, date, day, opt_day};
use crate::registers::directory::parse;

/// Why an assignment ends that a longer one takes the place of.
const REPLACED: &str = "由导入文件中更长的派驻代替";

/// Whom a line means: who holds the number on its days; or whoever has none yet and is known by the text as a credential,
/// as people are whom an import of clock-ins created.
pub(super) fn find(stage: &Stage<'_>, asked: &Asked) -> Result<Option<PersonId>, Wrong> {
    let kind = credential::Kind::EmployeeNo;
    let hmac = stage.hmac(kind, &asked.number);
    let bound: Vec<&CredentialBinding> =
        stage.own().bindings(kind.into(), &hmac).filter(|binding| !binding.retired).collect();
    let on_days = bound.iter().filter(|binding| meets(binding.from, binding.until, asked));
    let holders: BTreeSet<&str> = on_days.map(|binding| binding.person_id.as_str()).collect();
    let person = |id: &str| PersonId::parse(id).ok();
    match (holders.len(), holders.first()) {
        (1, Some(holder)) => Ok(person(holder)),
        (0, _) if bound.is_empty() => {
            let others = super::super::people::KINDS.into_iter().skip(1);
            let found = others.flat_map(|kind| {
                let hmac = stage.hmac(kind, &asked.number);
                let of_kind = stage.own().bindings(kind.into(), &hmac).filter(|binding| !binding.retired);
                of_kind.map(|binding| binding.person_id.clone()).collect::<Vec<_>>()
            });
            Ok(found.filter(|id| !stage.has_number(id)).find_map(|id| person(&id)))
        }
        (0, _) => Err(Wrong::new(
            "NUMBER_ENDED",
            "此工号已停用：须先登记其现属何人",
            "the employee number has ended: say first, by a credential binding, whose it is now",
        )),
        _ => Err(Wrong::new(
            "CREDENTIAL_TAKEN",
            "此工号在此期间属于多人",
            "more than one person has the employee number on these days",
        )),
    }
}

fn meets(from: Option<Date>, until: Option<Date>, asked: &Asked) -> bool {
    let ends = opt_day(until.as_ref());
    ends.is_none_or(|ends| asked.from <= ends) && asked.until.is_none_or(|until| day(from.as_ref()) <= until)
}

/// What has to be put so that somebody has the number and works here on these days; nothing where that stands.
pub(super) fn commands(stage: &Stage<'_>, person: &PersonId, asked: &Asked) -> Result<Vec<Command>, Wrong> {
    let mut commands: Vec<Command> = binding(stage, person, asked).into_iter().collect();
    commands.extend(assignment(stage, person, asked)?);
    Ok(commands)
}

fn binding(stage: &Stage<'_>, person: &PersonId, asked: &Asked) -> Option<Command> {
    let kind = credential::Kind::EmployeeNo;
    let hmac = stage.hmac(kind, &asked.number);
    let own: Vec<&CredentialBinding> = stage
        .own()
        .bindings(kind.into(), &hmac)
        .filter(|binding| !binding.retired && binding.person_id == person.as_str())
        .collect();
    let stands = match own.iter().find(|binding| day(binding.from.as_ref()) == asked.from) {
        Some(same) => opt_day(same.until.as_ref()) == asked.until,
        None => own.iter().any(|binding| {
            let (from, until) = (day(binding.from.as_ref()), opt_day(binding.until.as_ref()));
            from <= asked.from && reaches(until, asked.until)
        }),
    };
    if stands {
        return None;
    }
    let (from, until) = (Some(date(asked.from)), asked.until.map(date));
    let (record, personal) =
        parse::binding(&stage.office.keys, person.to_string(), kind, &asked.number, from, until);
    Some(Command::Put { record, personal })
}

/// Does what ends on one day last as long as what ends on another?
fn reaches(until: Option<EpochDay>, other: Option<EpochDay>) -> bool {
    until.is_none_or(|until| other.is_some_and(|other| other <= until))
}

fn assignment(stage: &Stage<'_>, person: &PersonId, asked: &Asked) -> Result<Vec<Command>, Wrong> {
    let standing: Vec<&Assignment> =
        stage.own().assignments(person.as_str()).filter(|assignment| !assignment.retired).collect();
    let same = standing.iter().find(|known| day(known.from.as_ref()) == asked.from);
    let mut commands = Vec::new();
    let mut replaced = None;
    for other in &standing {
        let (from, until) = (day(other.from.as_ref()), opt_day(other.until.as_ref()));
        if from == asked.from || !meets(other.from, other.until, asked) {
            continue;
        }
        if asked.from > from || !reaches(asked.until, until) {
            return Err(Wrong::new(
                "ASSIGNED_OTHERWISE",
                format!("此人已自 {from} 起派驻本中心，且此行不含其全部日期"),
                format!(
                    "the person is assigned here from {from} on, and the line does not hold all of those days"
                ),
            ));
        }
        replaced = replaced.or(Some(*other));
        let code = assignment_code(person.as_str(), from);
        let reason = Words::parse(REPLACED).map_err(|(reason, said)| Wrong { reason, said })?;
        commands.push(Command::Retire { noun: Noun::Assignment, code, reason });
    }
    if same.is_some_and(|same| opt_day(same.until.as_ref()) == asked.until) {
        return Ok(commands);
    }
    let kept = same.copied().or(replaced).cloned().unwrap_or_default();
    let record = Assignment {
        person_id: person.to_string(),
        centre: stage.centre.to_string(),
        from: Some(date(asked.from)),
        until: asked.until.map(date),
        ..kept
    };
    let record = Record::Assignment(record);
    commands.push(Command::Put { record, personal: DirectoryPersonal::default() });
    Ok(commands)
}

/// The same command, of another person.
pub(super) fn of_person(command: &Command, person: &PersonId) -> Command {
    let mut command = command.clone();
    if let Command::Put { record, .. } = &mut command {
        if let Record::CredentialBinding(binding) = record {
            binding.person_id = person.to_string();
        } else if let Record::Assignment(assignment) = record {
            assignment.person_id = person.to_string();
        }
    }
    command
}
