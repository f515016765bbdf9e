//! A rolling restart: three servers on one PostgreSQL are stopped and started one after the other while terminals clock
//! people in. A terminal has a list of addresses and tries again with the same id; so nothing is lost, nothing is there
//! twice, and nobody is told anything but to try again.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use tonic::transport::{Channel, Endpoint};

use super::judge::Judge;
use super::load::{Answer, Load};
use super::three::end;
use super::town::Town;
use crate::support::{say_aloud, scale};

const PROCESSES: usize = 3;
const CALLERS: usize = 16;
/// Acknowledged between one stop and the next, so that whoever came back has worked.
const BETWEEN: usize = 50;
/// Between two tries of one terminal.
const AGAIN: Duration = Duration::from_millis(20);
/// 1 minute and more of tries for one call.
const TRIES: usize = 3_000;

/// Where servers listen: what terminals are configured with. Who was stopped stays on it until it is back.
type Addresses = Arc<Mutex<Vec<String>>>;

/// What terminals were told instead of a receipt, and how often.
type Told = BTreeMap<String, usize>;

/// Clocks people in until it is over, every call until it is acknowledged.
async fn terminal(load: Arc<Load>, addresses: Addresses, over: Arc<AtomicBool>, n: usize) -> Told {
    let (mut told, mut at) = (Told::new(), n);
    let mut channels: HashMap<String, Channel> = HashMap::new();
    while !over.load(Ordering::SeqCst) {
        let id = load.happen_at_a_terminal();
        let mut tries = 0;
        loop {
            let address = {
                let addresses = addresses.lock().unwrap();
                addresses[at % addresses.len()].clone()
            };
            let channel = channels.entry(address).or_insert_with_key(|address| {
                Endpoint::from_shared(format!("http://{address}")).expect("a URL").connect_lazy()
            });
            match load.send(channel, id).await {
                Answer::Acknowledged(_) => break,
                Answer::InDoubt(said) => *told.entry(said).or_default() += 1,
                Answer::Refused(said) => panic!("{said}"),
            }
            tries += 1;
            assert!(tries < TRIES, "no server of {PROCESSES} takes a call: {told:#?}");
            tokio::time::sleep(AGAIN).await;
            at += 1;
        }
    }
    told
}

async fn more(load: &Load) {
    let enough = load.acknowledged() + BETWEEN;
    while load.acknowledged() < enough {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What tonic itself says of a call whose connection was closing, or ended: no server's word.
const CLIENTS_OWN: [&str; 2] =
    ["Cancelled  operation was canceled", "Internal  h2 protocol error: http2 error"];

/// May a client that gets this try again, by what gRPC says of its code?
fn is_retryable(said: &str) -> bool {
    ["Unavailable ", "Aborted ", "ResourceExhausted "].iter().any(|code| said.starts_with(code))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_are_restarted_one_after_the_other_lose_no_call() {
    let Some(town) = Town::on_postgres(PROCESSES).await else { return };
    let mut servers = join_all((0..PROCESSES).map(|process| town.serve(process))).await;
    let addresses: Addresses =
        Arc::new(Mutex::new(servers.iter().map(|server| server.address().to_owned()).collect()));
    let (load, over) = (Arc::new(Load::new(&town, 19)), Arc::new(AtomicBool::new(false)));
    let terminals: Vec<_> = (0..CALLERS)
        .map(|n| tokio::spawn(terminal(Arc::clone(&load), Arc::clone(&addresses), Arc::clone(&over), n)))
        .collect();
    let (rounds, mut meanwhile) = (scale(2, 20), 0);
    for _ in 0..rounds {
        for process in 0..PROCESSES {
            more(&load).await;
            let before = load.acknowledged();
            servers.remove(0).stop().await;
            let server = town.serve(process).await;
            let by_others = load.acknowledged() - before;
            assert!(by_others > 0, "nobody was served while process {process} was away");
            meanwhile += by_others;
            server.address().clone_into(&mut addresses.lock().unwrap()[process]);
            servers.push(server);
        }
    }
    more(&load).await;
    over.store(true, Ordering::SeqCst);
    let mut told = Told::new();
    for terminal in terminals {
        for (said, times) in terminal.await.expect("every call is acknowledged in the end") {
            *told.entry(said).or_default() += times;
        }
    }
    say_aloud(&format!(
        "{} restarts under load: {} acknowledged, {meanwhile} of them while a server was away; instead, terminals were told {told:#?}",
        rounds * PROCESSES,
        load.acknowledged()
    ));
    assert_eq!(load.in_doubt(), [], "every call was answered in the end");
    let strange: Vec<_> =
        told.keys().filter(|said| !is_retryable(said) && !CLIENTS_OWN.contains(&said.as_str())).collect();
    assert!(strange.is_empty(), "{strange:#?}");
    let found = Judge::new(town.vkey.clone(), town.base).judge(&load.journal(), &town.leaves().await);
    assert!(found.is_empty(), "{found:#?}");
    end(town, servers).await;
}
