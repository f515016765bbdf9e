//! What the attendance register's rule needs to know of a batch. Pure: `live` fills it, inside the locks.

use std::collections::HashMap;
use std::sync::Arc;

use super::contact::{Contact, Sample};
use super::fact::{Command, Punch};
use super::known::Known;
use super::losses::Declared;
use crate::kernel::{DeviceId, EpochMs, Label, LogId, Pos};
use crate::ledger::port::{Occupied, Slot};
use crate::proto::fact::Fact as Of;
use crate::proto::{Fact, PunchFact};
use crate::registers::directory::Directory;

/// A start of a device, by log, device and boot.
pub type BootKey = (LogId, String, String);

/// The state.
#[derive(Debug, Default)]
pub struct State {
    /// The logs of the batch.
    pub(super) logs: HashMap<LogId, Arc<Known>>,
    /// What stands in the places that the batch claims and that are taken.
    pub(super) occupied: HashMap<(LogId, Slot), Occupied>,
    /// The first contacts of the boots that the batch's uploads name.
    pub(super) samples: HashMap<BootKey, Sample>,
    /// The declarations of losses that the batch signs.
    pub(super) losses: HashMap<(LogId, Pos), Declared>,
    /// Contacts that the batch's own punches are.
    pub(super) heard: Vec<(LogId, Contact)>,
}

/// The journal place of a punch; imported rows have none, and of an unknown device nothing is known.
pub fn place(own: &Directory, punch: &Punch) -> Option<Slot> {
    let stamp = &punch.stamp;
    let device = own.device(stamp.device.as_str()).filter(|_| stamp.seq > 0)?;
    Some(Slot { device: stamp.device.to_string(), journal: Pos::new(device.journal), seq: stamp.seq })
}

impl State {
    /// What is known of a log.
    pub fn known(&self, log: LogId) -> Option<&Known> {
        self.logs.get(&log).map(|known| &**known)
    }

    /// The first known contact of a boot.
    pub fn sample(&self, log: LogId, device: &str, boot_id: &str) -> Option<Sample> {
        self.samples.get(&(log, device.to_owned(), boot_id.to_owned())).copied()
    }

    /// A declaration of lost journal numbers, if the batch names it.
    pub fn loss(&self, log: LogId, pos: Pos) -> Option<&Declared> {
        self.losses.get(&(log, pos))
    }

    /// The journal place that a command claims, and what stands there.
    pub fn slot(&self, own: &Directory, log: LogId, command: &Command) -> Option<(Slot, Option<Occupied>)> {
        let Command::Punch(punch) = command else { return None };
        let slot = place(own, punch)?;
        if !self.known(log)?.journal(&slot.device, slot.journal).is_some_and(|journal| journal.has(slot.seq))
        {
            return Some((slot, None));
        }
        let occupied = self.occupied.get(&(log, slot.clone())).copied();
        Some((slot, occupied))
    }

    /// Lets the next command of the batch see a fact.
    pub fn apply(&mut self, log: LogId, pos: Pos, at: EpochMs, digest: Option<[u8; 32]>, fact: &Fact) {
        let Some(known) = self.logs.get_mut(&log) else { return };
        let known = Arc::make_mut(known);
        known.next = pos.next();
        known.apply(at, fact);
        match &fact.fact {
            Some(Of::Punch(punch)) => self.apply_punch(log, pos, digest, punch),
            Some(Of::JournalLossSignature(signature)) => {
                if let Some(declared) = self.losses.get_mut(&(log, Pos::new(signature.loss))) {
                    declared.signed = true;
                }
            }
            _ => {}
        }
    }

    fn apply_punch(&mut self, log: LogId, pos: Pos, digest: Option<[u8; 32]>, punch: &PunchFact) {
        if punch.device_seq == 0 {
            return;
        }
        let slot =
            Slot { device: punch.device.clone(), journal: Pos::new(punch.journal), seq: punch.device_seq };
        self.occupied.insert((log, slot), Occupied { pos, digest });
        let Some(sample) = punch.contact.as_ref().filter(|_| punch.live).map(Sample::heard) else { return };
        let (Ok(device), Ok(boot_id)) = (DeviceId::parse(&punch.device), Label::parse(&punch.boot_id)) else {
            return;
        };
        let key = (log, punch.device.clone(), punch.boot_id.clone());
        self.samples.entry(key).or_insert(sample);
        let contact = Contact {
            device,
            journal: Pos::new(punch.journal),
            boot_id,
            first: sample,
            newest: sample,
            journal_head: punch.device_seq,
            going_down: false,
        };
        self.heard.push((log, contact));
    }
}
