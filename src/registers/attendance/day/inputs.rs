//! What a day is judged by: everything that is on record of it at a position of the log.

use super::coverage::Coverage;
use crate::kernel::{EpochDay, EpochMs, Pos, Zone};
use crate::policy::Policy;
use crate::proto::punch::Direction;
use crate::registers::attendance::view::Effective;
use crate::registers::roster::view::DayPlan;

/// Everything that a person's day is judged by.
#[derive(Debug, Clone, Copy)]
pub struct DayInputs<'a> {
    /// The work date.
    pub day: EpochDay,
    /// The centre's zone.
    pub zone: &'a Zone,
    /// What is to be worked on the day before, on the day, and on the day after (rule R6).
    pub plans: &'a [DayPlan; 3],
    /// When the person is assigned here: from, and until but not at.
    pub assigned: &'a [(EpochMs, Option<EpochMs>)],
    /// The person's punches around the day, in any order.
    pub punches: &'a [DayPunch],
    /// What is approved, in any order.
    pub absences: &'a [Absence],
    /// Pauses of service: from, and until but not at. They explain a gap, and nothing else (rule R14).
    pub pauses: &'a [(EpochMs, EpochMs)],
    /// What the devices of the centre have told.
    pub coverage: &'a Coverage,
    /// The numbers that judge this day.
    pub policy: &'a Policy,
    /// The ledger's time. All that depends on it is when PENDING becomes UNVERIFIED.
    pub at: EpochMs,
}

/// A punch, or what stands in for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayPunch {
    /// Its entry.
    pub punch: Pos,
    /// When it was (rule R4).
    pub at: Effective,
    /// Which way.
    pub direction: Direction,
    /// Where it comes from.
    pub source: PunchSource,
}

/// Where a punch comes from. The order decides between two at one instant: a device's word comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PunchSource {
    /// A device stamped it.
    Device,
    /// A manual roll, taken while every device was out.
    ManualRoll,
    /// A correction that somebody else approved (rule R11).
    Correction,
}

/// An approved absence: from, and until but not at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    /// Its entry.
    pub entry: Pos,
    /// From when on.
    pub from: EpochMs,
    /// Until when.
    pub until: EpochMs,
    /// What for.
    pub kind: AbsenceKind,
}

/// What an absence is for. Of two of one length the first of this order names the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AbsenceKind {
    /// Leave.
    Leave,
    /// A journey.
    Trip,
    /// Business outside the centre.
    Out,
    /// Training.
    Training,
}
