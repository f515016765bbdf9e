//! Shifts: a line is what a shift works on some days of the week. Lines of one shift stand together or not at all: with one
//! of them missing, its days would be rest days.

use std::collections::BTreeMap;

use super::became::{Became, Fate};
use super::cell;
use super::code::made;
use super::kinds::Column;
use super::sheet::{Row, Sheet};
use super::stage::Stage;
use super::store::{Planned, Turn, refuse, store};
use super::wrong::Wrong;
use crate::kernel::{Check, EpochDay, Name, Said, ShiftId, Violation};
use crate::proto::Shift;
use crate::proto::shift::Template;
use crate::registers::roster::fact::Command;
use crate::registers::roster::parse;
use crate::registers::wire::date;

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
struct Words {
    name: Option<String>,
    from: Option<EpochDay>,
    template: Template,
}

/// What the lines of one shift say.
#[derive(Debug, Default)]
struct Group {
    code: String,
    lines: Vec<usize>,
    said: Vec<(usize, Words)>,
    spoiled: bool,
}

/// Words that mean rest, and no shift.
const REST: [&str; 3] = ["休", "休息", "rest"];

/// The shift that a cell of a roster means; `None` is rest.
pub(super) fn meant(stage: &Stage<'_>, column: &Column, text: &str) -> Result<Option<String>, Wrong> {
    if REST.contains(&text) {
        return Ok(None);
    }
    let known =
        |code: &str| stage.book().is_some_and(|book| book.own.shifts.iter().any(|at| at.shift.shift == code));
    let found = if known(text) { Some(text) } else { stage.shift_called(text) };
    match found {
        Some(code) => Ok(Some(code.to_owned())),
        None => {
            let said = Said::new("本中心没有这个班次", "the centre has no such shift");
            Err(Wrong::of(column, "UNKNOWN_SHIFT", &said))
        }
    }
}

/// Takes a table of shifts.
pub(super) async fn take(stage: &mut Stage<'_>, sheet: &Sheet, turn: Turn) -> anyhow::Result<Became> {
    let mut fates: Vec<(u64, Fate)> = Vec::with_capacity(sheet.lines.len());
    let mut groups: Vec<Group> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (at, line) in sheet.lines.iter().enumerate() {
        let row = line.row(sheet.kind);
        let code = row.as_ref().map_err(Wrong::clone).and_then(|row| code(stage, row));
        let (row, code) = match (row, code) {
            (Ok(row), Ok(code)) => (row, code),
            (Err(wrong), _) | (_, Err(wrong)) => {
                fates.push((line.number, Fate::Wrong(wrong)));
                continue;
            }
        };
        let place = *places.entry(code.clone()).or_insert_with(|| {
            groups.push(Group { code, ..Group::default() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            fates.push((line.number, group.add(at, &row)));
        }
    }
    let mut planned = Vec::new();
    for group in groups {
        planned.extend(group.plan(stage, &mut fates));
    }
    if turn == Turn::Store {
        store(stage, planned, &mut fates).await?;
    }
    Ok(Became::of(&fates))
}

/// The code of the shift that a line is of.
fn code(stage: &Stage<'_>, row: &Row<'_>) -> Result<String, Wrong> {
    let (column, text) = row.need("shift")?;
    if REST.contains(&text) {
        let said = Said::new("此名称表示休息，不能作班次", "this word means rest, and is no shift");
        return Err(Wrong::of(column, "NOT_A_SHIFT", &said));
    }
    if ShiftId::parse(text).is_ok() {
        return Ok(text.to_owned());
    }
    Name::parse(text).map_err(|complaint| Wrong::complaint(column, complaint))?;
    let (named, name) = row.get("name")?;
    if !name.is_empty() && name != text {
        let said = Said::new(
            "另有名称时，班次应为小写字母、数字或连字符组成的代码",
            "beside a name of its own, the shift is a code of a-z, 0-9 and -",
        );
        return Err(Wrong::of(named, "NOT_A_CODE", &said));
    }
    Ok(stage.shift_called(text).map_or_else(|| made('s', text), str::to_owned))
}

fn said(row: &Row<'_>) -> Result<Words, Wrong> {
    let (_, shift) = row.need("shift")?;
    let (named, name) = row.get("name")?;
    let name =
        Some(name).filter(|name| !name.is_empty()).or_else(|| ShiftId::parse(shift).err().map(|_| shift));
    if let Some(name) = name {
        Name::parse(name).map_err(|complaint| Wrong::complaint(named, complaint))?;
    }
    let bad = |column: &Column, reason, zh: &str, en: &str| Wrong::of(column, reason, &Said::new(zh, en));
    let (column, text) = row.need("weekdays")?;
    let weekdays = cell::weekdays(text).ok_or_else(|| {
        bad(column, "BAD_WEEKDAYS", "应为星期几，如 1-5 或 周一至周五", "days of the week like 1-5 or 1,3,5")
    })?;
    let minutes = |name: &str| {
        let (column, text) = row.get(name)?;
        let parsed = Some(text).filter(|text| !text.is_empty()).map(|text| {
            cell::number(text, 3)
                .ok_or_else(|| bad(column, "BAD_NUMBER", "应为分钟数", "a number of minutes"))
        });
        parsed.transpose()
    };
    let (on_before, off_after) = (minutes("on_before")?, minutes("off_after")?);
    let (column, text) = row.need("spans")?;
    let spans = cell::spans(text, on_before, off_after).ok_or_else(|| {
        let zh = "应为时段，如 08:30-12:00;14:00-17:30，夜班如 20:00-26:00";
        bad(column, "BAD_SPANS", zh, "hours like 08:30-12:00;14:00-17:30, at night like 20:00-26:00")
    })?;
    let from = super::day(row, "from")?;
    Ok(Words { name: name.map(str::to_owned), from, template: Template { weekdays, spans } })
}

impl Group {
    fn add(&mut self, at: usize, row: &Row<'_>) -> Fate {
        let said = match said(row) {
            Ok(said) => said,
            Err(wrong) => {
                self.spoiled = true;
                self.lines.push(at);
                return Fate::Wrong(wrong);
            }
        };
        if let Some((first, _)) = self.said.iter().find(|(_, known)| *known == said) {
            return Fate::Same(*first);
        }
        let differs =
            self.said.first().is_some_and(|(_, first)| (&first.name, first.from) != (&said.name, said.from));
        self.lines.push(at);
        if differs {
            self.spoiled = true;
            let (zh, en) =
                ("名称和起须与该班次的其他行一致", "its name and from are those of the shift's other lines");
            return Fate::Wrong(Wrong::new("SHIFT_DIFFERS", zh, en));
        }
        self.said.push((at, said));
        Fate::New
    }

    /// Judges the shift as a whole.
    fn plan(self, stage: &mut Stage<'_>, fates: &mut [(u64, Fate)]) -> Option<Planned> {
        let lines: Vec<usize> = self.said.iter().map(|(at, _)| *at).collect();
        let incomplete = Wrong::new(
            "SHIFT_INCOMPLETE",
            "该班次的另一行有误，整个班次未写入",
            "another line of the shift is wrong, and a shift stands as a whole",
        );
        if self.spoiled {
            refuse(fates, &lines, &incomplete);
            return None;
        }
        let shift = self.shift(stage);
        let mut check = Check::new();
        let parsed = parse::shift(&mut check, Some(shift.clone()));
        if let Err(violations) = check.done() {
            refuse(fates, &lines, &incomplete);
            for violation in violations.0 {
                let of = template_of(&violation).and_then(|template| lines.get(template)).map(|at| vec![*at]);
                let wrong = Wrong { reason: violation.reason, said: violation.said };
                refuse(fates, &of.unwrap_or_else(|| lines.clone()), &wrong);
            }
            return None;
        }
        let from = self.said.first().and_then(|(_, first)| first.from);
        if stage.version(&self.code, from) == Some(&shift) {
            for at in lines {
                if let Some((_, fate)) = fates.get_mut(at) {
                    *fate = Fate::Stands;
                }
            }
            return None;
        }
        let command = Command::Shift(parsed?);
        match stage.judge(&command) {
            Ok(accepted) => stage.apply(&accepted),
            Err(wrong) => {
                refuse(fates, &lines, &wrong);
                return None;
            }
        }
        Some((lines, command.into()))
    }

    fn shift(&self, stage: &Stage<'_>) -> Shift {
        let first = self.said.first().map(|(_, first)| first);
        let from = first.and_then(|first| first.from);
        let name = first.and_then(|first| first.name.clone());
        let standing = || stage.version(&self.code, from).map(|shift| shift.name.clone());
        let name = name.or_else(standing).unwrap_or_else(|| self.code.clone());
        let templates = self.said.iter().map(|(_, said)| said.template.clone()).collect();
        Shift { shift: self.code.clone(), name, templates, effective_from: from.map(date) }
    }
}

/// Which template of a shift a violation is about.
fn template_of(violation: &Violation) -> Option<usize> {
    let (_, rest) = violation.field.split_once("templates[")?;
    rest.split_once(']')?.0.parse().ok()
}
