//! The tables of the audit register, and the questions that its rule and its calls ask.

use prost::Message;

use crate::kernel::{EpochMs, LogId, Pos};
use crate::ledger::disclosure::Disclosure;
use crate::ledger::port::PartAt;
use crate::ledger::tables::PERSONAL_COLUMNS;
use crate::proto::fact::Fact as Of;
use crate::proto::{DisclosureEndFact, DisclosureFact, ErasureDecisionFact, ErasureRequestFact, Fact, read};
use crate::store::{Binds, Cells, Column, Inserts, Keys, Kind, Statement, Store, StoreError, Table, Tx};

/// Reads on record.
pub static DISCLOSURE: Table = Table::new(
    "audit_disclosure",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("recorded_ms", Kind::Int),
        Column::pseudonymous("principal", Kind::Text),
        Column::public("kind", Kind::Int),
        Column::public("rpc", Kind::Text),
        Column::public("purpose", Kind::Int),
        Column::pseudonymous("scope", Kind::Text),
        Column::public("session", Kind::Blob),
        Column::public("until_ms", Kind::Int),
    ],
);

/// Sessions that ended; each ends once.
pub static DISCLOSURE_END: Table = Table::new(
    "audit_disclosure_end",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("disclosure", Kind::Int),
        Column::public("closed", Kind::Int),
        Column::public("given", Kind::Int),
        Column::public("last_cursor", Kind::Text),
        Column::public("digest", Kind::Blob),
    ],
);

/// Proposals to erase, with their parts.
pub static ERASURE_REQUEST: Table = Table::new(
    "audit_erasure_request",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::pseudonymous("principal", Kind::Text),
        Column::pseudonymous("content", Kind::Blob),
    ],
);

/// Decisions; each proposal is decided once. An erasure that is carried out again decides none.
pub static ERASURE_DECISION: Table = Table::new(
    "audit_erasure_decision",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("erasure", Kind::Int),
        Column::public("approved", Kind::Int),
    ],
);

/// Which entry erased which part.
pub static ERASED: Table = Table::new(
    "audit_erased",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("target", Kind::Int),
        Column::public("part", Kind::Int),
    ],
);

/// Versions of the rules.
pub static RULES: Table = Table::new(
    "audit_rules",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("rules", Kind::Int),
    ],
);

/// Reasons in words.
pub static PERSONAL: Table = Table::new("audit_personal", PERSONAL_COLUMNS);

/// When the bytes that an entry erased were gone from the database's files. About this database, so no evidence.
pub static REMOVAL: Table = Table::idempotent(
    "audit_removal",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("gone_ms", Kind::Int),
    ],
);

/// Where an entry stands.
#[derive(Debug, Clone, Copy)]
pub struct At {
    /// Its log.
    pub log: LogId,
    /// Its position.
    pub pos: Pos,
    /// When it was recorded.
    pub recorded: EpochMs,
}

/// The rows of a fact.
pub fn insert(at: At, principal: &str, fact: &Fact, inserts: &mut Inserts) {
    let (log, pos) = (at.log.column(), at.pos.column());
    match &fact.fact {
        Some(Of::Disclosure(fact)) => insert_disclosure(at, principal, fact, inserts),
        Some(Of::DisclosureEnd(fact)) => {
            let DisclosureEndFact { disclosure, closed, rows, last_cursor, digest } = fact;
            inserts.push(
                &DISCLOSURE_END,
                [
                    log.into(),
                    pos.into(),
                    Pos::new(*disclosure).column().into(),
                    (*closed).into(),
                    Pos::new(*rows).column().into(),
                    last_cursor.as_str().into(),
                    digest.as_slice().into(),
                ],
            );
        }
        Some(Of::ErasureRequest(fact)) => {
            inserts.push(
                &ERASURE_REQUEST,
                [log.into(), pos.into(), principal.into(), fact.encode_to_vec().into()],
            );
        }
        Some(Of::ErasureDecision(fact)) => insert_decision(at, fact, inserts),
        Some(Of::Rules(fact)) => inserts.push(&RULES, [log.into(), pos.into(), fact.rules.into()]),
        Some(Of::Genesis(fact)) => inserts.push(&RULES, [log.into(), pos.into(), fact.rules.into()]),
        _ => {}
    }
}

fn insert_disclosure(at: At, principal: &str, fact: &DisclosureFact, inserts: &mut Inserts) {
    inserts.push(
        &DISCLOSURE,
        [
            at.log.column().into(),
            at.pos.column().into(),
            at.recorded.get().into(),
            principal.into(),
            fact.kind.into(),
            fact.rpc.as_str().into(),
            fact.purpose.into(),
            fact.scope.as_str().into(),
            fact.session.as_slice().into(),
            fact.until_ms.into(),
        ],
    );
}

fn insert_decision(at: At, fact: &ErasureDecisionFact, inserts: &mut Inserts) {
    let (log, pos) = (at.log.column(), at.pos.column());
    let erasure = (!fact.again).then(|| Pos::new(fact.erasure).column());
    inserts
        .push(&ERASURE_DECISION, [log.into(), pos.into(), erasure.into(), i64::from(fact.approved).into()]);
    for part in fact.parts.iter().filter(|_| fact.approved) {
        let target = Pos::new(part.pos).column();
        inserts.push(&ERASED, [log.into(), pos.into(), target.into(), part.part.into()]);
    }
}

static DISCLOSURES_AT: Statement = Statement::new(
    "SELECT d.log_id, d.pos, d.kind, e.pos FROM audit_disclosure d \
     LEFT JOIN audit_disclosure_end e ON e.log_id = d.log_id AND e.disclosure = d.pos \
     WHERE (d.log_id, d.pos) IN (SELECT * FROM UNNEST($1::bigint[], $2::bigint[]))",
);

/// Which of these disclosures are sessions that have not ended.
pub async fn open_among(tx: &mut Tx, at: &[(LogId, Pos)]) -> Result<Vec<(LogId, Pos)>, StoreError> {
    if at.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx
        .fetch(&DISCLOSURES_AT, Binds::new().keys(places(at)), |cells| {
            let at = place(cells, "audit_disclosure")?;
            Ok((at, cells.int()? == i64::from(i32::from(read::Kind::Session)) && cells.opt_int()?.is_none()))
        })
        .await?;
    Ok(rows.into_iter().filter_map(|(at, open)| open.then_some(at)).collect())
}

static ERASURE_REQUESTS_AT: Statement = Statement::new(
    "SELECT r.log_id, r.pos, r.principal, r.content, d.pos FROM audit_erasure_request r \
     LEFT JOIN audit_erasure_decision d ON d.log_id = r.log_id AND d.erasure = r.pos \
     WHERE (r.log_id, r.pos) IN (SELECT * FROM UNNEST($1::bigint[], $2::bigint[]))",
);

/// A proposal to erase.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Its log and position.
    pub at: (LogId, Pos),
    /// Who proposed it.
    pub principal: String,
    /// What it says.
    pub fact: ErasureRequestFact,
    /// Has it been decided?
    pub decided: bool,
}

/// Proposals by position.
pub async fn proposals_at(tx: &mut Tx, at: &[(LogId, Pos)]) -> Result<Vec<Proposal>, StoreError> {
    const TABLE: &str = "audit_erasure_request";
    if at.is_empty() {
        return Ok(Vec::new());
    }
    tx.fetch(&ERASURE_REQUESTS_AT, Binds::new().keys(places(at)), |cells| {
        let at = place(cells, TABLE)?;
        let principal = cells.text()?;
        let fact = ErasureRequestFact::decode(cells.blob()?.as_slice())
            .map_err(|_| StoreError::Inconsistent { table: TABLE, column: "content" })?;
        Ok(Proposal { at, principal, fact, decided: cells.opt_int()?.is_some() })
    })
    .await
}

static NEWEST_RULES: Statement = Statement::new(
    "SELECT log_id, MAX(rules) FROM audit_rules WHERE log_id = ANY($1::bigint[]) GROUP BY log_id",
);

/// The newest version of the rules that each of these logs has adopted.
pub async fn newest_rules(tx: &mut Tx, logs: &[LogId]) -> Result<Vec<(LogId, u32)>, StoreError> {
    if logs.is_empty() {
        return Ok(Vec::new());
    }
    let keys = Keys::ints(logs.iter().map(|log| log.column()));
    tx.fetch(&NEWEST_RULES, Binds::new().keys(keys), |cells| {
        let log = LogId::from_column(cells.int()?);
        let rules = u32::try_from(cells.int()?);
        Ok((log, rules.map_err(|_| StoreError::Inconsistent { table: "audit_rules", column: "rules" })?))
    })
    .await
}

static ERASED_BY: Statement = Statement::new(
    "SELECT target, part, pos FROM audit_erased \
     WHERE log_id = $1 AND target = ANY($2::bigint[])",
);

/// Which entries erased parts of these.
pub async fn erased_by(
    store: &Store,
    log: LogId,
    positions: &[Pos],
) -> Result<Vec<(PartAt, Pos)>, StoreError> {
    let keys = Keys::ints(positions.iter().map(|pos| pos.column()));
    store
        .fetch(&ERASED_BY, Binds::new().and(log.column()).keys(keys), |cells| {
            let (target, part, by) = (cells.int()?, cells.int()?, cells.int()?);
            match (Pos::from_column(target), u32::try_from(part), Pos::from_column(by)) {
                (Some(pos), Ok(part), Some(by)) => Ok((PartAt { pos, part }, by)),
                _ => Err(StoreError::Inconsistent { table: "audit_erased", column: "target" }),
            }
        })
        .await
}

static READS_AFTER: Statement = Statement::new(
    "SELECT d.pos, d.recorded_ms, d.principal, d.kind, d.rpc, d.purpose, e.closed, e.given FROM audit_disclosure d \
     LEFT JOIN audit_disclosure_end e ON e.log_id = d.log_id AND e.disclosure = d.pos \
     WHERE d.log_id = $1 AND d.pos >= $2 ORDER BY d.pos LIMIT $3",
);

/// A read on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRow {
    /// The disclosure's position.
    pub pos: Pos,
    /// When it was recorded.
    pub recorded: EpochMs,
    /// Who read.
    pub principal: String,
    /// Read, session or standing.
    pub kind: i32,
    /// By which call.
    pub rpc: String,
    /// For what.
    pub purpose: i32,
    /// How the session ended, if it did.
    pub closed: Option<i32>,
    /// Rows given out in it.
    pub given: Option<u64>,
}

/// Up to `limit` reads from a position on.
pub async fn reads_from(
    store: &Store,
    log: LogId,
    from: Pos,
    limit: usize,
) -> Result<Vec<ReadRow>, StoreError> {
    const BAD: StoreError = StoreError::Inconsistent { table: "audit_disclosure", column: "kind" };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let narrow = |value: i64| i32::try_from(value).map_err(|_| BAD);
    store
        .fetch(&READS_AFTER, Binds::new().and(log.column()).and(from.column()).and(limit), |cells| {
            Ok(ReadRow {
                pos: Pos::from_column(cells.int()?).ok_or(BAD)?,
                recorded: EpochMs::clamped(cells.int()?),
                principal: cells.text()?,
                kind: narrow(cells.int()?)?,
                rpc: cells.text()?,
                purpose: narrow(cells.int()?)?,
                closed: cells.opt_int()?.map(narrow).transpose()?,
                given: cells.opt_int()?.and_then(Pos::from_column).map(Pos::get),
            })
        })
        .await
}

static SESSIONS_OPEN: Statement = Statement::new(
    "SELECT d.pos, d.session, d.until_ms FROM audit_disclosure d \
     LEFT JOIN audit_disclosure_end e ON e.log_id = d.log_id AND e.disclosure = d.pos \
     WHERE d.log_id = $1 AND d.kind = $2 AND e.pos IS NULL ORDER BY d.pos",
);

/// A session that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// The disclosure's position.
    pub pos: Pos,
    /// Replica and session, as the fact names them.
    pub session: Vec<u8>,
    /// Until when it is valid.
    pub until: EpochMs,
}

/// The sessions of a log that have not ended.
pub async fn sessions_open(store: &Store, log: LogId) -> Result<Vec<OpenSession>, StoreError> {
    let kind = i64::from(i32::from(read::Kind::Session));
    store
        .fetch(&SESSIONS_OPEN, Binds::new().and(log.column()).and(kind), |cells| {
            let pos = Pos::from_column(cells.int()?)
                .ok_or(StoreError::Inconsistent { table: "audit_disclosure", column: "pos" })?;
            Ok(OpenSession { pos, session: cells.blob()?, until: EpochMs::clamped(cells.int()?) })
        })
        .await
}

static ERASURES_HERE: Statement = Statement::new(
    "SELECT d.log_id, d.pos FROM audit_erasure_decision d \
     LEFT JOIN audit_removal r ON r.log_id = d.log_id AND r.pos = d.pos \
     WHERE d.approved = 1 AND d.log_id >= $1 AND r.gone_ms IS NULL ORDER BY d.log_id, d.pos",
);

/// The erasures whose bytes may still be in the database's files.
pub async fn erasures_in_files(store: &Store) -> Result<Vec<(LogId, Pos)>, StoreError> {
    store.fetch(&ERASURES_HERE, Binds::new().and(0), |cells| place(cells, "audit_erasure_decision")).await
}

static REMOVED_AT: Statement =
    Statement::new("SELECT gone_ms FROM audit_removal WHERE log_id = $1 AND pos = $2");

/// When the bytes that an entry erased were gone from the database's files; `None`: not yet.
pub async fn removed_at(store: &Store, log: LogId, pos: Pos) -> Result<Option<EpochMs>, StoreError> {
    let binds = Binds::new().and(log.column()).and(pos.column());
    let rows = store.fetch(&REMOVED_AT, binds, |cells| Ok(EpochMs::clamped(cells.int()?))).await?;
    Ok(rows.into_iter().next())
}

/// A personal part's place, salt and payload.
pub type Opened = (PartAt, Vec<u8>, Vec<u8>);

static DIRECTORY_PARTS: Statement = Statement::new(
    "SELECT pos, part, salt, payload FROM directory_personal \
     WHERE log_id = $1 AND pos = ANY($2::bigint[])",
);

static ATTENDANCE_PARTS: Statement = Statement::new(
    "SELECT pos, part, salt, payload FROM attendance_personal \
     WHERE log_id = $1 AND pos = ANY($2::bigint[])",
);

static AUDIT_PARTS: Statement = Statement::new(
    "SELECT pos, part, salt, payload FROM audit_personal \
     WHERE log_id = $1 AND pos = ANY($2::bigint[])",
);

/// The personal parts of entries, verbatim with their salts, whatever register they are of. Those that were erased
/// are absent.
pub async fn reveal(
    store: &Store,
    disclosure: &Disclosure,
    log: LogId,
    positions: &[Pos],
) -> Result<Vec<Opened>, StoreError> {
    tracing::trace!(disclosure = disclosure.index(), "read on record");
    let mut parts = Vec::new();
    for statement in [&DIRECTORY_PARTS, &ATTENDANCE_PARTS, &AUDIT_PARTS] {
        let keys = Keys::ints(positions.iter().map(|pos| pos.column()));
        let read = |cells: &mut Cells<'_>| {
            let (pos, part) = (Pos::from_column(cells.int()?), u32::try_from(cells.int()?));
            match (pos, part) {
                (Some(pos), Ok(part)) => Ok((PartAt { pos, part }, cells.blob()?, cells.blob()?)),
                _ => Err(StoreError::Inconsistent { table: "audit_personal", column: "part" }),
            }
        };
        parts.extend(store.fetch(statement, Binds::new().and(log.column()).keys(keys), read).await?);
    }
    Ok(parts)
}

fn places(at: &[(LogId, Pos)]) -> Keys {
    Keys::ints(at.iter().map(|(log, _)| log.column())).and_ints(at.iter().map(|(_, pos)| pos.column()))
}

fn place(cells: &mut Cells<'_>, table: &'static str) -> Result<(LogId, Pos), StoreError> {
    let log = LogId::from_column(cells.int()?);
    let pos = Pos::from_column(cells.int()?).ok_or(StoreError::Inconsistent { table, column: "pos" })?;
    Ok((log, pos))
}

static RULES_SINCE: Statement =
    Statement::new("SELECT pos, rules FROM audit_rules WHERE log_id = $1 ORDER BY pos DESC LIMIT 1");

/// The version of the rules that a log is under, and the entry that says so.
pub async fn rules_since(tx: &mut Tx, log: LogId) -> Result<Option<(Pos, u32)>, StoreError> {
    let rows = tx
        .fetch(&RULES_SINCE, Binds::new().and(log.column()), |cells| {
            let (pos, rules) = (Pos::from_column(cells.int()?), u32::try_from(cells.int()?));
            pos.zip(rules.ok()).ok_or(StoreError::Inconsistent { table: "audit_rules", column: "rules" })
        })
        .await?;
    Ok(rows.into_iter().next())
}
