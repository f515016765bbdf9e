//! Exactly once: every command is sent several times, in any order, from many callers, to a ledger that keeps dying
//! (SQLite) or to three of them (PostgreSQL); it stands once, and its receipt is the same bytes for ever.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use qinlian::kernel::{LogId, Pos, RequestId};
use qinlian::ledger::Ledger;
use qinlian::ledger::committer::{Lane, Outcome, SubmitError};
use qinlian::ledger::faults::{Faults, Injected, Point};
use qinlian::ledger::port::Submission;
use qinlian::tlog::{Hash, leaf_hash};

use super::rig::{Dice, HALL, Rig, Start, fresh, id, item, note, put, submission, verify};
use super::toy::{Command, Toy};
use super::whole::whole;
use crate::support::scale;
use crate::support::store::Fixture;

/// Each command is sent five times: 5 × 20,000 = 10^5.
const TIMES: usize = 5;
const CALLERS: usize = 256;
/// One repeat in this many has its whole receipt read and compared.
const READ_EVERY: usize = 40;

fn commands() -> usize {
    scale(20_000, 200_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_sends_to_a_sqlite_ledger_that_keeps_dying_are_twenty_thousand_entries() {
    let rig = Rig::new(Fixture::sqlite().await).await;
    let mut storm = Storm::new(&rig, commands()).await;
    let mut rig = rig;
    let mut deaths = 0;
    while !storm.waiting.is_empty() {
        let how = Start { faults: dies_after(&mut storm.dice), ..Start::default() };
        rig = rig.restart(&how).await;
        storm.send(std::slice::from_ref(&rig.ledger)).await;
        deaths += usize::from(!rig.ledger.health().ready());
    }
    assert!(deaths >= 10, "only {deaths} deaths: not a test of restarts");
    let rig = rig.restart(&Start::default()).await;
    storm.settle(&rig).await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_sends_to_three_ledgers_on_one_postgres_are_twenty_thousand_entries() {
    let Some(fixture) = Fixture::postgres().await else { return };
    let rig = Rig::new(fixture).await;
    let mut storm = Storm::new(&rig, commands()).await;
    let (two, three) = (rig.replica(&Start::default()).await, rig.replica(&Start::default()).await);
    let ledgers = [rig.ledger.clone(), two.0, three.0];
    while !storm.waiting.is_empty() {
        storm.send(&ledgers).await;
    }
    drop(ledgers);
    two.1.await.unwrap();
    three.1.await.unwrap();
    storm.settle(&rig).await;
    rig.end().await;
}

/// Dies at a random point of one of the next commits.
fn dies_after(dice: &mut Dice) -> Faults {
    let at = Point::ALL[usize::try_from(dice.roll(8)).unwrap()];
    let left = AtomicUsize::new(usize::try_from(5 + dice.roll(60)).unwrap());
    Faults::planned(Arc::new(move |point| {
        (point == at && left.fetch_sub(1, Ordering::SeqCst) == 1).then_some(Injected::Crash)
    }))
}

type Seen = (Pos, Option<Hash>);

struct Storm {
    dice: Dice,
    commands: usize,
    logs: [LogId; 2],
    /// What is still to be sent, last first.
    waiting: Vec<Submission<Command>>,
    sends: AtomicUsize,
    /// What was answered for each id: its position, and the hash of its receipt where one was seen.
    seen: Mutex<HashMap<(LogId, RequestId), Seen>>,
}

impl Storm {
    async fn new(rig: &Rig, commands: usize) -> Self {
        let mut dice = Dice::new(42);
        let logs = [HALL, rig.open("annex").await];
        let mut waiting = Vec::new();
        for n in 0..commands {
            let command = match n % 5 {
                0 => item("gate", n as u64, "7"),
                1 => note("who", "张伟"),
                _ => put(&n.to_string(), ""),
            };
            let sent = submission(logs[n % 2], id(1_000_000 + n as u64), command);
            waiting.extend(std::iter::repeat_n(sent, TIMES));
        }
        for last in (1..waiting.len()).rev() {
            waiting.swap(last, usize::try_from(dice.roll(last as u64 + 1)).unwrap());
        }
        Self { dice, commands, logs, waiting, sends: AtomicUsize::new(0), seen: Mutex::default() }
    }

    /// Sends what waits, until all is sent or every ledger is gone; what was not answered waits again.
    async fn send(&mut self, ledgers: &[Ledger<Toy>]) {
        let unanswered = Mutex::new(Vec::new());
        let waiting = std::mem::take(&mut self.waiting);
        let this = &*self;
        futures_util::stream::iter(waiting.into_iter().enumerate())
            .for_each_concurrent(CALLERS, |(n, sent)| {
                let (ledger, unanswered) = (&ledgers[n % ledgers.len()], &unanswered);
                async move {
                    if !ledger.health().ready() || !this.one(n, ledger, sent.clone()).await {
                        unanswered.lock().unwrap().push(sent);
                    }
                }
            })
            .await;
        self.waiting = unanswered.into_inner().unwrap();
    }

    /// One send; was it answered?
    async fn one(&self, n: usize, ledger: &Ledger<Toy>, sent: Submission<Command>) -> bool {
        let (log, id) = (sent.log, sent.request_id);
        self.sends.fetch_add(1, Ordering::SeqCst);
        let reply = match ledger.submit(sent, if n.is_multiple_of(3) { Lane::Bulk } else { Lane::Live }).await
        {
            Ok(reply) => reply,
            Err(SubmitError::InDoubt | SubmitError::Unavailable) => return false,
            Err(other) => panic!("{other}"),
        };
        let receipt = if reply.fresh.is_some() {
            Some(fresh(&reply))
        } else if n.is_multiple_of(READ_EVERY) {
            Some(ledger.reader().receipt_proof(log, reply.pos).await.unwrap())
        } else {
            None
        };
        assert_ne!(reply.outcome, Outcome::Conflict);
        self.remember(log, id, reply.pos, receipt);
        true
    }

    fn remember(&self, log: LogId, id: RequestId, pos: Pos, receipt: Option<String>) {
        let hash = receipt.map(|receipt| leaf_hash(receipt.as_bytes()));
        let mut seen = self.seen.lock().unwrap();
        let known = seen.entry((log, id)).or_insert((pos, hash));
        assert_eq!(known.0, pos, "the same command at two positions");
        assert!(known.1.is_none() || hash.is_none() || known.1 == hash, "two receipts of one entry at {pos}");
        known.1 = known.1.or(hash);
    }

    async fn settle(&self, rig: &Rig) {
        assert!(self.sends.load(Ordering::SeqCst) >= TIMES * self.commands);
        let seen = self.seen.lock().unwrap().clone();
        assert_eq!(seen.len(), self.commands, "everything was acknowledged");
        let size = rig.size(self.logs[0]).await + rig.size(self.logs[1]).await;
        assert_eq!(size, self.commands as u64, "and stands once");
        let reader = rig.ledger.reader();
        for ((log, id), (pos, receipt)) in seen.iter().step_by(READ_EVERY) {
            let text = reader.receipt_proof(*log, *pos).await.unwrap();
            assert!(
                receipt.is_none_or(|receipt| receipt == leaf_hash(text.as_bytes())),
                "another receipt at {pos}"
            );
            let entry = reader.entries(*log, &[*pos]).await.unwrap().remove(0);
            verify(&text, &entry.leaf, &reader.epoch_of(*log, *pos).await.unwrap().origin);
            assert_eq!(reader.request(*log, *id).await.unwrap().unwrap().pos, *pos);
        }
        whole(reader).await.unwrap();
    }
}
