//! What is named in one place only, and what is named nowhere.

use std::fs;

use super::none;
use crate::support::source::{Source, relative, root, sources, walk};

/// Words of code that only one file may use. The types of file times are not the time.
const ONE_PLACE: [(&str, &[&str]); 8] = [
    ("Instant", &["src/clock.rs"]),
    ("SystemTime::now", &["src/clock.rs"]),
    ("getrandom", &["src/clock.rs"]),
    ("OsRng", &["src/clock.rs"]),
    ("new_v4", &["src/clock.rs"]),
    ("now_v7", &["src/clock.rs"]),
    ("std::env", &["src/config.rs"]),
    ("set_var", &[]),
];

/// Words that say that something is not finished, or not looked at. Spelled so that this file does not hold them.
const NOWHERE: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!"),
    concat!("unimplemented", "!"),
    concat!("#[ig", "nore"),
    concat!("dbg", "!("),
];

#[test]
fn time_randomness_and_the_environment_have_one_reader_each() {
    none(&sources("src").iter().flat_map(out_of_place).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_for_later() {
    let mut found = Vec::new();
    for folder in ["src", "tests", "proto", "migrations", "docs", ".ci"] {
        walk(&root().join(folder), &mut |path| {
            // Golden bytes are no text.
            if let Ok(text) = fs::read_to_string(&path) {
                found.extend(left_for_later(&relative(&path), &text));
            }
        });
    }
    none(&found);
}

#[test]
fn a_word_out_of_place_is_found() {
    for (path, text, wanted) in [
        ("src/ledger/a.rs", "let now = Instant::now();", 1),
        ("src/ledger/a.rs", "let now = std::time::SystemTime::now();", 1),
        ("src/cli/a.rs", "let home = std::env::var(\"HOME\");", 1),
        ("src/clock.rs", "let now = Instant::now();", 0),
        (
            "src/ledger/a.rs",
            "/// Instant\nlet instant = \"Instant\"; let x = env!(\"A\"); let y: SystemTime;",
            0,
        ),
        ("src/ledger/a.rs", "#[cfg(test)]\nmod tests { let now = Instant::now(); }", 0),
    ] {
        assert_eq!(out_of_place(&Source::parse(path, text)).len(), wanted, "{text}");
    }
}

#[test]
fn a_word_that_puts_something_off_is_found() {
    for word in NOWHERE {
        assert_eq!(left_for_later("a.rs", &format!("fine\n// {word} later")), [format!("a.rs:2: {word}")]);
    }
    assert_eq!(left_for_later("a.rs", "ignored, to do, unimplemented"), [""; 0]);
}

fn out_of_place(source: &Source) -> Vec<String> {
    ONE_PLACE
        .iter()
        .filter(|(_, places)| !places.contains(&source.path.as_str()))
        .flat_map(|(word, _)| source.word(word).into_iter().map(move |at| (word, at)))
        .map(|(word, at)| format!("{}: {word}", source.place(at)))
        .collect()
}

fn left_for_later(path: &str, text: &str) -> Vec<String> {
    text.lines()
        .enumerate()
        .flat_map(|(at, line)| NOWHERE.iter().filter(|word| line.contains(*word)).map(move |word| (at, word)))
        .map(|(at, word)| format!("{path}:{}: {word}", at + 1))
        .collect()
}
