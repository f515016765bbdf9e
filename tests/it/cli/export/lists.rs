//! Months, clock-ins and pauses as tables that a personnel officer reads.

use std::collections::BTreeMap;
use std::path::Path;

use qinlian::cli::export::listing::{months, pauses, punches};
use qinlian::cli::export::sidecar::Sidecar;
use qinlian::cli::export::{Format, List, Order, export};
use qinlian::kernel::{CentreId, DepartmentId, EpochDay, LogId, Subject};
use qinlian::ledger::committer::Lane;
use qinlian::ledger::port::{Author, PassRef};
use qinlian::proto::punch::Direction::In;
use qinlian::proto::{DirectoryPersonal, MonthConfirmationFact, Person, ReceiptView, Role};
use qinlian::registers::attendance::fact::{Punch, Stamp};
use qinlian::registers::directory::fact::{Command as Directory, Record};
use qinlian::registers::month::fact::Command as Months;

use super::files::{objects, table};
use super::rig::{Month, list};
use super::workbook::rows;
use crate::attendance::rig::{minute, punch, wait_until};
use crate::duty::rig::Hall;
use crate::roster::rig::date;
use crate::support::office::Office;
use crate::support::store::Fixture;

/// The hall of the duty tests on a Monday: promises kept and broken, leave refused, a terminal out of order.
pub(super) const MORNING: &str = "
    09:00 zhao@t1 pauses w1 COMFORT 09:08   => STARTED >w2,w4
    09:06 zhao@t1 extends w1 09:10          => PAUSED
    09:09 zhao@t1 back w1                   => OPEN
    09:20 qian@t2 pauses w2 CONSULT 09:28   => STARTED >w1,w4
    09:35 qian@t2 back w2                   => OPEN
    10:00 zhao@t1 pauses w1 COMFORT 10:08   => STARTED >w2,w4
    10:30 zhao@t1 back w1                   => OPEN
    11:00 sun@t3 pauses w3 EQUIPMENT        => STARTED >w4,w1,w2
    11:45 sun@t3 back w3                    => OPEN
    11:50 qian@t2 pauses w2 COMFORT 11:58   => STARTED >w1,w4
    ";

/// The windows are open, and the morning is over.
pub(super) async fn morning(fixture: &Fixture, seed: u64) -> Hall {
    let mut hall = Hall::begin(&fixture.store, seed).await;
    hall.turn_to("08:30");
    hall.at_work(&[("zhao", "w1"), ("qian", "w2"), ("sun", "w3"), ("wu", "w4")]).await;
    hall.lives(MORNING).await;
    hall
}

async fn written(office: &Office, order: &Order, out: &Path) -> Sidecar {
    export(&office.desk, order, out).await.expect("an export")
}

/// Some cells of a line, by heading.
fn cells<'a>(line: &'a BTreeMap<String, String>, headings: &str) -> Vec<&'a str> {
    headings.split_whitespace().map(|heading| line[heading].as_str()).collect()
}

/// A department of its own for a person, which the centre has heard of with its next entry.
async fn moved(office: &Office, person: &str) {
    let department = qinlian::proto::Department { department: "tax".to_owned(), ..Default::default() };
    office.put(LogId::DEPLOYMENT, Record::Department(department)).await.expect("a department");
    let deployment = office.desk.directory(LogId::DEPLOYMENT).await.expect("a directory");
    let known = deployment.person(person).expect("a person").clone();
    let record = Record::Person(Person { department: "tax".to_owned(), ..known });
    let put = Directory::Put { record, personal: DirectoryPersonal::default() };
    office.administer(LogId::DEPLOYMENT, put).await.expect("put");
}

fn of_tax(order: Order) -> Order {
    Order { department: Some(DepartmentId::parse("tax").expect("a code")), ..order }
}

#[tokio::test]
async fn a_month_is_a_line_for_each_person() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 531, 31).await;
    let office = &month.hall.office;
    let out = dir.path().join("months.csv");
    let sidecar = written(office, &list(List::Months, Format::Csv), &out).await;
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.starts_with(&format!("\u{feff}{}\r\n", months::COLUMNS.join(","))), "a mark, and headings");
    let lines = table(&out);
    assert_eq!((sidecar.people, sidecar.rows, lines.len()), (3, 3, 3));
    assert_eq!((sidecar.kind.as_str(), sidecar.days, sidecar.open_days), ("months", None, None));
    let headings = "起 止 应出勤天数 出勤天数 旷工天数 迟到次数 迟到分钟 严重迟到次数 早退次数 早退分钟 缺卡次数 未定天数";
    for (person, wanted) in [
        (0, "2026-03-01 2026-03-31 22 22 0 0 0 0 0 0 0 0"),
        // Late by 12 and by 20 minutes; 35 is absence, as are 60 too early, a day, and an afternoon.
        (1, "2026-03-01 2026-03-31 22 19.5 2.5 2 32 1 1 20 1 0"),
        // The morning of an outage and two days of a silent gate are not known, and not absence.
        (2, "2026-03-01 2026-03-31 22 19.5 0 0 0 0 0 0 0 3"),
    ] {
        let id = month.hall.people[person].as_str();
        let line = lines.iter().find(|line| line["人员标识"] == id).unwrap();
        assert_eq!(cells(line, headings).join(" "), wanted);
        assert_eq!(cells(line, "工号 本人已确认 确认条目 病假天数"), ["", "否", "", "0"]);
    }
    // Somebody confirms their days as they stand: then it is there, and the digest is another.
    let line = lines.iter().find(|line| line["人员标识"] == month.hall.people[1].as_str()).unwrap();
    let index = confirmed(&month, 1, &line["日结果摘要"]).await;
    let again = written(office, &list(List::Months, Format::Csv), &out).await;
    let lines = table(&out);
    let line = lines.iter().find(|line| line["人员标识"] == month.hall.people[1].as_str()).unwrap();
    assert_eq!(cells(line, "本人已确认 确认条目"), ["是".to_owned(), index.to_string()]);
    assert_ne!(again.digest, sidecar.digest);
    // A line is the message of the interface; a number of the workbook is a number.
    let out = dir.path().join("months.ndjson");
    written(office, &list(List::Months, Format::Ndjson), &out).await;
    let second = objects(&out).into_iter().find(|sum| sum["personId"] == line["人员标识"].as_str()).unwrap();
    assert_eq!((second["daysAbsent"].as_f64(), second["late"].as_u64()), (Some(2.5), Some(2)));
    assert_eq!(
        (second["employee_no"].as_str(), second["confirmedBy"].as_str()),
        (Some(""), Some(&*index.to_string()))
    );
    let out = dir.path().join("months.xlsx");
    let sidecar = written(office, &list(List::Months, Format::Xlsx), &out).await;
    let (about, lines) = (rows(&out, 1), rows(&out, 2));
    for said in [&sidecar.digest, &sidecar.log.root, &sidecar.log.origin] {
        assert!(about.iter().flatten().any(|cell| cell == said), "{said}");
    }
    assert_eq!((lines.len(), &lines[0][..]), (4, &months::COLUMNS.map(str::to_owned)[..]));
    let sums: Vec<f64> = lines[1..].iter().map(|line| line[5].parse().unwrap()).collect();
    assert_eq!(sums.iter().sum::<f64>().to_string(), "2.5", "{lines:?}");
    // A department has its own people.
    moved(office, month.hall.people[2].as_str()).await;
    month.rest(0, "2026-04-03").await;
    let out = dir.path().join("tax.csv");
    written(office, &of_tax(list(List::Months, Format::Csv)), &out).await;
    let lines = table(&out);
    assert_eq!(
        lines.iter().map(|line| &*line["人员标识"]).collect::<Vec<_>>(),
        [month.hall.people[2].as_str()]
    );
    month.hall.office.stop().await;
}

/// A person confirms March; the index of the entry.
async fn confirmed(month: &Month, person: usize, digest: &str) -> u64 {
    let bytes = (0..digest.len()).step_by(2).map(|at| u8::from_str_radix(&digest[at..at + 2], 16).unwrap());
    let own = &month.hall.people[person];
    let fact = MonthConfirmationFact {
        person_id: own.to_string(),
        from: Some(date("2026-03-01")),
        until: Some(date("2026-03-31")),
        digest: bytes.collect(),
    };
    let office = &month.hall.office;
    let subject = Subject::Person(own.clone());
    let pos = office.grant(office.hall, &subject, Role::Staff).await;
    let pass = PassRef { log: office.hall, centre: CentreId::parse("hall").expect("a code"), pos };
    let author = Author { principal: subject.to_string(), pass: Some(pass) };
    let (id, command) = (office.request_id(), Months::Confirm(fact).into());
    let written =
        office.desk.submit(office.hall, id, author, command, Lane::Live, ReceiptView::Compact).await;
    written.expect("confirmed").index
}

/// A clock-in whose terminal claims another time than it has.
fn claiming(punch: Punch, days: i64) -> Punch {
    let claimed = punch.stamp.claimed.plus_ms(days * 86_400_000);
    Punch { stamp: Stamp { claimed, ..punch.stamp }, ..punch }
}

#[tokio::test]
async fn what_was_clocked_is_a_line_each_in_the_months_that_it_claims_and_happened_in() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 532, 3).await;
    let office = &month.hall.office;
    // A week later: a clock that is a month behind, a card that nobody knows, one that claims to be April already.
    wait_until(&office.clock, minute(7 * 1_440 + 30));
    for (seq, card, days) in [(1, "A0", -30), (2, "Z9", 0), (3, "A1", 30)] {
        month.hall.send(claiming(punch("gate-2", seq, 7 * 1_440 + 30, In, card), days)).await;
    }
    let out = dir.path().join("punches.csv");
    let sidecar = written(office, &list(List::Punches, Format::Csv), &out).await;
    let lines = table(&out);
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.starts_with(&format!("\u{feff}{}\r\n", punches::COLUMNS.join(","))));
    // Two days: four of the first, four of the second, four of the third; then three.
    assert_eq!((sidecar.rows, lines.len(), sidecar.people), (2 * 12 + 3, 27, 3));
    let headings = "设备 流水号 方向 方式 自报时间 认定时间 可信度 记录时间";
    let second = month.hall.people[1].as_str();
    let late = lines.iter().find(|line| line["人员标识"] == second && line["自报时间"].contains("-03 08:42"));
    assert_eq!(
        cells(late.unwrap(), headings).join(" "),
        "gate-1 15 签到 刷卡 2026-03-03 08:42:00 2026-03-03 08:42:00 可信 2026-03-03 18:40:00"
    );
    let told: Vec<_> =
        lines[24..].iter().map(|line| cells(line, "设备 自报时间 认定时间 标志").join(" ")).collect();
    assert_eq!(
        told,
        [
            "gate-2 2026-02-07 08:30:00 2026-03-09 08:30:00 ",
            "gate-2 2026-03-09 08:30:00 2026-03-09 08:30:00 当时无法识别人员",
            "gate-2 2026-04-08 08:30:00 2026-03-09 08:30:00 自报时间超前",
        ]
    );
    assert_eq!(lines[25]["人员标识"], "");
    // No card is in any form.
    for form in [Format::Csv, Format::Ndjson] {
        let out = dir.path().join("any");
        written(office, &list(List::Punches, form), &out).await;
        let text = std::fs::read_to_string(&out).unwrap();
        assert!(!text.contains("A0") && !text.contains("Z9"), "{text}");
    }
    let of_month = async |month: i32, last: i32| {
        let day = |day| EpochDay::from_ymd(2026, month, day).unwrap();
        let order = Order { from: day(1), until: day(last), ..list(List::Punches, Format::Ndjson) };
        let out = dir.path().join("month.ndjson");
        written(office, &order, &out).await;
        objects(&out)
    };
    for (month, last) in [(2, 28), (4, 30)] {
        let lines = of_month(month, last).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["effectiveAt"], "2026-03-09T00:30:00Z");
    }
    assert_eq!(of_month(5, 31).await.len(), 0);
    // Whose card it is may be known later.
    month.hall.bind(2, "Z9").await;
    moved(office, month.hall.people[2].as_str()).await;
    month.rest(0, "2026-04-03").await;
    written(office, &of_tax(list(List::Punches, Format::Csv)), &out).await;
    let lines = table(&out);
    assert_eq!(lines.len(), 2 * 4 + 1);
    assert!(lines.iter().all(|line| line["人员标识"] == month.hall.people[2].as_str()));
    month.hall.office.stop().await;
}

#[tokio::test]
async fn what_became_of_a_pause_is_a_line() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let mut hall = morning(&fixture, 533).await;
    let out = dir.path().join("pauses.csv");
    let sidecar = written(&hall.office, &list(List::Pauses, Format::Csv), &out).await;
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.starts_with(&format!("\u{feff}{}\r\n", pauses::COLUMNS.join(","))));
    let lines = table(&out);
    assert_eq!((sidecar.rows, sidecar.people, lines.len()), (5, 2, 5));
    let time =
        |line: &BTreeMap<String, String>, heading: &str| line[heading].get(11..16).unwrap_or("-").to_owned();
    let told: Vec<String> = lines
        .iter()
        .map(|line| {
            let times = ["开始", "首次承诺返回", "最后承诺返回", "结束"].map(|heading| time(line, heading));
            let rest = cells(line, "窗口号 对象 事由 延长次数 结束方式 分钟 超时分钟 结论 已放标识 引导");
            format!("{} {} {}", hall.name(&line["人员标识"]), times.join(" "), rest.join(" "))
        })
        .collect();
    assert_eq!(
        told,
        [
            "zhao 09:00 09:08 09:10 09:09 1 人员 如厕饮水 1 返回 9 0 按时 是 请到窗口 2、4；已告知返回时间",
            "qian 09:20 09:28 09:28 09:35 2 人员 请示会商 0 返回 15 7 超时返回 是 请到窗口 1、4；已告知返回时间",
            "zhao 10:00 10:08 10:08 10:30 1 人员 如厕饮水 0 返回 30 22 疑似脱岗 是 请到窗口 2、4；已告知返回时间",
            " 11:00 - - 11:45 3 窗口 设备故障 0 返回 45 0 不计个人 是 请到窗口 4、1、2",
            // On at the time of the last entry: so it is told whenever somebody exports.
            "qian 11:50 11:58 11:58 - 2 人员 如厕饮水 0  0 0 按时 是 请到窗口 1、4；已告知返回时间",
        ]
    );
    hall.turn_to("13:00");
    let later = written(&hall.office, &list(List::Pauses, Format::Csv), &out).await;
    assert_eq!((later.digest.as_str(), table(&out)), (sidecar.digest.as_str(), lines));
    let out = dir.path().join("pauses.ndjson");
    written(&hall.office, &list(List::Pauses, Format::Ndjson), &out).await;
    let third = &objects(&out)[2];
    assert_eq!((third["classification"].as_str(), third["said"].as_str()), (Some("LEFT_POST"), Some("")));
    // Nobody's absence is no department's.
    moved(&hall.office, &hall.person("qian")).await;
    hall.say("wu in").await;
    let out = dir.path().join("tax.csv");
    written(&hall.office, &of_tax(list(List::Pauses, Format::Csv)), &out).await;
    assert_eq!(table(&out).iter().map(|line| hall.name(&line["人员标识"])).collect::<Vec<_>>(), ["qian"; 2]);
    hall.office.stop().await;
}
