//! What is known of results so far: in the three tables, or in the memory of an audit that folds again.

use std::collections::{BTreeSet, HashMap};

use super::fold::{Known, Made};
use super::head::Head;
use super::rows::{self, Firing};
use super::{Body, ClockName, Key, Room, Wait};
use crate::kernel::EpochMs;
use crate::store::{StoreError, Tx};

/// Where a chunk asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Book<'a> {
    /// The tables.
    Tables,
    /// The memory of an audit.
    Memory(&'a Memory),
}

impl Book<'_> {
    /// The first waits for time up to an instant.
    pub(super) async fn due(
        self,
        tx: &mut Tx,
        head: &Head,
        until: EpochMs,
        limit: i64,
    ) -> Result<Vec<Firing>, StoreError> {
        match self {
            Self::Tables => rows::due(tx, head, until, limit).await,
            Self::Memory(memory) => {
                Ok(memory.first(&HashMap::from([(ClockName::time(), until.get())]), limit))
            }
        }
    }

    /// The first waits that clocks release.
    pub(super) async fn released(
        self,
        tx: &mut Tx,
        head: &Head,
        clocks: &HashMap<ClockName, i64>,
        limit: i64,
    ) -> Result<Vec<Firing>, StoreError> {
        match self {
            Self::Tables => rows::released(tx, head, clocks, limit).await,
            Self::Memory(memory) => Ok(memory.first(clocks, limit)),
        }
    }

    /// Everything about some keys.
    pub(super) async fn known(
        self,
        tx: &mut Tx,
        head: &Head,
        keys: &BTreeSet<Key>,
    ) -> Result<Known, StoreError> {
        Ok(match self {
            Self::Tables => Known {
                newest: rows::newest_of(tx, head, keys).await?,
                waits: rows::waits_of(tx, head, keys).await?,
                seqs: rows::seqs_of(tx, head, keys).await?,
            },
            Self::Memory(memory) => memory.known(keys),
        })
    }
}

/// What an audit has folded so far.
#[derive(Debug, Default)]
pub(super) struct Memory {
    newest: HashMap<Key, (i64, Body)>,
    waits: HashMap<Key, BTreeSet<Wait>>,
    pending: HashMap<ClockName, BTreeSet<Firing>>,
    pub(super) seqs: HashMap<Room, i64>,
}

impl Memory {
    /// Takes in what a chunk made.
    pub(super) fn learn(&mut self, made: &Made) {
        for revision in &made.revisions {
            self.newest.insert(revision.key.clone(), (revision.nth, revision.body.clone()));
            self.seqs.insert(revision.key.room, revision.seq);
        }
        for (key, wait) in &made.waits_gone {
            if let Some(waits) = self.waits.get_mut(key) {
                waits.remove(wait);
            }
            if let Some(firings) = self.pending.get_mut(&wait.clock) {
                firings.remove(&(wait.threshold, key.clone()));
            }
        }
        for (key, wait) in &made.waits_new {
            self.waits.entry(key.clone()).or_default().insert(wait.clone());
            self.pending.entry(wait.clock.clone()).or_default().insert((wait.threshold, key.clone()));
        }
    }

    /// How many revisions there are: in each room they are numbered from 1.
    pub(super) fn revisions(&self) -> u64 {
        self.seqs.values().map(|seq| seq.unsigned_abs()).sum()
    }

    /// Every wait there is, ordered.
    pub(super) fn all_waits(&self) -> BTreeSet<(Key, Wait)> {
        let each = self.waits.iter();
        each.flat_map(|(key, waits)| waits.iter().map(|wait| (key.clone(), wait.clone()))).collect()
    }

    /// The earliest wait for time.
    pub(super) fn first_due(&self) -> Option<EpochMs> {
        let first = self.pending.get(&ClockName::time()).and_then(BTreeSet::first);
        first.map(|(threshold, _)| EpochMs::clamped(*threshold))
    }

    fn first(&self, clocks: &HashMap<ClockName, i64>, limit: i64) -> Vec<Firing> {
        let most = usize::try_from(limit).unwrap_or_default();
        let mut found: Vec<Firing> = clocks
            .iter()
            .filter_map(|(clock, until)| Some((self.pending.get(clock)?, *until)))
            .flat_map(|(firings, until)| {
                firings.iter().take_while(move |(threshold, _)| *threshold <= until).take(most)
            })
            .cloned()
            .collect();
        found.sort_unstable();
        found.truncate(most);
        found
    }

    fn known(&self, keys: &BTreeSet<Key>) -> Known {
        let newest = keys.iter().filter_map(|key| Some((key.clone(), self.newest.get(key)?.clone())));
        let waits = keys.iter().flat_map(|key| {
            self.waits.get(key).into_iter().flatten().map(|wait| (key.clone(), wait.clone()))
        });
        Known { newest: newest.collect(), waits: waits.collect(), seqs: self.seqs.clone() }
    }
}
