//! The audit register on both databases: erasure, reads on record, sessions, files, and restores.

mod calls;
mod erasure;
mod files;
mod on_record;
mod restore;
mod rig;
mod sessions;
