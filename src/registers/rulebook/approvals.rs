//! What requests and decisions are judged by: the approvals' own state, outages that attendance knows of, and the policy
//! that the roster has in force.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::kernel::{EpochDay, EpochMs, LogId, Pos, Zone};
use crate::policy::Policy;
use crate::proto::{ApprovalState, leave};
use crate::registers::directory::admit::Seen;
use crate::registers::roster::book::{Book, Pages};
use crate::registers::verdict::{Moment, NoSuchLog, Verdict};
use crate::registers::{approval, attendance, roster};
use crate::store::{StoreError, Tx};

/// The policies of a log, and the deployment's.
async fn policies(tx: &mut Tx, log: LogId) -> Result<Book, StoreError> {
    let until = Pos::new(u64::MAX >> 1);
    let own = roster::rows::policies(tx, log, until).await?;
    let deployed = roster::rows::policies(tx, LogId::DEPLOYMENT, until).await?;
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
    let before = Pos::new(u64::MAX >> 1);
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
    let mut books = HashMap::new();
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
    approval::admit::admit(command, state, seen, (&zone, &policy), moment)
}
