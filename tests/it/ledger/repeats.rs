//! Sent again: the same command finds its entry, another one under the same id finds a refusal.

use qinlian::kernel::{LogId, Pos, RequestId};
use qinlian::ledger::committer::{Lane, Outcome};
use qinlian::ledger::port::{Author, Submission};

use super::rig::{HALL, Rig, Start, author, cases, fresh, item, note, put, submission, word};
use super::toy::{CONFLICT, Command, DENIED};
use super::whole::whole;

cases! {
    a_retry_gets_the_original_entry_and_adds_nothing,
    a_retry_after_a_restart_gets_the_original_receipt,
    the_same_id_twice_in_one_batch_is_one_entry,
    an_id_belongs_to_one_command_one_kind_and_one_caller,
    a_reused_id_discloses_nothing_and_changes_nothing,
    the_same_id_in_another_log_is_another_command,
    a_refusal_leaves_nothing_behind,
    a_refused_id_may_be_used_again_and_succeed,
    a_refused_id_may_succeed_within_the_same_batch,
    a_denial_on_record_is_an_entry_of_another_kind_and_is_recognised_again,
    a_taken_journal_place_with_the_same_bytes_is_the_same_entry_under_any_id,
    a_taken_journal_place_with_other_bytes_is_a_conflict_on_record,
    the_same_conflict_is_recorded_once_however_often_it_comes,
    distinct_bytes_in_the_same_place_are_distinct_conflicts,
    conflicts_within_one_batch_are_recorded_once,
    a_conflict_names_the_entry_that_came_first,
    journals_and_devices_and_centres_do_not_conflict_with_each_other,
    a_repeat_needs_no_pass,
    requests_can_be_looked_up_by_id,
}

async fn send(rig: &Rig, id: RequestId, command: Command) -> super::rig::Answer {
    rig.ledger.submit(submission(HALL, id, command), Lane::Live).await
}

async fn a_retry_gets_the_original_entry_and_adds_nothing(rig: Rig) -> Rig {
    let id = rig.id();
    let first = send(&rig, id, put("a", "1")).await.unwrap();
    rig.send(HALL, put("b", "2")).await.unwrap();
    for lane in [Lane::Live, Lane::Bulk] {
        let again = rig.ledger.submit(submission(HALL, id, put("a", "1")), lane).await.unwrap();
        assert_eq!((again.outcome, again.pos), (Outcome::Repeat, first.pos));
        assert_eq!(rig.receipt(HALL, again.pos).await, fresh(&first));
    }
    assert_eq!(rig.size(HALL).await, 2);
    rig
}

async fn a_retry_after_a_restart_gets_the_original_receipt(rig: Rig) -> Rig {
    let id = rig.id();
    let first = send(&rig, id, note("a", "张伟")).await.unwrap();
    let rig = rig.restart(&Start::default()).await;
    let again = send(&rig, id, note("a", "张伟")).await.unwrap();
    assert_eq!((again.outcome, again.pos), (Outcome::Repeat, first.pos));
    assert_eq!(rig.receipt(HALL, again.pos).await, fresh(&first));
    rig
}

async fn the_same_id_twice_in_one_batch_is_one_entry(rig: Rig) -> Rig {
    let (one, two) = (rig.id(), rig.id());
    let batch = [(one, "a"), (two, "b"), (one, "a"), (two, "a"), (one, "a")];
    let submissions = batch.iter().map(|(id, key)| submission(HALL, *id, put(key, ""))).collect();
    let answers = rig.ledger.submit_all(submissions).await.unwrap();
    let words: Vec<String> = answers.iter().map(word).collect();
    assert_eq!(words, ["accepted", "accepted", "repeat", "RequestIdReused", "repeat"]);
    assert_eq!(rig.size(HALL).await, 2);
    let commits = "SELECT count(*) FROM ledger_checkpoint WHERE log_id = 1 AND size > 0";
    assert_eq!(rig.number(commits).await, 1, "seen in time, not found out by a constraint");
    for (at, pos) in [(0, 0), (2, 0), (4, 0), (1, 1)] {
        assert_eq!(answers[at].as_ref().unwrap().pos.get(), pos);
    }
    rig
}

async fn an_id_belongs_to_one_command_one_kind_and_one_caller(rig: Rig) -> Rig {
    let id = rig.id();
    send(&rig, id, put("a", "1")).await.unwrap();
    let wang = Author { principal: "person:wang".to_owned(), pass: None };
    for (case, author, command, wanted) in [
        ("the same", author(), put("a", "1"), "repeat"),
        ("other content", author(), put("a", "2"), "RequestIdReused"),
        ("another kind", author(), Command::Needs { key: "a".into() }, "RequestIdReused"),
        ("another caller", wang, put("a", "1"), "RequestIdReused"),
    ] {
        let answer =
            rig.ledger.submit(Submission { log: HALL, request_id: id, author, command }, Lane::Live).await;
        assert_eq!(word(&answer), wanted, "{case}");
    }
    rig
}

async fn a_reused_id_discloses_nothing_and_changes_nothing(rig: Rig) -> Rig {
    let id = rig.id();
    send(&rig, id, put("a", "1")).await.unwrap();
    let before = whole(rig.ledger.reader()).await.unwrap();
    for other in ["2", "3"] {
        assert!(send(&rig, id, put("a", other)).await.is_err());
    }
    assert_eq!(whole(rig.ledger.reader()).await.unwrap(), before);
    rig
}

async fn the_same_id_in_another_log_is_another_command(rig: Rig) -> Rig {
    let annex = rig.open("annex").await;
    let id = rig.id();
    let batch = [HALL, annex, HALL, annex];
    let submissions = batch.iter().map(|log| submission(*log, id, put("a", &log.to_string()))).collect();
    let words: Vec<String> = rig.ledger.submit_all(submissions).await.unwrap().iter().map(word).collect();
    assert_eq!(words, ["accepted", "accepted", "repeat", "repeat"]);
    rig
}

async fn a_refusal_leaves_nothing_behind(rig: Rig) -> Rig {
    let before = whole(rig.ledger.reader()).await.unwrap();
    assert_eq!(word(&rig.send(HALL, Command::Refuse).await), "NEVER");
    let words: Vec<String> = rig.send_all(HALL, vec![Command::Refuse; 3]).await.iter().map(word).collect();
    assert_eq!(words, ["NEVER"; 3]);
    assert_eq!(whole(rig.ledger.reader()).await.unwrap(), before);
    rig
}

async fn a_refused_id_may_be_used_again_and_succeed(rig: Rig) -> Rig {
    let id = rig.id();
    let needs = Command::Needs { key: "door".into() };
    assert_eq!(word(&send(&rig, id, needs.clone()).await), "NOT_YET");
    rig.send(HALL, put("door", "open")).await.unwrap();
    assert_eq!(word(&send(&rig, id, needs.clone()).await), "accepted");
    assert_eq!(word(&send(&rig, id, needs).await), "repeat");
    rig
}

async fn a_refused_id_may_succeed_within_the_same_batch(rig: Rig) -> Rig {
    let (id, other) = (rig.id(), rig.id());
    let needs = || submission(HALL, id, Command::Needs { key: "door".into() });
    let batch = vec![needs(), submission(HALL, other, put("door", "")), needs(), needs()];
    let words: Vec<String> = rig.ledger.submit_all(batch).await.unwrap().iter().map(word).collect();
    assert_eq!(words, ["NOT_YET", "accepted", "accepted", "repeat"]);
    rig
}

async fn a_denial_on_record_is_an_entry_of_another_kind_and_is_recognised_again(rig: Rig) -> Rig {
    let id = rig.id();
    let denied = send(&rig, id, Command::Deny).await.unwrap();
    assert_eq!((denied.outcome, rig.leaf(HALL, denied.pos).await.kind), (Outcome::Accepted, DENIED));
    let again = send(&rig, id, Command::Deny).await.unwrap();
    assert_eq!((again.outcome, again.pos), (Outcome::Repeat, denied.pos));
    let rig = rig.restart(&Start::default()).await;
    assert_eq!(word(&send(&rig, id, Command::Deny).await), "repeat");
    rig
}

async fn a_taken_journal_place_with_the_same_bytes_is_the_same_entry_under_any_id(rig: Rig) -> Rig {
    let first = rig.send(HALL, item("gate", 1, "badge 7")).await.unwrap();
    for _ in 0..2 {
        let again = rig.send(HALL, item("gate", 1, "badge 7")).await.unwrap();
        assert_eq!((again.outcome, again.pos), (Outcome::Repeat, first.pos));
        assert_eq!(rig.receipt(HALL, again.pos).await, fresh(&first));
    }
    assert_eq!(rig.size(HALL).await, 1);
    rig
}

async fn a_taken_journal_place_with_other_bytes_is_a_conflict_on_record(rig: Rig) -> Rig {
    rig.send(HALL, item("gate", 1, "badge 7")).await.unwrap();
    let conflict = rig.send(HALL, item("gate", 1, "badge 8")).await.unwrap();
    assert_eq!((conflict.outcome, conflict.pos.get()), (Outcome::Conflict, 1));
    assert_eq!(rig.leaf(HALL, conflict.pos).await.kind, CONFLICT);
    assert_eq!(rig.receipt(HALL, conflict.pos).await, fresh(&conflict));
    assert_eq!(rig.number("SELECT count(*) FROM toy_personal WHERE log_id = 1").await, 1, "not stored");
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn the_same_conflict_is_recorded_once_however_often_it_comes(rig: Rig) -> Rig {
    rig.send(HALL, item("gate", 1, "badge 7")).await.unwrap();
    let first = rig.send(HALL, item("gate", 1, "badge 8")).await.unwrap();
    let rig = rig.restart(&Start::default()).await;
    for _ in 0..3 {
        let again = rig.send(HALL, item("gate", 1, "badge 8")).await.unwrap();
        assert_eq!((again.outcome, again.pos), (Outcome::Conflict, first.pos));
    }
    assert_eq!(rig.size(HALL).await, 2);
    rig
}

async fn distinct_bytes_in_the_same_place_are_distinct_conflicts(rig: Rig) -> Rig {
    for (at, badge) in (0..).zip(["7", "8", "9", "8", "9", "7"]) {
        let reply = rig.send(HALL, item("gate", 1, badge)).await.unwrap();
        let wanted = [0, 1, 2, 1, 2, 0][at];
        assert_eq!(reply.pos.get(), wanted, "{badge}");
    }
    rig
}

async fn conflicts_within_one_batch_are_recorded_once(rig: Rig) -> Rig {
    let badges = ["7", "8", "8", "7", "9", "8"];
    let answers = rig.send_all(HALL, badges.iter().map(|badge| item("gate", 1, badge)).collect()).await;
    let words: Vec<String> = answers.iter().map(word).collect();
    assert_eq!(words, ["accepted", "conflict", "conflict", "repeat", "conflict", "conflict"]);
    let positions: Vec<u64> = answers.into_iter().map(|answer| answer.unwrap().pos.get()).collect();
    assert_eq!(positions, [0, 1, 1, 0, 2, 1]);
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn a_conflict_names_the_entry_that_came_first(rig: Rig) -> Rig {
    rig.fill_to(HALL, 4).await;
    rig.send(HALL, item("gate", 9, "badge 7")).await.unwrap();
    let conflict = rig.send(HALL, item("gate", 9, "badge 8")).await.unwrap();
    assert_eq!(rig.leaf(HALL, conflict.pos).await.refers_to, Some(Pos::new(4)));
    rig
}

async fn journals_and_devices_and_centres_do_not_conflict_with_each_other(rig: Rig) -> Rig {
    let annex = rig.open("annex").await;
    let journal = |journal| Command::Item { device: "gate".into(), journal, seq: 1, personal: "x".into() };
    for (log, command) in [
        (HALL, item("gate", 1, "a")),
        (HALL, item("gate", 2, "b")),
        (HALL, item("door", 1, "c")),
        (HALL, item("Gate", 1, "d")),
        (HALL, journal(4)),
        (annex, item("gate", 1, "e")),
    ] {
        assert_eq!(rig.send(log, command.clone()).await.unwrap().outcome, Outcome::Accepted, "{command:?}");
    }
    rig
}

async fn a_repeat_needs_no_pass(rig: Rig) -> Rig {
    let author = Author { pass: Some(super::rig::pass()), ..author() };
    let id = rig.id();
    let send = |id, key: &str| {
        let sent = Submission { log: HALL, request_id: id, author: author.clone(), command: put(key, "") };
        rig.ledger.submit(sent, Lane::Live)
    };
    assert_eq!(word(&send(id, "a").await), "accepted");
    rig.send(LogId::DEPLOYMENT, super::rig::config("passes", "revoked")).await.unwrap();
    assert_eq!(word(&send(rig.id(), "b").await), "PassGone");
    assert_eq!(word(&send(id, "a").await), "repeat", "what stands is his to ask for");
    rig
}

async fn requests_can_be_looked_up_by_id(rig: Rig) -> Rig {
    let id = rig.id();
    assert_eq!(rig.ledger.reader().request(HALL, id).await.unwrap(), None);
    let reply = send(&rig, id, put("a", "")).await.unwrap();
    let known = rig.ledger.reader().request(HALL, id).await.unwrap().unwrap();
    assert_eq!((known.pos, known.principal.as_str()), (reply.pos, "person:zhang"));
    assert_eq!(rig.ledger.reader().request(LogId::DEPLOYMENT, id).await.unwrap(), None);
    rig
}
