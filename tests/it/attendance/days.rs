//! What people's days came to, through the ledger and the fold, on both databases: from a day that begins by itself to
//! results that are final, revised and explained.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use prost::Message;
use qinlian::clock::{Clock, MockClock};
use qinlian::kernel::{DeviceId, EpochDay, EpochMs, LogId, Words};
use qinlian::ledger::committer::Lane;
use qinlian::ledger::port::Submission;
use qinlian::proto::day_result::{Headline, SlotResult};
use qinlian::proto::punch::Direction::{In, Out};
use qinlian::proto::roster_entry::Works;
use qinlian::proto::{DayResult, RosterEntry, RosterFact, RosterPattern};
use qinlian::registers::audit::fact::Command as Audit;
use qinlian::registers::derivation::{DAY, day_of};
use qinlian::registers::directory::fact::{Command as Directory, Noun};
use qinlian::registers::directory::terminal::Command as Terminal;
use qinlian::registers::roster::fact::Command as Roster;
use qinlian::registers::roster::notices;
use qinlian::registers::rulebook::server;
use qinlian::results::Body;
use qinlian::store::Store;

use super::rig::{Hall, minute, punch, wait_until};
use crate::roster::rig::{date, shift};
use crate::support::clock;
use crate::support::store::each;

/// Minutes from 08:00 of Monday to 00:00 of Tuesday, 3 March 2026.
const TUESDAY: i64 = 16 * 60;

/// The instant at which clocks show so much on Tuesday.
pub(crate) fn tuesday(time: &str) -> EpochMs {
    let (hours, minutes) = time.split_once(':').expect("a time");
    let minutes = hours.parse::<i64>().expect("hours") * 60 + minutes.parse::<i64>().expect("minutes");
    minute(TUESDAY + minutes)
}

/// The hall with a roster: everybody works `day` from Monday on, and the file source is gone.
pub(crate) struct Rostered {
    pub(crate) hall: Hall,
    clock: Arc<MockClock>,
    seq: std::cell::Cell<u64>,
    /// How far the journal of gate 2 goes, of which nothing arrives by itself.
    pub(crate) stamped_at_gate_2: std::cell::Cell<u64>,
}

impl Rostered {
    pub(crate) async fn begin(store: &Store, seed: u64) -> Self {
        let clock = clock(seed);
        let hall = Hall::begin(store, &clock).await;
        let gone = Directory::Retire {
            noun: Noun::Device,
            code: "file".to_owned(),
            reason: Words::parse("停用").expect("words"),
        };
        hall.office.administer(hall.log(), gone).await.expect("retired");
        let year = notices::shipped("cn-2026").expect("shipped");
        hall.office.administer(LogId::DEPLOYMENT, Roster::CalendarYear(year)).await.expect("a calendar");
        let stamped_at_gate_2 = std::cell::Cell::new(0);
        let rostered = Self { hall, clock, seq: std::cell::Cell::new(0), stamped_at_gate_2 };
        rostered.put(Roster::Shift(shift("day", "1-5 08:30-12:00 14:00-17:30"))).await;
        let patterns = rostered.hall.people.iter().map(|person| RosterPattern {
            person_id: person.to_string(),
            from: Some(date("2026-03-02")),
            until: None,
            shift: "day".to_owned(),
        });
        rostered.put(Roster::Roster(RosterFact { entries: vec![], patterns: patterns.collect() })).await;
        rostered
    }

    pub(crate) async fn put(&self, command: Roster) {
        self.hall.office.administer(self.hall.log(), command).await.expect("on record");
    }

    /// Time passes until then, and is on record.
    pub(crate) async fn at(&self, then: EpochMs) {
        wait_until(&self.clock, then);
        let submission = Submission {
            log: self.hall.log(),
            request_id: self.hall.office.request_id(),
            author: server("test"),
            command: Audit::Tick { due: then }.into(),
        };
        let _needed = self.hall.office.desk.ledger().submit(submission, Lane::Bulk).await;
    }

    /// A card is read at a gate then.
    pub(crate) async fn clock(&self, card: &str, direction: qinlian::proto::punch::Direction, time: &str) {
        self.clock_at(card, direction, tuesday(time)).await;
    }

    /// The same, at any time.
    pub(crate) async fn clock_at(
        &self,
        card: &str,
        direction: qinlian::proto::punch::Direction,
        then: EpochMs,
    ) {
        wait_until(&self.clock, then);
        self.seq.set(self.seq.get() + 1);
        let minutes = then.since(minute(0)) / 60_000;
        self.hall.send(punch("gate-1", self.seq.get(), minutes, direction, card)).await;
    }

    /// Both gates report that they have told of everything.
    pub(crate) async fn reported(&self, gates: &[&str], time: &str) {
        self.told(gates, tuesday(time)).await;
    }

    /// The same, at any time.
    pub(crate) async fn told(&self, gates: &[&str], then: EpochMs) {
        wait_until(&self.clock, then);
        for gate in gates {
            let mono_ms = u64::try_from(self.clock.now().since(minute(0))).expect("after eight");
            let head = if *gate == "gate-1" { self.seq.get() } else { self.stamped_at_gate_2.get() };
            self.hall.report(gate, "b", mono_ms, 0, head).await;
        }
        self.hall.watch().await;
    }

    /// What stands of a person's day of March.
    pub(crate) async fn result(&self, person_id: &str, day: i32) -> DayResult {
        let day = EpochDay::from_ymd(2026, 3, day).expect("a day");
        let all = self.hall.revisions(DAY).await;
        let mut newest_first = all.into_iter().rev();
        let own = newest_first.find(|item| day_of(&item.key) == Some((person_id, day)));
        let Some(Body::Content(content)) = own.map(|item| item.body) else {
            return DayResult::default();
        };
        DayResult::decode(content.as_slice()).expect("a day")
    }

    /// The same in a line.
    pub(crate) async fn day(&self, person: &qinlian::kernel::PersonId, day: i32) -> String {
        line(&self.result(person.as_str(), day).await)
    }

    /// The revisions of a person's Tuesday: headline, and each slot's result and whether it is final.
    async fn tuesdays(&self, person: usize) -> Vec<String> {
        let day = EpochDay::from_ymd(2026, 3, 3).expect("a day");
        let mut told = Vec::new();
        for item in self.hall.revisions(DAY).await {
            if day_of(&item.key) != Some((self.hall.people[person].as_str(), day)) {
                continue;
            }
            let Body::Content(content) = item.body else {
                told.push("gone".to_owned());
                continue;
            };
            told.push(line(&DayResult::decode(content.as_slice()).expect("a day")));
        }
        told
    }

    async fn newest(&self, person: usize) -> String {
        self.tuesdays(person).await.pop().unwrap_or_default()
    }
}

/// `LATE: LATE! NORMAL! | PENDING PENDING`: what is final has a `!`.
fn line(day: &DayResult) -> String {
    let slot = |slot: &Option<qinlian::proto::day_result::Slot>| {
        let slot = slot.as_ref().expect("a slot");
        let name = slot.r#final().as_str_name().trim_start_matches("SLOT_").to_owned();
        if slot.is_final { format!("{name}!") } else { name }
    };
    let spans = day.spans.iter().map(|span| format!("{} {}", slot(&span.on), slot(&span.off)));
    let headline = day.headline().as_str_name().trim_start_matches("HEADLINE_").to_owned();
    let spans: Vec<String> = spans.collect();
    if spans.is_empty() { headline } else { format!("{headline}: {}", spans.join(" | ")) }
}

#[tokio::test]
async fn a_day_begins_by_itself_is_revised_by_what_happens_and_final_when_every_device_has_told() {
    each(async |fixture| {
        let rig = Rostered::begin(&fixture.store, 401).await;
        let gates = ["gate-1", "gate-2"];
        rig.at(tuesday("00:00")).await;
        rig.clock("A0", In, "08:25").await;
        rig.clock("A1", In, "08:42").await;
        rig.reported(&gates, "08:50").await;
        rig.clock("A0", Out, "12:01").await;
        rig.clock("A1", Out, "12:05").await;
        rig.reported(&gates, "13:10").await;
        rig.clock("A0", In, "13:55").await;
        rig.clock("A0", Out, "17:31").await;
        rig.reported(&gates, "18:40").await;
        rig.hall.fold().await;
        assert_eq!(
            rig.tuesdays(0).await,
            [
                "PENDING: PENDING PENDING | PENDING PENDING",
                "PENDING: NORMAL! PENDING | PENDING PENDING",
                "PENDING: NORMAL! NORMAL! | PENDING PENDING",
                "PENDING: NORMAL! NORMAL! | NORMAL! PENDING",
                "NORMAL: NORMAL! NORMAL! | NORMAL! NORMAL!",
            ]
        );
        // Late is final once every device has told of its minute; who did not come in the afternoon was absent from it.
        assert_eq!(
            rig.tuesdays(1).await,
            [
                "PENDING: PENDING PENDING | PENDING PENDING",
                // The punch is there, and an earlier one may still come.
                "PENDING: PENDING PENDING | PENDING PENDING",
                "PENDING: LATE! PENDING | PENDING PENDING",
                "PENDING: LATE! NORMAL! | PENDING PENDING",
                "ABSENT: LATE! NORMAL! | MISSING! MISSING!",
            ]
        );
        assert_eq!(rig.newest(2).await, "ABSENT: MISSING! MISSING! | MISSING! MISSING!");
        rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn nobody_is_absent_while_a_device_has_not_told_and_nobody_stays_unverified_when_it_does() {
    each(async |fixture| {
        let rig = Rostered::begin(&fixture.store, 402).await;
        rig.at(tuesday("00:00")).await;
        // Gate 2 has the punches of the third person, and no network.
        rig.reported(&["gate-1"], "18:40").await;
        rig.hall.fold().await;
        assert_eq!(rig.newest(2).await, "PENDING: PENDING PENDING | PENDING PENDING");
        // R5: eight hours of working time after the end of the first region (13:00), then of the second (18:30).
        rig.at(tuesday("24:00")).await;
        rig.at(minute(TUESDAY + 1_440 + 8 * 60 + 30 + 210 + 1)).await;
        rig.hall.fold().await;
        assert_eq!(rig.newest(2).await, "PENDING: UNVERIFIED UNVERIFIED | PENDING PENDING");
        rig.at(minute(TUESDAY + 2 * 1_440)).await;
        rig.hall.fold().await;
        assert_eq!(rig.newest(2).await, "UNVERIFIED: UNVERIFIED UNVERIFIED | UNVERIFIED UNVERIFIED");
        // It comes back on Thursday with nothing to tell.
        wait_until(&rig.clock, minute(TUESDAY + 2 * 1_440 + 480));
        rig.hall.report("gate-2", "b", 60_000, 0, 0).await;
        rig.hall.watch().await;
        rig.hall.fold().await;
        assert_eq!(rig.newest(2).await, "ABSENT: MISSING! MISSING! | MISSING! MISSING!");
        rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn rosters_calendars_assignments_and_devices_revise_the_days_that_they_touch() {
    each(async |fixture| {
        let rig = Rostered::begin(&fixture.store, 403).await;
        rig.at(tuesday("00:00")).await;
        rig.reported(&["gate-1", "gate-2"], "18:40").await;
        rig.hall.fold().await;
        let absent = "ABSENT: MISSING! MISSING! | MISSING! MISSING!";
        assert_eq!(rig.newest(0).await, absent);
        let entry = |works| RosterEntry {
            person_id: rig.hall.people[0].to_string(),
            date: Some(date("2026-03-03")),
            works: Some(works),
        };
        let rest = RosterFact { entries: vec![entry(Works::Rest(true))], patterns: vec![] };
        rig.put(Roster::Roster(rest)).await;
        rig.hall.fold().await;
        assert_eq!((rig.newest(0).await.as_str(), rig.newest(1).await.as_str()), ("REST", absent));
        let back = RosterFact { entries: vec![entry(Works::Shift("day".to_owned()))], patterns: vec![] };
        rig.put(Roster::Roster(back)).await;
        rig.hall.fold().await;
        assert_eq!(rig.newest(0).await, absent);
        // The centre's own calendar of the year: Tuesday is a holiday. It is the deployment's for whoever has none.
        let mut own = notices::shipped("cn-2026").expect("shipped");
        own.days[0].date = Some(date("2026-03-03"));
        rig.hall.office.administer(rig.hall.log(), Roster::CalendarYear(own)).await.expect("a calendar");
        rig.hall.fold().await;
        assert_eq!((rig.newest(0).await.as_str(), rig.newest(1).await.as_str()), (absent, "REST"));
        // What the deployment puts is heard of with the next entry.
        let none = qinlian::proto::CalendarYear { year: 2026, notice: "待定".to_owned(), days: Vec::new() };
        rig.hall.office.administer(rig.hall.log(), Roster::CalendarYear(none)).await.expect("a calendar");
        rig.hall.fold().await;
        assert_eq!(rig.newest(1).await, "PENDING");
        rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn days_without_an_entry_are_there_all_the_same() {
    each(async |fixture| {
        let rig = Rostered::begin(&fixture.store, 406).await;
        // Nothing is written from Monday morning to Friday: the server was off.
        rig.at(minute(TUESDAY + 3 * 1_440)).await;
        rig.hall.fold().await;
        let mut days: Vec<i64> = rig
            .hall
            .revisions(DAY)
            .await
            .iter()
            .filter_map(|item| day_of(&item.key).map(|(_, day)| day.column()))
            .collect();
        days.sort_unstable();
        days.dedup();
        let monday = EpochDay::from_ymd(2026, 3, 2).expect("a day").column();
        assert_eq!(days, (monday..monday + 5).collect::<Vec<_>>());
        rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn another_machine_under_the_same_code_does_not_vouch_for_what_the_first_one_took_along() {
    each(async |fixture| {
        let rig = Rostered::begin(&fixture.store, 407).await;
        let enrol = async |number: u8| {
            let device = DeviceId::parse("gate-2").expect("a code");
            let code_hmac = [number; 32];
            let key = SigningKey::from_bytes(&[number; 32]).verifying_key().to_bytes();
            for command in [
                Terminal::Code { device: device.clone(), code_hmac },
                Terminal::Enrol { device, code_hmac, key },
            ] {
                let command = Directory::Terminal(command);
                rig.hall.office.administer(rig.hall.log(), command).await.expect("enrolled");
            }
        };
        enrol(8).await;
        rig.at(tuesday("00:00")).await;
        rig.reported(&["gate-1"], "18:40").await;
        // Gate 2 never told of Tuesday. On Wednesday another key is enrolled for it, with a journal of its own.
        rig.at(minute(TUESDAY + 1_440 + 600)).await;
        enrol(9).await;
        rig.reported(&["gate-1", "gate-2"], "48:00").await;
        rig.hall.fold().await;
        rig.at(minute(TUESDAY + 4 * 1_440)).await;
        rig.hall.fold().await;
        assert_eq!(rig.newest(2).await, "UNVERIFIED: UNVERIFIED UNVERIFIED | UNVERIFIED UNVERIFIED");
        rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_declared_outage_of_every_device_leaves_a_slot_unverified() {
    each(async |fixture| {
        let rig = Rostered::begin(&fixture.store, 404).await;
        rig.at(tuesday("00:00")).await;
        rig.reported(&["gate-1", "gate-2"], "18:40").await;
        rig.hall.fold().await;
        assert_eq!(rig.newest(2).await, "ABSENT: MISSING! MISSING! | MISSING! MISSING!");
        for gate in ["gate-1", "gate-2"] {
            let device = DeviceId::parse(gate).expect("a code");
            let reason = Words::parse("停电").expect("words");
            let from = tuesday("08:00");
            let out = qinlian::registers::attendance::fact::Command::Outage {
                device: device.clone(),
                from,
                reason,
            };
            rig.hall.office.administer(rig.hall.log(), out).await.expect("declared");
            let until = tuesday("12:30");
            let over = qinlian::registers::attendance::fact::Command::OutageEnd { device, until };
            rig.hall.office.administer(rig.hall.log(), over).await.expect("declared");
        }
        rig.hall.fold().await;
        assert_eq!(rig.newest(2).await, "UNVERIFIED: UNVERIFIED UNVERIFIED | MISSING! MISSING!");
        rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_feed_is_the_same_for_every_chunk_and_after_everything_is_deleted() {
    each(async |fixture| {
        let rig = Rostered::begin(&fixture.store, 405).await;
        rig.at(tuesday("00:00")).await;
        rig.clock("A0", In, "08:25").await;
        rig.reported(&["gate-1", "gate-2"], "13:10").await;
        rig.clock("A0", Out, "17:31").await;
        rig.reported(&["gate-1", "gate-2"], "18:40").await;
        rig.at(minute(TUESDAY + 3 * 1_440)).await;
        let mut feeds = Vec::new();
        for chunk in [1, 2, 7, 1_000] {
            let folder = rig.hall.folder(chunk).with_portion(chunk);
            folder.rebuild(rig.hall.log()).await.expect("deleted");
            folder.catch_up(rig.hall.log()).await.expect("folded");
            feeds.push(rig.hall.revisions(DAY).await);
        }
        assert!(feeds[0].len() > 10, "{}", feeds[0].len());
        assert!(feeds.iter().all(|feed| *feed == feeds[0]));
        // Gap-free, and the headline of every day from Monday to Thursday is there for each of the three.
        let numbers: Vec<u64> = feeds[0].iter().map(|item| item.seq).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
        let headlines = feeds[0].iter().filter_map(|item| match &item.body {
            Body::Content(content) => DayResult::decode(content.as_slice()).ok(),
            Body::Nothing | Body::Erased => None,
        });
        assert!(headlines.clone().any(|day| day.headline() == Headline::Normal || day.spans.len() == 2));
        assert!(headlines.flat_map(|day| day.spans).all(|span| {
            let of = |slot: &Option<qinlian::proto::day_result::Slot>| slot.as_ref().map(|slot| slot.raw());
            of(&span.on).is_some_and(|raw| raw != SlotResult::Unspecified)
        }));
        rig.hall.office.stop().await;
    })
    .await;
}
