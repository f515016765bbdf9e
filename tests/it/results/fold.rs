//! The results are a function of the log alone: not of chunks, restarts or how much had come when they were folded.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use qinlian::kernel::LogId;
use qinlian::results::{Folded, Folder};

use super::history::{Dice, Dump, History, write};
use super::reference::{self, Bug};
use super::toy::{self, DEVICES, JOBS, Line, Op, Toy};
use crate::support::store::{Fixture, each};
use crate::support::{say_aloud, scale};

const CHUNKS: [usize; 4] = [1, 2, 7, 500];
/// And so many rows at a time are written.
const PORTIONS: [usize; 3] = [1, 5, 2_000];

fn line(at: i64, op: Op) -> Line {
    Line { at, deployment: 0, op }
}

/// Far more than the longest history has entries.
const ROUNDS_MOST: usize = 100_000;

/// Folds to the end, with another folder, as after a restart, and another size for every chunk; some chunks die somewhere
/// on their way. Says how many did.
async fn fold_anyhow(fixture: &Fixture, toy: &Arc<Toy>, log: LogId, dice: &mut Dice) -> usize {
    let mut died = 0;
    for _ in 0..ROUNDS_MOST {
        let chunk = dice.pick(&CHUNKS);
        let folder = Folder::new(fixture.store.clone(), Arc::clone(toy)).with_chunk(chunk);
        let folder = folder.with_portion(dice.pick(&PORTIONS));
        let polls = if dice.below(2) == 0 { dice.below(20) } else { u64::MAX };
        match die_after(polls, folder.chunk(log)).await.transpose().unwrap() {
            None => died += 1,
            // What died may not have been rolled back yet.
            Some(Folded::More | Folded::Busy) => {}
            Some(Folded::CaughtUp) => return died,
            Some(Folded::Standing) => panic!("the rules are known"),
        }
    }
    panic!("log {log} is not folded after {ROUNDS_MOST} chunks");
}

/// Drops a future that is not done after so many polls.
async fn die_after<T>(mut polls: u64, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if polls == 0 => Poll::Ready(None),
        Poll::Pending => {
            polls -= 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test]
async fn a_fold_equals_the_naive_one_whatever_its_chunks_restarts_and_arrivals() {
    each(async |fixture| {
        toy::create(fixture).await;
        let mut died = 0;
        for case in 0..i64::try_from(scale(150, 5_000)).unwrap() {
            let (log, mut dice) = (LogId::from_column(case + 1), Dice::new(case.cast_unsigned()));
            let history = History::random(&mut dice, 18);
            let toy = Arc::new(Toy::new(&fixture.store, -case - 1));
            toy.append(LogId::DEPLOYMENT, 0, &history.deployed).await;
            let mut written = 0;
            while written < history.own.len() {
                let more = usize::try_from(dice.below(30)).unwrap() + 1;
                let until = history.own.len().min(written + more);
                toy.append(log, written, &history.own[written..until]).await;
                written = until;
                if dice.below(2) == 0 || written == history.own.len() {
                    died += fold_anyhow(fixture, &toy, log, &mut dice).await;
                }
            }
            let wanted = reference::fold(&toy, log, &history, Bug::None);
            assert_eq!(Dump::of(&fixture.store, log).await, wanted, "case {case}");
        }
        assert!(died > 30, "the run does not count: {died} chunks died");
    })
    .await;
}

#[tokio::test]
async fn every_size_of_chunk_and_every_second_run_come_to_the_same_rows() {
    each(async |fixture| {
        toy::create(fixture).await;
        for case in 0..i64::try_from(scale(3, 100)).unwrap() {
            let mut dice = Dice::new(0x00c0_ffee + case.cast_unsigned());
            let history = History::random(&mut dice, 40);
            let (log, toy) = (LogId::from_column(case + 1), Arc::new(Toy::new(&fixture.store, -case - 1)));
            write(&toy, log, &history).await;
            let wanted = reference::fold(&toy, log, &history, Bug::None);
            for chunk in CHUNKS {
                let folder = Folder::new(fixture.store.clone(), Arc::clone(&toy)).with_chunk(chunk);
                let folder = folder.with_portion(dice.pick(&PORTIONS));
                assert_eq!(folder.catch_up(log).await.unwrap(), Folded::CaughtUp);
                assert_eq!(Dump::of(&fixture.store, log).await, wanted, "case {case}, chunks of {chunk}");
                assert_eq!(folder.chunk(log).await.unwrap(), Folded::CaughtUp, "and nothing comes after it");
                folder.rebuild(log).await.unwrap();
                assert!(Dump::of(&fixture.store, log).await.revised.is_empty(), "everything was deleted");
            }
        }
    })
    .await;
}

#[test]
fn the_comparison_notices_each_way_in_which_a_fold_could_be_wrong() {
    let bugs =
        [Bug::WaitsSeeTheEntry, Bug::WaitsFireLate, Bug::DeploymentIgnored, Bug::RevisionsWithoutChange];
    // No database: the store is never asked.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fixture = runtime.block_on(Fixture::sqlite());
    let (toy, log) = (Toy::new(&fixture.store, -1), LogId::from_column(1));
    for bug in bugs {
        let noticed = (0..100).filter(|case| {
            let history = History::random(&mut Dice::new(*case), 18);
            reference::fold(&toy, log, &history, Bug::None) != reference::fold(&toy, log, &history, bug)
        });
        let noticed = noticed.count();
        assert!(noticed >= 10, "{bug:?} shows in {noticed} of 100 histories only");
    }
    let waits: usize = (0..100)
        .map(|case| {
            let history = History::random(&mut Dice::new(case), 18);
            reference::fold(&toy, log, &history, Bug::None).revised.len()
        })
        .sum();
    say_aloud(&format!("100 histories have {waits} revisions"));
    runtime.block_on(fixture.end());
}

/// Folds a history on its own, in chunks of one, and shows what a room says.
async fn told(fixture: &Fixture, own: &[Line], deployed: &[Line]) -> Dump {
    toy::create(fixture).await;
    let (log, toy) = (LogId::from_column(1), Arc::new(Toy::new(&fixture.store, -1)));
    write(&toy, log, &History { own: own.to_vec(), deployed: deployed.to_vec() }).await;
    let folder = Folder::new(fixture.store.clone(), toy).with_chunk(1);
    folder.catch_up(log).await.unwrap();
    Dump::of(&fixture.store, log).await
}

#[tokio::test]
async fn waits_fire_before_the_entry_at_their_thresholds_in_the_order_of_threshold_and_key() {
    each(async |fixture| {
        let own = [
            line(1_000, Op::Put(9, 1)),
            line(1_010, Op::Put(5, 1)),
            line(1_010, Op::Put(4, 1)),
            // At 1,500 jobs 9, 4 and 5 have long been overdue (1,100, 1,110) and closed (1,300, 1,310); only then does
            // the new value of job 9 count.
            line(1_500, Op::Put(9, 2)),
        ];
        let dump = told(fixture, &own, &[]).await;
        assert_eq!(
            dump.lines(JOBS),
            [
                "entry 0, key 9: v1 value 1, names 0, grace 100: open, pending",
                "entry 1, key 5: v1 value 1, names 0, grace 100: open, pending",
                "entry 2, key 4: v1 value 1, names 0, grace 100: open, pending",
                "entry 3, key 9: v1 value 1, names 0, grace 100: overdue, pending",
                "entry 3, key 4: v1 value 1, names 0, grace 100: overdue, pending",
                "entry 3, key 5: v1 value 1, names 0, grace 100: overdue, pending",
                "entry 3, key 9: v1 value 1, names 0, grace 100: closed, pending",
                "entry 3, key 4: v1 value 1, names 0, grace 100: closed, pending",
                "entry 3, key 5: v1 value 1, names 0, grace 100: closed, pending",
                "entry 3, key 9: v1 value 2, names 0, grace 100: open, pending",
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_a_device_is_derived_when_its_coverage_is_known() {
    each(async |fixture| {
        let own = [
            line(1_000, Op::Put(0, 1)),
            line(1_010, Op::Put(1, 1)),
            // Device 0 is the one of job 0, device 1 of job 1.
            line(1_020, Op::Cover(0, 999)),
            line(1_030, Op::Cover(0, 1_000)),
            line(1_040, Op::Cover(1, 5_000)),
        ];
        let dump = told(fixture, &own, &[]).await;
        assert_eq!(
            dump.lines(JOBS)[2..],
            [
                "entry 3, key 0: v1 value 1, names 0, grace 100: open, final",
                "entry 4, key 1: v1 value 1, names 0, grace 100: open, final",
            ]
        );
        assert_eq!(dump.lines(DEVICES)[0], "entry 2, key 0: covers 999, reporting");
        assert!(dump.waits.iter().all(|(clock, ..)| clock == "time"), "nothing waits for coverage any more");
    })
    .await;
}

#[tokio::test]
async fn deployment_entries_come_just_before_the_first_entry_that_has_seen_them() {
    each(async |fixture| {
        let seen = |at, deployment, op| Line { at, deployment, op };
        let deployed = [line(1_050, Op::Rename(1)), line(1_250, Op::Policy), line(9_999, Op::Rename(1))];
        let own = [
            seen(1_000, 0, Op::Put(1, 1)),
            // Has seen the first two: at 1,050 the job is open, at 1,250 it had been overdue, and then is not any more.
            seen(1_260, 2, Op::Tick),
            // Has seen the third, whose clock ran ahead: it is heard of now.
            seen(1_270, 3, Op::Tick),
        ];
        let dump = told(fixture, &own, &deployed).await;
        assert_eq!(
            dump.lines(JOBS),
            [
                "entry 0, key 1: v1 value 1, names 0, grace 100: open, pending",
                "entry 1, key 1: v1 value 1, names 1, grace 100: open, pending",
                "entry 1, key 1: v1 value 1, names 1, grace 100: overdue, pending",
                "entry 1, key 1: v1 value 1, names 1, grace 200: overdue, pending",
                "entry 2, key 1: v1 value 1, names 2, grace 200: overdue, pending",
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_result_that_says_the_same_again_is_no_revision_and_one_that_goes_is() {
    each(async |fixture| {
        let own = [
            line(1_000, Op::Put(2, 0)),
            line(1_000, Op::Put(1, 3)),
            line(1_000, Op::Put(1, 3)),
            line(1_000, Op::Put(1, 0)),
            line(1_000, Op::Put(1, 0)),
            line(1_000, Op::Put(1, 3)),
        ];
        let dump = told(fixture, &own, &[]).await;
        assert_eq!(
            dump.lines(JOBS),
            [
                "entry 1, key 1: v1 value 3, names 0, grace 100: open, pending",
                "entry 3, key 1: nothing",
                "entry 5, key 1: v1 value 3, names 0, grace 100: open, pending",
            ]
        );
    })
    .await;
}
