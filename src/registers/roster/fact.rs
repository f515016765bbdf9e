//! What may be written in the roster. Pure.

use prost::Message;

use crate::kernel::{Pos, Words};
use crate::proto::fact::Fact as Of;
use crate::proto::{
    CalendarYear, CentreDaysFact, Fact, Policy, PolicyApprovalFact, PolicyProposalFact, RosterFact, Shift,
};
use crate::registers::kind;
use crate::registers::verdict::Personal;

/// A command of the roster. Every field is valid.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Puts a shift, or a later version of one.
    Shift(Shift),
    /// Says which shifts people work.
    Roster(RosterFact),
    /// Puts the days of a year that a notice sets apart.
    CalendarYear(CalendarYear),
    /// Puts days on which the centre differs.
    CentreDays(CentreDaysFact),
    /// Proposes numbers.
    ProposePolicy {
        /// The numbers, and from when.
        policy: Policy,
        /// Why they are to judge days that are past, in words; `None`: they are not.
        retroactive: Option<Words>,
    },
    /// Approves somebody else's proposal.
    ApprovePolicy {
        /// The proposal's entry.
        proposal: Pos,
    },
}

impl Command {
    /// The kind that the leaf names.
    pub const fn kind(&self) -> u16 {
        match self {
            Self::Shift(_) => kind::SHIFT,
            Self::Roster(_) => kind::ROSTER,
            Self::CalendarYear(_) => kind::CALENDAR_YEAR,
            Self::CentreDays(_) => kind::CENTRE_DAYS,
            Self::ProposePolicy { .. } => kind::POLICY_PROPOSAL,
            Self::ApprovePolicy { .. } => kind::POLICY_APPROVAL,
        }
    }

    /// The bytes by which the command is recognised again.
    pub fn content(&self) -> Vec<u8> {
        let of = match self {
            Self::Shift(shift) => Of::Shift(shift.clone()),
            Self::Roster(fact) => Of::Roster(fact.clone()),
            Self::CalendarYear(year) => Of::CalendarYear(year.clone()),
            Self::CentreDays(fact) => Of::CentreDays(fact.clone()),
            Self::ProposePolicy { policy, retroactive } => {
                Of::PolicyProposal(proposal(policy, retroactive.as_ref()))
            }
            Self::ApprovePolicy { proposal } => {
                Of::PolicyApproval(PolicyApprovalFact { proposal: proposal.get(), policy: None })
            }
        };
        let mut bytes = Fact { fact: Some(of) }.encode_length_delimited_to_vec();
        if let Self::ProposePolicy { retroactive: Some(reason), .. } = self {
            bytes.extend(Personal::reason(reason).payload);
        }
        bytes
    }
}

/// A proposal as a fact.
pub fn proposal(policy: &Policy, retroactive: Option<&Words>) -> PolicyProposalFact {
    PolicyProposalFact { policy: Some(policy.clone()), retroactive: retroactive.is_some() }
}
