//! Erasure: personal parts leave the database; that they were there, and who took them away, stays.
//!
//! In the transaction of the ERASE entry the payload and its salt are deleted and the digest of the command is set to
//! nothing. The list beside the anchor survives a restored older copy of the database, which lacks the entry too:
//! start-up deletes what the list names before anything is served. A line is written before COMMIT and names the ERASE
//! entry, so that a line whose COMMIT failed is told apart: its log never had that entry (see [`Listed::is_due`]).
//! Lines name positions, which go on from epoch to epoch, and the epoch of the ERASE entry.

use std::collections::BTreeSet;
use std::fmt::Write as _;
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
    /// The origin of the epoch that the ERASE entry is in.
    pub origin: String,
    /// The base of that epoch.
    pub base: Pos,
    /// The ERASE entry.
    pub by: Pos,
    /// The parts, by position: in that epoch or in an earlier one.
    pub parts: Vec<PartAt>,
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The part that was erased.
    pub part: PartAt,
    /// The ERASE entry.
    pub by: Pos,
    /// The base of its epoch.
    pub base: Pos,
    /// The origin of its epoch.
    pub origin: String,
}

/// What a log has where a line says that its ERASE entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// An entry that erases.
    Erase,
    /// Another entry: the COMMIT of the line failed.
    Other,
    /// Nothing: an older copy, or the COMMIT failed and nothing came after.
    Nothing,
}

impl Listed {
    /// Is the erasure to be carried out again? `anchored` is the size of the line's epoch that this replica saw, and
    /// `end` the position where that epoch was given up, if it was: what came after is another history.
    pub fn is_due(&self, found: Found, anchored: u64, end: Option<Pos>) -> bool {
        if end.is_some_and(|end| self.part.pos >= end) {
            return false;
        }
        match found {
            Found::Erase if end.is_none_or(|end| self.by < end) => true,
            Found::Other if end.is_none_or(|end| self.by < end) => false,
            Found::Erase | Found::Other | Found::Nothing => self.by.get() < self.base.get() + anchored,
        }
    }
}

/// The requests whose digest has to go. No index leads from an entry to its request, but its leaf names it: bytes 29 to
/// 45 of the envelope (`leaf`), and SQL counts from 1.
static REQUESTS_AT: Statement = Statement::new(
    "SELECT r.request_id, r.principal, r.kind, r.pos, r.digest, r.seal FROM ledger_entry e \
     JOIN ledger_request r ON r.log_id = e.log_id AND r.request_id = substr(e.leaf, 30, 16) AND r.pos = e.pos \
     WHERE e.log_id = $1 AND e.pos = ANY($2::bigint[])",
);

static FORGET_DIGEST: Statement = Statement::new(
    "UPDATE ledger_request SET digest = NULL, seal = $3 WHERE log_id = $1 AND request_id = $2",
);

/// Deletes the parts, their salts, and the digests of their commands.
pub(super) async fn delete(
    tx: &mut Tx,
    keys: &Keys,
    tables: &'static [&'static Table],
    log_id: LogId,
    parts: &[PartAt],
) -> Result<(), StoreError> {
    let log = log_id.column();
    let positions: BTreeSet<i64> = parts.iter().map(|part| part.pos.column()).collect();
    for table in tables {
        let keys = KeySet::ints(parts.iter().map(|part| part.pos.column()))
            .and_ints(parts.iter().map(|part| i64::from(part.part)));
        tx.execute(table.delete_parts(), Binds::new().and(log).keys(keys)).await?;
    }
    let binds = Binds::new().and(log).keys(KeySet::ints(positions.iter().copied()));
    let requests = tx
        .fetch(&REQUESTS_AT, binds, |cells| {
            let id = RequestId::from_bytes(cells.array("ledger_request", "request_id")?);
            Ok((id, cells.text()?, cells.int()?, cells.int()?, cells.opt_blob()?, cells.blob()?))
        })
        .await?;
    for (id, principal, kind, pos, digest, old) in requests {
        let (Ok(kind), Some(pos)) = (u16::try_from(kind), Pos::from_column(pos)) else {
            return Err(StoreError::Inconsistent { table: "ledger_request", column: "kind" });
        };
        let digest = digest.and_then(|digest| <[u8; 32]>::try_from(digest).ok());
        let ours = request_seal(keys, log_id, id, &principal, kind, digest.as_ref(), pos);
        // A row that was changed around the software loses its digest like any other, but never gets a good seal.
        let seal = if old == ours {
            request_seal(keys, log_id, id, &principal, kind, None, pos).to_vec()
        } else {
            old
        };
        tx.execute(&FORGET_DIGEST, Binds::new().and(log).and(id.to_bytes()).and(seal)).await?;
    }
    Ok(())
}

/// The list of everything ever erased: a line `<position> <part> <ERASE entry> <base of its epoch> <origin>` each, in a
/// file beside the anchor.
#[derive(Debug)]
pub struct Erasures {
    file: Option<Mutex<Tail>>,
    listed: Vec<Listed>,
}

/// The end of the file.
#[derive(Debug)]
struct Tail {
    file: File,
    /// Does it end in the middle of a line?
    torn: bool,
}

impl Erasures {
    /// No list: for tests, and where there is no volume.
    pub fn in_memory() -> Self {
        Self { file: None, listed: Vec::new() }
    }

    /// Opens the list, or begins one.
    pub fn open(path: &Path) -> io::Result<Self> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        // A line without an end was cut short before its COMMIT, so nothing was erased by it.
        let listed = String::from_utf8_lossy(&bytes)
            .split_inclusive('\n')
            .filter_map(|line| parse(line.strip_suffix('\n')?))
            .collect();
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let torn = bytes.last().is_some_and(|last| *last != b'\n');
        Ok(Self { file: Some(Mutex::new(Tail { file, torn })), listed })
    }

    /// What was listed when the list was opened.
    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// Adds to the list, and forces it to the disk.
    pub(super) fn append(&self, erased: &[Erased]) -> io::Result<()> {
        let Some(file) = self.file.as_ref().filter(|_| !erased.is_empty()) else { return Ok(()) };
        let mut tail = file.lock().unwrap_or_else(PoisonError::into_inner);
        // What a failed write or a power cut left behind must neither become a line nor swallow the first of these.
        let mut text = String::from(if tail.torn { CUT } else { "" });
        for of in erased {
            for part in &of.parts {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{} {} {} {} {}", part.pos, part.part, of.by, of.base, of.origin);
            }
        }
        tail.torn = true;
        tail.file.write_all(text.as_bytes())?;
        tail.torn = false;
        tail.file.sync_data()
    }
}

/// Ends a line that was cut short so that it is none: no origin holds a space.
const CUT: &str = " cut\n";

fn parse(line: &str) -> Option<Listed> {
    let mut fields = line.splitn(5, ' ');
    let mut position = || Some(Pos::new(fields.next()?.parse().ok()?));
    let pos = position()?;
    let part = u32::try_from(position()?.get()).ok()?;
    let (by, base) = (position()?, position()?);
    let origin = fields.next().filter(|origin| !origin.is_empty() && !origin.contains(' '))?.to_owned();
    Some(Listed { part: PartAt { pos, part }, by, base, origin })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(pos: u64) -> Listed {
        parse(&format!("{pos} 1 120 100 x/centre/hall/2")).unwrap()
    }

    #[test]
    fn an_erasure_is_repeated_unless_its_commit_failed_or_the_entry_is_of_another_history() {
        for (case, pos, found, anchored, end, due) in [
            ("the entry stands", 107, Found::Erase, 30, None, true),
            ("another entry stands there: the commit failed", 107, Found::Other, 30, None, false),
            ("a restored older copy", 107, Found::Nothing, 30, None, true),
            ("the commit failed and nothing came after", 107, Found::Nothing, 20, None, false),
            ("a part of an earlier epoch", 7, Found::Erase, 30, None, true),
            ("the epoch was given up after it", 107, Found::Erase, 30, Some(125), true),
            ("the ERASE entry was lost with the end of its epoch", 107, Found::Other, 30, Some(115), true),
            ("so was the entry whose part it erased", 107, Found::Other, 30, Some(105), false),
        ] {
            assert_eq!(listed(pos).is_due(found, anchored, end.map(Pos::new)), due, "{case}");
        }
        assert_eq!(parse("7 1 20 0 "), None);
        assert_eq!(parse("7 1 20 0"), None);
    }

    #[test]
    fn a_line_that_was_cut_short_counts_for_nothing_and_swallows_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("erasures");
        let one = Erased {
            log: LogId::from_column(1),
            origin: "x/centre/hall".to_owned(),
            base: Pos::ZERO,
            by: Pos::new(9),
            parts: vec![PartAt { pos: Pos::new(3), part: 1 }],
        };
        Erasures::open(&path).unwrap().append(std::slice::from_ref(&one)).unwrap();
        for cut in ["4 1 10 0 x/cen", "4 1 10 0 x/centre/hall", "4 1", "\u{0}\u{0}"] {
            let good = fs::read(&path).unwrap();
            fs::write(&path, [good.as_slice(), cut.as_bytes()].concat()).unwrap();
            let before = Erasures::open(&path).unwrap();
            before.append(std::slice::from_ref(&one)).unwrap();
            let after = Erasures::open(&path).unwrap();
            assert_eq!(after.listed().len(), before.listed().len() + 1, "{cut:?}");
            assert!(before.listed().iter().all(|line| line.part.pos.get() == 3), "{cut:?}");
            fs::write(&path, good).unwrap();
        }
    }
}
