//! Parts, requests and the registers' rows of a tile's worth of entries.

use std::collections::{BTreeSet, HashMap};

use super::log::{Chunk, Position};
use super::{Audit, rows};
use crate::kernel::{Pos, RequestId};
use crate::ledger::batch::request_seal;
use crate::ledger::bundle::PartHere;
use crate::ledger::leaf::{Leaf, PartType};
use crate::ledger::part::{Salt, commit};
use crate::ledger::port::{DraftPart, Placed, Rulebook};
use crate::ledger::tables;
use crate::store::{Binds, Inserts, Keys as KeySet, Statement, StoreError, Table, Value};

static REQUEST_ROWS: Statement = Statement::new(
    "SELECT request_id, principal, kind, digest, pos, seal FROM ledger_request \
     WHERE (log_id, request_id) IN (SELECT * FROM UNNEST($1::bigint[], $2::bytea[]))",
);

/// A part's row.
type PartRow = ([u8; 32], Vec<u8>);

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

impl<R: Rulebook> Audit<'_, R> {
    /// Parts, requests and the registers' rows.
    pub(super) async fn entries(&mut self, at: &mut Position, chunk: &Chunk<'_>) -> Result<(), StoreError> {
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
}
