//! Witnesses: somebody outside the operator who remembers how far a log was, and cosigns only what grows from there.
//!
//! Both sides of c2sp.org/tlog-witness. [`Witness`] is the one who cosigns: own key, own memory, no database; over HTTP
//! ([`server`]) or by files ([`drop`]). [`client`] asks witnesses for our logs and keeps what they say; it never holds
//! up a commit. The decision itself is pure and lives in `tlog`.

pub mod client;
pub mod drop;
pub mod key;
pub mod server;
mod state;
#[expect(clippy::module_inception, reason = "the one who cosigns has the room's name")]
mod witness;

pub use witness::{Answer, Witness, WitnessFault, WitnessOptions, origin_hash};
