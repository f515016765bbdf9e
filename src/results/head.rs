//! How far a log is folded: one row per log, taken by whoever folds.

use super::rows::Firing;
use super::tables::{HEAD, bad};
use super::{AsOf, Feed, Key, Room};
use crate::kernel::{EpochMs, LogId, Pos};
use crate::store::{Binds, Cells, Inserts, Statement, Store, StoreError, Tx};

static HEADS: Statement = Statement::new(
    "SELECT log_id, rules, feed, next_pos, deployment_pos, after_key, last_ms, due_ms FROM result_head \
     WHERE log_id >= $1 ORDER BY log_id",
);

static HEAD_OF: Statement = Statement::new(
    "SELECT log_id, rules, feed, next_pos, deployment_pos, after_key, last_ms, due_ms FROM result_head \
     WHERE log_id = $1",
);

/// Nothing when another replica folds the log just now.
static TAKE: Statement = Statement::new(
    "SELECT h.log_id, h.rules, h.feed, h.next_pos, h.deployment_pos, h.after_key, h.last_ms, h.due_ms \
     FROM result_head h WHERE h.log_id = $1 FOR UPDATE OF h SKIP LOCKED",
);

/// Waits until nobody folds the log.
static SEIZE: Statement = Statement::new(
    "SELECT h.log_id, h.rules, h.feed, h.next_pos, h.deployment_pos, h.after_key, h.last_ms, h.due_ms \
     FROM result_head h WHERE h.log_id = $1 FOR UPDATE OF h",
);

static ADVANCE: Statement = Statement::new(
    "UPDATE result_head SET rules = $2, next_pos = $3, deployment_pos = $4, after_key = $5, last_ms = $6, \
     due_ms = $7 WHERE log_id = $1",
);

static DELETE_HEAD: Statement = Statement::new("DELETE FROM result_head WHERE log_id = $1");
static DELETE_WAITS: Statement = Statement::new("DELETE FROM result_wait WHERE log_id = $1");
static DELETE_REVISIONS: Statement = Statement::new("DELETE FROM result_revision WHERE log_id = $1");

/// Every text, so that a test can prepare each on both databases.
pub(super) static STATEMENTS: &[&Statement] =
    &[&HEADS, &HEAD_OF, &TAKE, &SEIZE, &ADVANCE, &DELETE_HEAD, &DELETE_WAITS, &DELETE_REVISIONS];

/// Where the fold of a log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) log: LogId,
    pub(super) rules: u32,
    pub(super) feed: Feed,
    /// What has been folded.
    pub(super) place: AsOf,
    /// How far the next step has come.
    pub(super) begun: Option<Begun>,
    /// The ledger's time.
    pub(super) last: EpochMs,
    /// The earliest wait for time.
    pub(super) due: Option<EpochMs>,
}

/// How far a step has come that was begun. Every chunk moves the head: what was read is still so when the head is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Begun {
    /// Waits for time have fired up to and including this one.
    Passed(Firing),
    /// The same for waits that its clocks release.
    Released(Firing),
    /// Only ranges are left: of range `number` what comes after `after`, and the ranges after it.
    Range {
        /// From 0.
        number: u32,
        /// The last key that was folded.
        after: Option<Key>,
    },
}

impl Begun {
    /// One byte for the case, then a number (8 bytes) and a key: its room (2 bytes) and its bytes; big endian.
    fn to_bytes(&self) -> Vec<u8> {
        let (case, number, key) = match self {
            Self::Passed((threshold, key)) => (1, *threshold, Some(key)),
            Self::Released((threshold, key)) => (2, *threshold, Some(key)),
            Self::Range { number, after } => (3, i64::from(*number), after.as_ref()),
        };
        let mut bytes = vec![case];
        bytes.extend(number.to_be_bytes());
        if let Some(key) = key {
            bytes.extend(key.room.get().to_be_bytes());
            bytes.extend(&key.bytes);
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (case, bytes) = bytes.split_first()?;
        let (number, key) = bytes.split_first_chunk::<8>()?;
        let number = i64::from_be_bytes(*number);
        let key = match key.split_first_chunk::<2>() {
            Some((room, bytes)) => Some(Key::new(Room::new(u16::from_be_bytes(*room)), bytes)),
            None if key.is_empty() => None,
            None => return None,
        };
        match (case, key) {
            (1, Some(key)) => Some(Self::Passed((number, key))),
            (2, Some(key)) => Some(Self::Released((number, key))),
            (3, after) => Some(Self::Range { number: u32::try_from(number).ok()?, after }),
            _ => None,
        }
    }
}

impl Head {
    fn begun_column(&self) -> Vec<u8> {
        // A step that has been begun is never spelled with no bytes.
        self.begun.as_ref().map(Begun::to_bytes).unwrap_or_default()
    }

    /// As a new row.
    pub(super) fn insert(&self, inserts: &mut Inserts) {
        inserts.push(
            &HEAD,
            [
                self.log.column().into(),
                self.rules.into(),
                self.feed.column().into(),
                self.place.pos.column().into(),
                self.place.deployment.column().into(),
                self.begun_column().into(),
                self.last.get().into(),
                self.due.map(EpochMs::get).into(),
            ],
        );
    }

    /// Writes it over the row that is there.
    pub(super) async fn advance(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let binds = Binds::new()
            .and(self.log.column())
            .and(self.rules)
            .and(self.place.pos.column())
            .and(self.place.deployment.column())
            .and(self.begun_column())
            .and(self.last.get())
            .and(self.due.map(EpochMs::get));
        let changed = tx.execute(&ADVANCE, binds).await?;
        if changed == 1 { Ok(()) } else { Err(bad("result_head", "log_id")) }
    }
}

pub(super) fn read_head(cells: &mut Cells<'_>) -> Result<Head, StoreError> {
    const TABLE: &str = "result_head";
    let log = LogId::from_column(cells.int()?);
    let rules = u32::try_from(cells.int()?).map_err(|_| bad(TABLE, "rules"))?;
    let feed = Feed::from_column(cells.int()?);
    let pos = Pos::from_column(cells.int()?).ok_or(bad(TABLE, "next_pos"))?;
    let deployment = Pos::from_column(cells.int()?).ok_or(bad(TABLE, "deployment_pos"))?;
    let begun = match cells.blob()?.as_slice() {
        [] => None,
        bytes => Some(Begun::from_bytes(bytes).ok_or(bad(TABLE, "after_key"))?),
    };
    let last = EpochMs::clamped(cells.int()?);
    let due = cells.opt_int()?.map(EpochMs::clamped);
    Ok(Head { log, rules, feed, place: AsOf { pos, deployment }, begun, last, due })
}

/// Every head.
pub(super) async fn heads(store: &Store) -> Result<Vec<Head>, StoreError> {
    store.fetch(&HEADS, Binds::new().and(0), read_head).await
}

/// A head as it stands, whoever folds.
pub(super) async fn head(tx: &mut Tx, log: LogId) -> Result<Option<Head>, StoreError> {
    Ok(tx.fetch(&HEAD_OF, Binds::new().and(log.column()), read_head).await?.pop())
}

/// A head, locked unless another replica has it.
pub(super) async fn take(tx: &mut Tx, log: LogId) -> Result<Option<Head>, StoreError> {
    Ok(tx.fetch(&TAKE, Binds::new().and(log.column()), read_head).await?.pop())
}

/// Deletes everything of a log, once nobody folds it.
pub(super) async fn clear(tx: &mut Tx, log: LogId) -> Result<(), StoreError> {
    tx.fetch(&SEIZE, Binds::new().and(log.column()), read_head).await?;
    for statement in [&DELETE_REVISIONS, &DELETE_WAITS, &DELETE_HEAD] {
        tx.execute(statement, Binds::new().and(log.column())).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_was_begun_reads_back_as_it_was_written() {
        let key = Key::new(Room::new(258), [1_u8, 2, 3]);
        let bare = Key::new(Room::new(0), Vec::new());
        for begun in [
            Begun::Passed((1_772_409_600_000, key.clone())),
            Begun::Released((-1, bare.clone())),
            Begun::Range { number: 0, after: None },
            Begun::Range { number: u32::MAX, after: Some(bare) },
            Begun::Range { number: 3, after: Some(key) },
        ] {
            assert_eq!(Begun::from_bytes(&begun.to_bytes()), Some(begun));
        }
        for bytes in [&[][..], &[3, 0, 0], &[1, 0, 0, 0, 0, 0, 0, 0, 0], &[9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(Begun::from_bytes(bytes), None);
        }
    }
}
