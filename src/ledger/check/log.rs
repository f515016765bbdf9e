//! One log: every entry with everything that stands for it, 256 at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::finding::{Finding, LogReport, Weight};
use super::identity::Identity;
use super::marks::{self, Sealed};
use super::truth::{Three, settle};
use super::{Audit, Named, rows, witnessed_key};
use crate::kernel::{EpochMs, LogId, Pos, RequestId};
use crate::ledger::batch::request_seal;
use crate::ledger::bundle::PartHere;
use crate::ledger::leaf::{Leaf, PartType};
use crate::ledger::part::{Salt, commit};
use crate::ledger::port::{DraftPart, Placed, Rulebook};
use crate::ledger::reader::Epoch;
use crate::ledger::verify::Report;
use crate::ledger::verify::tree::{Due, Tree};
use crate::ledger::walk::{Flaw, Walk};
use crate::ledger::{tables, tiles};
use crate::store::{Binds, Inserts, Keys as KeySet, Statement, StoreError, Table, Value};
use crate::tlog::{Edge, Hash, Tile, leaf_hash};

/// Entries per tile (c2sp.org/tlog-tiles).
const WIDTH: u64 = 256;

static REQUEST_ROWS: Statement = Statement::new(
    "SELECT request_id, principal, kind, digest, pos, seal FROM ledger_request \
     WHERE (log_id, request_id) IN (SELECT * FROM UNNEST($1::bigint[], $2::bytea[]))",
);

/// How far the audit of a log has got.
#[derive(Debug, Default)]
pub(super) struct Position {
    pub(super) walk: Walk,
    /// Rows that belong to the log, by table.
    pub(super) seen: BTreeMap<&'static str, i64>,
    /// Sizes that each witness cosigned.
    pub(super) cosigned: BTreeMap<String, BTreeSet<u64>>,
    bases: Vec<u64>,
    entries: u64,
    last: EpochMs,
    /// The newest size with a checkpoint row.
    boundary: u64,
    /// The newest size whose root was right.
    good: u64,
    /// A root was wrong: those after it are wrong because of it.
    lost: bool,
    root_at_anchor: Option<Hash>,
}

impl Position {
    pub(super) fn seen(&mut self, table: &'static str, rows: usize) {
        *self.seen.entry(table).or_default() += i64::try_from(rows).unwrap_or(i64::MAX);
    }

    fn index(&self, pos: Pos) -> u64 {
        pos.get() - self.bases.iter().rev().find(|base| **base <= pos.get()).copied().unwrap_or(0)
    }
}

/// An entry's row.
#[derive(Debug, Clone, Default)]
struct EntryRow {
    kind: i64,
    leaf: Vec<u8>,
    hash: Option<Hash>,
}

/// A part's row.
type PartRow = ([u8; 32], Vec<u8>);

/// A tile's worth of a log.
struct Chunk<'a> {
    log: LogId,
    epoch: &'a Epoch,
    from: u64,
    until: u64,
    rows: Vec<Option<EntryRow>>,
    leaves: Vec<Option<Leaf>>,
}

impl Chunk<'_> {
    fn pos(&self, index: u64) -> Pos {
        Pos::new(self.epoch.base.get() + index)
    }

    fn range(&self) -> (i64, i64) {
        (self.pos(self.from).column(), self.pos(self.until).column())
    }
}

impl<R: Rulebook> Audit<'_, R> {
    /// Checks one log.
    pub(super) async fn log(&mut self, log: LogId, named: &Named) -> Result<LogReport, StoreError> {
        let centre = named.centres.get(&log.column()).cloned().unwrap_or_default();
        let mut at = Position::default();
        let Some(identity) = self.identity(log, named).await? else {
            self.left_over(log, &at, &[]).await?;
            return Ok(LogReport { log: log.column(), centre, report: report(&at, 0, &Edge::new()) });
        };
        at.bases = identity.epochs.iter().map(|(epoch, _)| epoch.base.get()).collect();
        let mut edge = Edge::new();
        for (epoch, size) in &identity.epochs {
            edge = self.epoch(&mut at, log, epoch, *size).await?;
        }
        at.walk.finish();
        self.flaws(&mut at, log);
        self.head(&at, log, &identity, &edge);
        self.left_over(log, &at, &identity.epochs).await?;
        let size = identity.epochs.last().map_or(0, |(_, size)| *size);
        Ok(LogReport { log: log.column(), centre, report: report(&at, size, &edge) })
    }

    async fn epoch(
        &mut self,
        at: &mut Position,
        log: LogId,
        epoch: &Epoch,
        size: u64,
    ) -> Result<Edge, StoreError> {
        at.walk.begin(epoch.base);
        (at.boundary, at.good, at.lost, at.root_at_anchor) = (u64::MAX, 0, false, None);
        let mut tree = Tree::new(Vec::new());
        for n in 0..size.div_ceil(WIDTH).max(1) {
            self.chunk(at, log, epoch, &mut tree, (n * WIDTH, size.min((n + 1) * WIDTH))).await?;
        }
        if at.boundary != size {
            let why = "every commit has a checkpoint, and the newest has none";
            self.found.bad(log, "ledger_checkpoint", marks::row(epoch, size), "*", why);
        }
        self.anchored(at, log, epoch, size);
        Ok(tree.edge().clone())
    }

    async fn chunk(
        &mut self,
        at: &mut Position,
        log: LogId,
        epoch: &Epoch,
        tree: &mut Tree,
        (from, until): (u64, u64),
    ) -> Result<(), StoreError> {
        let mut chunk = Chunk { log, epoch, from, until, rows: Vec::new(), leaves: Vec::new() };
        self.entry_rows(at, &mut chunk).await?;
        let sizes = (if from == 0 { 0 } else { from + 1 }, until);
        let sealed = self.checkpoints(at, log, epoch, sizes).await?;
        self.hashes(at, &chunk, tree, &sealed).await?;
        self.signatures(at, log, epoch, sizes, &sealed).await?;
        self.commits(at, &chunk, &sealed);
        self.entries(at, &chunk).await
    }

    async fn entry_rows(&mut self, at: &mut Position, chunk: &mut Chunk<'_>) -> Result<(), StoreError> {
        let (from, until) = chunk.range();
        let stored = self.tx.range(&tables::ENTRY, chunk.log.column(), from, until).await?;
        at.seen("ledger_entry", stored.len());
        let mut by_pos: HashMap<i64, EntryRow> = HashMap::new();
        for row in stored {
            if let [_, Value::Int(pos), Value::Int(kind), Value::Blob(leaf), Value::Blob(hash)] =
                row.as_slice()
            {
                let hash = <[u8; 32]>::try_from(hash.as_slice()).ok().map(Hash);
                by_pos.insert(*pos, EntryRow { kind: *kind, leaf: leaf.clone(), hash });
            }
        }
        for index in chunk.from..chunk.until {
            let row = by_pos.remove(&chunk.pos(index).column());
            let leaf = row.as_ref().and_then(|row| at.walk.leaf(index, &row.leaf));
            match (&row, &leaf) {
                (None, _) => {
                    at.walk.disbelieve(index);
                    self.entry_bad("ledger_entry", chunk, index, "*", "the entry's row is missing");
                }
                (Some(row), Some(leaf)) if row.kind != i64::from(leaf.kind) => {
                    self.entry_bad("ledger_entry", chunk, index, "kind", "not the kind that the leaf names");
                }
                _ => {}
            }
            at.entries += u64::from(row.is_some());
            chunk.rows.push(row);
            chunk.leaves.push(leaf);
        }
        Ok(())
    }

    fn entry_bad(&mut self, table: &str, chunk: &Chunk<'_>, index: u64, column: &str, why: &str) {
        self.found.push(Finding {
            weight: Weight::Bad,
            log: chunk.log.column(),
            table: table.to_owned(),
            row: format!("pos {}", chunk.pos(index)),
            column: column.to_owned(),
            index: Some(index),
            why: why.to_owned(),
        });
    }

    /// The leaf, the column beside it and the tile agree, and give the root of every checkpoint.
    async fn hashes(
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
        if let Some(stored) = self.tile(at, chunk, level, tile.index, u64::from(tile.width)).await? {
            if let Some(slot) = stored.iter().zip(hashes).position(|(one, other)| one != other) {
                let span = 1_u64.checked_shl(u32::from(level) * 8).unwrap_or(u64::MAX);
                let first = tile.index.saturating_mul(WIDTH) + u64::try_from(slot).unwrap_or(0);
                let (row, index) = (tile_row(chunk.epoch, level, tile.index), first.saturating_mul(span));
                self.tile_bad(chunk, row, index, "hashes", "another hash than the tile below it gives");
            }
        }
        Ok(())
    }

    /// All entries of one commit have one time: where it changes, there was a checkpoint.
    fn commits(&mut self, at: &mut Position, chunk: &Chunk<'_>, sealed: &Sealed) {
        for (index, leaf) in (chunk.from..).zip(&chunk.leaves) {
            if sealed.contains_key(&index) {
                at.boundary = index;
            }
            let Some(leaf) = leaf else { continue };
            if index > 0 && leaf.recorded > at.last && at.boundary != index {
                let why = "another commit begins here, and the checkpoint before it is missing";
                self.found.bad(chunk.log, "ledger_checkpoint", marks::row(chunk.epoch, index), "*", why);
            }
            at.last = at.last.max(leaf.recorded);
        }
        if sealed.contains_key(&chunk.until) {
            at.boundary = chunk.until;
        }
    }

    /// Parts, requests and the registers' rows.
    async fn entries(&mut self, at: &mut Position, chunk: &Chunk<'_>) -> Result<(), StoreError> {
        let (from, until) = chunk.range();
        let log = chunk.log.column();
        let facts = self.tx.range(&tables::PART, log, from, until).await?;
        at.seen("ledger_part", facts.len());
        let mut personal: Vec<(&'static Table, Vec<Vec<Value>>)> = Vec::new();
        for table in self.rulebook.personal_tables() {
            let rows = self.tx.range(table, log, from, until).await?;
            at.seen(table.name, rows.len());
            personal.push((table, rows));
        }
        let mut parts = self.facts_rows(chunk, facts);
        for row in personal.iter().flat_map(|(_, rows)| rows) {
            if let Some((place, part)) = part_row(row).filter(|((_, part), _)| *part > 0) {
                parts.entry(place).or_insert(part);
            }
        }
        let mut requests = self.requests(at, chunk).await?;
        let mut expected = Inserts::new();
        let mut placed = BTreeSet::new();
        for (index, leaf) in (chunk.from..).zip(&chunk.leaves) {
            let Some(leaf) = leaf else { continue };
            let request = requests.remove(&leaf.request_id);
            let digest = self.request(chunk, index, leaf, request);
            if self.place(at, chunk, (index, leaf), &parts, digest, &mut expected) {
                placed.insert(chunk.pos(index).column());
            }
        }
        for table in self.rulebook.tables() {
            let rows = self.tx.range(table, log, from, until).await?;
            at.seen(table.name, rows.len());
            personal.push((table, rows));
        }
        let base = chunk.epoch.base.column();
        for (table, rows) in personal {
            let found = &mut self.found;
            let comparable = |pos: i64| placed.contains(&pos);
            rows::compare(chunk.log, table, base, &expected, rows, comparable, &mut |f| found.push(f));
        }
        self.flaws(at, chunk.log);
        Ok(())
    }

    /// The facts parts; a row that is no entry's facts part is named.
    fn facts_rows(&mut self, chunk: &Chunk<'_>, rows: Vec<Vec<Value>>) -> HashMap<(i64, i64), PartRow> {
        let mut parts = HashMap::with_capacity(rows.len());
        for row in rows {
            let Some(((pos, number), part)) = part_row(&row) else { continue };
            if number == 0 {
                parts.insert((pos, number), part);
            } else {
                let index = pos.cast_unsigned() - chunk.epoch.base.get();
                self.entry_bad("ledger_part", chunk, index, "part", "a row that no entry makes");
            }
        }
        parts
    }

    /// Holds the parts against the leaf, and makes of them what the registers make; false when that cannot be done.
    fn place(
        &mut self,
        at: &mut Position,
        chunk: &Chunk<'_>,
        (index, leaf): (u64, &Leaf),
        parts: &HashMap<(i64, i64), PartRow>,
        digest: Option<[u8; 32]>,
        expected: &mut Inserts,
    ) -> bool {
        let pos = chunk.pos(index);
        let numbers = 0..i64::try_from(leaf.parts.len()).unwrap_or_default();
        let stored: Vec<Option<&PartRow>> = numbers.map(|part| parts.get(&(pos.column(), part))).collect();
        let here: Vec<PartHere<'_>> = stored
            .iter()
            .map(|part| {
                part.map_or(PartHere::Gone, |(salt, payload)| PartHere::Here { salt: *salt, payload })
            })
            .collect();
        at.walk.parts(index, leaf, &here, digest.is_some());
        let (Some(Some((salt, payload))), Some(committed)) = (stored.first(), leaf.parts.first()) else {
            return false;
        };
        let opened = commit(&Salt(*salt), committed.part_type, committed.schema, payload);
        if opened != *committed || committed.part_type != PartType::Facts {
            return false;
        }
        let recalled = self.rulebook.recall(leaf.kind, payload);
        let said = recalled.as_ref().map(|said| (said.erases.clone(), said.deployment_size));
        at.walk.facts(index, leaf, self.rulebook.kind_code(leaf.kind).is_some(), said.as_ref());
        let Some(recalled) = recalled else { return false };
        let parts = leaf.parts.iter().zip(&stored).map(|(committed, part)| {
            part.map(|(salt, payload)| {
                let (part_type, schema) = (committed.part_type, committed.schema);
                (Salt(*salt), DraftPart { part_type, schema, payload: payload.clone() })
            })
        });
        let placed = Placed {
            log: chunk.log,
            pos,
            recorded: leaf.recorded,
            request_id: leaf.request_id,
            digest,
            parts: parts.collect(),
            detail: recalled.detail,
        };
        self.rulebook.rows(&placed, expected);
        true
    }

    async fn requests(
        &mut self,
        at: &mut Position,
        chunk: &Chunk<'_>,
    ) -> Result<HashMap<RequestId, RequestRow>, StoreError> {
        let ids = chunk.leaves.iter().flatten().map(|leaf| leaf.request_id.to_bytes().to_vec());
        let (logs, ids): (Vec<i64>, Vec<Vec<u8>>) = ids.map(|id| (chunk.log.column(), id)).unzip();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let binds = Binds::new().keys(KeySet::ints(logs).and_blobs(ids));
        let rows = self
            .tx
            .fetch(&REQUEST_ROWS, binds, |cells| {
                let id = RequestId::from_bytes(cells.array("ledger_request", "request_id")?);
                let (principal, kind, digest) = (cells.text()?, cells.int()?, cells.opt_blob()?);
                let row = RequestRow { principal, kind, digest, pos: cells.int()?, seal: cells.blob()? };
                Ok((id, row))
            })
            .await?;
        at.seen("ledger_request", rows.len());
        Ok(rows.into_iter().collect())
    }

    /// The row that recognises the command again; answers with its digest.
    fn request(
        &mut self,
        chunk: &Chunk<'_>,
        index: u64,
        leaf: &Leaf,
        row: Option<RequestRow>,
    ) -> Option<[u8; 32]> {
        let Some(row) = row else {
            self.entry_bad("ledger_request", chunk, index, "*", "the entry's request is missing");
            return None;
        };
        let digest = row.digest.as_deref().and_then(|digest| <[u8; 32]>::try_from(digest).ok());
        let pos = chunk.pos(index);
        let seals = |kind: i64, pos: Pos| {
            u16::try_from(kind).is_ok_and(|kind| {
                let id = leaf.request_id;
                let ours = request_seal(self.keys, chunk.log, id, &row.principal, kind, digest.as_ref(), pos);
                row.seal == ours && digest.is_some() == row.digest.is_some()
            })
        };
        let stored = Pos::from_column(row.pos).unwrap_or(Pos::new(u64::MAX));
        let column = if seals(row.kind, stored) {
            if stored == pos { None } else { Some("request_id, pos") }
        } else if seals(row.kind, pos) {
            Some("pos")
        } else if seals(i64::from(leaf.kind), stored) {
            Some("kind")
        } else {
            Some("request_id, principal, kind, digest, seal")
        };
        if let Some(column) = column {
            self.entry_bad("ledger_request", chunk, index, column, "the seal is not the seal of the row");
        }
        digest
    }

    /// What the walk found, by the tables that it comes from.
    fn flaws(&mut self, at: &mut Position, log: LogId) {
        for (pos, flaw) in at.walk.take() {
            let index = at.index(pos);
            let (table, column) = match &flaw {
                Flaw::Leaf(_) | Flaw::Index(_) | Flaw::Recorded(_) | Flaw::RequestId => {
                    ("ledger_entry".to_owned(), "leaf")
                }
                Flaw::Part(0) => ("ledger_part".to_owned(), "salt, payload"),
                Flaw::Destroyed(0) | Flaw::Resurrected { part: 0, .. } => ("ledger_part".to_owned(), "*"),
                Flaw::Part(_) => (self.personal_names(), "salt, payload"),
                Flaw::Destroyed(_) | Flaw::Resurrected { .. } => (self.personal_names(), "*"),
                Flaw::DigestKept => ("ledger_request".to_owned(), "digest"),
                Flaw::PartCount
                | Flaw::FactsWithheld
                | Flaw::Facts
                | Flaw::ErasesNothing(_)
                | Flaw::DeploymentSize(_) => ("ledger_part".to_owned(), "payload"),
            };
            self.found.push(Finding {
                weight: Weight::Bad,
                log: log.column(),
                table,
                row: format!("pos {pos}"),
                column: column.to_owned(),
                index: Some(index),
                why: flaw.why(),
            });
        }
    }

    /// A part that is gone may have stood in any of them.
    fn personal_names(&self) -> String {
        let names: Vec<&str> = self.rulebook.personal_tables().iter().map(|table| table.name).collect();
        names.join(", ")
    }

    /// Not behind what this replica saw, and the same history; and every cosignature that it remembers is there.
    fn anchored(&mut self, at: &Position, log: LogId, epoch: &Epoch, size: u64) {
        let row = format!("log_id {log}");
        if let Some(seen) = self.options.anchor.and_then(|anchor| anchor.seen(&epoch.origin)) {
            if seen.size > size {
                let why = format!(
                    "this replica saw {} entries: the tail was cut, or it is an older copy",
                    seen.size
                );
                self.found.bad(log, "ledger_head", row.clone(), "size", &why);
            } else if seen.size > 0 && at.root_at_anchor != Some(seen.root) {
                let why = format!("another history than this replica saw at size {}", seen.size);
                self.found.bad(log, "ledger_head", row, "root", &why);
            }
        }
        let Some(remembered) = self.options.witnessed else { return };
        for witness in self.options.witnesses {
            let seen = remembered.seen(&witnessed_key(witness, &epoch.origin));
            let Some(seen) = seen.filter(|seen| seen.size > 0) else { continue };
            let there =
                at.cosigned.get(witness.vkey().name()).is_some_and(|sizes| sizes.contains(&seen.size));
            if !there {
                let why = format!("{} cosigned this size, and the row is missing", witness.vkey().name());
                self.found.bad(log, "ledger_cosig", marks::row(epoch, seen.size), "*", &why);
            }
        }
    }

    /// The head says what the entries say.
    fn head(&mut self, at: &Position, log: LogId, identity: &Identity, edge: &Edge) {
        let (Some(stored), Some((epoch, size))) = (&identity.stored, identity.epochs.last()) else { return };
        let row = format!("log_id {log}");
        let columns = [
            ("epoch", stored.epoch != i64::from(epoch.epoch)),
            ("size", stored.size != Pos::new(*size).column()),
            ("edge", stored.edge != edge.to_bytes()),
            ("root", stored.root != edge.root().0),
            ("last_ms", stored.last_ms != at.walk.last().get()),
        ];
        let differing: Vec<&str> =
            columns.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
        if !differing.is_empty() && !at.lost {
            self.found.bad(log, "ledger_head", row, &differing.join(", "), "not what the entries say");
        } else if identity.head.is_none() {
            let why = format!("the seal is not the seal of the row, for the log of {}", identity.centre);
            self.found.bad(log, "ledger_head", row, "config_pos, seal", &why);
        }
    }
}

/// A row of `ledger_request`, without log and id.
struct RequestRow {
    principal: String,
    kind: i64,
    digest: Option<Vec<u8>>,
    pos: i64,
    seal: Vec<u8>,
}

fn part_row(row: &[Value]) -> Option<((i64, i64), PartRow)> {
    let [_, Value::Int(pos), Value::Int(part), Value::Blob(salt), Value::Blob(payload)] = row else {
        return None;
    };
    // A salt of another length opens nothing.
    let salt = <[u8; 32]>::try_from(salt.as_slice()).unwrap_or_default();
    Some(((*pos, *part), (salt, payload.clone())))
}

/// How a tile's row is named.
pub(super) fn tile_row(epoch: &Epoch, level: u8, n: u64) -> String {
    let tile = format!("level {level} n {n}");
    if epoch.epoch == 1 { tile } else { format!("epoch {} {tile}", epoch.epoch) }
}

fn report(at: &Position, size: u64, edge: &Edge) -> Report {
    Report {
        verified: true,
        entries: at.entries,
        erased: at.walk.erased(),
        size,
        root: edge.root().to_string(),
        witnessed_until: None,
        first_bad: None,
        withheld: 0,
    }
}
