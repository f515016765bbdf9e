//! A person's day (rule R8): what its spans came to, the worst of them, and when to look again.

use std::collections::{BTreeMap, BTreeSet};

use super::inputs::DayInputs;
use super::interval::closed;
use super::outcome::{DayOutcome, DayWait, Flag, Headline, SlotResult, SpanOutcome, SpanResult};
use super::region::{Region, regions};
use super::span;
use crate::kernel::EpochMs;
use crate::registers::roster::view::{DayKind, DayPlan};

/// Judges a day. `overdue_at` tells, of the end of a span's region, when what is still pending was waited for long enough
/// (see [`super::working_time`]).
pub fn judge(inputs: &DayInputs<'_>, overdue_at: &dyn Fn(EpochMs) -> EpochMs) -> DayOutcome {
    let [_, plan, _] = inputs.plans;
    let regions = regions(inputs.zone, inputs.day, inputs.plans);
    let today: Vec<&Region> = regions.iter().filter(|region| region.day == 0).collect();
    let whole = |headline, is_final, flags| DayOutcome { headline, is_final, flags, ..blank(plan) };
    if !plan.rostered || !is_here(inputs, &today) {
        return whole(Headline::NotApplicable, true, Vec::new());
    }
    match plan.kind {
        DayKind::PendingCalendar => return whole(Headline::Pending, false, Vec::new()),
        DayKind::Rest | DayKind::Holiday => {
            let flags = if came_on_rest(inputs, &regions) { vec![Flag::RestWithPunch] } else { Vec::new() };
            return whole(Headline::Rest, true, flags);
        }
        DayKind::Workday | DayKind::Makeup => {}
    }
    let (spans, waits): (Vec<SpanOutcome>, Vec<Vec<DayWait>>) =
        today.into_iter().map(|region| span::judge(inputs, region, overdue_at)).unzip();
    let absent: u16 = spans
        .iter()
        .filter(|span| span.result == SpanResult::Absent)
        .fold(0, |sum, span| sum.saturating_add(span.day_fraction_permille));
    let flags: BTreeSet<Flag> = spans.iter().flat_map(|span| span.flags.iter().copied()).collect();
    DayOutcome {
        headline: spans.iter().map(headline).min().unwrap_or(Headline::NotApplicable),
        is_final: spans.iter().all(|span| span.on.is_final && span.off.is_final),
        absent_fraction_permille: absent.min(1_000),
        spans,
        flags: flags.into_iter().collect(),
        waits: soonest(waits.into_iter().flatten()),
        ..blank(plan)
    }
}

fn blank(plan: &DayPlan) -> DayOutcome {
    DayOutcome {
        kind: plan.kind,
        source: plan.source,
        shift: plan.shift.clone(),
        swapped: plan.swapped,
        headline: Headline::NotApplicable,
        is_final: true,
        absent_fraction_permille: 0,
        spans: Vec::new(),
        flags: Vec::new(),
        waits: Vec::new(),
    }
}

/// Is the person assigned here on the day, or during a span of it that reaches into the next?
fn is_here(inputs: &DayInputs<'_>, today: &[&Region]) -> bool {
    let here = |(from, until): (EpochMs, EpochMs)| {
        inputs.assigned.iter().any(|(begins, ends)| *begins < until && closed(*ends) > from)
    };
    today.iter().any(|region| here((region.on_plan, region.off_plan))) || here(local_day(inputs))
}

fn local_day(inputs: &DayInputs<'_>) -> (EpochMs, EpochMs) {
    (inputs.zone.start_of(inputs.day), inputs.zone.start_of(inputs.day.plus_days(1)))
}

/// R6: who comes on a day of rest may have been on duty. What belongs to a night before or after it does not count.
fn came_on_rest(inputs: &DayInputs<'_>, regions: &[Region]) -> bool {
    let (from, until) = local_day(inputs);
    inputs
        .punches
        .iter()
        .map(|punch| punch.at.at)
        .filter(|at| from <= *at && *at < until)
        .any(|at| !regions.iter().any(|region| region.holds(at)))
}

/// The worst of a span, as a headline.
fn headline(span: &SpanOutcome) -> Headline {
    let is = |result| span.on.result == result || span.off.result == result;
    match span.result {
        SpanResult::Pending => Headline::Pending,
        SpanResult::Unverified => Headline::Unverified,
        SpanResult::Absent => Headline::Absent,
        SpanResult::Missing => Headline::Missing,
        SpanResult::Exception if is(SlotResult::SeriousLate) => Headline::SeriousLate,
        SpanResult::Exception if is(SlotResult::Late) => Headline::Late,
        SpanResult::Exception => Headline::Early,
        SpanResult::Normal => Headline::Normal,
        SpanResult::Excused => Headline::Excused,
        SpanResult::NotApplicable => Headline::NotApplicable,
    }
}

/// The next instant, and of each device that something waits for, the nearest time: when it has told of that, the day is
/// looked at again and says what it waits for then.
fn soonest(waits: impl Iterator<Item = DayWait>) -> Vec<DayWait> {
    let mut next: Option<EpochMs> = None;
    let mut devices: BTreeMap<String, EpochMs> = BTreeMap::new();
    for wait in waits {
        match wait {
            DayWait::Time(at) => next = Some(next.map_or(at, |next| next.min(at))),
            DayWait::Coverage { device, threshold } => {
                let nearest = devices.entry(device).or_insert(threshold);
                *nearest = threshold.min(*nearest);
            }
        }
    }
    let coverage = devices.into_iter().map(|(device, threshold)| DayWait::Coverage { device, threshold });
    next.map(DayWait::Time).into_iter().chain(coverage).collect()
}
