//! `qinlian export days`: a month in every form, what it may never say, and that it is what the log says.

mod files;
mod mapping;
mod program;
mod rig;
mod verified;
mod workbook;
