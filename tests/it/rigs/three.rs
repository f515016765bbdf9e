//! Three server processes on one PostgreSQL at once: whoever reads through any of them, stops, repeats and goes on,
//! sees every punch once in the order of the log; results are the same through all three; and what is taken away on one
//! is gone on the others.

mod rights;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use qinlian::proto::attendance_service_client::AttendanceServiceClient;
use qinlian::proto::{
    ListDayResultsSinceRequest, ListPresenceSinceRequest, ListPunchesSinceRequest, Presence,
};
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use super::Dice;
use super::judge::Judge;
use super::load::{Answer, Load, signed};
use super::server::Server;
use super::town::{HALL, Town};
use crate::support::{say_aloud, scale};

pub(super) const PROCESSES: usize = 3;
const CALLERS: usize = 24;
const READERS: usize = 6;
/// 30 s: far longer than results take.
const PATIENCE: Duration = Duration::from_secs(30);

fn punches() -> usize {
    scale(1_200, 20_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_any_of_three_servers_see_every_punch_in_order_and_the_same_results() {
    let Some(town) = Town::on_postgres(PROCESSES).await else { return };
    let servers = join_all((0..PROCESSES).map(|process| town.serve(process))).await;
    let ways = Arc::new(join_all(servers.iter().map(Server::connect)).await);
    let load = Arc::new(Load::new(&town, 13));
    let (written, derived) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let token = town.token("system:officer");
    let readers = |of: Of, until: &Arc<AtomicBool>| {
        let read = |n| tokio::spawn(read(Arc::clone(&ways), of, token.clone(), n as u64, Arc::clone(until)));
        (0..READERS).map(read).collect::<Vec<_>>()
    };
    let of_punches = readers(Of::Punches, &written);
    let of_days = readers(Of::Days, &derived);
    let left = Arc::new(AtomicUsize::new(punches()));
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| tokio::spawn(write(Arc::clone(&ways), Arc::clone(&load), Arc::clone(&left), n)))
        .collect();
    for caller in callers {
        caller.await.expect("a caller only writes down");
    }
    written.store(true, Ordering::SeqCst);

    let found = Judge::new(town.vkey.clone(), town.base).judge(&load.journal(), &town.leaves().await);
    assert_eq!(found, []);
    let truth = load.punch_entries();
    assert_eq!(truth.len(), punches(), "every punch was acknowledged");
    saw_all(of_punches, &truth).await;
    same_results(&town, &ways).await;
    derived.store(true, Ordering::SeqCst);
    let days = whole_feed(&ways[0], &token).await;
    assert!(days.len() >= town.people.len(), "{} revisions of {} people", days.len(), town.people.len());
    assert_eq!(days, (1..=days.len() as u64).collect::<Vec<_>>(), "without gaps");
    saw_all(of_days, &days).await;
    say_aloud(&format!(
        "{} punches through {PROCESSES} processes: {READERS} readers saw each in order, and {READERS} each of {} \
         revisions of days",
        punches(),
        days.len()
    ));
    drop(ways);
    end(town, servers).await;
}

/// Every reader saw all there was, in order.
async fn saw_all(readers: Vec<JoinHandle<Vec<Page>>>, truth: &[u64]) {
    for reader in readers {
        let pages = reader.await.expect("a reader reads");
        assert!(pages.len() > 10, "a reader made only {} reads", pages.len());
        assert_eq!(wrong(&pages, truth), Vec::<String>::new());
    }
}

pub(super) async fn end(town: Town, servers: Vec<Server>) {
    for server in servers {
        server.stop().await;
    }
    for process in 0..PROCESSES {
        assert_eq!(town.audit(process).await, town.leaves().await.len() as u64);
    }
    town.end().await;
}

/// Punches, through one process after the other.
async fn write(ways: Arc<Vec<Channel>>, load: Arc<Load>, left: Arc<AtomicUsize>, n: usize) {
    let take = |left: usize| left.checked_sub(1);
    let mut at = n;
    while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
        let answer = load.send(&ways[at % ways.len()], load.happen_at_a_terminal()).await;
        assert!(matches!(answer, Answer::Acknowledged(_)), "{answer:?}");
        at += 1;
    }
}

/// One answer of a feed.
#[derive(Debug, Clone)]
struct Page {
    cursor: String,
    items: Vec<u64>,
    next: String,
    caught_up: bool,
}

/// What a reader reads.
#[derive(Debug, Clone, Copy)]
enum Of {
    /// Punches, by their entries.
    Punches,
    /// Revisions of people's days, by their numbers.
    Days,
}

impl Of {
    async fn page(self, way: &Channel, token: &str, cursor: String, limit: i32) -> Page {
        let mut client = AttendanceServiceClient::new(way.clone());
        let (from, centre) = (cursor.clone(), HALL.to_owned());
        match self {
            Self::Punches => {
                let request = ListPunchesSinceRequest { centre, cursor, limit, ..Default::default() };
                let answer = client.list_punches_since(signed(request, token)).await;
                let answer = answer.expect("a page").into_inner();
                let items = answer.items.iter().map(|item| item.entry_index).collect();
                Page { cursor: from, items, next: answer.next_cursor, caught_up: answer.caught_up }
            }
            Self::Days => {
                let request = ListDayResultsSinceRequest { centre, cursor, limit, ..Default::default() };
                let answer = client.list_day_results_since(signed(request, token)).await;
                let answer = answer.expect("a page").into_inner();
                let items = answer.items().expect("results").iter().map(|item| item.seq).collect();
                Page { cursor: from, items, next: answer.next_cursor, caught_up: answer.caught_up }
            }
        }
    }
}

/// The numbers of all revisions of days.
async fn whole_feed(way: &Channel, token: &str) -> Vec<u64> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = Of::Days.page(way, token, cursor, 1_000).await;
        items.extend(page.items);
        if page.caught_up {
            return items;
        }
        cursor = page.next;
    }
}

/// Reads through any process, forgets where it was, and goes on from there or from before; until there is no more.
async fn read(ways: Arc<Vec<Channel>>, of: Of, token: String, seed: u64, done: Arc<AtomicBool>) -> Vec<Page> {
    let dice = Dice::new(100 + seed);
    let mut pages: Vec<Page> = Vec::new();
    let mut newest = String::new();
    loop {
        let was_done = done.load(Ordering::SeqCst);
        let repeat = !pages.is_empty() && dice.roll(5) == 0;
        let cursor = if repeat { pages[dice.roll(pages.len())].cursor.clone() } else { newest.clone() };
        let limit = i32::try_from(1 + dice.roll(60)).expect("small");
        let page = of.page(&ways[dice.roll(ways.len())], &token, cursor, limit).await;
        if !repeat {
            newest.clone_from(&page.next);
        }
        let ended = was_done && !repeat && page.caught_up && page.items.is_empty();
        pages.push(page);
        if ended {
            return pages;
        }
    }
}

/// What a feed's answers lack, have too much of, or have in another order than the log.
fn wrong(pages: &[Page], truth: &[u64]) -> Vec<String> {
    let mut places: HashMap<&str, usize> = HashMap::from([("", 0)]);
    let (mut wrong, mut end) = (Vec::new(), 0);
    for page in pages {
        let Some(from) = places.get(page.cursor.as_str()).copied() else {
            wrong.push(format!("the cursor {} was never given", page.cursor));
            continue;
        };
        let until = from + page.items.len();
        if truth.get(from..until) != Some(&page.items[..]) {
            wrong.push(format!("after {from} came {:?}", page.items));
        }
        if *places.entry(&page.next).or_insert(until) != until {
            wrong.push(format!("the cursor {} names two places", page.next));
        }
        end = end.max(until);
    }
    if end != truth.len() || !pages.last().is_some_and(|page| page.caught_up) {
        wrong.push(format!("the feed ended at {end} of {}", truth.len()));
    }
    wrong
}

/// Once the results are as far as the log, they are the same through every process, and of everybody who was there.
async fn same_results(town: &Town, ways: &[Channel]) {
    const BEHIND: &str = "SELECT h.size - r.next_pos FROM ledger_head h JOIN ledger_log l ON l.log_id = h.log_id \
                          JOIN result_head r ON r.log_id = h.log_id WHERE l.centre = 'hall'";
    let raw = town.raw().await;
    let token = town.token("system:officer");
    let agreed = async {
        loop {
            let behind = raw.column::<i64>(BEHIND).await;
            let feeds = join_all(ways.iter().map(|way| presence(way, &token))).await;
            let longest = feeds.iter().max_by_key(|feed| feed.len()).expect("three");
            assert!(feeds.iter().all(|feed| longest.starts_with(feed)), "the feeds differ: {feeds:#?}");
            if behind == [0] && feeds.iter().all(|feed| feed == longest) {
                return longest.clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let feed = tokio::time::timeout(PATIENCE, agreed).await.expect("the results arrive");
    let seqs: Vec<u64> = feed.iter().map(|item| item.seq).collect();
    assert_eq!(seqs, (1..=feed.len() as u64).collect::<Vec<_>>(), "without gaps");
    let seen: BTreeSet<&str> = feed.iter().map(|item| item.person_id.as_str()).collect();
    let there: BTreeSet<&str> = town.people.iter().map(String::as_str).collect();
    assert_eq!(seen, there, "everybody who was there");
}

async fn presence(way: &Channel, token: &str) -> Vec<Presence> {
    let (mut feed, mut cursor) = (Vec::new(), String::new());
    loop {
        let request = ListPresenceSinceRequest { centre: HALL.to_owned(), cursor, limit: 500 };
        let mut client = AttendanceServiceClient::new(way.clone());
        let answer = client.list_presence_since(signed(request, token)).await.expect("a page").into_inner();
        feed.extend(answer.items);
        if answer.caught_up {
            return feed;
        }
        cursor = answer.next_cursor;
    }
}

#[test]
fn a_feed_that_skips_repeats_or_turns_around_is_found() {
    let page = |cursor: &str, items: &[u64], next: &str| Page {
        cursor: cursor.to_owned(),
        items: items.to_vec(),
        next: next.to_owned(),
        caught_up: true,
    };
    let truth = [3, 5, 8, 9];
    let good = [page("", &[3, 5], "a"), page("a", &[8], "b"), page("", &[3], "c"), page("b", &[9], "d")];
    assert_eq!(wrong(&good, &truth), Vec::<String>::new());
    for (case, pages) in [
        ("skips", [page("", &[3], "a"), page("a", &[8, 9], "b")]),
        ("repeats without being asked", [page("", &[3, 5], "a"), page("a", &[5, 8, 9], "b")]),
        ("turns around", [page("", &[5, 3], "a"), page("a", &[8, 9], "b")]),
        ("ends early", [page("", &[3, 5], "a"), page("a", &[8], "b")]),
        ("a cursor of nobody", [page("", &[3, 5, 8, 9], "a"), page("z", &[], "a")]),
        ("a cursor that moves", [page("", &[3, 5, 8, 9], "a"), page("", &[3, 5], "a")]),
    ] {
        assert!(!wrong(&pages, &truth).is_empty(), "{case}");
    }
}
