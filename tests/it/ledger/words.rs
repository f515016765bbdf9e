//! The toy's commands and facts, and its two tables, which a test makes by direct SQL.

use std::collections::BTreeMap;

use qinlian::ledger::tables::PERSONAL_COLUMNS;
use qinlian::store::{Column, Kind, Table};
use serde::{Deserialize, Serialize};

/// What can be asked of the toy.
#[derive(Debug, Clone, Serialize)]
pub(super) enum Command {
    /// Sets a key.
    Put { key: String, value: Vec<u8> },
    /// Sets a key later than it happened, and says what it corrects.
    Correct { key: String, value: Vec<u8>, claimed_ms: i64, refers_to: u64 },
    /// Facts and a personal part.
    Note { key: String, personal: String },
    /// A numbered item of a device's journal, with a personal part.
    Item { device: String, journal: u64, seq: u64, personal: String },
    /// Accepted only when the key is set: refused today, accepted tomorrow.
    Needs { key: String },
    /// Erases personal parts.
    Erase { parts: Vec<(u64, u32)> },
    /// A rule that breaks.
    Panic { at: Broken },
    /// Never accepted.
    Refuse,
    /// A denial that is itself a fact: accepted, under another kind.
    Deny,
    /// A centre and its log.
    OpenCentre { code: String },
    /// A setting, in the deployment log; `passes = revoked` takes every pass away.
    Config { key: String, value: String },
    /// A read on record.
    Read { whose: String },
    /// Somebody vouches for the clock; `allowed` says whether the rules let them.
    AcceptClock { vouched_ms: i64, allowed: bool },
    /// Puts a text into a text column, whatever is in it.
    Raw { text: String },
}

/// Where a rule breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Broken {
    Admit,
    Rows,
    Apply,
}

/// What the facts part holds: JSON, since the toy has no protobuf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fact {
    pub(super) what: String,
    pub(super) key: String,
    pub(super) value: Vec<u8>,
    pub(super) principal: String,
    pub(super) deployment_size: u64,
    /// The settings under which it was admitted.
    pub(super) config: BTreeMap<String, String>,
    pub(super) slot: Option<(String, u64, u64)>,
    pub(super) erases: Vec<(u64, u32)>,
    /// 16 bytes that were minted for it.
    pub(super) minted: [u8; 16],
}

pub(super) const PUT: u16 = 0x0201;
pub(super) const CONFLICT: u16 = 0x0006;
pub(super) const DENIED: u16 = 0x0207;

/// Every fact, append-only. A taken journal place names itself; the record of a conflict takes none.
pub(super) static ROW: Table = Table::new(
    "toy_row",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("what", Kind::Text),
        Column::public("key", Kind::Text),
        Column::public("value", Kind::Blob),
        Column::public("device", Kind::Text),
        Column::public("journal", Kind::Int),
        Column::public("seq", Kind::Int),
        Column::public("request_id", Kind::Blob),
    ],
);

/// Personal parts.
pub(super) static PERSONAL: Table = Table::new("toy_personal", PERSONAL_COLUMNS);

/// How a test makes the toy's tables: (on SQLite, on PostgreSQL).
pub(super) const SCHEMA: (&str, &str) = (
    "CREATE TABLE IF NOT EXISTS toy_row (log_id INTEGER NOT NULL, pos INTEGER NOT NULL, what TEXT NOT NULL, \
     key TEXT NOT NULL, value BLOB NOT NULL, device TEXT, journal INTEGER, seq INTEGER, request_id BLOB NOT NULL, \
     PRIMARY KEY (log_id, pos), UNIQUE (log_id, device, journal, seq)) STRICT; \
     CREATE INDEX IF NOT EXISTS toy_key ON toy_row (log_id, key, pos); \
     CREATE TABLE IF NOT EXISTS toy_personal (log_id INTEGER NOT NULL, pos INTEGER NOT NULL, part INTEGER NOT NULL, \
     salt BLOB NOT NULL, payload BLOB NOT NULL, PRIMARY KEY (log_id, pos, part)) STRICT",
    "CREATE TABLE IF NOT EXISTS toy_row (log_id BIGINT NOT NULL, pos BIGINT NOT NULL, what TEXT COLLATE \"C\" NOT NULL, \
     key TEXT COLLATE \"C\" NOT NULL, value BYTEA NOT NULL, device TEXT COLLATE \"C\", journal BIGINT, seq BIGINT, \
     request_id BYTEA NOT NULL, PRIMARY KEY (log_id, pos), UNIQUE (log_id, device, journal, seq)); \
     CREATE INDEX IF NOT EXISTS toy_key ON toy_row (log_id, key, pos); \
     CREATE TABLE IF NOT EXISTS toy_personal (log_id BIGINT NOT NULL, pos BIGINT NOT NULL, part BIGINT NOT NULL, \
     salt BYTEA NOT NULL, payload BYTEA NOT NULL, PRIMARY KEY (log_id, pos, part))",
);
