//! Which entries of a log are about a person: for an erasure that names them.

use std::collections::BTreeSet;

use super::rows::unresolved;
use crate::kernel::{LogId, PersonId, Pos};
use crate::store::{Binds, Keys, Statement, StoreError, Tx};

static PUNCHES_OF: Statement =
    Statement::new("SELECT pos FROM attendance_punch WHERE log_id = $1 AND who = ANY($2::text[])");

/// Every text, so that a test can prepare each on both databases.
pub static STATEMENTS: &[&Statement] = &[&PUNCHES_OF];

/// The punches of a person, and those of a credential bound to them that nobody was known for.
pub async fn positions(
    tx: &mut Tx,
    log: LogId,
    person: &PersonId,
    credentials: &BTreeSet<String>,
) -> Result<BTreeSet<Pos>, StoreError> {
    let who = std::iter::once(person.to_string()).chain(credentials.iter().map(|key| unresolved(key)));
    let binds = Binds::new().and(log.column()).keys(Keys::texts(who));
    let found = tx.fetch(&PUNCHES_OF, binds, |cells| cells.int()).await?;
    Ok(found.into_iter().filter_map(Pos::from_column).collect())
}
