//! What a terminal stamps on everything that it records, whatever the register: its place in the one journal of the device,
//! its clocks, who stood in front of it. Pure.

use crate::kernel::{
    CentreId, Check, Complaint, DeviceId, EpochMs, Label, Name, PersonId, Pos, Said, Words, push_text as text,
};
use crate::ledger::keys::Keys;
use crate::ledger::port::Slot;
use crate::proto::fact::Fact as Of;
use crate::proto::presented::Who as Shown;
use crate::proto::{ContactSample, Credential, DeviceStamp, Fact, Presented, StampFact, credential};
use crate::registers::directory::Directory;
use crate::registers::wire;

pub mod effective;
pub mod sample;

/// A journal number, or a count of journal numbers: a column holds it.
pub const NUMBER_MOST: u64 = 1 << 62;
/// Milliseconds since a start: 2^53, or 285,000 years.
const MONO_MOST: u64 = 1 << 53;
/// A signature has 64 bytes; what is longer than four of them is something else. Shorter ones are kept, and flagged.
const SIGNATURE_MOST: usize = 256;

/// How something came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Alone and at once: the server's clock is a bound for it.
    Live,
    /// From a device's journal, later.
    Upload,
    /// From a file: there is no journal and no heartbeat behind it.
    Import,
}

/// A stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The device.
    pub device: DeviceId,
    /// The journal number, from 1; 0 for imported rows.
    pub seq: u64,
    /// The device's start; empty for imported rows.
    pub boot_id: Label,
    /// Milliseconds since that start.
    pub mono_ms: u64,
    /// The terminal's wall clock.
    pub claimed: EpochMs,
    /// The device's signature, as it came; may be empty.
    pub signature: Vec<u8>,
}

/// How somebody was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The terminal knew the person.
    Person(PersonId),
    /// By a credential: its kind and keyed hash.
    Credential(credential::Kind, [u8; 32]),
}

impl Who {
    /// A credential as read.
    pub fn credential(keys: &Keys, kind: credential::Kind, value: &str) -> Self {
        let number = u8::try_from(i32::from(kind)).unwrap_or_default();
        Self::Credential(kind, keys.credential_hmac(number, value))
    }
}

impl Stamp {
    /// As a fact holds it, as far as the device said it.
    pub fn said(&self) -> StampFact {
        StampFact {
            device: self.device.to_string(),
            device_seq: self.seq,
            boot_id: self.boot_id.as_str().to_owned(),
            mono_ms: self.mono_ms,
            claimed_ms: self.claimed.get(),
            signature: self.signature.clone(),
            ..StampFact::default()
        }
    }
}

/// The place of a stamp in the journal of its device; imported rows have none, and of an unknown device nothing is known.
pub fn place(own: &Directory, stamp: &Stamp) -> Option<Slot> {
    let device = own.device(stamp.device.as_str()).filter(|_| stamp.seq > 0)?;
    Some(Slot { device: stamp.device.to_string(), journal: Pos::new(device.journal), seq: stamp.seq })
}

/// How a stamp stands in the journal of its device when it arrives.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// The contact that dates it: its own when it came at once, else the first that is known of its boot.
    pub contact: Option<ContactSample>,
    /// When nothing of its boot is known: the first contact of a later boot that has heard of its number.
    pub next: Option<ContactSample>,
    /// Numbers before it are missing.
    pub leaves_gap: bool,
    /// Everything up to here has arrived, it included.
    pub through: u64,
}

/// Where a stored fact stands in a journal, and the contact that it was.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// The device.
    pub device: &'a str,
    /// Its journal.
    pub journal: Pos,
    /// The number in it.
    pub seq: u64,
    /// The start of the device.
    pub boot_id: &'a str,
    /// What it measured, when it came at once.
    pub heard: Option<&'a ContactSample>,
}

impl<'a> Placed<'a> {
    /// Of a fact that a terminal stamped.
    pub fn of(fact: &'a Fact) -> Option<Self> {
        let placed = if let Of::Punch(punch) = fact.fact.as_ref()? {
            Self {
                device: &punch.device,
                journal: Pos::new(punch.journal),
                seq: punch.device_seq,
                boot_id: &punch.boot_id,
                heard: punch.contact.as_ref().filter(|_| punch.live),
            }
        } else if let Of::Duty(duty) = fact.fact.as_ref()? {
            let stamp = duty.stamp.as_ref()?;
            Self {
                device: &stamp.device,
                journal: Pos::new(stamp.journal),
                seq: stamp.device_seq,
                boot_id: &stamp.boot_id,
                heard: stamp.contact.as_ref().filter(|_| stamp.live),
            }
        } else {
            return None;
        };
        (placed.seq > 0).then_some(placed)
    }

    /// Its place.
    pub fn slot(&self) -> Slot {
        Slot { device: self.device.to_owned(), journal: self.journal, seq: self.seq }
    }
}

/// A device's stamp. Other registers' terminal writes carry the same.
pub fn stamp(check: &mut Check, path: &str, given: Option<DeviceStamp>) -> Option<Stamp> {
    let given = check.require(path, given)?;
    let field = |name: &str| format!("{path}.{name}");
    let device = check.take(field("device"), DeviceId::parse(&given.device));
    let seq = counted(check, &field("device_seq"), given.device_seq, 1..=NUMBER_MOST);
    let boot_id = boot_id(check, &field("boot_id"), &given.boot_id);
    let mono_ms = mono_ms(check, &field("mono_ms"), given.mono_ms);
    let claimed = wire::instant(check, &field("claimed_at"), given.claimed_at.as_ref());
    let signature = given.signature;
    if signature.len() > SIGNATURE_MOST {
        check.refuse(
            field("signature"),
            "TOO_LONG",
            Said::new(
                format!("最多 {SIGNATURE_MOST} 字节"),
                format!("may have at most {SIGNATURE_MOST} bytes"),
            ),
        );
        return None;
    }
    Some(Stamp {
        device: device?,
        seq: seq?,
        boot_id: boot_id?,
        mono_ms: mono_ms?,
        claimed: claimed?,
        signature,
    })
}

/// The name of a device's start.
pub fn boot_id(check: &mut Check, field: &str, given: &str) -> Option<Label> {
    let parsed = if given.is_empty() {
        Err(Complaint::from(("EMPTY", Said::new("不能为空", "must not be empty"))))
    } else {
        Label::parse(given).map_err(Complaint::from)
    };
    check.take(field, parsed)
}

/// Milliseconds since a device's start.
pub fn mono_ms(check: &mut Check, field: &str, given: u64) -> Option<u64> {
    counted(check, field, given, 0..=MONO_MOST)
}

/// A number in a range.
pub fn counted(
    check: &mut Check,
    field: &str,
    given: u64,
    within: std::ops::RangeInclusive<u64>,
) -> Option<u64> {
    let good = within.contains(&given);
    if !good {
        check.refuse(field, "OUT_OF_RANGE", Said::new("超出允许的范围", "is outside its range"));
    }
    good.then_some(given)
}

/// What was shown, who it stands for, and who vouches.
pub type Who3 = (Presented, Who, Option<Who>);

/// The person in front of a terminal, and who vouches for them.
pub fn presented(check: &mut Check, keys: &Keys, path: &str, given: Option<Presented>) -> Option<Who3> {
    let given = check.require(path, given)?;
    let shown = who(check, keys, path, given.who.as_ref());
    let reason = given.fallback_reason.is_empty()
        || check.take(format!("{path}.fallback_reason"), Words::parse(&given.fallback_reason)).is_some();
    let witness = match given.witness.as_deref() {
        None => Some(None),
        Some(witness) => vouching(check, keys, &format!("{path}.witness"), witness).map(Some),
    };
    let (shown, witness) = (shown?, witness?);
    reason.then_some((given, shown, witness))
}

/// A witness shows a credential of their own, and nothing else.
fn vouching(check: &mut Check, keys: &Keys, path: &str, witness: &Presented) -> Option<Who> {
    let who = who(check, keys, path, witness.who.as_ref());
    let mut bare = true;
    if matches!(witness.who, Some(Shown::PersonId(_))) {
        check.refuse(
            format!("{path}.person_id"),
            "NOT_ALLOWED",
            Said::new("见证人须出示本人凭证", "a witness shows a credential of their own"),
        );
        bare = false;
    }
    if witness.witness.is_some() {
        check.refuse(
            format!("{path}.witness"),
            "NOT_ALLOWED",
            Said::new("见证人不再需要见证人", "a witness has no witness"),
        );
        bare = false;
    }
    if !witness.fallback_reason.is_empty() {
        check.refuse(
            format!("{path}.fallback_reason"),
            "NOT_ALLOWED",
            Said::new("见证人须出示本人凭证", "a witness shows the usual credential"),
        );
        bare = false;
    }
    who.filter(|_| bare)
}

fn who(check: &mut Check, keys: &Keys, path: &str, shown: Option<&Shown>) -> Option<Who> {
    match check.require(format!("{path}.who"), shown)? {
        Shown::PersonId(id) => check.take(format!("{path}.person_id"), PersonId::parse(id)).map(Who::Person),
        Shown::Credential(credential) => {
            let path = format!("{path}.credential");
            let kind = wire::named::<credential::Kind>(check, &format!("{path}.kind"), credential.kind);
            let value = check.take(format!("{path}.value"), Name::parse(&credential.value));
            Some(Who::credential(keys, kind?, value?.as_str()))
        }
    }
}

/// What a device signs first, docs/device-signature.md: what kind of thing it is, the centre, and the stamp but for the
/// signature itself.
pub fn signed_head(domain: &[u8], centre: &CentreId, stamp: &Stamp) -> Vec<u8> {
    let Stamp { device, seq, boot_id, mono_ms, claimed, signature: _ } = stamp;
    let mut bytes = domain.to_vec();
    text(&mut bytes, centre.as_str());
    text(&mut bytes, device.as_str());
    bytes.extend(seq.to_be_bytes());
    text(&mut bytes, boot_id.as_str());
    bytes.extend(mono_ms.to_be_bytes());
    bytes.extend(claimed.get().to_be_bytes());
    bytes
}

/// What a device signs of whoever was presented, and of the witness.
pub fn signed_presented(bytes: &mut Vec<u8>, presented: &Presented) {
    shown(bytes, presented);
    match presented.witness.as_deref() {
        None => bytes.push(0),
        Some(witness) => {
            bytes.push(1);
            shown(bytes, witness);
        }
    }
}

fn shown(bytes: &mut Vec<u8>, presented: &Presented) {
    match &presented.who {
        None => bytes.push(0),
        Some(Shown::PersonId(person)) => {
            bytes.push(1);
            text(bytes, person);
        }
        Some(Shown::Credential(Credential { kind, value })) => {
            bytes.push(2);
            bytes.push(number(*kind));
            text(bytes, value);
        }
    }
    text(bytes, &presented.fallback_reason);
}

/// The numbers of enums are small.
pub fn number(of: i32) -> u8 {
    u8::try_from(of).unwrap_or(u8::MAX)
}
