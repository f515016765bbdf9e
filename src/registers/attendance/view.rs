//! What other rooms may see of attendance: times with their trust, presence, the states of devices. Pure.

use crate::kernel::EpochMs;

/// Items of one upload (api.md, "Uploads").
pub const UPLOAD_ITEMS_MOST: u32 = 1_000;
/// Bytes of one upload: 1 MiB.
pub const UPLOAD_BYTES_MOST: u32 = 1 << 20;

/// How far a time can be relied on (rule R4), from the strongest to the weakest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// Measured against the server's clock within 2 seconds.
    Trusted,
    /// The device's clock was off by at most 300 seconds, and is corrected.
    Corrected,
    /// As the imported file says.
    Imported,
    /// Known only within bounds.
    Suspect,
}

/// When something happened, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effective {
    /// The best estimate.
    pub at: EpochMs,
    /// How good it is.
    pub trust: Trust,
    /// Not before this, for a suspect time.
    pub earliest: EpochMs,
    /// Not after this, for a suspect time.
    pub latest: EpochMs,
}

/// A person's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceView {
    /// The first clock-in.
    pub first_in: Option<EpochMs>,
    /// The last clock-out after it.
    pub last_out: Option<EpochMs>,
    /// The weaker of the two times' trusts.
    pub trust: Trust,
}

/// What a device is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceDoing {
    /// It reports.
    Reporting,
    /// It was not heard of for two minutes, or was shut down.
    Silent,
    /// It is declared out of order.
    Outage,
}

/// What is known of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceView {
    /// What it is doing.
    pub doing: DeviceDoing,
    /// Since when.
    pub since: EpochMs,
    /// Every punch up to this time has arrived (rule R5).
    pub covered_until: Option<EpochMs>,
}
