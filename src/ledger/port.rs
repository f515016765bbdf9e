//! What the ledger asks of the registers. It never learns what a fact means: an entry is bytes and commitments.

use std::future::Future;
use std::sync::Arc;

use super::leaf::PartType;
use super::part::Salt;
use crate::kernel::{CentreId, EpochMs, LogId, Pos, Reason, RequestId};
use crate::store::{Inserts, StoreError, Table, Tx};

/// A role grant that a caller's pass relied on, by where it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PassRef {
    /// The log that holds the grant.
    pub log: LogId,
    /// Its centre's code; `_` for the deployment's.
    pub centre: CentreId,
    /// The grant's position.
    pub pos: Pos,
}

/// Who gave a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The subject, or `server:<what>` for what the server writes itself.
    pub principal: String,
    /// The grant that allowed it; checked again inside the transaction.
    pub pass: Option<PassRef>,
}

/// A command as it is handed in.
#[derive(Debug, Clone)]
pub struct Submission<C> {
    /// The log that it is for.
    pub log: LogId,
    /// Unique per log for ever.
    pub request_id: RequestId,
    /// Who gave it.
    pub author: Author,
    /// What it is.
    pub command: C,
}

/// What the ledger needs to know of a command to recognise it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The command's kind, never the call's.
    pub kind: u16,
    /// The command's content, without request id or receipt view: equal bytes are the same command.
    pub content: Vec<u8>,
}

/// A place in a device's journal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// The device's code.
    pub device: String,
    /// The journal: the position of the device's enrolment.
    pub journal: Pos,
    /// The number in it.
    pub seq: u64,
}

/// What stands in a place of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occupied {
    /// The entry.
    pub pos: Pos,
    /// The keyed digest of the command; gone once a part was erased.
    pub digest: Option<[u8; 32]>,
}

/// What `admit` may look at besides the state.
#[derive(Debug)]
pub struct Context<'a> {
    /// The log.
    pub log: LogId,
    /// Its centre; `_` for the deployment.
    pub centre: &'a CentreId,
    /// The origin of the log's present epoch.
    pub origin: &'a str,
    /// The position of the first entry of that epoch.
    pub base: Pos,
    /// The position that the entry would get.
    pub pos: Pos,
    /// The time of the entry: never before the previous one.
    pub at: EpochMs,
    /// The recorded time of the previous entry.
    pub last: EpochMs,
    /// The size of the deployment log that the entry will name.
    pub deployment_size: u64,
    /// Who gave the command.
    pub author: &'a Author,
    /// 16 random bytes for an id that has to be minted.
    pub random: [u8; 16],
}

/// The answer of `admit`.
#[derive(Debug)]
pub enum Admission<D> {
    /// It becomes an entry.
    Accept(Draft<D>),
    /// It does not, and leaves nothing behind.
    Refuse(Arc<dyn Reason>),
}

/// An entry before it has commitments.
#[derive(Debug)]
pub struct Draft<D> {
    /// The kind that the leaf names.
    pub kind: u16,
    /// The caller's claim of when it happened.
    pub claimed: Option<EpochMs>,
    /// What it corrects, decides or erases.
    pub refers_to: Option<Pos>,
    /// Its parts; the first is the facts.
    pub parts: Vec<DraftPart>,
    /// Does it change the directory or the policy?
    pub changes_config: bool,
    /// A new centre whose log begins with it.
    pub opens: Option<CentreId>,
    /// Parts that it erases, in this log.
    pub erases: Vec<PartAt>,
    /// What the registers want to remember of it until its rows are written.
    pub detail: D,
}

/// A part before it has a salt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftPart {
    /// Facts or personal.
    pub part_type: PartType,
    /// Message id << 4 | major version.
    pub schema: u16,
    /// The bytes, stored as they are.
    pub payload: Vec<u8>,
}

/// A part by where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartAt {
    /// The entry.
    pub pos: Pos,
    /// The part's number in it.
    pub part: u32,
}

/// An entry that has its place; the registers' rows are a function of it.
#[derive(Debug)]
pub struct Placed<D> {
    /// The log.
    pub log: LogId,
    /// Its position.
    pub pos: Pos,
    /// When the server recorded it.
    pub recorded: EpochMs,
    /// The command's id.
    pub request_id: RequestId,
    /// The keyed digest of its command; `None` once erased.
    pub digest: Option<[u8; 32]>,
    /// The parts with their salts; a part that is gone is `None`.
    pub parts: Vec<Option<(Salt, DraftPart)>>,
    /// What `admit` made of it.
    pub detail: D,
}

/// What a facts part says when it is read back.
#[derive(Debug)]
pub struct Recalled<D> {
    /// What `admit` made of the entry.
    pub detail: D,
    /// Parts that it erases, in its log.
    pub erases: Vec<PartAt>,
    /// The size of the deployment log under which it was admitted.
    pub deployment_size: u64,
}

/// The registers, as the ledger sees them.
pub trait Rulebook: Send + Sync + 'static {
    /// Every command there is.
    type Command: Send + Sync + Clone + std::fmt::Debug + 'static;
    /// What the commands of one batch need to know.
    type State: Send;
    /// What is remembered of a draft.
    type Detail: Send + Sync + std::fmt::Debug + 'static;

    /// How a command is recognised again.
    fn identity(&self, command: &Self::Command) -> Identity;

    /// Loads what a batch needs, inside the locks: at most one statement per table.
    /// `config` names the heads' `config_pos`: what is cached for a log is valid while it has not moved.
    fn load(
        &self,
        tx: &mut Tx,
        config: &[ConfigAt],
        batch: &[(LogId, &Self::Command)],
    ) -> impl Future<Output = Result<Self::State, StoreError>> + Send;

    /// The journal place that a command claims, and what stands there.
    fn slot(
        &self,
        state: &Self::State,
        log: LogId,
        command: &Self::Command,
    ) -> Option<(Slot, Option<Occupied>)>;

    /// Does the grant that the author's pass relied on still hold?
    fn holds(&self, state: &Self::State, submission: &Submission<Self::Command>, at: EpochMs) -> bool;

    /// The rule: pure.
    fn admit(
        &self,
        state: &Self::State,
        context: &Context<'_>,
        command: &Self::Command,
    ) -> Admission<Self::Detail>;

    /// The record of a journal place that was claimed twice.
    fn conflict(
        &self,
        context: &Context<'_>,
        slot: &Slot,
        first: Pos,
        digest: [u8; 32],
    ) -> Draft<Self::Detail>;

    /// The time that a command vouches for, when it is the one that accepts a step of the server's clock.
    fn accepts_clock(&self, command: &Self::Command) -> Option<EpochMs>;

    /// Lets the next command of the batch see an entry.
    fn apply(&self, state: &mut Self::State, entry: &Placed<Self::Detail>);

    /// The registers' rows of an entry, personal parts included.
    fn rows(&self, entry: &Placed<Self::Detail>, inserts: &mut Inserts);

    /// What `rows` needs of an entry that stands: the same as `admit` made of it, read back from its facts part.
    /// `None` for bytes that are no facts part.
    fn recall(&self, kind: u16, facts: &[u8]) -> Option<Recalled<Self::Detail>>;

    /// The tables whose rows are a function of the entries: what an audit compares. The personal ones are not among
    /// them: their rows may be erased.
    fn tables(&self) -> &'static [&'static Table];

    /// The tables with personal parts.
    fn personal_tables(&self) -> &'static [&'static Table];

    /// A kind's stable code, for example `PUNCH`; `None` for a kind that this version does not know.
    fn kind_code(&self, kind: u16) -> Option<&'static str>;

    /// Writes what is not evidence (contact rows) with a commit, or about once a second without one.
    fn flush(&self, tx: &mut Tx) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Is there anything to flush?
    fn has_flush(&self) -> bool;

    /// The batch is durable: what was learned may be kept.
    fn committed(&self, state: Self::State);

    /// The batch is not, or may not be, durable: whatever is cached is dropped.
    fn dropped(&self);
}

/// Where a log's directory and policy stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigAt {
    /// The log.
    pub log: LogId,
    /// One past the last entry that changed them.
    pub config_pos: Pos,
    /// The position that the log's next entry gets: what is kept in memory of the log is whole up to here, or not.
    pub next_pos: Pos,
}
