//! The tables of the attendance register.
use crate::kernel::{EpochMs, LogId, Pos, RequestId};
use crate::ledger::tables::PERSONAL_COLUMNS;
use crate::proto::Fact;
use crate::store::{Inserts, Table};

/// Places in devices' journals.
pub static JOURNAL: Table = Table::new("device_journal", &[]);
/// Punches.
pub static PUNCH: Table = Table::new("attendance_punch", &[]);
/// Coverage.
pub static COVERAGE: Table = Table::new("attendance_coverage", &[]);
/// Outages, begun and ended.
pub static OUTAGE: Table = Table::new("attendance_outage", &[]);
/// Imported files.
pub static IMPORT: Table = Table::new("attendance_import", &[]);
/// Credentials as read, reasons.
pub static PERSONAL: Table = Table::new("attendance_personal", PERSONAL_COLUMNS);

/// The rows of a fact.
pub fn insert(_log: LogId, _pos: Pos, _at: EpochMs, _id: RequestId, _fact: &Fact, _inserts: &mut Inserts) {}
