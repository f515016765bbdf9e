//! `ListMyTasks`: what the caller may decide now.

use std::collections::BTreeSet;

use super::{Calls, steps};
use crate::access::Caller;
use crate::kernel::{Check, EpochMs, Pos};
use crate::proto::{ListMyTasksRequest, ListMyTasksResponse, Task, task};
use crate::registers::approval::decide::{Mandate, is_barred, mandate};
use crate::registers::approval::fact::About;
use crate::registers::approval::rows;
use crate::registers::approval::standing::Course;
use crate::registers::failure::Failure;
use crate::registers::wire;

/// Requests that are looked at for one page, at most, so many at a time.
const LOOK: usize = 200;
const ROUNDS_MOST: usize = 50;
/// The most people that a task names.
const PEOPLE_MOST: usize = 10;

impl Calls {
    /// `ListMyTasks`.
    pub async fn list_my_tasks(
        &self,
        caller: &Caller,
        request: ListMyTasksRequest,
    ) -> Result<ListMyTasksResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let size = wire::page_size(&mut check, "page_size", request.page_size);
        let after = wire::parse_token(&mut check, "page_token", &request.page_token);
        check.done()?;
        let centre = centre.ok_or(Failure::Fault("PARSE"))?;
        let place = self.desk().enter_to_read(caller, &centre).await?;
        let standpoint = self.standpoint(&place).await?;
        let places = self.places(&place, caller, standpoint.now).await?;
        let indexes = self.indexes(place.log).await?;
        let here = standpoint.here(&place);
        let mut tasks = Vec::new();
        let mut from = after.map_or(Pos::ZERO, |(pos, _)| pos);
        let mut more = false;
        for _ in 0..ROUNDS_MOST {
            let (page, next) = self.awaiting(&place, from).await?;
            more = next.is_some();
            for course in &page {
                if tasks.len() == size {
                    return Ok(ListMyTasksResponse {
                        tasks,
                        next_page_token: wire::token(course.filed.pos, ""),
                    });
                }
                let standing = course.standing(Pos::MAX);
                let signed = standing.signed.iter().any(|one| one.by == caller.subject().to_string());
                let barred = course
                    .next_step(&standing)
                    .is_none_or(|(_, step)| is_barred(course, step, caller.subject()));
                if barred || signed {
                    continue;
                }
                let by = (caller.subject(), &places);
                if let Some(mandate) = mandate(&here, &standpoint.policy, course, by) {
                    let index = indexes.of(course.filed.pos);
                    tasks.push(task(course, index, &steps(course, &standpoint.policy), mandate));
                }
            }
            match next {
                Some(next) => from = next,
                None => break,
            }
        }
        let next_page_token = if more { wire::token(from, "") } else { String::new() };
        Ok(ListMyTasksResponse { tasks, next_page_token })
    }

    /// The next requests that wait for somebody, and where to go on.
    async fn awaiting(
        &self,
        place: &crate::registers::desk::Place,
        from: Pos,
    ) -> Result<(Vec<Course>, Option<Pos>), Failure> {
        let mut tx = self.desk().store().snapshot().await?;
        let found = rows::awaiting(&mut tx, place.log, from, LOOK).await;
        let courses = match &found {
            Ok(found) => {
                let positions: BTreeSet<Pos> = found.iter().copied().collect();
                rows::courses(&mut tx, place.log, &positions, Pos::MAX).await
            }
            Err(_) => Ok(Vec::new()),
        };
        tx.rollback().await?;
        let found = found?;
        let next = found.last().filter(|_| found.len() == LOOK).map(|last| last.next());
        Ok((courses?, next))
    }
}

fn task(course: &Course, index: u64, steps: &[crate::proto::ApprovalStep], mandate: Mandate) -> Task {
    let kind = match course.filed.asked.about() {
        About::Leave => task::Kind::Leave,
        About::Correction => task::Kind::Correction,
        About::ManualRoll => task::Kind::ManualRoll,
        About::Swap => task::Kind::Swap,
    };
    let people: BTreeSet<String> =
        course.filed.asked.subjects().into_iter().map(|subject| subject.person_id).collect();
    let recorded: EpochMs = course.filed.recorded;
    Task {
        kind: kind.into(),
        entry_index: index,
        person_ids: people.into_iter().take(PEOPLE_MOST).collect(),
        recorded_at: Some(wire::timestamp(recorded)),
        requested_by: course.filed.principal.clone(),
        step: steps.iter().find(|step| step.since.is_some()).cloned(),
        on_behalf_of: mandate.on_behalf_of.unwrap_or_default(),
        escalated: mandate.escalated,
    }
}
