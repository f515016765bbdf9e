//! A centre with people whose credentials are personal parts, and with those who propose, decide and audit.

use std::sync::Arc;

use qinlian::access::Caller;
use qinlian::clock::{Clock, MockClock};
use qinlian::kernel::{LogId, PersonId, Pos, RequestId, Subject};
use qinlian::ledger::anchor::Anchor;
use qinlian::ledger::check::{CheckOptions, CheckReport, check};
use qinlian::ledger::committer::Lane;
use qinlian::ledger::erase::Erasures;
use qinlian::ledger::faults::Faults;
use qinlian::ledger::{Ledger, Parts};
use qinlian::proto::request_erasure_request::{Basis, Target};
use qinlian::proto::*;
use qinlian::registers::audit::service::Calls;
use qinlian::registers::desk::{Desk, Place, Revealed, Written};
use qinlian::registers::directory::fact::{Command as Directory, Record};
use qinlian::registers::failure::Failure;
use qinlian::registers::rulebook::{Command, Registers, local_administrator};
use qinlian::store::Store;
use tokio::task::JoinHandle;

use crate::support::clock;
use crate::support::office::{DEPLOYMENT, HALL, Office, keys};
use crate::support::store::Fixture;

/// A deployment with one centre, as a process has it open.
pub(super) struct Rig<'f> {
    pub(super) fixture: &'f Fixture,
    pub(super) clock: Arc<MockClock>,
    pub(super) desk: Desk,
    pub(super) calls: Calls,
    pub(super) store: Store,
    pub(super) hall: LogId,
    /// Both may propose and decide; the third, of discipline, decides.
    pub(super) anna: Subject,
    pub(super) bo: Subject,
    pub(super) ci: Subject,
    administrators: [PersonId; 2],
    committer: JoinHandle<()>,
}

/// A system that audits.
pub(super) fn auditor() -> Subject {
    Subject::parse("system:audit").unwrap()
}

pub(super) fn person(id: &PersonId) -> Subject {
    Subject::Person(id.clone())
}

impl<'f> Rig<'f> {
    /// Begins a deployment, with an anchor and a list of erasures in the fixture's folder.
    pub(super) async fn begin(fixture: &'f Fixture, seed: u64) -> Self {
        let clock = clock(seed);
        let office = Office::begin(&fixture.store, &clock).await;
        let mut people = Vec::new();
        for _ in 0..3 {
            people.push(person(&office.add_person().await));
        }
        let (hall, administrators) = (office.hall, office.administrators.clone());
        for log in [LogId::DEPLOYMENT, hall] {
            office.grant(log, &people[0], Role::AuditAdministrator).await;
            office.grant(log, &people[1], Role::AuditAdministrator).await;
            office.grant(log, &people[2], Role::Discipline).await;
            office.grant(log, &auditor(), Role::Auditor).await;
        }
        office.stop().await;
        let [anna, bo, ci] = people.try_into().unwrap();
        Self::open(fixture, clock, (hall, [anna, bo, ci], administrators), Faults::none()).await
    }

    async fn open(
        fixture: &'f Fixture,
        clock: Arc<MockClock>,
        (hall, [anna, bo, ci], administrators): (LogId, [Subject; 3], [PersonId; 2]),
        faults: Faults,
    ) -> Self {
        let store = fixture.another_store().await;
        let shared: Arc<dyn Clock> = Arc::<MockClock>::clone(&clock);
        let registers = Registers::new(Arc::new(keys()));
        let mut parts = Parts::new(store.clone(), keys(), shared, registers, DEPLOYMENT);
        parts.anchor = anchor(fixture);
        parts.erasures = erasures(fixture);
        parts.faults = faults;
        let (ledger, committer) = Ledger::start(parts).await.expect("the ledger starts");
        let desk = Desk::new(ledger);
        let calls = Calls::new(desk.clone(), Vec::new());
        Self { fixture, clock, desk, calls, store, hall, anna, bo, ci, administrators, committer }
    }

    /// Stops, and closes every connection: signatures that wait are written.
    pub(super) async fn stop(self) -> Stopped<'f> {
        let Self { fixture, clock, desk, calls, store, hall, anna, bo, ci, administrators, committer } = self;
        drop(calls);
        drop(desk);
        committer.await.expect("the committer ends");
        store.close().await;
        Stopped { fixture, clock, who: (hall, [anna, bo, ci], administrators) }
    }

    pub(super) async fn restart(self) -> Self {
        self.stop().await.start(Faults::none()).await
    }

    /// A caller of `AuditService`.
    pub(super) fn caller(&self, subject: &Subject, method: &str) -> Caller {
        self.caller_of(subject, &format!("qinlian.v1.AuditService/{method}"))
    }

    pub(super) fn caller_of(&self, subject: &Subject, method: &str) -> Caller {
        let rules = qinlian::access::Rules::ours().expect("rules");
        let rule = rules.find(&format!("/{method}")).unwrap_or_else(|| panic!("no method {method}"));
        Caller::new(subject.clone(), Arc::clone(rule), "test", crate::support::office::support(&self.clock))
    }

    /// An auditor who was let in to call a method.
    pub(super) async fn place(&self, caller: &Caller) -> Place {
        self.desk.enter(caller, &HALL.parse_centre()).await.expect("a pass")
    }

    pub(super) fn request_id(&self) -> RequestId {
        RequestId::random(qinlian::clock::random(&*self.clock))
    }

    /// Gives a command as the local administrator, a second after the one before.
    pub(super) async fn give(
        &self,
        log: LogId,
        id: RequestId,
        command: impl Into<Command>,
    ) -> Result<Written, Failure> {
        self.clock.advance_ms(1_000);
        let (lane, view) = (Lane::Live, ReceiptView::Full);
        self.desk.submit(log, id, local_administrator(), command.into(), lane, view).await
    }

    /// Binds a card to a person; what the card says is personal.
    pub(super) async fn bind(&self, whom: &PersonId, card: &str) -> Pos {
        self.give(self.hall, self.request_id(), binding(whom, card)).await.expect("a binding").pos
    }

    /// A person with a name.
    pub(super) async fn named(&self, name: &str) -> PersonId {
        let record = Record::Person(Person {
            employment: person::Employment::CivilServant.into(),
            ..Person::default()
        });
        let personal = DirectoryPersonal { name: name.to_owned(), ..DirectoryPersonal::default() };
        let put = Directory::Put { record, personal };
        let written = self.give(LogId::DEPLOYMENT, self.request_id(), put).await.expect("a person");
        match written.facts.iter().find_map(Record::from_fact) {
            Some(Record::Person(person)) => PersonId::parse(&person.person_id).expect("minted"),
            other => panic!("no person: {other:?}"),
        }
    }

    /// Proposes to erase parts of the hall's log.
    pub(super) async fn propose(&self, who: &Subject, targets: &[(Pos, u32)]) -> Result<u64, Failure> {
        let targets = targets.iter().map(|(pos, part)| target(*pos, *part)).collect();
        let request = RequestErasureRequest { targets, ..self.proposal(HALL) };
        let answer = self.calls.request_erasure(&self.caller(who, "RequestErasure"), request).await?;
        Ok(answer.erasure)
    }

    pub(super) fn proposal(&self, centre: &str) -> RequestErasureRequest {
        RequestErasureRequest {
            centre: centre.to_owned(),
            request_id: self.request_id().to_string(),
            basis: Basis::RetentionEnded.into(),
            reason: "保存期满 CANARY-REASON".to_owned(),
            ..RequestErasureRequest::default()
        }
    }

    /// Decides a proposal; how many parts were erased.
    pub(super) async fn decide(&self, who: &Subject, erasure: u64, approve: bool) -> Result<u64, Failure> {
        self.decide_in(HALL, who, erasure, approve).await
    }

    pub(super) async fn decide_in(
        &self,
        centre: &str,
        who: &Subject,
        erasure: u64,
        approve: bool,
    ) -> Result<u64, Failure> {
        let request = DecideErasureRequest {
            centre: centre.to_owned(),
            request_id: self.request_id().to_string(),
            erasure,
            approve,
            reason: "已核实 CANARY-REASON".to_owned(),
            ..DecideErasureRequest::default()
        };
        let answer = self.calls.decide_erasure(&self.caller(who, "DecideErasure"), request).await?;
        Ok(answer.parts_erased)
    }

    /// One person proposes, another approves.
    pub(super) async fn erase(&self, targets: &[(Pos, u32)]) -> u64 {
        let erasure = self.propose(&self.anna, targets).await.expect("a proposal");
        self.decide(&self.bo, erasure, true).await.expect("an approval")
    }

    /// An entry of the hall's log as the auditor sees it.
    pub(super) async fn entry(&self, index: u64, reveal: Option<Reveal>) -> GetEntryResponse {
        let request =
            GetEntryRequest { centre: HALL.to_owned(), index, reveal, ..GetEntryRequest::default() };
        self.calls.get_entry(&self.caller(&auditor(), "GetEntry"), request).await.expect("an entry")
    }

    pub(super) fn administrator(&self) -> Subject {
        person(&self.administrators[0])
    }

    pub(super) fn now(&self) -> qinlian::kernel::EpochMs {
        self.clock.now()
    }

    /// The time as messages write it.
    pub(super) fn clock_now(&self) -> prost_types::Timestamp {
        qinlian::registers::wire::timestamp(self.now())
    }

    pub(super) async fn size(&self, log: LogId) -> u64 {
        self.desk.ledger().reader().head(log).await.expect("a head").0.size
    }

    /// The audit of the live database.
    pub(super) async fn check(&self) -> CheckReport {
        let options = CheckOptions {
            deployment: DEPLOYMENT,
            anchor: Some(self.desk.ledger().anchor()),
            witnessed: None,
            witnesses: &[],
        };
        check(self.desk.ledger().reader(), &**self.desk.registers(), &options).await.expect("a check")
    }
}

/// A deployment between two starts.
pub(super) struct Stopped<'f> {
    pub(super) fixture: &'f Fixture,
    pub(super) clock: Arc<MockClock>,
    who: (LogId, [Subject; 3], [PersonId; 2]),
}

impl<'f> Stopped<'f> {
    pub(super) async fn start(self, faults: Faults) -> Rig<'f> {
        Rig::open(self.fixture, self.clock, self.who, faults).await
    }
}

pub(super) fn anchor(fixture: &Fixture) -> Anchor {
    Anchor::open(&fixture.dir().join("anchor")).expect("an anchor")
}

pub(super) fn erasures(fixture: &Fixture) -> Erasures {
    Erasures::open(&fixture.dir().join("erasures")).expect("a list of erasures")
}

/// The command that binds a card.
pub(super) fn binding(whom: &PersonId, card: &str) -> Directory {
    let kind = credential::Kind::Card;
    let value_hmac = keys().credential_hmac(1, card).to_vec();
    let from = Some(Date { year: 2026, month: 1, day: 1 });
    let record = Record::CredentialBinding(CredentialBinding {
        person_id: whom.to_string(),
        kind: kind.into(),
        value_hmac,
        from,
        ..CredentialBinding::default()
    });
    let personal = DirectoryPersonal { credential: card.to_owned(), ..DirectoryPersonal::default() };
    Directory::Put { record, personal }
}

pub(super) fn target(pos: Pos, part: u32) -> Target {
    Target { index: pos.get(), part, ..Target::default() }
}

pub(super) fn reveal() -> Reveal {
    Reveal { purpose: reveal::Purpose::Audit.into(), reason: "年度审计 CANARY-REASON".to_owned() }
}

pub(super) fn revealed() -> Revealed {
    let mut check = qinlian::kernel::Check::new();
    Revealed::parse(&mut check, Some(&reveal())).expect("a reveal")
}

/// A word for tables: `ok`, or why not.
pub(super) fn word<T: std::fmt::Debug>(answer: Result<T, Failure>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(Failure::Refused(reason)) => reason.code().to_owned(),
        Err(Failure::Denied(_)) => "DENIED".to_owned(),
        Err(Failure::NotFound(what)) => format!("no {what}"),
        Err(Failure::Invalid(wrong)) => {
            wrong.0.iter().map(|one| format!("{}:{}", one.field, one.reason)).collect::<Vec<_>>().join(" ")
        }
        Err(other) => format!("{other}"),
    }
}

pub(super) trait ParseCentre {
    fn parse_centre(&self) -> qinlian::kernel::CentreId;
}

impl ParseCentre for str {
    fn parse_centre(&self) -> qinlian::kernel::CentreId {
        qinlian::kernel::CentreId::parse(self).expect("a code")
    }
}
