//! The files: every form of one month.

use std::collections::BTreeMap;
use std::path::Path;

use qinlian::cli::export::sidecar::Sidecar;
use qinlian::cli::export::table::COLUMNS;
use qinlian::cli::export::{Format, export};
use qinlian::kernel::Words;
use qinlian::proto::{DirectoryPersonal, reveal};
use qinlian::registers::directory::fact::{Command as Directory, Record};
use serde_json::Value;

use super::rig::{Month, for_payroll, of_department, order};
use crate::support::store::Fixture;

const FORMS: [Format; 6] =
    [Format::Csv, Format::Ndjson, Format::Xlsx, Format::Dingtalk, Format::Wecom, Format::Feishu];

/// A table's lines, each by heading.
pub(super) fn table(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("a table");
    let headings = reader.headers().expect("headings").clone();
    let of = |record: csv::StringRecord| {
        let cells = headings.iter().map(str::to_owned).zip(record.iter().map(str::to_owned));
        cells.collect()
    };
    reader.records().map(|record| of(record.expect("a line"))).collect()
}

pub(super) fn objects(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
}

/// What the table says of a person's day: `1上 迟到 12`, and so on.
fn told(lines: &[BTreeMap<String, String>], person: &str, on: &str) -> String {
    let of_day = lines.iter().filter(|line| line["人员标识"] == person && line["日期"] == on);
    let ends = of_day.map(|line| {
        let end = line["端"].chars().next().map(String::from).unwrap_or_default();
        let time = line["实际"].get(11..16).unwrap_or("-");
        let open = if line["是否终局"] == "否" { "~" } else { "" };
        format!("{}{end} {time} {}{open} {}", line["段"], line["最终结果"], line["分钟"])
    });
    ends.collect::<Vec<_>>().join(" | ")
}

#[tokio::test]
async fn a_month_as_a_table_that_people_read() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 501, 31).await;
    let out = dir.path().join("march.csv");
    let sidecar = month.export(Format::Csv, &out).await;
    let bytes = std::fs::read(&out).unwrap();
    assert!(bytes.starts_with(b"\xEF\xBB\xBF"), "a byte order mark");
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.trim_start_matches('\u{feff}').starts_with(&COLUMNS.join(",")), "{}", &text[..200]);
    let lines = table(&out);
    let [first, second, third] = [0, 1, 2].map(|n| month.hall.people[n].to_string());
    for (person, on, wanted) in [
        (&first, "2026-03-03", "1上 08:25 正常 0 | 1下 12:01 正常 0 | 2上 13:55 正常 0 | 2下 17:31 正常 0"),
        (&second, "2026-03-03", "1上 08:42 迟到 12 | 1下 12:05 正常 0 | 2上 13:50 正常 0 | 2下 17:35 正常 0"),
        (
            &second,
            "2026-03-04",
            "1上 08:50 严重迟到 20 | 1下 12:05 正常 0 | 2上 13:50 正常 0 | 2下 17:35 正常 0",
        ),
        (
            &second,
            "2026-03-05",
            "1上 09:05 迟到按旷工计 35 | 1下 12:05 正常 0 | 2上 13:50 正常 0 | 2下 17:35 正常 0",
        ),
        (
            &second,
            "2026-03-06",
            "1上 08:20 正常 0 | 1下 12:05 正常 0 | 2上 13:50 正常 0 | 2下 16:30 早退按旷工计 60",
        ),
        (&second, "2026-03-09", "1上 08:20 正常 0 | 1下 12:05 正常 0 | 2上 13:50 正常 0 | 2下 17:10 早退 20"),
        (&second, "2026-03-10", "1上 08:20 正常 0 | 1下 - 缺卡 0 | 2上 13:50 正常 0 | 2下 17:35 正常 0"),
        (&second, "2026-03-11", "1上 - 缺卡 0 | 1下 - 缺卡 0 | 2上 - 缺卡 0 | 2下 - 缺卡 0"),
        (&third, "2026-03-13", "1上 - 无法核实~ 0 | 1下 - 无法核实~ 0 | 2上 13:55 正常 0 | 2下 17:31 正常 0"),
        (&third, "2026-03-31", "1上 - 待定~ 0 | 1下 - 待定~ 0 | 2上 - 待定~ 0 | 2下 - 待定~ 0"),
        (&third, "2026-03-14", " -  "),
    ] {
        assert_eq!(told(&lines, person, on), wanted, "{on}");
    }
    let late = lines.iter().find(|line| line["最终结果"] == "迟到").unwrap();
    for (heading, wanted) in [
        ("工号", ""),
        ("班次", "day"),
        ("计划", "2026-03-03 08:30:00"),
        ("应到", "2026-03-03 08:30:00"),
        ("实际", "2026-03-03 08:42:00"),
        ("原始结果", "迟到"),
        ("可信度", "可信"),
        ("补充", ""),
        ("说明", "迟到 12 分钟：应 08:30 前上班，08:42 打卡（规则 R8）"),
        ("日历", "工作日"),
        ("当日结论", "迟到"),
        ("旷工天数", "0"),
        ("起因", "COVERAGE"),
    ] {
        assert_eq!(late[heading], wanted, "{heading}");
    }
    let absent: Vec<&str> = lines
        .iter()
        .filter(|line| line["日期"] == "2026-03-11" && line["人员标识"] == second)
        .map(|line| line["旷工天数"].as_str())
        .collect();
    assert_eq!(absent, ["1"; 4]);
    // 30 days of three people began; 22 of them are of two spans.
    assert_eq!((sidecar.people, sidecar.days, sidecar.rows), (3, Some(90), 3 * (22 * 4 + 8)));
    assert_eq!(lines.len() as u64, sidecar.rows);
    month.hall.office.stop().await;
}

#[tokio::test]
async fn every_form_is_of_one_moment_and_has_one_digest_which_changes_with_one_result() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 502, 13).await;
    let mut digests = Vec::new();
    for form in FORMS {
        let out = dir.path().join(format!("{form:?}"));
        let sidecar = month.export(form, &out).await;
        let written = Sidecar::read(&Sidecar::path(&out)).unwrap();
        assert_eq!(written, sidecar);
        let again = dir.path().join("again");
        assert_eq!(month.export(form, &again).await.digest, sidecar.digest);
        let same = std::fs::read(&again).unwrap() == std::fs::read(&out).unwrap();
        assert!(same, "{form:?}: the same export is the same file");
        digests.push((sidecar.log.root, sidecar.digest));
    }
    digests.dedup();
    let [(root, digest)] = digests.as_slice() else { panic!("{digests:?}") };
    // A fact that changes no result of March moves the log, not the digest.
    month.rest(0, "2026-04-03").await;
    let moved = month.export(Format::Csv, &dir.path().join("moved")).await;
    assert_eq!((&moved.digest, moved.log.root == *root), (digest, false));
    month.rest(1, "2026-03-03").await;
    let revised = month.export(Format::Csv, &dir.path().join("revised")).await;
    assert_ne!(revised.digest, *digest);
    let parts = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(parts.into_iter().all(|name| !name.to_string_lossy().ends_with(".part")));
    month.hall.office.stop().await;
}

#[tokio::test]
async fn what_is_not_known_is_absence_in_no_form() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 503, 31).await;
    let path = |form: Format| dir.path().join(format!("{form:?}"));
    for form in FORMS {
        month.export(form, &path(form)).await;
    }
    let open = |line: &&BTreeMap<String, String>| ["待定", "无法核实"].contains(&line["最终结果"].as_str());
    let lines = table(&path(Format::Csv));
    let unknown: Vec<_> = lines.iter().filter(open).collect();
    assert_eq!(unknown.len(), 2 + 2 * 4, "the morning of an outage, and two days of a silent gate");
    for line in &unknown {
        assert_eq!((line["旷工天数"].as_str(), line["是否终局"].as_str()), ("0", "否"));
        assert!(["待定", "无法核实"].contains(&line["当日结论"].as_str()), "{line:?}");
    }
    // DingTalk: blank, and a column of ours says why. An end is a line.
    let lines = table(&path(Format::Dingtalk));
    let unknown: Vec<_> = lines.iter().filter(|line| !line["unknown"].is_empty()).collect();
    assert_eq!(unknown.len(), 10);
    for line in &unknown {
        assert_eq!([&line["timeResult"], &line["sourceType"], &line["userCheckTime"]], ["", "", ""]);
        assert_eq!(line["slotResult"], line["unknown"]);
    }
    let absent: Vec<_> = lines.iter().filter(|line| line["timeResult"] == "Absenteeism").collect();
    assert_eq!(absent.len(), 2, "so late, and so early, that it is absence");
    assert!(absent.iter().all(|line| line["unknown"].is_empty()));
    // WeCom: of a day that is not known there are no exceptions, which is another thing than an empty list.
    let mut unknown = 0;
    for object in objects(&path(Format::Wecom)) {
        let open = !object["qinlian"]["unknown"].as_array().unwrap().is_empty();
        assert_eq!(object["exception_infos"].is_null(), open, "{object}");
        unknown += usize::from(open);
    }
    assert_eq!(unknown, 3);
    // Feishu: blank results.
    let mut unknown = 0;
    for object in objects(&path(Format::Feishu)) {
        for record in object["records"].as_array().unwrap() {
            for end in ["check_in", "check_out"] {
                let open = record[format!("{end}_unknown")] != "";
                assert_eq!(record[format!("{end}_result")] == "", open, "{record}");
                unknown += usize::from(open);
            }
        }
    }
    assert_eq!(unknown, 10);
    month.hall.office.stop().await;
}

#[tokio::test]
async fn each_vendor_reads_what_it_knows() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 504, 12).await;
    let second = month.hall.people[1].to_string();
    let out = dir.path().join("out");
    month.export(Format::Dingtalk, &out).await;
    let seen = |day: &str| {
        let start = day_ms(day);
        let lines = table(&out);
        let of_day = lines.iter().filter(|line| line["personId"] == second && line["workDate"] == start);
        let line = |line: &BTreeMap<String, String>| {
            format!("{} {} {}", line["checkType"], line["timeResult"], line["sourceType"])
        };
        of_day.map(line).collect::<Vec<_>>().join(", ")
    };
    let normal = "OffDuty Normal ATM, OnDuty Normal ATM, OffDuty Normal ATM";
    assert_eq!(seen("2026-03-03"), format!("OnDuty Late ATM, {normal}"));
    assert_eq!(seen("2026-03-04"), format!("OnDuty SeriousLate ATM, {normal}"));
    assert_eq!(seen("2026-03-05"), format!("OnDuty Absenteeism ATM, {normal}"));
    assert_eq!(
        seen("2026-03-10"),
        "OnDuty Normal ATM, OffDuty NotSigned SYSTEM, OnDuty Normal ATM, OffDuty Normal ATM"
    );
    month.export(Format::Wecom, &out).await;
    let days = objects(&out);
    let wecom = |day: &str| {
        let date = day_ms(day).parse::<i64>().unwrap() / 1_000;
        let own =
            |object: &&Value| object["base_info"]["date"] == date && object["qinlian"]["person_id"] == second;
        days.iter().find(own).unwrap()["exception_infos"].to_string()
    };
    for (day, wanted) in [
        ("2026-03-02", "[]"),
        ("2026-03-03", r#"[{"count":1,"duration":720,"exception":1}]"#),
        // 35 minutes late: the morning is absence, once.
        ("2026-03-05", r#"[{"count":1,"duration":12600,"exception":4}]"#),
        ("2026-03-09", r#"[{"count":1,"duration":1200,"exception":2}]"#),
        ("2026-03-10", r#"[{"count":1,"duration":0,"exception":3}]"#),
        ("2026-03-11", r#"[{"count":2,"duration":25200,"exception":4}]"#),
    ] {
        assert_eq!(wecom(day), wanted, "{day}");
    }
    month.export(Format::Feishu, &out).await;
    let days = objects(&out);
    let feishu = |day: i64| {
        let own =
            |object: &&Value| object["day"] == 20_260_300 + day && object["qinlian"]["person_id"] == second;
        let object = days.iter().find(own).unwrap();
        let records = object["records"].as_array().unwrap().iter();
        let ends = records.flat_map(|record| [&record["check_in_result"], &record["check_out_result"]]);
        ends.map(|end| end.as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(feishu(3), "Late Normal Normal Normal");
    assert_eq!(feishu(4), "Late Normal Normal Normal");
    let serious = days.iter().flat_map(|object| object["records"].as_array().unwrap());
    let serious = serious.filter(|record| record["check_in_record"]["check_result"] == "SeriousLate");
    assert_eq!(serious.count(), 1);
    assert_eq!(feishu(5), "Lack Normal Normal Normal");
    assert_eq!(feishu(11), "Lack Lack Lack Lack");
    month.hall.office.stop().await;
}

/// Local midnight in milliseconds.
fn day_ms(day: &str) -> String {
    let zoned: jiff::Timestamp = format!("{day}T00:00:00+08:00").parse().unwrap();
    zoned.as_millisecond().to_string()
}

#[tokio::test]
async fn lines_are_the_messages_of_the_interface() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 505, 3).await;
    let out = dir.path().join("march.ndjson");
    let sidecar = month.export(Format::Ndjson, &out).await;
    let days = objects(&out);
    assert_eq!(Some(days.len() as u64), sidecar.days);
    let second = month.hall.people[1].as_str();
    let late = days.iter().find(|day| day["personId"] == second && day["workDate"]["day"] == 3).unwrap();
    assert_eq!(late["employee_no"], "");
    assert_eq!(late["headline"], "HEADLINE_LATE");
    assert_eq!((late["final"].as_bool(), late["tombstone"].as_bool()), (Some(true), Some(false)));
    let slot = &late["spans"][0]["on"];
    assert_eq!(slot["plan"], "2026-03-03T00:30:00Z");
    assert_eq!(slot["punchedAt"], "2026-03-03T00:42:00Z");
    assert_eq!((slot["final"].as_str(), slot["minutes"].as_i64()), (Some("LATE"), Some(12)));
    assert_eq!(slot["reason"]["en"], "12 minutes late: due by 08:30, clocked at 08:42 (rule R8)");
    month.hall.office.stop().await;
}

#[tokio::test]
async fn employee_numbers_are_there_when_their_reading_is_on_record_and_not_otherwise() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 506, 3).await;
    let desk = &month.hall.office.desk;
    let bare = month.export(Format::Csv, &dir.path().join("bare.csv")).await;
    assert!(bare.disclosure_index.is_none());
    let before = month.hall.size().await;
    let out = dir.path().join("named.csv");
    let named = export(desk, &for_payroll(Format::Csv), &out).await.unwrap();
    assert_eq!(named.disclosure_index, Some(before), "the entry after what stood");
    assert_eq!(named.log.tree_size, before + 1);
    assert_eq!(named.digest, bare.digest, "a number is no result");
    let numbers = |path: &Path| {
        let lines = table(path);
        month
            .hall
            .people
            .iter()
            .map(|person| {
                lines.iter().find(|line| line["人员标识"] == person.as_str()).unwrap()["工号"].clone()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(&out), ["0007", "'=7+1", ""], "what a spreadsheet would calculate is text");
    assert_eq!(numbers(&dir.path().join("bare.csv")), ["", "", ""]);
    let vendor = dir.path().join("feishu.ndjson");
    export(desk, &for_payroll(Format::Feishu), &vendor).await.unwrap();
    assert!(objects(&vendor).iter().any(|object| object["user_id"] == "=7+1"));
    // Another system's ids are not asked for.
    let other = dir.path().join("other.csv");
    let mut order = for_payroll(Format::Csv);
    order.reveal.as_mut().unwrap().system = Some("elsewhere".to_owned());
    export(desk, &order, &other).await.unwrap();
    assert_eq!(numbers(&other), ["0007", "", ""]);
    month.hall.office.stop().await;
}

#[tokio::test]
async fn a_department_has_its_own_people_and_a_mistake_leaves_nothing_behind() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 507, 2).await;
    let (office, out) = (&month.hall.office, dir.path().join("out"));
    let refused = async |order| format!("{:#}", export(&office.desk, &order, &out).await.unwrap_err());
    assert!(refused(of_department(Format::Csv, "tax")).await.contains("--department"));
    let mut nowhere = order(Format::Csv);
    nowhere.centre = qinlian::kernel::CentreId::parse("annexe").unwrap();
    assert!(refused(nowhere).await.contains("--centre"));
    let before = month.hall.size().await;
    let mut wanted = of_department(Format::Csv, "tax");
    let reason = Words::parse("看看").unwrap();
    let purpose = reveal::Purpose::Payroll;
    wanted.reveal = Some(qinlian::cli::export::Reveal { purpose, reason, system: None });
    refused(wanted).await;
    assert_eq!(month.hall.size().await, before, "nothing was read, so nothing is on record");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);

    let department = qinlian::proto::Department { department: "tax".to_owned(), ..Default::default() };
    let log = qinlian::kernel::LogId::DEPLOYMENT;
    office.put(log, Record::Department(department)).await.unwrap();
    let deployment = office.desk.directory(log).await.unwrap();
    let mut person = deployment.person(month.hall.people[2].as_str()).unwrap().clone();
    person.department = "tax".to_owned();
    let put = Directory::Put { record: Record::Person(person), personal: DirectoryPersonal::default() };
    office.administer(log, put).await.unwrap();
    // What the deployment says is heard of with the next entry of the centre.
    month.rest(0, "2026-04-03").await;
    let sidecar = export(&office.desk, &of_department(Format::Csv, "tax"), &out).await.unwrap();
    assert_eq!((sidecar.people, sidecar.department.as_deref()), (1, Some("tax")));
    assert!(table(&out).iter().all(|line| line["人员标识"] == month.hall.people[2].as_str()));
    month.hall.office.stop().await;
}
