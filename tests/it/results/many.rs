//! Several replicas fold the same logs at once.

use std::sync::Arc;

use qinlian::kernel::LogId;
use qinlian::results::{Folded, Folder};

use super::history::{Dice, Dump, History, write};
use super::reference::{self, Bug};
use super::toy::{self, Toy};
use crate::support::scale;
use crate::support::store::each;

const REPLICAS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_on_one_database_fold_every_log_once() {
    each(async |fixture| {
        toy::create(fixture).await;
        let logs = i64::try_from(scale(5, 100)).unwrap();
        let mut wanted = Vec::new();
        for case in 1..=logs {
            let history = History::random(&mut Dice::new(0xabcd + case.cast_unsigned()), 40);
            let (log, toy) = (LogId::from_column(case), Toy::new(&fixture.store, -case));
            write(&toy, log, &history).await;
            wanted.push((log, reference::fold(&toy, log, &history, Bug::None)));
        }
        let mut replicas = Vec::new();
        for replica in 0..REPLICAS {
            let store = fixture.another_store().await;
            replicas.push(tokio::spawn(async move {
                let mut dice = Dice::new(u64::try_from(replica).unwrap());
                let (mut left, mut worked, mut busy): (Vec<i64>, _, _) = ((1..=logs).collect(), 0, 0);
                while !left.is_empty() {
                    let case = dice.pick(&left);
                    let toy = Arc::new(Toy::new(&store, -case));
                    let folder = Folder::new(store.clone(), toy).with_chunk(dice.pick(&[1, 2, 7]));
                    let folder = folder.with_portion(dice.pick(&[1, 3, 1_000]));
                    match folder.chunk(LogId::from_column(case)).await.unwrap() {
                        Folded::More => worked += 1,
                        Folded::Busy => {
                            busy += 1;
                            tokio::task::yield_now().await;
                        }
                        Folded::CaughtUp => left.retain(|left| *left != case),
                        Folded::Standing => panic!("the rules are known"),
                    }
                }
                store.close().await;
                (worked, busy)
            }));
        }
        let mut all_worked = true;
        for replica in replicas {
            let (worked, _busy) = replica.await.unwrap();
            all_worked &= worked > 0;
        }
        assert!(all_worked, "the run does not count: a replica had nothing to do");
        for (log, wanted) in wanted {
            assert_eq!(Dump::of(&fixture.store, log).await, wanted, "log {log}");
        }
    })
    .await;
}
