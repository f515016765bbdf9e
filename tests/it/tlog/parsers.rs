//! No bytes end the program, and what is read is what was written: for every parser of the module.

use std::fmt::Display;

use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};
use qinlian::tlog::{
    AddCheckpoint, Checkpoint, Cosigner, Edge, Hash, Latest, Note, NoteSignature, NoteSigner, Policy, Tile,
    TlogProof, VerifierKey, WitnessedLog, decode_bundle, parse_cosignature_key,
};

use super::trees::Tree;
use crate::support::scale;

/// Runs a property with the same numbers in every run.
pub(crate) fn check<S: Strategy>(cases: usize, strategy: &S, test: impl Fn(S::Value) -> TestCaseResult) {
    let config =
        Config { cases: u32::try_from(cases).unwrap(), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    if let Err(error) = runner.run(strategy, test) {
        panic!("{error}");
    }
}

/// One change to a text.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// Turns bits of a byte.
    Turn(prop::sample::Index, u8),
    /// Leaves out a few bytes.
    Drop(prop::sample::Index, usize),
    /// Says a few bytes twice.
    Repeat(prop::sample::Index, usize),
    /// Puts a piece of the dictionary in.
    Insert(prop::sample::Index, prop::sample::Index),
}

/// Up to so many changes; none at all is one of the cases.
pub(crate) fn edits(most: usize) -> impl Strategy<Value = Vec<Edit>> {
    let at = any::<prop::sample::Index>;
    let edit = prop_oneof![
        (at(), 1..=255_u8).prop_map(|(at, bits)| Edit::Turn(at, bits)),
        (at(), 1..40_usize).prop_map(|(at, n)| Edit::Drop(at, n)),
        (at(), 1..60_usize).prop_map(|(at, n)| Edit::Repeat(at, n)),
        (at(), at()).prop_map(|(at, piece)| Edit::Insert(at, piece)),
    ];
    prop::collection::vec(edit, 0..=most)
}

/// A text after the changes, with what is no longer UTF-8 replaced.
pub(crate) fn mutate(text: &str, edits: &[Edit], pieces: &[&str]) -> String {
    String::from_utf8_lossy(&mutate_bytes(text.as_bytes(), edits, pieces)).into_owned()
}

fn mutate_bytes(start: &[u8], edits: &[Edit], pieces: &[&str]) -> Vec<u8> {
    let mut bytes = start.to_vec();
    for edit in edits {
        let (Edit::Turn(at, _) | Edit::Drop(at, _) | Edit::Repeat(at, _) | Edit::Insert(at, _)) = edit;
        let at = at.index(bytes.len() + 1);
        match edit {
            Edit::Turn(_, bits) => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bits;
                }
            }
            Edit::Drop(_, n) => drop(bytes.drain(at..bytes.len().min(at + n))),
            Edit::Repeat(_, n) => {
                let again = bytes[at..bytes.len().min(at + n)].to_vec();
                bytes.splice(at..at, again);
            }
            Edit::Insert(_, piece) => {
                bytes.splice(at..at, piece.get(pieces).bytes());
            }
        }
    }
    bytes
}

const PIECES: &[&str] = &[
    "\n",
    "\n\n",
    " ",
    "\t",
    "\r",
    "\0",
    "\u{85}",
    "\u{2003}",
    "+",
    "/",
    "=",
    "#",
    "\u{2014} ",
    "0",
    "00",
    "-1",
    "18446744073709551615",
    "18446744073709551616",
    "4611686018427387905",
    "AAAA",
    "c2sp.org/tlog-proof@v1\n",
    "extra ",
    "index ",
    "old ",
    "none",
    "all",
    "any",
    "group ",
    "quorum ",
    "witness ",
    "log ",
    "tile/",
    ".p/0",
    "entries/",
    "x000/",
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
];

fn signer() -> NoteSigner {
    NoteSigner::ed25519("log.example", SigningKey::from_bytes(&[1; 32])).unwrap()
}

fn witness() -> Cosigner {
    Cosigner::new("witness.example", SigningKey::from_bytes(&[2; 32])).unwrap()
}

/// A signed and cosigned checkpoint of thirteen entries.
fn checkpoint() -> String {
    let text = Checkpoint::new("log.example", 13, Tree::of(13).root(13)).to_text();
    signer().sign(&text).note(&text) + &witness().cosign(&text, 1_700_000_000).unwrap().line()
}

fn proof() -> String {
    let hashes = Tree::of(13).inclusion(5, 13);
    TlogProof { extra: Some(b"where from".to_vec()), index: 5, hashes, checkpoint: checkpoint() }.to_string()
}

fn request() -> String {
    let proof = Tree::of(13).consistency(6, 13);
    AddCheckpoint { old_size: 6, proof, checkpoint: checkpoint() }.to_string()
}

fn policy() -> String {
    let (log, one) = (signer().verifier_key().to_string(), witness().key().vkey().to_string());
    format!("# trust\nlog {log} https://log.example\nwitness W {one}\n\tgroup G  any W\nquorum G\n")
}

/// Reads texts and bytes, changed and random; answers how many of the changed ones were still good. `read` panics, or
/// fails, where it should not.
fn survives(good: &str, read: impl Fn(&str) -> Result<bool, TestCaseError>) -> usize {
    assert!(read(good).unwrap(), "the sample itself is not read:\n{good}");
    let accepted = std::cell::Cell::new(0);
    check(scale(10_000, 200_000), &edits(4), |edits| {
        let changed = read(&mutate(good, &edits, PIECES))?;
        accepted.set(accepted.get() + usize::from(changed));
        Ok(())
    });
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 0..30);
    let soup = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80)
            .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        pieces.prop_map(|pieces| pieces.concat()),
    ];
    check(scale(10_000, 200_000), &soup, |text| read(&text).map(|_| ()));
    accepted.get()
}

/// What was read writes the text that it was read from.
fn exact<T: Display, E>(read: Result<T, E>, text: &str) -> Result<bool, TestCaseError> {
    let Ok(value) = read else { return Ok(false) };
    prop_assert_eq!(value.to_string(), text);
    Ok(true)
}

#[test]
fn notes_and_their_lines_are_read_without_a_panic() {
    let keys = [signer().verifier_key().clone()];
    let accepted = survives(&checkpoint(), |text| {
        if let Ok(note) = Note::parse(text) {
            let _ = note.verify(&keys).map(Checkpoint::parse);
            let _ = witness().key().verify(&note);
        }
        exact(Note::parse(text), text)
    });
    assert!(accepted > 100, "{accepted}");
    let line = signer().sign("text\n").line();
    survives(line.trim_end(), |text| {
        exact(NoteSignature::parse(text).map(|s| s.line()), &format!("{text}\n"))
    });
}

#[test]
fn verifier_keys_are_read_without_a_panic() {
    let accepted =
        survives(&signer().verifier_key().to_string(), |text| exact(VerifierKey::parse(text), text));
    assert!(accepted > 100, "{accepted}");
    survives(&witness().key().vkey().to_string(), |text| {
        exact(parse_cosignature_key(text).map(|key| key.vkey().clone()), text)
    });
}

#[test]
fn checkpoints_are_read_without_a_panic() {
    let good = format!("{}an extension\n", Checkpoint::new("log.example", 13, Hash([9; 32])).to_text());
    let accepted = survives(&good, |text| exact(Checkpoint::parse(text).map(|c| c.to_text()), text));
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn tile_paths_are_read_without_a_panic() {
    let accepted = survives("tile/0/x001/234.p/17", |text| exact(Tile::parse(text), text));
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn proofs_are_read_without_a_panic_and_only_the_true_one_holds() {
    let (key, leaf) = (signer().verifier_key().clone(), Tree::of(13).leaf_hash(5));
    let good = proof();
    let accepted = survives(&good, |text| {
        let read = TlogProof::parse(text);
        if let Ok(read) = &read
            && let Ok(checkpoint) = read.verify(leaf, &key)
        {
            // `extra` is nobody's word and may be anything; unknown signatures may come and go.
            prop_assert_eq!((checkpoint.size, read.index), (13, 5));
            prop_assert_eq!(&read.hashes, &TlogProof::parse(&good).unwrap().hashes);
        }
        exact(read, text)
    });
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn requests_to_a_witness_are_read_without_a_panic_and_only_the_true_one_is_cosigned() {
    let latest = Latest { size: 6, root: Tree::of(13).root(6) };
    let log = WitnessedLog { keys: vec![signer().verifier_key().clone()], latest };
    let accepted = survives(&request(), |text| {
        let read = AddCheckpoint::parse(text);
        if let Ok(read) = &read {
            let _ = (read.origin(), read.decide(None));
            if read.decide(Some(&log)).status() == 200 {
                prop_assert_eq!(&read.proof, &Tree::of(13).consistency(6, 13));
            }
        }
        exact(read, text)
    });
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn policies_are_read_without_a_panic() {
    let note = Note::parse(&checkpoint()).unwrap();
    let accepted = survives(&policy(), |text| {
        let Ok(policy) = Policy::parse(text) else { return Ok(false) };
        let _ = policy.is_witnessed(&note);
        Ok(true)
    });
    assert!(accepted > 100, "{accepted}");
    let octets = prop::collection::vec(any::<u8>(), 0..200);
    check(scale(10_000, 200_000), &octets, |octets| {
        let _ = Policy::parse(octets);
        Ok(())
    });
    // The policy that accepts everything would pass the above; this one is not met.
    assert_eq!(Policy::parse(policy()).unwrap().is_witnessed(&note), Ok(true));
    let other = signer().sign("other\n").note("other\n");
    assert_eq!(Policy::parse(policy()).unwrap().is_witnessed(&Note::parse(&other).unwrap()), Ok(false));
}

#[test]
fn bundles_and_edges_are_read_without_a_panic() {
    let good = qinlian::tlog::encode_bundle(["one".as_bytes(), b"", b"three", &[0; 300]]).unwrap();
    let octets = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        edits(3).prop_map(move |edits| mutate_bytes(&good, &edits, &["\0\0", "\0\u{1}x", "\u{7f}"])),
    ];
    // Sizes of few bits, so that some edges have as many hashes as they need.
    let sizes = prop_oneof![any::<u64>(), (0..64_u32, 0..64_u32).prop_map(|(a, b)| 1 << a | 1 << b)];
    let (bundles, edges) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    check(scale(20_000, 200_000), &(octets, sizes), |(octets, size)| {
        if let Ok(entries) = decode_bundle(&octets) {
            prop_assert_eq!(qinlian::tlog::encode_bundle(entries).unwrap(), octets.clone());
            bundles.set(bundles.get() + 1);
        }
        let hashes = octets.len() / 32 * 32;
        for bytes in [&octets[..], &octets[..hashes.min(64)]] {
            if let Ok(mut edge) = Edge::from_bytes(size, bytes) {
                prop_assert_eq!(edge.to_bytes(), bytes);
                let _ = (edge.root(), edge.nodes().count(), edge.push(Hash([0; 32]), &mut |_, _| ()));
                edges.set(edges.get() + 1);
            }
        }
        Ok(())
    });
    assert!(bundles.get() > 1000 && edges.get() > 1000, "{} and {}", bundles.get(), edges.get());
}
