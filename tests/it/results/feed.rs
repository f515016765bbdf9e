//! The feed: nothing is skipped, whoever writes, and however a reader stops, repeats and resumes.

use std::collections::BTreeMap;
use std::sync::Arc;

use qinlian::kernel::LogId;
use qinlian::results::{Body, CursorError, FeedError, Filter, Folder, Item, Page, Query, page};
use qinlian::store::Store;

use super::history::{Dice, Dump, History};
use super::toy::{self, DEVICES, JOBS, Line, Op, Toy};
use crate::support::scale;
use crate::support::store::each;

const LOGS: [LogId; 3] = [LogId::from_column(1), LogId::from_column(2), LogId::from_column(3)];

fn line(at: i64, op: Op) -> Line {
    Line { at, deployment: 0, op }
}

async fn read(store: &Store, cursor: &str, limit: usize) -> Result<Page, FeedError> {
    page(store, &Query { room: JOBS, logs: &LOGS, cursor, limit, filter: Filter::Everything }).await
}

/// Writes and folds three logs bit by bit, each with a store of its own, as three processes would.
async fn write_slowly(store: Store, log: LogId, history: History) {
    let toy = Arc::new(Toy::new(&store, -log.column()));
    toy.append(LogId::DEPLOYMENT, 0, &history.deployed).await;
    let folder = Folder::new(store.clone(), Arc::clone(&toy)).with_chunk(5);
    for (at, part) in history.own.chunks(4).enumerate() {
        toy.append(log, at * 4, part).await;
        folder.catch_up(log).await.unwrap();
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_repeats_and_resumes_sees_every_revision_in_order_while_others_write() {
    each(async |fixture| {
        toy::create(fixture).await;
        let mut writers = Vec::new();
        for log in LOGS {
            let history =
                History::random(&mut Dice::new(77 + log.column().cast_unsigned()), scale(40, 1_000) as u64);
            writers.push(tokio::spawn(write_slowly(fixture.another_store().await, log, history)));
        }
        let mut dice = Dice::new(4);
        let (mut cursors, mut pages_while_writing) = (vec![String::new()], 0);
        // What the reader has been given for certain: the newest number per log, and every item once.
        let mut taken: BTreeMap<(LogId, u64), Item> = BTreeMap::new();
        let (mut stopped, mut looks_at_the_end) = (false, 0);
        while looks_at_the_end < 2 {
            if !stopped {
                stopped = writers.iter().all(tokio::task::JoinHandle::is_finished);
                pages_while_writing += 1;
            }
            // Mostly the newest cursor; sometimes an old one, as after a crash before it was saved.
            let back = if stopped || dice.below(3) > 0 { 0 } else { dice.below(5) };
            let at = cursors.len().saturating_sub(1 + usize::try_from(back).unwrap());
            cursors.truncate(at + 1);
            let limit = dice.pick(&[1, 3, 50]);
            let page = read(&fixture.store, &cursors[at], limit).await.unwrap();
            assert!(page.items.len() <= limit);
            for item in page.items {
                let before = item.seq - 1;
                assert!(before == 0 || taken.contains_key(&(item.log, before)), "{item:?} came too soon");
                let known = taken.entry((item.log, item.seq)).or_insert_with(|| item.clone());
                assert_eq!(*known, item, "a repeated item is the same");
            }
            looks_at_the_end += usize::from(stopped && page.caught_up);
            cursors.push(page.next_cursor);
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert!(pages_while_writing > 5, "the run does not count: the writers were done at once");
        for log in LOGS {
            let wanted = Dump::of(&fixture.store, log).await;
            let wanted = wanted.revised.iter().filter(|revised| revised.key.room == JOBS);
            let wanted: Vec<_> =
                wanted.map(|revised| (revised.seq.cast_unsigned(), revised.body.clone())).collect();
            let given: Vec<_> = taken
                .values()
                .filter(|item| item.log == log)
                .map(|item| (item.seq, item.body.clone()))
                .collect();
            assert_eq!(given, wanted, "log {log}");
            assert!(!wanted.is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn a_busy_log_does_not_keep_the_others_waiting() {
    each(async |fixture| {
        toy::create(fixture).await;
        for log in LOGS {
            let toy = Arc::new(Toy::new(&fixture.store, -1));
            let lines: Vec<Line> = (1..=9).map(|job| line(1_000, Op::Put(job, 1))).collect();
            toy.append(log, 0, &lines).await;
            Folder::new(fixture.store.clone(), toy).catch_up(log).await.unwrap();
        }
        let (mut cursor, mut logs) = (String::new(), Vec::new());
        for _ in 0..6 {
            let page = read(&fixture.store, &cursor, 3).await.unwrap();
            logs.extend(page.items.iter().map(|item| item.log.column()));
            assert!(!page.caught_up);
            cursor = page.next_cursor;
        }
        let each_once = [1, 1, 1, 2, 2, 2, 3, 3, 3];
        assert_eq!(logs, [each_once, each_once].concat());
    })
    .await;
}

#[tokio::test]
async fn a_filter_leaves_out_and_never_holds_up() {
    each(async |fixture| {
        toy::create(fixture).await;
        let toy = Arc::new(Toy::new(&fixture.store, -1));
        let lines: Vec<Line> = (1..=9).map(|job| line(1_000, Op::Put(job, 1))).collect();
        toy.append(LOGS[0], 0, &lines).await;
        Folder::new(fixture.store.clone(), toy).catch_up(LOGS[0]).await.unwrap();
        let third = |item: &Item| item.key.bytes[0].is_multiple_of(3);
        let (mut cursor, mut jobs) = (String::new(), Vec::new());
        loop {
            let filter = Filter::Only(&third);
            let query = Query { room: JOBS, logs: &LOGS, cursor: &cursor, limit: 2, filter };
            let page = page(&fixture.store, &query).await.unwrap();
            jobs.extend(page.items.iter().map(|item| item.key.bytes[0]));
            cursor = page.next_cursor;
            if page.caught_up {
                break;
            }
        }
        assert_eq!(jobs, [3, 6, 9]);
    })
    .await;
}

#[tokio::test]
async fn a_cursor_of_a_feed_that_was_rebuilt_without_inputs_has_expired() {
    each(async |fixture| {
        toy::create(fixture).await;
        let (log, toy) = (LOGS[0], Arc::new(Toy::new(&fixture.store, -1)));
        let folder = Folder::new(fixture.store.clone(), Arc::clone(&toy));
        toy.append(log, 0, &[line(1_000, Op::Put(1, 1)), line(1_000, Op::Put(2, 1))]).await;
        folder.catch_up(log).await.unwrap();
        let old = read(&fixture.store, "", 1).await.unwrap().next_cursor;

        folder.rebuild(log).await.unwrap();
        let page = read(&fixture.store, &old, 9).await.unwrap();
        assert!(page.items.is_empty(), "between deleting and folding there is nothing to read");
        folder.catch_up(log).await.unwrap();
        let again = read(&fixture.store, &page.next_cursor, 9).await.unwrap();
        assert_eq!(again.items[0].seq, 2, "an identical feed has the same id: the reader goes on");

        toy.append(log, 2, &[line(1_001, Op::Erase(0))]).await;
        toy.erase(log, 0, 1).await;
        folder.catch_up(log).await.unwrap();
        let tombstone = read(&fixture.store, &again.next_cursor, 9).await.unwrap();
        assert_eq!(tombstone.items[0].body, Body::Erased);

        folder.rebuild(log).await.unwrap();
        folder.catch_up(log).await.unwrap();
        for cursor in [&old, &again.next_cursor, &tombstone.next_cursor] {
            let answer = read(&fixture.store, cursor, 9).await;
            assert!(matches!(answer, Err(FeedError::Cursor(CursorError::Expired))), "{answer:?}");
        }
        assert!(read(&fixture.store, "", 9).await.is_ok(), "it begins again");
        let query = Query { room: DEVICES, logs: &LOGS, cursor: &old, limit: 9, filter: Filter::Everything };
        let answer = page_of(&fixture.store, &query).await;
        assert!(matches!(answer, Err(FeedError::Cursor(CursorError::Unknown))), "{answer:?}");
    })
    .await;
}

async fn page_of(store: &Store, query: &Query<'_>) -> Result<Page, FeedError> {
    page(store, query).await
}
