//! What the attendance register's rule needs to know of a batch.
use super::fact::Command;
use crate::kernel::{EpochMs, LogId, Pos};
use crate::ledger::port::{Occupied, Slot};
use crate::proto::Fact;
use crate::registers::directory::Directory;

/// The state.
#[derive(Debug, Default)]
pub struct State {}

impl State {
    /// The journal place that a command claims, and what stands there.
    pub fn slot(&self, _own: &Directory, _log: LogId, command: &Command) -> Option<(Slot, Option<Occupied>)> {
        match *command {}
    }

    /// Lets the next command of the batch see a fact.
    pub fn apply(&mut self, _log: LogId, _pos: Pos, _at: EpochMs, _digest: Option<[u8; 32]>, _fact: &Fact) {}
}
