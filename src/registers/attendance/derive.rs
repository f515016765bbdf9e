//! What the facts mean: a person's day, and what a device is doing. Pure.

use super::coverage::{Covered, SILENT_MS};
use super::view::{DeviceDoing, DeviceView, Effective, PresenceView, Trust};
use crate::kernel::{EpochMs, Pos};
use crate::proto::punch::Direction;

/// A punch of the person and day, with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocked {
    /// When.
    pub at: EpochMs,
    /// How far that can be relied on.
    pub trust: Trust,
    /// Which way.
    pub direction: Direction,
}

impl Clocked {
    /// A punch at its effective time.
    pub fn new(effective: Effective, direction: Direction) -> Self {
        Self { at: effective.at, trust: effective.trust, direction }
    }
}

/// A person's day from its punches, in whatever order they came; nothing without one that says something.
///
/// UNKNOWN counts as first-in when it is the earliest of all, and as last-out when it is the latest of all and later.
/// An OUT before the first IN says nothing of this day's end (rule R8).
pub fn presence(punches: &[Clocked]) -> Option<PresenceView> {
    let earliest = punches.iter().map(|punch| punch.at).min()?;
    let latest = punches.iter().map(|punch| punch.at).max()?;
    let first = punches
        .iter()
        .filter(|punch| match punch.direction {
            Direction::In => true,
            Direction::Unknown => punch.at == earliest,
            Direction::Out | Direction::Unspecified => false,
        })
        .min_by_key(|punch| (punch.at, punch.trust));
    let last = punches
        .iter()
        .filter(|punch| match punch.direction {
            Direction::Out => true,
            Direction::Unknown => punch.at == latest,
            Direction::In | Direction::Unspecified => false,
        })
        .filter(|punch| first.is_none_or(|first| punch.at > first.at))
        .min_by_key(|punch| (std::cmp::Reverse(punch.at), punch.trust));
    let trust = first.into_iter().chain(last).map(|punch| punch.trust).max()?;
    Some(PresenceView { first_in: first.map(|punch| punch.at), last_out: last.map(|punch| punch.at), trust })
}

/// A record of a device's coverage, by its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoveredAt {
    /// The entry.
    pub pos: Pos,
    /// What it says.
    pub covered: Covered,
    /// It is the first record of a boot.
    pub new_boot: bool,
}

/// An outage's beginning or end, by its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutageAt {
    /// The entry.
    pub pos: Pos,
    /// It ends.
    pub ends: bool,
    /// When.
    pub at: EpochMs,
}

/// A device, and when to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceNow {
    /// What is known of it.
    pub view: DeviceView,
    /// An outage begins or ends then.
    pub look_again: Option<EpochMs>,
}

/// What a device is doing at a time. `records` and `outages` are in the order of their entries, and of the records it
/// is enough to have the newest, the newest whole one and whatever came after it, and those since the last break.
pub fn device(records: &[CoveredAt], outages: &[OutageAt], at: EpochMs) -> Option<DeviceNow> {
    let (outage, ended, look_again) = outage(outages, at);
    let covered_until = covered_until(records);
    let heard = records.last().map(|newest| doing(records, newest));
    let (doing, since) = match (outage, heard) {
        (Some(from), _) => (DeviceDoing::Outage, from),
        // What was known while it was out of order is known of now, from the end of the outage on.
        (None, Some((doing, since))) => (doing, ended.map_or(since, |ended| since.max(ended))),
        (None, None) => return None,
    };
    Some(DeviceNow { view: DeviceView { doing, since, covered_until }, look_again })
}

/// Since when an outage has held at a time, when the last one ended, and the next time at which that changes.
fn outage(outages: &[OutageAt], at: EpochMs) -> (Option<EpochMs>, Option<EpochMs>, Option<EpochMs>) {
    let (mut open, mut ended, mut next): (_, Option<EpochMs>, Option<EpochMs>) = (None, None, None);
    let mut later = |when: EpochMs| {
        next = Some(next.map_or(when, |next| next.min(when)));
    };
    for outage in outages {
        if outage.at > at {
            later(outage.at);
        } else if outage.ends {
            open = None;
            ended = Some(ended.map_or(outage.at, |ended| ended.max(outage.at)));
        } else {
            open = Some(outage.at);
        }
    }
    (open, ended, next)
}

fn doing(records: &[CoveredAt], newest: &CoveredAt) -> (DeviceDoing, EpochMs) {
    let covered = &newest.covered;
    if covered.silent {
        return (DeviceDoing::Silent, covered.last_contact.plus_ms(SILENT_MS));
    }
    if covered.going_down {
        return (DeviceDoing::Silent, covered.last_contact);
    }
    // Reporting since the first record after the last break.
    let run = records.iter().rev().take_while(|record| !record.covered.silent && !record.covered.going_down);
    let first = run.last().unwrap_or(newest);
    let since = if first.new_boot { first.covered.sample.server } else { first.covered.last_contact };
    (DeviceDoing::Reporting, since)
}

/// Declared outages as stretches of time: from, and until but not at. In the order of their entries.
pub fn stretches(outages: &[OutageAt]) -> Vec<(EpochMs, Option<EpochMs>)> {
    let (mut stretches, mut open) = (Vec::new(), None);
    for outage in outages {
        if !outage.ends {
            open = Some(outage.at);
        } else if let Some(from) = open.take() {
            stretches.push((from, Some(outage.at)));
        }
    }
    stretches.extend(open.map(|from| (from, None)));
    stretches
}

/// Rule R5: the latest contact up to which every number had arrived. A clean shutdown covers until the next boot.
fn covered_until(records: &[CoveredAt]) -> Option<EpochMs> {
    let whole = records.iter().rposition(|record| record.covered.is_whole())?;
    let record = records.get(whole)?;
    let contact = record.covered.last_contact;
    let next_boot = records
        .get(whole + 1..)
        .and_then(|after| after.iter().find(|record| record.new_boot))
        .filter(|_| record.covered.going_down)
        .map(|boot| started(&boot.covered));
    Some(next_boot.map_or(contact, |started| started.max(contact)))
}

/// When a boot began, by its own monotonic clock.
fn started(covered: &Covered) -> EpochMs {
    let mono_ms = i64::try_from(covered.sample.mono_ms).unwrap_or(i64::MAX);
    covered.sample.server.plus_ms(mono_ms.saturating_neg())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registers::stamp::sample::Sample;

    /// Minutes after eight.
    fn at(minutes: i64) -> EpochMs {
        EpochMs::clamped(1_772_409_600_000 + minutes * 60_000)
    }

    #[test]
    fn a_day_begins_with_the_first_in_and_ends_with_the_last_out_after_it() {
        use Direction::{In, Out, Unknown};
        let table: &[(&str, &[(Direction, i64)], Option<(Option<i64>, Option<i64>)>)] = &[
            ("nothing", &[], None),
            ("in and out", &[(In, 30), (Out, 540)], Some((Some(30), Some(540)))),
            ("in only", &[(In, 30)], Some((Some(30), None))),
            ("out only", &[(Out, 540)], Some((None, Some(540)))),
            (
                "the earliest in, the latest out",
                &[(In, 31), (In, 30), (Out, 200), (Out, 540)],
                Some((Some(30), Some(540))),
            ),
            (
                "a repeated tap changes nothing",
                &[(In, 30), (In, 30), (Out, 540), (Out, 540)],
                Some((Some(30), Some(540))),
            ),
            ("R8: an out before the only in is no end", &[(Out, 10), (In, 30)], Some((Some(30), None))),
            ("unknown: one is a first-in", &[(Unknown, 30)], Some((Some(30), None))),
            (
                "unknown: two are first and last",
                &[(Unknown, 30), (Unknown, 540)],
                Some((Some(30), Some(540))),
            ),
            (
                "unknown: the middle ones say nothing",
                &[(Unknown, 30), (Unknown, 240), (Unknown, 540)],
                Some((Some(30), Some(540))),
            ),
            ("unknown: two at one instant are one", &[(Unknown, 30), (Unknown, 30)], Some((Some(30), None))),
            (
                "unknown before the in is the first-in",
                &[(Unknown, 20), (In, 30), (Out, 540)],
                Some((Some(20), Some(540))),
            ),
            (
                "unknown after the in is the last-out",
                &[(In, 30), (Unknown, 540)],
                Some((Some(30), Some(540))),
            ),
            (
                "unknown after the out is the last-out",
                &[(In, 30), (Out, 540), (Unknown, 550)],
                Some((Some(30), Some(550))),
            ),
            (
                "unknown before a later in is no last-out",
                &[(In, 30), (Unknown, 240), (In, 300)],
                Some((Some(30), None)),
            ),
            ("unknown after an out alone", &[(Out, 10), (Unknown, 30)], Some((None, Some(30)))),
            ("unknown between out and in", &[(Out, 10), (Unknown, 20), (In, 30)], Some((Some(30), None))),
        ];
        for (rule, punches, wanted) in table {
            let mut punches: Vec<Clocked> = punches
                .iter()
                .map(|(direction, minutes)| Clocked {
                    at: at(*minutes),
                    trust: Trust::Trusted,
                    direction: *direction,
                })
                .collect();
            for _ in 0..punches.len().max(1) {
                let day = presence(&punches);
                let found = day.map(|day| (day.first_in, day.last_out));
                assert_eq!(found, wanted.map(|(first, last)| (first.map(at), last.map(at))), "{rule}");
                if !punches.is_empty() {
                    punches.rotate_left(1);
                }
            }
        }
    }

    #[test]
    fn a_day_is_as_trusted_as_the_weaker_of_its_two_times() {
        use Trust::{Corrected, Imported, Suspect, Trusted};
        let clocked = |direction, minutes, trust| Clocked { at: at(minutes), trust, direction };
        for (first, last, wanted) in [
            (Trusted, Trusted, Trusted),
            (Trusted, Corrected, Corrected),
            (Corrected, Suspect, Suspect),
            (Imported, Trusted, Imported),
            (Imported, Suspect, Suspect),
        ] {
            let middle = clocked(Direction::In, 100, Suspect);
            let day = [clocked(Direction::In, 30, first), middle, clocked(Direction::Out, 540, last)];
            assert_eq!(presence(&day).map(|day| day.trust), Some(wanted), "{first:?} {last:?}");
        }
        let twice = [clocked(Direction::In, 30, Suspect), clocked(Direction::In, 30, Trusted)];
        assert_eq!(presence(&twice).map(|day| day.trust), Some(Trusted), "the better of two at one instant");
    }

    fn record(pos: u64, contact: i64, head: u64, through: u64) -> CoveredAt {
        let sample = Sample { mono_ms: 60_000, wall: at(contact), server: at(contact) };
        let covered = Covered {
            recorded: at(contact),
            boot_id: "a".to_owned(),
            sample,
            journal: Pos::new(3),
            journal_head: head,
            through,
            going_down: false,
            silent: false,
            last_contact: at(contact),
        };
        CoveredAt { pos: Pos::new(pos), covered, new_boot: false }
    }

    fn boot(mut record: CoveredAt) -> CoveredAt {
        record.new_boot = true;
        record
    }

    fn silent(mut record: CoveredAt) -> CoveredAt {
        record.covered.silent = true;
        record
    }

    fn down(mut record: CoveredAt) -> CoveredAt {
        record.covered.going_down = true;
        record
    }

    #[test]
    fn a_device_is_what_is_on_record_of_it() {
        use DeviceDoing::{Outage, Reporting, Silent};
        let begins = |pos, minutes| OutageAt { pos: Pos::new(pos), ends: false, at: at(minutes) };
        let ends = |pos, minutes| OutageAt { pos: Pos::new(pos), ends: true, at: at(minutes) };
        let plain = [boot(record(1, 0, 5, 5)), record(2, 5, 5, 5), record(3, 10, 6, 6)];
        let table = [
            ("nothing on record", vec![], vec![], None),
            ("R5: reporting since its first contact", plain.to_vec(), vec![], Some((Reporting, 0, Some(10)))),
            (
                "R5: a gap holds the coverage back",
                vec![record(1, 0, 5, 5), record(2, 5, 9, 7)],
                vec![],
                Some((Reporting, 0, Some(0))),
            ),
            ("R5: never whole", vec![record(1, 0, 5, 4)], vec![], Some((Reporting, 0, None))),
            (
                "R5: silent 2 minutes after the last contact",
                vec![record(1, 0, 5, 5), silent(record(2, 5, 5, 5))],
                vec![],
                Some((Silent, 7, Some(5))),
            ),
            (
                "R5: back",
                vec![
                    record(1, 0, 5, 5),
                    silent(record(2, 5, 5, 5)),
                    record(3, 20, 5, 5),
                    record(4, 25, 5, 5),
                ],
                vec![],
                Some((Reporting, 20, Some(25))),
            ),
            (
                "R5: shut down",
                vec![record(1, 0, 5, 5), down(record(2, 5, 5, 5))],
                vec![],
                Some((Silent, 5, Some(5))),
            ),
            (
                "R5: a clean shutdown covers until the next boot",
                vec![down(record(1, 5, 5, 5)), boot(record(2, 600, 9, 5))],
                vec![],
                Some((Reporting, 600, Some(599))),
            ),
            (
                "R5: a crash does not",
                vec![record(1, 5, 5, 5), boot(record(2, 600, 9, 5))],
                vec![],
                Some((Reporting, 5, Some(5))),
            ),
            ("declared out of order", plain.to_vec(), vec![begins(4, 8)], Some((Outage, 8, Some(10)))),
            ("declared, and never heard of", vec![], vec![begins(4, 8)], Some((Outage, 8, None))),
            (
                "it works again",
                plain.to_vec(),
                vec![begins(4, 8), ends(5, 30)],
                Some((Reporting, 30, Some(10))),
            ),
            (
                "declared twice in a row, ended once",
                plain.to_vec(),
                vec![begins(4, 8), ends(5, 9), begins(6, 20)],
                Some((Outage, 20, Some(10))),
            ),
            ("it will be out of order", plain.to_vec(), vec![begins(4, 999)], Some((Reporting, 0, Some(10)))),
            (
                "it will work again",
                plain.to_vec(),
                vec![begins(4, 8), ends(5, 999)],
                Some((Outage, 8, Some(10))),
            ),
        ];
        for (rule, records, outages, wanted) in table {
            let found = device(&records, &outages, at(700)).map(|now| now.view);
            let wanted = wanted.map(|(doing, since, covered): (_, i64, Option<i64>)| DeviceView {
                doing,
                since: at(since),
                covered_until: covered.map(at),
            });
            assert_eq!(found, wanted, "{rule}");
        }
    }

    #[test]
    fn an_outage_that_begins_or_ends_later_is_looked_at_then() {
        let plain = [record(1, 0, 5, 5)];
        let planned = [
            OutageAt { pos: Pos::new(2), ends: false, at: at(60) },
            OutageAt { pos: Pos::new(3), ends: true, at: at(90) },
        ];
        for (now, doing, look_again) in [
            (10, DeviceDoing::Reporting, Some(60)),
            (60, DeviceDoing::Outage, Some(90)),
            (89, DeviceDoing::Outage, Some(90)),
            (90, DeviceDoing::Reporting, None),
        ] {
            let found = device(&plain, &planned, at(now)).unwrap();
            assert_eq!((found.view.doing, found.look_again), (doing, look_again.map(at)), "{now}");
        }
    }
}
