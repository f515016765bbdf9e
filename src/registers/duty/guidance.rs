//! Where citizens are sent while a window pauses (duty notes 3.4): deterministic, and never to a window that is not open at
//! that moment. Pure.

use std::borrow::Cow;

use super::course::Course;
use super::hall::Hall;
use crate::kernel::{EpochMs, Pos};
use crate::policy::Policy;
use crate::proto::guidance::Kind;
use crate::proto::pause::EndMode;
use crate::proto::{Guidance, Window};
use crate::registers::directory::Directory;
use crate::registers::directory::windows::serves;

/// Windows that are named to citizens.
pub const WINDOWS_MOST: usize = 3;
/// A window that is about to pause itself is no help: 5 × 60,000.
const SOON_MS: i64 = 300_000;

/// The hall at an instant.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The hall.
    pub hall: &'a Hall,
    /// The centre's directory.
    pub own: &'a Directory,
    /// The numbers in force.
    pub policy: &'a Policy,
    /// When.
    pub at: EpochMs,
}

impl<'a> Scene<'a> {
    /// A window of the hall.
    pub fn course(&self, window: &str) -> Cow<'a, Course> {
        self.hall.course(window, self.at)
    }

    /// Windows of the hall that are not retired, with what they are doing.
    fn looked_at<'w>(
        &self,
        windows: impl IntoIterator<Item = &'w str>,
    ) -> impl Iterator<Item = (&'a Window, Cow<'a, Course>)> {
        let (hall, own, at) = (self.hall, self.own, self.at);
        let windows = windows.into_iter().filter_map(move |code| own.window(code));
        windows.filter(|window| !window.retired).map(move |window| (window, hall.course(&window.window, at)))
    }

    /// The windows that somebody may hold, or have paused at.
    pub fn windows_of(&self, person_id: &str) -> impl Iterator<Item = (&'a Window, Cow<'a, Course>)> {
        self.looked_at(self.hall.windows_of(person_id))
    }

    /// Is a window serving citizens?
    pub fn is_serving(&self, window: &str) -> bool {
        self.course(window).is_serving(self.policy, self.at)
    }

    /// Does a window serve everything that another one does?
    pub fn serves(&self, window: &str, of: &Window) -> bool {
        self.own.window(window).is_some_and(|window| !window.retired && serves(window, &of.items))
    }

    /// The other window that somebody holds.
    pub fn holds(&self, person_id: &str, but: &str) -> Option<&'a Window> {
        let holds = |course: &Course| course.hold.as_ref().is_some_and(|hold| hold.person_id == person_id);
        let windows = self.windows_of(person_id);
        let mut others = windows.filter(|(window, course)| window.window != but && holds(course));
        others.next().map(|(window, _)| window)
    }

    /// Pauses of somebody on this local day: when each began, and ended, or until now.
    pub fn pauses_today(&self, person_id: &str) -> Vec<(EpochMs, EpochMs)> {
        let zone = self.hall.zone();
        let today = zone.day_of(self.at);
        let today = zone.start_of(today)..zone.start_of(today.plus_days(1));
        let mut began = Vec::new();
        for (_, course) in self.windows_of(person_id) {
            let own = course.pauses().filter(|pause| pause.person_id == person_id && pause.is_a_persons());
            let real = own.filter(|pause| pause.ended.is_none_or(|(_, mode)| mode != EndMode::NotStarted));
            let of_today = real.filter(|pause| pause.begins <= self.at && today.contains(&pause.begins));
            began.extend(
                of_today.map(|pause| (pause.begins, pause.ended.map_or(self.at, |(ended, _)| ended))),
            );
        }
        began
    }

    /// The windows that could serve the citizens of another one now, best first: in the same zone, with the shortest
    /// queue where queues are told, with the lowest number.
    pub fn ranked(&self, of: &Window) -> Vec<&'a Window> {
        let own = self.course(&of.window);
        let holder = own.hold.as_ref().map(|hold| hold.person_id.as_str());
        let others = self.own.windows_serving(&of.items).filter(|other| other.window != of.window);
        let helps = others.filter(|other| {
            let course = self.course(&other.window);
            let by_another = course.hold.as_ref().map(|hold| hold.person_id.as_str()) != holder;
            let soon = course.pause.as_ref().is_some_and(|pause| pause.begins.since(self.at) <= SOON_MS);
            course.is_serving(self.policy, self.at) && by_another && !soon
        });
        let is_near = |other: &&Window| other.zone == of.zone;
        if !self.hall.tells_queues(self.at) {
            // In their order already: as soon as enough are near, the others need no look.
            let (mut near, mut far) = (Vec::new(), Vec::new());
            for other in helps {
                if is_near(&other) { &mut near } else { &mut far }.push(other);
                if near.len() == WINDOWS_MOST {
                    break;
                }
            }
            return near.into_iter().chain(far).take(WINDOWS_MOST).collect();
        }
        let mut found: Vec<(&Window, Option<u32>)> =
            helps.map(|other| (other, self.hall.waiting(&other.window, self.at))).collect();
        // A queue that nobody tells is no short one: then queues are left out.
        let told = found.iter().all(|(_, waiting)| waiting.is_some());
        found.sort_by_key(|(other, waiting)| (!is_near(other), waiting.filter(|_| told).unwrap_or_default()));
        found.into_iter().map(|(other, _)| other).take(WINDOWS_MOST).collect()
    }

    /// Would fewer windows be open for one of its items than there should be, if this one paused? Windows of no item leave
    /// nobody without one.
    pub fn is_last(&self, of: &Window) -> bool {
        let wanted = usize::from(self.policy.windows_per_item);
        of.items.iter().any(|item| {
            let serving = self.own.windows_serving(std::slice::from_ref(item));
            let others = serving.filter(|other| other.window != of.window);
            let open = others.filter(|other| self.is_serving(&other.window));
            open.take(wanted).count() < wanted
        })
    }

    /// What citizens are told when nobody says anything else: other windows, if there are any, and when it is back.
    pub fn found(&self, of: &Window, returns: bool) -> Vec<Guidance> {
        let windows: Vec<String> = self.ranked(of).into_iter().map(|other| other.window.clone()).collect();
        let redirect = Guidance { kind: Kind::Redirect.into(), windows, ..Guidance::default() };
        let back = Guidance { kind: Kind::ReturnTime.into(), ..Guidance::default() };
        let redirect = Some(redirect).filter(|redirect| !redirect.windows.is_empty());
        redirect.into_iter().chain(returns.then_some(back)).collect()
    }

    /// The pauses whose citizens are sent to a window, each with where they are sent instead once that one is not open.
    pub fn sent_to(&self, window: &str) -> Vec<(Pos, String, Vec<Guidance>)> {
        let mut changed = Vec::new();
        let sends = |course: &Course| {
            let told = course.pause.iter().flat_map(|pause| &pause.guidance);
            told.flat_map(|told| &told.windows).any(|to| to == window)
        };
        let sending = self.looked_at(self.hall.windows_where(self.at, sends));
        for (other, course) in sending.filter(|(other, _)| other.window != window) {
            let Some(pause) = course.pause.as_ref().filter(|_| sends(&course)) else { continue };
            let instead: Vec<String> = self
                .ranked(other)
                .into_iter()
                .filter(|to| to.window != window)
                .map(|to| to.window.clone())
                .collect();
            let kept = pause.guidance.iter().filter(|told| told.kind() != Kind::Redirect).cloned();
            let redirect = Guidance { kind: Kind::Redirect.into(), windows: instead, ..Guidance::default() };
            let redirect = Some(redirect).filter(|redirect| !redirect.windows.is_empty());
            let mut told: Vec<Guidance> = redirect.into_iter().chain(kept).collect();
            if told.is_empty() && pause.due().is_some() {
                told.push(Guidance { kind: Kind::ReturnTime.into(), ..Guidance::default() });
            }
            changed.push((pause.pos, other.window.clone(), told));
        }
        changed
    }
}
