//! The two bounded lanes in which commands wait, and the handle that puts them there.
//!
//! Handlers only wait for an answer: a client that goes away stops nothing.

use std::sync::Arc;

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

use super::batch::Request;
use super::committer::{Reply, SubmitError};
use super::keys::Keys;
use super::port::{Rulebook, Submission};

/// Entries per commit: one full tile (c2sp.org/tlog-tiles).
pub const BATCH: usize = 256;
/// Of which at least one in this many is from the bulk lane when bulk waits, so that an upload always moves.
const BULK_ONE_IN: usize = 16;
/// Commands waiting for their commit, live: sixteen batches.
const LIVE_QUEUE: usize = 4_096;
/// Commands waiting for their commit, bulk: eight uploads of 1,000 and some.
const BULK_QUEUE: usize = 8_192;

/// Which lane a command waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Somebody stands at a terminal.
    Live,
    /// Uploads, imports, what the server writes itself.
    Bulk,
}

pub(super) type Answer<D> = Result<Reply<D>, SubmitError>;

/// A command on its way.
#[derive(Debug)]
pub(super) struct Pending<R: Rulebook> {
    pub(super) submission: Submission<R::Command>,
    pub(super) kind: u16,
    pub(super) digest: [u8; 32],
    pub(super) answer: Option<oneshot::Sender<Answer<R::Detail>>>,
}

impl<R: Rulebook> Pending<R> {
    pub(super) fn request(&self, kind: Option<u16>) -> Request {
        Request {
            id: self.submission.request_id,
            principal: self.submission.author.principal.clone(),
            kind,
            digest: self.digest,
        }
    }
}

/// Hands commands to the committer.
pub struct Submitter<R: Rulebook> {
    live: mpsc::Sender<Pending<R>>,
    bulk: mpsc::Sender<Pending<R>>,
    rulebook: Arc<R>,
    keys: Arc<Keys>,
}

impl<R: Rulebook> Clone for Submitter<R> {
    fn clone(&self) -> Self {
        Self {
            live: self.live.clone(),
            bulk: self.bulk.clone(),
            rulebook: Arc::clone(&self.rulebook),
            keys: Arc::clone(&self.keys),
        }
    }
}

impl<R: Rulebook> std::fmt::Debug for Submitter<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Submitter")
    }
}

impl<R: Rulebook> Submitter<R> {
    fn pending(
        &self,
        submission: Submission<R::Command>,
    ) -> (Pending<R>, oneshot::Receiver<Answer<R::Detail>>) {
        let identity = self.rulebook.identity(&submission.command);
        let digest = self.keys.command_digest(identity.kind, &identity.content);
        let (answer, receiver) = oneshot::channel();
        (Pending { submission, kind: identity.kind, digest, answer: Some(answer) }, receiver)
    }

    /// How many wait, live and bulk. What is on its way into a lane counts as waiting.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let in_lane = |lane: &mpsc::Sender<Pending<R>>| lane.max_capacity() - lane.capacity();
        (in_lane(&self.live), in_lane(&self.bulk))
    }

    /// Submits one command and waits for its commit.
    pub async fn submit(&self, submission: Submission<R::Command>, lane: Lane) -> Answer<R::Detail> {
        let (pending, receiver) = self.pending(submission);
        let queue = match lane {
            Lane::Live => &self.live,
            Lane::Bulk => &self.bulk,
        };
        queue.try_send(pending).map_err(|error| match error {
            TrySendError::Full(_) => SubmitError::Overloaded,
            TrySendError::Closed(_) => SubmitError::Unavailable,
        })?;
        receiver.await.unwrap_or(Err(SubmitError::InDoubt))
    }

    /// Submits many through the bulk lane; each is answered for itself, in order. Taken whole or not at all.
    pub async fn submit_all(
        &self,
        submissions: Vec<Submission<R::Command>>,
    ) -> Result<Vec<Answer<R::Detail>>, SubmitError> {
        if submissions.is_empty() {
            return Ok(Vec::new());
        }
        let places = self.bulk.try_reserve_many(submissions.len()).map_err(|error| match error {
            TrySendError::Full(()) => SubmitError::Overloaded,
            TrySendError::Closed(()) => SubmitError::Unavailable,
        })?;
        let mut receivers = Vec::with_capacity(submissions.len());
        for (place, submission) in places.zip(submissions) {
            let (pending, receiver) = self.pending(submission);
            place.send(pending);
            receivers.push(receiver);
        }
        let mut answers = Vec::with_capacity(receivers.len());
        for receiver in receivers {
            answers.push(receiver.await.unwrap_or(Err(SubmitError::InDoubt)));
        }
        Ok(answers)
    }
}

/// The ends of the committer that `start` ties together.
pub(super) fn lanes<R: Rulebook>(rulebook: Arc<R>, keys: Arc<Keys>) -> (Submitter<R>, Lanes<R>) {
    let (live, live_queue) = mpsc::channel(LIVE_QUEUE);
    let (bulk, bulk_queue) = mpsc::channel(BULK_QUEUE);
    (Submitter { live, bulk, rulebook, keys }, Lanes { live: live_queue, bulk: bulk_queue })
}

/// Where the committer takes them from.
pub(super) struct Lanes<R: Rulebook> {
    pub(super) live: mpsc::Receiver<Pending<R>>,
    pub(super) bulk: mpsc::Receiver<Pending<R>>,
}

impl<R: Rulebook> Lanes<R> {
    /// The first command, then all that already waits, up to `most`.
    pub(super) fn fill(&mut self, first: Pending<R>, most: usize) -> Vec<Pending<R>> {
        let reserved = self.bulk.len().min(most.div_ceil(BULK_ONE_IN)).min(most / 2);
        let mut batch = vec![first];
        while batch.len() < most.saturating_sub(reserved) {
            match self.live.try_recv() {
                Ok(pending) => batch.push(pending),
                Err(_) => break,
            }
        }
        while batch.len() < most {
            match self.bulk.try_recv() {
                Ok(pending) => batch.push(pending),
                Err(_) => break,
            }
        }
        batch
    }
}
