//! The register of the register: reads on record, erasures, rules, ticks.

pub mod admit;
pub mod fact;
pub mod refusal;
pub mod rows;
pub mod service;
pub mod state;
