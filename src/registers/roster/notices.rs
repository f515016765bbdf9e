//! The notices that are shipped as data: the State Council's holiday arrangements for 2024, 2025 and 2026. Pure.
//!
//! A year that is not among them is not known until somebody puts it: its days stay pending (rule R6).

use serde::Deserialize;

use crate::kernel::EpochDay;
use crate::proto::CalendarYear;
use crate::proto::calendar_year::Day;
use crate::proto::calendar_year::day::Kind;
use crate::registers::directory::view::date;

/// Codes and texts, in the order of years.
const SHIPPED: [(&str, &str); 3] = [
    ("cn-2024", include_str!("notices/cn-2024.toml")),
    ("cn-2025", include_str!("notices/cn-2025.toml")),
    ("cn-2026", include_str!("notices/cn-2026.toml")),
];

/// A notice as its file says it. On which day of the week made-up work is like, notices do not say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notice {
    year: i32,
    notice: String,
    statutory: Vec<String>,
    rest: Vec<String>,
    makeup: Vec<String>,
}

/// The codes of the shipped notices.
pub fn codes() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(code, _)| *code)
}

/// A shipped notice by its code.
pub fn shipped(code: &str) -> Option<CalendarYear> {
    let (_, text) = SHIPPED.iter().find(|(known, _)| *known == code)?;
    parse(text)
}

fn parse(text: &str) -> Option<CalendarYear> {
    let notice: Notice = toml::from_str(text).ok()?;
    let days = [
        (notice.statutory, Kind::StatutoryHoliday),
        (notice.rest, Kind::AdjustedRest),
        (notice.makeup, Kind::MakeupWorkday),
    ];
    let mut listed = Vec::new();
    for (written, kind) in days {
        for text in written {
            listed.push((day(&text)?, kind));
        }
    }
    listed.sort_by_key(|(day, _)| *day);
    let days = listed
        .into_iter()
        .map(|(day, kind)| Day { date: Some(date(day)), kind: kind.into(), as_weekday: 0 })
        .collect();
    Some(CalendarYear { year: notice.year, notice: notice.notice, days })
}

/// `2026-10-01`
fn day(text: &str) -> Option<EpochDay> {
    let mut parts = text.split('-').map(|part| part.parse().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    EpochDay::from_ymd(year, month, day).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_shipped_year_gives_back_as_many_workdays_as_its_holidays_take() {
        // By law: 11 days until 2024, 13 from 2025 on; days that fall on a weekend are made up for by the notice.
        for (code, statutory) in [("cn-2024", 11_i32), ("cn-2025", 13), ("cn-2026", 13)] {
            let calendar = shipped(code).unwrap();
            let mut counts: HashMap<Kind, usize> = HashMap::new();
            let (mut taken, mut made_up) = (0_i32, 0_i32);
            for item in &calendar.days {
                let on = crate::registers::directory::view::day(item.date.as_ref());
                assert_eq!(on.ymd().0, calendar.year, "{code} {on}");
                *counts.entry(item.kind()).or_default() += 1;
                let weekend = on.weekday() > 5;
                match item.kind() {
                    Kind::MakeupWorkday => {
                        assert!(weekend, "{code} {on}: work is made up on a weekend");
                        made_up += 1;
                    }
                    Kind::StatutoryHoliday | Kind::AdjustedRest | Kind::Unspecified => {
                        taken += i32::from(!weekend);
                    }
                }
            }
            assert_eq!(counts[&Kind::StatutoryHoliday], usize::try_from(statutory).unwrap(), "{code}");
            // A workday that the law itself frees, or that stands for a free day on a weekend, is not made up.
            assert_eq!(taken - made_up, statutory, "{code}");
            assert!(calendar.notice.contains(&calendar.year.to_string()), "{code}");
        }
        assert_eq!(codes().count(), 3);
        assert!(shipped("cn-2027").is_none(), "nobody has said yet");
    }
}
