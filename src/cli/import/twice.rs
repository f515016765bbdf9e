//! A file that is read twice: once to learn what is in it, before anything is written, and once to store it. What the
//! second reading finds is what the first one found, or it is refused; of the file itself no more than a block is held.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use sha2::{Digest, Sha256};

/// 1 MiB: the digest up to its end is compared before anything of a block is used.
const BLOCK: usize = 1 << 20;

/// How much of the beginning is looked at to find out what the file is: the longest line, and some lines more.
const HEAD: u64 = 128 << 10;

/// A file, open; another one that takes its name while it is read is not noticed.
#[derive(Debug)]
pub(super) struct Twice {
    file: File,
    name: String,
    /// The digests of what stands before the end of each block; the last one is the file's.
    known: Vec<[u8; 32]>,
}

/// One reading, from the beginning to the end.
#[derive(Debug)]
pub(super) struct Reading<'f> {
    of: &'f mut Twice,
    turn: Turn,
    digest: Sha256,
    blocks: usize,
    block: Vec<u8>,
}

/// Which of the readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Everything is new.
    First,
    /// Everything is known.
    Again,
}

impl Twice {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("failed to read {name}"))?;
        let is_file = file.metadata().with_context(|| format!("failed to read {name}"))?.is_file();
        ensure!(is_file, "{name} is no file: it has to be read twice");
        Ok(Self { file, name, known: Vec::new() })
    }

    /// What it begins with, and whether that is all.
    pub(super) fn head(&mut self) -> anyhow::Result<(Vec<u8>, bool)> {
        let name = self.name.clone();
        let mut read = || -> std::io::Result<(Vec<u8>, bool)> {
            self.file.rewind()?;
            let mut head = Vec::new();
            Read::by_ref(&mut self.file).take(HEAD).read_to_end(&mut head)?;
            Ok((head, self.file.read(&mut [0])? == 0))
        };
        read().with_context(|| format!("failed to read {name}"))
    }

    /// Reads it for the first time.
    pub(super) fn first(&mut self) -> anyhow::Result<Reading<'_>> {
        self.known.clear();
        self.reading(Turn::First)
    }

    /// Reads it again, once the first reading came to the end.
    pub(super) fn again(&mut self) -> anyhow::Result<Reading<'_>> {
        self.reading(Turn::Again)
    }

    /// SHA-256 of the bytes, once the first reading came to the end.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.known.last().copied().unwrap_or_else(|| Sha256::digest([]).into())
    }

    fn reading(&mut self, turn: Turn) -> anyhow::Result<Reading<'_>> {
        self.file.rewind().with_context(|| format!("failed to read {}", self.name))?;
        Ok(Reading { of: self, turn, digest: Sha256::new(), blocks: 0, block: Vec::new() })
    }
}

impl Reading<'_> {
    /// The next block; none at the end.
    pub(super) fn block(&mut self) -> anyhow::Result<Option<&[u8]>> {
        self.block.clear();
        Read::by_ref(&mut self.of.file)
            .take(BLOCK as u64)
            .read_to_end(&mut self.block)
            .with_context(|| format!("failed to read {}", self.of.name))?;
        if self.block.is_empty() {
            if self.turn == Turn::Again && self.blocks < self.of.known.len() {
                return self.changed();
            }
            return Ok(None);
        }
        self.digest.update(&self.block);
        let digest: [u8; 32] = self.digest.clone().finalize().into();
        match self.turn {
            Turn::First => self.of.known.push(digest),
            Turn::Again if self.of.known.get(self.blocks) != Some(&digest) => return self.changed(),
            Turn::Again => {}
        }
        self.blocks += 1;
        Ok(Some(&self.block))
    }

    fn changed(&self) -> anyhow::Result<Option<&[u8]>> {
        bail!("{} changed while it was read: import it when nobody writes to it", self.of.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads to the end; how many bytes there were.
    fn drain(mut reading: Reading<'_>) -> anyhow::Result<usize> {
        let mut bytes = 0;
        while let Some(block) = reading.block()? {
            bytes += block.len();
        }
        Ok(bytes)
    }

    #[test]
    fn a_file_that_changes_between_the_readings_is_refused_wherever_it_changed() {
        let whole = vec![b'x'; 2 * BLOCK + 10];
        let at = |place: usize| {
            let mut bytes = whole.clone();
            bytes[place] = b'y';
            bytes
        };
        for (case, second, same) in [
            ("as it was", whole.clone(), true),
            ("its first byte", at(0), false),
            ("its second block", at(BLOCK + 5), false),
            ("its last byte", at(2 * BLOCK + 9), false),
            ("shorter", whole[..2 * BLOCK + 9].to_vec(), false),
            ("shorter by a whole block", whole[..2 * BLOCK].to_vec(), false),
            ("longer", [whole.clone(), b"z".to_vec()].concat(), false),
            ("empty", Vec::new(), false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("file");
            std::fs::write(&path, &whole).unwrap();
            let mut file = Twice::open(&path).unwrap();
            assert_eq!(drain(file.first().unwrap()).unwrap(), whole.len());
            assert_eq!(file.digest(), <[u8; 32]>::from(Sha256::digest(&whole)));
            std::fs::write(&path, second).unwrap();
            assert_eq!(drain(file.again().unwrap()).is_ok(), same, "{case}");
        }
    }

    #[test]
    fn what_cannot_be_read_twice_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Twice::open(dir.path()).is_err());
        assert!(Twice::open(&dir.path().join("nothing")).is_err());
    }
}
