//! The roster: what its calls take and refuse, and what somebody is to work on a day.

mod calls;
mod plan;
mod policies;
pub(crate) mod rig;
pub(crate) mod swaps;
