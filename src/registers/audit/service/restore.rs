//! What a restore says on record: the first entry of the epoch, and the erasures that are carried out again.

use crate::ledger::restore::{self, Adopted, Restore, RestoreError, Which};
use crate::proto::EpochFact;
use crate::registers::audit::fact::Command;
use crate::registers::rulebook::{Registers, local_administrator};

/// Lets the logs of an older copy go on as new epochs (`qinlian ledger adopt-restore`), by the hand of whoever sits at
/// the machine.
pub async fn adopt_restore(
    restore: &Restore<'_, Registers>,
    which: &Which,
) -> Result<Vec<Adopted>, RestoreError> {
    let begin = |adopted: &Adopted| Command::BeginEpoch(epoch(adopted)).into();
    let again = |parts: &[_]| Command::EraseAgain { parts: parts.to_vec() }.into();
    restore::adopt_restore(restore, which, &local_administrator(), begin, again).await
}

fn epoch(adopted: &Adopted) -> EpochFact {
    EpochFact {
        epoch: adopted.epoch.into(),
        base: adopted.base.get(),
        old_origin: adopted.old_origin.clone(),
        old_size: adopted.old.size,
        old_root: adopted.old.root.0.to_vec(),
        known_size: adopted.known.size,
        known_root: adopted.known.root.0.to_vec(),
    }
}
