//! The tables of the months, and what a fact writes into them.

use prost::Message;

use crate::kernel::{EpochDay, LogId, Pos};
use crate::proto::fact::Fact as Of;
use crate::proto::{Date, Fact, MonthLockFact};
use crate::registers::directory::view::day;
use crate::store::{Binds, Cells, Column, Inserts, Keys, Kind, Statement, StoreError, Table, Tx};

/// Locked periods.
pub static LOCK: Table = Table::new(
    "month_lock",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("department", Kind::Text),
        Column::public("from_day", Kind::Int),
        Column::public("until_day", Kind::Int),
        Column::pseudonymous("content", Kind::Blob),
    ],
);

/// What people confirmed of their own days.
pub static CONFIRMATION: Table = Table::new(
    "month_confirmation",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::pseudonymous("person_id", Kind::Text),
        Column::public("from_day", Kind::Int),
        Column::public("until_day", Kind::Int),
        Column::public("digest", Kind::Blob),
    ],
);

/// What HR systems took over.
pub static PULL: Table = Table::new(
    "month_pull",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("department", Kind::Text),
        Column::public("from_day", Kind::Int),
        Column::public("until_day", Kind::Int),
        Column::public("digest", Kind::Blob),
    ],
);

static LOCKS: Statement =
    Statement::new("SELECT pos, content FROM month_lock WHERE log_id = $1 ORDER BY pos");

/// What some people confirmed for a period.
static CONFIRMED: Statement = Statement::new(
    "SELECT person_id, pos, digest FROM month_confirmation WHERE log_id = $1 AND pos < $4 \
     AND from_day = $2 AND until_day = $3 AND person_id = ANY($5::text[]) ORDER BY pos",
);

static ABOUT: Statement =
    Statement::new("SELECT pos FROM month_confirmation WHERE log_id = $1 AND person_id = $2");

fn column(date: Option<&Date>) -> i64 {
    day(date).column()
}

/// The rows of a fact.
pub fn insert(log: LogId, at: Pos, fact: &Fact, inserts: &mut Inserts) {
    let (log, pos) = (log.column(), at.column());
    match &fact.fact {
        Some(Of::MonthLock(lock)) => {
            let days = [column(lock.from.as_ref()).into(), column(lock.until.as_ref()).into()];
            let [from, until] = days;
            let content = lock.encode_to_vec();
            inserts.push(
                &LOCK,
                [log.into(), pos.into(), lock.department.as_str().into(), from, until, content.into()],
            );
        }
        Some(Of::MonthConfirmation(said)) => {
            let days = [column(said.from.as_ref()).into(), column(said.until.as_ref()).into()];
            let [from, until] = days;
            let digest = said.digest.as_slice().into();
            inserts.push(
                &CONFIRMATION,
                [log.into(), pos.into(), said.person_id.as_str().into(), from, until, digest],
            );
        }
        Some(Of::PullConfirmation(said)) => {
            let days = [column(said.from.as_ref()).into(), column(said.until.as_ref()).into()];
            let [from, until] = days;
            let digest = said.digest.as_slice().into();
            inserts
                .push(&PULL, [log.into(), pos.into(), said.department.as_str().into(), from, until, digest]);
        }
        _ => {}
    }
}

fn number(cells: &mut Cells<'_>, table: &'static str) -> Result<Pos, StoreError> {
    Pos::from_column(cells.int()?).ok_or(StoreError::Inconsistent { table, column: "pos" })
}

/// The locks of a log, in order.
pub async fn locks(tx: &mut Tx, log: LogId) -> Result<Vec<(Pos, MonthLockFact)>, StoreError> {
    tx.fetch(&LOCKS, Binds::new().and(log.column()), |cells| {
        let pos = number(cells, "month_lock")?;
        let lock = MonthLockFact::decode(cells.blob()?.as_slice());
        let lock = lock.map_err(|_| StoreError::Inconsistent { table: "month_lock", column: "content" })?;
        Ok((pos, lock))
    })
    .await
}

/// What some people confirmed for a period before a position, in order: who, the entry, the digest.
pub async fn confirmed(
    tx: &mut Tx,
    log: LogId,
    (from, until): (EpochDay, EpochDay),
    people: &[&str],
    before: Pos,
) -> Result<Vec<(String, Pos, Vec<u8>)>, StoreError> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let binds = Binds::new().and(log.column()).and(from.column()).and(until.column()).and(before.column());
    let binds = binds.keys(Keys::texts(people.iter().copied()));
    tx.fetch(&CONFIRMED, binds, |cells| {
        Ok((cells.text()?, number(cells, "month_confirmation")?, cells.blob()?))
    })
    .await
}

/// The entries in which a person confirmed their days.
pub async fn about(tx: &mut Tx, log: LogId, person_id: &str) -> Result<Vec<Pos>, StoreError> {
    let binds = Binds::new().and(log.column()).and(person_id);
    tx.fetch(&ABOUT, binds, |cells| number(cells, "month_confirmation")).await
}
