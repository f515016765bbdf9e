//! What a witness remembers: one file per log, the checkpoint that it cosigned last.
//!
//! ```text
//! lock
//! <sha256 of the origin, hex>/checkpoint     the log's signature and ours
//! <sha256 of the origin, hex>/evidence/…     requests that the log signed and that contradict what was cosigned
//! ```
//! Reading, deciding and writing happen under one lock, held across processes too; the file is replaced as a whole and
//! forced to the disk before the answer leaves. A file that cannot be read is never taken for "nothing cosigned yet".

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A log's evidence ends here: 1,000 requests that contradict each other prove enough.
const EVIDENCE: usize = 1_000;

/// The folder.
#[derive(Debug)]
pub(super) struct State {
    folder: PathBuf,
    lock: Mutex<File>,
}

/// Nobody else decides while it lives.
pub(super) struct Locked<'a> {
    folder: &'a Path,
    file: MutexGuard<'a, File>,
}

impl State {
    /// Opens the folder, or begins one.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let lock = OpenOptions::new().create(true).append(true).open(folder.join("lock"))?;
        Ok(Self { folder: folder.to_owned(), lock: Mutex::new(lock) })
    }

    pub(super) fn lock(&self) -> io::Result<Locked<'_>> {
        let file = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        file.lock()?;
        Ok(Locked { folder: &self.folder, file })
    }

    /// The checkpoint cosigned last, as it is served.
    pub(super) fn read(&self, hash: &str) -> io::Result<Option<String>> {
        read(&self.folder, hash)
    }
}

fn read(folder: &Path, hash: &str) -> io::Result<Option<String>> {
    match fs::read_to_string(folder.join(hash).join("checkpoint")) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Closing the file would unlock it as well.
        let _ = self.file.unlock();
    }
}

impl Locked<'_> {
    pub(super) fn read(&self, hash: &str) -> io::Result<Option<String>> {
        read(self.folder, hash)
    }

    /// Replaces the checkpoint; on the disk when it returns.
    pub(super) fn write(&self, hash: &str, note: &str) -> io::Result<()> {
        let folder = self.folder.join(hash);
        let new = !folder.exists();
        fs::create_dir_all(&folder)?;
        let fresh = folder.join("checkpoint.new");
        let mut file = File::create(&fresh)?;
        file.write_all(note.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, folder.join("checkpoint"))?;
        File::open(&folder)?.sync_all()?;
        if new {
            File::open(self.folder)?.sync_all()?;
        }
        Ok(())
    }

    /// Keeps a request that contradicts what was cosigned, once.
    pub(super) fn keep_evidence(&self, hash: &str, name: &str, body: &str) -> io::Result<()> {
        let folder = self.folder.join(hash).join("evidence");
        fs::create_dir_all(&folder)?;
        if fs::read_dir(&folder)?.count() >= EVIDENCE {
            return Ok(());
        }
        match OpenOptions::new().write(true).create_new(true).open(folder.join(name)) {
            Ok(mut file) => {
                file.write_all(body.as_bytes())?;
                file.sync_all()
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }
}
