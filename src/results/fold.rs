//! A chunk, folded in memory: pure. What it makes depends on the steps, the rows and what was known before, and not on
//! where chunks begin or end.

use std::collections::{BTreeSet, HashMap};

use super::head::{Begun, Head};
use super::plan::{Cause, Plan, Step};
use super::rows::Firing;
use super::{AsOf, Body, ClockName, Derivation, Derived, Key, Moment, Room, Wait};
use crate::kernel::{EpochMs, LogId};

/// What the results' tables say about the keys of a chunk.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) newest: HashMap<Key, (i64, Body)>,
    pub(super) waits: Vec<(Key, Wait)>,
    pub(super) seqs: HashMap<Room, i64>,
}

/// A new revision.
#[derive(Debug)]
pub(super) struct Revision {
    pub(super) seq: i64,
    pub(super) cause: Cause,
    pub(super) key: Key,
    pub(super) nth: i64,
    pub(super) body: Body,
}

/// What a chunk, or a portion of one, made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) revisions: Vec<Revision>,
    pub(super) waits_gone: Vec<(Key, Wait)>,
    pub(super) waits_new: Vec<(Key, Wait)>,
    /// Keys whose inputs were erased: their earlier revisions are emptied.
    pub(super) erased: BTreeSet<Key>,
    /// Where the fold stands now, but for `due`.
    pub(super) head: Head,
    /// Every planned step was folded to its end, as far as the portion goes.
    pub(super) whole: bool,
}

/// Folds a chunk at once.
pub(super) fn fold<D: Derivation>(
    derivation: &D,
    rows: &D::Rows,
    head: &Head,
    plan: &Plan,
    known: Known,
) -> Made {
    Folding::new(derivation, rows, head, plan, known).portion(usize::MAX)
}

/// A chunk that is being folded, portion by portion: what was made so far can be written before the rest is made.
pub(super) struct Folding<'a, D: Derivation> {
    fold: Fold<'a, D>,
    plan: &'a Plan,
    steps: std::slice::Iter<'a, Step>,
    head: Head,
    whole: bool,
}

impl<'a, D: Derivation> Folding<'a, D> {
    /// Nothing is folded yet.
    pub(super) fn new(
        derivation: &'a D,
        rows: &'a D::Rows,
        head: &Head,
        plan: &'a Plan,
        known: Known,
    ) -> Self {
        let fold = Fold::new(derivation, rows, head.log, known);
        let head = Head { rules: derivation.rules(), ..head.clone() };
        Self { fold, plan, steps: plan.steps.iter(), head, whole: true }
    }

    /// Is there nothing left to fold?
    pub(super) fn is_over(&self) -> bool {
        !self.whole || self.steps.as_slice().is_empty()
    }

    /// Whole steps until so many rows wait to be written, or until there is nothing left.
    pub(super) fn portion(&mut self, rows: usize) -> Made {
        while self.whole && self.fold.rows() < rows {
            let Some(step) = self.steps.next() else { break };
            match self.fold.step(step, self.plan) {
                Ended::Whole => {
                    (self.head.place, self.head.begun, self.head.last) = (step.after, None, step.at);
                }
                Ended::Before(begun) => {
                    self.head.begun = begun.or(self.head.begun.take());
                    self.whole = false;
                }
            }
        }
        self.fold.made(self.head.clone(), self.whole)
    }
}

/// How a step ended.
enum Ended {
    /// At its end.
    Whole,
    /// Before something that the chunk does not know; how far it came in this chunk.
    Before(Option<Begun>),
}

struct Fold<'a, D: Derivation> {
    derivation: &'a D,
    rows: &'a D::Rows,
    log: LogId,
    newest: HashMap<Key, (i64, Body)>,
    seqs: HashMap<Room, i64>,
    /// As they are written.
    waits_before: HashMap<Key, BTreeSet<Wait>>,
    /// Of every key whose waits changed since.
    waits: HashMap<Key, BTreeSet<Wait>>,
    /// All known waits, by clock, in the order in which they fire.
    pending: HashMap<ClockName, BTreeSet<Firing>>,
    time: ClockName,
    revisions: Vec<Revision>,
    erased: BTreeSet<Key>,
}

/// What caused a derivation, and what it may no longer wait for.
#[derive(Clone, Copy)]
struct Occasion<'a> {
    cause: Cause,
    as_of: AsOf,
    at: EpochMs,
    advances: Option<&'a HashMap<ClockName, i64>>,
}

impl<'a, D: Derivation> Fold<'a, D> {
    fn new(derivation: &'a D, rows: &'a D::Rows, log: LogId, known: Known) -> Self {
        let mut waits_before: HashMap<Key, BTreeSet<Wait>> = HashMap::new();
        let mut pending: HashMap<ClockName, BTreeSet<Firing>> = HashMap::new();
        for (key, wait) in known.waits {
            pending.entry(wait.clock.clone()).or_default().insert((wait.threshold, key.clone()));
            waits_before.entry(key).or_default().insert(wait);
        }
        Self {
            derivation,
            rows,
            log,
            newest: known.newest,
            seqs: known.seqs,
            waits_before,
            waits: HashMap::new(),
            pending,
            time: ClockName::time(),
            revisions: Vec::new(),
            erased: BTreeSet::new(),
        }
    }

    fn step(&mut self, step: &Step, plan: &Plan) -> Ended {
        let after =
            Occasion { cause: step.cause, as_of: step.after, at: step.at, advances: Some(&step.advances) };
        if !step.resumed {
            let mut fired = None;
            if !self.pass_time(step, plan.due_until.as_ref(), &mut fired) {
                return Ended::Before(fired);
            }
            if !self.release(step, after, plan.released_until.as_ref(), &mut fired) {
                return Ended::Before(fired);
            }
            for key in &step.keys {
                self.derive(key, after);
            }
        }
        for key in &step.expanded {
            self.derive(key, after);
        }
        if step.left.is_some() { Ended::Before(step.left.clone()) } else { Ended::Whole }
    }

    /// Time passes up to the step: each wait fires at its threshold, on the state before the step. False when there may
    /// be waits that the chunk does not know.
    fn pass_time(&mut self, step: &Step, known_until: Option<&Firing>, fired: &mut Option<Begun>) -> bool {
        loop {
            let first = self.pending.get(&self.time).and_then(BTreeSet::first);
            let first = first.filter(|(threshold, _)| *threshold <= step.at.get()).cloned();
            match (first, known_until) {
                (Some(firing), Some(until)) if firing > *until => return false,
                (Some(firing), _) => {
                    let at = EpochMs::clamped(firing.0);
                    let before = Occasion { cause: step.cause, as_of: step.before, at, advances: None };
                    self.derive(&firing.1, before);
                    *fired = Some(Begun::Passed(firing));
                }
                // All that is known has fired; there may be more before the step.
                (None, Some((threshold, _))) => return *threshold > step.at.get(),
                (None, None) => return true,
            }
        }
    }

    /// The registers' clocks advance. What waits for them is derived on the state after the step, since the step is what
    /// they waited to hear.
    fn release(
        &mut self,
        step: &Step,
        after: Occasion<'_>,
        known_until: Option<&Firing>,
        fired: &mut Option<Begun>,
    ) -> bool {
        loop {
            let waiting = step.advances.iter().filter_map(|(clock, value)| {
                self.pending.get(clock).and_then(BTreeSet::first).filter(|firing| firing.0 <= *value)
            });
            match (waiting.min().cloned(), known_until) {
                (Some(firing), Some(until)) if firing > *until => return false,
                (Some(firing), _) => {
                    self.derive(&firing.1, after);
                    *fired = Some(Begun::Released(firing));
                }
                // What is known belongs to this step alone, and was not all.
                (None, Some(_)) => return false,
                (None, None) => return true,
            }
        }
    }

    fn derive(&mut self, key: &Key, occasion: Occasion<'_>) {
        let moment = Moment { log: self.log, as_of: occasion.as_of, at: occasion.at };
        let Derived { body, waits } = self.derivation.derive(self.rows, key, &moment);
        self.replace_waits(key, waits.into_iter().filter(|wait| occasion.may_wait(wait)).collect());
        self.revise(key, body, occasion.cause);
    }

    fn replace_waits(&mut self, key: &Key, waits: BTreeSet<Wait>) {
        let known = self.waits.get(key).or_else(|| self.waits_before.get(key));
        if known.map_or(waits.is_empty(), |known| *known == waits) {
            return;
        }
        for wait in known.into_iter().flatten() {
            if let Some(firings) = self.pending.get_mut(&wait.clock) {
                firings.remove(&(wait.threshold, key.clone()));
            }
        }
        for wait in &waits {
            self.pending.entry(wait.clock.clone()).or_default().insert((wait.threshold, key.clone()));
        }
        self.waits.insert(key.clone(), waits);
    }

    fn revise(&mut self, key: &Key, body: Body, cause: Cause) {
        let nth = match self.newest.get(key) {
            Some((_, known)) if *known == body => return,
            None if body == Body::Nothing => return,
            Some((nth, _)) => nth + 1,
            None => 1,
        };
        if body == Body::Erased {
            for earlier in self.revisions.iter_mut().filter(|earlier| earlier.key == *key) {
                if matches!(earlier.body, Body::Content(_)) {
                    earlier.body = Body::Erased;
                }
            }
            self.erased.insert(key.clone());
        }
        let seq = self.seqs.entry(key.room).or_default();
        *seq += 1;
        self.revisions.push(Revision { seq: *seq, cause, key: key.clone(), nth, body: body.clone() });
        self.newest.insert(key.clone(), (nth, body));
    }

    /// How many rows wait to be written, or nearly.
    fn rows(&self) -> usize {
        self.revisions.len() + self.waits.len()
    }

    /// What was made since the last portion.
    fn made(&mut self, head: Head, whole: bool) -> Made {
        let (mut waits_gone, mut waits_new) = (Vec::new(), Vec::new());
        for (key, now) in std::mem::take(&mut self.waits) {
            let before = self.waits_before.remove(&key).unwrap_or_default();
            waits_gone.extend(before.difference(&now).map(|wait| (key.clone(), wait.clone())));
            waits_new.extend(now.difference(&before).map(|wait| (key.clone(), wait.clone())));
            self.waits_before.insert(key, now);
        }
        let revisions = std::mem::take(&mut self.revisions);
        let erased = std::mem::take(&mut self.erased);
        Made { revisions, waits_gone, waits_new, erased, head, whole }
    }
}

impl Occasion<'_> {
    /// A wait for what has happened already would fire at once, for ever.
    fn may_wait(&self, wait: &Wait) -> bool {
        if wait.clock.is_time() {
            return wait.threshold > self.at.get();
        }
        let reached = self.advances.and_then(|advances| advances.get(&wait.clock));
        reached.is_none_or(|reached| wait.threshold > *reached)
    }
}
