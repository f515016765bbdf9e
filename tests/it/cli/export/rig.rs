//! A small centre with a month on record: three people, two gates, March 2026, from late mornings to a gate that fell silent.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use qinlian::cli::export::sidecar::Sidecar;
use qinlian::cli::export::{Format, Kind, List, Order, Reveal, export};
use qinlian::clock::{Clock, MockClock};
use qinlian::kernel::{CentreId, DepartmentId, DeviceId, EpochDay, EpochMs, LogId, Words};
use qinlian::proto::punch::Direction::{self, In, Out};
use qinlian::proto::{
    DirectoryPersonal, ExternalId, RosterEntry, RosterFact, RosterPattern, credential, reveal,
};
use qinlian::registers::attendance::fact::{Command as Attendance, Punch};
use qinlian::registers::directory::fact::{Command as Directory, Noun, Record};
use qinlian::registers::directory::parse;
use qinlian::registers::roster::fact::Command as Roster;
use qinlian::registers::roster::notices;
use qinlian::store::Store;

use crate::attendance::rig::{Hall, minute, punch, uploaded, wait_until};
use crate::roster::rig::{date, shift};
use crate::support::clock;
use crate::support::office::keys;

/// What everybody does who is in time.
pub(super) const WHOLE: &str = "I08:25 O12:01 I13:55 O17:31";

/// What the second person did; every other day they were in time.
const SECOND: [(i64, &str); 8] = [
    (3, "I08:42 O12:05 I13:50 O17:35"),
    (4, "I08:50 O12:05 I13:50 O17:35"),
    (5, "I09:05 O12:05 I13:50 O17:35"),
    (6, "I08:20 O12:05 I13:50 O16:30"),
    (9, "I08:20 O12:05 I13:50 O17:10"),
    (10, "I08:20 I13:50 O17:35"),
    (11, ""),
    (12, "I08:20 O12:05"),
];

/// On this day both gates were declared out of order until noon, and the third person was not seen before.
const OUTAGE: i64 = 13;
/// From this day on the second gate says nothing.
const SILENT: i64 = 30;

/// The centre and its month.
pub(super) struct Month {
    pub(super) hall: Hall,
    clock: Arc<MockClock>,
    seq: Cell<u64>,
}

/// The instant at which clocks show so much on a day of March.
fn at(day: i64, time: &str) -> EpochMs {
    minute(minutes(day, time))
}

fn minutes(day: i64, time: &str) -> i64 {
    let (hours, minutes) = time.split_once(':').expect("a time");
    let of = |text: &str| text.parse::<i64>().expect("a number");
    (day - 2) * 1_440 + (of(hours) - 8) * 60 + of(minutes)
}

impl Month {
    /// The centre before the month.
    pub(super) async fn begin(store: &Store, seed: u64) -> Self {
        let clock = clock(seed);
        let hall = Hall::begin(store, &clock).await;
        hall.bind(2, "A2").await;
        let gone = Directory::Retire {
            noun: Noun::Device,
            code: "file".to_owned(),
            reason: Words::parse("停用").expect("words"),
        };
        hall.office.administer(hall.log(), gone).await.expect("retired");
        let year = notices::shipped("cn-2026").expect("shipped");
        hall.office.administer(LogId::DEPLOYMENT, Roster::CalendarYear(year)).await.expect("a calendar");
        let month = Self { hall, clock, seq: Cell::new(0) };
        month.number().await;
        month.put(Roster::Shift(shift("day", "1-5 08:30-12:00 14:00-17:30"))).await;
        let patterns = month.hall.people.iter().map(|person| RosterPattern {
            person_id: person.to_string(),
            from: Some(date("2026-03-02")),
            until: None,
            shift: "day".to_owned(),
        });
        month.put(Roster::Roster(RosterFact { entries: vec![], patterns: patterns.collect() })).await;
        month
    }

    /// The first person has an employee number, the second an id in another system, the third neither.
    async fn number(&self) {
        let person = self.hall.people[0].to_string();
        let from = Some(date("2026-01-01"));
        let (record, personal) =
            parse::binding(&keys(), person, credential::Kind::EmployeeNo, "0007", from, None);
        let put = Directory::Put { record, personal };
        self.hall.office.administer(self.hall.log(), put).await.expect("bound");
        let deployment = self.hall.office.desk.directory(LogId::DEPLOYMENT).await.expect("a directory");
        let person = deployment.person(self.hall.people[1].as_str()).expect("a person").clone();
        let external_ids = vec![ExternalId { system: "hr".to_owned(), id: "=7+1".to_owned() }];
        let personal = DirectoryPersonal { external_ids, ..DirectoryPersonal::default() };
        let put = Directory::Put { record: Record::Person(person), personal };
        self.hall.office.administer(LogId::DEPLOYMENT, put).await.expect("put");
    }

    /// The month goes by, day for day, up to and with the last one that is named.
    pub(super) async fn live(store: &Store, seed: u64, last: i64) -> Self {
        let month = Self::begin(store, seed).await;
        for day in 2..=last {
            // Saturdays and Sundays: the 7th and the 8th, and so on.
            if !(day - 7).rem_euclid(7).le(&1) {
                month.day(day).await;
            }
        }
        month
    }

    async fn day(&self, day: i64) {
        let second = SECOND.iter().find(|(on, _)| *on == day).map_or(WHOLE, |(_, did)| *did);
        let third = match day {
            OUTAGE => "I13:55 O17:31",
            SILENT.. => "",
            _ => WHOLE,
        };
        let mut punches = Vec::new();
        for (card, did) in [("A0", WHOLE), ("A1", second), ("A2", third)] {
            punches.extend(did.split_whitespace().map(|at| (minutes(day, &at[1..]), direction(at), card)));
        }
        punches.sort_by_key(|(minutes, _, card)| (*minutes, *card));
        wait_until(&self.clock, at(day, "18:40"));
        let punches =
            punches.into_iter().map(|(minutes, direction, card)| self.punch(minutes, direction, card));
        self.hall.send_all(punches.collect()).await;
        if day == OUTAGE {
            self.outage(day).await;
        }
        let gates: &[&str] = if day >= SILENT { &["gate-1"] } else { &["gate-1", "gate-2"] };
        for gate in gates {
            let mono_ms = u64::try_from(self.clock.now().since(minute(0))).expect("after eight");
            let head = if *gate == "gate-1" { self.seq.get() } else { 0 };
            self.hall.report(gate, "b", mono_ms, 0, head).await;
        }
        self.hall.watch().await;
    }

    fn punch(&self, minutes: i64, direction: Direction, card: &str) -> Punch {
        self.seq.set(self.seq.get() + 1);
        uploaded(punch("gate-1", self.seq.get(), minutes, direction, card))
    }

    async fn outage(&self, day: i64) {
        for gate in ["gate-1", "gate-2"] {
            let device = DeviceId::parse(gate).expect("a code");
            let (from, reason) = (at(day, "07:00"), Words::parse("停电").expect("words"));
            let out = Attendance::Outage { device: device.clone(), from, reason };
            self.hall.office.administer(self.hall.log(), out).await.expect("declared");
            let over = Attendance::OutageEnd { device, until: at(day, "12:30") };
            self.hall.office.administer(self.hall.log(), over).await.expect("declared");
        }
    }

    async fn put(&self, command: Roster) {
        self.hall.office.administer(self.hall.log(), command).await.expect("on record");
    }

    /// A person is to rest on a day.
    pub(super) async fn rest(&self, person: usize, on: &str) {
        let entry = RosterEntry {
            person_id: self.hall.people[person].to_string(),
            date: Some(date(on)),
            works: Some(qinlian::proto::roster_entry::Works::Rest(true)),
        };
        self.put(Roster::Roster(RosterFact { entries: vec![entry], patterns: vec![] })).await;
    }

    /// Exports March into a file, without employee numbers.
    pub(super) async fn export(&self, format: Format, out: &Path) -> Sidecar {
        export(&self.hall.office.desk, &order(format), out).await.expect("an export")
    }
}

fn direction(at: &str) -> Direction {
    if at.starts_with('I') { In } else { Out }
}

/// March, everybody, without employee numbers.
pub(super) fn order(format: Format) -> Order {
    Order {
        kind: Kind::Days,
        centre: CentreId::parse("hall").expect("a code"),
        from: EpochDay::from_ymd(2026, 3, 1).expect("a day"),
        until: EpochDay::from_ymd(2026, 3, 31).expect("a day"),
        department: None,
        format,
        reveal: None,
    }
}

/// A list of March, everybody, without employee numbers.
pub(super) fn list(list: List, format: Format) -> Order {
    Order { kind: Kind::List(list), ..order(format) }
}

/// With employee numbers, for payroll.
pub(super) fn for_payroll(format: Format) -> Order {
    let reason = Words::parse("三月工资").expect("words");
    let reveal = Reveal { purpose: reveal::Purpose::Payroll, reason, system: Some("hr".to_owned()) };
    Order { reveal: Some(reveal), ..order(format) }
}

/// Of a department.
pub(super) fn of_department(format: Format, code: &str) -> Order {
    Order { department: Some(DepartmentId::parse(code).expect("a code")), ..order(format) }
}
