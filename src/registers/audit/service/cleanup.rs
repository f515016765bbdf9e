//! The job that takes what was erased out of the database's files, and writes down when it was gone.

use std::sync::Arc;

use crate::clock::Clock;
use crate::kernel::EpochMs;
use crate::ledger::cleanup::{Remains, remove_from_files};
use crate::ledger::port::Rulebook;
use crate::registers::audit::rows;
use crate::registers::desk::Desk;
use crate::store::{Dialect, Inserts, Store, StoreError, Table};

/// May tables be locked for a while? At night, as a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Yes.
    Open,
    /// No: people are at the terminals.
    Closed,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Erasures whose bytes were in the files.
    pub erasures: usize,
    /// Since when they are not.
    pub gone_from_files_at: EpochMs,
    /// Where they may be even now.
    pub remains: Remains,
}

/// The job.
#[derive(Debug, Clone)]
pub struct Cleanup {
    store: Store,
    tables: &'static [&'static Table],
    clock: Arc<dyn Clock>,
}

impl Cleanup {
    /// At a desk.
    pub fn at(desk: &Desk) -> Self {
        let clock = Arc::clone(desk.ledger().clock());
        Self::new(desk.store().clone(), desk.registers().personal_tables(), clock)
    }

    /// Over the tables with personal parts.
    pub fn new(store: Store, tables: &'static [&'static Table], clock: Arc<dyn Clock>) -> Self {
        Self { store, tables, clock }
    }

    /// Removes what erasures left in the files, if there is anything; on PostgreSQL only in its window. An error leaves
    /// everything for the next time.
    pub async fn sweep(&self, window: Window) -> Result<Option<Removed>, StoreError> {
        if self.store.dialect() == Dialect::Postgres && window == Window::Closed {
            return Ok(None);
        }
        let erasures = rows::erasures_in_files(&self.store).await?;
        if erasures.is_empty() {
            return Ok(None);
        }
        let remains = remove_from_files(&self.store, self.tables).await?;
        let gone_from_files_at = self.clock.now();
        let mut inserts = Inserts::new();
        for (log, pos) in &erasures {
            let row = [log.column().into(), pos.column().into(), gone_from_files_at.get().into()];
            inserts.push(&rows::REMOVAL, row);
        }
        let mut tx = self.store.begin().await?;
        tx.insert(inserts).await?;
        tx.commit().await?;
        tracing::info!(
            code = "AUDIT_GONE_FROM_FILES",
            erasures = erasures.len(),
            ?remains,
            "what was erased is gone from the database's files"
        );
        Ok(Some(Removed { erasures: erasures.len(), gone_from_files_at, remains }))
    }
}
