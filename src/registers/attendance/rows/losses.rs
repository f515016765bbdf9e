//! The rows of what people vouch for where devices do not tell: journal numbers that are lost, import sources that are
//! complete.

use std::collections::HashMap;

use super::bad;
use crate::kernel::{EpochMs, LogId, Pos};
use crate::ledger::port::ConfigAt;
use crate::proto::fact::Fact as Of;
use crate::proto::{Fact, JournalLossFact};
use crate::registers::attendance::losses::Declared;
use crate::registers::directory::journal;
use crate::store::{Binds, Cells, Column, Inserts, Keys, Kind, Statement, StoreError, Table, Tx};

/// Declarations of lost journal numbers.
pub static LOSS: Table = Table::new(
    "attendance_loss",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::pseudonymous("principal", Kind::Text),
        Column::public("device", Kind::Text),
        Column::public("journal", Kind::Int),
        Column::public("first_seq", Kind::Int),
        Column::public("last_seq", Kind::Int),
    ],
);

/// Their countersignatures, with what was declared and when it was stamped.
pub static LOSS_SIGNATURE: Table = Table::new(
    "attendance_loss_signature",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("loss", Kind::Int),
        Column::public("device", Kind::Text),
        Column::public("journal", Kind::Int),
        Column::public("first_seq", Kind::Int),
        Column::public("last_seq", Kind::Int),
        Column::public("from_ms", Kind::Int),
        Column::public("until_ms", Kind::Int),
    ],
);

/// Import sources for which somebody vouched.
pub static DECLARED_COVERAGE: Table = Table::new(
    "attendance_declared_coverage",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("device", Kind::Text),
        Column::public("complete_through_ms", Kind::Int),
    ],
);

/// Declarations, whether each was signed, and the contacts between which the numbers were stamped.
static DECLARED: Statement = Statement::new(
    "SELECT l.log_id, l.pos, l.principal, l.device, l.journal, l.first_seq, l.last_seq, \
     (SELECT MIN(s.pos) FROM attendance_loss_signature s WHERE s.log_id = l.log_id AND s.loss = l.pos), \
     (SELECT MAX(c.last_contact_ms) FROM attendance_coverage c WHERE c.log_id = l.log_id AND c.device = l.device \
     AND c.journal = l.journal AND c.journal_head < l.first_seq), \
     (SELECT MIN(c.last_contact_ms) FROM attendance_coverage c WHERE c.log_id = l.log_id AND c.device = l.device \
     AND c.journal = l.journal AND c.journal_head >= l.last_seq) \
     FROM UNNEST($1::bigint[], $2::bigint[]) AS k(k0, k1) \
     JOIN attendance_loss l ON l.log_id = k.k0 AND l.pos = k.k1",
);

/// What some ranges of entries signed.
static SIGNED: Statement = Statement::new(
    "SELECT t.log_id, t.device, t.journal, t.first_seq, t.last_seq \
     FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[]) AS k(k0, k1, k2) \
     JOIN attendance_loss_signature t ON t.log_id = k.k0 AND t.pos >= k.k1 AND t.pos < k.k2",
);

static STRETCHES: Statement = Statement::new(
    "SELECT pos, device, journal, from_ms, until_ms FROM attendance_loss_signature \
     WHERE log_id = $1 AND pos < $2 ORDER BY pos",
);

static VOUCHED: Statement = Statement::new(
    "SELECT device, pos, complete_through_ms FROM attendance_declared_coverage \
     WHERE log_id = $1 AND pos < $2 ORDER BY pos",
);

/// The rows of a fact.
pub fn insert(log: LogId, pos: Pos, principal: &str, fact: &Fact, inserts: &mut Inserts) {
    let (log, pos) = (log.column(), pos.column());
    let number = |number: u64| Pos::new(number).column();
    match &fact.fact {
        Some(Of::JournalLoss(loss)) => inserts.push(
            &LOSS,
            [
                log.into(),
                pos.into(),
                principal.into(),
                loss.device.as_str().into(),
                number(loss.journal).into(),
                number(loss.first_seq).into(),
                number(loss.last_seq).into(),
            ],
        ),
        Some(Of::JournalLossSignature(signature)) => inserts.push(
            &LOSS_SIGNATURE,
            [
                log.into(),
                pos.into(),
                number(signature.loss).into(),
                signature.device.as_str().into(),
                number(signature.journal).into(),
                number(signature.first_seq).into(),
                number(signature.last_seq).into(),
                signature.from_ms.into(),
                signature.until_ms.into(),
            ],
        ),
        Some(Of::CoverageDeclaration(declared)) => {
            let (device, through) = (declared.device.as_str(), declared.complete_through_ms);
            inserts.push(&DECLARED_COVERAGE, [log.into(), pos.into(), device.into(), through.into()]);
        }
        _ => {}
    }
}

fn number(cells: &mut Cells<'_>, table: &'static str, column: &'static str) -> Result<u64, StoreError> {
    Pos::from_column(cells.int()?).map(Pos::get).ok_or(bad(table, column))
}

fn lost(cells: &mut Cells<'_>, table: &'static str) -> Result<JournalLossFact, StoreError> {
    Ok(JournalLossFact {
        device: cells.text()?,
        journal: number(cells, table, "journal")?,
        first_seq: number(cells, table, "first_seq")?,
        last_seq: number(cells, table, "last_seq")?,
    })
}

/// Declarations by where they stand.
pub async fn declared(
    tx: &mut Tx,
    at: &[(LogId, Pos)],
) -> Result<HashMap<(LogId, Pos), Declared>, StoreError> {
    if at.is_empty() {
        return Ok(HashMap::new());
    }
    let keys =
        Keys::ints(at.iter().map(|(log, _)| log.column())).and_ints(at.iter().map(|(_, pos)| pos.column()));
    let rows = tx
        .fetch(&DECLARED, Binds::new().keys(keys), |cells| {
            const TABLE: &str = "attendance_loss";
            let log = LogId::from_column(cells.int()?);
            let pos = Pos::new(number(cells, TABLE, "pos")?);
            let principal = cells.text()?;
            let fact = lost(cells, TABLE)?;
            let signed = cells.opt_int()?.is_some();
            let after = cells.opt_int()?.map_or(EpochMs::ZERO, EpochMs::clamped);
            let before = cells.opt_int()?.map(EpochMs::clamped);
            Ok(((log, pos), Declared { principal, fact, signed, after, before }))
        })
        .await?;
    Ok(rows.into_iter().collect())
}

/// What entries from a position on signed, per log.
pub async fn signed(
    tx: &mut Tx,
    of: &[(ConfigAt, Pos)],
) -> Result<Vec<(LogId, JournalLossFact)>, StoreError> {
    tx.fetch(&SIGNED, Binds::new().keys(journal::ranges(of)), |cells| {
        Ok((LogId::from_column(cells.int()?), lost(cells, "attendance_loss_signature")?))
    })
    .await
}

/// A time of a journal in which what was stamped is lost: after the one instant, and not after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The countersignature.
    pub pos: Pos,
    /// The device's code.
    pub device: String,
    /// The journal.
    pub journal: Pos,
    /// After this.
    pub after: EpochMs,
    /// Until this.
    pub until: EpochMs,
}

/// What was signed before a position.
pub async fn stretches(tx: &mut Tx, log: LogId, until: Pos) -> Result<Vec<Lost>, StoreError> {
    let binds = Binds::new().and(log.column()).and(until.column());
    tx.fetch(&STRETCHES, binds, |cells| {
        const TABLE: &str = "attendance_loss_signature";
        Ok(Lost {
            pos: Pos::new(number(cells, TABLE, "pos")?),
            device: cells.text()?,
            journal: Pos::new(number(cells, TABLE, "journal")?),
            after: EpochMs::clamped(cells.int()?),
            until: EpochMs::clamped(cells.int()?),
        })
    })
    .await
}

/// Up to when somebody vouched for import sources before a position: source, entry, instant.
pub async fn vouched(tx: &mut Tx, log: LogId, until: Pos) -> Result<Vec<(String, Pos, EpochMs)>, StoreError> {
    let binds = Binds::new().and(log.column()).and(until.column());
    tx.fetch(&VOUCHED, binds, |cells| {
        let device = cells.text()?;
        let pos = Pos::new(number(cells, "attendance_declared_coverage", "pos")?);
        Ok((device, pos, EpochMs::clamped(cells.int()?)))
    })
    .await
}
