//! The fold, the naive way: everything in memory, one entry after the other, no chunks. Written from the rules of the
//! fold alone; it shares the toy's rules with the real one, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use qinlian::kernel::{EpochMs, LogId, Pos};
use qinlian::results::{AsOf, Body, Derivation, Key, Moment};

use super::history::{Dump, History, Revised};
use super::toy::{self, Row, Rows, Toy};

/// What a wrong fold would do: the negative control of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// None.
    None,
    /// Waits fire after the entry, as if it had been there at their threshold.
    WaitsSeeTheEntry,
    /// Waits fire at the time of the entry, not at their own.
    WaitsFireLate,
    /// Deployment entries are noticed only when something else touches a key.
    DeploymentIgnored,
    /// A revision for every derivation.
    RevisionsWithoutChange,
}

struct Naive<'a> {
    toy: &'a Toy,
    log: LogId,
    rows: &'a Rows,
    bug: Bug,
    waits: BTreeSet<(String, i64, Key)>,
    newest: BTreeMap<Key, Body>,
    revised: Vec<Revised>,
}

/// Folds a history.
pub(super) fn fold(toy: &Toy, log: LogId, history: &History, bug: Bug) -> Dump {
    let rows = Rows { own: rows(&history.own), deployed: rows(&history.deployed) };
    let mut naive = Naive {
        toy,
        log,
        rows: &rows,
        bug,
        waits: BTreeSet::new(),
        newest: BTreeMap::new(),
        revised: Vec::new(),
    };
    let mut place = AsOf::ZERO;
    let mut now = 0;
    for (pos, line) in history.own.iter().enumerate() {
        let cause = (Pos::new(u64::try_from(pos).unwrap()), line.op.kind());
        while place.deployment.get() < line.deployment {
            let number = usize::try_from(place.deployment.get()).unwrap();
            let foreign = &history.deployed[number];
            now = now.max(foreign.at.min(line.at));
            let after = AsOf { deployment: place.deployment.next(), ..place };
            naive.step(&Toy::entry(LogId::DEPLOYMENT, number, foreign), cause, now, place, after);
            place = after;
        }
        now = now.max(line.at);
        let after = AsOf { pos: cause.0.next(), ..place };
        naive.step(&Toy::entry(log, pos, line), cause, now, place, after);
        place = after;
    }
    Dump::new(naive.revised, naive.waits)
}

fn rows(lines: &[toy::Line]) -> Vec<Row> {
    let rows = (0..).zip(lines);
    rows.map(|(pos, line)| Row { pos: Pos::new(pos), at: line.at, op: line.op }).collect()
}

impl Naive<'_> {
    fn step(
        &mut self,
        entry: &qinlian::results::FoldEntry,
        cause: (Pos, u16),
        now: i64,
        before: AsOf,
        after: AsOf,
    ) {
        while let Some((threshold, key)) = self.first("time", now) {
            let state = if self.bug == Bug::WaitsSeeTheEntry { after } else { before };
            let at = if self.bug == Bug::WaitsFireLate { now } else { threshold };
            self.derive(&key, cause, at, state, &BTreeMap::new());
        }
        let touched = self.toy.touched(self.log, entry, EpochMs::ZERO..=entry.recorded);
        let reached: BTreeMap<String, i64> =
            touched.advances.iter().map(|(clock, value)| (clock.as_str().to_owned(), *value)).collect();
        while let Some((_, key)) = reached.iter().filter_map(|(clock, value)| self.first(clock, *value)).min()
        {
            self.derive(&key, cause, now, after, &reached);
        }
        if self.bug == Bug::DeploymentIgnored && entry.log == LogId::DEPLOYMENT {
            return;
        }
        let ranges = touched.ranges.iter().flat_map(|range| toy::expand(self.rows, range, after));
        let keys: Vec<Key> = touched.keys.into_iter().chain(ranges).collect();
        for key in keys {
            self.derive(&key, cause, now, after, &reached);
        }
    }

    /// The first wait of a clock up to a value, by threshold and key.
    fn first(&self, clock: &str, until: i64) -> Option<(i64, Key)> {
        let waits = self.waits.iter().filter(|(of, threshold, _)| of == clock && *threshold <= until);
        waits.map(|(_, threshold, key)| (*threshold, key.clone())).min()
    }

    fn derive(
        &mut self,
        key: &Key,
        cause: (Pos, u16),
        at: i64,
        as_of: AsOf,
        reached: &BTreeMap<String, i64>,
    ) {
        let moment = Moment { log: self.log, as_of, at: EpochMs::clamped(at) };
        let derived = self.toy.derive(self.rows, key, &moment);
        self.waits.retain(|(_, _, of)| of != key);
        for wait in derived.waits {
            let (clock, threshold) = (wait.clock.as_str(), wait.threshold);
            let passed =
                if wait.clock.is_time() { at } else { reached.get(clock).copied().unwrap_or(i64::MIN) };
            if threshold > passed {
                self.waits.insert((clock.to_owned(), threshold, key.clone()));
            }
        }
        let known = self.newest.get(key);
        let unchanged = match known {
            Some(known) => *known == derived.body,
            None => derived.body == Body::Nothing,
        };
        if unchanged && self.bug != Bug::RevisionsWithoutChange {
            return;
        }
        let count = |wanted: &dyn Fn(&Revised) -> bool| {
            1 + i64::try_from(self.revised.iter().filter(|revised| wanted(revised)).count()).unwrap()
        };
        let seq = count(&|revised| revised.key.room == key.room);
        let revision = count(&|revised| revised.key == *key);
        let (pos, kind) = (cause.0.column(), i64::from(cause.1));
        let (key_of, body) = (key.clone(), derived.body.clone());
        self.revised.push(Revised { seq, pos, key: key_of, revision, body, kind });
        self.newest.insert(key.clone(), derived.body);
    }
}
