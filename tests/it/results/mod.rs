//! The fold, with a small rulebook of its own: two rooms, waits for time and for a device's coverage, ranges,
//! deployment entries, erasures and rules.

mod audit;
mod feed;
mod fold;
mod history;
mod many;
mod plans;
mod reference;
mod rules;
mod runner;
mod toy;
