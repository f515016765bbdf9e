//! Parts of an entry, and the commitment that the leaf holds of each.
//!
//! A bare hash of an id number is guessed in half a second; a keyed one under a salt of 32 random bytes, kept beside
//! the payload and deleted with it, says nothing once both are gone.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::leaf::{PartCommitment, PartType};

/// The salt of one part: 32 random bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 32]);

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(***)")
    }
}

/// HMAC-SHA256; a key of any length is a key.
#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
pub(super) fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("invariant: HMAC takes a key of any length")
}

/// `HMAC-SHA256(salt, "qinlian/v1/part" ‖ 0 ‖ part_type ‖ payload)`.
pub fn commit(salt: &Salt, part_type: PartType, schema: u16, payload: &[u8]) -> PartCommitment {
    let mut mac = hmac(&salt.0);
    mac.update(b"qinlian/v1/part\0");
    mac.update(&[part_type.code()]);
    mac.update(payload);
    PartCommitment { part_type, schema, commitment: mac.finalize().into_bytes().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_payloads_look_unrelated_and_every_input_matters() {
        let base = commit(&Salt([1; 32]), PartType::Facts, 1, b"E1024").commitment;
        for other in [
            commit(&Salt([2; 32]), PartType::Facts, 1, b"E1024"),
            commit(&Salt([1; 32]), PartType::Personal, 1, b"E1024"),
            commit(&Salt([1; 32]), PartType::Facts, 1, b"E1025"),
        ] {
            assert_ne!(other.commitment, base);
        }
    }
}
