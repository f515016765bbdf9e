//! A device's contacts with the server, by its starts. Pure.

use crate::kernel::{DeviceId, Label, Pos};
use crate::registers::stamp::sample::Sample;

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
