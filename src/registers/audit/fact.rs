//! What the register of the register writes: reads on record, erasures, rules, ticks, clock steps, epochs. Pure.

use prost::Message;

use crate::kernel::{EpochMs, PersonId, Pos, Words};
use crate::ledger::port::PartAt;
use crate::proto::fact::Fact as Of;
use crate::proto::{
    ClockFact, DisclosureEndFact, DisclosureFact, EpochFact, ErasureDecisionFact, ErasureRequestFact, Fact,
    PartRef, RulesFact, TickFact, request_erasure_request,
};
use crate::registers::kind;
use crate::registers::verdict::Personal;

/// Parts that one entry erases: at most 10,000, so that the entry stays below 1 MiB and its transaction short.
pub const MOST_PARTS: usize = 10_000;

/// A command of the audit register. Every field is valid.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Somebody is about to read personal content.
    Disclose {
        /// What is read, by which call, for what purpose; a session until when.
        fact: DisclosureFact,
        /// Why, in the caller's words.
        reason: Words,
    },
    /// A session of reads is over.
    EndDisclosure(DisclosureEndFact),
    /// Proposes to erase personal parts of this log.
    RequestErasure {
        /// The parts; empty when a person is named.
        parts: Vec<PartAt>,
        /// Every personal part about this person in this log.
        person_id: Option<PersonId>,
        /// The legal basis.
        basis: request_erasure_request::Basis,
        /// Why, in words.
        reason: Words,
    },
    /// Approves or refuses a proposal.
    DecideErasure {
        /// The proposal's entry.
        erasure: Pos,
        /// Approve, or refuse.
        approve: bool,
        /// Why, in words.
        reason: Words,
    },
    /// Carries out again what was erased by entries that a restore lost.
    EraseAgain {
        /// The parts.
        parts: Vec<PartAt>,
    },
    /// Results are derived by these rules from here on.
    Rules(RulesFact),
    /// Time has passed.
    Tick {
        /// What results wait for.
        due: EpochMs,
    },
    /// The server's clock is right, says whoever is at the machine.
    AcceptClock {
        /// The time that it shows.
        to: EpochMs,
    },
    /// A new epoch begins after a restore.
    BeginEpoch(EpochFact),
}

impl Command {
    /// The kind that the leaf names.
    pub fn kind(&self) -> u16 {
        match self {
            Self::Disclose { .. } => kind::DISCLOSURE,
            Self::EndDisclosure(_) => kind::DISCLOSURE_END,
            Self::RequestErasure { .. } => kind::ERASURE_REQUEST,
            Self::DecideErasure { approve: true, .. } | Self::EraseAgain { .. } => kind::ERASE,
            Self::DecideErasure { approve: false, .. } => kind::ERASURE_REFUSED,
            Self::Rules(_) => kind::RULES,
            Self::Tick { .. } => kind::TICK,
            Self::AcceptClock { .. } => kind::CLOCK,
            Self::BeginEpoch(_) => kind::EPOCH,
        }
    }

    /// The bytes by which the command is recognised again: what was asked, without what the server adds.
    pub fn content(&self) -> Vec<u8> {
        let (of, reason) = match self {
            Self::Disclose { fact, reason } => (Of::Disclosure(fact.clone()), Some(reason)),
            Self::EndDisclosure(fact) => (Of::DisclosureEnd(fact.clone()), None),
            Self::RequestErasure { parts, person_id, basis, reason } => {
                let fact = ErasureRequestFact {
                    parts: part_refs(parts),
                    person_id: person_id.as_ref().map(ToString::to_string).unwrap_or_default(),
                    basis: (*basis).into(),
                };
                (Of::ErasureRequest(fact), Some(reason))
            }
            Self::DecideErasure { erasure, approve, reason } => {
                let fact = ErasureDecisionFact {
                    erasure: erasure.get(),
                    approved: *approve,
                    ..ErasureDecisionFact::default()
                };
                (Of::ErasureDecision(fact), Some(reason))
            }
            Self::EraseAgain { parts } => (Of::ErasureDecision(again(parts)), None),
            Self::Rules(fact) => (Of::Rules(*fact), None),
            Self::Tick { due } => (Of::Tick(TickFact { due_ms: due.get() }), None),
            Self::AcceptClock { to } => (Of::Clock(ClockFact { from_ms: 0, to_ms: to.get() }), None),
            Self::BeginEpoch(fact) => (Of::Epoch(fact.clone()), None),
        };
        let mut bytes = Fact { fact: Some(of) }.encode_length_delimited_to_vec();
        if let Some(reason) = reason {
            bytes.extend(Personal::reason(reason).payload);
        }
        bytes
    }
}

/// The fact of an erasure that is carried out again.
pub fn again(parts: &[PartAt]) -> ErasureDecisionFact {
    ErasureDecisionFact {
        approved: true,
        parts: part_refs(parts),
        again: true,
        ..ErasureDecisionFact::default()
    }
}

/// Parts as messages.
pub fn part_refs(parts: &[PartAt]) -> Vec<PartRef> {
    parts.iter().map(|at| PartRef { pos: at.pos.get(), part: at.part }).collect()
}

/// The parts that an entry's facts erase.
pub fn erased_by(facts: &[Fact]) -> Vec<PartAt> {
    facts
        .iter()
        .filter_map(|fact| match &fact.fact {
            Some(Of::ErasureDecision(decision)) if decision.approved => Some(&decision.parts),
            _ => None,
        })
        .flatten()
        .map(part_at)
        .collect()
}

/// A part as a place.
pub fn part_at(part: &PartRef) -> PartAt {
    PartAt { pos: Pos::new(part.pos), part: part.part }
}
