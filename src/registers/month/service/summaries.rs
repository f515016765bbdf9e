//! `ListMonthSummaries`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Calls, Period};
use crate::access::Caller;
use crate::kernel::{Check, PersonId, Pos};
use crate::proto::{DayResult, ListMonthSummariesRequest, ListMonthSummariesResponse, MonthSummary, leave};
use crate::registers::desk::Place;
use crate::registers::failure::Failure;
use crate::registers::month::{parse, rows, summary};
use crate::registers::wire;

impl Calls {
    /// `ListMonthSummaries`.
    pub async fn list_month_summaries(
        &self,
        caller: &Caller,
        request: ListMonthSummariesRequest,
    ) -> Result<ListMonthSummariesResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let department = parse::department(&mut check, &request.department);
        let person = match request.person_id.as_str() {
            "" => None,
            id => check.take("person_id", PersonId::parse(id)),
        };
        let period = parse::period(&mut check, request.from.as_ref(), request.until.as_ref());
        let size = wire::page_size(&mut check, "page_size", request.page_size);
        let after = wire::parse_token(&mut check, "page_token", &request.page_token);
        check.done()?;
        let (Some(centre), Some(period)) = (centre, period) else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk().enter_to_read(caller, &centre).await?;
        // A page goes on from where the first one stood.
        let before = match &after {
            Some((before, _)) => *before,
            None => self.month_before(&place, request.as_of).await?,
        };
        let sight = self.sight(&place, caller)?;
        let mut people: BTreeSet<String> = super::people_of(&place, department.as_ref())
            .into_iter()
            .filter(|known| person.as_ref().is_none_or(|person| person.as_str() == known))
            .filter(|known| after.as_ref().is_none_or(|(_, last)| known > last))
            .filter(|known| sight.sees(known))
            .take(size + 1)
            .collect();
        let more = people.len() > size;
        if more {
            people.pop_last();
        }
        let days = self.month_days(&place, &people, period, before).await?;
        let last = people.last().filter(|_| more);
        let next_page_token = last.map(|last| wire::token(before, last)).unwrap_or_default();
        let summaries = self.summaries(&place, period, &days, before).await?;
        let indexes = self.indexes(place.log).await?;
        let as_of = indexes.of(Pos::new(before.get().saturating_sub(1)));
        Ok(ListMonthSummariesResponse { summaries, next_page_token, as_of })
    }

    /// The days of people, added up.
    async fn summaries(
        &self,
        place: &Place,
        period: Period,
        days: &BTreeMap<String, Vec<DayResult>>,
        before: Pos,
    ) -> Result<Vec<MonthSummary>, Failure> {
        let kinds = self.leave_kinds(place, days, before).await?;
        let kind_of = |entry| kinds.get(&entry).copied().unwrap_or(leave::Kind::Other);
        let people: Vec<&str> = days.keys().map(String::as_str).collect();
        let mut tx = self.desk().store().snapshot().await?;
        let confirmed = rows::confirmed(&mut tx, place.log, period, &people).await;
        tx.rollback().await?;
        let newest: HashMap<String, (Pos, Vec<u8>)> =
            confirmed?.into_iter().map(|(person, pos, digest)| (person, (pos, digest))).collect();
        let indexes = self.indexes(place.log).await?;
        let summary = |(person, days): (&String, &Vec<DayResult>)| {
            let sum = summary::add_up(days, kind_of);
            let confirmed = newest.get(person).filter(|(_, digest)| *digest == sum.digest);
            MonthSummary {
                person_id: person.clone(),
                from: Some(wire::date(period.0)),
                until: Some(wire::date(period.1)),
                confirmed_by: confirmed.map(|(pos, _)| indexes.of(*pos)),
                ..sum
            }
        };
        Ok(days.iter().map(summary).collect())
    }

    /// What the entries excuse for that excuse these days.
    async fn leave_kinds(
        &self,
        place: &Place,
        days: &BTreeMap<String, Vec<DayResult>>,
        before: Pos,
    ) -> Result<HashMap<u64, leave::Kind>, Failure> {
        let spans = days.values().flatten().flat_map(|day| &day.spans);
        let entries: BTreeSet<Pos> = spans.filter_map(|span| span.excused_by).map(Pos::new).collect();
        let mut tx = self.desk().store().snapshot().await?;
        let kinds = crate::registers::rulebook::leave_kinds(&mut tx, place.log, &entries, before).await;
        tx.rollback().await?;
        Ok(kinds?.into_iter().map(|(pos, kind)| (pos.get(), kind)).collect())
    }
}
