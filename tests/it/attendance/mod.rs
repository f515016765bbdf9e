//! Attendance on both databases: punches kept once and for ever, uploads, people found later, days and devices derived.

mod calls;
mod credentials;
mod day_calls;
pub(crate) mod days;
mod devices;
mod once;
mod orders;
mod presence;
mod replay;
pub(crate) mod rig;
pub(crate) mod vouched;
