//! Reads of the log itself: entries, checkpoints, proofs, receipts. Nothing here shows personal content.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::commit::{HEADS, HeadRow, read_head};
use super::head::{Head, HeadFault, checkpoint_seal};
use super::keys::Keys;
use super::leaf::Leaf;
use super::requests::{self, Known, KnownRequest};
use super::{signature, tiles};
use crate::kernel::{CentreId, EpochMs, LogId, Pos, RequestId};
use crate::store::{Binds, Keys as KeySet, Statement, Store, StoreError, Tx};
use crate::tlog::{self, Hash, NodeId};

pub(super) static LOGS: Statement =
    Statement::new("SELECT log_id, centre FROM ledger_log WHERE log_id >= $1 ORDER BY log_id");

pub(super) static EPOCHS: Statement =
    Statement::new("SELECT epoch, base, origin FROM ledger_epoch WHERE log_id = $1 ORDER BY epoch");

// A facts part is looked up for its entry, never joined: of a log that is new, PostgreSQL knows nothing yet, takes it for
// one row, and would look through all parts of the log for every entry.
static ENTRIES: Statement = Statement::new(
    "SELECT e.pos, e.leaf, e.leaf_hash, \
     (SELECT p.salt FROM ledger_part p WHERE p.log_id = e.log_id AND p.pos = e.pos AND p.part = 0), \
     (SELECT p.payload FROM ledger_part p WHERE p.log_id = e.log_id AND p.pos = e.pos AND p.part = 0) \
     FROM ledger_entry e WHERE e.log_id = $1 AND e.pos = ANY($2::bigint[]) ORDER BY e.pos",
);

static ENTRIES_FROM: Statement = Statement::new(
    "SELECT e.pos, e.leaf, e.leaf_hash, \
     (SELECT p.salt FROM ledger_part p WHERE p.log_id = e.log_id AND p.pos = e.pos AND p.part = 0), \
     (SELECT p.payload FROM ledger_part p WHERE p.log_id = e.log_id AND p.pos = e.pos AND p.part = 0) \
     FROM ledger_entry e WHERE e.log_id = $1 AND e.pos >= $2 ORDER BY e.pos LIMIT $3",
);

/// The same without what only a proof takes.
static FACTS_FROM: Statement = Statement::new(
    "SELECT e.pos, e.leaf, \
     (SELECT p.payload FROM ledger_part p WHERE p.log_id = e.log_id AND p.pos = e.pos AND p.part = 0) \
     FROM ledger_entry e WHERE e.log_id = $1 AND e.pos >= $2 ORDER BY e.pos LIMIT $3",
);

/// The smallest checkpoint of an epoch that is larger than an index.
static CHECKPOINT_ABOVE: Statement = Statement::new(
    "SELECT size, root, seal FROM ledger_checkpoint WHERE log_id = $1 AND epoch = $2 AND size > $3 ORDER BY size LIMIT 1",
);

static CHECKPOINT: Statement = Statement::new(
    "SELECT size, root, seal FROM ledger_checkpoint WHERE log_id = $1 AND epoch = $2 AND size = $3",
);

static COSIGNATURES: Statement = Statement::new(
    "SELECT size, key_id, cosigned_ms, sig FROM ledger_cosig WHERE log_id = $1 AND epoch = $2 AND size = $3 \
     ORDER BY key_id, cosigned_ms",
);

static NEWEST_COSIGNATURES: Statement = Statement::new(
    "SELECT size, key_id, cosigned_ms, sig FROM ledger_cosig WHERE log_id = $1 AND epoch = $2 \
     ORDER BY size DESC, key_id, cosigned_ms DESC LIMIT $3",
);

/// An epoch of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// From 1.
    pub epoch: u32,
    /// The position of its first entry.
    pub base: Pos,
    /// Its origin.
    pub origin: String,
}

/// An entry as it stands, without personal parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its position.
    pub pos: Pos,
    /// Its leaf.
    pub leaf: Vec<u8>,
    /// The hash that is stored beside it.
    pub leaf_hash: Hash,
    /// The facts part: salt and payload.
    pub facts: Option<(Vec<u8>, Vec<u8>)>,
}

/// A checkpoint whose row's seal is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCheckpoint {
    /// The epoch.
    pub epoch: u32,
    /// The size.
    pub size: u64,
    /// The root.
    pub root: Hash,
}

/// A witness's cosignature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCosignature {
    /// The key id.
    pub key_id: [u8; 4],
    /// When, by the witness's clock.
    pub cosigned: EpochMs,
    /// The 64 bytes.
    pub sig: Vec<u8>,
}

/// A failed read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A head that is not ours.
    #[error(transparent)]
    Head(#[from] HeadFault),
    /// A checkpoint row under a seal that is not ours, or none where one has to be.
    #[error("a checkpoint is missing or was changed")]
    Checkpoint,
    /// An index or size that the log does not have.
    #[error("{0}")]
    Proof(#[from] tlog::ProofError),
}

/// Reads of the log.
#[derive(Debug, Clone)]
pub struct Reader {
    store: Store,
    keys: Arc<Keys>,
}

impl Reader {
    /// Reads that need no committer: for audits of a database at rest.
    pub fn new(store: Store, keys: Arc<Keys>) -> Self {
        Self { store, keys }
    }

    /// Every log.
    pub async fn logs(&self) -> Result<Vec<(LogId, CentreId)>, ReadError> {
        let rows = self
            .store
            .fetch(&LOGS, Binds::new().and(0), |cells| {
                let log = LogId::from_column(cells.int()?);
                let centre = CentreId::parse(&cells.text()?)
                    .map_err(|_| StoreError::Inconsistent { table: "ledger_log", column: "centre" })?;
                Ok((log, centre))
            })
            .await?;
        Ok(rows)
    }

    /// The epochs of a log, oldest first.
    pub async fn epochs(&self, log: LogId) -> Result<Vec<Epoch>, ReadError> {
        let rows = self.store.fetch(&EPOCHS, Binds::new().and(log.column()), read_epoch).await?;
        Ok(rows)
    }

    /// The epoch that a position lies in.
    pub async fn epoch_of(&self, log: LogId, pos: Pos) -> Result<Epoch, ReadError> {
        let epochs = self.epochs(log).await?;
        epochs.into_iter().rev().find(|epoch| epoch.base <= pos).ok_or(ReadError::Head(HeadFault::Missing))
    }

    /// The present head, its seal checked.
    pub async fn head(&self, log: LogId) -> Result<(Head, Epoch), ReadError> {
        let row = self.head_row(log).await?;
        let head = row.stored.open(&self.keys, &row.centre, row.base, &row.origin)?;
        let epoch = Epoch { epoch: head.epoch, base: row.base, origin: row.origin };
        Ok((head, epoch))
    }

    async fn head_row(&self, log: LogId) -> Result<HeadRow, ReadError> {
        let rows =
            self.store.fetch(&HEADS, Binds::new().keys(KeySet::ints([log.column()])), read_head).await?;
        rows.into_iter().next().ok_or(ReadError::Head(HeadFault::Missing))
    }

    /// Entries by position.
    pub async fn entries(&self, log: LogId, positions: &[Pos]) -> Result<Vec<Stored>, ReadError> {
        let keys = KeySet::ints(positions.iter().map(|pos| pos.column()));
        Ok(self.store.fetch(&ENTRIES, Binds::new().and(log.column()).keys(keys), read_entry).await?)
    }

    /// Up to `limit` entries from a position on.
    pub async fn entries_from(&self, log: LogId, from: Pos, limit: u32) -> Result<Vec<Stored>, ReadError> {
        let binds = Binds::new().and(log.column()).and(from.column()).and(limit);
        Ok(self.store.fetch(&ENTRIES_FROM, binds, read_entry).await?)
    }

    /// A command by its id.
    pub async fn request(&self, log: LogId, id: RequestId) -> Result<Option<KnownRequest>, ReadError> {
        let mut tx = self.store.snapshot().await?;
        let known = requests::load(&mut tx, &self.keys, std::iter::once((log, id))).await?;
        match known.get(log, id) {
            Some(Known::At(known)) => Ok(Some(known.clone())),
            Some(Known::Tampered) => {
                Err(StoreError::Inconsistent { table: "ledger_request", column: "seal" }.into())
            }
            None => Ok(None),
        }
    }

    /// Which of these commands are on record.
    pub async fn requests(&self, log: LogId, ids: &[RequestId]) -> Result<HashSet<RequestId>, ReadError> {
        let mut tx = self.store.snapshot().await?;
        let known = requests::load(&mut tx, &self.keys, ids.iter().map(|id| (log, *id))).await?;
        Ok(ids.iter().copied().filter(|id| known.get(log, *id).is_some()).collect())
    }

    /// The signed note of a sealed checkpoint, with the log's own signature alone.
    pub fn note(&self, log: LogId, origin: &str, checkpoint: &SealedCheckpoint) -> Result<String, ReadError> {
        signature::sign(&self.keys, log, origin, checkpoint.epoch, checkpoint.size, &checkpoint.root)
            .map(|(note, _)| note)
            .ok_or(ReadError::Checkpoint)
    }

    /// The checkpoint of exactly this size.
    pub async fn checkpoint(&self, log: LogId, epoch: u32, size: u64) -> Result<SealedCheckpoint, ReadError> {
        self.sealed(&CHECKPOINT, log, epoch, size).await
    }

    /// The smallest checkpoint above an index: the one that a receipt names, for ever.
    pub async fn checkpoint_above(
        &self,
        log: LogId,
        epoch: u32,
        index: u64,
    ) -> Result<SealedCheckpoint, ReadError> {
        self.sealed(&CHECKPOINT_ABOVE, log, epoch, index).await
    }

    async fn sealed(
        &self,
        statement: &'static Statement,
        log: LogId,
        epoch: u32,
        at: u64,
    ) -> Result<SealedCheckpoint, ReadError> {
        let binds = Binds::new().and(log.column()).and(epoch).and(Pos::new(at).column());
        let rows = self
            .store
            .fetch(statement, binds, |cells| {
                Ok((cells.int()?, cells.array::<32>("ledger_checkpoint", "root")?, cells.blob()?))
            })
            .await?;
        let (size, root, seal) = rows.into_iter().next().ok_or(ReadError::Checkpoint)?;
        let (size, root) = (Pos::from_column(size).ok_or(ReadError::Checkpoint)?.get(), Hash(root));
        let ours = checkpoint_seal(&self.keys, log, epoch, size, &root);
        if seal == ours { Ok(SealedCheckpoint { epoch, size, root }) } else { Err(ReadError::Checkpoint) }
    }

    /// What witnesses said of a checkpoint.
    pub async fn cosignatures(
        &self,
        log: LogId,
        epoch: u32,
        size: u64,
    ) -> Result<Vec<StoredCosignature>, ReadError> {
        let binds = Binds::new().and(log.column()).and(epoch).and(Pos::new(size).column());
        let rows = self.store.fetch(&COSIGNATURES, binds, read_cosignature).await?;
        Ok(rows.into_iter().map(|(_, cosignature)| cosignature).collect())
    }

    /// The newest cosignatures of an epoch, with the sizes that they are of, largest first.
    pub async fn newest_cosignatures(
        &self,
        log: LogId,
        epoch: u32,
        limit: u32,
    ) -> Result<Vec<(u64, StoredCosignature)>, ReadError> {
        let binds = Binds::new().and(log.column()).and(epoch).and(limit);
        let rows = self.store.fetch(&NEWEST_COSIGNATURES, binds, read_cosignature).await?;
        Ok(rows)
    }

    /// The receipt's proof: inclusion in the smallest checkpoint above the index, and its note.
    pub async fn receipt_proof(&self, log: LogId, pos: Pos) -> Result<String, ReadError> {
        let epoch = self.epoch_of(log, pos).await?;
        let index = pos.get() - epoch.base.get();
        let checkpoint = self.checkpoint_above(log, epoch.epoch, index).await?;
        self.inclusion(log, &epoch, index, &checkpoint).await
    }

    /// An inclusion proof in a checkpoint, as a c2sp.org/tlog-proof text.
    pub async fn inclusion(
        &self,
        log: LogId,
        epoch: &Epoch,
        index: u64,
        checkpoint: &SealedCheckpoint,
    ) -> Result<String, ReadError> {
        let items = tlog::inclusion_nodes(index, checkpoint.size)?;
        let hashes = self.assemble(log, epoch, checkpoint.size, &items).await?;
        let note = self.note(log, &epoch.origin, checkpoint)?;
        Ok(tlog::TlogProof { extra: None, index, hashes, checkpoint: note }.to_string())
    }

    /// A consistency proof between two sizes of an epoch.
    pub async fn consistency(
        &self,
        log: LogId,
        epoch: &Epoch,
        old_size: u64,
        new_size: u64,
    ) -> Result<Vec<Hash>, ReadError> {
        let items = tlog::consistency_nodes(old_size, new_size)?;
        self.assemble(log, epoch, new_size, &items).await
    }

    async fn assemble(
        &self,
        log: LogId,
        epoch: &Epoch,
        size: u64,
        items: &[tlog::ProofItem],
    ) -> Result<Vec<Hash>, ReadError> {
        let wanted: Vec<NodeId> = items.iter().flat_map(tlog::ProofItem::nodes).collect();
        let mut tx = self.store.snapshot().await?;
        let nodes = nodes(&mut tx, log, epoch, size, &wanted).await?;
        Ok(tlog::assemble(items, |node| nodes.get(&node).copied())?)
    }

    /// The keys, for what signs beside the committer.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

pub(super) fn read_epoch(cells: &mut crate::store::Cells<'_>) -> Result<Epoch, StoreError> {
    let bad = StoreError::Inconsistent { table: "ledger_epoch", column: "epoch" };
    let (epoch, base) = (u32::try_from(cells.int()?), Pos::from_column(cells.int()?));
    match (epoch, base) {
        (Ok(epoch), Some(base)) => Ok(Epoch { epoch, base, origin: cells.text()? }),
        _ => Err(bad),
    }
}

fn read_cosignature(cells: &mut crate::store::Cells<'_>) -> Result<(u64, StoredCosignature), StoreError> {
    let size = Pos::from_column(cells.int()?)
        .ok_or(StoreError::Inconsistent { table: "ledger_cosig", column: "size" })?;
    let cosignature = StoredCosignature {
        key_id: cells.array("ledger_cosig", "key_id")?,
        cosigned: EpochMs::clamped(cells.int()?),
        sig: cells.blob()?,
    };
    Ok((size.get(), cosignature))
}

fn read_entry(cells: &mut crate::store::Cells<'_>) -> Result<Stored, StoreError> {
    let pos = Pos::from_column(cells.int()?)
        .ok_or(StoreError::Inconsistent { table: "ledger_entry", column: "pos" })?;
    let leaf = cells.blob()?;
    let leaf_hash = Hash(cells.array("ledger_entry", "leaf_hash")?);
    Ok(Stored { pos, leaf, leaf_hash, facts: cells.opt_blob()?.zip(cells.opt_blob()?) })
}

/// Complete nodes of a tree, from full tiles where there are any and from leaf hashes where not.
async fn nodes(
    tx: &mut Tx,
    log: LogId,
    epoch: &Epoch,
    size: u64,
    wanted: &[NodeId],
) -> Result<HashMap<NodeId, Hash>, StoreError> {
    let mut found = HashMap::new();
    let mut in_tiles: HashMap<(u8, u64), Vec<NodeId>> = HashMap::new();
    for node in wanted {
        let (tile_level, inner) = (node.level / 8, node.level % 8);
        let first = node.index << inner;
        let full =
            size.checked_shr(u32::from(tile_level + 1) * 8).is_some_and(|tiles| first / tiles::WIDTH < tiles);
        if full {
            in_tiles.entry((tile_level, first / tiles::WIDTH)).or_default().push(*node);
        } else {
            let row = boundary(tx, log, epoch, tile_level, first, 1 << inner).await?;
            // Rows that somebody took away leave a proof that cannot be made, not one that is wrong.
            if let Some(hash) = (row.len() == 1 << inner).then(|| fold(row)).flatten() {
                found.insert(*node, hash);
            }
        }
    }
    let tiles = tiles::fetch(tx, log, epoch.epoch, in_tiles.keys().copied()).await?;
    for (tile, nodes) in in_tiles {
        let hashes = tiles.get(&tile).map(|bytes| tiles::split(bytes)).unwrap_or_default();
        for node in nodes {
            let inner = node.level % 8;
            let first = usize::try_from((node.index << inner) % tiles::WIDTH).unwrap_or(usize::MAX);
            let row = hashes.get(first..first + (1 << inner)).map(<[Hash]>::to_vec).unwrap_or_default();
            if let Some(hash) = fold(row) {
                found.insert(node, hash);
            }
        }
    }
    Ok(found)
}

/// `count` hashes at a tile boundary from `first` on: leaf hashes, or roots of full tiles.
async fn boundary(
    tx: &mut Tx,
    log: LogId,
    epoch: &Epoch,
    tile_level: u8,
    first: u64,
    count: u64,
) -> Result<Vec<Hash>, StoreError> {
    if tile_level == 0 {
        let base = epoch.base.get();
        let binds = Binds::new()
            .and(log.column())
            .and(Pos::new(base + first).column())
            .and(Pos::new(base + first + count).column());
        return tx.fetch(&tiles::LEAF_HASHES, binds, tiles::read_leaf_hash).await;
    }
    let wanted = (first..first + count).map(|n| (tile_level - 1, n));
    let tiles = tiles::fetch(tx, log, epoch.epoch, wanted.clone()).await?;
    Ok(wanted.filter_map(|at| tiles.get(&at).and_then(|bytes| tiles::root_of(bytes))).collect())
}

/// The root of a complete row of hashes, RFC 6962 §2.1; nothing when some are missing.
fn fold(mut row: Vec<Hash>) -> Option<Hash> {
    while row.len() > 1 {
        row = row.chunks(2).filter_map(|pair| Some(Hash::node(pair.first()?, pair.get(1)?))).collect();
    }
    row.first().copied()
}

/// An entry as whoever derives from facts reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// Its position.
    pub pos: Pos,
    /// Its leaf.
    pub leaf: Vec<u8>,
    /// The payload of the facts part.
    pub facts: Option<Vec<u8>>,
}

/// Up to `limit` entries from a position on, inside a transaction.
pub async fn facts_in(tx: &mut Tx, log: LogId, from: Pos, limit: u32) -> Result<Vec<Stated>, StoreError> {
    let binds = Binds::new().and(log.column()).and(from.column()).and(limit);
    tx.fetch(&FACTS_FROM, binds, |cells| {
        let pos = Pos::from_column(cells.int()?)
            .ok_or(StoreError::Inconsistent { table: "ledger_entry", column: "pos" })?;
        Ok(Stated { pos, leaf: cells.blob()?, facts: cells.opt_blob()? })
    })
    .await
}

/// How far a log reaches. For whoever follows it: its seal is not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The log.
    pub log: LogId,
    /// One past its last entry.
    pub next_pos: Pos,
    /// The recorded time of its last entry.
    pub last: EpochMs,
    /// One past the last entry that changed its directory or policy.
    pub config_pos: Pos,
    /// The facts part of its last entry.
    pub facts: Option<Vec<u8>>,
}

/// From a position to the index that callers know: a new epoch counts from 0. The epochs are a log's, oldest first.
pub fn index_of(epochs: &[Epoch], pos: Pos) -> u64 {
    let epoch = epochs.iter().rev().find(|epoch| epoch.base <= pos);
    pos.get() - epoch.map_or(0, |epoch| epoch.base.get())
}

/// When entries were recorded, by position.
pub async fn recorded_in(
    tx: &mut Tx,
    log: LogId,
    positions: &[Pos],
) -> Result<HashMap<Pos, EpochMs>, StoreError> {
    if positions.is_empty() {
        return Ok(HashMap::new());
    }
    let keys = KeySet::ints(positions.iter().map(|pos| pos.column()));
    let stored = tx.fetch(&ENTRIES, Binds::new().and(log.column()).keys(keys), read_entry).await?;
    stored
        .into_iter()
        .map(|entry| {
            let leaf = Leaf::decode(&entry.leaf)
                .map_err(|_| StoreError::Inconsistent { table: "ledger_entry", column: "leaf" })?;
            Ok((entry.pos, leaf.recorded))
        })
        .collect()
}

static STANDING: Statement = Statement::new(
    "SELECT h.log_id, e.base + h.size, h.last_ms, h.config_pos, (SELECT p.payload FROM ledger_part p \
     WHERE p.log_id = h.log_id AND p.pos = e.base + h.size - 1 AND p.part = 0) FROM ledger_head h \
     JOIN ledger_epoch e ON e.log_id = h.log_id AND e.epoch = h.epoch WHERE h.log_id >= $1 ORDER BY h.log_id",
);

/// How far every log reaches.
pub async fn standing(store: &Store) -> Result<Vec<Standing>, StoreError> {
    let bad = |column| StoreError::Inconsistent { table: "ledger_head", column };
    store
        .fetch(&STANDING, Binds::new().and(0), |cells| {
            Ok(Standing {
                log: LogId::from_column(cells.int()?),
                next_pos: Pos::from_column(cells.int()?).ok_or(bad("size"))?,
                last: EpochMs::clamped(cells.int()?),
                config_pos: Pos::from_column(cells.int()?).ok_or(bad("config_pos"))?,
                facts: cells.opt_blob()?,
            })
        })
        .await
}
