//! What became of pauses, as a feed: as time passes, as people come back, as clock-outs and late uploads arrive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use qinlian::access::Caller;
use qinlian::clock::Clock;
use qinlian::proto::pause::EndMode;
use qinlian::proto::{
    GetWindowAtRequest, ListPauseResultsSinceRequest, ListPausesRequest, Pause, PauseResult,
    pause_result::Phase, punch,
};
use qinlian::registers::derivation::{Registered, registered};
use qinlian::registers::wire::timestamp;
use qinlian::results::{Folder, Runner};

use super::offline::{event, upload};
use super::rig::{Hall, clock};
use crate::support::dice::Dice;
use crate::support::office::HALL;
use crate::support::scale;
use crate::support::store::each;

/// So often a runner is given a chance before what it should have told is missed.
const CHANCES: usize = 400;

impl Hall {
    fn folder(&self, chunk: usize) -> Folder<Registered> {
        let ledger = self.office.desk.ledger().clone();
        Folder::new(self.office.desk.store().clone(), registered(ledger)).with_chunk(chunk)
    }

    fn runner(&self) -> Runner<Registered> {
        Runner::new(self.folder(7), Arc::clone(&self.office.clock) as _)
    }

    fn manager(&self, method: &str) -> Caller {
        self.caller("zhou", method)
    }

    /// Every revision, in order; two a page.
    async fn results(&self) -> Vec<PauseResult> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let request = ListPauseResultsSinceRequest { centre: HALL.to_owned(), cursor, limit: 2 };
            let caller = self.manager("ListPauseResultsSince");
            let page = self.calls.list_pause_results_since(&caller, request).await.expect("a page");
            items.extend(page.items);
            if page.caught_up {
                return items;
            }
            cursor = page.next_cursor;
        }
    }

    async fn phases(&self) -> Vec<String> {
        let told = |result: &PauseResult| {
            let mut text = format!("{} {}", result.window, result.phase().as_str_name());
            if result.phase() == Phase::Over {
                let ended = result.ended_at.as_ref().map(clock).unwrap_or_default();
                let mode = result.end_mode().as_str_name();
                let class = result.classification().as_str_name();
                text = format!("{text} {ended} {mode} {class} {}", result.overdue_minutes);
            }
            if result.tombstone { format!("{} GONE", result.pause) } else { text }
        };
        self.results().await.iter().map(told).collect()
    }
}

#[tokio::test]
async fn a_pause_goes_through_its_phases_though_nobody_does_anything() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_071).await;
        let mut runner = hall.runner();
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2"), ("sun", "w3"), ("wu", "w4")]).await;
        let mut wanted: Vec<&str> = Vec::new();
        // At each time: what happens, and what the feed says next.
        for (script, next) in [
            ("09:00 zhao pauses w1 COMFORT 09:10      => STARTED >w2,w4", &["w1 ON"][..]),
            ("09:07 board of c                        => 4:OPEN", &[]),
            // Two minutes before the promise, five and fifteen after it: the runner writes that time has passed.
            ("09:08 board of c                        => 4:OPEN", &["w1 DUE_SOON"]),
            ("09:14 board of c                        => 4:OPEN", &[]),
            ("09:15 board of c                        => 4:OPEN", &["w1 OVERDUE"]),
            ("09:25 board of c                        => 4:OPEN", &["w1 OFF_POST"]),
            ("09:30 zhao back w1                      => OPEN", &["w1 OVER 09:30 RETURNED LEFT_POST 20"]),
            // A clock-out ends a pause.
            ("10:00 qian pauses w2 COMFORT 10:10      => STARTED >w1,w4", &["w2 ON"]),
            ("10:05 qian out", &["w2 OVER 10:05 SHIFT_END ON_TIME 0"]),
            // An extension moves everything that was to come.
            ("11:00 sun pauses w3 COMFORT 11:05       => STARTED >w4,w1", &["w3 ON"]),
            ("11:02 sun extends w3 11:10              => PAUSED", &["w3 ON"]),
            ("11:08 board of c                        => 4:OPEN", &["w3 DUE_SOON"]),
            ("11:09 sun back w3                       => OPEN", &["w3 OVER 11:09 RETURNED ON_TIME 0"]),
            // What is out of order is nobody's absence, and ends by itself after sixteen hours.
            ("12:00 wu pauses w4 EQUIPMENT            => STARTED >w3,w1", &["w4 ON"]),
            ("3T03:59 board                           => 4:FAULT", &[]),
            ("3T04:00 board                           =>", &["w4 OVER 04:00 AUTO_CLOSE EXCUSED_PAUSE 0"]),
        ] {
            hall.lives(script).await;
            wanted.extend(next);
            for _ in 0..CHANCES {
                runner.once().await.expect("a round");
                if hall.phases().await.len() >= wanted.len() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            runner.once().await.expect("a round");
            assert_eq!(hall.phases().await, wanted, "{script}");
        }
        // The feed is a function of the log: deleted and made again, in other chunks, it is the same.
        let before = hall.results().await;
        let folder = hall.folder(2);
        folder.rebuild(hall.office.hall).await.expect("deleted");
        folder.catch_up(hall.office.hall).await.expect("folded");
        assert_eq!(hall.results().await, before);
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_arrives_late_changes_what_became_of_a_pause() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_072).await;
        hall.turn_to("08:30");
        hall.at_work(&[("qian", "w2")]).await;
        hall.clocks("zhao", punch::Direction::In).await;
        hall.turn_to("10:00");
        let first = vec![event(&hall, 1, "08:40 zhao open"), event(&hall, 3, "09:00 zhao pause 09:05")];
        upload(&hall, first).await;
        let folder = hall.folder(7);
        folder.catch_up(hall.office.hall).await.expect("folded");
        assert_eq!(hall.phases().await, ["w1 OFF_POST"]);
        // The return of it comes with the next upload, and with it a pause that began before and is still on.
        let second = vec![event(&hall, 4, "09:04 zhao back"), event(&hall, 2, "08:50 zhao pause 08:55")];
        upload(&hall, second).await;
        folder.catch_up(hall.office.hall).await.expect("folded");
        let phases = hall.phases().await;
        // What did not fit any more is gone, and the return ended the one that was on.
        assert_eq!(
            phases.last().map(String::as_str),
            Some("w1 OVER 09:04 RETURNED LATE_RETURN 9"),
            "{phases:?}"
        );
        assert!(phases.iter().any(|told| told.ends_with("GONE")), "{phases:?}");
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_clock_out_that_arrives_late_lets_a_pause_count_that_another_was_in_the_way_of() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_074).await;
        hall.turn_to("08:30");
        hall.clocks("zhao", punch::Direction::In).await;
        hall.turn_to("15:00");
        let events = vec![
            event(&hall, 1, "08:40 zhao open"),
            event(&hall, 2, "11:50 zhao pause 11:55"),
            event(&hall, 3, "14:00 zhao pause 14:05"),
        ];
        upload(&hall, events).await;
        let folder = hall.folder(7);
        folder.catch_up(hall.office.hall).await.expect("folded");
        assert_eq!(hall.phases().await, ["w1 OFF_POST"], "the second is none while the first is on");
        hall.turn_to("16:00");
        hall.clocked_before("zhao", punch::Direction::Out, "12:00").await;
        folder.catch_up(hall.office.hall).await.expect("folded");
        let wanted = ["w1 OFF_POST", "w1 OVER 12:00 SHIFT_END LATE_RETURN 5", "w1 OFF_POST"];
        assert_eq!(hall.phases().await, wanted);
        // The same of a clock-out that arrives a day late.
        hall.turn_to("3T14:00");
        hall.clocked_before("zhao", punch::Direction::Out, "11:52").await;
        folder.catch_up(hall.office.hall).await.expect("folded");
        let phases = hall.phases().await;
        assert_eq!(
            phases.last().map(String::as_str),
            Some("w1 OVER 11:52 SHIFT_END ON_TIME 0"),
            "{phases:?}"
        );
        hall.office.stop().await;
    })
    .await;
}

/// A hall in which anything is tried by anybody, folded after every step.
async fn history(hall: &mut Hall, dice: &mut Dice) {
    let folder = hall.folder(usize::try_from(dice.below(6) + 1).unwrap());
    let (mut minute, mut seq) = (510, 0);
    for name in ["zhao", "qian", "sun"] {
        hall.clocks(name, punch::Direction::In).await;
    }
    for _ in 0..40 {
        minute += dice.below(12);
        let time = format!("{:02}:{:02}", minute / 60, minute % 60);
        hall.turn_to(&time);
        let name = dice.pick(&["zhao", "qian", "sun"]);
        let window = dice.pick(&["w1", "w2", "w3"]);
        let due = minute + 1 + dice.below(20);
        let due = format!("{:02}:{:02}", due / 60, due % 60);
        match dice.below(10) {
            9 => {
                let then = (minute - dice.below(90)).max(511);
                let then = format!("{:02}:{:02}", then / 60, then % 60);
                hall.clocked_before(name, dice.pick(&[punch::Direction::In, punch::Direction::Out]), &then)
                    .await;
            }
            0 => hall.clocks(name, dice.pick(&[punch::Direction::In, punch::Direction::Out])).await,
            1 | 2 => drop(hall.say(&format!("{name} opens {window} because")).await),
            3 | 4 => drop(hall.say(&format!("{name} pauses {window} COMFORT {due} anyway because")).await),
            5 => drop(hall.say(&format!("{name} back {window}")).await),
            6 => drop(hall.say(&format!("{name} extends {window} {due}")).await),
            7 => drop(hall.say(&format!("{name} covers {window} because")).await),
            _ => {
                // The terminal of w1 was offline since some minutes ago.
                let then = (minute - dice.below(60)).max(500);
                let what = dice.pick(&["open", "pause", "back", "close"]);
                let ends = format!("{:02}:{:02}", (then + 5) / 60, (then + 5) % 60);
                seq += 1;
                let told = format!("{:02}:{:02} {name} {what} {ends}", then / 60, then % 60);
                let event = event(hall, seq, &told);
                upload(hall, vec![event]).await;
            }
        }
        folder.catch_up(hall.office.hall).await.expect("folded");
    }
}

#[tokio::test]
async fn whatever_arrives_in_whatever_order_the_feed_ends_as_the_pauses_stand() {
    for seed in 0..u64::try_from(scale(2, 60)).unwrap() {
        ends_as_it_stands(seed).await;
    }
}

async fn ends_as_it_stands(seed: u64) {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_100 + seed).await;
        hall.turn_to("08:30");
        history(&mut hall, &mut Dice::new(seed)).await;
        let before = hall.results().await;
        let folder = hall.folder(3);
        folder.rebuild(hall.office.hall).await.expect("deleted");
        folder.catch_up(hall.office.hall).await.expect("folded");
        assert_eq!(hall.results().await, before, "made again");
        let newest: BTreeMap<u64, PauseResult> =
            before.into_iter().map(|result| (result.pause, result)).collect();
        let request =
            ListPausesRequest { centre: HALL.to_owned(), page_size: 1_000, ..ListPausesRequest::default() };
        let listed =
            hall.calls.list_pauses(&hall.manager("ListPauses"), request).await.expect("pauses").pauses;
        assert!(listed.len() > 3, "{listed:?}");
        let over = |pause: &&Pause| pause.ended_at.is_some() && pause.end_mode() != EndMode::Unspecified;
        let ended: Vec<&Pause> = listed.iter().filter(over).collect();
        assert!(!ended.is_empty());
        for pause in ended {
            let result = newest.get(&pause.pause).expect("a result of a pause");
            assert_eq!((result.ended_at, result.end_mode), (pause.ended_at, pause.end_mode), "{pause:?}");
            assert_eq!(result.overdue_minutes, pause.overdue_minutes, "{pause:?}");
            assert_eq!(result.classification, pause.classification, "{pause:?}");
        }
        // Whatever a window is doing now, its pause stands in the feed as going on, and no other does.
        let now = hall.office.clock.now();
        let mut on: BTreeMap<String, u64> = BTreeMap::new();
        for result in newest.values().filter(|result| !result.tombstone) {
            if !matches!(result.phase(), Phase::Over | Phase::Awaiting) {
                on.insert(result.window.clone(), result.pause);
            }
        }
        for window in ["w1", "w2", "w3"] {
            let request = GetWindowAtRequest {
                centre: HALL.to_owned(),
                window: window.to_owned(),
                at: Some(timestamp(now)),
                reveal: None,
            };
            let told =
                hall.calls.get_window_at(&hall.manager("GetWindowAt"), request).await.expect("a window");
            assert_eq!(on.get(window).copied(), told.pause.map(|pause| pause.pause), "{window}");
        }
        hall.office.stop().await;
    })
    .await;
}
