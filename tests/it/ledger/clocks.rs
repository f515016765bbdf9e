//! Which time an entry gets, and when nothing is committed because nobody can say what time it is.

use std::sync::Arc;

use qinlian::clock::{Clock, MockClock, SystemClock};
use qinlian::kernel::{EpochMs, LogId};
use qinlian::ledger::committer::Lane;
use qinlian::store::Dialect;

use super::rig::{HALL, Rig, Start, cases, put, start, submission, word};
use super::toy::Command;
use crate::support::MORNING;

cases! {
    entries_are_dated_by_the_servers_clock_and_never_go_back,
    each_log_has_a_time_of_its_own,
    a_step_of_the_clock_stops_commits_until_it_is_undone,
    what_stands_is_told_while_the_clock_is_in_doubt,
    an_accepted_step_forward_is_the_time_from_then_on,
    an_accepted_step_back_lets_the_log_go_on_where_it_was,
    nobody_vouches_who_may_not,
    nobody_vouches_for_another_time,
    in_one_batch_only_what_comes_after_the_word_is_dated,
    a_deployment_that_slept_for_forty_days_asks_before_it_goes_on,
    a_centre_that_slept_while_the_deployment_did_not_is_not_asked,
    a_restart_with_a_clock_before_the_last_entry_is_noticed,
    the_database_servers_clock_is_asked_where_there_is_one,
}

const HOUR: i64 = 3_600_000;

fn vouch(rig: &Rig, off_ms: i64, allowed: bool) -> Command {
    Command::AcceptClock { vouched_ms: rig.clock.now().get() + off_ms, allowed }
}

async fn recorded(rig: &Rig, log: LogId) -> i64 {
    let reply = rig.send(log, put("a", "")).await.unwrap();
    rig.leaf(log, reply.pos).await.recorded.since(MORNING)
}

async fn entries_are_dated_by_the_servers_clock_and_never_go_back(rig: Rig) -> Rig {
    for (turned, wanted) in [(0, 0), (5_000, 5_000), (4_000, 5_000), (-20_000, 5_000), (6_000, 6_000)] {
        rig.clock.turn_to(MORNING.plus_ms(turned));
        assert_eq!(recorded(&rig, HALL).await, wanted, "at {turned}");
    }
    rig
}

async fn each_log_has_a_time_of_its_own(rig: Rig) -> Rig {
    let annex = rig.open("annex").await;
    rig.clock.turn_to(MORNING.plus_ms(50_000));
    assert_eq!(recorded(&rig, HALL).await, 50_000);
    rig.clock.turn_to(MORNING.plus_ms(10_000));
    assert_eq!(recorded(&rig, annex).await, 10_000);
    assert_eq!(recorded(&rig, HALL).await, 50_000);
    rig
}

async fn a_step_of_the_clock_stops_commits_until_it_is_undone(rig: Rig) -> Rig {
    rig.send(HALL, put("a", "")).await.unwrap();
    for step in [HOUR, -HOUR, 61_000] {
        rig.clock.turn_to(MORNING.plus_ms(step));
        assert_eq!(word(&rig.send(HALL, put("b", "")).await), "Clock(Stepped)", "{step}");
        assert!(!rig.ledger.health().ready());
        rig.clock.turn_to(MORNING);
        assert_eq!(word(&rig.send(HALL, put("b", "")).await), "accepted", "{step}");
        assert!(rig.ledger.health().ready());
    }
    assert_eq!(rig.size(HALL).await, 4);
    rig
}

async fn what_stands_is_told_while_the_clock_is_in_doubt(rig: Rig) -> Rig {
    let id = rig.id();
    let send = || rig.ledger.submit(submission(HALL, id, put("a", "")), Lane::Live);
    let first = send().await.unwrap();
    rig.clock.turn_to(MORNING.plus_ms(HOUR));
    let again = send().await;
    assert_eq!(word(&again), "repeat");
    assert_eq!(again.unwrap().pos, first.pos);
    rig
}

async fn an_accepted_step_forward_is_the_time_from_then_on(rig: Rig) -> Rig {
    rig.send(HALL, put("a", "")).await.unwrap();
    rig.clock.turn_to(MORNING.plus_ms(HOUR));
    assert_eq!(word(&rig.send(HALL, put("b", "")).await), "Clock(Stepped)");
    assert_eq!(word(&rig.send(LogId::DEPLOYMENT, vouch(&rig, 2_000, true)).await), "accepted");
    assert!(rig.ledger.health().ready());
    assert_eq!(recorded(&rig, HALL).await, HOUR);
    rig
}

async fn an_accepted_step_back_lets_the_log_go_on_where_it_was(rig: Rig) -> Rig {
    rig.clock.advance_ms(u64::try_from(5 * HOUR).unwrap());
    assert_eq!(recorded(&rig, HALL).await, 5 * HOUR);
    rig.clock.turn_to(MORNING.plus_ms(HOUR));
    assert_eq!(word(&rig.send(HALL, put("b", "")).await), "Clock(Stepped)");
    assert_eq!(word(&rig.send(LogId::DEPLOYMENT, vouch(&rig, 0, true)).await), "accepted");
    assert_eq!(recorded(&rig, HALL).await, 5 * HOUR, "never back");
    rig.clock.advance_ms(u64::try_from(HOUR).unwrap());
    assert_eq!(recorded(&rig, HALL).await, 5 * HOUR);
    rig.clock.advance_ms(u64::try_from(4 * HOUR).unwrap());
    assert_eq!(recorded(&rig, HALL).await, 6 * HOUR);
    rig
}

async fn nobody_vouches_who_may_not(rig: Rig) -> Rig {
    rig.send(HALL, put("a", "")).await.unwrap();
    rig.clock.turn_to(MORNING.plus_ms(HOUR));
    let sent = [vouch(&rig, 0, false), put("b", "")];
    let sent = sent.map(|command| (Lane::Live, rig.new_submission(HALL, command)));
    let words: Vec<String> = rig.together(sent.into()).await.iter().map(word).collect();
    assert_eq!(words, ["NOT_YOU", "Clock(Stepped)"]);
    assert_eq!(word(&rig.send(HALL, put("c", "")).await), "Clock(Stepped)");
    rig
}

async fn nobody_vouches_for_another_time(rig: Rig) -> Rig {
    rig.clock.turn_to(MORNING.plus_ms(HOUR));
    for off in [HOUR, -HOUR, 61_000, -61_000] {
        assert_eq!(word(&rig.send(HALL, vouch(&rig, off, true)).await), "Clock(Stepped)", "{off}");
    }
    assert_eq!(word(&rig.send(HALL, vouch(&rig, 59_000, true)).await), "accepted");
    rig
}

async fn in_one_batch_only_what_comes_after_the_word_is_dated(rig: Rig) -> Rig {
    rig.clock.turn_to(MORNING.plus_ms(HOUR));
    let words: Vec<String> = rig
        .send_all(HALL, vec![put("a", ""), vouch(&rig, 0, true), put("b", "")])
        .await
        .iter()
        .map(word)
        .collect();
    assert_eq!(words, ["Clock(Stepped)", "accepted", "accepted"]);
    rig
}

async fn a_deployment_that_slept_for_forty_days_asks_before_it_goes_on(rig: Rig) -> Rig {
    rig.send(HALL, put("a", "")).await.unwrap();
    let day = u64::try_from(24 * HOUR).unwrap();
    rig.clock.advance_ms(39 * day);
    assert_eq!(word(&rig.send(HALL, put("b", "")).await), "accepted", "a Spring Festival");
    rig.clock.advance_ms(41 * day);
    for log in [HALL, LogId::DEPLOYMENT] {
        assert_eq!(word(&rig.send(log, put("c", "")).await), "Clock(FarFromLast)");
    }
    assert_eq!(word(&rig.send(LogId::DEPLOYMENT, vouch(&rig, 0, true)).await), "accepted");
    assert_eq!(word(&rig.send(HALL, put("c", "")).await), "accepted");
    let rig = rig.restart(&Start::default()).await;
    assert_eq!(word(&rig.send(HALL, put("d", "")).await), "accepted", "and it stays accepted");
    rig
}

async fn a_centre_that_slept_while_the_deployment_did_not_is_not_asked(rig: Rig) -> Rig {
    rig.send(HALL, put("a", "")).await.unwrap();
    for _ in 0..3 {
        rig.clock.advance_ms(u64::try_from(30 * 24 * HOUR).unwrap());
        rig.send(LogId::DEPLOYMENT, put("a", "")).await.unwrap();
    }
    assert_eq!(word(&rig.send(HALL, put("b", "")).await), "accepted");
    rig
}

async fn a_restart_with_a_clock_before_the_last_entry_is_noticed(rig: Rig) -> Rig {
    rig.clock.advance_ms(u64::try_from(HOUR).unwrap());
    rig.send(HALL, put("a", "")).await.unwrap();
    rig.clock.turn_to(MORNING);
    let rig = rig.restart(&Start::default()).await;
    assert_eq!(word(&rig.send(HALL, put("b", "")).await), "Clock(FarFromLast)");
    assert_eq!(word(&rig.send(HALL, vouch(&rig, 0, true)).await), "accepted");
    assert_eq!(recorded(&rig, HALL).await, HOUR);
    rig
}

/// Disagrees with every other clock.
#[derive(Debug)]
struct Alone(Arc<MockClock>);

impl Clock for Alone {
    fn now(&self) -> EpochMs {
        self.0.now()
    }

    fn monotonic_ms(&self) -> u64 {
        self.0.monotonic_ms()
    }

    fn fill(&self, buffer: &mut [u8]) {
        self.0.fill(buffer);
    }

    fn agrees_with(&self, _other: EpochMs) -> bool {
        false
    }
}

async fn the_database_servers_clock_is_asked_where_there_is_one(rig: Rig) -> Rig {
    let has_clock = rig.fixture.store.dialect() == Dialect::Postgres;
    let alone = Arc::new(Alone(rig.clock.clone()));
    let (other, task) = start(rig.fixture.another_store().await, alone, &Start::default()).await.unwrap();
    let answer = other.submit(submission(HALL, rig.id(), put("a", "")), Lane::Live).await;
    assert_eq!(word(&answer), if has_clock { "Clock(Disagrees)" } else { "accepted" });
    assert_eq!(other.health().ready(), !has_clock);
    let now = other.clock().now().get();
    let vouched = submission(HALL, rig.id(), Command::AcceptClock { vouched_ms: now, allowed: true });
    let answer = other.submit(vouched, Lane::Live).await;
    assert_eq!(
        word(&answer),
        if has_clock { "Clock(Disagrees)" } else { "accepted" },
        "nobody vouches for that"
    );
    drop(other);
    task.await.unwrap();
    let real = Arc::new(SystemClock::new());
    let (other, task) = start(rig.fixture.another_store().await, real, &Start::default()).await.unwrap();
    let fresh = other.submit(submission(rig.open("annex").await, rig.id(), put("a", "")), Lane::Live).await;
    assert_ne!(word(&fresh), "Clock(Disagrees)", "the machine's clock is the server's");
    drop(other);
    task.await.unwrap();
    rig
}
