//! The rule of the attendance register.
use super::fact::Command;
use super::state::State;
use crate::kernel::Pos;
use crate::ledger::port::Slot;
use crate::registers::directory::admit::Seen;
use crate::registers::verdict::{Accepted, Moment, Verdict};

/// Accept, or a reason to refuse.
pub fn admit(command: &Command, _state: &State, _seen: Seen<'_>, _moment: &Moment<'_>) -> Verdict {
    match *command {}
}

/// The record of a journal place that was claimed twice.
pub fn conflict(_slot: &Slot, _first: Pos, _digest: [u8; 32]) -> Accepted {
    Accepted::default()
}
