//! One batch, one transaction: lock, check, recognise, load, admit, place, write, advance, commit.
//!
//! The numbers in the comments are the steps of docs/architecture.md, "The write path".

use std::collections::HashMap;

use super::anchor::Anchored;
use super::batch::OpenLog;
use super::committer::{Committer, KnownGood, Reply, SubmitError};
use super::faults::Point;
use super::guard::{ClockFault, ClockGuard};
use super::head::{Head, HeadFault, StoredHead, checkpoint_seal};
use super::judge::{Judged, Work};
use super::lanes::Pending;
use super::port::{ConfigAt, Rulebook, Submission};
use super::requests::{self, Requests};
use super::setup::origin;
use crate::kernel::{CentreId, EpochMs, LogId, Pos};
use crate::store::{Binds, Cells, Dialect, Inserts, Keys as KeySet, Statement, StoreError, Tx};
use crate::tlog::Hash;

/// What happened to a batch as a whole.
#[derive(Debug)]
pub(super) enum BatchFault {
    /// Nothing was stored.
    Store(StoreError),
    /// A rule panicked, or a constraint that the locks make impossible was hit: repeat command by command.
    Fault(&'static str),
    /// COMMIT did not say whether it happened.
    InDoubt,
    /// The process is to behave as if it had died here.
    Crashed,
}

impl BatchFault {
    /// From COMMIT on, an error says nothing about what is stored.
    pub(super) fn or_in_doubt(self) -> Self {
        match self {
            Self::Crashed => Self::Crashed,
            Self::Store(_) | Self::Fault(_) | Self::InDoubt => Self::InDoubt,
        }
    }
}

impl From<StoreError> for BatchFault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unique { .. } => Self::Fault("a row exists already"),
            // One command's value, or one log's row: its neighbours are not to pay for it.
            StoreError::Rejected(_) => Self::Fault("the database does not take a value"),
            StoreError::Inconsistent { .. } => Self::Fault("a row holds what was never written there"),
            StoreError::Driver(_)
            | StoreError::Unavailable(_)
            | StoreError::DiskFull
            | StoreError::Unsafe(_)
            | StoreError::Url(_)
            | StoreError::Migrate(_) => Self::Store(error),
        }
    }
}

pub(super) type Answers<D> = Vec<Result<Reply<D>, SubmitError>>;

/// Step 1. Joined with what the head's seal also covers. The order is the order of locking.
pub(super) static LOCK_HEADS: Statement = Statement::new(
    "SELECT h.log_id, h.epoch, h.size, h.edge, h.root, h.last_ms, h.config_pos, h.seal, l.centre, e.base, e.origin \
     FROM ledger_head h JOIN ledger_log l ON l.log_id = h.log_id \
     JOIN ledger_epoch e ON e.log_id = h.log_id AND e.epoch = h.epoch \
     WHERE h.log_id = ANY($1::bigint[]) ORDER BY h.log_id FOR UPDATE OF h",
);

/// Step 1, the statement of its own: how far the deployment log is, without a lock.
pub(super) static HEADS: Statement = Statement::new(
    "SELECT h.log_id, h.epoch, h.size, h.edge, h.root, h.last_ms, h.config_pos, h.seal, l.centre, e.base, e.origin \
     FROM ledger_head h JOIN ledger_log l ON l.log_id = h.log_id \
     JOIN ledger_epoch e ON e.log_id = h.log_id AND e.epoch = h.epoch \
     WHERE h.log_id = ANY($1::bigint[]) ORDER BY h.log_id",
);

static CHECKPOINT_AT: Statement =
    Statement::new("SELECT root, seal FROM ledger_checkpoint WHERE log_id = $1 AND epoch = $2 AND size = $3");

/// The same of the deployment log, with PostgreSQL's clock: one question instead of two. SQLite has no clock of its own.
static DEPLOYMENT_AND_CLOCK: Statement = Statement::new(
    "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint, \
     h.log_id, h.epoch, h.size, h.edge, h.root, h.last_ms, h.config_pos, h.seal, l.centre, e.base, e.origin \
     FROM ledger_head h JOIN ledger_log l ON l.log_id = h.log_id \
     JOIN ledger_epoch e ON e.log_id = h.log_id AND e.epoch = h.epoch WHERE h.log_id = $1",
);

/// Step 6: compare-and-swap on the size.
pub(super) static ADVANCE_HEADS: Statement = Statement::new(
    "UPDATE ledger_head SET size = k.k2, edge = k.k3, root = k.k4, last_ms = k.k5, config_pos = k.k6, seal = k.k7 \
     FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bigint[], $7::bigint[], $8::bytea[]) \
     AS k(k0, k1, k2, k3, k4, k5, k6, k7) WHERE ledger_head.log_id = k.k0 AND ledger_head.size = k.k1",
);

/// A head with what stands beside it.
#[derive(Debug, Clone)]
pub(super) struct HeadRow {
    pub(super) stored: StoredHead,
    pub(super) centre: CentreId,
    pub(super) base: Pos,
    pub(super) origin: String,
}

pub(super) fn read_head(cells: &mut Cells<'_>) -> Result<HeadRow, StoreError> {
    let stored = StoredHead::read(cells)?;
    let centre = CentreId::parse(&cells.text()?)
        .map_err(|_| StoreError::Inconsistent { table: "ledger_log", column: "centre" })?;
    let base = Pos::from_column(cells.int()?)
        .ok_or(StoreError::Inconsistent { table: "ledger_epoch", column: "base" })?;
    Ok(HeadRow { stored, centre, base, origin: cells.text()? })
}

impl<R: Rulebook> Committer<R> {
    /// Runs one batch. The answers are in the order of the batch.
    pub(super) async fn commit(&mut self, batch: &[Pending<R>]) -> Result<Answers<R::Detail>, BatchFault> {
        let mut logs: Vec<LogId> = batch.iter().map(|pending| pending.submission.log).collect();
        if self.store.dialect() == Dialect::Sqlite {
            // The transaction holds the whole database: the deployment log is read with the others.
            logs.push(LogId::DEPLOYMENT);
        }
        logs.sort_unstable();
        logs.dedup();

        let mut tx = self.store.begin().await?;
        self.faults.check(Point::Begun)?;
        let locked = tx
            .fetch(
                &LOCK_HEADS,
                Binds::new().keys(KeySet::ints(logs.iter().map(|log| log.column()))),
                read_head,
            )
            .await?;
        let (deployment, database) = self.deployment_row(&mut tx, &locked).await?;
        let wall = self.wall(database);
        self.faults.check(Point::Locked)?;

        // Every entry names the deployment log, so nothing is admitted under one that is not ours.
        let deployment = match deployment {
            Some(row) => self.check_head(&mut tx, row).await?,
            None => Err(HeadFault::Missing),
        };
        let deployment = match deployment {
            Ok(checked) => checked,
            Err(fault) => return Ok(batch.iter().map(|_| Err(SubmitError::Head(fault))).collect()),
        };
        let (open, aside) = self.open(&mut tx, locked, &deployment).await?;

        let known = self.recognise(&mut tx, batch, &open).await?;
        let config: Vec<ConfigAt> =
            open.values().map(OpenLog::config).chain(std::iter::once(deployment.config())).collect();
        let wanted: Vec<(LogId, &R::Command)> = batch
            .iter()
            .filter(|pending| open.contains_key(&pending.submission.log))
            .map(|pending| (pending.submission.log, &pending.submission.command))
            .collect();
        let state = self.rulebook.load(&mut tx, &config, &wanted).await?;
        self.faults.check(Point::Loaded)?;

        let mut work = Work {
            committer: self,
            open,
            aside,
            known,
            state,
            deployment_size: deployment.next_pos().get(),
            deployment_last: deployment.head.last,
            wall,
            vouched: false,
            inserts: Inserts::new(),
            entries: Vec::new(),
            erased: Vec::new(),
        };
        work.conflicts_on_record(&mut tx, batch).await?;
        // Commands for the deployment log go first; within a log the order of arrival stays.
        let mut order: Vec<usize> = (0..batch.len()).collect();
        order.sort_by_key(|at| batch.get(*at).is_some_and(|p| p.submission.log != LogId::DEPLOYMENT));
        let mut verdicts: Vec<Option<Judged>> = batch.iter().map(|_| None).collect();
        for at in order {
            if let (Some(pending), Some(verdict)) = (batch.get(at), verdicts.get_mut(at)) {
                *verdict = Some(work.judge(pending)?);
            }
        }
        work.finish(tx, verdicts).await
    }

    /// A clock that somebody was allowed to vouch for is right from here on.
    pub(super) fn accept_clock(&mut self, vouched: bool, wall: Wall) {
        if vouched {
            self.guard.accept(wall.now, wall.monotonic_ms);
            self.health.clock(None);
        }
    }

    /// The deployment log's head, locked with the others or read without a lock; and the database's clock, if it has one.
    async fn deployment_row(
        &self,
        tx: &mut Tx,
        locked: &[HeadRow],
    ) -> Result<(Option<HeadRow>, Option<EpochMs>), StoreError> {
        let row = locked.iter().find(|row| row.stored.log() == LogId::DEPLOYMENT).cloned();
        if self.store.dialect() == Dialect::Sqlite {
            return Ok((row, None));
        }
        let binds = Binds::new().and(LogId::DEPLOYMENT.column());
        let read = |cells: &mut Cells<'_>| Ok((EpochMs::clamped(cells.int()?), read_head(cells)?));
        Ok(match tx.fetch(&DEPLOYMENT_AND_CLOCK, binds, read).await?.pop() {
            Some((database, unlocked)) => (row.or(Some(unlocked)), Some(database)),
            None => (row, None),
        })
    }

    /// Step 2 for the locked heads: what may be built on, and what is set aside.
    async fn open(
        &mut self,
        tx: &mut Tx,
        locked: Vec<HeadRow>,
        deployment: &OpenLog,
    ) -> Result<(HashMap<LogId, OpenLog>, HashMap<LogId, SubmitError>), StoreError> {
        let (mut open, mut aside) = (HashMap::new(), HashMap::new());
        for row in locked {
            let log = row.stored.log();
            if log == LogId::DEPLOYMENT {
                open.insert(log, deployment.clone());
                continue;
            }
            match self.check_head(tx, row).await? {
                Ok(checked) => {
                    open.insert(log, checked);
                }
                Err(fault) => {
                    aside.insert(log, SubmitError::Head(fault));
                }
            }
        }
        Ok((open, aside))
    }

    /// The time of this commit, if the database's clock agrees; and whether the process's monotonic clock does.
    fn wall(&mut self, database: Option<EpochMs>) -> Wall {
        let (now, monotonic_ms) = (self.clock.now(), self.clock.monotonic_ms());
        if database.is_some_and(|database| !self.clock.agrees_with(database)) {
            self.health.clock(Some(ClockFault::Disagrees));
            return Wall { now, monotonic_ms, fault: Some(ClockFault::Disagrees) };
        }
        let fault = self.guard.process(now, monotonic_ms).err();
        self.health.clock(fault);
        Wall { now, monotonic_ms, fault }
    }

    /// Does this command accept the time that the clock shows?
    pub(super) fn vouches(&self, submission: &Submission<R::Command>, now: EpochMs) -> bool {
        let vouched = self.rulebook.accepts_clock(&submission.command);
        vouched.is_some_and(|vouched| ClockGuard::confirms(vouched, now))
    }

    /// Step 2. A head that is not ours, or behind what this replica saw, is set aside.
    async fn check_head(
        &mut self,
        tx: &mut Tx,
        row: HeadRow,
    ) -> Result<Result<OpenLog, HeadFault>, StoreError> {
        let checked = match row.stored.open(&self.keys, &row.centre, row.base, &row.origin) {
            Ok(head) => self.against_anchor(tx, &head, &row).await?.map(|()| head),
            Err(fault) => Err(fault),
        };
        Ok(match checked {
            Ok(head) => {
                self.health.head_good(&row.origin);
                self.tally.head(head.last);
                let known = self.known_good.get(&head.log).filter(|known| known.is(&head));
                let tail = known.and_then(|known| known.tail.clone());
                let (epoch, size, root) = (head.epoch, head.size, head.root);
                self.known_good.insert(head.log, KnownGood { epoch, size, root, tail: tail.clone() });
                let mut open = OpenLog::new(row.centre, row.base, row.origin, head);
                if let Some(tail) = tail {
                    open.tail = Some(tail.to_vec());
                }
                Ok(open)
            }
            Err(fault) => {
                self.health.head_bad(&row.origin, fault);
                Err(fault)
            }
        })
    }

    /// Is a head at or after what this replica saw last, in the same history? One that it wrote or compared before is.
    async fn against_anchor(
        &self,
        tx: &mut Tx,
        head: &Head,
        row: &HeadRow,
    ) -> Result<Result<(), HeadFault>, StoreError> {
        if self.known_good.get(&head.log).is_some_and(|known| known.is(head)) {
            return Ok(Ok(()));
        }
        if self.anchor.seen(&origin(&self.deployment, &row.centre, head.epoch + 1)).is_some() {
            // A copy from before an epoch that this replica has seen.
            return Ok(Err(HeadFault::BehindAnchor));
        }
        match self.anchor.seen(&row.origin) {
            Some(anchored) if head.size < anchored.size => Ok(Err(HeadFault::BehindAnchor)),
            Some(anchored) => self.same_history(tx, head, anchored).await,
            None => Ok(Ok(())),
        }
    }

    /// The checkpoint row at the anchor's size has the anchor's root, under our seal.
    async fn same_history(
        &self,
        tx: &mut Tx,
        head: &Head,
        anchored: Anchored,
    ) -> Result<Result<(), HeadFault>, StoreError> {
        if anchored.size == 0 {
            return Ok(Ok(()));
        }
        let binds = Binds::new().and(head.log.column()).and(head.epoch).and(Pos::new(anchored.size).column());
        let rows = tx
            .fetch(&CHECKPOINT_AT, binds, |cells| {
                Ok((cells.array::<32>("ledger_checkpoint", "root")?, cells.blob()?))
            })
            .await?;
        let good = rows.first().is_some_and(|(root, seal)| {
            Hash(*root) == anchored.root
                && seal.as_slice()
                    == checkpoint_seal(&self.keys, head.log, head.epoch, anchored.size, &anchored.root)
        });
        Ok(if good { Ok(()) } else { Err(HeadFault::Forked) })
    }

    /// Step 3, first half: which request ids of the batch are known.
    async fn recognise(
        &self,
        tx: &mut Tx,
        batch: &[Pending<R>],
        open: &HashMap<LogId, OpenLog>,
    ) -> Result<Requests, StoreError> {
        let ids = batch
            .iter()
            .map(|pending| (pending.submission.log, pending.submission.request_id))
            .filter(|(log, _)| open.contains_key(log));
        requests::load(tx, &self.keys, ids).await
    }
}

/// The clocks at the time of a commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wall {
    pub(super) now: EpochMs,
    pub(super) monotonic_ms: u64,
    pub(super) fault: Option<ClockFault>,
}
