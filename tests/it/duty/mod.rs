//! Windows that keep their promise: what may be done at them, what the public sees, and what is known of any minute.

mod boards;
mod chance;
mod concurrent;
mod machine;
mod offline;
mod pauses;
mod report;
mod results;
pub(crate) mod rig;
mod told;
mod windows;
