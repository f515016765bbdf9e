//! Cosignatures that witnesses gave: verified, then kept.

use super::reader::{Epoch, Reader, SealedCheckpoint};
use super::tables;
use crate::kernel::{EpochMs, LogId, Pos};
use crate::store::{Binds, Inserts, Statement, StoreError};
use crate::tlog::{Checkpoint, CosignatureKey, NoteSignature};

static NEWEST: Statement = Statement::new(
    "SELECT size, cosigned_ms FROM ledger_cosig WHERE log_id = $1 AND epoch = $2 AND key_id = $3 \
     ORDER BY size DESC, cosigned_ms DESC LIMIT 1",
);

/// A cosignature that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The witness's key id.
    pub key_id: [u8; 4],
    /// When, by the witness's clock: whole seconds.
    pub at: EpochMs,
    sig: Vec<u8>,
}

/// The text of a checkpoint: what witnesses sign.
pub fn text(epoch: &Epoch, checkpoint: &SealedCheckpoint) -> String {
    Checkpoint::new(&epoch.origin, checkpoint.size, checkpoint.root).to_text()
}

/// What a witness answered, as far as it is by that witness and of that text. Lines of other keys are ignored, as
/// c2sp.org/tlog-witness asks.
pub fn verify(lines: &str, text: &str, witness: &CosignatureKey) -> Vec<Cosigned> {
    let key = witness.vkey();
    let own = |line: &NoteSignature| line.name() == key.name() && line.key_id() == key.key_id();
    let lines = lines.lines().filter_map(|line| NoteSignature::parse(line).ok()).filter(own);
    lines.filter_map(|line| cosigned(&line, text, witness)).collect()
}

fn cosigned(line: &NoteSignature, text: &str, witness: &CosignatureKey) -> Option<Cosigned> {
    let seconds = witness.verify_line(text, line).ok()?;
    let ms = i64::try_from(seconds).ok()?.checked_mul(1_000)?;
    // "The cosignature MUST NOT omit the timestamp, i.e. the timestamp MUST NOT be zero."
    let at = EpochMs::new(ms).ok().filter(|at| *at > EpochMs::ZERO)?;
    Some(Cosigned { key_id: line.key_id(), at, sig: line.bytes().get(8..)?.to_vec() })
}

/// Keeps them; what is there already stays.
pub async fn keep(
    reader: &Reader,
    log: LogId,
    checkpoint: &SealedCheckpoint,
    cosigned: &[Cosigned],
) -> Result<(), StoreError> {
    let mut inserts = Inserts::new();
    for one in cosigned {
        inserts.push(
            &tables::COSIG,
            [
                log.column().into(),
                checkpoint.epoch.into(),
                Pos::new(checkpoint.size).column().into(),
                one.key_id.into(),
                one.at.get().into(),
                one.sig.clone().into(),
            ],
        );
    }
    let mut tx = reader.store().begin().await?;
    tx.insert(inserts).await?;
    tx.commit().await
}

/// The largest size that a witness cosigned of an epoch, and when it last did.
pub async fn newest(
    reader: &Reader,
    log: LogId,
    epoch: u32,
    witness: &CosignatureKey,
) -> Result<Option<(u64, EpochMs)>, StoreError> {
    let binds = Binds::new().and(log.column()).and(epoch).and(witness.vkey().key_id());
    let rows = reader.store().fetch(&NEWEST, binds, |cells| Ok((cells.int()?, cells.int()?))).await?;
    let newest = rows.into_iter().next();
    Ok(newest.and_then(|(size, at)| Some((Pos::from_column(size)?.get(), EpochMs::clamped(at)))))
}
