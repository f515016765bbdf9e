//! Bytes that are nearly right, and a loop that catches a decoder that does not survive them.
//!
//! Everything depends on one number, which is printed when something fails. `QINLIAN_FUZZ_SEED` puts another in its
//! place. What failed once is added to tests/vectors/fuzz and read again in every run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::corpus::kept;
use crate::support::fuzz_seed;

/// Numbers that only depend on the first (SplitMix64; Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `sides`; 0 of nothing.
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        let sides = u64::try_from(sides.max(1)).expect("64 bits");
        usize::try_from(self.number() % sides).expect("below a usize")
    }

    /// One in so many.
    pub(crate) fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    /// One of these.
    pub(crate) fn of<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        &things[self.below(things.len())]
    }

    /// So many random bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number().to_le_bytes()[0]).collect()
    }
}

/// Longer than this is not made: other tests ask about size.
const LONGEST: usize = 4_096;

/// What a decoder is fed with.
#[derive(Debug)]
pub(crate) struct Food<'a> {
    /// The decoder's name: that of its file in tests/vectors/fuzz, too.
    pub(crate) name: &'a str,
    /// Good inputs.
    pub(crate) good: Vec<Vec<u8>>,
    /// What such inputs are made of.
    pub(crate) pieces: &'a [&'a [u8]],
    /// At most so many changes to a good input.
    pub(crate) most: usize,
}

impl Food<'_> {
    /// The next input: mostly a good one with a few changes, and sometimes anything.
    pub(crate) fn next(&self, chance: &mut Chance) -> Vec<u8> {
        if self.good.is_empty() || chance.one_in(16) {
            let count = chance.below(200);
            return chance.bytes(count);
        }
        let mut bytes = chance.of(&self.good).clone();
        for _ in 0..=chance.below(self.most) {
            self.change(&mut bytes, chance);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn change(&self, bytes: &mut Vec<u8>, chance: &mut Chance) {
        let at = chance.below(bytes.len() + 1);
        let some = 1 + chance.below(24);
        let end = bytes.len().min(at + some);
        match chance.below(9) {
            0 | 1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = *chance.of(&[0, 1, 0x7f, 0x80, 0xff, b'\n', b'"', b'.', b'-']);
                }
            }
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..end)),
            5 => {
                let again = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, again));
            }
            6 => {
                // The head of this one, the tail of another.
                let other = chance.of(&self.good);
                let from = chance.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            7 if !self.pieces.is_empty() => {
                let piece = chance.of(self.pieces).to_vec();
                drop(bytes.splice(at..at, piece));
            }
            _ => {
                let random = chance.bytes(some);
                drop(bytes.splice(at..end, random));
            }
        }
    }
}

/// What came of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) read: usize,
    pub(crate) refused: usize,
}

/// Feeds a decoder with what is kept, and then with `count` inputs. It answers whether it read one, and panics where it
/// should do neither.
pub(crate) fn feed(food: &Food<'_>, count: usize, decode: impl Fn(&[u8]) -> bool) -> Tally {
    match try_feed(food, count, fuzz_seed(), decode) {
        Ok(tally) => tally,
        Err(said) => panic!("{said}"),
    }
}

/// As [`feed`]; the error says which input it was.
pub(crate) fn try_feed(
    food: &Food<'_>,
    count: usize,
    seed: u64,
    decode: impl Fn(&[u8]) -> bool,
) -> Result<Tally, String> {
    for good in &food.good {
        assert!(decode(good), "{}: a good input is not read: {good:?}", food.name);
    }
    let mut tally = Tally::default();
    let mut one = |what: &dyn Fn() -> String, bytes: &[u8]| {
        match catch_unwind(AssertUnwindSafe(|| decode(bytes))) {
            Ok(true) => tally.read += 1,
            Ok(false) => tally.refused += 1,
            Err(_panic) => {
                return Err(format!(
                    "{} did not survive {}; for tests/vectors/fuzz/{}.txt: {}",
                    food.name,
                    what(),
                    food.name,
                    STANDARD.encode(bytes)
                ));
            }
        }
        Ok(())
    };
    for (name, bytes) in kept(food.name) {
        one(&|| format!("the kept input {name:?}"), &bytes)?;
    }
    let mut chance = Chance::new(seed);
    for n in 0..count {
        let bytes = food.next(&mut chance);
        one(&|| format!("input {n} of seed {seed}"), &bytes)?;
    }
    Ok(tally)
}
