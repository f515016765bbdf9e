//! A look at a hall: as it is now, from memory, or as it was known at an instant, from the rows.

use std::sync::Arc;

use super::Calls;
use crate::kernel::{EpochMs, LogId, Pos};
use crate::ledger::port::ConfigAt;
use crate::ledger::reader;
use crate::policy::Policy;
use crate::registers::desk::Desk;
use crate::registers::directory::Directory;
use crate::registers::duty::board::Silent;
use crate::registers::duty::guidance::Scene;
use crate::registers::duty::hall::Hall;
use crate::registers::failure::Failure;
use crate::registers::rulebook;

/// A hall, and everything by which it is judged.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) hall: Arc<Hall>,
    pub(super) own: Arc<Directory>,
    pub(super) policy: Policy,
    pub(super) silent: Silent,
    pub(super) at: EpochMs,
    /// It was known before this position.
    pub(super) before: Pos,
}

impl Look {
    /// What each window is doing.
    pub(super) fn scene(&self) -> Scene<'_> {
        Scene { hall: &self.hall, own: &self.own, policy: &self.policy, at: self.at }
    }
}

impl Calls {
    /// As it is now.
    pub(super) async fn look(&self, log: LogId) -> Result<Look, Failure> {
        now(&self.desk, log).await
    }
}

/// A centre's hall as it is now.
pub(super) async fn now(desk: &Desk, log: LogId) -> Result<Look, Failure> {
    let own = desk.directory(log).await?;
    let (devices, _) = desk.devices(log).await?;
    let (head, epoch) = desk.ledger().reader().head(log).await?;
    let before = Pos::new(epoch.base.get() + head.size);
    let at = ConfigAt { log, config_pos: head.config_pos, next_pos: before };
    let live = &desk.registers().duty;
    let mut tx = desk.store().snapshot().await?;
    let hall = match live.ahead(at) {
        Some(ahead) => ahead,
        None => rulebook::catch_up(&mut tx, live.behind(at), &own).await?,
    };
    let time = desk.now().max(head.last);
    let policy = rulebook::policy_on(&mut tx, log, hall.zone().day_of(time)).await?;
    tx.rollback().await?;
    live.keep_hall(log, Arc::clone(&hall));
    let silent = rulebook::silent(&own, &devices);
    let before = before.max(hall.next);
    Ok(Look { hall, own, policy, silent, at: time, before })
}

/// A centre's hall at an instant, as far as was known before a position.
pub(super) async fn at(desk: &Desk, log: LogId, before: Pos, at: EpochMs) -> Result<Look, Failure> {
    let mut tx = desk.store().snapshot().await?;
    let own = rulebook::directory_at(&mut tx, log, before).await?;
    let hall = rulebook::hall_at(&mut tx, log, &own, before, at).await?;
    let policy = rulebook::policy_on(&mut tx, log, hall.zone().day_of(at)).await?;
    let silent = rulebook::silent_at(&mut tx, log, &own, before).await?;
    tx.rollback().await?;
    Ok(Look { hall: Arc::new(hall), own, policy, silent, at, before })
}

/// One past the last entry that was recorded at an instant or before.
pub(super) async fn known_at(desk: &Desk, log: LogId, at: EpochMs) -> Result<Pos, Failure> {
    let (head, epoch) = desk.ledger().reader().head(log).await?;
    let (mut low, mut high) = (0, epoch.base.get() + head.size);
    let mut tx = desk.store().snapshot().await?;
    while low < high {
        let middle = low + (high - low) / 2;
        let found = reader::recorded_in(&mut tx, log, &[Pos::new(middle)]).await?;
        // Positions that an abandoned epoch left behind hold nothing, and come before what does.
        match found.get(&Pos::new(middle)) {
            Some(recorded) if *recorded > at => high = middle,
            Some(_) | None => low = middle + 1,
        }
    }
    tx.rollback().await?;
    Ok(Pos::new(low))
}
