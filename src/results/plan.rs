//! The next chunk: its steps, in the order in which they are folded, and every key that they can need.
//!
//! A chunk may end anywhere: after a step, between two pages of a range, between two waits. What it did is in its
//! revisions and waits, so the next one goes on as if there had been no end.

use std::collections::{BTreeSet, HashMap};

use super::book::Book;
use super::head::{Begun, Head};
use super::rows::Firing;
use super::{AsOf, ClockName, Derivation, FoldEntry, Key, RangeAt};
use crate::kernel::{EpochMs, LogId, Pos};
use crate::store::{StoreError, Tx};

/// The entry of a log that brings revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cause {
    /// Its position.
    pub(super) pos: Pos,
    /// Its kind.
    pub(super) kind: u16,
}

/// One entry of the input: of the log, or of the deployment log before it.
#[derive(Debug)]
pub(super) struct Step {
    /// The entry of the log that brought it.
    pub(super) cause: Cause,
    /// The state before it.
    pub(super) before: AsOf,
    /// The state after it.
    pub(super) after: AsOf,
    /// The ledger's time: never earlier than the step before.
    pub(super) at: EpochMs,
    /// Keys that it touches, ordered.
    pub(super) keys: Vec<Key>,
    /// Clocks of the registers that it advances.
    pub(super) advances: HashMap<ClockName, i64>,
    ranges: Vec<Vec<u8>>,
    /// Keys of its ranges, as far as this chunk goes.
    pub(super) expanded: Vec<Key>,
    /// What is left of its ranges.
    pub(super) left: Option<Begun>,
    /// It was begun in an earlier chunk: only ranges are left.
    pub(super) resumed: bool,
}

/// What follows the planned steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Perhaps more steps.
    More,
    /// Nothing yet.
    End,
    /// An entry from which on other rules hold.
    OtherRules,
}

/// A chunk.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) then: Then,
    /// Every key that may be derived.
    pub(super) keys: BTreeSet<Key>,
    /// Waits for time are known up to here; everywhere when `None`.
    pub(super) due_until: Option<Firing>,
    /// The same for waits that clocks release; then there is only one step.
    pub(super) released_until: Option<Firing>,
}

/// Waits that a chunk may fire for each of its steps: more than one punch mostly waits for the same word of a device.
const WAITS_PER_STEP: usize = 4;

/// Plans a chunk of at most `limit` steps, as many keys of ranges, and some waits for each.
pub(super) async fn plan<D: Derivation>(
    derivation: &D,
    tx: &mut Tx,
    book: Book<'_>,
    head: &Head,
    limit: usize,
) -> Result<Plan, StoreError> {
    let (mut steps, mut then) = steps(derivation, tx, head, limit).await?;
    if let (Some(first), Some(Begun::Range { .. })) = (steps.first_mut(), &head.begun) {
        first.resumed = true;
    }
    if expand(derivation, tx, head, &mut steps, limit).await? {
        then = Then::More;
    }
    let waits = limit.saturating_mul(WAITS_PER_STEP);
    let most = i64::try_from(waits).unwrap_or(i64::MAX - 1);
    let (released, released_until, cut) = release(tx, book, head, &mut steps, most).await?;
    if cut {
        then = Then::More;
    }
    let last = steps.last().map_or(head.last, |step| step.at);
    let due = match head.due {
        Some(due) if due <= last => book.due(tx, head, last, most + 1).await?,
        Some(_) | None => Vec::new(),
    };
    let (due, due_until) = bounded(due, waits);
    let mut keys = BTreeSet::new();
    for step in &steps {
        keys.extend(step.keys.iter().chain(&step.expanded).cloned());
    }
    keys.extend(due.into_iter().chain(released).map(|(_, key)| key));
    Ok(Plan { steps, then, keys, due_until, released_until })
}

/// The first `limit`, and how far they reach when there are more.
fn bounded(mut firings: Vec<Firing>, limit: usize) -> (Vec<Firing>, Option<Firing>) {
    if firings.len() <= limit {
        return (firings, None);
    }
    firings.truncate(limit);
    let until = firings.last().cloned();
    (firings, until)
}

async fn steps<D: Derivation>(
    derivation: &D,
    tx: &mut Tx,
    head: &Head,
    limit: usize,
) -> Result<(Vec<Step>, Then), StoreError> {
    let own = derivation.entries(tx, head.log, head.place.pos, limit).await?;
    let mut deployed = deployed(derivation, tx, head, &own, limit).await?.into_iter();
    let full = own.len() >= limit;
    let mut merge = Merge { derivation, head, place: head.place, at: head.last, steps: Vec::new() };
    for entry in &own {
        let until = entry.deployment.unwrap_or_default();
        while head.log != LogId::DEPLOYMENT && merge.place.deployment < until {
            let Some(foreign) = deployed.next() else {
                // The page was full; the rest comes with the next chunk.
                return merge.more();
            };
            if !merge.push(&foreign, entry)? {
                return Ok((merge.steps, Then::OtherRules));
            }
        }
        if !merge.push(entry, entry)? {
            return Ok((merge.steps, Then::OtherRules));
        }
        if merge.steps.len() >= limit {
            return merge.more();
        }
    }
    Ok((merge.steps, if full { Then::More } else { Then::End }))
}

/// The deployment entries that the page of entries brings, up to `limit`.
async fn deployed<D: Derivation>(
    derivation: &D,
    tx: &mut Tx,
    head: &Head,
    own: &[FoldEntry],
    limit: usize,
) -> Result<Vec<FoldEntry>, StoreError> {
    let from = head.place.deployment;
    let until = own.iter().filter_map(|entry| entry.deployment).max().unwrap_or_default();
    if head.log == LogId::DEPLOYMENT || until <= from {
        return Ok(Vec::new());
    }
    let wanted = usize::try_from(until.get() - from.get()).unwrap_or(limit).min(limit);
    derivation.entries(tx, LogId::DEPLOYMENT, from, wanted).await
}

struct Merge<'a, D> {
    derivation: &'a D,
    head: &'a Head,
    place: AsOf,
    at: EpochMs,
    steps: Vec<Step>,
}

impl<D: Derivation> Merge<'_, D> {
    /// One more step: `entry`, brought by `cause` of the log. False for an entry that brings other rules.
    fn push(&mut self, entry: &FoldEntry, cause: &FoldEntry) -> Result<bool, StoreError> {
        if entry.rules.is_some_and(|rules| rules != self.derivation.rules()) {
            return Ok(false);
        }
        let before = self.place;
        let after = if self.head.log == LogId::DEPLOYMENT {
            AsOf { pos: entry.pos.next(), deployment: entry.pos.next() }
        } else if entry.log == self.head.log {
            AsOf { pos: entry.pos.next(), deployment: before.deployment }
        } else {
            AsOf { pos: before.pos, deployment: entry.pos.next() }
        };
        let expected = if entry.log == self.head.log { before.pos } else { before.deployment };
        if entry.pos != expected {
            return Err(StoreError::Inconsistent { table: "ledger_entry", column: "pos" });
        }
        let since = self.at;
        // A deployment entry is heard of no later than the entry that brings it.
        self.at = since.max(entry.recorded.min(cause.recorded));
        let touched = self.derivation.touched(self.head.log, entry, since..=self.at);
        let keys: BTreeSet<Key> = touched.keys.into_iter().collect();
        let mut advances: HashMap<ClockName, i64> = HashMap::new();
        for (clock, value) in touched.advances {
            if !clock.is_time() {
                advances.entry(clock).and_modify(|known| *known = value.max(*known)).or_insert(value);
            }
        }
        self.steps.push(Step {
            cause: Cause { pos: cause.pos, kind: cause.kind },
            before,
            after,
            at: self.at,
            keys: keys.into_iter().collect(),
            advances,
            ranges: touched.ranges,
            expanded: Vec::new(),
            left: None,
            resumed: false,
        });
        self.place = after;
        Ok(true)
    }

    /// There is more; but a chunk that cannot begin would be tried for ever.
    fn more(self) -> Result<(Vec<Step>, Then), StoreError> {
        if self.steps.is_empty() {
            return Err(StoreError::Inconsistent { table: "ledger_entry", column: "pos" });
        }
        Ok((self.steps, Then::More))
    }
}

/// Expands ranges, up to `limit` keys; true when that leaves something for later.
async fn expand<D: Derivation>(
    derivation: &D,
    tx: &mut Tx,
    head: &Head,
    steps: &mut Vec<Step>,
    limit: usize,
) -> Result<bool, StoreError> {
    let mut budget = limit;
    for at in 0..steps.len() {
        let Some(step) = steps.get_mut(at) else { break };
        if step.ranges.is_empty() {
            continue;
        }
        if budget == 0 {
            // Not begun at all; never the first step, which finds the whole budget.
            steps.truncate(at);
            return Ok(true);
        }
        let from = match &head.begun {
            Some(Begun::Range { number, after }) if step.resumed => (*number, after.clone()),
            Some(_) | None => (0, None),
        };
        if pages(derivation, tx, head.log, step, from, &mut budget).await? {
            steps.truncate(at + 1);
            return Ok(true);
        }
    }
    Ok(false)
}

/// The pages of one step's ranges; true when some are left.
async fn pages<D: Derivation>(
    derivation: &D,
    tx: &mut Tx,
    log: LogId,
    step: &mut Step,
    (first, mut after): (u32, Option<Key>),
    budget: &mut usize,
) -> Result<bool, StoreError> {
    let numbered = (0_u32..).zip(&step.ranges).skip_while(|(number, _)| *number < first);
    for (number, range) in numbered {
        if *budget == 0 {
            step.left = Some(Begun::Range { number, after: None });
            return Ok(true);
        }
        let page = RangeAt { log, range, as_of: step.after, after: after.as_ref(), limit: *budget };
        let keys = derivation.expand(tx, page).await?;
        let full = keys.len() >= *budget;
        *budget = budget.saturating_sub(keys.len());
        let last = keys.last().cloned();
        step.expanded.extend(keys);
        if full {
            step.left = Some(Begun::Range { number, after: last });
            return Ok(true);
        }
        after = None;
    }
    Ok(false)
}

/// The waits that the steps' clocks release. When there are too many for one chunk, it keeps the first half of its steps, and
/// half of that, down to one: what is known of the waits of a single step is known as far as it goes, and it moves on.
async fn release(
    tx: &mut Tx,
    book: Book<'_>,
    head: &Head,
    steps: &mut Vec<Step>,
    most: i64,
) -> Result<(Vec<Firing>, Option<Firing>, bool), StoreError> {
    let limit = usize::try_from(most).unwrap_or(usize::MAX);
    let mut cut = false;
    loop {
        let mut clocks: HashMap<ClockName, i64> = HashMap::new();
        for (clock, value) in steps.iter().filter(|step| !step.resumed).flat_map(|step| &step.advances) {
            clocks.entry(clock.clone()).and_modify(|known| *known = (*known).max(*value)).or_insert(*value);
        }
        let found = book.released(tx, head, &clocks, most + 1).await?;
        let (found, until) = bounded(found, limit);
        if until.is_none() || steps.len() <= 1 {
            return Ok((found, until, cut));
        }
        // As many as have room: each chunk reads its steps anew, and one step at a time would read most of them in vain.
        steps.truncate(steps.len() / 2);
        cut = true;
    }
}
