//! Where a reader of a feed stands, as text that it hands back. Opaque to it; it says nothing secret and gives no right.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Feed, Room};
use crate::kernel::LogId;

const VERSION: u8 = 1;

/// Why a cursor cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// We never gave this out, or not for this feed.
    #[error("is not a cursor of this feed")]
    Unknown,
    /// The feed was rebuilt under another id: the reader begins again.
    #[error("belongs to a feed that had to be rebuilt")]
    Expired,
}

/// The last revision that a reader has been given, per log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(super) room: Room,
    /// The log to begin the next page with: every log gets its turn.
    pub(super) turn: LogId,
    pub(super) read: BTreeMap<LogId, (Feed, i64)>,
}

impl Cursor {
    pub(super) fn start(room: Room) -> Self {
        Self { room, turn: LogId::DEPLOYMENT, read: BTreeMap::new() }
    }

    /// Version, room, turn, then (log, feed, seq) per log; big endian, base64url.
    pub fn to_text(&self) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.room.get().to_be_bytes());
        bytes.extend(self.turn.column().to_be_bytes());
        for (log, (feed, seq)) in &self.read {
            for number in [log.column(), feed.column(), *seq] {
                bytes.extend(number.to_be_bytes());
            }
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Parses; nothing at all is the beginning.
    pub fn parse(room: Room, text: &str) -> Result<Self, CursorError> {
        if text.is_empty() {
            return Ok(Self::start(room));
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::Unknown)?;
        Self::from_bytes(&bytes).filter(|cursor| cursor.room == room).ok_or(CursorError::Unknown)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(&[VERSION])?;
        let (room, bytes) = bytes.split_first_chunk::<2>()?;
        let (turn, mut bytes) = bytes.split_first_chunk::<8>()?;
        let mut read = BTreeMap::new();
        while !bytes.is_empty() {
            let (log, rest) = bytes.split_first_chunk::<8>()?;
            let (feed, rest) = rest.split_first_chunk::<8>()?;
            let (seq, rest) = rest.split_first_chunk::<8>()?;
            let seq = i64::from_be_bytes(*seq);
            if seq < 0 {
                return None;
            }
            let feed = Feed::from_column(i64::from_be_bytes(*feed));
            read.insert(LogId::from_column(i64::from_be_bytes(*log)), (feed, seq));
            bytes = rest;
        }
        let turn = LogId::from_column(i64::from_be_bytes(*turn));
        Some(Self { room: Room::new(u16::from_be_bytes(*room)), turn, read })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room::new(2);

    fn some() -> Cursor {
        let log = LogId::from_column;
        let read =
            BTreeMap::from([(log(1), (Feed::FIRST, 7)), (log(i64::MAX), (Feed::from_column(12), i64::MAX))]);
        Cursor { room: ROOM, turn: log(1), read }
    }

    #[test]
    fn a_cursor_reads_back_as_it_was_written() {
        for cursor in [Cursor::start(ROOM), some()] {
            assert_eq!(Cursor::parse(ROOM, &cursor.to_text()), Ok(cursor));
        }
        assert_eq!(Cursor::parse(ROOM, ""), Ok(Cursor::start(ROOM)));
    }

    #[test]
    fn what_we_never_gave_out_is_no_cursor() {
        let text = some().to_text();
        assert_eq!(Cursor::parse(Room::new(3), &text), Err(CursorError::Unknown));
        for cut in 1..text.len() {
            let parsed = Cursor::parse(ROOM, &text[..cut]);
            // A whole number of logs is a cursor too, and a harmless one.
            assert!(parsed.is_err() || parsed.is_ok_and(|cursor| cursor.read.len() < 2), "{cut}");
        }
        for text in ["x", "AAAA", "中", "AQ=="] {
            assert_eq!(Cursor::parse(ROOM, text), Err(CursorError::Unknown), "{text}");
        }
    }
}
