//! The tables of the inspections, and what a fact writes into them.

use std::collections::{BTreeSet, HashMap};

use prost::Message;

use super::standing::{Course, Event};
use crate::kernel::{EpochMs, LogId, Pos};
use crate::ledger::disclosure::Disclosure;
use crate::ledger::tables::PERSONAL_COLUMNS;
use crate::proto::fact::Fact as Of;
use crate::proto::{Fact, InspectionFact, InspectionPersonal};
use crate::store::{Binds, Cells, Column, Inserts, Keys, Kind, Statement, Store, StoreError, Table, Tx};

/// What was found.
pub static CASE: Table = Table::new(
    "inspection_case",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("window_code", Kind::Text),
        Column::pseudonymous("person_id", Kind::Text),
        Column::public("at_ms", Kind::Int),
        Column::public("recorded_ms", Kind::Int),
        Column::pseudonymous("principal", Kind::Text),
        Column::pseudonymous("content", Kind::Blob),
    ],
);

/// Replies and decisions.
pub static EVENT: Table = Table::new(
    "inspection_event",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("inspection", Kind::Int),
        Column::public("recorded_ms", Kind::Int),
        Column::pseudonymous("principal", Kind::Text),
        Column::public("content", Kind::Blob),
    ],
);

/// What was said in words.
pub static PERSONAL: Table = Table::new("inspection_personal", PERSONAL_COLUMNS);

static CASES: Statement = Statement::new(
    "SELECT pos, recorded_ms, principal, content FROM inspection_case \
     WHERE log_id = $1 AND pos = ANY($2::bigint[]) ORDER BY pos",
);

static EVENTS: Statement = Statement::new(
    "SELECT pos, recorded_ms, principal, content FROM inspection_event \
     WHERE log_id = $1 AND inspection = ANY($2::bigint[]) ORDER BY pos",
);

/// Inspections from a position on, of one window or of all, of one person or of all.
static LISTED: Statement = Statement::new(
    "SELECT pos FROM inspection_case WHERE log_id = $1 AND pos >= $2 AND at_ms >= $3 AND at_ms < $4 \
     AND ($5 = '' OR window_code = $5) AND ($6 = '' OR person_id = $6) ORDER BY pos LIMIT $7",
);

/// The entries that are about a person: what was found, what they answered, what came of it.
static ABOUT: Statement = Statement::new(
    "SELECT pos FROM inspection_case WHERE log_id = $1 AND person_id = $2 \
     UNION SELECT e.pos FROM inspection_event e JOIN inspection_case c ON c.log_id = e.log_id AND c.pos = e.inspection \
     WHERE e.log_id = $1 AND c.person_id = $2",
);

static SAID_AT: Statement = Statement::new(
    "SELECT pos, payload FROM inspection_personal WHERE log_id = $1 AND pos = ANY($2::bigint[])",
);

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

/// The row of a fact.
pub fn insert(at: At<'_>, fact: &Fact, inserts: &mut Inserts) {
    let (log, pos, recorded) = (at.log.column(), at.pos.column(), at.recorded.get());
    if let Some(Of::Inspection(found)) = &fact.fact {
        inserts.push(
            &CASE,
            [
                log.into(),
                pos.into(),
                found.window.as_str().into(),
                found.person_id.as_str().into(),
                found.at_ms.into(),
                recorded.into(),
                at.principal.into(),
                found.encode_to_vec().into(),
            ],
        );
    } else if let Some((inspection, _)) = Event::of(at.pos, at.principal, at.recorded, fact) {
        inserts.push(
            &EVENT,
            [
                log.into(),
                pos.into(),
                inspection.column().into(),
                recorded.into(),
                at.principal.into(),
                fact.encode_to_vec().into(),
            ],
        );
    }
}

const fn bad(table: &'static str, column: &'static str) -> StoreError {
    StoreError::Inconsistent { table, column }
}

fn number(cells: &mut Cells<'_>, table: &'static str) -> Result<Pos, StoreError> {
    Pos::from_column(cells.int()?).ok_or(bad(table, "pos"))
}

/// Inspections by position, with everything that became of them.
pub async fn courses(tx: &mut Tx, log: LogId, positions: &BTreeSet<Pos>) -> Result<Vec<Course>, StoreError> {
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    let binds = || Binds::new().and(log.column()).keys(Keys::ints(positions.iter().map(|pos| pos.column())));
    let mut courses = tx
        .fetch(&CASES, binds(), |cells| {
            Ok(Course {
                pos: number(cells, "inspection_case")?,
                recorded: EpochMs::clamped(cells.int()?),
                principal: cells.text()?,
                fact: InspectionFact::decode(cells.blob()?.as_slice())
                    .map_err(|_| bad("inspection_case", "content"))?,
                events: Vec::new(),
            })
        })
        .await?;
    let events = tx
        .fetch(&EVENTS, binds(), |cells| {
            let pos = number(cells, "inspection_event")?;
            let (recorded, principal) = (EpochMs::clamped(cells.int()?), cells.text()?);
            let fact = Fact::decode(cells.blob()?.as_slice()).ok();
            fact.and_then(|fact| Event::of(pos, &principal, recorded, &fact))
                .ok_or(bad("inspection_event", "content"))
        })
        .await?;
    let mut of: HashMap<Pos, Vec<Event>> = HashMap::new();
    for (inspection, event) in events {
        of.entry(inspection).or_default().push(event);
    }
    for course in &mut courses {
        course.events = of.remove(&course.pos).unwrap_or_default();
    }
    Ok(courses)
}

/// Which inspections are listed.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// From this position on.
    pub from: Pos,
    /// Of what was found from then on, and before then.
    pub during: (EpochMs, EpochMs),
    /// Of this window; empty: of all.
    pub window: &'a str,
    /// Of this person; empty: of all.
    pub person_id: &'a str,
}

/// The next inspections.
pub async fn listed(
    tx: &mut Tx,
    log: LogId,
    wanted: Wanted<'_>,
    limit: usize,
) -> Result<BTreeSet<Pos>, StoreError> {
    let binds = Binds::new()
        .and(log.column())
        .and(wanted.from.column())
        .and(wanted.during.0.get())
        .and(wanted.during.1.get())
        .and(wanted.window)
        .and(wanted.person_id)
        .and(i64::try_from(limit).unwrap_or(i64::MAX));
    let found = tx.fetch(&LISTED, binds, |cells| number(cells, "inspection_case")).await?;
    Ok(found.into_iter().collect())
}

/// The entries that are about a person.
pub async fn about(tx: &mut Tx, log: LogId, person_id: &str) -> Result<Vec<Pos>, StoreError> {
    let binds = Binds::new().and(log.column()).and(person_id);
    tx.fetch(&ABOUT, binds, |cells| number(cells, "inspection_case")).await
}

/// What was said in words, by position. What was erased, or never was, is absent.
pub async fn reveal(
    store: &Store,
    disclosure: &Disclosure,
    log: LogId,
    positions: &[Pos],
) -> Result<HashMap<Pos, InspectionPersonal>, StoreError> {
    tracing::trace!(disclosure = disclosure.index(), "read on record");
    let keys = Keys::ints(positions.iter().map(|pos| pos.column()));
    let rows = store
        .fetch(&SAID_AT, Binds::new().and(log.column()).keys(keys), |cells| {
            let pos = number(cells, "inspection_personal")?;
            let said = InspectionPersonal::decode(cells.blob()?.as_slice());
            Ok((pos, said.map_err(|_| bad("inspection_personal", "payload"))?))
        })
        .await?;
    Ok(rows.into_iter().collect())
}
