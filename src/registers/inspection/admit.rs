//! The rule of the inspections: nobody inspects themselves, whoever is concerned may answer first, and somebody else
//! decides, once (duty notes 3.5). Pure.

use std::sync::Arc;

use super::fact::{Command, Found, Look, only, personal};
use super::refusal::Refusal;
use super::standing::Course;
use super::state::State;
use crate::kernel::{EpochMs, Pos, Reason, Subject, Zone};
use crate::proto::fact::Fact as Of;
use crate::proto::inspection::{Outcome, Snapshot};
use crate::proto::{Fact, InspectionDecisionFact, InspectionFact, InspectionReplyFact, Role};
use crate::registers::directory::admit::Seen;
use crate::registers::directory::reach::Here;
use crate::registers::duty::view::DutySnapshot;
use crate::registers::verdict::{Accepted, Moment, Verdict};
use crate::registers::wire::timestamp;

/// Who inspects.
const INSPECTS: [Role; 3] = [Role::Inspector, Role::DutyManager, Role::Discipline];
/// Who decides.
const DECIDES: [Role; 2] = [Role::DutyManager, Role::Discipline];
/// What is longer ago is not put on record any more: 30 × 86,400,000.
pub const BACK_MS: i64 = 2_592_000_000;
/// So often whoever is concerned may answer: all of it is read with the finding.
const REPLIES_MOST: usize = 20;

/// What else a command is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The centre's zone.
    pub zone: &'a Zone,
    /// What duty says of the minute of a finding.
    pub snapshot: Option<&'a DutySnapshot>,
    /// Until when replies to what is recorded now are taken, but not at it.
    pub reply_until: EpochMs,
}

struct Bench<'a> {
    state: &'a State,
    here: Here<'a>,
    known: Known<'a>,
    moment: &'a Moment<'a>,
    subject: Option<&'a Subject>,
}

/// Accept, or a reason to refuse.
pub fn admit(
    command: &Command,
    state: &State,
    seen: Seen<'_>,
    known: Known<'_>,
    moment: &Moment<'_>,
) -> Verdict {
    let today = known.zone.day_of(moment.at);
    let here = Here { seen, log: moment.log, centre: moment.centre, at: moment.at, today };
    let subject = Subject::parse(moment.principal).ok();
    let bench = Bench { state, here, known, moment, subject: subject.as_ref() };
    let decided = match command {
        _ if moment.centre.is_deployment() => Err(Refusal::NotInACentre),
        Command::Record { found, look } => bench.record(found, *look),
        Command::Reply { inspection, words } => {
            let fact = Of::InspectionReply(InspectionReplyFact { inspection: inspection.get() });
            bench.may_answer(*inspection).map(|()| Accepted {
                refers_to: Some(*inspection),
                personal: personal(&only(words)),
                ..said(fact)
            })
        }
        Command::Decide { inspection, outcome, publish, reason } => {
            let fact = Of::InspectionDecision(InspectionDecisionFact {
                inspection: inspection.get(),
                outcome: (*outcome).into(),
                publish: *publish,
            });
            bench.may_decide(*inspection, *outcome).map(|()| Accepted {
                refers_to: Some(*inspection),
                personal: personal(&only(reason)),
                ..said(fact)
            })
        }
    };
    match decided {
        Ok(accepted) => Ok(Accepted { kind: command.kind(), ..accepted }),
        Err(refusal) => Err(Arc::new(refusal) as Arc<dyn Reason>),
    }
}

fn said(fact: Of) -> Accepted {
    Accepted { facts: vec![Fact { fact: Some(fact) }], ..Accepted::default() }
}

impl Bench<'_> {
    fn is_own(&self, person_id: &str) -> bool {
        matches!(self.subject, Some(Subject::Person(own)) if own.as_str() == person_id)
    }

    /// Does one of some roles of the caller's reach the person concerned; or, where nobody is, the window?
    fn reaches(&self, roles: &[Role], person_id: &str, window: &str) -> bool {
        let Some(subject) = self.subject else { return false };
        if !person_id.is_empty() {
            return self.here.is_responsible(subject, roles, person_id);
        }
        self.here.grants(subject).iter().any(|grant| {
            let there = grant.reach.window.as_ref().is_none_or(|own| own.as_str() == window);
            roles.contains(&grant.role) && grant.reach.department.is_none() && there
        })
    }

    fn record(&self, found: &Found, look: Look) -> Result<Accepted, Refusal> {
        if look.at > self.moment.at {
            return Err(Refusal::InTheFuture);
        }
        if self.moment.at.since(look.at) > BACK_MS {
            return Err(Refusal::TooLongAgo);
        }
        if !found.window.is_empty() && self.here.seen.own.window(&found.window).is_none() {
            return Err(Refusal::NoSuchWindow);
        }
        let nothing = DutySnapshot::default();
        let then = self.known.snapshot.unwrap_or(&nothing);
        let on = self.known.zone.day_of(look.at);
        if !found.person_id.is_empty() && !self.here.works_here(&found.person_id, on) {
            return Err(Refusal::NotAssignedHere);
        }
        let person_id = if found.person_id.is_empty() { &then.holder } else { &found.person_id };
        if self.is_own(person_id) {
            return Err(Refusal::OwnConduct);
        }
        if !self.reaches(&INSPECTS, person_id, &found.window) {
            return Err(Refusal::NotResponsible);
        }
        // What the register says of a window is told to whoever may inspect it, not to whoever names a colleague with it.
        let of_another = !then.window.is_empty() && then.holder != *person_id;
        if of_another && !self.reaches(&INSPECTS, &then.holder, &then.window) {
            return Err(Refusal::NotResponsible);
        }
        let concerned = !person_id.is_empty();
        let fact = InspectionFact {
            at_ms: look.at.get(),
            window: then.window.clone(),
            person_id: person_id.clone(),
            snapshot: Some(snapshot(then, concerned)),
            pause: then.pause.as_ref().map(|pause| pause.pos.get()),
            known: self.moment.pos.get(),
            known_then: look.known_then.get(),
            reply_until_ms: if concerned { self.known.reply_until.get() } else { 0 },
            ..found.said()
        };
        Ok(Accepted {
            claimed: Some(look.at),
            personal: personal(&found.personal),
            ..said(Of::Inspection(fact))
        })
    }

    fn course(&self, inspection: Pos) -> Result<&Course, Refusal> {
        self.state.course(self.moment.log, inspection).ok_or(Refusal::NoSuchInspection)
    }

    fn may_answer(&self, inspection: Pos) -> Result<(), Refusal> {
        let course = self.course(inspection)?;
        if !self.is_own(&course.fact.person_id) {
            return Err(Refusal::NotYoursToAnswer);
        }
        if course.decision().is_some() {
            return Err(Refusal::AlreadyDecided);
        }
        if course.reply_until().is_none_or(|until| self.moment.at >= until) {
            return Err(Refusal::ReplyTooLate);
        }
        if course.replies().count() >= REPLIES_MOST {
            return Err(Refusal::TooManyReplies);
        }
        Ok(())
    }

    fn may_decide(&self, inspection: Pos, outcome: Outcome) -> Result<(), Refusal> {
        use crate::proto::inspection::State as Standing;
        let course = self.course(inspection)?;
        if !self.moment.is_a_persons() {
            return Err(Refusal::NotAPerson);
        }
        if self.is_own(&course.fact.person_id) {
            return Err(Refusal::OwnConduct);
        }
        if !self.reaches(&DECIDES, &course.fact.person_id, &course.fact.window) {
            return Err(Refusal::NotResponsible);
        }
        if course.principal == self.moment.principal {
            return Err(Refusal::OwnFinding);
        }
        match course.state(self.moment.at) {
            Standing::Decided | Standing::Published => Err(Refusal::AlreadyDecided),
            Standing::AwaitingReply if outcome != Outcome::NoneWarranted => Err(Refusal::ReplyAwaited),
            Standing::AwaitingReply
            | Standing::Replied
            | Standing::ReplyOverdue
            | Standing::AwaitingDecision
            | Standing::Unspecified => Ok(()),
        }
    }
}

/// What duty says, as the fact holds it: positions stand beside it.
fn snapshot(then: &DutySnapshot, concerned: bool) -> Snapshot {
    let pause = then.pause.as_ref();
    Snapshot {
        state: then.state.into(),
        person_id: then.holder.clone(),
        pause: None,
        sign_displayed: pause.is_some_and(|pause| pause.sign_displayed),
        guidance: pause.into_iter().flat_map(|pause| &pause.guidance).map(|kind| (*kind).into()).collect(),
        expected_return_at: pause.and_then(|pause| pause.due).map(timestamp),
        clocked_in: concerned.then_some(then.clocked_in),
        public_text: then.public_text.clone(),
        log_size: 0,
    }
}
