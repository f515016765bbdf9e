//! Two clocks, read at one moment. Pure.

use crate::kernel::EpochMs;
use crate::proto::ContactSample;

/// One measurement of a device's clocks against the server's (rule R4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The device's monotonic clock.
    pub mono_ms: u64,
    /// The device's wall clock.
    pub wall: EpochMs,
    /// The server's clock.
    pub server: EpochMs,
}

impl Sample {
    /// As a fact holds it.
    pub fn said(&self, boot_id: &str) -> ContactSample {
        ContactSample {
            boot_id: boot_id.to_owned(),
            mono_ms: self.mono_ms,
            wall_ms: self.wall.get(),
            server_ms: self.server.get(),
        }
    }

    /// From a fact.
    pub fn heard(sample: &ContactSample) -> Self {
        Self {
            mono_ms: sample.mono_ms,
            wall: EpochMs::clamped(sample.wall_ms),
            server: EpochMs::clamped(sample.server_ms),
        }
    }

    /// Server minus device: what has to be added to the device's wall clock.
    pub fn offset_ms(&self) -> i64 {
        self.server.since(self.wall)
    }
}
