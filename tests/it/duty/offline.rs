//! What a terminal records by itself is never lost and never refused for what the rules say (duty notes 3.6).

use qinlian::clock::Clock;
use qinlian::kernel::{RequestId, Subject};
use qinlian::proto::duty_event::{Close, End, Extend, Open, Start, What};
use qinlian::proto::pause::{Reason, SignMode};
use qinlian::proto::upload_duty_events_response::Result as Item;
use qinlian::proto::{
    DeviceStamp, DutyEvent, Outcome, Presented, ReportDeviceRequest, StartPauseRequest,
    UploadDutyEventsRequest, UploadDutyEventsResponse, presented,
};
use qinlian::registers::attendance::service::Calls as Attendance;
use qinlian::registers::audit::service::reads::{Reads, ReplicaId};
use qinlian::registers::failure::Failure;
use qinlian::registers::wire::timestamp;

use tokio::sync::watch;

use super::rig::{Hall, at};
use crate::support::MORNING;
use crate::support::office::HALL;
use crate::support::store::each;

/// `09:00 zhao pause 09:08`, recorded by the terminal of w1 as its number so much.
pub(super) fn event(hall: &Hall, seq: u64, told: &str) -> DutyEvent {
    let words: Vec<&str> = told.split_whitespace().collect();
    let time = at(words[0]);
    let expected_return_at = words.get(3).map(|time| timestamp(at(time)));
    let what = match words[2] {
        "open" => What::Open(Open {}),
        "close" => What::Close(Close {}),
        "pause" => What::StartPause(Start {
            subject: 0,
            reason: Reason::Comfort.into(),
            expected_return_at,
            sign_displayed: !words.contains(&"nosign"),
            sign_mode: SignMode::CardSign.into(),
            leave_anyway: words.contains(&"anyway"),
            leave_reason: if words.contains(&"anyway") { "急事".to_owned() } else { String::new() },
        }),
        "extend" => What::ExtendPause(Extend { expected_return_at }),
        "back" => What::EndPause(End {}),
        other => panic!("nobody records {other}"),
    };
    let id = RequestId::random([u8::try_from(seq).expect("few"); 16]);
    DutyEvent {
        request_id: id.to_string(),
        stamp: Some(DeviceStamp {
            device: "t1".to_owned(),
            device_seq: seq,
            boot_id: "b1".to_owned(),
            mono_ms: u64::try_from(time.since(MORNING)).expect("after the start"),
            claimed_at: Some(timestamp(time)),
            signature: Vec::new(),
        }),
        presented: Some(Presented {
            who: Some(presented::Who::PersonId(hall.person(words[1]))),
            ..Presented::default()
        }),
        window: "w1".to_owned(),
        what: Some(what),
    }
}

pub(super) async fn upload(hall: &Hall, events: Vec<DutyEvent>) -> UploadDutyEventsResponse {
    let request = UploadDutyEventsRequest {
        centre: HALL.to_owned(),
        request_id: hall.id(),
        device: "t1".to_owned(),
        events,
    };
    let caller = hall.caller("zhao@t1", "UploadDutyEvents");
    hall.calls.upload_duty_events(&caller, request).await.expect("an answer")
}

/// `ACCEPTED OFFLINE`: what became of an event.
fn told(item: &Item) -> String {
    let flags: Vec<&str> = item.flags().map(|flag| flag.as_str_name()).collect();
    format!("{} {} {}", item.outcome().as_str_name(), item.reason, flags.join(" "))
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test]
async fn what_happened_offline_is_stored_in_its_order_and_flagged() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_031).await;
        hall.turn_to("08:30");
        hall.at_work(&[("qian", "w2"), ("wu", "w4")]).await;
        hall.lives("08:31 zhao in").await;
        hall.turn_to("11:00");
        let day = [
            ("08:40 zhao open", "ACCEPTED OFFLINE CLAIMED_TIME"),
            ("09:00 zhao pause 09:08", "ACCEPTED OFFLINE CLAIMED_TIME"),
            ("09:05 zhao extend 09:10", "ACCEPTED OFFLINE CLAIMED_TIME"),
            ("09:09 zhao back", "ACCEPTED OFFLINE CLAIMED_TIME"),
            ("09:20 zhao back", "QUARANTINED OUT_OF_TURN OUT_OF_TURN OFFLINE CLAIMED_TIME"),
            ("09:30 zhao pause 10:10 nosign", "ACCEPTED NO_SIGN NO_APPROVAL OFFLINE CLAIMED_TIME"),
        ];
        let events: Vec<DutyEvent> =
            (1..).zip(&day).map(|(seq, (text, _))| event(&hall, seq, text)).collect();
        let answer = upload(&hall, events.clone()).await;
        for (item, (text, wanted)) in answer.results.iter().zip(&day) {
            assert_eq!(told(item), *wanted, "{text}");
        }
        assert_eq!(answer.contiguous_through, 6);
        hall.lives(
            "
            11:00 board                             => 1:OFF_POST>w2,w4 2:OPEN 4:OPEN
            11:00 pauses w1                         => zhao 09:00-09:09 RETURNED ON_TIME promised 09:08,09:10 OFFLINE CLAIMED_TIME | zhao 09:30- LEFT_POST +50 promised 10:10 NO_SIGN NO_APPROVAL OFFLINE CLAIMED_TIME
            # The public was told nothing of it then; today it is known.
            11:00 board at 09:05                    => 2:OPEN 4:OPEN
            11:00 window w1 at 09:05                => PAUSED zhao since 09:00 未开放
            ",
        )
        .await;
        // The same again: nothing happens twice. Another thing under a number that is taken: a conflict.
        let again = upload(&hall, events).await;
        assert!(again.results.iter().all(|item| item.outcome() == Outcome::Duplicate), "{again:?}");
        let mut other = event(&hall, 3, "09:06 zhao extend 09:40");
        other.request_id = hall.id();
        let conflict = upload(&hall, vec![other]).await;
        assert_eq!(told(&conflict.results[0]), "CONFLICT JOURNAL_NUMBER_REUSED");
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn no_order_of_arrival_changes_what_a_window_did() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_032).await;
        hall.lives("08:31 zhao in").await;
        hall.turn_to("11:00");
        let day = [
            "08:40 zhao open",
            "09:00 zhao pause 09:08",
            "09:09 zhao back",
            "09:30 zhao pause 09:38",
            "09:37 zhao back",
            "10:00 zhao close",
        ];
        for (seq, text) in [(6, day[5]), (3, day[2]), (1, day[0]), (5, day[4]), (2, day[1]), (4, day[3])] {
            let answer = upload(&hall, vec![event(&hall, seq, text)]).await;
            assert_ne!(answer.results[0].outcome(), Outcome::Rejected, "{text}");
        }
        hall.lives(
            "
            11:00 window w1 at 08:50                => OPEN zhao 未开放
            11:00 window w1 at 09:05                => PAUSED zhao since 09:00 未开放
            11:00 window w1 at 09:20                => OPEN zhao 未开放
            11:00 window w1 at 09:35                => PAUSED zhao since 09:30 未开放
            11:00 window w1 at 09:50                => OPEN zhao 未开放
            11:00 window w1 at 10:30                => CLOSED 未开放
            ",
        )
        .await;
        hall.office.stop().await;
    })
    .await;
}

/// The terminal of w1 is heard, its wall clock so many minutes behind.
async fn heard(hall: &Hall, boot_id: &str, (mono_ms, head): (u64, u64), behind: i64) {
    let reads = Reads::start(hall.office.desk.clone(), ReplicaId::new(*b"replica1")).await.expect("reads");
    let calls = Attendance::new(hall.office.desk.clone(), reads, watch::channel(0).1);
    let request = ReportDeviceRequest {
        centre: HALL.to_owned(),
        device: "t1".to_owned(),
        boot_id: boot_id.to_owned(),
        mono_ms,
        wall_at: Some(timestamp(hall.office.clock.now().plus_ms(-behind * 60_000))),
        journal_head: head,
        going_down: false,
    };
    let subject = Subject::parse("device:t1").expect("a subject");
    let caller = hall.office.caller(&subject, "qinlian.v1.AttendanceService/ReportDevice");
    calls.report_device(&caller, request).await.expect("an answer");
}

/// The terminal opens the window at 08:40, loses power twice, and is heard of again at 11:00. In between it had a start
/// that the server never heard of, with a wall clock so many minutes behind. Rule R4 dates what it recorded then; and
/// nothing happened before what has a smaller number.
#[tokio::test]
async fn a_start_that_nobody_heard_of_is_dated_by_the_next_one_and_by_its_numbers() {
    const CASES: [(i64, bool, &str, &str); 4] = [
        (0, true, "ACCEPTED OFFLINE", "zhao 09:00-09:09 RETURNED ON_TIME promised 09:10 OFFLINE"),
        (4, true, "ACCEPTED OFFLINE", "zhao 09:00-09:09 RETURNED ON_TIME promised 09:10 OFFLINE"),
        (
            30,
            true,
            "ACCEPTED OFFLINE CLAIMED_TIME",
            "zhao 09:00-09:09 RETURNED ON_TIME promised 09:10 OFFLINE CLAIMED_TIME",
        ),
        (
            30,
            false,
            "ACCEPTED OFFLINE CLAIMED_TIME",
            "zhao 08:40-08:40 RETURNED ON_TIME promised 09:10 NO_APPROVAL OFFLINE CLAIMED_TIME",
        ),
    ];
    for (behind, again, flags, pauses) in CASES {
        each(async |fixture| {
            let mut hall = Hall::begin(&fixture.store, 1_037).await;
            hall.turn_to("08:30");
            hall.at_work(&[("qian", "w2"), ("wu", "w4")]).await;
            hall.lives("08:31 zhao in").await;
            heard(&hall, "b1", (0, 0), 0).await;
            hall.turn_to("11:00");
            if again {
                heard(&hall, "b3", (60_000, 3), behind).await;
            }
            let told_of = [
                (1, "08:40 zhao open", "b1", 540_000),
                (2, "09:00 zhao pause 09:10", "b2", 0),
                (3, "09:09 zhao back", "b2", 540_000),
            ];
            let events = told_of.map(|(seq, text, boot, mono_ms)| {
                let mut event = event(&hall, seq, text);
                let stamp = event.stamp.as_mut().expect("a stamp");
                (stamp.boot_id, stamp.mono_ms) = (boot.to_owned(), mono_ms);
                let claimed = at(&text[..5]).plus_ms(if boot == "b2" { -behind * 60_000 } else { 0 });
                stamp.claimed_at = Some(timestamp(claimed));
                event
            });
            let answer = upload(&hall, events.to_vec()).await;
            let outcomes: Vec<String> = answer.results.iter().map(told).collect();
            // Half an hour, as it looks then, is more than one may take oneself.
            let long = if again { flags.to_owned() } else { flags.replacen("OFF", "NO_APPROVAL OFF", 1) };
            assert_eq!(outcomes, ["ACCEPTED OFFLINE", &long, flags], "{behind} minutes behind, {again}");
            hall.lives(&format!("11:00 pauses w1 => {pauses}")).await;
            hall.office.stop().await;
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_malformed_or_another_devices_is_rejected_alone() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_033).await;
        hall.lives("08:31 zhao in").await;
        hall.turn_to("11:00");
        let good = event(&hall, 1, "08:40 zhao open");
        let mut nameless = event(&hall, 2, "08:41 zhao close");
        nameless.window = String::new();
        let mut empty = event(&hall, 3, "08:42 zhao close");
        empty.what = None;
        let mut another = event(&hall, 4, "08:43 zhao close");
        another.stamp.as_mut().expect("a stamp").device = "t2".to_owned();
        let mut elsewhere = event(&hall, 5, "08:44 zhao close");
        elsewhere.window = "w2".to_owned();
        let answer = upload(&hall, vec![nameless, empty, another, elsewhere, good]).await;
        let told: Vec<String> = answer.results.iter().map(told).collect();
        assert_eq!(
            told,
            [
                "REJECTED event.window:EMPTY",
                "REJECTED event.what:MISSING",
                "REJECTED ANOTHER_DEVICE",
                "QUARANTINED OUT_OF_TURN OUT_OF_TURN OFFLINE CLAIMED_TIME STAMP_JOURNAL_GAP",
                "ACCEPTED OFFLINE CLAIMED_TIME",
            ]
        );
        let request = UploadDutyEventsRequest {
            centre: HALL.to_owned(),
            request_id: hall.id(),
            device: "t2".to_owned(),
            events: Vec::new(),
        };
        let caller = hall.caller("zhao@t1", "UploadDutyEvents");
        let denied = hall.calls.upload_duty_events(&caller, request).await;
        assert!(matches!(denied, Err(Failure::Denied(_))), "another terminal's events");
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_number_that_was_used_for_something_else_is_refused_and_on_record() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_034).await;
        hall.turn_to("08:30");
        hall.at_work(&[("qian", "w2"), ("wu", "w4")]).await;
        hall.lives(
            "
            08:31 zhao in
            08:32 zhao@t1 opens w1                  => OPEN
            09:00 zhao@t1 pauses w1 COMFORT 09:08 nosign => SIGN_NOT_DISPLAYED
            ",
        )
        .await;
        // Refused, the number is free for the next one; taken, for nothing else.
        hall.number_again("t1");
        hall.lives("09:00 zhao@t1 pauses w1 COMFORT 09:08 => STARTED >w2,w4").await;
        hall.number_again("t1");
        hall.lives(
            "
            09:01 zhao@t1 back w1                   => JOURNAL_NUMBER_REUSED
            09:01 board                             => 1:PAUSED@09:08>w2,w4 2:OPEN 4:OPEN
            09:02 zhao@t1 back w1                   => OPEN
            ",
        )
        .await;
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn whoever_left_whatever_the_rules_say_is_recognised_again_in_an_upload_and_flagged_in_one() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_035).await;
        hall.turn_to("08:30");
        hall.at_work(&[("qian", "w2"), ("wu", "w4")]).await;
        hall.lives("08:31 zhao in").await;
        hall.turn_to("11:00");
        let day =
            [event(&hall, 1, "08:40 zhao open"), event(&hall, 2, "10:58 zhao pause 11:06 nosign anyway")];
        let answer = upload(&hall, day.to_vec()).await;
        assert_eq!(told(&answer.results[1]), "ACCEPTED NO_SIGN LEFT_ANYWAY OFFLINE CLAIMED_TIME");
        // Sent live when the answer was lost, and again from the journal: one command, under one id.
        let [_, sent] = day;
        let Some(What::StartPause(start)) = sent.what.clone() else { panic!("a pause") };
        let live = StartPauseRequest {
            centre: HALL.to_owned(),
            request_id: sent.request_id,
            stamp: sent.stamp,
            presented: sent.presented,
            window: sent.window,
            reason: start.reason,
            expected_return_at: start.expected_return_at,
            sign_mode: start.sign_mode,
            leave_anyway: true,
            leave_reason: start.leave_reason,
            ..StartPauseRequest::default()
        };
        let again = hall.calls.start_pause(&hall.caller("zhao@t1", "StartPause"), live).await.expect("known");
        assert_eq!(again.receipt.expect("a receipt").leaf, answer.results[1].leaf);
        let mut wordless = event(&hall, 3, "10:59 zhao pause 11:06 anyway");
        let Some(What::StartPause(start)) = &mut wordless.what else { panic!("a pause") };
        start.leave_reason.clear();
        let refused = upload(&hall, vec![wordless]).await;
        assert_eq!(told(&refused.results[0]), "REJECTED event.start_pause.leave_reason:EMPTY");
        hall.office.stop().await;
    })
    .await;
}
