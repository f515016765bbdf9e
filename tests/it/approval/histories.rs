//! Random histories (property A4): clock-ins, devices that tell or do not, rosters, calendars, policies, leave, corrections,
//! swaps, lost journals and what is taken back, in any order. Folded as they happen, in chunks of any size, they come to the
//! same as derived once from everything; and to the same on both databases, root and all.

mod rarer;

use std::collections::BTreeSet;
use std::sync::Mutex;

use qinlian::kernel::{EpochMs, LogId};
use qinlian::proto::correction::{Reason, Slot};
use qinlian::proto::punch::Direction::{In, Out};
use qinlian::proto::roster_entry::Works;
use qinlian::proto::*;
use qinlian::registers::derivation::DAY;
use qinlian::registers::roster::fact::Command as Roster;
use qinlian::registers::roster::notices;
use qinlian::registers::wire::timestamp;
use qinlian::results::Item;

use super::rig::{Desk, at};
use crate::rigs::Dice;
use crate::roster::rig::date;
use crate::roster::swaps::Hall;
use crate::support::scale;
use crate::support::store::each;

const PEOPLE: [&str; 3] = ["zhao", "qian", "sun"];

struct History<'a> {
    hall: &'a Hall,
    desk: &'a Desk,
    dice: Dice,
    now: EpochMs,
    /// What was asked for, by number.
    leaves: Vec<u64>,
    corrections: Vec<u64>,
    swaps: Vec<u64>,
    out: [bool; 2],
    /// What came about of what is easily refused.
    seen: BTreeSet<&'static str>,
}

impl History<'_> {
    fn pick<'b, T>(&self, of: &'b [T]) -> &'b T {
        &of[self.dice.roll(of.len())]
    }

    /// A day of the first week of March.
    fn day(&self) -> Date {
        date(&format!("2026-03-{:02}", 3 + self.dice.roll(5)))
    }

    /// A time around now, to the minute.
    fn around(&self) -> EpochMs {
        let minutes = i64::try_from(self.dice.roll(2_880)).expect("small") - 2_000;
        self.now.plus_ms(minutes * 60_000)
    }

    async fn pass(&mut self) {
        let minutes = 1 + i64::try_from(self.dice.roll(420)).expect("small");
        self.now = self.now.plus_ms(minutes * 60_000);
        self.desk.rig.at(self.now).await;
    }

    /// Something happens. What is refused leaves nothing behind, and that is well.
    async fn happen(&mut self) {
        match self.dice.roll(19) {
            0..4 => self.pass().await,
            4..7 => {
                let (card, direction) = (*self.pick(&["A0", "A1"]), *self.pick(&[In, Out]));
                self.desk.rig.clock_at(card, direction, self.now).await;
            }
            7 | 8 => {
                let gates = *self.pick(&[&["gate-1"][..], &["gate-2"], &["gate-1", "gate-2"]]);
                self.desk.rig.told(gates, self.now).await;
            }
            9 => self.roster().await,
            10 => self.calendar().await,
            11 => self.leave().await,
            12 => self.decide_leave().await,
            13 => self.correction().await,
            14 => self.take_back().await,
            15 | 16 => self.swap().await,
            17 => self.lose_or_vouch().await,
            _ => self.device_or_policy().await,
        }
    }

    async fn roster(&self) {
        let works = if self.dice.roll(3) == 0 {
            Works::Rest(true)
        } else {
            Works::Shift((*self.pick(&["day", "late"])).to_owned())
        };
        let who = *self.pick(&PEOPLE[..]);
        let person_id = self.desk.person(who);
        let entry = RosterEntry { person_id, date: Some(self.day()), works: Some(works) };
        let fact = RosterFact { entries: vec![entry], patterns: Vec::new() };
        let office = &self.desk.rig.hall.office;
        let _refused = office.administer(self.desk.rig.hall.log(), Roster::Roster(fact)).await;
    }

    async fn calendar(&self) {
        let mut year = notices::shipped("cn-2026").expect("shipped");
        match self.dice.roll(3) {
            0 => year.days.clear(),
            1 => year.days[0].date = Some(self.day()),
            _ => {}
        }
        let log = *self.pick(&[LogId::DEPLOYMENT, self.desk.rig.hall.log()]);
        let put = self.desk.rig.hall.office.administer(log, Roster::CalendarYear(year)).await;
        put.expect("a calendar");
    }

    async fn leave(&mut self) {
        let from = self.around();
        let until = from.plus_ms(i64::try_from(30 + self.dice.roll(600)).expect("small") * 60_000);
        let who = *self.pick(&PEOPLE[..]);
        let elsewhere = self.dice.roll(2) == 0;
        let desk = self.desk;
        let (from, until) = (Some(timestamp(from)), Some(timestamp(until)));
        if elsewhere {
            let request = RecordLeaveRequest {
                centre: "hall".to_owned(),
                request_id: desk.id(),
                person_id: desk.person(who),
                kind: leave::Kind::Sick.into(),
                from,
                until,
                external_approval: Some(ExternalApproval {
                    system: "oa".to_owned(),
                    decided_at: Some(timestamp(self.now)),
                    ..ExternalApproval::default()
                }),
                ..RecordLeaveRequest::default()
            };
            if let Ok(answer) = desk.calls.record_leave(&desk.caller("wang", "RecordLeave"), request).await {
                self.leaves.push(answer.leave);
            }
            return;
        }
        let b_post = PEOPLE.into_iter().find(|name| *name != who).expect("somebody else");
        let leave = Leave {
            kind: leave::Kind::Annual.into(),
            from,
            until,
            reason: "私事".to_owned(),
            b_post_person_id: desk.person(b_post),
            ..Leave::default()
        };
        if let Ok(answer) = desk.ask(who, leave).await {
            self.leaves.push(answer.leave);
        }
    }

    async fn decide_leave(&self) {
        if self.leaves.is_empty() {
            return;
        }
        let leave = *self.pick(&self.leaves);
        // Whoever's turn it is; mostly they say yes.
        for name in ["zhao", "qian", "sun", "li", "wang", "zhou", "hu"] {
            use approval_step::Decision::{Approve, Refuse};
            let decision = if self.dice.roll(12) == 0 { Refuse } else { Approve };
            let _not_theirs = self.desk.decide(name, leave, decision).await;
        }
    }

    async fn correction(&mut self) {
        let desk = self.desk;
        let who = *self.pick(&PEOPLE[..]);
        let claimed = self.now.plus_ms(-60_000 * i64::try_from(self.dice.roll(900)).expect("small"));
        let on = qinlian::kernel::Zone::parse("").expect("a zone").day_of(claimed);
        let slot = *self.pick(&[Slot::On, Slot::Off]);
        let request = RequestCorrectionRequest {
            centre: "hall".to_owned(),
            request_id: desk.id(),
            corrections: vec![Correction {
                person_id: String::new(),
                work_date: Some(qinlian::registers::wire::date(on)),
                span: 1,
                slot: slot.into(),
                claimed_at: Some(timestamp(claimed)),
                reason: Reason::Missed.into(),
            }],
            explanation: "漏打".to_owned(),
            ..RequestCorrectionRequest::default()
        };
        let caller = desk.caller(who, "RequestCorrection");
        let Ok(answer) = desk.calls.request_correction(&caller, request).await else { return };
        self.corrections.push(answer.correction);
        for name in ["li", "wang"] {
            let request = DecideCorrectionRequest {
                centre: "hall".to_owned(),
                request_id: desk.id(),
                correction: answer.correction,
                decision: approval_step::Decision::Approve.into(),
                ..DecideCorrectionRequest::default()
            };
            let _signed = desk.calls.decide_correction(&desk.caller(name, "DecideCorrection"), request).await;
        }
    }

    async fn take_back(&self) {
        for name in PEOPLE {
            if !self.corrections.is_empty() {
                let request = WithdrawCorrectionRequest {
                    centre: "hall".to_owned(),
                    request_id: self.desk.id(),
                    correction: *self.pick(&self.corrections),
                    ..WithdrawCorrectionRequest::default()
                };
                let caller = self.desk.caller(name, "WithdrawCorrection");
                let _not_theirs = self.desk.calls.withdraw_correction(&caller, request).await;
            }
            if !self.leaves.is_empty() {
                let leave = *self.pick(&self.leaves);
                let _begun = self.desk.withdraw_leave(name, leave).await;
                let _not_on_leave = self.desk.back(name, leave, "").await;
            }
        }
    }
}

type Told = (Vec<u8>, Vec<Item>);

/// The root of the log, and every revision of every day.
async fn told(desk: &Desk) -> Told {
    let hall = &desk.rig.hall;
    let (head, _) = hall.office.desk.ledger().reader().head(hall.log()).await.expect("a head");
    (head.root.0.to_vec(), hall.revisions(DAY).await)
}

async fn histories(seed: u64) -> BTreeSet<&'static str> {
    let (databases, seen) = (Mutex::<Vec<Told>>::default(), Mutex::<BTreeSet<&str>>::default());
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, seed).await;
        let (desk, dice) = (&hall.desk, Dice::new(seed));
        let mut history = History {
            hall: &hall,
            desk,
            dice,
            now: at("03-03 00:00"),
            leaves: Vec::new(),
            corrections: Vec::new(),
            swaps: Vec::new(),
            out: [false; 2],
            seen: BTreeSet::new(),
        };
        desk.rig.at(history.now).await;
        for _ in 0..140 {
            history.happen().await;
            if history.dice.roll(6) == 0 {
                let chunk = 1 + history.dice.roll(9);
                desk.rig.hall.folder(chunk).catch_up(desk.rig.hall.log()).await.expect("folded");
            }
        }
        history.pass().await;
        let folder = desk.rig.hall.folder(64);
        folder.catch_up(desk.rig.hall.log()).await.expect("folded");
        let as_it_happened = told(desk).await;
        assert!(as_it_happened.1.len() > 30, "days were revised");
        folder.rebuild(desk.rig.hall.log()).await.expect("deleted");
        folder.catch_up(desk.rig.hall.log()).await.expect("folded");
        let at_once = told(desk).await;
        let first = as_it_happened.1.iter().zip(&at_once.1).find(|(one, other)| one != other);
        assert!(first.is_none(), "{first:#?}");
        assert_eq!(as_it_happened, at_once);
        databases.lock().expect("no panic").push(at_once);
        seen.lock().expect("no panic").append(&mut history.seen);
        let Hall { desk, .. } = hall;
        desk.rig.hall.office.stop().await;
    })
    .await;
    let databases = databases.into_inner().expect("no panic");
    if let [sqlite, postgres] = databases.as_slice() {
        assert_eq!(sqlite, postgres, "the same on both databases");
    }
    seen.into_inner().expect("no panic")
}

#[tokio::test]
async fn days_derived_as_things_happen_are_those_derived_from_everything() {
    let mut seen = BTreeSet::new();
    for number in 0..scale(3, 100) {
        seen.append(&mut histories(970 + u64::try_from(number).expect("small")).await);
    }
    assert_eq!(seen, BTreeSet::from(["arrived", "lost", "swapped", "vouched"]), "the histories are rich");
}
