//! The edge, as a caller and an attacker meet it: tokens, rules, passes, statuses, and a server on a real port.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unused_async,
    reason = "tests: what is not as it must be ends them, and doubles answer at once"
)]

mod config;
mod pass;
mod rules;
mod server;
mod status;
mod tokens;
