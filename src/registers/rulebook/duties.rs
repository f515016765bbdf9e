//! What windows are judged by: the hall, who clocked in, journals of devices, and the policy in force. Attendance knows
//! the clock-ins and the journals, the roster the policy.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::approvals::policies;
use crate::kernel::{EpochMs, LogId, Pos, Zone};
use crate::ledger::port::ConfigAt;
use crate::proto::PunchFact;
use crate::registers::attendance::coverage::SILENT_MS;
use crate::registers::attendance::known::Known;
use crate::registers::directory::Directory;
use crate::registers::directory::admit::Seen;
use crate::registers::duty::clocked::{Clocked, Way};
use crate::registers::duty::hall::{Hall, REACH_MS};
use crate::registers::duty::live::{Behind, Live};
use crate::registers::roster::book::Book;
use crate::registers::stamp::effective::{self, Stamped};
use crate::registers::verdict::{Moment, NoSuchLog, Verdict};
use crate::registers::{attendance, directory, duty, roster};
use crate::store::{StoreError, Tx};

/// The halls and the policies of a batch.
#[derive(Debug, Default)]
pub(super) struct Duties {
    pub(super) state: duty::state::State,
    books: HashMap<LogId, Book>,
}

/// When a clock-in was, as far as it tells itself.
pub(super) fn near(punch: &PunchFact, recorded: EpochMs) -> EpochMs {
    effective::near(&Stamped::of(punch, recorded))
}

/// Brings a hall up to a position.
pub async fn catch_up(tx: &mut Tx, behind: Behind, own: &Directory) -> Result<Arc<Hall>, StoreError> {
    let Behind { kept, at: ConfigAt { log, config_pos, next_pos: next } } = behind;
    let mut hall = match kept {
        Some(kept) if kept.next == next => return Ok(kept),
        Some(kept) => Arc::unwrap_or_clone(kept),
        None => Hall::new(zone_of(tx, log).await?),
    };
    if hall.next == Pos::ZERO {
        let newest =
            duty::rows::newest(tx, log, next).await?.max(attendance::load::newest(tx, log, next).await?);
        let during = (newest.plus_ms(-REACH_MS), EpochMs::MAX);
        whole(tx, &mut hall, log, own, next, during).await?;
        hall.recorded(newest);
    } else {
        for event in duty::rows::since(tx, log, hall.next, next).await? {
            hall.happened(event);
        }
        for punch in attendance::load::punches_since(tx, log, hall.next, next).await? {
            hall.punched(&punch.fact, near(&punch.fact, punch.recorded));
            hall.recorded(punch.recorded);
        }
    }
    hall.next = next;
    hall.config = config_pos;
    hall.forget();
    Ok(Arc::new(hall))
}

/// A hall as it was known before a position, for questions about an instant.
pub async fn hall_at(
    tx: &mut Tx,
    log: LogId,
    own: &Directory,
    before: Pos,
    at: EpochMs,
) -> Result<Hall, StoreError> {
    let mut hall = Hall::new(zone_of(tx, log).await?);
    whole(tx, &mut hall, log, own, before, (at.plus_ms(-REACH_MS), at)).await?;
    hall.next = before;
    Ok(hall)
}

/// What happened at some windows in a stretch of time, as far as was known before a position.
pub async fn hall_of(
    tx: &mut Tx,
    log: LogId,
    own: &Directory,
    (windows, before): (&BTreeSet<&str>, Pos),
    (from, until): (EpochMs, EpochMs),
) -> Result<Hall, StoreError> {
    let mut hall = Hall::new(zone_of(tx, log).await?);
    let mut people = BTreeSet::new();
    for event in duty::rows::of_windows(tx, log, windows, before, (from, until)).await? {
        people.insert(event.fact.person_id.clone());
        hall.happened(event);
    }
    people.retain(|person| own.assignments(person).next().is_some());
    let people = people.iter().map(String::as_str).collect();
    clocked(tx, &mut hall, log, &people, before, (from, until)).await?;
    Ok(hall)
}

/// The windows whose terminals are on record as silent, each since when.
pub fn silent(own: &Directory, devices: &Known) -> HashMap<String, EpochMs> {
    let of_windows = own.devices().filter(|device| !device.window.is_empty());
    let silent = of_windows.filter_map(|device| {
        let covered = devices.covered(&device.device).filter(|covered| covered.silent)?;
        Some((device.window.clone(), covered.last_contact.plus_ms(SILENT_MS)))
    });
    silent.collect()
}

/// The same, as far as was known before a position.
pub async fn silent_at(
    tx: &mut Tx,
    log: LogId,
    own: &Directory,
    before: Pos,
) -> Result<HashMap<String, EpochMs>, StoreError> {
    let of_windows = own.devices().filter(|device| !device.window.is_empty());
    let devices: BTreeSet<String> = of_windows.map(|device| device.device.clone()).collect();
    let mut found = attendance::load::covered(tx, log, &devices, (before, before)).await?;
    found.sort_by_key(|(_, at)| at.pos);
    let mut known = Known::default();
    for (device, at) in found {
        known.covers(&device, at.covered);
    }
    Ok(silent(own, &known))
}

async fn whole(
    tx: &mut Tx,
    hall: &mut Hall,
    log: LogId,
    own: &Directory,
    before: Pos,
    (from, until): (EpochMs, EpochMs),
) -> Result<(), StoreError> {
    for event in duty::rows::between(tx, log, before, (from, until)).await? {
        hall.happened(event);
    }
    clocked(tx, hall, log, &own.assigned(), before, (from, until)).await
}

/// When some people clocked in and out.
async fn clocked(
    tx: &mut Tx,
    hall: &mut Hall,
    log: LogId,
    people: &BTreeSet<&str>,
    before: Pos,
    (from, until): (EpochMs, EpochMs),
) -> Result<(), StoreError> {
    let ends = until.plus_ms(1);
    let windows: Vec<attendance::load::Window> =
        people.iter().map(|person| ((*person).to_owned(), from, ends)).collect();
    let found = attendance::load::punches_in(tx, log, &windows, before, hall.zone()).await?;
    for person in people {
        for (punch, effective) in found.punches_of(person, before) {
            hall.clocked(person, Clocked { at: effective.at, way: Way::of(punch.fact.direction()) });
        }
    }
    Ok(())
}

/// What commands of duty need.
pub(super) async fn load(
    tx: &mut Tx,
    live: &Live,
    directories: &HashMap<LogId, Arc<Directory>>,
    config: &[ConfigAt],
    commands: &[(LogId, &duty::fact::Command)],
) -> Result<Duties, StoreError> {
    let mut duties = Duties::default();
    let wanted: BTreeSet<LogId> = commands.iter().map(|(log, _)| *log).collect();
    for at in config.iter().filter(|at| wanted.contains(&at.log)) {
        let Some(own) = directories.get(&at.log) else { continue };
        if at.log == LogId::DEPLOYMENT {
            continue;
        }
        let hall = catch_up(tx, live.behind(*at), own).await?;
        duties.state.put(at.log, hall);
        duties.books.insert(at.log, policies(tx, at.log).await?);
    }
    Ok(duties)
}

pub(super) fn admit(
    command: &duty::fact::Command,
    duties: &Duties,
    attendance: &attendance::state::State,
    seen: Seen<'_>,
    moment: &Moment<'_>,
) -> Verdict {
    let zone = seen.deployment.zone(moment.centre).or_else(|| Zone::parse("").ok());
    let Some(zone) = zone else { return Err(Arc::new(NoSuchLog)) };
    let empty = Book::default();
    let book = duties.books.get(&moment.log).unwrap_or(&empty);
    let policy = roster::plan::policy(book, zone.day_of(moment.at), roster::book::Seen::ALL);
    let arrival = command.stamped().and_then(|(source, stamp)| {
        let device = seen.own.device(stamp.device.as_str())?;
        Some(attendance.arrival(moment.log, device, (source, stamp), moment.at))
    });
    let known = duty::admit::Known { zone: &zone, policy: &policy, arrival: arrival.as_ref() };
    duty::admit::admit(command, &duties.state, seen, known, moment)
}

/// A log's directory as it was before a position.
pub async fn directory_at(tx: &mut Tx, log: LogId, before: Pos) -> Result<Arc<Directory>, StoreError> {
    directory::rows::advance(tx, log, None, before).await
}

/// A centre's zone.
pub(super) async fn zone_of(tx: &mut Tx, log: LogId) -> Result<Zone, StoreError> {
    let missing = StoreError::Inconsistent { table: "directory_record", column: "zone" };
    directory::rows::zone(tx, log).await?.ok_or(missing)
}
