//! What became of parts: which stand, which are gone, which never were. Nothing here returns content.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::leaf::{Leaf, PartType};
use super::port::PartAt;
use crate::kernel::{LogId, Pos};
use crate::store::{Binds, Keys, Statement, StoreError, Table, Tx};

/// What became of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No entry of the log commits to it.
    Never,
    /// It is a facts part.
    Facts,
    /// A personal part that is here.
    Here,
    /// A personal part that is gone.
    Gone,
}

static LEAVES_AT: Statement =
    Statement::new("SELECT pos, leaf FROM ledger_entry WHERE log_id = $1 AND pos = ANY($2::bigint[])");

/// What became of each of these parts of a log. `tables` are those with personal parts.
pub async fn standing(
    tx: &mut Tx,
    tables: &'static [&'static Table],
    log: LogId,
    parts: &[PartAt],
) -> Result<BTreeMap<PartAt, Standing>, StoreError> {
    let positions: BTreeSet<Pos> = parts.iter().map(|part| part.pos).collect();
    let committed = committed(tx, log, &positions).await?;
    let here = here(tx, tables, log, &positions).await?;
    let one = |part: &PartAt| {
        let at = usize::try_from(part.part).unwrap_or(usize::MAX);
        match committed.get(&part.pos).and_then(|types| types.get(at)) {
            None => Standing::Never,
            Some(PartType::Facts) => Standing::Facts,
            Some(PartType::Personal) if here.contains(part) => Standing::Here,
            Some(PartType::Personal) => Standing::Gone,
        }
    };
    Ok(parts.iter().map(|part| (*part, one(part))).collect())
}

/// The personal parts of these entries that are here, in order.
pub async fn here(
    tx: &mut Tx,
    tables: &'static [&'static Table],
    log: LogId,
    positions: &BTreeSet<Pos>,
) -> Result<BTreeSet<PartAt>, StoreError> {
    let mut here = BTreeSet::new();
    for table in tables.iter().filter(|_| !positions.is_empty()) {
        let rows = tx
            .fetch(table.places_at(), at(log, positions), |cells| {
                let (pos, part) = (Pos::from_column(cells.int()?), u32::try_from(cells.int()?));
                match (pos, part) {
                    (Some(pos), Ok(part)) => Ok(PartAt { pos, part }),
                    _ => Err(StoreError::Inconsistent { table: table.name, column: "part" }),
                }
            })
            .await?;
        here.extend(rows);
    }
    Ok(here)
}

/// What the leaves of these entries commit to.
async fn committed(
    tx: &mut Tx,
    log: LogId,
    positions: &BTreeSet<Pos>,
) -> Result<HashMap<Pos, Vec<PartType>>, StoreError> {
    if positions.is_empty() {
        return Ok(HashMap::new());
    }
    let bad = |column| StoreError::Inconsistent { table: "ledger_entry", column };
    let rows = tx
        .fetch(&LEAVES_AT, at(log, positions), |cells| {
            let pos = Pos::from_column(cells.int()?).ok_or(bad("pos"))?;
            let leaf = Leaf::decode(&cells.blob()?).map_err(|_| bad("leaf"))?;
            Ok((pos, leaf.parts.iter().map(|part| part.part_type).collect()))
        })
        .await?;
    Ok(rows.into_iter().collect())
}

fn at(log: LogId, positions: &BTreeSet<Pos>) -> Binds {
    Binds::new().and(log.column()).keys(Keys::ints(positions.iter().map(|pos| pos.column())))
}
