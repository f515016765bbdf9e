//! A device's contact with the server: two clocks, read at one moment. Pure.

use crate::kernel::{DeviceId, EpochMs, Label, Pos};
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

/// What is known of one start of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The device.
    pub device: DeviceId,
    /// The journal that its numbers count in.
    pub journal: Pos,
    /// The start.
    pub boot_id: Label,
    /// The contact with the smallest server time: it dates what was stamped in this boot (rule R4).
    pub first: Sample,
    /// The newest.
    pub newest: Sample,
    /// The newest journal number that the device told.
    pub journal_head: u64,
    /// It said that it shuts down.
    pub going_down: bool,
}

impl Contact {
    /// Takes in what is known of the same boot from elsewhere.
    pub fn merge(&mut self, other: &Self) {
        if other.first.server < self.first.server {
            self.first = other.first;
        }
        if other.newest.server > self.newest.server {
            self.newest = other.newest;
            self.going_down = other.going_down;
        }
        self.journal_head = self.journal_head.max(other.journal_head);
    }
}
