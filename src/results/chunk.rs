//! One chunk: take the head, read, fold in memory, write, commit. A process that dies anywhere in it leaves nothing.

use std::sync::Arc;

use super::book::Book;
use super::fold::{Folding, Known, Made, Revision};
use super::head::{self, Head};
use super::plan::{Plan, Then, plan};
use super::tables::{REVISION, WAIT, body_columns};
use super::{AsOf, Derivation, Feed, rows};
use crate::kernel::{EpochMs, LogId};
use crate::store::{Dialect, Inserts, Store, StoreError, Tx};

/// Entries per chunk: few enough that a commit of the ledger never waits long for the one writer of SQLite.
const CHUNK: usize = 500;
/// Each full chunk in a row is followed by one of twice its size, so often: what is loaded for a person's day then serves all of
/// the day's entries.
const DOUBLINGS: usize = 5;
/// Rows that are written at once, or nearly: the one writer is had for about a tenth of a second. Fewer would write a page of the
/// index by key once for each of a person's revisions of a day.
const PORTION: usize = 4_000;

/// Why a log could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a chunk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    /// There is nothing left to fold.
    CaughtUp,
    /// There may be more.
    More,
    /// Another replica folds this log.
    Busy,
    /// The log is under rules that this version does not know.
    Standing,
}

/// Folds logs, a chunk at a time.
#[derive(Debug)]
pub struct Folder<D> {
    store: Store,
    derivation: Arc<D>,
    chunk: usize,
    portion: usize,
}

impl<D> Clone for Folder<D> {
    fn clone(&self) -> Self {
        let Self { store, derivation, chunk, portion } = self;
        Self { store: store.clone(), derivation: Arc::clone(derivation), chunk: *chunk, portion: *portion }
    }
}

impl<D: Derivation> Folder<D> {
    /// Folds with the rules of `derivation`.
    pub fn new(store: Store, derivation: Arc<D>) -> Self {
        Self { store, derivation, chunk: CHUNK, portion: PORTION }
    }

    /// With chunks of another size: only how soon others see something depends on it.
    #[must_use]
    pub fn with_chunk(self, entries: usize) -> Self {
        Self { chunk: entries.max(1), ..self }
    }

    /// With portions of another size: only for how long others wait to write depends on it.
    #[must_use]
    pub fn with_portion(self, rows: usize) -> Self {
        Self { portion: rows.max(1), ..self }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn derivation(&self) -> &D {
        &self.derivation
    }

    /// The same after so many full chunks in a row: with larger ones for a log that is far behind.
    #[must_use]
    pub(super) fn after(&self, full: usize) -> Self {
        Self { chunk: self.chunk.saturating_mul(1 << full.min(DOUBLINGS)), ..self.clone() }
    }

    /// Folds one log until there is nothing left.
    pub async fn catch_up(&self, log: LogId) -> Result<Folded, FoldError> {
        let mut full = 0;
        loop {
            match self.after(full).chunk(log).await? {
                Folded::More => full += 1,
                end @ (Folded::CaughtUp | Folded::Busy | Folded::Standing) => return Ok(end),
            }
        }
    }

    /// Deletes the results of a log and everything that is known of its fold. The next chunk begins from nothing: under
    /// the same rules, and with all inputs there, it comes to the same rows.
    pub async fn rebuild(&self, log: LogId) -> Result<(), FoldError> {
        let mut tx = self.store.begin().await?;
        head::clear(&mut tx, log).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Folds one chunk of one log.
    pub async fn chunk(&self, log: LogId) -> Result<Folded, FoldError> {
        let mut tx = self.begin_reading().await?;
        let Some(head) = head::take(&mut tx, log).await? else {
            let exists = head::head(&mut tx, log).await?.is_some();
            tx.rollback().await?;
            return if exists { Ok(Folded::Busy) } else { self.begin(log).await };
        };
        if head.rules != self.derivation.rules() {
            let lineage = self.derivation.lineage(&mut tx, log).await?;
            if lineage.rules != self.derivation.rules() {
                tx.rollback().await?;
                return Ok(Folded::Standing);
            }
            if head.place != lineage.since || head.begun.is_some() {
                // What comes before our rules cannot be derived by us.
                tx.rollback().await?;
                return self.begin_again(&head).await;
            }
        }
        self.fold_from(tx, head).await
    }

    /// PostgreSQL: one transaction for all, so that nobody else folds the log meanwhile. SQLite has one writer, which the
    /// ledger needs for commits: reading and deriving are done beside it, and what was read is compared before writing.
    async fn begin_reading(&self) -> Result<Tx, StoreError> {
        match self.store.dialect() {
            Dialect::Sqlite => self.store.snapshot().await,
            Dialect::Postgres => self.store.begin().await,
        }
    }

    async fn fold_from(&self, mut tx: Tx, head: Head) -> Result<Folded, FoldError> {
        let derivation = &*self.derivation;
        let plan = plan(derivation, &mut tx, Book::Tables, &head, self.chunk).await?;
        let Some(until) = plan.steps.last().map(|step| step.after) else {
            tx.rollback().await?;
            return Ok(match plan.then {
                Then::OtherRules => Folded::Standing,
                Then::More | Then::End => Folded::CaughtUp,
            });
        };
        let (rows, known) = self.load(&mut tx, Book::Tables, &head, &plan, until).await?;
        let mut folding = Folding::new(derivation, &rows, &head, &plan, known);
        let whole = match tx {
            Tx::Sqlite(reading) => {
                reading.rollback().await.map_err(StoreError::from)?;
                self.write_in_portions(&mut folding, &head).await?
            }
            Tx::Postgres(_) => {
                let made = folding.portion(usize::MAX);
                let whole = made.whole;
                write(tx, made).await?;
                Some(whole)
            }
        };
        Ok(match (whole, plan.then) {
            (None, _) => Folded::Busy,
            (Some(false), _) | (_, Then::More) => Folded::More,
            (_, Then::OtherRules) => Folded::Standing,
            (_, Then::End) => Folded::CaughtUp,
        })
    }

    /// Writes what is made a portion at a time, so that whoever else writes has not long to wait. Was everything folded that was
    /// planned? Nothing when somebody else has moved the head since it was read.
    async fn write_in_portions(
        &self,
        folding: &mut Folding<'_, D>,
        read: &Head,
    ) -> Result<Option<bool>, StoreError> {
        let mut standing = read.clone();
        loop {
            let mut made = folding.portion(self.portion);
            // What was read said when the first wait is due; the portions before this one may have changed that.
            made.head.due = standing.due;
            let whole = made.whole;
            let mut tx = self.store.begin().await?;
            if head::take(&mut tx, standing.log).await?.as_ref() != Some(&standing) {
                tx.rollback().await?;
                return Ok(None);
            }
            standing = write(tx, made).await?;
            if folding.is_over() {
                return Ok(Some(whole));
            }
        }
    }

    pub(super) async fn load(
        &self,
        tx: &mut Tx,
        book: Book<'_>,
        head: &Head,
        plan: &Plan,
        until: AsOf,
    ) -> Result<(D::Rows, Known), StoreError> {
        let keys: Vec<_> = plan.keys.iter().cloned().collect();
        let rows = self.derivation.load(tx, head.log, &keys, head.place..=until).await?;
        if keys.is_empty() {
            return Ok((rows, Known::default()));
        }
        Ok((rows, book.known(tx, head, &plan.keys).await?))
    }

    /// The first head of a log; several replicas may write it, all the same.
    async fn begin(&self, log: LogId) -> Result<Folded, FoldError> {
        let mut tx = self.store.begin().await?;
        let lineage = self.derivation.lineage(&mut tx, log).await?;
        if lineage.rules != self.derivation.rules() {
            tx.rollback().await?;
            return Ok(Folded::Standing);
        }
        let head = Head {
            log,
            rules: lineage.rules,
            feed: Feed::beginning(lineage.since, lineage.erased),
            place: lineage.since,
            begun: None,
            last: EpochMs::ZERO,
            due: None,
        };
        let mut inserts = Inserts::new();
        head.insert(&mut inserts);
        tx.insert(inserts).await?;
        tx.commit().await?;
        Ok(Folded::More)
    }

    /// Deletes a fold that cannot be continued, unless somebody did so first.
    async fn begin_again(&self, stale: &Head) -> Result<Folded, FoldError> {
        tracing::warn!(
            code = "RESULTS_FEED_RESTARTED",
            log = stale.log.column(),
            rules = self.derivation.rules(),
            "results under earlier rules were not complete: a new feed begins with the newest rules"
        );
        let mut tx = self.store.begin().await?;
        if head::take(&mut tx, stale.log).await?.as_ref() != Some(stale) {
            tx.rollback().await?;
            return Ok(Folded::Busy);
        }
        head::clear(&mut tx, stale.log).await?;
        tx.commit().await?;
        Ok(Folded::More)
    }
}

/// The head as it is written.
async fn write(mut tx: Tx, made: Made) -> Result<Head, StoreError> {
    let Made { revisions, waits_gone, waits_new, erased, mut head, .. } = made;
    rows::scrub(&mut tx, &head, &erased).await?;
    let waits_changed = !waits_gone.is_empty() || !waits_new.is_empty();
    rows::drop_waits(&mut tx, &head, &waits_gone).await?;
    let (log, feed) = (head.log.column(), head.feed.column());
    let mut inserts = Inserts::new();
    for (key, wait) in waits_new {
        let room = key.room.column();
        let clock = wait.clock.as_str().into();
        inserts.push(
            &WAIT,
            [log.into(), feed.into(), room.into(), key.bytes.into(), clock, wait.threshold.into()],
        );
    }
    for revision in revisions {
        let Revision { seq, cause, key, nth, body } = revision;
        let [content, tombstone] = body_columns(body);
        let room = key.room.column();
        inserts.push(
            &REVISION,
            [
                log.into(),
                feed.into(),
                room.into(),
                seq.into(),
                cause.pos.column().into(),
                key.bytes.into(),
                nth.into(),
                content,
                tombstone,
                i64::from(cause.kind).into(),
            ],
        );
    }
    tx.insert(inserts).await?;
    if waits_changed {
        head.due = rows::first_due(&mut tx, &head).await?;
    }
    head.advance(&mut tx).await?;
    tx.commit().await?;
    Ok(head)
}
