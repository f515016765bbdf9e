//! Everything that reads bytes from outside, fed with bytes that are nearly right: nothing may end the program.
//!
//! More than a million inputs in every run, about a hundred times as many under `QINLIAN_TESTS=full`. `tlog::parsers` has
//! the formats of the tree, `src/cli/import/split/tests.rs` how a file of clock-ins becomes lines.

mod calls;
mod corpus;
pub(crate) mod engine;
mod formats;
mod outside;
mod requests;
mod tokens;

use crate::support::scale;
use engine::{Food, try_feed};

/// Every decoder, and how many inputs it gets in every run and before a release.
pub(crate) const DECODERS: &[(&str, usize, usize)] = &[
    ("requests", 320_000, 32_000_000),
    ("tokens", 50_000, 5_000_000),
    ("claims", 20_000, 2_000_000),
    ("thumbprints", 40_000, 4_000_000),
    ("support_ids", 40_000, 4_000_000),
    ("enrolment_codes", 60_000, 6_000_000),
    ("challenges", 60_000, 6_000_000),
    ("texts", 120_000, 12_000_000),
    ("page_tokens", 40_000, 4_000_000),
    ("leaves", 60_000, 6_000_000),
    ("facts", 40_000, 4_000_000),
    ("manifests", 20_000, 2_000_000),
    ("configurations", 6_000, 600_000),
    ("jwks", 4_000, 400_000),
    ("cursors", 30_000, 3_000_000),
    ("import_rows", 4_000, 400_000),
    ("headers", 30_000, 3_000_000),
    ("times", 30_000, 3_000_000),
];

/// What `tlog::parsers` feeds in every run: twice 10,000 to each of nine parsers, 10,000 more to that of policies, and 20,000
/// bundles.
const IN_TLOG: usize = 210_000;

/// How many inputs a decoder gets now.
fn count_of(decoder: &str) -> usize {
    let (_, ci, full) = DECODERS.iter().find(|(name, ..)| *name == decoder).expect(decoder);
    scale(*ci, *full)
}

#[test]
fn every_run_feeds_a_million_inputs() {
    let ci: usize = DECODERS.iter().map(|(_, ci, _)| ci).sum();
    assert!(ci + IN_TLOG >= 1_000_000, "{ci} and {IN_TLOG}");
}

/// The control: decoders with a mistake in them, of the kinds that this is here to find.
#[test]
fn a_decoder_that_does_not_survive_is_caught_and_the_input_is_named() {
    type Planted = (&'static str, fn(&[u8]) -> bool);
    let planted: [Planted; 4] = [
        ("an index beyond the end", |bytes| {
            let length = usize::from(bytes.first().copied().unwrap_or_default());
            bytes.is_empty() || bytes[length.min(200)] == 0
        }),
        ("a cut in the middle of a character", |bytes| {
            let text = String::from_utf8_lossy(bytes);
            text.len() < 8 || !text[..7].is_empty()
        }),
        ("a number that is too large", |bytes| {
            let eight = bytes.first_chunk::<8>().copied().unwrap_or_default();
            i64::try_from(u64::from_be_bytes(eight)).expect("a count") >= 0
        }),
        ("what is written is not what was read", |bytes| {
            assert_eq!(String::from_utf8_lossy(bytes).as_bytes(), bytes);
            true
        }),
    ];
    let found = planted.map(|(name, decode)| {
        let food = Food { name: "planted", good: vec![vec![0; 16]], pieces: &[b"\xe4\xb8\xad"], most: 5 };
        (name, try_feed(&food, 10_000, 7, decode), try_feed(&food, 10_000, 7, decode))
    });
    for (name, caught, again) in found {
        let said = caught.clone().expect_err(name);
        assert!(said.contains("of seed 7; for tests/vectors/fuzz/planted.txt: "), "{said}");
        assert_eq!(caught, again, "{name}: one seed, one answer");
    }
}
