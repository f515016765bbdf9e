//! Sessions: opened by the first call, shared for an hour, closed with what was given; or as unknown.

use qinlian::kernel::Subject;
use qinlian::ledger::faults::{Faults, Injected, Point};
use qinlian::proto::*;
use qinlian::registers::audit::service::reads::{Reads, ReplicaId};
use sha2::{Digest, Sha256};

use super::rig::{Rig, auditor, revealed};
use crate::support::office::HALL;
use crate::support::store::each;

const OURS: ReplicaId = ReplicaId::new(*b"replica1");
const THEIRS: ReplicaId = ReplicaId::new(*b"replica2");
const HOUR_MS: u64 = 3_600_000;

/// What `ListReads` says of sessions: how they ended and what they gave.
async fn sessions(rig: &Rig<'_>) -> Vec<(read::Closed, Option<u64>)> {
    let request = ListReadsRequest { centre: HALL.to_owned(), ..ListReadsRequest::default() };
    let answer = rig.calls.list_reads(&rig.caller(&auditor(), "ListReads"), request).await.unwrap();
    let of = |read: &Read| read.kind() == read::Kind::Session;
    answer.reads.iter().filter(|read| of(read)).map(|read| (read.closed(), read.rows)).collect()
}

/// One call of a polled feed that gives two rows.
async fn poll(rig: &Rig<'_>, reads: &Reads, scope: &str, cursor: &str) -> u64 {
    let caller = rig.caller(&auditor(), "ListEntries");
    let place = rig.place(&caller).await;
    let session = reads.session(&caller, &place, scope, &revealed()).await.expect("a session");
    session.given(2, cursor, cursor.as_bytes());
    session.disclosure().index()
}

#[tokio::test]
async fn calls_within_an_hour_share_one_entry_that_is_closed_with_what_was_given() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 51).await;
        let reads = Reads::start(rig.desk.clone(), OURS).await.unwrap();
        let before = rig.size(rig.hall).await;
        let first = poll(&rig, &reads, "all", "c1").await;
        rig.clock.advance_ms(HOUR_MS - 1);
        assert_eq!(poll(&rig, &reads, "all", "c2").await, first);
        reads.sweep().await;
        assert_eq!(rig.size(rig.hall).await, before + 1, "opened once, and not closed yet");
        assert_eq!(sessions(&rig).await, [(read::Closed::Unspecified, None)]);

        rig.clock.advance_ms(1);
        let second = poll(&rig, &reads, "all", "c3").await;
        assert_ne!(second, first, "the hour is over");
        reads.sweep().await;
        reads.sweep().await;
        let closed = (read::Closed::Closed, Some(4));
        assert_eq!(sessions(&rig).await, [closed, (read::Closed::Unspecified, None)]);
        reads.stop().await;
        assert_eq!(sessions(&rig).await, [closed, (read::Closed::Closed, Some(2))]);

        // The end says up to where, and a digest of the answers in order.
        let last = rig.size(rig.hall).await - 1;
        let ends = [last - 1, last];
        let mut found = Vec::new();
        for index in ends {
            let entry = rig.entry(index, None).await.entry.unwrap();
            assert_eq!(entry.kind, "DISCLOSURE_END");
            let facts = <EntryFacts as prost::Message>::decode(entry.parts[0].payload.as_slice()).unwrap();
            let Some(fact::Fact::DisclosureEnd(end)) = facts.facts[0].fact.clone() else { panic!("no end") };
            found.push((end.disclosure, end.last_cursor, end.digest));
        }
        let digest = |answers: &[&str]| {
            let mut hash = Sha256::new();
            for answer in answers {
                hash.update((answer.len() as u64).to_be_bytes());
                hash.update(answer);
            }
            hash.finalize().to_vec()
        };
        assert_eq!(
            found,
            [(first, "c2".to_owned(), digest(&["c1", "c2"])), (second, "c3".to_owned(), digest(&["c3"])),]
        );
        assert!(rig.check().await.verified());
        drop(reads);
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn another_subject_scope_or_reason_is_another_session() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 52).await;
        let reads = Reads::start(rig.desk.clone(), OURS).await.unwrap();
        let open = async |who: &Subject, method: &str, scope: &str, purpose: reveal::Purpose| {
            let caller = rig.caller(who, method);
            let place = rig.place(&caller).await;
            let mut why = revealed();
            why.purpose = purpose;
            reads.session(&caller, &place, scope, &why).await.expect("a session").disclosure().index()
        };
        let (audit, other) = (reveal::Purpose::Audit, reveal::Purpose::Investigation);
        let mut seen = std::collections::BTreeSet::new();
        for (who, method, scope, purpose) in [
            (&auditor(), "ListEntries", "a", audit),
            (&rig.ci, "ListEntries", "a", audit),
            (&auditor(), "GetEntry", "a", audit),
            (&auditor(), "ListEntries", "b", audit),
            (&auditor(), "ListEntries", "a", other),
        ] {
            let index = open(who, method, scope, purpose).await;
            assert!(seen.insert(index), "{who} {method} {scope}");
            assert_eq!(open(who, method, scope, purpose).await, index);
        }
        reads.stop().await;
        assert_eq!(sessions(&rig).await, vec![(read::Closed::Closed, Some(0)); 5]);
        drop(reads);
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_session_is_not_closed_while_a_call_still_gives_from_it() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 53).await;
        let reads = Reads::start(rig.desk.clone(), OURS).await.unwrap();
        let caller = rig.caller(&auditor(), "ListEntries");
        let place = rig.place(&caller).await;
        let slow = reads.session(&caller, &place, "all", &revealed()).await.unwrap();
        rig.clock.advance_ms(HOUR_MS);
        assert!(!slow.holds_at(rig.now()));
        reads.sweep().await;
        assert_eq!(sessions(&rig).await, [(read::Closed::Unspecified, None)]);
        slow.given(7, "c", b"late");
        drop(slow);
        reads.sweep().await;
        assert_eq!(sessions(&rig).await, [(read::Closed::Closed, Some(7))]);
        drop(reads);
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_a_server_that_died_left_open_is_closed_as_unknown_and_nobody_elses_before_its_time() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 54).await;
        let ours = Reads::start(rig.desk.clone(), OURS).await.unwrap();
        let theirs = Reads::start(rig.desk.clone(), THEIRS).await.unwrap();
        poll(&rig, &ours, "ours", "c").await;
        poll(&rig, &theirs, "theirs", "c").await;
        drop((ours, theirs));
        let rig = rig.restart().await;
        let open = (read::Closed::Unspecified, None);
        let unknown = (read::Closed::Unknown, None);
        assert_eq!(sessions(&rig).await, [open, open]);
        drop(Reads::start(rig.desk.clone(), OURS).await.unwrap());
        assert_eq!(sessions(&rig).await, [unknown, open]);
        rig.clock.advance_ms(HOUR_MS + 1);
        drop(Reads::start(rig.desk.clone(), OURS).await.unwrap());
        assert_eq!(sessions(&rig).await, [unknown, open], "its own replica may still close it");
        rig.clock.advance_ms(HOUR_MS);
        let before = rig.size(rig.hall).await;
        drop(Reads::start(rig.desk.clone(), OURS).await.unwrap());
        assert_eq!(sessions(&rig).await, [unknown, unknown]);
        drop(Reads::start(rig.desk.clone(), THEIRS).await.unwrap());
        assert_eq!(rig.size(rig.hall).await, before + 1, "closed once");
        assert!(rig.check().await.verified());
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_session_that_cannot_be_opened_gives_nothing_and_one_that_cannot_be_closed_is_closed_later() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 55).await;
        let broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
        let plan = std::sync::Arc::clone(&broken);
        let faults = Faults::planned(std::sync::Arc::new(move |point| {
            let now = point == Point::Locked && plan.load(std::sync::atomic::Ordering::SeqCst);
            now.then_some(Injected::Error)
        }));
        let rig = rig.stop().await.start(faults).await;
        let reads = Reads::start(rig.desk.clone(), OURS).await.unwrap();
        let caller = rig.caller(&auditor(), "ListEntries");
        let place = rig.place(&caller).await;
        assert!(reads.session(&caller, &place, "all", &revealed()).await.is_err());
        let set = |to| broken.store(to, std::sync::atomic::Ordering::SeqCst);
        set(false);
        poll(&rig, &reads, "all", "c").await;
        set(true);
        reads.stop().await;
        assert_eq!(sessions(&rig).await, [(read::Closed::Unspecified, None)]);
        set(false);
        reads.stop().await;
        assert_eq!(sessions(&rig).await, [(read::Closed::Closed, Some(2))]);
        drop(reads);
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_caller_who_goes_away_while_a_session_opens_leaves_it_to_be_closed() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 56).await;
        let reads = Reads::start(rig.desk.clone(), OURS).await.unwrap();
        let caller = rig.caller(&auditor(), "ListEntries");
        let place = rig.place(&caller).await;
        {
            let why = revealed();
            let mut opening = std::pin::pin!(reads.session(&caller, &place, "all", &why));
            assert!(futures_util::poll!(opening.as_mut()).is_pending());
        }
        // The next call waits for what the first one began, and shares it.
        poll(&rig, &reads, "all", "c").await;
        reads.stop().await;
        assert_eq!(sessions(&rig).await, [(read::Closed::Closed, Some(2))]);
        drop(reads);
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_system_administrator_has_no_sessions() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 57).await;
        let reads = Reads::start(rig.desk.clone(), OURS).await.unwrap();
        let administrator = rig.administrator();
        let caller = rig.caller_of(&administrator, "qinlian.v1.DirectoryService/ListPeople");
        let place = rig.place(&caller).await;
        assert!(reads.session(&caller, &place, "all", &revealed()).await.is_err());
        assert_eq!(sessions(&rig).await, []);
        drop(reads);
        rig.stop().await;
    })
    .await;
}

#[test]
fn a_replicas_id_is_minted_once_and_kept_beside_the_anchor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replica");
    let clock = crate::support::clock(58);
    let first = ReplicaId::open(&path, &*clock).unwrap();
    assert_eq!(ReplicaId::open(&path, &*clock).unwrap(), first);
    let other = ReplicaId::open(&folder.path().join("other"), &*clock).unwrap();
    assert_ne!(other, first);
    std::fs::write(&path, b"short").unwrap();
    assert!(ReplicaId::open(&path, &*clock).is_err());
}
