//! Connections. One writer on SQLite; on PostgreSQL a small pool for commits and one for reads.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Postgres, Transaction};

use super::tx::mapped;
use super::{Binds, Cells, Statement, StoreError, Tx, migrate};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, in one file.
    Sqlite,
    /// PostgreSQL, shared by replicas.
    Postgres,
}

/// May the database be made?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// It must be there: a mistyped path is an error, not a new register.
    Existing,
    /// Make the SQLite file when it is not there.
    Create,
}

/// The database.
#[derive(Debug, Clone)]
pub enum Store {
    /// SQLite: every write goes through the one writer.
    Sqlite {
        /// One connection.
        writer: SqlitePool,
        /// Read-only connections.
        readers: SqlitePool,
    },
    /// PostgreSQL.
    Postgres {
        /// Sessions for commits: their statements are key lookups, and planned as such.
        writer: PgPool,
        /// Sessions for reads.
        readers: PgPool,
    },
}

/// The commit path only looks up keys. Without statistics (a young table, before autovacuum has seen it) the planner
/// would scan instead, and a prepared plan would keep scanning; so scans are priced out for these sessions.
const COMMIT_SESSION: [&str; 4] =
    ["SET enable_seqscan = off", "SET enable_hashjoin = off", "SET enable_mergejoin = off", "SET jit = off"];

/// Statements that stay prepared per connection. More than there are texts, so that none is prepared twice.
const PREPARED: usize = 1024;

/// 64 MiB for the writer, in KiB as SQLite wants it: a batch's pages stay in memory until its COMMIT.
const WRITER_CACHE: &str = "-65536";
/// 16 MiB for each reader: whoever derives results comes back to the same pages within one look.
const READER_CACHE: &str = "-16384";
/// 32 MiB of WAL before it is copied back: pages that every batch touches are copied once for many batches.
const WAL_PAGES: &str = "8192";

/// 30 s: longer than any commit; a writer that waits longer should say so.
const ACQUIRE: Duration = Duration::from_secs(30);

impl Store {
    /// Opens `sqlite://path` or `postgres://…`, and checks that it keeps what it acknowledges.
    pub async fn open(url: &str, mode: OpenMode) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            Self::open_sqlite(url, mode).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Self::open_postgres(url).await
        } else {
            Err(StoreError::Url("a database URL starts with sqlite:// or postgres://".to_owned()))
        }
    }

    async fn open_sqlite(url: &str, mode: OpenMode) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|error| StoreError::Url(error.to_string()))?
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: in WAL mode anything less loses acknowledged commits at a power cut.
            .synchronous(SqliteSynchronous::Full)
            // Deleted content is overwritten, not only unlinked: erasure means it.
            .pragma("secure_delete", "ON")
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(PREPARED);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            // A file does not go away while it is open.
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(
                options
                    .clone()
                    .create_if_missing(mode == OpenMode::Create)
                    .pragma("cache_size", WRITER_CACHE)
                    .pragma("wal_autocheckpoint", WAL_PAGES),
            )
            .await?;
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&writer).await?;
        if synchronous != 2 {
            return Err(StoreError::Unsafe("PRAGMA synchronous is not FULL".to_owned()));
        }
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&writer).await?;
        if journal != "wal" {
            return Err(StoreError::Unsafe(format!("PRAGMA journal_mode is {journal}, not wal")));
        }
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            // All at once: one that is first opened when the process is out of descriptors cannot be.
            .min_connections(4)
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(
                options
                    .create_if_missing(false)
                    .pragma("query_only", "ON")
                    .pragma("cache_size", READER_CACHE),
            )
            .await?;
        Ok(Self::Sqlite { writer, readers })
    }

    async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::Url("the postgres:// URL cannot be read".to_owned()))?
            .statement_cache_capacity(PREPARED);
        let writer = PgPoolOptions::new()
            .max_connections(3)
            .acquire_timeout(ACQUIRE)
            .after_connect(|session, _| {
                Box::pin(async move {
                    for setting in COMMIT_SESSION {
                        sqlx::query(setting).execute(&mut *session).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options.clone())
            .await?;
        for (setting, wanted) in [("synchronous_commit", "on"), ("fsync", "on"), ("full_page_writes", "on")] {
            let value: String =
                sqlx::query_scalar("SELECT current_setting($1)").bind(setting).fetch_one(&writer).await?;
            // remote_apply is stricter than on.
            if value != wanted && value != "remote_apply" {
                return Err(StoreError::Unsafe(format!("{setting} is {value}, not {wanted}")));
            }
        }
        let readers =
            PgPoolOptions::new().max_connections(6).acquire_timeout(ACQUIRE).connect_with(options).await?;
        Ok(Self::Postgres { writer, readers })
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite { .. } => Dialect::Sqlite,
            Self::Postgres { .. } => Dialect::Postgres,
        }
    }

    /// Brings the schema up to date.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let migrator = migrate::migrator(self.dialect());
        let done = match self {
            Self::Sqlite { writer, .. } => migrator.run(writer).await,
            Self::Postgres { writer, .. } => migrator.run(writer).await,
        };
        done.map_err(|error| StoreError::Migrate(error.to_string()))
    }

    /// Begins a transaction that writes: on SQLite `BEGIN IMMEDIATE` on the one writer.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres { writer, .. } => Tx::Postgres(begin_postgres(writer, "BEGIN").await?),
        })
    }

    /// Begins a read-only transaction that sees one moment of the database throughout.
    pub async fn snapshot(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?),
            Self::Postgres { readers, .. } => Tx::Postgres(
                begin_postgres(readers, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?,
            ),
        })
    }

    /// Asks one question outside any transaction.
    pub async fn fetch<T>(
        &self,
        statement: &'static Statement,
        binds: Binds,
        map: impl Fn(&mut Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Sqlite { readers, .. } => {
                let rows = binds.sqlite(statement.sqlite()).fetch(readers);
                mapped(rows, |row| map(&mut Cells::sqlite(row))).await
            }
            Self::Postgres { readers, .. } => {
                let rows = binds.postgres(statement.postgres()).fetch(readers);
                mapped(rows, |row| map(&mut Cells::postgres(row))).await
            }
        }
    }

    /// Runs a maintenance text that may not be in a transaction (VACUUM, checkpointing the WAL).
    pub async fn maintain(&self, sqlite: &'static str, postgres: &'static str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { writer, .. } => sqlx::raw_sql(sqlite).execute(writer).await.map(|_| ())?,
            Self::Postgres { writer, .. } => sqlx::raw_sql(postgres).execute(writer).await.map(|_| ())?,
        }
        Ok(())
    }

    /// Empties SQLite's write-ahead log into the database, so that no older version of a page is left in either. False
    /// when a reader holds the log: to be tried again. PostgreSQL recycles its own log.
    pub async fn empty_wal(&self) -> Result<bool, StoreError> {
        let Self::Sqlite { writer, .. } = self else { return Ok(true) };
        let mut session = writer.acquire().await?;
        // Commits wait behind this: not for as long as a reader may take.
        sqlx::raw_sql("PRAGMA busy_timeout = 250").execute(&mut *session).await?;
        let emptied: Result<i64, _> =
            sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *session).await;
        sqlx::raw_sql("PRAGMA busy_timeout = 10000").execute(&mut *session).await?;
        Ok(emptied? == 0)
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }
}

/// Begins a transaction, in a task that ends whether or not the caller waits for it. sqlx 0.9.0 counts a transaction as
/// begun only once the server has said so: a caller who goes away before that would leave it open in the pool, and everybody
/// who gets that connection later would see the database as it was then.
async fn begin_postgres(
    pool: &PgPool,
    text: &'static str,
) -> Result<Transaction<'static, Postgres>, StoreError> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(text).await });
    // Only a runtime that ends takes its tasks along.
    Ok(begun.await.map_err(|_| StoreError::Unavailable("the process ends".to_owned()))??)
}
