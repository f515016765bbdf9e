//! `ListInspections` and `GetInspection`: one's own, those that one recorded, and those of people one is responsible for.

use std::collections::{BTreeSet, HashMap};

use super::told;
use crate::access::Caller;
use crate::kernel::{CentreId, Check, EpochMs, PersonId, Pos, WindowId};
use crate::proto::{
    GetInspectionRequest, GetInspectionResponse, InspectionPersonal, ListInspectionsRequest,
    ListInspectionsResponse, Role,
};
use crate::registers::desk::{Place, Revealed};
use crate::registers::directory::admit::Seen;
use crate::registers::directory::reach::Here;
use crate::registers::duty::service::Calls;
use crate::registers::failure::Failure;
use crate::registers::inspection::rows;
use crate::registers::inspection::standing::Course;
use crate::registers::wire;

/// Who knows of other people's inspections.
const KNOWS: [Role; 5] = [Role::Lead, Role::DutyManager, Role::Inspector, Role::Discipline, Role::Auditor];
/// Inspections that are looked at for one page, so many at a time, and so often.
const LOOK: usize = 500;
const ROUNDS_MOST: usize = 20;

type Said = (Option<HashMap<Pos, InspectionPersonal>>, Option<u64>);

impl Calls {
    /// Is an inspection the caller's to know of? Where nobody is concerned, of whoever looks after the window.
    fn sees_inspection(&self, caller: &Caller, place: &Place, course: &Course) -> Result<bool, Failure> {
        let zone = place.deployment.zone(&place.centre).ok_or(Failure::Fault("ZONE"))?;
        let at = self.desk().now();
        let here = Here {
            seen: Seen { deployment: &place.deployment, own: &place.own },
            log: place.log,
            centre: &place.centre,
            at,
            today: zone.day_of(at),
        };
        if course.principal == caller.subject().to_string() {
            return Ok(true);
        }
        if !course.fact.person_id.is_empty() {
            return Ok(here.sight(caller.subject(), &KNOWS).sees(&course.fact.person_id));
        }
        Ok(here.grants(caller.subject()).iter().any(|grant| {
            let window = grant.reach.window.as_ref().is_none_or(|own| own.as_str() == course.fact.window);
            KNOWS.contains(&grant.role) && grant.reach.department.is_none() && window
        }))
    }

    async fn inspections(&self, place: &Place, positions: &BTreeSet<Pos>) -> Result<Vec<Course>, Failure> {
        let mut tx = self.desk().store().snapshot().await?;
        let courses = rows::courses(&mut tx, place.log, positions).await;
        tx.rollback().await?;
        Ok(courses?)
    }

    /// What was said in words, once the read is on record.
    async fn said(
        &self,
        caller: &Caller,
        place: &Place,
        (scope, reveal): (String, Option<&Revealed>),
        courses: &[Course],
    ) -> Result<Said, Failure> {
        let Some(reveal) = reveal else { return Ok((None, None)) };
        let disclosure = self.desk().disclose(caller, place, &scope, reveal).await?;
        let events = courses.iter().flat_map(|course| &course.events).map(|event| event.pos);
        let positions: Vec<Pos> = courses.iter().map(|course| course.pos).chain(events).collect();
        let said = rows::reveal(self.desk().store(), &disclosure, place.log, &positions).await?;
        Ok((Some(said), Some(disclosure.index())))
    }

    /// `ListInspections`.
    pub async fn list_inspections(
        &self,
        caller: &Caller,
        request: ListInspectionsRequest,
    ) -> Result<ListInspectionsResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        if !request.window.is_empty() {
            check.take("window", WindowId::parse(&request.window));
        }
        if !request.person_id.is_empty() {
            check.take("person_id", PersonId::parse(&request.person_id));
        }
        let from = wire::opt_instant(&mut check, "from", request.from.as_ref());
        let until = wire::opt_instant(&mut check, "until", request.until.as_ref());
        let size = wire::page_size(&mut check, "page_size", request.page_size);
        let after = wire::parse_token(&mut check, "page_token", &request.page_token);
        let reveal = Revealed::parse(&mut check, request.reveal.as_ref());
        check.done()?;
        let place = self.desk().enter_to_read(caller, &centre.ok_or(Failure::Fault("PARSE"))?).await?;
        let wanted = rows::Wanted {
            from: after.map_or(Pos::ZERO, |(pos, _)| pos),
            during: (from.unwrap_or(EpochMs::ZERO), until.unwrap_or(EpochMs::MAX)),
            window: &request.window,
            person_id: &request.person_id,
        };
        let (courses, next_page_token) = self.page(caller, &place, wanted, size).await?;
        let scope = (format!("inspections/{}", courses.len()), reveal.as_ref());
        let (said, disclosure_index) = self.said(caller, &place, scope, &courses).await?;
        let (indexes, now) = (self.indexes(place.log).await?, self.desk().now());
        let told = courses.iter().map(|course| told::inspection(course, &indexes, now, said.as_ref()));
        Ok(ListInspectionsResponse {
            inspections: told.collect(),
            next_page_token,
            redacted: said.is_none(),
            disclosure_index,
        })
    }

    async fn page(
        &self,
        caller: &Caller,
        place: &Place,
        wanted: rows::Wanted<'_>,
        size: usize,
    ) -> Result<(Vec<Course>, String), Failure> {
        let mut found = Vec::new();
        let mut from = wanted.from;
        for _ in 0..ROUNDS_MOST {
            let mut tx = self.desk().store().snapshot().await?;
            let positions = rows::listed(&mut tx, place.log, rows::Wanted { from, ..wanted }, LOOK).await;
            tx.rollback().await?;
            let positions = positions?;
            let next = positions.last().filter(|_| positions.len() == LOOK).map(|last| last.next());
            for course in self.inspections(place, &positions).await? {
                if found.len() == size {
                    return Ok((found, wire::token(course.pos, "")));
                }
                if self.sees_inspection(caller, place, &course)? {
                    found.push(course);
                }
            }
            match next {
                Some(next) => from = next,
                None => return Ok((found, String::new())),
            }
        }
        Ok((found, wire::token(from, "")))
    }

    /// `GetInspection`.
    pub async fn get_inspection(
        &self,
        caller: &Caller,
        request: GetInspectionRequest,
    ) -> Result<GetInspectionResponse, Failure> {
        let mut check = Check::new();
        let centre: Option<CentreId> = wire::centre(&mut check, &request.centre);
        let reveal = Revealed::parse(&mut check, request.reveal.as_ref());
        check.done()?;
        let place = self.desk().enter_to_read(caller, &centre.ok_or(Failure::Fault("PARSE"))?).await?;
        let at = self.position(&place, request.inspection).await?;
        let courses = self.inspections(&place, &[at].into()).await?;
        // What is not the caller's to know of is not there for them.
        let course = courses.first().ok_or(Failure::NotFound("inspection"))?;
        if !self.sees_inspection(caller, &place, course)? {
            return Err(Failure::NotFound("inspection"));
        }
        let scope = (format!("inspections/{}", request.inspection), reveal.as_ref());
        let (said, disclosure_index) = self.said(caller, &place, scope, &courses).await?;
        let indexes = self.indexes(place.log).await?;
        let inspection = told::inspection(course, &indexes, self.desk().now(), said.as_ref());
        let redacted = said.is_none();
        Ok(GetInspectionResponse { inspection: Some(inspection), redacted, disclosure_index })
    }
}
