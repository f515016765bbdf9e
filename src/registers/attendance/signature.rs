//! The bytes that a device signs, docs/device-signature.md, and whether it did. Pure.

use super::fact::Punch;
use crate::kernel::{CentreId, push_text as text};
use crate::registers::directory::view::is_signed;
use crate::registers::stamp::{self, number};

/// What the bytes begin with.
const DOMAIN: &[u8] = b"qinlian/v1/device/punch\0";

/// The bytes that a device signs for a punch.
pub fn message(centre: &CentreId, punch: &Punch) -> Vec<u8> {
    let mut bytes = stamp::signed_head(DOMAIN, centre, &punch.stamp);
    bytes.push(number(punch.direction.into()));
    bytes.push(number(punch.method.into()));
    text(&mut bytes, punch.device_label.as_str());
    stamp::signed_presented(&mut bytes, &punch.presented);
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
