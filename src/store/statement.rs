//! A question, as static text.
//!
//! Written in PostgreSQL's words. A set of keys is always the last parameter and always written
//! `IN (SELECT * FROM UNNEST($2::text[], $3::bigint[]))`; SQLite has no arrays, so there the same keys travel as
//! one JSON array of rows and the `UNNEST(…)` reads `(SELECT value ->> 0 AS k0, value ->> 1 AS k1 FROM json_each($2))`,
//! with `unhex(…)` around columns of bytes. To join with the keys, call them `UNNEST(…) AS k(k0, k1)`: the column
//! list falls away on SQLite. A trailing `FOR UPDATE OF h`, with or without `SKIP LOCKED`, falls away too: `BEGIN IMMEDIATE`
//! holds the whole database.
//! Nothing else is rewritten.

use std::borrow::Cow;
use std::sync::OnceLock;

/// A static SQL text.
#[derive(Debug)]
pub struct Statement {
    text: Cow<'static, str>,
    sqlite: OnceLock<String>,
}

impl Statement {
    /// From its text. Only used for statics, through which every text stays known.
    pub const fn new(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), sqlite: OnceLock::new() }
    }

    /// From a text that a static table spells out of its own names.
    pub(super) fn generated(text: String) -> Self {
        Self { text: Cow::Owned(text), sqlite: OnceLock::new() }
    }

    /// The text for PostgreSQL.
    pub fn postgres(&'static self) -> &'static str {
        &self.text
    }

    /// The text for SQLite.
    pub fn sqlite(&'static self) -> &'static str {
        self.sqlite.get_or_init(|| for_sqlite(&self.text))
    }
}

/// Rewrites the key set, and nothing else.
pub(crate) fn for_sqlite(text: &str) -> String {
    const OPEN: &str = "UNNEST(";
    let text = text.strip_suffix(" SKIP LOCKED").unwrap_or(text);
    let text = text.strip_suffix(" FOR UPDATE OF h").unwrap_or(text);
    let Some((before, rest)) = text.split_once(OPEN) else { return text.to_owned() };
    let Some((columns, after)) = rest.split_once(')') else { return text.to_owned() };
    let mut first = "";
    let mut values = Vec::new();
    for (position, column) in columns.split(',').enumerate() {
        let (parameter, kind) = column.trim().split_once("::").unwrap_or((column.trim(), ""));
        if position == 0 {
            first = parameter;
        }
        values.push(if kind == "bytea[]" {
            format!("unhex(value ->> {position}) AS k{position}")
        } else {
            format!("value ->> {position} AS k{position}")
        });
    }
    let after = match after.strip_prefix(" AS k(").and_then(|named| named.split_once(')')) {
        Some((_, after)) => format!(" AS k{after}"),
        None => after.to_owned(),
    };
    format!("{before}(SELECT {} FROM json_each({first})){after}", values.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_set_becomes_one_json_parameter_on_sqlite() {
        static PAIRS: Statement = Statement::new(
            "SELECT pos FROM t WHERE log_id = $1 AND (a, b) IN (SELECT * FROM UNNEST($2::bytea[], $3::bigint[]))",
        );
        assert_eq!(
            PAIRS.sqlite(),
            "SELECT pos FROM t WHERE log_id = $1 AND (a, b) IN (SELECT * FROM (SELECT unhex(value ->> 0) AS k0, value ->> 1 AS k1 FROM json_each($2)))"
        );
        static JOIN: Statement = Statement::new(
            "SELECT t.seq FROM UNNEST($2::text[], $3::bigint[]) AS k(k0, k1) JOIN t ON t.log_id = $1 AND t.a = k.k0",
        );
        assert_eq!(
            JOIN.sqlite(),
            "SELECT t.seq FROM (SELECT value ->> 0 AS k0, value ->> 1 AS k1 FROM json_each($2)) AS k JOIN t ON t.log_id = $1 AND t.a = k.k0"
        );
        static PLAIN: Statement = Statement::new("SELECT 1 WHERE 1 = $1");
        assert_eq!(PLAIN.sqlite(), PLAIN.postgres());
    }

    #[test]
    fn a_row_lock_falls_away_on_sqlite_where_the_transaction_holds_the_database() {
        static WAITING: Statement = Statement::new("SELECT h.a FROM t h WHERE h.b = $1 FOR UPDATE OF h");
        static SKIPPING: Statement =
            Statement::new("SELECT h.a FROM t h WHERE h.b = $1 FOR UPDATE OF h SKIP LOCKED");
        for statement in [&WAITING, &SKIPPING] {
            assert_eq!(statement.sqlite(), "SELECT h.a FROM t h WHERE h.b = $1");
        }
        assert!(SKIPPING.postgres().ends_with(" FOR UPDATE OF h SKIP LOCKED"));
    }
}
