//! What may be written of months. Pure.

use prost::Message;

use crate::proto::fact::Fact as Of;
use crate::proto::{Fact, MonthConfirmationFact, MonthLockFact, PullConfirmationFact};
use crate::registers::kind;

/// A command of the register. Every field is valid.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Locks a period.
    Lock(MonthLockFact),
    /// Somebody confirms their own days.
    Confirm(MonthConfirmationFact),
    /// An HR system says what it has taken over.
    ConfirmPull(PullConfirmationFact),
}

impl Command {
    /// The kind that the leaf names.
    pub const fn kind(&self) -> u16 {
        match self {
            Self::Lock(_) => kind::MONTH_LOCK,
            Self::Confirm(_) => kind::MONTH_CONFIRMATION,
            Self::ConfirmPull(_) => kind::PULL_CONFIRMATION,
        }
    }

    /// As a fact.
    pub fn fact(&self) -> Fact {
        let of = match self {
            Self::Lock(fact) => Of::MonthLock(fact.clone()),
            Self::Confirm(fact) => Of::MonthConfirmation(fact.clone()),
            Self::ConfirmPull(fact) => Of::PullConfirmation(fact.clone()),
        };
        Fact { fact: Some(of) }
    }

    /// The bytes by which the command is recognised again. Of a lock only what was asked for: what it found is told by the
    /// first answer.
    pub fn content(&self) -> Vec<u8> {
        match self {
            Self::Lock(fact) => {
                let asked =
                    MonthLockFact { before: 0, digest: Vec::new(), people: 0, days: 0, ..fact.clone() };
                Self::Lock(asked).fact().encode_length_delimited_to_vec()
            }
            Self::Confirm(_) | Self::ConfirmPull(_) => self.fact().encode_length_delimited_to_vec(),
        }
    }
}
