//! Day results as they are told: revisions as messages, with the indexes, causes and sentences that they do not hold
//! themselves.

use std::collections::{BTreeSet, HashMap};

use prost::Message;

use super::day_result::explain;
use super::days::day_of;
use crate::kernel::{LogId, Pos, Zone};
use crate::ledger::reader::{self, Epoch, index_of};
use crate::proto::DayResult;
use crate::registers::{kind, wire};
use crate::results::{Body, Item};
use crate::store::{Store, StoreError};

/// Whose results are told, and what telling them takes.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'a> {
    /// The database.
    pub store: &'a Store,
    /// The centre's log.
    pub log: LogId,
    /// Its epochs, oldest first.
    pub own: &'a [Epoch],
    /// Those of the deployment's log.
    pub deployment: &'a [Epoch],
    /// The centre's zone.
    pub zone: &'a Zone,
}

impl Telling<'_> {
    /// Revisions as messages, in their order.
    pub async fn day_results(&self, items: &[Item]) -> Result<Vec<DayResult>, StoreError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let causes: BTreeSet<Pos> = items.iter().map(|item| item.pos).collect();
        let causes: Vec<Pos> = causes.into_iter().collect();
        let kinds = reader::kinds(self.store, self.log, &causes).await?;
        let mut days: Vec<DayResult> =
            items.iter().filter_map(|item| day_result(item, self.own, &kinds)).collect();
        for day in &mut days {
            if let Some(policy) = &mut day.policy {
                let at = |epochs: &[Epoch], pos: Option<u64>| pos.map(|pos| index_of(epochs, Pos::new(pos)));
                policy.deployment_index = at(self.deployment, policy.deployment_index);
                policy.centre_index = at(self.own, policy.centre_index);
            }
            explain(day, self.zone);
        }
        Ok(days)
    }
}

/// What is stored of a day, with positions where a message has the indexes of entries.
pub fn stored(item: &Item) -> Option<DayResult> {
    let (person, day) = day_of(&item.key)?;
    let known = match &item.body {
        Body::Content(content) => DayResult::decode(content.as_slice()).ok()?,
        Body::Nothing | Body::Erased => DayResult::default(),
    };
    Some(DayResult {
        seq: item.seq,
        person_id: person.to_owned(),
        work_date: Some(wire::date(day)),
        revision: u32::try_from(item.revision).unwrap_or(u32::MAX),
        tombstone: !matches!(item.body, Body::Content(_)),
        ..known
    })
}

/// Names the entries of a day by their indexes instead of their positions.
pub fn name_entries(day: &mut DayResult, own: &[Epoch]) {
    day.swapped_by = day.swapped_by.map(|pos| index_of(own, Pos::new(pos)));
    for span in &mut day.spans {
        for slot in [&mut span.on, &mut span.off].into_iter().flatten() {
            slot.punch_index = slot.punch_index.map(|pos| index_of(own, Pos::new(pos)));
        }
        span.excused_by = span.excused_by.map(|pos| index_of(own, Pos::new(pos)));
    }
}

fn day_result(item: &Item, own: &[Epoch], kinds: &HashMap<Pos, u16>) -> Option<DayResult> {
    let mut day = stored(item)?;
    name_entries(&mut day, own);
    day.entry_index = index_of(own, item.pos);
    let cause = kinds.get(&item.pos).and_then(|kind| kind::code(*kind)).unwrap_or_default();
    cause.clone_into(&mut day.cause);
    Some(day)
}
