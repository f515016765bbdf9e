//! The witness protocol's decision, c2sp.org/tlog-witness "add-checkpoint", without its HTTP and its database.

use super::checkpoint::{Checkpoint, parse_decimal};
use super::hash::{Hash, empty_root};
use super::note::{Note, NoteError, VerifierKey};
use super::proof::verify_consistency;

/// "The client MUST NOT send more than 63 consistency proof lines."
const MAX_PROOF_LINES: usize = 63;

/// The body of an add-checkpoint request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the client believes the witness has.
    pub old_size: u64,
    /// From there to the checkpoint.
    pub proof: Vec<Hash>,
    /// The signed note, verbatim.
    pub checkpoint: String,
}

/// Why a body is not a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// Not `old N`, hashes, an empty line and a checkpoint.
    #[error("is not an add-checkpoint request")]
    Form,
}

impl AddCheckpoint {
    /// Parses a body.
    pub fn parse(body: &str) -> Result<Self, WitnessError> {
        let (lines, checkpoint) = body.split_once("\n\n").ok_or(WitnessError::Form)?;
        let mut lines = lines.split('\n');
        let old_size = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(parse_decimal);
        let old_size = old_size.ok_or(WitnessError::Form)?;
        let proof: Vec<Hash> =
            lines.map(|line| Hash::parse_base64(line).ok_or(WitnessError::Form)).collect::<Result<_, _>>()?;
        if proof.len() > MAX_PROOF_LINES {
            return Err(WitnessError::Form);
        }
        Ok(Self { old_size, proof, checkpoint: checkpoint.to_owned() })
    }
}

impl std::fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        for hash in &self.proof {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// What a witness last cosigned of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest {
    /// 0 when it never cosigned.
    pub size: u64,
    /// The root at that size.
    pub root: Hash,
}

impl Default for Latest {
    fn default() -> Self {
        Self { size: 0, root: empty_root() }
    }
}

/// A log that a witness knows, and what it last cosigned of it.
#[derive(Debug, Clone)]
pub struct WitnessedLog {
    /// The keys that it trusts for the log.
    pub keys: Vec<VerifierKey>,
    /// What it last cosigned.
    pub latest: Latest,
}

/// The answer, by its HTTP status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WitnessAnswer {
    /// 200: cosign this text, once `latest` has been stored in its place.
    Cosign {
        /// The text to cosign.
        text: String,
        /// What to store before answering.
        latest: Latest,
    },
    /// 400: the old size is larger than the checkpoint's, or the note is none.
    BadRequest,
    /// 403: no trusted key signed it, or a trusted key's signature is bad.
    Forbidden,
    /// 404: an origin that is not known.
    UnknownOrigin,
    /// 409: another size was cosigned last; this one.
    Conflict(u64),
    /// 422: not the log that was cosigned before.
    Inconsistent,
}

impl WitnessAnswer {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Cosign { .. } => 200,
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::UnknownOrigin => 404,
            Self::Conflict(_) => 409,
            Self::Inconsistent => 422,
        }
    }
}

impl AddCheckpoint {
    /// The origin that the note names; nothing is verified by it.
    pub fn origin(&self) -> Option<String> {
        let note = Note::parse(&self.checkpoint).ok()?;
        note.unverified_text().split('\n').next().filter(|line| !line.is_empty()).map(str::to_owned)
    }

    /// Decides, in the order of the text. Between reading `log` and storing what the answer says, nobody else may
    /// store: the caller holds a lock or a transaction.
    pub fn decide(&self, log: Option<&WitnessedLog>) -> WitnessAnswer {
        let Ok(note) = Note::parse(&self.checkpoint) else { return WitnessAnswer::BadRequest };
        let Some(log) = log else { return WitnessAnswer::UnknownOrigin };
        let text = match note.verify(&log.keys) {
            Ok(text) => text,
            Err(NoteError::NoKnownKey | NoteError::BadSignature) => return WitnessAnswer::Forbidden,
            Err(
                NoteError::TooLarge
                | NoteError::ControlCharacter
                | NoteError::NoSignatures
                | NoteError::TooManySignatures
                | NoteError::BadSignatureLine,
            ) => return WitnessAnswer::BadRequest,
        };
        let Ok(checkpoint) = Checkpoint::parse(text) else { return WitnessAnswer::BadRequest };
        if self.old_size > checkpoint.size {
            return WitnessAnswer::BadRequest;
        }
        if self.old_size != log.latest.size {
            return WitnessAnswer::Conflict(log.latest.size);
        }
        if checkpoint.size == 0 && checkpoint.root != empty_root() {
            return WitnessAnswer::Inconsistent;
        }
        let old_root = if self.old_size == 0 { empty_root() } else { log.latest.root };
        match verify_consistency(self.old_size, old_root, checkpoint.size, checkpoint.root, &self.proof) {
            Ok(()) => WitnessAnswer::Cosign {
                latest: Latest { size: checkpoint.size, root: checkpoint.root },
                text: text.to_owned(),
            },
            Err(_) => WitnessAnswer::Inconsistent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::{Edge, NoteSigner, assemble, consistency_nodes, leaf_hash};
    use ed25519_dalek::SigningKey;
    use std::collections::HashMap;

    struct Log {
        signer: NoteSigner,
        nodes: HashMap<crate::tlog::NodeId, Hash>,
        roots: Vec<Hash>,
    }

    fn log(salt: u8, size: u64) -> Log {
        let signer = NoteSigner::ed25519("log.example", SigningKey::from_bytes(&[1; 32])).unwrap();
        let (mut edge, mut nodes) = (Edge::new(), HashMap::new());
        let mut roots = vec![edge.root()];
        for n in 0..size {
            let byte = if n < 5 { 0 } else { salt };
            edge.push(leaf_hash(&[byte, u8::try_from(n).unwrap()]), &mut |id, hash| {
                nodes.insert(id, hash);
            })
            .unwrap();
            roots.push(edge.root());
        }
        Log { signer, nodes, roots }
    }

    impl Log {
        fn request(&self, old_size: u64, size: u64) -> AddCheckpoint {
            let root = self.roots[usize::try_from(size).unwrap()];
            let text = Checkpoint::new("log.example", size, root).to_text();
            let items = consistency_nodes(old_size.min(size), size).unwrap();
            let proof = assemble(&items, |id| self.nodes.get(&id).copied()).unwrap();
            AddCheckpoint { old_size, proof, checkpoint: self.signer.sign(&text).note(&text) }
        }

        fn at(&self, size: u64) -> WitnessedLog {
            let root = self.roots[usize::try_from(size).unwrap()];
            WitnessedLog { keys: vec![self.signer.verifier_key().clone()], latest: Latest { size, root } }
        }
    }

    #[test]
    fn the_statuses_of_the_specification_come_out() {
        let (honest, fork) = (log(1, 20), log(2, 20));
        let stranger = NoteSigner::ed25519("log.example", SigningKey::from_bytes(&[9; 32])).unwrap();
        let mut unsigned = honest.request(5, 9);
        let text = Note::parse(&unsigned.checkpoint).unwrap().unverified_text().to_owned();
        unsigned.checkpoint = stranger.sign(&text).note(&text);
        let mut spoiled = honest.request(5, 9);
        spoiled.checkpoint = spoiled.checkpoint.replace("\n9\n", "\n8\n");
        let mut stuffed = honest.request(0, 9);
        stuffed.proof.push(Hash([0; 32]));
        let mut bare = honest.request(5, 9);
        bare.proof.clear();
        let empty_text = Checkpoint::new("log.example", 0, Hash([7; 32])).to_text();
        let odd_empty = AddCheckpoint {
            old_size: 0,
            proof: vec![],
            checkpoint: honest.signer.sign(&empty_text).note(&empty_text),
        };
        for (case, request, latest, status) in [
            ("honest growth", honest.request(5, 9), Some(honest.at(5)), 200),
            ("the first time", honest.request(0, 9), Some(honest.at(0)), 200),
            ("the same again", honest.request(9, 9), Some(honest.at(9)), 200),
            ("size zero", honest.request(0, 0), Some(honest.at(0)), 200),
            ("size zero with another root", odd_empty, Some(honest.at(0)), 422),
            ("an unknown log", honest.request(5, 9), None, 404),
            ("another key", unsigned, Some(honest.at(5)), 403),
            ("a signature that does not fit", spoiled, Some(honest.at(5)), 403),
            ("old size beyond the checkpoint", honest.request(12, 9), Some(honest.at(12)), 400),
            ("the client is behind", honest.request(5, 9), Some(honest.at(7)), 409),
            ("the client is ahead", honest.request(8, 9), Some(honest.at(7)), 409),
            ("a rollback is a conflict first", honest.request(5, 9), Some(honest.at(15)), 409),
            ("a rollback at the witness's size", honest.request(15, 9), Some(honest.at(15)), 400),
            ("a fork", fork.request(9, 15), Some(honest.at(9)), 422),
            ("a fork at the same size", fork.request(9, 9), Some(honest.at(9)), 422),
            ("a proof where none may be", stuffed, Some(honest.at(0)), 422),
            ("no proof where one has to be", bare, Some(honest.at(5)), 422),
        ] {
            assert_eq!(request.decide(latest.as_ref()).status(), status, "{case}");
            assert_eq!(AddCheckpoint::parse(&request.to_string()), Ok(request), "{case}");
        }
        assert_eq!(honest.request(5, 9).decide(Some(&honest.at(7))), WitnessAnswer::Conflict(7));
        assert_eq!(honest.request(5, 9).origin().as_deref(), Some("log.example"));
    }

    #[test]
    fn what_is_not_a_request_is_refused() {
        for body in ["", "old 1\n", "old 01\n\nx", "old -1\n\nx", "new 1\n\nx", "old 1\nAAAA\n\nx"] {
            assert_eq!(AddCheckpoint::parse(body), Err(WitnessError::Form), "{body:?}");
        }
        let line = format!("{}\n", Hash([0; 32]));
        assert!(AddCheckpoint::parse(&format!("old 1\n{}\nx", line.repeat(63))).is_ok());
        assert!(AddCheckpoint::parse(&format!("old 1\n{}\nx", line.repeat(64))).is_err());
    }
}
