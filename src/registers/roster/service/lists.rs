//! The lists of `RosterService`.

use std::collections::{HashMap, HashSet};

use super::Calls;
use crate::access::Caller;
use crate::kernel::{Check, EpochDay, PersonId, Pos};
use crate::proto::roster_entry::Works;
use crate::proto::{
    CentreDay, ListCalendarYearsRequest, ListCalendarYearsResponse, ListCentreDaysRequest,
    ListCentreDaysResponse, ListRosterRequest, ListRosterResponse, ListShiftsRequest, ListShiftsResponse,
    RosterEntry, RosterPattern,
};
use crate::registers::desk::Place;
use crate::registers::failure::Failure;
use crate::registers::roster::book::{Book, Duty, Seen};
use crate::registers::roster::rows::{self, Between, Whose};
use crate::registers::wire;

/// A page that is asked for: centre, size, token.
type Asked<'a> = (&'a str, i32, &'a str);

impl Calls {
    /// What else is wrong has been noted, and is said with what is wrong here.
    async fn listed(
        &self,
        caller: &Caller,
        mut check: Check,
        (centre, size, token): Asked<'_>,
    ) -> Result<(Place, usize, Option<(Pos, String)>), Failure> {
        let centre = wire::centre(&mut check, centre);
        let size = wire::page_size(&mut check, "page_size", size);
        let after = wire::parse_token(&mut check, "page_token", token);
        check.done()?;
        let Some(centre) = centre else { return Err(Failure::Fault("PARSE")) };
        Ok((self.desk.enter_to_read(caller, &centre).await?, size, after))
    }

    /// `ListShifts`.
    pub async fn list_shifts(
        &self,
        caller: &Caller,
        request: ListShiftsRequest,
    ) -> Result<ListShiftsResponse, Failure> {
        let asked = (request.centre.as_str(), request.page_size, request.page_token.as_str());
        let (place, size, after) = self.listed(caller, Check::new(), asked).await?;
        let mut tx = self.desk.store().snapshot().await?;
        let versions = rows::shifts(&mut tx, place.log, Pos::MAX).await?;
        tx.rollback().await?;
        let newest = newest(versions.into_iter().map(|at| (at.pos, at.shift.shift.clone(), at.shift)));
        let (shifts, next_page_token) = cut(newest, after.as_ref(), size);
        Ok(ListShiftsResponse { shifts, next_page_token })
    }

    /// `ListCalendarYears`.
    pub async fn list_calendar_years(
        &self,
        caller: &Caller,
        request: ListCalendarYearsRequest,
    ) -> Result<ListCalendarYearsResponse, Failure> {
        let asked = (request.centre.as_str(), request.page_size, request.page_token.as_str());
        let (place, size, after) = self.listed(caller, Check::new(), asked).await?;
        let mut tx = self.desk.store().snapshot().await?;
        let years = rows::calendar_years(&mut tx, place.log, Pos::MAX).await?;
        tx.rollback().await?;
        let newest = newest(years.into_iter().map(|(pos, year)| (pos, year.year.to_string(), year)));
        let (calendars, next_page_token) = cut(newest, after.as_ref(), size);
        Ok(ListCalendarYearsResponse { calendars, next_page_token })
    }

    /// `ListCentreDays`.
    pub async fn list_centre_days(
        &self,
        caller: &Caller,
        request: ListCentreDaysRequest,
    ) -> Result<ListCentreDaysResponse, Failure> {
        let asked = (request.centre.as_str(), request.page_size, request.page_token.as_str());
        let (place, size, after) = self.listed(caller, Check::new(), asked).await?;
        let mut tx = self.desk.store().snapshot().await?;
        let days = rows::centre_days(&mut tx, place.log, Pos::MAX).await?;
        tx.rollback().await?;
        let newest = newest(days.into_iter().map(|at| {
            let date = Some(wire::date(at.day));
            (at.pos, at.day.to_string(), CentreDay { date, kind: at.kind.into(), shift: at.shift })
        }));
        let (days, next_page_token) = cut(newest, after.as_ref(), size);
        Ok(ListCentreDaysResponse { days, next_page_token })
    }

    /// `ListRoster`.
    pub async fn list_roster(
        &self,
        caller: &Caller,
        request: ListRosterRequest,
    ) -> Result<ListRosterResponse, Failure> {
        let mut check = Check::new();
        let person = Some(request.person_id.as_str()).filter(|id| !id.is_empty());
        let person = person.and_then(|id| check.take("person_id", PersonId::parse(id)));
        let days = wire::from_until(&mut check, request.from.as_ref(), request.until.as_ref());
        let asked = (request.centre.as_str(), request.page_size, request.page_token.as_str());
        let (place, size, after) = self.listed(caller, check, asked).await?;
        let (from, until) = days.ok_or(Failure::Fault("PARSE"))?;
        let whose = person.as_ref().map_or(Whose::All, |person| Whose::Of(vec![person.as_str()]));
        let mut tx = self.desk.store().snapshot().await?;
        let between = Between { from, until, before: Pos::MAX };
        let duties = rows::duties(&mut tx, place.log, whose, between).await?;
        tx.rollback().await?;
        let mut standing = standing(duties, (from, until), &place);
        standing.sort_by_key(|(_, duty)| (duty.pos, duty.item));
        let named = standing.into_iter().map(|(person_id, duty)| {
            // Of a token's text only the order matters: numbers of one width.
            (duty.pos, format!("{:08}", duty.item), (person_id, duty))
        });
        let (page, next_page_token) = cut(named.collect(), after.as_ref(), size);
        let mut answer = ListRosterResponse { next_page_token, ..ListRosterResponse::default() };
        for (person_id, duty) in page {
            add(&mut answer, person_id, duty);
        }
        Ok(answer)
    }
}

/// Of each code the newest, in the order of their entries.
fn newest<T>(versions: impl Iterator<Item = (Pos, String, T)>) -> Vec<(Pos, String, T)> {
    let mut newest: HashMap<String, (Pos, T)> = HashMap::new();
    for (pos, code, item) in versions {
        newest.insert(code, (pos, item));
    }
    let mut listed: Vec<_> = newest.into_iter().map(|(code, (pos, item))| (pos, code, item)).collect();
    listed.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    listed
}

/// A page of a list that is ordered by entry and code, and the token of the next one.
fn cut<T>(listed: Vec<(Pos, String, T)>, after: Option<&(Pos, String)>, size: usize) -> (Vec<T>, String) {
    let mut rest = listed.into_iter().skip_while(|(pos, code, _)| {
        after.is_some_and(|(last, last_code)| (*pos, code) <= (*last, last_code))
    });
    let (mut page, mut last) = (Vec::new(), None);
    for (pos, code, item) in rest.by_ref().take(size) {
        page.push(item);
        last = Some((pos, code));
    }
    let more = rest.next().is_some();
    let token = last.filter(|_| more).map(|(pos, code)| wire::token(pos, &code));
    (page, token.unwrap_or_default())
}

/// What stands now: of what speaks of one day, only the newest; and only of whom the caller may see.
fn standing(
    duties: HashMap<String, Vec<Duty>>,
    (from, until): (EpochDay, EpochDay),
    place: &Place,
) -> Vec<(String, Duty)> {
    let book = Book { duties, ..Book::default() };
    let mut standing = Vec::new();
    for (person_id, duties) in &book.duties {
        let department = place.deployment.person(person_id).map(|person| person.department.as_str());
        if place.pass.is_narrow() && !department.is_some_and(|department| place.pass.sees(department)) {
            continue;
        }
        let mut held: HashSet<(Pos, u32)> = HashSet::new();
        let mut day = from;
        while day <= until {
            let (entry, pattern) =
                (book.entry(person_id, day, Seen::ALL), book.pattern(person_id, day, Seen::ALL));
            held.extend([entry, pattern].into_iter().flatten().map(|duty| (duty.pos, duty.item)));
            day = day.plus_days(1);
        }
        let kept = duties.iter().filter(|duty| held.contains(&(duty.pos, duty.item)));
        standing.extend(kept.map(|duty| (person_id.clone(), duty.clone())));
    }
    standing
}

fn add(answer: &mut ListRosterResponse, person_id: String, duty: Duty) {
    let from = Some(wire::date(duty.from));
    if duty.pattern {
        answer.patterns.push(RosterPattern {
            person_id,
            from,
            until: duty.until.map(wire::date),
            shift: duty.shift.unwrap_or_default(),
        });
    } else {
        let works = duty.shift.map_or(Works::Rest(true), Works::Shift);
        answer.entries.push(RosterEntry { person_id, date: from, works: Some(works) });
    }
}
