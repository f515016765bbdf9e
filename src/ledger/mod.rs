//! The ledger: every accepted command becomes one entry of a signed Merkle log, in one transaction with its rows.
//!
//! It never learns what a fact means: an entry is bytes and commitments ([`port`] says what it asks of the registers).
//! In the order data flows: a [`port::Submission`] waits in a lane of the [`committer`]; `commit` and `judge` make it
//! an entry; `signature` and [`anchor`] come after COMMIT; [`reader`] proves it afterwards.

pub mod anchor;
mod batch;
pub mod bundle;
pub mod check;
pub mod cleanup;
mod commit;
pub mod committer;
pub mod cosig;
pub mod disclosure;
pub mod erase;
pub mod faults;
mod figures;
pub mod guard;
pub mod head;
pub mod health;
mod judge;
pub mod keys;
pub mod lanes;
pub mod leaf;
#[expect(clippy::module_inception, reason = "the room's front door has the room's name")]
mod ledger;
pub mod part;
pub mod port;
pub mod reader;
mod requests;
pub mod restore;
pub mod setup;
pub mod signature;
pub mod standing;
pub mod tables;
mod tiles;
pub mod verify;
mod walk;

pub use batch::{BatchTree, Entry, request_seal};
pub use ledger::{Ledger, Parts};
pub use requests::KnownRequest;
