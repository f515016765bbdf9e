//! What the months' rule needs to know of a batch: which periods are locked.

use std::collections::HashMap;

use super::fact::Command;
use super::rows;
use crate::kernel::{EpochDay, LogId};
use crate::proto::fact::Fact as Of;
use crate::proto::{Fact, MonthLockFact};
use crate::registers::directory::view::day;
use crate::store::{StoreError, Tx};

/// The state.
#[derive(Debug, Default)]
pub struct State {
    locks: HashMap<LogId, Vec<MonthLockFact>>,
}

/// The days of a lock, both included.
pub fn days_of(lock: &MonthLockFact) -> (EpochDay, EpochDay) {
    (day(lock.from.as_ref()), day(lock.until.as_ref()))
}

impl State {
    /// Loads what the commands of a batch need.
    pub async fn load(tx: &mut Tx, batch: &[(LogId, &Command)]) -> Result<Self, StoreError> {
        let mut state = Self::default();
        for (log, _) in batch.iter().filter(|(_, command)| matches!(command, Command::Lock(_))) {
            if !state.locks.contains_key(log) {
                let locks = rows::locks(tx, *log).await?.into_iter().map(|(_, lock)| lock).collect();
                state.locks.insert(*log, locks);
            }
        }
        Ok(state)
    }

    /// Is any day of a period locked for any of these people? A lock of everybody's and one of a department's meet.
    pub fn is_locked(&self, log: LogId, asked: &MonthLockFact) -> bool {
        let (from, until) = days_of(asked);
        self.locks.get(&log).into_iter().flatten().any(|lock| {
            let (first, last) = days_of(lock);
            let people = lock.department.is_empty()
                || asked.department.is_empty()
                || lock.department == asked.department;
            people && first <= until && from <= last
        })
    }

    /// Lets the next command of the batch see a fact.
    pub fn apply(&mut self, log: LogId, fact: &Fact) {
        if let Some(Of::MonthLock(lock)) = &fact.fact {
            self.locks.entry(log).or_default().push(lock.clone());
        }
    }
}
