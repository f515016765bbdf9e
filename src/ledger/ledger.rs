//! The ledger as its users see it: submit, disclose, read, prove.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::anchor::{Anchor, Anchored};
use super::cleanup;
use super::committer::{BATCH, Committer, Lane, Outcome, Reply, SubmitError};
use super::disclosure::{DISCLOSURE_KIND, Disclosure};
use super::erase::{self, Erasures, Found, Listed};
use super::faults::Faults;
use super::figures::Tally;
use super::guard::ClockGuard;
use super::health::Health;
use super::keys::Keys;
use super::lanes::{self, Submitter};
use super::leaf::Leaf;
use super::port::{PartAt, Rulebook, Submission};
use super::reader::{Epoch, ReadError, Reader};
use crate::clock::Clock;
use crate::kernel::{LogId, Pos};
use crate::store::Store;

/// What a ledger is made of.
pub struct Parts<R> {
    /// The database, migrated.
    pub store: Store,
    /// The keys.
    pub keys: Arc<Keys>,
    /// Time and randomness.
    pub clock: Arc<dyn Clock>,
    /// The registers.
    pub rulebook: Arc<R>,
    /// What this replica saw last.
    pub anchor: Anchor,
    /// What was ever erased.
    pub erasures: Erasures,
    /// The name that origins begin with.
    pub deployment: String,
    /// The most entries per commit; [`BATCH`] except in benchmarks.
    pub batch: usize,
    /// What goes wrong on purpose.
    pub faults: Faults,
}

impl<R> Parts<R> {
    /// The usual parts; nothing goes wrong on purpose.
    pub fn new(store: Store, keys: Keys, clock: Arc<dyn Clock>, rulebook: R, deployment: &str) -> Self {
        Self {
            store,
            keys: Arc::new(keys),
            clock,
            rulebook: Arc::new(rulebook),
            anchor: Anchor::in_memory(),
            erasures: Erasures::in_memory(),
            deployment: deployment.to_owned(),
            batch: BATCH,
            faults: Faults::none(),
        }
    }
}

/// The ledger.
pub struct Ledger<R: Rulebook> {
    submitter: Submitter<R>,
    reader: Reader,
    rulebook: Arc<R>,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    tally: Arc<Tally>,
    anchor: Arc<Anchor>,
    deployment: Arc<str>,
}

impl<R: Rulebook> Clone for Ledger<R> {
    fn clone(&self) -> Self {
        Self {
            submitter: self.submitter.clone(),
            reader: self.reader.clone(),
            rulebook: Arc::clone(&self.rulebook),
            clock: Arc::clone(&self.clock),
            health: Arc::clone(&self.health),
            tally: Arc::clone(&self.tally),
            anchor: Arc::clone(&self.anchor),
            deployment: Arc::clone(&self.deployment),
        }
    }
}

impl<R: Rulebook> std::fmt::Debug for Ledger<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ledger({})", self.deployment)
    }
}

impl<R: Rulebook> Ledger<R> {
    /// Erases what an older copy of the database brought back, adopts heads that this replica has no anchor for, and
    /// starts the committer. The task ends when every handle is gone and everything handed in is answered.
    pub async fn start(parts: Parts<R>) -> Result<(Self, JoinHandle<()>), ReadError> {
        let Parts { store, keys, clock, rulebook, anchor, erasures, deployment, batch, faults } = parts;
        let reader = Reader::new(store.clone(), Arc::clone(&keys));
        let health = Arc::new(Health::default());
        let tally = Arc::new(Tally::default());
        let deployment: Arc<str> = deployment.into();
        erase_again(&reader, &keys, &*rulebook, &erasures, &anchor).await?;
        adopt(&reader, &anchor, &health, &tally, &*clock).await?;
        let anchor = Arc::new(anchor);
        let (submitter, lanes) = lanes::lanes(Arc::clone(&rulebook), Arc::clone(&keys));
        let committer = Committer {
            store,
            keys,
            guard: ClockGuard::new(clock.now(), clock.monotonic_ms()),
            clock: Arc::clone(&clock),
            rulebook: Arc::clone(&rulebook),
            anchor: Arc::clone(&anchor),
            erasures: Arc::new(erasures),
            health: Arc::clone(&health),
            tally: Arc::clone(&tally),
            faults,
            deployment: Arc::clone(&deployment),
            batch,
            known_good: HashMap::new(),
            unsaved: Vec::new(),
        };
        let task = tokio::spawn(committer.run(lanes));
        Ok((Self { submitter, reader, rulebook, clock, health, tally, anchor, deployment }, task))
    }

    /// Submits one command and waits for its commit.
    pub async fn submit(
        &self,
        submission: Submission<R::Command>,
        lane: Lane,
    ) -> Result<Reply<R::Detail>, SubmitError> {
        self.submitter.submit(submission, lane).await
    }

    /// Submits many; each is answered for itself.
    pub async fn submit_all(
        &self,
        submissions: Vec<Submission<R::Command>>,
    ) -> Result<Vec<Result<Reply<R::Detail>, SubmitError>>, SubmitError> {
        self.submitter.submit_all(submissions).await
    }

    /// Puts a read on record; the proof that it is there comes back only after COMMIT.
    pub async fn disclose(&self, submission: Submission<R::Command>) -> Result<Disclosure, SubmitError> {
        let reply = self.submitter.submit(submission, Lane::Live).await?;
        let Some((entry, _)) = reply.fresh.filter(|_| reply.outcome == Outcome::Accepted) else {
            return Err(SubmitError::RequestIdReused);
        };
        match Leaf::decode(&entry.leaf) {
            Ok(leaf) if leaf.kind == DISCLOSURE_KIND => {
                Ok(Disclosure::committed(reply.log, reply.pos, entry.index, leaf.recorded))
            }
            Ok(_) | Err(_) => Err(SubmitError::Fault),
        }
    }

    /// Reads of the log itself.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The registers.
    pub fn rulebook(&self) -> &Arc<R> {
        &self.rulebook
    }

    /// Time and randomness.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Is this replica fit to serve?
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// What the committer counts.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How many commands wait in the live and in the bulk lane.
    pub(super) fn waiting(&self) -> (usize, usize) {
        self.submitter.waiting()
    }

    /// What this replica saw last.
    pub fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    /// The name that origins begin with.
    pub fn deployment(&self) -> &str {
        &self.deployment
    }
}

/// Heads without an anchor are believed once, if their seal is ours, and health says so.
async fn adopt(
    reader: &Reader,
    anchor: &Anchor,
    health: &Health,
    tally: &Tally,
    clock: &dyn Clock,
) -> Result<(), ReadError> {
    let mut adopted = Vec::new();
    for (log, _) in reader.logs().await? {
        let read = reader.head(log).await;
        if let Ok((head, _)) = &read {
            tally.head(head.last);
        }
        match read {
            Ok((head, epoch)) if anchor.seen(&epoch.origin).is_none() => {
                health.adopted(&epoch.origin, head.size);
                adopted.push((epoch.origin, Anchored { size: head.size, root: head.root }));
            }
            Ok((head, epoch)) => {
                if anchor.seen(&epoch.origin).is_some_and(|seen| seen.size > head.size) {
                    health.head_bad(&epoch.origin, super::head::HeadFault::BehindAnchor);
                }
            }
            Err(ReadError::Head(fault)) => {
                let epochs = reader.epochs(log).await?;
                let origin = epochs.last().map_or_else(|| format!("log {log}"), |epoch| epoch.origin.clone());
                health.head_bad(&origin, fault);
            }
            Err(other) => return Err(other),
        }
    }
    if anchor.advance(&adopted, clock.monotonic_ms()).is_err() {
        tracing::error!(code = "LEDGER_ANCHOR_FAILED", "the anchor cannot be written");
    }
    Ok(())
}

/// Deletes every part that the list of erasures names and that is here again. Heads are not asked: one that is not ours
/// must not keep anything here that was erased.
async fn erase_again<R: Rulebook>(
    reader: &Reader,
    keys: &Keys,
    rulebook: &R,
    erasures: &Erasures,
    anchor: &Anchor,
) -> Result<(), ReadError> {
    if erasures.listed().is_empty() {
        return Ok(());
    }
    let mut erased = false;
    for (log, centre) in reader.logs().await? {
        let epochs = reader.epochs(log).await?;
        let due = due(reader, erasures, anchor, log, &epochs).await?;
        let parts: Vec<PartAt> = due.iter().map(|(line, _)| line.part).collect();
        if parts.is_empty() {
            continue;
        }
        tracing::info!(code = "LEDGER_ERASED_AGAIN", %centre, parts = parts.len(), "as the list says");
        let mut tx = reader.store().begin().await?;
        erase::delete(&mut tx, keys, rulebook.personal_tables(), log, &parts).await?;
        tx.commit().await?;
        erased = true;
    }
    if erased && let Err(error) = cleanup::remove_from_files(reader.store(), rulebook.personal_tables()).await
    {
        tracing::warn!(code = "LEDGER_ERASED_IN_FILES", %error, "erased bytes may still be in the files");
    }
    Ok(())
}

/// The lines of the list that are due in a log with these epochs, each with whether its ERASE entry stands.
pub(super) async fn due<'e>(
    reader: &Reader,
    erasures: &'e Erasures,
    anchor: &Anchor,
    log: LogId,
    epochs: &[Epoch],
) -> Result<Vec<(&'e Listed, bool)>, ReadError> {
    let Some(first) = epochs.first() else { return Ok(Vec::new()) };
    let lines: Vec<&Listed> =
        erasures.listed().iter().filter(|line| is_epoch_of(&line.origin, &first.origin)).collect();
    let by: Vec<Pos> = lines.iter().map(|line| line.by).collect();
    let found: HashMap<Pos, Found> = reader
        .entries(log, &by)
        .await?
        .iter()
        .map(|entry| match Leaf::decode(&entry.leaf) {
            Ok(leaf) if leaf.kind == erase::ERASE_KIND => (entry.pos, Found::Erase),
            Ok(_) | Err(_) => (entry.pos, Found::Other),
        })
        .collect();
    let mut due = Vec::new();
    for line in lines {
        let end = match epochs.iter().find(|epoch| epoch.origin == line.origin) {
            Some(epoch) => epochs.iter().map(|other| other.base).find(|base| *base > epoch.base),
            // An older copy, from before that epoch: what the epoch was built on ends at its base.
            None => Some(line.base),
        };
        let anchored = anchor.seen(&line.origin).map_or(0, |anchored| anchored.size);
        let found = found.get(&line.by).copied().unwrap_or(Found::Nothing);
        if line.is_due(found, anchored, end) {
            due.push((line, found == Found::Erase && end.is_none_or(|end| line.by < end)));
        }
    }
    Ok(due)
}

/// Is this the origin of an epoch of the log whose first epoch has that one? Later ones end with their number.
fn is_epoch_of(origin: &str, first: &str) -> bool {
    let rest = origin.strip_prefix(first);
    let number = rest.and_then(|rest| rest.strip_prefix('/'));
    rest == Some("") || number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_epoch_ends_with_its_number_and_another_centre_does_not() {
        for (origin, yes) in [
            ("x/centre/hall", true),
            ("x/centre/hall/2", true),
            ("x/centre/hall2", false),
            ("x/centre/hall-2", false),
            ("x/centre/hall/", false),
            ("x/centre/hall/b", false),
            ("x/centre/ha", false),
        ] {
            assert_eq!(is_epoch_of(origin, "x/centre/hall"), yes, "{origin}");
        }
    }
}
