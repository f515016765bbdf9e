//! One tree in our hands and in those of the two judges.

use std::collections::HashMap;

use qinlian::tlog::{
    Edge, Hash, NodeId, assemble, consistency_nodes, empty_root, inclusion_nodes, leaf_hash,
};
use tlog_tiles::HashReader;

/// The leaf that stands at an index in every tree of these tests.
pub(crate) fn leaf(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

/// A number of leaves or a place, where a slice is asked.
pub(crate) fn place(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

/// Our tree: every complete subtree, and the root at every size on the way.
#[derive(Default)]
pub(crate) struct Tree {
    edge: Edge,
    nodes: HashMap<NodeId, Hash>,
    roots: Vec<Hash>,
}

impl Tree {
    /// A tree of so many leaves.
    pub(crate) fn of(size: u64) -> Self {
        let mut tree = Self { roots: vec![empty_root()], ..Self::default() };
        while tree.edge.size() < size {
            let hash = leaf_hash(&leaf(tree.edge.size()));
            tree.edge
                .push(hash, &mut |id, hash| {
                    tree.nodes.insert(id, hash);
                })
                .unwrap();
            tree.roots.push(tree.edge.root());
        }
        tree
    }

    /// The root at a size up to this tree's.
    pub(crate) fn root(&self, size: u64) -> Hash {
        self.roots[place(size)]
    }

    /// A complete subtree.
    pub(crate) fn node(&self, id: NodeId) -> Option<Hash> {
        self.nodes.get(&id).copied()
    }

    /// Every complete subtree.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (NodeId, Hash)> + '_ {
        self.nodes.iter().map(|(id, hash)| (*id, *hash))
    }

    /// A leaf's hash.
    pub(crate) fn leaf_hash(&self, index: u64) -> Hash {
        self.node(NodeId { level: 0, index }).unwrap()
    }

    /// The inclusion proof of a leaf at a size.
    pub(crate) fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        assemble(&inclusion_nodes(index, size).unwrap(), |id| self.node(id)).unwrap()
    }

    /// The consistency proof between two sizes.
    pub(crate) fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        assemble(&consistency_nodes(old, new).unwrap(), |id| self.node(id)).unwrap()
    }
}

/// The same leaves in the storage order of Go's tlog.
#[derive(Default)]
pub(crate) struct Stored {
    hashes: Vec<tlog_tiles::Hash>,
}

impl Stored {
    /// A tree of so many leaves.
    pub(crate) fn of(size: u64) -> Self {
        let mut stored = Self::default();
        for index in 0..size {
            let more = tlog_tiles::stored_hashes(index, &leaf(index), &stored).unwrap();
            stored.hashes.extend(more);
        }
        stored
    }
}

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.hashes[place(*index)]).collect())
    }
}

/// A hash in the judge's type.
pub(crate) fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

/// A proof in the judge's type.
pub(crate) fn their_proof(proof: &[Hash]) -> Vec<tlog_tiles::Hash> {
    proof.iter().map(|hash| theirs(*hash)).collect()
}
