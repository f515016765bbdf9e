//! The rule of the approvals: nobody decides about their own, each step is signed by whom it is given to, and nothing is
//! approved that the policy does not allow to ask for. Pure.

use std::sync::Arc;

use super::chain;
use super::decide;
use super::fact::{About, Asked, Command, personal};
use super::refusal::Refusal;
use super::standing::Course;
use super::state::State;
use crate::kernel::{EpochDay, EpochMs, LogId, Pos, Reason, Subject, Zone};
use crate::policy::Policy;
use crate::proto::fact::Fact as Of;
use crate::proto::{
    ApprovalPersonal, ApprovalState, ApprovalStepFact, ApprovalWithdrawalFact, CorrectionFact,
    DelegationFact, Fact, LeaveFact, LeaveReturnFact, ManualRollFact, Role, SwapFact,
};
use crate::registers::directory::admit::Seen;
use crate::registers::directory::reach::Here;
use crate::registers::directory::view::day;
use crate::registers::verdict::{Accepted, Moment, Verdict};

/// Who may ask, record and report for others.
const FOR_OTHERS: [Role; 3] = chain::RUNGS;
/// The first noon after a work date, in minutes: a night may reach so far.
const NEXT_NOON_MINUTES: i32 = 2_160;
const MINUTE_MS: i64 = 60_000;

/// What a command is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bench<'a> {
    pub(super) state: &'a State,
    pub(super) here: Here<'a>,
    pub(super) policy: &'a Policy,
    pub(super) zone: &'a Zone,
    pub(super) moment: &'a Moment<'a>,
    /// Who gives the command; `None`: the machine.
    pub(super) subject: Option<&'a Subject>,
}

/// Accept, or a reason to refuse. `policy` is the one in force today.
pub fn admit(
    command: &Command,
    state: &State,
    seen: Seen<'_>,
    (zone, policy): (&Zone, &Policy),
    moment: &Moment<'_>,
) -> Verdict {
    let here =
        Here { seen, log: moment.log, centre: moment.centre, at: moment.at, today: zone.day_of(moment.at) };
    let subject = Subject::parse(moment.principal).ok();
    let bench = Bench { state, here, policy, zone, moment, subject: subject.as_ref() };
    match bench.decide(command) {
        Ok(accepted) => Ok(Accepted { kind: command.kind(), ..accepted }),
        Err(refusal) => Err(Arc::new(refusal) as Arc<dyn Reason>),
    }
}

fn said(fact: Of) -> Accepted {
    Accepted { facts: vec![Fact { fact: Some(fact) }], ..Accepted::default() }
}

impl Bench<'_> {
    fn decide(&self, command: &Command) -> Result<Accepted, Refusal> {
        if self.moment.log == LogId::DEPLOYMENT {
            return Err(Refusal::NotInACentre);
        }
        match command {
            Command::Request { asked, personal: words } => {
                let steps = match asked {
                    Asked::Leave(fact) => self.leave(fact)?,
                    Asked::Correction(fact) => self.correction(fact)?,
                    Asked::ManualRoll(fact) => self.manual_roll(fact)?,
                    Asked::Swap(fact) => self.swap(fact)?,
                };
                Ok(self.requested(asked, steps, words))
            }
            Command::Decide { about: About::Swap, request, approve, reason, .. } => {
                decide::decide_swap(self, *request, *approve, reason.as_ref())
            }
            Command::Accept { swap, approve, reason } => {
                decide::accept(self, *swap, *approve, reason.as_ref())
            }
            Command::Decide { about, request, approve, reason, .. } => {
                decide::decide(self, (*about, *request), *approve, reason.as_ref())
            }
            Command::Withdraw { about, request } => self.withdraw(*about, *request),
            Command::Return { leave, returned } => self.report_return(*leave, *returned),
            Command::Delegate(fact) => self.delegate(fact),
        }
    }

    fn requested(&self, asked: &Asked, steps: Vec<ApprovalStepFact>, words: &ApprovalPersonal) -> Accepted {
        let asked = match asked.clone() {
            Asked::Leave(fact) => {
                let begun = EpochMs::clamped(fact.from_ms);
                let patience_ms = i64::from(self.policy.leave_late_minutes) * MINUTE_MS;
                let filed_late = !steps.is_empty() && self.moment.at.since(begun) > patience_ms;
                Asked::Leave(LeaveFact { filed_late, ..fact })
            }
            other @ (Asked::Correction(_) | Asked::ManualRoll(_) | Asked::Swap(_)) => other,
        };
        let fact = asked.with_steps(steps).into_fact();
        Accepted { facts: vec![fact], personal: personal(words), ..Accepted::default() }
    }

    /// Oneself, or somebody for whom one is responsible.
    fn may_act_for(&self, person_id: &str) -> bool {
        match self.subject {
            Some(Subject::Person(person)) if person.as_str() == person_id => true,
            Some(subject) => self.here.is_responsible(subject, &FOR_OTHERS, person_id),
            // Whoever sits at the machine, and is on record as that.
            None => self.moment.principal.starts_with("local:"),
        }
    }

    /// The local days that a time touches.
    fn days(&self, from: EpochMs, until: EpochMs) -> impl Iterator<Item = EpochDay> + use<> {
        let first = self.zone.day_of(from);
        let last = self.zone.day_of(until.plus_ms(-1)).max(first);
        (0..).map(move |days| first.plus_days(days)).take_while(move |day| *day <= last)
    }

    fn leave(&self, fact: &LeaveFact) -> Result<Vec<ApprovalStepFact>, Refusal> {
        let (from, until) = (EpochMs::clamped(fact.from_ms), EpochMs::clamped(fact.until_ms));
        let person = fact.person_id.as_str();
        if !fact.external_system.is_empty() {
            // What another system approved is told as it stands there.
            return if self.is_own(person) {
                Err(Refusal::OwnRecord)
            } else {
                self.assigned(person, from, until)
            }
            .map(|()| Vec::new());
        }
        if !self.may_act_for(person) {
            return Err(Refusal::NotResponsible);
        }
        self.assigned(person, from, until)?;
        if self.zone.day_of(from) < self.here.today.plus_days(-i32::from(self.policy.leave_days_back)) {
            return Err(Refusal::TooLongAgo);
        }
        if self.is_away(person, (from, until)) {
            return Err(Refusal::LeaveOverlaps);
        }
        let mut steps = Vec::new();
        if fact.b_post_person_id.is_empty() {
            let long = until.since(from) >= i64::from(self.policy.leave_handover_minutes) * MINUTE_MS;
            if long || self.days(from, until).any(|day| self.here.is_alone(person, day)) {
                return Err(Refusal::BPostMissing);
            }
        } else {
            let b_post = fact.b_post_person_id.as_str();
            let here = self.days(from, until).all(|day| self.here.works_here(b_post, day));
            if b_post == person || !here || self.is_away(b_post, (from, until)) {
                return Err(Refusal::BPostNotFree);
            }
            steps.push(chain::b_post(b_post));
        }
        let days = u16::try_from(self.days(from, until).count()).unwrap_or(u16::MAX);
        let rungs = chain::rungs_of_leave(self.policy, days);
        steps.extend(chain::climb(rungs, &self.here.own_roles(person)));
        let of = self.here.seen.deployment.person(person).map(|known| known.department.as_str());
        let from_days = self.policy.leave_department_days;
        if let Some(department) = of.filter(|of| !of.is_empty() && from_days > 0 && days >= from_days) {
            steps.push(chain::department(department));
        }
        Ok(steps)
    }

    fn is_own(&self, person_id: &str) -> bool {
        matches!(self.subject, Some(Subject::Person(own)) if own.as_str() == person_id)
    }

    /// Somebody who is in the directory, and assigned here on one of the days at least.
    fn assigned(&self, person_id: &str, from: EpochMs, until: EpochMs) -> Result<(), Refusal> {
        let any = self.days(from, until).any(|day| self.here.works_here(person_id, day));
        if any { Ok(()) } else { Err(Refusal::NotAssignedHere) }
    }

    /// Is leave of a person asked for or approved for some of a time?
    fn is_away(&self, person_id: &str, (from, until): (EpochMs, EpochMs)) -> bool {
        self.state.courses_of(self.moment.log, person_id).any(|course| {
            let Asked::Leave(fact) = &course.filed.asked else { return false };
            let standing = course.standing(self.moment.pos);
            let last = standing.returned.map_or(fact.until_ms, |returned| returned.get().min(fact.until_ms));
            standing.may_count() && fact.from_ms < until.get() && from.get() < last
        })
    }

    fn correction(&self, fact: &CorrectionFact) -> Result<Vec<ApprovalStepFact>, Refusal> {
        if let Some(outage) = fact.outage
            && !self.state.is_outage(self.moment.log, Pos::new(outage))
        {
            return Err(Refusal::UnknownOutage);
        }
        let oldest = self.here.today.plus_days(-i32::from(self.policy.correction_days_back));
        for item in &fact.items {
            if !self.may_act_for(&item.person_id) {
                return Err(Refusal::NotResponsible);
            }
            let on = day(item.work_date.as_ref());
            if !self.here.works_here(&item.person_id, on) {
                return Err(Refusal::NotAssignedHere);
            }
            if on < oldest {
                return Err(Refusal::TooLongAgo);
            }
            let claimed = EpochMs::clamped(item.claimed_ms);
            let within = self.zone.start_of(on) <= claimed
                && claimed <= self.zone.at_minutes(on, NEXT_NOON_MINUTES)
                && claimed <= self.moment.at;
            if !within {
                return Err(Refusal::ClaimOutOfRange);
            }
            let quota = usize::from(self.policy.correction_quota_month);
            if fact.outage.is_none() && self.corrections_in_month(&item.person_id, on) >= quota {
                return Err(Refusal::QuotaUsed);
            }
        }
        let own: Vec<Role> =
            fact.items.iter().flat_map(|item| self.here.own_roles(&item.person_id)).collect();
        Ok(chain::climb(usize::from(self.policy.correction_signatures), &own))
    }

    /// How many corrections of the month of a day stand or are asked for, those of outages not counted.
    fn corrections_in_month(&self, person_id: &str, on: EpochDay) -> usize {
        let month = |day: EpochDay| {
            let (year, month, _) = day.ymd();
            (year, month)
        };
        self.state
            .courses_of(self.moment.log, person_id)
            .filter(|course| course.standing(self.moment.pos).may_count())
            .filter_map(|course| match &course.filed.asked {
                Asked::Correction(fact) if fact.outage.is_none() => Some(&fact.items),
                Asked::Correction(_) | Asked::Leave(_) | Asked::ManualRoll(_) | Asked::Swap(_) => None,
            })
            .flatten()
            .filter(|item| item.person_id == person_id && month(day(item.work_date.as_ref())) == month(on))
            .count()
    }

    /// Taken down by whoever is responsible, and to be signed by somebody a rung higher.
    fn manual_roll(&self, fact: &ManualRollFact) -> Result<Vec<ApprovalStepFact>, Refusal> {
        let Some(subject @ Subject::Person(own)) = self.subject else { return Err(Refusal::NotAPerson) };
        for item in &fact.items {
            if item.person_id == own.as_str() {
                return Err(Refusal::OwnRecord);
            }
            if !self.here.is_responsible(subject, &FOR_OTHERS, &item.person_id) {
                return Err(Refusal::NotResponsible);
            }
            let at = EpochMs::clamped(item.at_ms);
            if at > self.moment.at {
                return Err(Refusal::ClaimOutOfRange);
            }
            if !self.here.works_here(&item.person_id, self.zone.day_of(at)) {
                return Err(Refusal::NotAssignedHere);
            }
        }
        Ok(chain::climb(1, &self.here.own_roles(own.as_str())))
    }

    /// Asked for by one of the two; the other one agrees, and somebody decides who is responsible for both.
    fn swap(&self, fact: &SwapFact) -> Result<Vec<ApprovalStepFact>, Refusal> {
        let Some(Subject::Person(own)) = self.subject else { return Err(Refusal::NotAPerson) };
        if own.as_str() != fact.person_id || fact.person_id == fact.with_person_id {
            return Err(Refusal::NotAColleague);
        }
        for on in [&fact.date, &fact.with_date] {
            let on = day(on.as_ref());
            let both = [&fact.person_id, &fact.with_person_id];
            if !both.into_iter().all(|person| self.here.works_here(person, on)) {
                return Err(Refusal::NotAssignedHere);
            }
        }
        let mut steps = vec![chain::colleague(&fact.with_person_id)];
        let mut roles = self.here.own_roles(&fact.person_id);
        roles.extend(self.here.own_roles(&fact.with_person_id));
        steps.extend(chain::climb(1, &roles));
        Ok(steps)
    }

    pub(super) fn course(&self, about: About, request: Pos) -> Result<&Course, Refusal> {
        let course = self.state.course(self.moment.log, request);
        course.filter(|course| course.filed.asked.about() == about).ok_or(Refusal::NoSuchRequest)
    }

    /// Whoever asked, or whom it is about.
    fn is_theirs(&self, course: &Course) -> bool {
        match self.subject {
            Some(subject) => decide::is_own(course, subject),
            None => course.filed.principal == self.moment.principal,
        }
    }

    fn withdraw(&self, about: About, request: Pos) -> Result<Accepted, Refusal> {
        let course = self.course(about, request)?;
        if !self.is_theirs(course) {
            let known = self.subject.is_some_and(|subject| decide::may_know(self, course, subject));
            return Err(if known { Refusal::NotYoursToWithdraw } else { Refusal::NoSuchRequest });
        }
        let standing = course.standing(self.moment.pos);
        let in_force = standing.is_in_force();
        if !standing.may_count() {
            return Err(Refusal::AlreadyDecided);
        }
        if let Asked::Leave(fact) = &course.filed.asked
            && in_force
            && fact.from_ms <= self.moment.at.get()
        {
            return Err(Refusal::HasBegun);
        }
        if in_force && about == About::Swap {
            // Both are rostered for it: another swap or a roster makes it something else.
            return Err(Refusal::AlreadyDecided);
        }
        let subjects = if in_force { course.filed.asked.subjects() } else { Vec::new() };
        let fact = ApprovalWithdrawalFact { request: request.get(), subjects };
        Ok(Accepted { refers_to: Some(request), ..said(Of::ApprovalWithdrawal(fact)) })
    }

    fn report_return(&self, leave: Pos, returned: Option<EpochMs>) -> Result<Accepted, Refusal> {
        let course = self.course(About::Leave, leave)?;
        let Asked::Leave(fact) = &course.filed.asked else { return Err(Refusal::NoSuchRequest) };
        if !self.is_theirs(course) && !self.may_act_for(&fact.person_id) {
            return Err(Refusal::NoSuchRequest);
        }
        if course.standing(self.moment.pos).state != ApprovalState::Approved {
            return Err(Refusal::NotOnLeave);
        }
        let returned = returned.unwrap_or(self.moment.at);
        if returned.get() < fact.from_ms || returned > self.moment.at {
            return Err(Refusal::ReturnOutOfRange);
        }
        let cut_short = returned.get() < fact.until_ms;
        let subjects = if cut_short { course.filed.asked.subjects() } else { Vec::new() };
        let said_fact = LeaveReturnFact { leave: leave.get(), returned_ms: returned.get(), subjects };
        Ok(Accepted { claimed: Some(returned), refers_to: Some(leave), ..said(Of::LeaveReturn(said_fact)) })
    }

    fn delegate(&self, fact: &DelegationFact) -> Result<Accepted, Refusal> {
        if !self.is_own(&fact.person_id) {
            return Err(Refusal::NotAPerson);
        }
        let known = self.here.seen.deployment.person(&fact.to_person_id).is_some_and(|known| !known.retired);
        if fact.person_id == fact.to_person_id || !known {
            return Err(Refusal::NoSuchDelegate);
        }
        Ok(said(Of::Delegation(fact.clone())))
    }
}
