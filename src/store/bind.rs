//! Parameters of a statement.

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Postgres, SqlSafeStr, Sqlite, query::Query};

use super::Value;

/// Rows of keys, each as long as the statement's `UNNEST` has columns.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    columns: Vec<KeyColumn>,
    rows: usize,
}

#[derive(Debug, Clone)]
enum KeyColumn {
    Int(Vec<i64>),
    Text(Vec<String>),
    Blob(Vec<Vec<u8>>),
}

impl Keys {
    /// Integers.
    pub fn ints(values: impl IntoIterator<Item = i64>) -> Self {
        Self::default().and_ints(values)
    }

    /// Texts.
    pub fn texts<T: Into<String>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::default().and_texts(values)
    }

    /// Byte strings.
    pub fn blobs<T: Into<Vec<u8>>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::default().and_blobs(values)
    }

    /// One more column of integers.
    #[must_use]
    pub fn and_ints(self, values: impl IntoIterator<Item = i64>) -> Self {
        self.and(KeyColumn::Int(values.into_iter().collect()))
    }

    /// One more column of texts.
    #[must_use]
    pub fn and_texts<T: Into<String>>(self, values: impl IntoIterator<Item = T>) -> Self {
        self.and(KeyColumn::Text(values.into_iter().map(Into::into).collect()))
    }

    /// One more column of byte strings.
    #[must_use]
    pub fn and_blobs<T: Into<Vec<u8>>>(self, values: impl IntoIterator<Item = T>) -> Self {
        self.and(KeyColumn::Blob(values.into_iter().map(Into::into).collect()))
    }

    fn and(mut self, column: KeyColumn) -> Self {
        self.rows = match &column {
            KeyColumn::Int(values) => values.len(),
            KeyColumn::Text(values) => values.len(),
            KeyColumn::Blob(values) => values.len(),
        };
        self.columns.push(column);
        self
    }

    /// No keys: the statement need not be asked.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// `[["a",1],["b",2]]`; byte strings in hex.
    fn to_json(&self) -> String {
        let rows: Vec<Vec<serde_json::Value>> = (0..self.rows)
            .map(|row| {
                self.columns
                    .iter()
                    .map(|column| match column {
                        KeyColumn::Int(values) => values.get(row).copied().into(),
                        KeyColumn::Text(values) => values.get(row).cloned().into(),
                        KeyColumn::Blob(values) => values.get(row).map(|bytes| hex(bytes)).into(),
                    })
                    .collect()
            })
            .collect();
        serde_json::to_string(&rows).unwrap_or_default()
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The parameters of one call, in order; keys last.
#[derive(Debug, Default)]
pub struct Binds {
    values: Vec<Value>,
    keys: Option<Keys>,
}

impl Binds {
    /// No parameters yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next parameter.
    #[must_use]
    pub fn and(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The key set.
    #[must_use]
    pub fn keys(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    pub(super) fn sqlite(self, text: &'static str) -> Query<'static, Sqlite, SqliteArguments> {
        let mut query = sqlx::query(text);
        for value in self.values {
            query = bind_sqlite(query, value);
        }
        match self.keys {
            Some(keys) => query.bind(keys.to_json()),
            None => query,
        }
    }

    /// How many parameters they are on PostgreSQL, where each column of the key set is one.
    pub(super) fn parameters(&self) -> usize {
        self.values.len() + self.keys.as_ref().map_or(0, |keys| keys.columns.len())
    }

    pub(super) fn postgres(self, text: impl SqlSafeStr) -> Query<'static, Postgres, PgArguments> {
        let mut query = sqlx::query(text);
        for value in self.values {
            query = match value {
                Value::Null => query.bind(None::<i64>),
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::Blob(value) => query.bind(value),
            };
        }
        for column in self.keys.into_iter().flat_map(|keys| keys.columns) {
            query = match column {
                KeyColumn::Int(values) => query.bind(values),
                KeyColumn::Text(values) => query.bind(values),
                KeyColumn::Blob(values) => query.bind(values),
            };
        }
        query
    }
}

pub(super) fn bind_sqlite(
    query: Query<'static, Sqlite, SqliteArguments>,
    value: Value,
) -> Query<'static, Sqlite, SqliteArguments> {
    match value {
        Value::Null => query.bind(None::<i64>),
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Blob(value) => query.bind(value),
    }
}
