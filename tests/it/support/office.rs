//! A deployment with one centre, over a store of a test: its desk, and callers as the edge would let them in.

use std::sync::Arc;

use qinlian::access::{Caller, LocalIssuer, Rules, Support, SupportKey};
use qinlian::clock::{Clock, MockClock, random};
use qinlian::kernel::{CentreId, EpochMs, LogId, PersonId, Pos, RequestId, Subject};
use qinlian::ledger::committer::Lane;
use qinlian::ledger::keys::Keys;
use qinlian::ledger::setup::NewLog;
use qinlian::ledger::{Ledger, Parts};
use qinlian::proto::role_grant::Holder;
use qinlian::proto::{Centre, DirectoryPersonal, GenesisFact, Person, ReceiptView, Role, RoleGrant, person};
use qinlian::registers::desk::{Desk, Written};
use qinlian::registers::directory::fact::{Command as Directory, Record};
use qinlian::registers::directory::service::{Calls, Terminals};
use qinlian::registers::failure::Failure;
use qinlian::registers::rulebook::{Command, Registers, local_administrator};
use qinlian::store::{Inserts, Store};
use tokio::task::JoinHandle;

/// The name that origins begin with.
pub(crate) const DEPLOYMENT: &str = "test.example";
/// The code of the centre.
pub(crate) const HALL: &str = "hall";

/// A deployment.
pub(crate) struct Office {
    pub(crate) desk: Desk,
    pub(crate) clock: Arc<MockClock>,
    /// The log of [`HALL`].
    pub(crate) hall: LogId,
    /// The first administrators.
    pub(crate) administrators: [PersonId; 2],
    committer: JoinHandle<()>,
}

/// The same keys every time.
pub(crate) fn keys() -> Keys {
    Keys::new(&[1; 32], &[2; 32])
}

/// The registers' ledger over a store, as a process starts it.
pub(crate) async fn ledger(store: &Store, clock: &Arc<MockClock>) -> (Ledger<Registers>, JoinHandle<()>) {
    let clock: Arc<dyn Clock> = Arc::<MockClock>::clone(clock);
    let parts = Parts::new(store.clone(), keys(), clock, Registers::new(Arc::new(keys())), DEPLOYMENT);
    Ledger::start(parts).await.expect("the ledger starts")
}

/// What a call makes its support id of.
pub(crate) fn support(clock: &Arc<MockClock>) -> Support {
    Support::new(Arc::new(SupportKey::new(keys().support_key())), random(&**clock), clock.now())
}

/// Writes the empty deployment log.
pub(crate) async fn begin(store: &Store, at: EpochMs) {
    let mut inserts = Inserts::new();
    let log = NewLog { log: LogId::DEPLOYMENT, centre: CentreId::deployment(), opened: at };
    log.insert(&keys(), DEPLOYMENT, &mut inserts);
    let mut tx = store.begin().await.expect("begin");
    tx.insert(inserts).await.expect("insert");
    tx.commit().await.expect("commit");
}

impl Office {
    /// Begins a deployment with [`HALL`] in an empty store.
    pub(crate) async fn begin(store: &Store, clock: &Arc<MockClock>) -> Self {
        begin(store, clock.now()).await;
        let administrators = [PersonId::mint(random(&**clock)), PersonId::mint(random(&**clock))];
        let mut office = Self::open(store, clock, administrators.clone()).await;
        let first = administrators.map(|id| {
            let person = Person {
                person_id: id.to_string(),
                employment: person::Employment::Other.into(),
                ..Person::default()
            };
            (person, grant(&Subject::Person(id), Role::Administrator))
        });
        let genesis = GenesisFact { deployment: DEPLOYMENT.to_owned(), rules: 1, ..GenesisFact::default() };
        office
            .administer(LogId::DEPLOYMENT, Directory::Genesis { genesis, administrators: Box::new(first) })
            .await
            .expect("genesis");
        office.hall = office.add_centre(HALL).await;
        office
    }

    /// Opens a deployment that was begun: another process, or the same one after a restart.
    pub(crate) async fn open(store: &Store, clock: &Arc<MockClock>, administrators: [PersonId; 2]) -> Self {
        let (ledger, committer) = ledger(store, clock).await;
        let desk = Desk::new(ledger);
        let clock = Arc::clone(clock);
        let hall = match desk.directory(LogId::DEPLOYMENT).await {
            Ok(directory) => directory.centre(&CentreId::parse(HALL).expect("a code")).map(|(log, _)| log),
            Err(_) => None,
        };
        Self { desk, clock, hall: hall.unwrap_or(LogId::DEPLOYMENT), administrators, committer }
    }

    /// Adds a centre, and says which log is its.
    pub(crate) async fn add_centre(&self, code: &str) -> LogId {
        let record = Record::Centre(Centre {
            centre: code.to_owned(),
            name: format!("{code} 政务服务中心"),
            timezone: "Asia/Shanghai".to_owned(),
            retired: false,
        });
        let written = self.put(LogId::DEPLOYMENT, record).await.expect("a centre");
        LogId::from_column(written.pos.column())
    }

    /// Puts a record without personal fields, as the local administrator.
    pub(crate) async fn put(&self, log: LogId, record: Record) -> Result<Written, Failure> {
        self.administer(log, Directory::Put { record, personal: DirectoryPersonal::default() }).await
    }

    /// Gives a command as the local administrator.
    pub(crate) async fn administer(
        &self,
        log: LogId,
        command: impl Into<Command>,
    ) -> Result<Written, Failure> {
        let id = self.request_id();
        let (lane, view) = (Lane::Live, ReceiptView::Full);
        self.desk.submit(log, id, local_administrator(), command.into(), lane, view).await
    }

    /// Puts a person, and says who.
    pub(crate) async fn add_person(&self) -> PersonId {
        let record = Record::Person(Person {
            employment: person::Employment::CivilServant.into(),
            ..Person::default()
        });
        let written = self.put(LogId::DEPLOYMENT, record).await.expect("a person");
        match written.facts.iter().find_map(Record::from_fact) {
            Some(Record::Person(person)) => PersonId::parse(&person.person_id).expect("minted"),
            other => panic!("no person: {other:?}"),
        }
    }

    /// Grants a role over a whole log.
    pub(crate) async fn grant(&self, log: LogId, subject: &Subject, role: Role) -> Pos {
        self.put(log, Record::RoleGrant(grant(subject, role))).await.expect("a grant").pos
    }

    /// A caller of a method, as the edge lets them in: `"qinlian.v1.DirectoryService/PutWindow"`.
    pub(crate) fn caller(&self, subject: &Subject, method: &str) -> Caller {
        let rules = Rules::ours().expect("rules");
        let rule = rules.find(&format!("/{method}")).unwrap_or_else(|| panic!("no method {method}"));
        Caller::new(subject.clone(), Arc::clone(rule), "test", support(&self.clock))
    }

    /// The first administrator, calling a method of `DirectoryService`.
    pub(crate) fn administrator(&self, method: &str) -> Caller {
        let subject = Subject::Person(self.administrators[0].clone());
        self.caller(&subject, &format!("qinlian.v1.DirectoryService/{method}"))
    }

    /// The calls of `DirectoryService`.
    pub(crate) fn directory_calls(&self) -> Calls {
        let issuer = LocalIssuer::new(&[3; 32], "test/tokens", "qinlian");
        Calls::new(self.desk.clone(), Terminals::new(issuer, 900))
    }

    /// A new request id.
    pub(crate) fn request_id(&self) -> RequestId {
        RequestId::random(random(&*self.clock))
    }

    /// Stops. Services may still hold the desk, so the committer is not waited for but ended.
    pub(crate) async fn stop(self) {
        self.committer.abort();
        let ended = self.committer.await;
        assert!(ended.is_ok() || ended.is_err_and(|error| error.is_cancelled()), "the committer panicked");
    }
}

/// A grant over a whole log, its id minted.
pub(crate) fn grant(subject: &Subject, role: Role) -> RoleGrant {
    let holder = match subject {
        Subject::Person(id) => Holder::PersonId(id.to_string()),
        other @ (Subject::Device(_) | Subject::System(_)) => Holder::Subject(other.to_string()),
    };
    // The two grants of a genesis have ids of their own: what is minted there would be the same for both.
    let id = match subject {
        Subject::Person(id) if role == Role::Administrator => format!("administrator-{}", &id.as_str()[1..9]),
        Subject::Person(_) | Subject::Device(_) | Subject::System(_) => String::new(),
    };
    RoleGrant { grant: id, holder: Some(holder), role: role.into(), ..RoleGrant::default() }
}
