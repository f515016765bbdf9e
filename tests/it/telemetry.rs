//! What a log line may hold: the fields that docs/events.md lists, of our own events alone, and nothing that ends a
//! line or moves a cursor.

use std::collections::BTreeSet;

use qinlian::telemetry::fields::{ALLOWED, is_allowed};
use qinlian::telemetry::{LogFormat, start};
use serde_json::Value;

use crate::edge::documents::rows_under;
use crate::support::lines::Lines;
use crate::support::source::{Source, sources};

/// How an event or a span begins in our source.
const MACROS: [&str; 7] =
    ["error!(", "warn!(", "info!(", "debug!(", "trace!(", "error_span!(", "info_span!("];

/// The names of the fields that a source says, and the sentences that it says with them.
fn said(source: &Source) -> (BTreeSet<String>, Vec<String>) {
    let (mut fields, mut sentences) = (BTreeSet::new(), Vec::new());
    for (at, _) in source.code.match_indices("tracing::") {
        let rest = at + "tracing::".len();
        let Some(call) = MACROS.iter().find(|call| source.code[rest..].starts_with(**call)) else { continue };
        let from = rest + call.len();
        let until = from + end_of(&source.code[from..]);
        let literals = source.strings.iter().filter(|literal| (from..until).contains(&literal.range.start));
        sentences.extend(literals.map(|literal| literal.value.clone()).filter(|value| value.contains(' ')));
        // What a text holds is blank in the code, so that every comma outside of brackets parts two arguments.
        for argument in arguments(&source.code[from..until]) {
            let name = argument.split('=').next().unwrap_or_default().trim().trim_start_matches(['%', '?']);
            if !name.is_empty() {
                fields.insert(name.to_owned());
            }
        }
    }
    for at in source.word("record") {
        if source.code[..at].ends_with("span.") {
            let literal = source.strings.iter().find(|literal| literal.range.start > at).expect("a name");
            fields.insert(literal.value.clone());
        }
    }
    (fields, sentences)
}

/// Where the bracket closes that was opened before.
fn end_of(code: &str) -> usize {
    let mut depth = 1;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    code.len()
}

fn arguments(code: &str) -> Vec<&str> {
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            b',' if depth == 0 => {
                found.push(&code[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found.push(&code[from..]);
    found
}

#[test]
fn every_field_that_is_said_passes_is_described_and_no_other_is() {
    let said: BTreeSet<String> = sources("src").iter().flat_map(|source| said(source).0).collect();
    let allowed: BTreeSet<String> = ALLOWED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(allowed.len(), ALLOWED.len(), "none stands twice");
    assert_eq!(allowed, said, "what passes, and what is said");
    let described: BTreeSet<String> = rows_under("events.md", "Fields").into_keys().collect();
    assert_eq!(allowed, described, "what passes, and what is described");
}

#[test]
fn a_message_is_a_sentence_of_the_program_and_not_made_of_anything() {
    let sentences: Vec<String> = sources("src").iter().flat_map(|source| said(source).1).collect();
    assert!(sentences.len() > 40, "the rig sees sentences: {}", sentences.len());
    let made: Vec<_> = sentences.iter().filter(|sentence| sentence.contains('{')).collect();
    assert!(made.is_empty(), "{made:?}");
}

#[test]
fn fields_are_found_however_an_event_is_written() {
    let text = "fn f() {\n tracing::warn!(code = \"A\", %error, ?remains, size, n = g(1, 2), \"a, b = {c}\");\n \
                let span = tracing::info_span!(\"call\", request = &*id.0);\n span.record(\"trace\", x);\n}";
    let (fields, sentences) = said(&Source::parse("src/a.rs", text));
    let expected = ["code", "error", "n", "remains", "request", "size", "trace"];
    assert_eq!(fields, expected.map(str::to_owned).into_iter().collect());
    assert_eq!(sentences, ["a, b = {c}"]);
}

/// What somebody might write without thinking.
fn careless(name: &str) {
    let id = name.len();
    let span = tracing::info_span!(target: "qinlian::test", "call", request = "r-1", badge = name);
    let _in = span.enter();
    tracing::info!(
        target: "qinlian::test",
        code = "TEST",
        person = name,
        badge_number = id,
        inside = true,
        name = ?Some(name),
        size = 7,
        "said"
    );
}

#[test]
fn a_field_that_is_not_on_the_list_never_reaches_the_line() {
    for field in ["person", "badge_number", "inside", "name", "badge"] {
        assert!(!is_allowed(field), "{field}");
    }
    for (format, filter) in [(LogFormat::Json, "trace"), (LogFormat::Text, "trace")] {
        let (lines, kept) = Lines::keep(format, filter);
        careless("canary-name");
        drop(kept);
        let text = lines.text();
        assert_eq!(text.lines().count(), 1);
        assert!(!text.contains("canary-name") && !text.contains("badge") && !text.contains("true"), "{text}");
        for kept in ["TEST", "r-1", "said", "7"] {
            assert!(text.contains(kept), "the control: {kept} is there: {text}");
        }
    }
}

#[test]
fn of_what_a_library_says_a_line_keeps_where_it_said_it() {
    let (lines, kept) = Lines::keep(LogFormat::Json, "trace");
    tracing::warn!(target: "sqlx::query", code = "A", error = "canary-1", "SELECT {}", "canary-2");
    let said_at = line!() - 1;
    drop(kept);
    let line = lines.json().remove(0);
    let fields: BTreeSet<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(["timestamp", "level", "target", "line"]));
    assert_eq!((&line["target"], &line["line"]), (&Value::from("sqlx::query"), &Value::from(said_at)));
}

#[test]
fn a_program_that_is_built_without_traces_says_so_when_it_is_to_send_some() {
    if !cfg!(feature = "opentelemetry") {
        let error = start(LogFormat::Json, "info", Some("http://127.0.0.1:4317")).unwrap_err();
        assert!(error.to_string().contains("without the feature opentelemetry"), "{error}");
    }
}

#[test]
fn one_event_is_one_line_whatever_it_holds() {
    let nasty = "a\r\n{\"code\":\"CALL_OK\"}\u{1b}[2J\u{9b}\0\u{202e}\u{2066}\u{2028}\u{61c}\u{7f}";
    for format in [LogFormat::Json, LogFormat::Text] {
        let (lines, kept) = Lines::keep(format, "trace");
        let error: Result<(), String> = Err(nasty.to_owned());
        tracing::info!(target: "qinlian::test", code = "TEST", why = nasty, error = %nasty, what = ?error, "said");
        drop(kept);
        let text = lines.text();
        assert_eq!(text.lines().count(), 1, "{text:?}");
        let bad = |c: &char| {
            (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert_eq!(text.chars().find(bad), None, "{text:?}");
        if format == LogFormat::Json {
            assert_eq!(lines.json()[0]["code"], "TEST", "what a value holds does not become a field");
        }
    }
}
