//! Three records of every leaf's hash: the leaf itself, the column beside it, and the tile. When they disagree, the
//! next sealed root says which of them was changed.

use crate::tlog::{Edge, Hash};

/// The three records of one leaf's hash; the leaf's own is missing with the row, the tile's where no tile is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Three {
    pub(super) leaf: Option<Hash>,
    pub(super) column: Option<Hash>,
    pub(super) tile: Option<Hash>,
}

impl Three {
    fn majority(&self) -> Option<Hash> {
        let all = [self.leaf, self.column, self.tile];
        let twice = |one: &Hash| all.iter().filter(|other| **other == Some(*one)).count() > 1;
        all.iter().flatten().copied().find(twice).or(self.tile).or(self.leaf).or(self.column)
    }

    fn agree(&self) -> bool {
        let one = self.leaf;
        one.is_some() && self.column == one && (self.tile.is_none() || self.tile == one)
    }
}

/// The true hashes of a window of leaves, and whether the sealed root at its end confirms them.
pub(super) fn settle(edge: &Edge, window: &[Three], root: Option<Hash>) -> (Vec<Hash>, bool) {
    let missing = Hash([0; 32]);
    let pick = |of: &dyn Fn(&Three) -> Option<Hash>| -> Vec<Hash> {
        window.iter().map(|three| of(three).or(three.majority()).unwrap_or(missing)).collect()
    };
    let own = pick(&|three| three.leaf);
    let Some(root) = root else {
        return (if window.iter().all(Three::agree) { own } else { pick(&Three::majority) }, true);
    };
    if fits(edge, &own, root) {
        return (own, true);
    }
    for other in [pick(&Three::majority), pick(&|three| three.column), pick(&|three| three.tile)] {
        if fits(edge, &other, root) {
            return (other, true);
        }
    }
    (pick(&Three::majority), false)
}

fn fits(edge: &Edge, leaves: &[Hash], root: Hash) -> bool {
    let mut edge = edge.clone();
    leaves.iter().all(|leaf| edge.push(*leaf, &mut |_, _| ()).is_ok()) && edge.root() == root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::leaf_hash;

    fn all(byte: u8) -> Three {
        let hash = Some(leaf_hash(&[byte]));
        Three { leaf: hash, column: hash, tile: hash }
    }

    #[test]
    fn the_root_says_which_record_was_changed() {
        let other = Some(leaf_hash(b"other"));
        let good = [all(1), all(2), all(3)];
        let mut edge = Edge::new();
        for three in &good {
            edge.push(three.leaf.unwrap(), &mut |_, _| ()).unwrap();
        }
        let (root, truth) = (edge.root(), good.map(|three| three.leaf.unwrap()).to_vec());
        let empty = Edge::new();
        for (case, window) in [
            ("nothing", good),
            ("the leaf", [all(1), Three { leaf: other, ..all(2) }, all(3)]),
            ("the column", [all(1), Three { column: other, ..all(2) }, all(3)]),
            ("the tile", [all(1), Three { tile: other, ..all(2) }, all(3)]),
            ("leaf and column alike", [all(1), Three { leaf: other, column: other, ..all(2) }, all(3)]),
            ("one each", [Three { leaf: other, ..all(1) }, Three { tile: other, ..all(2) }, all(3)]),
            ("the row is gone", [all(1), Three { leaf: None, column: None, ..all(2) }, all(3)]),
        ] {
            assert_eq!(settle(&empty, &window, Some(root)), (truth.clone(), true), "{case}");
        }
        let rewritten = [all(1), all(9), all(3)];
        assert!(!settle(&empty, &rewritten, Some(root)).1);
    }
}
