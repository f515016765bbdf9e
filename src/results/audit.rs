//! The same fold again, in memory, from the beginning of the feed up to where its tables stand; and every row of theirs
//! that is not as it comes out. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use super::book::{Book, Memory};
use super::chunk::{FoldError, Folder};
use super::fold::{Revision, fold};
use super::head::{self, Head};
use super::plan::plan;
use super::tables::{bad, read_body};
use super::{AsOf, Body, ClockName, Derivation, Feed, Key, Room, Wait};
use crate::kernel::{EpochMs, LogId, Pos};
use crate::store::{Binds, Statement, StoreError, Tx};

/// Steps at a time.
const CHUNK: usize = 500;

/// Revisions of a room, by number.
static REVISIONS: Statement = Statement::new(
    "SELECT seq, pos, key, revision, content, tombstone, kind FROM result_revision \
     WHERE log_id = $1 AND feed = $2 AND room = $3 AND seq >= $4 AND seq <= $5 ORDER BY seq",
);

/// How many revisions each feed and room has, and how many of them entries before a position caused.
static COUNTS: Statement = Statement::new(
    "SELECT feed, room, COUNT(*), SUM(CASE WHEN pos < $2 THEN 1 ELSE 0 END) FROM result_revision \
     WHERE log_id = $1 GROUP BY feed, room ORDER BY feed, room",
);

static WAITS: Statement = Statement::new(
    "SELECT feed, room, key, clock, threshold FROM result_wait WHERE log_id = $1 \
     ORDER BY feed, room, key, clock, threshold",
);

/// Every text, so that a test can prepare each on both databases.
pub(super) static STATEMENTS: &[&Statement] = &[&REVISIONS, &COUNTS, &WAITS];

/// A row that is not as the fold makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The row: `room 1 seq 7`.
    pub row: String,
    /// The column; `*` for a row that is missing or too many.
    pub column: &'static str,
    /// In words.
    pub why: &'static str,
}

/// What an audit of one log's results came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audited {
    /// Nothing of the log is folded yet.
    NotFolded,
    /// The feed began under rules, or on facts, that are no longer here: it cannot be made again.
    CannotTell,
    /// It was made again: the revisions that were compared, and what differs.
    Compared {
        /// How many revisions.
        revisions: u64,
        /// What is not as it should be.
        differences: Vec<Difference>,
    },
}

impl<D: Derivation> Folder<D> {
    /// Folds a log again, in memory, and compares.
    pub async fn audit(&self, log: LogId) -> Result<Audited, FoldError> {
        let mut tx = self.store().snapshot().await?;
        let audited = self.audit_in(&mut tx, log).await;
        tx.rollback().await?;
        audited
    }

    async fn audit_in(&self, tx: &mut Tx, log: LogId) -> Result<Audited, FoldError> {
        let Some(live) = head::head(tx, log).await? else { return Ok(Audited::NotFolded) };
        let lineage = self.derivation().lineage(tx, log).await?;
        let ours = lineage.rules == self.derivation().rules() && live.rules == lineage.rules;
        if !ours || live.feed != Feed::beginning(lineage.since, lineage.erased) {
            return Ok(Audited::CannotTell);
        }
        let mut again = Again::new(&live, lineage.since);
        while again.head.place < live.place {
            if !self.step(tx, &mut again).await? {
                again.differ("result_head", String::new(), "next_pos", "the fold is past the log");
                break;
            }
        }
        again.compare_head();
        again.compare_counts(tx).await?;
        again.compare_waits(tx).await?;
        let revisions = again.memory.revisions();
        Ok(Audited::Compared { revisions, differences: again.differences })
    }

    /// One chunk more; false when there is none.
    async fn step(&self, tx: &mut Tx, again: &mut Again<'_>) -> Result<bool, StoreError> {
        let derivation = self.derivation();
        let book = Book::Memory(&again.memory);
        let mut plan = plan(derivation, tx, book, &again.head, CHUNK).await?;
        // Entries that are not folded yet are none of the audit's.
        plan.steps.retain(|step| step.after <= again.live.place);
        let Some(until) = plan.steps.last().map(|step| step.after) else { return Ok(false) };
        let (rows, known) = self.load(tx, book, &again.head, &plan, until).await?;
        let made = fold(derivation, &rows, &again.head, &plan, known);
        again.memory.learn(&made);
        again.head = Head { due: again.memory.first_due(), ..made.head };
        again.compare(tx, made.revisions, &made.erased).await?;
        Ok(true)
    }
}

/// The fold that is made again, beside the one that stands.
struct Again<'a> {
    live: &'a Head,
    head: Head,
    memory: Memory,
    /// What stands emptied and came out with content: by key, the rows that a later erasure has to explain.
    emptied: BTreeMap<Key, Vec<i64>>,
    differences: Vec<Difference>,
}

/// A revision as it stands.
struct Standing {
    seq: i64,
    pos: Pos,
    key: Vec<u8>,
    nth: i64,
    body: Body,
    kind: i64,
}

impl<'a> Again<'a> {
    fn new(live: &'a Head, since: AsOf) -> Self {
        let head = Head { place: since, begun: None, last: EpochMs::ZERO, due: None, ..live.clone() };
        Self { live, head, memory: Memory::default(), emptied: BTreeMap::new(), differences: Vec::new() }
    }

    fn differ(&mut self, table: &'static str, row: String, column: &'static str, why: &'static str) {
        self.differences.push(Difference { table, row, column, why });
    }

    async fn compare(
        &mut self,
        tx: &mut Tx,
        revisions: Vec<Revision>,
        erased: &BTreeSet<Key>,
    ) -> Result<(), StoreError> {
        let mut rooms: BTreeMap<Room, Vec<Revision>> = BTreeMap::new();
        for revision in revisions {
            rooms.entry(revision.key.room).or_default().push(revision);
        }
        for (room, made) in rooms {
            let (Some(first), Some(last)) = (made.first(), made.last()) else { continue };
            let mut standing = self.standing(tx, room, first.seq, last.seq).await?;
            for revision in made {
                let row = format!("room {} seq {}", room.column(), revision.seq);
                match standing.remove(&revision.seq) {
                    Some(found) => self.compare_revision(&row, &found, &revision),
                    None => self.differ("result_revision", row, "*", "a revision is missing"),
                }
            }
        }
        for key in erased {
            self.emptied.remove(key);
        }
        Ok(())
    }

    async fn standing(
        &self,
        tx: &mut Tx,
        room: Room,
        first: i64,
        last: i64,
    ) -> Result<BTreeMap<i64, Standing>, StoreError> {
        let of = Binds::new().and(self.live.log.column()).and(self.live.feed.column()).and(room.column());
        let rows = tx
            .fetch(&REVISIONS, of.and(first).and(last), |cells| {
                let seq = cells.int()?;
                let pos = Pos::from_column(cells.int()?).ok_or(bad("result_revision", "pos"))?;
                // A body that is none is no reason to stop: it differs from every other.
                let (key, nth) = (cells.blob()?, cells.int()?);
                let body = read_body(cells).unwrap_or(Body::Nothing);
                Ok(Standing { seq, pos, key, nth, body, kind: cells.int()? })
            })
            .await?;
        Ok(rows.into_iter().map(|row| (row.seq, row)).collect())
    }

    fn compare_revision(&mut self, row: &str, found: &Standing, made: &Revision) {
        const WHY: &str = "the fold makes it otherwise";
        if found.body == Body::Erased && matches!(made.body, Body::Content(_)) {
            self.emptied.entry(made.key.clone()).or_default().push(found.seq);
        } else if found.body != made.body {
            self.differ("result_revision", row.to_owned(), "content, tombstone", WHY);
        }
        for (column, same) in [
            ("pos", found.pos == made.cause.pos),
            ("kind", found.kind == i64::from(made.cause.kind)),
            ("key", found.key == made.key.bytes),
            ("revision", found.nth == made.nth),
        ] {
            if !same {
                self.differ("result_revision", row.to_owned(), column, WHY);
            }
        }
    }

    /// A step that is begun has no place of its own: only the time before it is comparable then.
    fn compare_head(&mut self) {
        const WHY: &str = "the fold comes to another";
        let (live, own) = (self.live, &self.head);
        let begun = live.begun.is_some();
        let columns = [
            ("next_pos", live.place.pos == own.place.pos),
            ("deployment_pos", live.place.deployment == own.place.deployment),
            ("last_ms", live.last == own.last),
            ("due_ms", begun || live.due == own.due),
        ];
        for (column, same) in columns {
            if !same {
                self.differ("result_head", String::new(), column, WHY);
            }
        }
        let emptied: Vec<(Key, Vec<i64>)> = std::mem::take(&mut self.emptied).into_iter().collect();
        for (key, seqs) in emptied {
            for seq in seqs {
                let row = format!("room {} seq {seq}", key.room.column());
                self.differ(
                    "result_revision",
                    row,
                    "content, tombstone",
                    "nothing that it is made of was erased",
                );
            }
        }
    }

    async fn compare_counts(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        let binds = Binds::new().and(self.live.log.column()).and(self.live.place.pos.column());
        let counts = tx
            .fetch(&COUNTS, binds, |cells| Ok((cells.int()?, cells.int()?, cells.int()?, cells.int()?)))
            .await?;
        for (feed, room, all, seen) in counts {
            let own = Room::from_column(room).filter(|_| feed == self.live.feed.column());
            let made = own.and_then(|room| self.memory.seqs.get(&room)).copied().unwrap_or_default();
            // Of a step that is begun some stand already, under the entry that brings it.
            let count = if self.live.begun.is_none() { all } else { seen };
            if count > made {
                let row = format!("feed {feed} room {room}: {count} rows where the fold makes {made}");
                self.differ("result_revision", row, "*", "a revision that nothing makes");
            }
        }
        Ok(())
    }

    async fn compare_waits(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        if self.live.begun.is_some() || self.head.place != self.live.place {
            return Ok(());
        }
        let rows = tx
            .fetch(&WAITS, Binds::new().and(self.live.log.column()), |cells| {
                let feed = cells.int()?;
                let room = Room::from_column(cells.int()?).ok_or(bad("result_wait", "room"))?;
                let key = Key { room, bytes: cells.blob()? };
                Ok((feed, key, Wait { clock: ClockName::new(cells.text()?), threshold: cells.int()? }))
            })
            .await?;
        let mut wanted = self.memory.all_waits();
        for (feed, key, wait) in rows {
            let row = of_wait(&key, &wait);
            if feed != self.live.feed.column() || !wanted.remove(&(key, wait)) {
                self.differ("result_wait", row, "*", "a wait that nothing makes");
            }
        }
        for (key, wait) in wanted {
            self.differ("result_wait", of_wait(&key, &wait), "*", "a wait is missing");
        }
        Ok(())
    }
}

/// The room, the clock and the threshold: keys are for those who may resolve them.
fn of_wait(key: &Key, wait: &Wait) -> String {
    format!("room {} {} {}", key.room.column(), wait.clock.as_str(), wait.threshold)
}
