//! The tables that a database really has, in words that both databases share.

use std::collections::{BTreeMap, BTreeSet};

use qinlian::store::{Dialect, Kind};

use super::store::{Fixture, Raw};

/// The tables by name, without the ones that the migrations themselves are kept in.
pub(crate) type Schema = BTreeMap<String, TableShape>;

/// A table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TableShape {
    /// The columns in order.
    pub(crate) columns: Vec<ColumnShape>,
    /// The columns of the primary key.
    pub(crate) primary: Vec<String>,
    /// The columns of each UNIQUE constraint.
    pub(crate) unique: BTreeSet<Vec<String>>,
    /// The columns of each index that is no constraint, by its name.
    pub(crate) indexes: BTreeMap<String, Vec<String>>,
}

/// A column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ColumnShape {
    /// Its name.
    pub(crate) name: String,
    /// Its type, when it is a portable one.
    pub(crate) kind: Option<Kind>,
    /// May it be NULL?
    pub(crate) nullable: bool,
}

const SQLITE_COLUMNS: &str = "\
SELECT t.name || '|' || c.name || '|' || c.type || '|' || (c.\"notnull\" = 0) \
FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c \
WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '_sqlx%' \
ORDER BY t.name, c.cid";

const SQLITE_KEYS: &str = "\
SELECT t.name || '|' || i.origin || i.\"unique\" || '|' || i.name || '|' || (\
  SELECT group_concat(name, ',') FROM (SELECT coalesce(name, '(expression)') AS name FROM pragma_index_info(i.name) ORDER BY seqno)) \
FROM pragma_table_list t JOIN pragma_index_list(t.name) i \
WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '_sqlx%'";

/// An INTEGER PRIMARY KEY is the row's number, and has no index.
const SQLITE_PRIMARY: &str = "\
SELECT t.name || '|' || c.name FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c \
WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '_sqlx%' AND c.pk > 0 \
ORDER BY t.name, c.pk";

/// A text column with another collation than C is no portable one.
const POSTGRES_COLUMNS: &str = "\
SELECT t.relname || '|' || c.attname || '|' || format_type(c.atttypid, c.atttypmod) \
  || CASE WHEN c.attcollation = 0 OR o.collname = 'C' THEN '' ELSE ' collate ' || o.collname END \
  || '|' || CASE WHEN c.attnotnull THEN 0 ELSE 1 END \
FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid LEFT JOIN pg_collation o ON o.oid = c.attcollation \
WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r' AND t.relname NOT LIKE '\\_sqlx%' \
  AND c.attnum > 0 AND NOT c.attisdropped ORDER BY t.relname, c.attnum";

const POSTGRES_KEYS: &str = "\
SELECT t.relname || '|' || CASE WHEN x.indisprimary THEN 'pk1' WHEN k.contype = 'u' THEN 'u1' \
  ELSE 'c' || x.indisunique::int END || '|' || i.relname || '|' || (\
  SELECT string_agg(coalesce(a.attname, '(expression)'), ',' ORDER BY n.at) \
  FROM unnest(x.indkey::int[]) WITH ORDINALITY AS n(attnum, at) \
  LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = n.attnum) \
FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
LEFT JOIN pg_constraint k ON k.conindid = i.oid \
WHERE t.relnamespace = 'public'::regnamespace AND t.relname NOT LIKE '\\_sqlx%'";

/// Reads what is there.
pub(crate) async fn read(fixture: &Fixture) -> Schema {
    let raw = fixture.raw().await;
    let mut schema = Schema::new();
    let (columns, keys) = match fixture.store.dialect() {
        Dialect::Sqlite => (SQLITE_COLUMNS, SQLITE_KEYS),
        Dialect::Postgres => (POSTGRES_COLUMNS, POSTGRES_KEYS),
    };
    for line in lines(&raw, columns).await {
        let [table, name, kind, nullable] = fields(&line);
        let column = ColumnShape { name: name.to_owned(), kind: portable(kind), nullable: nullable == "1" };
        schema.entry(table.to_owned()).or_default().columns.push(column);
    }
    for line in lines(&raw, keys).await {
        let [table, origin, name, columns] = fields(&line);
        let columns: Vec<String> = columns.split(',').map(str::to_owned).collect();
        let table = schema.entry(table.to_owned()).or_default();
        match origin {
            "pk1" => table.primary = columns,
            "u1" => _ = table.unique.insert(columns),
            "c0" => _ = table.indexes.insert(name.to_owned(), columns),
            // CREATE UNIQUE INDEX.
            _ => _ = table.indexes.insert(format!("{name} (unique)"), columns),
        }
    }
    if fixture.store.dialect() == Dialect::Sqlite {
        for table in schema.values_mut() {
            table.primary.clear();
        }
        for line in lines(&raw, SQLITE_PRIMARY).await {
            let [table, column] = fields(&line);
            schema.entry(table.to_owned()).or_default().primary.push(column.to_owned());
        }
    }
    schema
}

async fn lines(raw: &Raw, text: &str) -> Vec<String> {
    raw.column::<String>(text).await
}

fn fields<const N: usize>(line: &str) -> [&str; N] {
    line.split('|').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("{line}"))
}

fn portable(kind: &str) -> Option<Kind> {
    match kind {
        "INTEGER" | "bigint" => Some(Kind::Int),
        "TEXT" | "text" => Some(Kind::Text),
        "BLOB" | "bytea" => Some(Kind::Blob),
        _ => None,
    }
}
