//! What people ask for and others decide: leave, corrections, manual rolls, and what becomes of people's days.

mod corrections;
mod histories;
mod leaves;
mod lists;
pub(crate) mod rig;
mod rolls;
mod tasks;
