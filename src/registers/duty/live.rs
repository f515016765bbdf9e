//! The halls that this process keeps in memory, so that a pause costs no question to the database.
//!
//! A hall is whole up to a position. It is kept only after a durable commit, and brought up to the head when other commands
//! or other replicas wrote meanwhile: so it is never ahead of the log, and never behind where it is used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::hall::Hall;
use super::state::State;
use crate::kernel::LogId;
use crate::ledger::port::ConfigAt;

/// A hall that is behind, and from where on.
#[derive(Debug, Clone)]
pub struct Behind {
    /// As far as it is known; `None`: nothing is.
    pub kept: Option<Arc<Hall>>,
    /// Where it is to be.
    pub at: ConfigAt,
}

/// The memory.
#[derive(Debug, Default)]
pub struct Live {
    halls: Mutex<HashMap<LogId, Arc<Hall>>>,
}

impl Live {
    /// What is kept of a hall that is not ahead of a position, and was made under the same directory.
    pub fn behind(&self, at: ConfigAt) -> Behind {
        let same = |kept: &&Arc<Hall>| kept.next <= at.next_pos && kept.config == at.config_pos;
        Behind { kept: self.lock().get(&at.log).filter(same).cloned(), at }
    }

    /// A hall that is ahead of where a reader found the log: a batch was stored meanwhile.
    pub fn ahead(&self, at: ConfigAt) -> Option<Arc<Hall>> {
        let newer = |kept: &&Arc<Hall>| kept.next > at.next_pos && kept.config == at.config_pos;
        self.lock().get(&at.log).filter(newer).cloned()
    }

    /// Keeps what a durable batch taught.
    pub fn keep(&self, state: State) {
        for (log, hall) in state.halls {
            self.keep_hall(log, hall);
        }
    }

    /// Keeps a hall, unless a newer one is kept.
    pub fn keep_hall(&self, log: LogId, hall: Arc<Hall>) {
        let mut halls = self.lock();
        if halls.get(&log).is_none_or(|kept| (kept.next, kept.config) < (hall.next, hall.config)) {
            halls.insert(log, hall);
        }
    }

    /// Forgets what may be wrong.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<LogId, Arc<Hall>>> {
        self.halls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// With a hall.
    pub fn put(&mut self, log: LogId, hall: Arc<Hall>) {
        self.halls.insert(log, hall);
    }
}
