//! A centre with three people, and its roster's calls.

use std::sync::Arc;

use qinlian::access::Caller;
use qinlian::clock::MockClock;
use qinlian::kernel::{PersonId, Subject};
use qinlian::proto::roster_entry::Works;
use qinlian::proto::shift::{Span, Template};
use qinlian::proto::*;
use qinlian::registers::attendance;
use qinlian::registers::audit::service::reads::{Reads, ReplicaId};
use qinlian::registers::directory::fact::Record;
use qinlian::registers::failure::Failure;
use qinlian::registers::roster::service::Calls;
use qinlian::store::Store;
use tokio::sync::watch;

use crate::support::office::{HALL, Office};

/// The centre.
pub(crate) struct Desk {
    pub(crate) office: Office,
    pub(crate) calls: Calls,
    pub(crate) people: Vec<PersonId>,
    _news: watch::Sender<u64>,
}

impl Desk {
    pub(crate) async fn begin(store: &Store, clock: &Arc<MockClock>) -> Self {
        let office = Office::begin(store, clock).await;
        let reads = Reads::start(office.desk.clone(), ReplicaId::new(*b"replica1")).await.expect("reads");
        let (news, told) = watch::channel(0);
        let requests = attendance::service::Calls::new(office.desk.clone(), reads, told);
        let calls = Calls::new(office.desk.clone(), requests);
        let mut people = Vec::new();
        for _ in 0..3 {
            let person = office.add_person().await;
            let assignment = Assignment {
                person_id: person.to_string(),
                centre: HALL.to_owned(),
                from: Some(date("2025-01-01")),
                ..Assignment::default()
            };
            office.put(office.hall, Record::Assignment(assignment)).await.expect("an assignment");
            people.push(person);
        }
        let desk = Self { office, calls, people, _news: news };
        for (name, role) in [("lead", Role::Lead), ("officer", Role::AttendanceOfficer)] {
            let subject = Subject::parse(&format!("system:{name}")).expect("a subject");
            desk.office.grant(desk.office.hall, &subject, role).await;
        }
        desk
    }

    /// A caller who holds what the method needs over the hall.
    pub(crate) fn caller(&self, subject: &Subject, method: &str) -> Caller {
        self.office.caller(subject, &format!("qinlian.v1.RosterService/{method}"))
    }

    pub(crate) fn officer(&self, method: &str) -> Caller {
        self.caller(&Subject::parse("system:officer").expect("a subject"), method)
    }

    pub(crate) fn id(&self) -> String {
        self.office.request_id().to_string()
    }

    pub(crate) async fn put_shift(&self, shift: Shift) -> Result<PutShiftResponse, Failure> {
        let request = PutShiftRequest {
            centre: HALL.to_owned(),
            request_id: self.id(),
            shift: Some(shift),
            ..PutShiftRequest::default()
        };
        self.calls.put_shift(&self.officer("PutShift"), request).await
    }

    pub(crate) async fn put_roster(
        &self,
        entries: Vec<RosterEntry>,
        patterns: Vec<RosterPattern>,
    ) -> Result<PutRosterResponse, Failure> {
        let request = PutRosterRequest {
            centre: HALL.to_owned(),
            request_id: self.id(),
            entries,
            patterns,
            ..PutRosterRequest::default()
        };
        self.calls.put_roster(&self.officer("PutRoster"), request).await
    }

    pub(crate) fn entry(&self, person: usize, on: &str, shift: &str) -> RosterEntry {
        let works = if shift == "rest" { Works::Rest(true) } else { Works::Shift(shift.to_owned()) };
        RosterEntry { person_id: self.people[person].to_string(), date: Some(date(on)), works: Some(works) }
    }

    pub(crate) fn pattern(&self, person: usize, from: &str, until: &str, shift: &str) -> RosterPattern {
        RosterPattern {
            person_id: self.people[person].to_string(),
            from: Some(date(from)),
            until: Some(until).filter(|until| !until.is_empty()).map(date),
            shift: shift.to_owned(),
        }
    }
}

/// `2026-03-02`
pub(crate) fn date(text: &str) -> Date {
    let parts: Vec<i32> = text.split('-').map(|part| part.parse().expect("a number")).collect();
    Date { year: parts[0], month: parts[1], day: parts[2] }
}

/// `08:30` as minutes; hours may exceed 24.
fn minutes(text: &str) -> i32 {
    let (hours, minutes) = text.split_once(':').expect("a time");
    hours.parse::<i32>().expect("hours") * 60 + minutes.parse::<i32>().expect("minutes")
}

/// A shift as an officer writes it: `1-4 08:30-12:00 14:00-17:30; 5 08:30-16:00`.
pub(crate) fn shift(code: &str, text: &str) -> Shift {
    let templates = text
        .split(';')
        .map(|template| {
            let mut words = template.split_whitespace();
            let days = words.next().expect("days of the week");
            let (first, last) = days.split_once('-').unwrap_or((days, days));
            let (first, last): (i32, i32) = (first.parse().expect("a day"), last.parse().expect("a day"));
            let spans = words.map(|span| {
                let (on, off) = span.split_once('-').expect("a span");
                Span { on_plan_min: minutes(on), off_plan_min: minutes(off), ..Span::default() }
            });
            Template { weekdays: (first..=last).collect(), spans: spans.collect() }
        })
        .collect();
    Shift { shift: code.to_owned(), name: code.to_owned(), templates, ..Shift::default() }
}

/// The code of a refusal, or of the first wrong field and its reason.
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Failure>) -> String {
    match answer {
        Err(Failure::Refused(reason)) => reason.code().to_owned(),
        Err(Failure::Invalid(violations)) => {
            let named = violations.0.iter().map(|wrong| format!("{} {}", wrong.field, wrong.reason));
            named.collect::<Vec<_>>().join(", ")
        }
        Err(Failure::Denied(_)) => "DENIED".to_owned(),
        other => format!("{other:?}"),
    }
}
