//! A person's day, derived: people found later, times that later contacts improve.

use qinlian::kernel::{DeviceId, Label};
use qinlian::ledger::committer::Outcome;
use qinlian::proto::punch::Direction::{In, Out, Unknown};
use qinlian::proto::{PunchFlag, TimeTrust};
use qinlian::registers::attendance::fact::{Punch, Source, Stamp};
use qinlian::registers::derivation::PRESENCE;

use super::rig::{Hall, flags, minute, punch, uploaded, wait_until};
use crate::support::clock;
use crate::support::store::each;

/// Out of the journal of a terminal that started at eight with a clock that is off by so many minutes.
fn drifting(seq: u64, minutes: i64, off: i64, direction: qinlian::proto::punch::Direction) -> Punch {
    let mut punch = uploaded(punch("gate-1", seq, minutes, direction, "A0"));
    punch.stamp.claimed = minute(minutes + off);
    punch
}

#[tokio::test]
async fn a_punch_of_nobody_counts_once_somebody_holds_the_card() {
    each(async |fixture| {
        let clock = clock(11);
        let hall = Hall::begin(&fixture.store, &clock).await;
        clock.advance_ms(30 * 60_000);
        let stored = hall.send(punch("gate-1", 1, 30, In, "A2")).await;
        assert_eq!(stored.outcome, Outcome::Accepted, "never dropped");
        assert_eq!(flags(&stored), [PunchFlag::UnknownPerson]);
        hall.fold().await;
        assert!(hall.days().await.is_empty());

        hall.bind(2, "A2").await;
        hall.fold().await;
        let day = (Some(minute(30)), None, TimeTrust::Trusted);
        assert_eq!(hall.days().await.into_iter().collect::<Vec<_>>(), [((2, 2), day)]);

        hall.unbind(2, "A2").await;
        hall.fold().await;
        assert!(hall.days().await.is_empty(), "and no longer when the binding was a mistake");
        assert_eq!(hall.revisions(PRESENCE).await.len(), 2);

        hall.bind(0, "A2").await;
        hall.fold().await;
        assert_eq!(hall.days().await.into_iter().collect::<Vec<_>>(), [((0, 2), day)]);
    })
    .await;
}

#[tokio::test]
async fn a_day_is_kept_up_to_date_by_every_punch() {
    each(async |fixture| {
        let clock = clock(12);
        let hall = Hall::begin(&fixture.store, &clock).await;
        let mut known = Vec::new();
        for (seq, minutes, direction) in [(1, 25, Unknown), (2, 30, In), (3, 240, Unknown), (4, 540, Out)] {
            wait_until(&clock, minute(minutes));
            hall.send(punch("gate-1", seq, minutes, direction, "A0")).await;
            hall.fold().await;
            let day = hall.days().await[&(0, 2)];
            known.push((day.0, day.1));
        }
        let at = |minutes| Some(minute(minutes));
        assert_eq!(known, [(at(25), None), (at(25), None), (at(25), at(240)), (at(25), at(540))]);
    })
    .await;
}

#[tokio::test]
async fn a_journal_from_before_a_restart_is_dated_by_the_next_contact() {
    each(async |fixture| {
        let clock = clock(13);
        let hall = Hall::begin(&fixture.store, &clock).await;
        // The clock of the terminal is 4 minutes slow; then it is a day slow.
        for (off, trust, steps) in [(-4, TimeTrust::Corrected, 1), (-1_440, TimeTrust::Suspect, 2)] {
            let seq = steps * 10;
            clock.advance_ms(600 * 60_000);
            hall.send_all(vec![drifting(seq - 1, 30, off, In), drifting(seq, 540, off, Out)]).await;
            hall.fold().await;
            let claimed = hall.days().await;
            assert!(
                claimed.values().any(|(first, _, trust)| *first == Some(minute(30 + off))
                    && *trust == TimeTrust::Suspect),
                "before any contact, what it claims: {claimed:?}"
            );
            hall.report("gate-1", &format!("boot-{steps}"), 5_000, off * 60_000, seq).await;
            assert_eq!(hall.watch().await, 1, "a new boot goes on record at once");
            hall.fold().await;
            let wanted = (Some(minute(30)), Some(minute(540)), trust);
            let days = hall.days().await;
            if steps == 1 {
                assert_eq!(days.into_iter().collect::<Vec<_>>(), [((0, 2), wanted)]);
            } else {
                // The earlier journal's punches of the same minutes are better known.
                assert_eq!(days.len(), 1, "nothing is left on the day that was claimed: {days:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_was_turned_does_not_matter_to_a_boot_that_was_heard_of() {
    each(async |fixture| {
        let clock = clock(14);
        let hall = Hall::begin(&fixture.store, &clock).await;
        hall.report("gate-1", "b", 0, 0, 0).await;
        clock.advance_ms(600 * 60_000);
        hall.send_all(vec![drifting(1, 30, 3 * 1_440, In), drifting(2, 540, -200, Out)]).await;
        hall.fold().await;
        let wanted = (Some(minute(30)), Some(minute(540)), TimeTrust::Trusted);
        assert_eq!(hall.days().await.into_iter().collect::<Vec<_>>(), [((0, 2), wanted)]);
    })
    .await;
}

#[tokio::test]
async fn what_a_file_says_is_imported_and_no_more() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, &clock(15)).await;
        let line = |minutes, direction| {
            let punch = punch("file", 0, minutes, direction, "A1");
            let stamp = Stamp {
                device: DeviceId::parse("file").expect("a code"),
                boot_id: Label::parse("").expect("a label"),
                mono_ms: 0,
                ..punch.stamp
            };
            Punch { source: Source::Import, stamp, ..punch }
        };
        let first = hall.send(line(-1_100, Unknown)).await;
        assert_eq!(flags(&first), [PunchFlag::FromImport]);
        assert_eq!(
            hall.send(line(-1_100, Unknown)).await.outcome,
            Outcome::Accepted,
            "a line has no journal"
        );
        hall.send(line(-500, Unknown)).await;
        hall.fold().await;
        let wanted = (Some(minute(-1_100)), Some(minute(-500)), TimeTrust::Imported);
        assert_eq!(hall.days().await.into_iter().collect::<Vec<_>>(), [((1, 1), wanted)]);
    })
    .await;
}
