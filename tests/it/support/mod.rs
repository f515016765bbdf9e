//! What tests share: how many rounds to run, a clock to move, and the two databases.
//!
//! The only place in the tests that reads the environment:
//! `QINLIAN_TESTS=full` runs the long counts, `QINLIAN_CI=1` (set by `.ci/run`) forbids skipping, and `QINLIAN_TEST_PG`
//! names a running PostgreSQL server instead of one that the tests start for themselves. `QINLIAN_FUZZ_SEED` is the number
//! that mutated inputs are made from.

pub(crate) mod authority;
pub(crate) mod chromium;
pub(crate) mod dice;
pub(crate) mod frames;
pub(crate) mod lines;
pub(crate) mod office;
pub(crate) mod page;
pub(crate) mod postgres;
pub(crate) mod schema;
pub(crate) mod source;
pub(crate) mod statics;
pub(crate) mod store;
pub(crate) mod told;

use std::sync::Arc;

use qinlian::clock::MockClock;
use qinlian::kernel::EpochMs;

/// Monday 2026-03-02, 08:00 in Shanghai: a working day that has not begun.
pub(crate) const MORNING: EpochMs = EpochMs::clamped(1_772_409_600_000);

/// How often to repeat: `ci` in every run, `full` under `QINLIAN_TESTS=full`.
pub(crate) fn scale(ci: usize, full: usize) -> usize {
    scale_for(setting("QINLIAN_TESTS").as_deref(), ci, full)
}

fn scale_for(setting: Option<&str>, ci: usize, full: usize) -> usize {
    if setting == Some("full") { full } else { ci }
}

/// Is this the run of `.ci/run`? Then nothing may be skipped.
pub(crate) fn in_ci() -> bool {
    setting("QINLIAN_CI").as_deref() == Some("1")
}

/// The number that mutated inputs are made from: always the same one, unless the environment names another.
pub(crate) fn fuzz_seed() -> u64 {
    let named = setting("QINLIAN_FUZZ_SEED");
    named.map_or(20_261_102, |text| text.parse().expect("QINLIAN_FUZZ_SEED is a number"))
}

/// A clock at [`MORNING`] that only the test moves, with random bytes that only depend on `seed`.
pub(crate) fn clock(seed: u64) -> Arc<MockClock> {
    Arc::new(MockClock::new(MORNING, seed))
}

/// Says something even when the test passes and its output is swallowed.
pub(crate) fn say_aloud(line: &str) {
    use std::io::Write;
    // The handle, not the macro: the harness captures only the macro. Nobody is helped by a failure to say it.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[expect(clippy::disallowed_methods, reason = "the one place where tests read the environment")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

mod tests {
    use qinlian::clock::{Clock, random};

    use super::*;

    #[test]
    fn counts_are_small_unless_the_full_ones_are_asked_for() {
        assert_eq!(scale_for(None, 3, 300), 3);
        assert_eq!(scale_for(Some("quick"), 3, 300), 3);
        assert_eq!(scale_for(Some("full"), 3, 300), 300);
        assert!([3, 300].contains(&scale(3, 300)));
    }

    #[test]
    fn two_clocks_of_one_seed_are_the_same_clock() {
        let (one, two) = (clock(1), clock(1));
        assert_eq!(one.now(), MORNING);
        assert_eq!(random::<8>(&*one), random::<8>(&*two));
        assert_ne!(random::<8>(&*clock(2)), random::<8>(&*clock(1)));
    }
}
