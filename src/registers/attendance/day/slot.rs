//! One end of a span: how late or early, and whether that is known for good (rules R5, R8).

use super::coverage::Proof;
use super::inputs::{DayInputs, DayPunch};
use super::outcome::{DayWait, Open, SlotResult};
use super::pick::{Due, Picked};
use crate::kernel::EpochMs;
use crate::policy::Policy;

const MINUTE_MS: i64 = 60_000;

/// Which end of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Coming.
    On,
    /// Going.
    Off,
}

/// What one end came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The result.
    pub result: SlotResult,
    /// Late or early by so many minutes.
    pub minutes: i32,
    /// The punch that decided.
    pub punch: Option<DayPunch>,
    /// No later punch can change it.
    pub is_final: bool,
    /// It is known because something was declared lost.
    pub lost: bool,
    /// Why it is not known.
    pub open: Option<Open>,
    /// When to look again.
    pub waits: Vec<DayWait>,
}

/// Judges one end by the punch that was picked for it. `overdue_at` tells when what is pending was waited for long enough;
/// it is asked only where something is.
pub fn judge(
    inputs: &DayInputs<'_>,
    due: &Due,
    end: End,
    picked: &Picked<'_>,
    overdue_at: &dyn Fn() -> EpochMs,
) -> Judged {
    let came_to = |at: Option<EpochMs>| came_to(inputs.policy, due, end, at);
    let (result, minutes) = came_to(picked.punch.map(|punch| punch.at.at));
    let judged = Judged {
        result,
        minutes,
        punch: picked.punch.copied(),
        is_final: true,
        lost: false,
        open: None,
        waits: Vec::new(),
    };
    // R4: a time between bounds that make a difference is for a person to judge.
    if came_to(picked.kind).0 != came_to(picked.unkind).0 {
        return judged.unknown(SlotResult::Unverified, Open::Suspect);
    }
    let Some(until) = known_by(due, result, picked.unkind) else { return judged };
    let from = due.region.from;
    let proof = match inputs.coverage.proof(from, until) {
        Proof::AllOut | Proof::NoDevice if picked.vouched => inputs
            .coverage
            .waiting(from, until)
            .map_or(Proof::Proven, |(device, threshold)| Proof::Waiting { device, threshold }),
        proof @ (Proof::Proven | Proof::AllOut | Proof::NoDevice | Proof::Waiting { .. }) => proof,
    };
    match proof {
        Proof::Proven => Judged { lost: inputs.coverage.is_lost(from, until), ..judged },
        Proof::AllOut => judged.unknown(SlotResult::Unverified, Open::AllOut),
        Proof::NoDevice => judged.waiting(inputs.at, overdue_at(), Open::NoDevice),
        Proof::Waiting { device, threshold } => {
            let wait = DayWait::Coverage { device: device.clone(), threshold };
            let mut judged = judged.waiting(inputs.at, overdue_at(), Open::Device { device, threshold });
            judged.waits.push(wait);
            judged
        }
    }
}

impl Judged {
    fn unknown(self, result: SlotResult, open: Open) -> Self {
        Self { result, minutes: 0, is_final: false, open: Some(open), ..self }
    }

    /// R5: pending until it is overdue, then unverified; never absence.
    fn waiting(self, at: EpochMs, overdue_at: EpochMs, open: Open) -> Self {
        if at >= overdue_at {
            return self.unknown(SlotResult::Unverified, open);
        }
        let mut pending = self.unknown(SlotResult::Pending, open);
        pending.waits.push(DayWait::Time(overdue_at));
        pending
    }
}

/// Up to when everything must be known for a result to be final; nothing for one that no later punch can worsen or better.
fn known_by(due: &Due, result: SlotResult, punched: Option<EpochMs>) -> Option<EpochMs> {
    match result {
        SlotResult::Normal
        | SlotResult::Excused
        | SlotResult::NotApplicable
        | SlotResult::Pending
        | SlotResult::Unverified => None,
        SlotResult::Late | SlotResult::SeriousLate | SlotResult::AbsentLate => {
            let end = punched.map_or(due.region.until, |at| floor_minute(at).plus_ms(MINUTE_MS));
            Some(end.min(due.region.until))
        }
        SlotResult::Early | SlotResult::AbsentEarly | SlotResult::Missing => Some(due.region.until),
    }
}

/// Seconds do not count: 08:30:59 is 08:30.
fn floor_minute(at: EpochMs) -> EpochMs {
    at.plus_ms(-at.get().rem_euclid(MINUTE_MS))
}

/// R8: what a coming or going at a time is, and by how many minutes. Every threshold is reached when it is met.
fn came_to(policy: &Policy, due: &Due, end: End, at: Option<EpochMs>) -> (SlotResult, i32) {
    let Some(at) = at else { return (SlotResult::Missing, 0) };
    let off_by = |from: EpochMs, to: EpochMs| {
        i32::try_from(to.since(from).div_euclid(MINUTE_MS)).unwrap_or(i32::MAX).max(0)
    };
    let reached = |minutes: i32, threshold: u16| minutes >= i32::from(threshold);
    match end {
        End::On => {
            let late = off_by(due.on, floor_minute(at));
            if late <= i32::from(policy.tol_late_minutes) {
                (SlotResult::Normal, 0)
            } else if !reached(late, policy.serious_late_minutes) {
                (SlotResult::Late, late)
            } else if !reached(late, policy.absent_late_minutes) {
                (SlotResult::SeriousLate, late)
            } else {
                (SlotResult::AbsentLate, late)
            }
        }
        End::Off => {
            if due.is_in_time(at) {
                return (SlotResult::Normal, 0);
            }
            let early = off_by(floor_minute(at), due.off);
            if reached(early, policy.absent_early_minutes) {
                (SlotResult::AbsentEarly, early)
            } else {
                (SlotResult::Early, early)
            }
        }
    }
}
