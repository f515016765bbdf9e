//! Whoever goes away while a transaction begins leaves none open behind: the next one to get its connection would see the
//! database as it was then.

use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt as _;
use qinlian::store::{Store, Tx};

use crate::support::store::{Fixture, Raw, each};

/// Polls so often, some time apart, and goes away.
async fn abandon<T>(begin: impl Future<Output = T>, polls: usize) {
    let mut begin = std::pin::pin!(begin);
    for _ in 0..polls {
        if begin.as_mut().now_or_never().is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

/// Transactions that are open and do nothing. What is being rolled back is soon gone.
async fn left_open(raw: &Raw) -> usize {
    let mut open = 0;
    for _ in 0..100 {
        let pids: Vec<i32> = raw
            .column(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
                 AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'",
            )
            .await;
        open = pids.len();
        if open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    open
}

/// A reader and a writer get their connections.
async fn begins_and_ends(store: &Store) {
    let transactions: [Tx; 2] =
        [store.snapshot().await.expect("a snapshot"), store.begin().await.expect("begun")];
    for tx in transactions {
        tx.rollback().await.expect("rolled back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_away_while_a_transaction_begins_leaves_none_open() {
    each(async |fixture| {
        let raw = fixture.raw().await;
        begins_and_ends(&fixture.store).await;
        for polls in (1..=20).cycle().take(60) {
            abandon(fixture.store.snapshot(), polls).await;
            abandon(fixture.store.begin(), polls).await;
            // SQLite has no list of sessions, and one writer: the last line would wait for ever.
            if matches!(raw, Raw::Postgres(_)) {
                assert_eq!(left_open(&raw).await, 0, "{polls} polls");
            }
        }
        begins_and_ends(&fixture.store).await;
    })
    .await;
}

/// The control: the library alone leaves them open. When this fails, `store::pool` may do without a task for each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_library_alone_leaves_transactions_open() {
    let Some(fixture) = Fixture::postgres().await else { return };
    let raw = fixture.raw().await;
    let Store::Postgres { readers, .. } = &fixture.store else { panic!("of PostgreSQL") };
    begins_and_ends(&fixture.store).await;
    let mut open = 0;
    // First it is asked whether the connection lives; when that is answered is chance.
    for polls in (1..=20).cycle().take(200) {
        abandon(readers.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), polls).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        open = left_open(&raw).await;
        if open > 0 {
            break;
        }
    }
    assert!(open > 0, "the library looks after itself");
    fixture.end().await;
}
