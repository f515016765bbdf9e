//! No personal byte leaves without a committed record of the read: whatever fails, and whenever the caller goes away.
//! And none is where it does not belong.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use qinlian::kernel::Pos;
use qinlian::ledger::faults::{Faults, Injected, Point};
use qinlian::proto::*;
use qinlian::registers::failure::Failure;
use qinlian::store::{Class, Dialect, Kind, Table};

use super::rig::{Rig, Stopped, auditor, reveal};
use crate::support::office::HALL;
use crate::support::scale;
use crate::support::source::sources;
use crate::support::statics::tables;
use crate::support::store::{Fixture, Raw, each};

const CANARY: &str = "CANARY-CARD";

/// What is planned, while it is armed.
type Armed = Arc<Mutex<Option<(Point, Injected, Times)>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    Once,
    Always,
}

fn armed(plan: &Armed) -> Faults {
    let plan = Arc::clone(plan);
    Faults::planned(Arc::new(move |point| {
        let mut plan = plan.lock().unwrap();
        let (at, injected, times) = (*plan)?;
        if at != point {
            return None;
        }
        if times == Times::Once {
            *plan = None;
        }
        Some(injected)
    }))
}

/// The two ways in which the auditor is given a card's number: one answer, and a stream.
async fn ask(rig: &Rig<'_>, card: Pos, streamed: bool) -> Result<Vec<u8>, Failure> {
    if streamed {
        let request = ExportBundleRequest { centre: HALL.to_owned(), reveal: Some(reveal()) };
        let stream = rig.calls.export_bundle(&rig.caller(&auditor(), "ExportBundle"), request).await?;
        let pieces: Vec<_> = stream.try_collect().await?;
        return Ok(pieces.into_iter().flat_map(|piece| piece.chunk).collect());
    }
    entry(rig, card).await.map(payloads)
}

async fn entry(rig: &Rig<'_>, card: Pos) -> Result<GetEntryResponse, Failure> {
    let request = GetEntryRequest {
        centre: HALL.to_owned(),
        index: card.get(),
        reveal: Some(reveal()),
        ..GetEntryRequest::default()
    };
    rig.calls.get_entry(&rig.caller(&auditor(), "GetEntry"), request).await
}

fn payloads(answer: GetEntryResponse) -> Vec<u8> {
    answer.entry.into_iter().flat_map(|entry| entry.parts).flat_map(|part| part.payload).collect()
}

fn holds(bytes: &[u8], what: &str) -> bool {
    bytes.windows(what.len()).any(|at| at == what.as_bytes())
}

async fn on_record(raw: &Raw, log: qinlian::kernel::LogId) -> i64 {
    let sql = format!("SELECT count(*) FROM ledger_entry WHERE log_id = {log} AND kind = 5");
    raw.column::<i64>(&sql).await[0]
}

#[tokio::test]
async fn whatever_fails_nothing_is_given_that_is_not_on_record() {
    each(async |fixture| {
        let raw = fixture.raw().await;
        let rig = Rig::begin(fixture, 61).await;
        let card = rig.bind(&rig.named("张三").await, CANARY).await;
        let mut stopped: Stopped<'_> = rig.stop().await;
        let (mut given, mut refused) = (0, 0);
        for point in Point::ALL {
            for injected in [Injected::Error, Injected::Crash] {
                for (times, streamed) in [(Times::Once, false), (Times::Always, false), (Times::Always, true)]
                {
                    let case = format!("{point:?} {injected:?} {times:?} streamed: {streamed}");
                    let plan = Armed::default();
                    let rig = stopped.start(armed(&plan)).await;
                    rig.clock.advance_ms(1_000);
                    let before = on_record(&raw, rig.hall).await;
                    *plan.lock().unwrap() = Some((point, injected, times));
                    let answer = ask(&rig, card, streamed).await;
                    let now = on_record(&raw, rig.hall).await;
                    match answer {
                        Ok(bytes) => {
                            given += 1;
                            assert!(holds(&bytes, CANARY), "{case}");
                            assert_eq!(now, before + 1, "{case}: given, so on record");
                        }
                        Err(_) => {
                            refused += 1;
                            assert!(now - before <= 1, "{case}: at most on record and not given");
                        }
                    }
                    assert!(times == Times::Once || plan.lock().unwrap().is_some(), "{case}");
                    *plan.lock().unwrap() = None;
                    stopped = rig.stop().await;
                }
            }
        }
        assert!(given > 0 && refused > given, "the rig bites: {given} given, {refused} refused");
        let rig = stopped.start(Faults::none()).await;
        let bytes = ask(&rig, card, false).await.expect("nothing is broken any more");
        assert!(holds(&bytes, CANARY));
        assert!(rig.check().await.verified());
        rig.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_go_away_at_any_moment_are_given_nothing_that_is_not_on_record() {
    each(async |fixture| {
        let raw = fixture.raw().await;
        let rig = Rig::begin(fixture, 62).await;
        let card = rig.bind(&rig.named("张三").await, CANARY).await;
        let calls = scale(400, 10_000) / 2;
        // What sixteen callers at once have to wait for on this machine; patience is around that.
        let started = tokio::time::Instant::now();
        futures_util::future::join_all((0..16).map(|_| entry(&rig, card))).await;
        let usual = u64::try_from(started.elapsed().as_micros()).unwrap().max(1);
        let (given, cancelled) = (AtomicUsize::new(0), AtomicUsize::new(0));
        futures_util::stream::iter(0..calls)
            .for_each_concurrent(16, |n| {
                let (rig, raw, given, cancelled) = (&rig, &raw, &given, &cancelled);
                async move {
                    let patience =
                        Duration::from_micros(u64::try_from(n * 7_919 % 1_000).unwrap() * usual / 500);
                    tokio::select! {
                        answer = entry(rig, card) => {
                            let answer = answer.expect("an answer");
                            let at = answer.disclosure_index.expect("on record");
                            let question = format!(
                                "SELECT kind FROM ledger_entry WHERE log_id = {} AND pos = {at}", rig.hall);
                        let kinds = raw.column::<i64>(&question);
                            assert_eq!(kinds.await, [5], "given, so on record");
                            assert!(holds(&payloads(answer), CANARY));
                            given.fetch_add(1, Ordering::SeqCst);
                        }
                        () = tokio::time::sleep(patience) => {
                            cancelled.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                }
            })
            .await;
        let (given, cancelled) = (given.into_inner(), cancelled.into_inner());
        assert!(given * 20 > calls && cancelled * 20 > calls, "{given} given, {cancelled} went away");
        assert!(on_record(&raw, rig.hall).await >= i64::try_from(given).unwrap());
        assert!(rig.check().await.verified(), "the ledger is whole");
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn words_names_and_cards_stand_in_personal_tables_and_nowhere_else() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 63).await;
        let zhang = rig.named("CANARY-NAME").await;
        let (gone, kept) = (rig.bind(&zhang, "CANARY-CARD-A").await, rig.bind(&zhang, CANARY).await);
        rig.entry(kept.get(), Some(reveal())).await;
        rig.erase(&[(gone, 1)]).await;
        let refused = rig.propose(&rig.anna, &[(kept, 1)]).await.unwrap();
        rig.decide(&rig.bo, refused, false).await.unwrap();
        let rig = rig.restart().await;
        let mut found = Vec::new();
        let sources = sources("src");
        for table in tables(&sources).into_iter().map(|table| table.value) {
            for column in table.columns.iter().filter(|column| column.kind != Kind::Int) {
                let count = canaries(fixture, table, column.name, column.kind).await;
                if column.class == Class::Personal {
                    found.push((table.name, count));
                } else {
                    assert_eq!(count, 0, "{}.{}", table.name, column.name);
                }
            }
        }
        found.retain(|(_, count)| *count > 0);
        found.sort_unstable();
        // The name and the card that is left; the reasons of one read, two proposals and two decisions.
        assert_eq!(
            found,
            [("audit_personal", 5), ("directory_personal", 2)],
            "the rig finds them where they are"
        );
        rig.stop().await;
    })
    .await;
}

async fn canaries(fixture: &Fixture, table: &Table, column: &str, kind: Kind) -> i64 {
    let name = table.name;
    let sql = match (fixture.store.dialect(), kind) {
        (Dialect::Sqlite, _) => format!(
            "SELECT count(*) FROM {name} WHERE instr(CAST({column} AS BLOB), CAST('CANARY' AS BLOB)) > 0"
        ),
        (Dialect::Postgres, Kind::Blob) => {
            format!("SELECT count(*) FROM {name} WHERE position('CANARY'::bytea IN {column}) > 0")
        }
        (Dialect::Postgres, Kind::Int | Kind::Text) => {
            format!("SELECT count(*) FROM {name} WHERE position('CANARY' IN {column}) > 0")
        }
    };
    fixture.raw().await.column::<i64>(&sql).await[0]
}
