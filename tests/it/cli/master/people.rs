//! `qinlian import people`.

use qinlian::kernel::LogId;
use qinlian::proto::{Assignment, credential};
use qinlian::registers::directory::fact::{Noun, Record, day, opt_day};

use super::{Hall, Row, SECRET};

const HEADINGS: &str = "工号,姓名,单位,身份,起,止";

impl Hall {
    /// What stands of whoever has an employee number: department and form of employment; each assignment and each day on
    /// which the number begins.
    fn person(&self, number: &str) -> (String, Vec<String>, Vec<String>) {
        self.with(async |office, hall| {
            let own = office.desk.directory(hall).await.unwrap();
            let deployment = office.desk.directory(LogId::DEPLOYMENT).await.unwrap();
            let kind = credential::Kind::EmployeeNo;
            let hmac = office.keys.credential_hmac(6, number);
            assert_eq!(i32::from(kind), 6);
            let bound: Vec<_> = own.bindings(kind.into(), &hmac).filter(|binding| !binding.retired).collect();
            let Some(first) = bound.first() else { return (String::new(), Vec::new(), Vec::new()) };
            assert!(bound.iter().all(|other| other.person_id == first.person_id));
            let person = deployment.person(&first.person_id).unwrap();
            let department =
                deployment.get(Noun::Department, &person.department).map(|held| held.record.clone());
            let name = match department {
                Some(Record::Department(department)) => department.name,
                _ => "-".to_owned(),
            };
            let on = |assignment: &Assignment| {
                let until = opt_day(assignment.until.as_ref()).map(|until| until.to_string());
                format!("{} to {}", day(assignment.from.as_ref()), until.unwrap_or_default())
            };
            let standing = own.assignments(&first.person_id).filter(|assignment| !assignment.retired);
            let mut assigned: Vec<String> = standing.map(on).collect();
            assigned.sort();
            let mut begins: Vec<String> =
                bound.iter().map(|binding| day(binding.from.as_ref()).to_string()).collect();
            begins.sort();
            (format!("{name} {}", person.employment().as_str_name()), assigned, begins)
        })
    }

    fn count(&self, noun: Noun) -> usize {
        self.with(async |office, hall| {
            let log = if noun.belongs_in(hall) { hall } else { LogId::DEPLOYMENT };
            office.desk.directory(log).await.unwrap().list(noun, None).count()
        })
    }
}

fn stands(person: &(String, Vec<String>, Vec<String>)) -> (&str, Vec<&str>, Vec<&str>) {
    (
        person.0.as_str(),
        person.1.iter().map(String::as_str).collect(),
        person.2.iter().map(String::as_str).collect(),
    )
}

#[test]
fn each_line_is_a_person_or_says_why_not_on_either_database() {
    let secret = format!("A009,{SECRET}\u{202E},,,2026-01-01,");
    let rows: Vec<Row<'_>> = vec![
        ("A001,张三,市场监督管理局,事业编,2026-01-01,", "new"),
        ("A002,李四,税务局,公务员,2026/1/1,2026-12-31", "new"),
        ("007,王五,税务局,DISPATCHED,2026年2月1日,", "new"),
        ("A003,赵六,,,2026.1.1,", "new"),
        ("A004,钱七,tax,合同制,2026-01-01", "new"),
        ("A001,张三,市场监督管理局,事业编,2026-01-01,", "stands"),
        ("A002,李四,商务局,公务员,2026-01-01,2026-12-31", "TWICE"),
        (",孙八,,,2026-01-01,", "MISSING_CELL"),
        ("A005,,,,2026-01-01,", "MISSING_CELL"),
        ("A005,周九,,,,", "MISSING_CELL"),
        ("A006,周九,,,2026-02-30,", "BAD_DATE"),
        ("A006,周九,,,2026-03-01,soon", "BAD_DATE"),
        ("A006,周九,,,2026-03-01,2026-02-01", "ENDS_BEFORE_IT_BEGINS"),
        ("A006,周九,,教授,2026-03-01,", "BAD_EMPLOYMENT"),
        (secret.as_str(), "FORBIDDEN_CHARACTER"),
    ];
    for hall in Hall::on_both() {
        hall.table("people", HEADINGS, &rows);
        let zhang = hall.person("A001");
        assert_eq!(
            stands(&zhang),
            ("市场监督管理局 PUBLIC_INSTITUTION", vec!["2026-01-01 to "], vec!["2026-01-01"])
        );
        let li = hall.person("A002");
        assert_eq!(stands(&li).1, ["2026-01-01 to 2026-12-31"]);
        assert_eq!(stands(&hall.person("A003")).0, "- OTHER");
        // Two administrators, and five people; one department each for the three names.
        assert_eq!((hall.count(Noun::Person), hall.count(Noun::Department)), (7, 3));
        hall.end();
    }
}

#[test]
fn what_is_said_otherwise_of_somebody_is_put_and_nothing_else() {
    let hall = Hall::on_sqlite();
    hall.table(
        "people",
        HEADINGS,
        &[
            ("A001,张三,税务局,公务员,2026-01-01,", "new"),
            ("A002,李四,税务局,公务员,2026-01-01,", "new"),
            ("A003,王五,税务局,公务员,2026-06-01,2026-12-31", "new"),
            ("A004,赵六,税务局,公务员,2026-01-01,2026-03-31", "new"),
        ],
    );
    let (people, entries) = (hall.count(Noun::Person), hall.heads());
    hall.table(
        "people",
        HEADINGS,
        &[
            // Another department; another name, and the last day; from earlier on; as it was, and what is left out stays.
            ("A001,张三,商务局,公务员,2026-01-01,", "new"),
            ("A002,李思,税务局,公务员,2026-01-01,2026-12-31", "new"),
            ("A003,王五,税务局,公务员,2026-01-01,", "new"),
            ("A004,赵六,,,2026-01-01,2026-03-31", "stands"),
        ],
    );
    assert_eq!(hall.count(Noun::Person), people, "nobody is made twice");
    // A department, two people, and that their fields were read; the second's two ends, the third's number, and days anew.
    let grown: Vec<u64> = hall.heads().iter().zip(&entries).map(|(now, then)| now.0 - then.0).collect();
    assert_eq!(grown, [4, 5]);
    assert_eq!(stands(&hall.person("A001")).0, "商务局 CIVIL_SERVANT");
    assert_eq!(stands(&hall.person("A002")).1, ["2026-01-01 to 2026-12-31"]);
    let wang = hall.person("A003");
    assert_eq!(
        (stands(&wang).1, stands(&wang).2),
        (vec!["2026-01-01 to "], vec!["2026-01-01", "2026-06-01"])
    );
    hall.table(
        "people",
        HEADINGS,
        &[
            // What was said once, and then otherwise, is new when it is said again.
            ("A001,张三,税务局,公务员,2026-01-01,", "new"),
            ("A002,李四,税务局,公务员,2026-01-01,2026-12-31", "new"),
            // Days on which they worked here would be gone; the number may be somebody else's by now.
            ("A003,王五,税务局,公务员,2026-02-01,", "ASSIGNED_OTHERWISE"),
            ("A004,赵六,税务局,公务员,2026-06-01,", "NUMBER_ENDED"),
        ],
    );
    assert_eq!(stands(&hall.person("A001")).0, "税务局 CIVIL_SERVANT");
    hall.end();
}

#[test]
fn whoever_an_import_of_clock_ins_created_gets_a_name_and_a_number() {
    let hall = Hall::on_sqlite();
    let punches = hall.write("punches.csv", "时间,工号\n2026-03-02 08:00,A001\n2026-03-02 08:01,A002\n");
    hall.import("punches", &punches, &["--create-people"]);
    let people = hall.count(Noun::Person);
    hall.table(
        "people",
        HEADINGS,
        &[("A001,张三,税务局,公务员,2026-01-01,", "new"), ("A003,王五,税务局,公务员,2026-01-01,", "new")],
    );
    assert_eq!(hall.count(Noun::Person), people + 1);
    let zhang = hall.person("A001");
    assert_eq!(stands(&zhang), ("税务局 CIVIL_SERVANT", vec!["2026-01-01 to "], vec!["2026-01-01"]));
    // Whoever has a number is not found by a card that is called the same.
    hall.table("people", HEADINGS, &[("A001,张三,税务局,公务员,2026-01-01,", "stands")]);
    assert_eq!(super::became(&hall.import("punches", &punches, &["--create-people"])).0, [2, 0, 2]);
    hall.end();
}
