//! The figures, for people and for programs.

use std::borrow::Cow;
use std::fmt::Write;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::load::{Load, Measured};
use super::open::Rate;

/// What was measured of one contender under one load.
#[derive(Debug)]
pub(super) struct Row {
    contender: &'static str,
    callers: usize,
    connections: usize,
    /// Clock-ins in an upload; 0 for one by one.
    upload: usize,
    /// The rate that was asked for; none in a closed loop.
    rate: Option<Rate>,
    /// Calls a second that were to be sent, in the middle round.
    offered: Option<f64>,
    /// Acknowledged clock-ins a second, one figure per round.
    rates: Vec<f64>,
    latency: Quantiles,
    /// Acknowledged clock-ins in the time that counts.
    acknowledged: u64,
    /// Acknowledged in all, and counted in the database.
    stored: u64,
    /// Calls that were told to come again.
    shed: u64,
    shed_latency: Quantiles,
}

/// Where latencies lie, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Quantiles {
    calls: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

impl Quantiles {
    fn of(all: &Histogram<u64>) -> Self {
        let at = |quantile| if all.is_empty() { 0 } else { all.value_at_quantile(quantile) };
        Self { calls: all.len(), p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: all.max() }
    }

    fn json(self) -> Value {
        json!({
            "calls": self.calls, "p50_us": self.p50, "p90_us": self.p90, "p99_us": self.p99,
            "p99_9_us": self.p999, "max_us": self.max,
        })
    }
}

/// A log that was verified from its bundle.
#[derive(Debug)]
pub(super) struct Verified {
    /// How many entries.
    pub(super) entries: u64,
    /// How long it took, on one core.
    pub(super) seconds: f64,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Servers under load.
    pub(super) rows: Vec<Row>,
    /// The bundle of the log that had grown.
    pub(super) verified: Option<Verified>,
}

/// The middle one; of two middle ones the lower.
pub(super) fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

/// What a contender is compared with, by name, and what that tells.
const COMPARED: [(&str, &str, &str); 4] = [
    ("ledger", "baseline", "the ledger against plain rows"),
    ("ledger", "ledger, one by one", "group commit against one entry per commit"),
    ("whole server", "baseline", "the whole server against plain rows"),
    ("young log", "grown log", "what a clock-in costs in a grown log, against a young one"),
];

impl Row {
    /// From the rounds.
    pub(super) fn of(contender: &'static str, load: Load, rate: Option<Rate>, rounds: &[Measured]) -> Self {
        let all = |of: fn(&Measured) -> &Histogram<u64>| {
            let mut all: Option<Histogram<u64>> = None;
            for round in rounds {
                match &mut all {
                    None => all = Some(of(round).clone()),
                    // The same bounds everywhere: it always fits.
                    Some(all) => drop(all.add(of(round))),
                }
            }
            all.as_ref().map(Quantiles::of).unwrap_or_default()
        };
        Self {
            contender,
            callers: load.callers,
            connections: load.connections,
            upload: load.upload,
            rate,
            offered: rate.map(|_| median(rounds.iter().filter_map(|round| round.offered).collect())),
            rates: rounds.iter().map(Measured::rate).collect(),
            latency: all(|round| &round.latency),
            acknowledged: rounds.iter().map(|round| round.acknowledged).sum(),
            stored: rounds.iter().map(|round| round.stored).sum(),
            shed: rounds.iter().map(|round| round.shed).sum(),
            shed_latency: all(|round| &round.shed_latency),
        }
    }

    /// Acknowledged clock-ins a second, in the middle round.
    fn median(&self) -> f64 {
        median(self.rates.clone())
    }
}

/// Every ratio that two rows of one load give: what it tells, callers, the ratio.
fn ratios(rows: &[Row]) -> Vec<(Cow<'static, str>, usize, f64)> {
    let mut ratios = Vec::new();
    for row in rows {
        let of = |contender: &str| {
            let same = |other: &&Row| other.callers == row.callers && other.connections == row.connections;
            let closed = |other: &&Row| other.rate.is_none() && other.contender == contender;
            rows.iter().filter(same).find(closed)
        };
        let Some(rate) = row.rate else {
            let compared = COMPARED.into_iter().filter(|(name, ..)| *name == row.contender);
            let found = compared.filter_map(|(_, with, tells)| Some((tells, of(with)?)));
            ratios.extend(
                found.map(|(tells, other)| (tells.into(), row.callers, row.median() / other.median())),
            );
            continue;
        };
        if let Some(peak) = of(row.contender) {
            let tells = format!("{} at {rate} against its closed loop", row.contender);
            let rounds = row.rates.iter().zip(&peak.rates).map(|(open, closed)| open / closed);
            ratios.push((tells.into(), row.callers, median(rounds.collect())));
        }
    }
    ratios
}

/// A table.
pub(super) fn table(report: &Report) -> String {
    let rows = &report.rows;
    let mut text = String::from(
        "callers  conn  server                offered/s  stored/s      median        90 %        99 %      99.9 %         max      shed  shed 99 %\n",
    );
    for row in rows {
        let offered = row.offered.map_or_else(|| "closed".to_owned(), |rate| format!("{rate:.0}"));
        let at = &row.latency;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:>7} {:>5}  {:<20} {:>10} {:>9.0} {:>8.2} ms {:>8.2} ms {:>8.2} ms {:>8.2} ms {:>8.2} ms {:>9} {:>7.2} ms",
            row.callers,
            row.connections,
            row.contender,
            offered,
            row.median(),
            millis(at.p50),
            millis(at.p90),
            millis(at.p99),
            millis(at.p999),
            millis(at.max),
            row.shed,
            millis(row.shed_latency.p99),
        );
    }
    text.push('\n');
    for (tells, callers, ratio) in ratios(rows) {
        let _ = writeln!(text, "{callers:>7}  {tells}: {ratio:.2}");
    }
    if let Some(Verified { entries, seconds }) = report.verified {
        let _ = writeln!(text, "\nverified {entries} entries offline in {seconds:.1} s on one core");
    }
    text.truncate(text.trim_end().len());
    text
}

/// Milliseconds.
#[expect(clippy::cast_precision_loss, reason = "at most a minute")]
pub(super) fn millis(us: u64) -> f64 {
    us as f64 / 1_000.0
}

/// JSON.
pub(super) fn json(report: &Report) -> String {
    let rows = &report.rows;
    let measured: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "server": row.contender, "callers": row.callers, "connections": row.connections,
                "loop": if row.rate.is_some() { "open" } else { "closed" }, "offered_per_second": row.offered,
                "upload": row.upload, "per_second": row.median(), "rounds": row.rates,
                "p50_us": row.latency.p50, "p99_us": row.latency.p99, "calls": row.latency.calls,
                "latency": row.latency.json(), "acknowledged": row.acknowledged, "stored": row.stored,
                "shed": row.shed, "shed_latency": row.shed_latency.json(),
            })
        })
        .collect();
    let ratios: Vec<_> = ratios(rows)
        .into_iter()
        .map(|(tells, callers, ratio)| json!({ "ratio": &*tells, "callers": callers, "value": ratio }))
        .collect();
    let verified = report
        .verified
        .as_ref()
        .map(|verified| json!({ "entries": verified.entries, "seconds": verified.seconds }));
    json!({ "measured": measured, "ratios": ratios, "verified": verified }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_round_decides() {
        for (rounds, middle) in
            [(vec![3.0], 3.0), (vec![9.0, 1.0, 5.0], 5.0), (vec![4.0, 2.0], 2.0), (vec![], 0.0)]
        {
            assert!((median(rounds) - middle).abs() < f64::EPSILON);
        }
    }

    fn row(contender: &'static str, callers: usize, rate: Option<Rate>, rates: &[f64]) -> Row {
        Row {
            contender,
            callers,
            connections: 4,
            upload: 0,
            rate,
            offered: None,
            rates: rates.to_vec(),
            latency: Quantiles::default(),
            acknowledged: 1,
            stored: 1,
            shed: 0,
            shed_latency: Quantiles::default(),
        }
    }

    #[test]
    fn ratios_compare_what_had_the_same_load() {
        let rows = [
            row("baseline", 64, None, &[100.0]),
            row("ledger", 64, None, &[80.0]),
            row("ledger", 256, None, &[90.0]),
        ];
        let found = ratios(&rows);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found.iter().all(|(_, callers, ratio)| *callers == 64 && (ratio - 0.8).abs() < 1e-9));
    }

    #[test]
    fn what_is_left_of_the_peak_is_told_round_by_round() {
        let twice = Some(Rate::Times(2.0));
        let rows = [
            row("ledger", 64, None, &[100.0, 50.0, 10.0]),
            // 0.9, 0.8 and 1.0: of the middle rounds alone it would be 0.8.
            row("ledger", 64, twice, &[90.0, 40.0, 10.0]),
            row("baseline", 64, twice, &[90.0]),
        ];
        let found = ratios(&rows);
        assert_eq!(found.len(), 1, "{found:?}");
        let (tells, callers, ratio) = found.first().unwrap();
        assert_eq!((&**tells, *callers), ("ledger at 2x against its closed loop", 64));
        assert!((ratio - 0.9).abs() < 1e-9, "{ratio}");
    }
}
