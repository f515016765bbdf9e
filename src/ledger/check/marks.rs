//! Checkpoints, our signatures on them, and witnesses' cosignatures.

use std::collections::{BTreeMap, BTreeSet};

use super::Audit;
use super::log::Position;
use crate::kernel::{LogId, Pos};
use crate::ledger::head::checkpoint_seal;
use crate::ledger::port::Rulebook;
use crate::ledger::reader::Epoch;
use crate::ledger::signature;
use crate::store::{Binds, Statement, StoreError};
use crate::tlog::{Checkpoint, Hash, NoteSignature};

static CHECKPOINT_ROWS: Statement = Statement::new(
    "SELECT size, root, seal FROM ledger_checkpoint \
     WHERE log_id = $1 AND epoch = $2 AND size >= $3 AND size <= $4 ORDER BY size",
);

static SIGNATURE_ROWS: Statement = Statement::new(
    "SELECT size, key_id, sig FROM ledger_signature \
     WHERE log_id = $1 AND epoch = $2 AND size >= $3 AND size <= $4 ORDER BY size, key_id",
);

static COSIG_ROWS: Statement = Statement::new(
    "SELECT size, key_id, cosigned_ms, sig FROM ledger_cosig \
     WHERE log_id = $1 AND epoch = $2 AND size >= $3 AND size <= $4 ORDER BY size, key_id, cosigned_ms",
);

/// The checkpoints of a range of sizes: their roots, where the seal is ours.
pub(super) type Sealed = BTreeMap<u64, Option<Hash>>;

impl<R: Rulebook> Audit<'_, R> {
    /// The checkpoint rows of sizes from one to another, both included.
    pub(super) async fn checkpoints(
        &mut self,
        at: &mut Position,
        log: LogId,
        epoch: &Epoch,
        sizes: (u64, u64),
    ) -> Result<Sealed, StoreError> {
        let read = |cells: &mut crate::store::Cells<'_>| Ok((cells.int()?, cells.blob()?, cells.blob()?));
        let rows = self.tx.fetch(&CHECKPOINT_ROWS, between(log, epoch, sizes), read).await?;
        at.seen("ledger_checkpoint", rows.len());
        let mut sealed = Sealed::new();
        for (size, root, seal) in rows {
            let size = Pos::from_column(size).unwrap_or_default().get();
            let root = <[u8; 32]>::try_from(root).ok().map(Hash);
            let ours = root.filter(|root| seal == checkpoint_seal(self.keys, log, epoch.epoch, size, root));
            if ours.is_none() {
                let why = "the seal is not the seal of the row";
                self.found.bad(log, "ledger_checkpoint", row(epoch, size), "size, root, seal", why);
            }
            sealed.insert(size, ours);
        }
        Ok(sealed)
    }

    /// Signatures and cosignatures of the same sizes.
    pub(super) async fn signatures(
        &mut self,
        at: &mut Position,
        log: LogId,
        epoch: &Epoch,
        sizes: (u64, u64),
        sealed: &Sealed,
    ) -> Result<(), StoreError> {
        let read = |cells: &mut crate::store::Cells<'_>| Ok((cells.int()?, cells.blob()?, cells.blob()?));
        let rows = self.tx.fetch(&SIGNATURE_ROWS, between(log, epoch, sizes), read).await?;
        at.seen("ledger_signature", rows.len());
        let mut unsigned: BTreeSet<u64> = sealed.keys().copied().collect();
        for (size, key_id, sig) in rows {
            let size = Pos::from_column(size).unwrap_or_default().get();
            let name = row(epoch, size);
            let mut bad =
                |column: &str, why: &str| self.found.bad(log, "ledger_signature", name.clone(), column, why);
            let Some(root) = sealed.get(&size) else {
                bad("size", "the signature of a checkpoint that is not there");
                let why = "the checkpoint is signed, and its row is gone";
                self.found.bad(log, "ledger_checkpoint", name, "*", why);
                continue;
            };
            unsigned.remove(&size);
            let Some(root) = root else { continue };
            let ours = signature::sign(self.keys, log, &epoch.origin, epoch.epoch, size, root);
            match ours {
                Some((_, ours)) if ours.key_id().as_slice() != key_id => {
                    bad("key_id", "not the key of this log");
                }
                Some((_, ours)) if ours.sig().as_slice() != sig => {
                    bad("sig", "not the signature of the checkpoint");
                }
                _ => {}
            }
        }
        // The newest one's is stored with the next commit, or about a second later.
        for size in unsigned.into_iter().filter(|size| *size > 0 && *size < at.size) {
            let why = "the checkpoint has no stored signature; it is made again whenever it is asked for";
            self.found.note(log, "ledger_signature", row(epoch, size), "*", why);
        }
        self.cosignatures(at, log, epoch, sizes, sealed).await
    }

    async fn cosignatures(
        &mut self,
        at: &mut Position,
        log: LogId,
        epoch: &Epoch,
        sizes: (u64, u64),
        sealed: &Sealed,
    ) -> Result<(), StoreError> {
        let rows = self
            .tx
            .fetch(&COSIG_ROWS, between(log, epoch, sizes), |cells| {
                Ok((cells.int()?, cells.blob()?, cells.int()?, cells.blob()?))
            })
            .await?;
        at.seen("ledger_cosig", rows.len());
        for (size, key_id, cosigned_ms, sig) in rows {
            let size = Pos::from_column(size).unwrap_or_default().get();
            let name = row(epoch, size);
            let mut bad =
                |column: &str, why: &str| self.found.bad(log, "ledger_cosig", name.clone(), column, why);
            let witness = self.options.witnesses.iter().find(|key| key.vkey().key_id().as_slice() == key_id);
            let Some(witness) = witness else {
                bad("key_id", "by no witness that is known");
                continue;
            };
            let Some(Some(root)) = sealed.get(&size) else {
                bad("size", "the cosignature of a checkpoint that is not there");
                continue;
            };
            let seconds = cosigned_ms.max(0).cast_unsigned() / 1_000;
            let bytes = [&seconds.to_be_bytes()[..], &sig].concat();
            let key = witness.vkey();
            let verified = NoteSignature::new(key.name(), key.key_id(), bytes).is_ok_and(|line| {
                let text = Checkpoint::new(&epoch.origin, size, *root).to_text();
                witness.verify_line(&text, &line).is_ok()
            });
            if !verified || cosigned_ms % 1_000 != 0 {
                bad("size, cosigned_ms, sig", "not what the witness signed");
            } else {
                at.cosigned.entry(key.name().to_owned()).or_default().insert(size);
            }
        }
        Ok(())
    }
}

fn between(log: LogId, epoch: &Epoch, sizes: (u64, u64)) -> Binds {
    Binds::new()
        .and(log.column())
        .and(epoch.epoch)
        .and(Pos::new(sizes.0).column())
        .and(Pos::new(sizes.1).column())
}

/// How a checkpoint's row is named.
pub(super) fn row(epoch: &Epoch, size: u64) -> String {
    if epoch.epoch == 1 { format!("size {size}") } else { format!("epoch {} size {size}", epoch.epoch) }
}
