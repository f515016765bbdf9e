//! Figures that a room keeps about itself, and how it tells them: counts, levels, and how values spread.
//!
//! A room keeps plain numbers and knows nothing of who reads them. The value of a label is a word of the program, or
//! stands in a list that is made when the program starts: nothing that somebody sends becomes one.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Who keeps figures.
pub trait Figures: std::fmt::Debug + Send + Sync {
    /// All of them, as they are now. The names are always the same.
    fn figures(&self) -> Vec<Figure>;
}

/// How a figure behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from nought when the process starts.
    Count,
    /// Goes up and down.
    Level,
    /// How often a value was below each of a few bounds.
    Spread,
}

/// One figure, with all its series.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// In lower case with underscores; without the `_total` that a count gets when it is written.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// One without labels, or as many as there are values of them.
    pub series: Vec<Series>,
}

/// One number of a figure, or one spread.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Names and values.
    pub labels: Vec<(&'static str, Cow<'static, str>)>,
    /// What it is now.
    pub value: Value,
}

/// What a series is now.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// How often.
    Count(u64),
    /// How much.
    Level(f64),
    /// How often in all, the sum, and how often between each bound and the one before it; the last bound is infinite.
    Spread {
        /// How often.
        count: u64,
        /// Of all values.
        sum: f64,
        /// Bound, and how often.
        buckets: Vec<(f64, u64)>,
    },
}

impl Figure {
    /// A count without labels.
    pub fn count(name: &'static str, help: &'static str, count: &Count) -> Self {
        Self::one(name, help, Kind::Count, Value::Count(count.get()))
    }

    /// A level without labels.
    pub fn level(name: &'static str, help: &'static str, level: f64) -> Self {
        Self::one(name, help, Kind::Level, Value::Level(level))
    }

    /// A spread without labels.
    pub fn spread(name: &'static str, help: &'static str, spread: &Spread) -> Self {
        Self::one(name, help, Kind::Spread, spread.value())
    }

    /// A figure of several series.
    pub fn of(name: &'static str, help: &'static str, kind: Kind, series: Vec<Series>) -> Self {
        Self { name, help, kind, series }
    }

    fn one(name: &'static str, help: &'static str, kind: Kind, value: Value) -> Self {
        Self { name, help, kind, series: vec![Series { labels: Vec::new(), value }] }
    }
}

/// Something that is counted.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more. In no order with anything else.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Something of which there is more or less.
#[derive(Debug, Default)]
pub struct Level(AtomicU64);

impl Level {
    /// One more.
    pub fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// So much.
    pub fn set(&self, level: u64) {
        self.0.store(level, Ordering::Relaxed);
    }

    /// How much.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How values spread: how many were at most each bound.
#[derive(Debug)]
pub struct Spread {
    /// In what is counted.
    bounds: &'static [u64],
    /// How many of what is counted make one of what is told.
    per: u32,
    /// One for each bound, and one for what is above them all.
    buckets: Vec<Count>,
    sum: AtomicU64,
}

/// From 1 ms to 10 s, in microseconds.
const TIMES: &[u64] = &[
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000,
];
/// Powers of two up to a full tile.
const SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

impl Spread {
    /// Of times; told in seconds.
    pub fn of_times() -> Self {
        Self::new(TIMES, 1_000_000)
    }

    /// Of how many there are of something, up to 256.
    pub fn of_sizes() -> Self {
        Self::new(SIZES, 1)
    }

    fn new(bounds: &'static [u64], per: u32) -> Self {
        let buckets = std::iter::repeat_with(Count::default).take(bounds.len() + 1).collect();
        Self { bounds, per, buckets, sum: AtomicU64::new(0) }
    }

    /// One more value.
    pub fn add(&self, value: u64) {
        let at = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        if let Some(bucket) = self.buckets.get(at) {
            bucket.add();
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// One more time.
    pub fn add_time(&self, time: Duration) {
        self.add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    fn value(&self) -> Value {
        let told = |counted| number(counted) / f64::from(self.per);
        let bounds = self.bounds.iter().map(|bound| told(*bound)).chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(self.buckets.iter().map(Count::get)).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        Value::Spread { count, sum: told(self.sum.load(Ordering::Relaxed)), buckets }
    }
}

/// A whole number as a level: exact up to 2^53.
pub fn number(whole: u64) -> f64 {
    const HALF: u64 = 1 << 32;
    let half = |part: u64| f64::from(u32::try_from(part).unwrap_or(u32::MAX));
    half(whole / HALF) * 4_294_967_296.0 + half(whole % HALF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_under_the_first_bound_that_it_does_not_exceed() {
        let spread = Spread::of_sizes();
        for value in [0, 1, 2, 3, 256, 257] {
            spread.add(value);
        }
        let Value::Spread { count, sum, buckets } = spread.value() else { panic!("a spread") };
        assert_eq!((count, sum.to_bits()), (6, 519.0_f64.to_bits()));
        let counts: Vec<u64> = buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 1, 1, 0, 0, 0, 0, 0, 1, 1]);
        assert!(buckets.last().unwrap().0.is_infinite());
    }

    #[test]
    fn times_are_told_in_seconds() {
        let spread = Spread::of_times();
        spread.add_time(Duration::from_millis(1_500));
        let Value::Spread { sum, buckets, .. } = spread.value() else { panic!("a spread") };
        assert_eq!(sum.to_bits(), 1.5_f64.to_bits());
        assert_eq!(buckets.iter().find(|(_, count)| *count == 1).unwrap().0.to_bits(), 2.5_f64.to_bits());
    }

    #[test]
    fn whole_numbers_stay_whole() {
        for (whole, level) in
            [(0, 0.0), (7, 7.0), (1 << 32, 4_294_967_296.0), ((1 << 53) - 1, 9_007_199_254_740_991.0)]
        {
            assert_eq!(number(whole).to_bits(), f64::to_bits(level), "{whole}");
        }
    }
}
