//! What the roster's rule needs to know of a batch: shifts, what the people concerned are rostered for, proposals.

use std::collections::{BTreeSet, HashMap};

use super::book::{self, Book, Pages};
use super::fact::Command;
use super::rows::{self, Between, Proposal, Whose};
use crate::kernel::{EpochDay, LogId, Pos};
use crate::proto::Fact;
use crate::proto::fact::Fact as Of;
use crate::store::{StoreError, Tx};

/// Every row that is there.
const ALL: Between = Between { from: EpochDay::FIRST, until: EpochDay::LAST, before: Pos::MAX };

/// The state.
#[derive(Debug, Default)]
pub struct State {
    books: HashMap<LogId, Book>,
    proposals: HashMap<(LogId, Pos), Proposal>,
}

#[derive(Debug, Default)]
struct Asked<'a> {
    people: BTreeSet<&'a str>,
    shifts: BTreeSet<&'a str>,
    proposals: Vec<Pos>,
}

impl<'a> Asked<'a> {
    fn add(&mut self, command: &'a Command) {
        match command {
            Command::Shift(shift) => {
                self.shifts.insert(&shift.shift);
            }
            Command::Roster(roster) => {
                self.people.extend(roster.entries.iter().map(|entry| entry.person_id.as_str()));
                self.people.extend(roster.patterns.iter().map(|pattern| pattern.person_id.as_str()));
            }
            Command::ApprovePolicy { proposal } => self.proposals.push(*proposal),
            Command::CalendarYear(_) | Command::CentreDays(_) | Command::ProposePolicy { .. } => {}
        }
    }
}

impl State {
    /// Loads what the commands of a batch need.
    pub async fn load(tx: &mut Tx, batch: &[(LogId, &Command)]) -> Result<Self, StoreError> {
        let mut asked: HashMap<LogId, Asked<'_>> = HashMap::new();
        for (log, command) in batch {
            asked.entry(*log).or_default().add(command);
        }
        let mut state = Self::default();
        for (log, asked) in asked {
            let shifts = rows::shifts(tx, log, ALL.before).await?;
            let mut people: BTreeSet<String> = asked.people.into_iter().map(str::to_owned).collect();
            if !asked.shifts.is_empty() {
                people.extend(rows::people_on(tx, log, asked.shifts.into_iter().collect()).await?);
            }
            let duties = if people.is_empty() {
                HashMap::new()
            } else {
                let whose = Whose::Of(people.iter().map(String::as_str).collect());
                rows::duties(tx, log, whose, ALL).await?
            };
            let own = Pages { shifts, ..Pages::default() };
            state.books.insert(log, Book { own, duties, ..Book::default() });
            if !asked.proposals.is_empty() {
                let found = rows::proposals(tx, log, asked.proposals).await?;
                state.proposals.extend(found.into_iter().map(|(pos, proposal)| ((log, pos), proposal)));
            }
        }
        Ok(state)
    }

    /// What a log's roster says of whoever the batch names.
    pub fn book(&self, log: LogId) -> Option<&Book> {
        self.books.get(&log)
    }

    /// A proposal.
    pub fn proposal(&self, log: LogId, pos: Pos) -> Option<&Proposal> {
        self.proposals.get(&(log, pos))
    }

    /// Lets the next command of the batch see a fact.
    pub fn apply(&mut self, log: LogId, pos: Pos, principal: &str, fact: &Fact) {
        if let Some(book) = self.books.get_mut(&log) {
            book::apply(book, pos, fact);
        }
        match &fact.fact {
            Some(Of::PolicyProposal(fact)) => {
                let proposal =
                    Proposal { principal: principal.to_owned(), fact: fact.clone(), approved: false };
                self.proposals.insert((log, pos), proposal);
            }
            Some(Of::PolicyApproval(approval)) => {
                if let Some(known) = self.proposals.get_mut(&(log, Pos::new(approval.proposal))) {
                    known.approved = true;
                }
            }
            _ => {}
        }
    }
}
