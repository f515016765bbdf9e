//! The directory of one log as of a position, in memory. Pure: built by applying records in the order of their entries.
//!
//! It holds no personal field, so it may be kept; and it is shared by who admits and who reads, as one value.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::fact::{Noun, Record, day, opt_day};
use super::view::{GrantView, Reach};
use super::windows::Windows;
use crate::kernel::{CentreId, DepartmentId, EpochDay, EpochMs, LogId, Pos, Subject, WindowId, Zone};
use crate::proto::role_grant::Holder;
use crate::proto::{
    Assignment, Centre, CredentialBinding, Device, Person, Role, RoleGrant, ServiceItem, Window,
};

/// A record and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The entry that first put it.
    pub first: Pos,
    /// The entry that put it as it is, or ended it.
    pub pos: Pos,
    /// The entry that last put it: its personal part has the personal fields.
    pub put: Pos,
    /// As it is.
    pub record: Record,
}

/// The directory of one log.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// One past the last entry that changed it.
    pub config_pos: Pos,
    records: HashMap<Noun, HashMap<String, Arc<Held>>>,
    /// The same in the order in which they were first put.
    order: BTreeMap<(Noun, Pos, String), Arc<Held>>,
    /// Bindings by kind and keyed hash.
    credentials: HashMap<i32, HashMap<Vec<u8>, Vec<String>>>,
    /// Assignments and bindings by person.
    people: HashMap<Noun, HashMap<String, Vec<String>>>,
    /// Grants by subject.
    subjects: HashMap<String, Vec<String>>,
    /// The windows as citizens look for one, once somebody has asked.
    windows: OnceLock<Arc<Windows>>,
}

impl Directory {
    /// Lets an entry's record stand.
    pub fn apply(&mut self, pos: Pos, record: Record) {
        self.config_pos = self.config_pos.max(pos.next());
        let (noun, code) = (record.noun(), record.code());
        let known = self.get(noun, &code);
        let first = known.map_or(pos, |held| held.first);
        let put = known.filter(|_| record.is_retired()).map_or(pos, |held| held.put);
        if known.is_none() {
            self.index(&record, &code);
        } else {
            self.index_holder(&record, &code);
        }
        if noun == Noun::Window {
            self.windows.take();
        }
        let held = Arc::new(Held { first, pos, put, record });
        self.order.insert((noun, first, code.clone()), Arc::clone(&held));
        self.records.entry(noun).or_default().insert(code, held);
    }

    /// A credential whose binding has ended may be bound to somebody else from the same day on: a later version of the
    /// same binding, found by its new holder too.
    fn index_holder(&mut self, record: &Record, code: &str) {
        if let Record::CredentialBinding(binding) = record {
            let people = self.people.entry(Noun::CredentialBinding).or_default();
            let codes = people.entry(binding.person_id.clone()).or_default();
            if codes.iter().all(|known| known != code) {
                codes.push(code.to_owned());
            }
        }
    }

    /// What else a record is found by besides its code never changes with a later version of it.
    fn index(&mut self, record: &Record, code: &str) {
        match record {
            Record::CredentialBinding(binding) => {
                let of_kind = self.credentials.entry(binding.kind).or_default();
                of_kind.entry(binding.value_hmac.clone()).or_default().push(code.to_owned());
                let people = self.people.entry(Noun::CredentialBinding).or_default();
                people.entry(binding.person_id.clone()).or_default().push(code.to_owned());
            }
            Record::Assignment(assignment) => {
                let people = self.people.entry(Noun::Assignment).or_default();
                people.entry(assignment.person_id.clone()).or_default().push(code.to_owned());
            }
            Record::RoleGrant(grant) => {
                if let Some(subject) = subject_of(grant) {
                    self.subjects.entry(subject.to_string()).or_default().push(code.to_owned());
                }
            }
            Record::Centre(_)
            | Record::Department(_)
            | Record::Person(_)
            | Record::Window(_)
            | Record::ServiceItem(_)
            | Record::Device(_)
            | Record::EnrolmentCode(_) => {}
        }
    }

    /// A record by its noun and code, retired or not.
    pub fn get(&self, noun: Noun, code: &str) -> Option<&Held> {
        self.records.get(&noun)?.get(code).map(|held| &**held)
    }

    /// Records of a noun in the order in which they were first put, after a place in that order.
    pub fn list(&self, noun: Noun, after: Option<(Pos, String)>) -> impl Iterator<Item = &Held> {
        use std::ops::Bound;
        let from = match after {
            Some((pos, code)) => Bound::Excluded((noun, pos, code)),
            None => Bound::Included((noun, Pos::ZERO, String::new())),
        };
        self.order
            .range((from, Bound::Unbounded))
            .take_while(move |((of, _, _), _)| *of == noun)
            .map(|(_, held)| &**held)
    }

    /// A centre, retired or not.
    pub fn centre(&self, centre: &CentreId) -> Option<(LogId, &Centre)> {
        let held = self.get(Noun::Centre, centre.as_str())?;
        let Record::Centre(centre) = &held.record else { return None };
        Some((LogId::from_column(held.first.column()), centre))
    }

    /// The zone of a centre; the default one when the centre is unknown.
    pub fn zone(&self, centre: &CentreId) -> Option<Zone> {
        let name = self.centre(centre).map(|(_, centre)| centre.timezone.as_str()).unwrap_or_default();
        Zone::parse(name).ok()
    }

    /// A person, retired or not.
    pub fn person(&self, person_id: &str) -> Option<&Person> {
        if let Record::Person(person) = &self.get(Noun::Person, person_id)?.record {
            Some(person)
        } else {
            None
        }
    }

    /// Is a person of a department?
    pub fn is_of(&self, person_id: &str, department: &str) -> bool {
        self.person(person_id).is_some_and(|person| person.department == department)
    }

    /// A device, retired or not.
    pub fn device(&self, device: &str) -> Option<&Device> {
        if let Record::Device(device) = &self.get(Noun::Device, device)?.record { Some(device) } else { None }
    }

    /// A window, retired or not.
    pub fn window(&self, window: &str) -> Option<&Window> {
        if let Record::Window(window) = &self.get(Noun::Window, window)?.record { Some(window) } else { None }
    }

    /// The windows that are not retired, in the order in which they were first put.
    pub fn windows(&self) -> impl Iterator<Item = &Window> {
        self.list(Noun::Window, None)
            .filter_map(|held| if let Record::Window(window) = &held.record { Some(window) } else { None })
            .filter(|window| !window.retired)
    }

    /// The windows that are not retired and serve all of some items, in the order of their numbers.
    pub fn windows_serving<'a>(&'a self, items: &[impl AsRef<str>]) -> impl Iterator<Item = &'a Window> {
        self.windows.get_or_init(|| Arc::new(Windows::of(self.windows()))).serving(items)
    }

    /// The windows that are retired, each with the position of the entry that retired it.
    pub fn retired_windows(&self) -> impl Iterator<Item = (Pos, &Window)> {
        self.list(Noun::Window, None)
            .filter_map(|held| {
                if let Record::Window(window) = &held.record { Some((held.pos, window)) } else { None }
            })
            .filter(|(_, window)| window.retired)
    }

    /// The service items that are not retired, in the order in which they were first put.
    pub fn items(&self) -> impl Iterator<Item = &ServiceItem> {
        self.list(Noun::ServiceItem, None)
            .filter_map(|held| if let Record::ServiceItem(item) = &held.record { Some(item) } else { None })
            .filter(|item| !item.retired)
    }

    /// The devices that are not retired, in the order in which they were first put.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.list(Noun::Device, None)
            .filter_map(|held| if let Record::Device(device) = &held.record { Some(device) } else { None })
            .filter(|device| !device.retired && !device.revoked)
    }

    /// The bindings of a credential.
    pub fn bindings(&self, kind: i32, value_hmac: &[u8]) -> impl Iterator<Item = &CredentialBinding> {
        self.credentials
            .get(&kind)
            .and_then(|of_kind| of_kind.get(value_hmac))
            .into_iter()
            .flatten()
            .filter_map(|code| {
                if let Record::CredentialBinding(binding) = &self.get(Noun::CredentialBinding, code)?.record {
                    Some(binding)
                } else {
                    None
                }
            })
    }

    fn of_person(&self, noun: Noun, person_id: &str) -> impl Iterator<Item = &String> {
        self.people.get(&noun).and_then(|people| people.get(person_id)).into_iter().flatten()
    }

    /// The bindings of a person.
    pub fn bindings_of(&self, person_id: &str) -> impl Iterator<Item = &CredentialBinding> {
        let codes = self.of_person(Noun::CredentialBinding, person_id);
        codes.filter_map(move |code| {
            let held_now = self.get(Noun::CredentialBinding, code)?;
            let Record::CredentialBinding(binding) = &held_now.record else { return None };
            (binding.person_id == person_id).then_some(binding)
        })
    }

    /// Who a credential stands for on a day.
    pub fn person_for(&self, kind: i32, value_hmac: &[u8], on: EpochDay) -> Option<&str> {
        self.bindings(kind, value_hmac)
            .find(|binding| !binding.retired && covers(binding, on))
            .map(|binding| binding.person_id.as_str())
    }

    /// A person's assignment on a day.
    pub fn assignment(&self, person_id: &str, on: EpochDay) -> Option<&Assignment> {
        self.assignments(person_id).find(|assignment| {
            !assignment.retired
                && day(assignment.from.as_ref()) <= on
                && opt_day(assignment.until.as_ref()).is_none_or(|until| on <= until)
        })
    }

    /// All assignments of a person.
    pub fn assignments(&self, person_id: &str) -> impl Iterator<Item = &Assignment> {
        self.of_person(Noun::Assignment, person_id).filter_map(|code| {
            if let Record::Assignment(assignment) = &self.get(Noun::Assignment, code)?.record {
                Some(assignment)
            } else {
                None
            }
        })
    }

    /// Everybody who was ever assigned here, by id.
    pub fn assigned(&self) -> BTreeSet<&str> {
        self.people.get(&Noun::Assignment).into_iter().flat_map(HashMap::keys).map(String::as_str).collect()
    }

    /// The grants of a subject that are not revoked.
    pub fn grants(&self, log: LogId, centre: &CentreId, subject: &Subject) -> Vec<GrantView> {
        let codes = self.subjects.get(&subject.to_string());
        codes
            .into_iter()
            .flatten()
            .filter_map(|code| self.get(Noun::RoleGrant, code))
            .filter_map(|held| grant_view(log, centre, held))
            .collect()
    }

    /// The grant at a position, if it is not revoked.
    pub fn grant_at(&self, log: LogId, centre: &CentreId, subject: &Subject, pos: Pos) -> Option<GrantView> {
        self.grants(log, centre, subject).into_iter().find(|grant| grant.pos == pos)
    }

    /// How many administrators hold a grant over this whole log.
    pub fn administrators(&self, at: EpochMs) -> usize {
        self.list(Noun::RoleGrant, None)
            .filter_map(|held| grant_view(LogId::DEPLOYMENT, &CentreId::deployment(), held))
            .filter(|grant| {
                grant.role == Role::Administrator && grant.holds_at(at) && grant.reach == Reach::default()
            })
            .count()
    }
}

/// Does a binding hold on a day?
pub fn covers(binding: &CredentialBinding, on: EpochDay) -> bool {
    day(binding.from.as_ref()) <= on && opt_day(binding.until.as_ref()).is_none_or(|until| on <= until)
}

/// Who holds a grant.
pub fn subject_of(grant: &RoleGrant) -> Option<Subject> {
    match grant.holder.as_ref()? {
        Holder::PersonId(id) => Subject::parse(&format!("person:{id}")).ok(),
        Holder::Subject(subject) => Subject::parse(subject).ok(),
    }
}

fn grant_view(log: LogId, centre: &CentreId, held: &Held) -> Option<GrantView> {
    let Record::RoleGrant(grant) = &held.record else { return None };
    if grant.revoked {
        return None;
    }
    let scope = grant.scope.clone().unwrap_or_default();
    let instant = |stamp: &prost_types::Timestamp| EpochMs::from_parts(stamp.seconds, stamp.nanos).ok();
    Some(GrantView {
        log,
        centre: centre.clone(),
        pos: held.pos,
        subject: subject_of(grant)?,
        role: Role::try_from(grant.role).ok()?,
        reach: Reach {
            centre: CentreId::parse(&scope.centre).ok(),
            department: DepartmentId::parse(&scope.department).ok(),
            window: WindowId::parse(&scope.window).ok(),
        },
        from: grant.from.as_ref().and_then(instant).unwrap_or(EpochMs::ZERO),
        until: grant.until.as_ref().and_then(instant),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registers::directory::fact::date;

    fn binding(person: &str, card: u8, from: i32, until: Option<i32>) -> Record {
        let on = |day: i32| date(EpochDay::from_ymd(2026, 11, day).unwrap());
        Record::CredentialBinding(CredentialBinding {
            person_id: person.to_owned(),
            kind: 1,
            value_hmac: vec![card; 32],
            from: Some(on(from)),
            until: until.map(on),
            ..CredentialBinding::default()
        })
    }

    #[test]
    fn a_credential_stands_for_whoever_holds_it_on_the_day() {
        let mut directory = Directory::default();
        directory.apply(Pos::new(1), binding("zhang", 7, 1, Some(10)));
        directory.apply(Pos::new(2), binding("li", 7, 11, None));
        directory.apply(Pos::new(3), binding("wang", 8, 1, None).retired());
        for (card, day, person) in
            [(7, 10, Some("zhang")), (7, 11, Some("li")), (7, 30, Some("li")), (8, 5, None), (9, 5, None)]
        {
            let on = EpochDay::from_ymd(2026, 11, day).unwrap();
            assert_eq!(directory.person_for(1, &[card; 32], on), person, "card {card} on {day}");
        }
        assert_eq!(directory.config_pos, Pos::new(4));
        let cards = |person: &str| directory.bindings_of(person).count();
        assert_eq!((cards("zhang"), cards("li"), cards("wang")), (1, 1, 1));
        let listed: Vec<_> = directory.list(Noun::CredentialBinding, None).map(|held| held.first).collect();
        assert_eq!(listed, [Pos::new(1), Pos::new(2), Pos::new(3)]);
    }

    #[test]
    fn a_card_that_changes_hands_for_the_same_days_is_its_new_holders() {
        let mut directory = Directory::default();
        directory.apply(Pos::new(1), binding("zhang", 7, 1, None));
        directory.apply(Pos::new(2), binding("zhang", 7, 1, None).retired());
        directory.apply(Pos::new(3), binding("li", 7, 1, None));
        assert_eq!(directory.bindings_of("zhang").count(), 0);
        assert_eq!(directory.bindings_of("li").count(), 1);
    }

    #[test]
    fn a_record_put_again_keeps_its_place_in_the_list() {
        let mut directory = Directory::default();
        for (pos, code) in [(1, "a"), (2, "b"), (3, "a")] {
            let window = Window { window: code.to_owned(), ..Window::default() };
            directory.apply(Pos::new(pos), Record::Window(window));
        }
        let listed: Vec<_> = directory.list(Noun::Window, None).map(|held| (held.first, held.pos)).collect();
        assert_eq!(listed, [(Pos::new(1), Pos::new(3)), (Pos::new(2), Pos::new(2))]);
        let after = Some((Pos::new(1), "a".to_owned()));
        assert_eq!(directory.list(Noun::Window, after).count(), 1);
    }
}
