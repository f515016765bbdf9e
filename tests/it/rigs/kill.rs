//! SIGKILL at a random moment under load, again and again: nothing that was acknowledged is lost, doubled or outside
//! the tree.
//!
//! This shows that an acknowledgement survives the process. That it survives the machine is another rig's: after
//! SIGKILL the system still holds what was written and not yet forced to the disk.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::judge::Judge;
use super::load::{Answer, Load};
use super::server::{Server, begin};
use super::town::Town;
use crate::support::{say_aloud, scale};

/// Callers at once, each with one call in flight.
const CALLERS: usize = 32;
/// Callers share connections, as windows behind one switch would not; 8 a connection.
const CONNECTIONS: usize = 4;
/// A kill counts when at least this many callers were left without an answer.
const BUSY: usize = CALLERS / 2;
/// Acknowledged commands that are sent again after each restart, and as many whose receipt is asked for.
const AGAIN: usize = 20;

/// How many kills there were, and how many of them hit a busy server.
#[derive(Debug, Default, Clone, Copy)]
struct Kills {
    all: usize,
    busy: usize,
}

impl Kills {
    fn count(&mut self, left_without_answer: usize) {
        self.all += 1;
        self.busy += usize::from(left_without_answer >= BUSY);
    }

    /// A rig that kills idle servers shows nothing, and must not say that it did.
    fn settle(self) {
        assert!(
            self.busy * 10 >= self.all * 9 && self.all > 0,
            "too few kills hit a busy server: {} of {}; this run shows nothing",
            self.busy,
            self.all
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_sqlite_that_is_killed_at_random_moments_loses_nothing_that_it_acknowledged() {
    kills(&Town::on_sqlite().await, scale(20, 200)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_postgres_that_is_killed_at_random_moments_loses_nothing_that_it_acknowledged() {
    let Some(town) = Town::on_postgres(1).await else { return };
    kills(&town, scale(6, 200)).await;
    town.end().await;
}

async fn kills(town: &Town, cycles: usize) {
    let load = Arc::new(Load::new(town, 11));
    let mut judge = Judge::new(town.vkey.clone(), town.base);
    let mut kills = Kills::default();
    for cycle in 0..cycles {
        if cycle % 4 == 1 {
            die_while_starting(town, &load).await;
        }
        let server = town.serve(0).await;
        settle_doubts(&load, &server).await;
        judge_now(town, &load, &mut judge, cycle).await;
        kills.count(die_under_load(&load, server).await);
    }
    let server = town.serve(0).await;
    settle_doubts(&load, &server).await;
    judge_now(town, &load, &mut judge, cycles).await;
    server.stop().await;
    assert_eq!(load.in_doubt(), []);
    assert_eq!(town.audit(0).await, town.leaves().await.len() as u64);
    say_aloud(&format!(
        "{} of {} kills hit a busy server; {} acknowledgements of {} commands, none lost",
        kills.busy,
        kills.all,
        load.acknowledged(),
        load.known().len()
    ));
    kills.settle();
}

/// Killed while it recovers from the last time.
async fn die_while_starting(town: &Town, load: &Load) {
    let starting = begin(town.site(0), &town.log(0), &[]);
    tokio::time::sleep(Duration::from_millis(load.dice().roll(150) as u64)).await;
    starting.kill().await;
}

/// After a restart: what is in doubt is sent again, and so is some of what is not. All of it is answered.
async fn settle_doubts(load: &Load, server: &Server) {
    let channel = server.connect().await;
    let mut known = load.known();
    load.dice().shuffle(&mut known);
    known.truncate(2 * AGAIN);
    let (sent, looked_up) = known.split_at(known.len().min(AGAIN));
    let again = load.in_doubt().into_iter().chain(sent.iter().copied());
    let answers = join_all(again.map(|id| load.send(&channel, id))).await;
    let receipts = join_all(looked_up.iter().map(|id| load.look_up(&channel, *id))).await;
    for answer in answers.into_iter().chain(receipts) {
        assert!(matches!(answer, Answer::Acknowledged(_)), "a healthy server answered {answer:?}");
    }
}

async fn judge_now(town: &Town, load: &Load, judge: &mut Judge, cycle: usize) {
    let found = judge.judge(&load.journal(), &town.leaves().await);
    if !found.is_empty() {
        load.save(&town.home().join("journal"));
        panic!("after {cycle} kills: {found:#?}");
    }
}

/// Load, and a kill at a random moment of it; how many callers were left without an answer.
async fn die_under_load(load: &Arc<Load>, server: Server) -> usize {
    let enough = load.acknowledged() + 20 + load.dice().roll(120);
    let before = load.in_doubt().len();
    let channels = server.connections(CONNECTIONS).await;
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| {
            let (load, channel) = (Arc::clone(load), channels[n % CONNECTIONS].clone());
            tokio::spawn(async move { load.until_cut_off(&channel).await })
        })
        .collect();
    while load.acknowledged() < enough {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_micros(load.dice().roll(20_000) as u64)).await;
    server.kill().await;
    for caller in callers {
        caller.await.expect("a caller only writes down");
    }
    load.in_doubt().len() - before
}

#[test]
fn kills_count_when_nine_of_ten_hit_a_busy_server() {
    let mut kills = Kills::default();
    for cycle in 0..10 {
        kills.count(if cycle == 0 { BUSY - 1 } else { BUSY });
    }
    assert_eq!((kills.all, kills.busy), (10, 9));
    kills.settle();
}

#[test]
#[should_panic(expected = "too few kills hit a busy server: 8 of 10")]
fn a_run_that_kills_idle_servers_refuses_to_count_itself() {
    Kills { all: 10, busy: 8 }.settle();
}

#[test]
#[should_panic(expected = "too few kills hit a busy server: 0 of 0")]
fn a_run_without_kills_refuses_to_count_itself() {
    Kills::default().settle();
}
