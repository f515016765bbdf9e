//! Large bundles: one pass, one file in memory.

use std::path::Path;

use ed25519_dalek::SigningKey;
use qinlian::clock::{Clock, SystemClock};
use qinlian::kernel::{EpochMs, RequestId};
use qinlian::ledger::bundle::{EpochLine, FileLine, Manifest, PartHere, encode_parts, parts_path};
use qinlian::ledger::leaf::{Leaf, PartType};
use qinlian::ledger::part::{Salt, commit};
use qinlian::ledger::verify::{Folder, Options, verify};
use qinlian::tlog::{Checkpoint, Edge, Hash, NoteSigner, Tile, encode_bundle, leaf_hash};

use super::toy::{NOTE, Toy};
use crate::support::{say_aloud, scale};

const ORIGIN: &str = "test.example/large";
const FACTS: &[u8] = br#"{"text":"a punch is about as long as this one is","erases":[],"deployment_size":2}"#;

/// Writes the bundle of a log that never was in a database, and its MANIFEST.
struct Writer<'a> {
    folder: &'a Path,
    manifest: Manifest,
    signer: NoteSigner,
    edge: Edge,
    /// By level from 1: the tile that is not full yet, and its number.
    upper: Vec<(u64, Vec<u8>)>,
}

impl<'a> Writer<'a> {
    fn new(folder: &'a Path) -> Self {
        let signer = NoteSigner::ed25519(ORIGIN, SigningKey::from_bytes(&[1; 32])).unwrap();
        Self { folder, manifest: Manifest::default(), signer, edge: Edge::new(), upper: Vec::new() }
    }

    fn file(&mut self, path: &str, bytes: &[u8]) {
        let at = self.folder.join(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, bytes).unwrap();
        self.manifest.files.insert(path.to_owned(), FileLine::of(bytes));
    }

    fn checkpoint(&mut self) -> String {
        let text = Checkpoint::new(ORIGIN, self.edge.size(), self.edge.root()).to_text();
        self.signer.sign(&text).note(&text)
    }

    fn chunk(&mut self, n: u64, count: u64) {
        let (mut leaves, mut hashes, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for index in n * 256..n * 256 + count {
            let salt = [u8::try_from(index % 251).unwrap(); 32];
            let part = |part_type, payload| commit(&Salt(salt), part_type, 0x11, payload);
            let leaf = Leaf {
                kind: NOTE,
                index,
                recorded: EpochMs::clamped(1_772_409_600_000 + index.cast_signed()),
                claimed: None,
                request_id: RequestId::random(u128::from(index).to_be_bytes()),
                refers_to: None,
                parts: vec![part(PartType::Facts, FACTS), part(PartType::Personal, b"badge 0012345678")],
            }
            .encode();
            let here = |payload| PartHere::Here { salt, payload };
            encode_parts(&mut parts, &[here(FACTS), here(b"badge 0012345678")]);
            hashes.push(leaf_hash(&leaf));
            leaves.push(leaf);
        }
        for hash in &hashes {
            self.push(*hash);
        }
        let width = u16::try_from(count).unwrap();
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        self.file(&Tile { level: Some(0), index: n, width }.to_string(), &bytes);
        let entries = encode_bundle(leaves.iter().map(Vec::as_slice)).unwrap();
        self.file(&Tile { level: None, index: n, width }.to_string(), &entries);
        self.file(&parts_path(n), &parts);
        let (size, note) = (self.edge.size(), self.checkpoint());
        self.file(&format!("checkpoints/{size}"), note.as_bytes());
    }

    fn push(&mut self, leaf: Hash) {
        let mut full = Vec::new();
        let upper = &mut self.upper;
        let pushed = self.edge.push(leaf, &mut |node, hash| {
            let level = usize::from(node.level / 8);
            if level > 0 && node.level % 8 == 0 {
                upper.resize(upper.len().max(level), (0, Vec::new()));
                let (index, hashes) = &mut upper[level - 1];
                hashes.extend_from_slice(&hash.0);
                if hashes.len() == 8_192 {
                    full.push((level, *index, std::mem::take(hashes)));
                    *index += 1;
                }
            }
        });
        pushed.unwrap();
        for (level, index, hashes) in full {
            self.tile(level, index, &hashes);
        }
    }

    fn tile(&mut self, level: usize, index: u64, hashes: &[u8]) {
        let width = u16::try_from(hashes.len() / 32).unwrap();
        let tile = Tile { level: Some(u8::try_from(level).unwrap()), index, width };
        self.file(&tile.to_string(), hashes);
    }

    fn end(mut self) -> Options {
        for (level, (index, hashes)) in (1..).zip(std::mem::take(&mut self.upper)) {
            if !hashes.is_empty() {
                self.tile(level, index, &hashes);
            }
        }
        let note = self.checkpoint();
        self.file("checkpoint", note.as_bytes());
        let (key, size) = (self.signer.verifier_key().clone(), self.edge.size());
        self.manifest.epochs.push(EpochLine {
            epoch: 1,
            origin: ORIGIN.to_owned(),
            key: key.to_string(),
            base: 0,
            size,
            parts: size * 2,
            withheld: 0,
            gone: 0,
        });
        std::fs::write(self.folder.join("MANIFEST"), self.manifest.render()).unwrap();
        Options::new(vec![key])
    }
}

/// How long it takes is said, and judged by people: README, "Measured".
#[test]
fn a_large_bundle_verifies_from_a_folder() {
    let entries = u64::try_from(scale(20_000, 1_000_000)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(folder.path());
    for n in 0..entries.div_ceil(256) {
        writer.chunk(n, (entries - n * 256).min(256));
    }
    let options = writer.end();
    let clock = SystemClock::new();
    let report = verify(&Folder(folder.path().to_owned()), &options, &Toy);
    let took_ms = clock.monotonic_ms().max(1);
    assert_eq!((report.first_bad, report.entries), (None, entries));
    say_aloud(&format!("verified {entries} entries in {took_ms} ms: {} a second", entries * 1_000 / took_ms));
}
