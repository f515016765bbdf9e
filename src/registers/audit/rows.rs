//! The tables of the audit register.
use crate::kernel::{LogId, Pos};
use crate::ledger::tables::PERSONAL_COLUMNS;
use crate::proto::Fact;
use crate::store::{Inserts, Table};

/// Reads on record.
pub static DISCLOSURE: Table = Table::new("audit_disclosure", &[]);
/// Sessions that ended.
pub static DISCLOSURE_END: Table = Table::new("audit_disclosure_end", &[]);
/// Proposals to erase.
pub static ERASURE_REQUEST: Table = Table::new("audit_erasure_request", &[]);
/// Decisions.
pub static ERASURE_DECISION: Table = Table::new("audit_erasure_decision", &[]);
/// Versions of the rules.
pub static RULES: Table = Table::new("audit_rules", &[]);
/// Reasons in words.
pub static PERSONAL: Table = Table::new("audit_personal", PERSONAL_COLUMNS);

/// The rows of a fact.
pub fn insert(_log: LogId, _pos: Pos, _fact: &Fact, _inserts: &mut Inserts) {}

/// The newest version of the rules that a log is under, and the entry that says so.
pub async fn newest_rules(
    _tx: &mut crate::store::Tx,
    _log: LogId,
) -> Result<Option<(Pos, u32)>, crate::store::StoreError> {
    Ok(None)
}
