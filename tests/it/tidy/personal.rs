//! Personal content is read by functions that hold a `Disclosure` (docs/adr/0003-log-before-read.md).
//!
//! A text about a `…_personal` table stands in a register's `rows.rs`. If it reads, it is a private static or stands in
//! a function, and every function that uses it takes a `Disclosure`. The names of tables alone, in a static `Table` or
//! in an error, read nothing.

use super::none;
use crate::support::source::{Literal, Source, sources};

/// Compares what is stored with the commitments, and hands none of it out.
const COMPARES: &str = "src/ledger/check/entries.rs";

#[test]
fn only_functions_that_take_a_disclosure_read_personal_tables() {
    let sources = sources("src");
    none(&sources.iter().flat_map(breaches).collect::<Vec<_>>());
    let read = sources.iter().flat_map(|source| &source.strings).filter(|literal| reads(literal)).count();
    assert!(read > 0, "the rig sees a read");
}

#[test]
fn a_read_without_a_disclosure_is_found() {
    const ROWS: &str = "src/registers/duty/rows.rs";
    let ask = r#"static ASK: Statement = Statement::new("SELECT payload FROM duty_personal");"#;
    for (case, path, text, wanted) in [
        (
            "in a function",
            ROWS,
            r#"fn f(tx: &Tx) { ask("SELECT payload FROM duty_personal") }"#.to_owned(),
            1,
        ),
        ("through a static", ROWS, format!("{ask} fn f(tx: &Tx) {{ tx.fetch(&ASK) }}"), 1),
        (
            "once with, once without",
            ROWS,
            format!("{ask} fn f(d: &Disclosure) {{ &ASK; }} fn g() {{ &ASK; }}"),
            1,
        ),
        ("from elsewhere", ROWS, format!("pub(crate) {ask} fn f(d: &Disclosure) {{ &ASK; }}"), 1),
        (
            "another file",
            "src/registers/duty/service.rs",
            format!("{ask} fn f(d: &Disclosure) {{ &ASK; }}"),
            1,
        ),
        ("a join", ROWS, r#"fn f() { "SELECT a FROM duty JOIN duty_personal USING (pos)"; }"#.to_owned(), 1),
        (
            "a range",
            ROWS,
            r#"static P: Table = Table::new("duty_personal", C); fn f() { tx.range(&P, 1, 2) }"#.to_owned(),
            1,
        ),
        (
            "a range by a path",
            "src/ledger/a.rs",
            "fn f() { tx.range(&duty::rows::PERSONAL, 1, 2) }".to_owned(),
            1,
        ),
        (
            "with a disclosure",
            ROWS,
            format!("{ask} async fn f(tx: &Tx, on: &Disclosure) {{ tx.fetch(&ASK) }}"),
            0,
        ),
        ("no read", ROWS, r#"fn f() { "DELETE FROM duty_personal WHERE pos = $1"; }"#.to_owned(), 0),
        ("a name in an error", ROWS, r#"fn f() { Inconsistent { table: "duty_personal" } }"#.to_owned(), 0),
    ] {
        assert_eq!(breaches(&Source::parse(path, &text)).len(), wanted, "{case}");
    }
}

fn breaches(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let on_record =
        |at: usize| source.function_around(at).is_some_and(|(signature, _)| signature.contains("Disclosure"));
    for literal in source.strings.iter().filter(|literal| literal.value.contains("_personal")) {
        let place = source.place(literal.range.start);
        if !source.path.ends_with("/rows.rs") {
            found.push(format!("{place}: a personal table is named outside rows.rs"));
        } else if reads(literal) {
            found.extend(
                uses(source, literal)
                    .into_iter()
                    .filter(|at| !on_record(*at))
                    .map(|at| format!("{}: reads a personal table without a Disclosure", source.place(at))),
            );
            if is_shared(source, literal) {
                found.push(format!("{place}: a text that reads a personal table is not private"));
            }
        }
    }
    // `range` reads a whole table: one by its name, or all that the rulebook lists.
    for at in source.word("personal_tables") {
        let in_ranges = source.function_around(at).is_some_and(|(_, body)| body.contains(".range("));
        if in_ranges && !on_record(at) && source.path != COMPARES {
            found.push(format!("{}: reads personal tables without a Disclosure", source.place(at)));
        }
    }
    for (at, call) in source.code.match_indices(".range(") {
        let arguments = &source.code[at + call.len()..];
        let table = arguments.split(',').next().unwrap_or_default().trim();
        let name = table.rsplit([':', '&']).next().unwrap_or_default();
        let personal = name == "PERSONAL" || is_personal_static(source, name);
        if personal && !on_record(at) {
            found.push(format!("{}: reads a personal table without a Disclosure", source.place(at)));
        }
    }
    found
}

fn reads(literal: &Literal) -> bool {
    literal.value.contains("_personal")
        && literal.value.to_uppercase().contains("SELECT ")
        && !literal.value.starts_with("DELETE")
}

fn is_personal_static(source: &Source, name: &str) -> bool {
    !name.is_empty()
        && source.strings.iter().any(|literal| {
            literal.value.ends_with("_personal")
                && static_of(source, literal).is_some_and(|(_, found)| found == name)
        })
}

/// Where the static or const begins that a text belongs to, and its name.
fn static_of<'s>(source: &'s Source, literal: &Literal) -> Option<(usize, &'s str)> {
    if source.function_around(literal.range.start).is_some() {
        return None;
    }
    let before = &source.code[..literal.range.start];
    let at = before.rfind("static ").map(|at| at + 7).max(before.rfind("const ").map(|at| at + 6))?;
    let name = source.code[at..].split(':').next()?.trim();
    Some((at, name))
}

/// The places that use a text: itself, or its name.
fn uses(source: &Source, literal: &Literal) -> Vec<usize> {
    match static_of(source, literal) {
        Some((declared, name)) => source.word(name).into_iter().filter(|at| *at != declared).collect(),
        None => vec![literal.range.start],
    }
}

fn is_shared(source: &Source, literal: &Literal) -> bool {
    static_of(source, literal).is_some_and(|(at, _)| {
        let line = source.code[..at].rsplit(['\n', ';', '}']).next().unwrap_or_default();
        line.contains("pub")
    })
}
