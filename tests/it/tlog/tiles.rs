//! Tile paths, tile contents and entry bundles, c2sp.org/tlog-tiles.

use std::collections::BTreeSet;

use proptest::prelude::*;
use qinlian::tlog::{
    BundleError, Hash, NodeId, Tile, TileError, decode_bundle, encode_bundle, node_in_tile, tiles_of,
};

use super::parsers::{check, edits, mutate};
use super::trees::{Stored, Tree};
use crate::support::scale;

/// Go's form of a path: with the height, and `data` where C2SP has `entries`.
fn go_form(path: &str) -> String {
    let rest = path.strip_prefix("tile/").unwrap_or(path);
    match rest.strip_prefix("entries/") {
        Some(rest) => format!("tile/8/data/{rest}"),
        None => format!("tile/8/{rest}"),
    }
}

fn tiles() -> impl Strategy<Value = Tile> {
    let index = prop_oneof![0..2000_u64, any::<u64>(), (u64::MAX - 1000)..=u64::MAX];
    let width = prop_oneof![Just(256_u16), 1..256_u16];
    (prop::option::of(0..64_u8), index, width).prop_map(|(level, index, width)| Tile { level, index, width })
}

#[test]
fn every_path_is_read_back_and_is_the_one_that_another_implementation_writes() {
    check(scale(10_000, 200_000), &tiles(), |tile| {
        let path = tile.to_string();
        prop_assert_eq!(Tile::parse(&path), Ok(tile));
        let (level, width) = (tile.level.unwrap_or(0), u32::from(tile.width));
        let other = tlog_tiles::Tile::new(8, level, tile.index, width, tile.level.is_none());
        prop_assert_eq!(go_form(&path), other.path());
        Ok(())
    });
}

#[test]
fn a_path_is_accepted_exactly_when_another_implementation_accepts_it() {
    let paths = (tiles(), edits(3)).prop_map(|(tile, edits)| mutate(&tile.to_string(), &edits, PIECES));
    let accepted = std::cell::Cell::new(0);
    check(scale(20_000, 400_000), &paths, |path| {
        let ours = Tile::parse(&path);
        // Two kinds of path end the other one with a panic: it is not asked.
        let level = path.split('/').nth(1).and_then(|level| level.parse::<u8>().ok());
        let no_width = path.rsplit('/').next().is_some_and(|width| width.parse::<u32>() == Ok(0));
        if level.is_some_and(|level| level > 63) || (path.contains(".p/") && no_width) {
            prop_assert!(ours.is_err(), "{}", path);
            return Ok(());
        }
        // Nor has C2SP a level called data, nor Go's form a level called entries.
        let theirs = path.starts_with("tile/")
            && !path.starts_with("tile/data/")
            && tlog_tiles::Tile::from_path(&go_form(&path)).is_ok();
        prop_assert_eq!(ours.is_ok(), theirs, "{}", path);
        accepted.set(accepted.get() + u32::from(ours.is_ok()));
        Ok(())
    });
    assert!(accepted.get() > 1000, "only {} paths were good ones", accepted.get());
}

const PIECES: &[&str] =
    &["tile/", "entries", "data", "x", "000", "001", ".p/", "/", "0", "255", "256", "63", "64", "+", "-1"];

#[test]
fn the_paths_that_end_other_implementations_are_refused() {
    for (path, error) in [
        ("tile/8/0/000.p/0", TileError::Width),
        ("tile/8/64/000", TileError::Index),
        ("tile/64/000", TileError::Level),
        ("tile/0/000.p/0", TileError::Width),
        ("tile/30/data/x018/x446/x744/x073/x709/x551/616.p/255", TileError::Index),
        ("tile/0/x018/x446/x744/x073/x709/x551/616", TileError::Index),
        ("tile/0/000.p/256", TileError::Width),
        ("tile/0/000.p/65536", TileError::Width),
        ("tile/0/000.p/4294967297", TileError::Width),
        ("tile/256/000", TileError::Level),
        ("tile/+1/000", TileError::Level),
        ("tile/1/+00", TileError::Index),
        ("tile/0/000.p/+1", TileError::Width),
        ("tile/0/000.p/", TileError::Width),
        ("tile/0/000.p", TileError::Index),
        ("tile/0/000/", TileError::Index),
        ("tile/0//000", TileError::Index),
        ("tile//000", TileError::Level),
        ("/tile/0/000", TileError::Prefix),
        ("tile/0/٠٠٠", TileError::Index),
        ("tile/0/x000/x000", TileError::Index),
        ("tile/0/../000", TileError::Index),
        ("", TileError::Prefix),
    ] {
        assert_eq!(Tile::parse(path), Err(error), "{path:?}");
    }
    let last = Tile { level: Some(63), index: u64::MAX, width: 256 };
    assert_eq!(last.to_string(), "tile/63/x018/x446/x744/x073/x709/x551/615");
    assert_eq!(Tile::parse(&last.to_string()), Ok(last));
}

#[test]
fn the_tiles_of_a_tree_and_their_bytes_are_those_of_another_implementation() {
    let largest = 1100;
    let (tree, stored) = (Tree::of(largest), Stored::of(largest));
    for size in (0..=largest).filter(|size| *size <= 520 || size % 17 == 0) {
        let ours: BTreeSet<String> = tiles_of(size).map(|tile| go_form(&tile.to_string())).collect();
        let theirs = tlog_tiles::Tile::new_tiles(8, 0, size);
        assert_eq!(ours, theirs.iter().map(tlog_tiles::Tile::path).collect(), "{size}");
        for tile in theirs.iter().filter(|_| size == largest || size == 300) {
            let hashes = row(&tree, tile.level(), tile.level_index(), u64::from(tile.width()));
            let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
            assert_eq!(tile.read_data(&stored).unwrap(), bytes, "{}", tile.path());
        }
    }
}

/// The hashes of a tile.
fn row(tree: &Tree, level: u8, index: u64, width: u64) -> Vec<Hash> {
    (0..width).map(|n| tree.node(NodeId { level: level * 8, index: index * 256 + n }).unwrap()).collect()
}

#[test]
fn every_complete_subtree_is_found_in_the_tile_that_holds_it_and_in_no_other() {
    let size = 700;
    let tree = Tree::of(size);
    let rows: Vec<(Tile, Vec<Hash>)> = tiles_of(size)
        .map(|tile| (tile, row(&tree, tile.level.unwrap(), tile.index, u64::from(tile.width))))
        .collect();
    for (id, hash) in tree.nodes() {
        let found: Vec<Hash> =
            rows.iter().filter_map(|(tile, hashes)| node_in_tile(tile, hashes, id)).collect();
        // A level that is a multiple of eight is the top of one tile and a hash of the one above.
        let times = if id.level == 8 { 2 } else { 1 };
        assert_eq!(found, vec![hash; times], "{id:?}");
    }
}

#[test]
fn a_subtree_that_no_tree_has_is_in_no_tile() {
    let hashes = vec![Hash([1; 32]); 256];
    for (level, index) in [(2, 1 << 62), (8, 1 << 56), (1, 1 << 63), (0, u64::MAX), (200, 0), (63, u64::MAX)]
    {
        for tile_level in [Some(0), Some(7), Some(31), Some(32), Some(63), None] {
            for tile_index in [0, 1 << 56, u64::MAX] {
                let tile = Tile { level: tile_level, index: tile_index, width: 256 };
                assert_eq!(
                    node_in_tile(&tile, &hashes, NodeId { level, index }),
                    None,
                    "{level} {index} {tile}"
                );
            }
        }
    }
    let tile = Tile { level: Some(0), index: 0, width: 256 };
    assert_eq!(node_in_tile(&tile, &hashes, NodeId { level: 0, index: 255 }), Some(Hash([1; 32])));
    assert_eq!(node_in_tile(&tile, &hashes[..255], NodeId { level: 0, index: 255 }), None);
    assert_eq!(node_in_tile(&tile, &hashes[..255], NodeId { level: 1, index: 127 }), None);
}

#[test]
fn a_bundle_gives_back_its_entries_and_a_cut_one_never_gives_as_many() {
    let entry = prop_oneof![Just(Vec::new()), prop::collection::vec(any::<u8>(), 0..40)];
    let bundles = (prop::collection::vec(entry, 0..=256), any::<prop::sample::Index>());
    check(scale(1000, 20_000), &bundles, |(entries, cut)| {
        let bytes = encode_bundle(entries.iter().map(Vec::as_slice)).unwrap();
        let expected: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(decode_bundle(&bytes), Ok(expected));
        if !bytes.is_empty() {
            match decode_bundle(&bytes[..cut.index(bytes.len())]) {
                Ok(fewer) => prop_assert!(fewer.len() < entries.len()),
                Err(error) => prop_assert_eq!(error, BundleError::CutShort),
            }
        }
        Ok(())
    });
}

#[test]
fn the_largest_entry_and_the_fullest_bundle_fit_and_one_more_does_not() {
    let (largest, larger) = (vec![7; 65_535], vec![7; 65_536]);
    let full = vec![&largest[..]; 256];
    let bytes = encode_bundle(full.iter().copied()).unwrap();
    assert_eq!(decode_bundle(&bytes), Ok(full.clone()));
    assert_eq!(encode_bundle([&larger[..]]), Err(BundleError::TooLong));
    assert_eq!(encode_bundle(full.iter().copied().chain([&b""[..]])), Err(BundleError::TooMany));
    assert_eq!(decode_bundle(&[&bytes[..], &[0, 0]].concat()), Err(BundleError::TooMany));
    assert_eq!(decode_bundle(&[0]), Err(BundleError::CutShort));
    assert_eq!(decode_bundle(&[0, 2, 1]), Err(BundleError::CutShort));
    assert_eq!(encode_bundle(["ab".as_bytes(), b"", b"c"]), Ok(vec![0, 2, b'a', b'b', 0, 0, 0, 1, b'c']));
}
