//! Erasure: personal parts leave the database; that they were there, and who took them away, stays.
//!
//! In the transaction of the ERASE entry the payload and its salt are deleted and the digest of the command is set to
//! nothing. The list beside the anchor survives a restored older copy of the database, which lacks the entry too:
//! start-up deletes what the list names before anything is served. A line is written before COMMIT and names the ERASE
//! entry, so that a line whose COMMIT failed is told apart: its log never had that entry (see [`Listed::is_due`]).

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::batch::request_seal;
use super::keys::Keys;
use super::port::PartAt;
use crate::kernel::{LogId, Pos, RequestId};
use crate::store::{Binds, Keys as KeySet, Statement, StoreError, Table, Tx};

/// The kind of an entry that erases.
pub const ERASE_KIND: u16 = 0x0008;

/// Parts of one log that an entry erases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// The log.
    pub log: LogId,
    /// The origin of its epoch.
    pub origin: String,
    /// The base of its epoch.
    pub base: Pos,
    /// The ERASE entry.
    pub by: Pos,
    /// The parts, by position.
    pub parts: Vec<PartAt>,
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The entry whose part was erased, by its index.
    pub index: u64,
    /// The part.
    pub part: u32,
    /// The ERASE entry, by its index.
    pub by: u64,
    /// The origin of the epoch.
    pub origin: String,
}

impl Listed {
    /// Is the erasure to be carried out again? Yes if its ERASE entry stands in the log, and yes if the log is an older
    /// copy that lacks it (`anchored`, what this replica saw, lies beyond it). No if the COMMIT of the entry failed.
    pub fn is_due(&self, size: u64, anchored: u64, stands: bool) -> bool {
        if self.by < size { stands } else { self.by < anchored }
    }
}

/// The requests whose digest has to go.
static REQUESTS_AT: Statement = Statement::new(
    "SELECT r.request_id, r.principal, r.kind, r.pos FROM ledger_request r \
     WHERE r.log_id = $1 AND r.pos IN (SELECT * FROM UNNEST($2::bigint[]))",
);

static FORGET_DIGEST: Statement = Statement::new(
    "UPDATE ledger_request SET digest = NULL, seal = $3 WHERE log_id = $1 AND request_id = $2",
);

/// Deletes the parts, their salts, and the digests of their commands.
pub(super) async fn delete(
    tx: &mut Tx,
    keys: &Keys,
    tables: &'static [&'static Table],
    erased: &Erased,
) -> Result<(), StoreError> {
    let log = erased.log.column();
    let positions: BTreeSet<i64> = erased.parts.iter().map(|part| part.pos.column()).collect();
    for table in tables {
        let keys = KeySet::ints(erased.parts.iter().map(|part| part.pos.column()))
            .and_ints(erased.parts.iter().map(|part| i64::from(part.part)));
        tx.execute(table.delete_parts(), Binds::new().and(log).keys(keys)).await?;
    }
    let binds = Binds::new().and(log).keys(KeySet::ints(positions.iter().copied()));
    let requests = tx
        .fetch(&REQUESTS_AT, binds, |cells| {
            let id = RequestId::from_bytes(cells.array("ledger_request", "request_id")?);
            Ok((id, cells.text()?, cells.int()?, cells.int()?))
        })
        .await?;
    for (id, principal, kind, pos) in requests {
        let (Ok(kind), Some(pos)) = (u16::try_from(kind), Pos::from_column(pos)) else {
            return Err(StoreError::Inconsistent { table: "ledger_request", column: "kind" });
        };
        let seal = request_seal(keys, erased.log, id, &principal, kind, None, pos);
        tx.execute(&FORGET_DIGEST, Binds::new().and(log).and(id.to_bytes()).and(seal)).await?;
    }
    Ok(())
}

/// The list of everything ever erased: a line `<index> <part> <index of the ERASE entry> <origin>` each, in a file
/// beside the anchor.
#[derive(Debug)]
pub struct Erasures {
    file: Option<Mutex<File>>,
    listed: Vec<Listed>,
}

impl Erasures {
    /// No list: for tests, and where there is no volume.
    pub fn in_memory() -> Self {
        Self { file: None, listed: Vec::new() }
    }

    /// Opens the list, or begins one.
    pub fn open(path: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let listed = text.lines().filter_map(parse).collect();
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Some(Mutex::new(file)), listed })
    }

    /// What was listed when the list was opened.
    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// Adds to the list, and forces it to the disk.
    pub(super) fn append(&self, erased: &[Erased]) -> io::Result<()> {
        let Some(file) = self.file.as_ref().filter(|_| !erased.is_empty()) else { return Ok(()) };
        let mut text = String::new();
        for of in erased {
            let index = |pos: Pos| pos.get().saturating_sub(of.base.get());
            for part in &of.parts {
                text.push_str(&format!("{} {} {} {}\n", index(part.pos), part.part, index(of.by), of.origin));
            }
        }
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(text.as_bytes())?;
        file.sync_data()
    }
}

fn parse(line: &str) -> Option<Listed> {
    let mut fields = line.splitn(4, ' ');
    let index = fields.next()?.parse().ok()?;
    let part = fields.next()?.parse().ok()?;
    let by = fields.next()?.parse().ok()?;
    let origin = fields.next().filter(|origin| !origin.is_empty())?.to_owned();
    Some(Listed { index, part, by, origin })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erasure_is_repeated_unless_its_commit_failed() {
        let listed = parse("7 1 20 x/centre/hall").unwrap();
        assert_eq!((listed.index, listed.part, listed.origin.as_str()), (7, 1, "x/centre/hall"));
        for (case, size, anchored, stands, due) in [
            ("the entry stands", 30, 30, true, true),
            ("another entry stands there: the commit failed", 30, 30, false, false),
            ("a restored older copy", 10, 30, false, true),
            ("the commit failed and nothing came after", 20, 20, false, false),
        ] {
            assert_eq!(listed.is_due(size, anchored, stands), due, "{case}");
        }
        assert_eq!(parse("7 1 20 "), None);
    }
}
