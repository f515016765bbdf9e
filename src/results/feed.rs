//! The feed: the revisions of one room, in order, page by page.
//!
//! Nothing is ever skipped, whoever writes meanwhile: the numbers of a log are given out under its head's lock and become
//! visible together, in order. A reader that comes again with an older cursor is given the same again.

use std::collections::{BTreeMap, BTreeSet};

use super::cursor::{Cursor, CursorError};
use super::tables::{bad, read_body};
use super::{Body, Feed, Key, Room};
use crate::kernel::{LogId, Pos};
use crate::store::{Binds, Cells, Keys, Statement, Store, StoreError, Tx};

/// Revisions that a filter looks at for one page.
const SCAN: usize = 5_000;
/// So many more than seem to be needed, rather than ask once more.
const MARGIN: usize = 50;

static FEEDS: Statement =
    Statement::new("SELECT log_id, feed FROM result_head WHERE log_id = ANY($1::bigint[]) ORDER BY log_id");

static AFTER: Statement = Statement::new(
    "SELECT seq, pos, key, revision, content, tombstone, kind FROM result_revision \
     WHERE log_id = $1 AND feed = $2 AND room = $3 AND seq > $4 ORDER BY seq LIMIT $5",
);

/// Every text, so that a test can prepare each on both databases.
pub(super) static STATEMENTS: &[&Statement] = &[&FEEDS, &AFTER];

/// Why a feed cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The cursor.
    #[error("the cursor {0}")]
    Cursor(#[from] CursorError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One revision of one result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The log.
    pub log: LogId,
    /// Its number in the room, from 1, without gaps.
    pub seq: u64,
    /// The entry that brought it.
    pub pos: Pos,
    /// What the result is about.
    pub key: Key,
    /// Which revision of the result, from 1.
    pub revision: u64,
    /// What it says.
    pub body: Body,
    /// The kind of the entry that brought it.
    pub kind: u16,
}

/// Which items a reader wants.
pub enum Filter<'a> {
    /// All.
    Everything,
    /// Some; those left out count as read.
    Only(&'a (dyn Fn(&Item) -> bool + Send + Sync)),
}

impl std::fmt::Debug for Filter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Everything => "Everything",
            Self::Only(_) => "Only(…)",
        })
    }
}

/// What a reader asks for.
#[derive(Debug)]
pub struct Query<'a> {
    /// The room.
    pub room: Room,
    /// The logs; a log that is new to the cursor is read from its beginning.
    pub logs: &'a [LogId],
    /// What the last page gave; empty for the beginning.
    pub cursor: &'a str,
    /// At most this many items.
    pub limit: usize,
    /// Which.
    pub filter: Filter<'a>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In the order of each log's numbers.
    pub items: Vec<Item>,
    /// For the next page.
    pub next_cursor: String,
    /// There was nothing more at that moment.
    pub caught_up: bool,
}

/// Reads a page.
pub async fn page(store: &Store, query: &Query<'_>) -> Result<Page, FeedError> {
    let mut cursor = Cursor::parse(query.room, query.cursor)?;
    let logs: BTreeSet<LogId> = query.logs.iter().copied().collect();
    // A log that is not asked for is not remembered: when it is asked for again, it may repeat.
    cursor.read.retain(|log, _| logs.contains(log));
    let mut tx = store.snapshot().await?;
    let feeds = feeds(&mut tx, &logs).await?;
    for (log, (feed, _)) in &cursor.read {
        if feeds.get(log).is_some_and(|current| current != feed) {
            return Err(CursorError::Expired.into());
        }
    }
    let turn = cursor.turn;
    let (first, rest): (Vec<_>, Vec<_>) = feeds.into_iter().partition(|(log, _)| *log >= turn);
    let mut reading = Reading { query, cursor, items: Vec::new(), scanned: 0, caught_up: true };
    for (log, feed) in first.into_iter().chain(rest) {
        if reading.is_full() {
            // The next page begins here, so that one busy log does not keep the others waiting.
            reading.cursor.turn = log;
            reading.caught_up = false;
            break;
        }
        reading.log(&mut tx, log, feed).await?;
    }
    tx.rollback().await?;
    let Reading { cursor, items, caught_up, .. } = reading;
    Ok(Page { items, next_cursor: cursor.to_text(), caught_up })
}

async fn feeds(tx: &mut Tx, logs: &BTreeSet<LogId>) -> Result<BTreeMap<LogId, Feed>, StoreError> {
    let keys = Keys::ints(logs.iter().map(|log| log.column()));
    let rows = tx
        .fetch(&FEEDS, Binds::new().keys(keys), |cells| {
            Ok((LogId::from_column(cells.int()?), Feed::from_column(cells.int()?)))
        })
        .await?;
    Ok(rows.into_iter().collect())
}

struct Reading<'a> {
    query: &'a Query<'a>,
    cursor: Cursor,
    items: Vec<Item>,
    scanned: usize,
    caught_up: bool,
}

impl Reading<'_> {
    fn is_full(&self) -> bool {
        self.items.len() >= self.query.limit || self.scanned >= SCAN.max(self.query.limit)
    }

    async fn log(&mut self, tx: &mut Tx, log: LogId, feed: Feed) -> Result<(), StoreError> {
        let room = self.query.room;
        while !self.is_full() {
            let from = self.cursor.read.get(&log).map_or(0, |(_, seq)| *seq);
            let want = self.wanted();
            let binds = Binds::new()
                .and(log.column())
                .and(feed.column())
                .and(room.column())
                .and(from)
                .and(i64::try_from(want).unwrap_or(i64::MAX));
            let found = tx.fetch(&AFTER, binds, |cells| read_item(cells, log, room)).await?;
            let whole = found.len() < want;
            for item in found {
                if self.is_full() {
                    self.caught_up = false;
                    return Ok(());
                }
                self.scanned += 1;
                let seq = i64::try_from(item.seq).map_err(|_| bad("result_revision", "seq"))?;
                self.cursor.read.insert(log, (feed, seq));
                match self.query.filter {
                    Filter::Everything => self.items.push(item),
                    Filter::Only(wanted) if wanted(&item) => self.items.push(item),
                    Filter::Only(_) => {}
                }
            }
            if whole {
                return Ok(());
            }
        }
        self.caught_up = false;
        Ok(())
    }

    /// How many to ask for next: as many as may come, and of a filter that has left some out, so many that these are likely to
    /// fill the page.
    fn wanted(&self) -> usize {
        let missing = self.query.limit - self.items.len();
        let likely = match self.query.filter {
            Filter::Only(_) if self.scanned > 0 => {
                missing * self.scanned.div_ceil(self.items.len().max(1)) + MARGIN
            }
            Filter::Everything | Filter::Only(_) => missing,
        };
        likely.min(SCAN.max(self.query.limit) - self.scanned)
    }
}

/// Reads `seq, pos, key, revision, content, tombstone, kind`.
pub(super) fn read_item(cells: &mut Cells<'_>, log: LogId, room: Room) -> Result<Item, StoreError> {
    const TABLE: &str = "result_revision";
    let seq = u64::try_from(cells.int()?).map_err(|_| bad(TABLE, "seq"))?;
    let pos = Pos::from_column(cells.int()?).ok_or(bad(TABLE, "pos"))?;
    let key = Key { room, bytes: cells.blob()? };
    let revision = u64::try_from(cells.int()?).map_err(|_| bad(TABLE, "revision"))?;
    let body = read_body(cells)?;
    let kind = u16::try_from(cells.int()?).map_err(|_| bad(TABLE, "kind"))?;
    Ok(Item { log, seq, pos, key, revision, body, kind })
}
