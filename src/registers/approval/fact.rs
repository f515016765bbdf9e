//! What may be written of approvals. Pure.

use prost::Message;

use crate::kernel::{EpochMs, Pos, Subject, Words};
use crate::proto::fact::Fact as Of;
use crate::proto::{
    ApprovalDecisionFact, ApprovalPersonal, ApprovalStepFact, ApprovalSubject, ApprovalWithdrawalFact,
    CorrectionFact, DelegationFact, Fact, LeaveFact, LeaveReturnFact, ManualRollFact, SwapFact,
};
use crate::registers::kind;
use crate::registers::verdict::Personal;

/// The schema of [`ApprovalPersonal`], proto/qinlian/v1/facts.proto.
const PERSONAL_SCHEMA: u16 = 0x0131;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum About {
    /// Leave.
    Leave,
    /// A correction of clock-ins.
    Correction,
    /// A manual roll.
    ManualRoll,
    /// A swap of duties.
    Swap,
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// Leave.
    Leave(LeaveFact),
    /// That clock-ins count which no device stamped.
    Correction(CorrectionFact),
    /// That comings and goings count which somebody wrote down.
    ManualRoll(ManualRollFact),
    /// That two people exchange their duties. What each is to work is the roster's to say.
    Swap(SwapFact),
}

impl Asked {
    /// What it is about.
    pub const fn about(&self) -> About {
        match self {
            Self::Leave(_) => About::Leave,
            Self::Correction(_) => About::Correction,
            Self::ManualRoll(_) => About::ManualRoll,
            Self::Swap(_) => About::Swap,
        }
    }

    /// As a fact.
    pub fn into_fact(self) -> Fact {
        let of = match self {
            Self::Leave(fact) => Of::Leave(fact),
            Self::Correction(fact) => Of::Correction(fact),
            Self::ManualRoll(fact) => Of::ManualRoll(fact),
            Self::Swap(fact) => Of::Swap(fact),
        };
        Fact { fact: Some(of) }
    }

    /// Reads it from a fact; `None`: the fact is another one.
    pub fn from_fact(fact: &Fact) -> Option<Self> {
        match &fact.fact {
            Some(Of::Leave(fact)) => Some(Self::Leave(fact.clone())),
            Some(Of::Correction(fact)) => Some(Self::Correction(fact.clone())),
            Some(Of::ManualRoll(fact)) => Some(Self::ManualRoll(fact.clone())),
            Some(Of::Swap(fact)) => Some(Self::Swap(fact.clone())),
            _ => None,
        }
    }

    /// Who has to approve it, in order.
    pub fn steps(&self) -> &[ApprovalStepFact] {
        match self {
            Self::Leave(fact) => &fact.steps,
            Self::Correction(fact) => &fact.steps,
            Self::ManualRoll(fact) => &fact.steps,
            Self::Swap(fact) => &fact.steps,
        }
    }

    /// The same, to be approved by these.
    #[must_use]
    pub fn with_steps(mut self, steps: Vec<ApprovalStepFact>) -> Self {
        match &mut self {
            Self::Leave(fact) => fact.steps = steps,
            Self::Correction(fact) => fact.steps = steps,
            Self::ManualRoll(fact) => fact.steps = steps,
            Self::Swap(fact) => fact.steps = steps,
        }
        self
    }

    /// Whose time it is about, and which.
    pub fn subjects(&self) -> Vec<ApprovalSubject> {
        let instant = |person_id: &str, at_ms| ApprovalSubject {
            person_id: person_id.to_owned(),
            from_ms: at_ms,
            until_ms: at_ms,
        };
        match self {
            Self::Leave(fact) => vec![ApprovalSubject {
                person_id: fact.person_id.clone(),
                from_ms: fact.from_ms,
                until_ms: fact.until_ms,
            }],
            Self::Correction(fact) => {
                fact.items.iter().map(|item| instant(&item.person_id, item.claimed_ms)).collect()
            }
            Self::ManualRoll(fact) => {
                fact.items.iter().map(|item| instant(&item.person_id, item.at_ms)).collect()
            }
            Self::Swap(fact) => fact
                .items
                .iter()
                .map(|item| ApprovalSubject {
                    person_id: item.person_id.clone(),
                    from_ms: item.from_ms,
                    until_ms: item.until_ms,
                })
                .collect(),
        }
    }

    /// Is it about this person?
    pub fn is_of(&self, person_id: &str) -> bool {
        match self {
            Self::Leave(fact) => fact.person_id == person_id,
            Self::Correction(fact) => fact.items.iter().any(|item| item.person_id == person_id),
            Self::ManualRoll(fact) => fact.items.iter().any(|item| item.person_id == person_id),
            Self::Swap(fact) => fact.person_id == person_id || fact.with_person_id == person_id,
        }
    }
}

/// A command of the register. Every field is valid.
#[derive(Clone, PartialEq)]
pub enum Command {
    /// Asks for something; for leave that was approved elsewhere: puts it on record.
    Request {
        /// What, still without its steps.
        asked: Asked,
        /// What is said in words.
        personal: ApprovalPersonal,
    },
    /// Decides the step that is next.
    Decide {
        /// About what.
        about: About,
        /// The request.
        request: Pos,
        /// Yes or no.
        approve: bool,
        /// Why, in words.
        reason: Option<Words>,
        /// Who decides: in whose place they may is looked up before.
        by: Subject,
    },
    /// Says whether one agrees to a swap that a colleague asks for.
    Accept {
        /// The request.
        swap: Pos,
        /// Yes or no.
        approve: bool,
        /// Why, in words.
        reason: Option<Words>,
    },
    /// Takes a request back.
    Withdraw {
        /// About what.
        about: About,
        /// The request.
        request: Pos,
    },
    /// Reports back from leave.
    Return {
        /// The request for leave.
        leave: Pos,
        /// Since when; `None`: since now.
        returned: Option<EpochMs>,
    },
    /// Lets somebody decide in somebody's place.
    Delegate(DelegationFact),
}

impl std::fmt::Debug for Command {
    /// Never what was said in words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Request { asked, .. } => write!(f, "Request({:?})", asked.about()),
            Self::Decide { about, request, approve, .. } => {
                write!(f, "Decide({about:?}, {request:?}, {approve})")
            }
            Self::Accept { swap, approve, .. } => write!(f, "Accept({swap:?}, {approve})"),
            Self::Withdraw { about, request } => write!(f, "Withdraw({about:?}, {request:?})"),
            Self::Return { leave, .. } => write!(f, "Return({leave:?})"),
            Self::Delegate(_) => f.write_str("Delegate"),
        }
    }
}

impl Command {
    /// The same about another request: its index becomes its position only when the centre is known.
    #[must_use]
    pub fn about_request(mut self, at: Pos) -> Self {
        match &mut self {
            Self::Decide { request, .. } | Self::Withdraw { request, .. } => *request = at,
            Self::Accept { swap, .. } => *swap = at,
            Self::Return { leave, .. } => *leave = at,
            Self::Request { .. } | Self::Delegate(_) => {}
        }
        self
    }

    /// The kind that the leaf names.
    pub fn kind(&self) -> u16 {
        match self {
            Self::Request { asked: Asked::Leave(leave), .. } if !leave.external_system.is_empty() => {
                kind::LEAVE_RECORD
            }
            Self::Request { asked, .. } => match asked.about() {
                About::Leave => kind::LEAVE,
                About::Correction => kind::CORRECTION,
                About::ManualRoll => kind::MANUAL_ROLL,
                About::Swap => kind::SWAP,
            },
            Self::Decide { about: About::Leave, .. } => kind::LEAVE_DECISION,
            Self::Decide { about: About::Correction, .. } => kind::CORRECTION_DECISION,
            Self::Decide { about: About::ManualRoll, .. } => kind::MANUAL_ROLL_COUNTERSIGNATURE,
            Self::Decide { about: About::Swap, .. } => kind::SWAP_DECISION,
            Self::Accept { .. } => kind::SWAP_ACCEPTANCE,
            Self::Withdraw { about: About::Leave, .. } => kind::LEAVE_WITHDRAWAL,
            Self::Withdraw { about: About::Swap, .. } => kind::SWAP_WITHDRAWAL,
            Self::Withdraw { about: About::Correction | About::ManualRoll, .. } => {
                kind::CORRECTION_WITHDRAWAL
            }
            Self::Return { .. } => kind::LEAVE_RETURN,
            Self::Delegate(_) => kind::DELEGATION,
        }
    }

    /// The bytes by which the command is recognised again.
    pub fn content(&self) -> Vec<u8> {
        let of = match self {
            Self::Request { asked, personal } => {
                let mut bytes = asked.clone().into_fact().encode_length_delimited_to_vec();
                bytes.extend(personal.encode_length_delimited_to_vec());
                return bytes;
            }
            Self::Decide { request, approve, .. } | Self::Accept { swap: request, approve, .. } => {
                Of::ApprovalDecision(ApprovalDecisionFact {
                    request: request.get(),
                    approved: *approve,
                    ..ApprovalDecisionFact::default()
                })
            }
            Self::Withdraw { request, .. } => Of::ApprovalWithdrawal(ApprovalWithdrawalFact {
                request: request.get(),
                ..ApprovalWithdrawalFact::default()
            }),
            Self::Return { leave, returned } => Of::LeaveReturn(LeaveReturnFact {
                leave: leave.get(),
                returned_ms: returned.map_or(0, EpochMs::get),
                ..LeaveReturnFact::default()
            }),
            Self::Delegate(fact) => Of::Delegation(fact.clone()),
        };
        let mut bytes = Fact { fact: Some(of) }.encode_length_delimited_to_vec();
        if let Self::Decide { reason: Some(reason), .. } | Self::Accept { reason: Some(reason), .. } = self {
            bytes.extend(Personal::reason(reason).payload);
        }
        bytes
    }
}

/// A part only where there is something to keep.
pub fn personal(said: &ApprovalPersonal) -> Option<Personal> {
    (*said != ApprovalPersonal::default())
        .then(|| Personal { schema: PERSONAL_SCHEMA, payload: said.encode_to_vec() })
}
