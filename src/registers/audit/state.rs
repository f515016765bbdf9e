//! What the audit register's rule needs to know of a batch.
use super::fact::Command;
use crate::kernel::{LogId, Pos};
use crate::proto::Fact;
use crate::store::{StoreError, Tx};

/// The state.
#[derive(Debug, Default)]
pub struct State {}

impl State {
    /// Loads what the commands of a batch need.
    #[expect(clippy::unused_async, reason = "skeleton")]
    pub async fn load(_tx: &mut Tx, _batch: &[(LogId, &Command)]) -> Result<Self, StoreError> {
        Ok(Self {})
    }

    /// Lets the next command of the batch see a fact.
    pub fn apply(&mut self, _log: LogId, _pos: Pos, _fact: &Fact) {}
}
