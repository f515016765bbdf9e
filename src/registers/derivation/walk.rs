//! Through people's days in the order of keys, page by page.

use std::collections::BTreeSet;
use std::collections::btree_set::IntoIter;
use std::iter::Peekable;

use super::days::{DAY, day_key};
use crate::kernel::EpochDay;
use crate::results::Key;

/// Goes through people's days: by id, then by date.
#[derive(Debug)]
pub struct Walk {
    people: Peekable<IntoIter<String>>,
    from: EpochDay,
    until: EpochDay,
    day: EpochDay,
}

impl Walk {
    /// After a person's day, or from the beginning; the first and the last day are included.
    pub fn new(
        people: BTreeSet<String>,
        (from, until): (EpochDay, EpochDay),
        after: Option<(String, EpochDay)>,
    ) -> Self {
        let mut walk = Self { people: people.into_iter().peekable(), from, until, day: from };
        if let Some((last, on)) = after {
            while walk.people.next_if(|person| *person < last).is_some() {}
            if walk.people.peek() == Some(&last) {
                walk.day = walk.day.max(on.plus_days(1));
            }
        }
        walk
    }

    /// The next keys, at most so many.
    pub fn next(&mut self, most: usize) -> Vec<Key> {
        let mut keys = Vec::new();
        while keys.len() < most {
            let Some(person) = self.people.peek() else { break };
            if self.day > self.until {
                self.day = self.from;
                self.people.next();
                continue;
            }
            keys.push(day_key(DAY, person, self.day));
            self.day = self.day.plus_days(1);
        }
        keys
    }

    /// Is there nothing more?
    pub fn is_over(&mut self) -> bool {
        self.next(1).is_empty()
    }
}
