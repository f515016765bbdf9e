//! The real server process under real clients: killed, repeated at, three times over, and searched for what must not
//! leak (docs/testing.md).
//!
//! What a rig believes is what its terminals wrote down for themselves, outside the server's folder, and what the
//! judge finds in the ledger; never the server's health and never its log.

pub(crate) mod desk;
mod judge;
pub(crate) mod load;
pub(crate) mod server;
pub(crate) mod town;

pub(crate) mod canary;
mod certificates;
pub(crate) mod clients;
mod floods;
mod kill;
mod once;
mod overload;
mod rolling;
mod stop;
mod three;
mod windows;

use qinlian::clock::{MockClock, random};

use crate::support::MORNING;

/// Chances that only depend on a seed; the moments at which things happen depend on the machine as well.
#[derive(Debug)]
pub(crate) struct Dice(MockClock);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(MockClock::new(MORNING, seed))
    }

    /// From 0 to below `sides`.
    pub(crate) fn roll(&self, sides: usize) -> usize {
        let number = u64::from_be_bytes(random(&self.0)) % u64::try_from(sides).unwrap();
        usize::try_from(number).unwrap()
    }

    /// For ids.
    pub(crate) fn bytes(&self) -> [u8; 16] {
        random(&self.0)
    }

    /// Another order.
    pub(crate) fn shuffle<T>(&self, things: &mut [T]) {
        for at in (1..things.len()).rev() {
            things.swap(at, self.roll(at + 1));
        }
    }
}
