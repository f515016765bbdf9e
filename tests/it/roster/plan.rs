//! Rules R6 and R7 as a table: which layer decides what a day is, and which spans are worked on it.

use std::collections::HashMap;

use qinlian::kernel::{EpochDay, Pos};
use qinlian::policy::Policy;
use qinlian::proto::centre_day::Kind as CentreKind;
use qinlian::registers::roster::book::{Book, CentreDayAt, Duty, Pages, Seen, ShiftAt, YearAt};
use qinlian::registers::roster::notices;
use qinlian::registers::roster::plan::plan;
use qinlian::registers::roster::view::{DayKind, DaySource};

use super::rig::shift;

const ANNA: &str = "anna";
const BO: &str = "bo";

fn day(text: &str) -> EpochDay {
    let date = super::rig::date(text);
    EpochDay::from_ymd(date.year, date.month, date.day).expect("a day")
}

fn entry(pos: u64, on: &str, shift: Option<&str>) -> Duty {
    let on = day(on);
    let shift = shift.map(str::to_owned);
    Duty { pos: Pos::new(pos), item: 0, from: on, until: Some(on), pattern: false, shift, swap: None }
}

fn pattern(pos: u64, from: &str, until: Option<&str>, shift: Option<&str>) -> Duty {
    Duty {
        pos: Pos::new(pos),
        item: 0,
        from: day(from),
        until: until.map(day),
        pattern: true,
        shift: shift.map(str::to_owned),
        swap: None,
    }
}

fn centre_day(pos: u64, on: &str, kind: CentreKind, shift: &str) -> CentreDayAt {
    CentreDayAt { pos: Pos::new(pos), day: day(on), kind, shift: shift.to_owned() }
}

/// Anna works `day` from January on, from October `early`, with some days of her own; Bo has no roster. The notices of
/// 2024 to 2026 stand in the deployment's log, and the centre has days of its own.
fn book() -> Book {
    let mut early = shift("early", "1-5 07:00-11:00 12:00-15:00");
    early.effective_from = None;
    let versions = [
        (10, shift("day", "1-4 08:30-12:00 14:00-17:30; 5 08:30-12:00 13:30-16:00")),
        (11, early),
        (12, shift("night", "1-7 20:00-26:00")),
        (13, shift("long", "1-7 08:30-19:00")),
    ];
    let mut shifts: Vec<ShiftAt> =
        versions.into_iter().map(|(pos, shift)| ShiftAt { pos: Pos::new(pos), shift }).collect();
    // From June on the day begins at nine.
    let mut later = shift("day", "1-4 09:00-12:00 14:00-17:30; 5 09:00-12:00 13:30-16:00");
    later.effective_from = Some(super::rig::date("2026-06-01"));
    shifts.push(ShiftAt { pos: Pos::new(20), shift: later });
    let duties = vec![
        pattern(30, "2026-01-01", None, Some("day")),
        pattern(31, "2026-10-12", Some("2026-10-16"), Some("early")),
        pattern(32, "2026-11-02", Some("2026-11-06"), None),
        entry(33, "2026-03-07", Some("day")),
        entry(34, "2026-05-01", Some("night")),
        entry(35, "2026-03-11", None),
        entry(36, "2026-03-11", Some("long")),
    ];
    let centre_days = vec![
        centre_day(40, "2026-03-04", CentreKind::Closed, ""),
        centre_day(41, "2026-03-05", CentreKind::Extended, "long"),
        centre_day(42, "2026-03-14", CentreKind::Work, ""),
        centre_day(43, "2026-03-15", CentreKind::Work, "long"),
        centre_day(44, "2026-10-01", CentreKind::Work, "long"),
        centre_day(45, "2026-03-06", CentreKind::Closed, ""),
        centre_day(46, "2026-03-06", CentreKind::Rest, ""),
    ];
    let years = notices::codes()
        .enumerate()
        .map(|(at, code)| YearAt::new(Pos::new(at as u64), &notices::shipped(code).expect("shipped")))
        .collect();
    Book {
        own: Pages { shifts, centre_days, ..Pages::default() },
        deployment: Pages { years, ..Pages::default() },
        duties: HashMap::from([(ANNA.to_owned(), duties)]),
    }
}

fn spans(plan: &qinlian::registers::roster::view::DayPlan) -> String {
    let clock = |minutes: i32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let spans = plan.spans.iter().map(|span| format!("{}-{}", clock(span.on_plan), clock(span.off_plan)));
    spans.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_first_layer_that_says_something_decides() {
    use DayKind::{Holiday, Makeup, PendingCalendar, Rest, Workday};
    use DaySource::{Adjusted, Centre, Roster, Statutory, Weekly};
    let book = book();
    for (rule, on, kind, source, worked) in [
        ("R6.4: an ordinary Monday", "2026-03-02", Workday, Weekly, "08:30-12:00 14:00-17:30"),
        ("R7: Friday has a template of its own", "2026-03-13", Workday, Weekly, "08:30-12:00 13:30-16:00"),
        ("R6.4: Sunday is in no template", "2026-03-08", Rest, Weekly, ""),
        (
            "R6.1: her own entry makes a Saturday work, like the policy's weekday",
            "2026-03-07",
            Workday,
            Roster,
            "08:30-12:00 14:00-17:30",
        ),
        ("R6.1: of two entries for a day the newest", "2026-03-11", Workday, Roster, "08:30-19:00"),
        ("R6.1: her own entry wins over a holiday", "2026-05-01", Workday, Roster, "20:00-26:00"),
        ("R6.2: closed", "2026-03-04", Rest, Centre, ""),
        ("R6.2: of two days of the centre the newest", "2026-03-06", Rest, Centre, ""),
        ("R6.2: longer hours for everybody", "2026-03-05", Workday, Centre, "08:30-19:00"),
        (
            "R6.2: a Saturday is worked, like the policy's weekday",
            "2026-03-14",
            Workday,
            Centre,
            "08:30-12:00 14:00-17:30",
        ),
        ("R6.2: a Sunday is worked, under another shift", "2026-03-15", Workday, Centre, "08:30-19:00"),
        ("R6.2 before R6.3: open on a holiday", "2026-10-01", Workday, Centre, "08:30-19:00"),
        ("R6.3: a holiday by law", "2026-10-02", Holiday, Statutory, ""),
        ("R6.3: rest that was moved here, on a Monday", "2026-10-05", Rest, Adjusted, ""),
        (
            "R6.3: a Saturday is made up, like the policy's weekday",
            "2026-10-10",
            Makeup,
            DaySource::Makeup,
            "09:00-12:00 14:00-17:30",
        ),
        ("R6.3: a Sunday is made up", "2026-09-20", Makeup, DaySource::Makeup, "09:00-12:00 14:00-17:30"),
        ("R7: a later version begins on its day", "2026-06-01", Workday, Weekly, "09:00-12:00 14:00-17:30"),
        ("R7: and leaves the day before as it was", "2026-05-29", Workday, Weekly, "08:30-12:00 13:30-16:00"),
        (
            "a later pattern takes the days that it names",
            "2026-10-12",
            Workday,
            Weekly,
            "07:00-11:00 12:00-15:00",
        ),
        ("and the earlier one has the others", "2026-10-19", Workday, Weekly, "09:00-12:00 14:00-17:30"),
        (
            "R6: nobody has said yet which days of 2027 are holidays",
            "2027-01-04",
            PendingCalendar,
            Weekly,
            "",
        ),
    ] {
        let plan = plan(&book, ANNA, day(on), Seen::ALL, &Policy::default());
        assert_eq!((plan.kind, plan.source, spans(&plan).as_str()), (kind, source, worked), "{rule}: {on}");
        assert!(plan.rostered, "{rule}");
    }
}

#[test]
fn who_has_no_roster_has_the_policys_shift_or_nothing() {
    let book = book();
    let monday = day("2026-03-02");
    let none = plan(&book, BO, monday, Seen::ALL, &Policy::default());
    assert!(!none.rostered && none.spans.is_empty());
    let policy = Policy { default_shift: "day".to_owned(), ..Policy::default() };
    let by_default = plan(&book, BO, monday, Seen::ALL, &policy);
    assert_eq!((by_default.rostered, spans(&by_default).as_str()), (true, "08:30-12:00 14:00-17:30"));
    // "If both an assigned and a default shift exist, the assignment wins" (R7): also where it says that there is none.
    let released = plan(&book, ANNA, day("2026-11-03"), Seen::ALL, &policy);
    assert!(!released.rostered);
}

#[test]
fn a_calendar_without_days_says_as_little_as_none_and_a_centres_own_takes_the_place_of_the_deployments() {
    let mut book = book();
    let monday = day("2026-03-02");
    let at = |book: &Book| plan(book, ANNA, monday, Seen::ALL, &Policy::default()).kind;
    let empty = qinlian::proto::CalendarYear { year: 2026, notice: "?".to_owned(), days: Vec::new() };
    book.own.years.push(YearAt::new(Pos::new(50), &empty));
    assert_eq!(at(&book), DayKind::PendingCalendar, "R6: a year with zero days is not known");
    let mut own = notices::shipped("cn-2026").expect("shipped");
    own.days[0].date = Some(super::rig::date("2026-03-02"));
    book.own.years.push(YearAt::new(Pos::new(51), &own));
    assert_eq!(at(&book), DayKind::Holiday);
    // As it was known before that entry.
    let before = Seen { own: Pos::new(50), deployment: Pos::new(u64::MAX) };
    assert_eq!(plan(&book, ANNA, monday, before, &Policy::default()).kind, DayKind::Workday);
}

#[test]
fn what_was_not_yet_on_record_does_not_count() {
    let book = book();
    let on = day("2026-10-12");
    for (own, wanted) in
        [(30, None), (31, Some("09:00-12:00 14:00-17:30")), (32, Some("07:00-11:00 12:00-15:00"))]
    {
        let seen = Seen { own: Pos::new(own), deployment: Pos::new(u64::MAX) };
        let plan = plan(&book, ANNA, on, seen, &Policy::default());
        assert_eq!(plan.rostered.then(|| spans(&plan)).as_deref(), wanted, "before entry {own}");
    }
}
