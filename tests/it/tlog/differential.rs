//! Roots and proofs are byte for byte those of `ct-merkle` and `tlog_tiles`, and our check accepts every one of them.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use qinlian::tlog::{Hash, verify_consistency, verify_inclusion};
use sha2::Sha256;

use super::trees::{Stored, Tree, leaf, place, their_proof, theirs};
use crate::support::scale;

/// A proof as `ct-merkle` writes it: the hashes one after the other.
fn bytes(proof: &[Hash]) -> Vec<u8> {
    proof.iter().flat_map(|hash| hash.0).collect()
}

#[test]
fn every_root_is_the_one_that_two_other_implementations_compute() {
    let sizes = u64::try_from(scale(600, 2000)).unwrap();
    let (ours, stored) = (Tree::of(sizes), Stored::of(sizes));
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 0..=sizes {
        assert_eq!(ours.root(size).0[..], other.root().as_bytes()[..], "ct-merkle at {size}");
        assert_eq!(
            theirs(ours.root(size)),
            tlog_tiles::tree_hash(size, &stored).unwrap(),
            "tlog_tiles at {size}"
        );
        other.push(leaf(size));
    }
}

#[test]
fn every_inclusion_proof_up_to_256_leaves_is_the_same_in_three_implementations() {
    let (ours, stored) = (Tree::of(256), Stored::of(256));
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut compared = 0;
    for size in 1..=256 {
        other.push(leaf(size - 1));
        for index in 0..size {
            let proof = ours.inclusion(index, size);
            let name = format!("{index} in {size}");
            assert_eq!(bytes(&proof), other.prove_inclusion(place(index)).as_bytes(), "ct-merkle, {name}");
            let tiles = tlog_tiles::prove_record(size, index, &stored).unwrap();
            assert_eq!(their_proof(&proof), tiles, "tlog_tiles, {name}");
            let verdict = verify_inclusion(ours.leaf_hash(index), index, size, &proof, ours.root(size));
            assert_eq!(verdict, Ok(()), "{name}");
            compared += 1;
        }
    }
    assert_eq!(compared, 256 * 257 / 2);
}

#[test]
fn every_consistency_proof_up_to_256_leaves_is_the_same_in_three_implementations() {
    let (ours, stored) = (Tree::of(256), Stored::of(256));
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut compared = 0;
    for new in 0..=256 {
        for old in 0..=new {
            let proof = ours.consistency(old, new);
            let name = format!("{old} to {new}");
            // ct-merkle makes no proof from an empty tree nor from a tree to itself, tlog_tiles none from an empty one.
            if (1..new).contains(&old) {
                let theirs = other.prove_consistency(place(new - old));
                assert_eq!(bytes(&proof), theirs.as_bytes(), "ct-merkle, {name}");
            }
            if old > 0 {
                let tiles = tlog_tiles::prove_tree(new, old, &stored).unwrap();
                assert_eq!(their_proof(&proof), tiles, "tlog_tiles, {name}");
            } else {
                assert_eq!(proof, [], "{name}");
            }
            let verdict = verify_consistency(old, ours.root(old), new, ours.root(new), &proof);
            assert_eq!(verdict, Ok(()), "{name}");
            compared += 1;
        }
        other.push(leaf(new));
    }
    assert_eq!(compared, 257 * 258 / 2);
}
