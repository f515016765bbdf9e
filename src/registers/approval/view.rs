//! What other rooms may see of approvals: what was approved of a person's time.

use crate::kernel::{EpochMs, Pos};
use crate::proto::leave;

/// Leave that was approved: from, and until but not at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovedLeave {
    /// The request's entry.
    pub entry: Pos,
    /// What it is for.
    pub kind: leave::Kind,
    /// From when on.
    pub from: EpochMs,
    /// Until when: as asked for, or until the person was back.
    pub until: EpochMs,
}

/// A coming or going that was approved although no device stamped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovedPunch {
    /// The request's entry.
    pub entry: Pos,
    /// When it was.
    pub at: EpochMs,
    /// Which of the two.
    pub end: End,
    /// Who says so.
    pub source: Source,
}

/// Coming or going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Coming.
    On,
    /// Going.
    Off,
}

/// Who says that somebody came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A correction that others approved (rule R11).
    Correction,
    /// A manual roll that was countersigned (rule R5): it counts only where every device was out of order.
    ManualRoll,
}
