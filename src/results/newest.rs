//! Single results: the newest revision of each of some keys, as it stands or as it stood.

use super::feed::{Item, read_item};
use super::{Key, Room};
use crate::kernel::{LogId, Pos};
use crate::store::{Binds, Keys, Statement, Store, StoreError};

/// The newest revision of each of a set of keys that entries before a position brought.
static NEWEST: Statement = Statement::new(
    "SELECT r.seq, r.pos, r.key, r.revision, r.content, r.tombstone, r.kind \
     FROM (SELECT feed FROM result_head WHERE log_id = $1) h CROSS JOIN UNNEST($4::bytea[]) AS k(k0) \
     CROSS JOIN LATERAL (SELECT * FROM result_revision r WHERE r.log_id = $1 AND r.feed = h.feed AND r.room = $2 \
     AND r.key = k.k0 AND r.revision = (SELECT MAX(x.revision) FROM result_revision x WHERE x.log_id = $1 \
     AND x.feed = h.feed AND x.room = $2 AND x.key = k.k0 AND x.pos < $3) OFFSET 0) r",
);

static FOLDED: Statement = Statement::new("SELECT h.next_pos FROM result_head h WHERE h.log_id = $1");

/// Every text, so that a test can prepare each on both databases.
pub(super) static STATEMENTS: &[&Statement] = &[&NEWEST, &FOLDED];

/// The newest revisions of some keys of one room that entries before `before` brought, in the order of keys. Of a key
/// without any, nothing.
pub async fn newest(
    store: &Store,
    log: LogId,
    room: Room,
    keys: &[Key],
    before: Pos,
) -> Result<Vec<Item>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let set = Keys::blobs(keys.iter().map(|key| key.bytes.clone()));
    let binds = Binds::new().and(log.column()).and(room.column()).and(before.column()).keys(set);
    let mut items = store.fetch(&NEWEST, binds, |cells| read_item(cells, log, room)).await?;
    items.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(items)
}

/// The position before which every entry of a log has been folded.
pub async fn folded_before(store: &Store, log: LogId) -> Result<Pos, StoreError> {
    let rows = store.fetch(&FOLDED, Binds::new().and(log.column()), |cells| cells.int()).await?;
    Ok(rows.into_iter().next().and_then(Pos::from_column).unwrap_or_default())
}
