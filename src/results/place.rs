//! Where a fold stands: how much of a log, and how much of the deployment log, a state has seen.

use crate::kernel::Pos;

/// A state of the registers: all entries before `pos` of the log, and all before `deployment` of the deployment log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AsOf {
    /// One past the last entry of the log.
    pub pos: Pos,
    /// One past the last entry of the deployment log.
    pub deployment: Pos,
}

impl AsOf {
    /// Nothing has been seen.
    pub const ZERO: Self = Self { pos: Pos::ZERO, deployment: Pos::ZERO };
}

/// Which run of the fold a revision belongs to.
///
/// 0 for the feed that begins with the log. A feed that had to begin later, because inputs were erased or the rules of
/// the beginning are no longer known, is numbered by what made it begin there, so that it too is the same each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Feed(i64);

impl Feed {
    /// The feed that begins with the log.
    pub const FIRST: Self = Self(0);

    /// The feed that a fold begins when it has no head yet.
    ///
    /// Both positions only grow, and each new one is above everything older: no two different beginnings share a number.
    pub fn beginning(since: AsOf, erased: Option<Pos>) -> Self {
        if since == AsOf::ZERO && erased.is_none() {
            return Self::FIRST;
        }
        Self(erased.map_or(since.pos, |erased| erased.max(since.pos)).next().column())
    }

    /// As a column.
    pub const fn column(self) -> i64 {
        self.0
    }

    /// From a column.
    pub const fn from_column(value: i64) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_keeps_its_number_until_it_has_to_begin_elsewhere() {
        let at = |pos| AsOf { pos: Pos::new(pos), deployment: Pos::new(3) };
        let numbers = [
            ("nothing happened", AsOf::ZERO, None, 0),
            ("facts were erased at 7", AsOf::ZERO, Some(7), 8),
            ("and again at 9", AsOf::ZERO, Some(9), 10),
            ("then new rules at 12", at(12), Some(9), 13),
            ("then erased at 20", at(12), Some(20), 21),
        ];
        for (why, since, erased, wanted) in numbers {
            assert_eq!(Feed::beginning(since, erased.map(Pos::new)).column(), wanted, "{why}");
        }
    }
}
