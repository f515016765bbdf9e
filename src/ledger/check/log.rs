//! One log: every entry with everything that stands for it, 256 at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::finding::{Finding, LogReport, Weight};
use super::identity::Identity;
use super::marks::{self, Sealed};
use super::{Audit, Named, witnessed_key};
use crate::kernel::{EpochMs, LogId, Pos};
use crate::ledger::leaf::Leaf;
use crate::ledger::port::Rulebook;
use crate::ledger::reader::Epoch;
use crate::ledger::tables;
use crate::ledger::verify::Report;
use crate::ledger::verify::tree::Tree;
use crate::ledger::walk::{Flaw, Walk};
use crate::store::{StoreError, Value};
use crate::tlog::{Edge, Hash};

/// Entries per tile (c2sp.org/tlog-tiles).
const WIDTH: u64 = 256;

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
    /// The size that the epoch ends with.
    pub(super) size: u64,
    /// The newest size with a checkpoint row.
    boundary: u64,
    /// The newest size whose root was right.
    pub(super) good: u64,
    /// A root was wrong: those after it are wrong because of it.
    pub(super) lost: bool,
    pub(super) root_at_anchor: Option<Hash>,
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
pub(super) struct EntryRow {
    pub(super) kind: i64,
    pub(super) leaf: Vec<u8>,
    pub(super) hash: Option<Hash>,
}

/// A tile's worth of a log.
pub(super) struct Chunk<'a> {
    pub(super) log: LogId,
    pub(super) epoch: &'a Epoch,
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) rows: Vec<Option<EntryRow>>,
    pub(super) leaves: Vec<Option<Leaf>>,
}

impl Chunk<'_> {
    pub(super) fn pos(&self, index: u64) -> Pos {
        Pos::new(self.epoch.base.get() + index)
    }

    pub(super) fn range(&self) -> (i64, i64) {
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
        at.size = size;
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

    pub(super) fn entry_bad(&mut self, table: &str, chunk: &Chunk<'_>, index: u64, column: &str, why: &str) {
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

    /// What the walk found, by the tables that it comes from.
    pub(super) fn flaws(&mut self, at: &mut Position, log: LogId) {
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
            if usize::try_from(epoch.epoch).is_ok_and(|number| number < at.bases.len()) {
                // The next epoch was begun deliberately, and its first entry says what was known and what was lost.
                if seen.size > size {
                    let why = format!("given up at {size} entries after a restore; {} were known", seen.size);
                    self.found.note(log, "ledger_epoch", format!("epoch {}", epoch.epoch), "*", &why);
                }
            } else if seen.size > size {
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
