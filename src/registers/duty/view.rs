//! What other rooms may see of duty.

use crate::kernel::{EpochMs, Pos};
use crate::proto::LocalizedText;
use crate::proto::board_window::State;
use crate::proto::guidance::Kind;

/// Events of one upload (api.md, "Uploads").
pub const UPLOAD_ITEMS_MOST: u32 = 1_000;
/// Bytes of one upload: 1 MiB.
pub const UPLOAD_BYTES_MOST: u32 = 1 << 20;

/// A window in one minute, for whoever holds something against it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DutySnapshot {
    /// Which; empty: none was meant, and the person held none.
    pub window: String,
    /// What it was doing, as it is known now.
    pub state: State,
    /// Who held it; empty: nobody.
    pub holder: String,
    /// Had the person concerned clocked in?
    pub clocked_in: bool,
    /// The pause that was on.
    pub pause: Option<PauseSeen>,
    /// What the public read on the board then.
    pub public_text: Option<LocalizedText>,
}

/// A pause, as far as it explains an absence.
#[derive(Debug, Clone, PartialEq)]
pub struct PauseSeen {
    /// Its entry.
    pub pos: Pos,
    /// Whoever paused said that a sign stood there.
    pub sign_displayed: bool,
    /// What citizens were told.
    pub guidance: Vec<Kind>,
    /// The last promise.
    pub due: Option<EpochMs>,
}
