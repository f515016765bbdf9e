//! A centre with two terminals, an import source and three people; and the fold of its results.

use std::collections::BTreeMap;
use std::sync::Arc;

use qinlian::clock::{Clock, MockClock};
use qinlian::kernel::{DeviceId, EpochDay, EpochMs, Label, LogId, PersonId, Pos, RequestId};
use qinlian::ledger::committer::{Lane, Outcome, Reply, SubmitError};
use qinlian::ledger::port::Submission;
use qinlian::proto::presented::Who as Shown;
use qinlian::proto::punch::{Direction, Method};
use qinlian::proto::{
    Assignment, Credential, CredentialBinding, Date, Device, DeviceState, Presence, Presented, PunchFlag,
    TimeTrust, credential, device,
};
use qinlian::registers::attendance::contact::Contact;
use qinlian::registers::attendance::fact::{Command, Punch, Source, Stamp, Who, flags_of, punch_of};
use qinlian::registers::attendance::service::watch;
use qinlian::registers::derivation::{DEVICE, PRESENCE, Registered, day_of, registered};
use qinlian::registers::directory::fact::Record;
use qinlian::registers::rulebook::{Detail, server};
use qinlian::registers::stamp::sample::Sample;
use qinlian::results::{Body, Filter, Folder, Item, Query, Room, page};
use qinlian::store::Store;

use crate::support::MORNING;
use crate::support::office::{Office, keys};

/// The centre.
pub(crate) struct Hall {
    pub(crate) office: Office,
    /// Three people: the first two with cards A0 and A1, the third's card A2 is not bound yet.
    pub(crate) people: Vec<PersonId>,
}

/// A person's day as a test writes it: the person's number, the day of March, first-in and last-out.
pub(crate) type Days = BTreeMap<(usize, i32), (Option<EpochMs>, Option<EpochMs>, TimeTrust)>;

impl Hall {
    pub(crate) async fn begin(store: &Store, clock: &Arc<MockClock>) -> Self {
        let office = Office::begin(store, clock).await;
        let mut people = Vec::new();
        for _ in 0..3 {
            people.push(office.add_person().await);
        }
        let hall = Self { office, people };
        for (code, kind) in [
            ("gate-1", device::Kind::ClockTerminal),
            ("gate-2", device::Kind::WindowTerminal),
            ("file", device::Kind::ImportSource),
        ] {
            let device = Device { device: code.to_owned(), kind: kind.into(), ..Device::default() };
            hall.put(Record::Device(device)).await;
        }
        for person in &hall.people {
            let assignment = Assignment {
                person_id: person.to_string(),
                centre: "hall".to_owned(),
                from: Some(Date { year: 2025, month: 1, day: 1 }),
                ..Assignment::default()
            };
            hall.put(Record::Assignment(assignment)).await;
        }
        hall.bind(0, "A0").await;
        hall.bind(1, "A1").await;
        hall
    }

    pub(crate) async fn put(&self, record: Record) -> Pos {
        self.office.put(self.log(), record).await.expect("a record").pos
    }

    pub(crate) fn log(&self) -> LogId {
        self.office.hall
    }

    /// The binding of a card, from 2026-01-01 on.
    pub(crate) fn binding(&self, person: usize, card: &str) -> CredentialBinding {
        let Who::Credential(kind, hmac) = Who::credential(&keys(), credential::Kind::Card, card) else {
            panic!("a credential")
        };
        CredentialBinding {
            person_id: self.people[person].to_string(),
            kind: kind.into(),
            value_hmac: hmac.to_vec(),
            from: Some(Date { year: 2026, month: 1, day: 1 }),
            ..CredentialBinding::default()
        }
    }

    pub(crate) async fn bind(&self, person: usize, card: &str) {
        self.put(Record::CredentialBinding(self.binding(person, card))).await;
    }

    pub(crate) async fn unbind(&self, person: usize, card: &str) {
        self.put(Record::CredentialBinding(self.binding(person, card)).retired()).await;
    }

    pub(crate) fn submission(
        &self,
        id: RequestId,
        punch: Punch,
    ) -> Submission<qinlian::registers::rulebook::Command> {
        Submission {
            log: self.log(),
            request_id: id,
            author: server("test"),
            command: Command::punch(punch).into(),
        }
    }

    /// Submits a punch under an id.
    pub(crate) async fn send_as(&self, id: RequestId, punch: Punch) -> Result<Reply<Detail>, SubmitError> {
        self.office.desk.ledger().submit(self.submission(id, punch), Lane::Live).await
    }

    /// Submits a punch under a new id.
    pub(crate) async fn send(&self, punch: Punch) -> Reply<Detail> {
        self.send_as(self.office.request_id(), punch).await.expect("an answer")
    }

    /// Submits many at once; each must be answered.
    pub(crate) async fn send_all(&self, punches: Vec<Punch>) -> Vec<Outcome> {
        let submissions =
            punches.into_iter().map(|punch| self.submission(self.office.request_id(), punch)).collect();
        let answers = self.office.desk.ledger().submit_all(submissions).await.expect("room");
        answers.into_iter().map(|answer| answer.expect("an answer").outcome).collect()
    }

    /// A device reports to this replica, its wall clock off by so much.
    pub(crate) async fn report(&self, device: &str, boot: &str, mono_ms: u64, off_ms: i64, head: u64) {
        self.report_as(device, boot, mono_ms, off_ms, head, Going::On).await;
    }

    pub(crate) async fn report_as(
        &self,
        device: &str,
        boot: &str,
        mono_ms: u64,
        off_ms: i64,
        head: u64,
        going: Going,
    ) {
        let own = self.office.desk.directory(self.log()).await.expect("a directory");
        let now = self.office.clock.now();
        let sample = Sample { mono_ms, wall: now.plus_ms(off_ms), server: now };
        let contact = Contact {
            device: DeviceId::parse(device).expect("a code"),
            journal: Pos::new(own.device(device).expect("a device").journal),
            boot_id: Label::parse(boot).expect("a label"),
            first: sample,
            newest: sample,
            journal_head: head,
            going_down: going == Going::Down,
        };
        self.office.desk.registers().attendance.report(self.log(), contact);
    }

    /// Looks at the contacts once; how many entries that made.
    pub(crate) async fn watch(&self) -> u64 {
        let before = self.size().await;
        watch::round(&self.office.desk).await.expect("a round");
        self.size().await - before
    }

    pub(crate) async fn size(&self) -> u64 {
        self.office.desk.ledger().reader().head(self.log()).await.expect("a head").0.size
    }

    pub(crate) fn folder(&self, chunk: usize) -> Folder<Registered> {
        let ledger = self.office.desk.ledger().clone();
        Folder::new(self.office.desk.store().clone(), registered(ledger)).with_chunk(chunk)
    }

    pub(crate) async fn fold(&self) {
        self.folder(7).catch_up(self.log()).await.expect("folded");
    }

    /// Every revision of a room, in order.
    pub(crate) async fn revisions(&self, room: Room) -> Vec<Item> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let query =
                Query { room, logs: &[self.log()], cursor: &cursor, limit: 100, filter: Filter::Everything };
            let page = page(self.office.desk.store(), &query).await.expect("a page");
            items.extend(page.items);
            if page.caught_up {
                return items;
            }
            cursor = page.next_cursor;
        }
    }

    /// Everybody's days as they are known now.
    pub(crate) async fn days(&self) -> Days {
        let mut days = Days::new();
        for item in self.revisions(PRESENCE).await {
            let (person, day) = day_of(&item.key).expect("a key");
            let number = self.people.iter().position(|known| known.as_str() == person).expect("one of three");
            let of = (number, day_of_march(day));
            match &item.body {
                Body::Content(content) => {
                    let day = decode::<Presence>(content);
                    days.insert(of, (at(day.first_in), at(day.last_out), day.trust()));
                }
                Body::Nothing | Body::Erased => {
                    days.remove(&of);
                }
            }
        }
        days
    }

    /// The states that a device went through: state, since, covered until.
    pub(crate) async fn states(&self, device: &str) -> Vec<(String, Option<EpochMs>, Option<EpochMs>)> {
        let items =
            self.revisions(DEVICE).await.into_iter().filter(|item| item.key.bytes == device.as_bytes());
        items
            .map(|item| {
                let Body::Content(content) = item.body else { panic!("a device has a state") };
                let state = decode::<DeviceState>(&content);
                (state.state().as_str_name().to_owned(), at(state.since), at(state.covered_until))
            })
            .collect()
    }
}

/// Does the device say that it shuts down?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Going {
    On,
    Down,
}

fn decode<M: prost::Message + Default>(bytes: &[u8]) -> M {
    M::decode(bytes).expect("a message")
}

fn at(stamp: Option<prost_types::Timestamp>) -> Option<EpochMs> {
    stamp.map(|stamp| EpochMs::from_parts(stamp.seconds, stamp.nanos).expect("a time"))
}

/// 2026-03-02 is 2; days before March are negative or zero.
fn day_of_march(day: EpochDay) -> i32 {
    let first = EpochDay::from_ymd(2026, 3, 1).expect("a day");
    i32::try_from(day.column() - first.column()).expect("near") + 1
}

/// Minutes after eight on Monday, 2 March 2026.
pub(crate) fn minute(minutes: i64) -> EpochMs {
    MORNING.plus_ms(minutes * 60_000)
}

/// Lets time pass until then.
pub(crate) fn wait_until(clock: &MockClock, then: EpochMs) {
    clock.advance_ms(u64::try_from(then.since(clock.now())).expect("time passes"));
}

/// A punch of a card at a terminal that is right: boot "b" began at eight.
pub(crate) fn punch(device: &str, seq: u64, minutes: i64, direction: Direction, card: &str) -> Punch {
    let shown = Credential { kind: credential::Kind::Card.into(), value: card.to_owned() };
    Punch {
        source: Source::Live,
        stamp: Stamp {
            device: DeviceId::parse(device).expect("a code"),
            seq,
            boot_id: Label::parse("b").expect("a label"),
            mono_ms: u64::try_from(minutes.max(0) * 60_000).expect("after eight"),
            claimed: minute(minutes),
            signature: Vec::new(),
        },
        direction,
        method: Method::Card,
        device_label: Label::parse("").expect("a label"),
        who: Who::credential(&keys(), credential::Kind::Card, card),
        witness: None,
        presented: Presented { who: Some(Shown::Credential(shown)), ..Presented::default() },
        verified_by: None,
    }
}

/// The same, from a journal.
pub(crate) fn uploaded(punch: Punch) -> Punch {
    Punch { source: Source::Upload, ..punch }
}

/// The flags of what was stored.
pub(crate) fn flags(reply: &Reply<Detail>) -> Vec<PunchFlag> {
    let (entry, _) = reply.fresh.as_ref().expect("stored by this call");
    flags_of(punch_of(&entry.placed.detail.facts).expect("a punch"))
}

/// Up to which number the journal had arrived.
pub(crate) fn through(reply: &Reply<Detail>) -> Option<u64> {
    reply.fresh.as_ref().and_then(|(entry, _)| entry.placed.detail.contiguous_through)
}
