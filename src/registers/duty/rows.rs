//! The tables of duty, and what a fact writes into them.

use std::collections::{BTreeSet, HashMap};

use prost::Message;

use super::course::Event;
use super::fact::happened;
use crate::kernel::{EpochMs, LogId, Pos};
use crate::ledger::disclosure::Disclosure;
use crate::ledger::tables::PERSONAL_COLUMNS;
use crate::proto::duty_fact::What;
use crate::proto::{DutyFact, DutyPersonal};
use crate::store::{Binds, Cells, Column, Inserts, Keys, Kind, Statement, Store, StoreError, Table, Tx};

/// What happened at windows. `pauses`: it is a pause.
pub static EVENT: Table = Table::new(
    "duty_event",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("item", Kind::Int),
        Column::public("window_code", Kind::Text),
        Column::pseudonymous("person_id", Kind::Text),
        Column::pseudonymous("actor_id", Kind::Text),
        Column::public("at_ms", Kind::Int),
        Column::public("recorded_ms", Kind::Int),
        Column::public("pauses", Kind::Int),
        Column::pseudonymous("principal", Kind::Text),
        Column::pseudonymous("content", Kind::Blob),
    ],
);

/// What was shown and said at windows.
pub static PERSONAL: Table = Table::new("duty_personal", PERSONAL_COLUMNS);

/// Everything that happened in a stretch of time, as far as was known before a position.
static BETWEEN: Statement = Statement::new(
    "SELECT pos, item, at_ms, recorded_ms, principal, content FROM duty_event \
     WHERE log_id = $1 AND +pos < $2 AND at_ms >= $3 AND at_ms <= $4 ORDER BY pos, item",
);

/// The same of several stretches of time, which do not overlap.
static DURING: Statement = Statement::new(
    "SELECT t.pos, t.item, t.at_ms, t.recorded_ms, t.principal, t.content \
     FROM UNNEST($3::bigint[], $4::bigint[]) AS k(k0, k1) \
     CROSS JOIN LATERAL (SELECT * FROM duty_event t WHERE t.log_id = $1 AND t.at_ms >= k.k0 AND t.at_ms <= k.k1 \
     AND +t.pos < $2 OFFSET 0) t \
     ORDER BY t.pos, t.item",
);

/// What happened at some windows.
static OF_WINDOWS: Statement = Statement::new(
    "SELECT pos, item, at_ms, recorded_ms, principal, content FROM duty_event \
     WHERE log_id = $1 AND pos < $2 AND at_ms >= $3 AND at_ms <= $4 \
     AND window_code = ANY($5::text[]) ORDER BY pos, item",
);

/// What some entries brought.
static SINCE: Statement = Statement::new(
    "SELECT pos, item, at_ms, recorded_ms, principal, content FROM duty_event \
     WHERE log_id = $1 AND pos >= $2 AND pos < $3 ORDER BY pos, item",
);

/// When something was last recorded.
static NEWEST: Statement = Statement::new(
    "SELECT recorded_ms FROM duty_event WHERE log_id = $1 AND pos < $2 ORDER BY pos DESC LIMIT 1",
);

/// Pauses in the order of their entries, of one window or of all, of one person or of all.
static PAUSES: Statement = Statement::new(
    "SELECT pos, item, at_ms, recorded_ms, principal, content FROM duty_event WHERE log_id = $1 AND pauses = 1 \
     AND (pos > $2 OR (pos = $2 AND item > $3)) AND at_ms >= $4 AND at_ms < $5 \
     AND ($6 = '' OR window_code = $6) AND ($7 = '' OR person_id = $7) AND pos < $9 ORDER BY pos, item LIMIT $8",
);

/// Pauses by their entries.
static PAUSES_AT: Statement = Statement::new(
    "SELECT pos, item, at_ms, recorded_ms, principal, content FROM duty_event \
     WHERE log_id = $1 AND pauses = 1 AND pos = ANY($2::bigint[]) ORDER BY pos, item",
);

/// The pauses of a window that were asked for in a stretch of time.
static PAUSES_OF_WINDOW: Statement = Statement::new(
    "SELECT pos, item FROM duty_event WHERE log_id = $1 AND pauses = 1 AND pos < $2 AND at_ms >= $3 AND at_ms <= $4 \
     AND (pos > $5 OR (pos = $5 AND item > $6)) AND window_code = $7 ORDER BY pos, item LIMIT $8",
);

/// The same of all windows at which a person paused then.
static PAUSES_OF_PERSON: Statement = Statement::new(
    "SELECT pos, item FROM duty_event WHERE log_id = $1 AND pauses = 1 AND pos < $2 AND at_ms >= $3 AND at_ms <= $4 \
     AND (pos > $5 OR (pos = $5 AND item > $6)) AND window_code IN (SELECT window_code FROM duty_event \
     WHERE log_id = $1 AND pauses = 1 AND person_id = $7 AND at_ms >= $3 AND at_ms <= $4) \
     ORDER BY pos, item LIMIT $8",
);

/// The same of everybody.
static PAUSES_OF_ALL: Statement = Statement::new(
    "SELECT pos, item FROM duty_event WHERE log_id = $1 AND pauses = 1 AND pos < $2 AND at_ms >= $3 AND at_ms <= $4 \
     AND (pos > $5 OR (pos = $5 AND item > $6)) ORDER BY pos, item LIMIT $7",
);

/// The pauses of a stretch of time at the windows at which some people paused in it.
static PAUSES_OF_PEOPLE: Statement = Statement::new(
    "SELECT pos, item FROM duty_event WHERE log_id = $1 AND pauses = 1 AND pos < $2 AND at_ms >= $3 AND at_ms <= $4 \
     AND window_code IN (SELECT window_code FROM duty_event WHERE log_id = $1 AND pauses = 1 AND at_ms >= $3 \
     AND at_ms <= $4 AND person_id = ANY($5::text[])) ORDER BY pos, item",
);

/// The entries that are about a person.
static ABOUT: Statement = Statement::new(
    "SELECT pos FROM duty_event WHERE log_id = $1 AND person_id = $2 \
     UNION SELECT pos FROM duty_event WHERE log_id = $1 AND actor_id = $2 AND actor_id <> ''",
);

static SAID_AT: Statement =
    Statement::new("SELECT pos, payload FROM duty_personal WHERE log_id = $1 AND pos = ANY($2::bigint[])");

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

/// The row of a fact: `item` is its number among the entry's facts of duty.
pub fn insert(at: At<'_>, item: u32, fact: &DutyFact, inserts: &mut Inserts) {
    inserts.push(
        &EVENT,
        [
            at.log.column().into(),
            at.pos.column().into(),
            item.into(),
            fact.window.as_str().into(),
            fact.person_id.as_str().into(),
            fact.actor_id.as_str().into(),
            happened(fact, at.recorded).get().into(),
            at.recorded.get().into(),
            i64::from(matches!(fact.what, Some(What::Paused(_)))).into(),
            at.principal.into(),
            fact.encode_to_vec().into(),
        ],
    );
}

const fn bad(column: &'static str) -> StoreError {
    StoreError::Inconsistent { table: "duty_event", column }
}

fn read(cells: &mut Cells<'_>) -> Result<Event, StoreError> {
    Ok(Event {
        pos: Pos::from_column(cells.int()?).ok_or(bad("pos"))?,
        item: u32::try_from(cells.int()?).map_err(|_| bad("item"))?,
        at: EpochMs::clamped(cells.int()?),
        recorded: EpochMs::clamped(cells.int()?),
        principal: cells.text()?,
        fact: DutyFact::decode(cells.blob()?.as_slice()).map_err(|_| bad("content"))?,
    })
}

/// Everything that happened from an instant to another, as far as was known before a position.
pub async fn between(
    tx: &mut Tx,
    log: LogId,
    before: Pos,
    (from, until): (EpochMs, EpochMs),
) -> Result<Vec<Event>, StoreError> {
    let binds = Binds::new().and(log.column()).and(before.column()).and(from.get()).and(until.get());
    tx.fetch(&BETWEEN, binds, read).await
}

/// Everything that happened in stretches of time that do not overlap, as far as was known before a position.
pub async fn during(
    tx: &mut Tx,
    log: LogId,
    before: Pos,
    stretches: &[(EpochMs, EpochMs)],
) -> Result<Vec<Event>, StoreError> {
    if stretches.is_empty() {
        return Ok(Vec::new());
    }
    let keys = Keys::ints(stretches.iter().map(|(from, _)| from.get()))
        .and_ints(stretches.iter().map(|(_, until)| until.get()));
    tx.fetch(&DURING, Binds::new().and(log.column()).and(before.column()).keys(keys), read).await
}

/// What happened at some windows from an instant to another, as far as was known before a position.
pub async fn of_windows(
    tx: &mut Tx,
    log: LogId,
    windows: &BTreeSet<&str>,
    before: Pos,
    (from, until): (EpochMs, EpochMs),
) -> Result<Vec<Event>, StoreError> {
    if windows.is_empty() {
        return Ok(Vec::new());
    }
    let binds = Binds::new().and(log.column()).and(before.column()).and(from.get()).and(until.get());
    tx.fetch(&OF_WINDOWS, binds.keys(Keys::texts(windows.iter().copied())), read).await
}

/// What the entries from a position to before another brought.
pub async fn since(tx: &mut Tx, log: LogId, from: Pos, before: Pos) -> Result<Vec<Event>, StoreError> {
    tx.fetch(&SINCE, Binds::new().and(log.column()).and(from.column()).and(before.column()), read).await
}

/// When something was last recorded before a position.
pub async fn newest(tx: &mut Tx, log: LogId, before: Pos) -> Result<EpochMs, StoreError> {
    let binds = Binds::new().and(log.column()).and(before.column());
    let found = tx.fetch(&NEWEST, binds, |cells| Ok(EpochMs::clamped(cells.int()?))).await?;
    Ok(found.into_iter().next().unwrap_or(EpochMs::ZERO))
}

/// Which pauses are listed.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// After this one: its entry and its number there.
    pub after: (i64, u32),
    /// That began from then on, and before then.
    pub during: (EpochMs, EpochMs),
    /// Of this window; empty: of all.
    pub window: &'a str,
    /// Of this person; empty: of all.
    pub person_id: &'a str,
    /// By entries before this position.
    pub before: Pos,
}

/// The next pauses.
pub async fn pauses(
    tx: &mut Tx,
    log: LogId,
    wanted: Wanted<'_>,
    limit: usize,
) -> Result<Vec<Event>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let binds = Binds::new()
        .and(log.column())
        .and(wanted.after.0)
        .and(i64::from(wanted.after.1))
        .and(wanted.during.0.get())
        .and(wanted.during.1.get())
        .and(wanted.window)
        .and(wanted.person_id)
        .and(limit)
        .and(wanted.before.column());
    tx.fetch(&PAUSES, binds, read).await
}

/// Pauses by entry and number.
pub async fn pauses_at(tx: &mut Tx, log: LogId, keys: &[(Pos, u32)]) -> Result<Vec<Event>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let positions = Keys::ints(keys.iter().map(|(pos, _)| pos.column()));
    let mut found = tx.fetch(&PAUSES_AT, Binds::new().and(log.column()).keys(positions), read).await?;
    found.retain(|event| keys.contains(&(event.pos, event.item)));
    Ok(found)
}

/// Among which pauses.
#[derive(Debug, Clone, Copy)]
pub struct Among<'a> {
    /// Of this window.
    pub window: Option<&'a str>,
    /// Of the windows at which this person paused then.
    pub person_id: Option<&'a str>,
    /// Asked for from then to then.
    pub during: (EpochMs, EpochMs),
    /// By entries before this position.
    pub before: Pos,
}

/// The next pauses after one, by entry and number.
pub async fn pauses_among(
    tx: &mut Tx,
    log: LogId,
    among: &Among<'_>,
    after: Option<(Pos, u32)>,
    limit: usize,
) -> Result<Vec<(Pos, u32)>, StoreError> {
    let (pos, item) = after.map_or((-1, 0), |(pos, item)| (pos.column(), i64::from(item)));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let binds = Binds::new()
        .and(log.column())
        .and(among.before.column())
        .and(among.during.0.get())
        .and(among.during.1.get())
        .and(pos)
        .and(item);
    let (statement, binds) = match (among.window, among.person_id) {
        (Some(window), _) => (&PAUSES_OF_WINDOW, binds.and(window)),
        (None, Some(person)) => (&PAUSES_OF_PERSON, binds.and(person)),
        (None, None) => (&PAUSES_OF_ALL, binds),
    };
    tx.fetch(statement, binds.and(limit), read_key).await
}

fn read_key(cells: &mut Cells<'_>) -> Result<(Pos, u32), StoreError> {
    let pos = Pos::from_column(cells.int()?).ok_or(bad("pos"))?;
    Ok((pos, u32::try_from(cells.int()?).map_err(|_| bad("item"))?))
}

/// The pauses of a stretch of time at the windows at which some people paused in it.
pub async fn pauses_of(
    tx: &mut Tx,
    log: LogId,
    people: &BTreeSet<&str>,
    before: Pos,
    (from, until): (EpochMs, EpochMs),
) -> Result<Vec<(Pos, u32)>, StoreError> {
    let binds = Binds::new().and(log.column()).and(before.column()).and(from.get()).and(until.get());
    tx.fetch(&PAUSES_OF_PEOPLE, binds.keys(Keys::texts(people.iter().copied())), read_key).await
}

/// The entries that are about a person.
pub async fn about(tx: &mut Tx, log: LogId, person_id: &str) -> Result<Vec<Pos>, StoreError> {
    let binds = Binds::new().and(log.column()).and(person_id);
    tx.fetch(&ABOUT, binds, |cells| Pos::from_column(cells.int()?).ok_or(bad("pos"))).await
}

/// What was said at windows, by position. What was erased, or never was, is absent.
pub async fn reveal(
    store: &Store,
    disclosure: &Disclosure,
    log: LogId,
    positions: &[Pos],
) -> Result<HashMap<Pos, DutyPersonal>, StoreError> {
    tracing::trace!(disclosure = disclosure.index(), "read on record");
    let wrong = |column| StoreError::Inconsistent { table: "duty_personal", column };
    let keys = Keys::ints(positions.iter().map(|pos| pos.column()));
    let rows = store
        .fetch(&SAID_AT, Binds::new().and(log.column()).keys(keys), |cells| {
            let pos = Pos::from_column(cells.int()?).ok_or(wrong("pos"))?;
            let said = DutyPersonal::decode(cells.blob()?.as_slice());
            Ok((pos, said.map_err(|_| wrong("payload"))?))
        })
        .await?;
    Ok(rows.into_iter().collect())
}
