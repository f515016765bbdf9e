//! Timestamped Ed25519 cosignatures, c2sp.org/tlog-cosignature "Ed25519 signed message" (type 0x04).
//!
//! Signatures of other types, ML-DSA-44 among them, are other keys: they are ignored like any unknown key.

use ed25519_dalek::{Signer, SigningKey};

use super::note::{Note, NoteError, NoteSignature, VerifierKey, VkeyError};

/// The identifier byte of timestamped Ed25519 cosignatures.
const COSIGNATURE_V1: u8 = 0x04;
/// A timestamp must not exceed 2^63-1.
const MAX_TIMESTAMP: u64 = i64::MAX.cast_unsigned();

/// A witness's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignatureKey(VerifierKey);

/// Parses a witness's key: type 0x04.
pub fn parse_cosignature_key(vkey: &str) -> Result<CosignatureKey, VkeyError> {
    VerifierKey::parse_typed(vkey, COSIGNATURE_V1).map(CosignatureKey)
}

/// What is signed: the header, the time, and the whole text of the note.
fn message(timestamp: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {timestamp}\n{text}")
}

impl CosignatureKey {
    /// The verifier key, as it is written.
    pub fn vkey(&self) -> &VerifierKey {
        &self.0
    }

    /// When this key cosigned the note (seconds since 1970): the newest time, if it did more than once; nothing if it
    /// did not. A cosignature of this key that does not verify spoils the note.
    pub fn verify(&self, note: &Note) -> Result<Option<u64>, NoteError> {
        let mut newest = None;
        for signature in note.signatures() {
            if signature.name() == self.0.name() && signature.key_id() == self.0.key_id() {
                newest = newest.max(Some(self.verify_line(note.unverified_text(), signature)?));
            }
        }
        Ok(newest)
    }

    /// The time of one cosignature of a text.
    pub fn verify_line(&self, text: &str, signature: &NoteSignature) -> Result<u64, NoteError> {
        let (time, ed25519) = signature.bytes().split_first_chunk::<8>().ok_or(NoteError::BadSignature)?;
        let timestamp = u64::from_be_bytes(*time);
        if timestamp > MAX_TIMESTAMP {
            return Err(NoteError::BadSignature);
        }
        self.0.verify(message(timestamp, text).as_bytes(), ed25519)?;
        Ok(timestamp)
    }
}

/// Cosigns.
pub struct Cosigner {
    key: SigningKey,
    verifier: CosignatureKey,
}

impl std::fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cosigner({})", self.verifier.0.name())
    }
}

impl Cosigner {
    /// A witness by its name and key.
    pub fn new(name: &str, key: SigningKey) -> Result<Self, VkeyError> {
        let verifier = CosignatureKey(VerifierKey::new(name, COSIGNATURE_V1, key.verifying_key())?);
        Ok(Self { key, verifier })
    }

    /// The key that verifies what this cosigns.
    pub fn key(&self) -> &CosignatureKey {
        &self.verifier
    }

    /// Cosigns a note's text at a time (seconds since 1970, at most 2^63-1).
    pub fn cosign(&self, text: &str, timestamp: u64) -> Result<NoteSignature, VkeyError> {
        let timestamp = timestamp.min(MAX_TIMESTAMP);
        let signature = self.key.sign(message(timestamp, text).as_bytes());
        let bytes = [&timestamp.to_be_bytes()[..], &signature.to_bytes()].concat();
        NoteSignature::new(self.verifier.0.name(), self.verifier.0.key_id(), bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::NoteSigner;

    #[test]
    fn a_cosignature_holds_for_its_text_and_its_time_only() {
        let log = NoteSigner::ed25519("log.example", SigningKey::from_bytes(&[1; 32])).unwrap();
        let witness = Cosigner::new("witness.example/w1", SigningKey::from_bytes(&[2; 32])).unwrap();
        let text = "log.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
        let cosignature = witness.cosign(text, 1_679_315_147).unwrap();
        let note = format!("{}{}", log.sign(text).note(text), cosignature.line());
        let parsed = Note::parse(&note).unwrap();
        assert_eq!(witness.key().verify(&parsed), Ok(Some(1_679_315_147)));
        assert_eq!(parsed.verify(&[log.verifier_key().clone()]), Ok(text));
        let vkey = witness.key().vkey().to_string();
        assert_eq!(parse_cosignature_key(&vkey), Ok(witness.key().clone()));
        assert_eq!(VerifierKey::parse(&vkey), Err(VkeyError::Type));

        let mut earlier = cosignature.bytes().to_vec();
        earlier[7] ^= 1;
        let forged = NoteSignature::new("witness.example/w1", cosignature.key_id(), earlier).unwrap();
        assert_eq!(witness.key().verify_line(text, &forged), Err(NoteError::BadSignature));
        assert_eq!(witness.key().verify_line("other\n", &cosignature), Err(NoteError::BadSignature));
        let other = Cosigner::new("witness.example/w2", SigningKey::from_bytes(&[3; 32])).unwrap();
        assert_eq!(other.key().verify(&parsed), Ok(None));
    }
}
