//! Where the times lie that something took.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::load::LONGEST_US;
use super::report::millis;

/// Times.
#[derive(Debug, Clone)]
pub(super) struct Times(Histogram<u64>);

/// Where they lie, in microseconds.
#[derive(Debug, Default, Serialize)]
pub(super) struct Spread {
    told: u64,
    p50_us: u64,
    p99_us: u64,
    max_us: u64,
}

impl Times {
    /// None yet.
    pub(super) fn none() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new_with_bounds(1, LONGEST_US, 3)?))
    }

    /// One more.
    pub(super) fn note(&mut self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(LONGEST_US);
        self.0.saturating_record(took.clamp(1, LONGEST_US));
    }

    /// Where they lie.
    pub(super) fn spread(&self) -> Spread {
        let at = |quantile| if self.0.is_empty() { 0 } else { self.0.value_at_quantile(quantile) };
        Spread { told: self.0.len(), p50_us: at(0.5), p99_us: at(0.99), max_us: self.0.max() }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [p50, p99, max] = [self.p50_us, self.p99_us, self.max_us].map(millis);
        write!(f, "median {p50:>8.2} ms  99 % {p99:>8.2} ms  max {max:>8.2} ms")
    }
}
