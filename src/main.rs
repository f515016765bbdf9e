//! The `qinlian` program.
fn main() {}
