//! Windows open, close and change hands.

use super::{Asked, Done, Judge, Objection, hard, soft};
use crate::kernel::{PersonId, WindowId};
use crate::proto::duty_fact::{Closed, Covered, HandedOver, Opened, Paused, What};
use crate::proto::pause::{Reason, SignMode, Subject};
use crate::proto::window::Kind as WindowKind;
use crate::proto::{DutyFact, DutyFlag, Window};
use crate::registers::duty::pause::MINUTE_MS;
use crate::registers::duty::refusal::Refusal;

impl Judge<'_> {
    pub(super) fn open(&self, asked: &Asked<'_>) -> Result<Done, Refusal> {
        let mut objections = Vec::new();
        let person = &asked.actor.person_id;
        if let Some(hold) = &asked.course.hold {
            if hold.person_id == *person && asked.course.left.is_none() {
                objections.push(hard(Refusal::AlreadyOpen));
            } else if asked.course.left.is_none() {
                objections.push(hard(Refusal::HeldByAnother));
            }
        }
        if asked.course.pause.as_ref().is_some_and(|pause| pause.is_a_persons()) {
            objections.push(hard(Refusal::WindowPaused));
        }
        objections.extend(self.may_hold(asked, person, None));
        let flags = asked.settle(objections, asked.overridden())?;
        Ok(Done {
            what: What::Opened(Opened {}),
            person_id: person.clone(),
            flags,
            pause: None,
            also: Vec::new(),
        })
    }

    /// What stands against somebody holding a window; `leaves`: the window that they leave for it.
    fn may_hold(&self, asked: &Asked<'_>, person: &str, leaves: Option<&str>) -> Vec<Objection> {
        let mut objections = Vec::new();
        let general = |window: &Window| window.kind() == WindowKind::General;
        if asked.is_live()
            && let Some(other) = asked.scene.holds(person, &asked.window.window)
            && leaves != Some(other.window.as_str())
            && !(general(other) && general(asked.window))
        {
            objections.push(hard(Refusal::HoldsAnotherWindow));
        }
        if !self.scene.hall.is_in(person, asked.at) {
            objections.push(soft(Refusal::NotClockedIn, DutyFlag::NotClockedIn));
        }
        let bound = self.here.seen.own.assignment(person, self.known.zone.day_of(asked.at));
        if bound.is_none_or(|bound| !bound.windows.contains(&asked.window.window)) {
            objections.push(soft(Refusal::NotBound, DutyFlag::NotBound));
        }
        objections
    }

    /// May whoever acts do so at a window that somebody holds or paused?
    pub(super) fn is_theirs(&self, asked: &Asked<'_>, holder: &str) -> bool {
        let actor = asked.actor;
        actor.person_id == holder || self.stands_over(&actor.own, holder)
    }

    pub(super) fn close(&self, asked: &Asked<'_>) -> Result<Done, Refusal> {
        let mut objections = Vec::new();
        let hold = asked.course.hold.as_ref().map(|hold| hold.person_id.as_str());
        let paused = asked.course.pause.as_ref().map(|pause| pause.person_id.as_str());
        match hold.or(paused) {
            None => objections.push(hard(Refusal::NotOpen)),
            Some(holder) if !self.is_theirs(asked, holder) => objections.push(hard(Refusal::NotYours)),
            Some(_) => {}
        }
        let flags = asked.settle(objections, None)?;
        let also = if asked.is_live() { self.redirected(&asked.window.window) } else { Vec::new() };
        let person_id = asked.actor.person_id.clone();
        Ok(Done { what: What::Closed(Closed {}), person_id, flags, pause: None, also })
    }

    pub(super) fn hand_over(&self, asked: &Asked<'_>) -> Result<Done, Refusal> {
        let mut objections = Vec::new();
        let person = &asked.actor.person_id;
        match &asked.course.hold {
            None => objections.push(hard(Refusal::NotOpen)),
            Some(hold) if hold.person_id == *person => objections.push(hard(Refusal::AlreadyOpen)),
            Some(_) => {}
        }
        if asked.course.pause.is_some() {
            objections.push(hard(Refusal::WindowPaused));
        }
        objections.extend(self.may_hold(asked, person, None));
        let flags = asked.settle(objections, asked.overridden())?;
        Ok(Done {
            what: What::HandedOver(HandedOver {}),
            person_id: person.clone(),
            flags,
            pause: None,
            also: Vec::new(),
        })
    }

    pub(super) fn cover(
        &self,
        asked: &Asked<'_>,
        by: Option<&PersonId>,
        from: Option<&WindowId>,
    ) -> Result<Done, Refusal> {
        let person = by.map_or(asked.actor.person_id.as_str(), PersonId::as_str);
        if person != asked.actor.person_id && !self.stands_over(&asked.actor.own, person) {
            return Err(Refusal::NotResponsible);
        }
        if !self.here.works_here(person, self.here.today) {
            return Err(Refusal::UnknownStaff);
        }
        let mut objections = Vec::new();
        let hold = asked.course.hold.as_ref().map(|hold| hold.person_id.as_str());
        let paused = asked.course.pause.as_ref().map(|pause| pause.person_id.as_str());
        match hold.or(paused) {
            None => objections.push(hard(Refusal::NotOpen)),
            Some(holder) if holder == person => objections.push(hard(Refusal::CoversThemselves)),
            Some(_) => {}
        }
        // Nobody's standing in makes equipment work.
        if asked.course.pause.as_ref().is_some_and(|pause| !pause.is_a_persons()) {
            objections.push(hard(Refusal::WindowPaused));
        }
        objections.extend(self.may_hold(asked, person, from.map(WindowId::as_str)));
        let mut also = Vec::new();
        if let Some(from) = from {
            also = self.left(person, from)?;
        }
        let flags = asked.settle(objections, asked.overridden())?;
        Ok(Done { what: What::Covered(Covered {}), person_id: person.to_owned(), flags, pause: None, also })
    }

    /// The window that somebody leaves to stand in at another one pauses, for as long as a lead may approve.
    fn left(&self, person: &str, from: &WindowId) -> Result<Vec<DutyFact>, Refusal> {
        let window = self.here.seen.own.window(from.as_str()).filter(|window| !window.retired);
        let window = window.ok_or(Refusal::NoSuchWindow)?;
        let course = self.scene.course(&window.window);
        if course.pause.is_some() {
            return Err(Refusal::AlreadyPaused);
        }
        if course.hold.as_ref().is_none_or(|hold| hold.person_id != person) {
            return Err(Refusal::NotYours);
        }
        let minutes = i64::from(self.known.policy.pause_lead_minutes);
        let expected = self.moment.at.plus_ms(minutes * MINUTE_MS);
        let said = Paused {
            subject: Subject::Person.into(),
            reason: Reason::OtherReason.into(),
            expected_return_ms: expected.get(),
            // Nobody has said that one was put up.
            sign_displayed: false,
            sign_mode: SignMode::Unspecified.into(),
            guidance: self.scene.found(window, true),
            ..Paused::default()
        };
        let last = self.scene.is_last(window).then_some(DutyFlag::LastWindow);
        let fact = DutyFact {
            window: window.window.clone(),
            person_id: person.to_owned(),
            flags: last.into_iter().chain([DutyFlag::NoSign]).map(Into::into).collect(),
            what: Some(What::Paused(said)),
            ..DutyFact::default()
        };
        Ok(std::iter::once(fact).chain(self.redirected(&window.window)).collect())
    }
}
