//! Person-months as they stood: people's days, added up, with what each confirmed. For `ListMonthSummaries`, and for
//! exports.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{KEYS, Period};
use crate::kernel::{LogId, Pos};
use crate::proto::{DayResult, MonthSummary, leave};
use crate::registers::attendance::service::Indexes;
use crate::registers::derivation::told::stored;
use crate::registers::derivation::{DAY, day_key};
use crate::registers::month::{rows, summary};
use crate::registers::{rulebook, wire};
use crate::results::newest;
use crate::store::{Store, StoreError};

/// A centre's months at a position.
#[derive(Clone, Copy)]
pub(crate) struct Months<'a> {
    /// The database.
    pub(crate) store: &'a Store,
    /// The centre's log.
    pub(crate) log: LogId,
    /// What callers know its entries by.
    pub(crate) indexes: &'a Indexes,
    /// Results of entries before this position count.
    pub(crate) before: Pos,
    /// And confirmations before this one: results may lag behind the log, a confirmation does not.
    pub(crate) confirmed_before: Pos,
}

impl Months<'_> {
    /// The summaries of people who have a day in a period, in the order of their ids.
    pub(crate) async fn of(
        &self,
        people: &BTreeSet<String>,
        period: Period,
    ) -> Result<Vec<MonthSummary>, StoreError> {
        let days = days(self.store, self.log, people, period, self.before).await?;
        let kinds = self.leave_kinds(&days).await?;
        let kind_of = |entry| kinds.get(&entry).copied().unwrap_or(leave::Kind::Other);
        let people: Vec<&str> = days.keys().map(String::as_str).collect();
        let mut tx = self.store.snapshot().await?;
        let confirmed = rows::confirmed(&mut tx, self.log, period, &people, self.confirmed_before).await;
        tx.rollback().await?;
        let newest: HashMap<String, (Pos, Vec<u8>)> =
            confirmed?.into_iter().map(|(person, pos, digest)| (person, (pos, digest))).collect();
        let summary = |(person, days): (&String, &Vec<DayResult>)| {
            let sum = summary::add_up(days, kind_of);
            let confirmed = newest.get(person).filter(|(_, digest)| *digest == sum.digest);
            MonthSummary {
                person_id: person.clone(),
                from: Some(wire::date(period.0)),
                until: Some(wire::date(period.1)),
                confirmed_by: confirmed.map(|(pos, _)| self.indexes.of(*pos)),
                ..sum
            }
        };
        Ok(days.iter().map(summary).collect())
    }

    /// What the entries excuse for that excuse these days.
    async fn leave_kinds(
        &self,
        days: &BTreeMap<String, Vec<DayResult>>,
    ) -> Result<HashMap<u64, leave::Kind>, StoreError> {
        let spans = days.values().flatten().flat_map(|day| &day.spans);
        let entries: BTreeSet<Pos> = spans.filter_map(|span| span.excused_by).map(Pos::new).collect();
        let mut tx = self.store.snapshot().await?;
        let kinds = rulebook::leave_kinds(&mut tx, self.log, &entries, self.before).await;
        tx.rollback().await?;
        Ok(kinds?.into_iter().map(|(pos, kind)| (pos.get(), kind)).collect())
    }
}

/// The days of people as they stood, with positions where messages have indexes; in the order of people.
pub(super) async fn days(
    store: &Store,
    log: LogId,
    people: &BTreeSet<String>,
    (from, until): Period,
    before: Pos,
) -> Result<BTreeMap<String, Vec<DayResult>>, StoreError> {
    let mut days: BTreeMap<String, Vec<DayResult>> = BTreeMap::new();
    let all = people.iter().flat_map(|person| {
        let each = (0..).map(move |days| from.plus_days(days)).take_while(move |day| *day <= until);
        each.map(move |day| day_key(DAY, person, day))
    });
    let keys: Vec<_> = all.collect();
    for keys in keys.chunks(KEYS) {
        let items = newest(store, log, DAY, keys, before).await?;
        for day in items.iter().filter_map(stored).filter(|day| !day.tombstone) {
            days.entry(day.person_id.clone()).or_default().push(day);
        }
    }
    Ok(days)
}
