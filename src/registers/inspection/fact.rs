//! What may be written of inspections. Pure.

use prost::Message;

use crate::kernel::{EpochMs, Pos, Words};
use crate::proto::fact::Fact as Of;
use crate::proto::inspection::{Finding, Outcome, Source};
use crate::proto::{Fact, InspectionDecisionFact, InspectionFact, InspectionPersonal, InspectionReplyFact};
use crate::registers::kind;
use crate::registers::verdict::Personal;

/// The schema of [`InspectionPersonal`], proto/qinlian/v1/facts.proto.
const PERSONAL_SCHEMA: u16 = 0x0151;

/// What somebody found. Every field is valid.
#[derive(Clone, PartialEq)]
pub struct Found {
    /// A clause of the standard.
    pub clause: String,
    /// What; it fits the clause.
    pub finding: Finding,
    /// Who or what saw it.
    pub source: Source,
    /// When, as the caller says; `None`: now.
    pub at: Option<EpochMs>,
    /// At which window; empty: at none. One of window and person is named.
    pub window: String,
    /// Whom it concerns; empty: whoever held the window.
    pub person_id: String,
    /// SHA-256 of the evidence; may be empty.
    pub evidence_digest: Vec<u8>,
    /// What is said in words.
    pub personal: InspectionPersonal,
}

/// Which minute is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Look {
    /// The instant.
    pub at: EpochMs,
    /// The public read what was known before this position.
    pub known_then: Pos,
}

/// A command of the register. Every field is valid.
#[derive(Clone, PartialEq)]
pub enum Command {
    /// Puts a finding on record.
    Record {
        /// What was found.
        found: Box<Found>,
        /// The minute; looked up before, so no part of what the caller asks.
        look: Look,
    },
    /// Answers.
    Reply {
        /// The inspection.
        inspection: Pos,
        /// In words.
        words: Words,
    },
    /// Decides.
    Decide {
        /// The inspection.
        inspection: Pos,
        /// What comes of it.
        outcome: Outcome,
        /// Is it for the bulletin?
        publish: bool,
        /// Why.
        reason: Words,
    },
}

impl std::fmt::Debug for Command {
    /// Never what was said in words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Record { found, look } => write!(f, "Record({:?}, {look:?})", found.finding),
            Self::Reply { inspection, .. } => write!(f, "Reply({inspection:?})"),
            Self::Decide { inspection, outcome, .. } => write!(f, "Decide({inspection:?}, {outcome:?})"),
        }
    }
}

impl Found {
    /// As far as the caller said it.
    pub fn said(&self) -> InspectionFact {
        InspectionFact {
            clause: self.clause.clone(),
            finding: self.finding.into(),
            source: self.source.into(),
            at_ms: self.at.map_or(0, EpochMs::get),
            window: self.window.clone(),
            person_id: self.person_id.clone(),
            evidence_digest: self.evidence_digest.clone(),
            ..InspectionFact::default()
        }
    }
}

impl Command {
    /// The same about another inspection: its index becomes its position only when the centre is known.
    #[must_use]
    pub fn about_inspection(mut self, at: Pos) -> Self {
        match &mut self {
            Self::Reply { inspection, .. } | Self::Decide { inspection, .. } => *inspection = at,
            Self::Record { .. } => {}
        }
        self
    }

    /// The inspection that it names.
    pub const fn named(&self) -> Option<Pos> {
        match self {
            Self::Reply { inspection, .. } | Self::Decide { inspection, .. } => Some(*inspection),
            Self::Record { .. } => None,
        }
    }

    /// The kind that the leaf names.
    pub const fn kind(&self) -> u16 {
        match self {
            Self::Record { .. } => kind::INSPECTION,
            Self::Reply { .. } => kind::INSPECTION_REPLY,
            Self::Decide { .. } => kind::INSPECTION_DECISION,
        }
    }

    /// The bytes by which the command is recognised again.
    pub fn content(&self) -> Vec<u8> {
        let (of, said) = match self {
            Self::Record { found, .. } => (Of::Inspection(found.said()), found.personal.clone()),
            Self::Reply { inspection, words } => {
                (Of::InspectionReply(InspectionReplyFact { inspection: inspection.get() }), only(words))
            }
            Self::Decide { inspection, outcome, publish, reason } => (
                Of::InspectionDecision(InspectionDecisionFact {
                    inspection: inspection.get(),
                    outcome: (*outcome).into(),
                    publish: *publish,
                }),
                only(reason),
            ),
        };
        let mut bytes = Fact { fact: Some(of) }.encode_length_delimited_to_vec();
        bytes.extend(said.encode_length_delimited_to_vec());
        bytes
    }
}

/// Words alone.
pub fn only(words: &Words) -> InspectionPersonal {
    InspectionPersonal { words: words.as_str().to_owned(), ..InspectionPersonal::default() }
}

/// A part only where there is something to keep.
pub fn personal(said: &InspectionPersonal) -> Option<Personal> {
    (*said != InspectionPersonal::default())
        .then(|| Personal { schema: PERSONAL_SCHEMA, payload: said.encode_to_vec() })
}
