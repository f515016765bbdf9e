//! The calls of `AttendanceService` about months: summaries, readiness, confirmations, locks, adjustments, and what days
//! would be under other rules.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::Caller;
use crate::kernel::{Check, DepartmentId, EpochDay, Pos, Subject};
use crate::ledger::committer::Lane;
use crate::proto::{
    ConfirmMonthRequest, ConfirmMonthResponse, ConfirmPullRequest, ConfirmPullResponse, DayResult,
    MonthConfirmationFact, PullConfirmationFact,
};
use crate::registers::attendance::service::Calls;
use crate::registers::desk::Place;
use crate::registers::failure::Failure;
use crate::registers::month::fact::Command;
use crate::registers::month::refusal::Refusal;
use crate::registers::month::{canonical, parse, rows};
use crate::registers::wire;
use crate::results::folded_before;

mod adjustments;
mod locks;
mod preview;
mod readiness;
mod summaries;
pub(crate) mod summed;

/// Keys that are read at a time.
const KEYS: usize = 1_000;

/// The first and the last day.
type Period = (EpochDay, EpochDay);

fn refused(refusal: Refusal) -> Failure {
    Failure::Refused(std::sync::Arc::new(refusal))
}

impl Calls {
    /// Up to where results count: after the entry that is named, or as far as they are derived.
    async fn month_before(&self, place: &Place, as_of: Option<u64>) -> Result<Pos, Failure> {
        let Some(index) = as_of else { return Ok(folded_before(self.desk().store(), place.log).await?) };
        let (head, epoch) = self.desk().ledger().reader().head(place.log).await?;
        if index >= head.size {
            return Err(Failure::NotFound("entry"));
        }
        let before = Pos::new(epoch.base.get().saturating_add(index)).next();
        self.derived(place.log, before).await?;
        Ok(before)
    }

    /// The days of people as they stood, with positions where messages have indexes; in the order of people.
    async fn month_days(
        &self,
        place: &Place,
        people: &BTreeSet<String>,
        period: Period,
        before: Pos,
    ) -> Result<BTreeMap<String, Vec<DayResult>>, Failure> {
        Ok(summed::days(self.desk().store(), place.log, people, period, before).await?)
    }

    /// `ConfirmMonth`.
    pub async fn confirm_month(
        &self,
        caller: &Caller,
        request: ConfirmMonthRequest,
    ) -> Result<ConfirmMonthResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let id = wire::request_id(&mut check, &request.request_id);
        let period = parse::period(&mut check, request.from.as_ref(), request.until.as_ref());
        let digest = parse::digest(&mut check, &request.digest);
        check.done()?;
        let (Some(centre), Some(id), Some(period), Some(digest)) = (centre, id, period, digest) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk().enter_to_read(caller, &centre).await?;
        let Subject::Person(own) = caller.subject() else { return Err(refused(Refusal::NotAPerson)) };
        let before = self.month_before(&place, None).await?;
        let people = BTreeSet::from([own.to_string()]);
        let days = self.month_days(&place, &people, period, before).await?;
        let stands = canonical::digest(days.values().flatten());
        if stands.0.as_slice() != digest {
            return Err(refused(Refusal::DigestDiffers));
        }
        let (from, until) = (Some(wire::date(period.0)), Some(wire::date(period.1)));
        let fact = MonthConfirmationFact { person_id: own.to_string(), from, until, digest };
        let view = wire::view(request.receipt_view);
        let written = self.desk().write(&place, id, Command::Confirm(fact), Lane::Live, view).await?;
        Ok(ConfirmMonthResponse { receipt: Some(written.receipt(&centre)) })
    }

    /// `ConfirmPull`.
    pub async fn confirm_pull(
        &self,
        caller: &Caller,
        request: ConfirmPullRequest,
    ) -> Result<ConfirmPullResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let id = wire::request_id(&mut check, &request.request_id);
        let department = parse::department(&mut check, &request.department);
        let period = parse::period(&mut check, request.from.as_ref(), request.until.as_ref());
        let digest = parse::digest(&mut check, &request.digest);
        check.done()?;
        let (Some(centre), Some(id), Some((from, until)), Some(digest)) = (centre, id, period, digest) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk().enter(caller, &centre).await?;
        sees_department(&place, department.as_ref())?;
        let fact = PullConfirmationFact {
            department: department.map(|department| department.to_string()).unwrap_or_default(),
            from: Some(wire::date(from)),
            until: Some(wire::date(until)),
            digest: digest.clone(),
        };
        let view = wire::view(request.receipt_view);
        let written = self.desk().write(&place, id, Command::ConfirmPull(fact), Lane::Live, view).await?;
        let mut tx = self.desk().store().snapshot().await?;
        let locks = rows::locks(&mut tx, place.log).await;
        tx.rollback().await?;
        let indexes = self.indexes(place.log).await?;
        let lock = locks?.into_iter().find(|(_, lock)| lock.digest == digest);
        let lock = lock.map(|(pos, _)| indexes.of(pos));
        Ok(ConfirmPullResponse { receipt: Some(written.receipt(&centre)), lock })
    }
}

/// A department's system names its own department; only who sees everybody may name none.
fn sees_department(place: &Place, department: Option<&DepartmentId>) -> Result<(), Failure> {
    let sees = match department {
        Some(department) => place.pass.sees(department.as_str()),
        None => !place.pass.is_narrow(),
    };
    if sees { Ok(()) } else { Err(Failure::NotFound("department")) }
}

/// Everybody who was ever assigned here, of a department if one is named.
fn people_of(place: &Place, department: Option<&DepartmentId>) -> BTreeSet<String> {
    let of = |person: &&str| {
        department.is_none_or(|department| place.deployment.is_of(person, department.as_str()))
    };
    place.own.assigned().into_iter().filter(of).map(str::to_owned).collect()
}
