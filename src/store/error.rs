//! What can go wrong with a database. Messages never hold values.

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The driver or the database says no; its own words, without row values.
    #[error("failed to talk to the database: {0}")]
    Driver(String),
    /// The database cannot be reached, or is too busy: a retry may help.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The disk is full: reads still work.
    #[error("the disk is full")]
    DiskFull,
    /// A UNIQUE constraint that the locks should have made impossible to hit.
    #[error("a row for {constraint} exists already")]
    Unique {
        /// The constraint or the columns, as the database names them.
        constraint: String,
    },
    /// A stored value that the software never writes.
    #[error("{table}.{column} holds what was never written there")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The database is set up in a way that would break a promise.
    #[error("the database is not set up safely: {0}")]
    Unsafe(String),
    /// The URL is not one of a database that we know.
    #[error("{0}")]
    Url(String),
    /// The schema cannot be brought up to date.
    #[error("failed to migrate: {0}")]
    Migrate(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let Some(database) = error.as_database_error() {
            if database.is_unique_violation() {
                return Self::Unique {
                    constraint: database
                        .constraint()
                        .map_or_else(|| database.message().to_owned(), str::to_owned),
                };
            }
            // SQLITE_FULL = 13; PostgreSQL disk_full = 53100.
            return match database.code().as_deref() {
                Some("13" | "53100") => Self::DiskFull,
                // SQLITE_BUSY 5 and its extended forms; PostgreSQL serialization 40001, deadlock 40P01,
                // shutdown 57P01 to 57P03, too many connections 53300.
                Some("5" | "261" | "517" | "40001" | "40P01" | "57P01" | "57P02" | "57P03" | "53300") => {
                    Self::Unavailable(database.message().to_owned())
                }
                _ => Self::Driver(database.message().to_owned()),
            };
        }
        let retryable = matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        );
        if retryable { Self::Unavailable(error.to_string()) } else { Self::Driver(error.to_string()) }
    }
}
