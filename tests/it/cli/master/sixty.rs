//! A centre of sixty people, from its workbook to what their days came to.

use std::fmt::Write;

use prost::Message;
use qinlian::kernel::{EpochDay, Zone};
use qinlian::proto::DayResult;
use qinlian::proto::day_result::{Headline, Kind};
use qinlian::registers::derivation::{DAY, day_of, registered};
use qinlian::results::{Body, Filter, Folder, Query, page};

use super::workbook::write;
use super::{Hall, became};

const PEOPLE: usize = 60;

impl Hall {
    /// Everybody's day as it is known now.
    fn days(&self, on: EpochDay) -> Vec<DayResult> {
        self.with(async |office, hall| {
            let store = office.desk.store();
            let folder = Folder::new(store.clone(), registered(office.desk.ledger().clone()));
            folder.catch_up(hall).await.expect("folded");
            let (mut days, mut cursor) = (std::collections::BTreeMap::new(), String::new());
            loop {
                let query = Query {
                    room: DAY,
                    logs: &[hall],
                    cursor: &cursor,
                    limit: 1_000,
                    filter: Filter::Everything,
                };
                let page = page(store, &query).await.expect("a page");
                for item in page.items {
                    let Some((person, day)) = day_of(&item.key) else { continue };
                    let Body::Content(content) = item.body else { continue };
                    if day == on {
                        days.insert(person.to_owned(), DayResult::decode(content.as_slice()).expect("a day"));
                    }
                }
                if page.caught_up {
                    return days.into_values().collect();
                }
                cursor = page.next_cursor;
            }
        })
    }
}

#[test]
fn a_centre_of_sixty_people_is_set_up_from_its_workbook_and_their_days_are_derived() {
    let hall = Hall::on_sqlite();
    let today = hall.with(async |office, _| Zone::parse("").unwrap().day_of(office.desk.now()));
    // A day that is over, and a holiday in its year; nobody knows what today is.
    let day = today.plus_days(-3);
    let before = day.plus_days(-1);
    let holiday = if before.ymd().0 == day.ymd().0 { before } else { day.plus_days(1) };
    let from = today.plus_days(-6).to_string();
    let (day, holiday) = (day.to_string(), holiday.to_string());
    let numbers: Vec<String> = (1..=PEOPLE).map(|n| format!("A{n:03}")).collect();
    let names: Vec<String> = (1..=PEOPLE).map(|n| format!("职工{n}")).collect();
    let departments = ["税务局", "市场监督管理局", "公安局"];
    let mut people = vec![vec!["工号", "姓名", "单位", "身份", "起"]];
    let mut roster = vec![vec!["工号", "日期", "起", "班次"]];
    for (at, (number, name)) in numbers.iter().zip(&names).enumerate() {
        people.push(vec![number, name, departments[at % 3], "事业编", &from]);
        roster.push(vec![number, "", &from, if at % 2 == 0 { "行政班" } else { "两段班" }]);
    }
    // The last of them has the day off.
    roster.push(vec![&numbers[PEOPLE - 1], &day, "", "休"]);
    let file = hall.path("centre.xlsx");
    write(
        &file,
        &[
            ("人员", people),
            (
                "班次",
                vec![
                    vec!["班次", "星期", "时段"],
                    vec!["行政班", "每天", "08:30-17:30"],
                    vec!["两段班", "每天", "08:30-12:00;14:00-17:30"],
                ],
            ),
            ("排班", roster),
            ("日历", vec![vec!["日期", "类别"], vec![&holiday, "法定节假日"]]),
        ],
    );
    let (code, report) = hall.setup(&file, &["--apply"]);
    assert_eq!((code, &report["applied"]), (Some(0), &serde_json::Value::Bool(true)), "{report}");
    let counts: Vec<[u64; 3]> =
        report["sheets"].as_array().unwrap().iter().map(|sheet| became(sheet).0).collect();
    assert_eq!(counts, [[60, 60, 0], [2, 2, 0], [61, 61, 0], [1, 1, 0]]);

    // The first clocks in and out by the employee number.
    let mut punches = "时间,工号,方向\n".to_owned();
    for (time, direction) in [("08:25", "IN"), ("17:35", "OUT")] {
        writeln!(punches, "{day} {time},A001,{direction}").unwrap();
    }
    let punches = hall.write("punches.csv", punches);
    assert_eq!(became(&hall.import("punches", &punches, &[])).0, [2, 2, 0]);

    let on = |text: &str| {
        let mut parts = text.split('-').map(|part| part.parse::<i32>().unwrap());
        EpochDay::from_ymd(parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap()).unwrap()
    };
    let days = hall.days(on(&day));
    assert_eq!(days.len(), PEOPLE);
    let spans = |count: usize| days.iter().filter(|day| day.spans.len() == count).count();
    assert_eq!((spans(0), spans(1), spans(2)), (1, 30, 29));
    assert_eq!(days.iter().filter(|day| day.kind() == Kind::Workday).count(), PEOPLE - 1);
    let clocked = days.iter().filter(|day| {
        day.spans.iter().any(|span| {
            let slot = |slot: &Option<qinlian::proto::day_result::Slot>| {
                slot.as_ref().is_some_and(|slot| slot.punch_index.is_some())
            };
            slot(&span.on) && slot(&span.off)
        })
    });
    assert_eq!(clocked.count(), 1, "whoever clocked in is known by the number");
    assert!(days.iter().all(|day| day.headline() != Headline::NotApplicable));
    if on(&holiday) < today {
        let days = hall.days(on(&holiday));
        assert!(days.len() == PEOPLE && days.iter().all(|day| day.kind() == Kind::Holiday));
    }
    hall.end();
}
