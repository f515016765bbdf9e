//! What requests and decisions are judged by: the approvals' own state, outages that attendance knows of, and the policy
//! that the roster has in force.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::kernel::{EpochDay, LogId, Pos, Zone};
use crate::policy::Policy;
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
