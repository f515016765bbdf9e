//! The roster: shifts, who works which, calendars, and the numbers by which attendance is judged (rules R6, R7, R10).
//!
//! Facts: a shift's version, roster entries and patterns, the days of a year that a notice sets apart, a centre's own
//! days, a policy's proposal and its approval by somebody else; of a swap that was approved, what both are rostered for from
//! then on. What somebody is to work on a day is derived from them ([`book`]), never stored.

pub mod view;

pub mod fact;
pub mod notices;
pub mod parse;
pub mod refusal;
pub mod shift;

pub mod book;
pub mod overlap;
pub mod plan;
pub mod swap;

pub mod admit;
pub mod state;

pub mod rows;
pub mod service;
