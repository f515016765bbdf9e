//! Qinlian (勤廉): the register behind a government service centre's promises.

pub mod access;
pub mod cli;
pub mod clock;
pub mod config;
pub mod edge;
pub mod kernel;
pub mod ledger;
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
pub mod proto {
    tonic::include_proto!("qinlian.v1");
    /// The descriptor set with our method options in it, for reflection and for the access table.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/qinlian.bin"));
}
