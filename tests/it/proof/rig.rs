//! A ledger over the toy, a bundle of it in memory, and its verdicts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use qinlian::clock::MockClock;
use qinlian::kernel::{CentreId, EpochMs, LogId, RequestId};
use qinlian::ledger::anchor::Anchor;
use qinlian::ledger::bundle::{BundleRequest, BundleWriter, Shown, Wanted};
use qinlian::ledger::check::{CheckOptions, CheckReport, check};
use qinlian::ledger::committer::Lane;
use qinlian::ledger::disclosure::Disclosure;
use qinlian::ledger::keys::Keys;
use qinlian::ledger::port::{Author, Rulebook, Submission};
use qinlian::ledger::setup::{NewLog, origin};
use qinlian::ledger::signature::verifier_key;
use qinlian::ledger::verify::{Options, Report, verify};
use qinlian::ledger::{Ledger, Parts};
use qinlian::store::{Dialect, Inserts};
use qinlian::tlog::{CosignatureKey, VerifierKey};
use tokio::task::JoinHandle;

use super::toy::{Command, SCHEMA, Toy};
use crate::support::store::Fixture;

pub(super) const DEPLOYMENT: &str = "test.example/qinlian";
/// The one centre: its log is the position of the entry that opened it.
pub(super) const HALL: LogId = LogId::from_column(1);

/// A bundle in memory.
pub(super) type Bundle = BTreeMap<String, Vec<u8>>;

/// A ledger under test.
pub(super) struct Rig<'f> {
    pub(super) fixture: &'f Fixture,
    pub(super) clock: Arc<MockClock>,
    pub(super) ledger: Ledger<Toy>,
    task: JoinHandle<()>,
    ids: AtomicU64,
}

pub(super) fn keys() -> Keys {
    Keys::new(&[1; 32], &[2; 32])
}

/// The key of a centre's log, of the deployment's for `_`.
pub(super) fn key_of(centre: &str) -> VerifierKey {
    verifier_key(&keys(), &origin(DEPLOYMENT, &CentreId::parse(centre).unwrap(), 1)).unwrap()
}

pub(super) fn note(text: &str, name: Option<&str>) -> Command {
    Command::Note { text: text.to_owned(), name: name.map(str::to_owned) }
}

impl<'f> Rig<'f> {
    /// An empty deployment log, and a centre `hall` with log 1.
    pub(super) async fn new(fixture: &'f Fixture) -> Self {
        let schema = if fixture.store.dialect() == Dialect::Sqlite { SCHEMA.0 } else { SCHEMA.1 };
        fixture.raw().await.execute(schema).await;
        let mut inserts = Inserts::new();
        let deployment =
            NewLog { log: LogId::DEPLOYMENT, centre: CentreId::deployment(), opened: EpochMs::ZERO };
        deployment.insert(&keys(), DEPLOYMENT, &mut inserts);
        let mut tx = fixture.store.begin().await.unwrap();
        tx.insert(inserts).await.unwrap();
        tx.commit().await.unwrap();
        Self::start(fixture, crate::support::clock(7)).await.begin().await
    }

    async fn start(fixture: &'f Fixture, clock: Arc<MockClock>) -> Self {
        let mut parts = Parts::new(fixture.store.clone(), keys(), clock.clone(), Toy, DEPLOYMENT);
        parts.anchor = Anchor::open(&fixture.dir().join("anchor")).unwrap();
        let (ledger, task) = Ledger::start(parts).await.unwrap();
        Self { fixture, clock, ledger, task, ids: AtomicU64::new(1) }
    }

    async fn begin(self) -> Self {
        self.send(LogId::DEPLOYMENT, note("genesis", None)).await;
        let opened = self.send(LogId::DEPLOYMENT, Command::Open { code: "hall".to_owned() }).await;
        assert_eq!(opened.cast_signed(), HALL.column());
        self
    }

    fn submission(&self, log: LogId, command: Command) -> Submission<Command> {
        let id = u128::from(self.ids.fetch_add(1, Ordering::SeqCst));
        let author = Author { principal: "person:zhang".to_owned(), pass: None };
        Submission { log, request_id: RequestId::random(id.to_be_bytes()), author, command }
    }

    /// Sends one command, a minute after the one before; its position.
    pub(super) async fn send(&self, log: LogId, command: Command) -> u64 {
        self.clock.advance_ms(60_000);
        self.ledger.submit(self.submission(log, command), Lane::Live).await.unwrap().pos.get()
    }

    /// Sends many at once.
    pub(super) async fn send_all(&self, log: LogId, commands: Vec<Command>) {
        self.clock.advance_ms(60_000);
        let submissions = commands.into_iter().map(|command| self.submission(log, command)).collect();
        for answer in self.ledger.submit_all(submissions).await.unwrap() {
            answer.unwrap();
        }
    }

    /// `count` notes, every third with a name, in commits of `at_once`.
    pub(super) async fn fill(&self, count: usize, at_once: usize) {
        let notes: Vec<Command> =
            (0..count).map(|n| note(&format!("note {n}"), (n % 3 == 0).then_some("Zhang San"))).collect();
        for some in notes.chunks(at_once) {
            self.send_all(HALL, some.to_vec()).await;
        }
    }

    /// Erases parts of the hall's log.
    pub(super) async fn erase(&self, parts: &[(u64, u32)]) -> u64 {
        self.send(HALL, Command::Erase { parts: parts.to_vec() }).await
    }

    /// A read of the hall's log on record.
    pub(super) async fn disclosure(&self) -> Disclosure {
        self.clock.advance_ms(60_000);
        self.ledger.disclose(self.submission(HALL, Command::Read)).await.unwrap()
    }

    /// A bundle of the hall's log.
    pub(super) async fn bundle(
        &self,
        disclosure: Option<&Disclosure>,
        witnesses: &[CosignatureKey],
    ) -> Bundle {
        self.bundle_of(disclosure, &Wanted::default(), witnesses).await
    }

    /// A bundle with the personal parts of these entries.
    pub(super) async fn bundle_of(
        &self,
        disclosure: Option<&Disclosure>,
        of: &Wanted,
        witnesses: &[CosignatureKey],
    ) -> Bundle {
        let personal = disclosure.map(|on_record| Shown { on_record, of });
        let request =
            BundleRequest { log: HALL, personal_tables: Toy.personal_tables(), personal, witnesses };
        let mut writer = BundleWriter::open(self.ledger.reader(), request).await.unwrap();
        let mut bundle = Bundle::new();
        while let Some(file) = writer.next().await.unwrap() {
            assert!(bundle.insert(file.path.clone(), file.bytes).is_none(), "{} twice", file.path);
        }
        bundle
    }

    /// The audit, with what this replica saw last and what the witness client remembers.
    pub(super) async fn check_with(
        &self,
        witnessed: Option<&Anchor>,
        witnesses: &[CosignatureKey],
    ) -> CheckReport {
        let options =
            CheckOptions { deployment: DEPLOYMENT, anchor: Some(self.ledger.anchor()), witnessed, witnesses };
        check(self.ledger.reader(), &Toy, &options).await.unwrap()
    }

    /// Stops; signatures that wait are written.
    pub(super) async fn stop(self) {
        drop(self.ledger);
        self.task.await.unwrap();
    }

    /// Stops and starts again on the same database.
    pub(super) async fn restart(self) -> Self {
        let (fixture, clock) = (self.fixture, self.clock.clone());
        let ids = AtomicU64::new(self.ids.load(Ordering::SeqCst));
        self.stop().await;
        Self { ids, ..Self::start(fixture, clock).await }
    }
}

/// The verdict of somebody who has the hall's key and nothing else.
pub(super) fn verdict(bundle: &Bundle) -> Report {
    verify(bundle, &Options::new(vec![key_of("hall")]), &Toy)
}

/// The first bad thing, for tables of cases: index and field.
pub(super) fn first_bad(report: &Report) -> (Option<u64>, String) {
    report.first_bad.clone().map(|bad| (bad.index, bad.field)).unwrap_or_default()
}
