//! The head of a log: how far it has got, under a seal.
//!
//! The seal covers every other column, so somebody who can write the database but does not have the seal key cannot
//! make this software build on a head of theirs.

use super::keys::Keys;
use super::tables;
use crate::kernel::{CentreId, EpochMs, LogId, Pos};
use crate::store::{Cells, Inserts, StoreError, Value};
use crate::tlog::{Edge, Hash};

/// A head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The log.
    pub log: LogId,
    /// Its present epoch, from 1.
    pub epoch: u32,
    /// Entries in the epoch's tree.
    pub size: u64,
    /// The tree's right edge.
    pub edge: Edge,
    /// The tree's root.
    pub root: Hash,
    /// The recorded time of the last entry.
    pub last: EpochMs,
    /// One past the last entry that changed the directory or the policy.
    pub config_pos: Pos,
}

/// A head as it was read, before its seal was checked.
#[derive(Debug, Clone)]
pub struct StoredHead {
    pub(super) log_id: i64,
    pub(super) epoch: i64,
    pub(super) size: i64,
    pub(super) edge: Vec<u8>,
    pub(super) root: Vec<u8>,
    pub(super) last_ms: i64,
    pub(super) config_pos: i64,
    pub(super) seal: Vec<u8>,
}

/// Why a head is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadFault {
    /// The seal is not the seal of the columns.
    #[error("the head's seal is broken")]
    Seal,
    /// Sealed, but the edge does not fold to the root.
    #[error("the head's edge does not fold to its root")]
    Edge,
    /// Behind the anchor: an older copy of the database.
    #[error("the head is behind this replica's anchor")]
    BehindAnchor,
    /// Another history than the anchor's.
    #[error("the head's history is not the anchor's")]
    Forked,
    /// The row is not there.
    #[error("the log has no head")]
    Missing,
}

/// The columns of a head, in the order of [`StoredHead::read`].
pub const COLUMNS: &str = "log_id, epoch, size, edge, root, last_ms, config_pos, seal";

impl StoredHead {
    /// Reads the columns.
    pub fn read(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            log_id: cells.int()?,
            epoch: cells.int()?,
            size: cells.int()?,
            edge: cells.blob()?,
            root: cells.blob()?,
            last_ms: cells.int()?,
            config_pos: cells.int()?,
            seal: cells.blob()?,
        })
    }

    /// The log that the row claims to be the head of.
    pub fn log(&self) -> LogId {
        LogId::from_column(self.log_id)
    }

    /// The head, if the seal is ours.
    pub fn open(&self, keys: &Keys, centre: &CentreId, base: Pos, origin: &str) -> Result<Head, HeadFault> {
        let (Ok(epoch), Some(size), Ok(root), Some(config_pos)) = (
            u32::try_from(self.epoch),
            Pos::from_column(self.size),
            <[u8; 32]>::try_from(self.root.as_slice()),
            Pos::from_column(self.config_pos),
        ) else {
            return Err(HeadFault::Seal);
        };
        let edge = Edge::from_bytes(size.get(), &self.edge).map_err(|_| HeadFault::Seal)?;
        let head = Head {
            log: self.log(),
            epoch,
            size: size.get(),
            edge,
            root: Hash(root),
            last: EpochMs::clamped(self.last_ms),
            config_pos,
        };
        if head.seal(keys, centre, base, origin).as_slice() != self.seal.as_slice() {
            return Err(HeadFault::Seal);
        }
        if head.edge.root() != head.root {
            return Err(HeadFault::Edge);
        }
        Ok(head)
    }
}

impl Head {
    /// The head of a log that has no entries yet.
    pub fn empty(log: LogId, epoch: u32, last: EpochMs, config_pos: Pos) -> Self {
        let edge = Edge::new();
        let root = edge.root();
        Self { log, epoch, size: 0, edge, root, last, config_pos }
    }

    /// The seal over every other column, and over the rows that say which log and which epoch this is.
    pub fn seal(&self, keys: &Keys, centre: &CentreId, base: Pos, origin: &str) -> [u8; 32] {
        keys.seal(
            b"qinlian/v1/head",
            &[
                &self.log.column().to_be_bytes(),
                &self.epoch.to_be_bytes(),
                &self.size.to_be_bytes(),
                &self.edge.to_bytes(),
                &self.root.0,
                &self.last.get().to_be_bytes(),
                &self.config_pos.get().to_be_bytes(),
                centre.as_str().as_bytes(),
                &base.get().to_be_bytes(),
                origin.as_bytes(),
            ],
        )
    }

    /// Inserts a new log's head.
    pub fn insert(&self, keys: &Keys, centre: &CentreId, base: Pos, origin: &str, inserts: &mut Inserts) {
        inserts.push(
            &tables::HEAD,
            [
                self.log.column().into(),
                self.epoch.into(),
                Pos::new(self.size).column().into(),
                self.edge.to_bytes().into(),
                self.root.0.into(),
                self.last.get().into(),
                self.config_pos.column().into(),
                self.seal(keys, centre, base, origin).into(),
            ],
        );
    }

    /// Inserts the checkpoint row of this size, under a seal of its own.
    pub fn insert_checkpoint(&self, keys: &Keys, inserts: &mut Inserts) {
        inserts.push(
            &tables::CHECKPOINT,
            [
                self.log.column().into(),
                self.epoch.into(),
                Pos::new(self.size).column().into(),
                Value::from(self.root.0),
                checkpoint_seal(keys, self.log, self.epoch, self.size, &self.root).into(),
            ],
        );
    }
}

/// The seal of a checkpoint row: who has it may sign the checkpoint.
pub fn checkpoint_seal(keys: &Keys, log: LogId, epoch: u32, size: u64, root: &Hash) -> [u8; 32] {
    keys.seal(
        b"qinlian/v1/checkpoint",
        &[&log.column().to_be_bytes(), &epoch.to_be_bytes(), &size.to_be_bytes(), &root.0],
    )
}
