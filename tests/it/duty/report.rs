//! What a report says of windows (duty notes 3.7), and what holds of any day whatever happens in it.

use std::collections::HashMap;
use std::fmt::Write;

use calamine::{Reader, open_workbook_auto};
use qinlian::cli::export::duty::{COLUMNS, Format, duty};
use qinlian::kernel::{CentreId, EpochDay, EpochMs};
use qinlian::policy::Policy;
use qinlian::proto::board_window::State;
use qinlian::proto::*;
use qinlian::registers::duty::report::{Days, Schedule, Wanted, merged, minutes, report};
use qinlian::registers::duty::service::report::Order;
use qinlian::registers::roster::fact::Command as Roster;

use super::rig::Hall;
use crate::duty::chance::{any_day, instant};
use crate::roster::rig::{date, refused, shift};
use crate::support::dice::Dice;
use crate::support::office::HALL;
use crate::support::scale;
use crate::support::store::each;

impl Hall {
    /// Everybody at a window works 08:30 to 12:00 and 14:00 to 17:30 on weekdays, in a year with a calendar.
    async fn works_office_hours(&self) {
        let put = async |command: Roster| {
            self.office.administer(self.office.hall, command).await.expect("a page of the roster");
        };
        let day = calendar_year::Day {
            date: Some(date("2026-05-01")),
            kind: calendar_year::day::Kind::StatutoryHoliday.into(),
            ..calendar_year::Day::default()
        };
        put(Roster::CalendarYear(CalendarYear { year: 2026, notice: "测试".to_owned(), days: vec![day] }))
            .await;
        put(Roster::Shift(shift("day", "1-5 08:30-12:00 14:00-17:30"))).await;
        let patterns = ["zhao", "qian", "sun", "wu", "zheng"].map(|name| RosterPattern {
            person_id: self.person(name),
            from: Some(date("2026-01-01")),
            until: None,
            shift: "day".to_owned(),
        });
        put(Roster::Roster(RosterFact { patterns: patterns.to_vec(), ..RosterFact::default() })).await;
    }

    /// A line for each window and day at which anything was scheduled, one for all, and one for each item.
    async fn reported(&self, request: GetDutyReportRequest, who: &str) -> String {
        let request = GetDutyReportRequest { centre: HALL.to_owned(), ..request };
        let answer = match self.calls.get_duty_report(&self.caller(who, "GetDutyReport"), request).await {
            Ok(answer) => answer,
            refusal => return refused(refusal),
        };
        let mut text = String::new();
        for line in answer.windows.iter().chain(&answer.total) {
            let minutes = line.minutes.expect("minutes");
            let parts = [
                ("open", minutes.open),
                ("covered", minutes.covered),
                ("paused", minutes.paused),
                ("overdue", minutes.overdue),
                ("off post", minutes.off_post),
                ("unstaffed", minutes.unstaffed),
                ("fault", minutes.fault),
                ("closed", minutes.closed),
            ];
            let sum: u64 = parts.iter().map(|(_, minutes)| minutes).sum();
            assert_eq!(sum, minutes.scheduled, "{line:?}");
            let name = if line.window.is_empty() { "all" } else { &line.window };
            let _ = write!(text, "{name}");
            if let Some(day) = &line.date {
                let _ = write!(text, " {:02}-{:02}", day.month, day.day);
            }
            let _ = write!(text, ": {}", minutes.scheduled);
            for (what, minutes) in parts.into_iter().filter(|(_, minutes)| *minutes > 0) {
                let _ = write!(text, " {what} {minutes}");
            }
            if minutes.beyond_schedule > 0 {
                let _ = write!(text, " beyond {}", minutes.beyond_schedule);
            }
            if let Some(rate) = line.in_post_rate {
                let _ = write!(text, " in post {}.{:02}%", rate / 100, rate % 100);
            }
            let pauses = line.pauses.expect("pauses");
            if pauses.pauses > 0 {
                let told = (pauses.pauses, pauses.promised_minutes, pauses.actual_minutes);
                let _ = write!(text, " pauses {} promised {} took {}", told.0, told.1, told.2);
                let rate = pauses.overdue_rate.expect("a rate of some pauses");
                let _ = write!(text, " late {} left {}", pauses.late_returns, pauses.left_post);
                let _ = write!(text, " overdue {}.{:02}%", rate / 100, rate % 100);
                let odd = [
                    ("open", pauses.open),
                    ("extended", pauses.extensions),
                    ("without sign", pauses.without_sign),
                    ("without guidance", pauses.without_guidance),
                    ("anyway", pauses.left_anyway),
                    ("last", pauses.last_window),
                ];
                for (what, count) in odd.into_iter().filter(|(_, count)| *count > 0) {
                    let _ = write!(text, " {what} {count}");
                }
            }
            if pauses.out_of_order > 0 {
                let _ = write!(text, " out of order {}", pauses.out_of_order);
            }
            text.push('\n');
        }
        for item in answer.items {
            let _ = writeln!(
                text,
                "{}: {} of {} unserved",
                item.item, item.unserved_minutes, item.scheduled_minutes
            );
        }
        text
    }
}

fn days(from: &str, until: &str, by_day: bool) -> GetDutyReportRequest {
    GetDutyReportRequest {
        from: Some(date(from)),
        until: Some(date(until)),
        by_day,
        ..GetDutyReportRequest::default()
    }
}

impl Hall {
    /// The month as files: the same numbers in both forms, each of the same position of the log.
    async fn is_exported(&self) {
        let dir = tempfile::tempdir().expect("a folder");
        let centre = CentreId::parse(HALL).expect("a code");
        let during = ["2026-03-01", "2026-03-31"].map(|day| {
            let date = date(day);
            EpochDay::from_ymd(date.year, date.month, date.day).expect("a day")
        });
        let order = Order { during: (during[0], during[1]), window: None, by_day: true };
        let (csv, xlsx) = (dir.path().join("duty.csv"), dir.path().join("duty.xlsx"));
        let desk = &self.office.desk;
        let one = duty(desk, (&centre, &order), Format::Csv, &csv).await.expect("a table");
        let other = duty(desk, (&centre, &order), Format::Xlsx, &xlsx).await.expect("a workbook");
        assert_eq!((one.log, one.lines), (other.log, other.lines));
        // Five windows on the first three days: what has not been yet is in no line.
        assert_eq!(one.lines, 15);
        let text = std::fs::read_to_string(&csv).expect("a file");
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(lines[0].len(), COLUMNS.len());
        let wanted = "w2,2,2026-03-02,420,370,0,15,10,5,0,0,20,430,88.10,1,0,10,30,0,0,1,100.00,0,0,0,0";
        assert!(text.lines().any(|line| line == wanted), "{text}");
        let mut book = open_workbook_auto(&xlsx).expect("a workbook");
        let range = book.worksheet_range("窗口").expect("a sheet");
        let rows: Vec<Vec<String>> =
            range.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        assert_eq!(rows.len(), lines.len() + 1, "the table and its total");
        for (line, row) in lines.iter().zip(&rows).skip(1) {
            let number =
                |text: &str| text.parse::<f64>().map_or(text.to_owned(), |number| number.to_string());
            let line: Vec<String> = line.iter().map(|cell| number(cell)).collect();
            let row: Vec<String> = row.iter().map(|cell| number(cell)).collect();
            assert_eq!(line, row);
        }
        let items = book.worksheet_range("事项").expect("a sheet");
        assert_eq!(items.rows().count(), 4);
        let refused =
            duty(desk, (&CentreId::parse("none").expect("a code"), &order), Format::Csv, &csv).await;
        assert!(format!("{:#}", refused.expect_err("no centre")).contains("there is no centre none"));
        assert_eq!(std::fs::read_to_string(&csv).expect("a file"), text);
    }
}

/// The lines that are meant, without what indents them.
fn lines(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn a_report_tells_what_windows_did_with_the_minutes_in_which_they_should_have_been_staffed() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_061).await;
        hall.works_office_hours().await;
        hall.turn_to("08:20");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2")]).await;
        hall.lives(
            "
            09:00 zhao pauses w1 COMFORT 09:08      => STARTED >w2
            09:08 zhao back w1                      => OPEN
            10:00 qian pauses w2 COMFORT 10:10      => STARTED >w1
            10:30 qian back w2                      => OPEN
            11:00 sun in
            11:00 sun opens w3                      => OPEN
            12:00 zhao out
            12:10 zhao in
            12:30 qian closes w2                    => CLOSED
            14:20 qian opens w2                     => OPEN
            15:00 zhao out
            16:00 sun closes w3                     => CLOSED
            # What was left open ended by itself in the night.
            3T08:00 board                           =>
            ",
        )
        .await;
        let told = hall.reported(days("2026-03-02", "2026-03-02", false), "zhou").await;
        assert_eq!(
            told,
            lines(
                "
                w1: 420 open 262 paused 8 unstaffed 150 beyond 120 in post 62.38% pauses 1 promised 8 took 8 late 0 left 0 overdue 0.00%
                w2: 420 open 370 paused 15 overdue 10 off post 5 closed 20 beyond 430 in post 88.10% pauses 1 promised 10 took 30 late 0 left 1 overdue 100.00%
                w3: 420 open 180 closed 240 beyond 120 in post 42.86%
                w4: 420 closed 420 in post 0.00%
                w5: 420 closed 420 in post 0.00%
                all: 2100 open 812 paused 23 overdue 10 off post 5 unstaffed 150 closed 1100 beyond 670 in post 38.67% pauses 2 promised 18 took 38 late 0 left 1 overdue 50.00%
                a: 0 of 420 unserved
                b: 0 of 420 unserved
                c: 420 of 420 unserved
                "
            )
        );
        hall.is_exported().await;
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_report_is_by_the_day_of_one_window_or_of_days_without_work() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_062).await;
        hall.works_office_hours().await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("zheng", "w5")]).await;
        hall.lives(
            "
            09:00 zheng pauses w5 MEETING 09:20 anyway because => STARTED LAST_WINDOW NO_APPROVAL LEFT_ANYWAY
            09:20 zheng back w5                     => OPEN
            10:00 zhao pauses w1 EQUIPMENT          => STARTED NO_GUIDANCE
            10:30 zhao back w1                      => OPEN
            11:01 wu in
            11:02 wu covers w5 because              => COVERED OVERRIDDEN NOT_BOUND
            3T10:00 board                           =>
            ",
        )
        .await;
        let one = GetDutyReportRequest { window: "w5".to_owned(), ..days("2026-03-01", "2026-03-03", true) };
        let told = hall.reported(one, "zhou").await;
        assert_eq!(
            told,
            lines(
                "
                w5 03-01: 0
                w5 03-02: 420 open 132 covered 268 paused 20 beyond 510 in post 95.24% pauses 1 promised 20 took 20 late 0 left 0 overdue 0.00% anyway 1 last 1
                w5 03-03: 90 closed 90 beyond 182 in post 0.00%
                all: 510 open 132 covered 268 paused 20 closed 90 beyond 692 in post 78.43% pauses 1 promised 20 took 20 late 0 left 0 overdue 0.00% anyway 1 last 1
                c: 110 of 510 unserved
                "
            )
        );
        // A window that was out of order was nobody's absence.
        let one = GetDutyReportRequest { window: "w1".to_owned(), ..days("2026-03-02", "2026-03-02", false) };
        let told = hall.reported(one, "zhou").await;
        let wanted = "w1: 420 open 390 fault 30 beyond 510 in post 92.86% out of order 1";
        assert_eq!(told.lines().next(), Some(wanted), "{told}");
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn only_whoever_looks_after_the_hall_is_told_and_only_of_so_many_days() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, 1_063).await;
        hall.turn_to("08:30");
        for (request, wanted) in [
            (days("2026-03-02", "2026-03-01", false), "until OUT_OF_RANGE"),
            (days("2026-01-01", "2026-04-03", false), "until OUT_OF_RANGE"),
            (days("2026-02-01", "2026-03-04", true), "until OUT_OF_RANGE"),
            (GetDutyReportRequest { from: None, ..days("2026-03-02", "2026-03-02", false) }, "from MISSING"),
            (
                GetDutyReportRequest { window: "w9".to_owned(), ..days("2026-03-02", "2026-03-02", false) },
                "NotFound(\"window\")",
            ),
        ] {
            let told = hall.reported(request, "zhou").await;
            assert!(told.contains(wanted), "{told}");
        }
        hall.office.stop().await;
    })
    .await;
}

#[test]
fn whatever_happens_the_minutes_of_a_day_add_up_and_each_counts_for_what_the_window_was_doing_when_it_began()
{
    let mut dice = Dice::new(61);
    let policy = Policy::default();
    let window = Window { window: "w1".to_owned(), items: vec!["a".to_owned()], ..Window::default() };
    let mut seen: HashMap<State, u64> = HashMap::new();
    for _ in 0..scale(300, 20_000) {
        let hall = any_day(&mut dice);
        let day =
            EpochDay::from_ymd(2026, 3, 2).expect("a day").plus_days(i32::try_from(dice.below(2)).unwrap());
        let (starts, ends) = (hall.zone().start_of(day), hall.zone().start_of(day.plus_days(1)));
        let times = (0..dice.below(4)).map(|_| {
            let from = starts.plus_ms(dice.below(1_440) * 60_000);
            (from, from.plus_ms(dice.below(600) * 60_000).min(ends))
        });
        let times = merged(times.collect::<Vec<_>>());
        let schedule = Schedule {
            windows: HashMap::from([("w1".to_owned(), times.clone())]),
            policies: std::iter::once((day, policy.clone())).collect(),
        };
        let now = instant(dice.below(3_500), dice.below(60_000));
        let days = Days { zone: hall.zone(), during: (day, day), now };
        let told = report(&hall, &[&window], &schedule, days, Wanted { window: None, by_day: false });
        let of_window = told.total.minutes.expect("minutes");
        // The same, a minute at a time.
        let mut counted: HashMap<State, u64> = HashMap::new();
        for (from, until) in &times {
            let each = (from.get()..until.get().min(now.get())).step_by(60_000);
            for at in each.map(EpochMs::clamped) {
                *counted.entry(hall.course("w1", at).state(&policy, at)).or_default() += 1;
            }
        }
        let count = |state: State| counted.get(&state).copied().unwrap_or_default();
        let wanted = DutyMinutes {
            scheduled: counted.values().sum(),
            open: count(State::Open),
            covered: count(State::Covered),
            paused: count(State::Paused),
            overdue: count(State::Overdue),
            off_post: count(State::OffPost),
            unstaffed: count(State::Unstaffed),
            fault: count(State::Fault),
            closed: count(State::Closed),
            beyond_schedule: of_window.beyond_schedule,
        };
        assert_eq!(of_window, wanted, "{hall:?} {times:?} until {now}");
        let item = told.items.first().expect("an item");
        let unserved = wanted.scheduled - wanted.open - wanted.covered;
        assert_eq!((item.scheduled_minutes, item.unserved_minutes), (wanted.scheduled, unserved));
        let whole = minutes(&[(starts.min(now), ends.min(now))]);
        assert!(wanted.open + wanted.covered + wanted.beyond_schedule <= whole);
        for (state, minutes) in counted {
            *seen.entry(state).or_default() += minutes;
        }
    }
    // Chance has shown everything that a window can do.
    assert_eq!(seen.len(), 8, "{seen:?}");
}
