//! The register of the register: reads on record, erasures, rules, ticks.

pub mod admit;
pub mod fact;
pub mod rows;
pub mod state;
