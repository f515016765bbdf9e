//! What the attendance register's rule needs to know of a batch. Pure: `live` fills it, inside the locks.

use std::collections::HashMap;
use std::sync::Arc;

use super::contact::Contact;
use super::known::Known;
use super::losses::Declared;
use crate::kernel::{DeviceId, EpochMs, Label, LogId, Pos};
use crate::ledger::port::{Occupied, Slot};
use crate::proto::fact::Fact as Of;
use crate::proto::{Device, Fact};
use crate::registers::directory::Directory;
use crate::registers::stamp::sample::Sample;
use crate::registers::stamp::{self, Arrival, Placed, Source, Stamp};

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
    /// All starts of the devices that upload what no contact of its own boot dates.
    pub(super) starts: Vec<(LogId, Contact)>,
    /// The declarations of losses that the batch signs.
    pub(super) losses: HashMap<(LogId, Pos), Declared>,
    /// Contacts that the batch's own punches are.
    pub(super) heard: Vec<(LogId, Contact)>,
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

    /// The first contact that has heard of a journal number (rule R4).
    fn next(&self, log: LogId, device: &Device, seq: u64) -> Option<&Contact> {
        let (id, journal) = (device.device.as_str(), Pos::new(device.journal));
        let of_device = self.starts.iter().filter(|(of, start)| *of == log && start.device.as_str() == id);
        let heard = of_device.filter(|(_, start)| start.journal == journal && start.journal_head >= seq);
        heard.map(|(_, start)| start).min_by_key(|start| start.first.server)
    }

    /// How a stamp stands in the journal of its device.
    pub fn arrival(
        &self,
        log: LogId,
        device: &Device,
        (source, stamp): (Source, &Stamp),
        at: EpochMs,
    ) -> Arrival {
        let contact = match source {
            Source::Live => Some(Sample { mono_ms: stamp.mono_ms, wall: stamp.claimed, server: at }),
            Source::Upload => self.sample(log, stamp.device.as_str(), stamp.boot_id.as_str()),
            Source::Import => None,
        };
        let known = self.known(log).and_then(|known| known.journal(&device.device, Pos::new(device.journal)));
        let mut journal = known.cloned().unwrap_or_default();
        let leaves_gap = journal.leaves_gap(stamp.seq);
        journal.add(stamp.seq, stamp.seq);
        let next = match (source, contact) {
            (Source::Upload, None) => self.next(log, device, stamp.seq),
            (Source::Live | Source::Upload | Source::Import, _) => None,
        };
        let next = next.map(|start| start.first.said(start.boot_id.as_str()));
        let contact = contact.map(|sample| sample.said(stamp.boot_id.as_str()));
        Arrival { contact, next, leaves_gap, through: journal.through() }
    }

    /// The journal place that a stamp claims, and what stands there.
    pub fn slot(&self, own: &Directory, log: LogId, stamp: &Stamp) -> Option<(Slot, Option<Occupied>)> {
        let slot = stamp::place(own, stamp)?;
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
        if let Some(placed) = Placed::of(fact) {
            self.apply_placed(log, pos, digest, &placed);
        }
        if let Some(Of::JournalLossSignature(signature)) = &fact.fact
            && let Some(declared) = self.losses.get_mut(&(log, Pos::new(signature.loss)))
        {
            declared.signed = true;
        }
    }

    fn apply_placed(&mut self, log: LogId, pos: Pos, digest: Option<[u8; 32]>, placed: &Placed<'_>) {
        self.occupied.insert((log, placed.slot()), Occupied { pos, digest });
        let Some(sample) = placed.heard.map(Sample::heard) else { return };
        let (Ok(device), Ok(boot_id)) = (DeviceId::parse(placed.device), Label::parse(placed.boot_id)) else {
            return;
        };
        let key = (log, placed.device.to_owned(), placed.boot_id.to_owned());
        self.samples.entry(key).or_insert(sample);
        let contact = Contact {
            device,
            journal: placed.journal,
            boot_id,
            first: sample,
            newest: sample,
            journal_head: placed.seq,
            going_down: false,
        };
        self.heard.push((log, contact));
    }
}
