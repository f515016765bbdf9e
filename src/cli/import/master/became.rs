//! What becomes of the lines of a table: each is stored, or stood already, or is refused.

use super::wrong::Wrong;

/// What becomes of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It says something new.
    New,
    /// What it says stands.
    Stands,
    /// It says what another line of the table says, by its place there, and shares its fate.
    Same(usize),
    /// It is refused.
    Wrong(Wrong),
}

/// What became of the lines of a table.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Became {
    /// Lines that said something new.
    pub accepted: u64,
    /// Lines that say what stands.
    pub duplicate: u64,
    /// Lines that are refused, by their numbers.
    pub refused: Vec<(u64, Wrong)>,
}

impl Became {
    /// Of lines, in their order.
    pub(super) fn of(lines: &[(u64, Fate)]) -> Self {
        let mut became = Self::default();
        for (number, fate) in lines {
            let (repeats, fate) = match fate {
                Fate::Same(first) => (true, lines.get(*first).map_or(fate, |(_, first)| first)),
                Fate::New | Fate::Stands | Fate::Wrong(_) => (false, fate),
            };
            match fate {
                Fate::New if !repeats => became.accepted += 1,
                Fate::New | Fate::Stands | Fate::Same(_) => became.duplicate += 1,
                Fate::Wrong(wrong) => became.refused.push((*number, wrong.clone())),
            }
        }
        became
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_counted_once_and_a_repeat_shares_the_fate_of_the_first() {
        let wrong = || Wrong::new("NO", "不", "no");
        let lines = [
            (2, Fate::New),
            (3, Fate::Same(0)),
            (4, Fate::Wrong(wrong())),
            (5, Fate::Same(2)),
            (6, Fate::Stands),
            (7, Fate::Same(4)),
        ];
        let became = Became::of(&lines);
        assert_eq!((became.accepted, became.duplicate), (1, 3));
        assert_eq!(became.refused, [(4, wrong()), (5, wrong())]);
    }
}
