//! The end of a server under load, and who waits for whom: told by the order of things, never by how long they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use qinlian::kernel::RequestId;
use qinlian::proto::UploadPunchesRequest;
use qinlian::proto::attendance_service_client::AttendanceServiceClient;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::judge::Judge;
use super::load::{Answer, Load, signed};
use super::server::begin;
use super::town::{HALL, TERMINALS, Town};
use crate::support::store::Raw;
use crate::support::{say_aloud, scale};

const CALLERS: usize = 16;

/// Waits until health says no.
async fn until_health_says_no(channel: Channel) {
    let asked = HealthCheckRequest { service: String::new() };
    let mut said = HealthClient::new(channel).watch(asked).await.expect("it watches").into_inner();
    while let Some(Ok(answer)) = said.next().await {
        if answer.status() == ServingStatus::NotServing {
            return;
        }
    }
    panic!("the server went without a word");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_asked_to_stop_says_so_first_answers_what_runs_and_loses_nothing() {
    let town = Town::on_sqlite().await;
    let load = Arc::new(Load::new(&town, 13));
    let mut judge = Judge::new(town.vkey.clone(), town.base);
    let rounds = scale(3, 50);
    let mut cut_short = 0;
    for round in 0..rounds {
        let variables = [("QINLIAN_LIMITS_NOTICE_MS", "2000")];
        let server = begin(town.site(0), &town.log(0), &variables).listens().await;
        let channel = server.connect().await;
        // Retries with the same ids: whatever the last stop left in doubt is answered now.
        for answer in join_all(load.in_doubt().into_iter().map(|id| load.send(&channel, id))).await {
            assert!(matches!(answer, Answer::Acknowledged(_)), "round {round}: {answer:?}");
        }
        let said_no = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (load, channel, said_no) = (Arc::clone(&load), channel.clone(), Arc::clone(&said_no));
                tokio::spawn(async move {
                    load.until_cut_off(&channel).await;
                    assert!(said_no.load(Ordering::SeqCst), "a call failed before health said no");
                })
            })
            .collect();
        let enough = load.acknowledged() + 50;
        while load.acknowledged() < enough {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let watcher = tokio::spawn({
            let channel = server.connect().await;
            async move {
                until_health_says_no(channel).await;
                said_no.store(true, Ordering::SeqCst);
            }
        });
        server.stop().await;
        watcher.await.expect("health said no");
        for caller in callers {
            caller.await.expect("health first");
        }
        cut_short += load.in_doubt().len();
    }
    let server = town.serve(0).await;
    let channel = server.connect().await;
    for answer in join_all(load.in_doubt().into_iter().map(|id| load.send(&channel, id))).await {
        assert!(matches!(answer, Answer::Acknowledged(_)), "{answer:?}");
    }
    let found = judge.judge(&load.journal(), &town.leaves().await);
    assert!(found.is_empty(), "{found:#?}");
    server.stop().await;
    let log = std::fs::read_to_string(town.log(0)).unwrap();
    assert!(!log.contains("EDGE_CUT_OFF"), "running calls were answered in time");
    say_aloud(&format!(
        "{rounds} stops under load; {cut_short} calls came too late and were answered by the next server; {} \
         acknowledgements, none lost",
        load.acknowledged()
    ));
}

/// An upload takes 1,000 items.
const ITEMS: usize = 1_000;
/// Entries per commit.
const BATCH: usize = 256;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_at_a_terminal_does_not_wait_for_uploads_that_came_before() {
    let town = Town::on_sqlite().await;
    let load = Arc::new(Load::new(&town, 17));
    // On a slow machine thousands of entries take longer than a call may.
    let variables = [("QINLIAN_LIMITS_CALL_TIMEOUT_MS", "600000")];
    let server = begin(town.site(0), &town.log(0), &variables).listens().await;
    let Raw::Sqlite(pool) = town.raw().await else { panic!("a town on SQLite") };
    // While somebody else writes, nothing is committed and all of it queues up.
    let mut lock = pool.acquire().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *lock).await.unwrap();
    let uploads: Vec<_> = (1..TERMINALS)
        .map(|terminal| {
            let punches = (0..ITEMS).map(|_| load.punch_of(load.happen_at(terminal))).collect();
            let request = UploadPunchesRequest {
                centre: HALL.to_owned(),
                request_id: RequestId::random(load.dice().bytes()).to_string(),
                device: format!("t{terminal}"),
                punches,
            };
            let request = signed(request, &town.token(&format!("device:t{terminal}")));
            let url = format!("http://{}", server.address());
            tokio::spawn(async move {
                let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
                AttendanceServiceClient::new(channel).upload_punches(request).await
            })
        })
        .collect();
    // Long enough for them to be in the queue. If they are not, the case shows nothing, and is not wrong.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let channel = server.connect().await;
    let live = tokio::spawn({
        let load = Arc::clone(&load);
        async move { load.send(&channel, load.happen_at(0)).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    sqlx::query("ROLLBACK").execute(&mut *lock).await.unwrap();
    drop(lock);
    let Answer::Acknowledged(receipt) = live.await.unwrap() else { panic!("a healthy server answers") };
    for upload in uploads {
        let answer = upload.await.unwrap().expect("an upload is answered").into_inner();
        assert_eq!(answer.results.len(), ITEMS);
    }
    let before = usize::try_from(receipt.entry_index).unwrap() - town.base;
    let all = town.leaves().await.len() - town.base;
    say_aloud(&format!("a clock-in after {} queued items had {before} before it", all - 1));
    assert!(all > (TERMINALS - 1) * ITEMS, "{all}");
    // The batch that was being committed, and its own.
    assert!(before <= 2 * BATCH, "{before} of {all} entries were committed before somebody at a terminal");
    pool.close().await;
    server.stop().await;
}
