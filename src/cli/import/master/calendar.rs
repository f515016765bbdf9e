//! Calendars: a line is a day that a notice sets apart. A year stands as a whole: a day that is missing from it would be
//! an ordinary one, on which people would be absent.

use std::collections::HashMap;

use super::became::{Became, Fate};
use super::cell;
use super::sheet::{Line, Sheet};
use super::stage::Stage;
use super::store::{Turn, refuse, store};
use super::wrong::Wrong;
use crate::kernel::{Check, EpochDay, Said};
use crate::proto::CalendarYear;
use crate::proto::calendar_year::Day;
use crate::proto::calendar_year::day::Kind as NoticeKind;
use crate::registers::roster::fact::Command;
use crate::registers::roster::parse;
use crate::registers::wire::date;

/// What the kinds of days are called.
const KINDS: [(NoticeKind, [&str; 4]); 3] = [
    (NoticeKind::StatutoryHoliday, ["STATUTORY_HOLIDAY", "法定节假日", "节假日", "放假"]),
    (NoticeKind::AdjustedRest, ["ADJUSTED_REST", "调休休息", "调休", "休息"]),
    (NoticeKind::MakeupWorkday, ["MAKEUP_WORKDAY", "调休上班", "补班", "上班"]),
];

/// Takes the days of a year.
pub(super) async fn take(
    stage: &mut Stage<'_>,
    sheet: &Sheet,
    notice: Option<&str>,
    turn: Turn,
) -> anyhow::Result<Became> {
    let mut fates: Vec<(u64, Fate)> = Vec::with_capacity(sheet.lines.len());
    let mut days: Vec<(usize, Day)> = Vec::new();
    let mut met: HashMap<EpochDay, (usize, Day)> = HashMap::new();
    for (at, line) in sheet.lines.iter().enumerate() {
        let fate = match read(sheet, line, met.values().next().map(|(_, day)| day)) {
            Err(wrong) => Fate::Wrong(wrong),
            Ok((on, day)) => match met.get(&on) {
                Some((first, known)) if *known == day => Fate::Same(*first),
                Some(_) => {
                    Fate::Wrong(Wrong::new("TWICE", "此日在另一行另有说明", "another line says otherwise"))
                }
                None => {
                    met.insert(on, (at, day));
                    days.push((at, day));
                    Fate::New
                }
            },
        };
        fates.push((line.number, fate));
    }
    let planned = plan(stage, &days, notice, &mut fates).map(|command| (places(&days), command.into()));
    if turn == Turn::Store {
        store(stage, planned.into_iter().collect(), &mut fates).await?;
    }
    Ok(Became::of(&fates))
}

fn places(days: &[(usize, Day)]) -> Vec<usize> {
    days.iter().map(|(at, _)| *at).collect()
}

fn read(sheet: &Sheet, line: &Line, other: Option<&Day>) -> Result<(EpochDay, Day), Wrong> {
    let row = line.row(sheet.kind)?;
    row.need("date")?;
    let on = super::day(&row, "date")?.ok_or_else(|| Wrong::new("BAD_DATE", "不是日期", "is no day"))?;
    let year = |day: &Day| day.date.map(|date| date.year);
    if other.is_some_and(|other| year(other) != Some(on.ymd().0)) {
        let (zh, en) = ("与其他行不在同一年", "is not in the year of the other lines: a file is of one year");
        return Err(Wrong::new("ANOTHER_YEAR", zh, en));
    }
    let (column, text) = row.need("kind")?;
    let kind = KINDS.iter().find(|(_, names)| names.contains(&text.to_ascii_uppercase().as_str()));
    let Some((kind, _)) = kind else {
        let said = Said::new(
            "应为 法定节假日、调休休息 或 调休上班",
            "STATUTORY_HOLIDAY, ADJUSTED_REST or MAKEUP_WORKDAY",
        );
        return Err(Wrong::of(column, "BAD_KIND", &said));
    };
    let (column, text) = row.get("as_weekday")?;
    let like = match text {
        "" => 0,
        text => match cell::weekdays(text).as_deref() {
            Some([weekday]) => *weekday,
            Some(_) | None => {
                let said = Said::new("应为一个星期几，如 5 或 周五", "one day of the week, 1 to 7");
                return Err(Wrong::of(column, "BAD_WEEKDAYS", &said));
            }
        },
    };
    if like > 0 && *kind != NoticeKind::MakeupWorkday {
        let said = Said::new("只有调休上班才按星期几", "only work that is made up is like another day");
        return Err(Wrong::of(column, "NOT_BOTH", &said));
    }
    Ok((on, Day { date: Some(date(on)), kind: (*kind).into(), as_weekday: like }))
}

/// The calendar, where every line is good and it differs from what stands.
fn plan(
    stage: &mut Stage<'_>,
    days: &[(usize, Day)],
    notice: Option<&str>,
    fates: &mut [(u64, Fate)],
) -> Option<Command> {
    let year = days.first()?.1.date?.year;
    if fates.iter().any(|(_, fate)| matches!(fate, Fate::Wrong(_))) {
        let (zh, en) =
            ("另一行有误，整年日历未写入", "another line is wrong, and a calendar stands as a whole");
        refuse(fates, &places(days), &Wrong::new("CALENDAR_INCOMPLETE", zh, en));
        return None;
    }
    let standing = stage.year(year);
    let named = notice.map(str::to_owned).or_else(|| standing.map(|known| known.notice.clone()));
    let mut days_of: Vec<Day> = days.iter().map(|(_, day)| *day).collect();
    days_of.sort_by_key(|day| day.date.map(|date| (date.month, date.day)));
    let calendar =
        CalendarYear {
            year, notice: named.unwrap_or_else(|| format!("{year}年节假日安排")), days: days_of
        };
    if standing == Some(&calendar) {
        for at in places(days) {
            if let Some((_, fate)) = fates.get_mut(at) {
                *fate = Fate::Stands;
            }
        }
        return None;
    }
    let mut check = Check::new();
    let parsed = parse::calendar_year(&mut check, "calendar", Some(calendar));
    let judged = check.done().map_err(Wrong::first).and_then(|()| {
        let command = Command::CalendarYear(parsed.unwrap_or_default());
        let accepted = stage.judge(&command)?;
        stage.apply(&accepted);
        Ok(command)
    });
    judged.map_err(|wrong| refuse(fates, &places(days), &wrong)).ok()
}
