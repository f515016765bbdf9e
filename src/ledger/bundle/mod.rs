//! A bundle: everything that somebody needs to check one log without us (docs/bundle.md).
//!
//! The files of c2sp.org/tlog-tiles, which any client of that text reads; beside them every checkpoint that says
//! something of its own, the parts that the leaves commit to, and a MANIFEST that covers every byte. Written from one
//! moment of the database, file by file; what is in memory is one file, and a line per file for the MANIFEST.

mod checkpoints;
mod manifest;
mod parts;
mod wanted;
mod writer;

pub use manifest::{EpochLine, FileLine, Manifest, ManifestError};
pub use parts::{PartHere, PartsError, PartsReader, encode_parts};
pub use wanted::{Shown, Wanted};
pub use writer::{BundleError, BundleFile, BundleRequest, BundleWriter, Summary, write_folder};

/// Entries per tile, bundle of entries and file of parts (c2sp.org/tlog-tiles).
pub(super) const WIDTH: u64 = 256;

/// The name of the file that covers the others.
pub const MANIFEST: &str = "MANIFEST";

/// Where the files of an epoch are: the present one's at the top, as a log's are; older ones' in a folder each.
pub fn folder(epoch: u32, present: u32) -> String {
    if epoch == present { String::new() } else { format!("epoch-{epoch}/") }
}

/// The file of the parts of 256 entries, numbered as tiles are.
pub fn parts_path(n: u64) -> String {
    let tile = crate::tlog::Tile { level: None, index: n, width: 256 }.to_string();
    tile.replacen("tile/entries/", "parts/", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_numbered_as_tiles_are_and_older_epochs_have_folders() {
        assert_eq!(parts_path(0), "parts/000");
        assert_eq!(parts_path(1_234_067), "parts/x001/x234/067");
        assert_eq!((folder(2, 2).as_str(), folder(1, 2).as_str()), ("", "epoch-1/"));
    }
}
