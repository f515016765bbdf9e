//! The runner: one task per process. It folds what is not folded, tells readers that there is news, and asks for time to
//! be put on record when results wait for it and nobody writes.
//!
//! Any replica may fold any log; the head's lock decides. A log that fails is tried again later and later, and keeps no
//! other log waiting.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::chunk::{FoldError, Folded, Folder};
use super::head::{self, Head};
use super::{AsOf, Derivation, Feed, Figures, Reach};
use crate::clock::{Clock, Stopwatch};
use crate::kernel::{EpochMs, LogId};
use crate::store::StoreError;

/// How often the heads are looked at: soon enough that a punch made on another replica shows within 250 ms.
const POLL: Duration = Duration::from_millis(100);
/// After each chunk it rests for as long as that took, and no longer than this: under load whoever writes gets the other half of
/// a processor, and more is folded at once. Well below the 250 ms within which a punch shows; to a backlog, whose chunks are
/// long, it is little.
const REST_MAX: Duration = Duration::from_millis(100);
/// The same TICK is asked for again after 1 s; the rulebook lets at most one per log and 5 s through.
const ASK_AGAIN_MS: u64 = 1_000;
/// A log that fails waits 0.2 s, then twice as long each time,
const BACKOFF_MS: u64 = 200;
/// and never longer than 30 s.
const BACKOFF_MAX_MS: u64 = 30_000;

/// Where every fold stands.
type Heads = BTreeMap<LogId, Head>;

/// The task's own state; everything in it can be lost at any moment.
#[derive(Debug)]
pub struct Runner<D> {
    folder: Folder<D>,
    clock: Arc<dyn Clock>,
    news: watch::Sender<u64>,
    seen: BTreeMap<LogId, (Feed, AsOf, bool)>,
    failing: HashMap<LogId, Failing>,
    asked: HashMap<LogId, (EpochMs, u64)>,
    standing: HashSet<LogId>,
    figures: Arc<Figures>,
}

#[derive(Debug, Clone, Copy)]
struct Failing {
    backoff_ms: u64,
    not_before_ms: u64,
}

/// Holds the task; the runner stops when it is stopped or dropped.
#[derive(Debug)]
pub struct RunnerHandle {
    wake: Arc<Notify>,
    news: watch::Receiver<u64>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl RunnerHandle {
    /// Rung after a commit: the runner looks at once.
    pub fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Changes whenever a fold has moved, on this replica or another. One poll per process, whoever listens.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.clone()
    }

    /// Stops after the chunk under way.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            // A task that panicked has stopped too.
            let _ = task.await;
        }
    }
}

impl Drop for RunnerHandle {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl<D: Derivation> Runner<D> {
    /// A runner that has not looked yet.
    pub fn new(folder: Folder<D>, clock: Arc<dyn Clock>) -> Self {
        Self {
            folder,
            clock,
            news: watch::Sender::new(0),
            seen: BTreeMap::new(),
            failing: HashMap::new(),
            asked: HashMap::new(),
            standing: HashSet::new(),
            figures: Arc::default(),
        }
    }

    /// Changes whenever a fold has moved; may be listened to before the task starts.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// How far behind it is.
    pub fn figures(&self) -> Arc<Figures> {
        Arc::clone(&self.figures)
    }

    /// Starts the task.
    pub fn start(self) -> RunnerHandle {
        let (wake, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let news = self.news.subscribe();
        let task = tokio::spawn(self.run(Arc::clone(&wake), stop.clone()));
        RunnerHandle { wake, news, stop, task: Some(task) }
    }

    async fn run(mut self, wake: Arc<Notify>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.round(&stop, REST_MAX).await {
                tracing::warn!(code = "RESULTS_POLL_FAILED", %error, "will be tried again");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = wake.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Looks once, without a rest: folds everything that is not folded, then asks for what waits.
    pub async fn once(&mut self) -> Result<(), FoldError> {
        self.round(&CancellationToken::new(), Duration::ZERO).await
    }

    async fn round(&mut self, stop: &CancellationToken, rest: Duration) -> Result<(), FoldError> {
        let reach = self.folder.derivation().reach().await?;
        let mut heads = self.heads().await?;
        self.measure(&reach, &heads);
        let behind = self.behind(&reach, &heads);
        if !behind.is_empty() {
            heads = self.fold(behind, (&reach, heads), (stop, rest)).await?;
        }
        self.tell(&heads);
        self.ask(&reach, &heads);
        Ok(())
    }

    async fn heads(&self) -> Result<Heads, StoreError> {
        Ok(head::heads(self.folder.store()).await?.into_iter().map(|head| (head.log, head)).collect())
    }

    /// Logs with something to fold, that are not waiting after a failure or for other rules.
    fn behind(&self, reach: &[Reach], heads: &Heads) -> Vec<LogId> {
        let now = self.clock.monotonic_ms();
        reach
            .iter()
            .filter(|reach| match heads.get(&reach.log) {
                Some(head) => head.place.pos < reach.next_pos,
                None => reach.next_pos.get() > 0,
            })
            .map(|reach| reach.log)
            .filter(|log| self.failing.get(log).is_none_or(|failing| failing.not_before_ms <= now))
            .collect()
    }

    /// Says how many entries of what was last looked at are not folded.
    fn measure(&self, reach: &[Reach], heads: &Heads) {
        let folded = |log| heads.get(&log).map_or(0, |head| head.place.pos.get());
        let missing = reach.iter().map(|reach| reach.next_pos.get().saturating_sub(folded(reach.log)));
        let (entries, logs) = missing.fold((0, 0), |(entries, logs): (u64, u64), missing| {
            (entries.saturating_add(missing), logs + u64::from(missing > 0))
        });
        self.figures.behind_entries.set(entries);
        self.figures.behind_logs.set(logs);
        self.figures.failing_logs.set(u64::try_from(self.failing.len()).unwrap_or(u64::MAX));
    }

    /// A chunk of each log in turn, until none has more; where every fold stands then.
    async fn fold(
        &mut self,
        mut behind: Vec<LogId>,
        (reach, mut heads): (&[Reach], Heads),
        (stop, rest): (&CancellationToken, Duration),
    ) -> Result<Heads, StoreError> {
        let mut full = 0;
        while !behind.is_empty() && !stop.is_cancelled() {
            let mut more = Vec::new();
            for log in behind {
                let watch = Stopwatch::start();
                match self.chunk(log, full).await {
                    Ok(folded) => {
                        self.figures.chunks.add();
                        self.went(log, folded);
                        if folded == Folded::More {
                            more.push(log);
                        }
                    }
                    Err(error) => self.failed(log, &error),
                }
                // Readers wait neither for the rest nor for the whole backlog.
                heads = self.heads().await?;
                self.measure(reach, &heads);
                self.tell(&heads);
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(watch.elapsed().min(rest)) => {}
                }
            }
            behind = more;
            full += 1;
        }
        Ok(heads)
    }

    /// One chunk, after so many full ones, in a task of its own: a rule that panics fails its log alone.
    async fn chunk(&self, log: LogId, full: usize) -> Result<Folded, String> {
        let folder = self.folder.after(full);
        match tokio::spawn(async move { folder.chunk(log).await }).await {
            Ok(ended) => ended.map_err(|error| error.to_string()),
            Err(_) => Err("a rule panicked".to_owned()),
        }
    }

    fn went(&mut self, log: LogId, folded: Folded) {
        if folded != Folded::Standing {
            self.failing.remove(&log);
            self.standing.remove(&log);
            return;
        }
        if self.standing.insert(log) {
            tracing::warn!(
                code = "RESULTS_OTHER_RULES",
                log = log.column(),
                rules = self.folder.derivation().rules(),
                "the log is under other rules than this version's: its results stand still here"
            );
        }
        let not_before_ms = self.clock.monotonic_ms() + ASK_AGAIN_MS;
        self.failing.insert(log, Failing { backoff_ms: BACKOFF_MS, not_before_ms });
    }

    fn failed(&mut self, log: LogId, error: &str) {
        self.figures.failures.add();
        let backoff_ms = match self.failing.get(&log) {
            Some(failing) => (failing.backoff_ms * 2).min(BACKOFF_MAX_MS),
            None => BACKOFF_MS,
        };
        tracing::error!(
            code = "RESULTS_FOLD_FAILED",
            log = log.column(),
            error,
            backoff_ms,
            "will be tried again"
        );
        let not_before_ms = self.clock.monotonic_ms() + backoff_ms;
        self.failing.insert(log, Failing { backoff_ms, not_before_ms });
    }

    /// Tells readers when any fold has moved since the last look, whoever moved it.
    fn tell(&mut self, heads: &Heads) {
        let now: BTreeMap<LogId, (Feed, AsOf, bool)> =
            heads.iter().map(|(log, head)| (*log, (head.feed, head.place, head.begun.is_some()))).collect();
        if now != self.seen {
            self.seen = now;
            self.news.send_modify(|count| *count += 1);
        }
    }

    /// Asks for a TICK where everything is folded, nothing else comes, and something is due.
    fn ask(&mut self, reach: &[Reach], heads: &Heads) {
        let now = self.clock.now();
        for reach in reach {
            let Some(head) = heads.get(&reach.log).filter(|head| head.place.pos >= reach.next_pos) else {
                continue;
            };
            let due = head.due.filter(|due| *due <= now).or(reach.moved);
            if let Some(due) = due.filter(|due| self.may_ask(reach.log, *due)) {
                self.folder.derivation().tick(reach.log, due);
            }
        }
    }

    /// Not the same again at once: the entry may be on its way.
    fn may_ask(&mut self, log: LogId, due: EpochMs) -> bool {
        let now_ms = self.clock.monotonic_ms();
        let asked = self.asked.get(&log);
        if asked.is_some_and(|(before, at_ms)| *before == due && now_ms < at_ms + ASK_AGAIN_MS) {
            return false;
        }
        self.asked.insert(log, (due, now_ms));
        true
    }
}
