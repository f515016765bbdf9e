//! A person's days of a period, added up (rule R12). Pure.

use std::collections::BTreeMap;

use super::canonical;
use crate::proto::day_result::{Flag, Headline, Kind, SlotResult, Source, Span, SpanResult, Supplement};
use crate::proto::month_summary::LeaveDays;
use crate::proto::{DayResult, MonthSummary, leave};

/// Is a day known for good?
pub fn is_open(day: &DayResult) -> bool {
    !day.r#final || matches!(day.headline(), Headline::Pending | Headline::Unverified)
}

/// Adds up the days of one person, in order. `kind_of` tells what an entry excuses for.
pub fn add_up(days: &[DayResult], kind_of: impl Fn(u64) -> leave::Kind) -> MonthSummary {
    let mut sum = MonthSummary::default();
    let mut leave_days: BTreeMap<i32, f64> = BTreeMap::new();
    for day in days {
        sum.open_days += u32::from(is_open(day));
        sum.days_absent += day.absent_fraction;
        if day.flags.contains(&Flag::RestWithPunch.into()) {
            match (day.kind(), day.source()) {
                (Kind::Holiday, _) => sum.holidays_worked += 1,
                (_, Source::NoticeAdjusted) => sum.adjusted_rest_worked += 1,
                _ => sum.rest_days_worked += 1,
            }
        }
        for span in &day.spans {
            add_span(&mut sum, span);
            if span.result() == SpanResult::SpanExcused {
                let kind = span.excused_by.map_or(leave::Kind::Other, &kind_of);
                *leave_days.entry(kind.into()).or_default() += span.day_fraction;
            }
        }
    }
    sum.leave = leave_days.into_iter().map(|(kind, days)| LeaveDays { kind, days }).collect();
    sum.digest = canonical::digest(days).0.to_vec();
    sum
}

fn add_span(sum: &mut MonthSummary, span: &Span) {
    let result = span.result();
    if result == SpanResult::SpanNotApplicable {
        return;
    }
    sum.days_due += span.day_fraction;
    if matches!(result, SpanResult::SpanNormal | SpanResult::SpanException | SpanResult::SpanMissing) {
        sum.days_attended += span.day_fraction;
    }
    for slot in [&span.on, &span.off].into_iter().flatten() {
        let minutes = u32::try_from(slot.minutes).unwrap_or_default();
        match slot.r#final() {
            late @ (SlotResult::Late | SlotResult::SeriousLate) => {
                sum.late += 1;
                sum.late_minutes += minutes;
                sum.serious_late += u32::from(late == SlotResult::SeriousLate);
            }
            SlotResult::Early => {
                sum.early += 1;
                sum.early_minutes += minutes;
            }
            SlotResult::Missing if result != SpanResult::SpanAbsent => sum.missing += 1,
            SlotResult::Unspecified
            | SlotResult::Normal
            | SlotResult::AbsentLate
            | SlotResult::AbsentEarly
            | SlotResult::Missing
            | SlotResult::Excused
            | SlotResult::Pending
            | SlotResult::Unverified
            | SlotResult::SlotNotApplicable => {}
        }
        match slot.supplement() {
            Supplement::Corrected => sum.corrected += 1,
            Supplement::ManualRoll => sum.manual_roll += 1,
            Supplement::Unspecified | Supplement::None | Supplement::Excused | Supplement::ShiftChanged => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::day_result::Slot;

    fn slot(result: SlotResult, minutes: i32) -> Option<Slot> {
        Some(Slot { r#final: result.into(), minutes, ..Slot::default() })
    }

    fn half(on: Option<Slot>, off: Option<Slot>, result: SpanResult) -> Span {
        Span { on, off, result: result.into(), day_fraction: 0.5, ..Span::default() }
    }

    fn day(spans: Vec<Span>, absent_fraction: f64) -> DayResult {
        DayResult {
            r#final: true,
            kind: Kind::Workday.into(),
            spans,
            absent_fraction,
            ..DayResult::default()
        }
    }

    #[test]
    fn a_month_is_the_sum_of_its_spans() {
        use SlotResult::{AbsentLate, Early, Excused, Late, Missing, Normal, Pending, SeriousLate};
        let rest = |kind: Kind, source: Source| DayResult {
            kind: kind.into(),
            source: source.into(),
            flags: vec![Flag::RestWithPunch.into()],
            ..day(Vec::new(), 0.0)
        };
        let excused = |entry| Span {
            excused_by: Some(entry),
            ..half(slot(Excused, 0), slot(Excused, 0), SpanResult::SpanExcused)
        };
        let corrected = slot(Normal, 0).map(|slot| Slot { supplement: Supplement::Corrected.into(), ..slot });
        let open = DayResult {
            r#final: false,
            headline: Headline::Pending.into(),
            ..day(vec![half(slot(Pending, 0), slot(Pending, 0), SpanResult::SpanPending)], 0.0)
        };
        let days = [
            day(
                vec![
                    half(slot(Late, 7), slot(Normal, 0), SpanResult::SpanException),
                    half(slot(SeriousLate, 20), slot(Early, 3), SpanResult::SpanException),
                ],
                0.0,
            ),
            day(
                vec![
                    half(slot(AbsentLate, 45), slot(Normal, 0), SpanResult::SpanAbsent),
                    half(slot(Normal, 0), slot(Missing, 0), SpanResult::SpanMissing),
                ],
                0.5,
            ),
            day(vec![excused(4), excused(5)], 0.0),
            day(vec![half(corrected, slot(Normal, 0), SpanResult::SpanNormal)], 0.0),
            rest(Kind::Rest, Source::Weekly),
            rest(Kind::Rest, Source::NoticeAdjusted),
            rest(Kind::Holiday, Source::NoticeStatutory),
            open,
        ];
        let kinds = |entry| if entry == 4 { leave::Kind::Sick } else { leave::Kind::Annual };
        let sum = add_up(&days, kinds);
        let of = |kind: leave::Kind| LeaveDays { kind: kind.into(), days: 0.5 };
        let wanted = MonthSummary {
            days_due: 4.0,
            days_attended: 2.0,
            days_absent: 0.5,
            late: 2,
            late_minutes: 27,
            serious_late: 1,
            early: 1,
            early_minutes: 3,
            missing: 1,
            leave: vec![of(leave::Kind::Sick), of(leave::Kind::Annual)],
            rest_days_worked: 1,
            adjusted_rest_worked: 1,
            holidays_worked: 1,
            corrected: 1,
            open_days: 1,
            digest: sum.digest.clone(),
            ..MonthSummary::default()
        };
        assert_eq!(sum, wanted);
    }
}
