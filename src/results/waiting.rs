//! What waits for clocks of a register, and for how long it has.

use super::{ClockName, Key, Room};
use crate::kernel::LogId;
use crate::store::{Binds, Statement, Store, StoreError};

/// Waits of one room for clocks of one family up to a threshold.
static WAITING: Statement = Statement::new(
    "SELECT w.clock, w.threshold, w.key FROM result_head h CROSS JOIN result_wait w \
     WHERE h.log_id = $1 AND w.log_id = $1 AND w.feed = h.feed AND w.clock >= $2 AND w.clock < $3 AND w.room = $4 \
     AND w.threshold <= $5 ORDER BY w.clock, w.threshold, w.key",
);

/// Every text, so that a test can prepare each on both databases.
pub(super) static STATEMENTS: &[&Statement] = &[&WAITING];

/// A key of a room that waits for a clock to reach a threshold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The clock.
    pub clock: ClockName,
    /// What it has to reach.
    pub threshold: i64,
    /// What waits.
    pub key: Key,
}

/// What waits in a room for any clock of a family (`coverage` of `coverage:hall-1`) to reach a threshold that is at most
/// `until`: by clock, then by threshold, then by key.
pub async fn waiting(
    store: &Store,
    log: LogId,
    room: Room,
    family: &str,
    until: i64,
) -> Result<Vec<Waiting>, StoreError> {
    // ';' is what comes after ':'.
    let binds = Binds::new()
        .and(log.column())
        .and(format!("{family}:"))
        .and(format!("{family};"))
        .and(room.column())
        .and(until);
    store
        .fetch(&WAITING, binds, |cells| {
            Ok(Waiting {
                clock: ClockName::new(cells.text()?),
                threshold: cells.int()?,
                key: Key { room, bytes: cells.blob()? },
            })
        })
        .await
}
