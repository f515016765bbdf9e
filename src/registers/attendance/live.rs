//! What this process keeps in memory of journals, contacts and outages.
use std::collections::HashMap;
use std::sync::Arc;

use super::fact::Command;
use super::state::State;
use crate::kernel::LogId;
use crate::ledger::keys::Keys;
use crate::registers::directory::Directory;
use crate::store::{StoreError, Tx};

/// The memory.
#[derive(Debug, Default)]
pub struct Live {}

impl Live {
    /// Loads what the commands of a batch need.
    #[expect(clippy::unused_async, reason = "skeleton")]
    pub async fn load(
        &self,
        _tx: &mut Tx,
        _keys: &Keys,
        _directories: &HashMap<LogId, Arc<Directory>>,
        _batch: &[(LogId, &Command)],
    ) -> Result<State, StoreError> {
        Ok(State {})
    }

    /// Keeps what a durable batch taught.
    pub fn keep(&self, _state: State) {}

    /// Forgets.
    pub fn forget(&self) {}

    /// Is there a contact to write?
    pub fn has_flush(&self) -> bool {
        false
    }

    /// Writes contacts.
    #[expect(clippy::unused_async, reason = "skeleton")]
    pub async fn flush(&self, _tx: &mut Tx) -> Result<(), StoreError> {
        Ok(())
    }
}
