//! Proofs that travel alone, c2sp.org/tlog-proof: our receipts.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, CheckpointError, parse_decimal};
use super::hash::Hash;
use super::note::{Note, NoteError, VerifierKey};
use super::proof::{ProofError, verify_inclusion};

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// No tree of 2^62 leaves is deeper.
const MAX_HASHES: usize = 62;

/// A proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Opaque and not authenticated.
    pub extra: Option<Vec<u8>>,
    /// The entry's index.
    pub index: u64,
    /// From the leaf's sibling up.
    pub hashes: Vec<Hash>,
    /// The signed note, verbatim.
    pub checkpoint: String,
}

/// Why a text is not a proof, or proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// Not the lines of a proof.
    #[error("does not have the lines of a c2sp.org/tlog-proof@v1")]
    Form,
    /// The index is not a plain decimal.
    #[error("has an index that is not a plain decimal")]
    Index,
    /// A line is not a hash, or there are more than 62.
    #[error("has a line that is not a hash")]
    Hashes,
    /// The checkpoint is not a note that may be believed.
    #[error("its checkpoint {0}")]
    Note(#[from] NoteError),
    /// The note is not a checkpoint.
    #[error("its checkpoint {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is of another log than the key.
    #[error("its checkpoint is of another log")]
    Origin,
    /// The hashes do not lead to the root.
    #[error("{0}")]
    Proof(#[from] ProofError),
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl TlogProof {
    /// Parses; checks nothing yet.
    pub fn parse(text: &str) -> Result<Self, TlogProofError> {
        let rest =
            text.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n')).ok_or(TlogProofError::Form)?;
        let (lines, checkpoint) = rest.split_once("\n\n").ok_or(TlogProofError::Form)?;
        let mut lines = lines.split('\n').peekable();
        let extra = match lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            Some(encoded) => {
                lines.next();
                Some(STANDARD.decode(encoded).map_err(|_| TlogProofError::Form)?)
            }
            None => None,
        };
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or(TlogProofError::Form)?;
        let index = parse_decimal(index).ok_or(TlogProofError::Index)?;
        let hashes: Vec<Hash> = lines
            .map(|line| Hash::parse_base64(line).ok_or(TlogProofError::Hashes))
            .collect::<Result<_, _>>()?;
        if hashes.len() > MAX_HASHES {
            return Err(TlogProofError::Hashes);
        }
        Note::parse(checkpoint)?;
        Ok(Self { extra, index, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// "Verifying a tlog proof": the leaf is in the tree that the log's key signed. Answers with that checkpoint.
    pub fn verify(&self, leaf: Hash, log: &VerifierKey) -> Result<Checkpoint, TlogProofError> {
        let note = Note::parse(&self.checkpoint)?;
        let checkpoint = Checkpoint::parse(note.verify(std::slice::from_ref(log))?)?;
        if checkpoint.origin != log.name() {
            return Err(TlogProofError::Origin);
        }
        verify_inclusion(leaf, self.index, checkpoint.size, &self.hashes, checkpoint.root)?;
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::{NoteSigner, leaf_hash};
    use ed25519_dalek::SigningKey;

    fn proof() -> (TlogProof, Hash, NoteSigner) {
        let signer = NoteSigner::ed25519("log.example", SigningKey::from_bytes(&[1; 32])).unwrap();
        let (one, two) = (leaf_hash(b"one"), leaf_hash(b"two"));
        let text = Checkpoint::new("log.example", 2, Hash::node(&one, &two)).to_text();
        let checkpoint = signer.sign(&text).note(&text);
        (TlogProof { extra: None, index: 1, hashes: vec![one], checkpoint }, two, signer)
    }

    #[test]
    fn a_proof_is_read_as_it_is_written_and_verifies() {
        let (mut proof, leaf, signer) = proof();
        assert_eq!(TlogProof::parse(&proof.to_string()), Ok(proof.clone()));
        assert_eq!(proof.verify(leaf, signer.verifier_key()).unwrap().size, 2);
        assert_eq!(proof.verify(leaf_hash(b"three"), signer.verifier_key()), Err(ProofError::Root.into()));
        proof.extra = Some(b"where it came from".to_vec());
        assert_eq!(TlogProof::parse(&proof.to_string()), Ok(proof));
    }

    #[test]
    fn every_character_of_a_proof_matters() {
        let (proof, leaf, signer) = proof();
        let text = proof.to_string();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 2;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let verified = TlogProof::parse(&changed).and_then(|p| p.verify(leaf, signer.verifier_key()));
            assert!(verified.is_err(), "byte {at} of\n{changed}");
        }
    }

    #[test]
    fn a_key_of_another_log_proves_nothing() {
        let (proof, leaf, _) = proof();
        let other = NoteSigner::ed25519("other.example", SigningKey::from_bytes(&[1; 32])).unwrap();
        assert_eq!(proof.verify(leaf, other.verifier_key()), Err(NoteError::NoKnownKey.into()));
        let text = Checkpoint::new("log.example", 2, leaf).to_text();
        let transplanted = TlogProof { checkpoint: other.sign(&text).note(&text), ..proof };
        assert_eq!(transplanted.verify(leaf, other.verifier_key()), Err(TlogProofError::Origin));
    }
}
