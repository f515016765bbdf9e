//! Time and randomness: the only caller of `now` and of the system's randomness.
//!
//! Everything else takes a [`Clock`]; tests move a [`MockClock`], and two runs of the same commands under the
//! same mock give the same bytes.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::kernel::EpochMs;

/// More than this apart, two clocks disagree: 2 s.
pub const CLOCK_TOLERANCE_MS: i64 = 2_000;

/// Where time and randomness come from.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The wall clock.
    fn now(&self) -> EpochMs;
    /// Milliseconds that only go forward, from an arbitrary start in this process.
    fn monotonic_ms(&self) -> u64;
    /// Fills the buffer with random bytes.
    fn fill(&self, buffer: &mut [u8]);
    /// Is another clock (the database server's) close enough to ours?
    fn agrees_with(&self, other: EpochMs) -> bool;
}

/// Random bytes as an array.
pub fn random<const N: usize>(clock: &dyn Clock) -> [u8; N] {
    let mut bytes = [0; N];
    clock.fill(&mut bytes);
    bytes
}

/// A clock as `governor` reads it.
#[derive(Debug, Clone)]
pub struct Monotonic(Arc<dyn Clock>);

impl Monotonic {
    /// This clock, as it only goes forward.
    pub fn of(clock: &Arc<dyn Clock>) -> Self {
        Self(Arc::clone(clock))
    }
}

impl governor::clock::Clock for Monotonic {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.monotonic_ms())
    }
}

/// Time that passes, finer than a millisecond: for measurements only.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for the time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// The machine's clock and randomness.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    ahead: Mutex<Ahead>,
}

/// Random bytes fetched from the system in one call, for the many small pieces that every command needs.
struct Ahead {
    bytes: [u8; 4_096],
    /// How many, at the end, nobody has had.
    left: usize,
}

impl std::fmt::Debug for Ahead {
    /// Never the bytes: they will be salts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ahead({})", self.left)
    }
}

impl SystemClock {
    /// Starts the monotonic clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for the time")]
    pub fn new() -> Self {
        Self { start: Instant::now(), ahead: Mutex::new(Ahead { bytes: [0; 4_096], left: 0 }) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for the time")]
    fn now(&self) -> EpochMs {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        EpochMs::clamped(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for randomness")]
    #[expect(clippy::expect_used, reason = "without randomness there are no salts: nothing may be stored")]
    fn fill(&self, buffer: &mut [u8]) {
        const SYSTEM: &str = "invariant: the system has randomness";
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let Ahead { bytes, left } = &mut *ahead;
        if buffer.len() > bytes.len() {
            return getrandom::fill(buffer).expect(SYSTEM);
        }
        if *left < buffer.len() {
            getrandom::fill(bytes).expect(SYSTEM);
            *left = bytes.len();
        }
        let from = bytes.len() - *left;
        *left -= buffer.len();
        for (to, byte) in buffer.iter_mut().zip(bytes.iter_mut().skip(from)) {
            // Given once, and nowhere else any more.
            *to = std::mem::take(byte);
        }
    }

    fn agrees_with(&self, other: EpochMs) -> bool {
        self.now().since(other).abs() <= CLOCK_TOLERANCE_MS
    }
}

/// The machine's clock, moved into the past, where time can be let pass at once: for demonstrations.
#[derive(Debug)]
pub struct ShiftedClock {
    system: SystemClock,
    behind_ms: AtomicI64,
    leapt_ms: AtomicU64,
}

impl ShiftedClock {
    /// Begins at `start`, which must lie in the past.
    pub fn begin(start: EpochMs) -> Self {
        let system = SystemClock::new();
        let behind_ms = system.now().since(start).max(0);
        Self { system, behind_ms: AtomicI64::new(behind_ms), leapt_ms: AtomicU64::new(0) }
    }

    /// Lets time pass until `at`, on the wall and for the process alike; never back, never beyond the machine's clock.
    pub fn leap_to(&self, at: EpochMs) {
        let behind = self.behind_ms.load(Ordering::SeqCst);
        let leap = at.since(self.now()).clamp(0, behind.max(0));
        self.behind_ms.fetch_sub(leap, Ordering::SeqCst);
        self.leapt_ms.fetch_add(leap.cast_unsigned(), Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> EpochMs {
        self.system.now().plus_ms(-self.behind_ms.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        self.system.monotonic_ms() + self.leapt_ms.load(Ordering::SeqCst)
    }

    fn fill(&self, buffer: &mut [u8]) {
        self.system.fill(buffer);
    }

    fn agrees_with(&self, other: EpochMs) -> bool {
        self.now().since(other).abs() <= CLOCK_TOLERANCE_MS
    }
}

/// A clock that tests set, and bytes that only depend on the seed and on how many were taken.
#[derive(Debug)]
pub struct MockClock {
    now_ms: AtomicI64,
    monotonic_ms: AtomicU64,
    seed: u64,
    taken: AtomicU64,
}

impl MockClock {
    /// Starts at `now`.
    pub fn new(now: EpochMs, seed: u64) -> Self {
        Self {
            now_ms: AtomicI64::new(now.get()),
            monotonic_ms: AtomicU64::new(0),
            seed,
            taken: AtomicU64::new(0),
        }
    }

    /// Lets time pass.
    pub fn advance_ms(&self, ms: u64) {
        self.now_ms.fetch_add(i64::try_from(ms).unwrap_or(i64::MAX), Ordering::SeqCst);
        self.monotonic_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Sets the wall clock alone, as somebody who turns it would.
    pub fn turn_to(&self, now: EpochMs) {
        self.now_ms.store(now.get(), Ordering::SeqCst);
    }
}

impl Clock for MockClock {
    fn now(&self) -> EpochMs {
        EpochMs::clamped(self.now_ms.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic_ms.load(Ordering::SeqCst)
    }

    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let count = self.taken.fetch_add(1, Ordering::SeqCst);
            let block = Sha256::new()
                .chain_update(self.seed.to_be_bytes())
                .chain_update(count.to_be_bytes())
                .finalize();
            chunk.iter_mut().zip(block.iter()).for_each(|(to, from)| *to = *from);
        }
    }

    fn agrees_with(&self, _other: EpochMs) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mock_gives_the_same_bytes_again_and_never_the_same_twice() {
        let one = MockClock::new(EpochMs::ZERO, 7);
        let two = MockClock::new(EpochMs::ZERO, 7);
        let first: [u8; 40] = random(&one);
        assert_eq!(first, random(&two));
        assert_ne!(first, random::<40>(&one));
    }

    #[test]
    fn a_shifted_clock_leaps_forward_on_the_wall_and_for_the_process_and_never_past_the_present() {
        let machine = SystemClock::new();
        let start = machine.now().plus_ms(-7_200_000);
        let clock = ShiftedClock::begin(start);
        let before = clock.monotonic_ms();
        clock.leap_to(start.plus_ms(3_600_000));
        assert!((3_600_000..3_660_000).contains(&clock.now().since(start)));
        assert!((3_600_000..3_660_000).contains(&(clock.monotonic_ms() - before)));
        clock.leap_to(start);
        assert!(clock.now().since(start) >= 3_600_000, "never back");
        clock.leap_to(EpochMs::MAX);
        assert!(clock.now().since(machine.now()).abs() < 1_000, "never past the present");
    }

    #[test]
    fn a_turned_wall_clock_leaves_the_monotonic_one_alone() {
        let clock = MockClock::new(EpochMs::clamped(5_000), 0);
        clock.advance_ms(10);
        clock.turn_to(EpochMs::ZERO);
        assert_eq!((clock.now(), clock.monotonic_ms()), (EpochMs::ZERO, 10));
    }
}
