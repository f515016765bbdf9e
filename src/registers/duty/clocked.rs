//! Has somebody clocked in? By the latest clock-in or clock-out of the hours before (duty notes, "ClockedIn"). Pure.

use crate::kernel::{EpochMs, Zone};
use crate::proto::punch::Direction;

/// A shift is over after 16 hours, whatever was forgotten. 16 × 3,600,000.
pub const SHIFT_MS: i64 = 57_600_000;

/// A clock-in or clock-out of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clocked {
    /// When.
    pub at: EpochMs,
    /// Which way.
    pub way: Way,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// In.
    In,
    /// Out.
    Out,
    /// The device cannot tell.
    Unknown,
}

impl Way {
    /// Of a punch.
    pub const fn of(direction: Direction) -> Self {
        match direction {
            Direction::In => Self::In,
            Direction::Out => Self::Out,
            Direction::Unknown | Direction::Unspecified => Self::Unknown,
        }
    }
}

/// Is somebody in, at an instant? The latest of the 16 hours before says so: IN, or UNKNOWN that no OUT of that day came
/// before. `clocked` is in the order of time.
pub fn is_in(clocked: &[Clocked], zone: &Zone, at: EpochMs) -> bool {
    let seen = clocked.iter().filter(|clocked| clocked.at <= at && at.since(clocked.at) < SHIFT_MS);
    let seen: Vec<&Clocked> = seen.collect();
    let Some(latest) = seen.last() else { return false };
    match latest.way {
        Way::In => true,
        Way::Out => false,
        Way::Unknown => {
            let day = zone.day_of(latest.at);
            !seen.iter().any(|earlier| earlier.way == Way::Out && zone.day_of(earlier.at) == day)
        }
    }
}

/// The first clock-out after an instant, up to another.
pub fn first_out(clocked: &[Clocked], after: EpochMs, until: EpochMs) -> Option<EpochMs> {
    let outs = clocked.iter().filter(|clocked| clocked.way == Way::Out);
    outs.map(|clocked| clocked.at).find(|at| *at > after && *at <= until)
}

/// Has somebody clocked out since an instant, and not in again?
pub fn has_left(clocked: &[Clocked], since: EpochMs, at: EpochMs) -> Option<EpochMs> {
    let seen =
        clocked.iter().rfind(|clocked| clocked.at > since && clocked.at <= at && clocked.way != Way::Unknown);
    seen.filter(|latest| latest.way == Way::Out).map(|latest| latest.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minutes after eight in Shanghai on 2 March 2026.
    fn at(minutes: i64) -> EpochMs {
        EpochMs::clamped(1_772_409_600_000 + minutes * 60_000)
    }

    #[test]
    fn somebody_is_in_as_their_latest_clocking_says() {
        use Way::{In, Out, Unknown};
        let zone = Zone::parse("Asia/Shanghai").unwrap();
        for (rule, clocked, now, wanted) in [
            ("never clocked", &[][..], 10, false),
            ("in", &[(In, 0)], 10, true),
            ("before the in", &[(In, 20)], 10, false),
            ("out", &[(In, 0), (Out, 5)], 10, false),
            ("in again", &[(In, 0), (Out, 5), (In, 9)], 10, true),
            ("yesterday's in is over after 16 hours", &[(In, 0)], 16 * 60, false),
            ("a minute before", &[(In, 0)], 16 * 60 - 1, true),
            ("a device that cannot tell", &[(Unknown, 0)], 10, true),
            ("cannot tell, after an out of that day", &[(In, 0), (Out, 5), (Unknown, 9)], 10, false),
            ("cannot tell, after an out of the day before", &[(Out, -9 * 60), (Unknown, 0)], 10, true),
        ] {
            let clocked: Vec<Clocked> =
                clocked.iter().map(|(way, minutes)| Clocked { at: at(*minutes), way: *way }).collect();
            assert_eq!(is_in(&clocked, &zone, at(now)), wanted, "{rule}");
        }
    }
}
