//! Pages for people, on the same port as gRPC: the public board of a centre.
//!
//! No external assets, nothing but the page's own script and style may run, nothing is stored at whoever looks.

mod answer;
mod board;
mod door;
mod template;

pub use board::instant;
pub(super) use board::routes;
pub(super) use door::{Door, enter};
