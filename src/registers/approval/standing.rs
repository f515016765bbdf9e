//! How far a request has come: a function of the request and of what became of it since. Pure.

use super::fact::Asked;
use super::view::{ApprovedLeave, ApprovedPunch, End, Source};
use crate::kernel::{EpochMs, Pos};
use crate::proto::fact::Fact as Of;
use crate::proto::{ApprovalState, ApprovalStepFact, Fact, correction};

/// A request, by where it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Filed {
    /// Its entry.
    pub pos: Pos,
    /// Who asked.
    pub principal: String,
    /// When.
    pub recorded: EpochMs,
    /// For what.
    pub asked: Asked,
}

/// Something that became of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its entry.
    pub pos: Pos,
    /// The request.
    pub request: Pos,
    /// Who.
    pub principal: String,
    /// When.
    pub recorded: EpochMs,
    /// A decision, a withdrawal, a return.
    pub fact: Fact,
}

/// A request and everything that became of it, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The request.
    pub filed: Filed,
    /// What became of it, by position.
    pub events: Vec<Event>,
}

/// Who signed a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Yes or no.
    pub approved: bool,
    /// The subject.
    pub by: String,
    /// In whose place.
    pub on_behalf_of: String,
    /// When.
    pub at: EpochMs,
}

/// How far a request has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What it is.
    pub state: ApprovalState,
    /// The steps that were decided, in order.
    pub signed: Vec<Signed>,
    /// The next step waits since then.
    pub since: EpochMs,
    /// When the person was back from leave.
    pub returned: Option<EpochMs>,
}

impl Standing {
    /// Is it in force, or may it still come to be?
    pub fn may_count(&self) -> bool {
        self.is_in_force() || self.state == ApprovalState::Awaiting
    }

    /// Does it change anybody's day?
    pub fn is_in_force(&self) -> bool {
        matches!(self.state, ApprovalState::Approved | ApprovalState::Returned)
    }
}

/// The request that a fact is about, if it says what became of one.
pub fn request_of(fact: &Fact) -> Option<Pos> {
    match &fact.fact {
        Some(Of::ApprovalDecision(fact)) => Some(Pos::new(fact.request)),
        Some(Of::ApprovalWithdrawal(fact)) => Some(Pos::new(fact.request)),
        Some(Of::LeaveReturn(fact)) => Some(Pos::new(fact.leave)),
        _ => None,
    }
}

/// Is nobody's decision wanted any more after this fact?
pub fn settles(fact: &Fact) -> bool {
    match &fact.fact {
        Some(Of::ApprovalDecision(fact)) => fact.state() != ApprovalState::Awaiting,
        Some(Of::ApprovalWithdrawal(_) | Of::LeaveReturn(_)) => true,
        _ => false,
    }
}

impl Course {
    /// How it stood before a position.
    pub fn standing(&self, before: Pos) -> Standing {
        let filed = &self.filed;
        // What needs no step was approved before it came here.
        let state =
            if filed.asked.steps().is_empty() { ApprovalState::Approved } else { ApprovalState::Awaiting };
        let mut standing = Standing { state, signed: Vec::new(), since: filed.recorded, returned: None };
        for event in self.events.iter().filter(|event| event.pos < before) {
            match &event.fact.fact {
                Some(Of::ApprovalDecision(fact)) => {
                    standing.state = fact.state();
                    standing.since = event.recorded;
                    standing.signed.push(Signed {
                        approved: fact.approved,
                        by: event.principal.clone(),
                        on_behalf_of: fact.on_behalf_of.clone(),
                        at: event.recorded,
                    });
                }
                Some(Of::ApprovalWithdrawal(_)) => standing.state = ApprovalState::Withdrawn,
                Some(Of::LeaveReturn(fact)) => {
                    standing.state = ApprovalState::Returned;
                    standing.returned = Some(EpochMs::clamped(fact.returned_ms));
                }
                _ => {}
            }
        }
        standing
    }

    /// The step that is next, with its number from 0.
    pub fn next_step(&self, standing: &Standing) -> Option<(usize, &ApprovalStepFact)> {
        if standing.state != ApprovalState::Awaiting {
            return None;
        }
        let number = standing.signed.len();
        self.filed.asked.steps().get(number).map(|step| (number, step))
    }

    /// The leave that was in force before a position.
    pub fn leave(&self, before: Pos) -> Option<ApprovedLeave> {
        let Asked::Leave(fact) = &self.filed.asked else { return None };
        let standing = Some(self.standing(before)).filter(Standing::is_in_force)?;
        let asked_until = EpochMs::clamped(fact.until_ms);
        Some(ApprovedLeave {
            entry: self.filed.pos,
            kind: fact.kind(),
            from: EpochMs::clamped(fact.from_ms),
            until: standing.returned.map_or(asked_until, |returned| returned.min(asked_until)),
        })
    }

    /// The comings and goings of a person that were approved before a position.
    pub fn punches(&self, person_id: &str, before: Pos) -> Vec<ApprovedPunch> {
        if !self.standing(before).is_in_force() {
            return Vec::new();
        }
        let entry = self.filed.pos;
        let punch = |at_ms: i64, slot: correction::Slot, source| {
            let end = match slot {
                correction::Slot::On => End::On,
                correction::Slot::Off => End::Off,
                correction::Slot::Unspecified => return None,
            };
            Some(ApprovedPunch { entry, at: EpochMs::clamped(at_ms), end, source })
        };
        match &self.filed.asked {
            Asked::Leave(_) | Asked::Swap(_) => Vec::new(),
            Asked::Correction(fact) => {
                let own = fact.items.iter().filter(|item| item.person_id == person_id);
                own.filter_map(|item| punch(item.claimed_ms, item.slot(), Source::Correction)).collect()
            }
            Asked::ManualRoll(fact) => {
                let own = fact.items.iter().filter(|item| item.person_id == person_id);
                own.filter_map(|item| punch(item.at_ms, item.slot(), Source::ManualRoll)).collect()
            }
        }
    }
}
