//! The commands of one batch, judged one after the other against the state that the earlier ones left.
//!
//! The numbers in the comments are the steps of docs/architecture.md, "The write path".

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::batch::{BatchTree, Entry, OpenLog, Request};
use super::commit::{ADVANCE_HEADS, Answers, BatchFault, Wall};
use super::committer::{Committer, Outcome, Reply, SubmitError};
use super::faults::Point;
use super::guard::ClockFault;
use super::head::HeadFault;
use super::lanes::Pending;
use super::port::{Admission, Context, Draft, Rulebook, Slot, Submission};
use super::requests::{Known, Requests, conflict_id};
use super::{erase, requests, tiles};
use crate::clock::random;
use crate::kernel::{EpochMs, LogId, Pos};
use crate::store::{Binds, Inserts, Keys as KeySet, StoreError, Tx};

/// What a command was found to be, before the batch is durable.
pub(super) enum Judged {
    /// An entry of this batch, by its place in `entries`.
    New(usize),
    /// Refused, in the log's own state.
    No(SubmitError),
    /// Stands already, from before this batch or within it.
    Repeat { log: LogId, pos: Pos },
    /// A journal place that was claimed twice; the entry that says so.
    Conflict { log: LogId, pos: Pos, entry: Option<usize> },
}

pub(super) struct Work<'c, R: Rulebook> {
    pub(super) committer: &'c mut Committer<R>,
    pub(super) open: HashMap<LogId, OpenLog>,
    pub(super) aside: HashMap<LogId, SubmitError>,
    pub(super) known: Requests,
    pub(super) state: R::State,
    pub(super) deployment_size: u64,
    pub(super) deployment_last: EpochMs,
    pub(super) wall: Wall,
    /// A command of this batch vouched for the clock, and was allowed to.
    pub(super) vouched: bool,
    pub(super) inserts: Inserts,
    pub(super) entries: Vec<Entry<R::Detail>>,
    pub(super) erased: Vec<erase::Erased>,
}

impl<R: Rulebook> Work<'_, R> {
    /// Step 3, second half: conflicts that are on record already. Looked up only when a place is taken.
    pub(super) async fn conflicts_on_record(
        &mut self,
        tx: &mut Tx,
        batch: &[Pending<R>],
    ) -> Result<(), StoreError> {
        let mut first_claim: HashMap<(LogId, Slot), [u8; 32]> = HashMap::new();
        let mut ids = Vec::new();
        for pending in batch {
            let submission = &pending.submission;
            let Some(log) = self.open.get(&submission.log) else { continue };
            let slot = self.committer.rulebook.slot(&self.state, submission.log, &submission.command);
            let Some((slot, occupied)) = slot else { continue };
            let digest = pending.digest;
            let taken = match occupied {
                Some(occupied) => occupied.digest.is_some_and(|known| known != digest),
                None => *first_claim.entry((submission.log, slot.clone())).or_insert(digest) != digest,
            };
            if taken {
                ids.push((submission.log, conflict_id(&log.origin, &slot, &digest)));
            }
        }
        if !ids.is_empty() {
            let more = requests::load(tx, &self.committer.keys, ids.into_iter()).await?;
            self.known.extend(more);
        }
        Ok(())
    }

    /// Steps 3 to 6 for one command.
    pub(super) fn judge(&mut self, pending: &Pending<R>) -> Result<Judged, BatchFault> {
        let submission = &pending.submission;
        let Some(log) = self.open.get(&submission.log) else {
            let fault = self.aside.get(&submission.log).cloned();
            return Ok(Judged::No(fault.unwrap_or(SubmitError::Head(HeadFault::Missing))));
        };
        let slot = self.committer.rulebook.slot(&self.state, submission.log, &submission.command);
        if let Some((slot, Some(occupied))) = slot {
            let same = occupied.digest.is_none_or(|known| known == pending.digest);
            return if same {
                Ok(Judged::Repeat { log: submission.log, pos: occupied.pos })
            } else {
                self.conflict(pending, &slot, occupied.pos)
            };
        }
        match self.known.get(submission.log, submission.request_id) {
            Some(Known::Tampered) => return Ok(Judged::No(SubmitError::Tampered)),
            Some(Known::At(known))
                if known.is(&submission.author.principal, pending.kind, &pending.digest) =>
            {
                let pos = known.pos;
                self.vouched |= self.committer.vouches(submission, self.wall.now);
                return Ok(Judged::Repeat { log: submission.log, pos });
            }
            Some(Known::At(_)) => return Ok(Judged::No(SubmitError::RequestIdReused)),
            None => {}
        }
        if let Err(fault) = self.clock(log, submission) {
            return Ok(Judged::No(SubmitError::Clock(fault)));
        }
        let at = self.wall.now.max(log.head.last);
        if !self.committer.rulebook.holds(&self.state, submission, at) {
            return Ok(Judged::No(SubmitError::PassGone));
        }
        let rulebook = Arc::clone(&self.committer.rulebook);
        let context =
            context(log, at, self.deployment_size, &submission.author, random(&*self.committer.clock));
        let state = &self.state;
        let admission =
            catch_unwind(AssertUnwindSafe(|| rulebook.admit(state, &context, &submission.command)));
        match admission {
            Err(_) => Err(BatchFault::Fault("a rule panicked")),
            Ok(Admission::Refuse(reason)) => Ok(Judged::No(SubmitError::Refused(reason))),
            Ok(Admission::Accept(draft)) => {
                let request = pending.request(Some(pending.kind));
                let placed = self.place(submission.log, draft, &request, at)?;
                self.vouched |= self.committer.vouches(submission, self.wall.now);
                Ok(Judged::New(placed))
            }
        }
    }

    /// May an entry of this log be dated by the clock as it is? The command that vouches for it may, and once it was
    /// accepted all may; nobody may while the database's clock disagrees.
    fn clock(&self, log: &OpenLog, submission: &Submission<R::Command>) -> Result<(), ClockFault> {
        let now = self.wall.now;
        match self.wall.fault {
            Some(ClockFault::Disagrees) => Err(ClockFault::Disagrees),
            _ if self.vouched || self.committer.vouches(submission, now) => Ok(()),
            Some(fault) => Err(fault),
            None => self.committer.guard.log(now, log.head.last, self.deployment_last),
        }
    }

    fn conflict(&mut self, pending: &Pending<R>, slot: &Slot, first: Pos) -> Result<Judged, BatchFault> {
        let submission = &pending.submission;
        let Some(log) = self.open.get(&submission.log) else {
            return Ok(Judged::No(SubmitError::Head(HeadFault::Missing)));
        };
        let id = conflict_id(&log.origin, slot, &pending.digest);
        match self.known.get(submission.log, id) {
            Some(Known::At(known)) => {
                return Ok(Judged::Conflict { log: submission.log, pos: known.pos, entry: None });
            }
            Some(Known::Tampered) => return Ok(Judged::No(SubmitError::Tampered)),
            None => {}
        }
        if let Err(fault) = self.clock(log, submission) {
            return Ok(Judged::No(SubmitError::Clock(fault)));
        }
        let at = self.wall.now.max(log.head.last);
        let context =
            context(log, at, self.deployment_size, &submission.author, random(&*self.committer.clock));
        let draft = self.committer.rulebook.conflict(&context, slot, first, pending.digest);
        let mut request = pending.request(None);
        request.id = id;
        let entry = self.place(submission.log, draft, &request, at)?;
        let pos = self.entries.get(entry).map_or(Pos::ZERO, |entry| entry.placed.pos);
        Ok(Judged::Conflict { log: submission.log, pos, entry: Some(entry) })
    }

    fn place(
        &mut self,
        log: LogId,
        draft: Draft<R::Detail>,
        request: &Request,
        at: EpochMs,
    ) -> Result<usize, BatchFault> {
        let opens = draft.opens.clone();
        let erases = draft.erases.clone();
        let kind = request.kind.unwrap_or(draft.kind);
        let Some(open) = self.open.get_mut(&log) else { return Err(BatchFault::Fault("no such log")) };
        let entry = open
            .place(draft, request, at, &*self.committer.clock, &self.committer.keys, &mut self.inserts)
            .map_err(|_| BatchFault::Fault("the tree is full"))?;
        if let Some(centre) = opens {
            let new = super::setup::NewLog {
                log: LogId::from_column(entry.placed.pos.column()),
                centre,
                opened: at,
            };
            new.insert(&self.committer.keys, &self.committer.deployment, &mut self.inserts);
        }
        if !erases.is_empty() {
            let by = entry.placed.pos;
            self.erased.push(erase::Erased {
                log,
                origin: open.origin.clone(),
                base: open.base,
                by,
                parts: erases,
            });
        }
        if log == LogId::DEPLOYMENT {
            self.deployment_size = open.base.get() + open.head.size;
        }
        let known = requests::KnownRequest {
            principal: request.principal.clone(),
            kind,
            digest: Some(request.digest),
            pos: entry.placed.pos,
        };
        self.known.insert(log, request.id, known);
        self.committer.rulebook.rows(&entry.placed, &mut self.inserts);
        self.committer.rulebook.apply(&mut self.state, &entry.placed);
        self.entries.push(entry);
        Ok(self.entries.len() - 1)
    }

    /// Steps 6 and 7.
    pub(super) async fn finish(
        mut self,
        mut tx: Tx,
        verdicts: Vec<Option<Judged>>,
    ) -> Result<Answers<R::Detail>, BatchFault> {
        if self.entries.is_empty() {
            // Repeats and refusals only: nothing to store, and what is answered stands already.
            tx.rollback().await?;
            self.committer.accept_clock(self.vouched, self.wall);
            self.committer.rulebook.committed(self.state);
            return Ok(answers(verdicts, &[], &HashMap::new()));
        }
        let committer = self.committer;
        let mut trees: HashMap<LogId, Arc<BatchTree>> = HashMap::new();
        let mut moved: Vec<&OpenLog> = Vec::new();
        for log in self.open.values_mut().filter(|log| log.head.size > log.old_size) {
            tiles::insert_full(&mut tx, log, &mut self.inserts).await?;
            let tree = Arc::new(log.close());
            log.head.insert_checkpoint(&committer.keys, &mut self.inserts);
            trees.insert(log.log(), tree);
            moved.push(log);
        }
        for row in &committer.unsaved {
            row.clone().insert(&mut self.inserts);
        }
        let advanced = tx.insert_and(self.inserts, &ADVANCE_HEADS, advance(&moved, committer)).await?;
        if advanced != u64::try_from(moved.len()).unwrap_or(0) {
            return Err(BatchFault::Fault("a head moved under its lock"));
        }
        committer.faults.check(Point::Inserted)?;
        for erased in &self.erased {
            let tables = committer.rulebook.personal_tables();
            erase::delete(&mut tx, &committer.keys, tables, erased.log, &erased.parts).await?;
        }
        committer.rulebook.flush(&mut tx).await?;
        committer.faults.check(Point::Advanced)?;
        committer
            .erasures
            .append(&self.erased)
            .map_err(|_| BatchFault::Fault("the list of erasures cannot be written"))?;
        committer.faults.check(Point::Commit).map_err(BatchFault::or_in_doubt)?;
        tx.commit().await.map_err(|_| BatchFault::InDoubt)?;
        committer.faults.check(Point::Committed).map_err(BatchFault::or_in_doubt)?;
        committer.unsaved.clear();
        committer.accept_clock(self.vouched, self.wall);
        committer.faults.check(Point::Sign).map_err(BatchFault::or_in_doubt)?;
        committer.release(&trees)?;
        committer.rulebook.committed(self.state);
        let entries: Vec<_> = self.entries.into_iter().map(Arc::new).collect();
        Ok(answers(verdicts, &entries, &trees))
    }
}

fn context<'a>(
    log: &'a OpenLog,
    at: EpochMs,
    deployment_size: u64,
    author: &'a super::port::Author,
    random: [u8; 16],
) -> Context<'a> {
    Context {
        log: log.log(),
        centre: &log.centre,
        origin: &log.origin,
        base: log.base,
        pos: log.next_pos(),
        at,
        last: log.head.last,
        deployment_size: if log.log() == LogId::DEPLOYMENT { log.next_pos().get() } else { deployment_size },
        author,
        random,
    }
}

fn advance<R: Rulebook>(moved: &[&OpenLog], committer: &Committer<R>) -> Binds {
    let int = |of: &dyn Fn(&OpenLog) -> i64| moved.iter().map(|log| of(log)).collect::<Vec<_>>();
    let blob = |of: &dyn Fn(&OpenLog) -> Vec<u8>| moved.iter().map(|log| of(log)).collect::<Vec<_>>();
    Binds::new().keys(
        KeySet::ints(int(&|log| log.log().column()))
            .and_ints(int(&|log| Pos::new(log.old_size).column()))
            .and_ints(int(&|log| Pos::new(log.head.size).column()))
            .and_blobs(blob(&|log| log.head.edge.to_bytes()))
            .and_blobs(blob(&|log| log.head.root.0.to_vec()))
            .and_ints(int(&|log| log.head.last.get()))
            .and_ints(int(&|log| log.head.config_pos.column()))
            .and_blobs(blob(&|log| {
                log.head.seal(&committer.keys, &log.centre, log.base, &log.origin).to_vec()
            })),
    )
}

fn answers<D>(
    verdicts: Vec<Option<Judged>>,
    entries: &[Arc<Entry<D>>],
    trees: &HashMap<LogId, Arc<BatchTree>>,
) -> Answers<D> {
    let fresh = |at: usize| {
        let entry = entries.get(at)?;
        let tree = trees.get(&entry.placed.log)?;
        Some((Arc::clone(entry), Arc::clone(tree)))
    };
    verdicts
        .into_iter()
        .map(|verdict| match verdict {
            None => Err(SubmitError::Fault),
            Some(Judged::No(error)) => Err(error),
            Some(Judged::New(at)) => match fresh(at) {
                Some((entry, tree)) => Ok(Reply {
                    outcome: Outcome::Accepted,
                    log: entry.placed.log,
                    pos: entry.placed.pos,
                    fresh: Some((entry, tree)),
                }),
                None => Err(SubmitError::Fault),
            },
            Some(Judged::Repeat { log, pos }) => {
                Ok(Reply { outcome: Outcome::Repeat, log, pos, fresh: None })
            }
            Some(Judged::Conflict { log, pos, entry }) => {
                Ok(Reply { outcome: Outcome::Conflict, log, pos, fresh: entry.and_then(fresh) })
            }
        })
        .collect()
}
