//! The terminal's one journal, on its own disk: what happened, under which number, and what became of it.
//!
//! Owns the file and the numbers; knows no network and no screen. Nothing is shown or sent before it stands here: every
//! write is a transaction of SQLite with `synchronous = FULL`, and one process at a time holds the file. Numbers begin
//! with 1 and have no gaps: the next one follows the highest that was not given back (docs/duty.md: what the server
//! refuses leaves its number free).

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use prost::Message;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row, SqliteConnection};

use super::entry::{Entry, Event, Kind, State};
use crate::kernel::EpochMs;
use crate::proto::{DutyEvent, Punch};

/// Two tables: what the terminal keeps by name, and what happened. A number that was given back may be given again.
const TABLES: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS entry (place INTEGER PRIMARY KEY, seq INTEGER NOT NULL, request_id TEXT NOT NULL \
     UNIQUE, kind INTEGER NOT NULL, event BLOB NOT NULL, at_ms INTEGER NOT NULL, state INTEGER NOT NULL, reason TEXT \
     NOT NULL) STRICT",
    "CREATE UNIQUE INDEX IF NOT EXISTS entry_seq ON entry (seq) WHERE state < 2",
];
/// Under which name the highest number stands that is known to be used: that of a row that was deleted, or of one that
/// the server has and this folder has not.
const USED: &str = "used";

/// The journal's file.
#[derive(Debug, Clone)]
pub(super) struct Journal(SqlitePool);

impl Journal {
    /// Opens it, or begins it. Fails while another process holds it.
    pub(super) async fn open(file: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            // Two terminals on one folder would give the same numbers.
            .locking_mode(SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: in WAL mode anything less loses what was shown at a power cut.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(2));
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await
            .with_context(|| format!("failed to open {} (is another terminal running?)", file.display()))?;
        for table in TABLES {
            sqlx::query(table).execute(&pool).await?;
        }
        Ok(Self(pool))
    }

    /// What stands under a name.
    pub(super) async fn setting(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let found = sqlx::query_scalar("SELECT value FROM setting WHERE name = ?").bind(name);
        Ok(found.fetch_optional(&self.0).await?)
    }

    /// Puts values under names, all or none.
    pub(super) async fn set(&self, settings: Vec<(&'static str, Vec<u8>)>) -> anyhow::Result<()> {
        let pool = self.0.clone();
        apart(async move {
            let mut tx = pool.begin().await?;
            for (name, value) in settings {
                put(&mut tx, name, &value).await?;
            }
            Ok(tx.commit().await?)
        })
        .await
    }

    /// The highest number in use, 0 when there is none.
    pub(super) async fn head(&self) -> anyhow::Result<u64> {
        const HIGHEST: &str = "SELECT max(seq) FROM entry WHERE state NOT IN (2, 3)";
        let highest: Option<i64> = sqlx::query_scalar(HIGHEST).fetch_one(&self.0).await?;
        let used = number(self.setting(USED).await?);
        Ok(highest.and_then(|highest| u64::try_from(highest).ok()).unwrap_or_default().max(used))
    }

    /// Writes down what happened under its number. When this returns, it has happened.
    pub(super) async fn append(&self, seq: u64, event: &Event) -> anyhow::Result<()> {
        const APPEND: &str = "INSERT INTO entry (seq, request_id, kind, event, at_ms, state, reason) \
                              VALUES (?, ?, ?, ?, ?, 0, '')";
        sqlx::query(APPEND)
            .bind(i64::try_from(seq)?)
            .bind(event.request_id())
            .bind(event.kind() as i64)
            .bind(event.bytes())
            .bind(event.claimed().get())
            .execute(&self.0)
            .await
            .context("failed to write the journal: nothing has happened")?;
        Ok(())
    }

    /// Writes down what became of entries, all or none: ids, states and reasons.
    pub(super) async fn settle(&self, outcomes: Vec<(String, State, String)>) -> anyhow::Result<()> {
        let pool = self.0.clone();
        apart(async move {
            let mut tx = pool.begin().await?;
            for (request_id, state, reason) in outcomes {
                sqlx::query("UPDATE entry SET state = ?, reason = ? WHERE request_id = ?")
                    .bind(state as i64)
                    .bind(reason)
                    .bind(request_id)
                    .execute(&mut *tx)
                    .await?;
            }
            Ok(tx.commit().await?)
        })
        .await
    }

    /// What has to be sent, in journal order: at most so many.
    pub(super) async fn waiting(&self, most: u32) -> anyhow::Result<Vec<Entry>> {
        const WAITING: &str = "SELECT seq, kind, event, state, reason FROM entry WHERE state = 0 \
                               ORDER BY seq LIMIT ?";
        sqlx::query(WAITING).bind(most).fetch_all(&self.0).await?.iter().map(entry).collect()
    }

    /// How many wait.
    pub(super) async fn count(&self, state: State) -> anyhow::Result<u64> {
        const COUNT: &str = "SELECT count(*) FROM entry WHERE state = ?";
        let counted: i64 = sqlx::query_scalar(COUNT).bind(state as i64).fetch_one(&self.0).await?;
        Ok(u64::try_from(counted)?)
    }

    /// The newest entry of some kinds that happened, as far as anybody knows.
    pub(super) async fn newest(&self, kinds: &[Kind]) -> anyhow::Result<Option<Entry>> {
        const NEWEST: &str = "SELECT seq, kind, event, state, reason FROM entry WHERE state < 2 AND kind IN \
                              (?, ?, ?) ORDER BY seq DESC LIMIT 1";
        let mut query = sqlx::query(NEWEST);
        for nth in 0..3 {
            query = query.bind(kinds.get(nth).map_or(0, |kind| *kind as i64));
        }
        query.fetch_optional(&self.0).await?.as_ref().map(entry).transpose()
    }

    /// The last entry of all.
    pub(super) async fn last(&self) -> anyhow::Result<Option<Entry>> {
        const LAST: &str = "SELECT seq, kind, event, state, reason FROM entry ORDER BY place DESC LIMIT 1";
        sqlx::query(LAST).fetch_optional(&self.0).await?.as_ref().map(entry).transpose()
    }

    /// Learns that the server has every number up to `through`: those are never given again, and what is stored, covered
    /// and older than `before` goes, but for the newest of each kind, which says how the window stands.
    pub(super) async fn covered(&self, through: u64, before: EpochMs) -> anyhow::Result<()> {
        const PRUNE: &str = "DELETE FROM entry WHERE state = 1 AND seq <= ? AND at_ms < ? AND place NOT IN \
                             (SELECT max(place) FROM entry WHERE state < 2 GROUP BY kind)";
        let (pool, known) = (self.0.clone(), number(self.setting(USED).await?));
        apart(async move {
            let mut tx = pool.begin().await?;
            if through > known {
                put(&mut tx, USED, &through.to_be_bytes()).await?;
            }
            let prune = sqlx::query(PRUNE).bind(i64::try_from(through)?).bind(before.get());
            prune.execute(&mut *tx).await.context("failed to prune the journal")?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Closes the file.
    pub(super) async fn close(self) {
        self.0.close().await;
    }
}

/// Does it whether or not somebody still waits for it: a key that is pressed ends what the terminal does in the background,
/// and a transaction that is left half-way would take what comes next with it (docs/adr/0010).
async fn apart(work: impl Future<Output = anyhow::Result<()>> + Send + 'static) -> anyhow::Result<()> {
    tokio::spawn(work).await.context("the journal")?
}

async fn put(tx: &mut SqliteConnection, name: &str, value: &[u8]) -> sqlx::Result<()> {
    let put = sqlx::query(
        "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    );
    put.bind(name).bind(value).execute(tx).await.map(drop)
}

fn number(value: Option<Vec<u8>>) -> u64 {
    value.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()).map_or(0, u64::from_be_bytes)
}

fn entry(row: &SqliteRow) -> anyhow::Result<Entry> {
    let (seq, kind, state): (i64, i64, i64) =
        (row.try_get("seq")?, row.try_get("kind")?, row.try_get("state")?);
    let bytes: &[u8] = row.try_get("event")?;
    let event = if kind <= Kind::Out as i64 {
        Event::Punch(Box::new(Punch::decode(bytes)?))
    } else {
        Event::Duty(Box::new(DutyEvent::decode(bytes)?))
    };
    let state = match state {
        0 => State::Waiting,
        1 => State::Stored,
        2 => State::Refused,
        3 => State::Rejected,
        _ => State::Conflict,
    };
    Ok(Entry { seq: u64::try_from(seq)?, event, state, reason: row.try_get("reason")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::punch::Direction;
    use crate::registers::wire::timestamp;

    fn punch(id: &str, at_ms: i64) -> Event {
        let stamp = crate::proto::DeviceStamp {
            claimed_at: Some(timestamp(EpochMs::clamped(at_ms))),
            ..crate::proto::DeviceStamp::default()
        };
        Event::Punch(Box::new(Punch {
            request_id: id.to_owned(),
            stamp: Some(stamp),
            direction: Direction::In.into(),
            ..Punch::default()
        }))
    }

    fn outcome(id: &str, state: State) -> (String, State, String) {
        (id.to_owned(), state, "WHY".to_owned())
    }

    async fn opened(folder: &tempfile::TempDir) -> Journal {
        Journal::open(&folder.path().join("journal.db")).await.unwrap()
    }

    #[tokio::test]
    async fn a_number_is_given_again_only_when_the_server_gave_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let journal = opened(&folder).await;
        assert_eq!(journal.head().await.unwrap(), 0);
        journal.append(1, &punch("a", 1)).await.unwrap();
        assert!(journal.append(1, &punch("b", 1)).await.is_err(), "the number is taken");
        assert!(journal.append(2, &punch("a", 1)).await.is_err(), "the id is taken");
        journal.settle(vec![outcome("a", State::Refused)]).await.unwrap();
        assert_eq!(journal.head().await.unwrap(), 0);
        journal.append(1, &punch("b", 2)).await.unwrap();
        journal.append(2, &punch("c", 3)).await.unwrap();
        journal.settle(vec![outcome("b", State::Stored), outcome("c", State::Conflict)]).await.unwrap();
        assert_eq!(journal.head().await.unwrap(), 2, "what conflicts has used its number");
        journal.close().await;
        let again = opened(&folder).await;
        assert_eq!(again.head().await.unwrap(), 2);
        assert_eq!(again.last().await.unwrap().unwrap().reason, "WHY");
    }

    #[tokio::test]
    async fn only_what_the_server_covers_is_pruned_and_its_numbers_stay_used() {
        let folder = tempfile::tempdir().unwrap();
        let journal = opened(&folder).await;
        for (seq, id) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
            journal.append(seq, &punch(id, i64::try_from(seq).unwrap() * 10)).await.unwrap();
        }
        let stored = |id| outcome(id, State::Stored);
        journal.settle(vec![stored("a"), stored("b"), stored("c")]).await.unwrap();
        journal.covered(2, EpochMs::clamped(1_000)).await.unwrap();
        assert_eq!(journal.count(State::Stored).await.unwrap(), 1, "3 is not covered");
        journal.settle(vec![stored("d")]).await.unwrap();
        journal.covered(4, EpochMs::clamped(35)).await.unwrap();
        assert_eq!(journal.head().await.unwrap(), 4);
        assert_eq!(journal.newest(&[Kind::In]).await.unwrap().unwrap().seq, 4, "the newest stays");
        // A folder that was put back from an old copy learns what it has forgotten.
        journal.covered(9, EpochMs::ZERO).await.unwrap();
        assert_eq!(journal.head().await.unwrap(), 9);
    }

    #[tokio::test]
    async fn a_second_process_does_not_get_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let journal = opened(&folder).await;
        let second = Journal::open(&folder.path().join("journal.db")).await;
        assert!(second.unwrap_err().to_string().contains("another terminal"));
        journal.close().await;
        opened(&folder).await;
    }
}
