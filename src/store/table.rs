//! Tables as the software writes them: every column with its kind and how sensitive it is.

use std::sync::OnceLock;

/// A value of a portable column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Nothing.
    Null,
    /// BIGINT / INTEGER.
    Int(i64),
    /// TEXT.
    Text(String),
    /// BYTEA / BLOB.
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The kind of a portable column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// BIGINT / INTEGER.
    Int,
    /// TEXT.
    Text,
    /// BYTEA / BLOB.
    Blob,
}

/// How sensitive a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Says nothing about a person.
    Public,
    /// Ids and keyed hashes: says something only to who can resolve them.
    Pseudonymous,
    /// Says who, or in somebody's own words. Only in tables named `…_personal`.
    Personal,
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its class.
    pub class: Class,
}

impl Column {
    /// A column that says nothing about a person.
    pub const fn public(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, class: Class::Public }
    }

    /// A column of ids or keyed hashes.
    pub const fn pseudonymous(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, class: Class::Pseudonymous }
    }

    /// A personal column.
    pub const fn personal(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, class: Class::Personal }
    }
}

/// Rows per INSERT on SQLite. Few steps make up any number, and few texts are kept prepared for them: a text that is run is
/// a hand-over to the thread of the connection and back, which costs more than the rows do.
/// 128 rows of at most 24 columns = 3,072 parameters, below SQLite's limit of 32,766.
pub(super) const SQLITE_ROWS: [usize; 14] = [128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1];

/// A table that the software appends to.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, in the order in which rows are pushed.
    pub columns: &'static [Column],
    /// What an INSERT ends with.
    tail: &'static str,
    sqlite: [OnceLock<String>; SQLITE_ROWS.len()],
    range: OnceLock<String>,
    delete_parts: OnceLock<super::Statement>,
    places: OnceLock<super::Statement>,
    places_at: OnceLock<super::Statement>,
    vacuum: OnceLock<String>,
    census: OnceLock<super::Statement>,
}

impl Table {
    /// A table; only used for statics.
    pub const fn new(name: &'static str, columns: &'static [Column]) -> Self {
        Self {
            name,
            columns,
            tail: "",
            sqlite: [const { OnceLock::new() }; SQLITE_ROWS.len()],
            range: OnceLock::new(),
            delete_parts: OnceLock::new(),
            places: OnceLock::new(),
            places_at: OnceLock::new(),
            vacuum: OnceLock::new(),
            census: OnceLock::new(),
        }
    }

    /// A table whose rows may be there already, with the same content: an INSERT leaves them alone.
    pub const fn idempotent(name: &'static str, columns: &'static [Column]) -> Self {
        let mut table = Self::new(name, columns);
        table.tail = " ON CONFLICT DO NOTHING";
        table
    }

    fn names(&self) -> String {
        self.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
    }

    /// `INSERT … SELECT * FROM UNNEST(…)`, with parameters that count from `first`.
    pub fn postgres_insert(&'static self, first: usize) -> String {
        let arrays: Vec<String> = (first..)
            .zip(self.columns)
            .map(|(at, column)| {
                let kind = match column.kind {
                    Kind::Int => "bigint",
                    Kind::Text => "text",
                    Kind::Blob => "bytea",
                };
                format!("${at}::{kind}[]")
            })
            .collect();
        format!(
            "INSERT INTO {} ({}) SELECT * FROM UNNEST({}){}",
            self.name,
            self.names(),
            arrays.join(", "),
            self.tail
        )
    }

    /// `INSERT … VALUES …` for the number of rows at `size` of the fixed lengths.
    pub(super) fn sqlite_insert(&'static self, size: usize) -> &'static str {
        let Some((cell, rows)) = self.sqlite.get(size).zip(SQLITE_ROWS.get(size)) else { return "" };
        cell.get_or_init(|| {
            let width = self.columns.len();
            // A transaction with a row that is refused is given up as a whole; what is usual, to take back this statement alone,
            // would make SQLite keep every page as it was before.
            let mut text = format!("INSERT OR FAIL INTO {} ({}) VALUES ", self.name, self.names());
            for row in 0..*rows {
                text.push_str(if row == 0 { "(" } else { ", (" });
                // Nameless: the driver asks for the name of every parameter, and SQLite looks for it from the first one on.
                text.push_str(&vec!["?"; width].join(", "));
                text.push(')');
            }
            text.push_str(self.tail);
            text
        })
    }

    /// Every text that inserts into this table on SQLite.
    pub fn sqlite_inserts(&'static self) -> impl Iterator<Item = &'static str> {
        (0..SQLITE_ROWS.len()).map(|size| self.sqlite_insert(size))
    }

    /// Deletes parts, by (pos, part), from a table of personal parts.
    pub fn delete_parts(&'static self) -> &'static super::Statement {
        self.delete_parts.get_or_init(|| {
            super::Statement::generated(format!(
                "DELETE FROM {} WHERE log_id = $1 AND (pos, part) IN (SELECT * FROM UNNEST($2::bigint[], $3::bigint[]))",
                self.name
            ))
        })
    }

    /// Which parts of a log stand in a table of parts, from position `$2` up to, not including, `$3`: no content.
    pub fn places(&'static self) -> &'static super::Statement {
        self.places.get_or_init(|| {
            super::Statement::generated(format!(
                "SELECT pos, part FROM {} WHERE log_id = $1 AND pos >= $2 AND pos < $3 ORDER BY pos, part",
                self.name
            ))
        })
    }

    /// Which parts of these entries of a log stand in a table of parts: no content.
    pub fn places_at(&'static self) -> &'static super::Statement {
        self.places_at.get_or_init(|| {
            super::Statement::generated(format!(
                "SELECT pos, part FROM {} WHERE log_id = $1 AND pos = ANY($2::bigint[])",
                self.name
            ))
        })
    }

    /// Writes the table anew without its deleted rows, on PostgreSQL; nobody else reads or writes it meanwhile.
    pub fn vacuum(&'static self) -> &'static str {
        self.vacuum.get_or_init(|| format!("VACUUM FULL {}", self.name))
    }

    /// How many rows each log has: what shows rows that no walk over positions would meet.
    pub fn census(&'static self) -> &'static super::Statement {
        self.census.get_or_init(|| {
            super::Statement::generated(format!(
                "SELECT log_id, COUNT(*) FROM {} GROUP BY log_id ORDER BY log_id",
                self.name
            ))
        })
    }

    /// All rows of a log from position `$2` up to, not including, `$3`, in order: what the audit compares.
    pub fn range(&'static self) -> &'static str {
        self.range.get_or_init(|| {
            let order: Vec<String> = (1..=self.columns.len()).map(|at| at.to_string()).collect();
            format!(
                "SELECT {} FROM {} WHERE log_id = $1 AND pos >= $2 AND pos < $3 ORDER BY pos, {}",
                self.names(),
                self.name,
                order.join(", ")
            )
        })
    }
}

/// Rows to insert, by table, in the order in which tables were first named.
#[derive(Debug, Default)]
pub struct Inserts {
    tables: Vec<(&'static Table, Vec<Value>)>,
}

impl Inserts {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more row; as many values as the table has columns.
    pub fn push<const N: usize>(&mut self, table: &'static Table, row: [Value; N]) {
        debug_assert_eq!(N, table.columns.len(), "{}", table.name);
        match self.tables.iter_mut().find(|(known, _)| std::ptr::eq(*known, table)) {
            Some((_, values)) => values.extend(row),
            None => self.tables.push((table, row.into())),
        }
    }

    /// Everything, by table.
    pub fn into_tables(self) -> Vec<(&'static Table, Vec<Value>)> {
        self.tables
    }

    /// The values of one table, row after row.
    pub fn rows_of(&self, table: &'static Table) -> impl Iterator<Item = &[Value]> {
        self.tables
            .iter()
            .filter(move |(known, _)| std::ptr::eq(*known, table))
            .flat_map(|(table, values)| values.chunks(table.columns.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_may_be_there_already_is_left_alone_on_both_databases() {
        static ONCE: Table = Table::new("once", &[Column::public("a", Kind::Int)]);
        static AGAIN: Table = Table::idempotent("again", &[Column::public("a", Kind::Int)]);
        assert!(AGAIN.postgres_insert(1).ends_with(" ON CONFLICT DO NOTHING"));
        assert!(AGAIN.sqlite_inserts().all(|text| text.ends_with(" ON CONFLICT DO NOTHING")));
        assert!(!ONCE.postgres_insert(1).contains("CONFLICT"));
        assert!(!ONCE.sqlite_inserts().any(|text| text.contains("CONFLICT")));
    }
}
