//! The moment that an export is of: one position of a centre's log that results have come to, and what the directory said
//! there. The same for a live database and for one that was made again from bundles.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use prost::Message;

use crate::kernel::{DepartmentId, EpochDay, EpochMs, LogId, Pos, Zone};
use crate::ledger::reader::{self, Epoch};
use crate::proto::{DayResult, EntryFacts};
use crate::registers::derivation::told::Telling;
use crate::registers::derivation::walk::Walk;
use crate::registers::derivation::{self, DAY};
use crate::registers::desk::Desk;
use crate::registers::directory;
use crate::registers::directory::Directory;
use crate::results::{AsOf, Body, Folded, Folder, folded_before, newest};
use crate::store::Store;

/// Days that are looked at for one page.
const LOOK: usize = 1_000;
/// Results that another process derives are looked for again after this long,
const AGAIN: Duration = Duration::from_millis(100);
/// and so often: a minute in all.
const TIMES: usize = 600;

/// A position of a centre's log, and what was known there.
#[derive(Debug)]
pub(in crate::cli) struct Moment {
    pub(in crate::cli) store: Store,
    pub(in crate::cli) log: LogId,
    /// How much of the log, and of the deployment's under which its last entry was admitted.
    pub(in crate::cli) at: AsOf,
    /// When that entry was recorded: what depends on the time is told as it was then, whenever somebody asks.
    pub(in crate::cli) recorded: EpochMs,
    pub(in crate::cli) zone: Zone,
    /// The epochs of the log, oldest first.
    pub(in crate::cli) epochs: Vec<Epoch>,
    pub(in crate::cli) deployment_epochs: Vec<Epoch>,
    /// What the log's directory said.
    pub(in crate::cli) own: Arc<Directory>,
    /// What the deployment's said.
    pub(in crate::cli) deployment: Arc<Directory>,
}

impl Moment {
    /// The end of a log as it is now, once results have come to it.
    pub(in crate::cli) async fn newest(desk: &Desk, log: LogId) -> anyhow::Result<Self> {
        let reader = desk.ledger().reader();
        let (head, epoch) = reader.head(log).await?;
        let before = Pos::new(epoch.base.get() + head.size);
        derived(desk, log, before).await?;
        let epochs = [reader.epochs(log).await?, reader.epochs(LogId::DEPLOYMENT).await?];
        Self::before(desk.store(), log, before, epochs).await
    }

    /// The state that entries before a position of a log make.
    pub(in crate::cli) async fn before(
        store: &Store,
        log: LogId,
        before: Pos,
        [epochs, deployment_epochs]: [Vec<Epoch>; 2],
    ) -> anyhow::Result<Self> {
        let mut tx = store.snapshot().await?;
        let (mut last, mut recorded) = (None, EpochMs::ZERO);
        if let Some(pos) = before.get().checked_sub(1).map(Pos::new) {
            last = reader::facts_in(&mut tx, log, pos, 1).await?.pop();
            let found = reader::recorded_in(&mut tx, log, &[pos]).await?;
            recorded = found.get(&pos).copied().unwrap_or(recorded);
        }
        let facts = last.and_then(|entry| entry.facts);
        let facts = facts.and_then(|bytes| EntryFacts::decode(bytes.as_slice()).ok());
        let deployment = facts.map_or(Pos::ZERO, |facts| Pos::new(facts.deployment_size));
        let zone =
            directory::rows::zone(&mut tx, log).await?.context("the centre's time zone is not known")?;
        let own = directory::rows::advance(&mut tx, log, None, before).await?;
        let deployed = directory::rows::advance(&mut tx, LogId::DEPLOYMENT, None, deployment).await?;
        tx.rollback().await?;
        Ok(Self {
            store: store.clone(),
            log,
            at: AsOf { pos: before, deployment },
            recorded,
            zone,
            epochs,
            deployment_epochs,
            own,
            deployment: deployed,
        })
    }

    /// The epoch that the position is in, and the size of its tree there.
    pub(in crate::cli) fn tree(&self) -> anyhow::Result<(&Epoch, u64)> {
        let epoch = self.epochs.iter().rev().find(|epoch| epoch.base <= self.at.pos);
        let epoch = epoch.context("the log has no epoch")?;
        Ok((epoch, self.at.pos.get() - epoch.base.get()))
    }

    /// The people whose days there may be: whoever was ever assigned here, of a department or of all.
    pub(in crate::cli) fn people(&self, department: Option<&DepartmentId>) -> BTreeSet<String> {
        let assigned = self.own.assigned().into_iter();
        assigned.filter(|person| self.is_of(person, department)).map(str::to_owned).collect()
    }

    /// Is a person of a department, if one is asked for? Nobody is of none.
    pub(in crate::cli) fn is_of(&self, person: &str, department: Option<&DepartmentId>) -> bool {
        department.is_none_or(|code| self.deployment.is_of(person, code.as_str()))
    }

    /// The instants from the beginning of the first day until before the end of the last.
    pub(in crate::cli) fn during(&self, (from, until): (EpochDay, EpochDay)) -> (EpochMs, EpochMs) {
        (self.zone.start_of(from), self.zone.start_of(until.plus_days(1)))
    }
}

/// Derives what is not derived yet, or waits for whoever does.
async fn derived(desk: &Desk, log: LogId, before: Pos) -> anyhow::Result<()> {
    let folder = Folder::new(desk.store().clone(), derivation::registered(desk.ledger().clone()));
    for _ in 0..TIMES {
        if folded_before(desk.store(), log).await? >= before {
            return Ok(());
        }
        match folder.catch_up(log).await? {
            Folded::CaughtUp | Folded::More => {}
            Folded::Busy => tokio::time::sleep(AGAIN).await,
            Folded::Standing => bail!("results are derived by rules that this version does not know"),
        }
    }
    bail!("results have not come to the end of the log (NOT_DERIVED_YET): try again")
}

/// Day results as they stand at a moment, by person and date, page by page.
#[derive(Debug)]
pub(in crate::cli) struct Days<'a> {
    moment: &'a Moment,
    walk: Walk,
}

impl<'a> Days<'a> {
    /// Of everybody, or of a department; the first and the last day are included.
    pub(in crate::cli) fn new(
        moment: &'a Moment,
        dates: (EpochDay, EpochDay),
        department: Option<&DepartmentId>,
    ) -> Self {
        Self { moment, walk: Walk::new(moment.people(department), dates, None) }
    }

    /// The next days; none at the end.
    pub(in crate::cli) async fn next(&mut self) -> anyhow::Result<Vec<DayResult>> {
        let Moment { store, log, at, zone, epochs, deployment_epochs, .. } = self.moment;
        loop {
            let keys = self.walk.next(LOOK);
            if keys.is_empty() {
                return Ok(Vec::new());
            }
            let mut items = newest(store, *log, DAY, &keys, at.pos).await?;
            items.retain(|item| matches!(item.body, Body::Content(_)));
            if items.is_empty() {
                continue;
            }
            let telling = Telling { own: epochs, deployment: deployment_epochs, zone };
            return Ok(telling.day_results(&items));
        }
    }
}
