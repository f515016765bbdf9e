//! Requests to valid facts of the roster: every violation at once, with its field.

use std::collections::BTreeSet;

use crate::kernel::{Check, EpochDay, Name, PersonId, PolicyId, Said, ShiftId};
use crate::policy;
use crate::proto::calendar_year::day::Kind as NoticeKind;
use crate::proto::centre_day::Kind as CentreKind;
use crate::proto::roster_entry::Works;
use crate::proto::shift::{Span, Template};
use crate::proto::{
    CalendarYear, CentreDay, CentreDaysFact, Date, Policy, PutRosterRequest, RosterEntry, RosterFact,
    RosterPattern, Shift, calendar_year,
};
use crate::registers::wire;

/// The most spans of a day.
const SPANS_MOST: usize = 8;
/// The most entries and patterns of one request.
const ROSTER_MOST: usize = 1_000;
/// The most days of a year, and of one request.
const DAYS_MOST: usize = 366;
/// The most values of a policy.
const VALUES_MOST: usize = 100;
/// A day's last minute, exclusive.
const DAY_MINUTES: i32 = 1_440;
/// How far a span and what is around it may reach: noon of the next day, so that a clock-in counts for one of two dates.
const REACH_MINUTES: i32 = 2_160;
/// The most minutes around a span.
const AROUND_MOST: i32 = 720;

fn between(
    check: &mut Check,
    field: impl Into<String>,
    value: i32,
    range: std::ops::RangeInclusive<i32>,
) -> bool {
    let good = range.contains(&value);
    if !good {
        let (least, most) = range.into_inner();
        check.refuse(
            field,
            "OUT_OF_RANGE",
            Said::new(format!("应为 {least} 至 {most}"), format!("must be {least} to {most}")),
        );
    }
    good
}

fn count(check: &mut Check, field: &str, count: usize, most: usize) -> bool {
    let good = (1..=most).contains(&count);
    if !good {
        check.refuse(
            field,
            "COUNT",
            Said::new(format!("应有 1 至 {most} 项"), format!("must have 1 to {most} items")),
        );
    }
    good
}

/// A shift.
pub fn shift(check: &mut Check, given: Option<Shift>) -> Option<Shift> {
    let given = check.require("shift", given)?;
    let code = check.take("shift.shift", ShiftId::parse(&given.shift));
    let name = check.take("shift.name", Name::parse(&given.name));
    let mut good = count(check, "shift.templates", given.templates.len(), 7);
    let mut weekdays = BTreeSet::new();
    for (at, template) in given.templates.iter().take(7).enumerate() {
        good &= self::template(check, &format!("shift.templates[{at}]"), template, &mut weekdays);
    }
    let from = wire::opt_day(check, "shift.effective_from", given.effective_from.as_ref());
    good &= given.effective_from.is_none() || from.is_some();
    (good && code.is_some() && name.is_some()).then_some(given)
}

fn template(check: &mut Check, path: &str, given: &Template, weekdays: &mut BTreeSet<i32>) -> bool {
    let mut good = count(check, &format!("{path}.weekdays"), given.weekdays.len(), 7);
    for (at, weekday) in given.weekdays.iter().take(7).enumerate() {
        let field = format!("{path}.weekdays[{at}]");
        good &= between(check, field.clone(), *weekday, 1..=7);
        if !weekdays.insert(*weekday) {
            check.refuse(field, "TWICE", Said::new("此日已有安排", "stands in a template already"));
            good = false;
        }
    }
    good &= count(check, &format!("{path}.spans"), given.spans.len(), SPANS_MOST);
    let mut free_from = 0;
    for (at, span) in given.spans.iter().take(SPANS_MOST).enumerate() {
        good &= self::span(check, &format!("{path}.spans[{at}]"), span, (at == 0, free_from));
        free_from = span.off_plan_min;
    }
    good
}

fn span(check: &mut Check, path: &str, given: &Span, (first, free_from): (bool, i32)) -> bool {
    let begins = if first { 0..=DAY_MINUTES - 1 } else { free_from.clamp(0, REACH_MINUTES)..=REACH_MINUTES };
    let mut good = between(check, format!("{path}.on_plan_min"), given.on_plan_min, begins);
    let on = given.on_plan_min.clamp(0, REACH_MINUTES);
    good &= between(check, format!("{path}.off_plan_min"), given.off_plan_min, on + 1..=REACH_MINUTES - 60);
    let before = given.on_before_min.unwrap_or_default();
    good &= between(check, format!("{path}.on_before_min"), before, 0..=AROUND_MOST);
    let left = (REACH_MINUTES - given.off_plan_min.clamp(0, REACH_MINUTES)).min(AROUND_MOST);
    let after = given.off_after_min.unwrap_or_default();
    good &= between(check, format!("{path}.off_after_min"), after, 0..=left);
    if given.day_fraction.is_some_and(|fraction| !(fraction > 0.0 && fraction <= 1.0)) {
        let said = Said::new("应大于 0，不超过 1", "must be above 0 and at most 1");
        check.refuse(format!("{path}.day_fraction"), "OUT_OF_RANGE", said);
        good = false;
    }
    good
}

/// Entries and patterns.
pub fn roster(check: &mut Check, given: &PutRosterRequest) -> Option<RosterFact> {
    let all = given.entries.len() + given.patterns.len();
    let mut good = count(check, "entries", all, ROSTER_MOST);
    let mut named = BTreeSet::new();
    for (at, entry) in given.entries.iter().take(ROSTER_MOST).enumerate() {
        good &= self::entry(check, &format!("entries[{at}]"), entry, &mut named);
    }
    let mut patterns: Vec<(String, EpochDay, Option<EpochDay>)> = Vec::new();
    for (at, pattern) in given.patterns.iter().take(ROSTER_MOST).enumerate() {
        good &= self::pattern(check, &format!("patterns[{at}]"), pattern, &mut patterns);
    }
    good.then(|| RosterFact { entries: given.entries.clone(), patterns: given.patterns.clone() })
}

fn entry(
    check: &mut Check,
    path: &str,
    given: &RosterEntry,
    named: &mut BTreeSet<(String, EpochDay)>,
) -> bool {
    let person = check.take(format!("{path}.person_id"), PersonId::parse(&given.person_id));
    let on = wire::day(check, &format!("{path}.date"), given.date.as_ref());
    let works = match &given.works {
        Some(Works::Shift(code)) => check.take(format!("{path}.shift"), ShiftId::parse(code)).is_some(),
        Some(Works::Rest(true)) => true,
        Some(Works::Rest(false)) | None => {
            let said = Said::new("须指明班次或休息", "names a shift, or rest");
            check.refuse(format!("{path}.shift"), "MISSING", said);
            false
        }
    };
    let once = on.is_none_or(|on| named.insert((given.person_id.clone(), on)));
    if !once {
        let said = Said::new("此人此日已列出", "the person's day is named already");
        check.refuse(format!("{path}.date"), "TWICE", said);
    }
    person.is_some() && on.is_some() && works && once
}

fn pattern(
    check: &mut Check,
    path: &str,
    given: &RosterPattern,
    known: &mut Vec<(String, EpochDay, Option<EpochDay>)>,
) -> bool {
    let person = check.take(format!("{path}.person_id"), PersonId::parse(&given.person_id));
    let (from, until) = days(check, path, given.from.as_ref(), given.until.as_ref());
    let shift =
        given.shift.is_empty() || check.take(format!("{path}.shift"), ShiftId::parse(&given.shift)).is_some();
    let Some(from) = from else { return false };
    let meets = |other: &(String, EpochDay, Option<EpochDay>)| {
        other.0 == given.person_id
            && other.2.is_none_or(|other_until| from <= other_until)
            && until.is_none_or(|until| other.1 <= until)
    };
    let twice = known.iter().any(meets);
    if twice {
        let said =
            Said::new("与同一请求中的另一安排重叠", "meets another pattern of the person in this request");
        check.refuse(format!("{path}.from"), "TWICE", said);
    }
    known.push((given.person_id.clone(), from, until));
    person.is_some() && shift && !twice && (given.until.is_none() || until.is_some())
}

/// A first and a last day that may be open.
fn days(
    check: &mut Check,
    path: &str,
    from: Option<&Date>,
    until: Option<&Date>,
) -> (Option<EpochDay>, Option<EpochDay>) {
    let first = wire::day(check, &format!("{path}.from"), from);
    let field = format!("{path}.until");
    let last = wire::opt_day(check, &field, until);
    if last.zip(first).is_some_and(|(last, first)| last < first) {
        check.refuse(field, "BEFORE_FROM", Said::new("早于开始日", "is before the first day"));
        return (None, last);
    }
    (first, last)
}

/// The days of a year.
pub fn calendar_year(check: &mut Check, path: &str, given: Option<CalendarYear>) -> Option<CalendarYear> {
    let given = check.require(path, given)?;
    let mut good = between(check, format!("{path}.year"), given.year, 1970..=9999);
    good &= check.take(format!("{path}.notice"), Name::parse(&given.notice)).is_some();
    if given.days.len() > DAYS_MOST {
        good &= count(check, &format!("{path}.days"), given.days.len(), DAYS_MOST);
    }
    let mut named = BTreeSet::new();
    for (at, item) in given.days.iter().take(DAYS_MOST).enumerate() {
        good &= notice_day(check, &format!("{path}.days[{at}]"), item, given.year, &mut named);
    }
    good.then_some(given)
}

fn notice_day(
    check: &mut Check,
    path: &str,
    given: &calendar_year::Day,
    year: i32,
    named: &mut BTreeSet<EpochDay>,
) -> bool {
    let kind = wire::named::<NoticeKind>(check, &format!("{path}.kind"), given.kind);
    let least = i32::from(kind == Some(NoticeKind::MakeupWorkday));
    let like = between(check, format!("{path}.as_weekday"), given.as_weekday, 0..=7 * least);
    let on = wire::day(check, &format!("{path}.date"), given.date.as_ref());
    let mut good = on.is_some() && kind.is_some() && like;
    if on.is_some_and(|on| on.ymd().0 != year) {
        let said = Said::new("不在该年", "is not in the year");
        check.refuse(format!("{path}.date"), "ANOTHER_YEAR", said);
        good = false;
    }
    if on.is_some_and(|on| !named.insert(on)) {
        check.refuse(format!("{path}.date"), "TWICE", Said::new("此日已列出", "is named already"));
        good = false;
    }
    good
}

/// A centre's own days.
pub fn centre_days(check: &mut Check, given: Vec<CentreDay>) -> Option<CentreDaysFact> {
    let mut good = count(check, "days", given.len(), DAYS_MOST);
    let mut named = BTreeSet::new();
    for (at, item) in given.iter().take(DAYS_MOST).enumerate() {
        let path = format!("days[{at}]");
        let kind = wire::named::<CentreKind>(check, &format!("{path}.kind"), item.kind);
        let on = wire::day(check, &format!("{path}.date"), item.date.as_ref());
        if on.is_some_and(|on| !named.insert(on)) {
            check.refuse(format!("{path}.date"), "TWICE", Said::new("此日已列出", "is named already"));
            good = false;
        }
        good &= kind.is_some() && on.is_some() && centre_shift(check, &path, kind, &item.shift);
    }
    good.then_some(CentreDaysFact { days: given })
}

fn centre_shift(check: &mut Check, path: &str, kind: Option<CentreKind>, code: &str) -> bool {
    let field = format!("{path}.shift");
    match (kind, code.is_empty()) {
        (Some(CentreKind::Extended), true) => {
            check.refuse(field, "MISSING", Said::new("延长服务须指明班次", "longer hours name a shift"));
            false
        }
        (Some(CentreKind::Closed | CentreKind::Rest), false) => {
            check.refuse(field, "NOT_BOTH", Said::new("休息日没有班次", "a day of rest has no shift"));
            false
        }
        (_, true) => true,
        (_, false) => check.take(field, ShiftId::parse(code)).is_some(),
    }
}

/// A policy.
pub fn policy(check: &mut Check, given: Option<Policy>) -> Option<Policy> {
    let given = check.require("policy", given)?;
    let code = check.take("policy.policy", PolicyId::parse(&given.policy));
    let from = wire::day(check, "policy.effective_from", given.effective_from.as_ref());
    let named = if given.pack.is_empty() { policy::DEFAULT_PACK } else { given.pack.as_str() };
    let Some(pack) = policy::Policy::of_pack(named) else {
        let said = Said::new("没有这个规则包", "is none of the packs that are shipped");
        check.refuse("policy.pack", "UNKNOWN_PACK", said);
        return None;
    };
    if given.values.len() > VALUES_MOST {
        count(check, "policy.values", given.values.len(), VALUES_MOST);
        return None;
    }
    let judged = pack.with(&given.values);
    if let Err(violations) = &judged {
        for violation in violations {
            // A key that nobody knows is not said back: it may be anything.
            let known = policy::keys().iter().any(|key| key.name == violation.key);
            let field =
                if known { format!("policy.values.{}", violation.key) } else { "policy.values".to_owned() };
            check.refuse(field, violation.reason, violation.said.clone());
        }
    }
    (code.is_some() && from.is_some() && judged.is_ok()).then_some(given)
}
