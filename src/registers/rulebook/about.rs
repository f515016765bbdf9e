//! Which entries of a log are about a person, in every register.

use std::collections::{BTreeSet, HashMap};

use crate::kernel::{LogId, PersonId, Pos};
use crate::registers::{approval, attendance, audit, directory, duty, inspection, month, roster};
use crate::store::{StoreError, Tx};

/// The entries of a log that are about a person, in every register: whom an erasure or a bundle names.
pub async fn about(tx: &mut Tx, log: LogId, person: &PersonId) -> Result<BTreeSet<Pos>, StoreError> {
    let found = directory::rows::about(tx, log, person).await?;
    let mut positions = found.positions;
    positions.extend(attendance::about::positions(tx, log, person, &found.credentials).await?);
    positions.extend(roster::rows::about(tx, log, person.as_str()).await?);
    positions.extend(approval::rows::about(tx, log, person.as_str()).await?);
    positions.extend(duty::rows::about(tx, log, person.as_str()).await?);
    positions.extend(inspection::rows::about(tx, log, person.as_str()).await?);
    positions.extend(month::rows::about(tx, log, person.as_str()).await?);
    Ok(positions)
}

/// Those of the people whom proposals to erase name.
pub(super) async fn proposed(
    tx: &mut Tx,
    audits: &[(LogId, &audit::fact::Command)],
) -> Result<HashMap<(LogId, PersonId), BTreeSet<Pos>>, StoreError> {
    let mut found = HashMap::new();
    for (log, command) in audits {
        let audit::fact::Command::RequestErasure { person_id: Some(person), .. } = command else { continue };
        found.insert((*log, person.clone()), about(tx, *log, person).await?);
    }
    Ok(found)
}
