//! A server under attack, with honest callers beside: they are answered, it lives, and its memory comes back.
//!
//! Limits are those of a deployment, apart from the calls a second, which `town` raises for every rig, and what a case
//! names itself. Nothing is judged by how long it takes. That handshakes that never end lose their place stands in
//! `edge::tls`, and what one address may take in `edge::listen`.

mod attack;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use self::attack::{Flood, attack, connect};
use super::load::{Answer, Load};
use super::server::{Server, begin};
use super::town::{TERMINALS, Town};
use crate::support::{say_aloud, scale};

/// Connections of one attacker.
const ATTACKERS: usize = 4;
/// An honest call is made every 20 ms.
const EVERY: Duration = Duration::from_millis(20);
/// How far memory may grow while the flood lasts.
const GROWTH_MIB: u64 = 256;
/// And how much of that may stay: allocators keep some.
const KEPT_MIB: u64 = 64;

fn how_long() -> Duration {
    Duration::from_secs(scale(10, 60) as u64)
}

/// A machine that does much else may stop for longer than a call may take; no case here is about that.
const PATIENT: (&str, &str) = ("QINLIAN_LIMITS_CALL_TIMEOUT_MS", "60000");

/// How honest callers fared.
#[derive(Debug, Default, Clone, Copy)]
struct Fared {
    calls: usize,
    answered: usize,
}

impl Fared {
    /// At least 99 of 100 calls succeeded; a run with few calls shows nothing.
    fn well(self) -> bool {
        assert!(self.calls >= 100, "{} calls show nothing", self.calls);
        self.answered * 100 >= self.calls * 99
    }
}

/// Punches at an even rate for so long, whatever became of those before; each terminal has its connection.
async fn honest(load: &Arc<Load>, channels: &[Channel], how_long: Duration) -> Fared {
    let mut calls = Vec::new();
    let mut ticks = tokio::time::interval(EVERY);
    let made = usize::try_from(how_long.as_millis() / EVERY.as_millis()).expect("few");
    for channel in channels.iter().cycle().take(made) {
        ticks.tick().await;
        let (load, channel) = (Arc::clone(load), channel.clone());
        calls.push(tokio::spawn(async move { load.send(&channel, load.happen_at_a_terminal()).await }));
    }
    let answers = join_all(calls).await;
    let failed = answers.iter().find(|answer| !matches!(answer, Ok(Answer::Acknowledged(_))));
    if let Some(failed) = failed {
        say_aloud(&format!("the first call that failed: {failed:?}"));
    }
    let answered = answers.iter().filter(|answer| matches!(answer, Ok(Answer::Acknowledged(_)))).count();
    Fared { calls: answers.len(), answered }
}

/// Memory in use by a process.
fn rss_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the server lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

/// The most memory that is in use until `until` ends.
async fn most_mib<T>(pid: u32, until: impl Future<Output = T>) -> (u64, T) {
    let mut until = std::pin::pin!(until);
    let mut most = rss_mib(pid);
    loop {
        tokio::select! {
            ended = &mut until => return (most.max(rss_mib(pid)), ended),
            () = tokio::time::sleep(Duration::from_millis(50)) => most = most.max(rss_mib(pid)),
        }
    }
}

/// The memory in use when what a flood took is given back, or after a minute.
async fn mib_afterwards(pid: u32, before: u64) -> u64 {
    let mut after = rss_mib(pid);
    for _ in 0..600 {
        if after <= before + KEPT_MIB {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        after = rss_mib(pid);
    }
    after
}

/// One flood beside honest calls. Does the server close the attackers' connections?
async fn flood(town: Town, flood: Flood, closes: bool) {
    let server = begin(town.site(0), &town.log(0), &[PATIENT]).listens().await;
    let (load, channels) = (Arc::new(Load::new(&town, 5)), server.connections(TERMINALS).await);
    let alone = honest(&load, &channels, Duration::from_secs(2)).await;
    assert!(alone.well(), "without a flood: {alone:?}");
    let before = rss_mib(server.pid());
    let token = town.token("device:t0");
    let attackers = join_all((0..ATTACKERS).map(|_| attack(server.address(), flood, &token, how_long())));
    let both = async { tokio::join!(attackers, honest(&load, &channels, how_long())) };
    let (most, (attackers, fared)) = most_mib(server.pid(), both).await;
    let after = mib_afterwards(server.pid(), before).await;
    let bursts: usize = attackers.iter().map(|attacker| attacker.bursts).sum();
    let closed: usize = attackers.iter().map(|attacker| attacker.closed).sum();
    say_aloud(&format!(
        "{flood:?}: {bursts} bursts, {closed} connections closed; {} of {} honest calls answered; \
         {before} MiB before, at most {most}, {after} after",
        fared.answered, fared.calls
    ));
    assert!(bursts + closed > ATTACKERS, "{flood:?}: an attacker that writes nothing shows nothing");
    assert!(fared.well(), "{flood:?}: {fared:?}");
    assert!(most <= before + GROWTH_MIB, "{flood:?}: {before} MiB grew to {most}");
    assert!(after <= before + KEPT_MIB, "{flood:?}: {before} MiB became {after}");
    let again = honest(&load, &server.connections(TERMINALS).await, Duration::from_secs(2)).await;
    assert!(again.well(), "after {flood:?}: {again:?}");
    assert!(closed > 0 || !closes, "{flood:?}: the server closes such connections");
    server.stop().await;
    town.end().await;
}

/// A test for each, so that they share the machine.
macro_rules! floods {
    ($($name:ident: $flood:ident, $closes:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                flood(Town::on_sqlite().await, Flood::$flood, $closes).await;
            }
        )*
    };
}

floods! {
    calls_that_are_reset_at_once_harm_nobody_and_lose_their_connection: RapidReset, true;
    headers_that_never_end_harm_nobody_and_lose_their_connection: Continuation, true;
    settings_without_end_harm_nobody: Settings, false;
    pings_without_end_harm_nobody: Ping, false;
    frames_with_nothing_in_them_harm_nobody_and_lose_their_connection: EmptyData, true;
    bodies_that_come_a_byte_at_a_time_harm_nobody: Drip, false;
    callers_that_let_no_answer_through_harm_nobody: ZeroWindow, false;
    messages_that_would_be_large_if_inflated_harm_nobody: GzipBomb, false;
}

/// The edge is the same on either database; how long calls wait behind it is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_reset_at_once_harm_nobody_on_postgresql() {
    let Some(town) = Town::on_postgres(1).await else { return };
    flood(town, Flood::RapidReset, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_come_a_byte_at_a_time_harm_nobody_on_postgresql() {
    let Some(town) = Town::on_postgres(1).await else { return };
    flood(town, Flood::Drip, false).await;
}

/// A control of the floods: with the bound of headers out of the way, the one that never ends takes more memory than any may,
/// and nobody closes its connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_of_any_length_would_take_more_memory_than_a_flood_may() {
    let town = Town::on_sqlite().await;
    let variables = [("QINLIAN_LIMITS_HEADER_BYTES", "2000000000"), PATIENT];
    let server = begin(town.site(0), &town.log(0), &variables).listens().await;
    let before = rss_mib(server.pid());
    let harm = async {
        while rss_mib(server.pid()) <= before + GROWTH_MIB {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let attackers =
        join_all((0..ATTACKERS).map(|_| attack(server.address(), Flood::Continuation, "", PATIENCE)));
    tokio::select! {
        () = harm => {}
        outcomes = attackers => panic!("no harm was done: {} MiB of {before}; {outcomes:?}", rss_mib(server.pid())),
    }
    server.stop().await;
}

/// The server may open so many files from now on.
async fn may_open(server: &Server, files: usize) {
    let pid = server.pid().to_string();
    let limit = format!("--nofile={files}:{files}");
    let mut prlimit = tokio::process::Command::new("prlimit");
    assert!(prlimit.args(["--pid", &pid, &limit]).status().await.expect("prlimit runs").success());
}

/// Does somebody who comes now get an answer within so long?
async fn newcomer(server: &Server, patience: Duration) -> bool {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).expect("a URL");
    let asked = async {
        let channel = endpoint.connect().await.ok()?;
        HealthClient::new(channel).check(HealthCheckRequest { service: String::new() }).await.ok()
    };
    tokio::time::timeout(patience, asked).await.is_ok_and(|answer| answer.is_some())
}

/// Connections that say nothing.
async fn idle(server: &Server, count: usize) -> Vec<TcpStream> {
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(connect(server.address()).await);
    }
    connections
}

/// More than there are files, and few enough for the rest to wait in the listener's queue, which may be as short as 128.
const IDLE: usize = 260;
const FILES: usize = 200;
const PATIENCE: Duration = Duration::from_mins(1);

/// The server of a case: room for 200 files, and so many connections from one address.
async fn cramped(town: &Town, per_address: &str) -> Server {
    let variables = [("QINLIAN_LIMITS_CONNECTIONS_PER_ADDRESS", per_address), PATIENT];
    let server = begin(town.site(0), &town.log(0), &variables).listens().await;
    may_open(&server, FILES).await;
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_say_nothing_leave_room_for_others_because_one_address_has_so_many() {
    let town = Town::on_sqlite().await;
    let server = cramped(&town, "64").await;
    let (load, channels) = (Arc::new(Load::new(&town, 6)), server.connections(TERMINALS).await);
    // What the first calls take is not theirs who say nothing.
    let alone = honest(&load, &channels, Duration::from_secs(2)).await;
    assert!(alone.well(), "without the silent: {alone:?}");
    let before = rss_mib(server.pid());
    let both = async {
        let silent = idle(&server, IDLE).await;
        (honest(&load, &channels, how_long()).await, silent)
    };
    let (most, (fared, silent)) = most_mib(server.pid(), both).await;
    assert!(fared.well(), "{fared:?}");
    assert!(newcomer(&server, PATIENCE).await, "there is room for who comes now");
    drop(silent);
    let after = mib_afterwards(server.pid(), before).await;
    say_aloud(&format!(
        "{IDLE} silent connections: {} of {} honest calls answered; {before} MiB before, at most {most}, {after} after",
        fared.answered, fared.calls
    ));
    assert!(most <= before + GROWTH_MIB, "{before} MiB grew to {most}");
    assert!(after <= before + KEPT_MIB, "{before} MiB became {after}");
    server.stop().await;
    let log = std::fs::read_to_string(town.log(0)).unwrap();
    assert!(log.contains("EDGE_TURNED_AWAY") && !log.contains("EDGE_ACCEPT"), "{log}");
}

/// The control of the case above, and RUSTSEC-2024-0376: with the bound of an address out of the way the same connections
/// take every descriptor. Who is connected is served on, who comes now is not; and the loop that accepts goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_out_of_descriptors_serves_on_and_accepts_again_when_there_are_some() {
    let town = Town::on_sqlite().await;
    let server = cramped(&town, "1000000").await;
    let (load, channels) = (Arc::new(Load::new(&town, 7)), server.connections(TERMINALS).await);
    // What it opens when it is first asked is open.
    assert!(honest(&load, &channels, Duration::from_secs(2)).await.well());
    let silent = idle(&server, IDLE).await;
    while !std::fs::read_to_string(town.log(0)).unwrap().contains("EDGE_ACCEPT") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let fared = honest(&load, &channels, how_long()).await;
    assert!(fared.well(), "who is connected: {fared:?}");
    assert!(!newcomer(&server, Duration::from_secs(2)).await, "the control: no room for who comes now");
    drop(silent);
    assert!(newcomer(&server, PATIENCE).await, "there is room again");
    server.stop().await;
}

#[test]
fn less_than_99_of_100_is_harm() {
    assert!(Fared { calls: 100, answered: 99 }.well());
    assert!(!Fared { calls: 100, answered: 98 }.well());
}

#[test]
#[should_panic(expected = "99 calls show nothing")]
fn a_run_with_few_calls_shows_nothing() {
    Fared { calls: 99, answered: 99 }.well();
}
