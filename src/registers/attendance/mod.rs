//! Attendance: clock-ins, and the devices that take them.

pub mod admit;
pub mod fact;
pub mod live;
pub mod rows;
pub mod state;
