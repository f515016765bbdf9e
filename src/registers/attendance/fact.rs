//! What may be written in the attendance register: punches, what devices proved, outages, imports. Pure.
//!
//! Every field of a command is valid (`parse` made it). What a person showed travels beside the facts, in the personal
//! part; the facts hold keyed hashes of it.

use prost::Message;

use super::coverage::Proposal;
use crate::kernel::{DeviceId, EpochMs, Label, Pos, Words};
use crate::proto::fact::Fact as Of;
use crate::proto::punch::{Direction, Method};
use crate::proto::{
    CoverageDeclarationFact, CoverageFact, DeviceOutageEndFact, DeviceOutageFact, Fact, ImportFact,
    JournalLossFact, JournalLossSignatureFact, Presented, PunchFact, PunchFlag, PunchPersonal,
    RemarkPersonal, credential,
};
use crate::registers::kind;
pub use crate::registers::stamp::{Source, Stamp, Who};

/// The schema of a punch's personal part, proto/qinlian/v1/facts.proto.
pub const PUNCH_PERSONAL_SCHEMA: u16 = 0x0111;

/// A clock-in or clock-out.
#[derive(Clone, PartialEq)]
pub struct Punch {
    /// How it came; not part of what it is.
    pub source: Source,
    /// The stamp.
    pub stamp: Stamp,
    /// In, out, or the device cannot tell.
    pub direction: Direction,
    /// How the person was recognised.
    pub method: Method,
    /// Where at the device.
    pub device_label: Label,
    /// Who.
    pub who: Who,
    /// A colleague who vouches.
    pub witness: Option<Who>,
    /// What was presented, verbatim.
    pub presented: Presented,
    /// The key under which the signature was found to be good before the command was handed in; saves `admit` the work.
    pub verified_by: Option<[u8; 32]>,
}

impl std::fmt::Debug for Punch {
    /// Never what was presented.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Punch({:?}, {}/{})", self.source, self.stamp.device, self.stamp.seq)
    }
}

impl Punch {
    /// Was another credential used than the usual one?
    pub fn is_fallback(&self) -> bool {
        self.witness.is_some() || !self.presented.fallback_reason.is_empty()
    }

    /// The personal part; none when only an id was presented.
    pub fn personal(&self) -> Option<PunchPersonal> {
        let by_credential = matches!(self.who, Who::Credential(..));
        (by_credential || self.is_fallback())
            .then(|| PunchPersonal { presented: Some(self.presented.clone()) })
    }

    /// The fact, as far as the device said it.
    pub fn said(&self) -> PunchFact {
        let (person_id, credential_kind, credential_hmac) = match &self.who {
            Who::Person(person) => (person.to_string(), credential::Kind::Unspecified, Vec::new()),
            Who::Credential(kind, hmac) => (String::new(), *kind, hmac.to_vec()),
        };
        let (witness_person_id, witness_hmac) = match &self.witness {
            None => (String::new(), Vec::new()),
            Some(Who::Person(person)) => (person.to_string(), Vec::new()),
            Some(Who::Credential(_, hmac)) => (String::new(), hmac.to_vec()),
        };
        PunchFact {
            person_id,
            device: self.stamp.device.to_string(),
            device_seq: self.stamp.seq,
            boot_id: self.stamp.boot_id.as_str().to_owned(),
            mono_ms: self.stamp.mono_ms,
            claimed_ms: self.stamp.claimed.get(),
            signature: self.stamp.signature.clone(),
            direction: self.direction.into(),
            method: self.method.into(),
            device_label: self.device_label.as_str().to_owned(),
            credential_kind: credential_kind.into(),
            credential_hmac,
            witness_person_id,
            witness_hmac,
            ..PunchFact::default()
        }
    }
}

/// A file that was imported.
#[derive(Clone, PartialEq, Eq)]
pub struct Import {
    /// The import source.
    pub device: DeviceId,
    /// SHA-256 of the file's bytes.
    pub file_digest: [u8; 32],
    /// Lines: all, and what became of them.
    pub lines: Lines,
    /// Everything up to here is in the file.
    pub complete_through: Option<EpochMs>,
    /// Who says so.
    pub attested_by: Option<Words>,
}

/// What became of a file's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lines {
    /// All.
    pub all: u64,
    /// Stored, and nothing odd.
    pub accepted: u64,
    /// Stored before.
    pub duplicate: u64,
    /// Stored and flagged.
    pub quarantined: u64,
    /// Not stored.
    pub refused: u64,
}

/// A command of the attendance register.
#[derive(Clone, PartialEq)]
pub enum Command {
    /// A clock-in or clock-out.
    Punch(Box<Punch>),
    /// What is known of devices' contacts, to be put on record where it says something new.
    Coverage(Vec<Proposal>),
    /// A device could not take clock-ins from a time on.
    Outage {
        /// The device.
        device: DeviceId,
        /// From when on.
        from: EpochMs,
        /// Why, in words.
        reason: Words,
    },
    /// It works again.
    OutageEnd {
        /// The device.
        device: DeviceId,
        /// Since when.
        until: EpochMs,
    },
    /// A file was imported.
    Import(Import),
    /// Journal numbers of a device will never arrive.
    JournalLoss {
        /// The device.
        device: DeviceId,
        /// The first number.
        first: u64,
        /// The last one.
        last: u64,
        /// Why, in words.
        reason: Words,
    },
    /// Signs somebody else's declaration of that.
    JournalLossSignature {
        /// The declaration's entry.
        loss: Pos,
    },
    /// An import source is complete up to a time.
    DeclareCoverage {
        /// The import source.
        device: DeviceId,
        /// The time.
        complete_through: EpochMs,
        /// How that is known, in words.
        reason: Words,
    },
}

impl std::fmt::Debug for Command {
    /// Never a personal field.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Punch(punch) => punch.fmt(f),
            Self::Coverage(proposals) => write!(f, "Coverage({})", proposals.len()),
            Self::Outage { device, .. } => write!(f, "Outage({device})"),
            Self::OutageEnd { device, .. } => write!(f, "OutageEnd({device})"),
            Self::Import(import) => write!(f, "Import({})", import.device),
            Self::JournalLoss { device, first, last, .. } => {
                write!(f, "JournalLoss({device}, {first}, {last})")
            }
            Self::JournalLossSignature { loss } => write!(f, "JournalLossSignature({loss:?})"),
            Self::DeclareCoverage { device, .. } => write!(f, "DeclareCoverage({device})"),
        }
    }
}

impl Command {
    /// A punch.
    pub fn punch(punch: Punch) -> Self {
        Self::Punch(Box::new(punch))
    }

    /// The stamp of what a device recorded.
    pub fn stamped(&self) -> Option<(Source, &Stamp)> {
        match self {
            Self::Punch(punch) => Some((punch.source, &punch.stamp)),
            Self::Coverage(_)
            | Self::Outage { .. }
            | Self::OutageEnd { .. }
            | Self::Import(_)
            | Self::JournalLoss { .. }
            | Self::JournalLossSignature { .. }
            | Self::DeclareCoverage { .. } => None,
        }
    }

    /// The kind that the leaf names.
    pub fn kind(&self) -> u16 {
        match self {
            Self::Punch(_) => kind::PUNCH,
            Self::Coverage(_) => kind::COVERAGE,
            Self::Outage { .. } => kind::DEVICE_OUTAGE,
            Self::OutageEnd { .. } => kind::DEVICE_OUTAGE_END,
            Self::Import(_) => kind::IMPORT,
            Self::JournalLoss { .. } => kind::JOURNAL_LOSS,
            Self::JournalLossSignature { .. } => kind::JOURNAL_LOSS_COUNTERSIGNATURE,
            Self::DeclareCoverage { .. } => kind::COVERAGE_DECLARATION,
        }
    }

    /// The bytes by which the command is recognised again: what the device or the caller said, never how it came. Of an
    /// imported file only what names it: its second import finds other numbers of lines.
    pub fn content(&self) -> Vec<u8> {
        match self {
            Self::Punch(punch) => {
                let mut bytes = punch.said().encode_length_delimited_to_vec();
                if let Some(personal) = punch.personal() {
                    bytes.extend(personal.encode_length_delimited_to_vec());
                }
                bytes
            }
            Self::Coverage(proposals) => {
                let devices = proposals.iter().map(|proposal| proposal.item.clone()).collect();
                CoverageFact { devices }.encode_to_vec()
            }
            Self::Outage { device, from, reason } => {
                let fact = DeviceOutageFact { device: device.to_string(), from_ms: from.get() };
                let mut bytes = fact.encode_length_delimited_to_vec();
                bytes.extend(reason.as_str().as_bytes());
                bytes
            }
            Self::OutageEnd { device, until } => {
                DeviceOutageEndFact { device: device.to_string(), until_ms: until.get() }.encode_to_vec()
            }
            Self::JournalLoss { device, first, last, reason } => {
                let (device, first_seq, last_seq) = (device.to_string(), *first, *last);
                let fact = JournalLossFact { device, journal: 0, first_seq, last_seq };
                let mut bytes = fact.encode_length_delimited_to_vec();
                bytes.extend(reason.as_str().as_bytes());
                bytes
            }
            Self::JournalLossSignature { loss } => {
                JournalLossSignatureFact { loss: loss.get(), ..JournalLossSignatureFact::default() }
                    .encode_to_vec()
            }
            Self::DeclareCoverage { device, complete_through, reason } => {
                let complete_through_ms = complete_through.get();
                let fact = CoverageDeclarationFact { device: device.to_string(), complete_through_ms };
                let mut bytes = fact.encode_length_delimited_to_vec();
                bytes.extend(reason.as_str().as_bytes());
                bytes
            }
            Self::Import(import) => {
                let named = Import { lines: Lines::default(), ..import.clone() };
                let mut bytes = named.fact().encode_length_delimited_to_vec();
                bytes.extend(named.remark().encode_length_delimited_to_vec());
                bytes
            }
        }
    }
}

impl Import {
    /// The fact.
    pub fn fact(&self) -> ImportFact {
        ImportFact {
            device: self.device.to_string(),
            file_digest: self.file_digest.to_vec(),
            lines: self.lines.all,
            accepted: self.lines.accepted,
            duplicate: self.lines.duplicate,
            quarantined: self.lines.quarantined,
            refused: self.lines.refused,
            complete_through_ms: self.complete_through.map_or(0, EpochMs::get),
            attested: self.attested_by.is_some(),
        }
    }

    /// Who attests it.
    pub fn remark(&self) -> RemarkPersonal {
        let attested_by = self.attested_by.as_ref().map(|who| who.as_str().to_owned()).unwrap_or_default();
        RemarkPersonal { attested_by, ..RemarkPersonal::default() }
    }
}

/// The punch that an entry's facts hold.
pub fn punch_of(facts: &[Fact]) -> Option<&PunchFact> {
    facts.iter().find_map(|fact| match &fact.fact {
        Some(Of::Punch(punch)) => Some(punch),
        _ => None,
    })
}

/// The flags of a stored punch.
pub fn flags_of(punch: &PunchFact) -> Vec<PunchFlag> {
    punch.flags().collect()
}

/// The first flag for which somebody should look. A gap closes by itself, a fallback is on record with its witness, an
/// import says where it comes from: they are no reason.
pub fn quarantined(punch: &PunchFact) -> Option<PunchFlag> {
    punch.flags().find(|flag| match flag {
        PunchFlag::UnknownPerson
        | PunchFlag::NotAssignedHere
        | PunchFlag::PersonRetired
        | PunchFlag::FutureTime
        | PunchFlag::OldTime
        | PunchFlag::BadSignature
        | PunchFlag::DeviceRetired
        | PunchFlag::UnprovenWitness => true,
        PunchFlag::Unspecified
        | PunchFlag::JournalGap
        | PunchFlag::FallbackCredential
        | PunchFlag::FromImport => false,
    })
}
