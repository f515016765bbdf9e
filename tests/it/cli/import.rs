//! `qinlian import punches`: every line accounted for, and a second run changes nothing.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{begin, done, qinlian, text};
use crate::support::say_aloud;

const COLUMNS: &str = "time=timestamp,person=badge,device=zone";

/// The public data beside the repository; a loud skip where it is missing.
fn data() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/badge-zones-week1.csv");
    if !path.exists() {
        say_aloud(
            "SKIPPED: ../shared/data/badge-zones-week1.csv is not here, so a week of real badges was not imported",
        );
        return None;
    }
    Some(path)
}

fn import(data: &Path, file: &Path, more: &[&str]) -> Value {
    let words = [
        &["import", "punches", text(file), "--data", text(data), "--centre", "hall", "--columns", COLUMNS],
        &["--tz", "Asia/Shanghai", "--json"][..],
        more,
    ]
    .concat();
    serde_json::from_str(&done(&words)).expect("JSON")
}

fn counts(report: &Value) -> [u64; 5] {
    let number = |name: &str| report[name].as_u64().expect("a number");
    let refused = report["refused"].as_array().expect("a list").len();
    let refused = u64::try_from(refused).expect("a number");
    [number("lines"), number("accepted"), number("duplicate"), number("quarantined"), refused]
}

#[test]
fn a_week_of_real_badges_is_accounted_for_line_by_line_and_a_second_run_changes_nothing() {
    let Some(file) = data() else { return };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    begin(&data);
    let first = import(&data, &file, &["--create-people"]);
    assert_eq!(counts(&first), [14_908, 14_907, 1, 0, 0], "one line is an exact repeat");
    let again = import(&data, &file, &["--create-people"]);
    assert_eq!(counts(&again), [14_908, 0, 14_908, 0, 0]);
    assert_eq!((&again["tree_size"], &again["root"]), (&first["tree_size"], &first["root"]));

    // A file that overlaps adds only what is new: the last 100 lines, and one more.
    let lines: Vec<String> = std::fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
    let mut overlap = lines[0].clone();
    for line in &lines[lines.len() - 100..] {
        write!(overlap, "\n{line}").unwrap();
    }
    overlap.push_str("\n2016-06-07 08:00:00,cwhaley001,1,1\n");
    let more = dir.path().join("more.csv");
    std::fs::write(&more, overlap).unwrap();
    assert_eq!(counts(&import(&data, &more, &["--create-people"])), [101, 1, 100, 0, 0]);

    let checked = done(&["audit", "check", "--data", text(&data), "--json"]);
    let checked: Value = serde_json::from_str(&checked).unwrap();
    assert_eq!(checked["verified"], true, "{checked}");
    let bundle = dir.path().join("bundle");
    done(&["audit", "bundle", "--data", text(&data), "--centre", "hall", "-o", text(&bundle)]);
    let key = data.join("verifier.key");
    let verified = done(&["audit", "verify", text(&bundle), "--key", text(&key), "--json"]);
    let verified: Value = serde_json::from_str(&verified).unwrap();
    assert_eq!(verified["verified"], true, "{verified}");
    assert!(verified["entries"].as_u64().unwrap() > 14_908);
}

#[test]
fn what_cannot_be_read_is_said_by_line_and_keeps_nothing_else_out() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    begin(&data);
    let file = dir.path().join("odd.csv");
    let bytes = b"timestamp,badge,zone\n2026-11-02 08:00:00,a1,1\nyesterday,a1,1\n2026-11-02 08:01:00,,1\n2026-11-02 08:02:00,\xFF,1\nshort\n2026-11-02 08:03:00,a2,1\n";
    std::fs::write(&file, bytes).unwrap();
    let unknown = import(&data, &file, &["--dry-run"]);
    assert_eq!(counts(&unknown), [6, 0, 0, 2, 4], "a rehearsal says what the import will");
    let report = import(&data, &file, &[]);
    assert_eq!(counts(&report), [6, 0, 0, 2, 4], "nobody is known by these badges: stored, and flagged");
    let reasons: BTreeSet<(u64, &str)> = report["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refused| (refused["line"].as_u64().unwrap(), refused["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(
        reasons,
        BTreeSet::from([(3, "BAD_TIME"), (4, "BAD_PERSON"), (5, "BAD_UTF8"), (6, "MISSING_CELL")])
    );
    let missing = qinlian(&[
        "import",
        "punches",
        text(&file),
        "--data",
        text(&data),
        "--centre",
        "hall",
        "--columns",
        "time=when,person=badge",
    ]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no column when"));
}
