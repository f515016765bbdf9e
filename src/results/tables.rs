//! The results' three tables, and how a body is stored.

use super::Body;
use crate::store::{Cells, Column, Kind, StoreError, Table, Value};

/// How far each log is folded. Idempotent: several replicas may begin the same fold.
pub static HEAD: Table = Table::idempotent(
    "result_head",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("rules", Kind::Int),
        Column::public("feed", Kind::Int),
        Column::public("next_pos", Kind::Int),
        Column::public("deployment_pos", Kind::Int),
        Column::pseudonymous("after_key", Kind::Blob),
        Column::public("last_ms", Kind::Int),
        Column::public("due_ms", Kind::Int),
    ],
);

/// What waits for time or for a register's clock.
pub static WAIT: Table = Table::new(
    "result_wait",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("feed", Kind::Int),
        Column::public("room", Kind::Int),
        Column::pseudonymous("key", Kind::Blob),
        Column::pseudonymous("clock", Kind::Text),
        Column::public("threshold", Kind::Int),
    ],
);

/// Every revision of every result, in the order of its room.
pub static REVISION: Table = Table::new(
    "result_revision",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("feed", Kind::Int),
        Column::public("room", Kind::Int),
        Column::public("seq", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::pseudonymous("key", Kind::Blob),
        Column::public("revision", Kind::Int),
        Column::pseudonymous("content", Kind::Blob),
        Column::public("tombstone", Kind::Int),
        Column::public("kind", Kind::Int),
    ],
);

const CONTENT: i64 = 0;
const NOTHING: i64 = 1;
const ERASED: i64 = 2;

/// A body as its two columns.
pub(super) fn body_columns(body: Body) -> [Value; 2] {
    match body {
        Body::Content(bytes) => [bytes.into(), CONTENT.into()],
        Body::Nothing => [Value::Null, NOTHING.into()],
        Body::Erased => [Value::Null, ERASED.into()],
    }
}

/// A body from its two columns.
pub(super) fn read_body(cells: &mut Cells<'_>) -> Result<Body, StoreError> {
    match (cells.opt_blob()?, cells.int()?) {
        (Some(bytes), CONTENT) => Ok(Body::Content(bytes)),
        (None, NOTHING) => Ok(Body::Nothing),
        (None, ERASED) => Ok(Body::Erased),
        _ => Err(bad("result_revision", "tombstone")),
    }
}

pub(super) const fn bad(table: &'static str, column: &'static str) -> StoreError {
    StoreError::Inconsistent { table, column }
}
