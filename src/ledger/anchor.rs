//! The anchor: what this replica last saw of every log, in a file outside the database.
//!
//! The tree alone cannot show that its tail was cut or that yesterday's copy was put back; somebody outside the
//! database has to remember. One append-only text file, a line `<size> <root in base64> <origin>` per commit and log,
//! written before receipts are released and forced to the disk at most once a second for all logs. The command line
//! may open it beside a running server: both append, and only who is alone with the file shortens it.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::tlog::Hash;

/// A size and its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchored {
    /// The size.
    pub size: u64,
    /// The root at that size.
    pub root: Hash,
}

/// Forced to the disk at most this often: 1 s.
const SYNC_EVERY_MS: u64 = 1_000;

/// The anchor.
#[derive(Debug)]
pub struct Anchor {
    path: Option<PathBuf>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    seen: HashMap<String, Anchored>,
    file: Option<File>,
    synced_ms: u64,
    dirty: bool,
}

impl Anchor {
    /// Nothing remembered between starts: for tests, and for a replica without a volume.
    pub fn in_memory() -> Self {
        let inner = Inner { seen: HashMap::new(), file: None, synced_ms: 0, dirty: false };
        Self { path: None, inner: Mutex::new(inner) }
    }

    /// Reads the file, keeps the newest line of each origin, and writes it anew: short, and whole.
    pub fn open(path: &Path) -> io::Result<Self> {
        loop {
            let file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
            let alone = match file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => {
                    file.lock_shared()?;
                    false
                }
                Err(TryLockError::Error(error)) => return Err(error),
            };
            if fs::metadata(path)?.ino() != file.metadata()?.ino() {
                // Whoever was alone with it before has just replaced it.
                continue;
            }
            let (seen, torn) = read(&file)?;
            let mut file = if alone { replace(path, &seen)? } else { file };
            if torn && !alone {
                file.write_all(CUT)?;
            }
            let inner = Inner { seen, file: Some(file), synced_ms: 0, dirty: false };
            return Ok(Self { path: Some(path.to_owned()), inner: Mutex::new(inner) });
        }
    }

    /// Where the file is.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What was last seen of a log.
    pub fn seen(&self, origin: &str) -> Option<Anchored> {
        self.lock().seen.get(origin).copied()
    }

    /// Every origin that was ever seen, in order.
    pub fn origins(&self) -> Vec<String> {
        let mut origins: Vec<String> = self.lock().seen.keys().cloned().collect();
        origins.sort_unstable();
        origins
    }

    /// Remembers, and writes; never goes back.
    pub fn advance(&self, heads: &[(String, Anchored)], monotonic_ms: u64) -> io::Result<()> {
        let mut inner = self.lock();
        let mut text = String::new();
        for (origin, anchored) in heads {
            if inner.seen.get(origin).is_none_or(|known| known.size < anchored.size) {
                text.push_str(&line(origin, anchored));
                inner.seen.insert(origin.clone(), *anchored);
            }
        }
        if let Some(file) = inner.file.as_mut() {
            file.write_all(text.as_bytes())?;
            inner.dirty |= !text.is_empty();
        }
        drop(inner);
        self.sync_if_due(monotonic_ms)
    }

    /// Forces what was written to the disk, if that was not done within the last second.
    pub fn sync_if_due(&self, monotonic_ms: u64) -> io::Result<()> {
        let mut inner = self.lock();
        if inner.dirty && monotonic_ms.saturating_sub(inner.synced_ms) >= SYNC_EVERY_MS {
            if let Some(file) = &inner.file {
                file.sync_data()?;
            }
            inner.synced_ms = monotonic_ms;
            inner.dirty = false;
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a line that was cut short so that it is none: no origin holds a space.
const CUT: &[u8] = b" cut\n";

/// The newest line of each origin; and whether the file ends in the middle of a line.
fn read(mut file: &File) -> io::Result<(HashMap<String, Anchored>, bool)> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut seen: HashMap<String, Anchored> = HashMap::new();
    for line in String::from_utf8_lossy(&bytes).split_inclusive('\n') {
        // A line that was cut short by a power failure was never relied on.
        if let Some((origin, anchored)) = line.strip_suffix('\n').and_then(parse) {
            let newest = seen.entry(origin.to_owned()).or_insert(anchored);
            if anchored.size >= newest.size {
                *newest = anchored;
            }
        }
    }
    Ok((seen, bytes.last().is_some_and(|last| *last != b'\n')))
}

/// Puts a file with only the newest lines in the place of the old one, locked before anybody else can see it.
fn replace(path: &Path, seen: &HashMap<String, Anchored>) -> io::Result<File> {
    let fresh = path.with_extension("new");
    fs::remove_file(&fresh)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let mut file = OpenOptions::new().create_new(true).append(true).open(&fresh)?;
    file.lock_shared()?;
    let mut lines: Vec<_> = seen.iter().collect();
    lines.sort_by_key(|(origin, _)| origin.as_str());
    for (origin, anchored) in lines {
        file.write_all(line(origin, anchored).as_bytes())?;
    }
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(file)
}

fn line(origin: &str, anchored: &Anchored) -> String {
    format!("{} {} {origin}\n", anchored.size, anchored.root)
}

fn parse(line: &str) -> Option<(&str, Anchored)> {
    let mut fields = line.splitn(3, ' ');
    let size = fields.next()?.parse().ok()?;
    let root = Hash::parse_base64(fields.next()?)?;
    let origin = fields.next().filter(|origin| !origin.is_empty() && !origin.contains(' '))?;
    Some((origin, Anchored { size, root }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(size: u64, byte: u8) -> Anchored {
        Anchored { size, root: Hash([byte; 32]) }
    }

    #[test]
    fn what_was_seen_survives_and_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anchor");
        let anchor = Anchor::open(&path).unwrap();
        assert_eq!(anchor.seen("a/centre/x"), None);
        anchor.advance(&[("a/centre/x".to_owned(), at(5, 5))], 0).unwrap();
        anchor
            .advance(&[("a/centre/x".to_owned(), at(3, 3)), ("a/deployment".to_owned(), at(1, 1))], 10)
            .unwrap();
        drop(anchor);
        let again = Anchor::open(&path).unwrap();
        assert_eq!(again.seen("a/centre/x"), Some(at(5, 5)));
        assert_eq!(again.seen("a/deployment"), Some(at(1, 1)));
    }

    #[test]
    fn a_line_cut_by_a_power_failure_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anchor");
        fs::write(&path, format!("{}7 AAAA", line("o", &at(6, 6)))).unwrap();
        assert_eq!(Anchor::open(&path).unwrap().seen("o"), Some(at(6, 6)));
    }

    #[test]
    fn the_command_line_beside_a_running_server_takes_nothing_away_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anchor");
        let server = Anchor::open(&path).unwrap();
        server.advance(&[("o".to_owned(), at(1, 1))], 0).unwrap();
        let command_line = Anchor::open(&path).unwrap();
        assert_eq!(command_line.seen("o"), Some(at(1, 1)));
        command_line.advance(&[("o".to_owned(), at(2, 2))], 0).unwrap();
        drop(command_line);
        server.advance(&[("o".to_owned(), at(5, 5))], 0).unwrap();
        let another = Anchor::open(&path).unwrap();
        drop(server);
        assert_eq!(another.seen("o"), Some(at(5, 5)));
        drop(another);
        let alone = Anchor::open(&path).unwrap();
        assert_eq!(alone.seen("o"), Some(at(5, 5)));
        assert_eq!(fs::read_to_string(&path).unwrap().trim().lines().count(), 1, "and shortens it");
    }
}
