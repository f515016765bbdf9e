//! What a database holds, row by row, and what has changed in it.

use std::collections::BTreeMap;

use crate::support::store::Raw;

/// So much of a row is shown when it has changed: 300 characters.
const SHOWN: usize = 300;

/// Every row of every table as text, in order.
pub(crate) struct Rows(BTreeMap<String, Vec<String>>);

impl Rows {
    /// All that is there now.
    pub(crate) async fn of(raw: &Raw) -> Self {
        let tables = match raw {
            Raw::Sqlite(_) => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            }
            Raw::Postgres(_) => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
        };
        let mut rows = BTreeMap::new();
        for table in raw.column::<String>(tables).await {
            let text = match raw {
                Raw::Sqlite(_) => {
                    let columns = format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid");
                    let quoted = raw.column::<String>(&columns).await;
                    let quoted: Vec<_> = quoted.iter().map(|name| format!("quote(\"{name}\")")).collect();
                    format!("SELECT {} FROM \"{table}\" ORDER BY 1", quoted.join(" || ' ' || "))
                }
                // A row of PostgreSQL knows how to say itself.
                Raw::Postgres(_) => format!("SELECT it::text FROM \"{table}\" it ORDER BY 1"),
            };
            rows.insert(table, raw.column::<String>(&text).await);
        }
        Self(rows)
    }

    /// Which rows came and which went, by table.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<String> {
        let tables: Vec<_> =
            self.0.keys().chain(before.0.keys().filter(|t| !self.0.contains_key(*t))).collect();
        let mut changes = Vec::new();
        for table in tables {
            let (old, new) = (rows_in(before, table), rows_in(self, table));
            if old == new {
                continue;
            }
            for (sign, some, others) in [('-', old, new), ('+', new, old)] {
                let mut left = BTreeMap::<&str, usize>::new();
                for row in others {
                    *left.entry(row).or_default() += 1;
                }
                for row in some {
                    match left.get_mut(row.as_str()) {
                        Some(count) if *count > 0 => *count -= 1,
                        Some(_) | None => {
                            let shown: String = row.chars().take(SHOWN).collect();
                            changes.push(format!("{sign} {table}: {shown}"));
                        }
                    }
                }
            }
        }
        changes
    }
}

fn rows_in<'a>(rows: &'a Rows, table: &str) -> &'a [String] {
    rows.0.get(table).map_or(&[], Vec::as_slice)
}

mod tests {
    use super::*;
    use crate::support::store::each;

    #[tokio::test]
    async fn one_column_of_one_row_that_is_changed_is_noticed() {
        each(async |fixture| {
            let raw = fixture.raw().await;
            let bytes = |hex: &str| match raw {
                Raw::Sqlite(_) => format!("x'{hex}'"),
                Raw::Postgres(_) => format!("'\\x{hex}'::bytea"),
            };
            let head = |log: i64, root: &str| {
                let (none, root) = (bytes(""), bytes(root));
                format!("INSERT INTO ledger_head VALUES ({log}, 1, 0, {none}, {root}, 5, -1, {none})")
            };
            raw.execute(&head(1, "0a0b")).await;
            raw.execute(&head(2, "0a0c")).await;
            raw.execute("INSERT INTO ledger_log VALUES (1, 'hall')").await;
            let before = Rows::of(&raw).await;
            assert_eq!(Rows::of(&raw).await.changes_since(&before), [""; 0]);
            let (one, other) = (bytes("0a0b"), bytes("0a0d"));
            for (change, back, table, count) in [
                (
                    "UPDATE ledger_head SET last_ms = 6 WHERE log_id = 1".to_owned(),
                    "UPDATE ledger_head SET last_ms = 5 WHERE log_id = 1".to_owned(),
                    "ledger_head",
                    2,
                ),
                (
                    format!("UPDATE ledger_head SET root = {other} WHERE log_id = 1"),
                    format!("UPDATE ledger_head SET root = {one} WHERE log_id = 1"),
                    "ledger_head",
                    2,
                ),
                (
                    "UPDATE ledger_log SET centre = 'Hall'".to_owned(),
                    "UPDATE ledger_log SET centre = 'hall'".to_owned(),
                    "ledger_log",
                    2,
                ),
                ("DELETE FROM ledger_head WHERE log_id = 2".to_owned(), head(2, "0a0c"), "ledger_head", 1),
                (
                    "INSERT INTO ledger_log VALUES (2, 'annex')".to_owned(),
                    "DELETE FROM ledger_log WHERE log_id = 2".to_owned(),
                    "ledger_log",
                    1,
                ),
            ] {
                raw.execute(&change).await;
                let changes = Rows::of(&raw).await.changes_since(&before);
                assert_eq!(changes.len(), count, "{change}: {changes:?}");
                assert!(changes.iter().all(|line| line.contains(table)), "{change}: {changes:?}");
                raw.execute(&back).await;
                assert_eq!(Rows::of(&raw).await.changes_since(&before), [""; 0], "{back}");
            }
        })
        .await;
    }
}
