//! `GetMonthReadiness`: who still keeps a period from being locked and why, long before pay-day.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Calls, Period};
use crate::access::Caller;
use crate::kernel::{Check, Pos};
use crate::proto::{DayResult, GetMonthReadinessRequest, GetMonthReadinessResponse, MonthBlocker};
use crate::registers::derivation::day_result::explain;
use crate::registers::desk::Place;
use crate::registers::failure::Failure;
use crate::registers::month::{canonical, parse, rows, summary};
use crate::registers::wire;

/// The most of each list.
const NAMED_MOST: usize = 1_000;

impl Calls {
    /// `GetMonthReadiness`.
    pub async fn get_month_readiness(
        &self,
        caller: &Caller,
        request: GetMonthReadinessRequest,
    ) -> Result<GetMonthReadinessResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let department = parse::department(&mut check, &request.department);
        let period = parse::period(&mut check, request.from.as_ref(), request.until.as_ref());
        check.done()?;
        let (Some(centre), Some(period)) = (centre, period) else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk().enter_to_read(caller, &centre).await?;
        super::sees_department(&place, department.as_ref())?;
        let zone = place.deployment.zone(&centre).ok_or(Failure::Fault("ZONE"))?;
        let before = self.month_before(&place, None).await?;
        let people = super::people_of(&place, department.as_ref());
        let days = self.month_days(&place, &people, period, before).await?;
        let open = days.values().flatten().filter(|day| summary::is_open(day));
        let open_days = open.clone().count();
        let blockers = open.take(NAMED_MOST).map(|day| {
            let mut day = day.clone();
            explain(&mut day, &zone);
            let reasons = day.spans.iter().flat_map(|span| [&span.on, &span.off]).flatten();
            // Of what waits, the first slot that does says for what.
            let waiting =
                reasons.clone().find(|slot| slot.open.is_some()).and_then(|slot| slot.reason.clone());
            MonthBlocker {
                person_id: day.person_id.clone(),
                work_date: day.work_date,
                headline: day.headline,
                why: waiting.or(day.reason),
            }
        });
        let blockers: Vec<MonthBlocker> = blockers.collect();
        let awaiting = self.awaiting_in(&place, &people, period).await?;
        let unconfirmed_person_ids = self.unconfirmed(&place, period, &days).await?;
        let indexes = self.indexes(place.log).await?;
        Ok(GetMonthReadinessResponse {
            ready: open_days == 0,
            people: u32::try_from(days.len()).unwrap_or(u32::MAX),
            blockers,
            open_days: u32::try_from(open_days).unwrap_or(u32::MAX),
            unconfirmed_person_ids,
            awaiting: awaiting.into_iter().take(NAMED_MOST).map(|pos| indexes.of(pos)).collect(),
            as_of: indexes.of(Pos::new(before.get().saturating_sub(1))),
        })
    }

    /// Requests of these people that touch the period and wait for somebody now, also if nothing was derived since.
    async fn awaiting_in(
        &self,
        place: &Place,
        people: &BTreeSet<String>,
        (from, until): Period,
    ) -> Result<BTreeSet<Pos>, Failure> {
        let zone = place.deployment.zone(&place.centre).ok_or(Failure::Fault("ZONE"))?;
        let time = (zone.start_of(from), zone.start_of(until.plus_days(1)).plus_ms(-1));
        let people: BTreeSet<&str> = people.iter().map(String::as_str).collect();
        let mut tx = self.desk().store().snapshot().await?;
        let found = crate::registers::rulebook::awaiting(&mut tx, place.log, &people, time).await;
        tx.rollback().await?;
        Ok(found?)
    }

    /// Who has not confirmed their days as they stand.
    async fn unconfirmed(
        &self,
        place: &Place,
        period: Period,
        days: &BTreeMap<String, Vec<DayResult>>,
    ) -> Result<Vec<String>, Failure> {
        let people: Vec<&str> = days.keys().map(String::as_str).collect();
        let mut tx = self.desk().store().snapshot().await?;
        let confirmed = rows::confirmed(&mut tx, place.log, period, &people, Pos::MAX).await;
        tx.rollback().await?;
        let newest: HashMap<String, Vec<u8>> =
            confirmed?.into_iter().map(|(person, _, digest)| (person, digest)).collect();
        let stands = |(person, days): &(&String, &Vec<DayResult>)| {
            newest.get(*person).is_some_and(|digest| canonical::digest(*days).0.as_slice() == digest)
        };
        let open = days.iter().filter(|of| !stands(of)).take(NAMED_MOST);
        Ok(open.map(|(person, _)| person.clone()).collect())
    }
}
