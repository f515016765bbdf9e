//! Approvals: what people ask for and others decide: leave, corrections of clock-ins, manual rolls, swaps of
//! duties (rules R5, R6, R11; the domain notes on leave and corrections).
//!
//! Facts: a request with the steps that it has to pass, a decision about the next step, a withdrawal, a return from
//! leave, a delegation. How far a request has come is derived from them ([`standing`]), never stored. What is approved
//! changes people's days: derivation reads it through [`view`].

pub mod view;

pub mod fact;
pub mod parse;
pub mod refusal;

pub mod chain;
pub mod standing;

pub mod admit;
pub mod decide;
pub mod state;

pub mod rows;
pub mod service;
