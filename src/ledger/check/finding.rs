//! What an audit of the database finds, named by log, table, row and column.

use serde::Serialize;

use crate::kernel::{CentreId, LogId};
use crate::ledger::verify::{FirstBad, Report};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Weight {
    /// The database is not what the ledger says.
    Bad,
    /// Worth knowing, and harmless: it mends itself.
    Note,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub weight: Weight,
    /// The log's id.
    pub log: i64,
    /// The table.
    pub table: String,
    /// The row: `pos 7`, `size 12`, `level 0 n 3`.
    pub row: String,
    /// The column, or several where no one of them can be told apart.
    pub column: String,
    /// The entry's index in its tree, where it is one entry's.
    pub index: Option<u64>,
    /// In words.
    pub why: String,
}

impl Finding {
    /// One that is of no single entry.
    pub fn new(weight: Weight, log: LogId, table: &str, row: String, column: &str, why: &str) -> Self {
        Self {
            weight,
            log: log.column(),
            table: table.to_owned(),
            row,
            column: column.to_owned(),
            index: None,
            why: why.to_owned(),
        }
    }
}

/// One log's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogReport {
    /// The log's id.
    pub log: i64,
    /// Its centre, as it is stored.
    pub centre: String,
    /// As `audit verify` would say it.
    pub report: Report,
}

/// The verdict on a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// By log.
    pub logs: Vec<LogReport>,
    /// Everything that was found; the audit of results adds its own.
    pub findings: Vec<Finding>,
}

/// More findings than this are not kept one by one: 1,000 tell the story.
const KEPT: usize = 1_000;

/// Collects findings.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) kept: Vec<Finding>,
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        if self.kept.len() < KEPT && !self.kept.contains(&finding) {
            self.kept.push(finding);
        }
    }

    pub(super) fn bad(&mut self, log: LogId, table: &str, row: String, column: &str, why: &str) {
        self.weigh(Weight::Bad, log, table, row, column, why);
    }

    pub(super) fn note(&mut self, log: LogId, table: &str, row: String, column: &str, why: &str) {
        self.weigh(Weight::Note, log, table, row, column, why);
    }

    fn weigh(&mut self, weight: Weight, log: LogId, table: &str, row: String, column: &str, why: &str) {
        self.push(Finding::new(weight, log, table, row, column, why));
    }
}

impl CheckReport {
    /// Is there nothing that weighs?
    pub fn verified(&self) -> bool {
        self.findings.iter().all(|finding| finding.weight != Weight::Bad)
    }

    /// Adds what another audit found.
    pub fn extend(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
    }

    /// One verdict in the shape of `audit verify`: of the log when there is one, else sums, with the root of the
    /// deployment's log.
    pub fn report(&self) -> Report {
        let sum = |of: fn(&Report) -> u64| self.logs.iter().map(|log| of(&log.report)).sum();
        Report {
            verified: self.verified(),
            entries: sum(|report| report.entries),
            erased: sum(|report| report.erased),
            size: sum(|report| report.size),
            root: self.logs.first().map(|log| log.report.root.clone()).unwrap_or_default(),
            witnessed_until: self.logs.iter().filter_map(|log| log.report.witnessed_until).min(),
            first_bad: first_bad(&self.findings),
            withheld: 0,
        }
    }

    /// The verdict on one centre's log.
    pub fn of(&self, centre: &CentreId) -> Option<&LogReport> {
        self.logs.iter().find(|log| log.centre == centre.as_str())
    }
}

/// The first by log and index; what is no single entry's comes after the entries.
pub(super) fn first_bad(findings: &[Finding]) -> Option<FirstBad> {
    let bad = findings.iter().filter(|finding| finding.weight == Weight::Bad);
    let first = bad.min_by_key(|finding| (finding.log, finding.index.is_none(), finding.index))?;
    let field = format!("{}.{}", first.table, first.column);
    Some(FirstBad { index: first.index, field, why: format!("{}: {}", first.row, first.why) })
}
