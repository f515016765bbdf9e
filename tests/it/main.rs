//! Integration tests.
// Always true here; it tells clippy that helpers outside a #[test] are test code too.
#![cfg(test)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects; everything else is wrong alike"
)]

mod approval;
mod attendance;
mod audit;
mod cli;
mod columns;
mod directory;
mod duty;
mod edge;
mod fuzz;
mod inspection;
mod leaf_document;
mod ledger;
mod migrations;
mod month;
mod plans;
mod proof;
mod results;
mod rigs;
mod roster;
mod spec;
mod statements;
mod support;
mod telemetry;
mod terminal;
mod tidy;
mod tlog;
mod transactions;
