//! The ledger's tables. No column exists that no leaf, seal or signature covers.

use crate::store::{Column, Kind, Table};

/// One row per log, for ever.
pub static LOG: Table =
    Table::new("ledger_log", &[Column::public("log_id", Kind::Int), Column::public("centre", Kind::Text)]);

/// One row per epoch of a log: an entry's position is the epoch's base plus its index in that epoch's tree.
pub static EPOCH: Table = Table::new(
    "ledger_epoch",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("epoch", Kind::Int),
        Column::public("base", Kind::Int),
        Column::public("origin", Kind::Text),
    ],
);

/// The head of a log, sealed over every other column.
pub static HEAD: Table = Table::new(
    "ledger_head",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("epoch", Kind::Int),
        Column::public("size", Kind::Int),
        Column::public("edge", Kind::Blob),
        Column::public("root", Kind::Blob),
        Column::public("last_ms", Kind::Int),
        Column::public("config_pos", Kind::Int),
        Column::public("seal", Kind::Blob),
    ],
);

/// Leaves.
pub static ENTRY: Table = Table::new(
    "ledger_entry",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("kind", Kind::Int),
        Column::pseudonymous("leaf", Kind::Blob),
        Column::public("leaf_hash", Kind::Blob),
    ],
);

/// Facts parts, verbatim.
pub static PART: Table = Table::new(
    "ledger_part",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("part", Kind::Int),
        Column::public("salt", Kind::Blob),
        Column::pseudonymous("payload", Kind::Blob),
    ],
);

/// Which command became which entry.
pub static REQUEST: Table = Table::new(
    "ledger_request",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("request_id", Kind::Blob),
        Column::pseudonymous("principal", Kind::Text),
        Column::public("kind", Kind::Int),
        Column::pseudonymous("digest", Kind::Blob),
        Column::public("pos", Kind::Int),
        Column::public("seal", Kind::Blob),
    ],
);

/// Full tiles only.
pub static TILE: Table = Table::new(
    "ledger_tile",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("epoch", Kind::Int),
        Column::public("level", Kind::Int),
        Column::public("n", Kind::Int),
        Column::public("hashes", Kind::Blob),
    ],
);

/// One row per commit and log; every one is kept.
pub static CHECKPOINT: Table = Table::new(
    "ledger_checkpoint",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("epoch", Kind::Int),
        Column::public("size", Kind::Int),
        Column::public("root", Kind::Blob),
        Column::public("seal", Kind::Blob),
    ],
);

/// Our own signatures; always made again when one is missing.
pub static SIGNATURE: Table = Table::idempotent(
    "ledger_signature",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("epoch", Kind::Int),
        Column::public("size", Kind::Int),
        Column::public("key_id", Kind::Blob),
        Column::public("sig", Kind::Blob),
    ],
);

/// Witnesses' cosignatures; their time is inside what is signed.
pub static COSIG: Table = Table::idempotent(
    "ledger_cosig",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("epoch", Kind::Int),
        Column::public("size", Kind::Int),
        Column::public("key_id", Kind::Blob),
        Column::public("cosigned_ms", Kind::Int),
        Column::public("sig", Kind::Blob),
    ],
);

/// The columns of every `<register>_personal` table.
pub const PERSONAL_COLUMNS: &[Column] = &[
    Column::public("log_id", Kind::Int),
    Column::public("pos", Kind::Int),
    Column::public("part", Kind::Int),
    Column::public("salt", Kind::Blob),
    Column::personal("payload", Kind::Blob),
];
