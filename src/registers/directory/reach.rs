//! Who is responsible for whom: role grants, held against where somebody works. Pure.

use super::admit::Seen;
use super::view::GrantView;
use crate::kernel::{CentreId, EpochDay, EpochMs, LogId, Subject};
use crate::proto::Role;

/// Where and when it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    /// The directories.
    pub seen: Seen<'a>,
    /// The centre's log.
    pub log: LogId,
    /// The centre.
    pub centre: &'a CentreId,
    /// When.
    pub at: EpochMs,
    /// Its local day.
    pub today: EpochDay,
}

impl Here<'_> {
    /// The grants that somebody holds here now.
    pub fn grants(&self, subject: &Subject) -> Vec<GrantView> {
        let deployment = CentreId::deployment();
        let mut grants = self.seen.deployment.grants(LogId::DEPLOYMENT, &deployment, subject);
        grants.extend(self.seen.own.grants(self.log, self.centre, subject));
        grants.retain(|grant| grant.holds_at(self.at) && grant.reaches(self.centre));
        grants
    }

    /// Does a grant reach a person: the whole centre, their department, or a window at which they work?
    pub fn reaches(&self, grant: &GrantView, person_id: &str) -> bool {
        let in_department = grant
            .reach
            .department
            .as_ref()
            .is_none_or(|department| self.seen.deployment.is_of(person_id, department.as_str()));
        let at_window = grant.reach.window.as_ref().is_none_or(|window| {
            let assignment = self.seen.own.assignment(person_id, self.today);
            assignment.is_some_and(|assignment| assignment.windows.iter().any(|own| own == window.as_str()))
        });
        in_department && at_window
    }

    /// Does somebody hold one of these roles for a person?
    pub fn is_responsible(&self, subject: &Subject, roles: &[Role], person_id: &str) -> bool {
        self.grants(subject).iter().any(|grant| roles.contains(&grant.role) && self.reaches(grant, person_id))
    }

    /// Does somebody hold HR for a department, and not for everybody?
    pub fn is_department(&self, subject: &Subject, department: &str) -> bool {
        self.grants(subject).iter().any(|grant| {
            let own = grant.reach.department.as_ref().is_some_and(|own| own.as_str() == department);
            grant.role == Role::Hr && own
        })
    }

    /// The roles that a person holds here themselves.
    pub fn own_roles(&self, person_id: &str) -> Vec<Role> {
        let subject = Subject::parse(&format!("person:{person_id}")).ok();
        subject
            .map(|subject| self.grants(&subject).iter().map(|grant| grant.role).collect())
            .unwrap_or_default()
    }

    /// Is a person assigned here on a day, and in the directory?
    pub fn works_here(&self, person_id: &str, on: EpochDay) -> bool {
        self.seen.deployment.person(person_id).is_some_and(|person| !person.retired)
            && self.seen.own.assignment(person_id, on).is_some()
    }

    /// Is a person alone at one of their windows on a day?
    pub fn is_alone(&self, person_id: &str, on: EpochDay) -> bool {
        let Some(own) = self.seen.own.assignment(person_id, on) else { return false };
        own.windows.iter().any(|window| {
            !self.seen.own.assigned().into_iter().filter(|other| *other != person_id).any(|other| {
                let there = self.seen.own.assignment(other, on);
                there.is_some_and(|there| there.windows.contains(window))
            })
        })
    }
}

/// Whom somebody may know of: themselves, and people for whom they hold one of some roles.
#[derive(Debug)]
pub struct Sight<'a> {
    here: Here<'a>,
    own: Option<&'a str>,
    grants: Vec<GrantView>,
}

impl<'a> Here<'a> {
    /// What somebody sees who holds some roles.
    pub fn sight(self, subject: &'a Subject, roles: &[Role]) -> Sight<'a> {
        let own = match subject {
            Subject::Person(person) => Some(person.as_str()),
            Subject::Device(_) | Subject::System(_) => None,
        };
        let mut grants = self.grants(subject);
        grants.retain(|grant| roles.contains(&grant.role));
        Sight { here: self, own, grants }
    }
}

impl Sight<'_> {
    /// Is a person theirs to know of?
    pub fn sees(&self, person_id: &str) -> bool {
        self.own == Some(person_id) || self.grants.iter().any(|grant| self.here.reaches(grant, person_id))
    }
}
