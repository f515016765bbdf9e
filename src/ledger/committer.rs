//! The committer: one task per process, one transaction per batch of what waits in the [`lanes`](super::lanes).
//!
//! Whatever waits when a commit ends is the next batch; nothing is delayed to make a batch larger. `known_good`,
//! `unsaved` and `guard` are owned by the task.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::MissedTickBehavior;

use super::anchor::{Anchor, Anchored};
use super::batch::{BatchTree, Entry};
use super::commit::{Answers, BatchFault};
use super::erase::Erasures;
use super::faults::Faults;
use super::figures::Tally;
use super::guard::{ClockFault, ClockGuard};
use super::head::{Head, HeadFault};
use super::health::Health;
use super::keys::Keys;
pub use super::lanes::{BATCH, Lane};
use super::lanes::{Lanes, Pending};
use super::port::Rulebook;
use super::signature::{self, SignatureRow};
use crate::clock::{Clock, Stopwatch};
use crate::kernel::{LogId, Pos, Reason};
use crate::store::{Inserts, Store, StoreError};
use crate::tlog::Hash;

/// What is due without a commit (signatures to keep, contact rows) is looked for this often.
const SWEEP: Duration = Duration::from_secs(1);
/// A batch whose COMMIT is in doubt is run again this often before its callers are told so.
const ATTEMPTS: usize = 3;

/// Why a command did not become an entry.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubmitError {
    /// A rule says no.
    #[error("refused: {}", .0.code())]
    Refused(Arc<dyn Reason>),
    /// The request id stands for another command, or another caller's.
    #[error("the request id was used for something else")]
    RequestIdReused,
    /// The grant that allowed the call is gone.
    #[error("the grant behind the call no longer holds")]
    PassGone,
    /// The lane is full.
    #[error("too much is waiting")]
    Overloaded,
    /// The log's head is not ours to build on.
    #[error("the log is set aside: {0}")]
    Head(HeadFault),
    /// The clock cannot be trusted.
    #[error("nothing is committed: {0}")]
    Clock(ClockFault),
    /// A row that recognises repeats was changed around the software.
    #[error("the record of earlier requests was tampered with")]
    Tampered,
    /// The database cannot be reached or written: try again.
    #[error("the database is not available")]
    Unavailable,
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// It may or may not be stored: ask again with the same id.
    #[error("the outcome is in doubt")]
    InDoubt,
    /// We broke.
    #[error("an internal fault")]
    Fault,
}

/// What a stored command was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Stored by this call.
    Accepted,
    /// Stored before: the original entry.
    Repeat,
    /// A journal place claimed twice: the entry that says so.
    Conflict,
}

/// The answer to a command that stands in the log.
#[derive(Debug)]
pub struct Reply<D> {
    /// What it was found to be.
    pub outcome: Outcome,
    /// The log.
    pub log: LogId,
    /// The entry's position.
    pub pos: Pos,
    /// The entry and its tree, when this commit made it.
    pub fresh: Option<(Arc<Entry<D>>, Arc<BatchTree>)>,
}

/// A head that this replica wrote, or compared with its anchor.
#[derive(Debug, Clone)]
pub(super) struct KnownGood {
    pub(super) epoch: u32,
    pub(super) size: u64,
    pub(super) root: Hash,
    /// The leaf hashes after the last full tile, if they are known.
    pub(super) tail: Option<Arc<Vec<Hash>>>,
}

impl KnownGood {
    pub(super) fn is(&self, head: &Head) -> bool {
        (self.epoch, self.size, self.root) == (head.epoch, head.size, head.root)
    }
}

/// The task's own state.
pub(super) struct Committer<R: Rulebook> {
    pub(super) store: Store,
    pub(super) keys: Arc<Keys>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rulebook: Arc<R>,
    pub(super) anchor: Arc<Anchor>,
    pub(super) erasures: Arc<Erasures>,
    pub(super) health: Arc<Health>,
    pub(super) tally: Arc<Tally>,
    pub(super) faults: Faults,
    /// The name that origins begin with.
    pub(super) deployment: Arc<str>,
    /// The most entries per commit.
    pub(super) batch: usize,
    /// Heads that this replica wrote, or compared with its anchor, last: they need not be compared again.
    pub(super) known_good: HashMap<LogId, KnownGood>,
    /// Signatures that the next transaction stores.
    pub(super) unsaved: Vec<SignatureRow>,
    pub(super) guard: ClockGuard,
}

impl<R: Rulebook> Committer<R> {
    /// Runs until every submitter is gone and both lanes are empty.
    pub(super) async fn run(mut self, mut lanes: Lanes<R>) {
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let first = tokio::select! {
                biased;
                live = lanes.live.recv() => match live {
                    Some(pending) => pending,
                    // Every submitter is gone: what still waits in the other lane is the last.
                    None => match lanes.bulk.recv().await {
                        Some(pending) => pending,
                        None => break,
                    },
                },
                Some(pending) = lanes.bulk.recv() => pending,
                _ = sweep.tick() => {
                    self.sweep().await;
                    continue;
                }
            };
            let batch = lanes.fill(first, self.batch);
            if !self.serve(batch).await {
                // As if the process had died: nothing more is written.
                self.health.stopped();
                return;
            }
        }
        self.sweep().await;
        self.health.stopped();
    }

    /// Commits a batch and answers it; false when the process is to behave as if it had died.
    async fn serve(&mut self, mut batch: Vec<Pending<R>>) -> bool {
        let mut doubtful = false;
        for _ in 0..ATTEMPTS {
            let watch = Stopwatch::start();
            match self.attempt(&batch).await {
                Ok(answers) => {
                    self.health.store(None);
                    self.count(&answers, watch.elapsed());
                    release(batch, answers);
                    return true;
                }
                Err(BatchFault::Crashed) => return false,
                Err(BatchFault::InDoubt) => {
                    // The lost transaction holds the heads' locks until it ends: the next attempt takes them first, and
                    // then finds what was stored by its request id. Recovery is the normal path.
                    tracing::warn!(code = "LEDGER_COMMIT_IN_DOUBT", commands = batch.len(), "looking again");
                    doubtful = true;
                    self.tally.in_doubt.add();
                    self.forget();
                }
                Err(BatchFault::Store(error)) => {
                    tracing::error!(code = "LEDGER_COMMIT_FAILED", %error, commands = batch.len(), doubtful, "given up");
                    self.tally.given_up.add();
                    self.forget();
                    let answer = if doubtful {
                        // An earlier attempt may have stored it all.
                        SubmitError::InDoubt
                    } else if matches!(error, StoreError::DiskFull) {
                        SubmitError::DiskFull
                    } else {
                        SubmitError::Unavailable
                    };
                    self.health.store(Some(error.to_string()));
                    refuse(batch, &answer);
                    return true;
                }
                Err(BatchFault::Fault(what)) => {
                    tracing::error!(
                        code = "LEDGER_FAULT",
                        what,
                        commands = batch.len(),
                        "repeating one by one"
                    );
                    self.tally.faults.add();
                    self.forget();
                    if batch.len() == 1 {
                        refuse(batch, if doubtful { &SubmitError::InDoubt } else { &SubmitError::Fault });
                        return true;
                    }
                    for pending in batch.drain(..) {
                        if !Box::pin(self.serve(vec![pending])).await {
                            return false;
                        }
                    }
                    return true;
                }
            }
        }
        refuse(batch, &SubmitError::InDoubt);
        true
    }

    /// One attempt. A rule that panics anywhere takes its transaction with it, not this task.
    async fn attempt(&mut self, batch: &[Pending<R>]) -> Result<Answers<R::Detail>, BatchFault> {
        let attempt = AssertUnwindSafe(self.commit(batch)).catch_unwind().await;
        attempt.unwrap_or(Err(BatchFault::Fault("a rule panicked")))
    }

    /// A batch of which nothing was new is no commit.
    fn count(&self, answers: &Answers<R::Detail>, took: Duration) {
        let entries = answers.iter().flatten().filter(|reply| reply.fresh.is_some()).count();
        if entries > 0 {
            self.tally.stored.add();
            self.tally.seconds.add_time(took);
            self.tally.entries.add(u64::try_from(entries).unwrap_or(u64::MAX));
        }
    }

    /// Nothing that a failed commit taught is kept.
    fn forget(&mut self) {
        self.known_good.clear();
        self.rulebook.dropped();
    }

    /// Step 7, after COMMIT: sign, remember, and only then are receipts released.
    pub(super) fn release(&mut self, trees: &HashMap<LogId, Arc<BatchTree>>) -> Result<(), BatchFault> {
        let mut heads = Vec::with_capacity(trees.len());
        for tree in trees.values() {
            let (note, row) =
                signature::sign(&self.keys, tree.log, &tree.origin, tree.epoch, tree.size, &tree.root)
                    .ok_or(BatchFault::InDoubt)?;
            tree.sign(note);
            self.tally.head(tree.last);
            self.unsaved.push(row);
            let tail = tree.tail.clone();
            let known = KnownGood { epoch: tree.epoch, size: tree.size, root: tree.root, tail };
            self.known_good.insert(tree.log, known);
            heads.push((tree.origin.clone(), Anchored { size: tree.size, root: tree.root }));
        }
        if let Err(error) = self.anchor.advance(&heads, self.clock.monotonic_ms()) {
            // What is stored stays stored; but a replica that cannot remember must not go on signing.
            tracing::error!(code = "LEDGER_ANCHOR_FAILED", %error, "the anchor cannot be written");
            return Err(BatchFault::Crashed);
        }
        Ok(())
    }

    /// What is due without a commit.
    async fn sweep(&mut self) {
        if let Err(error) = self.anchor.sync_if_due(self.clock.monotonic_ms()) {
            tracing::error!(code = "LEDGER_ANCHOR_FAILED", %error, "the anchor cannot be forced to the disk");
        }
        if let Err(error) = self.try_sweep().await {
            tracing::warn!(code = "LEDGER_SWEEP_FAILED", %error, "will be tried again");
        }
    }

    async fn try_sweep(&mut self) -> Result<(), StoreError> {
        if self.unsaved.is_empty() && !self.rulebook.has_flush() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        let mut inserts = Inserts::new();
        for row in &self.unsaved {
            row.clone().insert(&mut inserts);
        }
        tx.insert(inserts).await?;
        self.rulebook.flush(&mut tx).await?;
        tx.commit().await?;
        self.unsaved.clear();
        Ok(())
    }
}

fn release<R: Rulebook>(batch: Vec<Pending<R>>, answers: Answers<R::Detail>) {
    for (mut pending, answer) in batch.into_iter().zip(answers) {
        if let Some(sender) = pending.answer.take() {
            // A caller that went away reads its receipt when it comes back.
            let _ = sender.send(answer);
        }
    }
}

fn refuse<R: Rulebook>(batch: Vec<Pending<R>>, error: &SubmitError) {
    for mut pending in batch {
        if let Some(sender) = pending.answer.take() {
            let _ = sender.send(Err(error.clone()));
        }
    }
}
