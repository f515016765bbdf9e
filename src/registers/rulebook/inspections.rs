//! What a finding is held against: the minute as duty's rows tell it, as it is known now and as the public saw it then, and
//! the calendar that says until when its person may answer.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Detail;
use super::duties::{near, silent_at, zone_of};
use crate::kernel::{EpochMs, LogId, Pos, Zone};
use crate::ledger::port::{ConfigAt, Placed};
use crate::registers::attendance::load::{Rows, Window};
use crate::registers::directory::Directory;
use crate::registers::directory::admit::Seen;
use crate::registers::duty::board::Silent;
use crate::registers::duty::clocked::{Clocked, Way};
use crate::registers::duty::course::Event;
use crate::registers::duty::guidance::Scene;
use crate::registers::duty::hall::{Hall, REACH_MS};
use crate::registers::duty::report::merged;
use crate::registers::duty::snapshot::snapshot;
use crate::registers::duty::view::DutySnapshot;
use crate::registers::inspection::fact::{Command, Found, Look};
use crate::registers::roster::book::{self, Book};
use crate::registers::verdict::{Moment, NoSuchLog, Verdict};
use crate::registers::{attendance, directory, duty, inspection, roster};
use crate::store::{StoreError, Tx};

/// A minute.
#[derive(Debug)]
struct Past {
    /// As it is known now.
    now: Hall,
    /// As it was known then, with the windows and terminals of then.
    then: Hall,
    own: Arc<Directory>,
    silent: Silent,
}

/// What the inspections of a batch are judged by.
#[derive(Debug, Default)]
pub(super) struct Inspections {
    pub(super) state: inspection::state::State,
    books: HashMap<LogId, Book>,
    minutes: HashMap<(LogId, Look), Past>,
}

impl Inspections {
    /// Lets the next finding of the batch see an entry: of what the public saw before, nothing changes.
    pub(super) fn happened(&mut self, entry: &Placed<Detail>) {
        for (_, past) in self.minutes.iter_mut().filter(|((log, _), _)| *log == entry.log) {
            let Detail { principal, facts, .. } = &entry.detail;
            past.now.apply(entry.pos, entry.recorded, principal, facts, |punch| near(punch, entry.recorded));
        }
        if let Some(book) = self.books.get_mut(&entry.log) {
            for fact in &entry.detail.facts {
                book::apply(book, entry.pos, fact);
            }
        }
    }
}

/// What was read for all minutes of a log, at once.
struct Read<'a> {
    zone: Zone,
    events: Vec<Event>,
    people: BTreeSet<&'a str>,
    punches: Rows,
}

impl Read<'_> {
    /// A hall at an instant, as far as was known before a position.
    fn hall(&self, at: EpochMs, before: Pos) -> Hall {
        let since = at.plus_ms(-REACH_MS);
        let mut hall = Hall::new(self.zone.clone());
        for event in self.events.iter().filter(|event| event.pos < before) {
            if (since..=at).contains(&event.at) {
                hall.happened(event.clone());
            }
        }
        for person in &self.people {
            let near = self.punches.punches_of(person, before).into_iter();
            for (punch, effective) in near.filter(|(_, effective)| (since..=at).contains(&effective.at)) {
                hall.clocked(person, Clocked { at: effective.at, way: Way::of(punch.fact.direction()) });
            }
        }
        hall.next = before;
        hall
    }
}

/// What the commands of a batch need: of what happened at windows each table is asked once for all minutes of a log. The
/// service lets few minutes into a batch, since each has a directory and terminals of its own.
pub(super) async fn load(
    tx: &mut Tx,
    directories: &HashMap<LogId, Arc<Directory>>,
    config: &[ConfigAt],
    commands: &[(LogId, &Command)],
) -> Result<Inspections, StoreError> {
    let state = inspection::state::State::load(tx, commands).await?;
    let mut inspections = Inspections { state, ..Inspections::default() };
    let mut wanted: HashMap<LogId, Vec<Look>> = HashMap::new();
    for (log, command) in commands {
        if let Command::Record { look, .. } = command {
            wanted.entry(*log).or_default().push(*look);
        }
    }
    for at in config.iter().filter(|at| at.log != LogId::DEPLOYMENT) {
        let (Some(looks), Some(own)) = (wanted.remove(&at.log), directories.get(&at.log)) else { continue };
        let deployment = roster::rows::pages(tx, LogId::DEPLOYMENT, Pos::MAX).await?;
        let pages = roster::rows::pages(tx, at.log, Pos::MAX).await?;
        inspections.books.insert(at.log, Book { own: pages, deployment, ..Book::default() });
        minutes(tx, &mut inspections, *at, own, looks).await?;
    }
    Ok(inspections)
}

async fn minutes(
    tx: &mut Tx,
    inspections: &mut Inspections,
    ConfigAt { log, config_pos, next_pos: next }: ConfigAt,
    own: &Arc<Directory>,
    mut looks: Vec<Look>,
) -> Result<(), StoreError> {
    looks.sort_unstable_by_key(|look| look.known_then);
    let stretches = merged(looks.iter().map(|look| (look.at.plus_ms(-REACH_MS), look.at)));
    let people = own.assigned();
    let windows: Vec<Window> = stretches
        .iter()
        .flat_map(|(from, until)| people.iter().map(|person| ((*person).to_owned(), *from, until.plus_ms(1))))
        .collect();
    let zone = zone_of(tx, log).await?;
    let events = duty::rows::during(tx, log, next, &stretches).await?;
    let punches = attendance::load::punches_in(tx, log, &windows, next, &zone).await?;
    let read = Read { zone, events, people, punches };
    let mut grown: Option<Arc<Directory>> = None;
    for look in looks {
        // The windows as they were then; every record is read once, since the minutes come in order.
        let then = if look.known_then >= config_pos {
            Arc::clone(own)
        } else {
            let known = directory::rows::advance(tx, log, grown.take(), look.known_then).await?;
            grown = Some(Arc::clone(&known));
            known
        };
        let past = Past {
            now: read.hall(look.at, next),
            then: read.hall(look.at, look.known_then),
            silent: silent_at(tx, log, &then, look.known_then).await?,
            own: then,
        };
        inspections.minutes.insert((log, look), past);
    }
    Ok(())
}

/// What duty says of the minute of a finding.
fn seen_then(
    inspections: &Inspections,
    found: &Found,
    look: Look,
    seen: Seen<'_>,
    log: LogId,
) -> Option<DutySnapshot> {
    let past = inspections.minutes.get(&(log, look))?;
    let policy =
        roster::plan::policy(inspections.books.get(&log)?, past.now.zone().day_of(look.at), book::Seen::ALL);
    let now = Scene { hall: &past.now, own: seen.own, policy: &policy, at: look.at };
    let then = Scene { hall: &past.then, own: &past.own, policy: &policy, at: look.at };
    Some(snapshot(&now, (&then, &past.silent), &found.window, &found.person_id))
}

pub(super) fn admit(
    command: &Command,
    inspections: &Inspections,
    seen: Seen<'_>,
    moment: &Moment<'_>,
) -> Verdict {
    let zone = seen.deployment.zone(moment.centre).or_else(|| Zone::parse("").ok());
    let Some(zone) = zone else { return Err(Arc::new(NoSuchLog)) };
    let empty = Book::default();
    let book = inspections.books.get(&moment.log).unwrap_or(&empty);
    let today = zone.day_of(moment.at);
    let policy = roster::plan::policy(book, today, book::Seen::ALL);
    let last = roster::plan::work_days_after(book, today, policy.inspection_reply_days, book::Seen::ALL);
    let snapshot = match command {
        Command::Record { found, look } => seen_then(inspections, found, *look, seen, moment.log),
        Command::Reply { .. } | Command::Decide { .. } => None,
    };
    let known = inspection::admit::Known {
        zone: &zone,
        snapshot: snapshot.as_ref(),
        reply_until: zone.start_of(last.plus_days(1)),
    };
    inspection::admit::admit(command, &inspections.state, seen, known, moment)
}
