//! `qinlian export`: a month in every form, what it may never say, and that it is what the log says.

mod files;
mod lists;
mod mapping;
mod program;
mod rig;
mod sure;
mod verdict;
mod verified;
mod workbook;
