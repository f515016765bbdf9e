//! The leaf: a fixed big-endian envelope with commitments and nothing else.
//!
//! ```text
//! "QL" ver=1 | kind u16 | index u64 | recorded_ms u64 | claimed_ms u64 | request_id 16 | refers_to u64 |
//! parts u8 | parts × ( part_type u8 | schema u16 | commitment 32 )
//! ```
//!
//! Protobuf has no canonical encoding, so the leaf is not protobuf: anybody decodes it in ten lines.
//! `claimed_ms` and `refers_to` are 2^64-1 when there is none; `refers_to` is a position.

use crate::kernel::{EpochMs, Pos, RequestId};

/// What the leaf's envelope begins with, and its version.
const MAGIC: [u8; 3] = [b'Q', b'L', 1];
/// "Nothing" in a u64 field.
const NONE: u64 = u64::MAX;
/// 3 + 2 + 8 + 8 + 8 + 16 + 8 + 1.
const ENVELOPE: usize = 54;
/// 1 + 2 + 32.
const PART: usize = 35;

/// What kind of part a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartType {
    /// Kept: codes, numbers, ids.
    Facts,
    /// Erasable: names, free text, badges as read.
    Personal,
}

impl PartType {
    /// As the leaf writes it.
    pub const fn code(self) -> u8 {
        match self {
            Self::Facts => 1,
            Self::Personal => 2,
        }
    }

    /// From a leaf.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Facts),
            2 => Some(Self::Personal),
            _ => None,
        }
    }
}

/// The commitment to one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartCommitment {
    /// Facts or personal.
    pub part_type: PartType,
    /// Message id << 4 | major version; proto/qinlian/v1/facts.proto lists them.
    pub schema: u16,
    /// HMAC-SHA256 of the payload under the part's salt.
    pub commitment: [u8; 32],
}

/// A decoded leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The command's kind; unknown kinds still verify.
    pub kind: u16,
    /// The index in the tree: removal and reordering can be named before anything is hashed.
    pub index: u64,
    /// The server's clock under the log's lock.
    pub recorded: EpochMs,
    /// The caller's claim.
    pub claimed: Option<EpochMs>,
    /// The command's id.
    pub request_id: RequestId,
    /// What it corrects, decides or erases.
    pub refers_to: Option<Pos>,
    /// At most 255.
    pub parts: Vec<PartCommitment>,
}

/// Why bytes are not a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Another magic or version.
    #[error("does not begin as a leaf of version 1")]
    Magic,
    /// Cut short or too long.
    #[error("has the wrong length")]
    Length,
    /// A part type that version 1 does not know.
    #[error("has a part of an unknown type")]
    PartType,
    /// A time that no clock shows.
    #[error("has a time outside the years 1970 to 9999")]
    Time,
}

impl Leaf {
    /// The bytes that are hashed.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENVELOPE + PART * self.parts.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.kind.to_be_bytes());
        bytes.extend_from_slice(&self.index.to_be_bytes());
        bytes.extend_from_slice(&self.recorded.get().cast_unsigned().to_be_bytes());
        bytes.extend_from_slice(&self.claimed.map_or(NONE, |at| at.get().cast_unsigned()).to_be_bytes());
        bytes.extend_from_slice(&self.request_id.to_bytes());
        bytes.extend_from_slice(&self.refers_to.map_or(NONE, Pos::get).to_be_bytes());
        bytes.push(u8::try_from(self.parts.len()).unwrap_or(u8::MAX));
        for part in self.parts.iter().take(usize::from(u8::MAX)) {
            bytes.push(part.part_type.code());
            bytes.extend_from_slice(&part.schema.to_be_bytes());
            bytes.extend_from_slice(&part.commitment);
        }
        bytes
    }

    /// Decodes what [`Leaf::encode`] made; any other bytes are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        let mut rest = bytes;
        if take::<3>(&mut rest)? != MAGIC {
            return Err(LeafError::Magic);
        }
        let kind = u16::from_be_bytes(take(&mut rest)?);
        let index = u64::from_be_bytes(take(&mut rest)?);
        let recorded = time(u64::from_be_bytes(take(&mut rest)?))?;
        let claimed = match u64::from_be_bytes(take(&mut rest)?) {
            NONE => None,
            ms => Some(time(ms)?),
        };
        let request_id = RequestId::from_bytes(take(&mut rest)?);
        let refers_to = match u64::from_be_bytes(take(&mut rest)?) {
            NONE => None,
            pos => Some(Pos::new(pos)),
        };
        let [count] = take(&mut rest)?;
        let mut parts = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let [code] = take(&mut rest)?;
            let part_type = PartType::from_code(code).ok_or(LeafError::PartType)?;
            let schema = u16::from_be_bytes(take(&mut rest)?);
            parts.push(PartCommitment { part_type, schema, commitment: take(&mut rest)? });
        }
        if !rest.is_empty() {
            return Err(LeafError::Length);
        }
        let leaf = Self { kind, index, recorded, claimed, request_id, refers_to, parts };
        // A position above 2^62 would be cut: only what encodes to the same bytes is a leaf.
        if leaf.encode() == bytes { Ok(leaf) } else { Err(LeafError::Length) }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], LeafError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(LeafError::Length)?;
    *rest = tail;
    Ok(*head)
}

fn time(ms: u64) -> Result<EpochMs, LeafError> {
    i64::try_from(ms).ok().and_then(|ms| EpochMs::new(ms).ok()).ok_or(LeafError::Time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaf() -> Leaf {
        Leaf {
            kind: 0x0201,
            index: 1041,
            recorded: EpochMs::clamped(1_795_391_940_123),
            claimed: None,
            request_id: RequestId::random([9; 16]),
            refers_to: Some(Pos::new(7)),
            parts: vec![
                PartCommitment { part_type: PartType::Facts, schema: 0x11, commitment: [1; 32] },
                PartCommitment { part_type: PartType::Personal, schema: 0x111, commitment: [2; 32] },
            ],
        }
    }

    #[test]
    fn a_leaf_with_two_parts_has_124_bytes_and_decodes() {
        let bytes = leaf().encode();
        assert_eq!(bytes.len(), 124);
        assert_eq!(Leaf::decode(&bytes), Ok(leaf()));
    }

    #[test]
    fn cut_or_extended_bytes_are_no_leaf() {
        let bytes = leaf().encode();
        for length in 0..bytes.len() {
            assert!(Leaf::decode(bytes.get(..length).unwrap()).is_err(), "{length}");
        }
        assert_eq!(Leaf::decode(&[bytes, vec![0]].concat()), Err(LeafError::Length));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_whatever_decodes_encodes_to_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..200), flip in any::<(usize, u8)>()) {
            let mut mutated = leaf().encode();
            let at = flip.0 % mutated.len();
            mutated[at] ^= flip.1;
            for bytes in [bytes, mutated] {
                if let Ok(leaf) = Leaf::decode(&bytes) {
                    prop_assert_eq!(leaf.encode(), bytes);
                }
            }
        }
    }
}
