//! The tables of the approvals, and what a fact writes into them.

use std::collections::{BTreeSet, HashMap};

use prost::Message;

use super::fact::{About, Asked};
use super::standing::{Course, Event, Filed, request_of, settles};
use crate::kernel::{EpochMs, LogId, Pos};
use crate::ledger::disclosure::Disclosure;
use crate::ledger::tables::PERSONAL_COLUMNS;
use crate::proto::fact::Fact as Of;
use crate::proto::{ApprovalPersonal, DelegationFact, Fact};
use crate::store::{Binds, Cells, Column, Inserts, Keys, Kind, Statement, Store, StoreError, Table, Tx};

/// Requests. `awaits`: somebody has to decide.
pub static REQUEST: Table = Table::new(
    "approval_request",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("about", Kind::Int),
        Column::pseudonymous("principal", Kind::Text),
        Column::public("recorded_ms", Kind::Int),
        Column::public("awaits", Kind::Int),
        Column::pseudonymous("content", Kind::Blob),
    ],
);

/// Whose time a request is about.
pub static SUBJECT: Table = Table::new(
    "approval_subject",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("item", Kind::Int),
        Column::pseudonymous("person_id", Kind::Text),
        Column::public("from_ms", Kind::Int),
        Column::public("until_ms", Kind::Int),
    ],
);

/// What became of requests. `settles`: nobody has to decide any more.
pub static EVENT: Table = Table::new(
    "approval_event",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("request", Kind::Int),
        Column::pseudonymous("principal", Kind::Text),
        Column::public("recorded_ms", Kind::Int),
        Column::public("settles", Kind::Int),
        Column::pseudonymous("content", Kind::Blob),
    ],
);

/// Who decides in whose place.
pub static DELEGATION: Table = Table::new(
    "approval_delegation",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::pseudonymous("person_id", Kind::Text),
        Column::pseudonymous("to_person_id", Kind::Text),
        Column::public("from_ms", Kind::Int),
        Column::public("until_ms", Kind::Int),
    ],
);

/// What was said in words.
pub static PERSONAL: Table = Table::new("approval_personal", PERSONAL_COLUMNS);

static REQUESTS: Statement = Statement::new(
    "SELECT pos, principal, recorded_ms, content FROM approval_request \
     WHERE log_id = $1 AND pos < $2 AND pos = ANY($3::bigint[]) ORDER BY pos",
);

static EVENTS: Statement = Statement::new(
    "SELECT pos, request, principal, recorded_ms, content FROM approval_event \
     WHERE log_id = $1 AND pos < $2 AND request = ANY($3::bigint[]) ORDER BY pos",
);

/// Requests that touch some time of people.
static REQUESTS_OF: Statement = Statement::new(
    "SELECT DISTINCT pos FROM approval_subject WHERE log_id = $1 AND pos < $2 AND until_ms >= $3 AND from_ms <= $4 \
     AND person_id = ANY($5::text[]) ORDER BY pos",
);

/// Requests about which somebody has still to decide, from a position on.
static AWAITING: Statement = Statement::new(
    "SELECT r.pos FROM approval_request r WHERE r.log_id = $1 AND r.pos >= $2 AND r.awaits = 1 \
     AND NOT EXISTS (SELECT 1 FROM approval_event e WHERE e.log_id = r.log_id AND e.request = r.pos AND e.settles = 1) \
     ORDER BY r.pos LIMIT $3",
);

/// Requests of a kind, from a position on.
static LISTED: Statement = Statement::new(
    "SELECT pos FROM approval_request WHERE log_id = $1 AND pos >= $2 AND about = $3 ORDER BY pos LIMIT $4",
);

/// Delegations to some people.
static DELEGATIONS: Statement = Statement::new(
    "SELECT person_id, to_person_id, from_ms, until_ms FROM approval_delegation \
     WHERE log_id = $1 AND to_person_id = ANY($2::text[]) ORDER BY pos",
);

/// The entries that are about a person: requests, what became of them, delegations.
static ABOUT: Statement = Statement::new(
    "SELECT pos FROM approval_subject WHERE log_id = $1 AND person_id = $2 \
     UNION SELECT e.pos FROM approval_event e JOIN approval_subject s ON s.log_id = e.log_id AND s.pos = e.request \
     WHERE e.log_id = $1 AND s.person_id = $2 \
     UNION SELECT pos FROM approval_delegation WHERE log_id = $1 AND (person_id = $2 OR to_person_id = $2)",
);

static SAID_AT: Statement = Statement::new(
    "SELECT pos, payload FROM approval_personal WHERE log_id = $1 AND pos = ANY($2::bigint[])",
);

/// A number for ever.
const fn number_of(about: About) -> i64 {
    match about {
        About::Leave => 1,
        About::Correction => 2,
        About::ManualRoll => 3,
        About::Swap => 4,
    }
}

/// Where and when an entry stands, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// Its log.
    pub log: LogId,
    /// Its position.
    pub pos: Pos,
    /// When it was recorded.
    pub recorded: EpochMs,
    /// Who gave the command.
    pub principal: &'a str,
}

/// The rows of a fact.
pub fn insert(at: At<'_>, fact: &Fact, inserts: &mut Inserts) {
    let (log, pos) = (at.log.column(), at.pos.column());
    if let Some(asked) = Asked::from_fact(fact) {
        let awaits = i64::from(!asked.steps().is_empty());
        let about = number_of(asked.about());
        let content = fact.encode_to_vec();
        inserts.push(
            &REQUEST,
            [
                log.into(),
                pos.into(),
                about.into(),
                at.principal.into(),
                at.recorded.get().into(),
                awaits.into(),
                content.into(),
            ],
        );
        for (item, subject) in (0_u32..).zip(asked.subjects()) {
            let (from, until) = (subject.from_ms.into(), subject.until_ms.into());
            inserts
                .push(&SUBJECT, [log.into(), pos.into(), item.into(), subject.person_id.into(), from, until]);
        }
    } else if let Some(request) = request_of(fact) {
        let content = fact.encode_to_vec();
        inserts.push(
            &EVENT,
            [
                log.into(),
                pos.into(),
                request.column().into(),
                at.principal.into(),
                at.recorded.get().into(),
                i64::from(settles(fact)).into(),
                content.into(),
            ],
        );
    } else if let Some(Of::Delegation(fact)) = &fact.fact {
        let people = [fact.person_id.as_str().into(), fact.to_person_id.as_str().into()];
        let [person, to] = people;
        inserts.push(
            &DELEGATION,
            [log.into(), pos.into(), person, to, fact.from_ms.into(), fact.until_ms.into()],
        );
    }
}

const fn bad(table: &'static str, column: &'static str) -> StoreError {
    StoreError::Inconsistent { table, column }
}

fn number(cells: &mut Cells<'_>, table: &'static str) -> Result<Pos, StoreError> {
    Pos::from_column(cells.int()?).ok_or(bad(table, "pos"))
}

fn fact(cells: &mut Cells<'_>, table: &'static str) -> Result<Fact, StoreError> {
    Fact::decode(cells.blob()?.as_slice()).map_err(|_| bad(table, "content"))
}

/// Requests by position with everything that became of them before a position, in order.
pub async fn courses(
    tx: &mut Tx,
    log: LogId,
    positions: &BTreeSet<Pos>,
    before: Pos,
) -> Result<Vec<Course>, StoreError> {
    let binds = || {
        let keys = Keys::ints(positions.iter().map(|pos| pos.column()));
        Binds::new().and(log.column()).and(before.column()).keys(keys)
    };
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    let filed = tx
        .fetch(&REQUESTS, binds(), |cells| {
            Ok(Filed {
                pos: number(cells, "approval_request")?,
                principal: cells.text()?,
                recorded: EpochMs::clamped(cells.int()?),
                asked: Asked::from_fact(&fact(cells, "approval_request")?)
                    .ok_or(bad("approval_request", "content"))?,
            })
        })
        .await?;
    let mut events: HashMap<Pos, Vec<Event>> = HashMap::new();
    let read = tx
        .fetch(&EVENTS, binds(), |cells| {
            Ok(Event {
                pos: number(cells, "approval_event")?,
                request: number(cells, "approval_event")?,
                principal: cells.text()?,
                recorded: EpochMs::clamped(cells.int()?),
                fact: fact(cells, "approval_event")?,
            })
        })
        .await?;
    for event in read {
        events.entry(event.request).or_default().push(event);
    }
    Ok(filed
        .into_iter()
        .map(|filed| Course { events: events.remove(&filed.pos).unwrap_or_default(), filed })
        .collect())
}

/// The requests that touch some time of people, from and until included.
pub async fn requests_of(
    tx: &mut Tx,
    log: LogId,
    people: &BTreeSet<&str>,
    (from, until): (EpochMs, EpochMs),
    before: Pos,
) -> Result<BTreeSet<Pos>, StoreError> {
    if people.is_empty() {
        return Ok(BTreeSet::new());
    }
    let binds = Binds::new().and(log.column()).and(before.column()).and(from.get()).and(until.get());
    let binds = binds.keys(Keys::texts(people.iter().copied()));
    let found = tx.fetch(&REQUESTS_OF, binds, |cells| number(cells, "approval_subject")).await?;
    Ok(found.into_iter().collect())
}

/// The next requests about which somebody has still to decide.
pub async fn awaiting(tx: &mut Tx, log: LogId, from: Pos, limit: usize) -> Result<Vec<Pos>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let binds = Binds::new().and(log.column()).and(from.column()).and(limit);
    tx.fetch(&AWAITING, binds, |cells| number(cells, "approval_request")).await
}

/// The next requests of a kind.
pub async fn listed(
    tx: &mut Tx,
    log: LogId,
    about: About,
    from: Pos,
    limit: usize,
) -> Result<Vec<Pos>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let binds = Binds::new().and(log.column()).and(from.column()).and(number_of(about)).and(limit);
    tx.fetch(&LISTED, binds, |cells| number(cells, "approval_request")).await
}

/// The delegations to some people, in order.
pub async fn delegations(
    tx: &mut Tx,
    log: LogId,
    to: &BTreeSet<&str>,
) -> Result<Vec<DelegationFact>, StoreError> {
    if to.is_empty() {
        return Ok(Vec::new());
    }
    let binds = Binds::new().and(log.column()).keys(Keys::texts(to.iter().copied()));
    tx.fetch(&DELEGATIONS, binds, |cells| {
        Ok(DelegationFact {
            person_id: cells.text()?,
            to_person_id: cells.text()?,
            from_ms: cells.int()?,
            until_ms: cells.int()?,
        })
    })
    .await
}

/// The entries that are about a person.
pub async fn about(tx: &mut Tx, log: LogId, person_id: &str) -> Result<Vec<Pos>, StoreError> {
    let binds = Binds::new().and(log.column()).and(person_id);
    tx.fetch(&ABOUT, binds, |cells| number(cells, "approval_subject")).await
}

/// What was said in words with requests, by position. What was erased, or never was, is absent.
pub async fn reveal(
    store: &Store,
    disclosure: &Disclosure,
    log: LogId,
    positions: &[Pos],
) -> Result<HashMap<Pos, ApprovalPersonal>, StoreError> {
    tracing::trace!(disclosure = disclosure.index(), "read on record");
    let keys = Keys::ints(positions.iter().map(|pos| pos.column()));
    let rows = store
        .fetch(&SAID_AT, Binds::new().and(log.column()).keys(keys), |cells| {
            let pos = number(cells, "approval_personal")?;
            let said = ApprovalPersonal::decode(cells.blob()?.as_slice());
            Ok((pos, said.map_err(|_| bad("approval_personal", "payload"))?))
        })
        .await?;
    Ok(rows.into_iter().collect())
}
