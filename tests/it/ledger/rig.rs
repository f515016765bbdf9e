//! A ledger over the toy rulebook on one database, with what a test needs to stop it, start it and look behind it.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{FutureExt, StreamExt};
use qinlian::clock::{Clock, MockClock};
use qinlian::kernel::{CentreId, EpochMs, LogId, Pos, RequestId};
use qinlian::ledger::anchor::Anchor;
use qinlian::ledger::committer::{Lane, Outcome, Reply, SubmitError};
use qinlian::ledger::erase::Erasures;
use qinlian::ledger::faults::Faults;
use qinlian::ledger::keys::Keys;
use qinlian::ledger::port::{Author, PassRef, Submission};
use qinlian::ledger::setup::{NewLog, origin};
use qinlian::ledger::signature::verifier_key;
use qinlian::ledger::{Ledger, Parts};
use qinlian::store::{Dialect, Inserts, Store};
use qinlian::tlog::{TlogProof, leaf_hash};
use tokio::task::JoinHandle;

use super::toy::{Command, Fact, SCHEMA, Toy};
use crate::support::store::{Fixture, Raw};

pub(super) const DEPLOYMENT: &str = "test.example/qinlian";
/// The centre that every rig begins with: its log is the position of the entry that opened it.
pub(super) const HALL: LogId = LogId::from_column(1);

pub(super) type Answer = Result<Reply<Fact>, SubmitError>;

/// A ledger under test.
pub(super) struct Rig {
    pub(super) fixture: Arc<Fixture>,
    pub(super) clock: Arc<MockClock>,
    pub(super) ledger: Ledger<Toy>,
    task: JoinHandle<()>,
    ids: AtomicU64,
}

/// How a ledger is started.
#[derive(Default, Clone)]
pub(super) struct Start {
    pub(super) faults: Faults,
    /// The most entries per commit.
    pub(super) batch: Option<usize>,
    /// Files beside the database; without them nothing outlives the process but the database.
    pub(super) volume: Option<PathBuf>,
}

pub(super) fn keys() -> Keys {
    Keys::new(&[1; 32], &[2; 32])
}

/// Starts a ledger on a store.
pub(super) async fn start(
    store: Store,
    clock: Arc<dyn Clock>,
    how: &Start,
) -> Result<(Ledger<Toy>, JoinHandle<()>), qinlian::ledger::reader::ReadError> {
    let mut parts = Parts::new(store, keys(), clock, Toy::default(), DEPLOYMENT);
    parts.faults = how.faults.clone();
    parts.batch = how.batch.unwrap_or(parts.batch);
    if let Some(volume) = &how.volume {
        parts.anchor = Anchor::open(&volume.join("anchor")).unwrap();
        parts.erasures = Erasures::open(&volume.join("erasures")).unwrap();
    }
    Ledger::start(parts).await
}

/// The toy's tables and an empty deployment log.
pub(super) async fn found(fixture: &Fixture) {
    let schema = if fixture.store.dialect() == Dialect::Sqlite { SCHEMA.0 } else { SCHEMA.1 };
    let raw = fixture.raw().await;
    raw.execute(schema).await;
    let mut inserts = Inserts::new();
    NewLog { log: LogId::DEPLOYMENT, centre: CentreId::deployment(), opened: EpochMs::ZERO }.insert(
        &keys(),
        DEPLOYMENT,
        &mut inserts,
    );
    let mut tx = fixture.store.begin().await.unwrap();
    tx.insert(inserts).await.unwrap();
    tx.commit().await.unwrap();
}

impl Rig {
    /// An empty deployment with one centre, [`HALL`].
    pub(super) async fn new(fixture: Fixture) -> Self {
        Self::with(fixture, Start::default()).await
    }

    /// The same, started in a certain way.
    pub(super) async fn with(fixture: Fixture, how: Start) -> Self {
        found(&fixture).await;
        let clock = crate::support::clock(7);
        let (ledger, task) = start(fixture.store.clone(), clock.clone(), &how).await.unwrap();
        let rig = Self { fixture: Arc::new(fixture), clock, ledger, task, ids: AtomicU64::new(1) };
        rig.send(LogId::DEPLOYMENT, put("genesis", "")).await.unwrap();
        let opened = rig.send(LogId::DEPLOYMENT, open_centre("hall")).await.unwrap();
        assert_eq!(opened.pos.column(), HALL.column());
        rig
    }

    /// The same database under another process: every handle is gone before the next one starts.
    pub(super) async fn restart(self, how: &Start) -> Self {
        let Self { fixture, clock, ledger, task, ids } = self;
        drop(ledger);
        task.await.unwrap();
        let (ledger, task) = start(fixture.another_store().await, clock.clone(), how).await.unwrap();
        Self { fixture, clock, ledger, task, ids }
    }

    /// One more process on the same database, while this one runs.
    pub(super) async fn replica(&self, how: &Start) -> (Ledger<Toy>, JoinHandle<()>) {
        start(self.fixture.another_store().await, self.clock.clone(), how).await.unwrap()
    }

    /// Stops, and drops the database.
    pub(super) async fn end(self) {
        let Self { fixture, ledger, task, .. } = self;
        drop(ledger);
        let _ = task.await;
        if let Some(fixture) = Arc::into_inner(fixture) {
            fixture.end().await;
        }
    }

    /// A request id that was not used before; small numbers, so that a failure can be read.
    pub(super) fn id(&self) -> RequestId {
        id(self.ids.fetch_add(1, Ordering::SeqCst))
    }

    /// Sends a command under a new id and waits for its commit.
    pub(super) async fn send(&self, log: LogId, command: Command) -> Answer {
        self.ledger.submit(submission(log, self.id(), command), Lane::Live).await
    }

    /// Sends commands as one upload: they wait together, so they share batches.
    pub(super) async fn send_all(&self, log: LogId, commands: Vec<Command>) -> Vec<Answer> {
        let submissions = commands.into_iter().map(|command| submission(log, self.id(), command)).collect();
        self.ledger.submit_all(submissions).await.unwrap()
    }

    /// Sends commands at once, each in its lane. On a runtime of one thread they all wait before the committer sees the
    /// first, so which batches they make is known.
    pub(super) async fn together(&self, sent: Vec<(Lane, Submission<Command>)>) -> Vec<Answer> {
        let sent = sent.into_iter().map(|(lane, submission)| self.ledger.submit(submission, lane));
        tokio::task::unconstrained(futures_util::future::join_all(sent)).await
    }

    /// A submission under a new id.
    pub(super) fn new_submission(&self, log: LogId, command: Command) -> Submission<Command> {
        submission(log, self.id(), command)
    }

    /// Opens another centre; its log.
    pub(super) async fn open(&self, code: &str) -> LogId {
        LogId::from_column(self.send(LogId::DEPLOYMENT, open_centre(code)).await.unwrap().pos.column())
    }

    /// Entries in a log, as its head says.
    pub(super) async fn size(&self, log: LogId) -> u64 {
        self.ledger.reader().head(log).await.unwrap().0.size
    }

    /// Fills a log up to a size, in full batches.
    pub(super) async fn fill_to(&self, log: LogId, size: u64) {
        let missing = size - self.size(log).await;
        for chunk in (0..missing).collect::<Vec<_>>().chunks(4_096) {
            for answer in self.send_all(log, chunk.iter().map(|n| put(&format!("k{n}"), "")).collect()).await
            {
                answer.unwrap();
            }
        }
    }

    /// The leaf at a position.
    pub(super) async fn leaf(&self, log: LogId, pos: Pos) -> qinlian::ledger::leaf::Leaf {
        let entries = self.ledger.reader().entries(log, &[pos]).await.unwrap();
        qinlian::ledger::leaf::Leaf::decode(&entries[0].leaf).unwrap()
    }

    /// The facts at a position.
    pub(super) async fn fact(&self, log: LogId, pos: Pos) -> Fact {
        let entries = self.ledger.reader().entries(log, &[pos]).await.unwrap();
        serde_json::from_slice(&entries[0].facts.as_ref().unwrap().1).unwrap()
    }

    /// The receipt's proof as it is read later, after checking it offline against the leaf and the log's key.
    pub(super) async fn receipt(&self, log: LogId, pos: Pos) -> String {
        let text = self.ledger.reader().receipt_proof(log, pos).await.unwrap();
        let entries = self.ledger.reader().entries(log, &[pos]).await.unwrap();
        verify(&text, &entries[0].leaf, &self.ledger.reader().epoch_of(log, pos).await.unwrap().origin);
        text
    }

    /// The database without the software.
    pub(super) async fn raw(&self) -> Raw {
        self.fixture.raw().await
    }

    /// One number, by direct SQL.
    pub(super) async fn number(&self, sql: &str) -> i64 {
        self.raw().await.column::<i64>(sql).await[0]
    }

    /// Direct SQL.
    pub(super) async fn tamper(&self, sql: &str) -> u64 {
        self.raw().await.execute(sql).await
    }
}

/// A proof, checked offline: nothing is asked but the proof, the leaf and the log's public key.
pub(super) fn verify(proof: &str, leaf: &[u8], origin: &str) {
    let key = verifier_key(&keys(), origin).unwrap();
    TlogProof::parse(proof).unwrap().verify(leaf_hash(leaf), &key).unwrap();
}

/// The receipt's proof out of a fresh answer.
pub(super) fn fresh(reply: &Reply<Fact>) -> String {
    let (entry, tree) = reply.fresh.as_ref().expect("a fresh answer");
    tree.proof(entry.index).unwrap()
}

pub(super) fn id(number: u64) -> RequestId {
    RequestId::random(u128::from(number).to_be_bytes())
}

pub(super) fn author() -> Author {
    Author { principal: "person:zhang".to_owned(), pass: None }
}

pub(super) fn pass() -> PassRef {
    PassRef { log: LogId::DEPLOYMENT, centre: CentreId::deployment(), pos: Pos::ZERO }
}

pub(super) fn submission(log: LogId, request_id: RequestId, command: Command) -> Submission<Command> {
    Submission { log, request_id, author: author(), command }
}

pub(super) fn put(key: &str, value: &str) -> Command {
    Command::Put { key: key.to_owned(), value: value.as_bytes().to_vec() }
}

pub(super) fn note(key: &str, personal: &str) -> Command {
    Command::Note { key: key.to_owned(), personal: personal.to_owned() }
}

pub(super) fn item(device: &str, seq: u64, personal: &str) -> Command {
    Command::Item { device: device.to_owned(), journal: 3, seq, personal: personal.to_owned() }
}

pub(super) fn open_centre(code: &str) -> Command {
    Command::OpenCentre { code: code.to_owned() }
}

pub(super) fn config(key: &str, value: &str) -> Command {
    Command::Config { key: key.to_owned(), value: value.to_owned() }
}

pub(super) fn read(whose: &str) -> Command {
    Command::Read { whose: whose.to_owned() }
}

/// What an answer was, in a word, for tables of cases.
pub(super) fn word(answer: &Answer) -> String {
    match answer {
        Ok(reply) => match reply.outcome {
            Outcome::Accepted => "accepted".to_owned(),
            Outcome::Repeat => "repeat".to_owned(),
            Outcome::Conflict => "conflict".to_owned(),
        },
        Err(SubmitError::Refused(reason)) => reason.code().to_owned(),
        Err(other) => format!("{other:?}"),
    }
}

/// The origin of a centre's first epoch.
pub(super) fn origin_of(centre: &str) -> String {
    origin(DEPLOYMENT, &CentreId::parse(centre).unwrap(), 1)
}

/// A case: its sentence, and what it does with a rig of its own.
pub(super) type Case = (&'static str, fn(Rig) -> Pin<Box<dyn Future<Output = Rig>>>);

/// Runs every case on a database of its own and names all that fail.
pub(super) async fn run(cases: &[Case], database: Dialect) {
    let failed: Vec<&str> = futures_util::stream::iter(cases)
        .map(async |(name, case)| {
            let fixture = match database {
                Dialect::Sqlite => Some(Fixture::sqlite().await),
                Dialect::Postgres => Fixture::postgres().await,
            }?;
            let done = AssertUnwindSafe(async { case(Rig::new(fixture).await).await.end().await });
            done.catch_unwind().await.is_err().then_some(*name)
        })
        .buffer_unordered(4)
        .filter_map(async |failed| failed)
        .collect()
        .await;
    assert!(failed.is_empty(), "on {database:?}: {failed:#?}");
}

/// The list of a file's cases, and one test per database that runs them.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(super) const CASES: &[crate::ledger::rig::Case] =
            &[$((stringify!($name), |rig| Box::pin($name(rig)))),*];

        #[tokio::test]
        async fn on_sqlite() {
            crate::ledger::rig::run(CASES, qinlian::store::Dialect::Sqlite).await;
        }

        #[tokio::test]
        async fn on_postgres() {
            crate::ledger::rig::run(CASES, qinlian::store::Dialect::Postgres).await;
        }
    };
}
pub(super) use cases;

/// Random numbers that only depend on the seed (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

mod tests {
    use super::*;

    async fn this_one_holds(rig: Rig) -> Rig {
        assert_eq!(rig.size(HALL).await, 0);
        rig
    }

    async fn this_one_does_not(rig: Rig) -> Rig {
        assert_eq!(rig.size(HALL).await, 1, "on purpose");
        rig
    }

    #[tokio::test]
    #[should_panic(expected = "this_one_does_not")]
    async fn a_case_that_fails_is_named() {
        let cases: [Case; 2] = [
            ("this_one_holds", |rig| Box::pin(this_one_holds(rig))),
            ("this_one_does_not", |rig| Box::pin(this_one_does_not(rig))),
        ];
        run(&cases, Dialect::Sqlite).await;
    }
}
