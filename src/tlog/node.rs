//! Which complete subtrees a root or a proof is folded from, so that a caller can fetch them first.
//!
//! A [`ProofItem`] is one hash of a proof: the complete subtrees, from left to right, whose right fold gives it
//! (RFC 6962 §2.1: the left subtree of a tree is the largest power of two smaller than its size).

use super::hash::Hash;
use super::proof::ProofError;

/// Sizes end here: 2^62 leaves.
pub const MAX_SIZE: u64 = 1 << 62;

/// The complete subtree of 2^level leaves that is number `index` at its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// 0: a leaf.
    pub level: u8,
    /// From 0.
    pub index: u64,
}

/// One hash of a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofItem(Vec<NodeId>);

impl ProofItem {
    /// The complete subtrees, from left to right.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.0.iter().copied()
    }
}

/// The complete subtrees that cover `[from, until)`, from left to right; `from` is a multiple of the size of the first.
fn cover(from: u64, until: u64) -> ProofItem {
    let mut nodes = Vec::new();
    let mut at = from;
    while at < until {
        // The largest power of two that fits and that `at` is aligned to.
        let fits = (until - at).ilog2();
        let level = if at == 0 { fits } else { fits.min(at.trailing_zeros()) };
        nodes.push(NodeId { level: u8::try_from(level).unwrap_or(u8::MAX), index: at >> level });
        at += 1 << level;
    }
    ProofItem(nodes)
}

/// The complete subtrees that the root of a tree is folded from.
pub fn root_nodes(size: u64) -> Result<ProofItem, ProofError> {
    if size > MAX_SIZE { Err(ProofError::TooLarge) } else { Ok(cover(0, size)) }
}

/// The largest power of two smaller than `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// What an inclusion proof is made of, RFC 6962 §2.1.1, from the leaf's sibling up.
pub fn inclusion_nodes(index: u64, size: u64) -> Result<Vec<ProofItem>, ProofError> {
    if size > MAX_SIZE {
        return Err(ProofError::TooLarge);
    }
    if index >= size {
        return Err(ProofError::IndexBeyondSize);
    }
    let (mut from, mut until) = (0, size);
    let mut items = Vec::new();
    while until - from > 1 {
        let middle = from + split(until - from);
        if index < middle {
            items.push(cover(middle, until));
            until = middle;
        } else {
            items.push(cover(from, middle));
            from = middle;
        }
    }
    items.reverse();
    Ok(items)
}

/// What a consistency proof is made of, RFC 6962 §2.1.2; empty from size 0 and between equal sizes.
pub fn consistency_nodes(old_size: u64, new_size: u64) -> Result<Vec<ProofItem>, ProofError> {
    if new_size > MAX_SIZE {
        return Err(ProofError::TooLarge);
    }
    if old_size > new_size {
        return Err(ProofError::OldLargerThanNew);
    }
    if old_size == 0 || old_size == new_size {
        return Ok(Vec::new());
    }
    let (mut from, mut until) = (0, new_size);
    let mut items = Vec::new();
    // Down to the subtree that ends where the old tree ends.
    while until != old_size {
        let middle = from + split(until - from);
        if old_size <= middle {
            items.push(cover(middle, until));
            until = middle;
        } else {
            items.push(cover(from, middle));
            from = middle;
        }
    }
    // That subtree is known to who has the old root, if it is the whole old tree.
    if from != 0 {
        items.push(cover(from, until));
    }
    items.reverse();
    Ok(items)
}

/// Folds every item: the hashes of the proof.
pub fn assemble(items: &[ProofItem], node: impl Fn(NodeId) -> Option<Hash>) -> Result<Vec<Hash>, ProofError> {
    items.iter().map(|item| fold(item, &node)).collect()
}

pub(super) fn fold(item: &ProofItem, node: impl Fn(NodeId) -> Option<Hash>) -> Result<Hash, ProofError> {
    let mut folded: Option<Hash> = None;
    for id in item.0.iter().rev() {
        let hash = node(*id).ok_or(ProofError::NodeMissing)?;
        folded = Some(folded.map_or(hash, |right| Hash::node(&hash, &right)));
    }
    folded.ok_or(ProofError::NodeMissing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(item: &ProofItem) -> Vec<(u8, u64)> {
        item.nodes().map(|n| (n.level, n.index)).collect()
    }

    #[test]
    fn the_root_of_seven_leaves_is_folded_from_four_two_and_one() {
        assert_eq!(ids(&root_nodes(7).unwrap()), [(2, 0), (1, 2), (0, 6)]);
        assert_eq!(ids(&root_nodes(0).unwrap()), []);
        assert_eq!(root_nodes(MAX_SIZE + 1), Err(ProofError::TooLarge));
        assert_eq!(ids(&root_nodes(MAX_SIZE).unwrap()), [(62, 0)]);
    }

    #[test]
    fn the_example_of_rfc_6962_2_1_3_comes_out() {
        // Inclusion of d0 in a tree of 7: b, h, l.
        let items = inclusion_nodes(0, 7).unwrap();
        assert_eq!(
            items.iter().map(ids).collect::<Vec<_>>(),
            [vec![(0, 1)], vec![(1, 1)], vec![(1, 2), (0, 6)]]
        );
        // Consistency from 3 to 7: c, d, g, l.
        let items = consistency_nodes(3, 7).unwrap();
        assert_eq!(
            items.iter().map(ids).collect::<Vec<_>>(),
            [vec![(0, 2)], vec![(0, 3)], vec![(1, 0)], vec![(1, 2), (0, 6)]]
        );
        // From 4 to 7: l alone.
        assert_eq!(consistency_nodes(4, 7).unwrap().len(), 1);
    }
}
