//! People: a line is a person with an employee number, who works here from a day on. What the line says of somebody who is
//! known is put only where it differs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::became::{Became, Fate};
use super::code::made;
use super::kinds::Column;
use super::sheet::{Line, Sheet};
use super::stage::Stage;
use super::store::Turn;
use super::wrong::Wrong;
use super::{day, people_here as here, people_store};
use crate::kernel::{DepartmentId, EpochDay, LogId, Name, PersonId, Pos, RequestId, Said};
use crate::proto::{Department, DirectoryPersonal, Person, person};
use crate::registers::directory::fact::{Command, Noun, Record};

/// What forms of employment are called.
const EMPLOYMENTS: [(person::Employment, &[&str]); 5] = [
    (person::Employment::CivilServant, &["CIVIL_SERVANT", "公务员", "行政编", "行政编制"]),
    (person::Employment::PublicInstitution, &["PUBLIC_INSTITUTION", "事业编", "事业编制", "事业单位"]),
    (person::Employment::Contract, &["CONTRACT", "合同制", "聘用", "编外"]),
    (person::Employment::Dispatched, &["DISPATCHED", "劳务派遣", "派遣"]),
    (person::Employment::Other, &["OTHER", "其他", "其它"]),
];

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub number: String,
    pub name: String,
    /// Empty: as it was.
    pub department: String,
    /// `None`: as it was.
    pub employment: Option<person::Employment>,
    pub from: EpochDay,
    pub until: Option<EpochDay>,
}

/// A line that says something new: what is put for it.
#[derive(Debug)]
pub(super) struct Step {
    /// The line.
    pub at: usize,
    /// What it says.
    pub asked: Asked,
    /// Who it is of; `None`: whoever is minted.
    pub person: Option<PersonId>,
    /// The person's record and the id under which these words are known.
    pub put: Option<(RequestId, Person)>,
    /// What is put in the centre's log, of a person who stands in for whoever is minted.
    pub here: Vec<Command>,
}

/// Takes a table of people.
pub(super) async fn take(stage: &mut Stage<'_>, sheet: &Sheet, turn: Turn) -> anyhow::Result<Became> {
    let mut fates: Vec<(u64, Fate)> = Vec::with_capacity(sheet.lines.len());
    let mut met: HashMap<String, (usize, Asked)> = HashMap::new();
    let (mut steps, mut founded) = (Vec::new(), Founded::default());
    for (at, line) in sheet.lines.iter().enumerate() {
        let fate = match read(sheet, line) {
            Err(wrong) => Fate::Wrong(wrong),
            Ok(asked) => match met.get(&asked.number) {
                Some((first, known)) if *known == asked => Fate::Same(*first),
                Some(_) => Fate::Wrong(Wrong::new(
                    "TWICE",
                    "此工号在另一行另有说明",
                    "another line says otherwise of this employee number",
                )),
                None => {
                    met.insert(asked.number.clone(), (at, asked.clone()));
                    match step(stage, &mut founded, at, asked).await? {
                        Ok(step) if step.put.is_none() && step.here.is_empty() => Fate::Stands,
                        Ok(step) => {
                            steps.push(step);
                            Fate::New
                        }
                        Err(wrong) => Fate::Wrong(wrong),
                    }
                }
            },
        };
        fates.push((line.number, fate));
    }
    if turn == Turn::Store {
        people_store::store(stage, &founded.0, &steps, &mut fates).await?;
    }
    Ok(Became::of(&fates))
}

fn read(sheet: &Sheet, line: &Line) -> Result<Asked, Wrong> {
    let row = line.row(sheet.kind)?;
    let text = |name: &str| -> Result<String, Wrong> {
        let (column, text) = row.need(name)?;
        Name::parse(text).map_err(|complaint| Wrong::complaint(column, complaint))?;
        Ok(text.to_owned())
    };
    let (number, name) = (text("employee_no")?, text("name")?);
    let (column, department) = row.get("department")?;
    if !department.is_empty() {
        Name::parse(department).map_err(|complaint| Wrong::complaint(column, complaint))?;
    }
    let (column, form) = row.get("employment")?;
    let employment = employment(column, form)?;
    row.need("from")?;
    let from = day(&row, "from")?.ok_or_else(|| Wrong::new("BAD_DATE", "不是日期", "is no day"))?;
    let until = day(&row, "until")?;
    if until.is_some_and(|until| until < from) {
        return Err(Wrong::new("ENDS_BEFORE_IT_BEGINS", "止早于起", "the last day is before the first"));
    }
    Ok(Asked { number, name, department: department.to_owned(), employment, from, until })
}

fn employment(column: &Column, text: &str) -> Result<Option<person::Employment>, Wrong> {
    if text.is_empty() {
        return Ok(None);
    }
    let known = EMPLOYMENTS.iter().find(|(_, names)| names.contains(&text.to_ascii_uppercase().as_str()));
    known.map(|(employment, _)| Some(*employment)).ok_or_else(|| {
        let said = Said::new(
            "应为 公务员、事业编、合同制、劳务派遣 或 其他",
            "CIVIL_SERVANT, PUBLIC_INSTITUTION, CONTRACT, DISPATCHED or OTHER",
        );
        Wrong::of(column, "BAD_EMPLOYMENT", &said)
    })
}

/// Departments that would be made, by code: their names.
#[derive(Debug, Default)]
struct Founded(BTreeMap<String, String>);

/// The code of a department by its name, or by its code. One that is not known is made, under a code that its name gives.
fn department(stage: &mut Stage<'_>, founded: &mut Founded, name: &str) -> Result<String, Wrong> {
    let directory = stage.deployment();
    let alive =
        |code: &str| directory.get(Noun::Department, code).is_some_and(|held| !held.record.is_retired());
    let called = directory.list(Noun::Department, None).find_map(|held| {
        let Record::Department(known) = &held.record else { return None };
        (known.name == name && !known.retired).then(|| known.department.clone())
    });
    if let Some(code) = called.or_else(|| alive(name).then(|| name.to_owned())) {
        return Ok(code);
    }
    let code = if DepartmentId::parse(name).is_ok() { name.to_owned() } else { made('d', name) };
    // A code that once stood for another name, or for one that has ended, stays with it.
    let taken = |code: &String| directory.get(Noun::Department, code).is_some();
    let numbered = (2..100).map(|n| format!("{code}-{n}"));
    let code = std::iter::once(code.clone()).chain(numbered).find(|code| !taken(code)).unwrap_or(code);
    stage.put(LogId::DEPLOYMENT, &department_command(&code, name))?;
    founded.0.insert(code.clone(), name.to_owned());
    Ok(code)
}

/// Makes a department.
pub(super) fn department_command(code: &str, name: &str) -> Command {
    let department =
        Department { department: code.to_owned(), name: name.to_owned(), ..Department::default() };
    Command::Put { record: Record::Department(department), personal: DirectoryPersonal::default() }
}

/// What a line comes to. Everything is judged before anything is planned.
async fn step(
    stage: &mut Stage<'_>,
    founded: &mut Founded,
    at: usize,
    asked: Asked,
) -> anyhow::Result<Result<Step, Wrong>> {
    let found = match here::find(stage, &asked) {
        Ok(found) => found,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let known = found.as_ref().and_then(|person| stage.deployment().person(person.as_str()).cloned());
    if known.as_ref().is_some_and(|known| known.retired) {
        return Ok(Err(Wrong::new("RETIRED_REFERENCE", "此人已停用", "the person is retired")));
    }
    let newcomer = || Person { employment: person::Employment::Other.into(), ..Person::default() };
    let mut record = known.unwrap_or_else(newcomer);
    record.employment = asked.employment.map_or(record.employment, i32::from);
    if !asked.department.is_empty() {
        record.department = match department(stage, founded, &asked.department) {
            Ok(code) => code,
            Err(wrong) => return Ok(Err(wrong)),
        };
    }
    let words = words(stage, &asked, &record, found.as_ref()).await?;
    let (person, put) = match words {
        Words::Stand(person) => (Some(person), None),
        Words::New(id) => (found, Some((id, record))),
    };
    Ok(judge(stage, asked, at, person, put))
}

fn judge(
    stage: &mut Stage<'_>,
    asked: Asked,
    at: usize,
    person: Option<PersonId>,
    put: Option<(RequestId, Person)>,
) -> Result<Step, Wrong> {
    let mut stands_in = person.clone();
    if let Some((_, record)) = &put {
        let record = Record::Person(record.clone());
        let personal = DirectoryPersonal::default();
        if let Some(Record::Person(person)) =
            stage.put(LogId::DEPLOYMENT, &Command::Put { record, personal })?
        {
            stands_in = PersonId::parse(&person.person_id).ok();
        }
    }
    let Some(stands_in) = stands_in else {
        return Err(Wrong::new("UNKNOWN_PERSON", "没有此人", "there is no such person"));
    };
    let here = here::commands(stage, &stands_in, &asked)?;
    for command in &here {
        stage.put(stage.log, command)?;
    }
    Ok(Step { at, asked, person, put, here })
}

/// Are a line's words what was last said of a person?
enum Words {
    /// They are, and of this person.
    Stand(PersonId),
    /// They are not; the id under which they will be known.
    New(RequestId),
}

/// Names are personal and not read here. A line's words give an id, and the id an entry: if that is the one that last put
/// the person, the words stand. Words that were said, and then others, get the next id.
async fn words(
    stage: &Stage<'_>,
    asked: &Asked,
    record: &Person,
    found: Option<&PersonId>,
) -> anyhow::Result<Words> {
    let last =
        found.and_then(|person| stage.deployment().get(Noun::Person, person.as_str())).map(|held| held.put);
    let ledger = stage.office.desk.ledger();
    for nth in 0_u32.. {
        let id = words_id(stage, asked, record, nth);
        let Some(known) = ledger.reader().request(LogId::DEPLOYMENT, id).await? else {
            return Ok(Words::New(id));
        };
        match found {
            Some(person) if last == Some(known.pos) => return Ok(Words::Stand(person.clone())),
            Some(_) => {}
            // An import that was cut off put the person, and nothing else of them.
            None => {
                if let Some(person) = put_alone(stage, known.pos) {
                    return Ok(Words::Stand(person));
                }
            }
        }
    }
    anyhow::bail!("a line was said too often")
}

fn words_id(stage: &Stage<'_>, asked: &Asked, record: &Person, nth: u32) -> RequestId {
    let parts: [&[u8]; 6] = [
        &stage.log.column().to_be_bytes(),
        asked.number.as_bytes(),
        asked.name.as_bytes(),
        record.department.as_bytes(),
        &record.employment.to_be_bytes(),
        &nth.to_be_bytes(),
    ];
    RequestId::server_made(&stage.office.keys.derived_id(b"qinlian/v1/import/person", &parts))
}

/// The person that an entry put, if no credential was ever bound to them here.
fn put_alone(stage: &Stage<'_>, pos: Pos) -> Option<PersonId> {
    let alone =
        |person: &&Person| stage.own().bindings_of(&person.person_id).next().is_none() && !person.retired;
    let people = stage.deployment().list(Noun::Person, None).filter(|held| held.put == pos);
    let mut people = people.filter_map(|held| stage.deployment().person(&held.record.code()));
    people.find(alone).and_then(|person| PersonId::parse(&person.person_id).ok())
}

/// The departments of steps that are still to be taken.
pub(super) fn departments<'s>(
    founded: &'s BTreeMap<String, String>,
    steps: impl Iterator<Item = &'s Step>,
) -> BTreeSet<&'s str> {
    let wanted = steps.filter_map(|step| step.put.as_ref()).map(|(_, person)| person.department.as_str());
    wanted.filter(|code| founded.contains_key(*code)).collect()
}
