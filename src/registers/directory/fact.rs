//! What may be written in the directory: nine nouns, put or retired, terminals that enrol, and the genesis of a
//! deployment. Pure.
//!
//! A record is the whole of what is known of a thing, without its personal fields: those travel beside it, in the
//! personal part.

use std::fmt::Write;

use prost::Message;

use super::terminal;
use super::view::credential_key;
pub use super::view::{date, day, opt_day};
use crate::kernel::{EpochDay, GrantId, LogId, Words};
use crate::proto::fact::Fact as Of;
use crate::proto::{
    Assignment, Centre, CredentialBinding, Department, Device, DirectoryPersonal, EnrolmentCode, Fact,
    GenesisFact, Person, RoleGrant, ServiceItem, Window,
};
use crate::registers::kind;

/// The schema of the personal part, proto/qinlian/v1/facts.proto.
pub const PERSONAL_SCHEMA: u16 = 0x0101;

/// The nouns, with the numbers that their kinds and rows use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Noun {
    /// A centre. Deployment log.
    Centre = 1,
    /// A department. Deployment log.
    Department = 2,
    /// A person. Deployment log.
    Person = 3,
    /// Where a person works. Centre log.
    Assignment = 4,
    /// A window. Centre log.
    Window = 5,
    /// A service item. Deployment log.
    ServiceItem = 6,
    /// A device. Centre log.
    Device = 7,
    /// Which person a credential stands for. Centre log.
    CredentialBinding = 8,
    /// A role grant. Either log.
    RoleGrant = 9,
    /// A code with which a device enrols itself. Centre log.
    EnrolmentCode = 10,
}

impl Noun {
    /// Every noun.
    pub const ALL: [Self; 10] = [
        Self::Centre,
        Self::Department,
        Self::Person,
        Self::Assignment,
        Self::Window,
        Self::ServiceItem,
        Self::Device,
        Self::CredentialBinding,
        Self::RoleGrant,
        Self::EnrolmentCode,
    ];

    /// The number.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The word, for messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Centre => "centre",
            Self::Department => "department",
            Self::Person => "person",
            Self::Assignment => "assignment",
            Self::Window => "window",
            Self::ServiceItem => "service item",
            Self::Device => "device",
            Self::CredentialBinding => "credential binding",
            Self::RoleGrant => "role grant",
            Self::EnrolmentCode => "enrolment code",
        }
    }

    /// May a record of this noun stand in this log?
    pub const fn belongs_in(self, log: LogId) -> bool {
        let deployment = log.column() == LogId::DEPLOYMENT.column();
        match self {
            Self::Centre | Self::Department | Self::Person | Self::ServiceItem => deployment,
            Self::Assignment
            | Self::Window
            | Self::Device
            | Self::CredentialBinding
            | Self::EnrolmentCode => !deployment,
            Self::RoleGrant => true,
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A centre.
    Centre(Centre),
    /// A department.
    Department(Department),
    /// A person, without name and external ids.
    Person(Person),
    /// An assignment.
    Assignment(Assignment),
    /// A window.
    Window(Window),
    /// A service item.
    ServiceItem(ServiceItem),
    /// A device.
    Device(Device),
    /// A credential binding, without the value.
    CredentialBinding(CredentialBinding),
    /// A role grant.
    RoleGrant(RoleGrant),
    /// An enrolment code, as its keyed hash.
    EnrolmentCode(EnrolmentCode),
}

impl Record {
    /// The noun.
    pub const fn noun(&self) -> Noun {
        match self {
            Self::Centre(_) => Noun::Centre,
            Self::Department(_) => Noun::Department,
            Self::Person(_) => Noun::Person,
            Self::Assignment(_) => Noun::Assignment,
            Self::Window(_) => Noun::Window,
            Self::ServiceItem(_) => Noun::ServiceItem,
            Self::Device(_) => Noun::Device,
            Self::CredentialBinding(_) => Noun::CredentialBinding,
            Self::RoleGrant(_) => Noun::RoleGrant,
            Self::EnrolmentCode(_) => Noun::EnrolmentCode,
        }
    }

    /// The code that it is known by among its noun: two records with one code are versions of the same thing.
    pub fn code(&self) -> String {
        match self {
            Self::Centre(r) => r.centre.clone(),
            Self::Department(r) => r.department.clone(),
            Self::Person(r) => r.person_id.clone(),
            Self::Assignment(r) => assignment_code(&r.person_id, day(r.from.as_ref())),
            Self::Window(r) => r.window.clone(),
            Self::ServiceItem(r) => r.item.clone(),
            Self::Device(r) => r.device.clone(),
            Self::CredentialBinding(r) => binding_code(r.kind, &r.value_hmac, day(r.from.as_ref())),
            Self::RoleGrant(r) => r.grant.clone(),
            Self::EnrolmentCode(r) => hex(&r.code_hmac),
        }
    }

    /// Has it ended?
    pub const fn is_retired(&self) -> bool {
        match self {
            Self::Centre(r) => r.retired,
            Self::Department(r) => r.retired,
            Self::Person(r) => r.retired,
            Self::Assignment(r) => r.retired,
            Self::Window(r) => r.retired,
            Self::ServiceItem(r) => r.retired,
            Self::Device(r) => r.retired,
            Self::CredentialBinding(r) => r.retired,
            Self::RoleGrant(r) => r.revoked,
            Self::EnrolmentCode(r) => r.ended,
        }
    }

    /// The same, ended.
    #[must_use]
    pub fn retired(mut self) -> Self {
        match &mut self {
            Self::Centre(r) => r.retired = true,
            Self::Department(r) => r.retired = true,
            Self::Person(r) => r.retired = true,
            Self::Assignment(r) => r.retired = true,
            Self::Window(r) => r.retired = true,
            Self::ServiceItem(r) => r.retired = true,
            Self::Device(r) => r.retired = true,
            Self::CredentialBinding(r) => r.retired = true,
            Self::RoleGrant(r) => r.revoked = true,
            Self::EnrolmentCode(r) => r.ended = true,
        }
        self
    }

    /// As a fact.
    pub fn into_fact(self) -> Fact {
        Fact {
            fact: Some(match self {
                Self::Centre(r) => Of::Centre(r),
                Self::Department(r) => Of::Department(r),
                Self::Person(r) => Of::Person(r),
                Self::Assignment(r) => Of::Assignment(r),
                Self::Window(r) => Of::Window(r),
                Self::ServiceItem(r) => Of::ServiceItem(r),
                Self::Device(r) => Of::Device(r),
                Self::CredentialBinding(r) => Of::CredentialBinding(r),
                Self::RoleGrant(r) => Of::RoleGrant(r),
                Self::EnrolmentCode(r) => Of::EnrolmentCode(r),
            }),
        }
    }

    /// From a fact; `None` for the facts of other registers.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other register's facts are none of ours")]
    pub fn from_fact(fact: &Fact) -> Option<Self> {
        Some(match fact.fact.clone()? {
            Of::Centre(r) => Self::Centre(r),
            Of::Department(r) => Self::Department(r),
            Of::Person(r) => Self::Person(r),
            Of::Assignment(r) => Self::Assignment(r),
            Of::Window(r) => Self::Window(r),
            Of::ServiceItem(r) => Self::ServiceItem(r),
            Of::Device(r) => Self::Device(r),
            Of::CredentialBinding(r) => Self::CredentialBinding(r),
            Of::RoleGrant(r) => Self::RoleGrant(r),
            Of::EnrolmentCode(r) => Self::EnrolmentCode(r),
            _ => return None,
        })
    }

    /// The fact's bytes, as a row keeps them.
    pub fn encode(self) -> Vec<u8> {
        self.into_fact().encode_to_vec()
    }

    /// From a row.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        Self::from_fact(&Fact::decode(bytes).ok()?)
    }
}

/// The code of an assignment: person and first day.
pub fn assignment_code(person_id: &str, from: EpochDay) -> String {
    format!("{person_id}/{from}")
}

/// The code of a binding: kind, keyed hash and first day.
pub fn binding_code(kind: i32, value_hmac: &[u8], from: EpochDay) -> String {
    format!("{}/{from}", credential_key(kind, value_hmac))
}

/// Bytes as a code.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A command of the directory. Every field is valid.
#[derive(Clone, PartialEq)]
pub enum Command {
    /// Begins a deployment: the two first administrators and what replicas compare their keys with.
    Genesis {
        /// Keys and rules.
        genesis: GenesisFact,
        /// The deployment's first administrators, minted by the caller: nobody is there yet to grant anything.
        administrators: Box<[(Person, RoleGrant); 2]>,
    },
    /// Puts a record, new or over an earlier one of the same code.
    Put {
        /// The record. A person without an id is minted one; a grant too.
        record: Record,
        /// Its personal fields; empty ones when there are none.
        personal: DirectoryPersonal,
    },
    /// Ends a record.
    Retire {
        /// Which noun.
        noun: Noun,
        /// Which one.
        code: String,
        /// Why, in words.
        reason: Words,
    },
    /// Enrols a terminal, changes its key, takes its place, or takes nothing more from it.
    Terminal(terminal::Command),
}

impl std::fmt::Debug for Command {
    /// Never the personal fields.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Genesis { .. } => f.write_str("Genesis"),
            Self::Put { record, .. } => write!(f, "Put({})", record.noun().word()),
            Self::Retire { noun, .. } => write!(f, "Retire({})", noun.word()),
            Self::Terminal(command) => write!(f, "Terminal({:#06x})", command.kind()),
        }
    }
}

impl Command {
    /// The kind that the leaf names.
    pub fn kind(&self) -> u16 {
        match self {
            Self::Genesis { .. } => kind::GENESIS,
            Self::Put { record, .. } => kind::PUT + record.noun().number(),
            Self::Retire { noun, .. } => kind::RETIRE + noun.number(),
            Self::Terminal(command) => command.kind(),
        }
    }

    /// The bytes by which the command is recognised again.
    pub fn content(&self) -> Vec<u8> {
        match self {
            Self::Genesis { genesis, administrators } => {
                let mut bytes = genesis.encode_length_delimited_to_vec();
                for (person, grant) in administrators.iter() {
                    bytes.extend(person.encode_length_delimited_to_vec());
                    bytes.extend(grant.encode_length_delimited_to_vec());
                }
                bytes
            }
            Self::Put { record, personal } => {
                let mut bytes = record.clone().into_fact().encode_length_delimited_to_vec();
                bytes.extend(personal.encode_length_delimited_to_vec());
                bytes
            }
            Self::Retire { noun, code, reason } => {
                let mut bytes = vec![noun.number().to_be_bytes()[1]];
                bytes.extend(code.as_bytes());
                bytes.push(0);
                bytes.extend(reason.as_str().as_bytes());
                bytes
            }
            Self::Terminal(command) => command.content(),
        }
    }
}

/// The grant id of a minted grant.
pub fn mint_grant(random: [u8; 16]) -> Option<GrantId> {
    GrantId::parse(&format!("g-{}", hex(random.first_chunk::<10>()?))).ok()
}
