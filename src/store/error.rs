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
    /// The database does not take a value (a NUL in a text, a number out of range): the same command fails again,
    /// and nobody else's is to blame.
    #[error("the database does not take a value: {0}")]
    Rejected(String),
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
            let message = || database.message().to_owned();
            return match fault_of(database.code().as_deref().unwrap_or_default()) {
                Fault::Full => Self::DiskFull,
                Fault::Busy => Self::Unavailable(message()),
                Fault::Value => Self::Rejected(message()),
                Fault::Other => Self::Driver(message()),
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

/// What a database's own code comes down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Full,
    Busy,
    Value,
    Other,
}

/// SQLite's codes are numbers whose last byte is the primary one; PostgreSQL's have five characters, of which the
/// first two are the class (its manual, appendix A).
fn fault_of(code: &str) -> Fault {
    if code.len() == 5 {
        return match code {
            "53100" => Fault::Full,
            // Serialization, deadlock; shutdown; too many connections.
            "40001" | "40P01" | "57P01" | "57P02" | "57P03" | "53300" => Fault::Busy,
            // Data exception, integrity constraint, program limit (a key that is too long for an index).
            _ if ["22", "23", "54"].iter().any(|class| code.starts_with(class)) => Fault::Value,
            _ => Fault::Other,
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(13) => Fault::Full,
        // SQLITE_BUSY, SQLITE_LOCKED.
        Ok(5 | 6) => Fault::Busy,
        // SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH.
        Ok(18..=20) => Fault::Value,
        _ => Fault::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_to_blame_is_read_off_the_databases_code() {
        for (code, wanted) in [
            ("13", Fault::Full),
            ("53100", Fault::Full),
            ("5", Fault::Busy),
            ("517", Fault::Busy),
            ("773", Fault::Busy),
            ("262", Fault::Busy),
            ("40P01", Fault::Busy),
            ("57P01", Fault::Busy),
            ("22021", Fault::Value),
            ("23502", Fault::Value),
            ("54000", Fault::Value),
            ("1299", Fault::Value),
            ("18", Fault::Value),
            ("10", Fault::Other),
            ("42P01", Fault::Other),
            ("", Fault::Other),
        ] {
            assert_eq!(fault_of(code), wanted, "{code}");
        }
    }
}
