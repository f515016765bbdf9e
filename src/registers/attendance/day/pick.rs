//! Which punches decide the two ends of a span (rule R8): the earliest to come, the latest to go.
//!
//! A suspect time lies within bounds (rule R4). So each end is picked three times: by the best estimates, and with every
//! suspect time as kind, and as unkind, to the person as its bounds allow. Results worsen with a later coming and an
//! earlier going, so that where kind and unkind give the same result, every time in between does.

use std::cmp::Reverse;

use super::inputs::{DayPunch, PunchSource};
use super::region::Region;
use crate::kernel::{EpochMs, Pos};
use crate::proto::punch::Direction;
use crate::registers::attendance::view::Trust;

/// A span, as far as it is to be worked.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// The punches that may count.
    pub region: Region,
    /// Work begins.
    pub on: EpochMs,
    /// Work ends.
    pub off: EpochMs,
    /// So early is still on time.
    pub tol_early_ms: i64,
}

impl Due {
    /// A punch that says nothing of its direction is a coming before this, and a going from it on.
    fn middle(&self) -> EpochMs {
        EpochMs::clamped(i64::midpoint(self.on.get(), self.off.get()))
    }

    /// From here on a going is in time. Nobody comes so late: a coming after a going that is in time would undo it, and
    /// what was final would not be (property A5). A tolerance is at most half of what is to be worked.
    fn leaving(&self) -> EpochMs {
        self.off.plus_ms(-self.tol_early_ms).max(self.middle())
    }

    /// Is a going at this time early by no more than is tolerated?
    pub fn is_in_time(&self, off: EpochMs) -> bool {
        off >= self.leaving()
    }
}

/// Who came or went when.
#[derive(Debug, Clone, Copy, Default)]
pub struct Picked<'a> {
    /// By the best estimates.
    pub punch: Option<&'a DayPunch>,
    /// At the kindest.
    pub kind: Option<EpochMs>,
    /// At the unkindest.
    pub unkind: Option<EpochMs>,
    /// A manual roll or a correction is among what was to be picked from, even if a device's punch is better: it speaks
    /// for the time in which nobody could clock in.
    pub vouched: bool,
}

/// The coming and the going of a span.
pub fn pick<'a>(due: &Due, punches: &[&'a DayPunch]) -> (Picked<'a>, Picked<'a>) {
    let comings = Found::among(punches, |direction| coming(due, direction));
    let goings = Found::among(punches, |direction| going(due, direction));
    let on = Picked {
        punch: comings.estimates.iter().copied().min_by_key(|punch| (punch.at.at, rank(punch))),
        kind: comings.possible.iter().map(|(first, _)| *first).min(),
        unkind: comings.certain.iter().map(|(_, last)| *last).min(),
        vouched: comings.is_vouched(),
    };
    // The latest time at which anybody can have come, if somebody did.
    let latest_on = on.unkind.or_else(|| comings.possible.iter().map(|(_, last)| *last).max());
    let earliest_on = on.unkind.and(on.kind);
    let after = |off: EpochMs, on: Option<EpochMs>| on.is_none_or(|on| off > on);
    let last = goings.estimates.iter().copied().max_by_key(|punch| (punch.at.at, Reverse(rank(punch))));
    let off = Picked {
        punch: last.filter(|off| after(off.at.at, on.punch.map(|on| on.at.at))),
        kind: goings.possible.iter().map(|(_, last)| *last).max().filter(|off| after(*off, earliest_on)),
        unkind: goings.certain.iter().map(|(first, _)| *first).max().filter(|off| after(*off, latest_on)),
        vouched: goings.is_vouched(),
    };
    (on, off)
}

/// Of two punches at one instant.
fn rank(punch: &DayPunch) -> (PunchSource, Trust, Pos) {
    (punch.source, punch.at.trust, punch.punch)
}

/// From when until when, both included, a punch of this direction is a coming.
fn coming(due: &Due, direction: Direction) -> Option<(EpochMs, EpochMs)> {
    let before = match direction {
        Direction::In => due.leaving(),
        Direction::Unknown => due.middle(),
        Direction::Out | Direction::Unspecified => return None,
    };
    Some((due.region.from, due.region.until.min(before.plus_ms(-1))))
}

/// From when until when, both included, a punch of this direction is a going.
fn going(due: &Due, direction: Direction) -> Option<(EpochMs, EpochMs)> {
    let from = match direction {
        Direction::Out => due.region.from,
        Direction::Unknown => due.region.from.max(due.middle()),
        Direction::In | Direction::Unspecified => return None,
    };
    Some((from, due.region.until))
}

/// The punches that may be what is looked for, within its window.
struct Found<'a> {
    /// By the best estimate they are.
    estimates: Vec<&'a DayPunch>,
    /// They may be: between these times.
    possible: Vec<(EpochMs, EpochMs)>,
    /// They are, whatever their time: between these.
    certain: Vec<(EpochMs, EpochMs)>,
}

impl<'a> Found<'a> {
    fn is_vouched(&self) -> bool {
        self.estimates.iter().any(|punch| punch.source != PunchSource::Device)
    }

    fn among(punches: &[&'a DayPunch], window: impl Fn(Direction) -> Option<(EpochMs, EpochMs)>) -> Self {
        let mut found = Self { estimates: Vec::new(), possible: Vec::new(), certain: Vec::new() };
        for punch in punches.iter().copied() {
            let Some((from, until)) = window(punch.direction).filter(|(from, until)| from <= until) else {
                continue;
            };
            let (earliest, latest) = bounds(punch);
            if latest < from || earliest > until {
                continue;
            }
            found.possible.push((earliest.max(from), latest.min(until)));
            if from <= earliest && latest <= until {
                found.certain.push((earliest, latest));
            }
            if from <= punch.at.at && punch.at.at <= until {
                found.estimates.push(punch);
            }
        }
        found
    }
}

/// Between which times a punch was made.
pub fn bounds(punch: &DayPunch) -> (EpochMs, EpochMs) {
    match punch.at.trust {
        Trust::Suspect => (punch.at.earliest.min(punch.at.at), punch.at.latest.max(punch.at.at)),
        Trust::Trusted | Trust::Corrected | Trust::Imported => (punch.at.at, punch.at.at),
    }
}
