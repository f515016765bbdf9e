//! Verifies a bundle offline: no database, no network, no server, one pass, one file in memory at a time.
//!
//! The order (docs/bundle.md says it for strangers): the MANIFEST is a MANIFEST; checkpoints are signed by keys that the
//! verifier brought, and witnessed as its policy asks; every entry is an envelope at its own index whose hash is the
//! tile's; its parts open its commitments or are erased; the root is right at every checkpoint of the bundle; nothing
//! was cut off what the verifier saw before; times lie where witnesses say; every file is as the MANIFEST says, and
//! there are no others. The first bad entry is named; when whoever forged it rewrote all hashes as well, the checkpoints
//! between which it lies.

mod collect;
mod entries;
mod files;
mod notes;
mod report;
pub(super) mod tree;

use std::collections::BTreeSet;

use collect::{Collector, Found};
pub use files::{Files, Folder};
pub use report::{FirstBad, Report};

use super::bundle::{FileLine, MANIFEST, Manifest, folder};
pub use super::walk::Meaning;
use super::walk::Walk;
use crate::kernel::{EpochMs, Pos};
use crate::tlog::{Policy, VerifierKey};

/// How far a recorded time may lie outside what witnesses' clocks allow: 5 minutes.
pub const SKEW_MS: i64 = 5 * 60 * 1_000;

/// What the verifier brings.
#[derive(Debug, Clone)]
pub struct Options {
    /// The logs that it believes.
    pub keys: Vec<VerifierKey>,
    /// The witnesses that it believes, and how many it takes.
    pub policy: Option<Policy>,
    /// A signed checkpoint that it saw before.
    pub since: Option<String>,
    /// How far clocks may disagree.
    pub skew_ms: i64,
    /// Which checks are made: all of them, except in the tests that show that each one is needed.
    pub checks: Checks,
}

/// Checks that a test can leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// The only choice outside tests.
    All,
    /// The files are not compared with the MANIFEST.
    NoManifest,
    /// Parts are not opened.
    NoParts,
}

impl Options {
    /// Believing these logs, asking for no witnesses.
    pub fn new(keys: Vec<VerifierKey>) -> Self {
        Self { keys, policy: None, since: None, skew_ms: SKEW_MS, checks: Checks::All }
    }

    fn all_keys(&self) -> Vec<VerifierKey> {
        let of_policy = self.policy.iter().flat_map(Policy::logs);
        self.keys.iter().chain(of_policy).cloned().collect()
    }
}

/// The verifier's state between files.
struct Verifier<'a, F, M> {
    files: &'a F,
    options: &'a Options,
    meaning: &'a M,
    manifest: Manifest,
    listed: BTreeSet<String>,
    found: Collector,
    walk: Walk,
    entries: u64,
    withheld: u64,
    gone: u64,
    parts: u64,
    witnessed_until: Option<EpochMs>,
}

/// Verifies. Never fails: whatever cannot be read is a finding.
pub fn verify<F: Files, M: Meaning>(files: &F, options: &Options, meaning: &M) -> Report {
    let manifest = match manifest(files) {
        Ok(manifest) => manifest,
        Err(why) => return Report::refused(FirstBad::file(MANIFEST, &why)),
    };
    let listed = match files.list() {
        Ok(paths) => paths.into_iter().filter(|path| path != MANIFEST).collect(),
        Err(error) => {
            return Report::refused(FirstBad::file("bundle", &format!("cannot be listed: {error}")));
        }
    };
    let mut verifier = Verifier {
        files,
        options,
        meaning,
        found: Collector::new(manifest.epochs.iter().map(|line| Pos::new(line.base)).collect()),
        manifest,
        listed,
        walk: Walk::default(),
        entries: 0,
        withheld: 0,
        gone: 0,
        parts: 0,
        witnessed_until: None,
    };
    verifier.run()
}

fn manifest<F: Files>(files: &F) -> Result<Manifest, String> {
    let bytes = files.read(MANIFEST).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes.ok_or("is missing")?).map_err(|_| "is not text")?;
    let manifest = Manifest::parse(&text).map_err(|error| error.to_string())?;
    let mut before: Option<(u32, u64)> = None;
    for line in &manifest.epochs {
        let base = before.map_or(Some(0), |(_, end)| Some(end)).filter(|end| *end == line.base);
        let number = before.map_or(0, |(epoch, _)| epoch) + 1;
        let end = line.base.checked_add(line.size).filter(|end| *end <= crate::tlog::MAX_SIZE);
        match (base, end) {
            (Some(_), Some(end)) if line.epoch == number => before = Some((line.epoch, end)),
            _ => return Err(format!("epoch {} does not follow the one before it", line.epoch)),
        }
    }
    if before.is_some() { Ok(manifest) } else { Err("names no epoch".to_owned()) }
}

impl<F: Files, M: Meaning> Verifier<'_, F, M> {
    fn run(&mut self) -> Report {
        let lines = self.manifest.epochs.clone();
        let present = lines.last().map_or(0, |line| line.epoch);
        let mut root = String::new();
        let mut size = 0;
        let mut witnessed = false;
        for line in &lines {
            let folder = folder(line.epoch, present);
            match self.epoch(line, &folder) {
                Ok(epoch) => {
                    root = epoch.root.to_string();
                    size = line.size;
                    witnessed = epoch.witnessed;
                }
                Err(bad) => return self.report(size, root, Some(bad)),
            }
        }
        self.walk.finish();
        self.collect_flaws();
        if let Err(bad) = self.since_is_answered(&lines) {
            self.found.push(Found::Whole(bad));
        }
        if self.options.policy.is_some() && !witnessed {
            let why = "untrusted checkpoint: no checkpoint of the bundle has the cosignatures that the policy asks for";
            return self.report(size, root, Some(FirstBad::file("checkpoint", why)));
        }
        self.nothing_else();
        self.report(size, root, None)
    }

    fn collect_flaws(&mut self) {
        for (pos, flaw) in self.walk.take() {
            self.found.push(Found::Exact { pos, field: flaw.field(), why: flaw.why() });
        }
    }

    /// The checkpoint that the verifier saw before is of a log that is here.
    fn since_is_answered(&self, lines: &[super::bundle::EpochLine]) -> Result<(), FirstBad> {
        let Some(since) = &self.options.since else { return Ok(()) };
        let checkpoint = notes::parse_signed(since, &self.options.all_keys())
            .map_err(|why| FirstBad::file("checkpoint seen before", &why))?;
        match lines.iter().find(|line| line.origin == checkpoint.origin) {
            None => {
                let why = format!("the bundle is of another log than {}", checkpoint.origin);
                Err(FirstBad::file("checkpoint", &why))
            }
            Some(line) if line.size < checkpoint.size => {
                let why = format!(
                    "log cut short: it has {} entries, and a checkpoint of {} was seen before",
                    line.size, checkpoint.size
                );
                Err(FirstBad::file("checkpoint", &why))
            }
            Some(_) => Ok(()),
        }
    }

    /// Reads a file, and compares it with its line.
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, String> {
        self.listed.remove(path);
        let bytes = self.files.read(path).map_err(|error| error.to_string())?;
        let line = self.manifest.files.remove(path);
        if self.options.checks != Checks::NoManifest {
            match (&bytes, &line) {
                (Some(bytes), Some(line)) if FileLine::of(bytes) != *line => {
                    self.found.push(Found::Whole(FirstBad::file(path, "is not what the MANIFEST says")));
                }
                (Some(_), None) => {
                    self.found.push(Found::Whole(FirstBad::file(path, "is not in the MANIFEST")));
                }
                _ => {}
            }
        }
        Ok(bytes)
    }

    /// Every file was asked for, every line of the MANIFEST was used, and its counts are right.
    fn nothing_else(&mut self) {
        if self.options.checks == Checks::NoManifest {
            return;
        }
        for path in std::mem::take(&mut self.listed) {
            self.found.push(Found::Whole(FirstBad::file(&path, "does not belong into a bundle")));
        }
        for path in std::mem::take(&mut self.manifest.files).into_keys() {
            self.found
                .push(Found::Whole(FirstBad::file(&path, "the MANIFEST names it, and it is not needed")));
        }
    }

    fn report(&mut self, size: u64, root: String, fatal: Option<FirstBad>) -> Report {
        self.collect_flaws();
        let first_bad = fatal.or_else(|| self.found.first());
        Report {
            verified: first_bad.is_none(),
            entries: self.entries,
            erased: self.walk.erased(),
            size,
            root,
            witnessed_until: self.witnessed_until,
            first_bad,
            withheld: self.walk.withheld(),
        }
    }
}
