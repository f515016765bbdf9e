//! Proofs are checked here, RFC 6962 §2.1.1 and §2.1.2. Missing and left-over hashes are refused alike.

use super::hash::{Hash, empty_root};
use super::node::MAX_SIZE;

/// Why a proof does not hold, or cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The tree has no such leaf.
    #[error("the index is not in a tree of that size")]
    IndexBeyondSize,
    /// There is no proof from a larger tree to a smaller one.
    #[error("the old size is larger than the new one")]
    OldLargerThanNew,
    /// Beyond 2^62.
    #[error("the size is larger than 2^62")]
    TooLarge,
    /// Too few or too many hashes.
    #[error("the proof has the wrong number of hashes")]
    Length,
    /// It does not lead to the root.
    #[error("the proof does not lead to the root")]
    Root,
    /// A subtree that the proof needs was not given.
    #[error("a hash that the proof is made of is missing")]
    NodeMissing,
}

/// Is this leaf hash the one at `index` of the tree of `size` leaves with this root?
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: Hash,
) -> Result<(), ProofError> {
    if size > MAX_SIZE {
        return Err(ProofError::TooLarge);
    }
    if index >= size {
        return Err(ProofError::IndexBeyondSize);
    }
    // RFC 9162 §2.1.3.2 spells out the check of what RFC 6962 §2.1.1 defines.
    let (mut at, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            hash = Hash::node(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::node(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if hash == root { Ok(()) } else { Err(ProofError::Root) }
}

/// Does the tree of `new_size` leaves begin with the tree of `old_size`?
pub fn verify_consistency(
    old_size: u64,
    old_root: Hash,
    new_size: u64,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if new_size > MAX_SIZE {
        return Err(ProofError::TooLarge);
    }
    if old_size > new_size {
        return Err(ProofError::OldLargerThanNew);
    }
    if old_size == new_size || old_size == 0 {
        if !proof.is_empty() {
            return Err(ProofError::Length);
        }
        // Every tree begins with the empty one; its root is still the empty root and no other.
        let expected = if old_size == 0 { empty_root() } else { new_root };
        let empty = new_size > 0 || new_root == empty_root();
        return if old_root == expected && empty { Ok(()) } else { Err(ProofError::Root) };
    }
    // RFC 9162 §2.1.4.2.
    let mut hashes = proof.iter();
    let first = if old_size.is_power_of_two() { Some(&old_root) } else { hashes.next() };
    let first = *first.ok_or(ProofError::Length)?;
    let shift = (old_size - 1).trailing_ones();
    let (mut at, mut last) = ((old_size - 1) >> shift, (new_size - 1) >> shift);
    let (mut old, mut new) = (first, first);
    for hash in hashes {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            old = Hash::node(hash, &old);
            new = Hash::node(hash, &new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new = Hash::node(&new, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if old == old_root && new == new_root { Ok(()) } else { Err(ProofError::Root) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_zero_and_equal_sizes_take_an_empty_proof_and_the_right_roots() {
        let (a, b) = (Hash([1; 32]), Hash([2; 32]));
        for (case, old, old_root, new, new_root, proof, outcome) in [
            ("from nothing", 0, empty_root(), 5, a, vec![], Ok(())),
            ("from nothing, with a proof", 0, empty_root(), 5, a, vec![b], Err(ProofError::Length)),
            ("from nothing that is not nothing", 0, a, 5, a, vec![], Err(ProofError::Root)),
            ("nothing stays nothing", 0, empty_root(), 0, empty_root(), vec![], Ok(())),
            ("an empty tree with another root", 0, empty_root(), 0, a, vec![], Err(ProofError::Root)),
            ("the same", 5, a, 5, a, vec![], Ok(())),
            ("a fork at the same size", 5, a, 5, b, vec![], Err(ProofError::Root)),
            ("backwards", 6, a, 5, a, vec![], Err(ProofError::OldLargerThanNew)),
            ("growth without a proof", 4, a, 5, b, vec![], Err(ProofError::Length)),
        ] {
            assert_eq!(verify_consistency(old, old_root, new, new_root, &proof), outcome, "{case}");
        }
        assert_eq!(verify_inclusion(a, 0, 1, &[], a), Ok(()));
        assert_eq!(verify_inclusion(a, 1, 1, &[], a), Err(ProofError::IndexBeyondSize));
        assert_eq!(verify_inclusion(a, u64::MAX - 1, u64::MAX, &[], a), Err(ProofError::TooLarge));
    }
}
