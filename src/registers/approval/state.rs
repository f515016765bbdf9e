//! What the approvals' rule needs to know of a batch: the requests that it names, those of the people concerned, and who
//! decides in whose place.

use std::collections::{BTreeSet, HashMap};

use super::fact::{Asked, Command};
use super::rows;
use super::standing::{Course, Event, Filed, request_of};
use crate::kernel::{EpochMs, LogId, Pos, Subject};
use crate::proto::fact::Fact as Of;
use crate::proto::{DelegationFact, Fact, SwapFact, swap_fact};
use crate::registers::directory::view::day;
use crate::store::{StoreError, Tx};

/// What was asked for in the month before may count for the quota of a night that reaches into the next: 62 × 86,400,000.
const AROUND_MS: i64 = 5_356_800_000;

/// The state.
#[derive(Debug, Default)]
pub struct State {
    courses: HashMap<(LogId, Pos), Course>,
    delegations: HashMap<LogId, Vec<DelegationFact>>,
    outages: BTreeSet<(LogId, Pos)>,
}

/// The declaration of the outage for which corrections are asked.
pub fn outage_named(command: &Command) -> Option<Pos> {
    match command {
        Command::Request { asked: Asked::Correction(fact), .. } => fact.outage.map(Pos::new),
        Command::Request { .. }
        | Command::Decide { .. }
        | Command::Accept { .. }
        | Command::Withdraw { .. }
        | Command::Return { .. }
        | Command::Delegate(_) => None,
    }
}

#[derive(Debug, Default)]
struct Wanted<'a> {
    requests: BTreeSet<Pos>,
    people: BTreeSet<&'a str>,
    deciders: BTreeSet<&'a str>,
    time: Option<(EpochMs, EpochMs)>,
}

impl<'a> Wanted<'a> {
    fn add(&mut self, command: &'a Command) {
        match command {
            Command::Request { asked, .. } => {
                for subject in asked.subjects() {
                    let (from, until) = self.time.unwrap_or((EpochMs::MAX, EpochMs::ZERO));
                    let asked_from = EpochMs::clamped(subject.from_ms).plus_ms(-AROUND_MS);
                    let asked_until = EpochMs::clamped(subject.until_ms).plus_ms(AROUND_MS);
                    self.time = Some((from.min(asked_from), until.max(asked_until)));
                }
                match asked {
                    Asked::Leave(fact) => {
                        self.people.extend([fact.person_id.as_str(), fact.b_post_person_id.as_str()]);
                    }
                    Asked::Correction(fact) => {
                        self.people.extend(fact.items.iter().map(|item| item.person_id.as_str()));
                    }
                    Asked::ManualRoll(_) => {}
                    Asked::Swap(fact) => self.add_swap(fact),
                }
            }
            Command::Decide { request, by, .. } => {
                self.requests.insert(*request);
                if let Subject::Person(person) = by {
                    self.deciders.insert(person.as_str());
                }
            }
            Command::Withdraw { request, .. } | Command::Accept { swap: request, .. } => {
                self.requests.insert(*request);
            }
            Command::Return { leave, .. } => {
                self.requests.insert(*leave);
            }
            Command::Delegate(_) => {}
        }
    }
}

impl<'a> Wanted<'a> {
    /// Leave of the two around the dates.
    fn add_swap(&mut self, fact: &'a SwapFact) {
        self.people.extend([fact.person_id.as_str(), fact.with_person_id.as_str()]);
        for on in [&fact.date, &fact.with_date] {
            let noon = EpochMs::clamped(day(on.as_ref()).column().saturating_mul(EpochMs::DAY_MS));
            let (from, until) = self.time.unwrap_or((EpochMs::MAX, EpochMs::ZERO));
            self.time = Some((from.min(noon.plus_ms(-AROUND_MS)), until.max(noon.plus_ms(AROUND_MS))));
        }
    }
}

impl State {
    /// Loads what the commands of a batch need.
    pub async fn load(tx: &mut Tx, batch: &[(LogId, &Command)]) -> Result<Self, StoreError> {
        let mut wanted: HashMap<LogId, Wanted<'_>> = HashMap::new();
        for (log, command) in batch {
            wanted.entry(*log).or_default().add(command);
        }
        let mut state = Self::default();
        for (log, mut wanted) in wanted {
            if let Some(time) = wanted.time {
                wanted.requests.extend(rows::requests_of(tx, log, &wanted.people, time, Pos::MAX).await?);
            }
            let courses = rows::courses(tx, log, &wanted.requests, Pos::MAX).await?;
            let mut of_swaps = Wanted::default();
            for course in &courses {
                if let Asked::Swap(fact) = &course.filed.asked {
                    of_swaps.add_swap(fact);
                }
            }
            if let Some(time) = of_swaps.time {
                let leave = rows::requests_of(tx, log, &of_swaps.people, time, Pos::MAX).await?;
                let leave = leave.difference(&wanted.requests).copied().collect();
                let leave = rows::courses(tx, log, &leave, Pos::MAX).await?;
                state.courses.extend(leave.into_iter().map(|course| ((log, course.filed.pos), course)));
            }
            state.courses.extend(courses.into_iter().map(|course| ((log, course.filed.pos), course)));
            state.delegations.insert(log, rows::delegations(tx, log, &wanted.deciders).await?);
        }
        Ok(state)
    }

    /// The same, with the declarations of outages that are there.
    #[must_use]
    pub fn with_outages(self, outages: BTreeSet<(LogId, Pos)>) -> Self {
        Self { outages, ..self }
    }

    /// Is an outage declared there?
    pub fn is_outage(&self, log: LogId, pos: Pos) -> bool {
        self.outages.contains(&(log, pos))
    }

    /// A request, if the batch names it.
    pub fn course(&self, log: LogId, request: Pos) -> Option<&Course> {
        self.courses.get(&(log, request))
    }

    /// What is known of a person's requests.
    pub fn courses_of(&self, log: LogId, person_id: &str) -> impl Iterator<Item = &Course> {
        let own = self.courses.iter().filter(move |((of, _), _)| *of == log).map(|(_, course)| course);
        own.filter(move |course| course.filed.asked.is_of(person_id))
    }

    /// The swap that a command is about: asked for now, or before.
    pub fn swap<'a>(&'a self, log: LogId, command: &'a Command) -> Option<&'a SwapFact> {
        let asked = match command {
            Command::Request { asked, .. } => asked,
            Command::Decide { request, .. } | Command::Accept { swap: request, .. } => {
                &self.course(log, *request)?.filed.asked
            }
            Command::Withdraw { .. } | Command::Return { .. } | Command::Delegate(_) => return None,
        };
        match asked {
            Asked::Swap(fact) => Some(fact),
            Asked::Leave(_) | Asked::Correction(_) | Asked::ManualRoll(_) => None,
        }
    }

    /// Is leave of anybody of a swap approved for some of the time that it is about?
    pub fn is_on_leave(&self, log: LogId, items: &[swap_fact::Item]) -> bool {
        let away = |item: &swap_fact::Item| {
            self.courses_of(log, &item.person_id)
                .filter_map(|course| course.leave(Pos::MAX))
                .any(|leave| leave.from.get() < item.until_ms && item.from_ms < leave.until.get())
        };
        items.iter().any(away)
    }

    /// In whose place somebody decides now.
    pub fn stands_in_for(&self, log: LogId, subject: &Subject, at: EpochMs) -> BTreeSet<String> {
        let Subject::Person(person) = subject else { return BTreeSet::new() };
        places(self.delegations.get(&log).into_iter().flatten(), person.as_str(), at)
    }

    /// Lets the next command of the batch see a fact.
    pub fn apply(&mut self, log: LogId, pos: Pos, recorded: EpochMs, principal: &str, fact: &Fact) {
        if let Some(asked) = Asked::from_fact(fact) {
            let filed = Filed { pos, principal: principal.to_owned(), recorded, asked };
            self.courses.insert((log, pos), Course { filed, events: Vec::new() });
        } else if let Some(request) = request_of(fact)
            && let Some(course) = self.courses.get_mut(&(log, request))
        {
            let (principal, fact) = (principal.to_owned(), fact.clone());
            course.events.push(Event { pos, request, principal, recorded, fact });
        } else if let Some(Of::Delegation(fact)) = &fact.fact {
            self.delegations.entry(log).or_default().push(fact.clone());
        }
    }
}

/// In whose place a person decides at a time: of the same to the same the newest delegation holds.
pub fn places<'a>(
    delegations: impl IntoIterator<Item = &'a DelegationFact>,
    person_id: &str,
    at: EpochMs,
) -> BTreeSet<String> {
    let mut newest: HashMap<&str, &DelegationFact> = HashMap::new();
    for delegation in delegations.into_iter().filter(|fact| fact.to_person_id == person_id) {
        newest.insert(&delegation.person_id, delegation);
    }
    newest
        .into_values()
        .filter(|fact| fact.from_ms <= at.get() && at.get() < fact.until_ms)
        .map(|fact| fact.person_id.clone())
        .collect()
}
