//! Months: what payroll takes of people's days (rules R10, R12).
//!
//! Facts: a period is locked, with the digest of its days; somebody confirms their own; an HR system says what it has taken
//! over. A summary is added up from day results when it is read ([`summary`]), and what a lock holds is a digest of
//! them ([`canonical`]): nothing here is edited, and what comes later is an adjustment.

pub mod fact;
pub mod parse;
pub mod refusal;

pub mod canonical;
pub mod summary;

pub mod admit;
pub mod state;

pub mod rows;
pub mod service;
