//! `GetDay` and `ListDays`: what people's days came to (rule R8).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Calls;
use crate::access::Caller;
use crate::kernel::{Check, DepartmentId, EpochDay, LogId, PersonId, Pos};
use crate::proto::{DayResult, GetDayRequest, GetDayResponse, ListDaysRequest, ListDaysResponse};
use crate::registers::attendance::refusal::Refusal;
use crate::registers::derivation::days::{DAY, day_key, day_of};
use crate::registers::derivation::told::Telling;
use crate::registers::derivation::walk::Walk;
use crate::registers::desk::Place;
use crate::registers::directory::reach::Sight;
use crate::registers::failure::Failure;
use crate::registers::wire;
use crate::results::{Body, Item, folded_before, newest};

/// Keys that are looked at for one page at a time.
const LOOK: usize = 1_000;
/// So often for one page.
const ROUNDS_MOST: usize = 20;
/// Results follow an entry within a fraction of this.
const SOON: Duration = Duration::from_secs(1);

fn not_derived() -> Failure {
    Failure::Refused(Arc::new(Refusal::NotDerivedYet))
}

pub(super) fn opt_department(check: &mut Check, department: &str) -> Option<DepartmentId> {
    if department.is_empty() {
        return None;
    }
    check.take("department", DepartmentId::parse(department))
}

/// A department's system sees its own people's days; anybody may ask for fewer.
pub(super) fn visible(place: &Place, person_id: &str, department: Option<&DepartmentId>) -> bool {
    if !place.pass.is_narrow() && department.is_none() {
        return true;
    }
    place.deployment.person(person_id).is_some_and(|person| {
        place.pass.sees(&person.department)
            && department.is_none_or(|department| department.as_str() == person.department)
    })
}

impl Calls {
    /// `GetDay`.
    pub async fn get_day(&self, caller: &Caller, request: GetDayRequest) -> Result<GetDayResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let person = check.take("person_id", PersonId::parse(&request.person_id));
        let day = wire::day(&mut check, "work_date", request.work_date.as_ref());
        check.done()?;
        let (Some(centre), Some(person), Some(day)) = (centre, person, day) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk.enter_to_read(caller, &centre).await?;
        if !self.sight(&place, caller)?.sees(person.as_str()) {
            return Err(Failure::NotFound("day"));
        }
        let before = match request.as_of {
            Some(index) => {
                let (head, epoch) = self.desk.ledger().reader().head(place.log).await?;
                if index >= head.size {
                    return Err(Failure::NotFound("entry"));
                }
                let before = Pos::new(epoch.base.get().saturating_add(index)).next();
                self.derived(place.log, before).await?;
                before
            }
            None => Pos::new(u64::MAX),
        };
        let keys = [day_key(DAY, person.as_str(), day)];
        let items = newest(self.desk.store(), place.log, DAY, &keys, before).await?;
        let day = self.day_results(&place, &items).await?.pop();
        let day = day.filter(|day| !day.tombstone).ok_or(Failure::NotFound("day"))?;
        Ok(GetDayResponse { day: Some(day) })
    }

    /// Waits a little until everything before a position has been folded.
    pub(crate) async fn derived(&self, log: LogId, before: Pos) -> Result<(), Failure> {
        let mut news = self.news.clone();
        let folded = async {
            loop {
                news.mark_unchanged();
                if folded_before(self.desk.store(), log).await? >= before {
                    return Ok(());
                }
                if news.changed().await.is_err() {
                    // Nobody folds here any more.
                    return Err(not_derived());
                }
            }
        };
        tokio::time::timeout(SOON, folded).await.unwrap_or_else(|_| Err(not_derived()))
    }

    /// `ListDays`.
    pub async fn list_days(
        &self,
        caller: &Caller,
        request: ListDaysRequest,
    ) -> Result<ListDaysResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let department = opt_department(&mut check, &request.department);
        let person = Some(request.person_id.as_str()).filter(|id| !id.is_empty());
        let person = person.and_then(|id| check.take("person_id", PersonId::parse(id)));
        let days = wire::from_until(&mut check, request.from.as_ref(), request.until.as_ref());
        let size = wire::page_size(&mut check, "page_size", request.page_size);
        let after = wire::parse_token(&mut check, "page_token", &request.page_token);
        check.done()?;
        let (Some(centre), Some((from, until))) = (centre, days) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk.enter_to_read(caller, &centre).await?;
        let sight = self.sight(&place, caller)?;
        let people = people(&place, &sight, person.as_ref(), department.as_ref());
        let after = after.map(|(day, person)| (person, EpochDay::from_column(day.column())));
        let mut walk = Walk::new(people, (from, until), after);
        let mut found: Vec<Item> = Vec::new();
        let mut looked = None;
        for _ in 0..ROUNDS_MOST {
            let keys = walk.next(LOOK);
            if keys.is_empty() || found.len() > size {
                break;
            }
            let items = newest(self.desk.store(), place.log, DAY, &keys, Pos::new(u64::MAX)).await?;
            found.extend(items.into_iter().filter(|item| matches!(item.body, Body::Content(_))));
            looked = keys.last().cloned();
        }
        let more = found.len() > size;
        found.truncate(size);
        // A page that looked at very many days without a result ends where it looked last.
        let unfinished = looked.filter(|_| !walk.is_over());
        let last = if more { found.last().map(|item| item.key.clone()) } else { unfinished };
        let last = last.as_ref().and_then(day_of);
        let next_page_token =
            last.map(|(person, day)| wire::token(Pos::from_column(day.column()).unwrap_or_default(), person));
        let days = self.day_results(&place, &found).await?;
        Ok(ListDaysResponse { days, next_page_token: next_page_token.unwrap_or_default() })
    }

    /// Revisions as messages, with the indexes, causes and sentences that they do not hold themselves.
    pub(crate) async fn day_results(&self, place: &Place, items: &[Item]) -> Result<Vec<DayResult>, Failure> {
        self.telling(place, |telling| telling.day_results(items)).await
    }

    /// Tells results of a place.
    pub(super) async fn telling<T>(
        &self,
        place: &Place,
        tell: impl FnOnce(Telling<'_>) -> T + Send,
    ) -> Result<T, Failure> {
        let reader = self.desk.ledger().reader();
        let (own, deployment) = (reader.epochs(place.log).await?, reader.epochs(LogId::DEPLOYMENT).await?);
        let zone = place.deployment.zone(&place.centre).ok_or(Failure::Fault("ZONE"))?;
        Ok(tell(Telling { own: &own, deployment: &deployment, zone: &zone }))
    }
}

/// The people of a place whom the caller may see, by id.
fn people(
    place: &Place,
    sight: &Sight<'_>,
    person: Option<&PersonId>,
    department: Option<&DepartmentId>,
) -> BTreeSet<String> {
    let wanted = |known: &&str| {
        let asked = person.is_none_or(|person| person.as_str() == *known);
        let of = department.is_none_or(|department| place.deployment.is_of(known, department.as_str()));
        asked && of && sight.sees(known)
    };
    if let Some(person) = person {
        // Also of somebody who was never assigned here.
        return Some(person.as_str()).filter(wanted).map(str::to_owned).into_iter().collect();
    }
    place.own.assigned().into_iter().filter(wanted).map(str::to_owned).collect()
}

impl Calls {
    /// May the caller know of somebody's days, and are they of the department that is asked for?
    pub(crate) fn is_visible(place: &Place, person_id: &str, department: Option<&DepartmentId>) -> bool {
        visible(place, person_id, department)
    }
}
