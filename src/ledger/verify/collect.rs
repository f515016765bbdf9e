//! Which of many findings is the first.
//!
//! An entry that is known to be bad is named by its index. A root that is wrong says only between which checkpoints the
//! bad entry lies; it counts when no entry up to its end is known to be bad. What is wrong with a file as a whole comes
//! last.

use super::report::FirstBad;
use crate::kernel::Pos;

/// A finding.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// Of one entry.
    Exact {
        /// Where.
        pos: Pos,
        /// What of it.
        field: String,
        /// In words.
        why: String,
    },
    /// Of some entry in `[from, until)`.
    Range {
        /// From.
        from: Pos,
        /// Until, not included.
        until: Pos,
        /// What.
        field: String,
        /// In words.
        why: String,
    },
    /// Of no entry.
    Whole(FirstBad),
}

/// Keeps the first finding of each kind.
#[derive(Debug)]
pub(super) struct Collector {
    bases: Vec<Pos>,
    exact: Option<(Pos, String, String)>,
    range: Option<(Pos, Pos, String, String)>,
    whole: Option<FirstBad>,
}

impl Collector {
    /// `bases`: where each epoch begins, oldest first.
    pub(super) fn new(bases: Vec<Pos>) -> Self {
        Self { bases, exact: None, range: None, whole: None }
    }

    pub(super) fn push(&mut self, found: Found) {
        match found {
            Found::Exact { pos, field, why } => {
                if self.exact.as_ref().is_none_or(|(first, ..)| pos < *first) {
                    self.exact = Some((pos, field, why));
                }
            }
            Found::Range { from, until, field, why } => {
                if self.range.as_ref().is_none_or(|(_, first, ..)| until < *first) {
                    self.range = Some((from, until, field, why));
                }
            }
            Found::Whole(bad) => {
                self.whole.get_or_insert(bad);
            }
        }
    }

    /// Has an entry been found bad yet?
    pub(super) fn has_exact(&self) -> bool {
        self.exact.is_some()
    }

    fn index(&self, pos: Pos) -> u64 {
        let base = self.bases.iter().rev().find(|base| **base <= pos).copied().unwrap_or_default();
        pos.get() - base.get()
    }

    /// The first.
    pub(super) fn first(&self) -> Option<FirstBad> {
        let range_wins = match (&self.exact, &self.range) {
            (Some((pos, ..)), Some((_, until, ..))) => until <= pos,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if let Some((from, _, field, why)) = self.range.as_ref().filter(|_| range_wins) {
            return Some(FirstBad::entry(self.index(*from), field, why));
        }
        let exact = self.exact.as_ref();
        exact
            .map(|(pos, field, why)| FirstBad::entry(self.index(*pos), field, why))
            .or_else(|| self.whole.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(pos: u64) -> Found {
        Found::Exact { pos: Pos::new(pos), field: "leaf".to_owned(), why: String::new() }
    }

    fn range(from: u64, until: u64) -> Found {
        Found::Range {
            from: Pos::new(from),
            until: Pos::new(until),
            field: "root".to_owned(),
            why: String::new(),
        }
    }

    #[test]
    fn an_entry_beats_the_range_that_it_lies_in_and_a_range_before_it_beats_the_entry() {
        let whole = || Found::Whole(FirstBad::file("x", ""));
        for (found, index, field) in [
            (vec![whole(), exact(300), exact(20)], Some(20), "leaf"),
            (vec![range(256, 400), exact(300)], Some(300), "leaf"),
            (vec![range(256, 300), exact(300)], Some(256), "root"),
            (vec![range(0, 512), range(256, 400)], Some(256), "root"),
            (vec![whole()], None, "x"),
        ] {
            let mut collector = Collector::new(vec![Pos::ZERO]);
            for one in found {
                collector.push(one);
            }
            let first = collector.first().unwrap();
            assert_eq!((first.index, first.field.as_str()), (index, field));
        }
        let mut later = Collector::new(vec![Pos::ZERO, Pos::new(100)]);
        later.push(exact(103));
        assert_eq!(later.first().unwrap().index, Some(3));
    }
}
