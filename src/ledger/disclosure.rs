//! The proof that a read of personal content is on record.
//!
//! Every function that reads a `<register>_personal` table takes a [`Disclosure`], and only the ledger makes one: after
//! an entry that says who reads what and why was committed. So a read that is not on record does not compile.

use crate::kernel::{EpochMs, LogId, Pos};

/// The kind of a disclosure's entry; the ledger accepts no other as the record of a read.
pub const DISCLOSURE_KIND: u16 = 0x0005;

/// A committed record of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosure {
    log: LogId,
    pos: Pos,
    index: u64,
    recorded: EpochMs,
}

impl Disclosure {
    pub(super) fn committed(log: LogId, pos: Pos, index: u64, recorded: EpochMs) -> Self {
        Self { log, pos, index, recorded }
    }

    /// The log that it is on record in.
    pub fn log(&self) -> LogId {
        self.log
    }

    /// Its position.
    pub fn pos(&self) -> Pos {
        self.pos
    }

    /// Its index in the tree: what the answer names.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// When it was recorded.
    pub fn recorded(&self) -> EpochMs {
        self.recorded
    }
}
