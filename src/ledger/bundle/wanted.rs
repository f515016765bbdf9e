//! Which personal parts a bundle holds, and under which record.

use std::collections::BTreeSet;

use crate::kernel::{EpochMs, Pos};
use crate::ledger::disclosure::Disclosure;
use crate::ledger::leaf::Leaf;

/// Personal parts, and the record of their reading.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// In the bundle's own log.
    pub on_record: &'a Disclosure,
    /// Of which entries.
    pub of: &'a Wanted,
}

/// Entries whose personal parts are shown. By default all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those at these positions alone.
    pub entries: Option<BTreeSet<Pos>>,
    /// Recorded at this time or later.
    pub from: Option<EpochMs>,
    /// Recorded before this time.
    pub until: Option<EpochMs>,
}

impl Wanted {
    pub(super) fn holds(&self, pos: i64, leaf: &Leaf) -> bool {
        let at = |pos: Pos| self.entries.as_ref().is_none_or(|entries| entries.contains(&pos));
        Pos::from_column(pos).is_some_and(at)
            && self.from.is_none_or(|from| leaf.recorded >= from)
            && self.until.is_none_or(|until| leaf.recorded < until)
    }
}
