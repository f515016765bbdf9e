//! The bytes that a device signs, docs/device-signature.md, and whether it did. Pure.

use super::fact::{Punch, Stamp};
use crate::kernel::{CentreId, push_text as text};
use crate::proto::presented::Who;
use crate::proto::{Credential, Presented};
use crate::registers::directory::view::is_signed;

/// What the bytes begin with.
const DOMAIN: &[u8] = b"qinlian/v1/device/punch\0";

/// The bytes that a device signs for a punch.
pub fn message(centre: &CentreId, punch: &Punch) -> Vec<u8> {
    let Stamp { device, seq, boot_id, mono_ms, claimed, signature: _ } = &punch.stamp;
    let mut bytes = DOMAIN.to_vec();
    text(&mut bytes, centre.as_str());
    text(&mut bytes, device.as_str());
    bytes.extend(seq.to_be_bytes());
    text(&mut bytes, boot_id.as_str());
    bytes.extend(mono_ms.to_be_bytes());
    bytes.extend(claimed.get().to_be_bytes());
    bytes.push(number(punch.direction.into()));
    bytes.push(number(punch.method.into()));
    text(&mut bytes, punch.device_label.as_str());
    shown(&mut bytes, &punch.presented);
    match punch.presented.witness.as_deref() {
        None => bytes.push(0),
        Some(witness) => {
            bytes.push(1);
            shown(&mut bytes, witness);
        }
    }
    bytes
}

/// Is the signature this key's?
pub fn is_good(key: &[u8], centre: &CentreId, punch: &Punch) -> bool {
    is_signed(key, &message(centre, punch), &punch.stamp.signature)
}

/// Notes whether the signature is this key's, so that the committer need not look.
pub fn verify(key: &[u8], centre: &CentreId, punch: &mut Punch) {
    punch.verified_by = <[u8; 32]>::try_from(key).ok().filter(|key| is_good(key, centre, punch));
}

fn shown(bytes: &mut Vec<u8>, presented: &Presented) {
    match &presented.who {
        None => bytes.push(0),
        Some(Who::PersonId(person)) => {
            bytes.push(1);
            text(bytes, person);
        }
        Some(Who::Credential(Credential { kind, value })) => {
            bytes.push(2);
            bytes.push(number(*kind));
            text(bytes, value);
        }
    }
    text(bytes, &presented.fallback_reason);
}

/// The numbers of enums are small.
fn number(of: i32) -> u8 {
    u8::try_from(of).unwrap_or(u8::MAX)
}
