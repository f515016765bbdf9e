//! Pauses begin, are extended and end.

use super::{Asked, Done, Judge, Objection, hard, soft};
use crate::kernel::{EpochMs, Pos};
use crate::proto::duty_fact::{Ended, Extended, Paused, What};
use crate::proto::guidance::Kind;
use crate::proto::pause::{EndMode, Subject};
use crate::proto::{DutyFlag, Guidance, Role};
use crate::registers::duty::fact::Start;
use crate::registers::duty::guidance::WINDOWS_MOST;
use crate::registers::duty::pause::MINUTE_MS;
use crate::registers::duty::refusal::Refusal;

/// A return is promised for within a day. 24 × 3,600,000.
const PROMISE_MOST_MS: i64 = 86_400_000;
/// What has to be approved and is not decided counts as begun after a minute.
const ALLOWED_MS: i64 = 60_000;
/// Half a day, from noon.
const HALF_DAY_MINUTES: i32 = 720;

/// Whole minutes from an instant to another, begun ones counted.
fn minutes(from: EpochMs, until: EpochMs) -> i64 {
    until.since(from).max(0).div_euclid(MINUTE_MS) + i64::from(until.since(from).rem_euclid(MINUTE_MS) > 0)
}

impl Judge<'_> {
    pub(super) fn start(&self, asked: &Asked<'_>, start: &Start) -> Result<Done, Refusal> {
        let is_a_persons = start.subject == Subject::Person;
        let mut objections = Vec::new();
        if asked.course.pause.is_some() {
            objections.push(hard(Refusal::AlreadyPaused));
        }
        let in_time =
            |expected: &EpochMs| *expected > asked.at && expected.since(asked.at) <= PROMISE_MOST_MS;
        let expected = start.expected.filter(in_time);
        if expected.is_none() && (is_a_persons || start.expected.is_some()) {
            let odd = Objection { flag: DutyFlag::ReturnTimeOdd, ..hard(Refusal::ReturnTimeOutOfRange) };
            objections.push(odd);
        }
        if is_a_persons {
            objections.extend(self.against_leaving(asked, start, expected));
        } else if !self.tends(asked) {
            objections.push(hard(Refusal::NotYours));
        }
        let guidance = self.guidance(asked, start, expected);
        let guidance = match guidance {
            Err(objection) => {
                objections.push(objection);
                asked.scene.found(asked.window, expected.is_some())
            }
            Ok(guidance) => guidance,
        };
        let (decided_by, allowed) = self.approval(asked, start, expected, &mut objections);
        let anyway = start.leave_anyway.then_some(DutyFlag::LeftAnyway);
        let mut flags = asked.settle(objections, anyway)?;
        let person_id = if is_a_persons { asked.actor.person_id.clone() } else { String::new() };
        if is_a_persons && !person_id.is_empty() && !self.scene.hall.is_in(&person_id, asked.at) {
            flags.push(DutyFlag::NotClockedIn);
        }
        flags.extend(guidance.is_empty().then_some(DutyFlag::NoGuidance));
        let said = Paused {
            subject: start.subject.into(),
            reason: start.reason.into(),
            // As it was promised, however odd.
            expected_return_ms: start.expected.map_or(0, EpochMs::get),
            sign_displayed: start.sign_displayed,
            sign_mode: start.sign_mode.into(),
            guidance,
            leave_anyway: start.leave_anyway,
            allowed_ms: allowed.map_or(0, EpochMs::get),
            decided_by: decided_by.unwrap_or_default().into(),
        };
        // While it still waits, citizens are served there; the board looks for itself when it begins.
        let begins = asked.is_live() && allowed.is_none();
        let also = if begins { self.redirected(&asked.window.window) } else { Vec::new() };
        Ok(Done { what: What::Paused(said), person_id, flags, pause: None, also })
    }

    /// What the rules say against somebody leaving.
    fn against_leaving(&self, asked: &Asked<'_>, start: &Start, expected: Option<EpochMs>) -> Vec<Objection> {
        let mut objections = Vec::new();
        match &asked.course.hold {
            None => objections.push(soft(Refusal::NotOpen, DutyFlag::OutOfTurn)),
            Some(hold) if hold.person_id != asked.actor.person_id => {
                objections.push(soft(Refusal::NotYours, DutyFlag::OutOfTurn));
            }
            Some(_) => {}
        }
        if !start.sign_displayed {
            objections.push(soft(Refusal::SignNotDisplayed, DutyFlag::NoSign));
        }
        if let Some(expected) = expected
            && self.is_too_much(asked, expected)
        {
            objections.push(soft(Refusal::TooManyPauses, DutyFlag::TooManyPauses));
        }
        // When no other window serves an item, somebody stands in, or a duty manager says that it may be.
        let stands_in = start.guidance.iter().any(|told| told.kind() == Kind::BPost);
        if asked.scene.is_last(asked.window) && !stands_in && !self.is_a_managers(asked) {
            objections.push(soft(Refusal::LastWindow, DutyFlag::LastWindow));
        }
        objections
    }

    /// Does a duty manager act in somebody's place?
    fn is_a_managers(&self, asked: &Asked<'_>) -> bool {
        let actor = asked.actor;
        actor.own != actor.person_id && self.manages(&actor.own, &actor.person_id)
    }

    /// More pauses in this half of the day, or longer in the whole of it, than the policy has?
    fn is_too_much(&self, asked: &Asked<'_>, expected: EpochMs) -> bool {
        let pauses = asked.scene.pauses_today(&asked.actor.person_id);
        let (zone, policy) = (self.known.zone, self.known.policy);
        let noon = zone.at_minutes(zone.day_of(asked.at), HALF_DAY_MINUTES);
        let half = pauses.iter().filter(|(began, _)| (*began < noon) == (asked.at < noon)).count();
        let spent: i64 = pauses.iter().map(|(began, ended)| minutes(*began, *ended)).sum();
        half >= usize::from(policy.pause_times_half_day)
            || spent + minutes(asked.at, expected) > i64::from(policy.pause_day_minutes)
    }

    /// What citizens are told: as asked for, with every window that is named open now; else what there is.
    fn guidance(
        &self,
        asked: &Asked<'_>,
        start: &Start,
        expected: Option<EpochMs>,
    ) -> Result<Vec<Guidance>, Objection> {
        if start.guidance.is_empty() || !asked.is_live() {
            // A terminal that is offline knows of no other window.
            let back = Guidance { kind: Kind::ReturnTime.into(), ..Guidance::default() };
            let alone = expected.map(|_| back).into_iter().collect();
            return Ok(if asked.is_live() {
                asked.scene.found(asked.window, expected.is_some())
            } else {
                alone
            });
        }
        let ranked = self.scene.ranked(asked.window);
        let mut guidance = Vec::new();
        for told in &start.guidance {
            match told.kind() {
                Kind::Redirect if told.windows.is_empty() => {
                    if ranked.is_empty() {
                        return Err(soft(Refusal::GuidanceNotOpen, DutyFlag::NoGuidance));
                    }
                    let windows = ranked.iter().map(|window| window.window.clone()).collect();
                    guidance.push(Guidance { windows, ..told.clone() });
                }
                Kind::Redirect => {
                    let serves = |to: &String| {
                        to != &asked.window.window
                            && self.scene.is_serving(to)
                            && self.scene.serves(to, asked.window)
                    };
                    if told.windows.len() > WINDOWS_MOST || !told.windows.iter().all(serves) {
                        return Err(soft(Refusal::GuidanceNotOpen, DutyFlag::NoGuidance));
                    }
                    guidance.push(told.clone());
                }
                Kind::BPost => {
                    if !self.is_free(asked, &told.person_id) {
                        return Err(soft(Refusal::BPostNotFree, DutyFlag::NoGuidance));
                    }
                    guidance.push(told.clone());
                }
                Kind::ReturnTime | Kind::Unspecified => guidance.push(told.clone()),
            }
        }
        Ok(guidance)
    }

    /// Is somebody who is to stand in there, and not away themselves?
    fn is_free(&self, asked: &Asked<'_>, person_id: &str) -> bool {
        let away = self
            .scene
            .windows_of(person_id)
            .any(|(_, course)| course.paused(asked.at).is_some_and(|pause| pause.person_id == person_id));
        person_id != asked.actor.person_id
            && self.here.works_here(person_id, self.here.today)
            && self.scene.hall.is_in(person_id, asked.at)
            && !away
    }

    /// Who has to approve it, and from when on it counts as begun undecided. What a lead or duty manager does in
    /// somebody's place is approved as far as they may approve it.
    fn approval(
        &self,
        asked: &Asked<'_>,
        start: &Start,
        expected: Option<EpochMs>,
        objections: &mut Vec<Objection>,
    ) -> (Option<Role>, Option<EpochMs>) {
        let Some(expected) = expected.filter(|_| start.subject == Subject::Person) else {
            return (None, None);
        };
        let policy = self.known.policy;
        let long = minutes(asked.at, expected);
        let up_to = |most: u16| long <= i64::from(most);
        if up_to(policy.pause_self_minutes) {
            return (None, None);
        }
        if !asked.is_live() {
            objections.push(soft(Refusal::PauseTooLong, DutyFlag::NoApproval));
            return (None, None);
        }
        let actor = asked.actor;
        let in_place = actor.own != actor.person_id;
        let role = if up_to(policy.pause_lead_minutes) {
            Role::Lead
        } else if up_to(policy.pause_duty_manager_minutes) {
            Role::DutyManager
        } else {
            objections.push(soft(Refusal::PauseTooLong, DutyFlag::NoApproval));
            return (None, None);
        };
        let approved = in_place && (role == Role::Lead || self.manages(&actor.own, &actor.person_id));
        if approved {
            (None, None)
        } else if start.leave_anyway {
            objections.push(soft(Refusal::PauseTooLong, DutyFlag::NoApproval));
            (Some(role), None)
        } else {
            (Some(role), Some(asked.at.plus_ms(ALLOWED_MS)))
        }
    }

    pub(super) fn extend(
        &self,
        asked: &Asked<'_>,
        named: Option<Pos>,
        expected: EpochMs,
    ) -> Result<Done, Refusal> {
        let mut objections = Vec::new();
        let pause = asked.open_pause(named);
        if let Some(pause) = pause {
            objections.extend(self.against_extending(asked, pause, expected));
        } else {
            objections.push(hard(Refusal::NoOpenPause));
        }
        let person_id = pause.map_or_else(String::new, |pause| pause.person_id.clone());
        let pause = pause.map(|pause| pause.pos);
        let flags = asked.settle(objections, None)?;
        let what = What::Extended(Extended { expected_return_ms: expected.get() });
        Ok(Done { what, person_id, flags, pause, also: Vec::new() })
    }

    fn against_extending(
        &self,
        asked: &Asked<'_>,
        pause: &crate::registers::duty::pause::PauseCourse,
        expected: EpochMs,
    ) -> Vec<Objection> {
        let mut objections = Vec::new();
        let theirs =
            if pause.is_a_persons() { self.is_theirs(asked, &pause.person_id) } else { self.tends(asked) };
        if !theirs {
            objections.push(hard(Refusal::NotYours));
        }
        if expected <= asked.at || expected.since(asked.at) > PROMISE_MOST_MS {
            let odd = Objection { flag: DutyFlag::ReturnTimeOdd, ..hard(Refusal::ReturnTimeOutOfRange) };
            objections.push(odd);
        } else if pause.due().is_some_and(|due| expected <= due) {
            objections.push(hard(Refusal::NotLater));
        }
        if !pause.is_a_persons() {
            return objections;
        }
        let policy = self.known.policy;
        if pause.extensions.len() >= usize::from(policy.pause_extensions) {
            objections.push(Objection { flag: DutyFlag::TooManyPauses, ..hard(Refusal::TooManyExtensions) });
        }
        let long = minutes(pause.begins, expected);
        let up_to = |most: u16| long <= i64::from(most);
        let actor = asked.actor;
        let may = if up_to(policy.pause_self_minutes) {
            true
        } else if up_to(policy.pause_lead_minutes) {
            actor.own != pause.person_id && self.stands_over(&actor.own, &pause.person_id)
        } else {
            actor.own != pause.person_id && self.manages(&actor.own, &pause.person_id)
        };
        if !may {
            objections.push(Objection { flag: DutyFlag::NoApproval, ..hard(Refusal::NotYoursToExtend) });
        }
        if !up_to(policy.pause_duty_manager_minutes) {
            objections.push(Objection { flag: DutyFlag::NoApproval, ..hard(Refusal::PauseTooLong) });
        }
        objections
    }

    pub(super) fn end(&self, asked: &Asked<'_>, named: Option<Pos>, mode: EndMode) -> Result<Done, Refusal> {
        let mut objections = Vec::new();
        let pause = asked.open_pause(named);
        match pause {
            None => objections.push(hard(Refusal::NoOpenPause)),
            Some(pause) if pause.is_a_persons() => {
                let in_place = self.stands_over(&asked.actor.own, &pause.person_id);
                let theirs = asked.actor.person_id == pause.person_id && mode != EndMode::ForcedClose;
                if !theirs && !in_place {
                    objections.push(hard(Refusal::NotYours));
                }
            }
            Some(_) if !self.tends(asked) => objections.push(hard(Refusal::NotYours)),
            Some(_) => {}
        }
        let flags = asked.settle(objections, None)?;
        Ok(Done {
            what: What::Ended(Ended { mode: mode.into() }),
            person_id: pause.map_or_else(|| asked.actor.person_id.clone(), |pause| pause.person_id.clone()),
            flags,
            pause: pause.map(|pause| pause.pos),
            also: Vec::new(),
        })
    }
}
