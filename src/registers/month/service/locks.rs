//! `LockMonth` (rule R10).

use std::collections::BTreeSet;

use super::{Calls, refused};
use crate::access::Caller;
use crate::kernel::{Check, EpochDay};
use crate::ledger::committer::Lane;
use crate::proto::fact::Fact as Of;
use crate::proto::{LockMonthRequest, LockMonthResponse, MonthLockFact};
use crate::registers::directory::view::day;
use crate::registers::failure::Failure;
use crate::registers::month::canonical::Digest;
use crate::registers::month::fact::Command;
use crate::registers::month::refusal::Refusal;
use crate::registers::month::{parse, summary};
use crate::registers::wire;

impl Calls {
    /// `LockMonth`.
    pub async fn lock_month(
        &self,
        caller: &Caller,
        request: LockMonthRequest,
    ) -> Result<LockMonthResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let id = wire::request_id(&mut check, &request.request_id);
        let department = parse::department(&mut check, &request.department);
        let period = parse::period(&mut check, request.from.as_ref(), request.until.as_ref());
        let exceptions = parse::exceptions(&mut check, &request.exceptions);
        check.done()?;
        let (Some(centre), Some(id), Some(period), Some(exceptions)) = (centre, id, period, exceptions)
        else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk().enter_to_read(caller, &centre).await?;
        super::sees_department(&place, department.as_ref())?;
        let before = self.month_before(&place, request.as_of).await?;
        let people = super::people_of(&place, department.as_ref());
        let days = self.month_days(&place, &people, period, before).await?;
        let named: BTreeSet<(&str, EpochDay)> = exceptions
            .iter()
            .map(|exception| (exception.person_id.as_str(), day(exception.work_date.as_ref())))
            .collect();
        let mut digest = Digest::default();
        for result in days.values().flatten() {
            let on = day(result.work_date.as_ref());
            if summary::is_open(result) && !named.contains(&(result.person_id.as_str(), on)) {
                return Err(refused(Refusal::DaysOpen));
            }
            digest.push(result);
        }
        let fact = MonthLockFact {
            department: department.map(|department| department.to_string()).unwrap_or_default(),
            from: Some(wire::date(period.0)),
            until: Some(wire::date(period.1)),
            before: before.get(),
            digest: digest.root().0.to_vec(),
            people: u32::try_from(days.len()).unwrap_or(u32::MAX),
            days: u32::try_from(digest.size()).unwrap_or(u32::MAX),
            exceptions,
        };
        let view = wire::view(request.receipt_view);
        let written = self.desk().write(&place, id, Command::Lock(fact), Lane::Live, view).await?;
        // Asked for again, the first answer holds.
        let lock = written.facts.iter().find_map(|fact| match &fact.fact {
            Some(Of::MonthLock(lock)) => Some(lock.clone()),
            _ => None,
        });
        let lock = lock.unwrap_or_default();
        Ok(LockMonthResponse {
            receipt: Some(written.receipt(&centre)),
            lock: written.index,
            digest: lock.digest,
            people: lock.people,
            days: lock.days,
        })
    }
}
