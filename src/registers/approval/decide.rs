//! Who may decide what (the domain notes, 7.1): the step that is next, by whom it is given to, in somebody's place, or a
//! rung higher when it has waited too long. Pure.

use std::collections::BTreeSet;

use super::admit::Bench;
use super::chain;
use super::fact::About;
use super::refusal::Refusal;
use super::standing::{Course, Standing};
use crate::kernel::{EpochMs, PersonId, Pos, Subject, Words};
use crate::policy::Policy;
use crate::proto::approval_step::By;
use crate::proto::fact::Fact as Of;
use crate::proto::{ApprovalDecisionFact, ApprovalState, ApprovalStepFact, Fact, Role};
use crate::registers::directory::reach::Here;
use crate::registers::verdict::{Accepted, Personal};

/// Who may know of somebody's requests.
pub const KNOWS: [Role; 5] =
    [Role::Lead, Role::AttendanceOfficer, Role::DutyManager, Role::Hr, Role::Discipline];

/// How somebody may decide a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    /// In whose place; `None`: it is their own.
    pub on_behalf_of: Option<String>,
    /// Only because those whose it was have not decided in time.
    pub escalated: bool,
}

/// Is a request about somebody, or theirs?
pub fn is_own(course: &Course, subject: &Subject) -> bool {
    let about = matches!(subject, Subject::Person(own) if course.filed.asked.is_of(own.as_str()));
    about || course.filed.principal == subject.to_string()
}

/// May somebody not decide the step that is next, since it is about their own? Only the colleague of a swap says whether
/// they agree.
pub fn is_barred(course: &Course, step: &ApprovalStepFact, subject: &Subject) -> bool {
    step.by() != By::Colleague && is_own(course, subject)
}

/// May somebody decide the step that is next, and how? `places`: in whose place they decide. `None`: not theirs.
pub fn mandate(
    here: &Here<'_>,
    policy: &Policy,
    course: &Course,
    (subject, places): (&Subject, &BTreeSet<String>),
) -> Option<Mandate> {
    let standing = course.standing(Pos::MAX);
    let (_, step) = course.next_step(&standing)?;
    let waited_ms = here.at.since(standing.since);
    if is_given(here, policy, course, step, (subject, 0)) {
        return Some(Mandate { on_behalf_of: None, escalated: false });
    }
    let of = |person: &String| Subject::parse(&format!("person:{person}")).ok();
    for (person, of) in places.iter().filter_map(|person| Some((person, of(person)?))) {
        // Whom it is about does not decide by somebody else's hand.
        let own = is_own(course, &of);
        if !own && !is_a_colleagues(step) && is_given(here, policy, course, step, (&of, waited_ms)) {
            return Some(Mandate { on_behalf_of: Some(person.clone()), escalated: false });
        }
    }
    is_given(here, policy, course, step, (subject, waited_ms))
        .then_some(Mandate { on_behalf_of: None, escalated: true })
}

/// What a colleague has to say nobody says for them.
fn is_a_colleagues(step: &ApprovalStepFact) -> bool {
    matches!(step.by(), By::BPost | By::Colleague)
}

/// Is a step given to somebody, when it has waited for so long?
fn is_given(
    here: &Here<'_>,
    policy: &Policy,
    course: &Course,
    step: &ApprovalStepFact,
    (subject, waited_ms): (&Subject, i64),
) -> bool {
    match step.by() {
        By::BPost | By::Colleague => {
            matches!(subject, Subject::Person(own) if own.as_str() == step.person_id)
        }
        By::Department => here.is_department(subject, &step.department),
        By::Role => {
            let roles = chain::deciders(step, waited_ms, policy);
            let people: BTreeSet<String> =
                course.filed.asked.subjects().into_iter().map(|subject| subject.person_id).collect();
            people.iter().all(|person| here.is_responsible(subject, roles, person))
        }
        By::Unspecified => false,
    }
}

/// May somebody know that a request is there?
pub(super) fn may_know(bench: &Bench<'_>, course: &Course, subject: &Subject) -> bool {
    let places = bench.state.stands_in_for(bench.moment.log, subject, bench.moment.at);
    is_visible(&bench.here, bench.policy, course, (subject, &places))
}

/// The same, where the places are known.
pub fn is_visible(
    here: &Here<'_>,
    policy: &Policy,
    course: &Course,
    (subject, places): (&Subject, &BTreeSet<String>),
) -> bool {
    is_own(course, subject)
        || mandate(here, policy, course, (subject, places)).is_some()
        || course.filed.asked.steps().iter().any(|step| {
            step.by() == By::BPost
                && matches!(subject, Subject::Person(own) if own.as_str() == step.person_id)
        })
        || course
            .filed
            .asked
            .subjects()
            .iter()
            .all(|about| here.is_responsible(subject, &KNOWS, &about.person_id))
}

/// The colleague of a swap agrees, or does not.
pub(super) fn accept(
    bench: &Bench<'_>,
    swap: Pos,
    approve: bool,
    reason: Option<&Words>,
) -> Result<Accepted, Refusal> {
    let course = bench.course(About::Swap, swap)?;
    let standing = course.standing(bench.moment.pos);
    let known = bench.subject.is_some_and(|subject| may_know(bench, course, subject));
    match course.next_step(&standing) {
        Some((_, step)) if known && step.by() != By::Colleague => Err(Refusal::AlreadyDecided),
        Some(_) | None => decide(bench, (About::Swap, swap), approve, reason),
    }
}

/// Somebody who is responsible decides about what two people have agreed on.
pub(super) fn decide_swap(
    bench: &Bench<'_>,
    swap: Pos,
    approve: bool,
    reason: Option<&Words>,
) -> Result<Accepted, Refusal> {
    let course = bench.course(About::Swap, swap)?;
    let standing = course.standing(bench.moment.pos);
    let known = bench.subject.is_some_and(|subject| may_know(bench, course, subject));
    match course.next_step(&standing) {
        Some((_, step)) if known && step.by() == By::Colleague => Err(Refusal::NotYoursToDecide),
        Some(_) | None => decide(bench, (About::Swap, swap), approve, reason),
    }
}

/// A decision about the step that is next.
pub(super) fn decide(
    bench: &Bench<'_>,
    (about, request): (About, Pos),
    approve: bool,
    reason: Option<&Words>,
) -> Result<Accepted, Refusal> {
    let course = bench.course(about, request)?;
    let Some(subject @ Subject::Person(_)) = bench.subject else { return Err(Refusal::NotAPerson) };
    if !may_know(bench, course, subject) {
        return Err(Refusal::NoSuchRequest);
    }
    let standing = course.standing(bench.moment.pos);
    let Some((number, step)) = course.next_step(&standing) else { return Err(Refusal::AlreadyDecided) };
    if is_barred(course, step, subject) {
        return Err(Refusal::OwnRequest);
    }
    if standing.signed.iter().any(|signed| signed.by == bench.moment.principal) {
        return Err(Refusal::AlreadySigned);
    }
    let places = bench.state.stands_in_for(bench.moment.log, subject, bench.moment.at);
    let mandate = mandate(&bench.here, bench.policy, course, (subject, &places));
    let Mandate { on_behalf_of, .. } = mandate.ok_or(Refusal::NotYoursToDecide)?;
    let last = number + 1 == course.filed.asked.steps().len();
    let state = match (approve, last) {
        (false, _) => ApprovalState::Refused,
        (true, false) => ApprovalState::Awaiting,
        (true, true) => ApprovalState::Approved,
    };
    let fact = ApprovalDecisionFact {
        request: request.get(),
        step: u32::try_from(number).unwrap_or(u32::MAX),
        approved: approve,
        on_behalf_of: on_behalf_of.clone().unwrap_or_default(),
        state: state.into(),
        subjects: if state == ApprovalState::Approved { course.filed.asked.subjects() } else { Vec::new() },
        // Of a swap the roster says it.
        swapped: Vec::new(),
    };
    Ok(Accepted {
        refers_to: Some(request),
        facts: vec![Fact { fact: Some(Of::ApprovalDecision(fact)) }],
        personal: reason.map(Personal::reason),
        on_behalf_of: on_behalf_of.and_then(|person| PersonId::parse(&person).ok()),
        ..Accepted::default()
    })
}

/// From when on a step that is next may be decided a rung higher.
pub fn escalates_at(policy: &Policy, step: &ApprovalStepFact, standing: &Standing) -> Option<EpochMs> {
    let above = chain::RUNGS.iter().position(|rung| *rung == step.role())? + 1 < chain::RUNGS.len();
    let patience_ms = chain::escalation_ms(policy).filter(|_| above && step.by() == By::Role)?;
    Some(standing.since.plus_ms(patience_ms))
}
