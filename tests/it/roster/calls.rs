//! Shifts, rosters, calendars and a centre's days: what is taken, what is refused by name, and what is listed.

use qinlian::kernel::Subject;
use qinlian::proto::roster_entry::Works;
use qinlian::proto::*;
use qinlian::registers::failure::Failure;
use qinlian::registers::roster::notices;

use super::rig::{Desk, date, refused, shift};
use crate::support::clock;
use crate::support::office::HALL;
use crate::support::store::each;

#[tokio::test]
async fn rosters_that_would_have_somebody_at_work_twice_at_once_are_refused_with_both_spans() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, &clock(311)).await;
        desk.put_shift(shift("day", "1-5 08:30-12:00 14:00-17:30")).await.expect("a shift");
        desk.put_shift(shift("night", "1-7 20:00-33:00")).await.expect("a shift");
        desk.put_roster(vec![], vec![desk.pattern(0, "2026-03-02", "", "day")]).await.expect("a roster");
        // A night that ends at nine, before a day that begins at half past eight.
        let answer = desk.put_roster(vec![desk.entry(0, "2026-03-04", "night")], vec![]).await;
        let Err(Failure::Refused(reason)) = answer else { panic!("{answer:?}") };
        let said = reason.said().en;
        assert_eq!(reason.code(), "OVERLAPPING_SPANS");
        assert!(said.contains("2026-03-04 night 20:00-33:00 and 2026-03-05 day 08:30-12:00"), "{said}");
        // With the next day off there is room.
        let entries = vec![desk.entry(0, "2026-03-04", "night"), desk.entry(0, "2026-03-05", "rest")];
        desk.put_roster(entries, vec![]).await.expect("room");
        // A pattern whose nights run into its own next day, and one that meets another person's: only the first.
        desk.put_shift(shift("double", "1-7 06:00-31:00")).await.expect("a shift");
        let answer =
            desk.put_roster(vec![], vec![desk.pattern(1, "2026-03-02", "2026-03-03", "double")]).await;
        assert_eq!(refused(answer), "OVERLAPPING_SPANS");
        desk.put_roster(vec![], vec![desk.pattern(2, "2026-03-02", "2026-03-02", "double")])
            .await
            .expect("one");
        desk.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_later_version_of_a_shift_must_not_make_anybody_overlap() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, &clock(312)).await;
        desk.put_shift(shift("night", "1-7 20:00-26:00")).await.expect("a shift");
        desk.put_roster(vec![], vec![desk.pattern(0, "2026-03-02", "", "night")]).await.expect("a roster");
        let longer = shift("night", "1-7 12:00-35:00");
        let answer =
            desk.put_shift(Shift { effective_from: Some(date("2026-04-01")), ..longer.clone() }).await;
        assert!(answer.is_ok(), "it ends before it begins again: {answer:?}");
        let answer = desk.put_shift(shift("night", "1-7 08:00-35:00")).await;
        assert_eq!(refused(answer), "OVERLAPPING_SPANS");
        desk.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_a_roster_names_must_exist_and_nothing_is_half_done() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, &clock(313)).await;
        desk.put_shift(shift("day", "1-5 08:30-17:30")).await.expect("a shift");
        let good = desk.entry(0, "2026-03-04", "day");
        let mut stranger = desk.entry(1, "2026-03-04", "day");
        stranger.person_id = "p22222222222222222222222222".to_owned();
        for (wrong, reason) in
            [(stranger, "UNKNOWN_PERSON"), (desk.entry(1, "2026-03-04", "late"), "UNKNOWN_SHIFT")]
        {
            assert_eq!(refused(desk.put_roster(vec![good.clone(), wrong], vec![]).await), reason);
        }
        let elsewhere = desk.office.add_person().await;
        let unassigned = RosterEntry { person_id: elsewhere.to_string(), ..good.clone() };
        assert_eq!(refused(desk.put_roster(vec![unassigned], vec![]).await), "NOT_ASSIGNED_HERE");
        let listed = list(&desk, "system:officer").await.expect("a roster");
        assert!(listed.entries.is_empty() && listed.patterns.is_empty());
        desk.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, &clock(314)).await;
        let mut wrong = shift("day", "1-5 08:30-12:00 11:00-17:30; 5-6 17:00-36:30");
        wrong.name = String::new();
        assert_eq!(
            refused(desk.put_shift(wrong).await),
            "shift.name EMPTY, shift.templates[0].spans[1].on_plan_min OUT_OF_RANGE, \
             shift.templates[1].weekdays[0] TWICE, shift.templates[1].spans[0].off_plan_min OUT_OF_RANGE"
        );
        let twice = vec![desk.entry(0, "2026-03-04", "day"), desk.entry(0, "2026-03-04", "rest")];
        let nothing = RosterEntry { works: Some(Works::Rest(false)), ..desk.entry(1, "2026-03-04", "rest") };
        let meeting = vec![
            desk.pattern(2, "2026-03-02", "", "day"),
            desk.pattern(2, "2026-04-01", "2026-03-01", "day"),
            desk.pattern(2, "2026-05-01", "", "Day"),
        ];
        assert_eq!(
            refused(desk.put_roster([twice, vec![nothing]].concat(), meeting).await),
            "entries[1].date TWICE, entries[2].shift MISSING, patterns[1].until BEFORE_FROM, \
             patterns[2].shift NOT_A_CODE, patterns[2].from TWICE"
        );
        desk.office.stop().await;
    })
    .await;
}

async fn list(desk: &Desk, subject: &str) -> Result<ListRosterResponse, Failure> {
    let request = ListRosterRequest {
        centre: HALL.to_owned(),
        from: Some(date("2026-03-01")),
        until: Some(date("2026-03-31")),
        ..ListRosterRequest::default()
    };
    let caller = desk.caller(&Subject::parse(subject).expect("a subject"), "ListRoster");
    desk.calls.list_roster(&caller, request).await
}

#[tokio::test]
async fn a_list_shows_what_stands_and_not_what_was_replaced() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, &clock(315)).await;
        desk.put_shift(shift("day", "1-5 08:30-17:30")).await.expect("a shift");
        desk.put_shift(shift("late", "1-5 12:00-20:00")).await.expect("a shift");
        let patterns = vec![
            desk.pattern(0, "2026-01-01", "", "day"),
            desk.pattern(1, "2026-03-10", "2026-03-20", "day"),
            desk.pattern(2, "2026-04-01", "", "day"),
        ];
        desk.put_roster(vec![desk.entry(0, "2026-03-05", "rest")], patterns).await.expect("a roster");
        let later = vec![desk.pattern(1, "2026-03-01", "2026-03-31", "late")];
        desk.put_roster(vec![desk.entry(0, "2026-03-05", "late")], later).await.expect("a roster");
        let listed = list(&desk, "system:officer").await.expect("a roster");
        let entries: Vec<_> = listed.entries.iter().map(|entry| entry.works.clone()).collect();
        assert_eq!(entries, [Some(Works::Shift("late".to_owned()))]);
        let shifts: Vec<_> = listed.patterns.iter().map(|pattern| pattern.shift.as_str()).collect();
        assert_eq!(shifts, ["day", "late"]);
        // Page by page it is the same list.
        let mut request = ListRosterRequest {
            centre: HALL.to_owned(),
            from: Some(date("2026-03-01")),
            until: Some(date("2026-03-31")),
            page_size: 1,
            ..ListRosterRequest::default()
        };
        let mut paged = ListRosterResponse::default();
        loop {
            let page =
                desk.calls.list_roster(&desk.officer("ListRoster"), request.clone()).await.expect("a page");
            paged.entries.extend(page.entries);
            paged.patterns.extend(page.patterns);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(paged, listed);
        desk.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn calendars_and_days_of_the_centre_are_listed_in_their_newest_version() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, &clock(316)).await;
        for code in ["cn-2025", "cn-2026", "cn-2026"] {
            let request = PutCalendarYearRequest {
                centre: HALL.to_owned(),
                request_id: desk.id(),
                calendar: notices::shipped(code),
                ..PutCalendarYearRequest::default()
            };
            desk.calls.put_calendar_year(&desk.officer("PutCalendarYear"), request).await.expect("a year");
        }
        let request = ListCalendarYearsRequest { centre: HALL.to_owned(), ..Default::default() };
        let listed = desk.calls.list_calendar_years(&desk.officer("ListCalendarYears"), request).await;
        let years: Vec<i32> = listed.expect("years").calendars.iter().map(|year| year.year).collect();
        assert_eq!(years, [2025, 2026]);
        let days = |kind: centre_day::Kind, shift: &str| PutCentreDaysRequest {
            centre: HALL.to_owned(),
            request_id: desk.id(),
            days: vec![CentreDay {
                date: Some(date("2026-03-06")),
                kind: kind.into(),
                shift: shift.to_owned(),
            }],
            ..PutCentreDaysRequest::default()
        };
        let put = async |request| desk.calls.put_centre_days(&desk.officer("PutCentreDays"), request).await;
        assert_eq!(refused(put(days(centre_day::Kind::Extended, "")).await), "days[0].shift MISSING");
        assert_eq!(refused(put(days(centre_day::Kind::Closed, "day")).await), "days[0].shift NOT_BOTH");
        assert_eq!(refused(put(days(centre_day::Kind::Work, "day")).await), "UNKNOWN_SHIFT");
        put(days(centre_day::Kind::Work, "")).await.expect("a day");
        put(days(centre_day::Kind::Closed, "")).await.expect("a day");
        let request = ListCentreDaysRequest { centre: HALL.to_owned(), ..Default::default() };
        let listed = desk.calls.list_centre_days(&desk.officer("ListCentreDays"), request).await;
        let kinds: Vec<_> = listed.expect("days").days.iter().map(CentreDay::kind).collect();
        assert_eq!(kinds, [centre_day::Kind::Closed]);
        desk.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn shifts_and_rosters_stand_in_a_centres_log_and_are_put_by_whoever_may() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, &clock(317)).await;
        let request = |centre: &str| PutShiftRequest {
            centre: centre.to_owned(),
            request_id: desk.id(),
            shift: Some(shift("day", "1-5 08:30-17:30")),
            ..PutShiftRequest::default()
        };
        let administrator = Subject::Person(desk.office.administrators[0].clone());
        let caller = desk.caller(&administrator, "PutShift");
        assert_eq!(refused(desk.calls.put_shift(&caller, request("_")).await), "NOT_IN_A_CENTRE");
        let stranger = desk.caller(&Subject::parse("system:nobody").expect("a subject"), "PutShift");
        assert_eq!(refused(desk.calls.put_shift(&stranger, request(HALL)).await), "DENIED");
        // The same request is answered with the same receipt, and another under its id is not.
        let first = request(HALL);
        let officer = || desk.officer("PutShift");
        let receipt = desk.calls.put_shift(&officer(), first.clone()).await.expect("a shift").receipt;
        assert_eq!(desk.calls.put_shift(&officer(), first.clone()).await.expect("again").receipt, receipt);
        let other = PutShiftRequest { shift: Some(shift("day", "1-5 09:00-17:30")), ..first };
        let reused = desk.calls.put_shift(&officer(), other).await;
        assert!(matches!(reused, Err(Failure::RequestIdReused)), "{reused:?}");
        desk.office.stop().await;
    })
    .await;
}
