//! Commands that wait together: one transaction, each judged in its turn, nobody harmed by a neighbour.

use qinlian::kernel::{LogId, Pos};
use qinlian::ledger::committer::{Lane, SubmitError};
use qinlian::ledger::port::{Author, Submission};

use super::rig::{
    HALL, Rig, Start, author, cases, config, fresh, open_centre, pass, put, submission, verify, word,
};
use super::toy::{Broken, Command};
use super::whole::whole;

cases! {
    what_waits_together_is_committed_together,
    no_batch_is_larger_than_its_limit,
    the_order_of_arrival_is_the_order_of_the_log,
    a_command_sees_what_the_one_before_it_did,
    several_logs_share_one_commit_and_each_gets_its_own_receipts,
    commands_for_the_deployment_log_go_first,
    every_entry_names_the_deployment_size_it_was_admitted_under,
    a_centre_and_its_log_begin_in_the_same_transaction,
    a_centre_that_is_there_already_harms_only_its_own_command,
    live_goes_before_bulk_and_bulk_has_its_share,
    a_full_live_lane_refuses_and_loses_nothing,
    an_upload_is_taken_whole_or_not_at_all,
    a_refused_neighbour_harms_nobody,
    a_panic_in_admit_harms_nobody_else,
    a_panic_in_any_other_rule_harms_nobody_else,
    settings_are_read_again_only_after_they_moved,
    settings_of_a_commit_that_failed_are_forgotten,
    a_pass_that_was_taken_away_in_the_same_batch_is_gone,
    what_is_not_evidence_is_written_with_the_next_commit,
    what_still_waits_when_the_ledger_stops_is_committed,
    a_stopped_ledger_says_that_it_is_not_available,
}

async fn sizes(rig: &Rig, log: i64) -> Vec<i64> {
    let raw = rig.raw().await;
    raw.column::<i64>(&format!("SELECT size FROM ledger_checkpoint WHERE log_id = {log} ORDER BY size")).await
}

fn puts(rig: &Rig, count: usize) -> Vec<(Lane, Submission<Command>)> {
    (0..count).map(|n| (Lane::Live, rig.new_submission(HALL, put(&n.to_string(), "")))).collect()
}

async fn what_waits_together_is_committed_together(rig: Rig) -> Rig {
    for answer in rig.together(puts(&rig, 100)).await {
        answer.unwrap();
    }
    assert_eq!(sizes(&rig, 1).await, [0, 100]);
    rig
}

async fn no_batch_is_larger_than_its_limit(rig: Rig) -> Rig {
    rig.together(puts(&rig, 600)).await;
    assert_eq!(sizes(&rig, 1).await, [0, 256, 512, 600]);
    let rig = rig.restart(&Start { batch: Some(1), ..Start::default() }).await;
    rig.together(puts(&rig, 3)).await;
    assert_eq!(sizes(&rig, 1).await, [0, 256, 512, 600, 601, 602, 603]);
    rig
}

async fn the_order_of_arrival_is_the_order_of_the_log(rig: Rig) -> Rig {
    let answers = rig.together(puts(&rig, 300)).await;
    for (at, answer) in (0..).zip(answers) {
        let pos = answer.unwrap().pos;
        assert_eq!((pos.get(), rig.fact(HALL, pos).await.key), (at, at.to_string()));
    }
    rig
}

async fn a_command_sees_what_the_one_before_it_did(rig: Rig) -> Rig {
    let needs = |key: &str| Command::Needs { key: key.into() };
    let commands = vec![needs("door"), put("door", ""), needs("door"), needs("lamp"), put("lamp", "")];
    let words: Vec<String> = rig.send_all(HALL, commands).await.iter().map(word).collect();
    assert_eq!(words, ["NOT_YET", "accepted", "accepted", "NOT_YET", "accepted"]);
    assert_eq!(sizes(&rig, 1).await, [0, 3], "one commit");
    rig
}

async fn several_logs_share_one_commit_and_each_gets_its_own_receipts(rig: Rig) -> Rig {
    let logs = [HALL, rig.open("annex").await, rig.open("branch").await];
    let sent =
        (0..90).map(|n| (Lane::Live, rig.new_submission(logs[n % 3], put(&n.to_string(), "")))).collect();
    for (n, answer) in rig.together(sent).await.into_iter().enumerate() {
        let reply = answer.unwrap();
        assert_eq!((reply.log, reply.pos.get()), (logs[n % 3], n as u64 / 3));
        let (entry, tree) = reply.fresh.as_ref().unwrap();
        verify(&fresh(&reply), &entry.leaf, &tree.origin);
        assert_eq!(rig.receipt(reply.log, reply.pos).await, fresh(&reply));
    }
    for log in logs {
        assert_eq!(sizes(&rig, log.column()).await, [0, 30]);
    }
    rig
}

async fn commands_for_the_deployment_log_go_first(rig: Rig) -> Rig {
    let sent = [(HALL, put("a", "")), (LogId::DEPLOYMENT, config("grace", "5")), (HALL, put("b", ""))];
    let sent = sent.map(|(log, command)| (Lane::Live, rig.new_submission(log, command)));
    rig.together(sent.into()).await;
    for pos in [0, 1] {
        let fact = rig.fact(HALL, Pos::new(pos)).await;
        assert_eq!(fact.config.get("grace").map(String::as_str), Some("5"), "{pos}");
        assert_eq!(fact.deployment_size, 3, "{pos}");
    }
    assert_eq!(rig.fact(HALL, Pos::ZERO).await.key, "a", "within a log the order of arrival stays");
    rig
}

async fn every_entry_names_the_deployment_size_it_was_admitted_under(rig: Rig) -> Rig {
    let mut named = Vec::new();
    for round in 0..4 {
        let reply = rig.send(HALL, put("a", "")).await.unwrap();
        named.push(rig.fact(HALL, reply.pos).await.deployment_size);
        let own = rig.send(LogId::DEPLOYMENT, put(&round.to_string(), "")).await.unwrap();
        assert_eq!(rig.fact(LogId::DEPLOYMENT, own.pos).await.deployment_size, own.pos.get());
    }
    assert_eq!(named, [2, 3, 4, 5]);
    rig
}

async fn a_centre_and_its_log_begin_in_the_same_transaction(rig: Rig) -> Rig {
    let logs = "SELECT count(*) FROM ledger_log";
    assert_eq!(rig.number(logs).await, 2);
    let words: Vec<String> = rig
        .send_all(LogId::DEPLOYMENT, vec![open_centre("annex"), Command::Refuse, open_centre("branch")])
        .await
        .iter()
        .map(word)
        .collect();
    assert_eq!(words, ["accepted", "NEVER", "accepted"]);
    assert_eq!(rig.number(logs).await, 4);
    for log in [2, 3].map(LogId::from_column) {
        assert_eq!(rig.send(log, put("a", "")).await.unwrap().pos, Pos::ZERO);
    }
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn a_centre_that_is_there_already_harms_only_its_own_command(rig: Rig) -> Rig {
    let sent = [
        (HALL, put("a", "")),
        (LogId::DEPLOYMENT, open_centre("hall")),
        (LogId::DEPLOYMENT, open_centre("annex")),
        (HALL, put("b", "")),
    ];
    let sent = sent.map(|(log, command)| (Lane::Live, rig.new_submission(log, command)));
    let words: Vec<String> = rig.together(sent.into()).await.iter().map(word).collect();
    assert_eq!(words, ["accepted", "Fault", "accepted", "accepted"]);
    assert!(rig.ledger.health().ready());
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn live_goes_before_bulk_and_bulk_has_its_share(rig: Rig) -> Rig {
    let lane = |count, lane, key: &str| {
        (0..count).map(|_| (lane, rig.new_submission(HALL, put(key, "")))).collect::<Vec<_>>()
    };
    rig.together([lane(100, Lane::Bulk, "bulk"), lane(600, Lane::Live, "live")].concat()).await;
    let raw = rig.raw().await;
    let keys = raw.column::<String>("SELECT key FROM toy_row WHERE log_id = 1 ORDER BY pos").await;
    let ends = sizes(&rig, 1).await;
    let batches: Vec<(usize, usize)> = ends
        .windows(2)
        .map(|ends| {
            let batch = &keys[usize::try_from(ends[0]).unwrap()..usize::try_from(ends[1]).unwrap()];
            let live = batch.iter().take_while(|key| *key == "live").count();
            assert!(batch[live..].iter().all(|key| key == "bulk"), "live first");
            (live, batch.len() - live)
        })
        .collect();
    assert_eq!(batches, [(240, 16), (240, 16), (120, 68)]);
    rig
}

async fn a_full_live_lane_refuses_and_loses_nothing(rig: Rig) -> Rig {
    let answers = rig.together(puts(&rig, 4_096 + 300)).await;
    let refused = answers.iter().filter(|answer| matches!(answer, Err(SubmitError::Overloaded))).count();
    assert_eq!(refused, 300);
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 4_096);
    assert_eq!(rig.size(HALL).await, 4_096);
    assert_eq!(word(&rig.send(HALL, put("after", "")).await), "accepted");
    rig
}

async fn an_upload_is_taken_whole_or_not_at_all(rig: Rig) -> Rig {
    let upload = |count: u64| (0..count).map(|n| rig.new_submission(HALL, put(&n.to_string(), ""))).collect();
    let (first, second, third) = (upload(8_000), upload(193), upload(192));
    let (first, second, third) = tokio::task::unconstrained(async {
        futures_util::join!(
            rig.ledger.submit_all(first),
            rig.ledger.submit_all(second),
            rig.ledger.submit_all(third)
        )
    })
    .await;
    assert!(first.unwrap().iter().all(Result::is_ok));
    assert!(matches!(second, Err(SubmitError::Overloaded)), "one too many");
    assert!(third.unwrap().iter().all(Result::is_ok));
    assert_eq!(rig.size(HALL).await, 8_192);
    rig
}

async fn a_refused_neighbour_harms_nobody(rig: Rig) -> Rig {
    let commands =
        (0..60).map(|n| if n % 3 == 0 { Command::Refuse } else { put(&n.to_string(), "") }).collect();
    let answers = rig.send_all(HALL, commands).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 40);
    assert_eq!(rig.size(HALL).await, 40);
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn a_panic_in_admit_harms_nobody_else(rig: Rig) -> Rig {
    breaks(rig, &[Broken::Admit]).await
}

async fn a_panic_in_any_other_rule_harms_nobody_else(rig: Rig) -> Rig {
    breaks(rig, &[Broken::Rows, Broken::Apply]).await
}

async fn breaks(rig: Rig, broken: &[Broken]) -> Rig {
    for at in broken {
        let commands = vec![put("a", ""), Command::Panic { at: *at }, put("b", ""), put("c", "")];
        let words: Vec<String> = rig.send_all(HALL, commands).await.iter().map(word).collect();
        assert_eq!(words, ["accepted", "Fault", "accepted", "accepted"], "{at:?}");
        assert!(rig.ledger.health().ready());
        assert_eq!(word(&rig.send(HALL, put("after", "")).await), "accepted");
    }
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn settings_are_read_again_only_after_they_moved(rig: Rig) -> Rig {
    use std::sync::atomic::Ordering::SeqCst;
    let loads = || rig.ledger.rulebook().loads.load(SeqCst);
    rig.send(HALL, put("a", "")).await.unwrap();
    let before = loads();
    rig.send(HALL, put("b", "")).await.unwrap();
    rig.send(LogId::DEPLOYMENT, config("grace", "5")).await.unwrap();
    rig.send(HALL, put("c", "")).await.unwrap();
    assert_eq!(loads(), before, "this process wrote them itself");
    let (other, task) = rig.replica(&Start::default()).await;
    other.submit(submission(LogId::DEPLOYMENT, rig.id(), config("grace", "7")), Lane::Live).await.unwrap();
    drop(other);
    task.await.unwrap();
    let reply = rig.send(HALL, put("d", "")).await.unwrap();
    assert_eq!(loads(), before + 1, "another one moved them");
    assert_eq!(rig.fact(HALL, reply.pos).await.config["grace"], "7");
    rig
}

async fn settings_of_a_commit_that_failed_are_forgotten(rig: Rig) -> Rig {
    let commands = [(LogId::DEPLOYMENT, config("grace", "5")), (HALL, Command::Panic { at: Broken::Admit })];
    let sent = commands.map(|(log, command)| (Lane::Live, rig.new_submission(log, command)));
    let words: Vec<String> = rig.together(sent.into()).await.iter().map(word).collect();
    assert_eq!(words, ["accepted", "Fault"], "the setting was made alone");
    let fact = rig.send(HALL, put("a", "")).await.unwrap();
    assert_eq!(rig.fact(HALL, fact.pos).await.config["grace"], "5");
    rig
}

async fn a_pass_that_was_taken_away_in_the_same_batch_is_gone(rig: Rig) -> Rig {
    let with_pass = |id| Submission {
        log: HALL,
        request_id: id,
        author: Author { pass: Some(pass()), ..author() },
        command: put("a", ""),
    };
    assert_eq!(word(&rig.ledger.submit(with_pass(rig.id()), Lane::Live).await), "accepted");
    let revoked = rig.new_submission(LogId::DEPLOYMENT, config("passes", "revoked"));
    let sent = vec![(Lane::Live, with_pass(rig.id())), (Lane::Live, revoked)];
    let words: Vec<String> = rig.together(sent).await.iter().map(word).collect();
    assert_eq!(words, ["PassGone", "accepted"], "the deployment's command went first");
    rig
}

async fn what_is_not_evidence_is_written_with_the_next_commit(rig: Rig) -> Rig {
    use std::sync::atomic::Ordering::SeqCst;
    let toy = rig.ledger.rulebook().clone();
    toy.waiting.fetch_add(3, SeqCst);
    rig.send(HALL, put("a", "")).await.unwrap();
    assert_eq!(toy.flushed.load(SeqCst), 3);
    toy.waiting.fetch_add(2, SeqCst);
    let rig = rig.restart(&Start::default()).await;
    assert_eq!(toy.flushed.load(SeqCst), 5, "or at a clean stop");
    rig
}

async fn what_still_waits_when_the_ledger_stops_is_committed(rig: Rig) -> Rig {
    let submissions = (0..700).map(|n| rig.new_submission(HALL, put(&n.to_string(), ""))).collect();
    let ledger = rig.ledger.clone();
    let mut upload = Box::pin(async move { ledger.submit_all(submissions).await });
    // Polled once: all wait. Then the caller goes away, and so does every handle.
    assert!(futures_util::FutureExt::now_or_never(&mut upload).is_none());
    drop(upload);
    let rig = rig.restart(&Start::default()).await;
    assert_eq!(rig.size(HALL).await, 700);
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn a_stopped_ledger_says_that_it_is_not_available(rig: Rig) -> Rig {
    let crash = super::faults::once(qinlian::ledger::faults::Point::Begun, super::faults::Injected::Crash);
    let (other, task) = rig.replica(&Start { faults: crash, ..Start::default() }).await;
    assert!(other.health().ready());
    let send = || other.submit(submission(HALL, rig.id(), put("a", "")), Lane::Live);
    assert_eq!(word(&send().await), "InDoubt");
    task.await.unwrap();
    assert_eq!(word(&send().await), "Unavailable");
    assert!(!other.health().ready());
    rig
}
