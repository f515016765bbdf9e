//! An open loop: calls come at a rate, whatever became of those before. Latency counts from when a call was to be sent: a
//! server that stands still delays every call that was due meanwhile, and that is seen.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use tokio::task::JoinSet;

use super::load::{Call, Load, Measured, WARM_UP, connections};
use super::town::Terminal;
use crate::cli::office::Office;
use crate::clock::{Stopwatch, random};

/// What `--rate` may say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rate {
    /// Calls a second.
    PerSecond(f64),
    /// Times what the closed loop reached, with the same callers and connections.
    Times(f64),
}

impl FromStr for Rate {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, rate): (&str, fn(f64) -> Self) = match text.strip_suffix('x') {
            Some(times) => (times, Self::Times),
            None => (text, Self::PerSecond),
        };
        match number.parse::<f64>() {
            Ok(number) if (0.01..=1_000_000.0).contains(&number) => Ok(rate(number)),
            Ok(_) | Err(_) => bail!("calls a second, or 2x for twice what the closed loop reaches"),
        }
    }
}

impl Display for Rate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSecond(rate) => write!(f, "{rate}"),
            Self::Times(times) => write!(f, "{times}x"),
        }
    }
}

impl Rate {
    /// Calls a second, when the closed loop reached so many.
    pub(super) fn of(self, peak: f64) -> f64 {
        match self {
            Self::PerSecond(rate) => rate,
            Self::Times(times) => (times * peak).max(1.0),
        }
    }
}

/// How calls are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Arrivals {
    /// At equal distances.
    Constant,
    /// As people come: each for itself.
    Poisson,
}

impl Arrivals {
    /// The time to the next call. `chance` is evenly spread.
    fn gap(self, rate: f64, chance: u32) -> Duration {
        let factor = match self {
            Self::Constant => 1.0,
            // Between 0 and 1, and never 0.
            Self::Poisson => -((f64::from(chance) + 1.0) / (f64::from(u32::MAX) + 1.0)).ln(),
        };
        Duration::from_secs_f64(factor / rate)
    }
}

/// Waits until a call is due. The timer knows milliseconds: what is nearer is sent at once, and counts from when it was due.
pub(super) async fn sleep_until(watch: Stopwatch, due: Duration) {
    let early = due.saturating_sub(watch.elapsed());
    if early > Duration::from_millis(1) {
        tokio::time::sleep(early).await;
    }
}

/// Puts load on a server, the terminals in turn.
pub(super) async fn run(
    office: &Arc<Office>,
    port: u16,
    terminals: &mut [Terminal],
    load: Load,
    rate: f64,
    arrivals: Arrivals,
) -> anyhow::Result<Measured> {
    let channels = connections(port, load).await?;
    let mut measured = Measured { offered: Some(rate), ..Measured::none(load.time)? };
    let mut calls = JoinSet::new();
    let watch = Stopwatch::start();
    let (mut due, mut number) = (Duration::ZERO, 0);
    while due < WARM_UP + load.time {
        sleep_until(watch, due).await;
        let terminal = terminals.get_mut(number % load.callers).context("no terminal")?;
        let channel = channels.get(number % channels.len()).context("no connection")?;
        let call = Call::of(terminal, office, load.upload);
        let client = terminal.client(channel);
        calls.spawn(async move { anyhow::Ok((due, call.send(client).await?, watch.elapsed())) });
        while let Some(ended) = calls.try_join_next() {
            let (due, answer, answered) = ended??;
            measured.note(answer, due, answered);
        }
        due += arrivals.gap(rate, u32::from_be_bytes(random(&*office.clock)));
        number += 1;
    }
    while let Some(ended) = calls.join_next().await {
        let (due, answer, answered) = ended??;
        measured.note(answer, due, answered);
    }
    Ok(measured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_absolute_or_relative_to_the_peak() {
        for (text, wanted) in [("1000", Some(1_000.0)), ("2x", Some(200.0)), ("0.5x", Some(50.0))] {
            assert_eq!(text.parse::<Rate>().ok().map(|rate| rate.of(100.0)), wanted, "{text}");
        }
        for text in ["", "x", "0", "-1", "fast", "NaN", "inf"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn people_come_on_average_as_often_as_a_clock_strikes() {
        let chances = (0..1_000_u32).map(|n| n * (u32::MAX / 1_000));
        let all: f64 = chances.map(|chance| Arrivals::Poisson.gap(10.0, chance).as_secs_f64()).sum();
        assert!((all / 1_000.0 - 0.1).abs() < 0.005, "{all}");
        assert_eq!(Arrivals::Constant.gap(10.0, 7), Duration::from_millis(100));
    }
}
