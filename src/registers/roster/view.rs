//! What other registers may see of the roster: what somebody is to work on a day.

use crate::kernel::Pos;

/// What a day is for somebody (rule R6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind {
    /// Work.
    Workday,
    /// A weekend, a rest day by roster, a closure, rest that was moved here.
    Rest,
    /// A holiday by law.
    Holiday,
    /// Work on a rest day, made up for another.
    Makeup,
    /// Nobody has said yet which days of the year are holidays.
    PendingCalendar,
}

/// Which layer of rule R6 decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DaySource {
    /// The person's own entry for the date.
    Roster,
    /// The centre's own day.
    Centre,
    /// A notice: a holiday by law.
    Statutory,
    /// A notice: rest that was moved here.
    Adjusted,
    /// A notice: work that is made up.
    Makeup,
    /// The weekly pattern.
    Weekly,
}

/// A stretch of work (rule R7): minutes from 00:00 of the work date, which may exceed 1440.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanView {
    /// Its planned beginning.
    pub on_plan: i32,
    /// Its planned end.
    pub off_plan: i32,
    /// Clock-ins count from so many minutes before.
    pub on_before: i32,
    /// Clock-outs count until so many minutes after.
    pub off_after: i32,
    /// How much of a day it is, in thousandths.
    pub day_fraction_permille: u16,
}

/// What somebody is to work on a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayPlan {
    /// What the day is.
    pub kind: DayKind,
    /// What decided that.
    pub source: DaySource,
    /// The code of the shift; empty when there is none.
    pub shift: String,
    /// What is to be worked, in order; nothing on days of rest.
    pub spans: Vec<SpanView>,
    /// Does a roster, or the policy's default shift, say anything about this date?
    pub rostered: bool,
    /// The request for the swap that decided it.
    pub swapped: Option<Pos>,
}
