//! The board and the past: what the public sees and saw (duty notes, "The board is honest", 3.7).

use futures_util::StreamExt;
use qinlian::proto::board_window::State;
use qinlian::proto::{GetBoardRequest, WatchBoardRequest};
use qinlian::registers::failure::Failure;

use super::rig::{Hall, at};
use crate::support::office::HALL;
use crate::support::store::each;

#[tokio::test]
async fn any_past_minute_is_shown_as_the_public_saw_it() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_021).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2")]).await;
        hall.lives(
            "
            09:00 zhao pauses w1 COMFORT 09:08      => STARTED >w2
            09:20 zhao back w1                      => OPEN
            10:00 qian closes w2                    => CLOSED
            11:00 board at 08:00                    =>
            11:00 board at 08:59                    => 1:OPEN 2:OPEN
            11:00 board at 09:05                    => 1:PAUSED@09:08>w2 2:OPEN
            11:00 board at 09:15                    => 1:OVERDUE>w2 2:OPEN
            11:00 board at 09:30                    => 1:OPEN 2:OPEN
            11:00 board at 10:30                    => 1:OPEN
            11:00 window w1 at 09:05                => PAUSED zhao since 09:00 暂停服务 预计09:08恢复，请至2号窗口
            11:00 window w1 at 09:14                => OVERDUE zhao since 09:00 已超时，请至2号窗口
            11:00 window w2 at 10:30                => CLOSED 未开放
            11:00 window w9 at 10:30                => Err(NotFound(\"window\"))
            ",
        )
        .await;
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_board_shows_windows_of_an_item_and_sends_to_the_shortest_queue() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_022).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2"), ("sun", "w3"), ("wu", "w4"), ("zheng", "w5")]).await;
        hall.lives(
            "
            09:00 board of c                        => 4:OPEN 5:OPEN
            09:00 board of b                        => 1:OPEN 2:OPEN 4:OPEN
            # Queues are told of both windows of zone B, and the shorter one comes first.
            09:00 queue w1 9
            09:00 queue w2 8
            09:00 queue w4 2
            09:00 sun pauses w3 COMFORT 09:05       => STARTED >w4,w2,w1
            09:01 sun back w3                       => OPEN
            09:01 queue w9 1                        => NO_SUCH_WINDOW
            # A queue that was told long ago says nothing.
            09:12 queue w1 1
            09:12 sun pauses w3 COMFORT 09:15       => STARTED >w4,w1,w2
            ",
        )
        .await;
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_board_of_nowhere_is_not_found_and_one_of_the_future_refused() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, 1_023).await;
        let ask = async |centre: &str, time: Option<&str>| {
            let request = GetBoardRequest {
                centre: centre.to_owned(),
                at: time.map(|time| qinlian::registers::wire::timestamp(at(time))),
                ..GetBoardRequest::default()
            };
            hall.calls.get_board(&Hall::visitor("GetBoard"), request).await
        };
        for centre in ["nowhere", "_"] {
            assert!(matches!(ask(centre, None).await, Err(Failure::NotFound("centre"))), "{centre}");
        }
        assert_eq!(crate::roster::rig::refused(ask(HALL, Some("23:00")).await), "at IN_THE_FUTURE");
        assert_eq!(crate::roster::rig::refused(ask("No Where", None).await), "centre NOT_A_CODE");
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn who_watches_is_told_of_every_change_also_after_an_interruption() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_024).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2")]).await;
        let watch = async |hall: &Hall, after: &str| {
            let request = WatchBoardRequest {
                centre: HALL.to_owned(),
                after: after.to_owned(),
                ..WatchBoardRequest::default()
            };
            hall.calls.watch_board(&Hall::visitor("WatchBoard"), request).await.expect("a stream").boxed()
        };
        let mut stream = watch(&hall, "").await;
        let first = stream.next().await.expect("a message").expect("a board");
        assert!(first.is_snapshot && first.snapshot.len() == 5 && first.changes.is_empty());
        hall.lives("09:00 zhao pauses w1 COMFORT 09:08 => STARTED >w2").await;
        let second = stream.next().await.expect("a message").expect("a change");
        let changed: Vec<_> =
            second.changes.iter().map(|shown| (shown.window.as_str(), shown.state())).collect();
        assert_eq!(changed, [("w1", State::Paused)]);
        assert!(!second.is_snapshot);
        drop(stream);
        // What happens while nobody listens is told when somebody listens again: as it is then.
        hall.lives(
            "
            09:05 zhao back w1                      => OPEN
            09:06 qian closes w2                    => CLOSED
            ",
        )
        .await;
        let mut again = watch(&hall, &second.version).await;
        let told = again.next().await.expect("a message").expect("changes");
        let changed: Vec<_> =
            told.changes.iter().map(|shown| (shown.window.as_str(), shown.state())).collect();
        assert_eq!(changed, [("w1", State::Open), ("w2", State::Closed)]);
        assert!(!told.is_snapshot, "who was there before gets what is different");
        let request = WatchBoardRequest {
            centre: HALL.to_owned(),
            after: "%%".to_owned(),
            ..WatchBoardRequest::default()
        };
        let refused = hall.calls.watch_board(&Hall::visitor("WatchBoard"), request).await;
        assert!(matches!(refused.map(|_| ()), Err(Failure::Invalid(_))));
        drop(again);
        hall.office.stop().await;
    })
    .await;
}
