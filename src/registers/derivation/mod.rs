//! What the registers' facts mean for results: the fold's port, implemented for all registers.
//!
//! Four rooms: a person's first in and last out of a day, a device's state, what a person's day came to, and what became of a
//! pause. An entry
//! touches the keys that its facts name; what may touch very many (a credential that is bound, a boot that dates punches
//! which nothing dated before, a calendar, a day that begins) is a range, expanded page by page.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use prost::Message;
use sha2::{Digest, Sha256};

mod asked;
pub mod day_result;
pub mod days;
pub mod pauses;
pub mod preview;
mod rows;
mod sheet;
pub mod told;
pub mod walk;

use super::attendance::load;
use super::attendance::view::Trust;
use super::directory::fact::Record;
use super::directory::view::credential_key;
use super::rulebook::{Command, Registers, server};
use super::stamp::effective::{self, Stamped};
use super::{audit, directory, kind};
use crate::kernel::{Check, EpochDay, EpochMs, LogId, Pos, RequestId, Said, Zone};
use crate::ledger::Ledger;
use crate::ledger::committer::Lane;
use crate::ledger::leaf::Leaf;
use crate::ledger::port::Submission;
use crate::ledger::reader::{self, Standing};
use crate::proto::fact::Fact as Of;
use crate::proto::{EntryFacts, Fact, TimeTrust};
use crate::results::{
    AsOf, ClockName, Cursor, Derivation, Derived, FoldEntry, Key, Lineage, Moment, RangeAt, Reach, Room,
    Touched,
};
use crate::store::{StoreError, Tx};

pub use days::{DAY, Days, OPENING, Rostered, day_key, day_of};
pub use pauses::{PAUSE, Pauses};
pub use rows::Rows;

/// A person's first in and last out of a day.
pub const PRESENCE: Room = Room::new(1);
/// A device's state.
pub const DEVICE: Room = Room::new(2);

/// Notes a cursor that was never given out for this feed, with whatever else is wrong with a request.
pub fn cursor(check: &mut Check, room: Room, text: &str) {
    if Cursor::parse(room, text).is_err() {
        no_cursor(check);
    }
}

/// Notes that a request's cursor is none of the feed's.
pub fn no_cursor(check: &mut Check) {
    let said = Said::new("不是这个接口给出的游标", "is not a cursor of this feed");
    check.refuse("cursor", "NOT_A_CURSOR", said);
}

/// The version of the rules by which results are derived.
pub const RULES: u32 = 1;

/// At most one TICK per log and 5 s.
const TICK_MS: u64 = 5_000;

/// The registers, as the fold sees them.
#[derive(Debug)]
pub struct Registered {
    ledger: Ledger<Registers>,
    /// A centre keeps its zone, so it is looked up once.
    zones: Mutex<HashMap<LogId, Zone>>,
    ticked: Mutex<HashMap<LogId, u64>>,
    /// What was last asked for: an entry may touch the days of a thousand people, each a range.
    rostered: Mutex<Option<Arc<Rostered>>>,
}

impl Registered {
    /// Over the registers' ledger.
    pub fn new(ledger: Ledger<Registers>) -> Self {
        Self { ledger, zones: Mutex::default(), ticked: Mutex::default(), rostered: Mutex::default() }
    }

    fn zone(&self, log: LogId) -> Option<Zone> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner).get(&log).cloned()
    }

    async fn learn_zone(&self, tx: &mut Tx, log: LogId) -> Result<(), StoreError> {
        if self.zone(log).is_some() || log == LogId::DEPLOYMENT {
            return Ok(());
        }
        if let Some(zone) = directory::rows::zone(tx, log).await? {
            self.zones.lock().unwrap_or_else(PoisonError::into_inner).insert(log, zone);
        }
        Ok(())
    }

    async fn rostered(&self, tx: &mut Tx, log: LogId, as_of: AsOf) -> Result<Arc<Rostered>, StoreError> {
        let known = self.rostered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| known.is_of(log, as_of)) {
            return Ok(known);
        }
        let rostered = Arc::new(Rostered::load(tx, log, as_of).await?);
        *self.rostered.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&rostered));
        Ok(rostered)
    }

    fn touched_by(zone: &Zone, today: EpochDay, entry: &FoldEntry, fact: &Fact, touched: &mut Touched) {
        match &fact.fact {
            Some(Of::Punch(punch)) => {
                let stamped = Stamped::of(punch, entry.recorded);
                if stamped.is_adrift() {
                    touched.ranges.push(load::Range::Punch(entry.pos).encode());
                } else if !punch.person_id.is_empty() {
                    let at = effective::near(&stamped);
                    touched.keys.push(day_key(PRESENCE, &punch.person_id, zone.day_of(at)));
                    // A day that has not begun comes to nothing yet, whoever clocks; when it begins it is looked at.
                    let begun = days::around(zone, at).filter(|day| *day <= today);
                    touched.keys.extend(begun.map(|day| day_key(DAY, &punch.person_id, day)));
                }
            }
            Some(Of::Coverage(coverage)) => {
                for item in &coverage.devices {
                    touched.keys.push(Key::new(DEVICE, item.device.as_bytes()));
                    if item.new_boot {
                        touched.ranges.push(load::Range::Boot(item.device.clone()).encode());
                    }
                    if item.contiguous_through >= item.journal_head {
                        touched.advances.push((coverage_clock(&item.device), item.last_contact_ms));
                    }
                }
            }
            Some(Of::Import(import)) if import.attested => {
                touched.advances.push((coverage_clock(&import.device), import.complete_through_ms));
            }
            Some(Of::CoverageDeclaration(declared)) => {
                touched.advances.push((coverage_clock(&declared.device), declared.complete_through_ms));
            }
            Some(Of::DeviceOutage(outage)) => {
                touched.keys.push(Key::new(DEVICE, outage.device.as_bytes()));
            }
            Some(Of::DeviceOutageEnd(outage)) => {
                touched.keys.push(Key::new(DEVICE, outage.device.as_bytes()));
            }
            _ => {
                if let Some(Record::CredentialBinding(binding)) = Record::from_fact(fact) {
                    let credential = credential_key(binding.kind, &binding.value_hmac);
                    touched.ranges.push(load::Range::Credential(credential).encode());
                }
            }
        }
    }
}

/// The id of something that the server itself writes.
pub fn server_id(kind: u16, origin: &str, content: &[u8]) -> RequestId {
    let hash = Sha256::new()
        .chain_update(b"qinlian/v1/server\0")
        .chain_update(kind.to_be_bytes())
        .chain_update(origin)
        .chain_update([0])
        .chain_update(content)
        .finalize();
    RequestId::server_made(&hash.into())
}

impl Derivation for Registered {
    type Rows = Rows;

    fn rules(&self) -> u32 {
        RULES
    }

    fn touched(&self, log: LogId, entry: &FoldEntry, during: RangeInclusive<EpochMs>) -> Touched {
        let mut touched = Touched::default();
        // The deployment's own log has no results, and a centre's zone is known once its entries were read.
        let Some(zone) = self.zone(log) else { return touched };
        let (since, at) = during.into_inner();
        let today = zone.day_of(at);
        if since == EpochMs::ZERO || zone.day_of(since) < today {
            if since > EpochMs::ZERO {
                // Days on which nothing was written at all.
                let skipped = Days::Everybody(zone.day_of(since).plus_days(1), today.plus_days(-1));
                touched.ranges.extend((!skipped.is_empty()).then(|| skipped.encode()));
            }
            touched.ranges.push(Days::Open(today).encode());
        }
        let facts = entry.facts.as_deref().and_then(|bytes| EntryFacts::decode(bytes).ok());
        for fact in facts.into_iter().flat_map(|facts| facts.facts) {
            if entry.log == log {
                Self::touched_by(&zone, today, entry, &fact, &mut touched);
            }
            pauses::touched_by(entry, &fact, &zone, &mut touched);
            if matches!(&fact.fact, Some(Of::Roster(_) | Of::PolicyApproval(_))) {
                // From now on there are days that begin.
                touched.keys.push(days::opening_key());
            }
            touched.ranges.extend(days::touched_by(&fact, &zone, today).iter().map(Days::encode));
        }
        touched
    }

    async fn expand(&self, tx: &mut Tx, page: RangeAt<'_>) -> Result<Vec<Key>, StoreError> {
        self.learn_zone(tx, page.log).await?;
        let Some(zone) = self.zone(page.log) else { return Ok(Vec::new()) };
        if let Some(days) = Days::decode(page.range) {
            let rostered = self.rostered(tx, page.log, page.as_of).await?;
            return days.expand(tx, page, &rostered).await;
        }
        if let Some(pauses) = Pauses::decode(page.range) {
            return pauses.expand(tx, page).await;
        }
        let Some(range) = load::Range::decode(page.range) else { return Ok(Vec::new()) };
        let found = load::days_of(tx, page.log, &range, page.as_of.pos, &zone).await?;
        let mut keys: Vec<Key> = Vec::with_capacity(found.len() * 4);
        keys.extend(pauses::near(tx, page.log, &zone, &found, page.as_of.pos).await?);
        for (person, day) in found {
            keys.push(day_key(PRESENCE, &person, day));
            keys.extend([-1, 0, 1].map(|days| day_key(DAY, &person, day.plus_days(days))));
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(keys
            .into_iter()
            .filter(|key| page.after.is_none_or(|after| key > after))
            .take(page.limit)
            .collect())
    }

    async fn load(
        &self,
        tx: &mut Tx,
        log: LogId,
        keys: &[Key],
        states: RangeInclusive<AsOf>,
    ) -> Result<Rows, StoreError> {
        self.learn_zone(tx, log).await?;
        match self.zone(log) {
            Some(zone) => rows::load(tx, log, zone, keys, states).await,
            None => Ok(Rows::default()),
        }
    }

    fn derive(&self, rows: &Rows, key: &Key, moment: &Moment) -> Derived {
        rows.derive(key, moment)
    }

    async fn entries(
        &self,
        tx: &mut Tx,
        log: LogId,
        from: Pos,
        limit: usize,
    ) -> Result<Vec<FoldEntry>, StoreError> {
        self.learn_zone(tx, log).await?;
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let stored = reader::facts_in(tx, log, from, limit).await?;
        stored
            .into_iter()
            .map(|entry| {
                let leaf = Leaf::decode(&entry.leaf)
                    .map_err(|_| StoreError::Inconsistent { table: "ledger_entry", column: "leaf" })?;
                let facts = entry.facts;
                let read = facts.as_deref().and_then(|bytes| EntryFacts::decode(bytes).ok());
                let rules = read.iter().flat_map(|facts| &facts.facts).find_map(|fact| match &fact.fact {
                    Some(Of::Rules(rules)) => Some(rules.rules),
                    _ => None,
                });
                Ok(FoldEntry {
                    log,
                    pos: entry.pos,
                    kind: leaf.kind,
                    recorded: leaf.recorded,
                    deployment: read.map(|facts| Pos::new(facts.deployment_size)),
                    facts,
                    rules,
                })
            })
            .collect()
    }

    async fn lineage(&self, tx: &mut Tx, log: LogId) -> Result<Lineage, StoreError> {
        let Some((pos, rules)) = audit::rows::rules_since(tx, log).await? else {
            return Ok(Lineage { rules: 1, since: AsOf::ZERO, erased: None });
        };
        let before = Pos::new(pos.get().saturating_sub(1));
        let entry = self.entries(tx, log, before, 1).await?.pop();
        let deployment = entry.and_then(|entry| entry.deployment).unwrap_or_default();
        // Facts parts are never erased.
        Ok(Lineage { rules, since: AsOf { pos, deployment }, erased: None })
    }

    async fn reach(&self) -> Result<Vec<Reach>, StoreError> {
        let standing = reader::standing(self.ledger.reader().store()).await?;
        let deployment = standing.iter().find(|log| log.log == LogId::DEPLOYMENT);
        let (config, last) = deployment.map_or((Pos::ZERO, EpochMs::ZERO), |log| (log.config_pos, log.last));
        let named = |log: &Standing| {
            let facts = log.facts.as_deref().and_then(|bytes| EntryFacts::decode(bytes).ok());
            facts.map_or(config, |facts| Pos::new(facts.deployment_size))
        };
        Ok(standing
            .iter()
            .filter(|log| log.log != LogId::DEPLOYMENT)
            .map(|log| {
                let moved = (log.next_pos > Pos::ZERO && named(log) < config).then_some(last);
                Reach { log: log.log, next_pos: log.next_pos, moved }
            })
            .collect())
    }

    fn tick(&self, log: LogId, due: EpochMs) {
        let now = self.ledger.clock().monotonic_ms();
        {
            let mut ticked = self.ticked.lock().unwrap_or_else(PoisonError::into_inner);
            if ticked.get(&log).is_some_and(|at| now.saturating_sub(*at) < TICK_MS) {
                return;
            }
            ticked.insert(log, now);
        }
        let ledger = self.ledger.clone();
        tokio::spawn(async move {
            let Ok((_, epoch)) = ledger.reader().head(log).await else { return };
            let request_id = server_id(kind::TICK, &epoch.origin, &due.get().to_be_bytes());
            let command = Command::Audit(audit::fact::Command::Tick { due });
            let submission = Submission { log, request_id, author: server("runner"), command };
            // Refused is well: it was early, or somebody wrote meanwhile.
            if let Err(error) = ledger.submit(submission, Lane::Bulk).await {
                tracing::debug!(code = "RESULTS_TICK_REFUSED", %error, "no time was put on record");
            }
        });
    }
}

/// The clocks of what devices have told.
pub const COVERAGE: &str = "coverage";

/// What waits for everything that a device recorded waits for this clock.
fn coverage_clock(device: &str) -> ClockName {
    ClockName::new(format!("{COVERAGE}:{device}"))
}

/// The device that a clock is of.
pub fn covered_device(clock: &ClockName) -> Option<&str> {
    clock.as_str().strip_prefix(COVERAGE)?.strip_prefix(':')
}

/// A trust as messages name it.
pub fn trust(trust: Trust) -> TimeTrust {
    match trust {
        Trust::Trusted => TimeTrust::Trusted,
        Trust::Corrected => TimeTrust::Corrected,
        Trust::Imported => TimeTrust::Imported,
        Trust::Suspect => TimeTrust::Suspect,
    }
}

/// The registers behind a shared pointer, as a folder takes them.
pub fn registered(ledger: Ledger<Registers>) -> Arc<Registered> {
    Arc::new(Registered::new(ledger))
}
