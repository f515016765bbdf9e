//! `ListLeaves`, `ListCorrections` and `ListSwaps`: requests as they stand, one's own and those of people one is responsible for.

use std::collections::{BTreeSet, HashMap};

use super::{Calls, steps};
use crate::access::Caller;
use crate::kernel::{Check, EpochMs, PersonId, Pos};
use crate::proto::roster_entry::Works;
use crate::proto::{
    ApprovalPersonal, Correction, CorrectionFact, CorrectionRecord, ExternalApproval, Leave, LeaveFact,
    LeaveRecord, ListCorrectionsRequest, ListCorrectionsResponse, ListLeavesRequest, ListLeavesResponse,
    ListSwapsRequest, ListSwapsResponse, Reveal, RosterEntry, SwapFact, SwapRecord,
};
use crate::registers::approval::decide::is_visible;
use crate::registers::approval::fact::{About, Asked};
use crate::registers::approval::rows;
use crate::registers::approval::standing::Course;
use crate::registers::desk::{Place, Revealed};
use crate::registers::failure::Failure;
use crate::registers::wire;

/// Requests that are looked at for one page, so many at a time, and so often.
const LOOK: usize = 500;
const ROUNDS_MOST: usize = 20;

/// What is asked for.
struct Wanted {
    about: About,
    person: Option<PersonId>,
    from: EpochMs,
    until: EpochMs,
    size: usize,
    after: Pos,
}

/// A request to list, taken apart.
struct Query<'a> {
    centre: &'a str,
    person_id: &'a str,
    from: Option<&'a prost_types::Timestamp>,
    until: Option<&'a prost_types::Timestamp>,
    page_size: i32,
    page_token: &'a str,
    reveal: Option<&'a Reveal>,
}

/// What was found, with what was said in words where that is on record as read.
struct Page {
    place: Place,
    policy: crate::policy::Policy,
    courses: Vec<Course>,
    next_page_token: String,
    said: Option<HashMap<Pos, ApprovalPersonal>>,
    disclosure_index: Option<u64>,
}

impl Wanted {
    fn is_of_the_time(&self, course: &Course) -> bool {
        let touches = |from_ms: i64, until_ms: i64| from_ms < self.until.get() && self.from.get() <= until_ms;
        course.filed.asked.subjects().iter().any(|subject| {
            let own = self.person.as_ref().is_none_or(|person| person.as_str() == subject.person_id);
            own && touches(subject.from_ms, subject.until_ms)
        })
    }
}

impl Calls {
    /// `ListLeaves`.
    pub async fn list_leaves(
        &self,
        caller: &Caller,
        request: ListLeavesRequest,
    ) -> Result<ListLeavesResponse, Failure> {
        let query = Query {
            centre: &request.centre,
            person_id: &request.person_id,
            from: request.from.as_ref(),
            until: request.until.as_ref(),
            page_size: request.page_size,
            page_token: &request.page_token,
            reveal: request.reveal.as_ref(),
        };
        let page = self.list(caller, About::Leave, &query).await?;
        let indexes = self.indexes(page.place.log).await?;
        let leaves = page.courses.iter().filter_map(|course| match &course.filed.asked {
            Asked::Leave(fact) => Some(leave_record(&page, course, fact, indexes.of(course.filed.pos))),
            Asked::Correction(_) | Asked::ManualRoll(_) | Asked::Swap(_) => None,
        });
        Ok(ListLeavesResponse {
            leaves: leaves.collect(),
            next_page_token: page.next_page_token.clone(),
            disclosure_index: page.disclosure_index,
        })
    }

    /// `ListCorrections`.
    pub async fn list_corrections(
        &self,
        caller: &Caller,
        request: ListCorrectionsRequest,
    ) -> Result<ListCorrectionsResponse, Failure> {
        let query = Query {
            centre: &request.centre,
            person_id: &request.person_id,
            from: request.from.as_ref(),
            until: request.until.as_ref(),
            page_size: request.page_size,
            page_token: &request.page_token,
            reveal: request.reveal.as_ref(),
        };
        let page = self.list(caller, About::Correction, &query).await?;
        let indexes = self.indexes(page.place.log).await?;
        let corrections = page.courses.iter().filter_map(|course| match &course.filed.asked {
            Asked::Correction(fact) => {
                let outage = fact.outage.map(|pos| indexes.of(Pos::new(pos)));
                let index = indexes.of(course.filed.pos);
                Some(CorrectionRecord { outage, ..correction_record(&page, course, fact, index) })
            }
            Asked::Leave(_) | Asked::ManualRoll(_) | Asked::Swap(_) => None,
        });
        Ok(ListCorrectionsResponse {
            corrections: corrections.collect(),
            next_page_token: page.next_page_token.clone(),
            disclosure_index: page.disclosure_index,
        })
    }

    /// `ListSwaps`.
    pub async fn list_swaps(
        &self,
        caller: &Caller,
        request: ListSwapsRequest,
    ) -> Result<ListSwapsResponse, Failure> {
        let query = Query {
            centre: &request.centre,
            person_id: &request.person_id,
            from: request.from.as_ref(),
            until: request.until.as_ref(),
            page_size: request.page_size,
            page_token: &request.page_token,
            reveal: request.reveal.as_ref(),
        };
        let page = self.list(caller, About::Swap, &query).await?;
        let indexes = self.indexes(page.place.log).await?;
        let swaps = page.courses.iter().filter_map(|course| match &course.filed.asked {
            Asked::Swap(fact) => Some(swap_record(&page, course, fact, indexes.of(course.filed.pos))),
            Asked::Leave(_) | Asked::Correction(_) | Asked::ManualRoll(_) => None,
        });
        Ok(ListSwapsResponse {
            swaps: swaps.collect(),
            next_page_token: page.next_page_token.clone(),
            disclosure_index: page.disclosure_index,
        })
    }

    async fn list(&self, caller: &Caller, about: About, query: &Query<'_>) -> Result<Page, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, query.centre);
        let person = match query.person_id {
            "" => None,
            id => check.take("person_id", PersonId::parse(id)),
        };
        let from = wire::opt_instant(&mut check, "from", query.from);
        let until = wire::opt_instant(&mut check, "until", query.until);
        let size = wire::page_size(&mut check, "page_size", query.page_size);
        let after = wire::parse_token(&mut check, "page_token", query.page_token);
        let reveal = Revealed::parse(&mut check, query.reveal);
        check.done()?;
        let centre = centre.ok_or(Failure::Fault("PARSE"))?;
        let place = self.desk().enter_to_read(caller, &centre).await?;
        let wanted = Wanted {
            about,
            person,
            from: from.unwrap_or(EpochMs::ZERO),
            until: until.unwrap_or(EpochMs::MAX),
            size,
            after: after.map_or(Pos::ZERO, |(pos, _)| pos),
        };
        let standpoint = self.standpoint(&place).await?;
        let places = self.places(&place, caller, standpoint.now).await?;
        let here = standpoint.here(&place);
        let by = (caller.subject(), &places);
        let visible = |course: &Course| is_visible(&here, &standpoint.policy, course, by);
        let (courses, next_page_token) = self.visible_courses(&place, &wanted, visible).await?;
        let (said, disclosure_index) = match &reveal {
            Some(reveal) => {
                let scope = match &wanted.person {
                    Some(person) => format!("approvals/{person}"),
                    None => format!("approvals/{}", courses.len()),
                };
                let disclosure = self.desk().disclose(caller, &place, &scope, reveal).await?;
                let positions: Vec<Pos> = courses.iter().map(|course| course.filed.pos).collect();
                let said = rows::reveal(self.desk().store(), &disclosure, place.log, &positions).await?;
                (Some(said), Some(disclosure.index()))
            }
            None => (None, None),
        };
        let policy = standpoint.policy.clone();
        Ok(Page { place, policy, courses, next_page_token, said, disclosure_index })
    }

    async fn visible_courses(
        &self,
        place: &Place,
        wanted: &Wanted,
        visible: impl Fn(&Course) -> bool,
    ) -> Result<(Vec<Course>, String), Failure> {
        let mut found = Vec::new();
        let mut from = wanted.after;
        for _ in 0..ROUNDS_MOST {
            let positions = self.candidates(place, wanted, from).await?;
            let whole = positions.len() < LOOK;
            let next = positions.last().map(|last| last.next());
            for course in self.courses(place, &positions).await? {
                if found.len() == wanted.size {
                    return Ok((found, wire::token(course.filed.pos, "")));
                }
                let of_kind = course.filed.asked.about() == wanted.about;
                if of_kind && wanted.is_of_the_time(&course) && visible(&course) {
                    found.push(course);
                }
            }
            match next.filter(|_| !whole) {
                Some(next) => from = next,
                None => return Ok((found, String::new())),
            }
        }
        Ok((found, wire::token(from, "")))
    }

    async fn candidates(&self, place: &Place, wanted: &Wanted, from: Pos) -> Result<BTreeSet<Pos>, Failure> {
        let mut tx = self.desk().store().snapshot().await?;
        let found = match &wanted.person {
            Some(person) => {
                let time = (wanted.from, wanted.until);
                let people = BTreeSet::from([person.as_str()]);
                rows::requests_of(&mut tx, place.log, &people, time, Pos::MAX).await
            }
            None => {
                let page = rows::listed(&mut tx, place.log, wanted.about, from, LOOK).await;
                page.map(|page| page.into_iter().collect())
            }
        };
        tx.rollback().await?;
        Ok(found?.into_iter().filter(|pos| *pos >= from).take(LOOK).collect())
    }
}

fn stamp(at_ms: i64) -> Option<prost_types::Timestamp> {
    Some(wire::timestamp(EpochMs::clamped(at_ms)))
}

fn leave_record(page: &Page, course: &Course, fact: &LeaveFact, entry_index: u64) -> LeaveRecord {
    let standing = course.standing(Pos::MAX);
    let said = page.said.as_ref().and_then(|said| said.get(&course.filed.pos)).cloned().unwrap_or_default();
    let external = (!fact.external_system.is_empty()).then(|| ExternalApproval {
        system: fact.external_system.clone(),
        r#ref: said.external_ref,
        approvers: said.external_approvers,
        decided_at: stamp(fact.external_decided_ms),
    });
    LeaveRecord {
        leave: Some(Leave {
            person_id: fact.person_id.clone(),
            kind: fact.kind,
            from: stamp(fact.from_ms),
            until: stamp(fact.until_ms),
            reason: said.reason,
            destination: said.destination,
            contact: said.contact,
            b_post_person_id: fact.b_post_person_id.clone(),
            attachment_digests: fact.attachment_digests.clone(),
        }),
        entry_index,
        recorded_at: Some(wire::timestamp(course.filed.recorded)),
        requested_by: course.filed.principal.clone(),
        state: standing.state.into(),
        steps: steps(course, &page.policy),
        external_approval: external,
        returned_at: standing.returned.map(wire::timestamp),
        overstayed: standing.returned.is_some_and(|returned| returned.get() > fact.until_ms),
        filed_late: fact.filed_late,
        redacted: page.said.is_none(),
    }
}

fn correction_record(
    page: &Page,
    course: &Course,
    fact: &CorrectionFact,
    entry_index: u64,
) -> CorrectionRecord {
    let said = page.said.as_ref().and_then(|said| said.get(&course.filed.pos)).cloned().unwrap_or_default();
    let corrections = fact.items.iter().map(|item| Correction {
        person_id: item.person_id.clone(),
        work_date: item.work_date,
        span: item.span,
        slot: item.slot,
        claimed_at: stamp(item.claimed_ms),
        reason: item.reason,
    });
    CorrectionRecord {
        corrections: corrections.collect(),
        outage: None,
        explanation: said.reason,
        evidence_digest: fact.evidence_digest.clone(),
        entry_index,
        recorded_at: Some(wire::timestamp(course.filed.recorded)),
        requested_by: course.filed.principal.clone(),
        state: course.standing(Pos::MAX).state.into(),
        steps: steps(course, &page.policy),
        redacted: page.said.is_none(),
    }
}

fn swap_record(page: &Page, course: &Course, fact: &SwapFact, entry_index: u64) -> SwapRecord {
    let said = page.said.as_ref().and_then(|said| said.get(&course.filed.pos)).cloned().unwrap_or_default();
    let entries = fact.items.iter().map(|item| {
        let works = if item.shift.is_empty() { Works::Rest(true) } else { Works::Shift(item.shift.clone()) };
        RosterEntry { person_id: item.person_id.clone(), date: item.date, works: Some(works) }
    });
    SwapRecord {
        person_id: fact.person_id.clone(),
        date: fact.date,
        with_person_id: fact.with_person_id.clone(),
        with_date: fact.with_date,
        entries: entries.collect(),
        reason: said.reason,
        entry_index,
        recorded_at: Some(wire::timestamp(course.filed.recorded)),
        state: course.standing(Pos::MAX).state.into(),
        steps: steps(course, &page.policy),
        redacted: page.said.is_none(),
    }
}
