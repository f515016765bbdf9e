//! `qinlian import shifts`, `roster` and `calendar`.

use qinlian::proto::fact::Fact as Of;
use qinlian::proto::{CalendarYear, RosterFact, Shift};

use super::super::{done, qinlian, text};
use super::{Hall, Row};

const PEOPLE: &[Row<'static>] = &[
    ("A001,张三,税务局,公务员,2026-01-01,", "new"),
    ("A002,李四,税务局,公务员,2026-01-01,2026-11-30", "new"),
];

impl Hall {
    fn with_people() -> Self {
        let hall = Self::on_sqlite();
        hall.table("people", "工号,姓名,单位,身份,起,止", PEOPLE);
        hall
    }

    fn shifts(&self) -> Vec<Shift> {
        let shift = |fact: qinlian::proto::Fact| match fact.fact {
            Some(Of::Shift(shift)) => Some(shift),
            _ => None,
        };
        self.facts().into_iter().filter_map(shift).collect()
    }

    fn rosters(&self) -> Vec<RosterFact> {
        let roster = |fact: qinlian::proto::Fact| match fact.fact {
            Some(Of::Roster(roster)) => Some(roster),
            _ => None,
        };
        self.facts().into_iter().filter_map(roster).collect()
    }

    fn years(&self) -> Vec<CalendarYear> {
        let year = |fact: qinlian::proto::Fact| match fact.fact {
            Some(Of::CalendarYear(year)) => Some(year),
            _ => None,
        };
        self.facts().into_iter().filter_map(year).collect()
    }
}

/// `08:30-12:00 (30)`: the minutes around it where the shift says so.
fn spans(shift: &Shift, template: usize) -> Vec<String> {
    let clock = |minutes: i32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let spans = shift.templates[template].spans.iter();
    let text = |span: &qinlian::proto::shift::Span| {
        let around = span.on_before_min.map(|minutes| format!(" ({minutes})"));
        format!("{}-{}{}", clock(span.on_plan_min), clock(span.off_plan_min), around.unwrap_or_default())
    };
    spans.map(text).collect()
}

#[test]
fn a_shift_is_the_lines_that_name_it_and_stands_as_a_whole() {
    let hall = Hall::on_sqlite();
    hall.table(
        "shifts",
        "shift,weekdays,spans,on_before,off_after",
        &[
            ("day,1-4,08:30-12:00;14:00-17:30,30,", "new"),
            ("day,周五,8:30－16:00,30,", "new"),
            ("晚班,每天,20:00-26:00,,", "new"),
            ("day,1-4,08:30-12:00;14:00-17:30,30,", "stands"),
            ("休,1-5,08:30-12:00,,", "NOT_A_SHIFT"),
            ("a,Mon,08:30-12:00,,", "BAD_WEEKDAYS"),
            ("b,1-5,0830-1200,,", "BAD_SPANS"),
            ("b,6,08:30-12:00,,", "SHIFT_INCOMPLETE"),
            ("c,1-5,08:30-12:00,soon,", "BAD_NUMBER"),
            // Day 3 twice; an end before its beginning, whose next day is written as 26:00.
            ("d,1-3,08:30-12:00,,", "SHIFT_INCOMPLETE"),
            ("d,3-5,08:30-12:00,,", "TWICE"),
            ("e,1-5,20:00-02:00,,", "OUT_OF_RANGE"),
            ("f,,08:30-12:00,,", "MISSING_CELL"),
        ],
    );
    let shifts = hall.shifts();
    assert_eq!(shifts.iter().map(|shift| shift.name.as_str()).collect::<Vec<_>>(), ["day", "晚班"]);
    assert_eq!(spans(&shifts[0], 0), ["08:30-12:00 (30)", "14:00-17:30 (30)"]);
    assert_eq!(
        (spans(&shifts[0], 1), spans(&shifts[1], 0)),
        (vec!["08:30-16:00 (30)".into()], vec!["20:00-26:00".into()])
    );
    // Found by its name again; hours from a day on leave earlier days as they were.
    hall.table(
        "shifts",
        "班次,名称,星期,时段,起",
        &[
            ("晚班,,每天,21:00-26:00,2026-06-01", "new"),
            ("day,行政班,1-5,09:00-17:00,2026-06-01", "new"),
            ("夜,夜班,1-5,22:00-30:00,", "NOT_A_CODE"),
            ("g,,1-3,09:00-17:00,", "SHIFT_INCOMPLETE"),
            ("g,乙班,4-5,09:00-17:00,", "SHIFT_DIFFERS"),
        ],
    );
    let shifts = hall.shifts();
    assert_eq!((shifts.len(), &shifts[2].shift), (4, &shifts[1].shift));
    assert!(shifts[2].effective_from.is_some() && shifts[0].effective_from.is_none());
    hall.end();
}

#[test]
fn a_roster_names_days_or_patterns_and_the_rule_has_the_last_word() {
    let hall = Hall::with_people();
    hall.table(
        "shifts",
        "班次,星期,时段",
        &[("day,1-5,08:30-17:30", "new"), ("early,1-7,00:30-08:00", "new"), ("晚班,1-7,20:00-26:00", "new")],
    );
    hall.table(
        "roster",
        "工号,日期,起,止,班次",
        &[
            ("A001,,2026-03-02,,day", "new"),
            ("A002,2026-03-02,,,晚班", "new"),
            ("A002,2026-03-03,,,休", "new"),
            ("A002,,2026-04-01,2026-04-30,rest", "new"),
            ("A002,2026-03-02,,,晚班", "stands"),
            ("A002,2026-03-02,,,day", "TWICE"),
            ("A001,,2026-05-01,2026-05-02,early", "TWICE"),
            ("A009,2026-03-02,,,day", "UNKNOWN_PERSON"),
            ("A002,2026-12-01,,,day", "UNKNOWN_PERSON"),
            ("A002,2026-03-04,,,night", "UNKNOWN_SHIFT"),
            ("A002,,,,day", "MISSING_CELL"),
            ("A002,2026-03-05,,,", "MISSING_CELL"),
            ("A002,2026-03-05,2026-03-05,,day", "NOT_BOTH"),
            ("A002,,2026-03-05,2026-03-04,day", "BEFORE_FROM"),
            ("A002,2026-13-05,,,day", "BAD_DATE"),
        ],
    );
    let rosters = hall.rosters();
    assert_eq!((rosters.len(), rosters[0].entries.len(), rosters[0].patterns.len()), (1, 2, 2));
    // The night of the 2nd ends at two on the 3rd; who works a late shift cannot begin at half past midnight.
    hall.table(
        "roster",
        "employee_no,date,shift",
        &[
            ("A002,2026-03-06,晚班", "new"),
            ("A002,2026-03-07,early", "OVERLAPPING_SPANS"),
            ("A002,2026-03-08,early", "new"),
            ("A001,2024-01-02,day", "UNKNOWN_PERSON"),
        ],
    );
    let file = hall.write("overlap.csv", "工号,日期,班次\nA002,2026-03-07,early\n");
    let said = hall.import("roster", &file, &[])["refused"][0]["detail"].as_str().unwrap().to_owned();
    assert!(said.contains("2026-03-06 晚班 20:00-26:00"), "a shift is called as people call it: {said}");
    // An earlier day than anybody keeps: known by then, and too long ago for the rule.
    hall.table("people", "工号,姓名,起", &[("A003,王五,2020-01-01", "new")]);
    hall.table(
        "roster",
        "employee_no,from,until,shift",
        &[("A003,2020-01-02,2020-02-01,day", "TOO_LONG_AGO"), ("A003,2026-03-02,2026-03-06,day", "new")],
    );
    hall.end();
}

#[test]
fn a_calendar_is_of_one_year_and_stands_as_a_whole() {
    for hall in Hall::on_both() {
        let headings = "date,kind,as_weekday";
        hall.table(
            "calendar",
            headings,
            &[
                ("2026-01-01,STATUTORY_HOLIDAY,", "CALENDAR_INCOMPLETE"),
                ("2026-01-02,假日,", "BAD_KIND"),
                ("2026-01-04,MAKEUP_WORKDAY,8", "BAD_WEEKDAYS"),
                ("2026-01-05,ADJUSTED_REST,5", "NOT_BOTH"),
                ("2027-01-01,STATUTORY_HOLIDAY,", "ANOTHER_YEAR"),
                ("2026-01-01,ADJUSTED_REST,", "TWICE"),
                ("tomorrow,ADJUSTED_REST,", "BAD_DATE"),
            ],
        );
        assert!(hall.years().is_empty());
        hall.table(
            "calendar",
            headings,
            &[
                ("2026-01-04,调休上班,周五", "new"),
                ("2026-01-01,法定节假日,", "new"),
                ("2026/1/2,调休休息,", "new"),
                ("2026-01-01,STATUTORY_HOLIDAY,", "stands"),
            ],
        );
        let years = hall.years();
        assert_eq!((years.len(), years[0].days.len(), years[0].days[2].as_weekday), (1, 3, 5));
        let file = hall.write("calendar.csv", format!("{headings}\n2026-01-01,法定节假日,\n"));
        let report = hall.import("calendar", &file, &["--notice", "国办发明电〔2025〕7号"]);
        assert_eq!(super::became(&report).0, [1, 1, 0], "another set of days takes the place of the first");
        assert_eq!(hall.years()[1].notice, "国办发明电〔2025〕7号");
        // Of the whole deployment, for every centre that has none of its own.
        let all = ["import", "calendar", text(&file), "--data", text(&hall.data), "--centre", "_", "--json"];
        assert_eq!(super::became(&serde_json::from_str(&done(&all)).unwrap()).0, [1, 1, 0]);
        assert!(!qinlian(&[&["import", "roster"], &all[2..]].concat()).status.success());
        hall.end();
    }
}
