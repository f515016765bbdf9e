//! A migrated store on each of the two databases.

use std::panic::AssertUnwindSafe;
use std::path::Path;

use futures_util::FutureExt;
use qinlian::store::{Dialect, OpenMode, Store};
use sqlx::{AssertSqlSafe, Decode, PgPool, Postgres, Sqlite, SqlitePool, Type};
use tempfile::TempDir;

use super::postgres;

/// A store of its own for one test.
#[derive(Debug)]
pub(crate) struct Fixture {
    /// Open and migrated.
    pub(crate) store: Store,
    url: String,
    dir: TempDir,
    database: Option<String>,
}

/// Runs the same test on SQLite and on PostgreSQL, each time on a new store, and says on which of them it failed.
///
/// ```text
/// each(async |fixture| { fixture.store.… }).await;
/// ```
pub(crate) async fn each(body: impl AsyncFn(&Fixture)) {
    let mut failed = Vec::new();
    for fixture in [Some(Fixture::sqlite().await), Fixture::postgres().await].into_iter().flatten() {
        if AssertUnwindSafe(body(&fixture)).catch_unwind().await.is_err() {
            failed.push(fixture.store.dialect());
        }
        fixture.end().await;
    }
    assert!(failed.is_empty(), "failed on {failed:?}");
}

impl Fixture {
    /// On SQLite, in a file.
    pub(crate) async fn sqlite() -> Self {
        let fixture = Self::sqlite_empty().await;
        fixture.store.migrate().await.expect("migrate SQLite");
        fixture
    }

    /// On SQLite, not migrated.
    pub(crate) async fn sqlite_empty() -> Self {
        let dir = TempDir::with_prefix("qinlian-").expect("a directory");
        let url = format!("sqlite://{}/qinlian.db", dir.path().display());
        let store = Store::open(&url, OpenMode::Create).await.expect("open SQLite");
        Self { store, url, dir, database: None }
    }

    /// On PostgreSQL; `None` where there is none, which fails in CI.
    pub(crate) async fn postgres() -> Option<Self> {
        let fixture = Self::postgres_empty().await?;
        fixture.store.migrate().await.expect("migrate PostgreSQL");
        Some(fixture)
    }

    /// On PostgreSQL, not migrated.
    pub(crate) async fn postgres_empty() -> Option<Self> {
        let server = postgres::server()?;
        let database = server.create().await;
        let url = server.url_of(&database);
        let store = Store::open(&url, OpenMode::Existing).await.expect("open PostgreSQL");
        let dir = TempDir::with_prefix("qinlian-").expect("a directory");
        Some(Self { store, url, dir, database: Some(database) })
    }

    /// The URL of the database: for the command line, or a server under test.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A directory that goes with the fixture: for anchors, keys, journals.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// One more store on the same database: another replica, or the same one after a restart.
    pub(crate) async fn another_store(&self) -> Store {
        Store::open(&self.url, OpenMode::Existing).await.expect("open another store")
    }

    /// The database without the software: what somebody who goes around it has.
    pub(crate) async fn raw(&self) -> Raw {
        match self.store.dialect() {
            Dialect::Sqlite => Raw::Sqlite(SqlitePool::connect(&self.url).await.expect("open SQLite")),
            Dialect::Postgres => Raw::Postgres(PgPool::connect(&self.url).await.expect("open PostgreSQL")),
        }
    }

    /// Closes the store and gives the database back. A fixture that is only dropped leaves its PostgreSQL database
    /// behind until the server ends.
    pub(crate) async fn end(self) {
        self.store.close().await;
        if let (Some(database), Some(server)) = (self.database, postgres::server()) {
            server.give_back(database).await;
        }
    }
}

/// Direct SQL.
#[derive(Debug)]
pub(crate) enum Raw {
    /// On SQLite.
    Sqlite(SqlitePool),
    /// On PostgreSQL.
    Postgres(PgPool),
}

impl Raw {
    /// Runs a text, one statement or several, and says how many rows it changed.
    pub(crate) async fn execute(&self, text: &str) -> u64 {
        match self {
            Self::Sqlite(pool) => {
                sqlx::raw_sql(AssertSqlSafe(text)).execute(pool).await.expect(text).rows_affected()
            }
            Self::Postgres(pool) => {
                sqlx::raw_sql(AssertSqlSafe(text)).execute(pool).await.expect(text).rows_affected()
            }
        }
    }

    /// The first column of every row: `raw.column::<i64>("SELECT pos FROM …")`.
    pub(crate) async fn column<T>(&self, text: &str) -> Vec<T>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>,
        T: Send + Unpin,
    {
        match self {
            Self::Sqlite(pool) => sqlx::query_scalar(AssertSqlSafe(text)).fetch_all(pool).await.expect(text),
            Self::Postgres(pool) => {
                sqlx::query_scalar(AssertSqlSafe(text)).fetch_all(pool).await.expect(text)
            }
        }
    }
}

mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn a_test_runs_on_both_databases_each_time_on_an_empty_migrated_store() {
        let seen = Mutex::new(Vec::new());
        each(async |fixture| {
            let raw = fixture.raw().await;
            assert_eq!(raw.column::<i64>("SELECT count(*) FROM ledger_log").await, [0]);
            assert_eq!(raw.execute("INSERT INTO ledger_log (log_id, centre) VALUES (1, 'a')").await, 1);
            assert_eq!(
                fixture.another_store().await.dialect(),
                fixture.store.dialect(),
                "another store is on the same database"
            );
            assert!(fixture.dir().is_dir() && fixture.url().contains("://"));
            seen.lock().unwrap().push(fixture.store.dialect());
        })
        .await;
        let wanted: &[Dialect] = match postgres::server() {
            Some(_) => &[Dialect::Sqlite, Dialect::Postgres],
            None => &[Dialect::Sqlite],
        };
        assert_eq!(*seen.lock().unwrap(), wanted);
    }

    #[tokio::test]
    #[should_panic(expected = "failed on [Sqlite")]
    async fn a_failure_on_one_database_fails_the_test_and_names_it() {
        each(async |fixture| assert_ne!(fixture.store.dialect(), Dialect::Sqlite, "on purpose")).await;
    }
}
