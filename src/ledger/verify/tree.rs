//! The tree of one epoch while its entries go by: roots at the checkpoints, and tiles above the first level.

use super::notes::Mark;
use crate::tlog::{Edge, Hash, NodeId, Tile};

/// What the tree asks to be compared.
#[derive(Debug)]
pub(in crate::ledger) enum Due {
    /// A tile above the first level is complete: these are its hashes.
    Tile(Tile, Vec<Hash>),
    /// The tree has the size of a checkpoint: this is its root.
    Root(Mark, Hash),
}

/// Leaf after leaf.
#[derive(Debug)]
pub(in crate::ledger) struct Tree {
    edge: Edge,
    /// By level from 1: the hashes of the tile that is not complete yet, and its number.
    tiles: Vec<(u64, Vec<Hash>)>,
    marks: std::vec::IntoIter<Mark>,
    next: Option<Mark>,
}

impl Tree {
    /// `marks` in the order of their sizes.
    pub(in crate::ledger) fn new(marks: Vec<Mark>) -> Self {
        let mut marks = marks.into_iter();
        let next = marks.next();
        Self { edge: Edge::new(), tiles: Vec::new(), marks, next }
    }

    /// What is due before any entry: a checkpoint of size 0.
    pub(in crate::ledger) fn begin(&mut self) -> Vec<Due> {
        let mut due = Vec::new();
        self.marks_at_size(&mut due);
        due
    }

    /// The next leaf.
    pub(in crate::ledger) fn push(&mut self, leaf: Hash) -> Vec<Due> {
        let mut due = Vec::new();
        let tiles = &mut self.tiles;
        let pushed = self.edge.push(leaf, &mut |node: NodeId, hash| {
            let level = node.level / 8;
            if level == 0 || !node.level.is_multiple_of(8) {
                return;
            }
            let at = usize::from(level) - 1;
            if tiles.len() <= at {
                tiles.resize(at + 1, (0, Vec::new()));
            }
            let Some((index, hashes)) = tiles.get_mut(at) else { return };
            hashes.push(hash);
            if hashes.len() == 256 {
                let tile = Tile { level: Some(level), index: *index, width: 256 };
                due.push(Due::Tile(tile, std::mem::take(hashes)));
                *index += 1;
            }
        });
        if pushed.is_ok() {
            self.marks_at_size(&mut due);
        }
        due
    }

    fn marks_at_size(&mut self, due: &mut Vec<Due>) {
        while let Some(mark) = self.next.take_if(|mark| mark.size <= self.edge.size()) {
            due.push(Due::Root(mark, self.edge.root()));
            self.next = self.marks.next();
        }
    }

    /// The tiles that stay partial.
    pub(in crate::ledger) fn end(&mut self) -> Vec<Due> {
        let mut due = Vec::new();
        for (level, (index, hashes)) in (1_u8..).zip(std::mem::take(&mut self.tiles)) {
            if !hashes.is_empty() {
                let width = u16::try_from(hashes.len()).unwrap_or(u16::MAX);
                due.push(Due::Tile(Tile { level: Some(level), index, width }, hashes));
            }
        }
        due
    }

    /// The right edge, for trying out what another leaf would give.
    pub(in crate::ledger) fn edge(&self) -> &Edge {
        &self.edge
    }

    /// The next checkpoint that is due.
    pub(in crate::ledger) fn next_mark(&self) -> Option<&Mark> {
        self.next.as_ref()
    }
}
