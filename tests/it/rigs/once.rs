//! Exactly once over the network: every command is sent five times, in any order, by many callers at once, to servers
//! that are stopped and killed meanwhile; it stands once, and its receipt is the same bytes every time.
//!
//! The suite of the ledger does this for 10^5 sends in its own process (tests/it/ledger/once.rs); here the servers are
//! real, and the share in every run is smaller.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use qinlian::kernel::RequestId;
use tonic::transport::Channel;

use super::judge::Judge;
use super::load::{Answer, Load};
use super::server::Server;
use super::town::Town;
use crate::support::{say_aloud, scale};

/// How often each command is sent.
const TIMES: usize = 5;
/// Callers at once.
const CALLERS: usize = 48;
/// Connections to each process.
const CONNECTIONS: usize = 4;
/// How often one of the processes ends and comes back, before all is sent.
const RESTARTS: usize = 6;

/// 5 × 20,000 = 10^5.
fn commands() -> usize {
    scale(2_000, 20_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_stands_once_however_often_it_is_sent_to_a_server_that_restarts() {
    storm(&Town::on_sqlite().await, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_stands_once_however_often_it_is_sent_to_three_servers_on_one_postgres() {
    let Some(town) = Town::on_postgres(3).await else { return };
    storm(&town, 3).await;
    town.end().await;
}

/// Sends that wait, and where they go.
struct Storm {
    load: Load,
    waiting: Mutex<Vec<RequestId>>,
    /// The connections to each process; none while it is away.
    ways: Mutex<Vec<Vec<Channel>>>,
}

async fn storm(town: &Town, processes: usize) {
    let load = Load::new(town, 12);
    let mut sends: Vec<RequestId> = (0..commands()).map(|_| load.happen()).collect();
    sends = sends.repeat(TIMES);
    load.dice().shuffle(&mut sends);
    let storm = Arc::new(Storm { load, waiting: Mutex::default(), ways: Mutex::default() });
    let mut servers: Vec<Server> = join_all((0..processes).map(|process| town.serve(process))).await;
    for server in &servers {
        let ways = server.connections(CONNECTIONS).await;
        storm.ways.lock().unwrap().push(ways);
    }
    let share = sends.len().div_ceil(RESTARTS + 1);
    let mut restarts = 0;
    for some in sends.chunks(share) {
        storm.waiting.lock().unwrap().extend(some);
        let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(call(Arc::clone(&storm)))).collect();
        if restarts < RESTARTS {
            storm.until(share / 2).await;
            let which = restarts % processes;
            let ended = storm.ways.lock().unwrap()[which].split_off(0);
            drop(ended);
            let server = servers.remove(which);
            if restarts % 2 == 0 {
                server.kill().await;
            } else {
                server.stop().await;
            }
            servers.insert(which, town.serve(which).await);
            let ways = servers[which].connections(CONNECTIONS).await;
            storm.ways.lock().unwrap()[which] = ways;
            restarts += 1;
        }
        for caller in callers {
            caller.await.expect("a caller only writes down");
        }
    }
    storm.settle(town).await;
    for server in servers {
        server.stop().await;
    }
    for process in 0..processes {
        assert_eq!(town.audit(process).await, town.leaves().await.len() as u64);
    }
}

/// Sends what waits, until nothing does. What is in doubt waits again.
async fn call(storm: Arc<Storm>) {
    while let Some(id) = storm.next() {
        let Some(channel) = storm.way() else {
            storm.waiting.lock().unwrap().push(id);
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            continue;
        };
        if let Answer::InDoubt(_) = storm.load.send(&channel, id).await {
            storm.waiting.lock().unwrap().push(id);
        }
    }
}

impl Storm {
    /// One of the sends that wait, any of them.
    fn next(&self) -> Option<RequestId> {
        let mut waiting = self.waiting.lock().unwrap();
        let count = waiting.len();
        (count > 0).then(|| waiting.swap_remove(self.load.dice().roll(count)))
    }

    /// A connection to any process that is there.
    fn way(&self) -> Option<Channel> {
        let ways = self.ways.lock().unwrap();
        let there: Vec<&Channel> = ways.iter().flatten().collect();
        (!there.is_empty()).then(|| there[self.load.dice().roll(there.len())].clone())
    }

    /// Waits until so few sends wait.
    async fn until(&self, left: usize) {
        while self.waiting.lock().unwrap().len() > left {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }

    /// What the journals and the ledger say.
    async fn settle(&self, town: &Town) {
        let (journal, leaves) = (self.load.journal(), town.leaves().await);
        let sends: usize = journal.values().map(|line| line.sends).sum();
        assert!(sends >= commands() * TIMES, "only {sends} sends");
        assert_eq!((journal.len(), self.load.in_doubt()), (commands(), Vec::new()));
        let found = Judge::new(town.vkey.clone(), town.base).judge(&journal, &leaves);
        if !found.is_empty() {
            self.load.save(&town.home().join("journal"));
            panic!("{found:#?}");
        }
        assert_eq!(Judge::ours(&journal, &leaves), commands(), "entries are as many as commands");
        say_aloud(&format!("{sends} sends of {} commands: as many entries, one receipt each", commands()));
    }
}
