//! The runner: who waits is heard in time, and a bad log is alone with its trouble.

use std::sync::Arc;
use std::time::Duration;

use qinlian::clock::MockClock;
use qinlian::kernel::{EpochMs, LogId};
use qinlian::results::{Folder, Runner};

use super::history::Dump;
use super::toy::{self, GRACE_MS, JOBS, Line, Op, SILENCE_MS, Toy};
use crate::support::store::{Fixture, each};
use crate::support::told::told;

const LOG: LogId = LogId::from_column(1);

fn line(at: i64, op: Op) -> Line {
    Line { at, deployment: 0, op }
}

struct Rig {
    toy: Arc<Toy>,
    clock: Arc<MockClock>,
    runner: Runner<Toy>,
}

async fn rig(fixture: &Fixture) -> Rig {
    toy::create(fixture).await;
    let toy = Arc::new(Toy::new(&fixture.store, -1));
    let clock = Arc::new(MockClock::new(EpochMs::clamped(1_000), 1));
    let folder = Folder::new(fixture.store.clone(), Arc::clone(&toy));
    let runner = Runner::new(folder, Arc::<MockClock>::clone(&clock));
    Rig { toy, clock, runner }
}

impl Rig {
    /// Entries that are not folded, logs that have such, logs that wait to be tried again, and how often one failed.
    fn behind(&self) -> [String; 4] {
        let figures = self.runner.figures();
        ["behind_entries", "behind_logs", "failing_logs", "failures"].map(|of| {
            let name = format!("qinlian_results_{of}");
            told(&*figures, &name, "")
        })
    }

    /// What was asked for since the last time, after one look.
    async fn asks(&mut self) -> Vec<(i64, i64)> {
        self.runner.once().await.unwrap();
        let asked = std::mem::take(&mut *self.toy.ticks.lock().unwrap());
        asked.into_iter().map(|(log, due)| (log.column(), due.get())).collect()
    }
}

#[tokio::test]
async fn a_tick_is_asked_for_when_a_wait_is_due_and_not_a_millisecond_sooner() {
    each(async |fixture| {
        let mut rig = rig(fixture).await;
        let due = 1_000 + GRACE_MS;
        assert_eq!(rig.asks().await, [], "no log, nothing to wait for");
        rig.toy.append(LOG, 0, &[line(1_000, Op::Put(1, 1)), line(1_000, Op::Cover(0, 0))]).await;
        assert_eq!(rig.asks().await, []);
        rig.clock.advance_ms(GRACE_MS.cast_unsigned() - 1);
        assert_eq!(rig.asks().await, []);
        rig.clock.advance_ms(1);
        assert_eq!(rig.asks().await, [(1, due)]);
        assert_eq!(rig.asks().await, [], "the entry may be on its way");
        rig.clock.advance_ms(999);
        assert_eq!(rig.asks().await, []);
        rig.clock.advance_ms(1);
        assert_eq!(rig.asks().await, [(1, due)], "it did not come: asked again after a second");
        rig.toy.append(LOG, 2, &[line(1_120, Op::Tick)]).await;
        assert_eq!(rig.asks().await, [(1, 1_000 + SILENCE_MS)], "the next wait is due already");
        assert!(Dump::of(&fixture.store, LOG).await.lines(JOBS)[1].contains("overdue"));
        rig.toy.append(LOG, 3, &[line(9_000, Op::Tick)]).await;
        rig.clock.advance_ms(60_000);
        assert_eq!(rig.asks().await, [], "nothing waits any more");
        assert!(Dump::of(&fixture.store, LOG).await.waits.iter().all(|(clock, ..)| clock != "time"));
    })
    .await;
}

#[tokio::test]
async fn a_tick_is_asked_for_when_the_deployment_moved_and_nobody_writes() {
    each(async |fixture| {
        let mut rig = rig(fixture).await;
        rig.toy.append(LOG, 0, &[line(1_000, Op::Put(1, 1))]).await;
        assert_eq!(rig.asks().await, []);
        rig.toy.append(LogId::DEPLOYMENT, 0, &[line(1_020, Op::Rename(1))]).await;
        assert_eq!(rig.asks().await, [(1, 1_020)]);
        rig.toy.append(LOG, 1, &[Line { at: 1_030, deployment: 1, op: Op::Tick }]).await;
        assert_eq!(rig.asks().await, []);
        assert!(Dump::of(&fixture.store, LOG).await.lines(JOBS)[1].contains("names 1"));
    })
    .await;
}

#[tokio::test]
async fn a_log_whose_rule_panics_keeps_no_other_log_waiting_and_is_tried_again() {
    each(async |fixture| {
        let mut rig = rig(fixture).await;
        let good = LogId::from_column(2);
        rig.toy.append(LOG, 0, &[line(1_000, Op::Put(1, 1)), line(1_000, Op::Poison)]).await;
        rig.toy.append(good, 0, &[line(1_000, Op::Put(1, 1))]).await;
        rig.runner.once().await.unwrap();
        assert_eq!(Dump::of(&fixture.store, LOG).await.revised.len(), 0);
        assert_eq!(Dump::of(&fixture.store, good).await.revised.len(), 1);
        assert_eq!(rig.behind(), ["2", "1", "1", "1"]);
        // Somebody mends it.
        let raw = fixture.raw().await;
        let mended = match fixture.store.dialect() {
            qinlian::store::Dialect::Sqlite => "UPDATE toy_entry SET op = CAST('tick' AS BLOB) WHERE pos = 1",
            qinlian::store::Dialect::Postgres => "UPDATE toy_entry SET op = 'tick' WHERE pos = 1",
        };
        assert_eq!(raw.execute(mended).await, 1);
        rig.runner.once().await.unwrap();
        assert_eq!(Dump::of(&fixture.store, LOG).await.revised.len(), 0, "not at once");
        assert_eq!(rig.behind(), ["2", "1", "1", "1"]);
        rig.clock.advance_ms(200);
        rig.runner.once().await.unwrap();
        assert_eq!(Dump::of(&fixture.store, LOG).await.revised.len(), 1);
        assert_eq!(rig.behind(), ["0", "0", "0", "1"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_are_told_that_there_is_news_by_their_own_runner_and_of_another_replicas() {
    each(async |fixture| {
        let rig = rig(fixture).await;
        let (clock, store) = (Arc::clone(&rig.clock), fixture.another_store().await);
        let folder = Folder::new(store.clone(), Arc::new(Toy::new(&store, -1)));
        let others = Runner::new(folder, clock).start();
        let mine = rig.runner.start();
        let (mut here, mut there) = (mine.news(), others.news());
        rig.toy.append(LOG, 0, &[line(1_000, Op::Put(1, 1))]).await;
        mine.wake().notify_one();
        for news in [&mut here, &mut there] {
            tokio::time::timeout(Duration::from_secs(30), news.changed()).await.unwrap().unwrap();
        }
        // The first news may be that a fold was begun.
        let folded = async {
            while Dump::of(&fixture.store, LOG).await.revised.is_empty() {
                here.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(30), folded).await.unwrap();
        mine.stop().await;
        others.stop().await;
        assert_eq!(Dump::of(&fixture.store, LOG).await.revised.len(), 1);
        store.close().await;
    })
    .await;
}
