//! What this process keeps in memory of journals, coverage, outages and contacts, so that a punch at a counter costs no
//! question to the database.
//!
//! What is known of a log is whole up to a position. It is kept only after a durable commit, and brought up to the head
//! inside the lock when other replicas wrote meanwhile; so it is never ahead of the log, and never behind where it is
//! used. Contacts are no evidence: they may be lost, and are written about once a second.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::contact::Contact;
use super::contacts::{self, Contacts};
use super::derive::{CoveredAt, OutageAt};
use super::fact::Command;
use super::known::Known;
use super::rows::{losses, read_covered, read_outage};
use super::state::{BootKey, State};
use crate::kernel::{EpochMs, LogId, Pos};
use crate::ledger::keys::Keys;
use crate::ledger::port::{ConfigAt, Slot};
use crate::registers::directory::{Directory, journal};
use crate::registers::stamp::sample::Sample;
use crate::registers::stamp::{Source, Stamp, place};
use crate::store::{Binds, Statement, Store, StoreError, Tx};

/// The newest record of each device's coverage that some ranges of entries brought.
static COVERED: Statement = Statement::new(
    "SELECT c.log_id, c.device, c.pos, c.recorded_ms, c.boot_id, c.mono_ms, c.wall_ms, c.server_ms, c.journal, \
     c.journal_head, c.contiguous_through, c.going_down, c.silent, c.last_contact_ms, c.new_boot \
     FROM (SELECT t.log_id, t.device, MAX(t.pos) AS pos \
     FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[]) AS k(k0, k1, k2) \
     CROSS JOIN LATERAL (SELECT * FROM attendance_coverage t WHERE t.log_id = k.k0 AND t.pos >= k.k1 \
     AND t.pos < k.k2 OFFSET 0) t GROUP BY t.log_id, t.device) n \
     JOIN attendance_coverage c ON c.log_id = n.log_id AND c.device = n.device AND c.pos = n.pos",
);

/// The newest beginning or end of each device's outages that some ranges of entries brought.
static OUTAGES: Statement = Statement::new(
    "SELECT o.log_id, o.device, o.pos, o.ends, o.at_ms FROM (SELECT t.log_id, t.device, MAX(t.pos) AS pos \
     FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[]) AS k(k0, k1, k2) \
     CROSS JOIN LATERAL (SELECT * FROM attendance_outage t WHERE t.log_id = k.k0 AND t.pos >= k.k1 \
     AND t.pos < k.k2 OFFSET 0) t GROUP BY t.log_id, t.device) n \
     JOIN attendance_outage o ON o.log_id = n.log_id AND o.device = n.device AND o.pos = n.pos",
);

/// Every text, so that a test can prepare each on both databases.
pub static STATEMENTS: &[&Statement] = &[&COVERED, &OUTAGES];

/// What the commands of a batch name, of every register whose commands a terminal stamps.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    logs: HashSet<LogId>,
    stamped: Vec<(LogId, Source, &'a Stamp)>,
    /// Declarations of losses that are signed.
    signs: Vec<(LogId, Pos)>,
}

impl<'a> Wanted<'a> {
    /// A command that a terminal may have stamped.
    pub fn stamped(&mut self, log: LogId, stamped: Option<(Source, &'a Stamp)>) {
        self.logs.insert(log);
        self.stamped.extend(stamped.map(|(source, stamp)| (log, source, stamp)));
    }

    /// A command of attendance.
    pub fn add(&mut self, log: LogId, command: &'a Command) {
        self.stamped(log, command.stamped());
        if let Command::JournalLossSignature { loss } = command {
            self.signs.push((log, *loss));
        }
    }
}

/// The memory.
#[derive(Debug, Default)]
pub struct Live {
    logs: Mutex<HashMap<LogId, Arc<Known>>>,
    contacts: Mutex<Contacts>,
}

impl Live {
    /// Loads what the commands of a batch need. With everything in memory and no place taken, it asks nothing.
    pub async fn load(
        &self,
        tx: &mut Tx,
        keys: &Keys,
        directories: &HashMap<LogId, Arc<Directory>>,
        heads: &[ConfigAt],
        wanted: &Wanted<'_>,
    ) -> Result<State, StoreError> {
        let Wanted { logs: wanted, stamped, signs } = wanted;
        let mut logs = HashMap::new();
        for head in heads {
            // What is whole is carried along by every entry of the log; what is not waits until it is needed.
            let kept = self.kept(head.log).filter(|kept| kept.next == head.next_pos);
            logs.extend(kept.map(|kept| (head.log, kept)));
        }
        let behind: Vec<ConfigAt> = heads
            .iter()
            .filter(|head| wanted.contains(&head.log) && !logs.contains_key(&head.log))
            .copied()
            .collect();
        logs.extend(self.catch_up(tx, &behind).await?);
        let mut state = State { logs, ..State::default() };
        let (mut taken, mut boots): (Vec<(LogId, Slot)>, Vec<BootKey>) = (Vec::new(), Vec::new());
        for (log, source, stamp) in stamped {
            if *source == Source::Upload {
                boots.push((*log, stamp.device.to_string(), stamp.boot_id.as_str().to_owned()));
            }
            let slot = directories.get(log).and_then(|own| place(own, stamp));
            let known = state.known(*log);
            let is_taken = |slot: &Slot| {
                let journal = known.and_then(|known| known.journal(&slot.device, slot.journal));
                journal.is_some_and(|journal| journal.has(slot.seq))
            };
            taken.extend(slot.filter(is_taken).map(|slot| (*log, slot)));
        }
        state.occupied = journal::occupied(tx, keys, &taken).await?;
        state.samples = self.samples(tx, boots.clone()).await?;
        let undated = boots.into_iter().filter(|boot| !state.samples.contains_key(boot));
        state.starts = self.starts(tx, undated.map(|(log, device, _)| (log, device)).collect()).await?;
        state.losses = losses::declared(tx, signs).await?;
        Ok(state)
    }

    /// What is known of some logs, brought up to their heads.
    async fn catch_up(
        &self,
        tx: &mut Tx,
        heads: &[ConfigAt],
    ) -> Result<HashMap<LogId, Arc<Known>>, StoreError> {
        if heads.is_empty() {
            return Ok(HashMap::new());
        }
        let mut of = Vec::new();
        let mut logs: HashMap<LogId, Known> = HashMap::new();
        for head in heads {
            // Never ahead of the log: a database that lost entries has lost them here too.
            let kept = self.kept(head.log).filter(|kept| kept.next <= head.next_pos);
            let mut known = kept.map(|kept| (*kept).clone()).unwrap_or_default();
            of.push((*head, known.next));
            known.next = head.next_pos;
            logs.insert(head.log, known);
        }
        for run in journal::runs(tx, &of).await? {
            if let Some(known) = logs.get_mut(&run.log) {
                known.arrived(&run.device, run.journal, run.first, run.last);
            }
        }
        for (log, device, CoveredAt { covered, .. }) in covered(tx, &of).await? {
            if let Some(known) = logs.get_mut(&log) {
                known.covers(&device, covered);
            }
        }
        for (log, lost) in losses::signed(tx, &of).await? {
            if let Some(known) = logs.get_mut(&log) {
                known.loses(&lost.device, Pos::new(lost.journal), lost.first_seq, lost.last_seq);
            }
        }
        for (log, device, outage) in outages(tx, &of).await? {
            if let Some(known) = logs.get_mut(&log) {
                known.outage_is(&device, (!outage.ends).then_some(outage.at));
            }
        }
        Ok(logs.into_iter().map(|(log, known)| (log, Arc::new(known))).collect())
    }

    /// The first contacts of boots: in memory, or as some replica wrote them.
    async fn samples(
        &self,
        tx: &mut Tx,
        boots: Vec<BootKey>,
    ) -> Result<HashMap<BootKey, Sample>, StoreError> {
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        {
            let kept = self.lock_contacts();
            for key in boots {
                match kept.first(&key) {
                    Some(sample) => {
                        found.insert(key, sample);
                    }
                    None => missing.push(key),
                }
            }
        }
        missing.sort_unstable();
        missing.dedup();
        for (log, row) in contacts::of_boots(tx, &missing).await? {
            let contact = row.contact.clone();
            let key = (log, contact.device.to_string(), contact.boot_id.as_str().to_owned());
            found.insert(key, contact.first);
            self.lock_contacts().learn(log, &row);
        }
        Ok(found)
    }

    /// All starts of some devices: in memory, and as some replica wrote them.
    async fn starts(
        &self,
        tx: &mut Tx,
        devices: BTreeSet<(LogId, String)>,
    ) -> Result<Vec<(LogId, Contact)>, StoreError> {
        if devices.is_empty() {
            return Ok(Vec::new());
        }
        let mut starts = self.lock_contacts().of_devices(&devices);
        let written = contacts::of_devices(tx, &devices).await?;
        starts.extend(written.into_iter().map(|(log, row)| (log, row.contact)));
        Ok(starts)
    }

    /// What is known of a log as of its head, for readers.
    pub async fn known(&self, store: &Store, head: ConfigAt) -> Result<Arc<Known>, StoreError> {
        if let Some(kept) = self.kept(head.log).filter(|kept| kept.next >= head.next_pos) {
            return Ok(kept);
        }
        let mut tx = store.snapshot().await?;
        let known = self.catch_up(&mut tx, &[head]).await?.remove(&head.log).unwrap_or_default();
        tx.rollback().await?;
        self.keep_known(head.log, Arc::clone(&known));
        Ok(known)
    }

    /// What is kept of a log, however old.
    pub fn kept(&self, log: LogId) -> Option<Arc<Known>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).get(&log).cloned()
    }

    /// Keeps what a durable batch taught.
    pub fn keep(&self, state: State) {
        for (log, known) in state.logs {
            self.keep_known(log, known);
        }
        if !state.heard.is_empty() {
            let mut contacts = self.lock_contacts();
            for (log, contact) in state.heard {
                contacts.punched(log, contact);
            }
        }
    }

    fn keep_known(&self, log: LogId, known: Arc<Known>) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if logs.get(&log).is_none_or(|kept| kept.next < known.next) {
            logs.insert(log, known);
        }
    }

    /// Forgets what may be wrong; contacts may not, but those that were being written are written again.
    pub fn forget(&self) {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.lock_contacts().write_again();
    }

    /// A device reports.
    pub fn report(&self, log: LogId, contact: Contact) {
        self.lock_contacts().reported(log, contact);
    }

    /// The newest boot of every device that reports, to any replica.
    pub async fn reporting(&self, store: &Store, now: EpochMs) -> Result<Vec<(LogId, Contact)>, StoreError> {
        let rows = contacts::recent(store, now).await?;
        let mut contacts = self.lock_contacts();
        for (log, row) in rows {
            contacts.learn(log, &row);
        }
        Ok(contacts.reporting())
    }

    /// Is there a contact to write? Asked about once a second, when nothing else is committed.
    pub fn has_flush(&self) -> bool {
        self.lock_contacts().ask()
    }

    /// Writes contacts, at most once a second.
    pub async fn flush(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let rows = self.lock_contacts().take_due();
        contacts::write(tx, rows).await
    }

    fn lock_contacts(&self) -> std::sync::MutexGuard<'_, Contacts> {
        self.contacts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type OfDevice<T> = (LogId, String, T);

async fn covered(tx: &mut Tx, of: &[(ConfigAt, Pos)]) -> Result<Vec<OfDevice<CoveredAt>>, StoreError> {
    tx.fetch(&COVERED, Binds::new().keys(journal::ranges(of)), |cells| {
        Ok((LogId::from_column(cells.int()?), cells.text()?, read_covered(cells)?))
    })
    .await
}

async fn outages(tx: &mut Tx, of: &[(ConfigAt, Pos)]) -> Result<Vec<OfDevice<OutageAt>>, StoreError> {
    tx.fetch(&OUTAGES, Binds::new().keys(journal::ranges(of)), |cells| {
        Ok((LogId::from_column(cells.int()?), cells.text()?, read_outage(cells)?))
    })
    .await
}
