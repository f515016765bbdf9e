//! Which checkpoints are in a bundle, and their notes.
//!
//! Every checkpoint is a place where a forged history would have to agree with a signature; but a busy log has one per
//! commit. In a bundle: the newest, all that a witness cosigned, the last of each tile of 256 entries, and the last of
//! each day (UTC, by the recorded time of its last entry). So a forgery is located to within about one tile.

use std::collections::{BTreeMap, VecDeque};

use super::writer::BundleError;
use super::{BundleFile, WIDTH};
use crate::kernel::{EpochMs, LogId, Pos};
use crate::ledger::head::checkpoint_seal;
use crate::ledger::keys::Keys;
use crate::ledger::leaf::Leaf;
use crate::ledger::reader::Epoch;
use crate::ledger::signature;
use crate::store::{Binds, Statement, StoreError, Tx};
use crate::tlog::{CosignatureKey, Hash, NoteSignature};

/// Checkpoints with the leaf of their last entry, from a size on.
static CHECKPOINTS_FROM: Statement = Statement::new(
    "SELECT c.size, c.root, c.seal, e.leaf FROM ledger_checkpoint c \
     LEFT JOIN ledger_entry e ON e.log_id = c.log_id AND e.pos = c.size + $4 - 1 AND c.size > 0 \
     WHERE c.log_id = $1 AND c.epoch = $2 AND c.size >= $3 AND c.size <= $5 ORDER BY c.size LIMIT $6",
);

/// Cosignatures of checkpoints from one size to another.
static COSIGNATURES_BETWEEN: Statement = Statement::new(
    "SELECT size, key_id, cosigned_ms, sig FROM ledger_cosig \
     WHERE log_id = $1 AND epoch = $2 AND size >= $3 AND size <= $4 ORDER BY size, key_id, cosigned_ms",
);

/// Checkpoints per question.
const CHUNK: u32 = 512;
/// A day, for "the last of each day".
const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// A cosignature as it is stored: key id, seconds, signature.
type Cosignature = ([u8; 4], u64, Vec<u8>);

#[derive(Debug, Clone)]
struct Row {
    size: u64,
    root: Hash,
    day: i64,
    cosignatures: Vec<Cosignature>,
}

impl Row {
    /// Is another row between this one and the next tile, and the next day?
    fn is_last_before(&self, next: &Self) -> bool {
        self.size.div_ceil(WIDTH) != next.size.div_ceil(WIDTH) || self.day != next.day
    }
}

/// Whose log it is that checkpoints are rendered of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    pub(super) keys: &'a Keys,
    pub(super) log: LogId,
    pub(super) epoch: &'a Epoch,
    pub(super) size: u64,
    pub(super) witnesses: &'a [CosignatureKey],
}

impl Whose<'_> {
    /// The newest checkpoint's note.
    pub(super) async fn newest(&self, tx: &mut Tx) -> Result<String, BundleError> {
        match self.rows(tx, self.size).await?.as_slice() {
            [row] => self.note(row),
            _ => Err(BundleError::Missing { table: "ledger_checkpoint", pos: Pos::new(self.size) }),
        }
    }

    async fn rows(&self, tx: &mut Tx, from: u64) -> Result<Vec<Row>, BundleError> {
        let binds = Binds::new()
            .and(self.log.column())
            .and(self.epoch.epoch)
            .and(Pos::new(from).column())
            .and(self.epoch.base.column())
            .and(Pos::new(self.size).column())
            .and(CHUNK);
        let stored = tx
            .fetch(&CHECKPOINTS_FROM, binds, |cells| {
                let size = Pos::from_column(cells.int()?);
                let size =
                    size.ok_or(StoreError::Inconsistent { table: "ledger_checkpoint", column: "size" })?;
                let root = Hash(cells.array("ledger_checkpoint", "root")?);
                Ok((size.get(), root, cells.blob()?, cells.opt_blob()?))
            })
            .await?;
        let mut rows = Vec::with_capacity(stored.len());
        for (size, root, seal, leaf) in stored {
            if seal != checkpoint_seal(self.keys, self.log, self.epoch.epoch, size, &root) {
                // Whatever else the database says may be copied; what we sign has to be ours.
                return Err(BundleError::Seal { size });
            }
            let recorded =
                leaf.and_then(|leaf| Leaf::decode(&leaf).ok()).map_or(EpochMs::ZERO, |l| l.recorded);
            rows.push(Row { size, root, day: recorded.get() / DAY_MS, cosignatures: Vec::new() });
        }
        self.cosign(tx, &mut rows).await?;
        Ok(rows)
    }

    async fn cosign(&self, tx: &mut Tx, rows: &mut [Row]) -> Result<(), BundleError> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
        let binds = Binds::new()
            .and(self.log.column())
            .and(self.epoch.epoch)
            .and(Pos::new(first.size).column())
            .and(Pos::new(last.size).column());
        let stored = tx
            .fetch(&COSIGNATURES_BETWEEN, binds, |cells| {
                let size = Pos::from_column(cells.int()?).unwrap_or_default().get();
                let key_id: [u8; 4] = cells.array("ledger_cosig", "key_id")?;
                let seconds = cells.int()?.max(0).cast_unsigned() / 1_000;
                Ok((size, (key_id, seconds, cells.blob()?)))
            })
            .await?;
        let mut by_size: BTreeMap<u64, Vec<Cosignature>> = BTreeMap::new();
        for (size, cosignature) in stored {
            by_size.entry(size).or_default().push(cosignature);
        }
        for row in rows {
            row.cosignatures = by_size.remove(&row.size).unwrap_or_default();
        }
        Ok(())
    }

    /// The note: our signature, and of each witness its oldest and its newest cosignature.
    fn note(&self, row: &Row) -> Result<String, BundleError> {
        let epoch = self.epoch;
        let (mut note, _) =
            signature::sign(self.keys, self.log, &epoch.origin, epoch.epoch, row.size, &row.root)
                .ok_or(BundleError::Seal { size: row.size })?;
        for witness in self.witnesses {
            let key = witness.vkey();
            let of = |c: &&Cosignature| c.0 == key.key_id();
            let oldest = row.cosignatures.iter().find(of);
            let newest = row.cosignatures.iter().rfind(of).filter(|newest| Some(*newest) != oldest);
            for (_, seconds, sig) in oldest.into_iter().chain(newest) {
                let bytes = [&seconds.to_be_bytes()[..], sig].concat();
                if let Ok(line) = NoteSignature::new(key.name(), key.key_id(), bytes) {
                    note.push_str(&line.line());
                }
            }
        }
        Ok(note)
    }
}

/// Walks over the checkpoints of an epoch and keeps those that belong into a bundle.
#[derive(Debug, Default)]
pub(super) struct Selection {
    next: u64,
    held: Option<Row>,
    ended: bool,
}

impl Selection {
    /// The next few files; `None` when all were given.
    pub(super) async fn next(
        &mut self,
        tx: &mut Tx,
        whose: &Whose<'_>,
        folder: &str,
    ) -> Result<Option<VecDeque<BundleFile>>, BundleError> {
        if self.ended {
            return Ok(None);
        }
        let rows = whose.rows(tx, self.next).await?;
        let mut files = VecDeque::new();
        let mut file = |row: &Row| -> Result<(), BundleError> {
            let path = format!("{folder}checkpoints/{}", row.size);
            files.push_back(BundleFile { path, bytes: whose.note(row)?.into_bytes() });
            Ok(())
        };
        self.ended = rows.len() < usize::try_from(CHUNK).unwrap_or(usize::MAX);
        for row in rows {
            self.next = row.size + 1;
            if let Some(held) = self.held.replace(row) {
                let next = self.held.as_ref().unwrap_or(&held);
                if held.is_last_before(next) || !held.cosignatures.is_empty() {
                    file(&held)?;
                }
            }
        }
        if let Some(newest) = self.held.take_if(|_| self.ended) {
            file(&newest)?;
        }
        Ok(Some(files))
    }
}
