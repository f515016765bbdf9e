//! Rosters: a line is what somebody works on a day, or from a day on.

use std::collections::HashMap;

use super::became::{Became, Fate};
use super::sheet::{Line, Sheet};
use super::stage::Stage;
use super::store::{Turn, refuse, store};
use super::wrong::Wrong;
use super::{day, shifts};
use crate::kernel::{Check, EpochDay, PersonId, Said};
use crate::proto::roster_entry::Works;
use crate::proto::{PutRosterRequest, RosterEntry, RosterPattern};
use crate::registers::roster::book::{Duty, Seen};
use crate::registers::roster::fact::Command;
use crate::registers::roster::parse;
use crate::registers::wire::date;

/// Lines that are put together: one call's worth.
const BATCH: usize = 1_000;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    person: PersonId,
    days: Days,
    /// `None` is rest; from a day on, that nothing is rostered.
    shift: Option<String>,
}

/// When.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Days {
    One(EpochDay),
    From(EpochDay, Option<EpochDay>),
}

/// Takes a roster.
pub(super) async fn take(stage: &mut Stage<'_>, sheet: &Sheet, turn: Turn) -> anyhow::Result<Became> {
    let mut fates: Vec<(u64, Fate)> = Vec::with_capacity(sheet.lines.len());
    let mut asked: Vec<(usize, Asked)> = Vec::new();
    let mut met = Met::default();
    for (at, line) in sheet.lines.iter().enumerate() {
        let fate = match read(stage, sheet, line) {
            Err(wrong) => Fate::Wrong(wrong),
            Ok(said) => match met.fate(at, &said) {
                Fate::New if stands(stage, &said) => Fate::Stands,
                Fate::New => {
                    asked.push((at, said));
                    Fate::New
                }
                repeated @ (Fate::Stands | Fate::Same(_) | Fate::Wrong(_)) => repeated,
            },
        };
        fates.push((line.number, fate));
    }
    let mut planned = Vec::new();
    for batch in asked.chunks(BATCH) {
        let mut good = Vec::new();
        plan(stage, batch, &mut fates, &mut good);
        if let (false, Ok(fact)) = (good.is_empty(), parsed(&good)) {
            planned.push((good.iter().map(|(at, _)| *at).collect(), Command::Roster(fact).into()));
        }
    }
    if turn == Turn::Store {
        store(stage, planned, &mut fates).await?;
    }
    Ok(Became::of(&fates))
}

fn read(stage: &Stage<'_>, sheet: &Sheet, line: &Line) -> Result<Asked, Wrong> {
    let row = line.row(sheet.kind)?;
    let (numbered, number) = row.need("employee_no")?;
    let (_, on) = (row.get("date")?, day(&row, "date")?);
    let (from, until) = (day(&row, "from")?, day(&row, "until")?);
    let days = match (on, from) {
        (Some(on), None) if until.is_none() => Days::One(on),
        (None, Some(from)) => Days::From(from, until),
        (None, None) => {
            return Err(Wrong::new("MISSING_CELL", "须填日期，或起", "has neither a date nor a from"));
        }
        (Some(_), _) => {
            let (zh, en) =
                ("日期与起止只填其一", "has a date, and a from or until too: only one of them counts");
            return Err(Wrong::new("NOT_BOTH", zh, en));
        }
    };
    if let Days::From(from, Some(until)) = days
        && until < from
    {
        return Err(Wrong::new("BEFORE_FROM", "止早于起", "its last day is before the first"));
    }
    let first = match days {
        Days::One(on) | Days::From(on, _) => on,
    };
    let person = stage.person(number, first).ok_or_else(|| {
        let said = Said::new("当日无人使用此工号", "nobody has this employee number on that day");
        Wrong::of(numbered, "UNKNOWN_PERSON", &said)
    })?;
    let (column, text) = row.need("shift")?;
    let shift = shifts::meant(stage, column, text)?;
    Ok(Asked { person, days, shift })
}

/// What earlier lines of the table say.
#[derive(Debug, Default)]
struct Met {
    days: HashMap<(PersonId, EpochDay), (usize, Option<String>)>,
    patterns: HashMap<PersonId, Vec<(usize, Asked)>>,
}

impl Met {
    /// New, or as an earlier line says, or otherwise.
    fn fate(&mut self, at: usize, said: &Asked) -> Fate {
        let twice = || {
            let (zh, en) =
                ("此人这些日子在另一行另有安排", "another line says otherwise for the person on these days");
            Fate::Wrong(Wrong::new("TWICE", zh, en))
        };
        match said.days {
            Days::One(on) => match self.days.get(&(said.person.clone(), on)) {
                Some((first, shift)) if *shift == said.shift => Fate::Same(*first),
                Some(_) => twice(),
                None => {
                    self.days.insert((said.person.clone(), on), (at, said.shift.clone()));
                    Fate::New
                }
            },
            Days::From(from, until) => {
                let known = self.patterns.entry(said.person.clone()).or_default();
                let met = known.iter().find(|(_, other)| other.days.meets(from, until));
                match met {
                    Some((first, other)) if other == said => Fate::Same(*first),
                    Some(_) => twice(),
                    None => {
                        known.push((at, said.clone()));
                        Fate::New
                    }
                }
            }
        }
    }
}

impl Days {
    fn meets(self, from: EpochDay, until: Option<EpochDay>) -> bool {
        let (first, last) = match self {
            Self::One(on) => (on, Some(on)),
            Self::From(first, last) => (first, last),
        };
        last.is_none_or(|last| from <= last) && until.is_none_or(|until| first <= until)
    }
}

/// Does the newest duty that speaks of these days say just this?
fn stands(stage: &Stage<'_>, said: &Asked) -> bool {
    let Some(book) = stage.book() else { return false };
    match said.days {
        Days::One(on) => {
            book.entry(said.person.as_str(), on, Seen::ALL).is_some_and(|duty| duty.shift == said.shift)
        }
        Days::From(from, until) => {
            let mut duties = book.duties.get(said.person.as_str()).into_iter().flatten().rev();
            let meets = |duty: &&Duty| duty.pattern && Days::From(duty.from, duty.until).meets(from, until);
            let newest = duties.find(meets);
            newest.is_some_and(|duty| (duty.from, duty.until, &duty.shift) == (from, until, &said.shift))
        }
    }
}

/// Judges lines together; where the rule refuses that, the first half of them and then the others, down to single lines.
/// Those that are good are so on top of those before them.
fn plan(
    stage: &mut Stage<'_>,
    batch: &[(usize, Asked)],
    fates: &mut [(u64, Fate)],
    good: &mut Vec<(usize, Asked)>,
) {
    match (judge(stage, batch), batch) {
        (Ok(()), _) => good.extend_from_slice(batch),
        (Err(wrong), [(at, _)]) => refuse(fates, &[*at], &wrong),
        (Err(_), _) => {
            let (first, others) = batch.split_at(batch.len() / 2);
            plan(stage, first, fates, good);
            plan(stage, others, fates, good);
        }
    }
}

fn judge(stage: &mut Stage<'_>, lines: &[(usize, Asked)]) -> Result<(), Wrong> {
    let accepted = stage.judge(&Command::Roster(parsed(lines)?))?;
    stage.apply(&accepted);
    Ok(())
}

/// What a call that asks for the same would be parsed to.
fn parsed(lines: &[(usize, Asked)]) -> Result<crate::proto::RosterFact, Wrong> {
    let mut request = PutRosterRequest::default();
    for (_, Asked { person, days, shift }) in lines {
        let person_id = person.to_string();
        match days {
            Days::One(on) => {
                let works = Some(shift.clone().map_or(Works::Rest(true), Works::Shift));
                request.entries.push(RosterEntry { person_id, date: Some(date(*on)), works });
            }
            Days::From(from, until) => request.patterns.push(RosterPattern {
                person_id,
                from: Some(date(*from)),
                until: until.map(date),
                shift: shift.clone().unwrap_or_default(),
            }),
        }
    }
    let mut check = Check::new();
    let fact = parse::roster(&mut check, &request);
    check.done().map_err(Wrong::first)?;
    fact.ok_or_else(|| Wrong::new("INVALID", "内容无效", "is not valid"))
}
