//! Leaves, the hashes beside them, tiles and roots.

use super::Audit;
use super::finding::{Finding, Weight};
use super::log::{Chunk, Position};
use super::marks::Sealed;
use super::truth::{Three, settle};
use crate::ledger::port::Rulebook;
use crate::ledger::reader::Epoch;
use crate::ledger::tiles;
use crate::ledger::verify::tree::{Due, Tree};
use crate::store::StoreError;
use crate::tlog::{Hash, Tile, leaf_hash};

/// Hashes per tile (c2sp.org/tlog-tiles).
const WIDTH: u64 = 256;

impl<R: Rulebook> Audit<'_, R> {
    /// The leaf, the column beside it and the tile agree, and give the root of every checkpoint.
    pub(super) async fn hashes(
        &mut self,
        at: &mut Position,
        chunk: &Chunk<'_>,
        tree: &mut Tree,
        sealed: &Sealed,
    ) -> Result<(), StoreError> {
        let tile = self.tile(at, chunk, 0, chunk.from / WIDTH, chunk.until - chunk.from).await?;
        let mut threes = Vec::with_capacity(chunk.rows.len());
        for (slot, row) in chunk.rows.iter().enumerate() {
            let leaf = row.as_ref().map(|row| leaf_hash(&row.leaf));
            let tile = tile.as_ref().and_then(|hashes| hashes.get(slot).copied());
            threes.push(Three { leaf, column: row.as_ref().and_then(|row| row.hash), tile });
        }
        let mut start = chunk.from;
        let ends = sealed.iter().filter(|(size, root)| **size > chunk.from && root.is_some());
        let ends: Vec<(u64, Option<Hash>)> =
            ends.map(|(size, root)| (*size, *root)).chain([(chunk.until, None)]).collect();
        let anchored = self.options.anchor.and_then(|anchor| anchor.seen(&chunk.epoch.origin));
        for (end, root) in ends {
            let slots = |index: u64| usize::try_from(index - chunk.from).unwrap_or(usize::MAX);
            let window = threes.get(slots(start)..slots(end)).unwrap_or_default();
            let (truth, confirmed) = settle(tree.edge(), window, root.filter(|_| !at.lost));
            if confirmed {
                at.good = root.map_or(at.good, |_| end);
            } else {
                at.lost = true;
                let good = at.good;
                let why = format!(
                    "the entries do not give the sealed root of size {end}: the first bad one is in [{good}, {end})"
                );
                self.entry_bad("ledger_entry", chunk, good, "leaf, leaf_hash", &why);
            }
            for ((index, three), truth) in (start..).zip(window).zip(truth) {
                if three.leaf != Some(truth) {
                    at.walk.disbelieve(index);
                }
                self.disagreement(chunk, index, three, truth);
                for due in tree.push(truth) {
                    if let Due::Tile(tile, hashes) = due {
                        self.upper(at, chunk, &tile, &hashes).await?;
                    }
                }
                if anchored.is_some_and(|anchored| anchored.size == index + 1) {
                    at.root_at_anchor = Some(tree.edge().root());
                }
            }
            start = end;
        }
        Ok(())
    }

    fn disagreement(&mut self, chunk: &Chunk<'_>, index: u64, three: &Three, truth: Hash) {
        let (why, tile) = ("not what tiles and roots say", ("ledger_tile", "hashes"));
        if three.leaf.is_some_and(|leaf| leaf != truth) {
            self.entry_bad("ledger_entry", chunk, index, "leaf", why);
        }
        // A hash of another length is none at all.
        if three.leaf.is_some() && three.column != Some(truth) {
            self.entry_bad("ledger_entry", chunk, index, "leaf_hash", why);
        }
        if three.tile.is_some_and(|hash| hash != truth) {
            let row = tile_row(chunk.epoch, 0, index / WIDTH);
            self.tile_bad(chunk, row, index, tile.1, "another hash than the entry's");
        }
    }

    fn tile_bad(&mut self, chunk: &Chunk<'_>, row: String, index: u64, column: &str, why: &str) {
        self.found.push(Finding {
            weight: Weight::Bad,
            log: chunk.log.column(),
            table: "ledger_tile".to_owned(),
            row,
            column: column.to_owned(),
            index: Some(index),
            why: why.to_owned(),
        });
    }

    /// The hashes of a full tile as it is stored.
    async fn tile(
        &mut self,
        at: &mut Position,
        chunk: &Chunk<'_>,
        level: u8,
        n: u64,
        width: u64,
    ) -> Result<Option<Vec<Hash>>, StoreError> {
        if width < WIDTH {
            return Ok(None);
        }
        let mut stored =
            tiles::fetch(&mut self.tx, chunk.log, chunk.epoch.epoch, std::iter::once((level, n))).await?;
        let row = tile_row(chunk.epoch, level, n);
        let Some(bytes) = stored.remove(&(level, n)) else {
            self.tile_bad(chunk, row, chunk.from, "*", "the tile is full, and its row is missing");
            return Ok(None);
        };
        at.seen("ledger_tile", 1);
        if bytes.len() == 8_192 {
            return Ok(Some(tiles::split(&bytes)));
        }
        self.tile_bad(chunk, row, chunk.from, "hashes", "not 256 hashes");
        Ok(None)
    }

    async fn upper(
        &mut self,
        at: &mut Position,
        chunk: &Chunk<'_>,
        tile: &Tile,
        hashes: &[Hash],
    ) -> Result<(), StoreError> {
        let level = tile.level.unwrap_or(0);
        let stored =
            self.tile(at, chunk, level, tile.index, u64::from(tile.width)).await?.unwrap_or_default();
        if let Some(slot) = stored.iter().zip(hashes).position(|(one, other)| one != other) {
            let span = 1_u64.checked_shl(u32::from(level) * 8).unwrap_or(u64::MAX);
            let first = tile.index.saturating_mul(WIDTH) + u64::try_from(slot).unwrap_or(0);
            let (row, index) = (tile_row(chunk.epoch, level, tile.index), first.saturating_mul(span));
            self.tile_bad(chunk, row, index, "hashes", "another hash than the tile below it gives");
        }
        Ok(())
    }
}

/// How a tile's row is named.
pub(super) fn tile_row(epoch: &Epoch, level: u8, n: u64) -> String {
    let tile = format!("level {level} n {n}");
    if epoch.epoch == 1 { tile } else { format!("epoch {} {tile}", epoch.epoch) }
}
