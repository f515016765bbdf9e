//! Duty: who is at which window, when it pauses and when it is back, and what the public is told (duty notes; attendance
//! rule R14).
//!
//! Facts: a window opens, closes, changes hands; somebody pauses, promises another time, is back; somebody else covers or
//! decides; citizens are sent elsewhere. What a window is doing at an instant is one pure function of them
//! ([`course`]): the rule ([`admit`]), the board and every question about the past ask the same function. Nothing is ever
//! stored of a window's state.

pub mod view;

pub mod fact;
pub mod parse;
pub mod refusal;
pub mod signature;

pub mod clocked;
pub mod course;
pub mod hall;
pub mod pause;

pub mod board;
pub mod guidance;
pub mod report;
pub mod snapshot;
pub mod text;

pub mod admit;
pub mod state;

pub mod live;
pub mod rows;
pub mod service;
