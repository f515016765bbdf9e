//! Messages, services and the descriptor set, generated from `proto/`.

tonic::include_proto!("qinlian.v1");
mod encoded;
pub use encoded::DayResults;
/// The descriptor set with our method options in it, for reflection and for the access table.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/qinlian.bin"));
