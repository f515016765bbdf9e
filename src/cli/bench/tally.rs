//! Calls of one kind that are timed alone: how many a second, how long they took, and why some were refused.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::load::LONGEST_US;
use super::report::median;

/// Calls of one kind.
#[derive(Debug, Default, Serialize)]
pub(super) struct Figure {
    /// Acknowledged a second, one figure per round.
    pub(super) rounds: Vec<f64>,
    pub(super) per_second: f64,
    pub(super) acknowledged: u64,
    pub(super) p50_us: u64,
    pub(super) p99_us: u64,
    pub(super) max_us: u64,
    /// Calls that were refused, by reason. They are in no other figure.
    pub(super) refused: BTreeMap<String, u64>,
}

/// What a call was answered: does it send citizens elsewhere, or why was it refused?
pub(super) struct Answered {
    pub(super) took: Duration,
    pub(super) outcome: Result<bool, String>,
}

/// Calls of one kind, over the rounds.
pub(super) struct Tally {
    /// In this round.
    pub(super) time: Duration,
    acknowledged: u64,
    rounds: Vec<f64>,
    all: u64,
    latency: Histogram<u64>,
    refused: BTreeMap<String, u64>,
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            time: Duration::ZERO,
            acknowledged: 0,
            rounds: Vec::new(),
            all: 0,
            latency: Histogram::new_with_bounds(1, LONGEST_US, 3)?,
            refused: BTreeMap::new(),
        })
    }

    /// One more call.
    pub(super) fn note(&mut self, answer: Answered) -> anyhow::Result<()> {
        match answer.outcome {
            Ok(_) => {
                self.acknowledged += 1;
                let took = u64::try_from(answer.took.as_micros())?;
                self.latency.saturating_record(took.clamp(1, LONGEST_US));
            }
            Err(reason) => *self.refused.entry(reason).or_default() += 1,
        }
        Ok(())
    }

    /// What counts from now on belongs to the next round.
    #[expect(clippy::cast_precision_loss, reason = "fewer calls than 2^53")]
    pub(super) fn end_round(&mut self) {
        self.rounds.push(self.acknowledged as f64 / self.time.as_secs_f64());
        self.all += self.acknowledged;
        (self.time, self.acknowledged) = (Duration::ZERO, 0);
    }

    /// What came of it.
    pub(super) fn figure(self) -> Figure {
        let at =
            |quantile| if self.latency.is_empty() { 0 } else { self.latency.value_at_quantile(quantile) };
        Figure {
            per_second: median(self.rounds.clone()),
            acknowledged: self.all,
            p50_us: at(0.5),
            p99_us: at(0.99),
            max_us: self.latency.max(),
            rounds: self.rounds,
            refused: self.refused,
        }
    }
}
