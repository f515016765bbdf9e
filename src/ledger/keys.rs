//! Keys of a deployment: one secret from which the keyed hashes come, and one that signs.
//!
//! `seal` never signs anything that leaves; `log` signs checkpoints. Both live in files outside the database, so
//! that who can write the database alone can neither seal a head nor sign one.

use ed25519_dalek::SigningKey;
use hmac::Mac;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::part::hmac;

/// The keys.
pub struct Keys {
    head: Zeroizing<[u8; 32]>,
    digest: Zeroizing<[u8; 32]>,
    credential: Zeroizing<[u8; 32]>,
    support: Zeroizing<[u8; 32]>,
    seal_key_digest: [u8; 32],
    log: SigningKey,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(***)")
    }
}

impl Keys {
    /// From the two secrets: 32 random bytes, and an Ed25519 seed (RFC 8032).
    pub fn new(seal: &[u8; 32], log_seed: &[u8; 32]) -> Self {
        let derive = |label: &[u8]| Zeroizing::new(keyed(seal, &[label]));
        Self {
            head: derive(b"qinlian/v1/key/seal"),
            digest: derive(b"qinlian/v1/key/digest"),
            credential: derive(b"qinlian/v1/key/credential"),
            support: derive(b"qinlian/v1/key/support"),
            seal_key_digest: Sha256::new()
                .chain_update(b"qinlian/v1/seal-key\0")
                .chain_update(seal)
                .finalize()
                .into(),
            log: SigningKey::from_bytes(log_seed),
        }
    }

    /// What the genesis entry says of the seal key: a replica with another one is not ready.
    pub fn seal_key_digest(&self) -> [u8; 32] {
        self.seal_key_digest
    }

    /// The key that signs checkpoints; every log's verifier key is made of it and the log's origin.
    pub fn log(&self) -> &SigningKey {
        &self.log
    }

    /// Seals the columns of a row. Lengths go in, so that no two rows have the same bytes.
    pub fn seal(&self, label: &[u8], columns: &[&[u8]]) -> [u8; 32] {
        keyed_under(&self.head, label, columns)
    }

    /// The keyed digest of a command: equal for equal commands, and says nothing else.
    pub fn command_digest(&self, kind: u16, content: &[u8]) -> [u8; 32] {
        keyed_under(&self.digest, b"qinlian/v1/command", &[&kind.to_be_bytes(), content])
    }

    /// The keyed hash of a credential as read.
    pub fn credential_hmac(&self, kind: u8, value: &str) -> [u8; 32] {
        keyed_under(&self.credential, b"qinlian/v1/credential", &[&[kind], value.as_bytes()])
    }

    /// Seals the ids that denied callers may quote, and nothing else.
    pub fn support_key(&self) -> [u8; 32] {
        *self.support
    }

    /// The keyed hash behind an id that is derived from content (an imported line).
    pub fn derived_id(&self, label: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        keyed_under(&self.digest, label, parts)
    }
}

fn keyed_under(key: &[u8; 32], label: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = hmac(key);
    mac.update(label);
    mac.update(&[0]);
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    keyed_under(key, b"qinlian/v1/derive", parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_depends_on_every_column_and_on_where_it_ends() {
        let keys = Keys::new(&[1; 32], &[2; 32]);
        let seal = keys.seal(b"head", &[b"ab", b"c"]);
        for other in [
            keys.seal(b"head", &[b"a", b"bc"]),
            keys.seal(b"tail", &[b"ab", b"c"]),
            keys.seal(b"head", &[b"ab"]),
            Keys::new(&[3; 32], &[2; 32]).seal(b"head", &[b"ab", b"c"]),
        ] {
            assert_ne!(other, seal);
        }
        assert_ne!(keys.command_digest(1, b"x"), keys.command_digest(2, b"x"));
        assert_ne!(keys.seal_key_digest(), [1; 32]);
    }
}
