//! What every file begins with, how long it may be, and what may stand at the top of the repository.

use std::collections::BTreeSet;
use std::fs;

use super::none;
use crate::support::source::{Source, root, sources};

/// The aim, and the end: docs and tests are read by people too.
const AIM: usize = 400;
const STOP: usize = 600;

/// Everything at the top; hidden files are somebody's editor's, unless they are named here.
const TOP: [&str; 14] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "build.rs",
    "clippy.toml",
    "docs",
    "migrations",
    "proto",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "src",
    "tests",
];

#[test]
fn every_file_says_what_it_is_and_is_short() {
    let sources: Vec<Source> = ["src", "tests"].into_iter().flat_map(sources).collect();
    none(&sources.iter().flat_map(shape).collect::<Vec<_>>());
    for source in sources.iter().filter(|source| source.lines() > AIM) {
        println!("{} has {} lines; {AIM} is the aim", source.path, source.lines());
    }
}

#[test]
fn every_file_is_compiled() {
    let sources: Vec<Source> = ["src", "tests"].into_iter().flat_map(sources).collect();
    none(&forgotten(&sources));
}

#[test]
fn the_top_of_the_repository_is_small() {
    let ignored = fs::read_to_string(root().join(".gitignore")).unwrap();
    let names: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !ignored.lines().any(|line| line.trim_start_matches('/') == name))
        .collect();
    none(&at_the_top(&names));
    for needed in ["LICENSE", "CHANGELOG.md", ".ci/run"] {
        assert!(root().join(needed).is_file(), "{needed}");
    }
}

#[test]
fn a_file_without_a_description_or_too_long_is_found() {
    let long = "//! A file.\n".to_owned() + &"\n".repeat(STOP);
    assert_eq!(shape(&Source::parse("a.rs", &long)), ["a.rs: 601 lines, 600 is the end"]);
    for text in ["", "// A file.\n", "\n//! A file.\n", "use std::fs;\n//! A file.\n", "//!\n"] {
        assert_eq!(shape(&Source::parse("a.rs", text)), ["a.rs: does not begin with //! and what it is"]);
    }
    assert_eq!(shape(&Source::parse("a.rs", "//! A file.\n")), [""; 0]);
}

#[test]
fn a_file_that_no_module_names_is_found() {
    let file = |path: &str, text: &str| Source::parse(path, text);
    let sources = [
        file("src/lib.rs", "pub mod a; #[cfg(test)] mod fixtures;"),
        file("src/a/mod.rs", "mod b;"),
        file("src/a/b.rs", ""),
        file("src/a/c.rs", "// mod c;"),
        file("src/fixtures.rs", ""),
        file("src/main.rs", ""),
    ];
    assert_eq!(forgotten(&sources), ["src/a/c.rs: no module names it"]);
}

#[test]
fn a_stranger_at_the_top_is_found() {
    let names = ["src", "notes.txt", ".idea"].map(str::to_owned);
    assert_eq!(at_the_top(&names), ["notes.txt: does not belong at the top"]);
}

fn shape(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let first = source.text.lines().next().unwrap_or_default();
    if first.strip_prefix("//! ").is_none_or(|rest| rest.trim().is_empty()) {
        found.push(format!("{}: does not begin with //! and what it is", source.path));
    }
    if source.lines() > STOP {
        found.push(format!("{}: {} lines, {STOP} is the end", source.path, source.lines()));
    }
    found
}

fn forgotten(sources: &[Source]) -> Vec<String> {
    let roots = ["src/lib.rs", "src/main.rs", "tests/it/main.rs"];
    sources
        .iter()
        .filter(|source| !roots.contains(&source.path.as_str()))
        .filter(|source| {
            let module = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
            let (folder, name) = module.rsplit_once('/').unwrap_or(("", module));
            let parents: BTreeSet<String> = ["/mod.rs", "/lib.rs", "/main.rs", ".rs"]
                .into_iter()
                .map(|end| format!("{folder}{end}"))
                .collect();
            // The text, not the code: a module of tests is compiled too.
            let declared = format!("mod {name};");
            !sources.iter().filter(|parent| parents.contains(&parent.path)).any(|parent| {
                parent
                    .text
                    .lines()
                    .any(|line| !line.trim_start().starts_with("//") && line.contains(&declared))
            })
        })
        .map(|source| format!("{}: no module names it", source.path))
        .collect()
}

fn at_the_top(names: &[String]) -> Vec<String> {
    names
        .iter()
        .filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str()))
        .map(|name| format!("{name}: does not belong at the top"))
        .collect()
}
