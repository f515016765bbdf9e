//! Every list is what two bundles say of it, or what is not is named; and no list holds a number whose reading is not on
//! record.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use qinlian::cli::export::sidecar::Sidecar;
use qinlian::cli::export::{Format, Kind, List, Order, Reveal, export};
use qinlian::kernel::{EpochDay, Words};
use qinlian::proto::reveal;

use super::super::{begin, done, qinlian, text};
use super::files::table;
use super::lists::morning;
use super::rig::{Month, list};
use super::verdict::{bundles, found};
use crate::support::office::Office;
use crate::support::store::{Fixture, each};

const FORMS: [Format; 3] = [Format::Csv, Format::Ndjson, Format::Xlsx];
/// Of people's month; pauses are of another hall.
const OF_MONTH: [List; 2] = [List::Months, List::Punches];

/// Exports a list in some forms, and says the one digest that all have.
async fn one_digest(office: &Office, of: List, dir: &Path, reveal: Option<Reveal>) -> (String, Vec<PathBuf>) {
    let name = Kind::List(of).name();
    let (mut digests, mut files) = (Vec::new(), Vec::new());
    for form in FORMS {
        let out = dir.join(format!("{name}-{form:?}-{}", reveal.is_some()));
        let order = Order { reveal: reveal.clone(), ..list(of, form) };
        let sidecar = export(&office.desk, &order, &out).await.expect("an export");
        assert_eq!(sidecar, Sidecar::read(&Sidecar::path(&out)).unwrap());
        assert_eq!((sidecar.kind.as_str(), sidecar.days, sidecar.open_days), (name, None, None));
        assert!(sidecar.rows > 0, "{name}");
        digests.push(sidecar.digest);
        files.push(out);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "{name}: {digests:?}");
    (digests.remove(0), files)
}

fn on_record() -> Option<Reveal> {
    let reason = Words::parse("三月工资").expect("words");
    Some(Reveal { purpose: reveal::Purpose::Payroll, reason, system: Some("hr".to_owned()) })
}

#[tokio::test]
async fn a_list_of_either_database_is_what_its_log_says_in_every_form() {
    let all = RefCell::new(Vec::new());
    each(async |fixture| {
        let dir = tempfile::tempdir().unwrap();
        let mut digests = Vec::new();
        let month = Month::live(&fixture.store, 541, 13).await;
        for of in OF_MONTH {
            let (digest, files) = one_digest(&month.hall.office, of, dir.path(), None).await;
            let (named, more) = one_digest(&month.hall.office, of, dir.path(), on_record()).await;
            assert_eq!(digest, named, "a number is no part of it");
            digests.push((digest, [files, more].concat()));
        }
        // The log goes on: an export of an earlier position stays what it was.
        month.rest(1, "2026-03-03").await;
        bundles(&month.hall.office, dir.path()).await;
        for (digest, files) in &digests {
            for file in files {
                let (yes, export) = found(dir.path(), file);
                assert!(yes, "{}: {export}", file.display());
                assert_eq!(
                    (export["derived"].as_str(), export["file"].as_str()),
                    (Some(&**digest), Some("is the same"))
                );
            }
        }
        let digests = digests.into_iter().map(|(digest, _)| digest);
        all.borrow_mut().push(digests.collect::<Vec<_>>());
        month.hall.office.stop().await;
    })
    .await;
    let mut all = all.into_inner();
    all.dedup();
    assert_eq!(all.len(), 1, "both databases say the same: {all:?}");
}

#[tokio::test]
async fn pauses_of_either_database_are_what_its_log_says_in_every_form() {
    let all = RefCell::new(Vec::new());
    each(async |fixture| {
        let dir = tempfile::tempdir().unwrap();
        let mut hall = morning(fixture, 542).await;
        let (digest, mut files) = one_digest(&hall.office, List::Pauses, dir.path(), None).await;
        let (named, more) = one_digest(&hall.office, List::Pauses, dir.path(), on_record()).await;
        files.extend(more);
        assert_eq!(digest, named);
        // One that was on is over by now: what was exported stays what it was.
        hall.lives("12:30 qian@t2 back w2 => OPEN").await;
        bundles(&hall.office, dir.path()).await;
        for file in &files {
            let (yes, export) = found(dir.path(), file);
            assert!(yes, "{}: {export}", file.display());
            assert_eq!(export["derived"], digest.as_str());
        }
        let (later, _) = one_digest(&hall.office, List::Pauses, dir.path(), None).await;
        assert_ne!(later, digest);
        all.borrow_mut().push((digest, later));
        hall.office.stop().await;
    })
    .await;
    let mut all = all.into_inner();
    all.dedup();
    assert_eq!(all.len(), 1, "both databases say the same: {all:?}");
}

/// A cell of a line is another, a line is missing, there is one more, the digest is another: found, and the row is named.
async fn is_found(office: &Office, of: List, dir: &Path, (cell, other): (&str, &str)) {
    let name = Kind::List(of).name();
    let file = dir.join(name);
    let sidecar = export(&office.desk, &list(of, Format::Csv), &file).await.expect("an export");
    let good = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let at = lines.iter().position(|line| line.contains(cell)).unwrap_or_else(|| panic!("{name}: {good}"));
    let joined = |lines: &[&str]| lines.join("\r\n") + "\r\n";
    let changed = lines[at].replacen(cell, other, 1);
    let mut altered = lines.clone();
    altered[at] = &changed;
    let mut shorter = lines.clone();
    shorter.remove(at);
    let last = lines.len() - 1;
    for (case, text, row) in [
        ("a cell", joined(&altered), Some(at + 1)),
        ("a line from the middle", joined(&shorter), Some(at + 1)),
        ("the last line", joined(&lines[..last]), Some(last + 1)),
        ("a line more", joined(&[&lines[..], &[lines[1]]].concat()), Some(last + 2)),
        ("an employee number", good.replacen("\r\n,", "\r\n0008,", 1), None),
    ] {
        std::fs::write(&file, text).unwrap();
        let (yes, export) = found(dir, &file);
        let named = export["first_bad"]["row"].as_u64().map(|row| usize::try_from(row).unwrap());
        assert_eq!((yes, named), (false, row), "{name}, {case}: {export}");
    }
    std::fs::write(&file, &good).unwrap();
    let path = Sidecar::path(&file);
    let other = if of == List::Months { "punches" } else { "months" };
    for (case, changed) in [
        ("the digest", Sidecar { digest: "0".repeat(64), ..sidecar.clone() }),
        ("the kind", Sidecar { kind: other.to_owned(), ..sidecar.clone() }),
    ] {
        std::fs::write(&path, changed.render().unwrap()).unwrap();
        let (yes, export) = found(dir, &file);
        assert!(!yes, "{name}, {case}: {export}");
    }
    std::fs::write(&path, sidecar.render().unwrap()).unwrap();
    assert!(found(dir, &file).0, "{name}");
}

#[tokio::test]
async fn what_was_changed_in_a_list_is_found_and_its_row_is_named() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 543, 5).await;
    bundles(&month.hall.office, dir.path()).await;
    let office = &month.hall.office;
    // Late by 12, by 20, and by 35 minutes, which is absence.
    is_found(office, List::Months, dir.path(), (",2,32,1,", ",1,12,0,")).await;
    is_found(
        office,
        List::Punches,
        dir.path(),
        ("2026-03-03 08:42:00,2026-03-03 08:42:00", "2026-03-03 08:29:00,2026-03-03 08:29:00"),
    )
    .await;
    month.hall.office.stop().await;
    let (fixture, dir) = (Fixture::sqlite().await, tempfile::tempdir().unwrap());
    let hall = morning(&fixture, 544).await;
    bundles(&hall.office, dir.path()).await;
    is_found(&hall.office, List::Pauses, dir.path(), ("疑似脱岗", "按时")).await;
    hall.office.stop().await;
}

#[tokio::test]
async fn numbers_are_in_a_list_when_their_reading_is_on_record_and_not_otherwise() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 545, 3).await;
    let office = &month.hall.office;
    for of in OF_MONTH {
        let out = dir.path().join(Kind::List(of).name());
        let before = month.hall.size().await;
        let bare = export(&office.desk, &list(of, Format::Csv), &out).await.unwrap();
        assert_eq!((bare.disclosure_index, month.hall.size().await), (None, before));
        assert!(table(&out).iter().all(|line| line["工号"].is_empty()));
        let order = Order { reveal: on_record(), ..list(of, Format::Csv) };
        let named = export(&office.desk, &order, &out).await.unwrap();
        assert_eq!((named.disclosure_index, named.log.tree_size), (Some(before), before + 1));
        let lines = table(&out);
        let number = |person: usize| {
            let id = month.hall.people[person].as_str();
            lines.iter().find(|line| line["人员标识"] == id).unwrap()["工号"].as_str()
        };
        assert_eq!(
            [number(0), number(1), number(2)],
            ["0007", "'=7+1", ""],
            "what would be calculated is text"
        );
    }
    month.hall.office.stop().await;
}

#[tokio::test]
async fn a_month_without_anything_is_a_table_without_lines_and_verified() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 546, 2).await;
    let day = |day| EpochDay::from_ymd(2025, 6, day).unwrap();
    let mut files = Vec::new();
    for of in [List::Months, List::Punches, List::Pauses] {
        let out = dir.path().join(Kind::List(of).name());
        let order = Order { from: day(1), until: day(30), ..list(of, Format::Csv) };
        let sidecar = export(&month.hall.office.desk, &order, &out).await.unwrap();
        assert_eq!((sidecar.rows, sidecar.people), (0, 0));
        assert_eq!(std::fs::read_to_string(&out).unwrap().lines().count(), 1, "headings");
        files.push(out);
    }
    bundles(&month.hall.office, dir.path()).await;
    for file in &files {
        assert!(found(dir.path(), file).0, "{}", file.display());
    }
    month.hall.office.stop().await;
}

#[test]
fn the_program_writes_lists_and_says_how() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    begin(&data);
    for name in ["months", "punches", "pauses"] {
        let help = done(&["export", name, "--help"]);
        for word in [
            "Examples:",
            &format!("qinlian export {name}"),
            "--department",
            "--reason",
            "ndjson",
            "FILE.json",
        ] {
            assert!(help.contains(word), "{name}: {word}");
        }
        let out = dir.path().join(format!("{name}.csv"));
        let words = [
            "export",
            name,
            "--data",
            text(&data),
            "--centre",
            "hall",
            "--month",
            "2024-05",
            "-o",
            text(&out),
        ];
        let refused = qinlian(&[&words[..], &["--format", "dingtalk"]].concat());
        assert_eq!(refused.status.code(), Some(2), "{name}");
        assert!(!out.exists(), "{name}");
        let said = done(&words);
        assert!(said.contains(&format!("{name}.csv: 0 {name} of 0 people")), "{said}");
        let json = done(&[&words[..], &["--json"]].concat());
        assert!(json.contains(&format!("\"kind\":\"{name}\"")) && !json.contains("open_days"), "{json}");
    }
}
