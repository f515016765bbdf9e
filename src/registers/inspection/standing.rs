//! How far an inspection has come: derived from its facts, never stored. Pure.

use crate::kernel::{EpochMs, Pos};
use crate::proto::board_window::State as Doing;
use crate::proto::fact::Fact as Of;
use crate::proto::inspection::{Finding, State};
use crate::proto::{Fact, InspectionDecisionFact, InspectionFact};

/// An inspection and what became of it, in the order of entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Its entry.
    pub pos: Pos,
    /// Who found it.
    pub principal: String,
    /// When it was recorded.
    pub recorded: EpochMs,
    /// What was found.
    pub fact: InspectionFact,
    /// Replies and the decision.
    pub events: Vec<Event>,
}

/// A reply, or the decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its entry.
    pub pos: Pos,
    /// Whose it is.
    pub principal: String,
    /// When it was recorded.
    pub recorded: EpochMs,
    /// What; `None`: a reply.
    pub decision: Option<InspectionDecisionFact>,
}

impl Event {
    /// Of a fact, with the inspection that it is about; `None`: the fact is another one.
    pub fn of(pos: Pos, principal: &str, recorded: EpochMs, fact: &Fact) -> Option<(Pos, Self)> {
        let (inspection, decision) = if let Of::InspectionReply(reply) = fact.fact.as_ref()? {
            (reply.inspection, None)
        } else if let Of::InspectionDecision(decision) = fact.fact.as_ref()? {
            (decision.inspection, Some(*decision))
        } else {
            return None;
        };
        Some((Pos::new(inspection), Self { pos, principal: principal.to_owned(), recorded, decision }))
    }
}

impl Course {
    /// The decision, if there is one.
    pub fn decision(&self) -> Option<(&Event, &InspectionDecisionFact)> {
        self.events.iter().find_map(|event| Some((event, event.decision.as_ref()?)))
    }

    /// The replies.
    pub fn replies(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| event.decision.is_none())
    }

    /// Replies are taken until then, but not at it; `None`: nobody is concerned.
    pub fn reply_until(&self) -> Option<EpochMs> {
        (!self.fact.person_id.is_empty()).then(|| EpochMs::clamped(self.fact.reply_until_ms))
    }

    /// How far it has come at an instant.
    pub fn state(&self, at: EpochMs) -> State {
        match (self.decision(), self.reply_until()) {
            (Some((_, decision)), _) if decision.publish => State::Published,
            (Some(_), _) => State::Decided,
            (None, None) => State::AwaitingDecision,
            (None, Some(_)) if self.replies().next().is_some() => State::Replied,
            (None, Some(until)) if at < until => State::AwaitingReply,
            (None, Some(_)) => State::ReplyOverdue,
        }
    }
}

/// Does the register explain an empty window, or that somebody was away? A pause with a sign and guidance that kept its
/// promise does; an open window does not. `None`: of other findings, and of no window, it cannot say.
pub fn explained(fact: &InspectionFact) -> Option<bool> {
    let snapshot = fact.snapshot.as_ref()?;
    let asked = matches!(fact.finding(), Finding::EmptyWindow | Finding::OffPost);
    if !asked || fact.window.is_empty() {
        return None;
    }
    // A sign at somebody else's window says nothing of them.
    let anothers = !snapshot.person_id.is_empty() && snapshot.person_id != fact.person_id;
    if anothers && !fact.person_id.is_empty() {
        return None;
    }
    let told = snapshot.sign_displayed && !snapshot.guidance.is_empty();
    let promised = snapshot.expected_return_at.map(|due| due.seconds * 1_000);
    let kept = match snapshot.state() {
        Doing::Paused => true,
        // Whatever is out of order has kept its promise as long as none has passed.
        Doing::Fault => promised.is_none_or(|due| fact.at_ms < due),
        Doing::Unspecified
        | Doing::Open
        | Doing::Covered
        | Doing::Overdue
        | Doing::OffPost
        | Doing::Unstaffed
        | Doing::Closed
        | Doing::Unconfirmed => false,
    };
    Some(told && kept)
}
