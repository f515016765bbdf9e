//! Where a bundle is read from.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// No file of a bundle is larger: 256 MiB.
const MAX_BYTES: u64 = 256 << 20;

/// A bundle's files.
pub trait Files {
    /// Every path, relative, with slashes.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A file; `None` if it is not there.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
}

/// In a folder.
#[derive(Debug, Clone)]
pub struct Folder(pub PathBuf);

impl Files for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut paths = Vec::new();
        walk(&self.0, "", &mut paths)?;
        Ok(paths)
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.0.join(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if u64::try_from(read).unwrap_or(u64::MAX) > MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any file of a bundle"));
        }
        Ok(Some(bytes))
    }
}

/// Anything that is not a folder counts as a file: a link or a pipe does not go unseen.
fn walk(folder: &Path, below: &str, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{path}/"), paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

/// In memory.
impl Files for BTreeMap<String, Vec<u8>> {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.keys().cloned().collect())
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.get(path).cloned())
    }
}
