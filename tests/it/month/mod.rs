//! What payroll takes: person-months added up, confirmed, locked, adjusted, and what they would be under other rules.

mod calls;
mod preview;
mod scope;
