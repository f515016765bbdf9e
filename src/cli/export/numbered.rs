//! A day with the employee number of the person whom it is of.

use crate::proto::DayResult;

/// A day result; the number is empty where nobody asked for it on record, and where there is none.
#[derive(Debug, Clone)]
pub struct Numbered {
    /// The employee number.
    pub employee_no: String,
    /// The result.
    pub day: DayResult,
}
