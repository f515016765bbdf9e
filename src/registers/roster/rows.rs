//! The tables of the roster, and what a fact writes into them.

use std::collections::HashMap;

use prost::Message;

use super::book::{CentreDayAt, Duty, Pages, PolicyAt, ShiftAt, YearAt, duties_of, swapped_of};
use crate::kernel::{EpochDay, LogId, Pos};
use crate::ledger::tables::PERSONAL_COLUMNS;
use crate::proto::fact::Fact as Of;
use crate::proto::{CalendarYear, Fact, Policy, PolicyProposalFact, Shift, centre_day};
use crate::registers::directory::view::day;
use crate::store::{Binds, Cells, Column, Inserts, Keys, Kind, Statement, StoreError, Table, Tx, Value};

/// Versions of shifts.
pub static SHIFT: Table = Table::new(
    "roster_shift",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("shift", Kind::Text),
        Column::public("content", Kind::Blob),
    ],
);

/// Who is rostered for what.
pub static DUTY: Table = Table::new(
    "roster_duty",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("item", Kind::Int),
        Column::pseudonymous("person_id", Kind::Text),
        Column::public("pattern", Kind::Int),
        Column::public("from_day", Kind::Int),
        Column::public("until_day", Kind::Int),
        Column::public("shift", Kind::Text),
        Column::public("swap", Kind::Int),
    ],
);

/// Calendars.
pub static CALENDAR_YEAR: Table = Table::new(
    "roster_calendar_year",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("year", Kind::Int),
        Column::public("content", Kind::Blob),
    ],
);

/// A centre's own days.
pub static CENTRE_DAY: Table = Table::new(
    "roster_centre_day",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("day", Kind::Int),
        Column::public("kind", Kind::Int),
        Column::public("shift", Kind::Text),
    ],
);

/// Proposed policies.
pub static POLICY_PROPOSAL: Table = Table::new(
    "roster_policy_proposal",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::pseudonymous("principal", Kind::Text),
        Column::public("content", Kind::Blob),
    ],
);

/// Approved ones.
pub static POLICY: Table = Table::new(
    "roster_policy",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("proposal", Kind::Int),
        Column::public("from_day", Kind::Int),
        Column::public("content", Kind::Blob),
    ],
);

/// Reasons.
pub static PERSONAL: Table = Table::new("roster_personal", PERSONAL_COLUMNS);

static SHIFTS: Statement =
    Statement::new("SELECT pos, content FROM roster_shift WHERE log_id = $1 AND pos < $2 ORDER BY pos");

static CALENDAR_YEARS: Statement = Statement::new(
    "SELECT pos, content FROM roster_calendar_year WHERE log_id = $1 AND pos < $2 ORDER BY pos",
);

static CENTRE_DAYS: Statement = Statement::new(
    "SELECT pos, day, kind, shift FROM roster_centre_day WHERE log_id = $1 AND pos < $2 ORDER BY pos, day",
);

static POLICIES: Statement = Statement::new(
    "SELECT pos, from_day, content FROM roster_policy WHERE log_id = $1 AND pos < $2 ORDER BY pos",
);

/// What people are rostered for on some days.
static DUTIES: Statement = Statement::new(
    "SELECT person_id, pos, item, from_day, until_day, pattern, shift, swap FROM roster_duty \
     WHERE log_id = $1 AND pos < $2 AND from_day <= $3 AND (until_day IS NULL OR until_day >= $4) \
     AND person_id = ANY($5::text[]) ORDER BY pos, item",
);

/// The same of everybody.
static DUTIES_OF_ALL: Statement = Statement::new(
    "SELECT person_id, pos, item, from_day, until_day, pattern, shift, swap FROM roster_duty \
     WHERE log_id = $1 AND pos < $2 AND from_day <= $3 AND (until_day IS NULL OR until_day >= $4) ORDER BY pos, item",
);

static FIRST_DUTY: Statement =
    Statement::new("SELECT MIN(from_day) FROM roster_duty WHERE log_id = $1 AND pos < $2");

/// Who was ever rostered for some shifts.
static PEOPLE_ON: Statement = Statement::new(
    "SELECT DISTINCT person_id FROM roster_duty WHERE log_id = $1 AND shift = ANY($2::text[])",
);

/// Proposals, and the approval of each.
static PROPOSALS: Statement = Statement::new(
    "SELECT p.pos, p.principal, p.content, a.pos FROM roster_policy_proposal p \
     LEFT JOIN roster_policy a ON a.log_id = p.log_id AND a.proposal = p.pos \
     WHERE p.log_id = $1 AND p.pos = ANY($2::bigint[])",
);

/// The entries that say something of a person's roster.
static ABOUT: Statement =
    Statement::new("SELECT DISTINCT pos FROM roster_duty WHERE log_id = $1 AND person_id = $2");

/// The rows of a fact.
pub fn insert(log: LogId, at: Pos, principal: &str, fact: &Fact, inserts: &mut Inserts) {
    let (log, pos) = (log.column(), at.column());
    match &fact.fact {
        Some(Of::Shift(shift)) => {
            let content = shift.encode_to_vec();
            inserts.push(&SHIFT, [log.into(), pos.into(), shift.shift.as_str().into(), content.into()]);
        }
        Some(Of::Roster(roster)) => {
            for (person_id, duty) in duties_of(at, roster) {
                inserts.push(&DUTY, duty_row(log, person_id, duty));
            }
        }
        // What somebody else decided of a swap is the roster's from there on.
        Some(Of::ApprovalDecision(decision)) => {
            for (person_id, duty) in swapped_of(at, decision) {
                inserts.push(&DUTY, duty_row(log, person_id, duty));
            }
        }
        Some(Of::CalendarYear(calendar)) => {
            let content = calendar.encode_to_vec();
            inserts.push(&CALENDAR_YEAR, [log.into(), pos.into(), calendar.year.into(), content.into()]);
        }
        Some(Of::CentreDays(fact)) => {
            for item in &fact.days {
                let on = day(item.date.as_ref()).column().into();
                let shift = item.shift.as_str().into();
                inserts.push(&CENTRE_DAY, [log.into(), pos.into(), on, item.kind.into(), shift]);
            }
        }
        Some(Of::PolicyProposal(proposal)) => {
            let content = proposal.encode_to_vec();
            inserts.push(&POLICY_PROPOSAL, [log.into(), pos.into(), principal.into(), content.into()]);
        }
        Some(Of::PolicyApproval(approval)) => {
            let policy = approval.policy.clone().unwrap_or_default();
            let from = day(policy.effective_from.as_ref()).column();
            let proposal = Pos::new(approval.proposal).column();
            let content = policy.encode_to_vec();
            inserts.push(&POLICY, [log.into(), pos.into(), proposal.into(), from.into(), content.into()]);
        }
        _ => {}
    }
}

fn duty_row(log: i64, person_id: String, duty: Duty) -> [Value; 9] {
    [
        log.into(),
        duty.pos.column().into(),
        duty.item.into(),
        person_id.into(),
        i64::from(duty.pattern).into(),
        duty.from.column().into(),
        duty.until.map(EpochDay::column).into(),
        duty.shift.into(),
        duty.swap.map(Pos::column).into(),
    ]
}

const fn bad(table: &'static str, column: &'static str) -> StoreError {
    StoreError::Inconsistent { table, column }
}

fn number(cells: &mut Cells<'_>, table: &'static str) -> Result<Pos, StoreError> {
    Pos::from_column(cells.int()?).ok_or(bad(table, "pos"))
}

/// The versions of a log's shifts before a position.
pub async fn shifts(tx: &mut Tx, log: LogId, until: Pos) -> Result<Vec<ShiftAt>, StoreError> {
    let binds = Binds::new().and(log.column()).and(until.column());
    tx.fetch(&SHIFTS, binds, |cells| {
        let pos = number(cells, "roster_shift")?;
        let shift = Shift::decode(cells.blob()?.as_slice()).map_err(|_| bad("roster_shift", "content"))?;
        Ok(ShiftAt { pos, shift })
    })
    .await
}

/// The calendars of a log before a position, as they were put.
pub async fn calendar_years(
    tx: &mut Tx,
    log: LogId,
    until: Pos,
) -> Result<Vec<(Pos, CalendarYear)>, StoreError> {
    let binds = Binds::new().and(log.column()).and(until.column());
    tx.fetch(&CALENDAR_YEARS, binds, |cells| {
        let pos = number(cells, "roster_calendar_year")?;
        let calendar = CalendarYear::decode(cells.blob()?.as_slice());
        Ok((pos, calendar.map_err(|_| bad("roster_calendar_year", "content"))?))
    })
    .await
}

/// The days of a log's centre before a position.
pub async fn centre_days(tx: &mut Tx, log: LogId, until: Pos) -> Result<Vec<CentreDayAt>, StoreError> {
    let binds = Binds::new().and(log.column()).and(until.column());
    tx.fetch(&CENTRE_DAYS, binds, |cells| {
        let pos = number(cells, "roster_centre_day")?;
        let day = EpochDay::from_column(cells.int()?);
        let kind = i32::try_from(cells.int()?).ok().and_then(|kind| centre_day::Kind::try_from(kind).ok());
        let kind = kind.ok_or(bad("roster_centre_day", "kind"))?;
        Ok(CentreDayAt { pos, day, kind, shift: cells.text()? })
    })
    .await
}

/// The approved policies of a log before a position.
pub async fn policies(tx: &mut Tx, log: LogId, until: Pos) -> Result<Vec<PolicyAt>, StoreError> {
    let binds = Binds::new().and(log.column()).and(until.column());
    tx.fetch(&POLICIES, binds, |cells| {
        let pos = number(cells, "roster_policy")?;
        let from = EpochDay::from_column(cells.int()?);
        let policy = Policy::decode(cells.blob()?.as_slice()).map_err(|_| bad("roster_policy", "content"))?;
        Ok(PolicyAt { pos, from, policy })
    })
    .await
}

/// Everything of a log that is not about a person, before a position.
pub async fn pages(tx: &mut Tx, log: LogId, until: Pos) -> Result<Pages, StoreError> {
    let years = calendar_years(tx, log, until).await?;
    Ok(Pages {
        shifts: shifts(tx, log, until).await?,
        years: years.iter().map(|(pos, calendar)| YearAt::new(*pos, calendar)).collect(),
        centre_days: centre_days(tx, log, until).await?,
        policies: policies(tx, log, until).await?,
    })
}

/// Which days are asked for, both included, and which rows have been seen.
#[derive(Debug, Clone, Copy)]
pub struct Between {
    /// The first day.
    pub from: EpochDay,
    /// The last day.
    pub until: EpochDay,
    /// Rows before this position.
    pub before: Pos,
}

/// Whose roster is asked for.
#[derive(Debug, Clone)]
pub enum Whose<'a> {
    /// Everybody's.
    All,
    /// Some people's.
    Of(Vec<&'a str>),
}

/// What people are rostered for, by person, in the order of entries.
pub async fn duties(
    tx: &mut Tx,
    log: LogId,
    whose: Whose<'_>,
    between: Between,
) -> Result<HashMap<String, Vec<Duty>>, StoreError> {
    let binds = Binds::new()
        .and(log.column())
        .and(between.before.column())
        .and(between.until.column())
        .and(between.from.column());
    let rows = match whose {
        Whose::All => tx.fetch(&DUTIES_OF_ALL, binds, read_duty).await?,
        Whose::Of(people) => tx.fetch(&DUTIES, binds.keys(Keys::texts(people)), read_duty).await?,
    };
    let mut duties: HashMap<String, Vec<Duty>> = HashMap::new();
    for (person_id, duty) in rows {
        duties.entry(person_id).or_default().push(duty);
    }
    Ok(duties)
}

fn read_duty(cells: &mut Cells<'_>) -> Result<(String, Duty), StoreError> {
    Ok((
        cells.text()?,
        Duty {
            pos: number(cells, "roster_duty")?,
            item: u32::try_from(cells.int()?).map_err(|_| bad("roster_duty", "item"))?,
            from: EpochDay::from_column(cells.int()?),
            until: cells.opt_int()?.map(EpochDay::from_column),
            pattern: cells.int()? != 0,
            shift: cells.opt_text()?,
            swap: match cells.opt_int()? {
                Some(pos) => Some(Pos::from_column(pos).ok_or(bad("roster_duty", "swap"))?),
                None => None,
            },
        },
    ))
}

/// Who was ever rostered for these shifts.
pub async fn people_on(tx: &mut Tx, log: LogId, shifts: Vec<&str>) -> Result<Vec<String>, StoreError> {
    tx.fetch(&PEOPLE_ON, Binds::new().and(log.column()).keys(Keys::texts(shifts)), |cells| cells.text()).await
}

/// A proposal, as far as its approval needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Who proposed it.
    pub principal: String,
    /// What it says.
    pub fact: PolicyProposalFact,
    /// Has it been approved?
    pub approved: bool,
}

/// Proposals by position.
pub async fn proposals(
    tx: &mut Tx,
    log: LogId,
    positions: Vec<Pos>,
) -> Result<Vec<(Pos, Proposal)>, StoreError> {
    let keys = Keys::ints(positions.into_iter().map(Pos::column));
    tx.fetch(&PROPOSALS, Binds::new().and(log.column()).keys(keys), |cells| {
        let pos = number(cells, "roster_policy_proposal")?;
        let principal = cells.text()?;
        let fact = PolicyProposalFact::decode(cells.blob()?.as_slice());
        let fact = fact.map_err(|_| bad("roster_policy_proposal", "content"))?;
        Ok((pos, Proposal { principal, fact, approved: cells.opt_int()?.is_some() }))
    })
    .await
}

/// The entries that say something of a person's roster.
pub async fn about(tx: &mut Tx, log: LogId, person_id: &str) -> Result<Vec<Pos>, StoreError> {
    let binds = Binds::new().and(log.column()).and(person_id);
    tx.fetch(&ABOUT, binds, |cells| number(cells, "roster_duty")).await
}

/// The first day for which anybody was rostered, as far as was known before a position.
pub async fn first_duty(tx: &mut Tx, log: LogId, until: Pos) -> Result<Option<EpochDay>, StoreError> {
    let binds = Binds::new().and(log.column()).and(until.column());
    let rows = tx.fetch(&FIRST_DUTY, binds, |cells| cells.opt_int()).await?;
    Ok(rows.into_iter().flatten().next().map(EpochDay::from_column))
}
