//! Days by chance: odd zones, nights, devices that break, people who tap twice, and whatever else is on record.

use std::collections::BTreeMap;

use qinlian::kernel::{EpochDay, EpochMs, Pos, Zone};
use qinlian::policy::Policy;
use qinlian::proto::punch::Direction;
use qinlian::registers::attendance::day::coverage::{Device, Source};
use qinlian::registers::attendance::day::inputs::{Absence, AbsenceKind, DayPunch, PunchSource};
use qinlian::registers::attendance::view::{Effective, Trust};
use qinlian::registers::roster::view::DayPlan;

use super::given::{Given, plan};

pub(super) use crate::support::dice::Dice;

const ZONES: [&str; 8] = [
    "Asia/Shanghai",
    "Asia/Kathmandu",
    "Europe/Berlin",
    "America/Lima",
    "America/St_Johns",
    // Half an hour of summer time.
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Kiritimati",
];

/// Clocks change on the second, third and fourth, in the second and third zone of those that have it.
const DATES: [(i32, i32, i32); 6] =
    [(2026, 11, 2), (2026, 3, 29), (2026, 10, 25), (2026, 4, 5), (2024, 2, 29), (1990, 4, 15)];

/// No two of them overlap on neighbouring days, and none reaches two days far.
const SHIFTS: [&str; 10] = [
    "std",
    "std around 120 240",
    "08:30-17:30",
    "20:00-26:00",
    "20:00-32:00 around 240 600",
    "18:00-31:00 around 60 90",
    "08:40-09:10 09:40-10:00 17:00-17:30",
    "09:00-12:00 13:00-16:00 around 30 30",
    "08:30-09:30",
    "",
];

const MINUTE_MS: i64 = 60_000;

/// A day, and which device stamped each punch; a correction and a roll come from none.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) given: Given,
    pub(super) by: BTreeMap<Pos, String>,
}

pub(super) fn plans(dice: &mut Dice) -> DayPlan {
    let kind = dice.pick(&["workday", "workday", "workday", "duty", "makeup", "rest", "holiday", "unknown"]);
    plan(dice.pick(&SHIFTS), kind)
}

pub(super) fn zone_and_day(dice: &mut Dice) -> (Zone, EpochDay) {
    let (year, month, day) = dice.pick(&DATES);
    let day =
        EpochDay::from_ymd(year, month, day).unwrap().plus_days(i32::try_from(dice.below(3)).unwrap() - 1);
    (Zone::parse(dice.pick(&ZONES)).unwrap(), day)
}

impl Case {
    pub(super) fn random(dice: &mut Dice) -> Self {
        let mut given = Given::parse("");
        (given.zone, given.day) = zone_and_day(dice);
        given.plans = [plans(dice), plan(dice.pick(&SHIFTS), "workday"), plans(dice)];
        given.policy = policy(dice);
        given.at = given.time("48:00");
        given.devices = BTreeMap::new();
        let mut case = Self { given, by: BTreeMap::new() };
        for code in ["gate-1", "gate-2", "file-a"].into_iter().take(usize::try_from(dice.below(4)).unwrap()) {
            let device = case.device(dice, code);
            case.given.devices.insert(code.to_owned(), device);
        }
        for _ in 0..dice.below(3) * dice.below(2) {
            let (from, until) = case.stretch(dice, 300);
            let kind =
                dice.pick(&[AbsenceKind::Leave, AbsenceKind::Trip, AbsenceKind::Out, AbsenceKind::Training]);
            case.given.absences.push(Absence { entry: Pos::new(7), from, until, kind });
        }
        if dice.one_in(4) {
            let pause = case.stretch(dice, 60);
            case.given.pauses.push(pause);
        }
        if dice.one_in(6) {
            let (from, until) = case.stretch(dice, 900);
            case.given.assigned = vec![(from, dice.one_in(2).then_some(until))];
        }
        for n in 0..dice.below(9) {
            case.punch(dice, Pos::new(100 + u64::try_from(n).unwrap()));
        }
        case
    }

    /// A time at or near something that is planned, or anywhere around the day.
    pub(super) fn moment(&self, dice: &mut Dice) -> EpochMs {
        let [_, plan, _] = &self.given.plans;
        let planned: Vec<i32> = plan.spans.iter().flat_map(|span| [span.on_plan, span.off_plan]).collect();
        let anywhere = i32::try_from(dice.below(2_400)).unwrap() - 300;
        let (minutes, spread) = match dice.below(4) {
            0 => (anywhere, 60),
            1 => (dice.pick(&[&planned[..], &[anywhere]].concat()), 40),
            _ => (dice.pick(&[&planned[..], &[anywhere]].concat()), 5),
        };
        let minutes = minutes + i32::try_from(dice.below(2 * spread + 1) - spread).unwrap();
        let odd_ms = dice.pick(&[0, 0, 1, 999, 1_000, 30_500, 59_999]);
        self.given.zone.at_minutes(self.given.day, minutes).plus_ms(odd_ms)
    }

    fn stretch(&self, dice: &mut Dice, minutes: i64) -> (EpochMs, EpochMs) {
        let from = self.moment(dice);
        (from, from.plus_ms((dice.below(minutes) + 1) * MINUTE_MS))
    }

    fn device(&self, dice: &mut Dice, code: &str) -> Device {
        let (from, until) = self.stretch(dice, 900);
        let outages = if dice.one_in(3) { vec![(from, dice.one_in(3).then_some(until))] } else { Vec::new() };
        let (begins, ends) = self.stretch(dice, 900);
        Device {
            lost: Vec::new(),
            device: code.to_owned(),
            since: if dice.one_in(8) { begins } else { EpochMs::ZERO },
            until: dice.one_in(8).then_some(ends),
            covered_until: Some(EpochMs::MAX),
            outages: [outages.clone(), if dice.one_in(2) { outages } else { Vec::new() }].concat(),
            source: Source::Terminal,
        }
    }

    fn punch(&mut self, dice: &mut Dice, punch: Pos) {
        let at = self.moment(dice);
        let trust =
            dice.pick(&[Trust::Trusted, Trust::Trusted, Trust::Corrected, Trust::Imported, Trust::Suspect]);
        let spread = if trust == Trust::Suspect { dice.pick(&[1, 20, 600]) * MINUTE_MS } else { 0 };
        let effective =
            Effective { at, trust, earliest: at.plus_ms(-spread), latest: at.plus_ms(spread / 2) };
        let direction = dice.pick(&[Direction::In, Direction::Out, Direction::Unknown]);
        let source = match dice.below(8) {
            0 => PunchSource::Correction,
            1 => PunchSource::ManualRoll,
            _ => PunchSource::Device,
        };
        let mut stamped = DayPunch { punch, at: effective, direction, source };
        if source == PunchSource::Device {
            // Only what is in service and in order stamps anything.
            let codes: Vec<String> = self.given.devices.keys().cloned().collect();
            if codes.is_empty() {
                return;
            }
            let code = dice.pick(&codes);
            if !could_stamp(&self.given.devices[&code], (effective.earliest, effective.latest)) {
                return;
            }
            self.by.insert(punch, code);
        } else {
            stamped.at = Effective { trust: Trust::Trusted, earliest: at, latest: at, at };
        }
        self.given.punches.push(stamped);
    }
}

fn could_stamp(device: &Device, (earliest, latest): (EpochMs, EpochMs)) -> bool {
    let serves = device.since <= earliest && device.until.is_none_or(|until| latest < until);
    serves
        && device
            .outages
            .iter()
            .all(|(from, until)| latest < *from || until.is_some_and(|until| until <= earliest))
}

fn policy(dice: &mut Dice) -> Policy {
    let (serious, more) = (dice.below(40), dice.below(40));
    let (tol_late, tol_early) = (dice.below(serious + 1), dice.pick(&[0, 0, 5, 59]));
    let values = [
        ("tol_late_minutes", tol_late),
        ("serious_late_minutes", serious),
        ("absent_late_minutes", serious + more),
        ("tol_early_minutes", tol_early),
        ("absent_early_minutes", tol_early + dice.below(40)),
        ("gap_tolerance_minutes", dice.below(40)),
        ("max_wait_minutes", dice.below(600)),
    ];
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), value.to_string())).collect();
    let pack = dice.pick(&["cn-default", "cn-strict", "demo"]);
    Policy::of_pack(pack).unwrap().with(&values).unwrap()
}
