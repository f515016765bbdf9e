//! Whose credentials are, and were: loaded for a set of people or credentials, then seen as of any entry.

use std::collections::{BTreeSet, HashMap};

use crate::kernel::{EpochDay, LogId, Pos};
use crate::store::{Binds, Cells, Keys, Statement, StoreError, Tx};

/// Every credential that some people ever held.
static CREDENTIALS_OF_PEOPLE: Statement = Statement::new(
    "SELECT credential FROM directory_binding WHERE log_id = $1 AND pos < $2 AND person_id = ANY($3::text[])",
);

static BINDINGS_OF_CREDENTIALS: Statement = Statement::new(
    "SELECT pos, person_id, credential, from_day, until_day, retired FROM directory_binding \
     WHERE log_id = $1 AND pos < $2 AND credential = ANY($3::text[]) ORDER BY pos",
);

/// A version of a credential binding.
#[derive(Debug)]
pub(in crate::registers::attendance) struct Binding {
    pos: Pos,
    /// Whose it is.
    pub(in crate::registers::attendance) person_id: String,
    credential: String,
    from: EpochDay,
    until: Option<EpochDay>,
    retired: bool,
}

/// Versions of bindings by their credential, in the order of the log, and who ever held which.
#[derive(Debug, Default)]
pub(in crate::registers::attendance) struct Bindings {
    versions: HashMap<String, Vec<Binding>>,
    held: HashMap<String, BTreeSet<String>>,
}

impl Bindings {
    fn new(ordered: Vec<Binding>) -> Self {
        let mut bindings = Self::default();
        for binding in ordered {
            let held = bindings.held.entry(binding.person_id.clone()).or_default();
            held.insert(binding.credential.clone());
            bindings.versions.entry(binding.credential.clone()).or_default().push(binding);
        }
        bindings
    }

    /// Of every credential that some people ever held, before a position.
    pub(in crate::registers::attendance) async fn of_people(
        tx: &mut Tx,
        log: LogId,
        people: &BTreeSet<&str>,
        until: Pos,
    ) -> Result<Self, StoreError> {
        let keys = Keys::texts(people.iter().copied());
        let binds = Binds::new().and(log.column()).and(until.column()).keys(keys);
        let credentials = tx.fetch(&CREDENTIALS_OF_PEOPLE, binds, |cells| cells.text()).await?;
        Self::of_credentials(tx, log, &credentials.into_iter().collect(), until).await
    }

    /// Of some credentials, before a position.
    pub(in crate::registers::attendance) async fn of_credentials(
        tx: &mut Tx,
        log: LogId,
        credentials: &BTreeSet<String>,
        until: Pos,
    ) -> Result<Self, StoreError> {
        if credentials.is_empty() {
            return Ok(Self::default());
        }
        let keys = Keys::texts(credentials.iter().map(String::as_str));
        let binds = Binds::new().and(log.column()).and(until.column()).keys(keys);
        Ok(Self::new(tx.fetch(&BINDINGS_OF_CREDENTIALS, binds, read_binding).await?))
    }

    /// The versions of a credential's bindings.
    pub(in crate::registers::attendance) fn of(&self, credential: &str) -> &[Binding] {
        self.versions.get(credential).map(Vec::as_slice).unwrap_or_default()
    }

    /// Every credential that a person ever held.
    pub(in crate::registers::attendance) fn held_by(&self, person_id: &str) -> impl Iterator<Item = &str> {
        self.held.get(person_id).into_iter().flatten().map(String::as_str)
    }

    /// Who a credential stood for on a day, as far as was known before a position. A later version of a binding replaces
    /// the earlier one with the same first day.
    pub(in crate::registers::attendance) fn person_for(
        &self,
        credential: &str,
        day: EpochDay,
        as_of: Pos,
    ) -> Option<&str> {
        let mut newest: HashMap<EpochDay, &Binding> = HashMap::new();
        for binding in self.of(credential).iter().filter(|b| b.pos < as_of) {
            newest.insert(binding.from, binding);
        }
        newest
            .values()
            .filter(|b| !b.retired && b.from <= day && b.until.is_none_or(|until| day <= until))
            .min_by_key(|b| b.pos)
            .map(|b| b.person_id.as_str())
    }
}

fn number(cells: &mut Cells<'_>) -> Result<Pos, StoreError> {
    let bad = StoreError::Inconsistent { table: "directory_binding", column: "pos" };
    Pos::from_column(cells.int()?).ok_or(bad)
}

fn read_binding(cells: &mut Cells<'_>) -> Result<Binding, StoreError> {
    Ok(Binding {
        pos: number(cells)?,
        person_id: cells.text()?,
        credential: cells.text()?,
        from: EpochDay::from_column(cells.int()?),
        until: cells.opt_int()?.map(EpochDay::from_column),
        retired: cells.int()? != 0,
    })
}
