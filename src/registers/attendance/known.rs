//! What is known of a log's devices as of a position: journals, coverage, open outages. Pure; grown by applying facts in
//! the order of their entries.

use std::collections::HashMap;
use std::sync::Arc;

use super::coverage::Covered;
use crate::kernel::{EpochMs, Pos};
use crate::proto::Fact;
use crate::proto::fact::Fact as Of;
use crate::registers::directory::journal::Journal;
use crate::registers::stamp::Placed;

/// What is known of one log. A batch works on a copy, so whatever is large is shared.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// One past the last entry that it knows.
    pub next: Pos,
    /// By device, then by journal; a device has few.
    journals: HashMap<Arc<str>, Arc<HashMap<Pos, Journal>>>,
    covered: HashMap<Arc<str>, Arc<Covered>>,
    outages: HashMap<Arc<str>, EpochMs>,
    /// By device and journal: numbers that two people declared lost, first to last.
    lost: HashMap<(Arc<str>, Pos), Vec<(u64, u64)>>,
}

impl Known {
    /// Which numbers of a journal have arrived.
    pub fn journal(&self, device: &str, journal: Pos) -> Option<&Journal> {
        self.journals.get(device)?.get(&journal)
    }

    /// Every number of a journal up to this one has arrived.
    pub fn through(&self, device: &str, journal: Pos) -> u64 {
        self.journal(device, journal).map_or(0, Journal::through)
    }

    /// Every number of a journal up to this one has arrived, or was declared lost: so far its coverage may reach.
    pub fn accounted_through(&self, device: &str, journal: Pos) -> u64 {
        self.accounted(device, journal).through()
    }

    /// Runs of numbers up to `head` that are neither.
    pub fn missing(&self, device: &str, journal: Pos, head: u64) -> Vec<(u64, u64)> {
        self.accounted(device, journal).missing(head)
    }

    fn accounted(&self, device: &str, journal: Pos) -> Journal {
        let mut accounted = self.journal(device, journal).cloned().unwrap_or_default();
        for (first, last) in self.lost.get(&(device.into(), journal)).into_iter().flatten() {
            accounted.add(*first, *last);
        }
        accounted
    }

    /// Numbers were declared lost.
    pub fn loses(&mut self, device: &str, journal: Pos, first: u64, last: u64) {
        self.lost.entry((device.into(), journal)).or_default().push((first, last));
    }

    /// The newest record of a device's coverage.
    pub fn covered(&self, device: &str) -> Option<&Covered> {
        self.covered.get(device).map(|covered| &**covered)
    }

    /// Since when a declared outage of a device is open.
    pub fn outage(&self, device: &str) -> Option<EpochMs> {
        self.outages.get(device).copied()
    }

    /// Numbers arrived.
    pub fn arrived(&mut self, device: &str, journal: Pos, first: u64, last: u64) {
        match self.journals.get_mut(device) {
            Some(journals) => Arc::make_mut(journals).entry(journal).or_default().add(first, last),
            None => {
                let mut only = Journal::default();
                only.add(first, last);
                self.journals.insert(device.into(), Arc::new(HashMap::from([(journal, only)])));
            }
        }
    }

    /// Coverage was recorded.
    pub fn covers(&mut self, device: &str, covered: Covered) {
        self.covered.insert(device.into(), Arc::new(covered));
    }

    /// An outage began, or ended.
    pub fn outage_is(&mut self, device: &str, since: Option<EpochMs>) {
        match since {
            Some(since) => self.outages.insert(device.into(), since),
            None => self.outages.remove(device),
        };
    }

    /// A fact of an entry.
    pub fn apply(&mut self, recorded: EpochMs, fact: &Fact) {
        if let Some(placed) = Placed::of(fact) {
            self.arrived(placed.device, placed.journal, placed.seq, placed.seq);
        }
        match &fact.fact {
            Some(Of::Coverage(coverage)) => {
                for item in &coverage.devices {
                    self.covers(&item.device, Covered::of(item, recorded));
                }
            }
            Some(Of::DeviceOutage(outage)) => {
                self.outage_is(&outage.device, Some(EpochMs::clamped(outage.from_ms)));
            }
            Some(Of::DeviceOutageEnd(outage)) => self.outage_is(&outage.device, None),
            Some(Of::JournalLossSignature(fact)) => {
                self.loses(&fact.device, Pos::new(fact.journal), fact.first_seq, fact.last_seq);
            }
            _ => {}
        }
    }
}
