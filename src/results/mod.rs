//! Results: what the facts mean, as a fold over a log's entries, and the feed of its revisions.
//!
//! The mechanism alone; what is derived, from what and under which rules, is behind [`Derivation`]. Because everything
//! that decides a result is in the log (its entries, their recorded times, the deployment entries that they name), the
//! revisions are a function of the log's prefix: the same on both databases, for every size of chunk, after every
//! restart, whichever replica folds, and again after everything was deleted.
//!
//! In the order in which data flows:
//! 1. [`port`](Derivation): what an entry touches, how a key is derived, where the entries come from;
//! 2. `place`, `tables`, `head` and `rows`: how far a log is folded, and the three tables;
//! 3. `plan`: the next chunk's steps, and every key that they can need;
//! 4. `fold`: the chunk itself, in memory, pure;
//! 5. `chunk`: one transaction around the two;
//! 6. [`Runner`]: one task per process, which folds what is not folded and asks for time to be put on record;
//! 7. [`page`]: the revisions of one room, page by page, with a cursor; [`newest`]: single results, as they stand;
//!    [`waiting`]: what waits for a register's clocks;
//! 8. `audit`: the same fold again, in memory, against what the tables say.

mod audit;
mod book;
mod chunk;
mod cursor;
mod feed;
mod figures;
mod fold;
mod head;
mod newest;
mod place;
mod plan;
mod port;
mod rows;
mod runner;
mod tables;
mod waiting;

pub use audit::{Audited, Difference};
pub use chunk::{FoldError, Folded, Folder};
pub use cursor::{Cursor, CursorError};
pub use feed::{FeedError, Filter, Item, Page, Query, page};
pub use figures::Figures;
pub use newest::{folded_before, newest};
pub use place::{AsOf, Feed};
pub use port::{
    Body, ClockName, Derivation, Derived, FoldEntry, Key, Lineage, Moment, RangeAt, Reach, Room, Touched,
    Wait,
};
pub use runner::{Runner, RunnerHandle};
pub use tables::{HEAD, REVISION, WAIT};
pub use waiting::{Waiting, waiting};

use crate::store::Statement;

/// Every text that is sent, so that a test can prepare each on both databases.
pub fn statements() -> impl Iterator<Item = &'static Statement> {
    let reads = feed::STATEMENTS.iter().chain(newest::STATEMENTS).chain(waiting::STATEMENTS);
    head::STATEMENTS.iter().chain(rows::STATEMENTS).chain(reads).chain(audit::STATEMENTS).copied()
}
