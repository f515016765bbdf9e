//! What a device is doing, through the facts that put its contacts on record (rule R5).

use qinlian::kernel::{DeviceId, EpochMs, Words};
use qinlian::proto::punch::Direction::In;
use qinlian::registers::attendance::fact::Command;
use qinlian::registers::attendance::service::watch;
use qinlian::registers::failure::Failure;

use super::rig::{Going, Hall, minute, punch, wait_until};
use crate::support::clock;
use crate::support::office::Office;
use crate::support::store::each;

type State = (String, Option<EpochMs>, Option<EpochMs>);

fn state(name: &str, since: i64, covered: Option<i64>) -> State {
    (name.to_owned(), Some(minute(since)), covered.map(minute))
}

#[tokio::test]
async fn a_device_reports_falls_silent_and_comes_back() {
    each(async |fixture| {
        let clock = clock(21);
        let hall = Hall::begin(&fixture.store, &clock).await;
        let at = |minutes: i64| wait_until(&clock, minute(minutes));
        // Minute, whether it reports, and how many entries that makes.
        for (minutes, reports, entries) in [
            (0, true, 1),
            (1, true, 0),
            (2, true, 0),
            (4, true, 0),
            (5, true, 1),
            (6, false, 0),
            (7, false, 1),
            (30, false, 0),
            (60, true, 1),
            (61, true, 0),
        ] {
            at(minutes);
            if reports {
                hall.report("gate-1", "b", u64::try_from(minutes * 60_000).expect("later"), 0, 0).await;
            }
            assert_eq!(hall.watch().await, entries, "minute {minutes}");
        }
        hall.fold().await;
        assert_eq!(
            hall.states("gate-1").await,
            [
                state("REPORTING", 0, Some(0)),
                state("REPORTING", 0, Some(5)),
                state("SILENT", 7, Some(5)),
                state("REPORTING", 60, Some(60)),
            ]
        );
        assert_eq!(hall.watch().await, 0, "a device that never reported is not watched");
        assert!(hall.states("gate-2").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_missing_number_holds_the_coverage_back_until_it_arrives() {
    each(async |fixture| {
        let clock = clock(22);
        let hall = Hall::begin(&fixture.store, &clock).await;
        hall.report("gate-1", "b", 0, 0, 0).await;
        hall.watch().await;
        wait_until(&clock, minute(1));
        hall.send(punch("gate-1", 1, 1, In, "A0")).await;
        hall.send(punch("gate-1", 3, 1, In, "A1")).await;
        hall.report("gate-1", "b", 60_000, 0, 3).await;
        assert_eq!(hall.watch().await, 0, "number 2 may be on its way");
        wait_until(&clock, minute(1).plus_ms(5_000));
        assert_eq!(hall.watch().await, 1, "it is not");
        wait_until(&clock, minute(2));
        hall.send(punch("gate-1", 2, 1, In, "A0")).await;
        assert_eq!(hall.watch().await, 1, "now it is here");
        hall.fold().await;
        let states = hall.states("gate-1").await;
        let covered: Vec<_> = states.iter().map(|(_, _, covered)| *covered).collect();
        assert_eq!(covered, [Some(minute(0)), Some(minute(2))], "the gap itself changed nothing: {states:?}");
    })
    .await;
}

#[tokio::test]
async fn a_clean_shutdown_covers_until_the_next_boot() {
    each(async |fixture| {
        let clock = clock(23);
        let hall = Hall::begin(&fixture.store, &clock).await;
        hall.report("gate-1", "a", 0, 0, 0).await;
        hall.watch().await;
        wait_until(&clock, minute(10));
        hall.report_as("gate-1", "a", 600_000, 0, 0, Going::Down).await;
        assert_eq!(hall.watch().await, 1);
        wait_until(&clock, minute(600));
        assert_eq!(hall.watch().await, 0, "it is not silent, it is off");
        hall.report("gate-1", "b", 60_000, 0, 4).await;
        assert_eq!(hall.watch().await, 1);
        hall.fold().await;
        assert_eq!(
            hall.states("gate-1").await,
            [
                state("REPORTING", 0, Some(0)),
                state("SILENT", 10, Some(10)),
                state("REPORTING", 600, Some(599)),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_declared_outage_begins_and_ends_when_it_says_so() {
    each(async |fixture| {
        let clock = clock(24);
        let hall = Hall::begin(&fixture.store, &clock).await;
        hall.report("gate-1", "b", 0, 0, 0).await;
        hall.watch().await;
        let gate = || DeviceId::parse("gate-1").expect("a code");
        let begin = |minutes| Command::Outage {
            device: gate(),
            from: minute(minutes),
            reason: Words::parse("检修").expect("words"),
        };
        let end = |minutes| Command::OutageEnd { device: gate(), until: minute(minutes) };
        let refused = |answer: Result<_, Failure>| match answer {
            Err(Failure::Refused(reason)) => reason.code(),
            other => panic!("not refused: {:?}", other.map(|_: qinlian::registers::desk::Written| ())),
        };
        assert_eq!(refused(hall.office.administer(hall.log(), end(5)).await), "NO_OUTAGE");
        hall.office.administer(hall.log(), begin(30)).await.expect("an outage");
        assert_eq!(refused(hall.office.administer(hall.log(), begin(40)).await), "OUTAGE_OPEN");
        assert_eq!(refused(hall.office.administer(hall.log(), end(30)).await), "ENDS_BEFORE_IT_BEGINS");
        hall.office.administer(hall.log(), end(90)).await.expect("an end");
        hall.fold().await;
        assert_eq!(hall.states("gate-1").await, [state("REPORTING", 0, Some(0))], "neither has come");
        // Time passes when something is recorded.
        for minutes in [45, 200] {
            wait_until(&clock, minute(minutes));
            hall.send(punch("gate-2", u64::try_from(minutes).expect("later"), minutes, In, "A0")).await;
            hall.fold().await;
        }
        assert_eq!(
            hall.states("gate-1").await,
            [state("REPORTING", 0, Some(0)), state("OUTAGE", 30, Some(0)), state("REPORTING", 90, Some(0)),]
        );
    })
    .await;
}

#[tokio::test]
async fn of_two_replicas_one_puts_it_on_record_whoever_heard_it() {
    each(async |fixture| {
        let clock = clock(25);
        let hall = Hall::begin(&fixture.store, &clock).await;
        let store = fixture.another_store().await;
        let office = Office::open(&store, &clock, hall.office.administrators.clone()).await;
        let other = Hall { office, people: hall.people.clone() };
        hall.report("gate-1", "b", 0, 0, 0).await;
        // The contact is written with the next commit.
        hall.send(punch("gate-2", 1, 0, In, "A0")).await;
        assert_eq!(other.watch().await, 1, "another replica puts it on record");
        assert_eq!(hall.watch().await, 0, "and then there is nothing new");
        wait_until(&clock, minute(1));
        other.report("gate-1", "b", 60_000, 0, 0).await;
        other.send(punch("gate-2", 2, 1, In, "A0")).await;
        wait_until(&clock, minute(2).plus_ms(30_000));
        assert_eq!(hall.watch().await, 0, "what the other one heard counts: it is not silent");
        wait_until(&clock, minute(3));
        watch::round(&other.office.desk).await.expect("a round");
        assert_eq!(hall.watch().await, 0);
        hall.fold().await;
        assert_eq!(hall.states("gate-1").await.last().map(|state| state.0.as_str()), Some("SILENT"));
        store.close().await;
    })
    .await;
}
