//! Every static `Statement` and `Table` of the crate, read from its source: none can be forgotten in a list.

use std::fs;
use std::ops::Range;

use qinlian::store::{Column, Kind, Statement, Table};

use super::source::{Source, item_end, root};

/// A static of the crate, and a leaked copy of its value.
#[derive(Debug)]
pub(crate) struct Static<T: 'static> {
    /// Where it stands.
    pub(crate) place: String,
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: &'static T,
}

/// `static NAME: Statement = Statement::new("…");`
pub(crate) fn statements(sources: &[Source]) -> Vec<Static<Statement>> {
    all(sources, "Statement", "new", |source, item| {
        let text = literals(source, item).next().expect("a text");
        Statement::new(text.to_owned().leak())
    })
}

/// `static NAME: Table = Table::new("name", &[Column::public("column", Kind::Int), …]);`
pub(crate) fn tables(sources: &[Source]) -> Vec<Static<Table>> {
    let plain = all(sources, "Table", "new", |source, item| {
        let (name, columns) = name_and_columns(sources, source, item);
        Table::new(name, columns)
    });
    let idempotent = all(sources, "Table", "idempotent", |source, item| {
        let (name, columns) = name_and_columns(sources, source, item);
        Table::idempotent(name, columns)
    });
    plain.into_iter().chain(idempotent).filter(|found| !is_announced(found.value)).collect()
}

/// A table that only has a name yet: no columns, or a migration that is still an empty file. Nothing can be in it.
fn is_announced(table: &Table) -> bool {
    let room = table.name.split('_').next().unwrap_or_default();
    table.columns.is_empty()
        || fs::read_dir(root().join("migrations/sqlite")).unwrap().flatten().any(|file| {
            file.file_name().to_str().is_some_and(|name| name.ends_with(&format!("_{room}.sql")))
                && file.metadata().unwrap().len() == 0
        })
}

fn name_and_columns(
    sources: &[Source],
    source: &Source,
    item: Range<usize>,
) -> (&'static str, &'static [Column]) {
    let name = literals(source, item.clone()).next().expect("a name").to_owned().leak();
    let mut columns = columns(source, item.clone());
    // `Table::new("name", PERSONAL_COLUMNS)`: the columns stand elsewhere, under that name.
    if columns.is_empty() && !source.code[item.clone()].contains("&[]") {
        let code = source.code[item].trim_end_matches([')', ';', ',', '\n', ' ']);
        let constant = code.rsplit([',', '(']).next().unwrap().trim();
        columns = constant_columns(sources, constant);
    }
    (name, columns.leak())
}

fn constant_columns(sources: &[Source], name: &str) -> Vec<Column> {
    let declaration = format!("const {name}: &[Column] =");
    let found = sources.iter().find_map(|source| {
        let at = source.code.find(&declaration)?;
        Some(columns(source, at..item_end(&source.code, at)))
    });
    found.unwrap_or_else(|| panic!("no {declaration}"))
}

/// Every static of a type. Each use of its constructor must be in one: else a text would stay unknown.
fn all<T>(
    sources: &[Source],
    kind: &str,
    constructor: &str,
    build: impl Fn(&Source, Range<usize>) -> T,
) -> Vec<Static<T>> {
    let mut found = Vec::new();
    // Other people have a Table too: only what comes from our store counts, and the store's own files make none.
    for source in sources.iter().filter(|source| source.code.contains("crate::store")) {
        for (at, _) in source.code.match_indices(&format!("{kind}::{constructor}(")) {
            let start = source.code[..at].rfind("static ");
            let name = start.and_then(|start| source.code[start + 7..at].split_once(": "));
            let Some((name, _)) = name.filter(|(_, rest)| rest.split_whitespace().eq([kind, "="])) else {
                panic!("{}: a {kind} that is no static", source.place(at));
            };
            let end = item_end(&source.code, at);
            let value = Box::leak(Box::new(build(source, at..end)));
            found.push(Static { place: source.place(at), name: name.to_owned(), value });
        }
    }
    found
}

fn literals(source: &Source, item: Range<usize>) -> impl Iterator<Item = &str> {
    source
        .strings
        .iter()
        .filter(move |literal| item.contains(&literal.range.start))
        .map(|literal| literal.value.as_str())
}

fn columns(source: &Source, item: Range<usize>) -> Vec<Column> {
    let mut columns = Vec::new();
    for (at, _) in source.code[item.clone()].match_indices("Column::") {
        let at = item.start + at + "Column::".len();
        let end = at + source.code[at..item.end].find(')').expect("a closed column");
        let name: &'static str = literals(source, at..end).next().expect("a column's name").to_owned().leak();
        let (class, rest) = source.code[at..end].split_once('(').expect("a column's class");
        let kind = match rest.rsplit("Kind::").next().map(|kind| kind.trim().trim_end_matches(',')) {
            Some("Int") => Kind::Int,
            Some("Text") => Kind::Text,
            Some("Blob") => Kind::Blob,
            other => panic!("{}: kind {other:?}", source.place(at)),
        };
        columns.push(match class {
            "public" => Column::public(name, kind),
            "pseudonymous" => Column::pseudonymous(name, kind),
            "personal" => Column::personal(name, kind),
            other => panic!("{}: class {other}", source.place(at)),
        });
    }
    columns
}

mod tests {
    use qinlian::store::Class;

    use super::*;

    #[test]
    fn statics_are_read_as_the_compiler_reads_them() {
        let sources = [
            Source::parse(
                "src/a.rs",
                r#"use crate::store::{Column, Kind, Statement, Table};
                   pub static A: Table = Table::new("a", &[Column::public("x", Kind::Int), Column::pseudonymous("y", Kind::Blob)]);
                   static B: Table =
                       Table::new("b_personal", C);
                   static ASK: Statement =
                       Statement::new("SELECT x \
                           FROM a");"#,
            ),
            Source::parse("src/b.rs", r#"pub const C: &[Column] = &[Column::personal("z", Kind::Text)];"#),
        ];
        let tables = tables(&sources);
        assert_eq!(
            tables[0].value.postgres_insert(1),
            "INSERT INTO a (x, y) SELECT * FROM UNNEST($1::bigint[], $2::bytea[])"
        );
        assert_eq!((tables[1].name.as_str(), tables[1].value.columns[0].class), ("B", Class::Personal));
        let statements = statements(&sources);
        assert_eq!((statements[0].name.as_str(), statements[0].value.postgres()), ("ASK", "SELECT x FROM a"));
    }

    #[test]
    #[should_panic(expected = "a Statement that is no static")]
    fn a_statement_that_is_no_static_is_refused() {
        statements(&[Source::parse(
            "src/a.rs",
            r#"use crate::store::Statement; fn f() { let ask = Statement::new("SELECT 1"); }"#,
        )]);
    }
}
