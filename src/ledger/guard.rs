//! The server's own clock, watched: a step that nobody vouched for stops commits rather than date them wrongly.

use crate::kernel::EpochMs;

/// The wall clock and the monotonic one may drift apart by this much between two commits: 60 s.
const STEP_MS: i64 = 60_000;
/// Longer than any closure of a centre: 40 days.
const CLOSURE_MS: i64 = 40 * 24 * 3_600 * 1_000;

/// Why nothing is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockFault {
    /// The wall clock moved and the monotonic one did not.
    #[error("the server's clock was stepped; `qinlian ledger accept-clock` accepts it")]
    Stepped,
    /// The last entry is more than 40 days old, or lies more than 60 s ahead.
    #[error("the server's clock is far from the last entry; `qinlian ledger accept-clock` accepts it")]
    FarFromLast,
    /// The database server's clock is more than 2 s away.
    #[error("the database server's clock disagrees with this server's")]
    Disagrees,
}

/// Compares the two clocks from commit to commit.
#[derive(Debug)]
pub struct ClockGuard {
    wall: EpochMs,
    monotonic_ms: u64,
}

impl ClockGuard {
    /// From here on.
    pub fn new(wall: EpochMs, monotonic_ms: u64) -> Self {
        Self { wall, monotonic_ms }
    }

    /// Is `wall` the time that the monotonic clock leads to expect?
    pub fn process(&self, wall: EpochMs, monotonic_ms: u64) -> Result<(), ClockFault> {
        let passed = i64::try_from(monotonic_ms.saturating_sub(self.monotonic_ms)).unwrap_or(i64::MAX);
        let stepped = wall.since(self.wall.plus_ms(passed)).abs();
        if stepped > STEP_MS { Err(ClockFault::Stepped) } else { Ok(()) }
    }

    /// Is `wall` near enough to a log's last entry? A log without entries has no opinion.
    pub fn log(wall: EpochMs, last: EpochMs) -> Result<(), ClockFault> {
        let since = wall.since(last);
        let far = last > EpochMs::ZERO && !(-STEP_MS..=CLOSURE_MS).contains(&since);
        if far { Err(ClockFault::FarFromLast) } else { Ok(()) }
    }

    /// Somebody vouched for this time, or it is as expected.
    pub fn accept(&mut self, wall: EpochMs, monotonic_ms: u64) {
        *self = Self::new(wall, monotonic_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_the_monotonic_clock_contradicts_needs_somebody_to_vouch() {
        let start = EpochMs::clamped(1_000_000_000);
        let mut guard = ClockGuard::new(start, 500);
        for (case, wall_ms, monotonic_ms, outcome) in [
            ("an hour passes on both", 3_600_000, 3_600_500, Ok(())),
            ("59 s of drift", 59_000, 500, Ok(())),
            ("forward by an hour", 3_600_000, 500, Err(ClockFault::Stepped)),
            ("back by an hour", -3_600_000, 500, Err(ClockFault::Stepped)),
        ] {
            assert_eq!(guard.process(start.plus_ms(wall_ms), monotonic_ms), outcome, "{case}");
        }
        guard.accept(start.plus_ms(3_600_000), 500);
        assert_eq!(guard.process(start.plus_ms(3_600_000), 500), Ok(()));
    }

    #[test]
    fn a_log_that_slept_for_more_than_forty_days_is_asked_about() {
        let last = EpochMs::clamped(1_000_000_000_000);
        let day = 24 * 3_600_000;
        for (case, after_ms, outcome) in [
            ("Spring Festival", 39 * day, Ok(())),
            ("too long", 41 * day, Err(ClockFault::FarFromLast)),
            ("a little behind the last entry", -59_000, Ok(())),
            ("wound back", -61_000, Err(ClockFault::FarFromLast)),
        ] {
            assert_eq!(ClockGuard::log(last.plus_ms(after_ms), last), outcome, "{case}");
        }
        assert_eq!(ClockGuard::log(last, EpochMs::ZERO), Ok(()));
    }
}
