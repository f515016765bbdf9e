//! The documents that operators read, held against the source and the configuration.

use std::collections::{BTreeMap, BTreeSet};

use qinlian::config::Limits;
use qinlian::policy::Policy;

use crate::support::source::{root, sources};

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// Every `code = "…"` in a text, with the levels of the macros around it.
fn codes(text: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
    for (at, _) in text.match_indices("code = \"") {
        let code = text[at + 8..].split('"').next().unwrap_or_default();
        let Some((_, after)) = text[..at].rsplit_once("tracing::") else { continue };
        let level = after.split('!').next().unwrap_or_default();
        if LEVELS.contains(&level) {
            found.entry(code.to_owned()).or_default().insert(level.to_owned());
        }
    }
}

/// The rows of a document's first table whose first cells are in backquotes.
pub(super) fn rows(document: &str) -> BTreeMap<String, Vec<String>> {
    rows_of(document, text_of(document).split("\n## ").next().unwrap())
}

/// The same of the table under a heading.
pub(crate) fn rows_under(document: &str, heading: &str) -> BTreeMap<String, Vec<String>> {
    let text = text_of(document);
    let section = text.split("\n## ").find(|section| section.starts_with(&format!("{heading}\n")));
    rows_of(document, section.unwrap_or_else(|| panic!("{document} has no {heading}")))
}

fn text_of(document: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(document)).unwrap()
}

fn rows_of(document: &str, text: &str) -> BTreeMap<String, Vec<String>> {
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        let name = cells[0].trim_matches('`').to_owned();
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{document}: {name} has an empty cell");
        assert!(rows.insert(name.clone(), cells[1..].to_vec()).is_none(), "{document}: {name} stands twice");
    }
    rows
}

#[test]
fn every_event_is_in_the_catalogue_with_its_level_and_nothing_else_is() {
    let mut emitted = BTreeMap::new();
    for source in sources("src") {
        codes(&std::fs::read_to_string(root().join(&source.path)).unwrap(), &mut emitted);
    }
    let levels = |row: &Vec<String>| row[0].split(", ").map(str::to_owned).collect::<BTreeSet<_>>();
    let written: BTreeMap<_, _> = rows("events.md").iter().map(|(c, row)| (c.clone(), levels(row))).collect();
    assert_eq!(written, emitted);
}

#[test]
fn an_event_is_found_whether_it_stands_on_one_line_or_on_many() {
    let mut found = BTreeMap::new();
    codes("tracing::warn!(code = \"ONE\", a); tracing::error!(\n    code = \"TWO\",\n b)", &mut found);
    let found: Vec<_> =
        found.into_iter().map(|(code, levels)| (code, levels.into_iter().collect())).collect();
    let expected: [(String, Vec<String>); 2] =
        [("ONE".to_owned(), vec!["warn".to_owned()]), ("TWO".to_owned(), vec!["error".to_owned()])];
    assert_eq!(found, expected);
}

#[test]
fn every_limit_is_described_with_its_default() {
    let limits = toml::Table::try_from(Limits::default()).unwrap();
    let defaults: BTreeMap<_, _> =
        limits.iter().map(|(key, value)| (key.clone(), value.to_string())).collect();
    let written: BTreeMap<_, _> =
        rows("limits.md").iter().map(|(key, row)| (key.clone(), row[0].replace(',', ""))).collect();
    assert_eq!(written, defaults);
}

#[test]
fn every_number_of_the_policy_is_described_with_its_value_in_the_packs() {
    let pack = |name: &str| Policy::of_pack(name).expect("a pack").values();
    let (default, strict) = (pack("cn-default"), pack("cn-strict"));
    let written = rows("policy.md");
    let names: BTreeSet<&String> = written.keys().collect();
    assert_eq!(names, default.keys().collect::<BTreeSet<_>>());
    for (key, cells) in &written {
        let said = |value: &str| if value.is_empty() { "(empty)".to_owned() } else { value.to_owned() };
        assert_eq!(cells[..2], [said(&default[key]), said(&strict[key])], "{key}");
    }
    for key in qinlian::policy::keys() {
        let meaning = &written[key.name][2];
        assert!(meaning.contains(key.zh) && meaning.contains(key.en), "{}: {meaning}", key.name);
    }
}
