//! Whose log it is, and how far it goes: from seals, whatever the rows beside them say.

use super::{Audit, EpochRow, Named};
use crate::kernel::{CentreId, LogId, Pos};
use crate::ledger::head::{Head, HeadFault, StoredHead, checkpoint_seal};
use crate::ledger::port::Rulebook;
use crate::ledger::reader::Epoch;
use crate::ledger::setup;
use crate::store::{Binds, Statement, StoreError};
use crate::tlog::Hash;

/// The newest checkpoints of an epoch.
static NEWEST: Statement = Statement::new(
    "SELECT size, root, seal FROM ledger_checkpoint WHERE log_id = $1 AND epoch = $2 ORDER BY size DESC LIMIT $3",
);

/// Somebody who adds checkpoint rows of their own adds this many in vain before they hide the newest sealed one.
const LOOK_BACK: i64 = 1_024;

/// What a log is, as far as it can be known.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) centre: CentreId,
    /// Epochs with their sizes, oldest first.
    pub(super) epochs: Vec<(Epoch, u64)>,
    /// The head as it stands, and as far as its seal is ours.
    pub(super) stored: Option<StoredHead>,
    pub(super) head: Option<Head>,
}

impl<R: Rulebook> Audit<'_, R> {
    /// Finds out, and names what contradicts it.
    pub(super) async fn identity(
        &mut self,
        log: LogId,
        named: &Named,
    ) -> Result<Option<Identity>, StoreError> {
        let row = format!("log_id {log}");
        let stored = named.heads.get(&log.column()).cloned();
        let centre = named.centres.get(&log.column());
        if centre.is_none() {
            self.found.bad(log, "ledger_log", row.clone(), "*", "the log has a head and no name");
        }
        if stored.is_none() && !named.epochs.contains_key(&log.column()) {
            self.found.bad(log, "ledger_log", row, "*", "a log that never began");
            return Ok(None);
        }
        if stored.is_none() {
            self.found.bad(log, "ledger_head", row.clone(), "*", "the log has no head");
        }
        let mut rows = named.epochs.get(&log.column()).cloned().unwrap_or_default();
        let own = stored.as_ref().and_then(|head| rows.iter().position(|row| row.epoch == head.epoch));
        for stray in own.map(|own| rows.split_off(own + 1)).unwrap_or_default() {
            let row = format!("epoch {}", stray.epoch);
            self.found.bad(log, "ledger_epoch", row, "epoch", "an epoch that the head does not know");
        }
        let Some(last) = rows.last() else {
            self.found.bad(log, "ledger_epoch", row.clone(), "*", "the log has no epoch");
            if centre.is_none() {
                self.found.bad(log, "ledger_head", row, "*", "the head of a log that there is not");
            }
            return Ok(None);
        };
        let from_origin = centre_of(self.options.deployment, last);
        let stored_centre = centre.and_then(|centre| CentreId::parse(centre).ok());
        let centres: Vec<CentreId> = stored_centre.iter().cloned().chain(from_origin).collect();
        let base = self.expected_base(log, &rows).await?;
        let (centre, base, origin, head) = match &stored {
            Some(stored) => self.opens(stored, &centres, last, base),
            None => None,
        }
        .map(|(centre, base, origin, head)| (centre, base, origin, Some(head)))
        .or_else(|| Some((centres.first()?.clone(), last.base, last.origin.clone(), None)))
        .unwrap_or((CentreId::deployment(), last.base, last.origin.clone(), None));
        if named.centres.contains_key(&log.column()) && stored_centre.as_ref() != Some(&centre) {
            self.found.bad(log, "ledger_log", row, "centre", "the head is sealed for another centre");
        }
        self.epoch_rows(log, &rows, &centre, base, &origin);
        let epochs = self.sizes(log, rows, base, origin, head.as_ref()).await?;
        Ok(Some(Identity { centre, epochs, stored, head }))
    }

    /// The combination of what stands beside the head under which its seal is ours.
    fn opens(
        &self,
        stored: &StoredHead,
        centres: &[CentreId],
        last: &EpochRow,
        expected_base: i64,
    ) -> Option<(CentreId, i64, String, Head)> {
        for centre in centres {
            let epoch = u32::try_from(last.epoch).unwrap_or(0);
            let origins = [last.origin.clone(), setup::origin(self.options.deployment, centre, epoch)];
            for base in [last.base, expected_base] {
                for origin in &origins {
                    let at = Pos::from_column(base).unwrap_or_default();
                    match stored.open(self.keys, centre, at, origin) {
                        Ok(head) => return Some((centre.clone(), base, origin.clone(), head)),
                        Err(
                            HeadFault::Seal
                            | HeadFault::Edge
                            | HeadFault::BehindAnchor
                            | HeadFault::Forked
                            | HeadFault::Missing,
                        ) => {}
                    }
                }
            }
        }
        None
    }

    /// Where the present epoch has to begin: where the one before it ends.
    async fn expected_base(&mut self, log: LogId, rows: &[EpochRow]) -> Result<i64, StoreError> {
        let [.., before, _] = rows else { return Ok(0) };
        let newest = self.newest_sealed(log, before.epoch).await?;
        Ok(before.base.saturating_add(Pos::new(newest).column()))
    }

    fn epoch_rows(&mut self, log: LogId, rows: &[EpochRow], centre: &CentreId, base: i64, origin: &str) {
        for (number, row) in (1_i64..).zip(rows) {
            let name = format!("epoch {number}");
            let mut bad = |column: &str, why: &str| {
                self.found.bad(log, "ledger_epoch", name.clone(), column, why);
            };
            if row.epoch != number {
                bad("epoch", "epochs are counted from 1 without a gap");
            }
            let present = rows.last() == Some(row);
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let expected = if present {
                origin.to_owned()
            } else {
                setup::origin(self.options.deployment, centre, number)
            };
            if row.origin != expected {
                bad("origin", &format!("the origin is {expected}"));
            }
            let expected = if present { base } else { row.base };
            if row.base != expected || (number == 1 && row.base != 0) {
                bad("base", "the epoch begins elsewhere");
            }
        }
    }

    async fn sizes(
        &mut self,
        log: LogId,
        rows: Vec<EpochRow>,
        base: i64,
        origin: String,
        head: Option<&Head>,
    ) -> Result<Vec<(Epoch, u64)>, StoreError> {
        let mut epochs = Vec::with_capacity(rows.len());
        let count = rows.len();
        let bases: Vec<i64> =
            rows.iter().skip(1).take(count.saturating_sub(2)).map(|row| row.base).chain([base]).collect();
        for (at, row) in rows.into_iter().enumerate() {
            let present = at + 1 == count;
            let epoch = head.filter(|_| present).map_or(row.epoch, |head| i64::from(head.epoch));
            let own = Pos::from_column(if present { base } else { row.base }).unwrap_or_default();
            let size = if present {
                let sealed = self.newest_sealed(log, epoch).await?;
                let of_head = head.map_or(0, |head| head.size);
                if head.is_some() && sealed > of_head {
                    let why = format!("an older head: there is a sealed checkpoint of size {sealed}");
                    self.found.bad(log, "ledger_head", format!("log_id {log}"), "size", &why);
                }
                sealed.max(of_head)
            } else {
                let next = bases.get(at).copied().and_then(Pos::from_column).unwrap_or_default();
                next.get().saturating_sub(own.get())
            };
            let origin = if present { origin.clone() } else { row.origin };
            let epoch = u32::try_from(epoch).unwrap_or(0);
            epochs.push((Epoch { epoch, base: own, origin }, size));
        }
        Ok(epochs)
    }

    /// The size of the newest checkpoint whose seal is ours.
    async fn newest_sealed(&mut self, log: LogId, epoch: i64) -> Result<u64, StoreError> {
        let binds = Binds::new().and(log.column()).and(epoch).and(LOOK_BACK);
        let read = |cells: &mut crate::store::Cells<'_>| Ok((cells.int()?, cells.blob()?, cells.blob()?));
        let rows = self.tx.fetch(&NEWEST, binds, read).await?;
        let epoch = u32::try_from(epoch).unwrap_or(0);
        let sealed = rows.into_iter().find_map(|(size, root, seal)| {
            let size = Pos::from_column(size)?.get();
            let root = Hash(root.try_into().ok()?);
            (seal == checkpoint_seal(self.keys, log, epoch, size, &root)).then_some(size)
        });
        Ok(sealed.unwrap_or(0))
    }
}

/// The centre that an origin names.
fn centre_of(deployment: &str, row: &EpochRow) -> Option<CentreId> {
    let rest = row.origin.strip_prefix(deployment)?.strip_prefix('/')?;
    if rest.split('/').next() == Some("deployment") {
        return Some(CentreId::deployment());
    }
    CentreId::parse(rest.strip_prefix("centre/")?.split('/').next()?).ok()
}
