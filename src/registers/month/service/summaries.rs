//! `ListMonthSummaries`.

use std::collections::BTreeSet;

use super::Calls;
use super::summed::Months;
use crate::access::Caller;
use crate::kernel::{Check, PersonId, Pos};
use crate::proto::{ListMonthSummariesRequest, ListMonthSummariesResponse};
use crate::registers::failure::Failure;
use crate::registers::month::parse;
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
        let last = people.last().filter(|_| more);
        let next_page_token = last.map(|last| wire::token(before, last)).unwrap_or_default();
        let indexes = self.indexes(place.log).await?;
        let months = Months {
            store: self.desk().store(),
            log: place.log,
            indexes: &indexes,
            before,
            confirmed_before: Pos::MAX,
        };
        let summaries = months.of(&people, period).await?;
        let as_of = indexes.of(Pos::new(before.get().saturating_sub(1)));
        Ok(ListMonthSummariesResponse { summaries, next_page_token, as_of })
    }
}
