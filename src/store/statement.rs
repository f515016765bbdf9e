//! A question, as static text.
//!
//! Written in PostgreSQL's words. A set of keys is always the last parameter. Keys of one column are written
//! `= ANY($2::text[])`, of several `IN (SELECT * FROM UNNEST($2::text[], $3::bigint[]))`; SQLite has no arrays, so there the
//! same keys travel as one JSON array of rows, and `IN (SELECT value ->> 0 AS k0, value ->> 1 AS k1 FROM json_each($2))` reads
//! them, with `unhex(…)` around columns of bytes. To look something up for each key, call the set `UNNEST(…) AS k(k0, k1)`: the
//! column list falls away on SQLite, and so does all that makes `CROSS JOIN LATERAL (SELECT * FROM t WHERE … OFFSET 0) t` on
//! PostgreSQL what `CROSS JOIN t WHERE …` is on SQLite: first the keys, then the rows of each. A trailing
//! `FOR UPDATE OF h`, with or without `SKIP LOCKED`, falls away too: `BEGIN IMMEDIATE` holds the whole database.
//! Nothing else is rewritten (docs/adr/0015-keys-first.md).

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

/// Rewrites the key set, how it is joined and the lock, and nothing else.
pub(crate) fn for_sqlite(text: &str) -> String {
    let text = text.strip_suffix(" SKIP LOCKED").unwrap_or(text);
    let text = text.strip_suffix(" FOR UPDATE OF h").unwrap_or(text);
    let text = joined(text);
    if let Some((before, rest)) = text.split_once("= ANY(")
        && let Some((column, after)) = rest.split_once(')')
    {
        return format!("{before}IN {}{after}", keys(column));
    }
    let Some((before, rest)) = text.split_once("UNNEST(") else { return text.into_owned() };
    let Some((columns, after)) = rest.split_once(')') else { return text.into_owned() };
    let after = match after.strip_prefix(" AS k(").and_then(|named| named.split_once(')')) {
        Some((_, after)) => format!(" AS k{after}"),
        None => after.to_owned(),
    };
    format!("{before}{}{after}", keys(columns))
}

/// A join whose order PostgreSQL has to be made to keep.
fn joined(text: &str) -> Cow<'_, str> {
    let parts = text.split_once("LATERAL (SELECT * FROM ");
    let Some((before, (inner, after))) =
        parts.and_then(|(before, rest)| Some((before, rest.rsplit_once(" OFFSET 0) ")?)))
    else {
        return Cow::Borrowed(text);
    };
    // The name of what was joined stands inside too.
    let after = after.trim_start_matches(|letter: char| letter.is_ascii_lowercase());
    Cow::Owned(format!("{before}{inner}{after}"))
}

/// A set of keys, as a table of one JSON parameter.
fn keys(columns: &str) -> String {
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
    format!("(SELECT {} FROM json_each({first}))", values.join(", "))
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
        static ONE: Statement = Statement::new("SELECT pos FROM t WHERE a = ANY($1::bytea[]) ORDER BY pos");
        assert_eq!(
            ONE.sqlite(),
            "SELECT pos FROM t WHERE a IN (SELECT unhex(value ->> 0) AS k0 FROM json_each($1)) ORDER BY pos"
        );
        static JOIN: Statement = Statement::new(
            "SELECT t.seq FROM UNNEST($2::text[], $3::bigint[]) AS k(k0, k1) JOIN t ON t.log_id = $1 AND t.a = k.k0",
        );
        assert_eq!(
            JOIN.sqlite(),
            "SELECT t.seq FROM (SELECT value ->> 0 AS k0, value ->> 1 AS k1 FROM json_each($2)) AS k JOIN t ON t.log_id = $1 AND t.a = k.k0"
        );
        static EACH: Statement = Statement::new(
            "SELECT t.a FROM UNNEST($1::text[]) AS k(k0) CROSS JOIN LATERAL (SELECT * FROM thing t \
     WHERE t.a = k.k0 OFFSET 0) t ORDER BY t.a",
        );
        assert_eq!(
            EACH.sqlite(),
            "SELECT t.a FROM (SELECT value ->> 0 AS k0 FROM json_each($1)) AS k CROSS JOIN thing t WHERE t.a = k.k0 ORDER BY t.a"
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
