//! MANIFEST: what a bundle holds, a line per file, and a last line that covers the lines before it.
//!
//! ```text
//! qinlian bundle 1
//! epoch 1
//! origin <origin>
//! key <vkey>
//! base <position of its first entry>
//! size <entries>
//! parts <all> withheld <left out> gone <erased>
//! file <sha256 in hex> <bytes> <path>
//! end <sha256 in hex of everything before this line>
//! ```
//! The lines from `epoch` to `parts` come once per epoch, oldest first. There is one way to write a MANIFEST: a reader
//! refuses any other, so that no bit of it is free.

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The first line.
const FORMAT: &str = "qinlian bundle 1";

/// What is said of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochLine {
    /// From 1.
    pub epoch: u32,
    /// Its origin.
    pub origin: String,
    /// The verifier key that the writer had; a reader trusts its own.
    pub key: String,
    /// The position of its first entry.
    pub base: u64,
    /// Its entries.
    pub size: u64,
    /// Parts that its leaves commit to.
    pub parts: u64,
    /// Of them, left out of the bundle.
    pub withheld: u64,
    /// Of them, gone.
    pub gone: u64,
}

/// What is said of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLine {
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// How many.
    pub bytes: u64,
}

impl FileLine {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { sha256: Sha256::digest(bytes).into(), bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX) }
    }
}

/// A MANIFEST.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Oldest first.
    pub epochs: Vec<EpochLine>,
    /// By path.
    pub files: BTreeMap<String, FileLine>,
}

/// Why a text is not a MANIFEST.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Another format or version.
    #[error("is not a MANIFEST of format 1")]
    Format,
    /// A line that is none; lines count from 1.
    #[error("line {0} is not a line of a MANIFEST")]
    Line(usize),
    /// The last line does not cover the lines before it.
    #[error("does not have the digest that its last line says")]
    Digest,
    /// Another way to write the same.
    #[error("is not written in the one way that there is")]
    Form,
}

impl Manifest {
    /// The text.
    pub fn render(&self) -> String {
        let mut text = format!("{FORMAT}\n");
        // Writing to a String cannot fail.
        for e in &self.epochs {
            let _ = writeln!(text, "epoch {}\norigin {}\nkey {}", e.epoch, e.origin, e.key);
            let _ = writeln!(text, "base {}\nsize {}", e.base, e.size);
            let _ = writeln!(text, "parts {} withheld {} gone {}", e.parts, e.withheld, e.gone);
        }
        for (path, file) in &self.files {
            let _ = writeln!(text, "file {} {} {path}", hex(&file.sha256), file.bytes);
        }
        let end = hex(&Sha256::digest(&text).into());
        let _ = writeln!(text, "end {end}");
        text
    }

    /// Parses what [`Manifest::render`] made, and nothing else.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let mut manifest = Self::default();
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        if lines.next().map(|(_, line)| line) != Some(FORMAT) {
            return Err(ManifestError::Format);
        }
        let mut ended = false;
        for (at, line) in lines {
            let bad = ManifestError::Line(at);
            let (word, rest) = line.split_once(' ').ok_or(bad.clone())?;
            if ended {
                return Err(bad);
            }
            match word {
                "file" => manifest.add_file(rest).ok_or(bad)?,
                "end" => ended = true,
                _ => manifest.add_epoch(word, rest).ok_or(bad)?,
            }
        }
        let covered = text.rfind("\nend ").and_then(|end| text.get(..=end)).ok_or(ManifestError::Digest)?;
        if !ended
            || text.get(covered.len()..) != Some(&format!("end {}\n", hex(&Sha256::digest(covered).into())))
        {
            return Err(ManifestError::Digest);
        }
        if manifest.render() == text { Ok(manifest) } else { Err(ManifestError::Form) }
    }

    fn add_file(&mut self, rest: &str) -> Option<()> {
        let mut fields = rest.splitn(3, ' ');
        let sha256 = unhex(fields.next()?)?;
        let bytes = fields.next()?.parse().ok()?;
        let path = fields.next().filter(|path| !path.is_empty())?;
        self.files.insert(path.to_owned(), FileLine { sha256, bytes });
        Some(())
    }

    fn add_epoch(&mut self, word: &str, rest: &str) -> Option<()> {
        if word == "epoch" {
            self.epochs.push(EpochLine {
                epoch: rest.parse().ok()?,
                origin: String::new(),
                key: String::new(),
                base: 0,
                size: 0,
                parts: 0,
                withheld: 0,
                gone: 0,
            });
            return Some(());
        }
        let epoch = self.epochs.last_mut()?;
        match word {
            "origin" => rest.clone_into(&mut epoch.origin),
            "key" => rest.clone_into(&mut epoch.key),
            "base" => epoch.base = rest.parse().ok()?,
            "size" => epoch.size = rest.parse().ok()?,
            "parts" => {
                let words: Vec<&str> = rest.split(' ').collect();
                let [parts, "withheld", withheld, "gone", gone] = words.as_slice() else { return None };
                epoch.parts = parts.parse().ok()?;
                epoch.withheld = withheld.parse().ok()?;
                epoch.gone = gone.parse().ok()?;
            }
            _ => return None,
        }
        Some(())
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let epoch = |epoch, base, size| EpochLine {
            epoch,
            origin: format!("x/centre/hall/{epoch}"),
            key: "k+00+a".to_owned(),
            base,
            size,
            parts: 9,
            withheld: 1,
            gone: 2,
        };
        let files = [("checkpoint", "one"), ("epoch-1/checkpoint", "two")];
        Manifest {
            epochs: vec![epoch(1, 0, 4), epoch(2, 4, 7)],
            files: files.iter().map(|(p, b)| ((*p).to_owned(), FileLine::of(b.as_bytes()))).collect(),
        }
    }

    #[test]
    fn a_manifest_is_read_as_it_is_written_and_every_bit_of_it_matters() {
        let text = manifest().render();
        assert_eq!(Manifest::parse(&text), Ok(manifest()));
        for at in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[at / 8] ^= 1 << (at % 8);
            if let Ok(changed) = String::from_utf8(bytes) {
                assert!(Manifest::parse(&changed).is_err(), "bit {at}");
            }
        }
        assert_eq!(Manifest::parse("qinlian bundle 2\n"), Err(ManifestError::Format));
        assert_eq!(Manifest::parse("qinlian bundle 1\n"), Err(ManifestError::Digest));
        assert!(Manifest::parse(&format!("{text}file\n")).is_err());
    }
}
