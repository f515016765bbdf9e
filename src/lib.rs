//! Qinlian (勤廉): the register behind a government service centre's promises.
//!
//! # The rooms, in the order in which data flows
//!
//! 1. [`edge`]: the network. Limits, tokens before any body is read, health, reflection.
//! 2. [`access`]: who calls, what they may do; a [`Pass`](access::Pass) proves that a check was made.
//! 3. [`registers`]: a register's service parses a request once into a command of valid types and hands it to the
//! 4. [`ledger`]: bounded lanes, one transaction per batch, and only after COMMIT a receipt. It asks the registers, through
//!    [`ledger::port`], to load what a batch needs, to admit or refuse each command, and for their rows.
//! 5. [`tlog`]: the trees, notes and proofs that the ledger builds. Pure.
//! 6. [`results`]: what the facts mean, folded entry by entry behind the commits, and the feed of its revisions.
//! 7. [`witness`]: somebody outside who remembers.
//! 8. [`policy`]: the numbers by which attendance is judged, named and checked, in packs. Pure.
//! 9. [`store`] and [`kernel`]: the two databases, and the words that everybody uses.
//! 10. [`cli`], [`config`], [`clock`], [`telemetry`] (the log of the process), [`metrics`] (its figures): the program around
//!     it.
//!
//! Who may import whom is a table in `tests/it/tidy/imports.rs`.
//!
//! # The words
//!
//! *Fact*: something that happened or was declared; never changed. *Entry*: what one accepted command becomes, a leaf of
//! a log. *Part*: an entry's facts, or its personal content, which may be erased. *Position*: an entry's place in a log for
//! ever; its *index* is its place in the tree of an *epoch*. *Receipt*: the proof that an entry is in the tree.
//! *Disclosure*: the record of a read of personal content, without which it cannot be read. *Result*: what facts mean,
//! derived and revised, never written by hand.

pub mod access;
pub mod cli;
pub mod clock;
pub mod config;
pub mod edge;
pub mod kernel;
pub mod ledger;
pub mod metrics;
pub mod policy;
pub mod registers;
pub mod results;
pub mod store;
pub mod telemetry;
pub mod tlog;
pub mod witness;

/// Messages, services and the descriptor set, generated from `proto/`.
#[expect(
    missing_docs,
    clippy::allow_attributes,
    clippy::pedantic,
    unused_qualifications,
    reason = "generated; documented in the .proto files"
)]
pub mod proto;
