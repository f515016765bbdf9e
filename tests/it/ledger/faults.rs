//! What goes wrong at every point of a commit, and what is left of it: a retry gets its receipt, neighbours are unharmed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use qinlian::kernel::LogId;
use qinlian::ledger::committer::Lane;
pub(super) use qinlian::ledger::faults::Injected;
use qinlian::ledger::faults::{Faults, Point};
use qinlian::ledger::port::Submission;

use super::rig::{HALL, Rig, Start, cases, config, fresh, item, note, origin_of, put, word};
use super::toy::{Broken, Command};
use super::whole::whole;

/// Goes wrong the first time that a commit gets there, and never again.
pub(super) fn once(at: Point, how: Injected) -> Faults {
    let done = AtomicBool::new(false);
    Faults::planned(Arc::new(move |point| (point == at && !done.swap(true, Ordering::SeqCst)).then_some(how)))
}

/// Goes wrong every time.
pub(super) fn always(at: Point, how: Injected) -> Faults {
    Faults::planned(Arc::new(move |point| (point == at).then_some(how)))
}

/// Goes wrong once at each of these points, in this order.
fn one_after_the_other(points: Vec<Point>) -> Faults {
    let next = AtomicUsize::new(0);
    Faults::planned(Arc::new(move |point| {
        (points.get(next.load(Ordering::SeqCst)) == Some(&point)).then(|| {
            next.fetch_add(1, Ordering::SeqCst);
            Injected::Error
        })
    }))
}

cases! {
    an_error_at_any_point_harms_nobody_who_asks_again,
    a_crash_at_any_point_harms_nobody_who_asks_again,
    a_crash_in_the_commit_that_completes_a_tile,
    a_rule_that_panics_while_the_database_fails,
    a_bad_head_and_a_crash_stop_only_the_bad_heads_log,
    a_commit_reported_failed_that_persisted_is_answered_with_its_receipt,
    a_commit_reported_failed_that_failed_is_made_again,
    a_commit_in_doubt_to_the_end_is_called_that,
    a_doubt_is_not_forgotten_when_the_database_goes_away,
    a_crash_between_commit_and_signing_leaves_a_head_ahead_of_the_anchor,
    what_was_signed_before_a_failed_commit_is_stored_by_the_next,
    the_plan_is_followed,
}

/// A batch of neighbours: two centres, the deployment, a repeat, personal parts, a journal place.
fn neighbours(rig: &Rig, annex: LogId) -> Vec<(Lane, Submission<Command>)> {
    let first = rig.new_submission(HALL, put("first", "1"));
    let commands = [
        (annex, note("who", "张伟")),
        (HALL, item("gate", rig.id().to_bytes()[15].into(), "7")),
        (LogId::DEPLOYMENT, config("grace", "5")),
        (annex, put("last", "2")),
    ];
    let commands = commands.map(|(log, command)| rig.new_submission(log, command));
    let repeat = first.clone();
    [vec![first], commands.into(), vec![repeat]].concat().into_iter().map(|sent| (Lane::Live, sent)).collect()
}

const STORED: [&str; 6] = ["accepted", "accepted", "accepted", "accepted", "accepted", "repeat"];

/// Sends the batch, lets it go wrong, asks again, and looks at what is there. Answers with the words of both.
async fn storm(rig: Rig, annex: LogId, at: Point, how: Injected) -> Rig {
    let before = whole(rig.ledger.reader()).await.unwrap();
    let volume = Some(rig.fixture.dir().to_owned());
    let rig = rig.restart(&Start { faults: once(at, how), volume: volume.clone(), ..Start::default() }).await;
    let sent = neighbours(&rig, annex);
    let answers = rig.together(sent.clone()).await;
    let words: Vec<String> = answers.iter().map(word).collect();
    let durable = at >= Point::Committed;
    let wanted = match how {
        Injected::Crash => ["InDoubt"; 6],
        Injected::Error if at < Point::Commit => ["Unavailable"; 6],
        Injected::Error if durable => ["repeat"; 6],
        Injected::Error => STORED,
    };
    assert_eq!(words, wanted, "{at:?} {how:?}");
    let rig =
        if how == Injected::Crash { rig.restart(&Start { volume, ..Start::default() }).await } else { rig };
    assert!(rig.ledger.health().bad_heads().is_empty(), "{at:?} {how:?}");
    if how == Injected::Crash {
        let now = whole(rig.ledger.reader()).await.unwrap();
        assert_eq!(now != before, durable, "{at:?}: all of it or nothing");
    }
    let again = rig.together(sent.clone()).await;
    let words: Vec<String> = again.iter().map(word).collect();
    let nothing_yet = at < Point::Commit || (how == Injected::Crash && !durable);
    assert_eq!(words, if nothing_yet { STORED } else { ["repeat"; 6] }, "{at:?} {how:?}, asked again");
    for ((_, sent), (once, twice)) in sent.iter().zip(answers.iter().zip(&again)) {
        let pos = twice.as_ref().unwrap().pos;
        let receipt = rig.receipt(sent.log, pos).await;
        for reply in [once, twice].into_iter().flatten() {
            assert_eq!(reply.pos, pos);
            assert!(reply.fresh.is_none() || fresh(reply) == receipt, "{at:?} {how:?}: the receipt of ever");
        }
    }
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn an_error_at_any_point_harms_nobody_who_asks_again(rig: Rig) -> Rig {
    let annex = rig.open("annex").await;
    let mut rig = rig;
    for point in Point::ALL {
        rig = storm(rig, annex, point, Injected::Error).await;
    }
    rig
}

async fn a_crash_at_any_point_harms_nobody_who_asks_again(rig: Rig) -> Rig {
    let annex = rig.open("annex").await;
    let mut rig = rig;
    for point in Point::ALL {
        rig = storm(rig, annex, point, Injected::Crash).await;
    }
    rig
}

async fn a_crash_in_the_commit_that_completes_a_tile(rig: Rig) -> Rig {
    let annex = rig.open("annex").await;
    let mut rig = rig;
    for (tile, point) in (1..).zip([Point::Inserted, Point::Commit, Point::Committed, Point::Sign]) {
        rig.fill_to(HALL, tile * 256 - 1).await;
        rig = storm(rig, annex, point, Injected::Crash).await;
        assert_eq!(rig.size(HALL).await, tile * 256 + 1);
    }
    rig
}

async fn a_rule_that_panics_while_the_database_fails(rig: Rig) -> Rig {
    let mut rig = rig;
    for at in [Broken::Admit, Broken::Rows, Broken::Apply] {
        for point in Point::ALL {
            rig = rig.restart(&Start { faults: once(point, Injected::Error), ..Start::default() }).await;
            let sent = [put("a", ""), Command::Panic { at }, put("b", "")];
            let sent = sent.map(|command| (Lane::Live, rig.new_submission(HALL, command)));
            rig.together(sent.to_vec()).await;
            let again: Vec<String> = rig.together(sent.to_vec()).await.iter().map(word).collect();
            assert_eq!(again[1], "Fault", "{at:?} {point:?}");
            for neighbour in [&again[0], &again[2]] {
                assert!(["accepted", "repeat"].contains(&neighbour.as_str()), "{at:?} {point:?} {neighbour}");
            }
        }
    }
    assert_eq!(rig.size(HALL).await, 2 * 3 * 8, "every neighbour once");
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn a_bad_head_and_a_crash_stop_only_the_bad_heads_log(rig: Rig) -> Rig {
    let annex = rig.open("annex").await;
    rig.tamper("UPDATE ledger_head SET last_ms = last_ms + 1 WHERE log_id = 1").await;
    let mut rig = rig;
    for point in Point::ALL {
        rig = rig.restart(&Start { faults: once(point, Injected::Crash), ..Start::default() }).await;
        let sent = neighbours(&rig, annex);
        assert!(rig.together(sent.clone()).await.iter().all(|answer| word(answer) == "InDoubt"));
        rig = rig.restart(&Start::default()).await;
        for ((_, sent), answer) in sent.iter().zip(rig.together(sent.clone()).await) {
            let bad = word(&answer) == "Head(Seal)";
            assert_eq!(bad, sent.log == HALL, "{point:?}");
            assert!(bad || answer.is_ok(), "{point:?}");
        }
    }
    assert_eq!(rig.size(annex).await, 2 * 8);
    rig
}

async fn a_commit_reported_failed_that_persisted_is_answered_with_its_receipt(rig: Rig) -> Rig {
    let doubt = Start { faults: always(Point::Committed, Injected::Error), ..Start::default() };
    let rig = rig.restart(&doubt).await;
    for n in 0..5 {
        let reply = rig.send(HALL, put(&n.to_string(), "")).await.unwrap();
        assert_eq!(reply.pos.get(), n);
        rig.receipt(HALL, reply.pos).await;
    }
    assert_eq!(rig.size(HALL).await, 5);
    rig
}

async fn a_commit_reported_failed_that_failed_is_made_again(rig: Rig) -> Rig {
    let failed = one_after_the_other(vec![Point::Commit, Point::Commit]);
    let rig = rig.restart(&Start { faults: failed, ..Start::default() }).await;
    let answer = rig.send(HALL, put("a", "")).await;
    assert_eq!(word(&answer), "accepted", "at the third attempt");
    assert_eq!(rig.size(HALL).await, 1);
    rig
}

async fn a_commit_in_doubt_to_the_end_is_called_that(rig: Rig) -> Rig {
    let rig =
        rig.restart(&Start { faults: always(Point::Commit, Injected::Error), ..Start::default() }).await;
    let sent = rig.new_submission(HALL, put("a", ""));
    assert_eq!(word(&rig.ledger.submit(sent.clone(), Lane::Live).await), "InDoubt");
    let rig = rig.restart(&Start::default()).await;
    assert_eq!(word(&rig.ledger.submit(sent, Lane::Live).await), "accepted");
    rig
}

async fn a_doubt_is_not_forgotten_when_the_database_goes_away(rig: Rig) -> Rig {
    for (points, wanted, stored) in [
        (vec![Point::Committed, Point::Begun], "InDoubt", 1),
        (vec![Point::Commit, Point::Locked], "InDoubt", 0),
        (vec![Point::Begun], "Unavailable", 0),
    ] {
        let before = rig.size(HALL).await;
        let how = Start { faults: one_after_the_other(points), ..Start::default() };
        let (other, task) = rig.replica(&how).await;
        let answer = other.submit(rig.new_submission(HALL, put("a", "")), Lane::Live).await;
        assert_eq!((word(&answer).as_str(), rig.size(HALL).await - before), (wanted, stored));
        drop(other);
        task.await.unwrap();
    }
    rig
}

async fn a_crash_between_commit_and_signing_leaves_a_head_ahead_of_the_anchor(rig: Rig) -> Rig {
    let volume = Some(rig.fixture.dir().to_owned());
    let crash =
        Start { faults: once(Point::Sign, Injected::Crash), volume: volume.clone(), ..Start::default() };
    let rig = rig.restart(&crash).await;
    let sent = rig.new_submission(HALL, put("a", ""));
    assert_eq!(word(&rig.ledger.submit(sent.clone(), Lane::Live).await), "InDoubt");
    let rig = rig.restart(&Start { volume, ..Start::default() }).await;
    let anchored = rig.ledger.anchor().seen(&origin_of("hall")).unwrap();
    assert_eq!((anchored.size, rig.size(HALL).await), (0, 1));
    assert_eq!(
        rig.number("SELECT count(*) FROM ledger_signature WHERE log_id = 1").await,
        0,
        "nobody signed"
    );
    let again = rig.ledger.submit(sent, Lane::Live).await.unwrap();
    rig.receipt(HALL, again.pos).await;
    assert_eq!(word(&rig.send(HALL, put("b", "")).await), "accepted");
    rig
}

async fn what_was_signed_before_a_failed_commit_is_stored_by_the_next(rig: Rig) -> Rig {
    for point in Point::ALL {
        let nth = AtomicUsize::new(0);
        // The third: what the first one signed, the sweep at the start may have stored already.
        let third = Faults::planned(Arc::new(move |at| {
            (at == point && nth.fetch_add(1, Ordering::SeqCst) == 2).then_some(Injected::Error)
        }));
        let (other, task) = rig.replica(&Start { faults: third, ..Start::default() }).await;
        for _ in 0..4 {
            let _ = other.submit(rig.new_submission(HALL, put("a", "")), Lane::Live).await;
        }
        drop(other);
        task.await.unwrap();
    }
    let unsigned = "SELECT count(*) FROM ledger_checkpoint c WHERE c.log_id = 1 AND c.size > 0 AND NOT EXISTS \
                    (SELECT 1 FROM ledger_signature s WHERE s.log_id = 1 AND s.size = c.size)";
    assert_eq!(
        rig.number(unsigned).await,
        2,
        "only those whose COMMIT was in doubt, and nobody has asked yet"
    );
    rig
}

async fn the_plan_is_followed(rig: Rig) -> Rig {
    // The rig's own control: without a plan nothing goes wrong, with one each point is really reached.
    for point in Point::ALL {
        let reached = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&reached);
        let plan = Faults::planned(Arc::new(move |at| {
            counted.fetch_add(usize::from(at == point), Ordering::SeqCst);
            None
        }));
        let (other, task) = rig.replica(&Start { faults: plan, ..Start::default() }).await;
        let answer = other.submit(rig.new_submission(HALL, put("a", "")), Lane::Live).await;
        assert_eq!((word(&answer).as_str(), reached.load(Ordering::SeqCst)), ("accepted", 1), "{point:?}");
        drop(other);
        task.await.unwrap();
    }
    rig
}
