//! What a day came to: a result for each end of each span, and the worst of them as the day's headline.

use super::inputs::AbsenceKind;
use crate::kernel::{EpochMs, Pos};
use crate::registers::attendance::view::Trust;
use crate::registers::roster::view::{DayKind, DaySource};

/// What a person's day came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOutcome {
    /// What the day is.
    pub kind: DayKind,
    /// What decided that.
    pub source: DaySource,
    /// The code of the shift; empty when there is none.
    pub shift: String,
    /// The request for the swap that decided what is to be worked.
    pub swapped: Option<Pos>,
    /// The worst of the day.
    pub headline: Headline,
    /// Every slot is final: no later punch can change it.
    pub is_final: bool,
    /// How much of a day was absence, in thousandths.
    pub absent_fraction_permille: u16,
    /// The spans, in order.
    pub spans: Vec<SpanOutcome>,
    /// What somebody should look at: of the day and of its spans, in order, each once.
    pub flags: Vec<Flag>,
    /// When to look again, if no fact of the day itself comes first.
    pub waits: Vec<DayWait>,
}

/// What a span came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanOutcome {
    /// Its beginning.
    pub on: Slot,
    /// Its end.
    pub off: Slot,
    /// Both together.
    pub result: SpanResult,
    /// What excuses all of it.
    pub excused: Option<AbsenceKind>,
    /// The entry that does.
    pub excused_by: Option<Pos>,
    /// How much of a day it is, in thousandths.
    pub day_fraction_permille: u16,
    /// What somebody should look at, in order, each once.
    pub flags: Vec<Flag>,
}

/// What one end of a span came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// As the shift says.
    pub plan: EpochMs,
    /// After approved absences, and what lies outside the assignment, are taken off.
    pub required: EpochMs,
    /// The entry of the punch that decided.
    pub punch: Option<Pos>,
    /// When that was, as far as is known.
    pub at: Option<EpochMs>,
    /// How far that can be relied on.
    pub trust: Option<Trust>,
    /// Without corrections and manual rolls.
    pub raw: SlotResult,
    /// With them.
    pub result: SlotResult,
    /// Late or early by so many minutes.
    pub minutes: i32,
    /// No later punch can change it.
    pub is_final: bool,
    /// What stands beside the devices' punches.
    pub supplement: Supplement,
    /// Why it is not known, when it is PENDING or UNVERIFIED.
    pub open: Option<Open>,
}

/// The result of one end of a span (rule R8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SlotResult {
    /// In time.
    Normal,
    /// Late.
    Late,
    /// Late beyond the policy's serious lateness.
    SeriousLate,
    /// So late that it is absence.
    AbsentLate,
    /// Left early.
    Early,
    /// Left so early that it is absence.
    AbsentEarly,
    /// No punch, and every device could have told of one.
    Missing,
    /// Approved absence.
    Excused,
    /// Not known yet.
    Pending,
    /// Not known, and waited for long enough. Never absence.
    Unverified,
    /// Not assigned here at the time.
    NotApplicable,
}

/// The result of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanResult {
    /// One end is not known yet.
    Pending,
    /// One end is not known, and waited for long enough.
    Unverified,
    /// Absence.
    Absent,
    /// A punch is missing.
    Missing,
    /// Late or early.
    Exception,
    /// In time.
    Normal,
    /// Approved absence.
    Excused,
    /// Not assigned here at the time.
    NotApplicable,
}

/// The worst of a day; the first that is present (rule R8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Headline {
    /// Something is not known yet, the calendar for example.
    Pending,
    /// Something is not known, and was waited for long enough.
    Unverified,
    /// Absence, in part at least.
    Absent,
    /// A punch is missing.
    Missing,
    /// Seriously late.
    SeriousLate,
    /// Late.
    Late,
    /// Left early.
    Early,
    /// In time.
    Normal,
    /// Approved absence.
    Excused,
    /// A day of rest.
    Rest,
    /// Not assigned here, or nothing rostered.
    NotApplicable,
}

/// What somebody should look at: a lead, never a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// Punches on a day of rest: evidence of duty or overtime.
    RestWithPunch,
    /// Came although absence was approved.
    PunchWhileExcused,
    /// Out and in again, for longer than the policy allows.
    MidSpanGap,
    /// Every device was out of order for a while: a manual roll decides.
    AllDevicesOut,
    /// A punch is known only within bounds that would make a difference.
    SuspectTime,
    /// It is known for good only because journal numbers of that time were declared lost.
    JournalLost,
}

/// What makes a slot's result other than the devices' punches alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supplement {
    /// Nothing.
    None,
    /// A correction decided.
    Corrected,
    /// A manual roll decided.
    ManualRoll,
    /// An approved absence took it off or moved it.
    Excused,
    /// Two people exchanged their duties, and nothing else stands beside the punches.
    ShiftChanged,
}

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open {
    /// A device has not told of everything up to this time.
    Device {
        /// Its code.
        device: String,
        /// Up to when it must.
        threshold: EpochMs,
    },
    /// Every device was out of order for a while.
    AllOut,
    /// For a while no device was in service: nobody could have clocked in.
    NoDevice,
    /// The time of a punch is known only within bounds that make a difference.
    Suspect,
}

/// What a result waits for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DayWait {
    /// An instant of the ledger's time.
    Time(EpochMs),
    /// That a device has told of everything up to a time.
    Coverage {
        /// Its code.
        device: String,
        /// The time.
        threshold: EpochMs,
    },
}
