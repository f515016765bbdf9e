//! `ListAdjustments`: what changed in locked periods (rule R10).

use super::Calls;
use crate::access::Caller;
use crate::kernel::{Check, DepartmentId, Pos};
use crate::ledger::reader;
use crate::proto::{Adjustment, ListAdjustmentsRequest, ListAdjustmentsResponse, MonthLockFact};
use crate::registers::derivation::{self, DAY, day_of};
use crate::registers::desk::Place;
use crate::registers::failure::Failure;
use crate::registers::month::state::days_of;
use crate::registers::month::{parse, rows};
use crate::registers::wire;
use crate::results::{Filter, Item, newest};

/// Which lock a revision came after, if any: the newest that holds its day.
fn lock_of<'a>(
    locks: &'a [(Pos, MonthLockFact)],
    place: &Place,
    item: &Item,
) -> Option<&'a (Pos, MonthLockFact)> {
    let (person, on) = day_of(&item.key)?;
    let of = |department: &str| department.is_empty() || place.deployment.is_of(person, department);
    locks.iter().rev().find(|(_, lock)| {
        let (from, until) = days_of(lock);
        lock.before <= item.pos.get() && from <= on && on <= until && of(&lock.department)
    })
}

impl Calls {
    /// `ListAdjustments`.
    pub async fn list_adjustments(
        &self,
        caller: &Caller,
        request: ListAdjustmentsRequest,
    ) -> Result<ListAdjustmentsResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        derivation::cursor(&mut check, DAY, &request.cursor);
        let department: Option<DepartmentId> = parse::department(&mut check, &request.department);
        let limit = wire::page_size(&mut check, "limit", request.limit);
        check.done()?;
        let centre = centre.ok_or(Failure::Fault("PARSE"))?;
        let place = self.desk().enter_to_read(caller, &centre).await?;
        let mut tx = self.desk().store().snapshot().await?;
        let locks = rows::locks(&mut tx, place.log).await;
        tx.rollback().await?;
        let locks = locks?;
        let wanted = |item: &Item| {
            let visible = day_of(&item.key)
                .is_some_and(|(person, _)| Self::is_visible(&place, person, department.as_ref()));
            visible && lock_of(&locks, &place, item).is_some()
        };
        let page = self.page(DAY, place.log, &request.cursor, limit, Filter::Only(&wanted)).await?;
        let items = self.adjustments(&place, &locks, page.items).await?;
        Ok(ListAdjustmentsResponse { items, next_cursor: page.next_cursor, caught_up: page.caught_up })
    }

    async fn adjustments(
        &self,
        place: &Place,
        locks: &[(Pos, MonthLockFact)],
        items: Vec<Item>,
    ) -> Result<Vec<Adjustment>, Failure> {
        let zone = place.deployment.zone(&place.centre).ok_or(Failure::Fault("ZONE"))?;
        let positions: Vec<Pos> = items.iter().map(|item| item.pos).collect();
        let mut tx = self.desk().store().snapshot().await?;
        let recorded = reader::recorded_in(&mut tx, place.log, &positions).await;
        tx.rollback().await?;
        let recorded = recorded?;
        let indexes = self.indexes(place.log).await?;
        let (mut earlier, mut has_earlier) = (Vec::new(), Vec::with_capacity(items.len()));
        for item in &items {
            let keys = [item.key.clone()];
            let before = newest(self.desk().store(), place.log, DAY, &keys, item.pos).await?;
            has_earlier.push(!before.is_empty());
            earlier.extend(before);
        }
        let mut earlier = self.day_results(place, &earlier).await?.into_iter();
        let new = self.day_results(place, &items).await?;
        let mut found = Vec::with_capacity(items.len());
        for ((item, new), has_earlier) in items.iter().zip(new).zip(has_earlier) {
            let old = if has_earlier { earlier.next() } else { None };
            let Some((pos, lock)) = lock_of(locks, place, item) else { continue };
            found.push(Adjustment {
                lock: indexes.of(*pos),
                old,
                cause: new.cause.clone(),
                new: Some(new),
                locked_from: lock.from,
                locked_until: lock.until,
                booked_on: recorded.get(&item.pos).map(|at| wire::date(zone.day_of(*at))),
            });
        }
        Ok(found)
    }
}
