//! Day results as they are told: revisions as messages, with the indexes, causes and sentences that they do not hold
//! themselves.

use prost::Message;
use prost::bytes::Bytes;

use super::day_result::explain;
use super::days::day_of;
use crate::kernel::{Pos, Zone};
use crate::ledger::reader::{Epoch, index_of};
use crate::proto::{DayResult, DayResultView};
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
        self.told(items)
            .map(|mut day| {
                explain(&mut day, self.zone);
                day
            })
            .collect()
    }

    /// The same, encoded; without sentences what is stored is passed on as it is, after what the row knows, wherever an entry's
    /// index is its position. That the two are one message when they stand one after the other is how messages are encoded.
    pub fn encoded(&self, items: &[Item], view: DayResultView) -> Vec<Bytes> {
        let encode = |day: DayResult| Bytes::from(day.encode_to_vec());
        match view {
            DayResultView::Explained | DayResultView::Unspecified => {
                self.day_results(items).into_iter().map(encode).collect()
            }
            DayResultView::Basic if self.is_named_as_stored() => items.iter().filter_map(passed_on).collect(),
            DayResultView::Basic => self.told(items).map(encode).collect(),
        }
    }

    fn is_named_as_stored(&self) -> bool {
        let mut logs = [self.own, self.deployment].into_iter();
        logs.all(|epochs| matches!(epochs, [] | [Epoch { base: Pos::ZERO, .. }]))
    }

    /// Revisions as messages without sentences.
    fn told(&self, items: &[Item]) -> impl Iterator<Item = DayResult> {
        items.iter().filter_map(|item| {
            let mut day = stored(item)?;
            name_entries(&mut day, self.own);
            day.entry_index = index_of(self.own, item.pos);
            day.cause = cause(item);
            if let Some(policy) = &mut day.policy {
                let at = |epochs: &[Epoch], pos: Option<u64>| pos.map(|pos| index_of(epochs, Pos::new(pos)));
                policy.deployment_index = at(self.deployment, policy.deployment_index);
                policy.centre_index = at(self.own, policy.centre_index);
            }
            Some(day)
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{EpochDay, LogId};
    use crate::proto::day_result::PolicyInForce;
    use crate::registers::derivation::days::{DAY, day_key};

    fn epochs(bases: &[u64]) -> Vec<Epoch> {
        let epoch =
            |(epoch, base): (u32, &u64)| Epoch { epoch, base: Pos::new(*base), origin: String::new() };
        (1..).zip(bases).map(epoch).collect()
    }

    #[test]
    fn what_is_passed_on_says_what_is_told_and_after_a_restore_entries_have_other_indexes() {
        let policy = PolicyInForce { centre_index: Some(6), ..PolicyInForce::default() };
        let content = DayResult { swapped_by: Some(8), policy: Some(policy), ..DayResult::default() };
        let item = Item {
            log: LogId::from_column(3),
            seq: 4,
            pos: Pos::new(9),
            key: day_key(DAY, "p1", EpochDay::from_column(20_000)),
            revision: 2,
            body: Body::Content(content.encode_to_vec()),
            kind: kind::TICK,
        };
        let zone = Zone::parse("").unwrap();
        let deployment = epochs(&[0]);
        for (bases, index, swapped_by, centre_index) in [(&[0][..], 9, 8, 6), (&[0, 5][..], 4, 3, 1)] {
            let own = epochs(bases);
            let telling = Telling { own: &own, deployment: &deployment, zone: &zone };
            let told: Vec<DayResult> = telling.told(std::slice::from_ref(&item)).collect();
            let [basic] = &telling.encoded(std::slice::from_ref(&item), DayResultView::Basic)[..] else {
                panic!("one result");
            };
            let day = DayResult::decode(basic.clone()).unwrap();
            assert_eq!(
                (day.entry_index, day.swapped_by, day.cause.as_str()),
                (index, Some(swapped_by), "TICK")
            );
            assert_eq!(day.policy.as_ref().and_then(|policy| policy.centre_index), Some(centre_index));
            assert_eq!([day], *told);
        }
    }
}
