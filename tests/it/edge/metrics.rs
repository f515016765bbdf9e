//! The page of figures of a server that runs, on both databases, against docs/metrics.md.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use qinlian::clock::MockClock;
use qinlian::kernel::EpochMs;
use qinlian::metrics;
use qinlian::proto::RecordPunchRequest;
use qinlian::proto::attendance_service_client::AttendanceServiceClient;
use tokio::net::{TcpListener, TcpStream};

use super::documents::rows;
use crate::rigs::load::{Answer, Load, now_ms};
use crate::rigs::server::{Server, begin};
use crate::rigs::town::Town;
use crate::support::page::{Page, address_in, ask, attempt, of_server};

/// Punches that are recorded before the page is read.
const PUNCHES: usize = 12;
/// Longer than results ever take; a rig that hangs fails.
const PATIENCE: Duration = Duration::from_mins(1);

async fn serve(town: &Town) -> Server {
    begin(town.site(0), &town.log(0), &[("QINLIAN_METRICS_LISTEN", "127.0.0.1:0")]).listens().await
}

/// The page, once results show everything.
async fn settled(town: &Town) -> Page {
    let settle = async {
        loop {
            let page = of_server(&town.log(0)).await;
            if page.get("qinlian_results_behind_entries") == 0.0
                && page.get("qinlian_results_chunks_total") > 0.0
            {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settle).await.expect("results catch up")
}

async fn a_server_tells_its_figures(town: Town) {
    let server = serve(&town).await;
    let channel = server.connect().await;
    let load = Load::new(&town, 3);
    for _ in 0..PUNCHES {
        let answer = load.send(&channel, load.happen_at_a_terminal()).await;
        assert!(matches!(answer, Answer::Acknowledged(_)), "{answer:?}");
    }
    let before = settled(&town).await;
    AttendanceServiceClient::new(channel.clone())
        .record_punch(RecordPunchRequest::default())
        .await
        .expect_err("no token");
    let after = settled(&town).await;

    described(&after);
    assert_eq!(after.strange(), [""; 0], "values of labels come from closed sets");
    assert_eq!(
        after.grown(&before, "qinlian_refusals_total"),
        [("qinlian_refusals_total{reason=\"TOKEN_MISSING\"}".to_owned(), 1.0)],
        "a refusal is counted once"
    );
    let punch = "/qinlian.v1.AttendanceService/RecordPunch";
    let calls = |code: &str| format!("qinlian_calls_total{{method=\"{punch}\",code=\"{code}\"}}");
    assert_eq!(after.grown(&before, "qinlian_calls_total"), [(calls("UNAUTHENTICATED"), 1.0)]);
    sensible(&after, &calls("OK"));

    let address = address_in(&town.log(0)).expect("figures are told");
    for (method, path, status) in [
        ("GET", "/", "404"),
        ("GET", "/metrics/", "404"),
        ("POST", "/metrics", "405"),
        ("GET", "/metrics", "200"),
    ] {
        let (said, _) = ask(&address, method, path).await;
        assert!(said.contains(status), "{method} {path}: {said}");
    }
    // There it is a path like any other that is none.
    let (_, body) = ask(server.address(), "GET", "/metrics").await;
    assert_eq!(body, "");
    drop(channel);
    server.stop().await;
    town.end().await;
}

/// Names, kinds and labels, both ways.
fn described(page: &Page) {
    let mut told: BTreeMap<String, (String, BTreeSet<String>)> =
        page.kinds.iter().map(|(name, kind)| (name.clone(), (kind.clone(), BTreeSet::new()))).collect();
    for (sample, label, _) in page.labels().into_iter().filter(|(_, label, _)| label != "le") {
        told.get_mut(&sample).unwrap_or_else(|| panic!("{sample} has no type")).1.insert(label);
    }
    let written: BTreeMap<String, (String, BTreeSet<String>)> = rows("metrics.md")
        .into_iter()
        .map(|(name, cells)| {
            let labels = cells[1].split(", ").filter(|label| *label != "none");
            let labels = labels.map(|label| label.trim_matches('`').to_owned()).collect();
            (name, (cells[0].clone(), labels))
        })
        .collect();
    assert_eq!(told, written, "what the program tells, and what docs/metrics.md says");
}

/// The figures fit what happened, and each other.
fn sensible(page: &Page, punches: &str) {
    let many = f64::from(u32::try_from(PUNCHES).unwrap());
    assert!((page.get(punches) - many).abs() < 0.5, "{}", page.get(punches));
    for (sample, least, most) in [
        ("qinlian_commits_total{outcome=\"stored\"}", 1.0, many),
        ("qinlian_commits_total{outcome=\"in_doubt\"}", 0.0, 0.0),
        ("qinlian_commits_total{outcome=\"given_up\"}", 0.0, 0.0),
        ("qinlian_commits_total{outcome=\"fault\"}", 0.0, 0.0),
        // What the server records by itself, time and coverage, comes on top.
        ("qinlian_commit_entries_sum", many, many + 60.0),
        ("qinlian_commit_seconds_sum", 0.000_001, 600.0),
        ("qinlian_queue_commands{lane=\"live\"}", 0.0, 1.0),
        ("qinlian_queue_commands{lane=\"bulk\"}", 0.0, 1.0),
        ("qinlian_head_age_seconds", 0.0, 600.0),
        ("qinlian_heads_set_aside", 0.0, 0.0),
        ("qinlian_ready", 1.0, 1.0),
        ("qinlian_results_behind_logs", 0.0, 0.0),
        ("qinlian_results_failing_logs", 0.0, 0.0),
        ("qinlian_results_failures_total", 0.0, 0.0),
        ("qinlian_calls_at_work", 0.0, 0.0),
        ("qinlian_connections", 1.0, 1.0),
        ("qinlian_connections_turned_away_total", 0.0, 0.0),
        ("qinlian_handshakes_failed_total", 0.0, 0.0),
        ("qinlian_accepts_failed_total", 0.0, 0.0),
        ("qinlian_tokens_remembered", 1.0, 8.0),
    ] {
        let value = page.samples.get(sample).copied().unwrap_or_else(|| panic!("no {sample}"));
        let most = if sample.contains("stored") { most + 60.0 } else { most };
        assert!((least..=most).contains(&value), "{sample} is {value}");
    }
    let same = |one: f64, other: f64| (one - other).abs() < 0.5;
    let stored = page.get("qinlian_commits_total{outcome=\"stored\"}");
    assert!(
        same(stored, page.get("qinlian_commit_seconds_count"))
            && same(stored, page.get("qinlian_commit_entries_count"))
    );
    assert!(same(page.sum("qinlian_calls_total"), page.get("qinlian_call_seconds_count")));
    let refused: f64 = page
        .samples
        .iter()
        .filter(|(name, _)| name.starts_with("qinlian_calls_total") && !name.contains("\"OK\""))
        .map(|(_, value)| value)
        .sum();
    assert!(
        same(refused, page.sum("qinlian_refusals_total")),
        "every call that did not end well has a reason"
    );
    let started_ms = page.get("process_start_time_seconds") * 1_000.0;
    let ago_ms = i64::try_from(Duration::from_secs_f64(started_ms / 1_000.0).as_millis()).unwrap() - now_ms();
    assert!(ago_ms.abs() < 600_000, "started {ago_ms} ms from now");
    for (sample, count) in page.samples.iter().filter(|(sample, _)| sample.contains("le=\"+Inf\"")) {
        let counted = format!("{}_count", sample.split("_bucket").next().unwrap());
        assert!(same(*count, page.get(&counted)), "{sample}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_a_server_tells_every_figure_that_is_described_and_no_other() {
    a_server_tells_its_figures(Town::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_server_tells_every_figure_that_is_described_and_no_other() {
    if let Some(town) = Town::on_postgres(1).await {
        a_server_tells_its_figures(town).await;
    }
}

#[tokio::test]
async fn collectors_that_say_nothing_do_not_add_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let page = metrics::Page::of(Vec::new(), &MockClock::new(EpochMs::ZERO, 1));
    let serving = tokio::spawn(metrics::serve(listener, page));
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    // Closed at once: an end without a byte, or a reset.
    assert_eq!(attempt(&address, "GET", "/metrics").await.unwrap_or_default(), "");
    drop(silent);
    let answered = async {
        while !attempt(&address, "GET", "/metrics").await.is_ok_and(|answer| answer.contains("# EOF")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("places that were given back are taken again");
    serving.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_told_where_tells_no_figures() {
    let town = Town::on_sqlite().await;
    let server = town.serve(0).await;
    assert_eq!(address_in(&town.log(0)), None);
    server.stop().await;
    town.end().await;
}
