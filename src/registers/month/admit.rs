//! The rule of the months: a period is locked once, after it is over, and people confirm their own. Pure.
//!
//! What a digest is of is the caller's claim: no rule reads a result. Whoever derives the results again finds whether
//! it is true.

use std::sync::Arc;

use super::fact::Command;
use super::refusal::Refusal;
use super::state::{State, days_of};
use crate::kernel::{LogId, Reason, Subject, Zone};
use crate::registers::verdict::{Accepted, Moment, Verdict};

/// Accept, or a reason to refuse.
pub fn admit(command: &Command, state: &State, zone: &Zone, moment: &Moment<'_>) -> Verdict {
    match decide(command, state, zone, moment) {
        Ok(()) => Ok(Accepted { kind: command.kind(), facts: vec![command.fact()], ..Accepted::default() }),
        Err(refusal) => Err(Arc::new(refusal) as Arc<dyn Reason>),
    }
}

fn decide(command: &Command, state: &State, zone: &Zone, moment: &Moment<'_>) -> Result<(), Refusal> {
    if moment.log == LogId::DEPLOYMENT {
        return Err(Refusal::NotInACentre);
    }
    match command {
        Command::Lock(lock) => {
            let (_, until) = days_of(lock);
            if until >= zone.day_of(moment.at) {
                return Err(Refusal::NotOver);
            }
            if lock.before > moment.pos.get() {
                return Err(Refusal::NotDerivedYet);
            }
            if state.is_locked(moment.log, lock) { Err(Refusal::AlreadyLocked) } else { Ok(()) }
        }
        Command::Confirm(said) => match Subject::parse(moment.principal) {
            Ok(Subject::Person(own)) if own.as_str() == said.person_id => Ok(()),
            Ok(_) | Err(_) => Err(Refusal::NotAPerson),
        },
        Command::ConfirmPull(_) => Ok(()),
    }
}
