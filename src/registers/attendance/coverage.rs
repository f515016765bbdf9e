//! When what is known of devices' contacts goes on record (rule R5). Pure: the task that watches and the rule that
//! admits ask the same function, so that of two replicas that notice the same, one is refused.

use super::contact::Contact;
use crate::kernel::{DeviceId, EpochMs, Pos};
use crate::proto::coverage_fact::DeviceCoverage;
use crate::registers::stamp::sample::Sample;

/// A device that was not heard of for this long is silent: 2 minutes, four heartbeats.
pub const SILENT_MS: i64 = 120_000;
/// A wall clock that moved this much against the server's has been set: 60 s (rule R4).
pub const JUMP_MS: i64 = 60_000;
/// Without a reason to hurry, at most every 5 minutes.
pub const ROUTINE_MS: i64 = 300_000;
/// A number that the device told and that has not arrived after 5 s is a gap: it is no longer on its way.
pub const GAP_MS: i64 = 5_000;

/// What is on record of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// When it was recorded.
    pub recorded: EpochMs,
    /// The boot.
    pub boot_id: String,
    /// The contact that was recorded.
    pub sample: Sample,
    /// The journal.
    pub journal: Pos,
    /// The newest number that the device told.
    pub journal_head: u64,
    /// Every number up to here had arrived.
    pub through: u64,
    /// It was shut down.
    pub going_down: bool,
    /// It was not heard of.
    pub silent: bool,
    /// The last contact.
    pub last_contact: EpochMs,
}

impl Covered {
    /// Had everything arrived?
    pub fn is_whole(&self) -> bool {
        self.through >= self.journal_head
    }

    /// The same record once every number up to `through` is accounted for.
    pub fn restated(&self, device: &DeviceId, through: u64) -> DeviceCoverage {
        DeviceCoverage {
            device: device.to_string(),
            contact: Some(self.sample.said(&self.boot_id)),
            journal: self.journal.get(),
            journal_head: self.journal_head,
            contiguous_through: through,
            going_down: self.going_down,
            silent: self.silent,
            last_contact_ms: self.last_contact.get(),
            new_boot: false,
        }
    }

    /// From a fact.
    pub fn of(item: &DeviceCoverage, recorded: EpochMs) -> Self {
        let sample = item.contact.clone().unwrap_or_default();
        Self {
            recorded,
            sample: Sample::heard(&sample),
            boot_id: sample.boot_id,
            journal: Pos::new(item.journal),
            journal_head: item.journal_head,
            through: item.contiguous_through,
            going_down: item.going_down,
            silent: item.silent,
            last_contact: EpochMs::clamped(item.last_contact_ms),
        }
    }
}

/// Why a device's coverage goes on record now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its first record.
    First,
    /// It was started again.
    NewBoot,
    /// Its wall clock was set.
    ClockJump,
    /// A number is missing, or no longer missing.
    Gap,
    /// It was not heard of for two minutes.
    Silent,
    /// It is heard of again.
    Back,
    /// It says that it shuts down.
    GoingDown,
    /// Something is new, and nothing is urgent.
    Routine,
}

/// What would go on record of a device at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// Why.
    pub why: Why,
    /// The record.
    pub item: DeviceCoverage,
    /// How long ago the last one was, for routine.
    pub age_ms: i64,
}

/// A device's contact, and what whoever noticed it would put on record. The rule works that out again, from what it
/// knows; here it tells one proposal from another.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// What is known of the device.
    pub contact: Contact,
    /// The record.
    pub item: DeviceCoverage,
}

/// What would go on record of a device, if anything is new.
pub fn due(known: Option<&Covered>, contact: &Contact, through: u64, at: EpochMs) -> Option<Due> {
    let Some(known) = known else { return Some(record(Why::First, contact, through, at, true, i64::MAX)) };
    let age_ms = at.since(known.recorded);
    if contact.newest.server < known.last_contact {
        // Another replica heard of it later than this one.
        return None;
    }
    let same_boot = known.boot_id == contact.boot_id.as_str();
    let silent = is_silent(contact, at);
    let missing = contact.journal_head > through;
    let overdue = at.since(contact.newest.server) >= GAP_MS;
    let jump = (contact.newest.offset_ms() - known.sample.offset_ms()).abs() >= JUMP_MS;
    let why = if !same_boot || contact.journal != known.journal {
        Why::NewBoot
    } else if jump {
        Why::ClockJump
    } else if silent != known.silent {
        if silent { Why::Silent } else { Why::Back }
    } else if contact.going_down != known.going_down {
        if contact.going_down { Why::GoingDown } else { Why::Back }
    } else if (known.is_whole() && missing && overdue) || (!known.is_whole() && !missing) {
        Why::Gap
    } else if contact.newest.server > known.last_contact
        || contact.journal_head > known.journal_head
        || through > known.through
    {
        Why::Routine
    } else {
        return None;
    };
    Some(record(why, contact, through, at, !same_boot, age_ms))
}

fn is_silent(contact: &Contact, at: EpochMs) -> bool {
    !contact.going_down && at.since(contact.newest.server) >= SILENT_MS
}

fn record(why: Why, contact: &Contact, through: u64, at: EpochMs, new_boot: bool, age_ms: i64) -> Due {
    let sample = if new_boot { contact.first } else { contact.newest };
    let item = DeviceCoverage {
        device: contact.device.to_string(),
        contact: Some(sample.said(contact.boot_id.as_str())),
        journal: contact.journal.get(),
        journal_head: contact.journal_head,
        contiguous_through: through,
        going_down: contact.going_down,
        silent: is_silent(contact, at),
        last_contact_ms: contact.newest.server.get(),
        new_boot,
    };
    Due { why, item, age_ms }
}

/// The records of one entry: everything that is new, once something of it is urgent or the last routine record is
/// 5 minutes old. Nothing otherwise.
pub fn worth_recording(due: Vec<Due>) -> Vec<DeviceCoverage> {
    let now = due.iter().any(|due| due.why != Why::Routine || due.age_ms >= ROUTINE_MS);
    if now { due.into_iter().map(|due| due.item).collect() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Label;

    /// Seconds after eight.
    fn at(seconds: i64) -> EpochMs {
        EpochMs::clamped(1_772_409_600_000 + seconds * 1_000)
    }

    fn heard(boot: &str, seconds: i64, wall_off: i64, head: u64) -> Contact {
        let mono_ms = u64::try_from(seconds * 1_000).unwrap();
        let sample = Sample { mono_ms, wall: at(seconds + wall_off), server: at(seconds) };
        Contact {
            device: DeviceId::parse("gate-1").unwrap(),
            journal: Pos::new(3),
            boot_id: Label::parse(boot).unwrap(),
            first: sample,
            newest: sample,
            journal_head: head,
            going_down: false,
        }
    }

    fn down(contact: Contact) -> Contact {
        Contact { going_down: true, ..contact }
    }

    /// What is on record after `contact`, recorded at `seconds`.
    fn known(contact: &Contact, through: u64, seconds: i64) -> Covered {
        Covered::of(&due(None, contact, through, at(seconds)).unwrap().item, at(seconds))
    }

    #[test]
    fn what_is_new_goes_on_record_at_once_or_with_the_next_routine() {
        let before = heard("b1", 0, 0, 5);
        let quiet = known(&before, 5, 0);
        let gone = Covered { silent: true, ..quiet.clone() };
        let off = Covered { going_down: true, ..quiet.clone() };
        let holed = Covered { through: 4, ..quiet.clone() };
        let table = [
            ("R5: a device's first contact", None, heard("b1", 0, 0, 0), 0, 1, Some(Why::First)),
            ("R5: nothing new", Some(&quiet), before.clone(), 5, 30, None),
            (
                "R5: heard of again, nothing else",
                Some(&quiet),
                heard("b1", 30, 0, 5),
                5,
                31,
                Some(Why::Routine),
            ),
            ("R4: a new boot", Some(&quiet), heard("b2", 30, 0, 5), 5, 31, Some(Why::NewBoot)),
            (
                "R4: the clock is set by 60 s",
                Some(&quiet),
                heard("b1", 30, 60, 5),
                5,
                31,
                Some(Why::ClockJump),
            ),
            ("R4: the clock drifts by 59 s", Some(&quiet), heard("b1", 30, 59, 5), 5, 31, Some(Why::Routine)),
            ("R5: number 6 is on its way", Some(&quiet), heard("b1", 30, 0, 6), 5, 34, Some(Why::Routine)),
            ("R5: number 6 did not come", Some(&quiet), heard("b1", 30, 0, 6), 5, 35, Some(Why::Gap)),
            ("R5: the gap stays", Some(&holed), before.clone(), 4, 60, None),
            ("R5: the gap is closed", Some(&holed), before.clone(), 5, 60, Some(Why::Gap)),
            ("R5: 119 s without a word", Some(&quiet), before.clone(), 5, 119, None),
            ("R5: 120 s without a word", Some(&quiet), before.clone(), 5, 120, Some(Why::Silent)),
            ("R5: still without a word", Some(&gone), before.clone(), 5, 900, None),
            ("R5: back", Some(&gone), heard("b1", 899, 0, 5), 5, 900, Some(Why::Back)),
            ("R5: it shuts down", Some(&quiet), down(heard("b1", 30, 0, 5)), 5, 31, Some(Why::GoingDown)),
            ("R5: shut down, and no silence", Some(&off), down(before.clone()), 5, 9_000, None),
            ("R5: it did not shut down after all", Some(&off), heard("b1", 40, 0, 5), 5, 41, Some(Why::Back)),
            ("another replica knows more", Some(&known(&heard("b1", 90, 0, 5), 5, 91)), before, 5, 92, None),
        ];
        for (rule, known, contact, through, seconds, wanted) in table {
            let why = due(known, &contact, through, at(seconds)).map(|due| due.why);
            assert_eq!(why, wanted, "{rule}");
        }
    }

    #[test]
    fn without_a_reason_to_hurry_a_centre_records_once_in_five_minutes() {
        let known = known(&heard("b1", 0, 0, 5), 5, 0);
        let routine = |seconds| due(Some(&known), &heard("b1", seconds, 0, 5), 5, at(seconds)).unwrap();
        assert!(worth_recording(vec![routine(299)]).is_empty());
        assert_eq!(worth_recording(vec![routine(300)]).len(), 1);
        let urgent = due(Some(&known), &heard("b2", 30, 0, 5), 5, at(30)).unwrap();
        assert_eq!(worth_recording(vec![routine(30), urgent]).len(), 2, "what is new goes along");
        assert!(worth_recording(Vec::new()).is_empty());
    }

    #[test]
    fn a_new_boot_is_dated_by_its_first_contact_and_everything_else_by_the_newest() {
        let mut contact = heard("b2", 10, 0, 5);
        contact.merge(&heard("b2", 40, 0, 5));
        let known = known(&heard("b1", 0, 0, 5), 5, 0);
        let fresh = due(Some(&known), &contact, 5, at(41)).unwrap().item;
        assert!(fresh.new_boot);
        assert_eq!(fresh.contact.map(|sample| sample.server_ms), Some(at(10).get()));
        assert_eq!(fresh.last_contact_ms, at(40).get());
        let on_record = Covered::of(&due(Some(&known), &contact, 5, at(41)).unwrap().item, at(41));
        contact.merge(&heard("b2", 70, 0, 5));
        let later = due(Some(&on_record), &contact, 5, at(71)).unwrap().item;
        assert!(!later.new_boot);
        assert_eq!(later.contact.map(|sample| sample.server_ms), Some(at(70).get()));
    }
}
