//! Callers that go away at any moment: the commit goes on without them, and they find their receipts when they return.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use qinlian::kernel::LogId;
use qinlian::ledger::committer::Lane;
use qinlian::ledger::port::Submission;

use super::rig::{Dice, HALL, Rig, item, note, put, read, word};
use super::toy::Command;
use super::whole::whole;
use crate::support::scale;
use crate::support::store::Fixture;

/// Of all calls at least this share must have been cancelled while they waited, or the run does not count.
const CANCELLED_PERCENT: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_go_away_at_any_moment_leave_the_sqlite_ledger_whole() {
    storm(Fixture::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_go_away_at_any_moment_leave_the_postgres_ledger_whole() {
    if let Some(fixture) = Fixture::postgres().await {
        storm(fixture).await;
    }
}

async fn storm(fixture: Fixture) {
    let rig = Rig::new(fixture).await;
    let annex = rig.open("annex").await;
    let calls = scale(1_500, 15_000);
    let sent: Vec<Submission<Command>> = (0..calls).map(|n| command(&rig, n, annex)).collect();
    let cancelled = AtomicUsize::new(0);
    futures_util::stream::iter(sent.iter().cloned().enumerate())
        .for_each_concurrent(48, |(n, submission)| {
            let (rig, cancelled) = (&rig, &cancelled);
            async move {
                tokio::select! {
                    () = call(rig, n, submission) => {}
                    () = after_a_while(n) => {
                        cancelled.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        })
        .await;
    let share = cancelled.load(Ordering::SeqCst) * 100 / calls;
    assert!(
        share >= CANCELLED_PERCENT,
        "only {share} % of the calls were cancelled: not a test of cancelling"
    );
    assert!(share < 100, "nobody waited");

    let again = rig.ledger.submit_all(sent.clone()).await.unwrap();
    for (sent, answer) in sent.iter().zip(&again) {
        assert!(["accepted", "repeat"].contains(&word(answer).as_str()), "{}", word(answer));
        let reply = answer.as_ref().unwrap();
        assert_eq!(rig.leaf(sent.log, reply.pos).await.request_id, sent.request_id);
    }
    for (sent, answer) in sent.iter().zip(&again).step_by(10) {
        rig.receipt(sent.log, answer.as_ref().unwrap().pos).await;
    }
    assert_eq!(rig.size(HALL).await + rig.size(annex).await, calls as u64, "each exactly once");
    whole(rig.ledger.reader()).await.unwrap();
    rig.end().await;
}

fn command(rig: &Rig, n: usize, annex: LogId) -> Submission<Command> {
    let log = if n.is_multiple_of(3) { annex } else { HALL };
    let command = match n % 4 {
        0 => note("who", "张伟"),
        1 => item("gate", n as u64, "7"),
        2 => read("person:zhang"),
        _ => put(&n.to_string(), ""),
    };
    rig.new_submission(log, command)
}

/// Every way in.
async fn call(rig: &Rig, n: usize, submission: Submission<Command>) {
    match (n % 4, n % 5) {
        (2, _) => drop(rig.ledger.disclose(submission).await),
        (_, 0) => drop(rig.ledger.submit_all(vec![submission]).await),
        (_, 1) => drop(rig.ledger.submit(submission, Lane::Bulk).await),
        _ => drop(rig.ledger.submit(submission, Lane::Live).await),
    }
}

/// At once, or after some turns of the scheduler: no clock is asked.
async fn after_a_while(n: usize) {
    let mut dice = Dice::new(n as u64);
    let turns = match dice.roll(4) {
        0 => 0,
        1 => dice.roll(10),
        2 => dice.roll(300),
        _ => dice.roll(6_000),
    };
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}
