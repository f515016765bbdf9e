//! A file that is there whole or not at all: written beside its place under another name, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::registers::directory::fact::hex;

/// Bytes that are read at a time.
const BLOCK: usize = 64 << 10;

/// A file that is not in its place yet; dropped before, it goes away.
#[derive(Debug)]
pub(in crate::cli) struct Whole {
    path: PathBuf,
    part: PathBuf,
    placed: bool,
}

impl Whole {
    /// For a place.
    pub(in crate::cli) fn new(path: &Path) -> anyhow::Result<Self> {
        let name = path.file_name().with_context(|| format!("{} is no name of a file", path.display()))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".part");
        Ok(Self { path: path.to_owned(), part: path.with_file_name(hidden), placed: false })
    }

    /// The folder that it is in.
    pub(in crate::cli) fn folder(&self) -> &Path {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(Path::new("."))
    }

    /// Where it is until then.
    pub(in crate::cli) fn part(&self) -> &Path {
        &self.part
    }

    /// Begins it, for nobody else to read.
    pub(in crate::cli) fn create(&self) -> anyhow::Result<File> {
        // What a run that was cut off left behind; and never through a link that somebody put there.
        let _gone = fs::remove_file(&self.part);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.part);
        file.with_context(|| format!("failed to write {}", self.path.display()))
    }

    /// Its length and SHA-256.
    pub(in crate::cli) fn measure(&self) -> anyhow::Result<(u64, String)> {
        Ok(measure(&self.part)?)
    }

    /// Puts it in its place, on the disk.
    pub(in crate::cli) fn place(mut self) -> anyhow::Result<()> {
        File::open(&self.part)?.sync_all()?;
        fs::rename(&self.part, &self.path)
            .with_context(|| format!("failed to write {}", self.path.display()))?;
        self.placed = true;
        File::open(self.folder())?.sync_all()?;
        Ok(())
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.placed {
            // It may never have been begun.
            let _gone = fs::remove_file(&self.part);
        }
    }
}

/// Writes a small file whole.
pub(in crate::cli) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let whole = Whole::new(path)?;
    whole.create()?.write_all(text.as_bytes())?;
    whole.place()
}

/// A file's length and SHA-256, in hex.
pub(in crate::cli) fn measure(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut hash, mut bytes) = (File::open(path)?, Sha256::new(), 0_u64);
    let mut block = vec![0; BLOCK];
    loop {
        let read = file.read(&mut block)?;
        let Some(read) = block.get(..read).filter(|read| !read.is_empty()) else { break };
        hash.update(read);
        bytes += u64::try_from(read.len()).unwrap_or(u64::MAX);
    }
    Ok((bytes, hex(&hash.finalize())))
}
