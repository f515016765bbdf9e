//! Our own signatures on checkpoints. Ed25519 is deterministic (RFC 8032): whoever signs, and however often, the note
//! has the same bytes; so signatures are stored for convenience and made again whenever one is missing.

use super::keys::Keys;
use super::tables;
use crate::kernel::{LogId, Pos};
use crate::store::Inserts;
use crate::tlog::{Checkpoint, Hash, NoteSigner, VerifierKey};

/// A row of `ledger_signature`.
#[derive(Debug, Clone)]
pub(super) struct SignatureRow {
    log: LogId,
    epoch: u32,
    size: u64,
    key_id: [u8; 4],
    sig: [u8; 64],
}

impl SignatureRow {
    /// The key's id.
    pub(super) fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    /// The 64 bytes.
    pub(super) fn sig(&self) -> [u8; 64] {
        self.sig
    }

    pub(super) fn insert(self, inserts: &mut Inserts) {
        inserts.push(
            &tables::SIGNATURE,
            [
                self.log.column().into(),
                self.epoch.into(),
                Pos::new(self.size).column().into(),
                self.key_id.into(),
                self.sig.into(),
            ],
        );
    }
}

/// The note signer of a log: the key's name is the origin (c2sp.org/tlog-checkpoint).
fn signer(keys: &Keys, origin: &str) -> Option<NoteSigner> {
    NoteSigner::ed25519(origin, keys.log().clone()).ok()
}

/// The verifier key of a log.
pub fn verifier_key(keys: &Keys, origin: &str) -> Option<VerifierKey> {
    signer(keys, origin).map(|signer| signer.verifier_key().clone())
}

/// The signed note of a checkpoint, and the row that keeps its signature. `None` only for an origin that cannot be a
/// key's name.
pub(super) fn sign(
    keys: &Keys,
    log: LogId,
    origin: &str,
    epoch: u32,
    size: u64,
    root: &Hash,
) -> Option<(String, SignatureRow)> {
    let text = Checkpoint::new(origin, size, *root).to_text();
    let signer = signer(keys, origin)?;
    let signature = signer.sign(&text);
    let row = SignatureRow { log, epoch, size, key_id: signature.key_id(), sig: signature.ed25519()? };
    Some((signature.note(&text), row))
}
