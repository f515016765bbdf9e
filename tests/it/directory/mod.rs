//! The directory, through its calls, on both databases.

mod calls;
mod rules;
mod terminals;
