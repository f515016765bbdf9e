//! Three ledgers on one PostgreSQL: one total order per log, no gaps, no forks, no deadlock. (One on SQLite, for the
//! same clients: what they may rely on is the same.)

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use qinlian::kernel::LogId;
use qinlian::ledger::Ledger;
use qinlian::ledger::committer::Lane;

use super::rig::{Dice, HALL, Rig, Start, note, put};
use super::toy::Toy;
use super::whole::whole;
use crate::support::scale;
use crate::support::store::Fixture;

const CLIENTS: usize = 64;

/// One acknowledged command, in the order of one counter that all clients share.
#[derive(Debug, Clone, Copy)]
struct Ack {
    index: u64,
    sent: u64,
    acked: u64,
}

/// The first acknowledged command that stands after one that was sent only when it had been acknowledged.
fn out_of_order(acks: &[Ack]) -> Option<(Ack, Ack)> {
    let mut by_index = acks.to_vec();
    by_index.sort_by_key(|ack| ack.index);
    let mut earliest: Option<Ack> = None;
    for ack in by_index.into_iter().rev() {
        if let Some(later) = earliest.filter(|later| later.acked < ack.sent) {
            return Some((ack, later));
        }
        if earliest.is_none_or(|known| ack.acked < known.acked) {
            earliest = Some(ack);
        }
    }
    None
}

#[test]
fn an_order_that_contradicts_the_clients_is_found() {
    let ack = |index, sent, acked| Ack { index, sent, acked };
    assert!(out_of_order(&[ack(0, 1, 2), ack(1, 3, 4)]).is_none(), "one after the other");
    assert!(out_of_order(&[ack(1, 1, 4), ack(0, 2, 3)]).is_none(), "at the same time");
    assert!(out_of_order(&[ack(1, 1, 2), ack(0, 3, 4)]).is_some(), "acknowledged before the other was sent");
    assert!(out_of_order(&[ack(5, 1, 2), ack(3, 9, 12), ack(4, 1, 20)]).is_some(), "with others between");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_ledger_on_sqlite_gives_every_client_one_order() {
    let rig = Rig::new(Fixture::sqlite().await).await;
    let ledgers = [rig.ledger.clone()];
    clients(&rig, &ledgers).await;
    drop(ledgers);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_ledgers_on_one_postgres_give_every_client_one_order() {
    let Some(fixture) = Fixture::postgres().await else { return };
    let rig = Rig::new(fixture).await;
    let (two, three) = (rig.replica(&Start::default()).await, rig.replica(&Start::default()).await);
    let ledgers = [rig.ledger.clone(), two.0, three.0];
    clients(&rig, &ledgers).await;
    drop(ledgers);
    two.1.await.unwrap();
    three.1.await.unwrap();
    rig.end().await;
}

async fn clients(rig: &Rig, ledgers: &[Ledger<Toy>]) {
    let mut logs = vec![LogId::DEPLOYMENT, HALL];
    for n in 0..4 {
        logs.push(rig.open(&format!("centre-{n}")).await);
    }
    let calls = scale(1_600, 40_000);
    let (now, acks) = (AtomicU64::new(0), Mutex::new(BTreeMap::<LogId, Vec<Ack>>::new()));
    let storm = futures_util::stream::iter(0..calls).for_each_concurrent(CLIENTS, |n| {
        let (logs, now, acks) = (&logs, &now, &acks);
        async move {
            let mut dice = Dice::new(n as u64);
            let ledger = &ledgers[n % ledgers.len()];
            // One command, or an upload over several logs in any order.
            let batch: Vec<_> = (0..if n % 4 == 0 { 1 + dice.roll(12) } else { 1 })
                .map(|_| {
                    let log = logs[usize::try_from(dice.roll(logs.len() as u64)).unwrap()];
                    let command =
                        if dice.roll(5) == 0 { note("who", "张伟") } else { put("a", &n.to_string()) };
                    rig.new_submission(log, command)
                })
                .collect();
            let sent = now.fetch_add(1, Ordering::SeqCst);
            let answers = match <[_; 1]>::try_from(batch) {
                Ok([alone]) => vec![ledger.submit(alone, Lane::Live).await],
                Err(batch) => ledger.submit_all(batch).await.unwrap(),
            };
            let acked = now.fetch_add(1, Ordering::SeqCst);
            for reply in answers.into_iter().map(Result::unwrap) {
                let ack = Ack { index: reply.pos.get(), sent, acked };
                acks.lock().unwrap().entry(reply.log).or_default().push(ack);
            }
        }
    });
    tokio::time::timeout(Duration::from_mins(2), storm).await.expect("no deadlock");

    let acks = acks.into_inner().unwrap();
    let states = whole(rig.ledger.reader()).await.unwrap();
    for (log, acks) in acks {
        let mut indexes: Vec<u64> = acks.iter().map(|ack| ack.index).collect();
        indexes.sort_unstable();
        let size = states[&log.column()].leaves.len() as u64;
        let first = size - indexes.len() as u64;
        assert_eq!(indexes, (first..size).collect::<Vec<_>>(), "log {log}: each index once, no gap");
        assert!(out_of_order(&acks).is_none(), "log {log}: {:?}", out_of_order(&acks));
    }
}
