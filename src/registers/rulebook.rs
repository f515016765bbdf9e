//! The rulebook: the one place that knows all registers. A closed enum of commands, and the ledger's port implemented
//! for it.
//!
//! What a batch needs to know is loaded once, inside the locks; every register's `admit` sees it, and `apply` lets the
//! next command of the batch see what the one before it did.

mod about;
mod approvals;
mod command;
mod duties;
mod inspections;
mod schedule;

pub use about::about;
pub use approvals::{Policies, awaiting, leave_kinds, policies_at, policy_on};
pub use command::Command;
pub use duties::{catch_up, directory_at, hall_at, hall_of, silent, silent_at};
pub use schedule::schedule;

use std::collections::HashMap;
use std::sync::Arc;

use prost::Message;

use super::directory::admit::Seen;
use super::directory::fact::Record;
use super::directory::{Directories, Directory};
use super::kind::{self, Room};
use super::roster::book::Book;
use super::verdict::{Accepted, Moment};
use super::{approval, attendance, audit, directory, duty, inspection, month, roster};
use crate::kernel::{CentreId, EpochMs, LogId, PersonId, Pos, Subject};
use crate::ledger::keys::Keys;
use crate::ledger::leaf::PartType;
use crate::ledger::port::{
    Admission, Author, ConfigAt, Context, Draft, DraftPart, Identity, Occupied, PassRef, Placed, Recalled,
    Rulebook, Slot, Submission,
};
use crate::proto::{EntryFacts, Fact};
use crate::store::{Inserts, StoreError, Table, Tx};

/// The schema of the facts part, proto/qinlian/v1/facts.proto.
const FACTS_SCHEMA: u16 = 0x0011;

/// What a stored command says, for the answer and the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// The entry's kind.
    pub kind: u16,
    /// Who gave the command, as the facts part names them.
    pub principal: String,
    /// Its facts.
    pub facts: Vec<Fact>,
    /// Journal numbers of the device up to here have arrived; for the answer only.
    pub contiguous_through: Option<u64>,
}

/// What the commands of one batch need to know.
#[derive(Debug)]
pub struct State {
    directories: HashMap<LogId, Arc<Directory>>,
    attendance: attendance::state::State,
    roster: roster::state::State,
    approval: approval::state::State,
    /// Where requests are made: the policies by which they are judged.
    books: HashMap<LogId, Book>,
    duties: duties::Duties,
    inspections: inspections::Inspections,
    month: month::state::State,
    audit: audit::state::State,
}

impl State {
    fn seen(&self, log: LogId) -> Option<Seen<'_>> {
        Some(Seen { deployment: self.directories.get(&LogId::DEPLOYMENT)?, own: self.directories.get(&log)? })
    }
}

/// The registers of one process.
#[derive(Debug)]
pub struct Registers {
    /// The directories in memory.
    pub directories: Directories,
    /// Journals, contacts and outages in memory.
    pub attendance: attendance::live::Live,
    /// What happened at windows, in memory.
    pub duty: duty::live::Live,
    keys: Arc<Keys>,
}

impl Registers {
    /// Nothing is in memory yet.
    pub fn new(keys: Arc<Keys>) -> Self {
        Self {
            directories: Directories::default(),
            attendance: attendance::live::Live::default(),
            duty: duty::live::Live::default(),
            keys,
        }
    }

    /// The keys, for keyed hashes of credentials.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }
}

/// The bytes of an entry's facts part.
fn entry_facts(context: &Context<'_>, on_behalf_of: Option<&PersonId>, facts: Vec<Fact>) -> DraftPart {
    let pass = context.author.pass.as_ref();
    let facts = EntryFacts {
        deployment_size: context.deployment_size,
        principal: context.author.principal.clone(),
        pass: pass.map(|pass| crate::proto::PassRef {
            log: pass.centre.as_str().to_owned(),
            index: pass.pos.get(),
        }),
        on_behalf_of: on_behalf_of.map(PersonId::to_string).unwrap_or_default(),
        policy_index: 0,
        facts,
    };
    DraftPart { part_type: PartType::Facts, schema: FACTS_SCHEMA, payload: facts.encode_to_vec() }
}

fn draft(context: &Context<'_>, accepted: Accepted) -> Draft<Detail> {
    let Accepted {
        kind,
        claimed,
        refers_to,
        on_behalf_of,
        facts,
        personal,
        changes_config,
        opens,
        erases,
        contiguous_through,
    } = accepted;
    let mut parts = vec![entry_facts(context, on_behalf_of.as_ref(), facts.clone())];
    parts.extend(personal.map(|personal| DraftPart {
        part_type: PartType::Personal,
        schema: personal.schema,
        payload: personal.payload,
    }));
    Draft {
        kind,
        claimed,
        refers_to,
        parts,
        changes_config,
        opens,
        erases: erases.into_iter().map(|(pos, part)| crate::ledger::port::PartAt { pos, part }).collect(),
        detail: Detail { kind, principal: context.author.principal.clone(), facts, contiguous_through },
    }
}

/// Who gives a command, as entries name them: the caller with the grant that was relied on.
pub fn author(pass: &crate::access::Pass) -> Author {
    let grant = pass.grant();
    Author {
        principal: pass.subject().to_string(),
        pass: Some(PassRef { log: grant.log, centre: grant.centre.clone(), pos: grant.pos }),
    }
}

/// What the server itself writes: `server:<what>`.
pub fn server(what: &str) -> Author {
    Author { principal: format!("server:{what}"), pass: None }
}

/// Whoever sits at the command line of the machine that holds the keys.
pub fn local_administrator() -> Author {
    Author { principal: "local:administrator".to_owned(), pass: None }
}

static TABLES: &[&Table] = &[
    &directory::rows::RECORD,
    &directory::rows::BINDING,
    &attendance::rows::JOURNAL,
    &attendance::rows::PUNCH,
    &attendance::rows::COVERAGE,
    &attendance::rows::OUTAGE,
    &attendance::rows::IMPORT,
    &attendance::rows::losses::LOSS,
    &attendance::rows::losses::LOSS_SIGNATURE,
    &attendance::rows::losses::DECLARED_COVERAGE,
    &roster::rows::SHIFT,
    &roster::rows::DUTY,
    &roster::rows::CALENDAR_YEAR,
    &roster::rows::CENTRE_DAY,
    &roster::rows::POLICY_PROPOSAL,
    &roster::rows::POLICY,
    &approval::rows::REQUEST,
    &approval::rows::SUBJECT,
    &approval::rows::EVENT,
    &approval::rows::DELEGATION,
    &duty::rows::EVENT,
    &inspection::rows::CASE,
    &inspection::rows::EVENT,
    &month::rows::LOCK,
    &month::rows::CONFIRMATION,
    &month::rows::PULL,
    &audit::rows::DISCLOSURE,
    &audit::rows::DISCLOSURE_END,
    &audit::rows::ERASURE_REQUEST,
    &audit::rows::ERASURE_DECISION,
    &audit::rows::ERASED,
    &audit::rows::RULES,
];

static PERSONAL_TABLES: &[&Table] = &[
    &directory::rows::PERSONAL,
    &attendance::rows::PERSONAL,
    &roster::rows::PERSONAL,
    &approval::rows::PERSONAL,
    &duty::rows::PERSONAL,
    &inspection::rows::PERSONAL,
    &audit::rows::PERSONAL,
];

impl Rulebook for Registers {
    type Command = Command;
    type State = State;
    type Detail = Detail;

    fn identity(&self, command: &Command) -> Identity {
        let content = match command {
            Command::Directory(command) => command.content(),
            Command::Attendance(command) => command.content(),
            Command::Roster(command) => command.content(),
            Command::Approval(command) => command.content(),
            Command::Duty(command) => command.content(),
            Command::Inspection(command) => command.content(),
            Command::Month(command) => command.content(),
            Command::Audit(command) => command.content(),
        };
        Identity { kind: command.kind(), content }
    }

    async fn load(
        &self,
        tx: &mut Tx,
        config: &[ConfigAt],
        batch: &[(LogId, &Command)],
    ) -> Result<State, StoreError> {
        let mut directories = HashMap::new();
        for at in config {
            directories.insert(at.log, self.directories.load(tx, at.log, at.config_pos).await?);
        }
        let (mut rosters, mut approvals) = (Vec::new(), Vec::new());
        let (mut months, mut audits) = (Vec::new(), Vec::new());
        let (mut at_windows, mut found) = (Vec::new(), Vec::new());
        let mut wanted = attendance::live::Wanted::default();
        for (log, command) in batch {
            match command {
                Command::Directory(_) => {}
                Command::Attendance(command) => wanted.add(*log, command),
                Command::Duty(command) => {
                    wanted.stamped(*log, command.stamped());
                    at_windows.push((*log, command));
                }
                Command::Inspection(command) => found.push((*log, command)),
                Command::Roster(command) => rosters.push((*log, command)),
                Command::Approval(command) => approvals.push((*log, command)),
                Command::Month(command) => months.push((*log, command)),
                Command::Audit(command) => audits.push((*log, command)),
            }
        }
        let attendance = self.attendance.load(tx, &self.keys, &directories, config, &wanted).await?;
        let duties = duties::load(tx, &self.duty, &directories, config, &at_windows).await?;
        let inspections = inspections::load(tx, &directories, config, &found).await?;
        let roster = roster::state::State::load(tx, &rosters).await?;
        let (approval, books) = approvals::load(tx, &approvals).await?;
        let month = month::state::State::load(tx, &months).await?;
        let about = about::proposed(tx, &audits).await?;
        let audit = audit::state::State::load(tx, PERSONAL_TABLES, &audits, about).await?;
        Ok(State { directories, attendance, roster, approval, books, duties, inspections, month, audit })
    }

    fn slot(&self, state: &State, log: LogId, command: &Command) -> Option<(Slot, Option<Occupied>)> {
        let (_, stamp) = match command {
            Command::Attendance(command) => command.stamped()?,
            Command::Duty(command) => command.stamped()?,
            Command::Directory(_)
            | Command::Roster(_)
            | Command::Approval(_)
            | Command::Inspection(_)
            | Command::Month(_)
            | Command::Audit(_) => return None,
        };
        state.attendance.slot(state.directories.get(&log)?, log, stamp)
    }

    fn holds(&self, state: &State, submission: &Submission<Command>, at: EpochMs) -> bool {
        let author = &submission.author;
        let Some(pass) = &author.pass else {
            return author.principal.starts_with("server:") || author.principal.starts_with("local:");
        };
        let (Some(directory), Ok(subject)) =
            (state.directories.get(&pass.log), Subject::parse(&author.principal))
        else {
            return false;
        };
        // A device that was revoked meanwhile holds its grant still.
        let revoked = matches!(&subject, Subject::Device(device) if state
            .directories
            .get(&submission.log)
            .and_then(|own| own.device(device.as_str()))
            .is_some_and(|known| known.revoked));
        if revoked {
            return false;
        }
        let grant = directory.grant_at(pass.log, &pass.centre, &subject, pass.pos);
        grant.is_some_and(|grant| grant.holds_at(at))
    }

    fn admit(&self, state: &State, context: &Context<'_>, command: &Command) -> Admission<Detail> {
        let Some(seen) = state.seen(context.log) else {
            return Admission::Refuse(Arc::new(super::verdict::NoSuchLog));
        };
        let moment = Moment {
            log: context.log,
            centre: context.centre,
            base: context.base,
            pos: context.pos,
            at: context.at,
            last: context.last,
            principal: &context.author.principal,
            random: context.random,
        };
        let verdict = match command {
            Command::Directory(command) => directory::admit::admit(command, seen, &moment),
            Command::Attendance(command) => {
                attendance::admit::admit(command, &state.attendance, seen, &moment)
            }
            Command::Roster(command) => roster::admit::admit(command, &state.roster, seen, &moment),
            Command::Approval(command) => {
                approvals::admit(command, (&state.approval, &state.books), seen, &moment)
            }
            Command::Duty(command) => duties::admit(command, &state.duties, &state.attendance, seen, &moment),
            Command::Inspection(command) => inspections::admit(command, &state.inspections, seen, &moment),
            Command::Month(command) => match seen.deployment.zone(moment.centre) {
                Some(zone) => month::admit::admit(command, &state.month, &zone, &moment),
                None => Err(Arc::new(super::verdict::NoSuchLog) as _),
            },
            Command::Audit(command) => audit::admit::admit(command, &state.audit, &moment),
        };
        match verdict {
            Ok(accepted) => Admission::Accept(draft(context, accepted)),
            Err(reason) => Admission::Refuse(reason),
        }
    }

    fn conflict(&self, context: &Context<'_>, slot: &Slot, first: Pos, digest: [u8; 32]) -> Draft<Detail> {
        draft(context, attendance::admit::conflict(slot, first, digest))
    }

    fn accepts_clock(&self, command: &Command) -> Option<EpochMs> {
        match command {
            Command::Audit(audit::fact::Command::AcceptClock { to }) => Some(*to),
            Command::Audit(_)
            | Command::Directory(_)
            | Command::Attendance(_)
            | Command::Roster(_)
            | Command::Approval(_)
            | Command::Duty(_)
            | Command::Inspection(_)
            | Command::Month(_) => None,
        }
    }

    fn apply(&self, state: &mut State, entry: &Placed<Detail>) {
        for fact in &entry.detail.facts {
            if let Some(record) = Record::from_fact(fact) {
                let directory = state.directories.entry(entry.log).or_default();
                Arc::make_mut(directory).apply(entry.pos, record);
            }
            state.attendance.apply(entry.log, entry.pos, entry.recorded, entry.digest, fact);
            state.roster.apply(entry.log, entry.pos, &entry.detail.principal, fact);
            let principal = &entry.detail.principal;
            state.approval.apply(entry.log, entry.pos, entry.recorded, principal, fact);
            state.inspections.state.apply(entry.log, entry.pos, entry.recorded, principal, fact);
            if let Some(book) = state.books.get_mut(&entry.log) {
                roster::book::apply(book, entry.pos, fact);
            }
            state.month.apply(entry.log, fact);
            state.audit.apply(entry.log, entry.pos, &entry.detail.principal, fact);
        }
        if let Some(hall) = state.duties.state.hall_mut(entry.log) {
            let near = |punch: &crate::proto::PunchFact| duties::near(punch, entry.recorded);
            let Detail { principal, facts, .. } = &entry.detail;
            hall.apply(entry.pos, entry.recorded, principal, facts, near);
        }
        state.inspections.happened(entry);
        // As the ledger moves `config_pos`: also for an entry of the directory without a record, the genesis.
        if matches!(entry.detail.kind, kind::GENESIS | kind::PUT..=0x01FF) {
            let directory = state.directories.entry(entry.log).or_default();
            if directory.config_pos < entry.pos.next() {
                Arc::make_mut(directory).config_pos = entry.pos.next();
            }
        }
    }

    fn rows(&self, entry: &Placed<Detail>, inserts: &mut Inserts) {
        for fact in &entry.detail.facts {
            if let Some(record) = Record::from_fact(fact) {
                directory::rows::insert(entry.log, entry.pos, &record, inserts);
            }
            attendance::rows::insert(entry.log, entry.pos, entry.recorded, entry.request_id, fact, inserts);
            if let Some(placed) = super::stamp::Placed::of(fact) {
                let slot = placed.slot();
                directory::journal::insert(entry.log, entry.pos, &slot, entry.request_id, inserts);
            }
            attendance::rows::losses::insert(entry.log, entry.pos, &entry.detail.principal, fact, inserts);
            roster::rows::insert(entry.log, entry.pos, &entry.detail.principal, fact, inserts);
            let at = approval::rows::At {
                log: entry.log,
                pos: entry.pos,
                recorded: entry.recorded,
                principal: &entry.detail.principal,
            };
            approval::rows::insert(at, fact, inserts);
            let at = inspection::rows::At {
                log: entry.log,
                pos: entry.pos,
                recorded: entry.recorded,
                principal: &entry.detail.principal,
            };
            inspection::rows::insert(at, fact, inserts);
            month::rows::insert(entry.log, entry.pos, fact, inserts);
            let at = audit::rows::At { log: entry.log, pos: entry.pos, recorded: entry.recorded };
            audit::rows::insert(at, &entry.detail.principal, fact, inserts);
        }
        for (item, fact) in (0_u32..).zip(duty::fact::duties(&entry.detail.facts)) {
            let at = duty::rows::At {
                log: entry.log,
                pos: entry.pos,
                recorded: entry.recorded,
                principal: &entry.detail.principal,
            };
            duty::rows::insert(at, item, fact, inserts);
        }
        let table = match Room::of(entry.detail.kind) {
            Room::Audit => &audit::rows::PERSONAL,
            Room::Directory => &directory::rows::PERSONAL,
            Room::Attendance => &attendance::rows::PERSONAL,
            Room::Roster => &roster::rows::PERSONAL,
            Room::Approval => &approval::rows::PERSONAL,
            Room::Duty => &duty::rows::PERSONAL,
            Room::Inspection => &inspection::rows::PERSONAL,
        };
        for (part, kept) in (0_u32..).zip(&entry.parts).skip(1) {
            if let Some((salt, kept)) = kept {
                inserts.push(
                    table,
                    [
                        entry.log.column().into(),
                        entry.pos.column().into(),
                        part.into(),
                        salt.0.into(),
                        kept.payload.as_slice().into(),
                    ],
                );
            }
        }
    }

    fn recall(&self, kind: u16, facts: &[u8]) -> Option<Recalled<Detail>> {
        let facts = EntryFacts::decode(facts).ok()?;
        let erases = audit::fact::erased_by(&facts.facts);
        Some(Recalled {
            deployment_size: facts.deployment_size,
            erases,
            detail: Detail { kind, principal: facts.principal, facts: facts.facts, contiguous_through: None },
        })
    }

    fn tables(&self) -> &'static [&'static Table] {
        TABLES
    }

    fn personal_tables(&self) -> &'static [&'static Table] {
        PERSONAL_TABLES
    }

    fn kind_code(&self, kind: u16) -> Option<&'static str> {
        kind::code(kind)
    }

    async fn flush(&self, tx: &mut Tx) -> Result<(), StoreError> {
        self.attendance.flush(tx).await
    }

    fn has_flush(&self) -> bool {
        self.attendance.has_flush()
    }

    fn committed(&self, state: State) {
        for (log, directory) in &state.directories {
            self.directories.keep(*log, directory);
        }
        self.attendance.keep(state.attendance);
        self.duty.keep(state.duties.state);
    }

    fn dropped(&self) {
        self.directories.forget();
        self.attendance.forget();
        self.duty.forget();
    }
}

/// The log of a centre, by its code; `_` is the deployment's.
pub fn log_of(deployment: &Directory, centre: &CentreId) -> Option<LogId> {
    if centre.is_deployment() {
        return Some(LogId::DEPLOYMENT);
    }
    deployment.centre(centre).map(|(log, _)| log)
}
