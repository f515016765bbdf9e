//! The questions that the fold asks of waits and revisions: always for a set of keys or a bounded few.

use std::collections::{BTreeSet, HashMap};

use super::head::Head;
use super::tables::{bad, read_body};
use super::{Body, ClockName, Key, Room, Wait};
use crate::kernel::EpochMs;
use crate::store::{Binds, Cells, Keys, Statement, StoreError, Tx};

/// Waits for time up to an instant, in the order in which they fire.
static DUE: Statement = Statement::new(
    "SELECT threshold, room, key FROM result_wait \
     WHERE log_id = $1 AND feed = $2 AND clock = 'time' AND threshold <= $3 \
     ORDER BY threshold, room, key LIMIT $4",
);

/// Waits that a set of (clock, value) releases, in the order in which they fire.
static RELEASED: Statement = Statement::new(
    "SELECT w.threshold, w.room, w.key FROM UNNEST($4::text[], $5::bigint[]) AS k(k0, k1) \
     CROSS JOIN LATERAL (SELECT * FROM result_wait w WHERE w.log_id = $1 AND w.feed = $2 AND w.clock = k.k0 \
     AND w.threshold <= k.k1 OFFSET 0) w \
     ORDER BY w.threshold, w.room, w.key LIMIT $3",
);

static FIRST_DUE: Statement = Statement::new(
    "SELECT MIN(threshold) FROM result_wait WHERE log_id = $1 AND feed = $2 AND clock = 'time'",
);

/// Every wait of a set of keys.
static WAITS_OF: Statement = Statement::new(
    "SELECT w.room, w.key, w.clock, w.threshold FROM UNNEST($3::bytea[], $4::bigint[]) AS k(k0, k1) \
     CROSS JOIN LATERAL (SELECT * FROM result_wait w WHERE w.log_id = $1 AND w.feed = $2 AND w.key = k.k0 \
     AND w.room = k.k1 OFFSET 0) w",
);

/// The newest revision of each of a set of keys.
static NEWEST_OF: Statement = Statement::new(
    "SELECT r.room, r.key, r.revision, r.content, r.tombstone FROM UNNEST($3::bytea[], $4::bigint[]) AS k(k0, k1) \
     CROSS JOIN LATERAL (SELECT * FROM result_revision r WHERE r.log_id = $1 AND r.feed = $2 AND r.key = k.k0 \
     AND r.room = k.k1 \
     AND r.revision = (SELECT MAX(x.revision) FROM result_revision x \
     WHERE x.log_id = $1 AND x.feed = $2 AND x.key = k.k0 AND x.room = k.k1) OFFSET 0) r",
);

/// The newest number of each of a set of rooms.
static SEQS: Statement = Statement::new(
    "SELECT k.k0, (SELECT MAX(r.seq) FROM result_revision r WHERE r.log_id = $1 AND r.feed = $2 AND r.room = k.k0) \
     FROM UNNEST($3::bigint[]) AS k(k0)",
);

/// Log and feed are among the keys ([`of_fold`]).
static DROP_WAITS: Statement = Statement::new(
    "DELETE FROM result_wait WHERE (key, room, clock, threshold, log_id, feed) IN \
     (SELECT * FROM UNNEST($1::bytea[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[]))",
);

/// Revisions with content of a set of keys. All have a number from 1; saying so makes SQLite search for the key.
static CONTENT_OF: Statement = Statement::new(
    "SELECT r.room, r.seq FROM UNNEST($3::bytea[], $4::bigint[]) AS k(k0, k1) \
     CROSS JOIN LATERAL (SELECT * FROM result_revision r WHERE r.log_id = $1 AND r.feed = $2 AND r.key = k.k0 \
     AND r.room = k.k1 AND r.revision >= 1 AND r.tombstone = 0 OFFSET 0) r",
);

/// What was derived from facts that are erased now goes too; the numbers stay.
static SCRUB: Statement = Statement::new(
    "UPDATE result_revision SET content = NULL, tombstone = 2 WHERE (room, seq, log_id, feed) IN \
     (SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]))",
);

/// Every text, so that a test can prepare each on both databases.
pub(super) static STATEMENTS: &[&Statement] =
    &[&DUE, &RELEASED, &FIRST_DUE, &WAITS_OF, &NEWEST_OF, &SEQS, &DROP_WAITS, &CONTENT_OF, &SCRUB];

/// A key and when it fires; ordered as waits fire.
pub(super) type Firing = (i64, Key);

fn read_firing(cells: &mut Cells<'_>) -> Result<Firing, StoreError> {
    Ok((cells.int()?, read_key(cells)?))
}

fn read_key(cells: &mut Cells<'_>) -> Result<Key, StoreError> {
    let room = Room::from_column(cells.int()?).ok_or(bad("result_wait", "room"))?;
    Ok(Key { room, bytes: cells.blob()? })
}

fn of(head: &Head) -> Binds {
    Binds::new().and(head.log.column()).and(head.feed.column())
}

fn key_set<'k>(keys: impl Iterator<Item = &'k Key>) -> Keys {
    let (rooms, bytes): (Vec<i64>, Vec<Vec<u8>>) =
        keys.map(|key| (key.room.column(), key.bytes.clone())).unzip();
    Keys::blobs(bytes).and_ints(rooms)
}

/// So many keys, each with the log and the feed: no database can begin with all rows of a log then.
fn of_fold(keys: Keys, head: &Head, count: usize) -> Keys {
    let each = |column| std::iter::repeat_n(column, count);
    keys.and_ints(each(head.log.column())).and_ints(each(head.feed.column()))
}

/// The first waits for time up to an instant.
pub(super) async fn due(
    tx: &mut Tx,
    head: &Head,
    until: EpochMs,
    limit: i64,
) -> Result<Vec<Firing>, StoreError> {
    tx.fetch(&DUE, of(head).and(until.get()).and(limit), read_firing).await
}

/// The first waits that clocks release.
pub(super) async fn released(
    tx: &mut Tx,
    head: &Head,
    clocks: &HashMap<ClockName, i64>,
    limit: i64,
) -> Result<Vec<Firing>, StoreError> {
    if clocks.is_empty() {
        return Ok(Vec::new());
    }
    let keys = Keys::texts(clocks.keys().map(ClockName::as_str)).and_ints(clocks.values().copied());
    tx.fetch(&RELEASED, of(head).and(limit).keys(keys), read_firing).await
}

/// The earliest wait for time.
pub(super) async fn first_due(tx: &mut Tx, head: &Head) -> Result<Option<EpochMs>, StoreError> {
    let rows = tx.fetch(&FIRST_DUE, of(head), |cells| Ok(cells.opt_int()?.map(EpochMs::clamped))).await?;
    Ok(rows.into_iter().next().flatten())
}

/// The waits of some keys.
pub(super) async fn waits_of(
    tx: &mut Tx,
    head: &Head,
    keys: &BTreeSet<Key>,
) -> Result<Vec<(Key, Wait)>, StoreError> {
    tx.fetch(&WAITS_OF, of(head).keys(key_set(keys.iter())), |cells| {
        let key = read_key(cells)?;
        Ok((key, Wait { clock: ClockName::new(cells.text()?), threshold: cells.int()? }))
    })
    .await
}

/// The newest revisions of some keys.
pub(super) async fn newest_of(
    tx: &mut Tx,
    head: &Head,
    keys: &BTreeSet<Key>,
) -> Result<HashMap<Key, (i64, Body)>, StoreError> {
    let rows = tx
        .fetch(&NEWEST_OF, of(head).keys(key_set(keys.iter())), |cells| {
            Ok((read_key(cells)?, (cells.int()?, read_body(cells)?)))
        })
        .await?;
    Ok(rows.into_iter().collect())
}

/// The newest numbers of the rooms of some keys.
pub(super) async fn seqs_of(
    tx: &mut Tx,
    head: &Head,
    keys: &BTreeSet<Key>,
) -> Result<HashMap<Room, i64>, StoreError> {
    let rooms: BTreeSet<Room> = keys.iter().map(|key| key.room).collect();
    let rows = tx
        .fetch(&SEQS, of(head).keys(Keys::ints(rooms.into_iter().map(Room::column))), |cells| {
            let room = Room::from_column(cells.int()?).ok_or(bad("result_revision", "room"))?;
            Ok((room, cells.opt_int()?.unwrap_or(0)))
        })
        .await?;
    Ok(rows.into_iter().collect())
}

/// Deletes waits.
pub(super) async fn drop_waits(tx: &mut Tx, head: &Head, gone: &[(Key, Wait)]) -> Result<(), StoreError> {
    if gone.is_empty() {
        return Ok(());
    }
    let keys = key_set(gone.iter().map(|(key, _)| key))
        .and_texts(gone.iter().map(|(_, wait)| wait.clock.as_str()))
        .and_ints(gone.iter().map(|(_, wait)| wait.threshold));
    tx.execute(&DROP_WAITS, Binds::new().keys(of_fold(keys, head, gone.len()))).await.map(|_| ())
}

/// Empties the earlier revisions of keys whose inputs were erased.
pub(super) async fn scrub(tx: &mut Tx, head: &Head, keys: &BTreeSet<Key>) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let found =
        tx.fetch(&CONTENT_OF, of(head).keys(key_set(keys.iter())), |cells| Ok((cells.int()?, cells.int()?)));
    let (rooms, seqs): (Vec<i64>, Vec<i64>) = found.await?.into_iter().unzip();
    let count = rooms.len();
    let keys = of_fold(Keys::ints(rooms).and_ints(seqs), head, count);
    tx.execute(&SCRUB, Binds::new().keys(keys)).await.map(|_| ())
}
