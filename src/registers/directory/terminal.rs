//! Terminals: how a device gets a key and keeps one. Pure.
//!
//! A code is made by an administrator and typed in at the terminal, once, within a day; the terminal answers with a key
//! that it made itself. From then on the key proves who it is (`GetDeviceToken`, docs/terminals.md). A stolen terminal
//! is revoked; another machine in its place enrols as the first did. Every enrolment begins a journal of its own
//! (architecture.md, "Devices"); a new key does not.

use super::admit::{Seen, alive, personal};
use super::fact::{Noun, Record, hex, mint_grant};
use super::refusal::Refusal;
use super::state::Directory;
use crate::kernel::{DeviceId, EpochMs, Label, Subject, Words};
use crate::proto::role_grant::Holder;
use crate::proto::{Device, DirectoryPersonal, EnrolmentCode, Fact, Role, RoleGrant, device};
use crate::registers::kind;
use crate::registers::verdict::{Accepted, Moment};
use crate::registers::wire;

/// A code holds for 24 h: the day on which somebody stands before the terminal.
pub const CODE_MS: i64 = 24 * 60 * 60 * 1_000;

/// What is done with a terminal. Every field is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A code for a device, as its keyed hash.
    Code {
        /// Which device.
        device: DeviceId,
        /// The code's keyed hash.
        code_hmac: [u8; 32],
    },
    /// A device that brought its code, and a key that it proved to have.
    Enrol {
        /// Which device.
        device: DeviceId,
        /// The keyed hash of the code that it brought.
        code_hmac: [u8; 32],
        /// Its key.
        key: [u8; 32],
    },
    /// A device that proved to have its present key, and this one.
    RotateKey {
        /// Which device.
        device: DeviceId,
        /// Its new key.
        key: [u8; 32],
    },
    /// Takes nothing more from a device.
    Revoke {
        /// Which device.
        device: DeviceId,
        /// Why, in words.
        reason: Words,
    },
    /// Another machine.
    Replace {
        /// Which device.
        device: DeviceId,
        /// The new machine's serial number.
        serial: Label,
        /// The keyed hash of the new machine's code.
        code_hmac: [u8; 32],
        /// Why, in words.
        reason: Words,
    },
}

impl Command {
    /// The kind that the leaf names.
    pub fn kind(&self) -> u16 {
        match self {
            Self::Code { .. } => kind::ENROLMENT_CODE,
            Self::Enrol { .. } => kind::ENROLMENT,
            Self::RotateKey { .. } => kind::DEVICE_KEY,
            Self::Revoke { .. } => kind::DEVICE_REVOCATION,
            Self::Replace { .. } => kind::DEVICE_REPLACEMENT,
        }
    }

    /// Which device.
    pub fn device(&self) -> &DeviceId {
        match self {
            Self::Code { device, .. }
            | Self::Enrol { device, .. }
            | Self::RotateKey { device, .. }
            | Self::Revoke { device, .. }
            | Self::Replace { device, .. } => device,
        }
    }

    /// The bytes by which the command is recognised again.
    pub fn content(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut add = |part: &[u8]| {
            bytes.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend(part);
        };
        add(self.device().as_str().as_bytes());
        match self {
            Self::Code { code_hmac, .. } => add(code_hmac),
            Self::Enrol { code_hmac, key, .. } => {
                add(code_hmac);
                add(key);
            }
            Self::RotateKey { key, .. } => add(key),
            Self::Revoke { reason, .. } => add(reason.as_str().as_bytes()),
            Self::Replace { serial, code_hmac, reason, .. } => {
                add(serial.as_str().as_bytes());
                add(code_hmac);
                add(reason.as_str().as_bytes());
            }
        }
        bytes
    }
}

/// Accept, or a reason to refuse.
pub(super) fn admit(command: &Command, seen: Seen<'_>, moment: &Moment<'_>) -> Result<Accepted, Refusal> {
    alive(seen.own, Noun::Device, command.device().as_str())?;
    let device = seen.own.device(command.device().as_str()).ok_or(Refusal::Unknown(Noun::Device))?.clone();
    if device.kind == i32::from(device::Kind::ImportSource) {
        return Err(Refusal::NotATerminal);
    }
    let (records, reason) = match command {
        Command::Code { code_hmac, .. } => (coded(&device, code_hmac, seen, moment)?, None),
        Command::Enrol { code_hmac, key, .. } => (enrolled(device, code_hmac, key, seen, moment)?, None),
        Command::RotateKey { key, .. } => {
            if device.revoked {
                return Err(Refusal::Revoked);
            }
            if device.public_key == key {
                return Err(Refusal::SameKey);
            }
            let device = Device { public_key: key.to_vec(), ..device };
            own_key(&device, seen.own)?;
            (vec![Record::Device(device)], None)
        }
        Command::Revoke { reason, .. } => {
            if device.revoked {
                return Err(Refusal::Revoked);
            }
            let mut records = ended_codes(&device, seen.own);
            records.push(Record::Device(Device { revoked: true, ..device }));
            (records, Some(reason))
        }
        Command::Replace { serial, code_hmac, reason, .. } => {
            let mut records = coded(&device, code_hmac, seen, moment)?;
            let serial = serial.as_str().to_owned();
            records.push(Record::Device(Device { serial, revoked: true, ..device }));
            (records, Some(reason))
        }
    };
    let facts: Vec<Fact> = records.into_iter().map(Record::into_fact).collect();
    let personal = personal(&DirectoryPersonal {
        reason: reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        ..DirectoryPersonal::default()
    });
    Ok(Accepted { facts, personal, ..Accepted::default() })
}

/// Is the device's key, if it has one, nobody else's?
pub(super) fn own_key(device: &Device, own: &Directory) -> Result<(), Refusal> {
    let taken = !device.public_key.is_empty()
        && own.list(Noun::Device, None).any(|held| {
            matches!(&held.record, Record::Device(other)
                if other.device != device.device && !other.retired && other.public_key == device.public_key)
        });
    if taken { Err(Refusal::KeyTaken) } else { Ok(()) }
}

/// A new code, the end of those before it, and the role that goes with it.
fn coded(
    device: &Device,
    code_hmac: &[u8; 32],
    seen: Seen<'_>,
    moment: &Moment<'_>,
) -> Result<Vec<Record>, Refusal> {
    let mut records = ended_codes(device, seen.own);
    let until = EpochMs::clamped(moment.at.get().saturating_add(CODE_MS));
    records.push(Record::EnrolmentCode(EnrolmentCode {
        device: device.device.clone(),
        code_hmac: code_hmac.to_vec(),
        until: Some(wire::timestamp(until)),
        ended: false,
    }));
    let subject = subject(device)?;
    let holds = seen
        .own
        .grants(moment.log, moment.centre, &subject)
        .iter()
        .any(|grant| grant.role == Role::Terminal && grant.until.is_none());
    if !holds {
        records.push(Record::RoleGrant(RoleGrant {
            grant: mint_grant(moment.random).map_or_else(String::new, |id| id.to_string()),
            holder: Some(Holder::Subject(subject.to_string())),
            role: Role::Terminal.into(),
            ..RoleGrant::default()
        }));
    }
    Ok(records)
}

fn enrolled(
    device: Device,
    code_hmac: &[u8; 32],
    key: &[u8; 32],
    seen: Seen<'_>,
    moment: &Moment<'_>,
) -> Result<Vec<Record>, Refusal> {
    let code = good_code(seen.own, &device.device, code_hmac, moment.at).ok_or(Refusal::CodeNotGood)?;
    let code = Record::EnrolmentCode(code.clone()).retired();
    let device = Device { public_key: key.to_vec(), journal: moment.pos.get(), revoked: false, ..device };
    own_key(&device, seen.own)?;
    Ok(vec![code, Record::Device(device)])
}

/// The device's code, if this is the hash of one that still holds.
pub fn good_code<'a>(
    own: &'a Directory,
    device: &str,
    code_hmac: &[u8; 32],
    at: EpochMs,
) -> Option<&'a EnrolmentCode> {
    let held = own.get(Noun::EnrolmentCode, &hex(code_hmac))?;
    let Record::EnrolmentCode(code) = &held.record else { return None };
    let until = code.until.as_ref().and_then(|until| EpochMs::from_parts(until.seconds, until.nanos).ok())?;
    (!code.ended && code.device == device && at < until).then_some(code)
}

fn ended_codes(device: &Device, own: &Directory) -> Vec<Record> {
    own.list(Noun::EnrolmentCode, None)
        .filter(|held| matches!(&held.record, Record::EnrolmentCode(code) if !code.ended && code.device == device.device))
        .map(|held| held.record.clone().retired())
        .collect()
}

/// A device as the subject of grants and tokens.
fn subject(device: &Device) -> Result<Subject, Refusal> {
    DeviceId::parse(&device.device).map(Subject::Device).map_err(|_| Refusal::Unknown(Noun::Device))
}
