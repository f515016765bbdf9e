//! Pauses as they are listed: each with everything that became of it until an instant, as far as was known before a
//! position, and judged by the policy of its day. For `ListPauses`, and for exports.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::told;
use crate::kernel::{EpochDay, EpochMs, LogId, Pos, Zone};
use crate::policy::Policy;
use crate::proto::Pause;
use crate::registers::attendance::service::Indexes;
use crate::registers::directory::Directory;
use crate::registers::duty::clocked::SHIFT_MS;
use crate::registers::duty::course::Event;
use crate::registers::duty::hall::REACH_MS;
use crate::registers::duty::pause::PauseCourse;
use crate::registers::duty::rows;
use crate::registers::rulebook;
use crate::results::AsOf;
use crate::store::{Store, StoreError};

/// A centre's pauses at a position and an instant.
#[derive(Clone, Copy)]
pub(crate) struct Pauses<'a> {
    /// The database.
    pub(crate) store: &'a Store,
    /// The centre's log.
    pub(crate) log: LogId,
    /// What its directory says of who is assigned.
    pub(crate) own: &'a Directory,
    /// The centre's zone.
    pub(crate) zone: &'a Zone,
    /// Entries before these positions count.
    pub(crate) before: AsOf,
    /// Until when it is told what became of them.
    pub(crate) at: EpochMs,
}

impl Pauses<'_> {
    /// Up to `most` pauses after one (its entry, and its number there), in the order of their entries, that began in a month
    /// or another stretch of time (until before its end); and the last one that was looked at. `None`: there are no more.
    pub(crate) async fn begun(
        &self,
        after: Option<(Pos, u32)>,
        (from, until): (EpochMs, EpochMs),
        most: usize,
    ) -> Result<Option<(Vec<PauseCourse>, (Pos, u32))>, StoreError> {
        let wanted = rows::Wanted {
            after: after.map_or((-1, 0), |(pos, item)| (pos.column(), item)),
            // What awaits a decision begins later than it was asked for, and is over by itself after a shift.
            during: (from.plus_ms(-SHIFT_MS), until),
            window: "",
            person_id: "",
            before: self.before.pos,
        };
        let mut tx = self.store.snapshot().await?;
        let page = rows::pauses(&mut tx, self.log, wanted, most).await;
        tx.rollback().await?;
        let page = page?;
        let Some(last) = page.last().map(|last| (last.pos, last.item)) else { return Ok(None) };
        let mut courses = self.courses(&page).await?;
        courses.retain(|course| from <= course.begins && course.begins < until);
        Ok(Some((courses, last)))
    }

    /// What became of some pauses.
    pub(crate) async fn courses(&self, page: &[Event]) -> Result<Vec<PauseCourse>, StoreError> {
        let times = page.iter().map(|event| event.at);
        let Some((first, last)) = times.clone().min().zip(times.max()) else { return Ok(Vec::new()) };
        let until = last.plus_ms(SHIFT_MS + 1).min(self.at.max(last));
        let during = (first.plus_ms(-REACH_MS), until);
        let windows: BTreeSet<&str> = page.iter().map(|event| event.fact.window.as_str()).collect();
        let mut tx = self.store.snapshot().await?;
        let known = (&windows, self.before.pos);
        let hall = rulebook::hall_of(&mut tx, self.log, self.own, known, during).await;
        tx.rollback().await?;
        let hall = hall?;
        let mut found: HashMap<Pos, Vec<PauseCourse>> = HashMap::new();
        for window in windows {
            let course = hall.course(window, until).into_owned();
            for pause in course.into_pauses() {
                found.entry(pause.pos).or_default().push(pause);
            }
        }
        // One that did not fit when it arrived (a second pause of the same window) has no course: it is told as it was said.
        let mut courses = Vec::with_capacity(page.len());
        for event in page {
            let known = found
                .get(&event.pos)
                .and_then(|pauses| pauses.iter().find(|pause| pause.window == event.fact.window).cloned());
            courses.extend(known.or_else(|| PauseCourse::said(event)));
        }
        Ok(courses)
    }

    /// Pauses as messages, without what was said in words.
    pub(crate) async fn told(
        &self,
        courses: &[&PauseCourse],
        indexes: &Indexes,
    ) -> Result<Vec<Pause>, StoreError> {
        if courses.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.store.snapshot().await?;
        let policies = rulebook::policies_at(&mut tx, self.log, self.before).await;
        tx.rollback().await?;
        let policies = policies?;
        let mut of_day: BTreeMap<EpochDay, Policy> = BTreeMap::new();
        let told = courses.iter().map(|course| {
            let day = self.zone.day_of(course.asked);
            let policy = of_day.entry(day).or_insert_with(|| policies.on(day));
            told::pause(course, policy, indexes, self.at)
        });
        Ok(told.collect())
    }
}
