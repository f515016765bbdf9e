//! `PreviewDays`: what days would be under other numbers or calendars. Nothing is written.

use std::collections::BTreeSet;

use super::Calls;
use crate::access::Caller;
use crate::kernel::{Check, PersonId, Pos, Said};
use crate::proto::{DayResult, PreviewDaysRequest, PreviewDaysResponse};
use crate::registers::derivation::day_result::explain;
use crate::registers::derivation::preview::{self, Overrides};
use crate::registers::derivation::told::name_entries;
use crate::registers::failure::Failure;
use crate::registers::month::parse;
use crate::registers::wire;

/// The most people of one question.
const PEOPLE_MOST: usize = 50;

fn people(check: &mut Check, given: &[String]) -> BTreeSet<String> {
    if !(1..=PEOPLE_MOST).contains(&given.len()) {
        check.refuse("person_ids", "COUNT", Said::new("应有 1 至 50 人", "must have 1 to 50 items"));
        return BTreeSet::new();
    }
    let each = given.iter().enumerate();
    each.filter_map(|(at, id)| check.take(format!("person_ids[{at}]"), PersonId::parse(id)))
        .map(|person| person.to_string())
        .collect()
}

impl Calls {
    /// `PreviewDays`.
    pub async fn preview_days(
        &self,
        caller: &Caller,
        request: PreviewDaysRequest,
    ) -> Result<PreviewDaysResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let people = people(&mut check, &request.person_ids);
        let period = parse::period(&mut check, request.from.as_ref(), request.until.as_ref());
        let overrides = Overrides::parse(&mut check, request.values, request.calendars);
        check.done()?;
        let (Some(centre), Some(period), Some(overrides)) = (centre, period, overrides) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk().enter_to_read(caller, &centre).await?;
        let zone = place.deployment.zone(&centre).ok_or(Failure::Fault("ZONE"))?;
        let visible: BTreeSet<String> =
            people.into_iter().filter(|person| Self::is_visible(&place, person, None)).collect();
        let before = self.month_before(&place, None).await?;
        let standing = self.month_days(&place, &visible, period, before).await?;
        let previewed = preview::days(
            self.desk().store(),
            (place.log, &zone),
            (&visible, period),
            (before, self.desk().now()),
            &overrides,
        );
        let mut days = previewed.await?;
        let indexes = self.indexes(place.log).await?;
        let epochs = self.desk().ledger().reader().epochs(place.log).await?;
        let differs = |before: &DayResult| {
            let same = days
                .iter()
                .find(|day| day.person_id == before.person_id && day.work_date == before.work_date);
            same.is_none_or(|day| !preview::is_same(day, before))
        };
        let mut standing: Vec<DayResult> = standing.into_values().flatten().filter(differs).collect();
        for day in days.iter_mut().chain(&mut standing) {
            name_entries(day, &epochs);
            explain(day, &zone);
            day.entry_index = indexes.of(Pos::new(before.get().saturating_sub(1)));
        }
        Ok(PreviewDaysResponse { days, standing })
    }
}
