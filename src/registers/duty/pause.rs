//! A pause: what was promised, what was decided, how it ended, and how it kept its promise. Pure.

use super::course::Event;
use crate::kernel::{EpochMs, Pos};
use crate::policy::Policy;
use crate::proto::duty_fact::What;
use crate::proto::pause::{Classification, Decision, EndMode, Subject};
use crate::proto::{DutyFlag, Guidance, Role, duty_fact};

/// A minute.
pub const MINUTE_MS: i64 = 60_000;

/// A pause and what became of it so far.
#[derive(Debug, Clone, PartialEq)]
pub struct PauseCourse {
    /// Its entry.
    pub pos: Pos,
    /// The window.
    pub window: String,
    /// Whose absence; nobody's when equipment or a system is out of order.
    pub person_id: String,
    /// What was said.
    pub said: duty_fact::Paused,
    /// What is odd about it.
    pub flags: Vec<DutyFlag>,
    /// When it was asked for.
    pub asked: EpochMs,
    /// It counts as begun from then on.
    pub begins: EpochMs,
    /// Promises after the first: the time, and when it was promised.
    pub extensions: Vec<(EpochMs, EpochMs)>,
    /// Who decided what, and when.
    pub decided: Option<(Decision, String, EpochMs)>,
    /// What citizens are told now.
    pub guidance: Vec<Guidance>,
    /// When it ended, and how.
    pub ended: Option<(EpochMs, EndMode)>,
}

impl PauseCourse {
    /// As it begins.
    pub fn new(pos: Pos, window: &str, person_id: &str, said: &duty_fact::Paused, asked: EpochMs) -> Self {
        let allowed = EpochMs::clamped(said.allowed_ms);
        Self {
            pos,
            window: window.to_owned(),
            person_id: person_id.to_owned(),
            said: said.clone(),
            flags: Vec::new(),
            asked,
            begins: asked.max(allowed),
            extensions: Vec::new(),
            decided: None,
            guidance: said.guidance.clone(),
            ended: None,
        }
    }

    /// As it was said, whatever became of it; `None`: the event is no pause.
    pub fn said(event: &Event) -> Option<Self> {
        let Some(What::Paused(said)) = &event.fact.what else { return None };
        let pause = Self::new(event.pos, &event.fact.window, &event.fact.person_id, said, event.at);
        Some(Self { flags: event.fact.flags().collect(), ..pause })
    }

    /// Is somebody away, rather than something out of order?
    pub fn is_a_persons(&self) -> bool {
        self.said.subject() == Subject::Person
    }

    /// Who may decide about it; nobody has to when it needs no approval.
    pub fn decided_by(&self) -> Option<Role> {
        Some(self.said.decided_by()).filter(|role| *role != Role::Unspecified)
    }

    /// The first promise.
    pub fn promised(&self) -> Option<EpochMs> {
        (self.said.expected_return_ms > 0).then(|| EpochMs::clamped(self.said.expected_return_ms))
    }

    /// The time that it is to be back: the last promise, or when somebody was called back.
    pub fn due(&self) -> Option<EpochMs> {
        let last = self.extensions.last();
        let promised = last.map(|(expected, _)| *expected).or(self.promised());
        let called = match &self.decided {
            // Refused after it had begun is called back too.
            Some((Decision::ReturnNow | Decision::Refuse, _, at))
                if last.is_none_or(|(_, when)| when <= at) =>
            {
                Some(*at)
            }
            // Whoever called back may have let it go on since.
            Some(_) | None => None,
        };
        promised.map(|promised| called.map_or(promised, |called| called.min(promised)))
    }

    /// Has it begun at an instant, and is it not over?
    pub fn is_on(&self, at: EpochMs) -> bool {
        self.begins <= at && self.ended.is_none_or(|(ended, _)| ended > at)
    }

    /// Does it still wait for somebody's decision at an instant?
    pub fn awaits(&self, at: EpochMs) -> bool {
        self.decided_by().is_some()
            && self.decided.is_none()
            && self.ended.is_none_or(|(ended, _)| ended > at)
    }

    /// Whole minutes beyond what was promised, until an instant or its end.
    pub fn overdue_minutes(&self, at: EpochMs) -> u32 {
        let until = self.ended.map_or(at, |(ended, _)| ended.min(at));
        let over_ms = self.due().map_or(0, |due| until.since(due).max(0));
        u32::try_from(over_ms / MINUTE_MS).unwrap_or(u32::MAX)
    }

    /// How it kept its promise (duty notes, "Policy"; every threshold is reached when it is met).
    pub fn classification(&self, policy: &Policy, at: EpochMs) -> Classification {
        if !self.is_a_persons() {
            return Classification::ExcusedPause;
        }
        let over = self.overdue_minutes(at);
        if over >= u32::from(policy.pause_off_post_minutes) {
            Classification::LeftPost
        } else if over >= u32::from(policy.pause_grace_minutes) && over > 0 {
            Classification::LateReturn
        } else {
            Classification::OnTime
        }
    }
}
