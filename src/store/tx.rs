//! Transactions, and rows as they come back.

use std::fmt::Write;

use futures_util::{Stream, TryStreamExt as _};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Postgres, Row, Sqlite, Transaction};

use super::table::SQLITE_ROWS;
use super::{Binds, Inserts, Kind, Statement, StoreError, Table, Value, bind};

/// A transaction. Dropped without [`Tx::commit`], it leaves nothing behind.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// Asks, and maps every row as it comes.
    pub async fn fetch<T>(
        &mut self,
        statement: &'static Statement,
        binds: Binds,
        map: impl Fn(&mut Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Sqlite(tx) => {
                let rows = binds.sqlite(statement.sqlite()).fetch(&mut **tx);
                mapped(rows, |row| map(&mut Cells::sqlite(row))).await
            }
            Self::Postgres(tx) => {
                let rows = binds.postgres(statement.postgres()).fetch(&mut **tx);
                mapped(rows, |row| map(&mut Cells::postgres(row))).await
            }
        }
    }

    /// Changes, and says how many rows.
    pub async fn execute(&mut self, statement: &'static Statement, binds: Binds) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => binds.sqlite(statement.sqlite()).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => {
                binds.postgres(statement.postgres()).execute(&mut **tx).await?.rows_affected()
            }
        })
    }

    /// Inserts rows of several tables.
    pub async fn insert(&mut self, inserts: Inserts) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => insert_sqlite(tx, inserts).await,
            Self::Postgres(tx) => insert_postgres(tx, inserts).await,
        }
    }

    /// Inserts rows of several tables, then changes, and says how many rows the change met. On PostgreSQL that is one round
    /// trip: the rows go in as parts of the statement that changes.
    pub async fn insert_and(
        &mut self,
        inserts: Inserts,
        change: &'static Statement,
        binds: Binds,
    ) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(tx) => insert_sqlite(tx, inserts).await?,
            Self::Postgres(tx) => {
                // The parameters of the change come first: its text stays as it is.
                let (with, tables) = with_inserts(inserts, 1 + binds.parameters());
                let mut query = binds.postgres(AssertSqlSafe(format!("{with} {}", change.postgres())));
                for (table, values) in tables {
                    query = bind_columns(query, table, values);
                }
                return Ok(query.execute(&mut **tx).await?.rows_affected());
            }
        }
        self.execute(change, binds).await
    }

    /// The rows of a table from one position to another, as values.
    pub async fn range(
        &mut self,
        table: &'static Table,
        log_id: i64,
        from: i64,
        until: i64,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        let binds = Binds::new().and(log_id).and(from).and(until);
        match self {
            Self::Sqlite(tx) => {
                let rows = binds.sqlite(table.range()).fetch_all(&mut **tx).await?;
                rows.iter().map(|row| Cells::sqlite(row).row_of(table)).collect()
            }
            Self::Postgres(tx) => {
                let rows = binds.postgres(table.range()).fetch_all(&mut **tx).await?;
                rows.iter().map(|row| Cells::postgres(row).row_of(table)).collect()
            }
        }
    }

    /// Makes it durable. After an error the outcome is unknown.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Leaves nothing behind, and waits until that is so.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.rollback().await?,
            Self::Postgres(tx) => tx.rollback().await?,
        }
        Ok(())
    }
}

/// Every row, mapped as it comes: the next is read meanwhile.
pub(super) async fn mapped<R, T>(
    mut rows: impl Stream<Item = Result<R, sqlx::Error>> + Unpin,
    map: impl Fn(&R) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    while let Some(row) = rows.try_next().await? {
        found.push(map(&row)?);
    }
    Ok(found)
}

/// Rows of a table that wait to be inserted.
struct Waiting {
    table: &'static Table,
    values: std::vec::IntoIter<Value>,
    rows: usize,
}

/// Each step inserts the same number of rows into every table that has as many left, with the tables' texts one after the
/// other: one hand-over to the connection's thread for all of them.
async fn insert_sqlite(tx: &mut Transaction<'static, Sqlite>, inserts: Inserts) -> Result<(), StoreError> {
    let mut waiting: Vec<Waiting> = inserts
        .into_tables()
        .into_iter()
        .map(|(table, values)| {
            let rows = values.len() / table.columns.len().max(1);
            Waiting { table, values: values.into_iter(), rows }
        })
        .collect();
    for (size, rows) in SQLITE_ROWS.iter().copied().enumerate() {
        loop {
            let mut text = String::new();
            for due in waiting.iter().filter(|waiting| waiting.rows >= rows) {
                text.push_str(due.table.sqlite_insert(size));
                text.push(';');
            }
            if text.is_empty() {
                break;
            }
            let mut query = sqlx::query(AssertSqlSafe(text));
            for due in waiting.iter_mut().filter(|waiting| waiting.rows >= rows) {
                for value in due.values.by_ref().take(rows * due.table.columns.len()) {
                    query = bind::bind_sqlite(query, value);
                }
                due.rows -= rows;
            }
            query.execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// All tables in one statement, and so in one round trip: `WITH` one `INSERT` per table.
async fn insert_postgres(
    tx: &mut Transaction<'static, Postgres>,
    inserts: Inserts,
) -> Result<(), StoreError> {
    let (with, tables) = with_inserts(inserts, 1);
    if tables.is_empty() {
        return Ok(());
    }
    let mut query = sqlx::query(AssertSqlSafe(format!("{with} SELECT")));
    for (table, values) in tables {
        query = bind_columns(query, table, values);
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

type Rows = Vec<(&'static Table, Vec<Value>)>;

/// `WITH i0 AS (INSERT …), i1 AS (INSERT …)`, with parameters that count from `first`; and the rows, in that order.
fn with_inserts(inserts: Inserts, mut first: usize) -> (String, Rows) {
    let tables = inserts.into_tables();
    let mut text = String::new();
    for (at, (table, _)) in tables.iter().enumerate() {
        let before = if at == 0 { "WITH" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(text, "{before} i{at} AS ({})", table.postgres_insert(first));
        first += table.columns.len();
    }
    (text, tables)
}

type PgQuery = Query<'static, Postgres, PgArguments>;

fn bind_columns(mut query: PgQuery, table: &'static Table, values: Vec<Value>) -> PgQuery {
    let width = table.columns.len().max(1);
    let rows = values.len() / width;
    let mut columns: Vec<Vec<Value>> = (0..width).map(|_| Vec::with_capacity(rows)).collect();
    for (at, value) in values.into_iter().enumerate() {
        if let Some(column) = columns.get_mut(at % width) {
            column.push(value);
        }
    }
    for (column, values) in table.columns.iter().zip(columns) {
        query = match column.kind {
            Kind::Int => query.bind(values.into_iter().map(Value::into_int).collect::<Vec<_>>()),
            Kind::Text => query.bind(values.into_iter().map(Value::into_text).collect::<Vec<_>>()),
            Kind::Blob => query.bind(values.into_iter().map(Value::into_blob).collect::<Vec<_>>()),
        };
    }
    query
}

impl Value {
    fn into_int(self) -> Option<i64> {
        if let Self::Int(value) = self { Some(value) } else { None }
    }

    fn into_text(self) -> Option<String> {
        if let Self::Text(value) = self { Some(value) } else { None }
    }

    fn into_blob(self) -> Option<Vec<u8>> {
        if let Self::Blob(value) = self { Some(value) } else { None }
    }
}

#[derive(Debug)]
enum AnyRow<'r> {
    Sqlite(&'r SqliteRow),
    Postgres(&'r PgRow),
}

/// The cells of one row, read from left to right.
#[derive(Debug)]
pub struct Cells<'r> {
    row: AnyRow<'r>,
    next: usize,
}

macro_rules! read {
    ($self:ident, $kind:ty) => {{
        let at = $self.next;
        $self.next += 1;
        match $self.row {
            AnyRow::Sqlite(row) => row.try_get::<$kind, _>(at)?,
            AnyRow::Postgres(row) => row.try_get::<$kind, _>(at)?,
        }
    }};
}

impl<'r> Cells<'r> {
    pub(super) fn sqlite(row: &'r SqliteRow) -> Self {
        Self { row: AnyRow::Sqlite(row), next: 0 }
    }

    pub(super) fn postgres(row: &'r PgRow) -> Self {
        Self { row: AnyRow::Postgres(row), next: 0 }
    }

    /// The next cell, an integer.
    pub fn int(&mut self) -> Result<i64, StoreError> {
        Ok(read!(self, i64))
    }

    /// The next cell, an integer or nothing.
    pub fn opt_int(&mut self) -> Result<Option<i64>, StoreError> {
        Ok(read!(self, Option<i64>))
    }

    /// The next cell, a text.
    pub fn text(&mut self) -> Result<String, StoreError> {
        Ok(read!(self, String))
    }

    /// The next cell, a text or nothing.
    pub fn opt_text(&mut self) -> Result<Option<String>, StoreError> {
        Ok(read!(self, Option<String>))
    }

    /// The next cell, bytes.
    pub fn blob(&mut self) -> Result<Vec<u8>, StoreError> {
        Ok(read!(self, Vec<u8>))
    }

    /// The next cell, bytes or nothing.
    pub fn opt_blob(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(read!(self, Option<Vec<u8>>))
    }

    /// The next cell, exactly `N` bytes.
    pub fn array<const N: usize>(
        &mut self,
        table: &'static str,
        column: &'static str,
    ) -> Result<[u8; N], StoreError> {
        self.blob()?.try_into().map_err(|_| StoreError::Inconsistent { table, column })
    }

    fn row_of(&mut self, table: &'static Table) -> Result<Vec<Value>, StoreError> {
        table
            .columns
            .iter()
            .map(|column| {
                Ok(match column.kind {
                    Kind::Int => self.opt_int()?.into(),
                    Kind::Text => self.opt_text()?.into(),
                    Kind::Blob => self.opt_blob()?.into(),
                })
            })
            .collect()
    }
}
