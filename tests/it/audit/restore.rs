//! An older copy of the database is put back: nothing is built on it until somebody adopts it, and then it goes on as a
//! new epoch, on record.

use std::path::PathBuf;
use std::sync::Arc;

use qinlian::kernel::{LogId, Pos};
use qinlian::ledger::anchor::Anchored;
use qinlian::ledger::faults::Faults;
use qinlian::ledger::restore::{Adopted, Restore, RestoreError, Which};
use qinlian::ledger::setup::origin;
use qinlian::ledger::signature::verifier_key;
use qinlian::proto::*;
use qinlian::registers::audit::service::restore::adopt_restore;
use qinlian::registers::failure::Failure;
use qinlian::registers::rulebook::Registers;
use qinlian::store::Dialect;
use qinlian::tlog::{Hash, TlogProof, leaf_hash};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::rig::{ParseCentre, Rig, Stopped, anchor, auditor, binding, erasures, reveal, word};
use crate::support::office::{DEPLOYMENT, HALL, keys};
use crate::support::postgres;
use crate::support::store::{Fixture, each};

/// A copy of the database, made while nobody has it open.
struct Copy {
    dialect: Dialect,
    /// The file, or the database.
    original: String,
    copy: String,
}

impl Copy {
    async fn of(fixture: &Fixture, name: &str) -> Self {
        fixture.store.close().await;
        let dialect = fixture.store.dialect();
        let (original, copy) = match dialect {
            Dialect::Sqlite => {
                let file = fixture.url().trim_start_matches("sqlite://").to_owned();
                assert!(!PathBuf::from(format!("{file}-wal")).exists(), "closed, so in one file");
                let copy = format!("{file}.{name}");
                std::fs::copy(&file, &copy).unwrap();
                (file, copy)
            }
            Dialect::Postgres => {
                let url = fixture.url();
                let before = url.split('?').next().unwrap();
                let database = before.rsplit('/').next().unwrap().to_owned();
                let copy = format!("{database}_{name}");
                administer(&[
                    format!("DROP DATABASE IF EXISTS {copy} WITH (FORCE)"),
                    format!("CREATE DATABASE {copy} TEMPLATE {database}"),
                ])
                .await;
                (database, copy)
            }
        };
        Self { dialect, original, copy }
    }

    async fn put_back(&self) {
        match self.dialect {
            Dialect::Sqlite => {
                for file in ["-wal", "-shm"] {
                    let _ = std::fs::remove_file(format!("{}{file}", self.original));
                }
                std::fs::copy(&self.copy, &self.original).unwrap();
            }
            Dialect::Postgres => {
                administer(&[
                    format!("DROP DATABASE {} WITH (FORCE)", self.original),
                    format!("CREATE DATABASE {} TEMPLATE {}", self.original, self.copy),
                ])
                .await;
            }
        }
    }

    async fn end(self) {
        if self.dialect == Dialect::Postgres {
            administer(&[format!("DROP DATABASE {} WITH (FORCE)", self.copy)]).await;
        }
    }
}

async fn administer(texts: &[String]) {
    let url = postgres::server().expect("a server").url_of("postgres");
    let mut session = PgConnection::connect(&url).await.expect("the server");
    for text in texts {
        sqlx::raw_sql(AssertSqlSafe(text.as_str())).execute(&mut session).await.expect(text);
    }
    session.close().await.expect("closed");
}

async fn adopt(stopped: &Stopped<'_>, which: &Which) -> Result<Vec<Adopted>, RestoreError> {
    adopt_with(stopped, which, &[]).await
}

async fn adopt_with(
    stopped: &Stopped<'_>,
    which: &Which,
    witnessed: &[(String, Anchored)],
) -> Result<Vec<Adopted>, RestoreError> {
    stopped.clock.advance_ms(60_000);
    let store = stopped.fixture.another_store().await;
    let (anchor, erasures) = (anchor(stopped.fixture), erasures(stopped.fixture));
    let restore = Restore {
        store: &store,
        keys: Arc::new(keys()),
        clock: &*stopped.clock,
        rulebook: &Registers::new(Arc::new(keys())),
        anchor: &anchor,
        erasures: &erasures,
        witnessed,
        deployment: DEPLOYMENT,
    };
    let adopted = adopt_restore(&restore, which).await;
    store.close().await;
    adopted
}

/// The receipt of an entry verifies under the key of its tree.
async fn receipt(rig: &Rig<'_>, pos: Pos) -> String {
    let reader = rig.desk.ledger().reader();
    let proof = reader.receipt_proof(rig.hall, pos).await.expect("a proof");
    let leaf = reader.entries(rig.hall, &[pos]).await.expect("an entry").remove(0).leaf;
    let epoch = reader.epoch_of(rig.hall, pos).await.expect("an epoch");
    let key = verifier_key(&keys(), &epoch.origin).expect("a key");
    TlogProof::parse(&proof).expect("a proof").verify(leaf_hash(&leaf), &key).expect("it verifies");
    proof
}

fn hall(epoch: u32) -> String {
    origin(DEPLOYMENT, &HALL.parse_centre(), epoch)
}

#[tokio::test]
async fn an_older_copy_is_built_on_only_after_it_was_adopted_as_a_new_epoch() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 81).await;
        let zhang = rig.named("张三").await;
        let first = rig.bind(&zhang, "CARD-A").await;
        let old_receipt = receipt(&rig, first).await;
        let old = rig.size(rig.hall).await;
        let stopped = rig.stop().await;
        let older = Copy::of(fixture, "older").await;
        let rig = stopped.start(Faults::none()).await;
        let id = rig.request_id();
        for card in ["CARD-B", "CARD-C"] {
            rig.bind(&zhang, card).await;
        }
        let lost = rig.give(rig.hall, id, binding(&zhang, "CARD-D")).await.unwrap();
        let known = rig.size(rig.hall).await;
        let stopped = rig.stop().await;
        older.put_back().await;

        let rig = stopped.start(Faults::none()).await;
        let refused = rig.give(rig.hall, id, binding(&zhang, "CARD-D")).await;
        assert!(matches!(refused, Err(Failure::Unavailable("HEAD"))), "{refused:?}");
        assert_eq!(rig.size(rig.hall).await, old, "nothing was built on it");
        let li = rig.named("李四").await;
        let stopped = rig.stop().await;

        let adopted = adopt(&stopped, &Which::Behind).await.unwrap();
        let [one] = adopted.as_slice() else { panic!("the deployment's log is not behind: {adopted:?}") };
        assert_eq!((one.epoch, one.base, one.origin.as_str()), (2, Pos::new(old), hall(2).as_str()));
        assert_eq!((one.old.size, one.known.size, one.forked), (old, known, false));
        assert_eq!((one.lost.clone(), one.old_origin.as_str()), (old..known, hall(1).as_str()));
        assert_eq!(adopt(&stopped, &Which::Behind).await.unwrap(), [], "once");

        let rig = stopped.start(Faults::none()).await;
        let entry = rig.entry(0, None).await.entry.unwrap();
        assert_eq!((entry.kind.as_str(), entry.origin.as_str()), ("EPOCH", hall(2).as_str()));
        let facts = <EntryFacts as prost::Message>::decode(entry.parts[0].payload.as_slice()).unwrap();
        assert_eq!(facts.principal, "local:administrator");
        let Some(fact::Fact::Epoch(said)) = facts.facts[0].fact.clone() else { panic!("no epoch") };
        assert_eq!((said.base, said.old_size, said.known_size), (old, old, known));
        assert_eq!((said.old_root, said.known_root), (one.old.root.0.to_vec(), one.known.root.0.to_vec()));

        // What was lost comes back from who sent it, under the same id, at a position that goes on.
        let again = rig.give(rig.hall, id, binding(&zhang, "CARD-D")).await.unwrap();
        assert_eq!((again.pos, again.index, again.origin.as_str()), (Pos::new(old + 1), 1, hall(2).as_str()));
        assert_ne!((lost.index, &lost.origin), (again.index, &again.origin));
        assert_eq!(receipt(&rig, first).await, old_receipt, "receipts of the old tree are what they were");
        receipt(&rig, again.pos).await;
        rig.bind(&li, "CARD-E").await;

        // The old tree can still be asked.
        let request = GetEntryRequest {
            centre: HALL.to_owned(),
            index: first.get(),
            reveal: Some(reveal()),
            origin: hall(1),
        };
        let entry = rig.calls.get_entry(&rig.caller(&auditor(), "GetEntry"), request).await.unwrap();
        assert_eq!(entry.entry.unwrap().kind, "PUT_CREDENTIAL_BINDING");
        let beyond = GetEntryRequest { centre: HALL.to_owned(), index: old, origin: hall(1), reveal: None };
        let beyond = rig.calls.get_entry(&rig.caller(&auditor(), "GetEntry"), beyond).await;
        assert_eq!(word(beyond), "no entry", "what was lost is not taken for what came after");
        let report = rig.check().await;
        assert!(report.verified(), "{:?}", report.findings);
        assert!(report.findings.iter().any(|note| note.why.contains("given up")), "the check says so");
        let rig = rig.restart().await;
        rig.bind(&li, "CARD-F").await;
        rig.stop().await;
        older.end().await;
    })
    .await;
}

#[tokio::test]
async fn what_was_erased_is_erased_again_and_that_is_on_record() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 82).await;
        let zhang = rig.named("张三").await;
        let mut cards = Vec::new();
        for card in ["CANARY-A", "CANARY-B", "CANARY-C"] {
            cards.push(rig.bind(&zhang, card).await);
        }
        // The first is erased before the copy is made, the second after it.
        rig.erase(&[(cards[0], 1)]).await;
        let stopped = rig.stop().await;
        let older = Copy::of(fixture, "older").await;
        let rig = stopped.start(Faults::none()).await;
        rig.erase(&[(cards[1], 1)]).await;
        let stopped = rig.stop().await;
        older.put_back().await;
        let raw = fixture.raw().await;
        let here = async || {
            let sql = "SELECT pos FROM directory_personal WHERE log_id > 0 ORDER BY pos";
            raw.column::<i64>(sql).await
        };
        let columns = |cards: &[Pos]| cards.iter().map(|pos| pos.column()).collect::<Vec<_>>();
        assert_eq!(here().await, columns(&cards[1..]), "the copy brings it back");

        let adopted = adopt(&stopped, &Which::Behind).await.unwrap();
        let again: Vec<_> = adopted.iter().flat_map(|one| &one.erased_again).map(|at| at.pos).collect();
        assert_eq!(again, [cards[1]]);
        assert_eq!(here().await, columns(&cards[2..]));
        let rig = stopped.start(Faults::none()).await;
        let entry = rig.entry(1, None).await.entry.unwrap();
        assert_eq!(entry.kind, "ERASE");
        let request = GetEntryRequest {
            centre: HALL.to_owned(),
            index: cards[1].get(),
            origin: hall(1),
            ..GetEntryRequest::default()
        };
        let gone = rig.calls.get_entry(&rig.caller(&auditor(), "GetEntry"), request).await.unwrap();
        let part = &gone.entry.unwrap().parts[1];
        assert_eq!((part.erased_by, part.erased_by_origin.as_str()), (Some(1), hall(2).as_str()));
        let report = rig.check().await;
        assert!(report.verified(), "gone on record, not destroyed: {:?}", report.findings);
        let stopped = rig.stop().await;

        // The same copy once more: the epoch's own number is not used twice.
        older.put_back().await;
        let rig = stopped.start(Faults::none()).await;
        assert_eq!(here().await, columns(&cards[2..]), "erased again before anything is served");
        let refused = rig.give(rig.hall, rig.request_id(), binding(&zhang, "CARD-X")).await;
        assert!(matches!(refused, Err(Failure::Unavailable("HEAD"))), "{refused:?}");
        let stopped = rig.stop().await;
        let adopted = adopt(&stopped, &Which::Behind).await.unwrap();
        assert_eq!(adopted.iter().map(|one| one.epoch).collect::<Vec<_>>(), [3]);
        assert_eq!(
            adopted[0].lost_epochs.iter().map(|(origin, _)| origin.clone()).collect::<Vec<_>>(),
            [hall(2)]
        );
        assert_eq!(adopted[0].erased_again.iter().map(|at| at.pos).collect::<Vec<_>>(), [cards[1]]);
        let rig = stopped.start(Faults::none()).await;
        rig.bind(&zhang, "CARD-X").await;
        let report = rig.check().await;
        assert!(report.verified(), "{:?}", report.findings);
        rig.stop().await;
        older.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_copy_that_only_a_witness_knows_to_be_old_and_one_that_nobody_does() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 83).await;
        let zhang = rig.named("张三").await;
        rig.bind(&zhang, "CARD-A").await;
        let size = rig.size(rig.hall).await;
        let stopped = rig.stop().await;
        assert_eq!(adopt(&stopped, &Which::Behind).await.unwrap(), [], "nothing is behind");
        let seen = Anchored { size: size + 3, root: Hash([7; 32]) };
        let adopted = adopt_with(&stopped, &Which::Behind, &[(hall(1), seen)]).await.unwrap();
        assert_eq!(adopted.len(), 1);
        assert_eq!((adopted[0].known, adopted[0].lost.clone()), (seen, size..size + 3));
        // Somebody may know better than anchor and witness.
        let named = Which::Named(vec![HALL.parse_centre(), "_".parse_centre()]);
        let adopted = adopt(&stopped, &named).await.unwrap();
        let of: Vec<_> = adopted.iter().map(|one| (one.log, one.epoch, one.lost.is_empty())).collect();
        let rig = stopped.start(Faults::none()).await;
        assert_eq!(of, [(LogId::DEPLOYMENT, 2, true), (rig.hall, 3, true)]);
        let li = rig.named("李四").await;
        rig.bind(&li, "CARD-B").await;
        let report = rig.check().await;
        assert!(report.verified(), "{:?}", report.findings);
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn another_history_is_told_apart_and_a_head_that_is_not_ours_is_never_adopted() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 84).await;
        let zhang = rig.named("张三").await;
        let stopped = rig.stop().await;
        let older = Copy::of(fixture, "older").await;
        let rig = stopped.start(Faults::none()).await;
        rig.bind(&zhang, "CARD-A").await;
        let known = rig.size(rig.hall).await;
        let anchored = std::fs::read(fixture.dir().join("anchor")).unwrap();
        let stopped = rig.stop().await;
        // Somebody puts the copy back, hides the anchor, and works on: two histories of the same log.
        older.put_back().await;
        let mut older_lines = String::from_utf8(anchored.clone()).unwrap();
        older_lines.clear();
        std::fs::write(fixture.dir().join("anchor"), older_lines).unwrap();
        let rig = stopped.start(Faults::none()).await;
        rig.bind(&zhang, "CARD-B").await;
        rig.bind(&zhang, "CARD-C").await;
        let size = rig.size(rig.hall).await;
        let stopped = rig.stop().await;
        std::fs::write(fixture.dir().join("anchor"), anchored).unwrap();
        let rig = stopped.start(Faults::none()).await;
        let refused = rig.give(rig.hall, rig.request_id(), binding(&zhang, "CARD-D")).await;
        assert!(matches!(refused, Err(Failure::Unavailable("HEAD"))), "{refused:?}");
        let stopped = rig.stop().await;
        let adopted = adopt(&stopped, &Which::Behind).await.unwrap();
        assert_eq!(adopted.len(), 1, "{adopted:?}");
        assert_eq!((adopted[0].forked, adopted[0].old.size, adopted[0].known.size), (true, size, known));
        let rig = stopped.start(Faults::none()).await;
        rig.bind(&zhang, "CARD-D").await;
        assert!(rig.check().await.verified());
        let stopped = rig.stop().await;

        fixture
            .raw()
            .await
            .execute("UPDATE ledger_head SET config_pos = config_pos + 1 WHERE log_id > 0")
            .await;
        let named = Which::Named(vec![HALL.parse_centre()]);
        let refused = adopt(&stopped, &named).await;
        assert!(matches!(refused, Err(RestoreError::Head { .. })), "{refused:?}");
        older.end().await;
    })
    .await;
}
