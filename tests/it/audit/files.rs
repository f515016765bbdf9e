//! What was erased is gone from the database's files: from SQLite's file and its write-ahead log, and from PostgreSQL's
//! heap.

use std::path::{Path, PathBuf};

use qinlian::kernel::LogId;
use qinlian::ledger::cleanup::Remains;
use qinlian::registers::audit::rows;
use qinlian::registers::audit::service::cleanup::Window;
use qinlian::store::Dialect;

use super::rig::Rig;
use crate::support::store::{Fixture, each};
use crate::support::{in_ci, say_aloud, scale};

/// Is a text in any of these files?
fn in_files(files: &[PathBuf], what: &str) -> bool {
    files.iter().any(|file| {
        let bytes = std::fs::read(file).unwrap_or_default();
        memchr(&bytes, what.as_bytes())
    })
}

fn memchr(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|at| at == what)
}

/// The files that hold personal tables; `None` where they cannot be read.
async fn files(fixture: &Fixture) -> Option<Vec<PathBuf>> {
    let raw = fixture.raw().await;
    match fixture.store.dialect() {
        Dialect::Sqlite => {
            let file = fixture.url().trim_start_matches("sqlite://").to_owned();
            Some(vec![file.clone().into(), format!("{file}-wal").into()])
        }
        Dialect::Postgres => {
            raw.execute("CHECKPOINT").await;
            let folder = raw.column::<String>("SHOW data_directory").await.remove(0);
            let paths = raw
                .column::<String>(
                    "SELECT pg_relation_filepath(oid) FROM pg_class \
                     WHERE relname LIKE '%\\_personal' AND relkind = 'r' UNION ALL \
                     SELECT pg_relation_filepath(reltoastrelid) FROM pg_class \
                     WHERE relname LIKE '%\\_personal' AND relkind = 'r' AND reltoastrelid <> 0",
                )
                .await;
            let paths: Vec<PathBuf> = paths.iter().map(|path| Path::new(&folder).join(path)).collect();
            if paths.iter().all(|path| std::fs::metadata(path).is_ok()) {
                return Some(paths);
            }
            assert!(!in_ci(), "CI runs the server on this machine");
            say_aloud(
                "SKIPPED: the files of the PostgreSQL server of QINLIAN_TEST_PG are not on this machine",
            );
            None
        }
    }
}

#[tokio::test]
async fn erased_bytes_are_gone_from_the_files_and_it_is_written_down_when() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 71).await;
        let zhang = rig.named("张三").await;
        let cards = scale(100, 5_000);
        let card = |n: usize| format!("CANARY-CARD-{n:05}-{}", "x".repeat(n % 90));
        let mut bound = Vec::new();
        for n in 0..cards {
            bound.push(rig.bind(&zhang, &card(n)).await);
        }
        let every = |n: usize| !n.is_multiple_of(3);
        let gone: Vec<_> = (0..cards).filter(|n| every(*n)).map(|n| (bound[n], 1)).collect();
        let Some(before) = files(fixture).await else { return };
        assert!((0..cards).all(|n| in_files(&before, &card(n))), "the rig finds what is there");

        assert_eq!(rig.erase(&gone).await, gone.len() as u64);
        let erase = qinlian::kernel::Pos::new(rig.size(rig.hall).await - 1);
        let gone_at = async || rows::removed_at(&rig.store, rig.hall, erase).await.unwrap();
        if fixture.store.dialect() == Dialect::Postgres {
            assert_eq!(rig.calls.cleanup().sweep(Window::Closed).await.unwrap(), None, "not in the daytime");
            assert_eq!(gone_at().await, None);
            let now = files(fixture).await.unwrap();
            assert!(in_files(&now, &card(1)), "a deleted row is still in the heap");
        }
        rig.clock.advance_ms(5_000);
        let swept = rig.calls.cleanup().sweep(Window::Open).await.unwrap();
        if let Some(removed) = swept {
            let remains = match fixture.store.dialect() {
                Dialect::Sqlite => Remains::Backups,
                Dialect::Postgres => Remains::WriteAheadLog,
            };
            assert_eq!((removed.erasures, removed.remains), (1, remains));
            assert_eq!(Some(removed.gone_from_files_at), gone_at().await);
        }
        assert!(gone_at().await.is_some());
        let now = files(fixture).await.unwrap();
        for n in 0..cards {
            assert_eq!(in_files(&now, &card(n)), !every(n), "card {n}");
        }
        assert_eq!(rig.calls.cleanup().sweep(Window::Open).await.unwrap(), None, "nothing is left to remove");
        assert!(rig.check().await.verified());
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_holds_the_write_ahead_log_puts_the_removal_off() {
    let fixture = Fixture::sqlite().await;
    let rig = Rig::begin(&fixture, 72).await;
    let card = rig.bind(&rig.named("张三").await, "CANARY-CARD").await;
    let mut reader = rig.store.snapshot().await.unwrap();
    static ANY: qinlian::store::Statement =
        qinlian::store::Statement::new("SELECT log_id FROM ledger_log WHERE log_id >= $1");
    reader.fetch(&ANY, qinlian::store::Binds::new().and(0), |cells| cells.int()).await.unwrap();
    rig.erase(&[(card, 1)]).await;
    assert!(rig.calls.cleanup().sweep(Window::Open).await.is_err());
    assert_eq!(rows::erasures_in_files(&rig.store).await.unwrap().len(), 1, "it is not forgotten");
    reader.rollback().await.unwrap();
    // The sweep that the decision began may have come first: then there is nothing to do.
    rig.calls.cleanup().sweep(Window::Open).await.unwrap();
    assert_eq!(rows::erasures_in_files(&rig.store).await.unwrap(), []);
    let files = files(&fixture).await.unwrap();
    assert!(!in_files(&files, "CANARY-CARD"));
    assert_ne!(rig.hall, LogId::DEPLOYMENT);
    rig.stop().await;
    fixture.end().await;
}
