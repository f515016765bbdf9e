//! The database is not trusted: heads under seals, an anchor outside, signatures that anybody can make again.

use qinlian::kernel::{CentreId, LogId, Pos};
use qinlian::ledger::anchor::Anchor;
use qinlian::ledger::committer::Lane;
use qinlian::ledger::head::HeadFault;
use qinlian::ledger::keys::Keys;
use qinlian::ledger::{Ledger, Parts};
use qinlian::tlog::{Note, TlogProof};

use super::rig::{DEPLOYMENT, HALL, Rig, Start, cases, fresh, item, origin_of, put, submission, word};
use super::toy::Toy;
use super::whole::whole;

cases! {
    a_head_with_any_column_changed_stops_only_its_own_log,
    a_log_or_epoch_row_that_was_changed_breaks_the_seal,
    another_logs_head_is_not_this_ones,
    a_head_that_is_put_right_goes_on,
    a_bad_deployment_head_stops_everything_and_is_named,
    a_ledger_with_another_seal_key_builds_on_no_head,
    an_older_copy_of_a_head_is_behind_the_anchor,
    an_older_copy_is_noticed_at_the_start,
    a_copy_that_grew_into_another_history_is_forked,
    a_head_without_an_anchor_is_adopted_once_and_health_says_so,
    an_anchor_is_known_again_after_a_restart,
    what_another_replica_wrote_is_believed,
    a_changed_request_row_is_never_taken_for_an_answer,
    a_changed_record_of_a_conflict_is_never_taken_for_an_answer,
    a_changed_checkpoint_row_is_never_signed,
    a_missing_signature_is_made_again_with_the_same_bytes,
    every_stored_signature_is_the_one_in_the_note,
    signatures_that_were_stored_already_are_left_alone,
    leaf_rows_that_are_gone_stop_only_their_own_log,
    a_proof_over_rows_that_are_gone_is_not_made,
    the_judge_of_these_tests_finds_what_was_changed,
}

const COLUMNS: [(&str, &str); 7] = [
    ("size", "size + 1"),
    ("edge", "root"),
    ("root", "seal"),
    ("last_ms", "last_ms + 1"),
    ("config_pos", "config_pos + 1"),
    ("seal", "root"),
    ("epoch", "epoch + 1"),
];

const TABLES: [&str; 9] = [
    "ledger_log",
    "ledger_epoch",
    "ledger_head",
    "ledger_entry",
    "ledger_part",
    "ledger_request",
    "ledger_tile",
    "ledger_checkpoint",
    "toy_row",
];

/// Yesterday's backup, in the same database.
async fn back_up(rig: &Rig) {
    for table in TABLES {
        rig.tamper(&format!("CREATE TABLE saved_{table} AS SELECT * FROM {table}")).await;
    }
}

async fn put_back(rig: &Rig) {
    for table in TABLES {
        rig.tamper(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM saved_{table}")).await;
    }
}

async fn a_head_with_any_column_changed_stops_only_its_own_log(rig: Rig) -> Rig {
    let annex = rig.open("annex").await;
    rig.fill_to(HALL, 5).await;
    back_up(&rig).await;
    for (column, value) in COLUMNS {
        rig.tamper(&format!("UPDATE ledger_head SET {column} = {value} WHERE log_id = 1")).await;
        let sent = [HALL, annex, HALL].map(|log| (Lane::Live, rig.new_submission(log, put("a", ""))));
        let answers: Vec<String> = rig.together(sent.into()).await.iter().map(word).collect();
        let wanted = if column == "epoch" { "Head(Missing)" } else { "Head(Seal)" };
        assert_eq!(answers, [wanted, "accepted", wanted], "{column}");
        assert!(rig.ledger.reader().head(HALL).await.is_err(), "{column}");
        assert!(rig.ledger.health().ready(), "one bad head does not make the replica unready");
        rig.tamper(
            "UPDATE ledger_head SET (epoch, size, edge, root, last_ms, config_pos, seal) = \
             (SELECT epoch, size, edge, root, last_ms, config_pos, seal FROM saved_ledger_head WHERE log_id = 1) \
             WHERE log_id = 1",
        )
        .await;
    }
    assert_eq!(word(&rig.send(HALL, put("a", "")).await), "accepted");
    rig
}

async fn a_log_or_epoch_row_that_was_changed_breaks_the_seal(rig: Rig) -> Rig {
    let annex = rig.open("annex").await;
    for (change, undo) in [
        (
            "UPDATE ledger_log SET centre = 'other' WHERE log_id = 1",
            "UPDATE ledger_log SET centre = 'hall' WHERE log_id = 1",
        ),
        (
            "UPDATE ledger_epoch SET base = 7 WHERE log_id = 1",
            "UPDATE ledger_epoch SET base = 0 WHERE log_id = 1",
        ),
        (
            "UPDATE ledger_epoch SET origin = 'x/y' WHERE log_id = 1",
            "UPDATE ledger_epoch SET origin = 'test.example/qinlian/centre/hall' WHERE log_id = 1",
        ),
    ] {
        rig.tamper(change).await;
        assert_eq!(word(&rig.send(HALL, put("a", "")).await), "Head(Seal)", "{change}");
        assert_eq!(word(&rig.send(annex, put("a", "")).await), "accepted", "{change}");
        rig.tamper(undo).await;
        assert_eq!(word(&rig.send(HALL, put("a", "")).await), "accepted", "{undo}");
    }
    rig
}

async fn another_logs_head_is_not_this_ones(rig: Rig) -> Rig {
    let annex = rig.open("annex").await;
    rig.fill_to(annex, 3).await;
    rig.tamper(
        "UPDATE ledger_head SET (epoch, size, edge, root, last_ms, config_pos, seal) = \
         (SELECT epoch, size, edge, root, last_ms, config_pos, seal FROM ledger_head h WHERE h.log_id = 2) \
         WHERE log_id = 1",
    )
    .await;
    assert_eq!(word(&rig.send(HALL, put("a", "")).await), "Head(Seal)");
    assert_eq!(word(&rig.send(annex, put("a", "")).await), "accepted");
    rig
}

async fn a_head_that_is_put_right_goes_on(rig: Rig) -> Rig {
    rig.tamper("UPDATE ledger_head SET last_ms = last_ms + 1 WHERE log_id = 1").await;
    assert_eq!(word(&rig.send(HALL, put("a", "")).await), "Head(Seal)");
    assert_eq!(rig.ledger.health().bad_heads(), [(origin_of("hall"), HeadFault::Seal)]);
    rig.tamper("UPDATE ledger_head SET last_ms = last_ms - 1 WHERE log_id = 1").await;
    assert_eq!(word(&rig.send(HALL, put("a", "")).await), "accepted");
    assert!(rig.ledger.health().bad_heads().is_empty());
    rig
}

async fn a_bad_deployment_head_stops_everything_and_is_named(rig: Rig) -> Rig {
    rig.send(HALL, put("a", "")).await.unwrap();
    rig.tamper("UPDATE ledger_head SET config_pos = 0 WHERE log_id = 0").await;
    for log in [HALL, LogId::DEPLOYMENT] {
        assert_eq!(word(&rig.send(log, put("b", "")).await), "Head(Seal)");
    }
    let origin = qinlian::ledger::setup::origin(DEPLOYMENT, &CentreId::deployment(), 1);
    assert_eq!(rig.ledger.health().bad_heads(), [(origin, HeadFault::Seal)]);
    rig
}

async fn a_ledger_with_another_seal_key_builds_on_no_head(rig: Rig) -> Rig {
    let mut parts = Parts::new(
        rig.fixture.another_store().await,
        Keys::new(&[9; 32], &[2; 32]),
        rig.clock.clone(),
        Toy::default(),
        DEPLOYMENT,
    );
    parts.batch = 8;
    let (other, task) = Ledger::start(parts).await.unwrap();
    let answer = other.submit(submission(HALL, rig.id(), put("a", "")), Lane::Live).await;
    assert_eq!(word(&answer), "Head(Seal)");
    assert_eq!(other.health().bad_heads().len(), 2);
    drop(other);
    task.await.unwrap();
    rig
}

async fn an_older_copy_of_a_head_is_behind_the_anchor(rig: Rig) -> Rig {
    let annex = rig.open("annex").await;
    rig.fill_to(HALL, 3).await;
    back_up(&rig).await;
    rig.fill_to(HALL, 5).await;
    put_back(&rig).await;
    let sent = [HALL, annex].map(|log| (Lane::Live, rig.new_submission(log, put("a", ""))));
    let answers: Vec<String> = rig.together(sent.into()).await.iter().map(word).collect();
    assert_eq!(answers, ["Head(BehindAnchor)", "accepted"]);
    assert_eq!(rig.ledger.health().bad_heads(), [(origin_of("hall"), HeadFault::BehindAnchor)]);
    rig
}

async fn an_older_copy_is_noticed_at_the_start(rig: Rig) -> Rig {
    let how = Start { volume: Some(rig.fixture.dir().to_owned()), ..Start::default() };
    let rig = rig.restart(&how).await;
    rig.fill_to(HALL, 3).await;
    back_up(&rig).await;
    rig.fill_to(HALL, 5).await;
    put_back(&rig).await;
    let rig = rig.restart(&how).await;
    assert_eq!(rig.ledger.health().bad_heads(), [(origin_of("hall"), HeadFault::BehindAnchor)]);
    assert_eq!(word(&rig.send(HALL, put("a", "")).await), "Head(BehindAnchor)");
    let rig = rig.restart(&Start::default()).await;
    assert_eq!(word(&rig.send(HALL, put("a", "")).await), "accepted", "without an anchor nobody can know");
    rig
}

async fn a_copy_that_grew_into_another_history_is_forked(rig: Rig) -> Rig {
    rig.fill_to(HALL, 3).await;
    back_up(&rig).await;
    rig.fill_to(HALL, 5).await;
    put_back(&rig).await;
    let (other, task) = rig.replica(&Start::default()).await;
    for n in 0..4 {
        other.submit(submission(HALL, rig.id(), put(&format!("other{n}"), "")), Lane::Live).await.unwrap();
    }
    drop(other);
    task.await.unwrap();
    assert_eq!(rig.size(HALL).await, 7, "longer than what this replica saw");
    assert_eq!(word(&rig.send(HALL, put("a", "")).await), "Head(Forked)");
    assert_eq!(rig.ledger.health().bad_heads(), [(origin_of("hall"), HeadFault::Forked)]);
    rig
}

async fn a_head_without_an_anchor_is_adopted_once_and_health_says_so(rig: Rig) -> Rig {
    rig.fill_to(HALL, 4).await;
    let how = Start { volume: Some(rig.fixture.dir().to_owned()), ..Start::default() };
    let rig = rig.restart(&how).await;
    let deployment = qinlian::ledger::setup::origin(DEPLOYMENT, &CentreId::deployment(), 1);
    assert_eq!(rig.ledger.health().adopted_heads(), [(origin_of("hall"), 4), (deployment, 2)]);
    let rig = rig.restart(&how).await;
    assert!(rig.ledger.health().adopted_heads().is_empty());
    rig
}

async fn an_anchor_is_known_again_after_a_restart(rig: Rig) -> Rig {
    let how = Start { volume: Some(rig.fixture.dir().to_owned()), ..Start::default() };
    let rig = rig.restart(&how).await;
    rig.fill_to(HALL, 9).await;
    let head = rig.ledger.reader().head(HALL).await.unwrap().0;
    let rig = rig.restart(&how).await;
    let seen = rig.ledger.anchor().seen(&origin_of("hall")).unwrap();
    assert_eq!((seen.size, seen.root), (9, head.root));
    assert_eq!(Anchor::open(&rig.fixture.dir().join("anchor")).unwrap().seen(&origin_of("hall")), Some(seen));
    rig
}

async fn what_another_replica_wrote_is_believed(rig: Rig) -> Rig {
    let (other, task) = rig.replica(&Start::default()).await;
    for n in 0..6 {
        let ledger = if n % 2 == 0 { &rig.ledger } else { &other };
        let reply = ledger.submit(submission(HALL, rig.id(), put("a", "")), Lane::Live).await.unwrap();
        assert_eq!(reply.pos.get(), n);
    }
    drop(other);
    task.await.unwrap();
    rig
}

async fn a_changed_request_row_is_never_taken_for_an_answer(rig: Rig) -> Rig {
    rig.fill_to(HALL, 2).await;
    for (column, value) in [
        ("principal", "'person:wang'"),
        ("kind", "kind + 1"),
        ("digest", "seal"),
        ("digest", "NULL"),
        ("pos", "0"),
        ("seal", "digest"),
    ] {
        let id = rig.id();
        let send = || rig.ledger.submit(submission(HALL, id, put("a", "")), Lane::Live);
        let pos = send().await.unwrap().pos;
        let changed = rig
            .tamper(&format!("UPDATE ledger_request SET {column} = {value} WHERE log_id = 1 AND pos = {pos}"))
            .await;
        assert_eq!(changed, 1);
        assert_eq!(word(&send().await), "Tampered", "{column}");
        assert!(rig.ledger.reader().request(HALL, id).await.is_err(), "{column}");
    }
    assert!(rig.ledger.health().ready());
    rig
}

async fn a_changed_record_of_a_conflict_is_never_taken_for_an_answer(rig: Rig) -> Rig {
    rig.send(HALL, item("gate", 1, "7")).await.unwrap();
    rig.send(HALL, item("gate", 1, "8")).await.unwrap();
    rig.tamper("UPDATE ledger_request SET pos = 0 WHERE log_id = 1 AND pos = 1").await;
    let answers = rig.send_all(HALL, vec![item("gate", 1, "8"), put("a", "")]).await;
    assert_eq!(answers.iter().map(word).collect::<Vec<_>>(), ["Tampered", "accepted"]);
    rig
}

async fn a_changed_checkpoint_row_is_never_signed(rig: Rig) -> Rig {
    rig.fill_to(HALL, 3).await;
    let reader = rig.ledger.reader();
    let good = reader.checkpoint(HALL, 1, 3).await.unwrap();
    assert!(rig.ledger.reader().receipt_proof(HALL, Pos::new(1)).await.is_ok());
    for change in ["root = seal", "seal = root"] {
        rig.tamper(&format!("UPDATE ledger_checkpoint SET {change} WHERE log_id = 1 AND size = 3")).await;
        assert!(reader.checkpoint(HALL, 1, 3).await.is_err(), "{change}");
        assert!(reader.receipt_proof(HALL, Pos::new(1)).await.is_err(), "{change}");
    }
    assert_eq!(good.size, 3);
    rig
}

async fn a_missing_signature_is_made_again_with_the_same_bytes(rig: Rig) -> Rig {
    let reply = rig.send(HALL, put("a", "")).await.unwrap();
    let rig = rig.restart(&Start::default()).await;
    assert!(rig.tamper("DELETE FROM ledger_signature").await > 0);
    assert_eq!(rig.receipt(HALL, reply.pos).await, fresh(&reply));
    rig
}

async fn every_stored_signature_is_the_one_in_the_note(rig: Rig) -> Rig {
    let mut notes = Vec::new();
    for n in 0..5 {
        let reply = rig.send(HALL, put(&n.to_string(), "")).await.unwrap();
        notes.push(TlogProof::parse(&fresh(&reply)).unwrap().checkpoint);
    }
    // The last signature is stored at a clean stop.
    let rig = rig.restart(&Start::default()).await;
    let raw = rig.raw().await;
    let stored =
        raw.column::<Vec<u8>>("SELECT sig FROM ledger_signature WHERE log_id = 1 ORDER BY size").await;
    let signed: Vec<Vec<u8>> = notes
        .iter()
        .map(|note| Note::parse(note).unwrap().signatures()[0].ed25519().unwrap().to_vec())
        .collect();
    assert_eq!(stored, signed);
    rig
}

async fn signatures_that_were_stored_already_are_left_alone(rig: Rig) -> Rig {
    // COMMIT of the second batch persists and is reported failed: its transaction held the first one's signature.
    let doubt =
        super::faults::once(qinlian::ledger::faults::Point::Committed, super::faults::Injected::Error);
    let rig = rig.restart(&Start { faults: doubt, ..Start::default() }).await;
    for n in 0..4 {
        rig.send(HALL, put(&n.to_string(), "")).await.unwrap();
    }
    let rig = rig.restart(&Start::default()).await;
    let sizes = "SELECT count(*) FROM ledger_signature WHERE log_id = 1";
    assert!(rig.number(sizes).await >= 3, "the one that was in doubt may be made when it is asked for");
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn leaf_rows_that_are_gone_stop_only_their_own_log(rig: Rig) -> Rig {
    let annex = rig.open("annex").await;
    rig.fill_to(HALL, 255).await;
    // A process that wrote the leaves itself makes the tile from what it remembers.
    let rig = rig.restart(&Start::default()).await;
    rig.tamper("DELETE FROM ledger_entry WHERE log_id = 1 AND pos = 3").await;
    let sent = [annex, HALL, annex].map(|log| (Lane::Live, rig.new_submission(log, put("a", ""))));
    let answers: Vec<String> = rig.together(sent.into()).await.iter().map(word).collect();
    assert_eq!(answers, ["accepted", "Fault", "accepted"], "the tile cannot be made");
    assert!(rig.ledger.health().ready());
    rig
}

async fn a_proof_over_rows_that_are_gone_is_not_made(rig: Rig) -> Rig {
    rig.fill_to(HALL, 20).await;
    assert!(rig.ledger.reader().receipt_proof(HALL, Pos::new(9)).await.is_ok());
    rig.tamper("DELETE FROM ledger_entry WHERE log_id = 1 AND pos = 3").await;
    assert!(rig.ledger.reader().receipt_proof(HALL, Pos::new(9)).await.is_err());
    rig
}

async fn the_judge_of_these_tests_finds_what_was_changed(rig: Rig) -> Rig {
    rig.fill_to(HALL, 257).await;
    rig.send(HALL, super::rig::note("who", "张伟")).await.unwrap();
    whole(rig.ledger.reader()).await.unwrap();
    for change in [
        "UPDATE ledger_entry SET leaf_hash = (SELECT root FROM ledger_head WHERE log_id = 1) WHERE log_id = 1 AND pos = 9",
        "UPDATE ledger_entry SET kind = 1 WHERE log_id = 1 AND pos = 9",
        "DELETE FROM ledger_entry WHERE log_id = 1 AND pos = 257",
        "UPDATE ledger_part SET payload = salt WHERE log_id = 1 AND pos = 9",
        "DELETE FROM ledger_part WHERE log_id = 1 AND pos = 9",
        "DELETE FROM toy_personal",
        "DELETE FROM ledger_request WHERE log_id = 1 AND pos = 9",
        "UPDATE toy_row SET key = 'other' WHERE log_id = 1 AND pos = 9",
        "DELETE FROM toy_row WHERE log_id = 1 AND pos = 9",
        "DELETE FROM ledger_tile",
        "UPDATE ledger_tile SET n = n + 1",
        "DELETE FROM ledger_checkpoint WHERE size = 258",
        "UPDATE ledger_head SET last_ms = last_ms + 1 WHERE log_id = 1",
    ] {
        rig.tamper("DROP TABLE IF EXISTS saved_toy_personal; CREATE TABLE saved_toy_personal AS SELECT * FROM toy_personal").await;
        back_up(&rig).await;
        rig.tamper(change).await;
        assert!(whole(rig.ledger.reader()).await.is_err(), "{change}");
        put_back(&rig).await;
        rig.tamper("DELETE FROM toy_personal; INSERT INTO toy_personal SELECT * FROM saved_toy_personal")
            .await;
        for table in TABLES {
            rig.tamper(&format!("DROP TABLE saved_{table}")).await;
        }
        whole(rig.ledger.reader()).await.unwrap();
    }
    rig
}
