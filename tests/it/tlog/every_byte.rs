//! Nothing in a proof is idle: whatever is changed, left out or added, the check refuses.

use qinlian::tlog::{Hash, MAX_SIZE, ProofError, verify_consistency, verify_inclusion};

use super::trees::{Tree, their_proof, theirs};
use crate::support::scale;

/// Up to this size in every run; up to 256 in the full one.
fn largest() -> u64 {
    u64::try_from(scale(64, 256)).unwrap()
}

/// A hash with one bit of one byte turned; which bit changes from byte to byte.
fn flipped(hash: Hash, at: usize) -> Hash {
    let mut bytes = hash.0;
    bytes[at] ^= 1 << (at % 8);
    Hash(bytes)
}

/// Every proof that differs from this one by a byte, by a hash too few or too many, or by two neighbours exchanged.
fn spoilt(proof: &[Hash]) -> Vec<(String, Vec<Hash>)> {
    let mut all = Vec::new();
    for n in 0..proof.len() {
        for at in 0..32 {
            let mut changed = proof.to_vec();
            changed[n] = flipped(proof[n], at);
            all.push((format!("byte {at} of hash {n}"), changed));
        }
        let mut shorter = proof.to_vec();
        shorter.remove(n);
        all.push((format!("without hash {n}"), shorter));
        if n + 1 < proof.len() {
            let mut exchanged = proof.to_vec();
            exchanged.swap(n, n + 1);
            all.push((format!("hash {n} after its neighbour"), exchanged));
        }
    }
    for n in 0..=proof.len() {
        for extra in [Hash([0; 32]), proof.get(n).copied().unwrap_or(Hash([7; 32]))] {
            let mut longer = proof.to_vec();
            longer.insert(n, extra);
            all.push((format!("with one more at {n}"), longer));
        }
    }
    all
}

#[test]
fn an_inclusion_proof_with_anything_changed_is_refused() {
    let tree = Tree::of(largest());
    for size in 1..=largest() {
        let root = tree.root(size);
        for index in 0..size {
            let (leaf, proof) = (tree.leaf_hash(index), tree.inclusion(index, size));
            let check = |leaf, index, proof: &[Hash], root| verify_inclusion(leaf, index, size, proof, root);
            assert_eq!(check(leaf, index, &proof, root), Ok(()), "{index} in {size}, unchanged");
            for (what, changed) in spoilt(&proof) {
                assert!(check(leaf, index, &changed, root).is_err(), "{index} in {size}, {what}");
            }
            for at in 0..32 {
                assert!(check(flipped(leaf, at), index, &proof, root).is_err(), "leaf, byte {at}");
                assert!(check(leaf, index, &proof, flipped(root, at)).is_err(), "root, byte {at}");
            }
            for other in (0..size + 2).filter(|other| *other != index) {
                assert!(check(leaf, other, &proof, root).is_err(), "{index} as {other} in {size}");
            }
        }
    }
}

#[test]
fn a_consistency_proof_with_anything_changed_is_refused() {
    let tree = Tree::of(largest());
    for new in 1..=largest() {
        for old in 0..=new {
            let (old_root, new_root, proof) = (tree.root(old), tree.root(new), tree.consistency(old, new));
            let check =
                |old_root, new_root, proof: &[Hash]| verify_consistency(old, old_root, new, new_root, proof);
            assert_eq!(check(old_root, new_root, &proof), Ok(()), "{old} to {new}, unchanged");
            for (what, changed) in spoilt(&proof) {
                assert!(check(old_root, new_root, &changed).is_err(), "{old} to {new}, {what}");
            }
            for at in 0..32 {
                assert!(check(flipped(old_root, at), new_root, &proof).is_err(), "{old} to {new}, old root");
                // Every tree begins with the empty one: that proof says nothing about the new root.
                let refused = check(old_root, flipped(new_root, at), &proof).is_err();
                assert_eq!(refused, old > 0, "{old} to {new}, new root");
            }
        }
    }
}

/// A proof alone does not fix the size of its tree: leaf 0 of 3 has the same path as leaf 0 of 4. The signature over the
/// checkpoint fixes it. What may not happen is that we accept a size that another implementation refuses.
#[test]
fn a_changed_size_is_accepted_only_where_the_path_is_the_same_and_the_other_implementation_accepts_it_too() {
    let tree = Tree::of(64);
    let (mut refused, mut same_path) = (0, 0);
    for size in 1..=64 {
        let root = tree.root(size);
        for index in 0..size {
            let (leaf, proof) = (tree.leaf_hash(index), tree.inclusion(index, size));
            for other in (0..=130).filter(|other| *other != size) {
                let verdict = verify_inclusion(leaf, index, other, &proof, root);
                let theirs =
                    tlog_tiles::check_record(&their_proof(&proof), other, theirs(root), index, theirs(leaf));
                assert_eq!(verdict.is_ok(), theirs.is_ok(), "{index} in {size} as in {other}: {verdict:?}");
                if verdict.is_ok() { same_path += 1 } else { refused += 1 }
            }
        }
    }
    assert!(refused > same_path && same_path > 0, "{refused} refused, {same_path} accepted");
}

#[test]
fn changed_sizes_of_a_consistency_proof_are_judged_as_the_other_implementation_judges_them() {
    let tree = Tree::of(32);
    let mut refused = 0;
    for new in 1..=32 {
        for old in 1..=new {
            let (old_root, new_root, proof) = (tree.root(old), tree.root(new), tree.consistency(old, new));
            for (other_old, other_new) in (1..=40).flat_map(|o| (o..=40).map(move |n| (o, n))) {
                let verdict = verify_consistency(other_old, old_root, other_new, new_root, &proof);
                let theirs = tlog_tiles::check_tree(
                    &their_proof(&proof),
                    other_new,
                    theirs(new_root),
                    other_old,
                    theirs(old_root),
                );
                let name = format!("{old} to {new} as {other_old} to {other_new}");
                assert_eq!(verdict.is_ok(), theirs.is_ok(), "{name}: {verdict:?}");
                refused += u32::from(verdict.is_err());
            }
        }
    }
    assert!(refused > 100_000, "{refused}");
}

#[test]
fn sizes_at_the_end_of_the_numbers_are_refused_and_break_nothing() {
    let (hash, long) = (Hash([1; 32]), vec![Hash([2; 32]); 70]);
    for size in [MAX_SIZE, MAX_SIZE + 1, 1 << 63, u64::MAX] {
        for index in [0, 1, MAX_SIZE - 1, MAX_SIZE, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX] {
            for hashes in 0..long.len() {
                let proof = &long[..hashes];
                assert!(verify_inclusion(hash, index, size, proof, hash).is_err());
                let same = index == size && hashes == 0 && size <= MAX_SIZE;
                let verdict = verify_consistency(index, hash, size, hash, proof);
                assert_eq!(verdict.is_ok(), same, "{index} to {size} with {hashes}");
            }
        }
    }
    // Inside the limit the largest trees are ordinary ones.
    assert_eq!(qinlian::tlog::inclusion_nodes(MAX_SIZE - 1, MAX_SIZE).map(|items| items.len()), Ok(62));
    assert_eq!(qinlian::tlog::consistency_nodes(MAX_SIZE - 1, MAX_SIZE).map(|items| items.len()), Ok(63));
    assert_eq!(qinlian::tlog::inclusion_nodes(MAX_SIZE, MAX_SIZE + 1), Err(ProofError::TooLarge));
}
