//! What every service does the same way: let a caller in, submit and give a receipt, put a read on record.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::attendance::known::Known;
use super::audit;
use super::directory::Directory;
use super::directory::view::GrantView;
use super::failure::Failure;
use super::rulebook::{Command, Detail, Registers, author, log_of};
use super::wire::{self, timestamp};
use crate::access::{Caller, Grants, KeyThumbprint, Pass, Standing, Unavailable, Why};
use crate::clock::random;
use crate::kernel::{CentreId, Check, DeviceId, EpochMs, LogId, Pos, RequestId, Subject, Words};
use crate::ledger::Ledger;
use crate::ledger::committer::{Lane, Outcome, Reply};
use crate::ledger::disclosure::Disclosure;
use crate::ledger::leaf::Leaf;
use crate::ledger::port::{Author, ConfigAt, Rulebook, Submission};
use crate::ledger::reader::{Epoch, ReadError};
use crate::proto::access::Scope;
use crate::proto::{DisclosureFact, Fact, Receipt, ReceiptView, Reveal, Role, read, reveal};
use crate::store::Store;

/// A directory that was compared with its head this long ago is believed for a check of grants: 1 s. What this process
/// commits itself is seen at once; what another replica revokes, after at most this.
const GRANTS_FRESH_MS: u64 = 1_000;

/// The desk: the ledger, and the directories that its registers keep.
#[derive(Debug, Clone)]
pub struct Desk {
    ledger: Ledger<Registers>,
    compared: Arc<Mutex<HashMap<LogId, u64>>>,
}

/// The head of a write: centre, request id, receipt view.
pub type Head<'a> = (&'a str, &'a str, i32);

/// A caller who was let in, and where.
#[derive(Debug, Clone)]
pub struct Place {
    /// The proof that they may.
    pub pass: Pass,
    /// The centre.
    pub centre: CentreId,
    /// Its log.
    pub log: LogId,
    /// The log's directory.
    pub own: Arc<Directory>,
    /// The deployment's directory.
    pub deployment: Arc<Directory>,
}

/// A valid `reveal`: why personal fields are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revealed {
    /// For what.
    pub purpose: reveal::Purpose,
    /// In words.
    pub reason: Words,
}

impl Revealed {
    /// Parses a `reveal`; absent is absent.
    pub fn parse(check: &mut Check, reveal: Option<&Reveal>) -> Option<Self> {
        let reveal = reveal?;
        let purpose = wire::named(check, "reveal.purpose", reveal.purpose);
        let reason = check.take("reveal.reason", Words::parse(&reveal.reason));
        Some(Self { purpose: purpose?, reason: reason? })
    }
}

/// A command that stands in the log.
#[derive(Debug)]
pub struct Written {
    /// New, a repeat, or the record of a conflict.
    pub outcome: Outcome,
    /// The log.
    pub log: LogId,
    /// The entry's position.
    pub pos: Pos,
    /// The entry's index in the tree of `origin`.
    pub index: u64,
    /// The origin of its epoch.
    pub origin: String,
    /// When it was recorded.
    pub recorded: EpochMs,
    /// The leaf.
    pub leaf: Vec<u8>,
    /// What it says.
    pub facts: Vec<Fact>,
    /// Journal numbers of the device up to here had arrived; only when this call stored it.
    pub contiguous_through: Option<u64>,
    proof: Option<String>,
}

impl Desk {
    /// Opens.
    pub fn new(ledger: Ledger<Registers>) -> Self {
        Self { ledger, compared: Arc::default() }
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger<Registers> {
        &self.ledger
    }

    /// The registers.
    pub fn registers(&self) -> &Arc<Registers> {
        self.ledger.rulebook()
    }

    /// The database, for reads.
    pub fn store(&self) -> &Store {
        self.ledger.reader().store()
    }

    /// The time.
    pub fn now(&self) -> EpochMs {
        self.ledger.clock().now()
    }

    /// The directory of a log as of its newest entry.
    pub async fn directory(&self, log: LogId) -> Result<Arc<Directory>, ReadError> {
        let (head, _) = self.ledger.reader().head(log).await?;
        let directory = self.registers().directories.read(self.store(), log, head.config_pos).await?;
        let compared = self.ledger.clock().monotonic_ms();
        self.compared.lock().unwrap_or_else(PoisonError::into_inner).insert(log, compared);
        Ok(directory)
    }

    /// Brings into memory what every call needs, so that the first one does not wait for it.
    pub async fn warm(&self) -> Result<(), ReadError> {
        for (log, _) in self.ledger.reader().logs().await? {
            match self.warm_log(log).await {
                // It serves nobody, and keeps no other from being served: health says so.
                Ok(()) | Err(ReadError::Head(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn warm_log(&self, log: LogId) -> Result<(), ReadError> {
        self.directory(log).await?;
        self.devices(log).await?;
        Ok(())
    }

    /// What is known of a log's devices as of its newest entry, and the epoch of that entry.
    pub async fn devices(&self, log: LogId) -> Result<(Arc<Known>, Epoch), ReadError> {
        let (head, epoch) = self.ledger.reader().head(log).await?;
        let next_pos = Pos::new(epoch.base.get() + head.size);
        let at = ConfigAt { log, config_pos: head.config_pos, next_pos };
        Ok((self.registers().attendance.known(self.store(), at).await?, epoch))
    }

    /// Up to which journal number everything of a device has arrived.
    pub async fn through(&self, place: &Place, device: &DeviceId) -> Result<u64, Failure> {
        let Some(known) = place.own.device(device.as_str()) else { return Ok(0) };
        let (devices, _) = self.devices(place.log).await?;
        Ok(devices.through(device.as_str(), Pos::new(known.journal)))
    }

    /// The newest signed checkpoint of a log.
    pub async fn checkpoint(&self, log: LogId) -> Result<String, Failure> {
        let reader = self.ledger.reader();
        let (head, epoch) = reader.head(log).await?;
        let checkpoint = reader.checkpoint(log, head.epoch, head.size).await?;
        Ok(reader.note(log, &epoch.origin, &checkpoint)?)
    }

    /// The directory of a log, at most a second old as far as other replicas are concerned.
    async fn recent(&self, log: LogId) -> Result<Arc<Directory>, ReadError> {
        let now = self.ledger.clock().monotonic_ms();
        let compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner).get(&log).copied();
        let fresh = compared.is_some_and(|at| now.saturating_sub(at) < GRANTS_FRESH_MS);
        match self.registers().directories.kept(log) {
            Some(kept) if fresh => Ok(kept),
            _ => self.directory(log).await,
        }
    }

    /// Lets a caller into a centre (`_`: the deployment), with directories that are at most a second old.
    pub async fn enter(&self, caller: &Caller, centre: &CentreId) -> Result<Place, Failure> {
        let pass = caller.pass(self, self.now(), centre).await?;
        let deployment = self.recent(LogId::DEPLOYMENT).await?;
        let log = log_of(&deployment, centre).ok_or_else(|| match caller.rule().scope {
            // A terminal that is not where it says is denied wherever that is, also if it is nowhere.
            Scope::Device => caller.deny(Why::NotHere).into(),
            Scope::Unspecified | Scope::Deployment | Scope::Centre | Scope::Department | Scope::Person => {
                Failure::NotFound("centre")
            }
        })?;
        let own = if log == LogId::DEPLOYMENT { Arc::clone(&deployment) } else { self.recent(log).await? };
        Ok(Place { pass, centre: centre.clone(), log, own, deployment })
    }

    /// The same, with directories as of the newest entries: for calls that answer from them.
    pub async fn enter_to_read(&self, caller: &Caller, centre: &CentreId) -> Result<Place, Failure> {
        let mut place = self.enter(caller, centre).await?;
        place.deployment = self.directory(LogId::DEPLOYMENT).await?;
        place.own = if place.log == LogId::DEPLOYMENT {
            Arc::clone(&place.deployment)
        } else {
            self.directory(place.log).await?
        };
        Ok(place)
    }

    /// The directory of a centre for somebody who has no pass: nothing of it may be answered. `None`: no such centre.
    pub async fn unproven(&self, centre: &CentreId) -> Result<Option<(LogId, Arc<Directory>)>, Failure> {
        let deployment = self.recent(LogId::DEPLOYMENT).await?;
        let Some(log) = log_of(&deployment, centre) else { return Ok(None) };
        Ok(Some((log, self.recent(log).await?)))
    }

    /// System administrators never read content, whatever the call.
    pub fn may_reveal(&self, caller: &Caller, place: &Place) -> Result<(), Failure> {
        if place.pass.grant().role == Role::Administrator {
            return Err(caller.deny(Why::AdministratorReads).into());
        }
        Ok(())
    }

    /// Puts a read of personal content on record, and only then gives the proof that every function asks for which
    /// reads it. A feed that is polled has a session instead ([`audit::service::reads`]).
    pub async fn disclose(
        &self,
        caller: &Caller,
        place: &Place,
        scope: &str,
        reveal: &Revealed,
    ) -> Result<Disclosure, Failure> {
        self.may_reveal(caller, place)?;
        let fact = DisclosureFact {
            kind: read::Kind::Read.into(),
            rpc: caller.rule().method.clone(),
            purpose: reveal.purpose.into(),
            scope: scope.to_owned(),
            session: Vec::new(),
            until_ms: 0,
        };
        let command = audit::fact::Command::Disclose { fact, reason: reveal.reason.clone() };
        let submission = Submission {
            log: place.log,
            request_id: RequestId::random(random(&**self.ledger.clock())),
            author: author(&place.pass),
            command: command.into(),
        };
        Ok(self.ledger.disclose(submission).await?)
    }

    /// Submits what `parsed` makes of a caller's request: everything that is wrong with it is told at once.
    pub async fn ask<C: Into<Command>>(
        &self,
        caller: &Caller,
        (centre, request_id, view): Head<'_>,
        parsed: impl FnOnce(&mut Check) -> Option<C>,
    ) -> Result<(Place, Written), Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, centre);
        let id = wire::request_id(&mut check, request_id);
        let command = parsed(&mut check);
        check.done()?;
        let (Some(centre), Some(id), Some(command)) = (centre, id, command) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.enter(caller, &centre).await?;
        let written = self.write(&place, id, command, Lane::Live, wire::view(view)).await?;
        Ok((place, written))
    }

    /// Submits a caller's command and waits until it stands in the log.
    pub async fn write(
        &self,
        place: &Place,
        request_id: RequestId,
        command: impl Into<Command>,
        lane: Lane,
        view: ReceiptView,
    ) -> Result<Written, Failure> {
        self.submit(place.log, request_id, author(&place.pass), command.into(), lane, view).await
    }

    /// Submits a command of anybody's: of the server itself, or of the command line.
    pub async fn submit(
        &self,
        log: LogId,
        request_id: RequestId,
        author: Author,
        command: Command,
        lane: Lane,
        view: ReceiptView,
    ) -> Result<Written, Failure> {
        let reply = self.ledger.submit(Submission { log, request_id, author, command }, lane).await?;
        self.written(reply, view).await
    }

    /// What an answer of the committer says, with the proof if the view asks for it.
    pub async fn written(&self, reply: Reply<Detail>, view: ReceiptView) -> Result<Written, Failure> {
        let Some((entry, tree)) = &reply.fresh else {
            return self.stored(reply.outcome, reply.log, reply.pos, view).await;
        };
        let full = view != ReceiptView::Compact;
        let proof =
            if full { Some(tree.proof(entry.index).map_err(|_| Failure::Fault("PROOF"))?) } else { None };
        Ok(Written {
            outcome: reply.outcome,
            log: reply.log,
            pos: reply.pos,
            index: entry.index,
            origin: tree.origin.clone(),
            recorded: entry.placed.recorded,
            leaf: entry.leaf.clone(),
            facts: entry.placed.detail.facts.clone(),
            contiguous_through: entry.placed.detail.contiguous_through,
            proof,
        })
    }

    /// An entry that stood before.
    pub async fn stored(
        &self,
        outcome: Outcome,
        log: LogId,
        pos: Pos,
        view: ReceiptView,
    ) -> Result<Written, Failure> {
        let reader = self.ledger.reader();
        let epoch = reader.epoch_of(log, pos).await?;
        let entry = reader.entries(log, &[pos]).await?.pop().ok_or(Failure::NotFound("entry"))?;
        let leaf = Leaf::decode(&entry.leaf).map_err(|_| Failure::Fault("LEAF"))?;
        let facts = entry
            .facts
            .and_then(|(_, facts)| self.registers().recall(leaf.kind, &facts))
            .map(|recalled| recalled.detail.facts)
            .unwrap_or_default();
        let proof = match view {
            ReceiptView::Compact => None,
            ReceiptView::Full | ReceiptView::Unspecified => Some(reader.receipt_proof(log, pos).await?),
        };
        Ok(Written {
            outcome,
            log,
            pos,
            index: leaf.index,
            origin: epoch.origin,
            recorded: leaf.recorded,
            leaf: entry.leaf,
            facts,
            contiguous_through: None,
            proof,
        })
    }
}

impl Written {
    /// The receipt.
    pub fn receipt(&self, centre: &CentreId) -> Receipt {
        Receipt {
            origin: self.origin.clone(),
            centre: centre.as_str().to_owned(),
            entry_index: self.index,
            recorded_at: Some(timestamp(self.recorded)),
            leaf: self.leaf.clone(),
            proof: self.proof.clone().unwrap_or_default(),
        }
    }
}

impl Grants for Desk {
    async fn grants_of(&self, subject: &Subject, centre: &CentreId) -> Result<Vec<GrantView>, Unavailable> {
        let deployment = self.recent(LogId::DEPLOYMENT).await.map_err(|_| Unavailable)?;
        let mut grants = deployment.grants(LogId::DEPLOYMENT, &CentreId::deployment(), subject);
        if let Some((log, _)) = deployment.centre(centre) {
            let own = self.recent(log).await.map_err(|_| Unavailable)?;
            grants.extend(own.grants(log, centre, subject));
        }
        Ok(grants)
    }

    async fn standing(
        &self,
        device: &DeviceId,
        key: Option<&KeyThumbprint>,
        centre: &CentreId,
    ) -> Result<Standing, Unavailable> {
        let deployment = self.recent(LogId::DEPLOYMENT).await.map_err(|_| Unavailable)?;
        let Some((log, _)) = deployment.centre(centre) else { return Ok(Standing::Good) };
        let own = self.recent(log).await.map_err(|_| Unavailable)?;
        Ok(match own.device(device.as_str()) {
            Some(known) if known.revoked => Standing::Revoked,
            Some(known) if key.is_some_and(|key| *key != KeyThumbprint::of(&known.public_key)) => {
                Standing::AnotherKey
            }
            Some(_) | None => Standing::Good,
        })
    }
}
