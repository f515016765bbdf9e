//! A place in a device's journal is taken once (rule R3), whoever asks, however often, after whatever restart.

use qinlian::ledger::committer::{Outcome, SubmitError};
use qinlian::proto::punch::Direction::{In, Out};
use qinlian::proto::{PunchFlag, ReceiptView};

use super::rig::{Hall, flags, minute, punch, through, uploaded};
use crate::support::clock;
use crate::support::office::Office;
use crate::support::store::each;

#[tokio::test]
async fn the_same_punch_has_the_first_ones_receipt_whatever_id_and_call_it_comes_with() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, &clock(1)).await;
        let desk = &hall.office.desk;
        let id = hall.office.request_id();
        let first = hall.send_as(id, punch("gate-1", 1, 30, In, "A0")).await.expect("stored");
        assert_eq!(first.outcome, Outcome::Accepted);
        let (pos, receipt) = {
            let written = desk.written(first, ReceiptView::Full).await.expect("a receipt");
            (written.pos, written.receipt(&qinlian::kernel::CentreId::parse("hall").expect("a code")))
        };
        assert!(receipt.proof.starts_with("c2sp.org/tlog-proof@v1"), "{}", receipt.proof);
        let size = hall.size().await;
        for (how, id, again) in [
            ("the same id", id, punch("gate-1", 1, 30, In, "A0")),
            ("another id", hall.office.request_id(), punch("gate-1", 1, 30, In, "A0")),
            ("from the journal", hall.office.request_id(), uploaded(punch("gate-1", 1, 30, In, "A0"))),
        ] {
            let reply = hall.send_as(id, again).await.expect("an answer");
            assert_eq!((reply.outcome, reply.pos), (Outcome::Repeat, pos), "{how}");
            let written = desk.written(reply, ReceiptView::Full).await.expect("a receipt");
            let again = written.receipt(&qinlian::kernel::CentreId::parse("hall").expect("a code"));
            assert_eq!(again, receipt, "{how}");
        }
        assert_eq!(hall.size().await, size, "nothing was added");
    })
    .await;
}

#[tokio::test]
async fn other_content_in_a_taken_place_is_a_conflict_on_record_once() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, &clock(2)).await;
        hall.send(punch("gate-1", 1, 30, In, "A0")).await;
        let other = || punch("gate-1", 1, 30, Out, "A0");
        let conflict = hall.send(other()).await;
        assert_eq!(conflict.outcome, Outcome::Conflict);
        let size = hall.size().await;
        let again = hall.send(other()).await;
        assert_eq!(
            (again.outcome, again.pos),
            (Outcome::Conflict, conflict.pos),
            "the same bytes, one entry"
        );
        assert_eq!(hall.size().await, size);
        let third = hall.send(punch("gate-1", 1, 31, In, "A0")).await;
        assert_eq!(third.outcome, Outcome::Conflict);
        assert_eq!(hall.size().await, size + 1, "other bytes, another entry");
        hall.fold().await;
        let days = hall.days().await;
        assert_eq!(days[&(0, 2)].0, Some(minute(0)), "what came first stands, at the server's time");
        assert_eq!(days.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_batch_sees_its_own_punches() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, &clock(3)).await;
        let at = |seq, direction| uploaded(punch("gate-1", seq, 30, direction, "A0"));
        let outcomes = hall.send_all(vec![at(1, In), at(1, In), at(1, Out), at(2, In), at(1, Out)]).await;
        assert_eq!(
            outcomes,
            [Outcome::Accepted, Outcome::Repeat, Outcome::Conflict, Outcome::Accepted, Outcome::Conflict]
        );
    })
    .await;
}

#[tokio::test]
async fn an_id_stands_for_one_command() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, &clock(4)).await;
        let id = hall.office.request_id();
        hall.send_as(id, punch("gate-1", 1, 30, In, "A0")).await.expect("stored");
        let reused = hall.send_as(id, punch("gate-1", 2, 31, In, "A0")).await;
        assert!(matches!(reused, Err(SubmitError::RequestIdReused)), "{reused:?}");
        assert_eq!(hall.send(punch("gate-1", 2, 31, In, "A0")).await.outcome, Outcome::Accepted);
    })
    .await;
}

#[tokio::test]
async fn a_gap_is_visible_until_it_is_filled() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, &clock(5)).await;
        for (seq, arrived, flagged) in [
            (1, 1, false),
            (3, 1, true),
            (4, 1, true),
            (7, 1, true),
            (2, 4, false),
            (5, 5, false),
            (6, 7, false),
        ] {
            let reply = hall.send(punch("gate-1", seq, 30, In, "A0")).await;
            assert_eq!(through(&reply), Some(arrived), "after number {seq}");
            assert_eq!(flags(&reply).contains(&PunchFlag::JournalGap), flagged, "number {seq}");
        }
        let other = hall.send(punch("gate-2", 1, 30, In, "A0")).await;
        assert_eq!(through(&other), Some(1), "every device has a journal of its own");
    })
    .await;
}

#[tokio::test]
async fn a_restarted_process_and_another_replica_know_what_was_taken() {
    each(async |fixture| {
        let clock = clock(6);
        let hall = Hall::begin(&fixture.store, &clock).await;
        let administrators = hall.office.administrators.clone();
        hall.send(punch("gate-1", 1, 30, In, "A0")).await;
        hall.send(punch("gate-1", 3, 32, In, "A0")).await;
        let store = fixture.another_store().await;
        let office = Office::open(&store, &clock, administrators).await;
        let other = Hall { office, people: hall.people.clone() };
        assert_eq!(other.send(punch("gate-1", 3, 32, In, "A0")).await.outcome, Outcome::Repeat);
        assert_eq!(through(&other.send(punch("gate-1", 2, 31, In, "A0")).await), Some(3));
        // The first one did not hear of number 2 itself.
        assert_eq!(hall.send(punch("gate-1", 2, 31, In, "A0")).await.outcome, Outcome::Repeat);
        assert_eq!(hall.send(punch("gate-1", 2, 31, Out, "A0")).await.outcome, Outcome::Conflict);
        assert_eq!(through(&hall.send(punch("gate-1", 4, 33, In, "A0")).await), Some(4));
        assert_eq!(through(&other.send(punch("gate-1", 5, 34, In, "A0")).await), Some(5));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_place_whose_record_was_tampered_with_accepts_nothing_as_a_repeat() {
    each(async |fixture| {
        let clock = clock(7);
        let hall = Hall::begin(&fixture.store, &clock).await;
        let first = hall.send(punch("gate-1", 1, 30, In, "A0")).await;
        let raw = fixture.raw().await;
        let changed = raw
            .execute(&format!(
                "UPDATE ledger_request SET kind = kind + 1 WHERE log_id = {} AND pos = {}",
                hall.log(),
                first.pos
            ))
            .await;
        assert_eq!(changed, 1);
        let again = hall.send(punch("gate-1", 1, 30, In, "A0")).await;
        assert_eq!(again.outcome, Outcome::Conflict, "nobody can say any more that it is the same");
    })
    .await;
}
