//! The audit of results: an honest fold has no differences wherever it stands, and whatever is changed is named.

use std::sync::Arc;

use qinlian::kernel::LogId;
use qinlian::results::{Audited, Difference, Folded, Folder};

use super::history::{Dice, Dump, History, write};
use super::toy::{self, Line, Op, Toy};
use crate::support::scale;
use crate::support::store::{Fixture, each};

const LOG: LogId = LogId::from_column(1);

#[tokio::test]
async fn an_honest_fold_has_no_differences_wherever_it_stands() {
    each(async |fixture| {
        toy::create(fixture).await;
        let (mut compared, mut unknown) = (0, 0);
        for case in 0..i64::try_from(scale(20, 1_000)).unwrap() {
            let (log, mut dice) = (LogId::from_column(case + 1), Dice::new(77 + case.cast_unsigned()));
            let history = History::random(&mut dice, 18);
            let toy = Arc::new(Toy::new(&fixture.store, -case - 1));
            write(&toy, log, &history).await;
            let folder = Folder::new(fixture.store.clone(), toy).with_chunk(dice.pick(&[1, 3, 500]));
            assert_eq!(folder.audit(log).await.unwrap(), Audited::NotFolded);
            loop {
                let folded = folder.chunk(log).await.unwrap();
                match folder.audit(log).await.unwrap() {
                    Audited::Compared { differences, .. } => {
                        assert_eq!(differences, [], "case {case}");
                        compared += 1;
                    }
                    Audited::CannotTell => unknown += 1,
                    Audited::NotFolded => panic!("it is folded"),
                }
                if folded != Folded::More {
                    break;
                }
            }
            let Audited::Compared { revisions, .. } = folder.audit(log).await.unwrap() else { continue };
            let standing = Dump::of(&fixture.store, log).await.revised.len();
            assert_eq!(usize::try_from(revisions).unwrap(), standing, "case {case}: all were compared");
        }
        assert!(compared > 10 * unknown, "{compared} compared, {unknown} not");
    })
    .await;
}

/// A log with revisions and waits in two rooms.
async fn folded(fixture: &Fixture) -> Folder<Toy> {
    toy::create(fixture).await;
    let line = |at, op| Line { at, deployment: 0, op };
    let own = vec![
        line(1_000, Op::Put(1, 1)),
        line(1_010, Op::Put(2, 1)),
        line(1_020, Op::Cover(1, 990)),
        line(1_200, Op::Put(1, 2)),
        line(1_210, Op::Put(2, 0)),
        line(1_220, Op::Put(3, 7)),
    ];
    let toy = Arc::new(Toy::new(&fixture.store, -1));
    write(&toy, LOG, &History { own, deployed: Vec::new() }).await;
    let folder = Folder::new(fixture.store.clone(), toy);
    assert_eq!(folder.catch_up(LOG).await.unwrap(), Folded::CaughtUp);
    folder
}

const REVISION: &str = "FROM result_revision WHERE room = 1 AND seq = 2";

#[tokio::test]
async fn whatever_is_changed_is_named() {
    let where_ = REVISION.trim_start_matches("FROM result_revision ");
    let revision = |set: &str| format!("UPDATE result_revision SET {set} {where_}");
    let again = "INSERT INTO result_revision SELECT log_id, feed, room, seq + 1000, pos, key, revision + 1000, content, tombstone, kind";
    let cases = [
        ("result_revision", "pos", revision("pos = pos + 1")),
        ("result_revision", "pos", revision("pos = 1000")),
        ("result_revision", "kind", revision("kind = kind + 1")),
        ("result_revision", "key", revision("key = content")),
        ("result_revision", "revision", revision("revision = 1000")),
        ("result_revision", "content, tombstone", revision("content = key")),
        ("result_revision", "content, tombstone", revision("content = NULL, tombstone = 1")),
        ("result_revision", "content, tombstone", revision("content = NULL, tombstone = 2")),
        ("result_revision", "*", revision("seq = 1000")),
        ("result_revision", "*", revision("room = 77")),
        ("result_revision", "*", revision("feed = 77")),
        ("result_revision", "*", format!("DELETE {REVISION}")),
        ("result_revision", "*", format!("{again} {REVISION}")),
        ("result_wait", "*", "UPDATE result_wait SET threshold = threshold + 1".to_owned()),
        ("result_wait", "*", "UPDATE result_wait SET clock = 'other'".to_owned()),
        ("result_wait", "*", "UPDATE result_wait SET feed = 77".to_owned()),
        ("result_wait", "*", "DELETE FROM result_wait".to_owned()),
        ("result_head", "next_pos", "UPDATE result_head SET next_pos = next_pos + 1".to_owned()),
        ("result_revision", "*", "UPDATE result_head SET next_pos = next_pos - 1".to_owned()),
        ("result_head", "last_ms", "UPDATE result_head SET last_ms = last_ms + 1".to_owned()),
        ("result_head", "due_ms", "UPDATE result_head SET due_ms = due_ms + 1".to_owned()),
    ];
    for (table, column, change) in &cases {
        each(async |fixture| {
            let folder = folded(fixture).await;
            assert!(fixture.raw().await.execute(change).await > 0, "{change}");
            let Audited::Compared { differences, .. } = folder.audit(LOG).await.unwrap() else {
                panic!("{change}: it can be told")
            };
            let named = |found: &Difference| found.table == *table && found.column == *column;
            assert!(differences.iter().any(named), "{change}: {differences:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_feed_that_began_otherwise_is_not_judged() {
    each(async |fixture| {
        let folder = folded(fixture).await;
        fixture.raw().await.execute("UPDATE result_head SET feed = 77").await;
        assert_eq!(folder.audit(LOG).await.unwrap(), Audited::CannotTell);
        fixture.raw().await.execute("UPDATE result_head SET feed = 0, rules = 9").await;
        assert_eq!(folder.audit(LOG).await.unwrap(), Audited::CannotTell);
    })
    .await;
}
