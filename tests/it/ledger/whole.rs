//! Is the ledger whole? Everything that must be true of the tables of a ledger at rest, read by direct SQL and worked
//! out again from the leaves: what every rig asks when its storm is over.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use qinlian::kernel::{EpochMs, LogId, Pos, RequestId};
use qinlian::ledger::leaf::{Leaf, PartType};
use qinlian::ledger::part::{Salt, commit};
use qinlian::ledger::port::{DraftPart, Placed, Rulebook};
use qinlian::ledger::reader::Reader;
use qinlian::store::{Binds, Inserts, Statement, Store, Value};
use qinlian::tlog::{Edge, Hash, leaf_hash};

use super::toy::{Fact, ROW, Toy};

static ENTRIES: Statement =
    Statement::new("SELECT pos, kind, leaf, leaf_hash FROM ledger_entry WHERE log_id = $1 ORDER BY pos");
static PARTS: Statement =
    Statement::new("SELECT pos, part, salt, payload FROM ledger_part WHERE log_id = $1 ORDER BY pos, part");
static PERSONAL_PARTS: Statement =
    Statement::new("SELECT pos, part, salt, payload FROM toy_personal WHERE log_id = $1 ORDER BY pos, part");
static CHECKPOINTS: Statement =
    Statement::new("SELECT size, root FROM ledger_checkpoint WHERE log_id = $1 ORDER BY size");
static TILES: Statement =
    Statement::new("SELECT level, n, hashes FROM ledger_tile WHERE log_id = $1 ORDER BY level, n");
static REQUESTS: Statement =
    Statement::new("SELECT pos, request_id FROM ledger_request WHERE log_id = $1 ORDER BY pos");

/// What stands in a log, worked out from its leaves.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogState {
    pub(super) leaves: Vec<Vec<u8>>,
    pub(super) checkpoints: Vec<(u64, Hash)>,
    pub(super) root: Hash,
}

type PartRow = (u64, u64, Vec<u8>, Vec<u8>);

/// Looks at every log; the answer is what the logs hold, the error is the first thing that is not as it must be.
pub(super) async fn whole(reader: &Reader) -> Result<BTreeMap<i64, LogState>, String> {
    let mut states = BTreeMap::new();
    for (log, _) in reader.logs().await.map_err(|error| error.to_string())? {
        let state = whole_log(reader, log).await.map_err(|what| format!("log {log}: {what}"))?;
        states.insert(log.column(), state);
    }
    Ok(states)
}

async fn whole_log(reader: &Reader, log: LogId) -> Result<LogState, String> {
    let store = reader.store();
    let entries = store
        .fetch(&ENTRIES, Binds::new().and(log.column()), |cells| {
            Ok((cells.int()?, cells.int()?, cells.blob()?, cells.blob()?))
        })
        .await
        .unwrap();
    let (head, epoch) = reader.head(log).await.map_err(|error| error.to_string())?;
    assert_eq!((epoch.epoch, epoch.base), (1, Pos::ZERO), "these rigs know one epoch");
    ensure(head.size == entries.len() as u64, || {
        format!("{} entries under a head of {}", entries.len(), head.size)
    })?;

    let mut edge = Edge::new();
    let mut roots: HashMap<u64, Hash> = HashMap::from([(0, edge.root())]);
    let mut nodes: HashMap<(u8, u64), Hash> = HashMap::new();
    let mut last = EpochMs::ZERO;
    let mut leaves = Vec::with_capacity(entries.len());
    for (index, (pos, kind, bytes, hash)) in (0_u64..).zip(&entries) {
        let leaf = Leaf::decode(bytes).map_err(|error| format!("leaf {index} {error}"))?;
        let hashed = leaf_hash(bytes);
        ensure(pos.cast_unsigned() == index && leaf.index == index, || format!("a gap at {index}"))?;
        ensure(hashed.0.as_slice() == hash.as_slice(), || format!("the leaf hash of {index}"))?;
        ensure(i64::from(leaf.kind) == *kind, || format!("the kind of {index}"))?;
        ensure(leaf.recorded >= last, || format!("{index} goes back in time"))?;
        last = leaf.recorded;
        edge.push(hashed, &mut |node, hash| {
            nodes.insert((node.level, node.index), hash);
        })
        .unwrap();
        roots.insert(index + 1, edge.root());
        leaves.push((leaf, bytes.clone()));
    }
    ensure(head.root == edge.root() && head.last == last, || {
        "the head is not that of its leaves".to_owned()
    })?;
    let checkpoints = checkpoints(reader, log, &roots, head.size).await?;
    tiles(store, log, &nodes, head.size).await?;
    requests(reader, log, &leaves).await?;
    rows(store, log, &leaves).await?;
    let leaves = leaves.into_iter().map(|(_, bytes)| bytes).collect();
    Ok(LogState { leaves, checkpoints, root: head.root })
}

/// Every checkpoint is sealed and has the root of the leaves before it; the newest is the head's. Since all are roots of
/// prefixes of one sequence of leaves, they are pairwise consistent.
async fn checkpoints(
    reader: &Reader,
    log: LogId,
    roots: &HashMap<u64, Hash>,
    size: u64,
) -> Result<Vec<(u64, Hash)>, String> {
    let rows = reader
        .store()
        .fetch(&CHECKPOINTS, Binds::new().and(log.column()), |cells| Ok((cells.int()?, cells.blob()?)))
        .await
        .unwrap();
    let mut found = Vec::new();
    for (at, root) in rows {
        let at = at.cast_unsigned();
        let good = roots.get(&at).is_some_and(|ours| ours.0.as_slice() == root.as_slice());
        ensure(good, || format!("checkpoint {at} has another root than its leaves"))?;
        reader.checkpoint(log, 1, at).await.map_err(|error| format!("checkpoint {at}: {error}"))?;
        found.push((at, roots[&at]));
    }
    ensure(found.last().is_some_and(|(at, _)| *at == size), || {
        "the newest checkpoint is not the head's".to_owned()
    })?;
    Ok(found)
}

/// All full tiles and no other, each with the nodes of the tree.
async fn tiles(store: &Store, log: LogId, nodes: &HashMap<(u8, u64), Hash>, size: u64) -> Result<(), String> {
    let rows = store
        .fetch(&TILES, Binds::new().and(log.column()), |cells| {
            Ok((cells.int()?, cells.int()?, cells.blob()?))
        })
        .await
        .unwrap();
    let found: BTreeSet<(u8, u64)> =
        rows.iter().map(|(level, n, _)| (u8::try_from(*level).unwrap(), n.cast_unsigned())).collect();
    let wanted: BTreeSet<(u8, u64)> = (0..7_u8)
        .flat_map(|level| (0..size >> (8 * u32::from(level + 1))).map(move |n| (level, n)))
        .collect();
    ensure(found == wanted && rows.len() == wanted.len(), || format!("tiles {found:?}, not {wanted:?}"))?;
    for (level, n, hashes) in rows {
        let (level, n) = (u8::try_from(level).unwrap(), n.cast_unsigned());
        let ours: Vec<u8> = (n * 256..(n + 1) * 256).flat_map(|at| nodes[&(level * 8, at)].0).collect();
        ensure(hashes == ours, || format!("tile {level}/{n}"))?;
    }
    Ok(())
}

/// One sealed request row per entry, with the id that the leaf names.
async fn requests(reader: &Reader, log: LogId, leaves: &[(Leaf, Vec<u8>)]) -> Result<(), String> {
    let rows = reader
        .store()
        .fetch(&REQUESTS, Binds::new().and(log.column()), |cells| {
            Ok((cells.int()?, RequestId::from_bytes(cells.array("ledger_request", "request_id")?)))
        })
        .await
        .unwrap();
    ensure(rows.len() == leaves.len(), || format!("{} requests for {} entries", rows.len(), leaves.len()))?;
    for (at, ((pos, id), (leaf, _))) in rows.into_iter().zip(leaves).enumerate() {
        ensure(pos.cast_unsigned() == leaf.index && id == leaf.request_id, || {
            format!("the request of {}", leaf.index)
        })?;
        // The seals of a sample: asking for each is slow.
        if at % 64 == 0 {
            reader
                .request(log, id)
                .await
                .map_err(|error| format!("the request of {}: {error}", leaf.index))?;
        }
    }
    Ok(())
}

/// Parts open their commitments, and the registers' rows are what the entries say.
async fn rows(store: &Store, log: LogId, leaves: &[(Leaf, Vec<u8>)]) -> Result<(), String> {
    let mut parts: HashMap<(u64, u64), PartRow> = HashMap::new();
    for statement in [&PARTS, &PERSONAL_PARTS] {
        let found = store
            .fetch(statement, Binds::new().and(log.column()), |cells| {
                Ok((cells.int()?.cast_unsigned(), cells.int()?.cast_unsigned(), cells.blob()?, cells.blob()?))
            })
            .await
            .unwrap();
        for row in found {
            ensure(parts.insert((row.0, row.1), row).is_none(), || "a part that is there twice".to_owned())?;
        }
    }
    let mut erased: BTreeSet<(u64, u64)> = BTreeSet::new();
    for (_, _, _, facts) in parts.values().filter(|row| row.1 == 0) {
        let fact: Fact = serde_json::from_slice(facts).map_err(|_| "facts that are none".to_owned())?;
        erased.extend(fact.erases.iter().map(|(pos, part)| (*pos, u64::from(*part))));
    }
    let mut inserts = Inserts::new();
    let toy = Toy::default();
    for (leaf, _) in leaves {
        let (_, _, _, facts) =
            parts.get(&(leaf.index, 0)).ok_or(format!("no facts part at {}", leaf.index))?;
        let detail: Fact =
            serde_json::from_slice(facts).map_err(|_| format!("the facts of {}", leaf.index))?;
        let mut placed = Placed {
            log,
            pos: Pos::new(leaf.index),
            recorded: leaf.recorded,
            request_id: leaf.request_id,
            digest: None,
            parts: Vec::new(),
            detail,
        };
        for (number, wanted) in (0_u64..).zip(&leaf.parts) {
            placed.parts.push(match parts.remove(&(leaf.index, number)) {
                Some((_, _, salt, payload)) => {
                    let salt = Salt(salt.try_into().map_err(|_| format!("a salt of {}", leaf.index))?);
                    let opened = commit(&salt, wanted.part_type, wanted.schema, &payload);
                    ensure(opened == *wanted, || {
                        format!("part {number} of {} is not what was committed to", leaf.index)
                    })?;
                    Some((salt, DraftPart { part_type: wanted.part_type, schema: wanted.schema, payload }))
                }
                None => None,
            });
        }
        for ((part, wanted), number) in placed.parts.iter().zip(&leaf.parts).zip(0_u64..) {
            let excused = wanted.part_type == PartType::Personal && erased.contains(&(leaf.index, number));
            ensure(part.is_some() != excused, || match part {
                Some(_) => format!("part {number} of {} was erased and is here", leaf.index),
                None => format!("part {number} of {} is gone and nobody erased it", leaf.index),
            })?;
        }
        toy.rows(&placed, &mut inserts);
    }
    ensure(parts.is_empty(), || format!("parts of no entry: {:?}", parts.keys()))?;
    let wanted: Vec<Vec<Value>> = inserts.rows_of(&ROW).map(<[Value]>::to_vec).collect();
    let mut tx = store.snapshot().await.unwrap();
    let found = tx.range(&ROW, log.column(), 0, i64::MAX).await.unwrap();
    ensure(found == wanted, || "the registers' rows are not what the entries say".to_owned())?;
    Ok(())
}

fn ensure(good: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if good { Ok(()) } else { Err(what()) }
}
