//! What the ledger counts of its commits: no log, no entry, nobody who sent a command.

use std::borrow::Cow;
use std::sync::atomic::{AtomicI64, Ordering};

use super::ledger::Ledger;
use super::port::Rulebook;
use crate::kernel::{Count, EpochMs, Figure, Figures, Kind, Series, Spread, Value, number};

/// What the committer counts.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) seconds: Spread,
    pub(super) entries: Spread,
    pub(super) stored: Count,
    pub(super) in_doubt: Count,
    pub(super) given_up: Count,
    pub(super) faults: Count,
    /// When the newest entry of any log was recorded, as far as this replica knows; 0 before it knows of any.
    newest_ms: AtomicI64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            seconds: Spread::of_times(),
            entries: Spread::of_sizes(),
            stored: Count::default(),
            in_doubt: Count::default(),
            given_up: Count::default(),
            faults: Count::default(),
            newest_ms: AtomicI64::new(0),
        }
    }
}

impl Tally {
    /// A head whose last entry was recorded then.
    pub(super) fn head(&self, last: EpochMs) {
        self.newest_ms.fetch_max(last.get(), Ordering::Relaxed);
    }

    fn commits(&self) -> Vec<Series> {
        let outcomes = [
            ("stored", &self.stored),
            ("in_doubt", &self.in_doubt),
            ("given_up", &self.given_up),
            ("fault", &self.faults),
        ];
        outcomes.map(|(outcome, count)| series("outcome", outcome, Value::Count(count.get()))).into()
    }
}

fn series(label: &'static str, value: &'static str, is: Value) -> Series {
    Series { labels: vec![(label, Cow::Borrowed(value))], value: is }
}

impl<R: Rulebook> Figures for Ledger<R> {
    fn figures(&self) -> Vec<Figure> {
        let tally = self.tally();
        let (live, bulk) = self.waiting();
        let depth = |lane, waiting: usize| {
            let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
            series("lane", lane, Value::Level(number(waiting)))
        };
        let newest = EpochMs::clamped(tally.newest_ms.load(Ordering::Relaxed));
        let age_ms = u64::try_from(self.clock().now().since(newest)).unwrap_or(0);
        let bad = u64::try_from(self.health().bad_heads().len()).unwrap_or(u64::MAX);
        let ready = u64::from(self.health().ready());
        vec![
            Figure::spread(
                "qinlian_commit_seconds",
                "How long commits took that stored something",
                &tally.seconds,
            ),
            Figure::spread("qinlian_commit_entries", "Entries that a commit stored", &tally.entries),
            Figure::of(
                "qinlian_commits",
                "Attempts to commit, by how they ended",
                Kind::Count,
                tally.commits(),
            ),
            Figure::of(
                "qinlian_queue_commands",
                "Commands that wait for their commit, by lane",
                Kind::Level,
                vec![depth("live", live), depth("bulk", bulk)],
            ),
            Figure::level(
                "qinlian_head_age_seconds",
                "Since the newest entry of any log was recorded, as far as this replica knows",
                number(age_ms) / 1_000.0,
            ),
            Figure::level("qinlian_heads_set_aside", "Logs whose head fails its check", number(bad)),
            Figure::level("qinlian_ready", "1 when this replica may be asked, else 0", number(ready)),
        ]
    }
}
