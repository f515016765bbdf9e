//! What the fold asks of the rulebook. It never learns what a fact or a result means: both are bytes.

use std::future::Future;
use std::ops::RangeInclusive;

use super::AsOf;
use crate::kernel::{EpochMs, LogId, Pos};
use crate::store::{StoreError, Tx};

/// A kind of result with a feed of its own: device states, presence, day results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Room(u16);

impl Room {
    /// A room; its number is stored, so it is never used for something else.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// As a column.
    pub fn column(self) -> i64 {
        i64::from(self.0)
    }

    /// From a column.
    pub fn from_column(value: i64) -> Option<Self> {
        u16::try_from(value).ok().map(Self)
    }
}

/// What one result is about: a device, a person's day. Ordered by room, then by bytes, as both databases order them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The room.
    pub room: Room,
    /// The key in it, as the register spells it. Facts may hold it, so it says nothing to strangers.
    pub bytes: Vec<u8>,
}

impl Key {
    /// A key.
    pub fn new(room: Room, bytes: impl Into<Vec<u8>>) -> Self {
        Self { room, bytes: bytes.into() }
    }
}

/// Something that only goes forward, and that results wait for: time, or how far a device's records reach.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClockName(String);

impl ClockName {
    /// The ledger's time: every entry advances it to its recorded time.
    pub const TIME: &'static str = "time";

    /// The ledger's time.
    pub fn time() -> Self {
        Self(Self::TIME.to_owned())
    }

    /// A clock of a register, for example `coverage:hall-1`.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Is this the ledger's time?
    pub fn is_time(&self) -> bool {
        self.0 == Self::TIME
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A reason to derive a key again: the clock reaches the threshold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wait {
    /// What it waits for.
    pub clock: ClockName,
    /// Milliseconds since 1970 for time and for coverage.
    pub threshold: i64,
}

impl Wait {
    /// Waits for an instant.
    pub fn until(instant: EpochMs) -> Self {
        Self { clock: ClockName::time(), threshold: instant.get() }
    }

    /// Waits for a clock of a register.
    pub fn reached(clock: ClockName, threshold: i64) -> Self {
        Self { clock, threshold }
    }
}

/// An entry as the fold reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldEntry {
    /// The log that holds it: the one that is folded, or the deployment's.
    pub log: LogId,
    /// Its position.
    pub pos: Pos,
    /// The kind that its leaf names.
    pub kind: u16,
    /// When the server recorded it.
    pub recorded: EpochMs,
    /// Its facts part; `None` when it was erased.
    pub facts: Option<Vec<u8>>,
    /// The size of the deployment log under which it was admitted; `None` when that was erased with the facts: then the
    /// same as for the entry before.
    pub deployment: Option<Pos>,
    /// From this entry on results are derived by this version of the rules: a RULES fact.
    pub rules: Option<u32>,
}

/// What an entry means for results.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Touched {
    /// Keys to derive again: a handful.
    pub keys: Vec<Key>,
    /// Sets of very many keys, to be expanded page by page; in the order in which they are to be derived.
    pub ranges: Vec<Vec<u8>>,
    /// Clocks that it advances, and to what. Time advances by itself.
    pub advances: Vec<(ClockName, i64)>,
}

/// What a result says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Codes and numbers; sentences are rendered when read.
    Content(Vec<u8>),
    /// There is no result, or no longer one.
    Nothing,
    /// It would have to be made from facts that were erased.
    Erased,
}

/// A key, derived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// What it says.
    pub body: Body,
    /// When to look again: these replace the key's earlier waits. A wait for time must be later than the moment's `at`;
    /// one that is not has nothing new to tell and is dropped.
    pub waits: Vec<Wait>,
}

/// The moment for which a key is derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The log.
    pub log: LogId,
    /// What has been seen.
    pub as_of: AsOf,
    /// The ledger's time.
    pub at: EpochMs,
}

/// A page of a range that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct RangeAt<'a> {
    /// The log.
    pub log: LogId,
    /// The range, as [`Touched::ranges`] named it.
    pub range: &'a [u8],
    /// The state in which it is to be expanded.
    pub as_of: AsOf,
    /// Only keys after this one.
    pub after: Option<&'a Key>,
    /// At most this many keys.
    pub limit: usize,
}

/// Which rules a log is under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lineage {
    /// The version of the newest RULES fact that the log has seen, or of its beginning.
    pub rules: u32,
    /// The state just before the entry that brought this version: where a fold begins that only knows this version.
    /// [`AsOf::ZERO`] when the log has never been under another one.
    pub since: AsOf,
    /// The newest entry of the log that erased a facts part.
    pub erased: Option<Pos>,
}

/// How far a log reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// The log.
    pub log: LogId,
    /// One past its last entry.
    pub next_pos: Pos,
    /// The deployment's directory, policy or rules have moved past what the last entry names: the instant that a TICK
    /// should name so that results hear of it.
    pub moved: Option<EpochMs>,
}

/// The rulebook, as the fold sees it.
pub trait Derivation: Send + Sync + 'static {
    /// What deriving the keys of one chunk needs.
    type Rows: Send + Sync;

    /// The version of the rules.
    fn rules(&self) -> u32;

    /// What an entry touches in the results of `log`: pure. `during` goes from the ledger's time before the entry, zero
    /// before the first, to its own: what begins by itself between the two (a day) is touched too.
    fn touched(&self, log: LogId, entry: &FoldEntry, during: RangeInclusive<EpochMs>) -> Touched;

    /// The next keys of a range, in the order of keys; fewer than the limit when there are no more. A function of the
    /// state alone.
    fn expand(
        &self,
        tx: &mut Tx,
        page: RangeAt<'_>,
    ) -> impl Future<Output = Result<Vec<Key>, StoreError>> + Send;

    /// Everything that deriving any of these keys in any state from `from` to `until` can need: at most one statement per
    /// table.
    fn load(
        &self,
        tx: &mut Tx,
        log: LogId,
        keys: &[Key],
        states: RangeInclusive<AsOf>,
    ) -> impl Future<Output = Result<Self::Rows, StoreError>> + Send;

    /// What a key is at a moment: pure, and blind to rows that the moment has not seen.
    fn derive(&self, rows: &Self::Rows, key: &Key, moment: &Moment) -> Derived;

    /// Up to `limit` entries of a log from a position on, in order.
    fn entries(
        &self,
        tx: &mut Tx,
        log: LogId,
        from: Pos,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<FoldEntry>, StoreError>> + Send;

    /// Which rules a log is under.
    fn lineage(&self, tx: &mut Tx, log: LogId) -> impl Future<Output = Result<Lineage, StoreError>> + Send;

    /// Every log, and how far it reaches: one question for all.
    fn reach(&self) -> impl Future<Output = Result<Vec<Reach>, StoreError>> + Send;

    /// Has `TICK{due}` submitted, without waiting for it. `admit` refuses what is early or not needed.
    fn tick(&self, log: LogId, due: EpochMs);
}
