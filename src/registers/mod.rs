//! The registers, and the one place that knows them all.
//!
//! Each register is a folder of the same files: `fact` (what may be written), `admit` (the rule), `derive` (what it
//! means), `view` (what others may see), `refusal` (how it says no), `rows` (its tables), `service` (its calls).

pub mod approval;
pub mod attendance;
pub mod audit;
pub mod derivation;
pub mod desk;
pub mod directory;
pub mod duty;
pub mod failure;
pub mod inspection;
pub mod kind;
pub mod month;
pub mod roster;
pub mod rulebook;
pub mod stamp;
pub mod verdict;
pub mod wire;
