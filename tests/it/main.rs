//! Integration tests.
// Always true here; it tells clippy that helpers outside a #[test] are test code too.
#![cfg(test)]

mod attendance;
mod audit;
mod cli;
mod columns;
mod directory;
mod edge;
mod leaf_document;
mod ledger;
mod migrations;
mod proof;
mod results;
mod rigs;
mod statements;
mod support;
mod tidy;
mod tlog;
