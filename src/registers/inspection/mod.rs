//! Inspections: what somebody found at a window, the reply of the person concerned, and what came of it (duty notes 3.5,
//! 督查巡查).
//!
//! Facts: a finding with what duty's register says of that minute beside it, a reply, a decision. How far an inspection has
//! come is derived from them ([`standing`]), never stored. A finding is a lead with a right of reply: nothing here changes
//! anybody's attendance.

pub mod catalogue;

pub mod fact;
pub mod parse;
pub mod refusal;

pub mod standing;

pub mod admit;
pub mod state;

pub mod rows;
pub mod service;
