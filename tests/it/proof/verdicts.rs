//! What the offline verifier says of bundles that somebody worked on, and whom it blames.

use qinlian::kernel::EpochMs;
use qinlian::ledger::bundle::{FileLine, Manifest, PartHere, PartsReader, encode_parts};
use qinlian::ledger::leaf::Leaf;
use qinlian::ledger::verify::{Options, verify};
use qinlian::tlog::{
    Checkpoint, Cosigner, Edge, Hash, Note, NoteSigner, Policy, Tile, decode_bundle, encode_bundle,
    leaf_hash, tiles_of,
};

use super::rig::{Bundle, Rig, first_bad, key_of, keys, verdict};
use super::toy::Toy;
use crate::support::store::Fixture;

/// Somebody who forges a bundle writes a MANIFEST to match.
fn remanifest(bundle: &mut Bundle) {
    let mut manifest = Manifest::parse(std::str::from_utf8(&bundle["MANIFEST"]).unwrap()).unwrap();
    let files = bundle.iter().filter(|(path, _)| *path != "MANIFEST");
    manifest.files = files.map(|(path, bytes)| (path.clone(), FileLine::of(bytes))).collect();
    bundle.insert("MANIFEST".to_owned(), manifest.render().into_bytes());
}

fn leaves(bundle: &Bundle) -> Vec<Vec<u8>> {
    let mut paths: Vec<&String> = bundle.keys().filter(|path| path.starts_with("tile/entries/")).collect();
    paths.sort();
    let entries = paths.into_iter().flat_map(|path| decode_bundle(&bundle[path]).unwrap());
    entries.map(<[u8]>::to_vec).collect()
}

/// Writes entries and every hash above them anew, as somebody who has everything but the log's key would.
fn rewrite(bundle: &mut Bundle, leaves: &[Vec<u8>]) {
    bundle.retain(|path, _| !path.starts_with("tile/"));
    let size = u64::try_from(leaves.len()).unwrap();
    let mut nodes = std::collections::HashMap::new();
    let mut edge = Edge::new();
    for leaf in leaves {
        edge.push(leaf_hash(leaf), &mut |node, hash| {
            nodes.insert((node.level, node.index), hash);
        })
        .unwrap();
    }
    for tile in tiles_of(size) {
        let level = tile.level.unwrap() * 8;
        let first = tile.index * 256;
        let hashes = (first..first + u64::from(tile.width)).flat_map(|index| nodes[&(level, index)].0);
        bundle.insert(tile.to_string(), hashes.collect());
        if level == 0 {
            let first = usize::try_from(first).unwrap();
            let some = &leaves[first..first + usize::from(tile.width)];
            let path = Tile { level: None, ..tile }.to_string();
            bundle.insert(path, encode_bundle(some.iter().map(Vec::as_slice)).unwrap());
        }
    }
}

fn root_of(leaves: &[Vec<u8>]) -> Hash {
    let mut edge = Edge::new();
    for leaf in leaves {
        edge.push(leaf_hash(leaf), &mut |_, _| ()).unwrap();
    }
    edge.root()
}

fn signed(leaves: &[Vec<u8>]) -> String {
    let signer = NoteSigner::ed25519(key_of("hall").name(), keys().log().clone()).unwrap();
    let size = u64::try_from(leaves.len()).unwrap();
    let text = Checkpoint::new(key_of("hall").name(), size, root_of(leaves)).to_text();
    signer.sign(&text).note(&text)
}

/// Replaces the parts of one entry.
fn set_parts(bundle: &mut Bundle, index: usize, parts: &[PartHere<'_>]) {
    let bytes = bundle["parts/000"].clone();
    let mut reader = PartsReader::new(&bytes);
    let mut written = Vec::new();
    for at in 0.. {
        if reader.is_empty() {
            break;
        }
        let own = reader.entry().unwrap();
        encode_parts(&mut written, if at == index { parts } else { &own });
    }
    bundle.insert("parts/000".to_owned(), written);
}

/// The facts part of one entry.
fn facts_of(parts: &[u8], index: usize) -> PartHere<'_> {
    let mut reader = PartsReader::new(parts);
    let entries: Vec<_> = (0..=index).map(|_| reader.entry().unwrap()).collect();
    entries[index][0]
}

/// 300 notes in commits of 60, an erasure and a read: in the bundle are the checkpoints of 240 and 302.
async fn honest() -> (Fixture, Bundle) {
    let fixture = Fixture::sqlite().await;
    let rig = Rig::new(&fixture).await;
    rig.fill(300, 60).await;
    rig.erase(&[(9, 1)]).await;
    let disclosure = rig.disclosure().await;
    let bundle = rig.bundle(Some(&disclosure), &[]).await;
    rig.stop().await;
    (fixture, bundle)
}

type Forge = fn(&mut Bundle);

#[tokio::test]
async fn the_first_bad_entry_is_named_with_its_field() {
    let cases: [(&str, Forge, Option<u64>, &str, &str); 15] = [
        ("nothing", |_| (), None, "", ""),
        (
            "a byte of a leaf's commitment",
            |b| b.get_mut("tile/entries/000").unwrap()[2 + 60] ^= 1,
            Some(0),
            "leaf",
            "the hash that stands in the tile",
        ),
        (
            "a byte of a leaf's claimed time",
            |b| b.get_mut("tile/entries/000").unwrap()[2 + 24] ^= 1,
            Some(0),
            "leaf",
            "",
        ),
        (
            "a hash in a tile",
            |b| b.get_mut("tile/0/000").unwrap()[32 * 77] ^= 1,
            Some(77),
            "tile/0/000",
            "signed root",
        ),
        (
            "a hash in a partial tile",
            |b| b.get_mut("tile/0/001.p/46").unwrap()[32 * 45] ^= 1,
            Some(301),
            "tile/0/001.p/46",
            "signed root",
        ),
        (
            "a hash of an upper tile",
            |b| b.get_mut("tile/1/000.p/1").unwrap()[3] ^= 1,
            Some(0),
            "tile/1/000.p/1",
            "[0, 256)",
        ),
        (
            "two entries swapped",
            |b| {
                let mut all = leaves(b);
                all.swap(100, 101);
                rewrite(b, &all);
            },
            Some(100),
            "leaf.index",
            "says that it is entry 101",
        ),
        (
            "an entry taken out of the middle",
            |b| {
                let mut all = leaves(b);
                all.remove(50);
                let last = all[0].clone();
                all.push(last);
                rewrite(b, &all);
            },
            Some(50),
            "leaf.index",
            "says that it is entry 51",
        ),
        (
            "a part's payload",
            |b| set_parts(b, 7, &[PartHere::Here { salt: [0; 32], payload: b"forged" }]),
            Some(7),
            "parts[0]",
            "not what the leaf commits to",
        ),
        ("destroyed", |b| set_parts(b, 8, &[PartHere::Gone]), Some(8), "parts[0]", "destroyed evidence"),
        (
            "resurrected",
            |b| {
                let bytes = b["parts/000"].clone();
                let facts = facts_of(&bytes, 9);
                set_parts(b, 9, &[facts, PartHere::Here { salt: [1; 32], payload: b"Zhang San" }]);
            },
            Some(9),
            "parts[1]",
            "",
        ),
        (
            "resurrected and left out",
            |b| {
                let bytes = b["parts/000"].clone();
                let facts = facts_of(&bytes, 9);
                set_parts(b, 9, &[facts, PartHere::Withheld]);
            },
            Some(9),
            "parts[1]",
            "resurrected",
        ),
        ("facts left out", |b| set_parts(b, 8, &[PartHere::Withheld]), Some(8), "parts[0]", "never left out"),
        (
            "a part too many",
            |b| set_parts(b, 8, &[PartHere::Gone, PartHere::Gone]),
            Some(8),
            "parts",
            "number of parts",
        ),
        (
            "a checkpoint that another key signed",
            |b| {
                let stranger = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
                let signer = NoteSigner::ed25519(key_of("hall").name(), stranger).unwrap();
                let note = Note::parse(std::str::from_utf8(&b["checkpoint"]).unwrap()).unwrap();
                let forged = signer.sign(note.unverified_text()).note(note.unverified_text());
                b.insert("checkpoint".to_owned(), forged.into_bytes());
            },
            None,
            "checkpoint",
            "untrusted checkpoint",
        ),
    ];
    let (fixture, honest) = honest().await;
    for (case, forge, index, field, why) in cases {
        let mut bundle = honest.clone();
        forge(&mut bundle);
        remanifest(&mut bundle);
        let report = verdict(&bundle);
        assert_eq!(first_bad(&report), (index, field.to_owned()), "{case}");
        let said = report.first_bad.map(|bad| bad.why).unwrap_or_default();
        assert!(said.contains(why), "{case}: {said}");
        assert_eq!(report.verified, field.is_empty(), "{case}");
    }
    fixture.end().await;
}

#[tokio::test]
async fn an_honest_erasure_is_counted_and_accepted() {
    let (fixture, honest) = honest().await;
    let report = verdict(&honest);
    assert_eq!((report.verified, report.erased, report.withheld), (true, 1, 0));
    fixture.end().await;
}

/// Somebody rewrites an entry, its part and every hash above it, but has no key: the checkpoints that were signed before
/// and after it tell where.
#[tokio::test]
async fn a_rewritten_history_is_located_between_two_checkpoints() {
    let (fixture, honest) = honest().await;
    for (index, from, until) in [(5, 0, 240), (239, 0, 240), (240, 240, 302), (301, 240, 302)] {
        let mut bundle = honest.clone();
        let mut all = leaves(&bundle);
        let mut leaf = Leaf::decode(&all[index]).unwrap();
        leaf.claimed = Some(EpochMs::clamped(1));
        all[index] = leaf.encode();
        rewrite(&mut bundle, &all);
        remanifest(&mut bundle);
        let report = verdict(&bundle);
        assert_eq!(first_bad(&report), (Some(from), "root".to_owned()), "{index}");
        let why = report.first_bad.unwrap().why;
        assert!(why.contains(&format!("[{from}, {until})")), "{index}: {why}");
    }
    fixture.end().await;
}

/// With the key as well, a shorter log is a log: only what somebody else remembers gives it away.
#[tokio::test]
async fn a_cut_tail_shows_against_a_checkpoint_that_was_seen_before_and_against_nothing_else() {
    let fixture = Fixture::sqlite().await;
    let rig = Rig::new(&fixture).await;
    rig.fill(20, 1).await;
    let shorter = rig.bundle(None, &[]).await;
    rig.fill(5, 1).await;
    let longer = rig.bundle(None, &[]).await;
    let checkpoint = |bundle: &Bundle| String::from_utf8(bundle["checkpoint"].clone()).unwrap();
    let mut options = Options::new(vec![key_of("hall")]);
    assert!(verify(&shorter, &options, &Toy).verified, "a shorter log is a log");
    for (case, bundle, since, why) in [
        ("grown", &longer, checkpoint(&shorter), None),
        ("the same", &longer, checkpoint(&longer), None),
        ("cut", &shorter, checkpoint(&longer), Some("log cut short: it has 20 entries")),
        ("no checkpoint", &longer, "rubbish".to_owned(), Some("untrusted checkpoint")),
        ("forked", &longer, signed(&vec![b"other".to_vec(); 12]), Some("the checkpoint seen before")),
    ] {
        options.since = Some(since);
        let report = verify(bundle, &options, &Toy);
        let said = report.first_bad.map(|bad| bad.why);
        match why {
            None => assert_eq!(said, None, "{case}"),
            Some(why) => assert!(said.as_ref().unwrap().contains(why), "{case}: {said:?}"),
        }
    }
    rig.stop().await;
    fixture.end().await;
}

#[tokio::test]
async fn only_the_keys_that_the_verifier_brings_count() {
    let (fixture, honest) = honest().await;
    for (case, keys) in [("none", vec![]), ("another log's", vec![key_of("_")])] {
        let bad = verify(&honest, &Options::new(keys), &Toy).first_bad.unwrap();
        assert!(bad.why.contains("untrusted checkpoint"), "{case}: {}", bad.why);
    }
    fixture.end().await;
}

/// The witness's clock brackets every entry: T' < recorded ≤ T, give or take the skew.
#[tokio::test]
async fn an_entry_that_was_dated_out_of_its_bracket_is_named() {
    let fixture = Fixture::sqlite().await;
    let rig = Rig::new(&fixture).await;
    rig.fill(10, 1).await;
    let bundle = rig.bundle(None, &[]).await;
    let recorded: Vec<i64> =
        leaves(&bundle).iter().map(|leaf| Leaf::decode(leaf).unwrap().recorded.get() / 1_000).collect();
    let witness =
        Cosigner::new("witness.example/w1", ed25519_dalek::SigningKey::from_bytes(&[5; 32])).unwrap();
    let policy = Policy::parse(format!("witness w {}\nquorum w\n", witness.key().vkey())).expect("a policy");
    let hour = 3_600;
    for (case, at, outcome) in [
        ("in time", (0, 0), None),
        ("the witness's clock is four minutes off", (4 * 60, -4 * 60), None),
        (
            "back-dated: the witness saw the tree without entry 6 an hour after its time",
            (hour, hour + 60),
            Some((6, "back-dated")),
        ),
        (
            "post-dated: the witness saw the tree with entry 6 an hour before its time",
            (-hour, -hour),
            Some((0, "post-dated")),
        ),
    ] {
        let mut bundle = rig.bundle(None, &[]).await;
        for (size, shift) in [(6_usize, at.0), (10, at.1)] {
            let all = leaves(&bundle);
            let note = signed(&all[..size]);
            let time = u64::try_from(recorded[size - 1] + shift).unwrap();
            let line = witness.cosign(Note::parse(&note).unwrap().unverified_text(), time).unwrap().line();
            bundle.insert(format!("checkpoints/{size}"), format!("{note}{line}").into_bytes());
        }
        let newest = bundle["checkpoints/10"].clone();
        bundle.insert("checkpoint".to_owned(), newest);
        remanifest(&mut bundle);
        let mut options = Options::new(vec![key_of("hall")]);
        options.policy = Some(policy.clone());
        let report = verify(&bundle, &options, &Toy);
        let found = report.first_bad.as_ref().map(|bad| (bad.index.unwrap(), bad.why.clone()));
        match outcome {
            None => assert_eq!((found, report.witnessed_until.is_some()), (None, true), "{case}"),
            Some((index, why)) => {
                let (at, said) = found.unwrap();
                assert_eq!(at, index, "{case}: {said}");
                assert!(said.contains(why), "{case}: {said}");
            }
        }
    }
    let mut options = Options::new(vec![key_of("hall")]);
    options.policy = Some(policy);
    let bad = verify(&bundle, &options, &Toy).first_bad.unwrap();
    assert!(bad.why.contains("untrusted checkpoint"), "nobody cosigned: {}", bad.why);
    rig.stop().await;
    fixture.end().await;
}
