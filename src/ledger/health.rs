//! Is this replica fit to serve: heads, clock, anchor.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::guard::ClockFault;
use super::head::HeadFault;

/// What is wrong, as far as the committer knows.
#[derive(Debug, Default)]
pub struct Health {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    heads: BTreeMap<String, HeadFault>,
    clock: Option<ClockFault>,
    store: Option<String>,
    adopted: BTreeMap<String, u64>,
    stopped: bool,
}

impl Health {
    pub(super) fn head_good(&self, origin: &str) {
        self.with(|inner| {
            inner.heads.remove(origin);
        });
    }

    pub(super) fn head_bad(&self, origin: &str, fault: HeadFault) {
        tracing::error!(code = "LEDGER_HEAD_BAD", origin, %fault, "a head is set aside");
        self.with(|inner| {
            inner.heads.insert(origin.to_owned(), fault);
        });
    }

    pub(super) fn clock(&self, fault: Option<ClockFault>) {
        self.with(|inner| {
            if inner.clock != fault {
                if let Some(fault) = fault {
                    tracing::error!(code = "LEDGER_CLOCK_BAD", %fault, "nothing is committed");
                }
                inner.clock = fault;
            }
        });
    }

    pub(super) fn store(&self, fault: Option<String>) {
        self.with(|inner| inner.store = fault);
    }

    pub(super) fn adopted(&self, origin: &str, size: u64) {
        self.with(|inner| {
            inner.adopted.insert(origin.to_owned(), size);
        });
    }

    pub(super) fn stopped(&self) {
        self.with(|inner| inner.stopped = true);
    }

    /// May this replica be asked? The database is reachable, the clock sane. One bad head stops only its own log, so it
    /// does not make the replica unready.
    pub fn ready(&self) -> bool {
        self.with(|inner| inner.clock.is_none() && inner.store.is_none() && !inner.stopped)
    }

    /// The heads that are set aside, by origin.
    pub fn bad_heads(&self) -> Vec<(String, HeadFault)> {
        self.with(|inner| inner.heads.iter().map(|(origin, fault)| (origin.clone(), *fault)).collect())
    }

    /// The heads that this replica had to believe at its start, because it had no anchor for them.
    pub fn adopted_heads(&self) -> Vec<(String, u64)> {
        self.with(|inner| inner.adopted.iter().map(|(origin, size)| (origin.clone(), *size)).collect())
    }

    fn with<T>(&self, of: impl FnOnce(&mut Inner) -> T) -> T {
        of(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
