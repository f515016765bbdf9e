//! Messages whose items are kept as they are encoded: what is stored of a result is passed on without being taken apart, and a
//! reader takes apart what it looks at.

use prost::bytes::Bytes;
use prost::{DecodeError, Message};

use super::DayResult;

/// `ListDayResultsSinceResponse` and `WatchDayResultsResponse`, which have the same fields.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct DayResults {
    /// `items`: each a [`DayResult`].
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub encoded: Vec<Bytes>,
    /// Goes on after these items.
    #[prost(string, tag = "2")]
    pub next_cursor: String,
    /// There was nothing more at that moment.
    #[prost(bool, tag = "3")]
    pub caught_up: bool,
}

impl DayResults {
    /// The results. An error where an item is none.
    pub fn items(&self) -> Result<Vec<DayResult>, DecodeError> {
        self.encoded.iter().cloned().map(DayResult::decode).collect()
    }
}
