//! Reads on record, and parts that are gone: personal content leaves, and that it was there stays.

use qinlian::kernel::{LogId, Pos};
use qinlian::ledger::committer::{Lane, SubmitError};
use qinlian::ledger::disclosure::{DISCLOSURE_KIND, Disclosure};
use qinlian::ledger::faults::Point;
use qinlian::ledger::port::{Author, Submission};
use qinlian::store::Dialect;

use super::faults::{Injected, always};
use super::rig::{HALL, Rig, Start, cases, fresh, item, note, put, read, submission, word};
use super::toy::Command;
use super::whole::whole;

cases! {
    a_disclosure_names_the_entry_that_puts_it_on_record,
    no_disclosure_comes_of_a_commit_that_failed,
    no_disclosure_comes_of_a_repeat,
    no_disclosure_comes_of_another_kind_of_entry,
    an_erasure_takes_the_part_its_salt_and_the_digest,
    an_erasure_in_the_batch_of_its_entry_leaves_nothing,
    what_was_not_erased_stays,
    the_caller_of_an_erased_command_still_finds_his_receipt,
    the_journal_place_of_an_erased_item_stays_taken,
    an_older_copy_that_is_put_back_is_erased_again_before_anything_is_served,
    an_erasure_whose_commit_failed_is_not_carried_out_later,
    a_bad_head_does_not_keep_what_was_erased,
    a_changed_request_row_gets_no_good_seal_by_an_erasure,
    erased_bytes_are_gone_from_the_files,
}

const SECRET: &str = "张伟 badge 310104199001011234";
const PERSONAL: &str = "SELECT count(*) FROM toy_personal";

fn volume(rig: &Rig) -> Start {
    Start { volume: Some(rig.fixture.dir().to_owned()), ..Start::default() }
}

fn erase(parts: &[(Pos, u32)]) -> Command {
    Command::Erase { parts: parts.iter().map(|(pos, part)| (pos.get(), *part)).collect() }
}

async fn disclose(rig: &Rig, command: Command) -> Result<Disclosure, SubmitError> {
    rig.ledger.disclose(rig.new_submission(HALL, command)).await
}

async fn a_disclosure_names_the_entry_that_puts_it_on_record(rig: Rig) -> Rig {
    rig.fill_to(HALL, 3).await;
    let disclosure = disclose(&rig, read("person:zhang")).await.unwrap();
    assert_eq!((disclosure.log(), disclosure.pos().get(), disclosure.index()), (HALL, 3, 3));
    let leaf = rig.leaf(HALL, disclosure.pos()).await;
    assert_eq!((leaf.kind, leaf.recorded), (DISCLOSURE_KIND, disclosure.recorded()));
    rig
}

async fn no_disclosure_comes_of_a_commit_that_failed(rig: Rig) -> Rig {
    let mut rig = rig;
    for point in Point::ALL {
        rig = rig.restart(&Start { faults: always(point, Injected::Error), ..Start::default() }).await;
        let before = rig.size(HALL).await;
        let answer = disclose(&rig, read("person:zhang")).await;
        assert!(answer.is_err(), "{point:?}");
        let durable = point >= Point::Committed;
        assert_eq!(rig.size(HALL).await > before, durable, "{point:?}: at worst too much is on record");
    }
    rig
}

async fn no_disclosure_comes_of_a_repeat(rig: Rig) -> Rig {
    let sent = rig.new_submission(HALL, read("person:zhang"));
    rig.ledger.disclose(sent.clone()).await.unwrap();
    assert!(matches!(rig.ledger.disclose(sent).await, Err(SubmitError::RequestIdReused)));
    assert_eq!(rig.size(HALL).await, 1);
    rig
}

async fn no_disclosure_comes_of_another_kind_of_entry(rig: Rig) -> Rig {
    assert!(matches!(disclose(&rig, put("a", "")).await, Err(SubmitError::Fault)));
    assert!(matches!(disclose(&rig, Command::Refuse).await, Err(SubmitError::Refused(_))));
    rig
}

async fn an_erasure_takes_the_part_its_salt_and_the_digest(rig: Rig) -> Rig {
    let who = rig.send(HALL, note("who", SECRET)).await.unwrap();
    let leaf = rig.leaf(HALL, who.pos).await;
    rig.send(HALL, erase(&[(who.pos, 1)])).await.unwrap();
    assert_eq!(rig.number(PERSONAL).await, 0);
    let digests = "SELECT count(*) FROM ledger_request WHERE log_id = 1 AND pos = 0 AND digest IS NULL";
    assert_eq!(rig.number(digests).await, 1);
    assert_eq!(rig.leaf(HALL, who.pos).await, leaf, "that it was there stays");
    assert_eq!(rig.receipt(HALL, who.pos).await, fresh(&who));
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn an_erasure_in_the_batch_of_its_entry_leaves_nothing(rig: Rig) -> Rig {
    let commands = vec![note("who", SECRET), erase(&[(Pos::ZERO, 1)]), note("who", "kept")];
    for answer in rig.send_all(HALL, commands).await {
        answer.unwrap();
    }
    assert_eq!(rig.number(PERSONAL).await, 1);
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn what_was_not_erased_stays(rig: Rig) -> Rig {
    let annex = rig.open("annex").await;
    for log in [HALL, annex] {
        rig.send(log, note("a", "one")).await.unwrap();
        rig.send(log, note("b", "two")).await.unwrap();
    }
    rig.send(HALL, erase(&[(Pos::ZERO, 1)])).await.unwrap();
    let raw = rig.raw().await;
    let left = raw.column::<i64>("SELECT log_id * 10 + pos FROM toy_personal ORDER BY log_id, pos").await;
    assert_eq!(left, [11, annex.column() * 10, annex.column() * 10 + 1]);
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn the_caller_of_an_erased_command_still_finds_his_receipt(rig: Rig) -> Rig {
    let id = rig.id();
    let first = rig.ledger.submit(submission(HALL, id, note("who", SECRET)), Lane::Live).await.unwrap();
    rig.send(HALL, erase(&[(first.pos, 1)])).await.unwrap();
    for (case, principal, command, wanted) in [
        ("the same", "person:zhang", note("who", SECRET), "repeat"),
        ("nobody can compare any more", "person:zhang", note("who", "other"), "repeat"),
        ("another kind", "person:zhang", put("who", ""), "RequestIdReused"),
        ("another caller", "person:wang", note("who", SECRET), "RequestIdReused"),
    ] {
        let author = Author { principal: principal.to_owned(), pass: None };
        let sent = Submission { log: HALL, request_id: id, author, command };
        assert_eq!(word(&rig.ledger.submit(sent, Lane::Live).await), wanted, "{case}");
    }
    assert_eq!(rig.number(PERSONAL).await, 0, "and nothing comes back by it");
    rig
}

async fn the_journal_place_of_an_erased_item_stays_taken(rig: Rig) -> Rig {
    let first = rig.send(HALL, item("gate", 1, SECRET)).await.unwrap();
    rig.send(HALL, erase(&[(first.pos, 1)])).await.unwrap();
    for badge in [SECRET, "other"] {
        let again = rig.send(HALL, item("gate", 1, badge)).await;
        assert_eq!(word(&again), "repeat");
        assert_eq!(again.unwrap().pos, first.pos);
    }
    rig
}

async fn an_older_copy_that_is_put_back_is_erased_again_before_anything_is_served(rig: Rig) -> Rig {
    let how = volume(&rig);
    let rig = rig.restart(&how).await;
    let who = rig.send(HALL, note("who", SECRET)).await.unwrap();
    rig.send(HALL, note("kept", "kept")).await.unwrap();
    rig.tamper("CREATE TABLE saved AS SELECT * FROM toy_personal").await;
    rig.send(HALL, erase(&[(who.pos, 1)])).await.unwrap();
    rig.tamper("DELETE FROM toy_personal; INSERT INTO toy_personal SELECT * FROM saved").await;
    assert_eq!(rig.number(PERSONAL).await, 2, "resurrected");
    let rig = rig.restart(&how).await;
    assert_eq!(rig.number(PERSONAL).await, 1, "with its ERASE entry in place");
    // Older still: the entries after the note are gone too, and with them the ERASE entry.
    rig.tamper(
        "DELETE FROM toy_personal; INSERT INTO toy_personal SELECT * FROM saved; \
         DELETE FROM ledger_entry WHERE log_id = 1 AND pos >= 2",
    )
    .await;
    let rig = rig.restart(&how).await;
    assert_eq!(rig.number(PERSONAL).await, 1, "without its ERASE entry");
    assert_eq!(rig.number("SELECT pos FROM toy_personal").await, 1, "the one that nobody erased");
    rig
}

async fn an_erasure_whose_commit_failed_is_not_carried_out_later(rig: Rig) -> Rig {
    let failing = Start { faults: always(Point::Commit, Injected::Error), ..volume(&rig) };
    let who = rig.send(HALL, note("who", SECRET)).await.unwrap();
    let (how, rig) = (volume(&rig), rig.restart(&failing).await);
    assert_eq!(word(&rig.send(HALL, erase(&[(who.pos, 1)])).await), "InDoubt");
    let rig = rig.restart(&how).await;
    assert_eq!(rig.number(PERSONAL).await, 1, "nothing came after");
    rig.fill_to(HALL, 4).await;
    let rig = rig.restart(&how).await;
    assert_eq!(rig.number(PERSONAL).await, 1, "other entries came after");
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn a_bad_head_does_not_keep_what_was_erased(rig: Rig) -> Rig {
    let how = volume(&rig);
    let rig = rig.restart(&how).await;
    let who = rig.send(HALL, note("who", SECRET)).await.unwrap();
    rig.tamper("CREATE TABLE saved AS SELECT * FROM toy_personal").await;
    rig.send(HALL, erase(&[(who.pos, 1)])).await.unwrap();
    rig.tamper(
        "INSERT INTO toy_personal SELECT * FROM saved; UPDATE ledger_head SET last_ms = 1 WHERE log_id = 1",
    )
    .await;
    let rig = rig.restart(&how).await;
    assert_eq!(rig.number(PERSONAL).await, 0);
    assert_eq!(word(&rig.send(HALL, put("a", "")).await), "Head(Seal)");
    assert_eq!(word(&rig.send(LogId::DEPLOYMENT, put("a", "")).await), "accepted");
    rig
}

async fn a_changed_request_row_gets_no_good_seal_by_an_erasure(rig: Rig) -> Rig {
    let id = rig.id();
    let who = rig.ledger.submit(submission(HALL, id, note("who", SECRET)), Lane::Live).await.unwrap();
    rig.tamper("UPDATE ledger_request SET principal = 'person:wang' WHERE log_id = 1 AND pos = 0").await;
    rig.send(HALL, erase(&[(who.pos, 1)])).await.unwrap();
    assert!(rig.ledger.reader().request(HALL, id).await.is_err());
    assert_eq!(
        rig.number("SELECT count(*) FROM ledger_request WHERE digest IS NULL").await,
        1,
        "gone all the same"
    );
    rig
}

async fn erased_bytes_are_gone_from_the_files(rig: Rig) -> Rig {
    if rig.fixture.store.dialect() == Dialect::Postgres {
        // Its files are the server's; what stays in heap and WAL, and for how long, is the operator's to report.
        return rig;
    }
    let found = |rig: &Rig| {
        std::fs::read_dir(rig.fixture.dir()).unwrap().any(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
        })
    };
    let who = rig.send(HALL, note("who", SECRET)).await.unwrap();
    assert!(found(&rig), "it was there");
    rig.send(HALL, erase(&[(who.pos, 1)])).await.unwrap();
    rig.fixture.store.maintain("PRAGMA wal_checkpoint(TRUNCATE)", "CHECKPOINT").await.unwrap();
    assert!(!found(&rig));
    rig
}
