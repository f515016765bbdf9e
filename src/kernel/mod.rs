//! The words that everybody uses: ids, times, text, and how to say no.
//!
//! Pure: no I/O, no clock, nothing of ours imported. A value of one of these types is valid;
//! strings that mean something do not travel further than the function that parses them.

mod figure;
mod id;
mod say;
mod text;
mod time;

pub use figure::{Count, Figure, Figures, Kind, Level, Series, Spread, Value, number};
pub use id::{
    ALPHABET, CentreId, DepartmentId, DeviceId, GrantId, IdError, ItemId, LogId, PersonId, PolicyId, Pos,
    RequestId, ShiftId, Subject, WindowId, spell,
};
pub use say::{Check, Complaint, Reason, Said, Violation, Violations};
pub use text::{Label, Name, Words, push_text};
pub use time::{EpochDay, EpochMs, TimeError, Zone};
