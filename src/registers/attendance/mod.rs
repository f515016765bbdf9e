//! Attendance: clock-ins, and the devices that take them (rules R2 to R5).
//!
//! Facts: a punch as a device stamped it, what devices proved about their journals, declared outages, imported files.
//! Nothing odd is dropped: it is stored, flagged, and left to a person. What the facts mean (when something happened,
//! who was there when, what a device is doing) is derived, and never stored as a fact.

pub mod view;

pub mod fact;
pub mod parse;
pub mod signature;

pub mod contact;
pub mod coverage;
pub mod known;
pub mod losses;
pub mod state;

pub mod admit;
pub mod refusal;

pub mod derive;

pub mod day;

pub mod about;
pub mod contacts;
pub mod live;
pub mod load;
pub mod rows;
pub mod service;
