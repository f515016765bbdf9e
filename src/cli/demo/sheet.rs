//! The month for people to read: a line for everybody with a mark for every day, three days explained, and what HR takes
//! away.

use std::collections::BTreeMap;

use super::cast;
use super::plan::{self, Month};
use super::tell::{COLUMNS, padded, width};
use crate::cli::export::words;
use crate::cli::say;
use crate::kernel::{EpochDay, EpochMs, Zone};
use crate::proto::calendar_year::day::Kind;
use crate::proto::day_result::{Flag, Headline, Slot, SlotResult, SpanResult, Supplement};
use crate::proto::{DayResult, LocalizedText, MonthSummary};

/// Columns before the marks, and of one.
const BEFORE: usize = 10;
const MARK: usize = 2;
/// The days of the week.
const WEEKDAYS: [&str; 7] = ["一", "二", "三", "四", "五", "六", "日"];

/// What a headline is called in English.
pub(super) const fn english(headline: Headline) -> &'static str {
    match headline {
        Headline::Unspecified => "",
        Headline::Pending => "not known yet",
        Headline::Unverified => "never proven either way",
        Headline::Absent => "absent",
        Headline::Missing => "no clock-in or no clock-out",
        Headline::SeriousLate => "seriously late",
        Headline::Late => "late",
        Headline::Early => "left early",
        Headline::Normal => "in time",
        Headline::Excused => "on leave",
        Headline::Rest => "rest",
        Headline::NotApplicable => "not rostered",
    }
}

/// A day as one mark, with what it means in Chinese and English. Where the workbook of `qinlian export days` has a mark for
/// it, it is the same, but for rest; what people signed, half days and clock-ins on days of rest have marks of their own.
pub(super) fn mark(day: &DayResult) -> Mark {
    let slots = || day.spans.iter().flat_map(|span| [span.on.as_ref(), span.off.as_ref()]).flatten();
    let by = |wanted: Supplement| slots().any(|slot| slot.supplement() == wanted);
    let half = || day.spans.iter().any(|span| span.result() == SpanResult::SpanExcused);
    let headline = day.headline();
    if headline == Headline::Rest && day.flags().any(|flag| flag == Flag::RestWithPunch) {
        Mark::OnRest
    } else if headline != Headline::Normal {
        Mark::Plain(headline)
    } else if by(Supplement::ManualRoll) {
        Mark::Rolled
    } else if by(Supplement::Corrected) {
        Mark::Corrected
    } else if half() {
        Mark::Half
    } else {
        Mark::Plain(headline)
    }
}

/// A mark of the sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The headline says it all.
    Plain(Headline),
    /// In time, by a manual roll.
    Rolled,
    /// In time, by a correction.
    Corrected,
    /// In time, and on leave for the rest of the day.
    Half,
    /// Clocked in on a day of rest.
    OnRest,
}

/// Every mark, in the order of the legend.
fn marks() -> impl Iterator<Item = Mark> {
    let signed = [Mark::Corrected, Mark::Rolled, Mark::Half];
    let plain = words::HEADLINES.into_iter().map(Mark::Plain);
    signed.into_iter().chain(plain).chain([Mark::OnRest])
}

impl Mark {
    const fn shown(self) -> &'static str {
        match self {
            Self::Plain(Headline::Rest) => "·",
            Self::Plain(headline) => words::mark(headline),
            Self::Rolled => "点",
            Self::Corrected => "补",
            Self::Half => "半",
            Self::OnRest => "加",
        }
    }

    fn meant(self) -> String {
        let said = match self {
            Self::Plain(headline) => {
                return format!("{} {} {}", self.shown(), words::headline(headline), english(headline));
            }
            Self::Rolled => "人工点名 in time by a manual roll",
            Self::Corrected => "补卡 in time by a correction",
            Self::Half => "半天假 half a day's leave",
            Self::OnRest => "休息日打卡 came on a day of rest",
        };
        format!("{} {said}", self.shown())
    }
}

/// The day of a result.
pub(super) fn day_of(result: &DayResult) -> Option<EpochDay> {
    let date = result.work_date.as_ref()?;
    EpochDay::from_ymd(date.year, date.month, date.day).ok()
}

/// The sheet: a head, a line for everybody by department, and what the marks mean.
pub(super) fn sheet(month: &Month, people: &[String], days: &[DayResult]) -> Vec<String> {
    let by_day = days.iter().filter_map(|day| Some(((day.person_id.as_str(), day_of(day)?), mark(day))));
    let by_day: BTreeMap<(&str, EpochDay), Mark> = by_day.collect();
    let dates: Vec<EpochDay> = plan::days(month.first, month.last).collect();
    let mut lines = head(month, &dates);
    for (nth, (_, department)) in cast::DEPARTMENTS.into_iter().enumerate() {
        lines.push(format!("  {department}"));
        for (who, person) in people.iter().enumerate().filter(|(who, _)| cast::seconded_by(*who) == nth) {
            let of = |date: &EpochDay| by_day.get(&(person.as_str(), *date)).map_or("", |mark| mark.shown());
            let row = dates.iter().map(|date| padded(of(date), MARK)).collect::<String>();
            lines.push(format!("  {}{}", padded(&cast::name(who), BEFORE - 2), row.trim_end()));
        }
    }
    let meant = marks().filter(|mark| by_day.values().any(|shown| shown == mark)).map(Mark::meant);
    let said = ["节 a holiday by law", "调 rest that was moved", "班 a weekend day of work"];
    lines.push(String::new());
    lines.extend(flow(meant.chain(said.into_iter().map(str::to_owned))));
    lines
}

/// Every fifth day's number, and under it each day's place in the week, or what the notice makes of it.
fn head(month: &Month, dates: &[EpochDay]) -> Vec<String> {
    let mut numbers = " ".repeat(BEFORE);
    let mut week = " ".repeat(BEFORE);
    for date in dates {
        let (_, _, number) = date.ymd();
        if number == 1 || number % 5 == 0 {
            let at = BEFORE + usize::try_from(number - 1).unwrap_or_default() * MARK;
            numbers = padded(&numbers, at);
            numbers.push_str(&number.to_string());
        }
        week.push_str(match month.said(*date) {
            Some(Kind::StatutoryHoliday) => "节",
            Some(Kind::AdjustedRest) => "调",
            Some(Kind::MakeupWorkday) => "班",
            Some(Kind::Unspecified) | None => {
                WEEKDAYS.get(usize::from(date.weekday()) - 1).copied().unwrap_or_default()
            }
        });
    }
    vec![numbers, week]
}

/// Pieces side by side, as many as fit into a line.
fn flow(pieces: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        match lines.last_mut() {
            Some(line) if width(line) + 3 + width(&piece) <= COLUMNS => {
                line.push_str("   ");
                line.push_str(&piece);
            }
            _ => lines.push(format!("  {piece}")),
        }
    }
    lines
}

/// A text in lines that begin at a column and end before the last one. English breaks at spaces, Chinese anywhere.
fn wrapped(text: &str, at: usize) -> Vec<String> {
    let indent = " ".repeat(at);
    let mut lines = vec![indent.clone()];
    let mut word = String::new();
    let mut put = |word: &mut String| {
        if let Some(line) = lines.last_mut() {
            if width(line) + width(word.trim_end()) > COLUMNS {
                let next = format!("{indent}{}", word.trim_start());
                lines.push(next);
            } else {
                line.push_str(word);
            }
        }
        word.clear();
    };
    for letter in text.chars() {
        word.push(letter);
        if letter == ' ' || !letter.is_ascii() {
            put(&mut word);
        }
    }
    put(&mut word);
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// A day, in the sentences that come with it.
pub(super) fn explained(zone: &Zone, name: &str, why: &str, day: &DayResult) -> Vec<String> {
    let date = day_of(day).map(|date| date.to_string()).unwrap_or_default();
    let headline = day.headline();
    let mut lines = vec![String::new()];
    lines.extend(wrapped(&format!("{name} on {date}: {why}"), 2));
    lines.push(format!("    {} {}", words::headline(headline), english(headline)));
    let ends = day.spans.iter().flat_map(|span| [span.on.as_ref(), span.off.as_ref()]).flatten();
    for slot in ends.filter(|slot| is_remarkable(slot)) {
        let plan = slot.plan.as_ref().and_then(|at| EpochMs::from_parts(at.seconds, at.nanos).ok());
        let plan = plan.map(|at| zone.wall(at).chars().skip(11).take(5).collect::<String>());
        let LocalizedText { zh, en } = slot.reason.clone().unwrap_or_default();
        let mut said = wrapped(&zh, 11);
        if let Some(first) = said.first_mut() {
            *first = format!("    {}  {}", plan.unwrap_or_default(), first.trim_start());
        }
        lines.extend(said);
        lines.extend(wrapped(&en, 11));
        if slot.raw() != slot.r#final() {
            let raw = slot.raw();
            lines.push(format!("           ({} {} without it)", words::slot(raw), raw.as_str_name()));
        }
    }
    lines
}

fn is_remarkable(slot: &Slot) -> bool {
    let plain = matches!(slot.supplement(), Supplement::None | Supplement::Unspecified);
    slot.r#final() != SlotResult::Normal || !plain
}

/// What a department's people came to, added up.
pub(super) fn totals(department: &str, all: &[MonthSummary]) {
    let days = |of: fn(&MonthSummary) -> f64| all.iter().map(of).sum::<f64>();
    let count = |of: fn(&MonthSummary) -> u32| all.iter().map(of).sum::<u32>();
    say(&format!("  {department}, {} person-months (ListMonthSummaries), added up:", all.len()));
    let line = |what: &str, said: String| say(&format!("    {}{said}", padded(what, 22)));
    line(
        "days",
        format!(
            "{} due, {} attended, {} absent",
            days(|one| one.days_due),
            days(|one| one.days_attended),
            days(|one| one.days_absent)
        ),
    );
    line(
        "late, early",
        format!(
            "{} times for {} minutes, {} times for {} minutes",
            count(|one| one.late),
            count(|one| one.late_minutes),
            count(|one| one.early),
            count(|one| one.early_minutes)
        ),
    );
    line("without a clock-out", format!("{} (or a clock-in)", count(|one| one.missing)));
    line(
        "signed by two",
        format!("{} by correction, {} by roll", count(|one| one.corrected), count(|one| one.manual_roll)),
    );
    let mut kinds: BTreeMap<&str, f64> = BTreeMap::new();
    for leave in all.iter().flat_map(|one| &one.leave) {
        *kinds.entry(leave.kind().as_str_name()).or_default() += leave.days;
    }
    let leave: Vec<String> = kinds.into_iter().map(|(kind, days)| format!("{kind} {days}")).collect();
    line("days of leave", if leave.is_empty() { "none".to_owned() } else { leave.join(", ") });
    line("holidays worked", count(|one| one.holidays_worked).to_string());
    line("days still open", count(|one| one.open_days).to_string());
}

/// Some lines of the feed.
pub(super) fn feed(items: &[DayResult], names: &BTreeMap<String, String>) {
    say(&format!(
        "    {}{}{}{}{}",
        padded("seq", 8),
        padded("day", 12),
        padded("who", 10),
        padded("came to", 16),
        "because of"
    ));
    for item in items {
        let date = day_of(item).map(|date| date.to_string()).unwrap_or_default();
        let name = names.get(&item.person_id).map_or("", String::as_str);
        say(&format!(
            "    {}{}{}{}{}",
            padded(&item.seq.to_string(), 8),
            padded(&date, 12),
            padded(name, 10),
            padded(english(item.headline()), 16),
            item.cause
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::day_result::Span;

    fn day(headline: Headline, of: impl Fn(&mut DayResult)) -> DayResult {
        let slot = || Some(Slot { supplement: Supplement::None.into(), ..Slot::default() });
        let span =
            || Span { on: slot(), off: slot(), result: SpanResult::SpanNormal.into(), ..Span::default() };
        let mut day =
            DayResult { headline: headline.into(), spans: vec![span(), span()], ..DayResult::default() };
        of(&mut day);
        day
    }

    #[test]
    fn a_mark_says_the_worst_of_a_day_and_of_good_days_who_signed_for_them() {
        let signed = |day: &mut DayResult, by: Supplement| {
            if let Some(off) = &mut day.spans[1].off {
                off.supplement = by.into();
            }
        };
        let corrected = |day: &mut DayResult| signed(day, Supplement::Corrected);
        let rolled = |day: &mut DayResult| signed(day, Supplement::ManualRoll);
        let half = |day: &mut DayResult| day.spans[0].result = SpanResult::SpanExcused.into();
        let came = |day: &mut DayResult| day.flags.push(Flag::RestWithPunch.into());
        for (case, day, wanted) in [
            ("in time", day(Headline::Normal, |_| ()), "√"),
            ("by a correction", day(Headline::Normal, corrected), "补"),
            ("by a roll", day(Headline::Normal, rolled), "点"),
            ("half a day's leave", day(Headline::Normal, half), "半"),
            ("leave", day(Headline::Excused, half), "假"),
            ("late, whatever was corrected", day(Headline::Late, corrected), "迟"),
            ("unverified", day(Headline::Unverified, |_| ()), "?"),
            ("rest", day(Headline::Rest, |_| ()), "·"),
            ("came on a day of rest", day(Headline::Rest, came), "加"),
        ] {
            assert_eq!(mark(&day).shown(), wanted, "{case}");
        }
        let legend: Vec<&str> = marks().map(Mark::shown).collect();
        let distinct: std::collections::BTreeSet<&&str> = legend.iter().collect();
        assert_eq!(distinct.len(), legend.len(), "{legend:?}");
    }

    #[test]
    fn a_text_is_broken_at_spaces_and_between_ideographs_and_stays_within_the_line() {
        let english = wrapped(&"word ".repeat(40), 11);
        let chinese = wrapped(&"字".repeat(60), 11);
        for line in english.iter().chain(&chinese) {
            assert!(width(line) <= COLUMNS && line.starts_with("           "), "{line}");
        }
        assert_eq!(english.join(" ").split_whitespace().count(), 40);
        assert_eq!(chinese.iter().map(|line| line.trim().chars().count()).sum::<usize>(), 60);
    }
}
