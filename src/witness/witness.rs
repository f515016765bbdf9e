//! The witness itself: one decision at a time, remembered before it is told.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::state::State;
use crate::clock::Clock;
use crate::tlog::{
    AddCheckpoint, Checkpoint, Cosigner, Latest, Note, VerifierKey, WitnessAnswer, WitnessedLog,
};

/// What a witness is made of.
#[derive(Debug)]
pub struct WitnessOptions {
    /// Its key.
    pub cosigner: Cosigner,
    /// The logs that it knows; several keys of one name are one log's.
    pub logs: Vec<VerifierKey>,
    /// Where it remembers.
    pub state: PathBuf,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
}

/// A witness that cannot decide answers nothing; it never guesses.
#[derive(Debug, thiserror::Error)]
pub enum WitnessFault {
    /// Its memory cannot be read or written.
    #[error("failed to use the witness's memory: {0}")]
    Io(#[from] io::Error),
    /// Its memory does not hold what it cosigned.
    #[error("the witness's memory of {0} is not what it cosigned")]
    Memory(String),
    /// Its own name or clock cannot be used.
    #[error("the witness cannot cosign")]
    Cosign,
}

/// An answer to add-checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200: the signature lines.
    Cosigned(String),
    /// 409: the size cosigned last.
    Conflict(u64),
    /// Any other status.
    Refused(u16),
}

/// A witness.
#[derive(Debug)]
pub struct Witness {
    cosigner: Cosigner,
    logs: BTreeMap<String, Vec<VerifierKey>>,
    state: State,
    clock: Arc<dyn Clock>,
}

/// The name of a log in paths: the SHA-256 of its origin in lower-case hex, c2sp.org/tlog-witness.
pub fn origin_hash(origin: &str) -> String {
    hex(&Sha256::digest(origin))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Witness {
    /// Opens its memory.
    pub fn open(options: WitnessOptions) -> Result<Self, WitnessFault> {
        let WitnessOptions { cosigner, logs, state, clock } = options;
        let mut by_origin: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
        for key in logs {
            by_origin.entry(key.name().to_owned()).or_default().push(key);
        }
        Ok(Self { cosigner, logs: by_origin, state: State::open(&state)?, clock })
    }

    /// The key that verifies what it cosigns.
    pub fn cosigner(&self) -> &Cosigner {
        &self.cosigner
    }

    /// "add-checkpoint": checks, remembers, cosigns. Blocks on the disk.
    pub fn add_checkpoint(&self, body: &str) -> Result<Answer, WitnessFault> {
        let Ok(request) = AddCheckpoint::parse(body) else { return Ok(Answer::Refused(400)) };
        let origin = request.origin().unwrap_or_default();
        let Some(keys) = self.logs.get(&origin) else {
            return Ok(Answer::Refused(request.decide(None).status()));
        };
        let hash = origin_hash(&origin);
        let locked = self.state.lock()?;
        let latest = self.latest(&origin, locked.read(&hash)?)?;
        let log = WitnessedLog { keys: keys.clone(), latest };
        let answer = match request.decide(Some(&log)) {
            WitnessAnswer::Cosign { text, .. } => {
                // "the timestamp MUST NOT be zero": a clock that stands at 1970 is none.
                let seconds = u64::try_from(self.clock.now().get() / 1_000).unwrap_or(0);
                if seconds == 0 {
                    return Err(WitnessFault::Cosign);
                }
                let line = self.cosigner.cosign(&text, seconds).map_err(|_| WitnessFault::Cosign)?.line();
                locked.write(&hash, &served(&request.checkpoint, &text, keys, &line))?;
                return Ok(Answer::Cosigned(line));
            }
            WitnessAnswer::Conflict(size) => Answer::Conflict(size),
            refused @ (WitnessAnswer::BadRequest
            | WitnessAnswer::Forbidden
            | WitnessAnswer::UnknownOrigin
            | WitnessAnswer::Inconsistent) => Answer::Refused(refused.status()),
        };
        if contradicts(&request, &log, &answer) {
            tracing::error!(code = "WITNESS_EVIDENCE", origin, "the log signed what contradicts it");
            locked.keep_evidence(&hash, &hex(&Sha256::digest(body)), body)?;
        }
        Ok(answer)
    }

    /// What it last cosigned; its own signature says whether its memory can be believed.
    fn latest(&self, origin: &str, stored: Option<String>) -> Result<Latest, WitnessFault> {
        let Some(stored) = stored else { return Ok(Latest::default()) };
        let bad = || WitnessFault::Memory(origin.to_owned());
        let note = Note::parse(&stored).map_err(|_| bad())?;
        let cosigned = self.cosigner.key().verify(&note).map_err(|_| bad())?;
        let checkpoint = Checkpoint::parse(note.unverified_text()).map_err(|_| bad())?;
        if cosigned.is_none() || checkpoint.origin != origin {
            return Err(bad());
        }
        Ok(Latest { size: checkpoint.size, root: checkpoint.root })
    }

    /// The newest cosigned checkpoint of the log with this origin hash.
    pub fn checkpoint(&self, hash: &str) -> io::Result<Option<String>> {
        let known = hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if known { self.state.read(hash) } else { Ok(None) }
    }
}

/// The note that is remembered and served: the log's signatures that were verified, and the cosignature.
fn served(checkpoint: &str, text: &str, keys: &[VerifierKey], line: &str) -> String {
    let mut note = format!("{text}\n");
    let signatures = Note::parse(checkpoint).map(|note| note.signatures().to_vec()).unwrap_or_default();
    for signature in signatures {
        let verified =
            |key: &VerifierKey| key.name() == signature.name() && key.key_id() == signature.key_id();
        if keys.iter().any(verified) {
            note.push_str(&signature.line());
        }
    }
    note.push_str(line);
    note
}

/// Did the log sign something that cannot be the history of what was cosigned?
fn contradicts(request: &AddCheckpoint, log: &WitnessedLog, answer: &Answer) -> bool {
    let note = Note::parse(&request.checkpoint).ok();
    let signed = note.as_ref().and_then(|note| note.verify(&log.keys).ok());
    let Some(checkpoint) = signed.and_then(|text| Checkpoint::parse(text).ok()) else { return false };
    *answer == Answer::Refused(422)
        || (checkpoint.size == log.latest.size && checkpoint.root != log.latest.root)
}
