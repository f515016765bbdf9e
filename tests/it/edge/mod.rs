//! The edge, as a caller and an attacker meet it: tokens, rules, passes, statuses, and a server on a real port.

#![expect(clippy::unused_async, reason = "doubles answer at once")]

mod browser;
mod config;
pub(crate) mod documents;
pub(crate) mod dynamic;
mod explorer;
mod fetch;
mod floors;
mod limits;
mod listen;
mod metrics;
mod outcomes;
mod pages;
mod pass;
mod rules;
mod server;
mod status;
mod tls;
mod tokens;
mod transport;
mod unread;
mod web;
