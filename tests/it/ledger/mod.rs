//! The ledger on both databases, under a toy rulebook: what it promises, case by case, and what is left of it after a
//! storm.
//!
//! A case is a sentence. It runs on a database of its own, once on SQLite and once on PostgreSQL, and the expected
//! values never depend on which. `whole` is the judge: it reads the tables by direct SQL and works everything out again
//! from the leaves.

mod rig;
mod toy;
mod whole;
mod words;

mod appends;
mod batches;
mod cancel;
mod clocks;
mod erasure;
mod faults;
mod figures;
mod histories;
mod once;
mod repeats;
mod replicas;
mod trust;
mod values;
