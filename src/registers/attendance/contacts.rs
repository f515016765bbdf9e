//! The contacts of all devices with this process, and the table that replicas share them through. No evidence: what
//! results depend on goes on record in COVERAGE facts.

use std::collections::{BTreeSet, HashMap};

use super::contact::Contact;
use super::state::BootKey;
use crate::kernel::{DeviceId, EpochMs, Label, LogId, Pos};
use crate::registers::stamp::sample::Sample;
use crate::store::{Binds, Cells, Column, Keys, Kind, Statement, Store, StoreError, Table, Tx};

/// Rows are written this often at most.
const WRITE_MS: i64 = 1_000;
/// Older boots no longer matter to anybody: a terminal keeps its journal for 45 days, and a fortnight to spare. 60 days.
const RECENT_MS: i64 = 5_184_000_000;

/// What replicas share of their contacts. Written by a text of its own, which keeps the better of two.
pub static TABLE: Table = Table::new(
    "device_contact",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("device", Kind::Text),
        Column::public("boot_id", Kind::Text),
        Column::public("journal", Kind::Int),
        Column::public("first_mono_ms", Kind::Int),
        Column::public("first_wall_ms", Kind::Int),
        Column::public("first_server_ms", Kind::Int),
        Column::public("mono_ms", Kind::Int),
        Column::public("wall_ms", Kind::Int),
        Column::public("server_ms", Kind::Int),
        Column::public("journal_head", Kind::Int),
        Column::public("going_down", Kind::Int),
        Column::public("reported", Kind::Int),
    ],
);

static OF_BOOTS: Statement = Statement::new(
    "SELECT log_id, device, boot_id, journal, first_mono_ms, first_wall_ms, first_server_ms, mono_ms, wall_ms, server_ms, \
     journal_head, going_down, reported FROM device_contact \
     WHERE (log_id, device, boot_id) IN (SELECT * FROM UNNEST($1::bigint[], $2::text[], $3::text[]))",
);

static OF_DEVICES: Statement = Statement::new(
    "SELECT log_id, device, boot_id, journal, first_mono_ms, first_wall_ms, first_server_ms, mono_ms, wall_ms, server_ms, \
     journal_head, going_down, reported FROM device_contact \
     WHERE (log_id, device) IN (SELECT * FROM UNNEST($1::bigint[], $2::text[]))",
);

static RECENT: Statement = Statement::new(
    "SELECT c.log_id, c.device, c.boot_id, c.journal, c.first_mono_ms, c.first_wall_ms, c.first_server_ms, c.mono_ms, \
     c.wall_ms, c.server_ms, c.journal_head, c.going_down, c.reported FROM device_contact c \
     WHERE c.reported = 1 AND c.server_ms >= $1 AND NOT EXISTS (SELECT 1 FROM device_contact n \
     WHERE n.log_id = c.log_id AND n.device = c.device AND n.reported = 1 AND n.server_ms > c.server_ms)",
);

/// Two replicas may have heard of the same boot: the first contact is the smaller one, everything else the newer one's.
static WRITE: Statement = Statement::new(
    "INSERT INTO device_contact (log_id, device, boot_id, journal, first_mono_ms, first_wall_ms, first_server_ms, mono_ms, \
     wall_ms, server_ms, journal_head, going_down, reported) \
     SELECT k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11, k12 FROM UNNEST($1::bigint[], $2::text[], $3::text[], \
     $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], \
     $12::bigint[], $13::bigint[]) AS k(k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11, k12) WHERE 1 = 1 \
     ON CONFLICT (log_id, device, boot_id) DO UPDATE SET \
     first_mono_ms = CASE WHEN excluded.first_server_ms < device_contact.first_server_ms \
     THEN excluded.first_mono_ms ELSE device_contact.first_mono_ms END, \
     first_wall_ms = CASE WHEN excluded.first_server_ms < device_contact.first_server_ms \
     THEN excluded.first_wall_ms ELSE device_contact.first_wall_ms END, \
     first_server_ms = CASE WHEN excluded.first_server_ms < device_contact.first_server_ms \
     THEN excluded.first_server_ms ELSE device_contact.first_server_ms END, \
     mono_ms = CASE WHEN excluded.server_ms > device_contact.server_ms THEN excluded.mono_ms ELSE device_contact.mono_ms END, \
     wall_ms = CASE WHEN excluded.server_ms > device_contact.server_ms THEN excluded.wall_ms ELSE device_contact.wall_ms END, \
     going_down = CASE WHEN excluded.server_ms > device_contact.server_ms \
     THEN excluded.going_down ELSE device_contact.going_down END, \
     server_ms = CASE WHEN excluded.server_ms > device_contact.server_ms \
     THEN excluded.server_ms ELSE device_contact.server_ms END, \
     journal_head = CASE WHEN excluded.journal_head > device_contact.journal_head \
     THEN excluded.journal_head ELSE device_contact.journal_head END, \
     reported = CASE WHEN excluded.reported > device_contact.reported \
     THEN excluded.reported ELSE device_contact.reported END",
);

/// Every text, so that a test can prepare each on both databases.
pub static STATEMENTS: &[&Statement] = &[&OF_BOOTS, &OF_DEVICES, &RECENT, &WRITE];

/// A contact, and whether the device reported: one that only ever sends punches is not watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The contact.
    pub contact: Contact,
    /// The device reports.
    pub reported: bool,
}

#[derive(Debug)]
struct Kept {
    row: Row,
    dirty: bool,
}

/// The contacts in memory.
#[derive(Debug, Default)]
pub struct Contacts {
    boots: HashMap<BootKey, Kept>,
    /// Some are dirty.
    dirty: bool,
    /// The sweep asked, so they are due whatever the time.
    asked: bool,
    /// The newest contact, and the newest one when they were last written.
    newest: EpochMs,
    written: EpochMs,
}

impl Contacts {
    /// The first contact of a boot.
    pub fn first(&self, key: &BootKey) -> Option<Sample> {
        self.boots.get(key).map(|kept| kept.row.contact.first)
    }

    /// All starts of some devices.
    pub fn of_devices(&self, devices: &BTreeSet<(LogId, String)>) -> Vec<(LogId, Contact)> {
        let known = self.boots.iter().map(|((log, _, _), kept)| (*log, &kept.row.contact));
        let wanted = known.filter(|(log, contact)| devices.contains(&(*log, contact.device.to_string())));
        wanted.map(|(log, contact)| (log, contact.clone())).collect()
    }

    /// A device reports.
    pub fn reported(&mut self, log: LogId, contact: Contact) {
        self.newest = self.newest.max(contact.newest.server);
        self.dirty = true;
        let kept = self.take_in(log, &Row { contact, reported: true });
        kept.dirty = true;
    }

    /// A device sent a punch: that is a contact too. Written only when it says something that a row does not.
    pub fn punched(&mut self, log: LogId, contact: Contact) {
        let known = self.boots.contains_key(&key(log, &contact));
        let server = contact.newest.server;
        let kept = self.take_in(log, &Row { contact, reported: false });
        if !known || kept.row.reported {
            kept.dirty = true;
            self.dirty = true;
            self.newest = self.newest.max(server);
        }
    }

    /// What another replica heard.
    pub fn learn(&mut self, log: LogId, row: &Row) {
        self.take_in(log, row);
    }

    fn take_in(&mut self, log: LogId, row: &Row) -> &mut Kept {
        let fresh = Kept { row: row.clone(), dirty: false };
        let kept = self.boots.entry(key(log, &row.contact)).or_insert(fresh);
        kept.row.contact.merge(&row.contact);
        kept.row.reported |= row.reported;
        kept
    }

    /// The newest boot of every device that reports.
    pub fn reporting(&self) -> Vec<(LogId, Contact)> {
        let mut newest: HashMap<(LogId, &str), &Contact> = HashMap::new();
        for ((log, device, _), kept) in &self.boots {
            let contact = &kept.row.contact;
            let known = newest.get(&(*log, device.as_str()));
            if kept.row.reported && known.is_none_or(|known| known.newest.server < contact.newest.server) {
                newest.insert((*log, device), contact);
            }
        }
        let mut all: Vec<_> = newest.into_iter().map(|((log, _), contact)| (log, contact.clone())).collect();
        all.sort_by(|(log, one), (other, two)| (log, &one.device).cmp(&(other, &two.device)));
        all
    }

    /// Is anything to be written? Then it is due.
    pub fn ask(&mut self) -> bool {
        self.asked = self.dirty;
        self.dirty
    }

    fn due(&self) -> bool {
        self.dirty && (self.asked || self.newest.since(self.written) >= WRITE_MS)
    }

    /// Takes what is due to be written, in an order in which replicas never wait for each other in a circle.
    pub fn take_due(&mut self) -> Vec<(LogId, Row)> {
        if !self.due() {
            return Vec::new();
        }
        (self.dirty, self.asked, self.written) = (false, false, self.newest);
        let mut due: Vec<_> = self
            .boots
            .iter_mut()
            .filter_map(|(key, kept)| std::mem::take(&mut kept.dirty).then(|| (key, kept.row.clone())))
            .collect();
        due.sort_by_key(|(key, _)| *key);
        due.into_iter().map(|((log, _, _), row)| (*log, row)).collect()
    }

    /// What was taken may not have been written.
    pub fn write_again(&mut self) {
        self.dirty = !self.boots.is_empty();
        for kept in self.boots.values_mut() {
            kept.dirty = true;
        }
    }
}

fn key(log: LogId, contact: &Contact) -> BootKey {
    (log, contact.device.to_string(), contact.boot_id.as_str().to_owned())
}

fn read(cells: &mut Cells<'_>) -> Result<(LogId, Row), StoreError> {
    const fn bad(column: &'static str) -> StoreError {
        StoreError::Inconsistent { table: "device_contact", column }
    }
    let log = LogId::from_column(cells.int()?);
    let device = DeviceId::parse(&cells.text()?).map_err(|_| bad("device"))?;
    let boot_id = Label::parse(&cells.text()?).map_err(|_| bad("boot_id"))?;
    let journal = Pos::from_column(cells.int()?).ok_or(bad("journal"))?;
    let sample = |cells: &mut Cells<'_>| {
        Ok::<_, StoreError>(Sample {
            mono_ms: Pos::from_column(cells.int()?).ok_or(bad("mono_ms"))?.get(),
            wall: EpochMs::clamped(cells.int()?),
            server: EpochMs::clamped(cells.int()?),
        })
    };
    let (first, newest) = (sample(cells)?, sample(cells)?);
    let journal_head = Pos::from_column(cells.int()?).ok_or(bad("journal_head"))?.get();
    let going_down = cells.int()? != 0;
    let contact = Contact { device, journal, boot_id, first, newest, journal_head, going_down };
    Ok((log, Row { contact, reported: cells.int()? != 0 }))
}

/// The rows of some boots.
pub async fn of_boots(tx: &mut Tx, boots: &[BootKey]) -> Result<Vec<(LogId, Row)>, StoreError> {
    if boots.is_empty() {
        return Ok(Vec::new());
    }
    let keys = Keys::ints(boots.iter().map(|(log, _, _)| log.column()))
        .and_texts(boots.iter().map(|(_, device, _)| device.as_str()))
        .and_texts(boots.iter().map(|(_, _, boot)| boot.as_str()));
    tx.fetch(&OF_BOOTS, Binds::new().keys(keys), read).await
}

/// The rows of all starts of some devices.
pub async fn of_devices(
    tx: &mut Tx,
    devices: &BTreeSet<(LogId, String)>,
) -> Result<Vec<(LogId, Row)>, StoreError> {
    if devices.is_empty() {
        return Ok(Vec::new());
    }
    let keys = Keys::ints(devices.iter().map(|(log, _)| log.column()))
        .and_texts(devices.iter().map(|(_, device)| device.as_str()));
    tx.fetch(&OF_DEVICES, Binds::new().keys(keys), read).await
}

/// The newest boot of every device that reported within the last 60 days.
pub async fn recent(store: &Store, now: EpochMs) -> Result<Vec<(LogId, Row)>, StoreError> {
    store.fetch(&RECENT, Binds::new().and(now.plus_ms(-RECENT_MS).get()), read).await
}

/// Writes rows.
pub async fn write(tx: &mut Tx, rows: Vec<(LogId, Row)>) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let contacts = || rows.iter().map(|(_, row)| &row.contact);
    let ints = |of: &dyn Fn(&Contact) -> i64| contacts().map(of).collect::<Vec<_>>();
    let keys = Keys::ints(rows.iter().map(|(log, _)| log.column()))
        .and_texts(contacts().map(|contact| contact.device.as_str()))
        .and_texts(contacts().map(|contact| contact.boot_id.as_str()))
        .and_ints(ints(&|contact| contact.journal.column()))
        .and_ints(ints(&|contact| Pos::new(contact.first.mono_ms).column()))
        .and_ints(ints(&|contact| contact.first.wall.get()))
        .and_ints(ints(&|contact| contact.first.server.get()))
        .and_ints(ints(&|contact| Pos::new(contact.newest.mono_ms).column()))
        .and_ints(ints(&|contact| contact.newest.wall.get()))
        .and_ints(ints(&|contact| contact.newest.server.get()))
        .and_ints(ints(&|contact| Pos::new(contact.journal_head).column()))
        .and_ints(ints(&|contact| i64::from(contact.going_down)))
        .and_ints(rows.iter().map(|(_, row)| i64::from(row.reported)));
    tx.execute(&WRITE, Binds::new().keys(keys)).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(device: &str, boot: &str, server_ms: i64) -> Contact {
        let sample = Sample { mono_ms: 1, wall: EpochMs::ZERO, server: EpochMs::clamped(server_ms) };
        Contact {
            device: DeviceId::parse(device).unwrap(),
            journal: Pos::new(3),
            boot_id: Label::parse(boot).unwrap(),
            first: sample,
            newest: sample,
            journal_head: 0,
            going_down: false,
        }
    }

    const HALL: LogId = LogId::from_column(1);

    #[test]
    fn contacts_are_written_once_a_second_or_when_the_sweep_asks() {
        let mut contacts = Contacts::default();
        contacts.reported(HALL, heard("gate-1", "a", 10_000));
        assert_eq!(contacts.take_due().len(), 1, "the first at once");
        contacts.reported(HALL, heard("gate-1", "a", 10_999));
        assert!(contacts.take_due().is_empty(), "not within the same second");
        contacts.reported(HALL, heard("gate-2", "a", 11_000));
        assert_eq!(contacts.take_due().len(), 2, "after a second, both");
        contacts.reported(HALL, heard("gate-2", "a", 11_001));
        assert!(contacts.ask() && contacts.take_due().len() == 1, "the sweep asked");
        assert!(!contacts.ask() && contacts.take_due().is_empty(), "nothing is left");
        contacts.write_again();
        assert!(contacts.ask() && contacts.take_due().len() == 2, "after a failure, all");
    }

    #[test]
    fn a_boot_is_dated_by_its_earliest_contact_whichever_replica_had_it() {
        let mut contacts = Contacts::default();
        contacts.punched(HALL, heard("gate-1", "a", 20_000));
        contacts.learn(HALL, &Row { contact: heard("gate-1", "a", 10_000), reported: false });
        let first = contacts.first(&(HALL, "gate-1".to_owned(), "a".to_owned()));
        assert_eq!(first.map(|sample| sample.server.get()), Some(10_000));
        assert!(contacts.reporting().is_empty(), "a device that only punches is not watched");
        contacts.reported(HALL, heard("gate-1", "a", 30_000));
        contacts.reported(HALL, heard("gate-1", "b", 40_000));
        let boots: Vec<_> = contacts
            .reporting()
            .into_iter()
            .map(|(_, contact)| contact.boot_id.as_str().to_owned())
            .collect();
        assert_eq!(boots, ["b"], "the newest boot of each device");
    }
}
