//! The calls of `AttendanceService` about leave, corrections, manual rolls, and what somebody has to decide; and those of
//! `RosterService` about swaps, which pass the same steps.
//!
//! Who may call is a role of any reach; about whom, is the rule of the register ([`crate::registers::directory::reach`], [`super::decide`]).

use std::collections::BTreeSet;

use crate::access::Caller;
use crate::kernel::{CentreId, Check, EpochMs, PersonId, Pos, RequestId, Subject};
use crate::ledger::committer::Lane;
use crate::policy::Policy;
use crate::proto::{
    ApprovalState, ApprovalStep, PutDelegationRequest, PutDelegationResponse, Receipt, approval_step,
};
use crate::registers::approval::decide::{KNOWS, escalates_at};
use crate::registers::approval::fact::{About, Command};
use crate::registers::approval::standing::{Course, Signed};
use crate::registers::approval::{parse, rows, state};
use crate::registers::attendance::service::Calls;
use crate::registers::desk::{Head, Place, Written};
use crate::registers::directory::admit::Seen;
use crate::registers::directory::reach::{Here, Sight};
use crate::registers::failure::Failure;
use crate::registers::wire;

mod corrections;
mod leaves;
mod lists;
mod rolls;
mod swaps;
mod tasks;

/// The person who calls; a system is nobody's own.
fn own(caller: &Caller) -> Option<&PersonId> {
    match caller.subject() {
        Subject::Person(person) => Some(person),
        Subject::Device(_) | Subject::System(_) => None,
    }
}

/// What a centre's people are judged by today, and who is responsible for whom.
pub(super) struct Standpoint {
    policy: Policy,
    now: EpochMs,
    today: crate::kernel::EpochDay,
}

impl Standpoint {
    pub(super) fn here<'a>(&self, place: &'a Place) -> Here<'a> {
        Here {
            seen: Seen { deployment: &place.deployment, own: &place.own },
            log: place.log,
            centre: &place.centre,
            at: self.now,
            today: self.today,
        }
    }
}

impl Calls {
    /// Decides, withdraws or reports back: what names a request by the index of its entry.
    async fn act(
        &self,
        caller: &Caller,
        (centre, request_id, view): Head<'_>,
        request: u64,
        parsed: impl FnOnce(&mut Check, Pos) -> Option<Command>,
    ) -> Result<(Place, Written, Pos), Failure> {
        let mut check = Check::new();
        let (centre, id) = head(&mut check, centre, request_id);
        // Everything that is wrong is told before anything is looked up.
        let unplaced = parsed(&mut check, Pos::new(request));
        check.done()?;
        let (Some(centre), Some(id), Some(command)) = (centre, id, unplaced) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk().enter(caller, &centre).await?;
        let request = self.position(&place, request).await?;
        let command = command.about_request(request);
        let written = self.desk().write(&place, id, command, Lane::Live, wire::view(view)).await?;
        Ok((place, written, request))
    }

    /// Decides the step that is next of a request, and says how far the request has come.
    async fn decided(
        &self,
        caller: &Caller,
        head: Head<'_>,
        (about, request): (About, u64),
        said: (i32, &str),
    ) -> Result<(Receipt, ApprovalState, Vec<ApprovalStep>), Failure> {
        let parsed = |check: &mut Check, at| decision(check, caller, (about, at), said);
        let (place, written, request) = self.act(caller, head, request, parsed).await?;
        let (state, steps) = self.standing(&place, request).await?;
        Ok((written.receipt(&place.centre), state, steps))
    }

    /// Takes a request back.
    async fn withdrawn(
        &self,
        caller: &Caller,
        head: Head<'_>,
        (about, request): (About, u64),
    ) -> Result<Receipt, Failure> {
        let parsed = |_: &mut Check, request| Some(Command::Withdraw { about, request });
        let (place, written, _) = self.act(caller, head, request, parsed).await?;
        Ok(written.receipt(&place.centre))
    }

    /// Where an entry of the present epoch stands.
    async fn position(&self, place: &Place, index: u64) -> Result<Pos, Failure> {
        let (_, epoch) = self.desk().ledger().reader().head(place.log).await?;
        Ok(Pos::new(epoch.base.get().saturating_add(index).min(Pos::MAX.get())))
    }

    /// The policy in force today, at this moment.
    async fn standpoint(&self, place: &Place) -> Result<Standpoint, Failure> {
        let zone = place.deployment.zone(&place.centre).ok_or(Failure::Fault("ZONE"))?;
        let now = self.desk().now();
        let today = zone.day_of(now);
        let mut tx = self.desk().store().snapshot().await?;
        let policy = crate::registers::rulebook::policy_on(&mut tx, place.log, today).await;
        tx.rollback().await?;
        Ok(Standpoint { policy: policy?, now, today })
    }

    /// Whom the caller may know of here: themselves, and people they are responsible for.
    pub(crate) fn sight<'a>(&self, place: &'a Place, caller: &'a Caller) -> Result<Sight<'a>, Failure> {
        let zone = place.deployment.zone(&place.centre).ok_or(Failure::Fault("ZONE"))?;
        let at = self.desk().now();
        let seen = Seen { deployment: &place.deployment, own: &place.own };
        let here = Here { seen, log: place.log, centre: &place.centre, at, today: zone.day_of(at) };
        Ok(here.sight(caller.subject(), &KNOWS))
    }

    async fn courses(&self, place: &Place, requests: &BTreeSet<Pos>) -> Result<Vec<Course>, Failure> {
        let mut tx = self.desk().store().snapshot().await?;
        let courses = rows::courses(&mut tx, place.log, requests, Pos::MAX).await;
        tx.rollback().await?;
        Ok(courses?)
    }

    /// How far a request has come, for an answer.
    async fn standing(
        &self,
        place: &Place,
        request: Pos,
    ) -> Result<(ApprovalState, Vec<ApprovalStep>), Failure> {
        let standpoint = self.standpoint(place).await?;
        let course = self.courses(place, &BTreeSet::from([request])).await?.pop();
        let course = course.ok_or(Failure::NotFound("request"))?;
        Ok((course.standing(Pos::MAX).state, steps(&course, &standpoint.policy)))
    }

    /// In whose place the caller decides.
    async fn places(&self, place: &Place, caller: &Caller, at: EpochMs) -> Result<BTreeSet<String>, Failure> {
        let Some(person) = own(caller) else { return Ok(BTreeSet::new()) };
        let mut tx = self.desk().store().snapshot().await?;
        let to = BTreeSet::from([person.as_str()]);
        let delegations = rows::delegations(&mut tx, place.log, &to).await;
        tx.rollback().await?;
        Ok(state::places(&delegations?, person.as_str(), at))
    }

    /// `PutDelegation`.
    pub async fn put_delegation(
        &self,
        caller: &Caller,
        request: PutDelegationRequest,
    ) -> Result<PutDelegationResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let own = own(caller);
        let parsed =
            |check: &mut Check| parse::delegation(check, request.delegation, own).map(Command::Delegate);
        let (place, written) = self.desk().ask(caller, head, parsed).await?;
        Ok(PutDelegationResponse { receipt: Some(written.receipt(&place.centre)) })
    }
}

fn head(check: &mut Check, centre: &str, request_id: &str) -> (Option<CentreId>, Option<RequestId>) {
    (wire::centre(check, centre), wire::request_id(check, request_id))
}

/// A decision about a request of some kind.
fn decision(
    check: &mut Check,
    caller: &Caller,
    (about, request): (About, Pos),
    (decision, reason): (i32, &str),
) -> Option<Command> {
    let (approve, reason) = parse::decision(check, decision, reason)?;
    Some(Command::Decide { about, request, approve, reason, by: caller.subject().clone() })
}

/// The steps of a request as they stand.
fn steps(course: &Course, policy: &Policy) -> Vec<ApprovalStep> {
    let standing = course.standing(Pos::MAX);
    let next = course.next_step(&standing).map(|(number, _)| number);
    let mut steps: Vec<ApprovalStep> = course.filed.asked.steps().iter().map(parse::step).collect();
    for (number, (step, fact)) in steps.iter_mut().zip(course.filed.asked.steps()).enumerate() {
        if let Some(signed) = standing.signed.get(number) {
            sign(step, signed);
        } else if next == Some(number) {
            step.since = Some(wire::timestamp(standing.since));
            step.escalates_at = escalates_at(policy, fact, &standing).map(wire::timestamp);
        }
    }
    steps
}

fn sign(step: &mut ApprovalStep, signed: &Signed) {
    use approval_step::Decision;
    step.decision = if signed.approved { Decision::Approve } else { Decision::Refuse }.into();
    step.decided_by.clone_from(&signed.by);
    step.on_behalf_of.clone_from(&signed.on_behalf_of);
    step.decided_at = Some(wire::timestamp(signed.at));
}
