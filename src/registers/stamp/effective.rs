//! When a punch happened, and how far that can be relied on (rule R4). Pure; never stored as a fact, because a later
//! contact may improve it.

use super::sample::Sample;
use crate::kernel::{EpochMs, Pos};
use crate::proto::{PunchFact, PunchFlag};
use crate::registers::attendance::view::{Effective, Trust};

/// A device's clock that is off by at most 2 s is right.
const TRUSTED_MS: i64 = 2_000;
/// One that is off by at most 300 s is corrected.
pub const CORRECTED_MS: i64 = 300_000;

/// What rule R4 looks at of a punch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// The journal.
    pub journal: Pos,
    /// The number in it; 0 for imported rows.
    pub seq: u64,
    /// The device's start.
    pub boot_id: String,
    /// Milliseconds since then.
    pub mono_ms: u64,
    /// The device's wall clock.
    pub claimed: EpochMs,
    /// The contact that came with it.
    pub contact: Option<Sample>,
    /// When the server recorded it.
    pub recorded: EpochMs,
    /// From a file.
    pub imported: bool,
    /// The device's signature does not hold: whatever it stamps is a claim.
    pub unsigned: bool,
}

impl Stamped {
    /// Of a stored punch.
    pub fn of(punch: &PunchFact, recorded: EpochMs) -> Self {
        Self {
            journal: Pos::new(punch.journal),
            seq: punch.device_seq,
            boot_id: punch.boot_id.clone(),
            mono_ms: punch.mono_ms,
            claimed: EpochMs::clamped(punch.claimed_ms),
            contact: punch.contact.as_ref().map(Sample::heard),
            recorded,
            imported: punch.flags().any(|flag| flag == PunchFlag::FromImport),
            unsigned: punch.flags().any(|flag| flag == PunchFlag::BadSignature),
        }
    }

    /// Nothing dates it but what is, or will be, on record of other contacts.
    pub fn is_adrift(&self) -> bool {
        self.contact.is_none() && !self.imported
    }
}

/// A start of a device that is on record, with its first contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// The entry.
    pub pos: Pos,
    /// The start.
    pub boot_id: String,
    /// The first contact.
    pub first: Sample,
    /// The journal.
    pub journal: Pos,
    /// The newest number that the device told then.
    pub journal_head: u64,
}

/// The punches before and after it in the journal, when their times are known better than its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Neighbours {
    /// Of the number before.
    pub previous: Option<EpochMs>,
    /// Of the number after.
    pub next: Option<EpochMs>,
}

/// When a punch happened: `boots` are the starts of its device that are on record.
pub fn effective(punch: &Stamped, boots: &[Boot], neighbours: Neighbours) -> Effective {
    let (at, trust) = estimate(punch, boots);
    let future = at.since(punch.recorded) > TRUSTED_MS;
    let trust = if (future || punch.unsigned) && trust != Trust::Imported { Trust::Suspect } else { trust };
    if trust != Trust::Suspect {
        return Effective { at, trust, earliest: at, latest: at };
    }
    // R4: inside [the previous number's, the next number's or the time of arrival], never before the previous number's.
    let earliest = neighbours.previous.unwrap_or(EpochMs::ZERO);
    let latest = neighbours.next.map_or(punch.recorded, |next| next.min(punch.recorded)).max(earliest);
    Effective { at: at.clamp(earliest, latest), trust, earliest, latest }
}

fn estimate(punch: &Stamped, boots: &[Boot]) -> (EpochMs, Trust) {
    if punch.imported {
        return (punch.claimed, Trust::Imported);
    }
    let own_boot = boots.iter().filter(|boot| boot.boot_id == punch.boot_id).map(|boot| boot.first);
    if let Some(contact) = punch.contact.or_else(|| own_boot.min_by_key(|sample| sample.server)) {
        return (since_contact(punch, contact), Trust::Trusted);
    }
    // Rebooted since the last contact: the next one has heard of a journal that holds this number.
    let next = boots.iter().filter(|boot| boot.journal == punch.journal && boot.journal_head >= punch.seq);
    let Some(next) = next.map(|boot| boot.first).min_by_key(|sample| sample.server) else {
        return (punch.claimed, Trust::Suspect);
    };
    let offset_ms = next.offset_ms();
    let trust = match offset_ms.abs() {
        0..=TRUSTED_MS => Trust::Trusted,
        ..=CORRECTED_MS => Trust::Corrected,
        _ => Trust::Suspect,
    };
    (punch.claimed.plus_ms(offset_ms), trust)
}

/// The server's time at the contact and what the device's monotonic clock counted since: a wall clock that was turned
/// does not matter.
fn since_contact(punch: &Stamped, contact: Sample) -> EpochMs {
    let counted = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    contact.server.plus_ms(counted(punch.mono_ms).saturating_sub(counted(contact.mono_ms)))
}

/// The best time that a punch itself gives, without anything else on record.
pub fn near(punch: &Stamped) -> EpochMs {
    effective(punch, &[], Neighbours::default()).at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds after eight.
    fn at(seconds: i64) -> EpochMs {
        EpochMs::clamped(1_772_409_600_000 + seconds * 1_000)
    }

    /// Number 7 of journal 3, `mono` seconds after the start "a", by a clock that shows `claims`, recorded at `recorded`.
    fn punch(mono: u64, claims: i64, recorded: i64) -> Stamped {
        Stamped {
            journal: Pos::new(3),
            seq: 7,
            boot_id: "a".to_owned(),
            mono_ms: mono * 1_000,
            claimed: at(claims),
            contact: None,
            recorded: at(recorded),
            imported: false,
            unsigned: false,
        }
    }

    fn sample(mono: u64, wall: i64, server: i64) -> Sample {
        Sample { mono_ms: mono * 1_000, wall: at(wall), server: at(server) }
    }

    fn boot(boot_id: &str, head: u64, first: Sample) -> Boot {
        Boot {
            pos: Pos::new(9),
            boot_id: boot_id.to_owned(),
            first,
            journal: Pos::new(3),
            journal_head: head,
        }
    }

    #[test]
    fn a_time_is_as_good_as_what_is_on_record_of_the_devices_clocks() {
        use Trust::{Corrected, Imported, Suspect, Trusted};
        let with = |punch: Stamped, contact| Stamped { contact: Some(contact), ..punch };
        let live = |claims| with(punch(500, claims, 500), sample(500, claims, 500));
        let days = 86_400;
        let table = [
            ("sent at once, the clock is right", live(500), vec![], 500, Trusted),
            ("sent at once, the clock is a day behind", live(500 - days), vec![], 500, Trusted),
            ("sent at once, the clock is a year ahead", live(500 + 365 * days), vec![], 500, Trusted),
            (
                "same boot as an earlier contact",
                with(punch(500, 500, 900), sample(100, 100, 100)),
                vec![],
                500,
                Trusted,
            ),
            (
                "the clock was turned after the contact",
                with(punch(500, 9_999, 900), sample(100, 100, 100)),
                vec![],
                500,
                Trusted,
            ),
            (
                "before the first contact of its boot",
                with(punch(40, 40, 900), sample(100, 100, 100)),
                vec![],
                40,
                Trusted,
            ),
            (
                "its boot's contact is on record",
                punch(500, 7, 900),
                vec![boot("a", 0, sample(100, 100, 100))],
                500,
                Trusted,
            ),
            (
                "of two, the one with the smaller server time",
                punch(500, 7, 900),
                vec![boot("a", 0, sample(200, 0, 205)), boot("a", 0, sample(100, 0, 100))],
                500,
                Trusted,
            ),
            (
                "rebooted; the next contact finds the clock 2 s slow",
                punch(500, 500, 900),
                vec![boot("b", 7, sample(1, 800, 802))],
                502,
                Trusted,
            ),
            (
                "rebooted; 3 s slow",
                punch(500, 500, 900),
                vec![boot("b", 7, sample(1, 800, 803))],
                503,
                Corrected,
            ),
            (
                "rebooted; 300 s fast",
                punch(500, 500, 900),
                vec![boot("b", 7, sample(1, 1_100, 800))],
                200,
                Corrected,
            ),
            (
                "rebooted; 301 s fast",
                punch(500, 500, 900),
                vec![boot("b", 7, sample(1, 1_101, 800))],
                199,
                Suspect,
            ),
            (
                "rebooted; a contact that did not know number 7 was before it",
                punch(500, 500, 900),
                vec![boot("b", 6, sample(1, 400, 403))],
                500,
                Suspect,
            ),
            (
                "rebooted; the first contact after it counts",
                punch(500, 500, 900),
                vec![boot("c", 9, sample(1, 800, 880)), boot("b", 7, sample(1, 700, 703))],
                503,
                Corrected,
            ),
            (
                "its own boot is better than the next",
                punch(500, 500, 900),
                vec![boot("b", 7, sample(1, 700, 799)), boot("a", 0, sample(100, 0, 100))],
                500,
                Trusted,
            ),
            ("nothing on record", punch(500, 500, 900), vec![], 500, Suspect),
            (
                "nothing on record, and a claim after its arrival",
                punch(500, 5_000, 900),
                vec![],
                900,
                Suspect,
            ),
            ("2 s after its arrival", with(punch(502, 0, 500), sample(0, 0, 0)), vec![], 502, Trusted),
            ("3 s after its arrival", with(punch(503, 0, 500), sample(0, 0, 0)), vec![], 500, Suspect),
            ("from a file", Stamped { imported: true, ..punch(0, 400, 900) }, vec![], 400, Imported),
            ("not signed as it should be", Stamped { unsigned: true, ..live(500) }, vec![], 500, Suspect),
        ];
        for (rule, punch, boots, when, trust) in table {
            let found = effective(&punch, &boots, Neighbours::default());
            assert_eq!((found.at, found.trust), (at(when), trust), "R4: {rule}");
        }
    }

    #[test]
    fn a_suspect_time_lies_between_its_neighbours_in_the_journal() {
        let between = |previous: Option<i64>, next: Option<i64>| {
            let neighbours = Neighbours { previous: previous.map(at), next: next.map(at) };
            let found = effective(&punch(500, 500, 900), &[], neighbours);
            (found.at, found.earliest, found.latest)
        };
        for (previous, next, when, earliest, latest) in [
            (None, None, 500, None, 900),
            (Some(450), Some(550), 500, Some(450), 550),
            (Some(600), None, 600, Some(600), 900),
            (Some(600), Some(700), 600, Some(600), 700),
            (None, Some(300), 300, None, 300),
            (None, Some(2_000), 500, None, 900),
            (Some(950), None, 950, Some(950), 950),
        ] {
            let earliest = earliest.map_or(EpochMs::ZERO, at);
            assert_eq!(between(previous, next), (at(when), earliest, at(latest)), "{previous:?} {next:?}");
        }
    }
}
