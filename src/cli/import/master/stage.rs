//! A deployment as it would be: what lines ask for is judged by the rule that decides it for calls too, and stands here
//! for the lines behind it. Nothing is written.

use std::sync::Arc;

use anyhow::Context;

use crate::cli::office::Office;
use crate::clock::random;
use crate::kernel::{CentreId, EpochDay, LogId, PersonId, Pos, Zone};
use crate::ledger::port::Author;
use crate::policy::Policy;
use crate::proto::{CalendarYear, Date, Fact, RosterEntry, RosterFact, Shift, credential};
use crate::registers::approval;
use crate::registers::directory::admit::Seen;
use crate::registers::directory::fact::{Command as DirectoryCommand, Record, date};
use crate::registers::directory::{self, Directory};
use crate::registers::roster::fact::Command as RosterCommand;
use crate::registers::roster::{self, book::Book, rows, state::State};
use crate::registers::rulebook::local_administrator;
use crate::registers::verdict::{Accepted, Moment};
use crate::store::StoreError;

use super::code::made;
use super::wrong::Wrong;

/// The deployment and a centre, as they would be.
pub(in crate::cli) struct Stage<'o> {
    /// Where it is read from.
    pub office: &'o Office,
    /// The centre.
    pub centre: CentreId,
    /// Its log.
    pub log: LogId,
    deployment: Arc<Directory>,
    own: Arc<Directory>,
    roster: State,
    years: Vec<CalendarYear>,
    zone: Zone,
    pos: Pos,
    author: Author,
}

/// Every row that is there.
const ALL: Pos = Pos::new(u64::MAX >> 1);

impl<'o> Stage<'o> {
    /// As it is.
    pub(in crate::cli) async fn open(office: &'o Office, centre: &CentreId) -> anyhow::Result<Self> {
        let log = office.log_of(centre).await?;
        let deployment = office.desk.directory(LogId::DEPLOYMENT).await?;
        let own = office.desk.directory(log).await?;
        let reader = office.desk.ledger().reader();
        let mut pos = Pos::ZERO;
        for log in [LogId::DEPLOYMENT, log] {
            let (head, epoch) = reader.head(log).await?;
            pos = pos.max(Pos::new(epoch.base.get() + head.size));
        }
        let (roster, years) = Self::roster(office, log, &own).await?;
        let centre = centre.clone();
        let zone = deployment.zone(&centre).context("the centre's time zone is not known")?;
        let author = local_administrator();
        Ok(Self { office, centre, log, deployment, own, roster, years, zone, pos, author })
    }

    /// Shifts and calendars, and what everybody is rostered for who was ever assigned here.
    async fn roster(
        office: &Office,
        log: LogId,
        own: &Directory,
    ) -> Result<(State, Vec<CalendarYear>), StoreError> {
        let of = |person_id: &str| RosterEntry { person_id: person_id.to_owned(), ..RosterEntry::default() };
        let entries = own.assigned().into_iter().map(of).collect();
        let everybody = RosterCommand::Roster(RosterFact { entries, patterns: Vec::new() });
        let mut tx = office.desk.store().snapshot().await?;
        let state = State::load(&mut tx, &[(log, &everybody)]).await?;
        let years = rows::calendar_years(&mut tx, log, ALL).await?;
        tx.rollback().await?;
        Ok((state, years.into_iter().map(|(_, year)| year).collect()))
    }

    /// The deployment's directory.
    pub(super) fn deployment(&self) -> &Directory {
        &self.deployment
    }

    /// The centre's.
    pub(super) fn own(&self) -> &Directory {
        &self.own
    }

    /// Its roster.
    pub(super) fn book(&self) -> Option<&Book> {
        self.roster.book(self.log)
    }

    /// The newest calendar of a year in the centre's log.
    pub(super) fn year(&self, year: i32) -> Option<&CalendarYear> {
        self.years.iter().rev().find(|known| known.year == year)
    }

    fn moment<'m>(&'m self, log: LogId, deployment: &'m CentreId) -> Moment<'m> {
        let now = self.office.desk.now();
        Moment {
            log,
            centre: if log == LogId::DEPLOYMENT { deployment } else { &self.centre },
            base: Pos::ZERO,
            pos: self.pos,
            at: now,
            last: now,
            principal: &self.author.principal,
            random: random(&*self.office.clock),
        }
    }

    /// Judges a record, and lets it stand.
    pub(super) fn put(&mut self, log: LogId, command: &DirectoryCommand) -> Result<Option<Record>, Wrong> {
        let own = if log == LogId::DEPLOYMENT { &self.deployment } else { &self.own };
        let seen = Seen { deployment: &self.deployment, own };
        let all = CentreId::deployment();
        let accepted = directory::admit::admit(command, seen, &self.moment(log, &all));
        let accepted = accepted.map_err(|reason| Wrong::rule(&reason))?;
        let record = accepted.facts.iter().find_map(Record::from_fact);
        if let Some(record) = record.clone() {
            let own = if log == LogId::DEPLOYMENT { &mut self.deployment } else { &mut self.own };
            Arc::make_mut(own).apply(self.pos, record);
        }
        self.pos = self.pos.next();
        Ok(record)
    }

    /// Judges a command of the roster.
    pub(super) fn judge(&self, command: &RosterCommand) -> Result<Accepted, Wrong> {
        let seen = Seen { deployment: &self.deployment, own: &self.own };
        let all = CentreId::deployment();
        roster::admit::admit(command, &self.roster, seen, &self.moment(self.log, &all))
            .map_err(|reason| self.in_names(Wrong::rule(&reason)))
    }

    /// The rule speaks of shifts by their codes; people who gave a name know no other.
    fn in_names(&self, mut wrong: Wrong) -> Wrong {
        for at in self.book().into_iter().flat_map(|book| &book.own.shifts) {
            if at.shift.shift == made('s', &at.shift.name) {
                for text in [&mut wrong.said.zh, &mut wrong.said.en] {
                    *text = text.replace(&at.shift.shift, &at.shift.name);
                }
            }
        }
        wrong
    }

    /// Judges leave that was approved elsewhere: the rule looks at who it is of and where they work.
    pub(super) fn judge_leave(&self, command: &approval::fact::Command) -> Result<(), Wrong> {
        let seen = Seen { deployment: &self.deployment, own: &self.own };
        let all = CentreId::deployment();
        let (nothing, policy) = (approval::state::State::default(), Policy::default());
        let moment = self.moment(self.log, &all);
        approval::admit::admit(command, &nothing, seen, (&self.zone, &policy), &moment)
            .map(|_| ())
            .map_err(|reason| Wrong::rule(&reason))
    }

    /// The centre's zone.
    pub(super) const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Lets what was judged stand.
    pub(super) fn apply(&mut self, accepted: &Accepted) {
        for fact in &accepted.facts {
            self.roster.apply(self.log, self.pos, &self.author.principal, fact);
            if let Fact { fact: Some(crate::proto::fact::Fact::CalendarYear(year)) } = fact {
                self.years.push(year.clone());
            }
        }
        self.pos = self.pos.next();
    }

    /// Who is meant by an employee number on a day: its holder, or whoever has no number yet and is known by the text as a
    /// credential.
    pub(super) fn person(&self, number: &str, on: EpochDay) -> Option<PersonId> {
        let known = |kind: credential::Kind| {
            let hmac = self.hmac(kind, number);
            self.own.person_for(kind.into(), &hmac, on).map(str::to_owned)
        };
        let held = known(credential::Kind::EmployeeNo);
        let others = super::super::people::KINDS.into_iter().skip(1);
        let found = held.or_else(|| others.filter_map(known).find(|person_id| !self.has_number(person_id)));
        found.and_then(|person_id| PersonId::parse(&person_id).ok())
    }

    /// Has somebody an employee number here?
    pub(super) fn has_number(&self, person_id: &str) -> bool {
        let kind = i32::from(credential::Kind::EmployeeNo);
        self.own.bindings_of(person_id).any(|binding| binding.kind == kind && !binding.retired)
    }

    /// The keyed hash of a credential.
    pub(super) fn hmac(&self, kind: credential::Kind, text: &str) -> [u8; 32] {
        let number = u8::try_from(i32::from(kind)).unwrap_or_default();
        self.office.keys.credential_hmac(number, text)
    }

    /// The newest version of a shift that begins on a day, or on every day.
    pub(super) fn version(&self, code: &str, from: Option<EpochDay>) -> Option<&Shift> {
        let from = from.map(date);
        let is = |shift: &&Shift| shift.shift == code && same_day(shift.effective_from, from);
        self.book()?.own.shifts.iter().rev().map(|at| &at.shift).find(is)
    }

    /// The code of a shift by its name: of the newest version of each.
    pub(super) fn shift_called(&self, name: &str) -> Option<&str> {
        let shifts = &self.book()?.own.shifts;
        let newest = |code: &str| shifts.iter().rev().find(|at| at.shift.shift == code);
        let named = shifts.iter().rev().map(|at| &at.shift).filter(|shift| shift.name == name);
        named
            .map(|shift| shift.shift.as_str())
            .find(|code| newest(code).is_some_and(|at| at.shift.name == name))
    }
}

fn same_day(one: Option<Date>, other: Option<Date>) -> bool {
    one == other
}
