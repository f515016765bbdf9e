//! After a restore: an older copy of the database goes on as a new epoch, deliberately and on record.
//!
//! A log that is behind what this replica saw, or another history, is never built on (`commit`). Here somebody decides
//! to: the old tree ends where the copy ends, a new tree with an origin of its own begins, and its first entry names
//! both the old checkpoint and the newest one that is known. Receipts of the old tree still verify; what was lost is
//! listed. Erasures whose entries were lost are carried out again, on record, in the same transaction. Everything else
//! goes on by position. The server must not run meanwhile.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::anchor::{Anchor, Anchored};
use super::batch::{OpenLog, Request};
use super::commit::{HEADS, HeadRow, LOCK_HEADS, read_head};
use super::erase::{self, Erased, Erasures};
use super::head::{Head, HeadFault, checkpoint_seal};
use super::keys::Keys;
use super::ledger::due;
use super::port::{Admission, Author, ConfigAt, Context, PartAt, Rulebook};
use super::reader::{Epoch, ReadError, Reader};
use super::setup::origin;
use super::standing::{Standing, standing};
use super::tables;
use crate::clock::{Clock, random};
use crate::kernel::{CentreId, EpochMs, LogId, Pos, Reason, RequestId};
use crate::store::{Binds, Inserts, Keys as KeySet, Statement, Store, StoreError, Tx};
use crate::tlog::Hash;

/// What a restore is made of: as for the ledger, and nobody else has them meanwhile.
#[derive(Debug)]
pub struct Restore<'a, R> {
    /// The database, an older copy.
    pub store: &'a Store,
    /// The keys.
    pub keys: Arc<Keys>,
    /// Time and randomness.
    pub clock: &'a dyn Clock,
    /// The registers.
    pub rulebook: &'a R,
    /// What this replica saw last.
    pub anchor: &'a Anchor,
    /// What was ever erased.
    pub erasures: &'a Erasures,
    /// Checkpoints that somebody else knows, a witness for example: origin, size, root.
    pub witnessed: &'a [(String, Anchored)],
    /// The name that origins begin with.
    pub deployment: &'a str,
}

/// Which logs go on as a new epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those that are behind what is known, or another history.
    Behind,
    /// These, whatever is known.
    Named(Vec<CentreId>),
}

/// A log that went on as a new epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The log.
    pub log: LogId,
    /// Its centre.
    pub centre: CentreId,
    /// The new epoch.
    pub epoch: u32,
    /// The position of its first entry.
    pub base: Pos,
    /// Its origin.
    pub origin: String,
    /// The origin of the epoch that ended.
    pub old_origin: String,
    /// The size and root with which it ended.
    pub old: Anchored,
    /// The newest of its checkpoints that is known; the same as `old` when nothing newer is.
    pub known: Anchored,
    /// Does the copy have another history than what is known?
    pub forked: bool,
    /// Indexes of the old tree whose entries were lost.
    pub lost: Range<u64>,
    /// Epochs that the copy never had: they were lost whole.
    pub lost_epochs: Vec<(String, Anchored)>,
    /// Parts that were erased again.
    pub erased_again: Vec<PartAt>,
}

/// Why no log, or no further one, was adopted.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The database cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A head that is not ours is no older copy: nothing is built on it.
    #[error("the log of {centre} cannot be adopted: {fault}")]
    Head {
        /// Whose log.
        centre: CentreId,
        /// What is wrong with it.
        fault: HeadFault,
    },
    /// The registers refuse the first entry.
    #[error("the first entry of the epoch was refused: {}", .0.code())]
    Refused(Arc<dyn Reason>),
    /// The head moved meanwhile: a server is running.
    #[error("the head moved meanwhile: stop every server first")]
    Moved,
    /// The anchor or the list of erasures cannot be written.
    #[error("the anchor cannot be written: {0}")]
    Anchor(#[from] std::io::Error),
}

impl From<StoreError> for RestoreError {
    fn from(error: StoreError) -> Self {
        Self::Read(error.into())
    }
}

static RESTART_HEAD: Statement = Statement::new(
    "UPDATE ledger_head SET epoch = $2, size = $3, edge = $4, root = $5, last_ms = $6, config_pos = $7, seal = $8 \
     WHERE log_id = $1 AND seal = $9",
);

/// A log as the copy has it, and what is known of it.
struct Found {
    row: HeadRow,
    head: Head,
    seal: [u8; 32],
    epochs: Vec<Epoch>,
    known: Anchored,
    forked: bool,
}

/// Lets the logs of an older copy go on as new epochs; the deployment's first. `begin` makes the command of the first
/// entry, `again` the one that erases again.
pub async fn adopt_restore<R: Rulebook>(
    restore: &Restore<'_, R>,
    which: &Which,
    author: &Author,
    begin: impl Fn(&Adopted) -> R::Command,
    again: impl Fn(&[PartAt]) -> R::Command,
) -> Result<Vec<Adopted>, RestoreError> {
    let reader = Reader::new(restore.store.clone(), Arc::clone(&restore.keys));
    let mut adopted = Vec::new();
    for (log, centre) in reader.logs().await? {
        if matches!(which, Which::Named(named) if !named.contains(&centre)) {
            continue;
        }
        let Some(found) = restore.look(&reader, log, &centre, which).await? else { continue };
        let mut plan = restore.plan(&centre, &found);
        plan.erased_again = restore.lost_erasures(&reader, &found, &plan).await?;
        restore.begin(&found, &plan, author, &begin, &again).await?;
        adopted.push(plan);
    }
    Ok(adopted)
}

impl<R: Rulebook> Restore<'_, R> {
    /// The log, if it is to be adopted.
    async fn look(
        &self,
        reader: &Reader,
        log: LogId,
        centre: &CentreId,
        which: &Which,
    ) -> Result<Option<Found>, RestoreError> {
        let bad = |fault| RestoreError::Head { centre: centre.clone(), fault };
        let binds = Binds::new().keys(KeySet::ints([log.column()]));
        let row = self.store.fetch(&HEADS, binds, read_head).await?.pop();
        let row = row.ok_or(bad(HeadFault::Missing))?;
        let head = row.stored.open(&self.keys, &row.centre, row.base, &row.origin).map_err(bad)?;
        let seal = head.seal(&self.keys, &row.centre, row.base, &row.origin);
        let own = Anchored { size: head.size, root: head.root };
        let others = self.witnessed.iter().filter(|(origin, _)| *origin == row.origin).map(|(_, at)| *at);
        let known: Vec<Anchored> = self.anchor.seen(&row.origin).into_iter().chain(others).collect();
        let mut forked = false;
        for at in &known {
            forked |= at.size <= head.size && !self.is_history(reader, &head, *at).await?;
        }
        let newest = known.into_iter().max_by_key(|at| at.size).unwrap_or(own);
        let later = self.anchor.seen(&origin(self.deployment, centre, head.epoch + 1)).is_some();
        let behind = forked || later || newest.size > head.size;
        if !behind && *which == Which::Behind {
            return Ok(None);
        }
        let known = if newest.size > head.size || forked { newest } else { own };
        let epochs = reader.epochs(log).await?;
        Ok(Some(Found { row, head, seal, epochs, known, forked }))
    }

    /// Is this checkpoint one of the copy's own?
    async fn is_history(&self, reader: &Reader, head: &Head, at: Anchored) -> Result<bool, RestoreError> {
        if at.size == 0 {
            return Ok(true);
        }
        match reader.checkpoint(head.log, head.epoch, at.size).await {
            Ok(checkpoint) => Ok(checkpoint.root == at.root),
            Err(ReadError::Checkpoint) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    fn plan(&self, centre: &CentreId, found: &Found) -> Adopted {
        let head = &found.head;
        // An origin that was ever signed for is another tree's: its number is not used again.
        let unused = |epoch: &u32| {
            let origin = origin(self.deployment, centre, *epoch);
            let witnessed = self.witnessed.iter().any(|(known, _)| *known == origin);
            self.anchor.seen(&origin).is_none() && !witnessed
        };
        let epoch = (head.epoch + 1..u32::MAX).find(unused).unwrap_or(head.epoch + 1);
        let lost_epochs = (head.epoch + 1..epoch).filter_map(|lost| {
            let origin = origin(self.deployment, centre, lost);
            self.anchor.seen(&origin).map(|seen| (origin, seen))
        });
        Adopted {
            log: head.log,
            centre: centre.clone(),
            epoch,
            base: Pos::new(found.row.base.get() + head.size),
            origin: origin(self.deployment, centre, epoch),
            old_origin: found.row.origin.clone(),
            old: Anchored { size: head.size, root: head.root },
            known: found.known,
            forked: found.forked,
            lost: head.size..found.known.size.max(head.size),
            lost_epochs: lost_epochs.collect(),
            erased_again: Vec::new(),
        }
    }

    /// Parts that the copy has or had, and that were erased by entries that it lacks.
    async fn lost_erasures(
        &self,
        reader: &Reader,
        found: &Found,
        plan: &Adopted,
    ) -> Result<Vec<PartAt>, RestoreError> {
        let mut epochs = found.epochs.clone();
        epochs.push(Epoch { epoch: plan.epoch, base: plan.base, origin: plan.origin.clone() });
        let due = due(reader, self.erasures, self.anchor, plan.log, &epochs).await?;
        let on_record: BTreeSet<PartAt> =
            due.iter().filter(|(_, stands)| *stands).map(|(line, _)| line.part).collect();
        let lost: BTreeSet<PartAt> = due.iter().map(|(line, _)| line.part).collect();
        let lost: Vec<PartAt> = lost.difference(&on_record).copied().collect();
        let mut tx = self.store.snapshot().await?;
        let standing = standing(&mut tx, self.rulebook.personal_tables(), plan.log, &lost).await?;
        tx.rollback().await?;
        // A part that this history never had is not erased in it.
        let had = |part: &PartAt| matches!(standing.get(part), Some(Standing::Here | Standing::Gone));
        Ok(lost.into_iter().filter(had).collect())
    }

    /// Ends the old epoch and begins the new one, in one transaction.
    async fn begin(
        &self,
        found: &Found,
        plan: &Adopted,
        author: &Author,
        begin: &impl Fn(&Adopted) -> R::Command,
        again: &impl Fn(&[PartAt]) -> R::Command,
    ) -> Result<(), RestoreError> {
        let mut tx = self.store.begin().await?;
        let binds = Binds::new().keys(KeySet::ints([plan.log.column()]));
        tx.fetch(&LOCK_HEADS, binds, read_head).await?.pop().ok_or(RestoreError::Moved)?;
        let deployment = self.deployment(&mut tx).await?;
        let mut inserts = Inserts::new();
        self.epoch_rows(found, plan, &mut inserts);
        let empty = Head::empty(plan.log, plan.epoch, found.head.last, found.head.config_pos);
        empty.insert_checkpoint(&self.keys, &mut inserts);
        let mut open = OpenLog::new(plan.centre.clone(), plan.base, plan.origin.clone(), empty);
        let mut erased = Vec::new();
        let server = Author { principal: "server:restore".to_owned(), pass: None };
        let mut commands = vec![(begin(plan), author)];
        if !plan.erased_again.is_empty() {
            commands.push((again(&plan.erased_again), &server));
        }
        for (command, author) in commands {
            let by = self.place(&mut tx, &mut open, &deployment, author, command, &mut inserts).await?;
            erased.extend(by);
        }
        let tree = open.close();
        open.head.insert_checkpoint(&self.keys, &mut inserts);
        tx.insert(inserts).await?;
        for of in &erased {
            let tables = self.rulebook.personal_tables();
            erase::delete(&mut tx, &self.keys, tables, of.log, &of.parts).await?;
        }
        if tx.execute(&RESTART_HEAD, self.restart(&open, found)).await? != 1 {
            return Err(RestoreError::Moved);
        }
        self.erasures.append(&erased)?;
        tx.commit().await?;
        self.rulebook.dropped();
        let head = (plan.origin.clone(), Anchored { size: tree.size, root: tree.root });
        self.anchor.advance(&[head], self.clock.monotonic_ms())?;
        tracing::warn!(
            code = "LEDGER_RESTORE_ADOPTED",
            centre = %plan.centre,
            epoch = plan.epoch,
            old_size = plan.old.size,
            known_size = plan.known.size,
            "an older copy goes on as a new epoch"
        );
        Ok(())
    }

    /// The new epoch; and as empty ones those whose origins were used by a history that this copy never had.
    fn epoch_rows(&self, found: &Found, plan: &Adopted, inserts: &mut Inserts) {
        for epoch in found.head.epoch + 1..=plan.epoch {
            let origin = origin(self.deployment, &plan.centre, epoch);
            let row = [plan.log.column().into(), epoch.into(), plan.base.column().into(), origin.into()];
            inserts.push(&tables::EPOCH, row);
            if epoch < plan.epoch {
                let root = empty_root();
                let seal = checkpoint_seal(&self.keys, plan.log, epoch, 0, &root);
                let (log, root, seal) = (plan.log.column().into(), root.0.into(), seal.into());
                inserts.push(&tables::CHECKPOINT, [log, epoch.into(), 0_i64.into(), root, seal]);
            }
        }
    }

    async fn deployment(&self, tx: &mut Tx) -> Result<(u64, ConfigAt), RestoreError> {
        let bad = |fault| RestoreError::Head { centre: CentreId::deployment(), fault };
        let binds = Binds::new().keys(KeySet::ints([LogId::DEPLOYMENT.column()]));
        let row = tx.fetch(&HEADS, binds, read_head).await?.pop().ok_or(bad(HeadFault::Missing))?;
        let head = row.stored.open(&self.keys, &row.centre, row.base, &row.origin).map_err(bad)?;
        let size = row.base.get() + head.size;
        let next_pos = Pos::new(size);
        Ok((size, ConfigAt { log: LogId::DEPLOYMENT, config_pos: head.config_pos, next_pos }))
    }

    /// Gives one command its place as an entry of the new epoch; what it erases.
    async fn place(
        &self,
        tx: &mut Tx,
        open: &mut OpenLog,
        (deployment_size, deployment): &(u64, ConfigAt),
        author: &Author,
        command: R::Command,
        inserts: &mut Inserts,
    ) -> Result<Option<Erased>, RestoreError> {
        let (log, pos) = (open.log(), open.next_pos());
        let own = ConfigAt { log, config_pos: open.head.config_pos, next_pos: pos };
        let state = self.rulebook.load(tx, &[own, *deployment], &[(log, &command)]).await?;
        let at = self.clock.now().max(open.head.last);
        let in_deployment = log == LogId::DEPLOYMENT;
        let context = Context {
            log,
            centre: &open.centre,
            origin: &open.origin,
            base: open.base,
            pos,
            at,
            last: open.head.last,
            deployment_size: if in_deployment { pos.get() } else { *deployment_size },
            author,
            random: random(self.clock),
        };
        let draft = match self.rulebook.admit(&state, &context, &command) {
            Admission::Accept(draft) => draft,
            Admission::Refuse(reason) => return Err(RestoreError::Refused(reason)),
        };
        let parts = draft.erases.clone();
        let request = self.request(&open.origin, author, &command);
        let entry = open
            .place(draft, &request, at, self.clock, &self.keys, inserts)
            .map_err(|_| StoreError::Inconsistent { table: "ledger_head", column: "size" })?;
        self.rulebook.rows(&entry.placed, inserts);
        let (origin, base) = (open.origin.clone(), open.base);
        Ok((!parts.is_empty()).then_some(Erased { log, origin, base, by: pos, parts }))
    }

    fn request(&self, origin: &str, author: &Author, command: &R::Command) -> Request {
        let identity = self.rulebook.identity(command);
        let hash = Sha256::new()
            .chain_update(b"qinlian/v1/restore\0")
            .chain_update(identity.kind.to_be_bytes())
            .chain_update(origin)
            .chain_update([0])
            .chain_update(&identity.content)
            .finalize();
        Request {
            id: RequestId::server_made(&hash.into()),
            principal: author.principal.clone(),
            kind: Some(identity.kind),
            digest: self.keys.command_digest(identity.kind, &identity.content),
        }
    }

    fn restart(&self, open: &OpenLog, found: &Found) -> Binds {
        let head = &open.head;
        Binds::new()
            .and(head.log.column())
            .and(head.epoch)
            .and(Pos::new(head.size).column())
            .and(head.edge.to_bytes())
            .and(head.root.0)
            .and(head.last.get())
            .and(head.config_pos.column())
            .and(head.seal(&self.keys, &open.centre, open.base, &open.origin))
            .and(found.seal)
    }
}

/// The root of a tree without entries, RFC 6962 §2.1.
fn empty_root() -> Hash {
    Head::empty(LogId::DEPLOYMENT, 1, EpochMs::ZERO, Pos::ZERO).root
}
