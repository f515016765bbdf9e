//! The hall with people who ask and people who decide.
//!
//! At window w1 sit zhao and qian, whom the tax department has seconded; at w2 sits sun, alone. Li is the chief
//! representative of both windows, wang keeps attendance, zhou is responsible for the hall; hu keeps the tax
//! department's personnel files.

use std::collections::BTreeMap;

use qinlian::access::Caller;
use qinlian::kernel::{EpochMs, PersonId, Subject};
use qinlian::proto::role_grant::Reach;
use qinlian::proto::*;
use qinlian::registers::attendance::service::Calls;
use qinlian::registers::audit::service::reads::{Reads, ReplicaId};
use qinlian::registers::directory::fact::Record;
use qinlian::registers::failure::Failure;
use qinlian::registers::wire::timestamp;
use qinlian::store::Store;
use tokio::sync::watch;

use crate::attendance::days::Rostered;
use crate::attendance::rig::minute;
use crate::roster::rig::date;
use crate::support::office::grant;

/// The hall.
pub(crate) struct Desk {
    pub(crate) rig: Rostered,
    pub(crate) calls: Calls,
    people: BTreeMap<&'static str, PersonId>,
    _news: watch::Sender<u64>,
}

/// `03-04 08:30` in the hall's zone.
pub(crate) fn at(text: &str) -> EpochMs {
    let (day, time) = text.split_once(' ').expect("a day and a time");
    let (month, day) = day.split_once('-').expect("a day");
    assert_eq!(month, "03", "the tests live in March");
    let (hours, minutes) = time.split_once(':').expect("a time");
    let number = |text: &str| text.parse::<i64>().expect("a number");
    // Clocks begin at 08:00 of the second.
    minute((number(day) - 2) * 1_440 + number(hours) * 60 + number(minutes) - 480)
}

pub(crate) fn stamp(text: &str) -> Option<prost_types::Timestamp> {
    Some(timestamp(at(text)))
}

impl Desk {
    pub(crate) async fn begin(store: &Store, seed: u64) -> Self {
        let rig = Rostered::begin(store, seed).await;
        let office = &rig.hall.office;
        let mut people: BTreeMap<&'static str, PersonId> =
            ["zhao", "qian", "sun"].into_iter().zip(rig.hall.people.iter().cloned()).collect();
        for name in ["li", "wang", "zhou", "hu"] {
            people.insert(name, office.add_person().await);
        }
        let tax =
            Department {
                department: "tax".to_owned(), name: "税务局".to_owned(), ..Department::default()
            };
        office.put(qinlian::kernel::LogId::DEPLOYMENT, Record::Department(tax)).await.expect("a department");
        for window in ["w1", "w2"] {
            let record = Record::Window(Window { window: window.to_owned(), ..Window::default() });
            office.put(rig.hall.log(), record).await.expect("a window");
        }
        for (name, department, windows) in [
            ("zhao", "tax", &["w1"][..]),
            ("qian", "tax", &["w1"]),
            ("sun", "", &["w2"]),
            ("li", "", &["w1", "w2"]),
            ("wang", "", &[]),
            ("zhou", "", &[]),
        ] {
            let person = Person {
                person_id: people[name].to_string(),
                department: department.to_owned(),
                employment: person::Employment::CivilServant.into(),
                ..Person::default()
            };
            office.put(qinlian::kernel::LogId::DEPLOYMENT, Record::Person(person)).await.expect("a person");
            let assignment = Assignment {
                person_id: people[name].to_string(),
                centre: "hall".to_owned(),
                from: Some(date("2025-01-01")),
                // Li looks after the windows and sits at none.
                windows: windows.iter().filter(|_| name != "li").map(|window| (*window).to_owned()).collect(),
                ..Assignment::default()
            };
            office.put(rig.hall.log(), Record::Assignment(assignment)).await.expect("an assignment");
        }
        let desk = Self::open(store, rig, people).await;
        for name in ["zhao", "qian", "sun", "li", "wang"] {
            desk.holds(name, Role::Staff, Reach::default()).await;
        }
        for window in ["w1", "w2"] {
            desk.holds("li", Role::Lead, Reach { window: window.to_owned(), ..Reach::default() }).await;
        }
        desk.holds("wang", Role::AttendanceOfficer, Reach::default()).await;
        desk.holds("zhou", Role::DutyManager, Reach::default()).await;
        desk.holds("hu", Role::Hr, Reach { department: "tax".to_owned(), ..Reach::default() }).await;
        desk
    }

    async fn open(_store: &Store, rig: Rostered, people: BTreeMap<&'static str, PersonId>) -> Self {
        let desk = rig.hall.office.desk.clone();
        let reads = Reads::start(desk.clone(), ReplicaId::new(*b"replica1")).await.expect("reads");
        let (news, told) = watch::channel(0);
        Self { calls: Calls::new(desk, reads, told), rig, people, _news: news }
    }

    async fn holds(&self, name: &str, role: Role, reach: Reach) {
        let record = RoleGrant { scope: Some(reach), ..grant(&self.subject(name), role) };
        let office = &self.rig.hall.office;
        office.put(self.rig.hall.log(), Record::RoleGrant(record)).await.expect("a grant");
    }

    pub(crate) fn subject(&self, name: &str) -> Subject {
        Subject::Person(self.people[name].clone())
    }

    pub(crate) fn person(&self, name: &str) -> String {
        if name.is_empty() { String::new() } else { self.people[name].to_string() }
    }

    /// The name of somebody, or of what else is there.
    pub(crate) fn name(&self, id: &str) -> String {
        let id = id.trim_start_matches("person:");
        let known = self.people.iter().find(|(_, person)| person.as_str() == id);
        known.map_or_else(|| id.to_owned(), |(name, _)| (*name).to_owned())
    }

    pub(crate) fn caller(&self, name: &str, method: &str) -> Caller {
        let subject =
            if name.contains(':') { Subject::parse(name).expect("a subject") } else { self.subject(name) };
        self.rig.hall.office.caller(&subject, &format!("qinlian.v1.AttendanceService/{method}"))
    }

    pub(crate) fn id(&self) -> String {
        self.rig.hall.office.request_id().to_string()
    }

    /// `03-04 08:30 to 03-04 17:30 PERSONAL qian`: leave with who stands in.
    pub(crate) fn leave(&self, whose: &str, text: &str) -> Leave {
        let (from, rest) = text.split_once(" to ").expect("from and until");
        let words: Vec<&str> = rest.split_whitespace().collect();
        let until = format!("{} {}", words[0], words[1]);
        Leave {
            person_id: self.person(whose),
            kind: leave::Kind::from_str_name(words[2]).expect("a kind").into(),
            from: stamp(from),
            until: stamp(&until),
            reason: "家中有事".to_owned(),
            destination: "杭州".to_owned(),
            b_post_person_id: words.get(3).map(|name| self.person(name)).unwrap_or_default(),
            ..Leave::default()
        }
    }

    pub(crate) async fn ask(&self, who: &str, leave: Leave) -> Result<RequestLeaveResponse, Failure> {
        let request = RequestLeaveRequest {
            centre: "hall".to_owned(),
            request_id: self.id(),
            leave: Some(leave),
            ..RequestLeaveRequest::default()
        };
        self.calls.request_leave(&self.caller(who, "RequestLeave"), request).await
    }

    /// Asks for one's own leave, and says by which number it goes.
    pub(crate) async fn asked(&self, who: &str, text: &str) -> u64 {
        self.ask(who, self.leave("", text)).await.expect("a request").leave
    }

    pub(crate) async fn decide(
        &self,
        who: &str,
        leave: u64,
        decision: approval_step::Decision,
    ) -> Result<DecideLeaveResponse, Failure> {
        let request = DecideLeaveRequest {
            centre: "hall".to_owned(),
            request_id: self.id(),
            leave,
            decision: decision.into(),
            reason: "另有安排".to_owned(),
            ..DecideLeaveRequest::default()
        };
        self.calls.decide_leave(&self.caller(who, "DecideLeave"), request).await
    }

    /// These approve, one after the other.
    pub(crate) async fn approved_by(&self, leave: u64, names: &[&str]) {
        for name in names {
            self.decide(name, leave, approval_step::Decision::Approve).await.unwrap_or_else(|why| {
                panic!("{name}: {why:?}");
            });
        }
    }

    pub(crate) async fn withdraw_leave(
        &self,
        who: &str,
        leave: u64,
    ) -> Result<WithdrawLeaveResponse, Failure> {
        let request = WithdrawLeaveRequest {
            centre: "hall".to_owned(),
            request_id: self.id(),
            leave,
            ..WithdrawLeaveRequest::default()
        };
        self.calls.withdraw_leave(&self.caller(who, "WithdrawLeave"), request).await
    }

    pub(crate) async fn back(
        &self,
        who: &str,
        leave: u64,
        since: &str,
    ) -> Result<ReportReturnResponse, Failure> {
        let request = ReportReturnRequest {
            centre: "hall".to_owned(),
            request_id: self.id(),
            leave,
            returned_at: if since.is_empty() { None } else { stamp(since) },
            ..ReportReturnRequest::default()
        };
        self.calls.report_return(&self.caller(who, "ReportReturn"), request).await
    }

    /// `qian LEAD tax`: who has to approve, and a `+` or `-` where they have.
    pub(crate) fn steps(&self, steps: &[ApprovalStep]) -> String {
        let step = |step: &ApprovalStep| {
            let who = match step.by() {
                approval_step::By::BPost | approval_step::By::Colleague => self.name(&step.person_id),
                approval_step::By::Department => step.department.clone(),
                approval_step::By::Role | approval_step::By::Unspecified => {
                    step.role().as_str_name().to_owned()
                }
            };
            let decided = match step.decision() {
                approval_step::Decision::Approve => "+",
                approval_step::Decision::Refuse => "-",
                approval_step::Decision::Unspecified => "",
            };
            format!("{who}{decided}")
        };
        steps.iter().map(step).collect::<Vec<_>>().join(" ")
    }

    /// Time passes until then, is on record, and every gate has told of everything; what follows from it is derived.
    pub(crate) async fn until(&self, text: &str) {
        self.rig.at(at(text)).await;
        self.rig.told(&["gate-1", "gate-2"], at(text)).await;
        self.rig.hall.fold().await;
    }

    /// A person's day of March as it stands.
    pub(crate) async fn day(&self, name: &str, day: i32) -> String {
        self.rig.hall.fold().await;
        self.rig.day(&self.people[name], day).await
    }
}
