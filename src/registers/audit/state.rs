//! What the audit register's rule needs to know of a batch: sessions, proposals, rules, and what became of parts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::fact::{Command, MOST_PARTS, part_at};
use super::rows;
use crate::kernel::{LogId, PersonId, Pos};
use crate::ledger::port::PartAt;
use crate::ledger::standing;
pub use crate::ledger::standing::Standing;
use crate::proto::fact::Fact as Of;
use crate::proto::{ErasureRequestFact, Fact, read};
use crate::store::{StoreError, Table, Tx};

/// A proposal to erase, as far as its decision needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposed {
    /// Who proposed it.
    pub principal: String,
    /// What it says.
    pub fact: ErasureRequestFact,
    /// Has it been decided?
    pub decided: bool,
}

/// The state.
#[derive(Debug, Default)]
pub struct State {
    open: HashSet<(LogId, Pos)>,
    proposals: HashMap<(LogId, Pos), Proposed>,
    rules: HashMap<LogId, u32>,
    parts: HashMap<LogId, BTreeMap<PartAt, Standing>>,
    about: HashMap<(LogId, PersonId), BTreeSet<PartAt>>,
}

/// What the commands of a batch ask about.
#[derive(Debug, Default)]
struct Asked {
    sessions: Vec<(LogId, Pos)>,
    proposals: Vec<(LogId, Pos)>,
    rules: BTreeSet<LogId>,
    parts: HashMap<LogId, BTreeSet<PartAt>>,
}

impl Asked {
    fn by(batch: &[(LogId, &Command)]) -> Self {
        let mut asked = Self::default();
        for (log, command) in batch {
            match command {
                Command::EndDisclosure(fact) => asked.sessions.push((*log, Pos::new(fact.disclosure))),
                Command::DecideErasure { erasure, .. } => asked.proposals.push((*log, *erasure)),
                Command::Rules(_) => {
                    asked.rules.insert(*log);
                }
                Command::RequestErasure { parts, .. } if parts.len() <= MOST_PARTS => {
                    asked.parts.entry(*log).or_default().extend(parts);
                }
                Command::RequestErasure { .. }
                | Command::Disclose { .. }
                | Command::EraseAgain { .. }
                | Command::Tick { .. }
                | Command::AcceptClock { .. }
                | Command::BeginEpoch(_) => {}
            }
        }
        asked
    }
}

impl State {
    /// Loads what the commands of a batch need. `personal` are the tables with personal parts of every register;
    /// `about` are the entries that concern the people whom proposals of the batch name.
    pub async fn load(
        tx: &mut Tx,
        personal: &'static [&'static Table],
        batch: &[(LogId, &Command)],
        about: HashMap<(LogId, PersonId), BTreeSet<Pos>>,
    ) -> Result<Self, StoreError> {
        let mut asked = Asked::by(batch);
        let mut state = Self::default();
        state.open.extend(rows::open_among(tx, &asked.sessions).await?);
        for proposal in rows::proposals_at(tx, &asked.proposals).await? {
            let rows::Proposal { at, principal, fact, decided } = proposal;
            asked.parts.entry(at.0).or_default().extend(fact.parts.iter().map(part_at));
            state.proposals.insert(at, Proposed { principal, fact, decided });
        }
        let logs: Vec<LogId> = asked.rules.into_iter().collect();
        state.rules.extend(rows::newest_rules(tx, &logs).await?);
        for ((log, person), positions) in about {
            let parts = standing::here(tx, personal, log, &positions).await?;
            let known = state.parts.entry(log).or_default();
            known.extend(parts.iter().map(|part| (*part, Standing::Here)));
            state.about.insert((log, person), parts);
        }
        for (log, parts) in asked.parts {
            let parts: Vec<PartAt> = parts.into_iter().collect();
            let found = standing::standing(tx, personal, log, &parts).await?;
            state.parts.entry(log).or_default().extend(found);
        }
        Ok(state)
    }

    /// A state that knows what became of parts and nothing else.
    #[cfg(test)]
    pub fn with_parts(log: LogId, parts: &[(PartAt, Standing)]) -> Self {
        Self { parts: HashMap::from([(log, parts.iter().copied().collect())]), ..Self::default() }
    }

    /// Is this disclosure a session that has not ended?
    pub fn is_open(&self, log: LogId, disclosure: Pos) -> bool {
        self.open.contains(&(log, disclosure))
    }

    /// The proposal at a position.
    pub fn proposal(&self, log: LogId, at: Pos) -> Option<&Proposed> {
        self.proposals.get(&(log, at))
    }

    /// The newest version of the rules that a log has adopted.
    pub fn rules(&self, log: LogId) -> Option<u32> {
        self.rules.get(&log).copied()
    }

    /// What became of a part.
    pub fn standing(&self, log: LogId, part: PartAt) -> Standing {
        let known = self.parts.get(&log).and_then(|parts| parts.get(&part));
        known.copied().unwrap_or(Standing::Never)
    }

    /// The personal parts about a person that are here.
    pub fn about(&self, log: LogId, person: &PersonId) -> Vec<PartAt> {
        let parts = self.about.get(&(log, person.clone())).into_iter().flatten().copied();
        parts.filter(|part| self.standing(log, *part) == Standing::Here).collect()
    }

    /// Lets the next command of the batch see a fact.
    pub fn apply(&mut self, log: LogId, pos: Pos, principal: &str, fact: &Fact) {
        match &fact.fact {
            Some(Of::Disclosure(fact)) if fact.kind() == read::Kind::Session => {
                self.open.insert((log, pos));
            }
            Some(Of::DisclosureEnd(fact)) => {
                self.open.remove(&(log, Pos::new(fact.disclosure)));
            }
            Some(Of::ErasureRequest(fact)) => {
                let proposed =
                    Proposed { principal: principal.to_owned(), fact: fact.clone(), decided: false };
                self.proposals.insert((log, pos), proposed);
            }
            Some(Of::ErasureDecision(fact)) => {
                if let Some(proposed) = self.proposals.get_mut(&(log, Pos::new(fact.erasure))) {
                    proposed.decided = true;
                }
                let gone = fact.parts.iter().filter(|_| fact.approved).map(part_at);
                self.parts.entry(log).or_default().extend(gone.map(|part| (part, Standing::Gone)));
            }
            Some(Of::Rules(fact)) => {
                self.rules.insert(log, fact.rules);
            }
            _ => {}
        }
    }
}
