//! What is stored with which flag, what is refused: one row per rule.

use ed25519_dalek::{Signer, SigningKey};

use super::*;
use crate::kernel::{CentreId, Label, LogId, PersonId};
use crate::ledger::keys::Keys;
use crate::proto::punch::{Direction, Method};
use crate::proto::{Assignment, Centre, CredentialBinding, Person, Presented, credential, presented};
use crate::registers::attendance::coverage::Covered;
use crate::registers::attendance::fact::Stamp;
use crate::registers::directory::Directory;
use crate::registers::directory::fact::{Record, date};
use crate::registers::stamp::sample::Sample;

/// 2026-03-02 08:30 in Shanghai.
const NOW: EpochMs = EpochMs::clamped(1_772_411_400_000);
const HALL: LogId = LogId::from_column(4);

fn keys() -> Keys {
    Keys::new(&[1; 32], &[2; 32])
}

fn person(number: u8) -> PersonId {
    PersonId::mint([number; 16])
}

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

struct Hall {
    deployment: Directory,
    own: Directory,
    state: State,
}

impl Hall {
    /// Zhang (1) is assigned; Li (2) is not; Wang (3) is retired. They have the cards A1, A2 and A3. gate-1 is plain, gate-2 signs,
    /// gate-3 is retired, file is an import source. Of gate-1's journal, 1 to 3 have arrived.
    fn new() -> Self {
        let mut deployment = Directory::default();
        let centre = Centre { centre: "hall".to_owned(), ..Centre::default() };
        deployment.apply(Pos::new(4), Record::Centre(centre));
        for (pos, number) in [(5, 1_u8), (6, 2), (7, 3)] {
            let record =
                Record::Person(Person { person_id: person(number).to_string(), ..Person::default() });
            deployment.apply(Pos::new(pos), if number == 3 { record.retired() } else { record });
        }
        let mut own = Directory::default();
        let first = Some(date(EpochDay::from_ymd(2026, 1, 1).unwrap()));
        let assignment =
            Assignment { person_id: person(1).to_string(), from: first, ..Assignment::default() };
        own.apply(Pos::new(1), Record::Assignment(assignment));
        for (pos, card, number) in [(2, "A1", 1), (3, "A2", 2), (4, "A3", 3)] {
            let Who::Credential(kind, hmac) = Who::credential(&keys(), credential::Kind::Card, card) else {
                unreachable!()
            };
            let binding = CredentialBinding {
                person_id: person(number).to_string(),
                kind: kind.into(),
                value_hmac: hmac.to_vec(),
                from: first,
                ..CredentialBinding::default()
            };
            own.apply(Pos::new(pos), Record::CredentialBinding(binding));
        }
        for (pos, code, kind, key) in [
            (10, "gate-1", Kind::ClockTerminal, Vec::new()),
            (11, "gate-2", Kind::ClockTerminal, signer().verifying_key().to_bytes().to_vec()),
            (12, "gate-3", Kind::ClockTerminal, Vec::new()),
            (13, "file", Kind::ImportSource, Vec::new()),
        ] {
            let device = Device {
                device: code.to_owned(),
                kind: kind.into(),
                public_key: key,
                journal: pos,
                ..Device::default()
            };
            let record = Record::Device(device);
            own.apply(Pos::new(pos), if code == "gate-3" { record.retired() } else { record });
        }
        let mut known = Known::default();
        known.arrived("gate-1", Pos::new(10), 1, 3);
        let mut state = State::default();
        state.logs.insert(HALL, Arc::new(known));
        Self { deployment, own, state }
    }

    fn judge(&self, command: &Command) -> Result<Accepted, &'static str> {
        let seen = Seen { deployment: &self.deployment, own: &self.own };
        let centre = CentreId::parse("hall").unwrap();
        let moment = Moment {
            base: Pos::ZERO,
            log: HALL,
            centre: &centre,
            pos: Pos::new(100),
            at: NOW,
            last: NOW,
            principal: "device:gate-1",
            random: [0; 16],
        };
        admit(command, &self.state, seen, &moment).map_err(|reason| reason.code())
    }

    fn flags(&self, punch: Punch) -> Result<Vec<PunchFlag>, &'static str> {
        let accepted = self.judge(&Command::punch(punch))?;
        Ok(fact::flags_of(fact::punch_of(&accepted.facts).unwrap()))
    }
}

/// Zhang clocks in at gate-1, number 4, now, with the card.
fn punch() -> Punch {
    let card = crate::proto::Credential { kind: credential::Kind::Card.into(), value: "A1".to_owned() };
    Punch {
        source: Source::Live,
        stamp: Stamp {
            device: DeviceId::parse("gate-1").unwrap(),
            seq: 4,
            boot_id: Label::parse("b1").unwrap(),
            mono_ms: 1_000,
            claimed: NOW,
            signature: Vec::new(),
        },
        direction: Direction::In,
        method: Method::Card,
        device_label: Label::parse("").unwrap(),
        who: Who::credential(&keys(), credential::Kind::Card, "A1"),
        witness: None,
        presented: Presented { who: Some(presented::Who::Credential(card)), ..Presented::default() },
        verified_by: None,
    }
}

fn stamped(change: impl FnOnce(&mut Stamp)) -> Punch {
    let mut punch = punch();
    change(&mut punch.stamp);
    punch
}

fn by(number: u8) -> Punch {
    let presented =
        Presented { who: Some(presented::Who::PersonId(person(number).to_string())), ..Presented::default() };
    Punch { who: Who::Person(person(number)), presented, ..punch() }
}

fn at_device(code: &str, seq: u64) -> Punch {
    stamped(|stamp| {
        stamp.device = DeviceId::parse(code).unwrap();
        stamp.seq = seq;
    })
}

fn imported(claimed: EpochMs) -> Punch {
    let stamp = Stamp {
        device: DeviceId::parse("file").unwrap(),
        seq: 0,
        boot_id: Label::parse("").unwrap(),
        mono_ms: 0,
        claimed,
        signature: Vec::new(),
    };
    Punch { source: Source::Import, stamp, direction: Direction::Unknown, ..punch() }
}

fn signed(change: impl FnOnce(&mut Punch)) -> Punch {
    let mut punch = at_device("gate-2", 1);
    let message = signature::message(&CentreId::parse("hall").unwrap(), &punch);
    punch.stamp.signature = signer().sign(&message).to_bytes().to_vec();
    change(&mut punch);
    punch
}

const DAY_MS: i64 = 86_400_000;

#[test]
fn what_is_odd_is_stored_and_flagged_and_what_is_not_ours_is_refused() {
    use PunchFlag as F;
    let witnessed = |who| Punch { witness: Some(who), ..punch() };
    let card = |number| Who::credential(&keys(), credential::Kind::Card, number);
    let table = [
        ("R3: all is well", punch(), Ok(vec![])),
        (
            "R3: a direction that is unknown is nothing odd",
            Punch { direction: Direction::Unknown, ..punch() },
            Ok(vec![]),
        ),
        (
            "R3: nobody has the card",
            Punch { who: Who::credential(&keys(), credential::Kind::Card, "A9"), ..punch() },
            Ok(vec![F::UnknownPerson]),
        ),
        (
            "R3: the card's number as a PIN",
            Punch { who: Who::credential(&keys(), credential::Kind::Pin, "A1"), ..punch() },
            Ok(vec![F::UnknownPerson]),
        ),
        ("R3: an id that the directory does not know", by(9), Ok(vec![F::UnknownPerson])),
        ("R3: not assigned here that day", by(2), Ok(vec![F::NotAssignedHere])),
        ("R3: retired from the directory", by(3), Ok(vec![F::PersonRetired])),
        ("R4: 2 s ahead", stamped(|stamp| stamp.claimed = NOW.plus_ms(2_000)), Ok(vec![])),
        (
            "R4: more than 2 s ahead",
            stamped(|stamp| stamp.claimed = NOW.plus_ms(2_001)),
            Ok(vec![F::FutureTime]),
        ),
        ("R3: 45 days old", stamped(|stamp| stamp.claimed = NOW.plus_ms(-45 * DAY_MS)), Ok(vec![])),
        (
            "R3: older, and still assigned: the contact dates it",
            stamped(|stamp| stamp.claimed = NOW.plus_ms(-100 * DAY_MS)),
            Ok(vec![F::OldTime]),
        ),
        ("R3: number 5 before number 4", at_device("gate-1", 5), Ok(vec![F::JournalGap])),
        ("R2: signed", signed(|_| {}), Ok(vec![])),
        (
            "R2: a good signature was found before",
            signed(|punch| {
                signature::verify(
                    &signer().verifying_key().to_bytes(),
                    &CentreId::parse("hall").unwrap(),
                    punch,
                );
            }),
            Ok(vec![]),
        ),
        ("R2: not signed", at_device("gate-2", 1), Ok(vec![F::BadSignature])),
        (
            "R2: signed for another direction",
            signed(|punch| punch.direction = Direction::Out),
            Ok(vec![F::BadSignature]),
        ),
        (
            "R2: signed with another card",
            signed(|punch| punch.presented.who = Some(presented::Who::PersonId(person(1).to_string()))),
            Ok(vec![F::BadSignature]),
        ),
        (
            "R2: half a signature",
            signed(|punch| punch.stamp.signature.truncate(32)),
            Ok(vec![F::BadSignature]),
        ),
        (
            "R3: a colleague vouches, with a card of their own",
            witnessed(card("A2")),
            Ok(vec![F::FallbackCredential]),
        ),
        (
            "R3: a card that nobody has vouches for nobody",
            witnessed(card("A9")),
            Ok(vec![F::FallbackCredential, F::UnprovenWitness]),
        ),
        (
            "R3: nor does somebody who is retired",
            witnessed(card("A3")),
            Ok(vec![F::FallbackCredential, F::UnprovenWitness]),
        ),
        (
            "R3: nobody vouches for themselves",
            witnessed(card("A1")),
            Ok(vec![F::FallbackCredential, F::UnprovenWitness]),
        ),
        ("R3: a retired device", at_device("gate-3", 1), Ok(vec![F::DeviceRetired])),
        ("R5: from a file", imported(NOW), Ok(vec![F::FromImport])),
        (
            "R5: a file may be old, but nobody was assigned then",
            imported(NOW.plus_ms(-100 * DAY_MS)),
            Ok(vec![F::UnknownPerson, F::FromImport]),
        ),
        (
            "R3: several at once",
            Punch { who: Who::Person(person(2)), ..at_device("gate-1", 9) },
            Ok(vec![F::NotAssignedHere, F::JournalGap]),
        ),
        ("no such device", at_device("gate-9", 1), Err("UNKNOWN_DEVICE")),
        ("an import source is no terminal", at_device("file", 1), Err("NOT_A_TERMINAL")),
        (
            "a terminal is no import source",
            Punch { source: Source::Import, ..punch() },
            Err("NOT_AN_IMPORT_SOURCE"),
        ),
    ];
    let hall = Hall::new();
    for (rule, punch, wanted) in table {
        assert_eq!(hall.flags(punch), wanted, "{rule}");
    }
}

#[test]
fn only_what_somebody_should_look_at_is_quarantined() {
    use PunchFlag as F;
    for (flag, quarantined) in [
        (F::UnknownPerson, true),
        (F::NotAssignedHere, true),
        (F::PersonRetired, true),
        (F::FutureTime, true),
        (F::OldTime, true),
        (F::BadSignature, true),
        (F::DeviceRetired, true),
        (F::UnprovenWitness, true),
        (F::JournalGap, false),
        (F::FallbackCredential, false),
        (F::FromImport, false),
    ] {
        let fact = PunchFact { flags: vec![flag.into()], ..PunchFact::default() };
        assert_eq!(fact::quarantined(&fact), quarantined.then_some(flag), "{flag:?}");
    }
}

#[test]
fn a_punch_sent_at_once_brings_its_own_contact_and_an_uploaded_one_the_first_of_its_boot() {
    let mut hall = Hall::new();
    let contact = |hall: &Hall, punch: Punch| {
        let accepted = hall.judge(&Command::punch(punch)).unwrap();
        fact::punch_of(&accepted.facts).unwrap().contact.clone()
    };
    let live = contact(&hall, punch()).unwrap();
    assert_eq!((live.server_ms, live.mono_ms), (NOW.get(), 1_000));
    let upload = || Punch { source: Source::Upload, ..punch() };
    assert_eq!(contact(&hall, upload()), None, "nothing is known of its boot");
    let sample = Sample { mono_ms: 5, wall: NOW, server: NOW.plus_ms(-9_000) };
    hall.state.samples.insert((HALL, "gate-1".to_owned(), "b1".to_owned()), sample);
    assert_eq!(contact(&hall, upload()), Some(sample.said("b1")));
    assert_eq!(contact(&hall, imported(NOW)), None, "a file has no contact");
}

#[test]
fn how_a_punch_came_is_no_part_of_what_it_is() {
    let live = Command::punch(punch());
    let upload = Command::punch(Punch { source: Source::Upload, verified_by: Some([1; 32]), ..punch() });
    assert_eq!(live.content(), upload.content());
    for other in [
        Punch { direction: Direction::Out, ..punch() },
        Punch { method: Method::Manual, ..punch() },
        stamped(|stamp| stamp.seq = 5),
        stamped(|stamp| stamp.mono_ms = 1_001),
        stamped(|stamp| stamp.claimed = NOW.plus_ms(1)),
        stamped(|stamp| stamp.boot_id = Label::parse("b2").unwrap()),
        stamped(|stamp| stamp.signature = vec![0; 64]),
        Punch { device_label: Label::parse("east").unwrap(), ..punch() },
        by(1),
    ] {
        assert_ne!(Command::punch(other).content(), live.content());
    }
}

#[test]
fn an_answer_says_how_far_the_journal_has_arrived_with_this_punch() {
    let hall = Hall::new();
    for (seq, through) in [(4, 4), (6, 3)] {
        let accepted = hall.judge(&Command::punch(at_device("gate-1", seq))).unwrap();
        assert_eq!(accepted.contiguous_through, Some(through), "number {seq}");
    }
    assert_eq!(hall.judge(&Command::punch(imported(NOW))).unwrap().contiguous_through, None);
}

#[test]
fn an_outage_begins_once_and_ends_after_it_began() {
    let mut hall = Hall::new();
    let gate = || DeviceId::parse("gate-1").unwrap();
    let begin = Command::Outage { device: gate(), from: NOW, reason: Words::parse("no power").unwrap() };
    let end = |ms| Command::OutageEnd { device: gate(), until: NOW.plus_ms(ms) };
    assert_eq!(hall.judge(&end(1)).err(), Some("NO_OUTAGE"));
    assert!(hall.judge(&begin).is_ok_and(|accepted| accepted.personal.is_some()));
    let mut known = Known::default();
    known.outage_is("gate-1", Some(NOW));
    hall.state.logs.insert(HALL, Arc::new(known));
    assert_eq!(hall.judge(&begin).err(), Some("OUTAGE_OPEN"));
    assert_eq!(hall.judge(&end(0)).err(), Some("ENDS_BEFORE_IT_BEGINS"));
    assert!(hall.judge(&end(1)).is_ok());
    let elsewhere = Command::OutageEnd { device: DeviceId::parse("gate-9").unwrap(), until: NOW };
    assert_eq!(hall.judge(&elsewhere).err(), Some("UNKNOWN_DEVICE"));
}

#[test]
fn of_two_replicas_that_notice_the_same_the_second_is_refused() {
    let mut hall = Hall::new();
    let sample = Sample { mono_ms: 1, wall: NOW, server: NOW.plus_ms(-1_000) };
    let contact = super::super::contact::Contact {
        device: DeviceId::parse("gate-1").unwrap(),
        journal: Pos::new(10),
        boot_id: Label::parse("b1").unwrap(),
        first: sample,
        newest: sample,
        journal_head: 3,
        going_down: false,
    };
    let item = coverage::due(None, &contact, 0, NOW).unwrap().item;
    let command = Command::Coverage(vec![Proposal { contact, item }]);
    let accepted = hall.judge(&command).unwrap();
    let Some(Of::Coverage(fact)) = accepted.facts[0].fact.clone() else { unreachable!() };
    let item = fact.devices[0].clone();
    assert_eq!(item.contiguous_through, 3, "as the rule knows it, whatever was proposed");
    let mut known = Known::default();
    known.arrived("gate-1", Pos::new(10), 1, 3);
    known.covers("gate-1", Covered::of(&item, NOW));
    hall.state.logs.insert(HALL, Arc::new(known));
    assert_eq!(hall.judge(&command).err(), Some("NOTHING_NEW"));
}

#[test]
fn the_page_about_signatures_is_right() {
    let mut punch = at_device("gate-1", 1);
    punch.stamp.claimed = EpochMs::clamped(1_772_411_400_000);
    let message = signature::message(&CentreId::parse("hall").unwrap(), &punch);
    let hex: String = message.iter().map(|byte| format!("{byte:02x}")).collect();
    let page = include_str!("../../../../docs/device-signature.md");
    let shown: String =
        page.split("```text").nth(1).unwrap().split("```").next().unwrap().split_whitespace().collect();
    assert_eq!(shown, hex);
}
