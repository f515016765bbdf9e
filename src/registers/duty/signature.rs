//! The bytes that a device signs for what happens at its window, docs/device-signature.md. Pure.

use super::fact::{Act, Deed};
use crate::kernel::{CentreId, EpochMs, PersonId, push_text as text};
use crate::registers::directory::view::is_signed;
use crate::registers::stamp::{self, number};

/// What the bytes begin with.
const DOMAIN: &[u8] = b"qinlian/v1/device/duty\0";

/// The bytes that a device signs for a deed; none without a stamp.
pub fn message(centre: &CentreId, deed: &Deed) -> Option<Vec<u8>> {
    let mut bytes = stamp::signed_head(DOMAIN, centre, deed.stamp.as_ref()?);
    text(&mut bytes, deed.window.as_ref().map(|window| window.as_str()).unwrap_or_default());
    let pause = |bytes: &mut Vec<u8>, pause: Option<crate::kernel::Pos>| {
        bytes.push(u8::from(pause.is_some()));
        bytes.extend(pause.map_or(0, crate::kernel::Pos::get).to_be_bytes());
    };
    match &deed.act {
        Act::Open => bytes.push(1),
        Act::Close => bytes.push(2),
        Act::HandOver => bytes.push(3),
        Act::Start(start) => {
            bytes.push(4);
            bytes.push(number(start.subject.into()));
            bytes.push(number(start.reason.into()));
            bytes.extend(start.expected.map_or(0, EpochMs::get).to_be_bytes());
            bytes.push(u8::from(start.sign_displayed));
            bytes.push(number(start.sign_mode.into()));
            bytes.push(u8::from(start.leave_anyway));
        }
        Act::Extend { pause: of, expected } => {
            bytes.push(5);
            pause(&mut bytes, *of);
            bytes.extend(expected.get().to_be_bytes());
        }
        Act::End { pause: of, mode } => {
            bytes.push(6);
            pause(&mut bytes, *of);
            bytes.push(number((*mode).into()));
        }
        Act::Cover { by, from_window } => {
            bytes.push(7);
            text(&mut bytes, by.as_ref().map(PersonId::as_str).unwrap_or_default());
            text(&mut bytes, from_window.as_ref().map(|window| window.as_str()).unwrap_or_default());
        }
    }
    text(&mut bytes, deed.on_behalf_of.as_ref().map(PersonId::as_str).unwrap_or_default());
    match &deed.presented {
        None => bytes.push(0),
        Some(presented) => {
            bytes.push(1);
            stamp::signed_presented(&mut bytes, presented);
        }
    }
    Some(bytes)
}

/// Is the stamp's signature this key's?
pub fn is_good(key: &[u8], centre: &CentreId, deed: &Deed) -> bool {
    let signature = deed.stamp.as_ref().map(|stamp| stamp.signature.as_slice()).unwrap_or_default();
    message(centre, deed).is_some_and(|message| is_signed(key, &message, signature))
}

/// Notes whether the signature is this key's, so that the committer need not look.
pub fn verify(key: &[u8], centre: &CentreId, deed: &mut Deed) {
    deed.verified_by = <[u8; 32]>::try_from(key).ok().filter(|key| is_good(key, centre, deed));
}
