//! A bundle is judged by Go's `sumdb/note` and `sumdb/tlog`, through a small program of ours (`tests/go/verify`).
//!
//! Wanted: `go`, and the sources of `golang.org/x/mod` where Debian's `golang-golang-x-mod-dev` puts them. Where they
//! are missing the tests say so aloud; in CI they fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ed25519_dalek::SigningKey;
use qinlian::tlog::{Checkpoint, Cosigner, NodeId, NoteSigner, Tile, encode_bundle, tiles_of};
use tempfile::TempDir;

use super::trees::{Tree, leaf};
use crate::support::{in_ci, say_aloud};

/// Where Debian installs the sources of Go's modules.
const GOPATH: &str = "/usr/share/gocode";

/// What the Go program says of a bundle: `ok N entries`, or what is wrong. Nothing where it cannot be built, which only
/// happens outside CI.
pub(crate) fn go_verify(folder: &Path, vkey: &str) -> Option<Result<String, String>> {
    let output = Command::new(program()?).arg(folder).arg(vkey).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned();
    match output.status.code() {
        Some(0) => Some(Ok(said)),
        Some(1) => Some(Err(said)),
        other => panic!("the Go program ended with {other:?}: {said}"),
    }
}

/// Builds the program once.
fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<(TempDir, PathBuf)>> = OnceLock::new();
    PROGRAM.get_or_init(build).as_ref().map(|(_, program)| program.as_path())
}

fn build() -> Option<(TempDir, PathBuf)> {
    let has_go = Command::new("go").arg("version").output().is_ok_and(|output| output.status.success());
    let has_sources = Path::new(GOPATH).join("src/golang.org/x/mod/sumdb/tlog").is_dir();
    if !has_go || !has_sources {
        let missing = "golang-go and golang-golang-x-mod-dev are needed to check bundles with Go";
        assert!(!in_ci(), "{missing}");
        say_aloud(&format!("SKIPPED: {missing}"));
        return None;
    }
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("verify");
    let output = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go/verify/main.go"))
        .envs([("GO111MODULE", "off"), ("GOPATH", GOPATH), ("GOFLAGS", ""), ("CGO_ENABLED", "0")])
        .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache"))
        .output()
        .unwrap();
    assert!(output.status.success(), "go build: {}", String::from_utf8_lossy(&output.stderr));
    Some((folder, program))
}

const ORIGIN: &str = "gov.example/demo/centre/hall";

fn log() -> NoteSigner {
    NoteSigner::ed25519(ORIGIN, SigningKey::from_bytes(&[1; 32])).unwrap()
}

fn write(folder: &Path, path: &str, bytes: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A bundle of so many entries, signed by the log and cosigned by a witness.
fn bundle(size: u64) -> TempDir {
    let folder = TempDir::new().unwrap();
    let tree = Tree::of(size);
    for tile in tiles_of(size) {
        let (level, width) = (tile.level.unwrap(), u64::from(tile.width));
        let first = tile.index * 256;
        let hashes = (first..first + width)
            .flat_map(|index| tree.node(NodeId { level: level * 8, index }).unwrap().0)
            .collect::<Vec<u8>>();
        write(folder.path(), &tile.to_string(), &hashes);
        if level == 0 {
            let entries: Vec<Vec<u8>> = (first..first + width).map(leaf).collect();
            let bytes = encode_bundle(entries.iter().map(Vec::as_slice)).unwrap();
            write(folder.path(), &Tile { level: None, ..tile }.to_string(), &bytes);
        }
    }
    let text = Checkpoint::new(ORIGIN, size, tree.root(size)).to_text();
    let witness = Cosigner::new("witness.example", SigningKey::from_bytes(&[2; 32])).unwrap();
    let note = log().sign(&text).note(&text) + &witness.cosign(&text, 7).unwrap().line();
    write(folder.path(), "checkpoint", note.as_bytes());
    folder
}

#[test]
fn go_accepts_our_bundles_of_every_shape() {
    for size in [0, 1, 2, 255, 256, 257, 300, 512, 70_000] {
        let folder = bundle(size);
        let Some(verdict) = go_verify(folder.path(), &log().verifier_key().to_string()) else { return };
        assert_eq!(verdict, Ok(format!("ok {size} entries")));
    }
}

#[test]
fn go_refuses_a_bundle_with_one_byte_changed_in_any_of_its_files() {
    for (size, files) in [
        (
            300,
            &[
                ("checkpoint", "checkpoint"),
                ("tile/0/000", "tile/0/000"),
                ("tile/0/001.p/44", "tile/0/001.p/44"),
                ("tile/1/000.p/1", "tile/1/000.p/1"),
                ("tile/entries/000", "the entries have root"),
                ("tile/entries/001.p/44", "the entries have root"),
            ][..],
        ),
        (
            70_000,
            &[
                ("checkpoint", "checkpoint"),
                ("tile/0/136", "tile/0/136"),
                ("tile/0/273.p/112", "tile/0/273.p/112"),
                ("tile/1/000", "tile/1/000"),
                ("tile/1/001.p/17", "tile/1/001.p/17"),
                ("tile/2/000.p/1", "tile/2/000.p/1"),
                ("tile/entries/199", "the entries have root"),
                ("tile/entries/273.p/112", "the entries have root"),
            ],
        ),
    ] {
        let (folder, vkey) = (bundle(size), log().verifier_key().to_string());
        for (file, named) in files {
            let path = folder.path().join(file);
            let good = fs::read(&path).unwrap();
            // The last byte of an entry bundle belongs to an entry; that of a note is its newline.
            for at in [good.len() / 2, good.len() - 2] {
                let mut bad = good.clone();
                bad[at] ^= 1;
                fs::write(&path, &bad).unwrap();
                let Some(verdict) = go_verify(folder.path(), &vkey) else { return };
                // A turned bit of a length moves all entries after it, and is named where the bundle ends.
                let said = verdict.expect_err(file);
                assert!(said.contains(named) || said.contains(file), "{file}, byte {at}: {said}");
            }
            fs::write(&path, &good).unwrap();
        }
        let verdict = go_verify(folder.path(), &vkey);
        assert_eq!(verdict, Some(Ok(format!("ok {size} entries"))), "all bytes are back");
    }
}

#[test]
fn go_refuses_a_missing_file_another_key_and_a_cut_bundle() {
    let (folder, vkey) = (bundle(300), log().verifier_key().to_string());
    let stranger = NoteSigner::ed25519(ORIGIN, SigningKey::from_bytes(&[3; 32])).unwrap();
    let Some(verdict) = go_verify(folder.path(), &stranger.verifier_key().to_string()) else { return };
    assert!(verdict.unwrap_err().contains("no verifiable signatures"));
    for file in ["checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"] {
        let path = folder.path().join(file);
        let good = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(go_verify(folder.path(), &vkey).unwrap().is_err(), "without {file}");
        fs::write(&path, &good[..good.len() - 1]).unwrap();
        assert!(go_verify(folder.path(), &vkey).unwrap().is_err(), "{file} without its last byte");
        fs::write(&path, [&good[..], &[0, 0]].concat()).unwrap();
        assert!(go_verify(folder.path(), &vkey).unwrap().is_err(), "{file} with two more bytes");
        fs::write(&path, good).unwrap();
    }
    assert_eq!(go_verify(folder.path(), &vkey), Some(Ok("ok 300 entries".to_owned())));
}
