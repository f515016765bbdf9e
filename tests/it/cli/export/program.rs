//! The program itself: a file of a terminal imported, a month exported, two bundles, and the verdict.

use std::collections::BTreeMap;
use std::path::Path;

use qinlian::cli::office::{Office, Opening};
use qinlian::clock::{Clock, SystemClock};
use qinlian::config::{Config, Source};
use qinlian::kernel::{CentreId, EpochDay, LogId, Zone};
use qinlian::proto::calendar_year::Day;
use qinlian::proto::calendar_year::day::Kind;
use qinlian::proto::{CalendarYear, Date, RosterFact, RosterPattern};
use qinlian::registers::roster::fact::Command as Roster;
use serde_json::Value;

use super::super::{begin, done, qinlian, text};
use crate::roster::rig::{date, shift};

/// Monday of the second week of last month: late enough to be taken, and over.
fn monday() -> EpochDay {
    let today = Zone::parse("").unwrap().day_of(SystemClock::new().now());
    let (_, _, day) = today.ymd();
    let (year, month, _) = today.plus_days(-day).ymd();
    let eighth = EpochDay::from_ymd(year, month, 8).unwrap();
    (0..7).map(|days| eighth.plus_days(days)).find(|day| day.weekday() == 1).unwrap()
}

fn punches(on: EpochDay) -> String {
    let lines = [
        ("08:25:00", "E001", "IN"),
        ("12:01:00", "E001", "OUT"),
        ("13:55:00", "E001", "IN"),
        ("17:31:00", "E001", "OUT"),
        ("08:42:00", "E002", "IN"),
        ("12:01:00", "E002", "OUT"),
    ];
    let lines = lines.map(|(at, person, direction)| format!("{on} {at},{person},door,{direction}\n"));
    format!("time,person,device,direction\n{}", lines.concat())
}

/// Whoever is in the file works the day shift from Monday to Friday; the year's holidays are none of these days.
fn roster(data: &Path, monday: EpochDay) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = Config::load(&Source::Data(data.to_owned()), &BTreeMap::new()).unwrap();
        let office = Office::open(config, Opening::default()).await.unwrap();
        let log = office.log_of(&CentreId::parse("hall").unwrap()).await.unwrap();
        let (year, _, _) = monday.ymd();
        let holiday = Day {
            date: Some(Date { year, month: 10, day: 1 }),
            kind: Kind::StatutoryHoliday.into(),
            as_weekday: 0,
        };
        let year = CalendarYear { year, notice: "通知".to_owned(), days: vec![holiday] };
        office.administer(LogId::DEPLOYMENT, Roster::CalendarYear(year)).await.unwrap();
        office.administer(log, Roster::Shift(shift("day", "1-5 08:30-12:00 14:00-17:30"))).await.unwrap();
        let directory = office.desk.directory(log).await.unwrap();
        let friday = monday.plus_days(4);
        let patterns = directory.assigned().into_iter().map(|person| RosterPattern {
            person_id: person.to_owned(),
            from: Some(date(&monday.to_string())),
            until: Some(date(&friday.to_string())),
            shift: "day".to_owned(),
        });
        let roster = RosterFact { entries: vec![], patterns: patterns.collect() };
        office.administer(log, Roster::Roster(roster)).await.unwrap();
        office.close().await;
    });
}

#[test]
fn a_month_is_imported_exported_bundled_and_verified() {
    let dir = tempfile::tempdir().unwrap();
    let [data, file, out, hall, deployment] =
        ["data", "punches.csv", "days.csv", "hall", "deployment"].map(|name| dir.path().join(name));
    begin(&data);
    let monday = monday();
    std::fs::write(&file, punches(monday)).unwrap();
    let import = ["import", "punches", text(&file), "--data", text(&data), "--centre", "hall"];
    let through = format!("{} 00:00:00", monday.plus_days(7));
    let complete = ["--create-people", "--complete-through", &through, "--attested-by", "HR"];
    done(&[&import[..], &complete].concat());
    roster(&data, monday);
    let (year, month, _) = monday.ymd();
    let month = format!("{year:04}-{month:02}");
    let export = ["export", "days", "--data", text(&data), "--centre", "hall", "--month", &month];
    let said = done(&[&export[..], &["-o", text(&out), "--reason", "工资"]].concat());
    assert!(said.contains("days.csv: 10 days of 2 people, 0 of them not final"), "{said}");
    assert!(said.contains("on record as entry"), "{said}");
    let table = std::fs::read_to_string(&out).unwrap();
    let cell = format!(",{monday},day,");
    let of_monday = |number: &str| {
        let of = |line: &&str| line.starts_with(number) && line.contains(&cell);
        table.lines().filter(of).map(|line| line.split(',').nth(10).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(of_monday("E001"), ["正常", "正常", "正常", "正常"]);
    assert_eq!(of_monday("E002"), ["迟到", "正常", "缺卡", "缺卡"]);
    for (centre, bundle) in [("hall", &hall), ("_", &deployment)] {
        done(&["audit", "bundle", "--data", text(&data), "--centre", centre, "-o", text(bundle)]);
    }
    let (key, sidecar) = (data.join("verifier.key"), dir.path().join("days.csv.json"));
    let verify = ["audit", "verify", text(&hall), "--key", text(&key), "--export", text(&sidecar)];
    let verify = [&verify[..], &["--deployment", text(&deployment)]].concat();
    let said = done(&verify);
    assert!(said.contains("the export is what the logs say"), "{said}");
    std::fs::write(&out, table.replacen("迟到,迟到,12", "迟到,正常,0", 1)).unwrap();
    let refused = qinlian(&verify);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stdout).contains("NOT VERIFIED: row "));
    // The sidecar is what `--json` says, and the database is still what its ledger says.
    let json = done(&[&export[..], &["-o", text(&out), "--format", "ndjson", "--json"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    let written: Value = serde_json::from_slice(&std::fs::read(&sidecar).unwrap()).unwrap();
    assert_eq!((&json, json["people"].as_u64()), (&written, Some(2)));
    done(&["audit", "check", "--data", text(&data)]);
}

#[test]
fn help_has_examples_and_a_mistake_leaves_nothing() {
    let help = done(&["export", "days", "--help"]);
    for word in ["Examples:", "--format xlsx", "dingtalk", "--reason", "payroll"] {
        assert!(help.contains(word), "{word}");
    }
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (dir.path().join("data"), dir.path().join("out.csv"));
    begin(&data);
    let export = ["export", "days", "--data", text(&data), "-o", text(&out)];
    for (named, asked) in [
        ("--month", vec!["--centre", "hall", "--month", "2024-13"]),
        ("--centre", vec!["--centre", "annexe", "--month", "2024-05"]),
        ("--centre", vec!["--centre", "_", "--month", "2024-05"]),
        ("--department", vec!["--centre", "hall", "--month", "2024-05", "--department", "tax"]),
        ("--reason", vec!["--centre", "hall", "--month", "2024-05", "--purpose", "audit"]),
        ("--format", vec!["--centre", "hall", "--month", "2024-05", "--format", "pdf"]),
    ] {
        let refused = qinlian(&[&export[..], &asked].concat());
        assert_eq!(refused.status.code(), Some(2), "{asked:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(named), "{asked:?}");
    }
    let nowhere = dir.path().join("no/such/folder.csv");
    let export = ["export", "days", "--data", text(&data), "--centre", "hall", "--month", "2024-05"];
    assert_eq!(qinlian(&[&export[..], &["-o", text(&nowhere)]].concat()).status.code(), Some(2));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "the data alone");
    // A month in which nothing was due is a table without lines.
    done(&[&export[..], &["-o", text(&out)]].concat());
    assert_eq!(std::fs::read_to_string(&out).unwrap().lines().count(), 1);
}
