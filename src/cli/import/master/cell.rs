//! What people write into cells: days, days of the week, hours, numbers. Full-width signs are read like the usual ones.

use crate::kernel::EpochDay;
use crate::proto::shift::Span;

/// A day: `2026-11-02`, `2026/11/2`, `2026.11.2`, `2026年11月2日`.
pub(super) fn day(text: &str) -> Option<EpochDay> {
    let text = text.strip_suffix('日').unwrap_or(text);
    // What a spreadsheet adds to a day.
    let text = text.strip_suffix("00:00:00").map_or(text, str::trim_end);
    let mut parts = text.split(['-', '/', '.', '年', '月']).map(|part| number(part, 4));
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || year < 1970 {
        return None;
    }
    EpochDay::from_ymd(year, month, day).ok()
}

/// A number of at most so many digits, and nothing else.
pub(super) fn number(text: &str, digits: usize) -> Option<i32> {
    let valid = (1..=digits).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if valid { text.parse().ok() } else { None }
}

/// Days of the week, 1 is Monday: `1-5`, `1,3,5`, `135`, `周一至周五`, `周一、周三`, `每天`. Each once, in order.
pub(super) fn weekdays(text: &str) -> Option<Vec<i32>> {
    if text == "每天" || text == "每日" {
        return Some((1..=7).collect());
    }
    let text = ["星期", "礼拜", "周"].iter().fold(text.to_owned(), |text, word| text.replace(word, ""));
    let mut days: Vec<i32> = Vec::new();
    let mut range = false;
    for c in text.chars() {
        match c {
            '-' | '－' | '–' | '—' | '~' | '～' | '至' | '到' if !range && !days.is_empty() => {
                range = true;
            }
            ',' | '，' | ';' | '；' | '、' | ' ' | '/' if !range => {}
            _ => {
                let day = weekday(c)?;
                let first = if range { days.last()? + 1 } else { day };
                if first > day {
                    return None;
                }
                days.extend(first..=day);
                range = false;
            }
        }
    }
    let given = days.len();
    days.sort_unstable();
    days.dedup();
    (!range && given > 0 && days.len() == given).then_some(days)
}

fn weekday(c: char) -> Option<i32> {
    let known = "一二三四五六日".chars().zip(1..).find(|(named, _)| *named == c).map(|(_, day)| day);
    match c {
        '天' => Some(7),
        '1'..='7' => c.to_digit(10).and_then(|day| i32::try_from(day).ok()),
        _ => known,
    }
}

/// Stretches of work: `08:30-12:00;14:00-17:30`, nights as `20:00-26:00`.
pub(super) fn spans(text: &str, on_before: Option<i32>, off_after: Option<i32>) -> Option<Vec<Span>> {
    let parts = text.split([';', '；', ',', '，', '、', '\n']).map(str::trim).filter(|part| !part.is_empty());
    let spans: Option<Vec<Span>> = parts
        .map(|part| {
            let (on, off) = part.split_once(['-', '－', '–', '—', '~', '～', '至', '到'])?;
            Some(Span {
                on_plan_min: clock(on.trim())?,
                off_plan_min: clock(off.trim())?,
                on_before_min: on_before,
                off_after_min: off_after,
                day_fraction: None,
            })
        })
        .collect();
    spans.filter(|spans| !spans.is_empty())
}

/// `08:30` as minutes; hours may exceed 24.
fn clock(text: &str) -> Option<i32> {
    let (hours, minutes) = text.split_once([':', '：'])?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2).filter(|_| minutes.len() == 2)?);
    (minutes < 60).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_people_write_it() {
        for (text, wanted) in [
            ("2026-11-02", Some("2026-11-02")),
            ("2026/11/2", Some("2026-11-02")),
            ("2026.1.2", Some("2026-01-02")),
            ("2026年11月2日", Some("2026-11-02")),
            ("2026-11-02 00:00:00", Some("2026-11-02")),
            ("2026-02-30", None),
            ("2026-11", None),
            ("2026-11-02-01", None),
            ("26-11-02", None),
            ("1969-12-31", None),
            ("11/02/2026", None),
            ("20261102", None),
            ("2026-11-02 08:00", None),
            ("46328", None),
            ("", None),
        ] {
            assert_eq!(day(text).map(|day| day.to_string()).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn days_of_the_week_are_numbers_or_words() {
        for (text, wanted) in [
            ("1-5", Some(vec![1, 2, 3, 4, 5])),
            ("1,3,5", Some(vec![1, 3, 5])),
            ("6;7", Some(vec![6, 7])),
            ("135", Some(vec![1, 3, 5])),
            ("周一至周五", Some(vec![1, 2, 3, 4, 5])),
            ("星期一、星期三", Some(vec![1, 3])),
            ("周六、周日", Some(vec![6, 7])),
            ("1-4,6", Some(vec![1, 2, 3, 4, 6])),
            ("天", Some(vec![7])),
            ("每天", Some(vec![1, 2, 3, 4, 5, 6, 7])),
            ("5-1", None),
            ("1-", None),
            ("-5", None),
            ("1,1", None),
            ("0-5", None),
            ("1-8", None),
            ("Mon", None),
            ("", None),
        ] {
            assert_eq!(weekdays(text), wanted, "{text}");
        }
    }

    #[test]
    fn stretches_of_work_have_a_beginning_and_an_end() {
        let read = |text: &str| {
            let spans = spans(text, None, Some(30))?;
            Some(spans.iter().map(|span| (span.on_plan_min, span.off_plan_min)).collect::<Vec<_>>())
        };
        for (text, wanted) in [
            ("08:30-12:00;14:00-17:30", Some(vec![(510, 720), (840, 1_050)])),
            ("8:30－12:00；14：00～17:30", Some(vec![(510, 720), (840, 1_050)])),
            ("20:00-26:00", Some(vec![(1_200, 1_560)])),
            ("09:00-17:00;", Some(vec![(540, 1_020)])),
            ("09:00", None),
            ("9-17", None),
            ("09:00-17:60", None),
            ("09:00-17:0", None),
            ("08:30-12:00-14:00", None),
            ("", None),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }
}
