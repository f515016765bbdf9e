//! Employee numbers: personal, so read only under the record of their reading, and only for the page that is written.

use std::collections::{BTreeSet, HashMap};

use crate::kernel::{EpochDay, LogId, Pos};
use crate::ledger::disclosure::Disclosure;
use crate::proto::credential;
use crate::registers::directory::fact::{Noun, binding_code};
use crate::registers::directory::rows::reveal;
use crate::registers::directory::view::{day, opt_day};

use super::moment::Moment;

/// Where employee numbers come from.
#[derive(Debug)]
pub(in crate::cli) enum Numbers {
    /// Nobody asked for them: they are left empty.
    Unasked,
    /// The read is on record.
    OnRecord {
        /// Its record.
        on_record: Disclosure,
        /// The system whose external ids are employee numbers; any when none is named.
        system: Option<String>,
    },
}

impl Numbers {
    /// The index of the record in the centre's log.
    pub(in crate::cli) fn disclosure_index(&self) -> Option<u64> {
        match self {
            Self::Unasked => None,
            Self::OnRecord { on_record, .. } => Some(on_record.index()),
        }
    }

    /// The numbers of some people, as of a moment: the EMPLOYEE_NO that was bound to them in these days, the newest of
    /// several; else their external id.
    pub(in crate::cli) async fn of(
        &self,
        moment: &Moment,
        people: &BTreeSet<&str>,
        dates: (EpochDay, EpochDay),
    ) -> anyhow::Result<HashMap<String, String>> {
        let Self::OnRecord { on_record, system } = self else { return Ok(HashMap::new()) };
        let mut numbers = HashMap::new();
        let persons =
            places(people, |person| moment.deployment.get(Noun::Person, person).map(|held| held.put));
        let positions: Vec<Pos> = persons.keys().copied().collect();
        for (pos, personal) in reveal(&moment.store, on_record, LogId::DEPLOYMENT, &positions).await? {
            let mut ids = personal.external_ids.into_iter();
            let id = ids.find(|id| system.as_ref().is_none_or(|system| *system == id.system));
            if let (Some(person), Some(id)) = (persons.get(&pos), id) {
                numbers.insert((*person).to_owned(), id.id);
            }
        }
        let bound = places(people, |person| bound(moment, person, dates));
        let positions: Vec<Pos> = bound.keys().copied().collect();
        for (pos, personal) in reveal(&moment.store, on_record, moment.log, &positions).await? {
            if let Some(person) = bound.get(&pos).filter(|_| !personal.credential.is_empty()) {
                numbers.insert((*person).to_owned(), personal.credential);
            }
        }
        Ok(numbers)
    }
}

fn places<'p>(people: &BTreeSet<&'p str>, of: impl Fn(&str) -> Option<Pos>) -> HashMap<Pos, &'p str> {
    people.iter().filter_map(|person| Some((of(person)?, *person))).collect()
}

/// The entry whose personal part holds the employee number that a person had in these days.
fn bound(moment: &Moment, person: &str, (from, until): (EpochDay, EpochDay)) -> Option<Pos> {
    let number = i32::from(credential::Kind::EmployeeNo);
    moment
        .own
        .bindings_of(person)
        .filter(|binding| binding.kind == number && !binding.retired)
        .filter(|binding| day(binding.from.as_ref()) <= until)
        .filter(|binding| opt_day(binding.until.as_ref()).is_none_or(|last| from <= last))
        .max_by_key(|binding| day(binding.from.as_ref()))
        .and_then(|binding| {
            let code = binding_code(binding.kind, &binding.value_hmac, day(binding.from.as_ref()));
            moment.own.get(Noun::CredentialBinding, &code).map(|held| held.put)
        })
}
