//! Full tiles: written once, in the commit that completes them (c2sp.org/tlog-tiles).
//!
//! Partial tiles are never stored: they are read off the leaf hashes, so nothing is written twice and nothing has to
//! be collected.

use std::collections::HashMap;

use super::batch::OpenLog;
use super::tables;
use crate::kernel::{LogId, Pos};
use crate::store::{Binds, Cells, Inserts, Keys as KeySet, Statement, StoreError, Tx};
use crate::tlog::{Hash, NodeId};

/// Hashes per tile.
pub(super) const WIDTH: u64 = 256;
/// Levels of the tree per level of tiles: 2^8 = 256.
const HEIGHT: u8 = 8;

/// Leaf hashes of an epoch from one index up to, not including, another.
pub(super) static LEAF_HASHES: Statement = Statement::new(
    "SELECT leaf_hash FROM ledger_entry WHERE log_id = $1 AND pos >= $2 AND pos < $3 ORDER BY pos",
);

/// A set of full tiles of one log and epoch: (level, n).
pub(super) static TILES: Statement = Statement::new(
    "SELECT level, n, hashes FROM ledger_tile WHERE log_id = $1 AND epoch = $2 \
     AND (level, n) IN (SELECT * FROM UNNEST($3::bigint[], $4::bigint[]))",
);

/// Inserts every tile that the batch completed.
pub(super) async fn insert_full(tx: &mut Tx, log: &OpenLog, inserts: &mut Inserts) -> Result<(), StoreError> {
    let mut level: u8 = 0;
    loop {
        // A tile at this level is complete when all its 256 nodes are.
        let span = u32::from(level + 1) * u32::from(HEIGHT);
        let (Some(before), Some(after)) = (log.old_size.checked_shr(span), log.head.size.checked_shr(span))
        else {
            return Ok(());
        };
        if before == after {
            return Ok(());
        }
        for n in before..after {
            let made = log.full.get(&n).filter(|_| level == 0);
            let hashes = match made {
                Some(made) => made.clone(),
                None => tile(tx, log, level, n).await?,
            };
            inserts.push(
                &tables::TILE,
                [
                    log.log().column().into(),
                    log.head.epoch.into(),
                    u32::from(level).into(),
                    Pos::new(n).column().into(),
                    hashes.into(),
                ],
            );
        }
        level += 1;
    }
}

/// The hashes of a complete tile: what the batch made itself, and the rest from what is stored.
async fn tile(tx: &mut Tx, log: &OpenLog, level: u8, n: u64) -> Result<Vec<u8>, StoreError> {
    let first = n * WIDTH;
    let node = |index: u64| NodeId { level: level * HEIGHT, index };
    let missing: Vec<u64> = (first..first + WIDTH).filter(|at| !log.nodes.contains_key(&node(*at))).collect();
    let stored = match (missing.first(), missing.last()) {
        (Some(from), Some(until)) => stored_nodes(tx, log, level, *from, *until + 1).await?,
        _ => HashMap::new(),
    };
    let mut hashes = Vec::with_capacity(8_192);
    for index in first..first + WIDTH {
        let hash = log.nodes.get(&node(index)).or_else(|| stored.get(&index));
        let hash = hash.ok_or(StoreError::Inconsistent { table: "ledger_tile", column: "hashes" })?;
        hashes.extend_from_slice(&hash.0);
    }
    Ok(hashes)
}

/// Nodes at a tile boundary: leaf hashes, or the roots of the full tiles one level below.
async fn stored_nodes(
    tx: &mut Tx,
    log: &OpenLog,
    level: u8,
    from: u64,
    until: u64,
) -> Result<HashMap<u64, Hash>, StoreError> {
    let id = log.log();
    if level == 0 {
        let base = log.base.get();
        let binds = Binds::new()
            .and(id.column())
            .and(Pos::new(base + from).column())
            .and(Pos::new(base + until).column());
        let hashes = tx.fetch(&LEAF_HASHES, binds, read_leaf_hash).await?;
        return Ok((from..until).zip(hashes).collect());
    }
    let tiles = fetch(tx, id, log.head.epoch, (from..until).map(|n| (level - 1, n))).await?;
    Ok(tiles.into_iter().filter_map(|((_, n), hashes)| Some((n, root_of(&hashes)?))).collect())
}

pub(super) fn read_leaf_hash(cells: &mut Cells<'_>) -> Result<Hash, StoreError> {
    cells.array("ledger_entry", "leaf_hash").map(Hash)
}

/// Full tiles by level and number, as they are stored.
pub(super) async fn fetch(
    tx: &mut Tx,
    log: LogId,
    epoch: u32,
    wanted: impl Iterator<Item = (u8, u64)>,
) -> Result<HashMap<(u8, u64), Vec<u8>>, StoreError> {
    let (levels, ns): (Vec<i64>, Vec<i64>) =
        wanted.map(|(level, n)| (i64::from(level), Pos::new(n).column())).unzip();
    if ns.is_empty() {
        return Ok(HashMap::new());
    }
    let binds = Binds::new().and(log.column()).and(epoch).keys(KeySet::ints(levels).and_ints(ns));
    let rows = tx.fetch(&TILES, binds, |cells| Ok((cells.int()?, cells.int()?, cells.blob()?))).await?;
    rows.into_iter()
        .map(|(level, n, hashes)| {
            let level = u8::try_from(level).ok().zip(Pos::from_column(n));
            let (level, n) =
                level.ok_or(StoreError::Inconsistent { table: "ledger_tile", column: "level" })?;
            Ok(((level, n.get()), hashes))
        })
        .collect()
}

/// The root of a full tile: the node one tile level up.
pub(super) fn root_of(hashes: &[u8]) -> Option<Hash> {
    let hashes = split(hashes);
    let mut row = (u64::try_from(hashes.len()).ok()? == WIDTH).then_some(hashes)?;
    while row.len() > 1 {
        row = row.chunks_exact(2).filter_map(|pair| Some(Hash::node(pair.first()?, pair.last()?))).collect();
    }
    row.first().copied()
}

/// A tile's bytes as hashes.
pub(super) fn split(bytes: &[u8]) -> Vec<Hash> {
    bytes.as_chunks::<32>().0.iter().map(|chunk| Hash(*chunk)).collect()
}
