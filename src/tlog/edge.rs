//! The right edge of a tree: what is needed to append, one hash per bit that is set in the size.

use super::hash::{Hash, empty_root};
use super::node::{MAX_SIZE, NodeId};

/// Complete subtrees of falling size, from left to right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edge {
    size: u64,
    hashes: Vec<Hash>,
}

/// The tree is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tree has at most 2^62 leaves")]
pub struct SizeError;

/// Why bytes are not an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// Not 32 bytes for every bit that is set in the size.
    #[error("does not have a hash for every bit of the size")]
    Length,
    /// Beyond 2^62.
    #[error("is larger than 2^62")]
    TooLarge,
}

impl Edge {
    /// The edge of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// From what [`Edge::to_bytes`] made.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, EdgeError> {
        let (chunks, rest) = bytes.as_chunks::<32>();
        Self::from_hashes(size, chunks.iter().map(|chunk| Hash(*chunk)).collect())
            .and_then(|edge| if rest.is_empty() { Ok(edge) } else { Err(EdgeError::Length) })
    }

    /// From its hashes.
    pub fn from_hashes(size: u64, hashes: Vec<Hash>) -> Result<Self, EdgeError> {
        if size > MAX_SIZE {
            return Err(EdgeError::TooLarge);
        }
        let bits = usize::try_from(size.count_ones()).unwrap_or(usize::MAX);
        if bits == hashes.len() { Ok(Self { size, hashes }) } else { Err(EdgeError::Length) }
    }

    /// The hashes, one after the other.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| hash.0).collect()
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// From left to right.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The edge's subtrees with their places.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, Hash)> + '_ {
        let levels = (0..63_u8).rev().filter(|level| self.size >> level & 1 == 1);
        // The subtree of a set bit begins where the higher bits end.
        levels
            .zip(&self.hashes)
            .map(|(level, hash)| (NodeId { level, index: (self.size >> level) - 1 }, *hash))
    }

    /// The root, RFC 6962 §2.1.
    pub fn root(&self) -> Hash {
        let fold = self.hashes.iter().rev().copied().reduce(|right, left| Hash::node(&left, &right));
        fold.unwrap_or_else(empty_root)
    }

    /// Appends a leaf. `completed` is told of every subtree that becomes complete by it, the leaf first.
    pub fn push(&mut self, leaf: Hash, completed: &mut impl FnMut(NodeId, Hash)) -> Result<(), SizeError> {
        if self.size >= MAX_SIZE {
            return Err(SizeError);
        }
        let mut hash = leaf;
        let mut level: u8 = 0;
        completed(NodeId { level, index: self.size }, hash);
        while self.size >> level & 1 == 1 {
            let Some(left) = self.hashes.pop() else { break };
            hash = Hash::node(&left, &hash);
            level += 1;
            completed(NodeId { level, index: self.size >> level }, hash);
        }
        self.hashes.push(hash);
        self.size += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::leaf_hash;
    use super::*;

    /// RFC 6962 §2.1 as it is written, recursively.
    fn mth(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [one] => *one,
            many => {
                let k = many.len().next_power_of_two() / 2;
                Hash::node(&mth(&many[..k]), &mth(&many[k..]))
            }
        }
    }

    #[test]
    fn every_root_up_to_three_hundred_leaves_is_the_definitions() {
        let leaves: Vec<Hash> = (0..300_u32).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut edge = Edge::new();
        assert_eq!(edge.root(), empty_root());
        for n in 0..leaves.len() {
            let mut made = Vec::new();
            edge.push(leaves[n], &mut |node, hash| made.push((node, hash))).unwrap();
            assert_eq!(edge.root(), mth(&leaves[..=n]));
            for (node, hash) in made.into_iter().chain(edge.nodes()) {
                let first = usize::try_from(node.index << node.level).unwrap();
                assert_eq!(hash, mth(&leaves[first..first + (1 << node.level)]), "{node:?}");
            }
            assert_eq!(Edge::from_bytes(edge.size(), &edge.to_bytes()), Ok(edge.clone()));
        }
    }

    #[test]
    fn an_edge_has_as_many_hashes_as_its_size_has_bits() {
        assert_eq!(Edge::from_bytes(3, &[0; 32]), Err(EdgeError::Length));
        assert_eq!(Edge::from_bytes(1, &[0; 33]), Err(EdgeError::Length));
        assert_eq!(Edge::from_bytes(u64::MAX, &[0; 64 * 32]), Err(EdgeError::TooLarge));
        let mut full = Edge::from_bytes(MAX_SIZE, &[0; 32]).unwrap();
        assert_eq!(full.push(empty_root(), &mut |_, _| ()), Err(SizeError));
    }
}
