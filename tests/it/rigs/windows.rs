//! Three servers on one PostgreSQL: however many ask at once, a window pauses once, and the last one of an item not at all.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use qinlian::clock::{Clock, SystemClock};
use qinlian::proto::duty_service_client::DutyServiceClient;
use tonic::transport::Channel;

use super::desk::Desk;
use super::load::reason;
use super::server::Server;
use super::three::{PROCESSES, end};
use super::town::Town;
use crate::support::{say_aloud, scale};

const CALLERS: usize = 64;
/// 8 × 60,000: nobody has to be asked.
const SHORT_MS: i64 = 480_000;
/// Each is served at two windows.
const ITEMS: [&str; 10] = ["登记", "变更", "注销", "备案", "公示", "年报", "许可", "换证", "查询", "咨询"];

/// Everybody asks at once, each at the next server, for one of these windows; answers which paused, and why others may not.
async fn storm(
    desk: &Desk<'_>,
    ways: &[Channel],
    windows: &[usize],
) -> (Vec<usize>, BTreeMap<String, usize>) {
    let back = SystemClock::new().now().plus_ms(SHORT_MS);
    let asked = (0..CALLERS).map(|caller| {
        let window = windows[caller % windows.len()];
        let (request, mut calls) =
            (desk.pause(window, back), DutyServiceClient::new(ways[caller % ways.len()].clone()));
        tokio::spawn(async move { (window, calls.start_pause(request).await) })
    });
    let (mut paused, mut refused) = (Vec::new(), BTreeMap::new());
    for asked in asked.collect::<Vec<_>>() {
        match asked.await.expect("a caller") {
            (window, Ok(_)) => paused.push(window),
            (_, Err(status)) => *refused.entry(reason(&status)).or_default() += 1,
        }
    }
    (paused, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_ask_three_servers_one_pauses_a_window_and_nobody_the_last() {
    let Some(town) = Town::on_postgres(PROCESSES).await else { return };
    let servers = join_all((0..PROCESSES).map(|process| town.serve(process))).await;
    let ways = join_all(servers.iter().map(Server::connect)).await;
    let windows: Vec<[usize; 1]> = (0..2 * ITEMS.len()).map(|window| [window / 2]).collect();
    let desk = Desk::begin(&town, &ways[0], &ITEMS, &windows).await;
    let mut why = BTreeMap::new();
    for item in 0..scale(3, ITEMS.len()) {
        let [one, other] = [2 * item, 2 * item + 1];
        desk.opens(one).await;
        desk.opens(other).await;
        // All want the same window, then half of them each of the two.
        for (wanted, refusals) in
            [(vec![one], vec!["ALREADY_PAUSED"]), (vec![one, other], vec!["ALREADY_PAUSED", "LAST_WINDOW"])]
        {
            let before = town.leaves().await.len();
            let (paused, refused) = storm(&desk, &ways, &wanted).await;
            assert_eq!(paused.len(), 1, "{wanted:?}: {paused:?} paused, others not: {refused:?}");
            assert!(refused.keys().eq(&refusals), "{wanted:?}: {refused:?}");
            assert_eq!(town.leaves().await.len(), before + 1, "what is refused leaves nothing");
            desk.returns(paused[0]).await;
            for (reason, times) in refused {
                *why.entry(reason).or_insert(0) += times;
            }
        }
    }
    say_aloud(&format!(
        "{CALLERS} callers at {PROCESSES} servers, {} times: one paused each time, others not: {why:?}",
        2 * scale(3, ITEMS.len())
    ));
    drop((desk, ways));
    end(town, servers).await;
}
