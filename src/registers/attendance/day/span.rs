//! One span: what of it is to be worked, and what both its ends came to (rule R8).

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::inputs::{Absence, DayInputs, DayPunch, PunchSource};
use super::interval::{Stretch, closed, shared_ms, within, without};
use super::outcome::{DayWait, Flag, Open, Slot, SlotResult, SpanOutcome, SpanResult, Supplement};
use super::pick::{Due, Picked, pick};
use super::region::Region;
use super::slot::{self, End, Judged};
use crate::kernel::EpochMs;
use crate::policy::Policy;
use crate::proto::punch::Direction;
use crate::registers::attendance::view::Trust;

const MINUTE_MS: i64 = 60_000;

/// Judges a span. `overdue_at` tells when what is pending since an instant was waited for long enough.
pub fn judge(
    inputs: &DayInputs<'_>,
    region: &Region,
    overdue_at: &dyn Fn(EpochMs) -> EpochMs,
) -> (SpanOutcome, Vec<DayWait>) {
    let here = here(inputs, region);
    let left = to_be_worked(inputs, &here);
    let (Some(first), Some(last)) = (here.first(), here.last()) else {
        return (undue(inputs, region, SpanResult::NotApplicable), Vec::new());
    };
    let (Some((on, _)), Some((_, off))) = (left.first(), left.last()) else {
        return (undue(inputs, region, SpanResult::Excused), Vec::new());
    };
    let tol_early_ms = i64::from(inputs.policy.tol_early_minutes) * MINUTE_MS;
    let due = Due { region: *region, on: *on, off: *off, tol_early_ms };
    let overdue_at = || overdue_at(region.until);
    let all: Vec<&DayPunch> = inputs.punches.iter().collect();
    let stamped: Vec<&DayPunch> =
        all.iter().copied().filter(|punch| punch.source == PunchSource::Device).collect();
    let ends = |punches: &[&DayPunch]| {
        let (on, off) = pick(&due, punches);
        let judge = |end, picked: &Picked<'_>| slot::judge(inputs, &due, end, picked, &overdue_at);
        [judge(End::On, &on), judge(End::Off, &off)]
    };
    let [raw_on, raw_off] = ends(&stamped);
    // Nothing stands beside the devices' punches on most days.
    let [judged_on, judged_off] =
        if stamped.len() == all.len() { [raw_on.clone(), raw_off.clone()] } else { ends(&all) };
    let mut flags = BTreeSet::new();
    if has_gap(inputs, region) {
        flags.insert(Flag::MidSpanGap);
    }
    for open in [&judged_on, &judged_off, &raw_on, &raw_off].iter().filter_map(|judged| judged.open.as_ref())
    {
        match open {
            Open::AllOut => flags.insert(Flag::AllDevicesOut),
            Open::Suspect => flags.insert(Flag::SuspectTime),
            Open::Device { .. } | Open::NoDevice => false,
        };
    }
    if judged_on.lost || judged_off.lost {
        flags.insert(Flag::JournalLost);
    }
    let waits =
        [&raw_on, &raw_off, &judged_on, &judged_off].iter().flat_map(|judged| judged.waits.clone()).collect();
    let result = both(inputs.policy, judged_on.result, judged_off.result);
    let [_, plan, _] = inputs.plans;
    let beside = |moved| match (moved, plan.swapped) {
        (true, _) => Supplement::Excused,
        (false, Some(_)) => Supplement::ShiftChanged,
        (false, None) => Supplement::None,
    };
    let on = slot(judged_on, &raw_on, (region.on_plan, due.on), beside(due.on != first.0));
    let off = slot(judged_off, &raw_off, (region.off_plan, due.off), beside(due.off != last.1));
    let span = SpanOutcome {
        on,
        off,
        result,
        excused: None,
        excused_by: None,
        day_fraction_permille: region.span.day_fraction_permille,
        flags: flags.into_iter().collect(),
    };
    (span, waits)
}

/// The parts of a span during which the person is assigned here.
fn here(inputs: &DayInputs<'_>, region: &Region) -> Vec<Stretch> {
    if region.until < region.from {
        // Its neighbours leave nothing of it: nobody could clock in for it.
        return Vec::new();
    }
    let assigned = inputs.assigned.iter().map(|(from, until)| (*from, closed(*until)));
    within((region.on_plan, region.off_plan), assigned)
}

/// What approved absences leave of those parts.
fn to_be_worked(inputs: &DayInputs<'_>, here: &[Stretch]) -> Vec<Stretch> {
    here.iter()
        .flat_map(|part| without(*part, inputs.absences.iter().map(|absence| (absence.from, absence.until))))
        .collect()
}

/// A span of which nothing is to be worked.
fn undue(inputs: &DayInputs<'_>, region: &Region, result: SpanResult) -> SpanOutcome {
    let reason = if result == SpanResult::Excused { reason(inputs, region) } else { None };
    let excused = reason.map(|absence| absence.kind);
    let (slot_result, supplement) = match excused {
        Some(_) => (SlotResult::Excused, Supplement::Excused),
        None => (SlotResult::NotApplicable, Supplement::None),
    };
    let slot = |plan| Slot {
        plan,
        required: plan,
        punch: None,
        at: None,
        trust: None,
        raw: slot_result,
        result: slot_result,
        minutes: 0,
        is_final: true,
        supplement,
        open: None,
    };
    let came = excused.is_some() && inputs.punches.iter().any(|punch| region.holds(punch.at.at));
    SpanOutcome {
        on: slot(region.on_plan),
        off: slot(region.off_plan),
        result,
        excused,
        excused_by: reason.map(|absence| absence.entry),
        day_fraction_permille: region.span.day_fraction_permille,
        flags: if came { vec![Flag::PunchWhileExcused] } else { Vec::new() },
    }
}

/// Of several absences the one with the most of the span; of equal ones the first kind, and of one kind the first entry.
fn reason(inputs: &DayInputs<'_>, region: &Region) -> Option<Absence> {
    let span = (region.on_plan, region.off_plan);
    let rank = |absence: &Absence| {
        (shared_ms(span, (absence.from, absence.until)), Reverse(absence.kind), Reverse(absence.entry))
    };
    inputs.absences.iter().copied().max_by_key(rank)
}

/// `beside`: what stands beside the devices' punches when they decided.
fn slot(judged: Judged, raw: &Judged, (plan, required): (EpochMs, EpochMs), beside: Supplement) -> Slot {
    let supplement = match judged.punch.map(|punch| punch.source) {
        Some(PunchSource::Correction) => Supplement::Corrected,
        Some(PunchSource::ManualRoll) => Supplement::ManualRoll,
        Some(PunchSource::Device) | None => beside,
    };
    Slot {
        plan,
        required,
        punch: judged.punch.map(|punch| punch.punch),
        at: judged.punch.map(|punch| punch.at.at),
        trust: judged.punch.map(|punch| punch.at.trust),
        raw: raw.result,
        result: judged.result,
        minutes: judged.minutes,
        is_final: judged.is_final,
        supplement,
        open: judged.open,
    }
}

/// R8: both ends together.
fn both(policy: &Policy, on: SlotResult, off: SlotResult) -> SpanResult {
    let is = |result| on == result || off == result;
    let missing = is(SlotResult::Missing);
    let both_missing = on == SlotResult::Missing && off == SlotResult::Missing;
    if is(SlotResult::Pending) {
        SpanResult::Pending
    } else if is(SlotResult::Unverified) {
        SpanResult::Unverified
    } else if is(SlotResult::AbsentLate)
        || is(SlotResult::AbsentEarly)
        || (both_missing && policy.both_missing_is_absent)
        || (missing && !both_missing && policy.missing_is_absent)
    {
        SpanResult::Absent
    } else if missing {
        SpanResult::Missing
    } else if on == SlotResult::Normal && off == SlotResult::Normal {
        SpanResult::Normal
    } else {
        SpanResult::Exception
    }
}

/// R8: out and in again within the span, for longer than the policy allows, not counting what an absence or a pause
/// covers. A time that is only known within bounds is no lead.
fn has_gap(inputs: &DayInputs<'_>, region: &Region) -> bool {
    let times = |wanted: Direction| {
        inputs
            .punches
            .iter()
            .filter(move |punch| punch.direction == wanted && punch.at.trust != Trust::Suspect)
            .map(|punch| punch.at.at)
            .filter(|at| region.on_plan <= *at && *at <= region.off_plan)
    };
    let tolerance_ms = i64::from(inputs.policy.gap_tolerance_minutes) * MINUTE_MS;
    let covered = || {
        let absences = inputs.absences.iter().map(|absence| (absence.from, absence.until));
        absences.chain(inputs.pauses.iter().copied())
    };
    times(Direction::Out).any(|out| {
        times(Direction::In).filter(|back| *back > out).min().is_some_and(|back| {
            let away_ms: i64 =
                without((out, back), covered()).iter().map(|(from, until)| until.since(*from)).sum();
            away_ms > tolerance_ms
        })
    })
}
