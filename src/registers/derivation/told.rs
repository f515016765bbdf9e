//! Day results as they are told: revisions as messages, with the indexes, causes and sentences that they do not hold
//! themselves.

use prost::Message;
use prost::bytes::Bytes;

use super::day_result::{explain, unexplain};
use super::days::day_of;
use crate::kernel::{Pos, Zone};
use crate::ledger::reader::{Epoch, index_of};
use crate::proto::DayResult;
use crate::registers::{kind, wire};
use crate::results::{Body, Item};

/// Whose results are told, and what telling them takes.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'a> {
    /// The epochs of the centre's log, oldest first.
    pub own: &'a [Epoch],
    /// Those of the deployment's log.
    pub deployment: &'a [Epoch],
    /// The centre's zone.
    pub zone: &'a Zone,
}

impl Telling<'_> {
    /// Revisions as messages, in their order.
    pub fn day_results(&self, items: &[Item]) -> Vec<DayResult> {
        let mut days: Vec<DayResult> = items.iter().filter_map(|item| day_result(item, self.own)).collect();
        for day in &mut days {
            if let Some(policy) = &mut day.policy {
                let at = |epochs: &[Epoch], pos: Option<u64>| pos.map(|pos| index_of(epochs, Pos::new(pos)));
                policy.deployment_index = at(self.deployment, policy.deployment_index);
                policy.centre_index = at(self.own, policy.centre_index);
            }
            explain(day, self.zone);
        }
        days
    }

    /// The same without sentences, and encoded: what is stored is passed on as it is, after what the row knows, wherever an entry's
    /// index is its position. That the two are one message when they stand one after the other is how messages are encoded.
    pub fn basic(&self, items: &[Item]) -> Vec<Bytes> {
        let as_stored = [self.own, self.deployment]
            .iter()
            .all(|epochs| matches!(epochs, [] | [Epoch { base: Pos::ZERO, .. }]));
        if !as_stored {
            let mut days = self.day_results(items);
            days.iter_mut().for_each(unexplain);
            return days.iter().map(|day| day.encode_to_vec().into()).collect();
        }
        items.iter().filter_map(passed_on).collect()
    }
}

/// A revision as its row has it, where entries have the indexes of their positions.
fn passed_on(item: &Item) -> Option<Bytes> {
    let content = match &item.body {
        Body::Content(content) => content.as_slice(),
        Body::Nothing | Body::Erased => &[],
    };
    let row = DayResult { entry_index: item.pos.get(), cause: cause(item), ..of_row(item)? };
    let mut bytes = Vec::with_capacity(row.encoded_len() + content.len());
    row.encode_raw(&mut bytes);
    bytes.extend_from_slice(content);
    Some(bytes.into())
}

/// What the row of a revision knows.
fn of_row(item: &Item) -> Option<DayResult> {
    let (person, day) = day_of(&item.key)?;
    Some(DayResult {
        seq: item.seq,
        person_id: person.to_owned(),
        work_date: Some(wire::date(day)),
        revision: u32::try_from(item.revision).unwrap_or(u32::MAX),
        tombstone: !matches!(item.body, Body::Content(_)),
        ..DayResult::default()
    })
}

fn cause(item: &Item) -> String {
    kind::code(item.kind).unwrap_or_default().to_owned()
}

/// What is stored of a day, with positions where a message has the indexes of entries.
pub fn stored(item: &Item) -> Option<DayResult> {
    let mut day = of_row(item)?;
    if let Body::Content(content) = &item.body {
        day.merge(content.as_slice()).ok()?;
    }
    Some(day)
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

fn day_result(item: &Item, own: &[Epoch]) -> Option<DayResult> {
    let mut day = stored(item)?;
    name_entries(&mut day, own);
    day.entry_index = index_of(own, item.pos);
    day.cause = cause(item);
    Some(day)
}
