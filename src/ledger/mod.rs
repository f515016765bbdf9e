//! The ledger: every accepted command becomes one entry of a signed Merkle log, in one transaction with its rows.
//!
//! It never learns what a fact means: an entry is bytes and commitments (`port` says what it asks of the registers).

// head
pub mod keys;
pub mod leaf;
pub mod part;
pub mod port;
pub mod tables;
