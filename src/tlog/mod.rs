//! RFC 6962 trees and the C2SP formats around them, and nothing else.
//!
//! Pure: no product words, no I/O, no clock, no panics on any input. Sizes and indexes end at 2^62. The texts that are
//! implemented here are named where they are: signed-note, tlog-checkpoint, tlog-tiles, tlog-proof, tlog-cosignature
//! v1, tlog-witness and tlog-policy of c2sp.org.

mod checkpoint;
mod cosignature;
mod edge;
mod hash;
mod node;
mod note;
mod policy;
mod proof;
mod tile;
mod tlog_proof;
mod witness;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use cosignature::{CosignatureKey, Cosigner, parse_cosignature_key};
pub use edge::{Edge, EdgeError, SizeError};
pub use hash::{Hash, empty_root, leaf_hash};
pub use node::{MAX_SIZE, NodeId, ProofItem, assemble, consistency_nodes, inclusion_nodes, root_nodes};
pub use note::{MAX_NOTE_BYTES, Note, NoteError, NoteSignature, NoteSigner, VerifierKey, VkeyError};
pub use policy::{Policy, PolicyError};
pub use proof::{ProofError, verify_consistency, verify_inclusion};
pub use tile::{BundleError, Tile, TileError, decode_bundle, encode_bundle, node_in_tile, tiles_of};
pub use tlog_proof::{TlogProof, TlogProofError};
pub use witness::{AddCheckpoint, Latest, WitnessAnswer, WitnessError, WitnessedLog};
