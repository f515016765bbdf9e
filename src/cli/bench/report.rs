//! The figures, for people and for programs.

use std::fmt::Write;

use serde_json::json;

use super::load::{Load, Measured};

/// What was measured of one contender under one load.
#[derive(Debug)]
pub(super) struct Row {
    contender: &'static str,
    callers: usize,
    connections: usize,
    /// Calls a second, one figure per round.
    rates: Vec<f64>,
    p50_us: u64,
    p99_us: u64,
    calls: u64,
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
fn median(mut of: Vec<f64>) -> f64 {
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
    pub(super) fn of(contender: &'static str, load: Load, rounds: &[Measured]) -> Self {
        let mut latency: Option<hdrhistogram::Histogram<u64>> = None;
        for round in rounds {
            match &mut latency {
                None => latency = Some(round.latency.clone()),
                // The same bounds everywhere: it always fits.
                Some(all) => drop(all.add(&round.latency)),
            }
        }
        let at = |quantile| latency.as_ref().map_or(0, |all| all.value_at_quantile(quantile));
        Self {
            contender,
            callers: load.callers,
            connections: load.connections,
            rates: rounds.iter().map(Measured::rate).collect(),
            p50_us: at(0.5),
            p99_us: at(0.99),
            calls: rounds.iter().map(|round| round.calls).sum(),
        }
    }

    fn rate(&self) -> f64 {
        median(self.rates.clone())
    }
}

/// Every ratio that two rows of one load give: what it tells, callers, the ratio.
fn ratios(rows: &[Row]) -> Vec<(&'static str, usize, f64)> {
    let mut ratios = Vec::new();
    for row in rows {
        for (name, with, tells) in COMPARED {
            let other = rows.iter().find(|other| other.contender == with && other.callers == row.callers);
            if let Some(other) = other.filter(|_| row.contender == name) {
                ratios.push((tells, row.callers, row.rate() / other.rate()));
            }
        }
    }
    ratios
}

/// A table.
pub(super) fn table(report: &Report) -> String {
    let rows = &report.rows;
    let mut text =
        String::from("callers  server                 per second    median       99 %      calls\n");
    for row in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:>7}  {:<20} {:>12.0} {:>6.2} ms {:>7.2} ms {:>10}",
            row.callers,
            row.contender,
            row.rate(),
            millis(row.p50_us),
            millis(row.p99_us),
            row.calls
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

#[expect(clippy::cast_precision_loss, reason = "at most a minute")]
fn millis(us: u64) -> f64 {
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
                "per_second": row.rate(), "rounds": row.rates, "p50_us": row.p50_us, "p99_us": row.p99_us,
                "calls": row.calls,
            })
        })
        .collect();
    let ratios: Vec<_> = ratios(rows)
        .into_iter()
        .map(|(tells, callers, ratio)| json!({ "ratio": tells, "callers": callers, "value": ratio }))
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

    #[test]
    fn ratios_compare_what_had_the_same_load() {
        let row = |contender, callers, rate| Row {
            contender,
            callers,
            connections: 4,
            rates: vec![rate],
            p50_us: 1,
            p99_us: 1,
            calls: 1,
        };
        let rows = [row("baseline", 64, 100.0), row("ledger", 64, 80.0), row("ledger", 256, 90.0)];
        let found = ratios(&rows);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found.iter().all(|(_, callers, ratio)| *callers == 64 && (ratio - 0.8).abs() < 1e-9));
    }
}
