//! At most one open pause of a window, and the last window of an item, whatever happens at once and on however many
//! replicas.

use std::sync::Arc;

use qinlian::proto::StartPauseResponse;
use qinlian::registers::duty::service::Calls;
use qinlian::registers::failure::Failure;
use tokio::sync::watch;

use super::rig::Hall;
use crate::roster::rig::refused;
use crate::support::office::Office;
use crate::support::store::{Fixture, each};

/// Some callers, each at a replica of its own turn, pause a window of these; what became of it.
async fn storm(
    hall: &Hall,
    replicas: &[Arc<Calls>],
    windows: &[(&str, &str)],
    callers: usize,
) -> Vec<String> {
    let mut tasks = Vec::new();
    for number in 0..callers {
        let (who, window) = windows[number % windows.len()];
        let request = hall.pause(window, &["COMFORT", "09:08"], ("hall".to_owned(), hall.id()), (None, None));
        let (calls, caller) =
            (Arc::clone(&replicas[number % replicas.len()]), hall.caller(who, "StartPause"));
        tasks.push(tokio::spawn(async move { calls.start_pause(&caller, request).await }));
    }
    let mut answers = Vec::new();
    for task in tasks {
        let answer: Result<StartPauseResponse, Failure> = task.await.expect("a task");
        answers.push(answer.map_or_else(|failure| refused::<()>(Err(failure)), |_| "STARTED".to_owned()));
    }
    answers
}

async fn replicas(fixture: &Fixture, hall: &Hall, more: usize) -> (Vec<Arc<Calls>>, Vec<Office>) {
    let (mut calls, mut offices) = (vec![Arc::new(hall.calls.clone())], Vec::new());
    for _ in 0..more {
        let office = Office::open(
            &fixture.another_store().await,
            &hall.office.clock,
            hall.office.administrators.clone(),
        )
        .await;
        let (_news, told) = watch::channel(0);
        calls.push(Arc::new(Calls::new(office.desk.clone(), told)));
        offices.push(office);
    }
    (calls, offices)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_window_pauses_once_whoever_asks_at_once() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_041).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2"), ("wu", "w4")]).await;
        hall.turn_to("09:00");
        let (calls, offices) = replicas(fixture, &hall, 2).await;
        let answers = storm(&hall, &calls, &[("zhao", "w1")], 64).await;
        let started = answers.iter().filter(|answer| *answer == "STARTED").count();
        let paused = answers.iter().filter(|answer| *answer == "ALREADY_PAUSED").count();
        assert_eq!((started, paused), (1, 63), "{answers:?}");
        for office in offices {
            office.stop().await;
        }
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_window_of_an_item_stays_open_whoever_asks_at_once() {
    each(async |fixture| {
        let mut hall = Hall::begin(&fixture.store, 1_042).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("qian", "w2")]).await;
        hall.turn_to("09:00");
        let (calls, offices) = replicas(fixture, &hall, 2).await;
        // Both windows of item b: one of them may pause.
        let answers = storm(&hall, &calls, &[("zhao", "w1"), ("qian", "w2")], 64).await;
        let count = |code: &str| answers.iter().filter(|answer| *answer == code).count();
        assert_eq!(
            (count("STARTED"), count("ALREADY_PAUSED"), count("LAST_WINDOW")),
            (1, 31, 32),
            "{answers:?}"
        );
        for office in offices {
            office.stop().await;
        }
        hall.office.stop().await;
    })
    .await;
}
