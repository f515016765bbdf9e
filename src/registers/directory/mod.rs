//! The directory: who and what exists, and who may do what. Nothing is deleted; things are retired.

pub mod view;
