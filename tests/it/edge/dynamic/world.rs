//! The deployment: two centres, two departments, people, terminals, and a holder of every role at every reach.

use std::collections::BTreeMap;

use qinlian::access::{LocalIssuer, Rule};
use qinlian::cli::office::{Office, Opening};
use qinlian::config::{Config, Source};
use qinlian::kernel::{CentreId, EpochMs, LogId, PersonId, Subject, Words};
use qinlian::proto::access::Scope;
use qinlian::proto::role_grant::{Holder, Reach};
use qinlian::proto::{
    Assignment, Centre, Date, Department, Device, DirectoryPersonal, Person, Role, RoleGrant, device, person,
};
use qinlian::registers::directory::fact::{Command, Noun, Record};
use tonic::transport::Channel;

use super::message::Names;
use super::rows::Rows;
use crate::rigs::load::now_ms;
use crate::rigs::server::Server;
use crate::rigs::town::Town;

/// How far somebody's grant reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// The whole of the hall, in its own log.
    Hall,
    /// One department's people in the hall.
    Department,
    /// Everywhere, in the deployment's log.
    Everywhere,
    /// It did, and was revoked.
    Revoked,
}

impl Held {
    pub(crate) const ALL: [Self; 4] = [Self::Hall, Self::Department, Self::Everywhere, Self::Revoked];

    fn word(self) -> &'static str {
        match self {
            Self::Hall => "hall",
            Self::Department => "department",
            Self::Everywhere => "everywhere",
            Self::Revoked => "revoked",
        }
    }
}

/// What a call is about, as its caller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Own,
    OtherPerson,
    OtherDepartment,
    OtherCentre,
    Unknown,
}

impl About {
    pub(crate) const ALL: [Self; 5] =
        [Self::Own, Self::OtherPerson, Self::OtherDepartment, Self::OtherCentre, Self::Unknown];
}

/// The deployment, and a server that serves it.
pub(crate) struct World {
    pub(crate) town: Town,
    server: Option<Server>,
    pub(crate) channel: Channel,
    people: [PersonId; 4],
}

/// All roles that may be granted.
pub(crate) fn roles() -> Vec<Role> {
    (1..).map_while(|number| Role::try_from(number).ok()).collect()
}

/// Who holds a role. A terminal's role is held by a device.
pub(crate) fn holder(role: Role, held: Held) -> String {
    match role {
        Role::Terminal => format!("device:d-{}", held.word()),
        _ => format!("system:r{}-{}", i32::from(role), held.word()),
    }
}

impl World {
    pub(crate) async fn begin(town: Town) -> Self {
        let config = Config::load(&Source::Data(town.site(0).to_owned()), &BTreeMap::new()).expect("config");
        let office = Office::open(config, Opening::default()).await.expect("the office opens");
        let people = settle(&office).await;
        office.close().await;
        let server = town.serve(0).await;
        let channel = server.connect().await;
        Self { town, server: Some(server), channel, people }
    }

    /// What a call names.
    pub(crate) fn names(&self, about: About, own_device: &str, deployment: bool) -> Names {
        let (centre, person, department, device) = match about {
            About::Own => ("hall", Some(0), "dep-a", own_device),
            About::OtherPerson => ("hall", Some(1), "dep-a", "t1"),
            About::OtherDepartment => ("hall", Some(2), "dep-b", own_device),
            About::OtherCentre => ("annex", Some(3), "dep-b", "x0"),
            About::Unknown => ("nowhere", None, "dep-z", "d-nowhere"),
        };
        // A deployment's own calls name its own log, or one where they have no business.
        let centre = if deployment && centre == "hall" { "_" } else { centre };
        let person = person.map_or_else(|| PersonId::mint([9; 16]), |n: usize| self.people[n].clone());
        Names {
            centre: centre.to_owned(),
            person: person.to_string(),
            department: department.to_owned(),
            device: device.to_owned(),
            reveal: false,
        }
    }

    /// What a call of this rule names that is of its caller's own and reveals what it may, and the caller's token.
    pub(super) fn at_home(&self, rule: &Rule) -> (Names, String) {
        let names = self.names(About::Own, "t0", rule.scope == Scope::Deployment);
        (Names { reveal: true, ..names }, self.token(&self.town.caller_for(rule)))
    }

    /// A good token.
    pub(crate) fn token(&self, subject: &str) -> String {
        self.town.token(subject)
    }

    /// A token that was good an hour ago.
    pub(crate) fn expired(&self, subject: &str) -> String {
        let then = EpochMs::clamped(now_ms() - 3_600_000);
        format!("Bearer {}", self.issuer("qinlian").token(&Subject::parse(subject).unwrap(), then, 600))
    }

    /// A token that is good elsewhere.
    pub(crate) fn elsewhere(&self, subject: &str) -> String {
        let now = EpochMs::clamped(now_ms());
        format!("Bearer {}", self.issuer("other").token(&Subject::parse(subject).unwrap(), now, 600))
    }

    fn issuer(&self, audience: &str) -> LocalIssuer {
        let secrets = self.town.secrets();
        let key = &secrets.iter().find(|(name, _)| *name == "token").expect("a token key").1;
        let key: [u8; 32] = key.as_slice().try_into().expect("32 bytes");
        LocalIssuer::new(&key, &LocalIssuer::name_of("rigs.example"), audience)
    }

    /// Every row when the server has written what it writes of itself when it starts: nothing has changed for a second.
    pub(crate) async fn rows_at_rest(&self) -> Rows {
        let mut before = self.rows().await;
        let mut changes = Vec::new();
        for _ in 0..120 {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let now = self.rows().await;
            changes = now.changes_since(&before);
            if changes.is_empty() {
                return now;
            }
            before = now;
        }
        panic!("a server at rest goes on writing: {changes:#?}");
    }

    /// Every row of every table: what is derived and signed too, since nobody here is on a roster, and time alone makes no
    /// results.
    pub(crate) async fn rows(&self) -> Rows {
        Rows::of(&self.town.raw().await).await
    }

    /// Two judges look at what is left, and the log of the process has no panic in it.
    pub(crate) async fn end(mut self) {
        drop(self.channel);
        self.server.take().expect("it runs").stop().await;
        self.town.audit(0).await;
        let log = std::fs::read_to_string(self.town.log(0)).expect("a log");
        for bug in ["\"PANIC\"", "CALL_PANICKED", "CALL_FAULT", "COMMITTER_DIED"] {
            let found: Vec<&str> = log.lines().filter(|line| line.contains(bug)).take(3).collect();
            assert!(found.is_empty(), "{found:?}");
        }
        self.town.end().await;
    }
}

async fn put(office: &Office, log: LogId, record: Record) -> Vec<qinlian::proto::Fact> {
    let personal = DirectoryPersonal::default();
    office.administer(log, Command::Put { record, personal }).await.expect("a record").facts
}

async fn settle(office: &Office) -> [PersonId; 4] {
    for department in ["dep-a", "dep-b"] {
        let record = Department {
            department: department.to_owned(),
            name: department.to_owned(),
            ..Department::default()
        };
        put(office, LogId::DEPLOYMENT, Record::Department(record)).await;
    }
    let annex = Centre {
        centre: "annex".to_owned(),
        name: "分中心".to_owned(),
        timezone: "Asia/Shanghai".to_owned(),
        retired: false,
    };
    put(office, LogId::DEPLOYMENT, Record::Centre(annex)).await;
    let mut people = Vec::new();
    for (centre, department) in [("hall", "dep-a"), ("hall", "dep-a"), ("hall", "dep-b"), ("annex", "dep-b")]
    {
        people.push(somebody(office, centre, department).await);
    }
    for (centre, device) in [("annex", "x0"), ("hall", "d-hall")] {
        terminal(office, centre, device).await;
    }
    for held in [Held::Department, Held::Everywhere, Held::Revoked] {
        terminal(office, "hall", &format!("d-{}", held.word())).await;
    }
    for role in roles() {
        for held in Held::ALL {
            grant(office, role, held).await;
        }
    }
    people.try_into().expect("four")
}

async fn log_of(office: &Office, centre: &str) -> LogId {
    office.log_of(&CentreId::parse(centre).expect("a code")).await.expect("a log")
}

async fn somebody(office: &Office, centre: &str, department: &str) -> PersonId {
    let record = Person {
        employment: person::Employment::CivilServant.into(),
        department: department.to_owned(),
        ..Person::default()
    };
    let facts = put(office, LogId::DEPLOYMENT, Record::Person(record)).await;
    let id = facts.iter().find_map(Record::from_fact).and_then(|record| match record {
        Record::Person(person) => Some(person.person_id),
        _ => None,
    });
    let id = id.expect("minted");
    let assignment = Assignment {
        person_id: id.clone(),
        centre: centre.to_owned(),
        department: department.to_owned(),
        from: Some(Date { year: 2026, month: 1, day: 1 }),
        ..Assignment::default()
    };
    put(office, log_of(office, centre).await, Record::Assignment(assignment)).await;
    PersonId::parse(&id).expect("an id")
}

async fn terminal(office: &Office, centre: &str, device: &str) {
    let record =
        Device { device: device.to_owned(), kind: device::Kind::ClockTerminal.into(), ..Device::default() };
    put(office, log_of(office, centre).await, Record::Device(record)).await;
}

async fn grant(office: &Office, role: Role, held: Held) {
    let log = match held {
        Held::Everywhere => LogId::DEPLOYMENT,
        Held::Hall | Held::Department | Held::Revoked => log_of(office, "hall").await,
    };
    let reach =
        (held == Held::Department).then(|| Reach { department: "dep-a".to_owned(), ..Reach::default() });
    let code = format!("g{}-{}", i32::from(role), held.word());
    let record = RoleGrant {
        grant: code.clone(),
        holder: Some(Holder::Subject(holder(role, held))),
        role: role.into(),
        scope: reach,
        ..RoleGrant::default()
    };
    put(office, log, Record::RoleGrant(record)).await;
    if held == Held::Revoked {
        let reason = Words::parse("left").expect("words");
        let command = Command::Retire { noun: Noun::RoleGrant, code, reason };
        office.administer(log, command).await.expect("revoked");
    }
}
