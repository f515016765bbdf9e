//! Tiles and entry bundles, c2sp.org/tlog-tiles.

use std::fmt;

use super::hash::Hash;
use super::node::{MAX_SIZE, NodeId};

/// Hashes per full tile, c2sp.org/tlog-tiles "Merkle Tree".
const WIDTH: u64 = 256;
/// Levels of the tree per level of tiles: 2^8 = 256.
const HEIGHT: u8 = 8;

/// What a path names: a tile of hashes, or a bundle of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// 0 to 63; `None` is an entry bundle.
    pub level: Option<u8>,
    /// The tile's number at its level.
    pub index: u64,
    /// 1 to 256; 256 is a full tile.
    pub width: u16,
}

/// Why a path names no tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Does not begin with `tile/`.
    #[error("does not begin with tile/")]
    Prefix,
    /// The level is not 0 to 63 without leading zeroes.
    #[error("the level is not 0 to 63")]
    Level,
    /// The number is not three digits a path element, all but the last with an x.
    #[error("the number is not written in elements of three digits")]
    Index,
    /// The width is not 1 to 255 without leading zeroes.
    #[error("the width is not 1 to 255")]
    Width,
}

impl fmt::Display for Tile {
    /// The path below the log's prefix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "tile/{level}/")?,
            None => f.write_str("tile/entries/")?,
        }
        let mut elements = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            elements.push(rest % 1000);
            rest /= 1000;
        }
        for (left, element) in elements.iter().enumerate().rev() {
            write!(f, "{}{element:03}{}", if left > 0 { "x" } else { "" }, if left > 0 { "/" } else { "" })?;
        }
        if u64::from(self.width) < WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// A decimal without leading zeroes.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

impl Tile {
    /// Parses a path below the log's prefix.
    pub fn parse(path: &str) -> Result<Self, TileError> {
        let rest = path.strip_prefix("tile/").ok_or(TileError::Prefix)?;
        let (level, rest) = rest.split_once('/').ok_or(TileError::Index)?;
        let level = match level {
            "entries" => None,
            number => {
                let level = decimal(number).filter(|level| *level <= 63).ok_or(TileError::Level)?;
                Some(u8::try_from(level).map_err(|_| TileError::Level)?)
            }
        };
        let (rest, width) = match rest.split_once(".p/") {
            None => (rest, 256),
            Some((rest, width)) => {
                let width =
                    decimal(width).filter(|width| (1..WIDTH).contains(width)).ok_or(TileError::Width)?;
                (rest, u16::try_from(width).map_err(|_| TileError::Width)?)
            }
        };
        let mut index: u64 = 0;
        let mut elements = rest.split('/').peekable();
        while let Some(element) = elements.next() {
            let digits = if elements.peek().is_some() {
                element.strip_prefix('x').ok_or(TileError::Index)?
            } else {
                element
            };
            if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(TileError::Index);
            }
            let value: u64 = digits.parse().map_err(|_| TileError::Index)?;
            index = index.checked_mul(1000).and_then(|i| i.checked_add(value)).ok_or(TileError::Index)?;
        }
        let tile = Self { level, index, width };
        // A leading x000 would be a second name for the same tile.
        if tile.to_string() == path { Ok(tile) } else { Err(TileError::Index) }
    }
}

/// Every tile of a tree, full and partial, level by level.
pub fn tiles_of(size: u64) -> impl Iterator<Item = Tile> {
    let size = size.min(MAX_SIZE);
    (0..HEIGHT)
        .map_while(move |level| {
            let hashes =
                size.checked_shr(u32::from(level) * u32::from(HEIGHT)).filter(|hashes| *hashes > 0)?;
            let full = hashes / WIDTH;
            let partial = u16::try_from(hashes % WIDTH).unwrap_or(0);
            let last = (partial > 0).then_some(Tile { level: Some(level), index: full, width: partial });
            Some((0..full).map(move |index| Tile { level: Some(level), index, width: 256 }).chain(last))
        })
        .flatten()
}

/// A node inside a tile whose hashes are given: a hash of the tile, or one folded from several.
pub fn node_in_tile(tile: &Tile, hashes: &[Hash], node: NodeId) -> Option<Hash> {
    let level = tile.level?;
    let inner = node.level.checked_sub(level.checked_mul(HEIGHT)?).filter(|inner| *inner <= HEIGHT)?;
    // A multiplication, since a checked shift lets bits fall off the left end and would find another node.
    let first = node.index.checked_mul(1 << inner)?.checked_sub(tile.index.checked_mul(WIDTH)?)?;
    let first = usize::try_from(first).ok()?;
    let mut row = hashes.get(first..first.checked_add(1 << inner)?)?.to_vec();
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| Hash::node(left, right)).collect();
    }
    row.first().copied()
}

/// Why bytes are not an entry bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// An entry that does not fit its length prefix.
    #[error("an entry has more than 65,535 bytes")]
    TooLong,
    /// Ends within an entry.
    #[error("the bundle is cut short")]
    CutShort,
    /// More entries than a bundle has.
    #[error("the bundle has more than 256 entries")]
    TooMany,
}

/// Entries with a length before each, c2sp.org/tlog-tiles "Log entries".
pub fn encode_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    for (count, entry) in entries.into_iter().enumerate() {
        if count >= 256 {
            return Err(BundleError::TooMany);
        }
        let length = u16::try_from(entry.len()).map_err(|_| BundleError::TooLong)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// The entries of a bundle.
pub fn decode_bundle(bytes: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (length, tail) = rest.split_first_chunk::<2>().ok_or(BundleError::CutShort)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, tail) = tail.split_at_checked(length).ok_or(BundleError::CutShort)?;
        if entries.len() >= 256 {
            return Err(BundleError::TooMany);
        }
        entries.push(entry);
        rest = tail;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_the_specification_says_and_read_in_that_form_only() {
        for (level, index, width, path) in [
            (Some(0), 0, 256, "tile/0/000"),
            (Some(1), 17, 3, "tile/1/017.p/3"),
            (None, 1_234_067, 256, "tile/entries/x001/x234/067"),
            (Some(63), 999, 255, "tile/63/999.p/255"),
        ] {
            let tile = Tile { level, index, width };
            assert_eq!(tile.to_string(), path);
            assert_eq!(Tile::parse(path), Ok(tile));
        }
        for (path, error) in [
            ("tile/64/000", TileError::Level),
            ("tile/00/000", TileError::Level),
            ("tile/8/0/000", TileError::Index),
            ("tile/8/0/000.p/0", TileError::Width),
            ("tile/0/000.p/0", TileError::Width),
            ("tile/0/000.p/256", TileError::Width),
            ("tile/0/000.p/01", TileError::Width),
            ("tile/0/0", TileError::Index),
            ("tile/0/x000/001", TileError::Index),
            ("tile/0/001/001", TileError::Index),
            ("tile/0/", TileError::Index),
            ("tile/0", TileError::Index),
            ("0/000", TileError::Prefix),
            ("tile/0/x999/x999/x999/x999/x999/x999/x999/999", TileError::Index),
        ] {
            assert_eq!(Tile::parse(path), Err(error), "{path}");
        }
    }

    #[test]
    fn the_example_of_seventy_thousand_entries_comes_out() {
        let tiles: Vec<Tile> = tiles_of(70_000).collect();
        let of = |level: u8| tiles.iter().filter(move |tile| tile.level == Some(level));
        assert_eq!(
            (of(0).filter(|t| t.width == 256).count(), of(0).next_back().map(|t| t.width)),
            (273, Some(112))
        );
        assert_eq!(
            (of(1).filter(|t| t.width == 256).count(), of(1).next_back().map(|t| t.width)),
            (1, Some(17))
        );
        assert_eq!(of(2).map(|t| t.width).collect::<Vec<_>>(), [1]);
        assert_eq!(
            tiles_of(256).map(|t| t.to_string()).collect::<Vec<_>>(),
            ["tile/0/000", "tile/1/000.p/1"]
        );
        assert_eq!(tiles_of(0).count(), 0);
    }

    #[test]
    fn a_bundle_gives_back_its_entries_and_no_cut_of_it_does() {
        let entries: Vec<&[u8]> = vec![b"one", b"", b"three"];
        let bytes = encode_bundle(entries.iter().copied()).unwrap();
        assert_eq!(decode_bundle(&bytes), Ok(entries));
        assert_eq!(decode_bundle(&bytes[..bytes.len() - 1]), Err(BundleError::CutShort));
        assert_eq!(encode_bundle([&vec![0_u8; 65_536][..]]), Err(BundleError::TooLong));
        assert_eq!(decode_bundle(&[0; 514]), Err(BundleError::TooMany));
    }
}
