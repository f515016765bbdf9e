//! The directory: who and what exists, and who may do what. Nothing is deleted; things are retired.
//!
//! Centres, departments, people, service items and deployment-wide grants stand in the deployment's log; assignments,
//! windows, devices, credential bindings and a centre's own grants in the centre's (docs/architecture.md, "Logs").

pub mod admit;
pub mod cache;
pub mod fact;
pub mod journal;
pub mod parse;
pub mod proof;
pub mod reach;
pub mod refusal;
pub mod rows;
pub mod service;
pub mod state;
pub mod terminal;
pub mod view;
pub mod windows;

pub use cache::Directories;
pub use state::Directory;
