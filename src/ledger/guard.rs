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
    /// Somebody vouched for the wall clock, and the two have agreed ever since.
    vouched: bool,
}

impl ClockGuard {
    /// From here on.
    pub fn new(wall: EpochMs, monotonic_ms: u64) -> Self {
        Self { wall, monotonic_ms, vouched: false }
    }

    /// Is `wall` the time that the monotonic clock leads to expect? If so, the next comparison starts from here.
    pub fn process(&mut self, wall: EpochMs, monotonic_ms: u64) -> Result<(), ClockFault> {
        let passed = i64::try_from(monotonic_ms.saturating_sub(self.monotonic_ms)).unwrap_or(i64::MAX);
        let stepped = wall.since(self.wall.plus_ms(passed)).abs();
        if stepped > STEP_MS {
            self.vouched = false;
            return Err(ClockFault::Stepped);
        }
        (self.wall, self.monotonic_ms) = (wall, monotonic_ms);
        Ok(())
    }

    /// Is `wall` near enough to a log's last entry? A log without entries has no opinion, and one that slept while the
    /// deployment's did not is no cause for alarm. A clock that somebody vouched for is right, whatever stands in a log
    /// that was written when it was wrong.
    pub fn log(&self, wall: EpochMs, last: EpochMs, deployment_last: EpochMs) -> Result<(), ClockFault> {
        if self.vouched || last == EpochMs::ZERO {
            return Ok(());
        }
        let ahead = wall.since(last) < -STEP_MS;
        let asleep = wall.since(last.max(deployment_last)) > CLOSURE_MS;
        if ahead || asleep { Err(ClockFault::FarFromLast) } else { Ok(()) }
    }

    /// Does a time that somebody read off another clock vouch for this one?
    pub fn confirms(vouched: EpochMs, wall: EpochMs) -> bool {
        wall.since(vouched).abs() < STEP_MS
    }

    /// Somebody did, and it is on record.
    pub fn accept(&mut self, wall: EpochMs, monotonic_ms: u64) {
        *self = Self { wall, monotonic_ms, vouched: true };
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
            let mut fresh = ClockGuard::new(start, 500);
            assert_eq!(fresh.process(start.plus_ms(wall_ms), monotonic_ms), outcome, "{case}");
        }
        assert_eq!(guard.process(start.plus_ms(3_600_000), 500), Err(ClockFault::Stepped));
        guard.accept(start.plus_ms(3_600_000), 500);
        assert_eq!(guard.process(start.plus_ms(3_600_000), 500), Ok(()));
    }

    #[test]
    fn a_log_that_slept_for_more_than_forty_days_is_asked_about() {
        let last = EpochMs::clamped(1_000_000_000_000);
        let day = 24 * 3_600_000;
        let fresh = ClockGuard::new(last, 0);
        for (case, after_ms, outcome) in [
            ("Spring Festival", 39 * day, Ok(())),
            ("too long", 41 * day, Err(ClockFault::FarFromLast)),
            ("a little behind the last entry", -59_000, Ok(())),
            ("wound back", -61_000, Err(ClockFault::FarFromLast)),
        ] {
            assert_eq!(fresh.log(last.plus_ms(after_ms), last, EpochMs::ZERO), outcome, "{case}");
        }
        assert_eq!(fresh.log(last, EpochMs::ZERO, EpochMs::ZERO), Ok(()));
        let late = last.plus_ms(41 * day);
        assert_eq!(fresh.log(late, last, late.plus_ms(-day)), Ok(()), "the deployment was awake yesterday");
    }

    #[test]
    fn a_vouched_clock_is_believed_until_the_next_step() {
        let (wrong, right) = (EpochMs::clamped(2_000_000_000_000), EpochMs::clamped(1_900_000_000_000));
        let mut guard = ClockGuard::new(wrong, 0);
        assert_eq!(guard.log(right, wrong, wrong), Err(ClockFault::FarFromLast));
        guard.accept(right, 10);
        assert_eq!(guard.log(right, wrong, wrong), Ok(()));
        assert_eq!(guard.process(wrong, 20), Err(ClockFault::Stepped));
        assert_eq!(
            guard.log(right, wrong, wrong),
            Err(ClockFault::FarFromLast),
            "whose word was for another time"
        );
    }
}
