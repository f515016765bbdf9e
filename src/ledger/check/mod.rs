//! The live database against the ledger: whatever was changed around the software is found, and named.
//!
//! Everything is read in one transaction, a tile's worth of entries at a time. Whose log it is and how far it goes comes
//! from seals; then every entry, its parts and its request are held against the leaf, the leaf against tiles, roots and
//! checkpoints, every register's rows against what the registers make of the entry; and the rows of each table are
//! counted, so that none is left over.
//!
//! What the database alone cannot show: that its tail was cut together with the head, or that all of it is an older
//! copy. For that this replica's anchor is asked, and for cosignatures what the witness client remembers.

mod entries;
mod finding;
mod hashes;
mod identity;
mod log;
mod marks;
mod rows;
mod strays;
mod truth;

use std::collections::{BTreeMap, BTreeSet};

use finding::Findings;
pub use finding::{CheckReport, Finding, LogReport, Weight};

use super::anchor::Anchor;
use super::head::StoredHead;
use super::keys::Keys;
use super::port::Rulebook;
use super::reader::Reader;
use super::tables;
use crate::kernel::LogId;
use crate::store::{Binds, Statement, StoreError, Table, Tx};
use crate::tlog::CosignatureKey;

static RAW_LOGS: Statement = Statement::new("SELECT log_id, centre FROM ledger_log ORDER BY log_id");

static RAW_EPOCHS: Statement =
    Statement::new("SELECT log_id, epoch, base, origin FROM ledger_epoch ORDER BY log_id, epoch");

static RAW_HEADS: Statement = Statement::new(
    "SELECT log_id, epoch, size, edge, root, last_ms, config_pos, seal FROM ledger_head ORDER BY log_id",
);

/// What the audit brings from outside the database.
#[derive(Debug, Clone, Copy)]
pub struct CheckOptions<'a> {
    /// The name that origins begin with.
    pub deployment: &'a str,
    /// What this replica saw last.
    pub anchor: Option<&'a Anchor>,
    /// What the witness client remembers ([`witnessed_key`] says under which names).
    pub witnessed: Option<&'a Anchor>,
    /// Witnesses, past ones too: a cosignature by nobody of them is a finding.
    pub witnesses: &'a [CosignatureKey],
}

/// The name under which the witness client remembers how far a witness has cosigned a log. Neither part holds a plus
/// (c2sp.org/signed-note, "Format"), and the file's lines have no room for a space.
pub fn witnessed_key(witness: &CosignatureKey, origin: &str) -> String {
    format!("{}+{origin}", witness.vkey().name())
}

/// The rows of the small tables, as they stand.
#[derive(Debug, Default)]
struct Named {
    centres: BTreeMap<i64, String>,
    epochs: BTreeMap<i64, Vec<EpochRow>>,
    heads: BTreeMap<i64, StoredHead>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct EpochRow {
    epoch: i64,
    base: i64,
    origin: String,
}

/// How many rows each log has in a table.
type Census = BTreeMap<&'static str, BTreeMap<i64, i64>>;

/// What every log's audit shares.
struct Audit<'a, R> {
    tx: Tx,
    keys: &'a Keys,
    rulebook: &'a R,
    options: &'a CheckOptions<'a>,
    found: Findings,
    census: Census,
}

/// Checks every log.
pub async fn check<R: Rulebook>(
    reader: &Reader,
    rulebook: &R,
    options: &CheckOptions<'_>,
) -> Result<CheckReport, StoreError> {
    let mut tx = reader.store().snapshot().await?;
    let named = named(&mut tx).await?;
    let mut census = Census::new();
    for table in all_tables(rulebook) {
        let rows = tx.fetch(table.census(), Binds::new(), |cells| Ok((cells.int()?, cells.int()?))).await?;
        census.insert(table.name, rows.into_iter().collect());
    }
    let mut audit = Audit { tx, keys: reader.keys(), rulebook, options, found: Findings::default(), census };
    let mut report = CheckReport::default();
    let logs: BTreeSet<i64> = named.centres.keys().chain(named.heads.keys()).copied().collect();
    for log in &logs {
        let before = audit.found.kept.len();
        let mut one = audit.log(LogId::from_column(*log), &named).await?;
        one.report.first_bad = finding::first_bad(audit.found.kept.get(before..).unwrap_or_default());
        one.report.verified = one.report.first_bad.is_none();
        report.logs.push(one);
    }
    audit.unknown_logs(&logs);
    audit.unknown_origins(&named);
    report.findings = audit.found.kept;
    Ok(report)
}

/// The ledger's tables and the registers'.
fn all_tables<R: Rulebook>(rulebook: &R) -> Vec<&'static Table> {
    let ledger: [&'static Table; 10] = [
        &tables::LOG,
        &tables::EPOCH,
        &tables::HEAD,
        &tables::ENTRY,
        &tables::PART,
        &tables::REQUEST,
        &tables::TILE,
        &tables::CHECKPOINT,
        &tables::SIGNATURE,
        &tables::COSIG,
    ];
    let registers = rulebook.tables().iter().chain(rulebook.personal_tables());
    ledger.into_iter().chain(registers.copied()).collect()
}

async fn named(tx: &mut Tx) -> Result<Named, StoreError> {
    let centres = tx.fetch(&RAW_LOGS, Binds::new(), |cells| Ok((cells.int()?, cells.text()?))).await?;
    let rows = tx
        .fetch(&RAW_EPOCHS, Binds::new(), |cells| {
            let log = cells.int()?;
            Ok((log, EpochRow { epoch: cells.int()?, base: cells.int()?, origin: cells.text()? }))
        })
        .await?;
    let mut epochs: BTreeMap<i64, Vec<EpochRow>> = BTreeMap::new();
    for (log, row) in rows {
        epochs.entry(log).or_default().push(row);
    }
    let heads = tx.fetch(&RAW_HEADS, Binds::new(), StoredHead::read).await?;
    let heads = heads.into_iter().map(|head| (head.log().column(), head)).collect();
    Ok(Named { centres: centres.into_iter().collect(), epochs, heads })
}

impl<R: Rulebook> Audit<'_, R> {
    /// Rows of logs that there are not.
    fn unknown_logs(&mut self, logs: &BTreeSet<i64>) {
        for (table, counts) in std::mem::take(&mut self.census) {
            for (log, count) in counts.into_iter().filter(|(log, _)| !logs.contains(log)) {
                let why = format!("{count} rows of a log that there is not");
                self.found.bad(LogId::from_column(log), table, format!("log_id {log}"), "log_id", &why);
            }
        }
    }

    /// Logs that this replica saw, and that are gone.
    fn unknown_origins(&mut self, named: &Named) {
        let Some(anchor) = self.options.anchor else { return };
        let known: BTreeSet<&str> = named.epochs.values().flatten().map(|row| row.origin.as_str()).collect();
        for origin in anchor.origins() {
            if !known.contains(origin.as_str()) {
                let why = "this replica saw the log, and it is gone: an older copy of the database";
                self.found.bad(LogId::DEPLOYMENT, "ledger_epoch", format!("origin {origin}"), "origin", why);
            }
        }
    }
}
