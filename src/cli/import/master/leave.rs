//! Leave that was approved on paper or in another system: a line is who is away, from when until when, and why. It counts at
//! once, as `RecordLeave` would record it.

use std::collections::{BTreeSet, HashMap};

use super::became::{Became, Fate};
use super::kinds::Column;
use super::sheet::{Line, Row, Sheet};
use super::stage::Stage;
use super::store::{Turn, fresh_id, hand_in, refuse};
use super::wrong::Wrong;
use super::{cell, day};
use crate::cli::import::local;
use crate::kernel::{EpochMs, Pos, Said, Words, Zone};
use crate::proto::{ApprovalPersonal, LeaveFact, leave};
use crate::registers::approval::fact::{Asked, Command};
use crate::registers::approval::rows;
use crate::registers::approval::standing::Course;

/// The system that approved it, as far as is known.
const SYSTEM: &str = "import";
/// Every row that is there.
const ALL: Pos = Pos::new(u64::MAX >> 1);
/// The longest leave: 400 days.
const LONGEST_MS: i64 = 34_560_000_000;

/// What leave is called.
const KINDS: [(leave::Kind, &[&str]); 13] = [
    (leave::Kind::Official, &["公出", "公假"]),
    (leave::Kind::Personal, &["事假"]),
    (leave::Kind::Sick, &["病假"]),
    (leave::Kind::Annual, &["年休假", "年假"]),
    (leave::Kind::Marriage, &["婚假"]),
    (leave::Kind::Maternity, &["产假"]),
    (leave::Kind::Paternity, &["陪产假"]),
    (leave::Kind::Bereavement, &["丧假"]),
    (leave::Kind::HomeVisit, &["探亲假"]),
    (leave::Kind::TempOut, &["临时外出"]),
    (leave::Kind::Training, &["学习", "培训"]),
    (leave::Kind::Other, &["其他", "其它"]),
    (leave::Kind::Trip, &["出差"]),
];

/// Takes a table of leave.
pub(super) async fn take(stage: &mut Stage<'_>, sheet: &Sheet, turn: Turn) -> anyhow::Result<Became> {
    let read: Vec<Result<(LeaveFact, Words), Wrong>> =
        sheet.lines.iter().map(|line| read(stage, sheet, line)).collect();
    let standing = standing(stage, read.iter().flatten().map(|(fact, _)| fact)).await?;
    let mut met: HashMap<(String, i64, i64), (usize, i32)> = HashMap::new();
    let mut fates = Vec::with_capacity(read.len());
    let mut planned = Vec::new();
    for (at, (line, read)) in sheet.lines.iter().zip(read).enumerate() {
        let fate = match read {
            Err(wrong) => Fate::Wrong(wrong),
            Ok((fact, _)) if standing.iter().any(|course| says(course, &fact)) => Fate::Stands,
            Ok((fact, reason)) => {
                let time = (fact.person_id.clone(), fact.from_ms, fact.until_ms);
                match met.get(&time) {
                    Some((first, kind)) if *kind == fact.kind => Fate::Same(*first),
                    Some(_) => Fate::Wrong(Wrong::new(
                        "TWICE",
                        "此人这段时间在另一行另有假别",
                        "another line gives the person another kind of leave for this time",
                    )),
                    None => {
                        met.insert(time, (at, fact.kind));
                        let command = command(fact, &reason);
                        match stage.judge_leave(&command) {
                            Ok(()) => {
                                planned.push((at, command));
                                Fate::New
                            }
                            Err(wrong) => Fate::Wrong(wrong),
                        }
                    }
                }
            }
        };
        fates.push((line.number, fate));
    }
    if turn == Turn::Store {
        let (lines, commands): (Vec<usize>, Vec<_>) = planned
            .into_iter()
            .map(|(at, command)| (at, (stage.log, fresh_id(stage.office), command.into())))
            .unzip();
        for (at, answer) in lines.into_iter().zip(hand_in(stage.office, commands).await?) {
            if let Err(wrong) = answer {
                refuse(&mut fates, &[at], &wrong);
            }
        }
    }
    Ok(Became::of(&fates))
}

fn command(fact: LeaveFact, reason: &Words) -> Command {
    let personal = ApprovalPersonal { reason: reason.as_str().to_owned(), ..ApprovalPersonal::default() };
    Command::Request { asked: Asked::Leave(fact), personal }
}

/// What stands of the people and the time of a table.
async fn standing(
    stage: &Stage<'_>,
    facts: impl Iterator<Item = &LeaveFact> + Clone,
) -> anyhow::Result<Vec<Course>> {
    let people: BTreeSet<&str> = facts.clone().map(|fact| fact.person_id.as_str()).collect();
    let from = facts.clone().map(|fact| fact.from_ms).min().unwrap_or_default();
    let until = facts.map(|fact| fact.until_ms).max().unwrap_or_default();
    let time = (EpochMs::clamped(from), EpochMs::clamped(until));
    let mut tx = stage.office.desk.store().snapshot().await?;
    let requests = rows::requests_of(&mut tx, stage.log, &people, time, ALL).await?;
    let courses = rows::courses(&mut tx, stage.log, &requests, ALL).await?;
    tx.rollback().await?;
    Ok(courses)
}

/// Does a request that is in force say just this, whoever approved it?
fn says(course: &Course, fact: &LeaveFact) -> bool {
    let Asked::Leave(known) = &course.filed.asked else { return false };
    let same = (&known.person_id, known.kind, known.from_ms, known.until_ms)
        == (&fact.person_id, fact.kind, fact.from_ms, fact.until_ms);
    same && course.standing(ALL).is_in_force()
}

fn read(stage: &Stage<'_>, sheet: &Sheet, line: &Line) -> Result<(LeaveFact, Words), Wrong> {
    let row = line.row(sheet.kind)?;
    let (numbered, number) = row.need("employee_no")?;
    let (column, text) = row.need("kind")?;
    let kind = kind(text).ok_or_else(|| {
        let said = Said::new("不是假别，如 年休假、病假", "no kind of leave, as ANNUAL or SICK");
        Wrong::of(column, "BAD_KIND", &said)
    })?;
    let zone = stage.zone();
    let from = instant(&row, "from", zone, Edge::First)?;
    let until = instant(&row, "until", zone, Edge::Last)?;
    let (column, reason) = row.need("reason")?;
    let reason = Words::parse(reason).map_err(|complaint| Wrong::complaint(column, complaint))?;
    if !(1..=LONGEST_MS).contains(&until.since(from)) {
        let (zh, en) = ("止须晚于起，最长 400 天", "does not end after it begins, by at most 400 days");
        return Err(Wrong::new("BEFORE_FROM", zh, en));
    }
    let person = stage.person(number, zone.day_of(from)).ok_or_else(|| {
        let said = Said::new("当日无人使用此工号", "nobody has this employee number on that day");
        Wrong::of(numbered, "UNKNOWN_PERSON", &said)
    })?;
    let fact = LeaveFact {
        person_id: person.to_string(),
        kind: kind.into(),
        from_ms: from.get(),
        until_ms: until.get(),
        external_system: SYSTEM.to_owned(),
        external_decided_ms: from.get(),
        ..LeaveFact::default()
    };
    Ok((fact, reason))
}

fn kind(text: &str) -> Option<leave::Kind> {
    let named = KINDS.into_iter().find(|(kind, zh)| kind.as_str_name() == text || zh.contains(&text));
    named.map(|(kind, _)| kind)
}

/// Which end of leave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    First,
    Last,
}

/// A time of the centre's clocks; a day is the whole of it.
fn instant(row: &Row<'_>, name: &str, zone: &Zone, edge: Edge) -> Result<EpochMs, Wrong> {
    let (column, text): (&Column, &str) = row.need(name)?;
    if cell::day(text).is_some() {
        let on = day(row, name)?.unwrap_or(crate::kernel::EpochDay::FIRST);
        return Ok(zone.start_of(if edge == Edge::Last { on.plus_days(1) } else { on }));
    }
    local::instant(zone, text).map_err(|_| {
        let said = Said::new(
            "应为日期或时间，如 2026-11-02 或 2026-11-02 08:30",
            "a day or a time like 2026-11-02 or 2026-11-02 08:30",
        );
        Wrong::of(column, "BAD_TIME", &said)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leave_is_known_by_its_names() {
        for (text, wanted) in [
            ("年休假", Some(leave::Kind::Annual)),
            ("年假", Some(leave::Kind::Annual)),
            ("SICK", Some(leave::Kind::Sick)),
            ("sick", None),
            ("KIND_UNSPECIFIED", None),
            ("旷工", None),
        ] {
            assert_eq!(kind(text), wanted, "{text}");
        }
        let named: BTreeSet<&str> = KINDS.iter().flat_map(|(_, zh)| zh.iter().copied()).collect();
        assert_eq!(named.len(), KINDS.iter().map(|(_, zh)| zh.len()).sum::<usize>(), "no name means two");
    }
}
