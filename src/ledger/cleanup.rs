//! What was erased leaves the database's files too, as far as we can reach.
//!
//! A deleted row is gone for every question, but not from the disk: SQLite overwrites it (`secure_delete`), and its
//! write-ahead log still has the page as it was; PostgreSQL leaves it in the heap until the table is written anew.

use crate::store::{Dialect, Store, StoreError, Table};

/// Where erased bytes may be even now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remains {
    /// In backups, until they expire: SQLite's own files are free of them.
    Backups,
    /// In PostgreSQL's write-ahead log too, until its segments are recycled, and where that log is archived.
    WriteAheadLog,
}

/// Removes what was deleted from these tables from the files. On PostgreSQL nobody else can use them meanwhile.
pub async fn remove_from_files(
    store: &Store,
    tables: &'static [&'static Table],
) -> Result<Remains, StoreError> {
    match store.dialect() {
        Dialect::Sqlite if store.empty_wal().await? => Ok(Remains::Backups),
        Dialect::Sqlite => Err(StoreError::Unavailable("a reader holds the write-ahead log".to_owned())),
        Dialect::Postgres => {
            for table in tables {
                store.maintain("", table.vacuum()).await?;
            }
            Ok(Remains::WriteAheadLog)
        }
    }
}
