//! What a person's day came to (rules R5, R7, R8): a function of what is on record, and of nothing else. Pure.
//!
//! [`region`] says which punches may count for a span, [`pick`] which of them do, [`coverage`] whether the devices could
//! have told us, [`slot`] puts the three together for one end of a span, [`span`] for both, and [`judge`] for the day.
//! [`reason`] says it in words, from the outcome alone.

pub mod inputs;
pub mod outcome;

pub mod coverage;
pub mod interval;
pub mod region;
pub mod working_time;

pub mod pick;
pub mod slot;
pub mod span;

pub mod judge;
pub mod reason;
