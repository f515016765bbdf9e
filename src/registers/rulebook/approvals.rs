//! What requests and decisions are judged by: the approvals' own state, outages that attendance knows of, and the policy
//! that the roster has in force; of swaps also what the roster makes of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::kernel::{EpochDay, EpochMs, LogId, Pos, Reason, Zone};
use crate::policy::Policy;
use crate::proto::fact::Fact as Of;
use crate::proto::{ApprovalState, SwapFact, leave};
use crate::registers::directory::admit::Seen;
use crate::registers::roster::book::{Book, Pages};
use crate::registers::roster::rows::{Between, Whose};
use crate::registers::roster::swap::Floor;
use crate::registers::verdict::{Accepted, Moment, NoSuchLog, Verdict};
use crate::registers::{approval, attendance, roster};
use crate::results::AsOf;
use crate::store::{StoreError, Tx};

/// The policies of a log, and the deployment's.
pub(super) async fn policies(tx: &mut Tx, log: LogId) -> Result<Book, StoreError> {
    policies_until(tx, log, AsOf { pos: Pos::MAX, deployment: Pos::MAX }).await
}

/// The policies of a centre, as far as was known at a position.
#[derive(Debug, Clone)]
pub struct Policies(Book);

impl Policies {
    /// The one in force on a day.
    pub fn on(&self, day: EpochDay) -> Policy {
        roster::plan::policy(&self.0, day, roster::book::Seen::ALL)
    }
}

/// The policies of a centre, as far as was known at a position.
pub async fn policies_at(tx: &mut Tx, log: LogId, as_of: AsOf) -> Result<Policies, StoreError> {
    Ok(Policies(policies_until(tx, log, as_of).await?))
}

async fn policies_until(tx: &mut Tx, log: LogId, as_of: AsOf) -> Result<Book, StoreError> {
    let own = roster::rows::policies(tx, log, as_of.pos).await?;
    let deployed = roster::rows::policies(tx, LogId::DEPLOYMENT, as_of.deployment).await?;
    Ok(Book {
        own: Pages { policies: own, ..Pages::default() },
        deployment: Pages { policies: deployed, ..Pages::default() },
        ..Book::default()
    })
}

/// The policy in force in a log on a day, as far as is known now.
pub async fn policy_on(tx: &mut Tx, log: LogId, on: EpochDay) -> Result<Policy, StoreError> {
    Ok(roster::plan::policy(&policies(tx, log).await?, on, roster::book::Seen::ALL))
}

/// What entries excuse for, of those that were in force before a position.
pub async fn leave_kinds(
    tx: &mut Tx,
    log: LogId,
    entries: &BTreeSet<Pos>,
    before: Pos,
) -> Result<Vec<(Pos, leave::Kind)>, StoreError> {
    let courses = approval::rows::courses(tx, log, entries, before).await?;
    let kinds = courses.iter().filter_map(|course| course.leave(before));
    Ok(kinds.map(|leave| (leave.entry, leave.kind)).collect())
}

/// The requests of people that touch a time and wait for somebody.
pub async fn awaiting(
    tx: &mut Tx,
    log: LogId,
    people: &BTreeSet<&str>,
    time: (EpochMs, EpochMs),
) -> Result<BTreeSet<Pos>, StoreError> {
    let before = Pos::MAX;
    let requests = approval::rows::requests_of(tx, log, people, time, before).await?;
    let courses = approval::rows::courses(tx, log, &requests, before).await?;
    let open = courses.iter().filter(|course| course.standing(before).state == ApprovalState::Awaiting);
    Ok(open.map(|course| course.filed.pos).collect())
}

/// What requests and decisions are judged by.
pub(super) async fn load(
    tx: &mut Tx,
    commands: &[(LogId, &approval::fact::Command)],
) -> Result<(approval::state::State, HashMap<LogId, Book>), StoreError> {
    let mut books: HashMap<LogId, Book> = HashMap::new();
    let mut outages = BTreeSet::new();
    for (log, command) in commands {
        if !books.contains_key(log) {
            books.insert(*log, policies(tx, *log).await?);
        }
        if let Some(pos) = approval::state::outage_named(command)
            && attendance::load::is_outage(tx, *log, pos).await?
        {
            outages.insert((*log, pos));
        }
    }
    let state = approval::state::State::load(tx, commands).await?;
    let mut swapping: HashMap<LogId, BTreeSet<&str>> = HashMap::new();
    for (log, command) in commands {
        if let Some(fact) = state.swap(*log, command) {
            let people = swapping.entry(*log).or_default();
            people.extend([fact.person_id.as_str(), fact.with_person_id.as_str()]);
        }
    }
    for (log, people) in swapping {
        let deployment = roster::rows::pages(tx, LogId::DEPLOYMENT, Pos::MAX).await?;
        let own = roster::rows::pages(tx, log, Pos::MAX).await?;
        let whose = Whose::Of(people.into_iter().collect());
        let between = Between { from: EpochDay::FIRST, until: EpochDay::LAST, before: Pos::MAX };
        let duties = roster::rows::duties(tx, log, whose, between).await?;
        books.insert(log, Book { own, deployment, duties });
    }
    Ok((state.with_outages(outages), books))
}

pub(super) fn admit(
    command: &approval::fact::Command,
    (state, books): (&approval::state::State, &HashMap<LogId, Book>),
    seen: Seen<'_>,
    moment: &Moment<'_>,
) -> Verdict {
    let zone = seen.deployment.zone(moment.centre).or_else(|| Zone::parse("").ok());
    let (Some(zone), Some(book)) = (zone, books.get(&moment.log)) else {
        return Err(Arc::new(NoSuchLog));
    };
    let policy = roster::plan::policy(book, zone.day_of(moment.at), roster::book::Seen::ALL);
    let accepted = approval::admit::admit(command, state, seen, (&zone, &policy), moment)?;
    match state.swap(moment.log, command) {
        Some(fact) => swapped(accepted, fact, state, Floor { book, zone: &zone, at: moment.at }, moment),
        None => Ok(accepted),
    }
}

/// Whoever asks for a swap or says yes to it may; whether it is possible, the roster says. What is approved is in the
/// decision, and from there in the roster.
fn swapped(
    mut accepted: Accepted,
    fact: &SwapFact,
    state: &approval::state::State,
    floor: Floor<'_>,
    moment: &Moment<'_>,
) -> Verdict {
    for said in &mut accepted.facts {
        // What is refused or taken back is possible whatever the roster says.
        if matches!(&said.fact, Some(Of::ApprovalDecision(decision)) if !decision.approved) {
            continue;
        }
        let items =
            roster::swap::exchange(fact, floor).map_err(|refusal| Arc::new(refusal) as Arc<dyn Reason>)?;
        if state.is_on_leave(moment.log, &items) {
            return Err(Arc::new(approval::refusal::Refusal::OnLeave));
        }
        match &mut said.fact {
            Some(Of::Swap(asked)) => asked.items = items,
            Some(Of::ApprovalDecision(decision)) => {
                if items != fact.items {
                    return Err(Arc::new(roster::refusal::Refusal::RosterChanged));
                }
                if decision.state() == ApprovalState::Approved {
                    decision.swapped = items;
                }
            }
            _ => {}
        }
    }
    Ok(accepted)
}
