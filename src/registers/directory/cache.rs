//! The directories that this process keeps in memory, shared by who admits and who reads.
//!
//! A directory is valid as long as its log's `config_pos` has not moved; the head that says so is read by the
//! committer inside the lock, and by everybody else from the newest committed state.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::rows;
use super::state::Directory;
use crate::kernel::{LogId, Pos};
use crate::store::{Store, StoreError, Tx};

/// The cache.
#[derive(Debug, Default)]
pub struct Directories {
    kept: Mutex<HashMap<LogId, Arc<Directory>>>,
}

impl Directories {
    /// The directory of a log as of `config_pos`, inside a transaction.
    pub async fn load(&self, tx: &mut Tx, log: LogId, config_pos: Pos) -> Result<Arc<Directory>, StoreError> {
        let directory = rows::advance(tx, log, self.kept(log), config_pos).await?;
        self.keep(log, &directory);
        Ok(directory)
    }

    /// The same, for readers.
    pub async fn read(
        &self,
        store: &Store,
        log: LogId,
        config_pos: Pos,
    ) -> Result<Arc<Directory>, StoreError> {
        match self.kept(log) {
            Some(known) if known.config_pos >= config_pos => Ok(known),
            _ => {
                let mut tx = store.snapshot().await?;
                let directory = self.load(&mut tx, log, config_pos).await?;
                tx.rollback().await?;
                Ok(directory)
            }
        }
    }

    /// What is kept of a log, however old.
    pub fn kept(&self, log: LogId) -> Option<Arc<Directory>> {
        self.lock().get(&log).cloned()
    }

    /// Keeps a directory, unless a newer one is kept.
    pub fn keep(&self, log: LogId, directory: &Arc<Directory>) {
        let mut kept = self.lock();
        if kept.get(&log).is_none_or(|known| known.config_pos <= directory.config_pos) {
            kept.insert(log, Arc::clone(directory));
        }
    }

    /// Keeps nothing.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<LogId, Arc<Directory>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
