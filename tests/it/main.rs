//! Integration tests.

mod edge;
mod support;
