//! What the inspections' rule needs to know of a batch: the inspections that it names.

use std::collections::{BTreeSet, HashMap};

use super::fact::Command;
use super::rows;
use super::standing::{Course, Event};
use crate::kernel::{EpochMs, LogId, Pos};
use crate::proto::Fact;
use crate::proto::fact::Fact as Of;
use crate::store::{StoreError, Tx};

/// The state.
#[derive(Debug, Default)]
pub struct State {
    courses: HashMap<(LogId, Pos), Course>,
}

impl State {
    /// Loads what the commands of a batch need.
    pub async fn load(tx: &mut Tx, batch: &[(LogId, &Command)]) -> Result<Self, StoreError> {
        let mut wanted: HashMap<LogId, BTreeSet<Pos>> = HashMap::new();
        for (log, command) in batch {
            if let Some(named) = command.named() {
                wanted.entry(*log).or_default().insert(named);
            }
        }
        let mut state = Self::default();
        for (log, named) in wanted {
            for course in rows::courses(tx, log, &named).await? {
                state.courses.insert((log, course.pos), course);
            }
        }
        Ok(state)
    }

    /// An inspection, if the batch names it.
    pub fn course(&self, log: LogId, inspection: Pos) -> Option<&Course> {
        self.courses.get(&(log, inspection))
    }

    /// Lets the next command of the batch see a fact.
    pub fn apply(&mut self, log: LogId, pos: Pos, recorded: EpochMs, principal: &str, fact: &Fact) {
        if let Some(Of::Inspection(found)) = &fact.fact {
            let (principal, fact) = (principal.to_owned(), found.clone());
            self.courses.insert((log, pos), Course { pos, principal, recorded, fact, events: Vec::new() });
        } else if let Some((inspection, event)) = Event::of(pos, principal, recorded, fact)
            && let Some(course) = self.courses.get_mut(&(log, inspection))
        {
            course.events.push(event);
        }
    }
}
