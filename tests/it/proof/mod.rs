//! The offline proof: bundles, their verification, the audit of the live database, and witnesses.

mod bundle;
mod epochs;
mod flips;
mod rig;
mod size;
mod tamper;
mod toy;
mod verdicts;
mod witness;
