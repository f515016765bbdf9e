//! What is on record of a day, read from a line.
//!
//! ```text
//! date 2026-11-06            zone Europe/Berlin         policy tol_late_minutes=5, or: policy cn-strict
//! std                        08:30-12:00 14:00-17:30    20:00-26:00 around 240 600    (what is worked; minutes around it)
//! kind rest                  before std                 after 20:00-26:00
//! IN 08:31                   OUT 17:30:59               ? 13:58            (a device that cannot tell which way)
//! IN 08:31 in 08:20..08:40   IN 08:31 corrected         IN 08:31 imported  (R4: how far the time can be relied on)
//! IN 08:29 by correction     OUT 17:30 by roll
//! told 12:30                 told nothing               no devices
//! gate-2 told 12:30          gate-2 out 09:00-10:00     gate-2 serves 10:00-
//! leave 08:30-10:00          trip, business, training   pause 10:00-10:40
//! here -14:00                here never                 at 09:00
//! ```

use std::collections::BTreeMap;

use qinlian::kernel::{EpochDay, EpochMs, Pos, Zone};
use qinlian::policy::Policy;
use qinlian::proto::punch::Direction;
use qinlian::registers::attendance::day::coverage::{Coverage, Device, Source};
use qinlian::registers::attendance::day::inputs::{Absence, AbsenceKind, DayInputs, DayPunch, PunchSource};
use qinlian::registers::attendance::day::judge::judge;
use qinlian::registers::attendance::day::outcome::DayOutcome;
use qinlian::registers::attendance::day::working_time::WorkingTime;
use qinlian::registers::attendance::view::{Effective, Trust};
use qinlian::registers::roster::view::{DayKind, DayPlan, DaySource, SpanView};

/// A day, as it is on record.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) day: EpochDay,
    pub(super) zone: Zone,
    pub(super) plans: [DayPlan; 3],
    pub(super) assigned: Vec<(EpochMs, Option<EpochMs>)>,
    pub(super) punches: Vec<DayPunch>,
    pub(super) absences: Vec<Absence>,
    pub(super) pauses: Vec<(EpochMs, EpochMs)>,
    pub(super) devices: BTreeMap<String, Device>,
    pub(super) policy: Policy,
    pub(super) at: EpochMs,
}

const STD: &str = "08:30-12:00 14:00-17:30";

impl Given {
    pub(super) fn parse(text: &str) -> Self {
        let clauses: Vec<&str> = text.split(';').map(str::trim).filter(|clause| !clause.is_empty()).collect();
        let named = |name: &str| clauses.iter().find_map(|clause| clause.strip_prefix(name));
        let date = named("date ").unwrap_or("2026-11-02");
        let numbers: Vec<i32> = date.split('-').map(|part| part.parse().unwrap()).collect();
        let day = EpochDay::from_ymd(numbers[0], numbers[1], numbers[2]).unwrap();
        let zone = Zone::parse(named("zone ").unwrap_or_default()).unwrap();
        let ever = (EpochMs::ZERO, None);
        let rest = || plan("", "rest");
        let at = zone.at_minutes(day, 48 * 60);
        let mut given = Self {
            day,
            plans: [rest(), plan("", "workday"), rest()],
            assigned: vec![ever],
            punches: Vec::new(),
            absences: Vec::new(),
            pauses: Vec::new(),
            devices: BTreeMap::from([("gate-1".to_owned(), device("gate-1", Some(at)))]),
            policy: Policy::default(),
            at,
            zone,
        };
        for clause in clauses {
            given.clause(clause);
        }
        given
    }

    fn clause(&mut self, clause: &str) {
        let (word, rest) = clause.split_once(' ').unwrap_or((clause, ""));
        match word {
            "date" | "zone" => {}
            "std" => self.plans[1].spans = spans(STD),
            "kind" => {
                let spans = std::mem::take(&mut self.plans[1].spans);
                self.plans[1] = DayPlan { spans, ..plan("", rest) };
            }
            "before" => self.plans[0] = plan(rest, "workday"),
            "after" => self.plans[2] = plan(rest, "workday"),
            "policy" => {
                self.policy = match rest.split_once('=') {
                    Some((key, value)) => {
                        let values = BTreeMap::from([(key.to_owned(), value.to_owned())]);
                        self.policy.clone().with(&values).unwrap()
                    }
                    None => Policy::of_pack(rest).unwrap(),
                }
            }
            "IN" => self.punch(Direction::In, rest),
            "OUT" => self.punch(Direction::Out, rest),
            "?" => self.punch(Direction::Unknown, rest),
            "told" => self.gate("gate-1", clause),
            "out" => self.gate("gate-1", clause),
            "no" => self.devices.clear(),
            "leave" => self.absent(AbsenceKind::Leave, rest),
            "trip" => self.absent(AbsenceKind::Trip, rest),
            "business" => self.absent(AbsenceKind::Out, rest),
            "training" => self.absent(AbsenceKind::Training, rest),
            "pause" => {
                let (from, until) = self.stretch(rest);
                self.pauses.push((from, until.unwrap()));
            }
            "here" if rest == "never" => self.assigned.clear(),
            "here" => {
                let ever = (EpochMs::ZERO, None);
                self.assigned.retain(|assigned| *assigned != ever);
                let here = self.stretch(rest);
                self.assigned.push(here);
            }
            "at" => self.at = self.time(rest),
            code if code.starts_with("gate-") || code.starts_with("file-") => self.gate(code, rest),
            _ => self.plans[1].spans = spans(clause),
        }
    }

    fn punch(&mut self, direction: Direction, text: &str) {
        let mut words = text.split(' ');
        let at = self.time(words.next().unwrap());
        let mut effective = Effective { at, trust: Trust::Trusted, earliest: at, latest: at };
        let mut source = PunchSource::Device;
        while let Some(word) = words.next() {
            match word {
                "in" => {
                    let (earliest, latest) = words.next().unwrap().split_once("..").unwrap();
                    let (earliest, latest) = (self.time(earliest), self.time(latest));
                    effective = Effective { at, trust: Trust::Suspect, earliest, latest };
                }
                "corrected" => effective.trust = Trust::Corrected,
                "imported" => effective.trust = Trust::Imported,
                "by" => {
                    source = match words.next().unwrap() {
                        "correction" => PunchSource::Correction,
                        "roll" => PunchSource::ManualRoll,
                        other => panic!("by {other}"),
                    }
                }
                other => panic!("a punch says {other}"),
            }
        }
        let punch = Pos::new(100 + self.punches.len() as u64);
        self.punches.push(DayPunch { punch, at: effective, direction, source });
    }

    fn absent(&mut self, kind: AbsenceKind, text: &str) {
        let (from, until) = self.stretch(text);
        let entry = Pos::new(10 + self.absences.len() as u64);
        self.absences.push(Absence { entry, from, until: until.unwrap(), kind });
    }

    fn gate(&mut self, code: &str, text: &str) {
        let fresh = device(code, Some(self.at));
        let mut found = self.devices.remove(code).unwrap_or(fresh);
        let (word, rest) = text.split_once(' ').unwrap();
        match word {
            "told" if rest == "nothing" => found.covered_until = None,
            "told" => found.covered_until = Some(self.time(rest)),
            "out" => found.outages.push(self.stretch(rest)),
            "serves" => (found.since, found.until) = self.stretch(rest),
            other => panic!("a device {other}"),
        }
        self.devices.insert(code.to_owned(), found);
    }

    /// `08:30`, `17:30:59`, `26:00`.
    pub(super) fn time(&self, text: &str) -> EpochMs {
        let parts: Vec<i32> = text.split(':').map(|part| part.parse().unwrap()).collect();
        let seconds = parts.get(2).copied().unwrap_or(0);
        self.zone.at_minutes(self.day, parts[0] * 60 + parts[1]).plus_ms(i64::from(seconds) * 1_000)
    }

    /// `09:00-10:00`, `09:00-`, `-10:00`.
    fn stretch(&self, text: &str) -> (EpochMs, Option<EpochMs>) {
        let (from, until) = text.split_once('-').unwrap();
        let at = |text: &str| (!text.is_empty()).then(|| self.time(text));
        (at(from).unwrap_or(EpochMs::ZERO), at(until))
    }

    pub(super) fn judge(&self) -> DayOutcome {
        let coverage = Coverage::new(self.devices.values().cloned().collect());
        let inputs = DayInputs {
            day: self.day,
            zone: &self.zone,
            plans: &self.plans,
            assigned: &self.assigned,
            punches: &self.punches,
            absences: &self.absences,
            pauses: &self.pauses,
            coverage: &coverage,
            policy: &self.policy,
            at: self.at,
        };
        let works_on = |day: EpochDay| {
            // 1970-01-01 was a Thursday.
            let weekday = (day.column() + 3).rem_euclid(7) + 1;
            self.policy.office_weekdays.holds(u8::try_from(weekday).unwrap())
        };
        let time = WorkingTime { zone: &self.zone, hours: self.policy.office_hours, works_on };
        judge(&inputs, &|until| time.after(until, self.policy.max_wait_minutes))
    }
}

fn device(code: &str, covered_until: Option<EpochMs>) -> Device {
    let source = if code.starts_with("file-") { Source::Import } else { Source::Terminal };
    Device {
        lost: Vec::new(),
        device: code.to_owned(),
        since: EpochMs::ZERO,
        until: None,
        covered_until,
        outages: Vec::new(),
        source,
    }
}

pub(super) fn plan(worked: &str, kind: &str) -> DayPlan {
    let (kind, source) = match kind {
        "workday" => (DayKind::Workday, DaySource::Weekly),
        "duty" => (DayKind::Workday, DaySource::Roster),
        "open" => (DayKind::Workday, DaySource::Centre),
        "makeup" => (DayKind::Makeup, DaySource::Makeup),
        "rest" => (DayKind::Rest, DaySource::Weekly),
        "moved" => (DayKind::Rest, DaySource::Adjusted),
        "closed" => (DayKind::Rest, DaySource::Centre),
        "off" => (DayKind::Rest, DaySource::Roster),
        "holiday" => (DayKind::Holiday, DaySource::Statutory),
        "unknown" => (DayKind::PendingCalendar, DaySource::Weekly),
        "unrostered" => {
            let plan = plan(worked, "workday");
            return DayPlan { rostered: false, ..plan };
        }
        other => panic!("a day is {other}"),
    };
    let spans = if worked.is_empty() { Vec::new() } else { spans(worked) };
    DayPlan { kind, source, shift: "day".to_owned(), spans, rostered: true, swapped: None }
}

/// `std`, or `08:30-12:00 14:00-17:30`; `around 240 600` for what counts before and after.
fn spans(text: &str) -> Vec<SpanView> {
    let (text, around) = text.split_once(" around ").unwrap_or((text, "60 60"));
    let text = if text == "std" { STD } else { text };
    let (on_before, off_after) = around.split_once(' ').unwrap();
    let minutes = |text: &str| {
        let (hours, minutes) = text.split_once(':').unwrap();
        hours.parse::<i32>().unwrap() * 60 + minutes.parse::<i32>().unwrap()
    };
    let spans: Vec<&str> = text.split(' ').collect();
    let day_fraction_permille = u16::try_from(1_000 / spans.len()).unwrap();
    let span = |text: &&str| {
        let (on, off) = text.split_once('-').unwrap();
        SpanView {
            on_plan: minutes(on),
            off_plan: minutes(off),
            on_before: on_before.parse().unwrap(),
            off_after: off_after.parse().unwrap(),
            day_fraction_permille,
        }
    };
    spans.iter().map(span).collect()
}
