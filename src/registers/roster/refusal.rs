//! Every reason of the roster to say no.

use crate::kernel::{EpochDay, Reason, Said};

/// A roster begins at most so many days ago: two years and some. Every day from there on is judged.
pub const PAST_DAYS_MOST: i32 = 800;

/// A span of somebody's roster, as a refusal names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The work date.
    pub day: EpochDay,
    /// The shift.
    pub shift: String,
    /// Minutes from 00:00 of the work date.
    pub on_plan: i32,
    /// The same, of its end.
    pub off_plan: i32,
}

impl std::fmt::Display for Named {
    /// `2026-11-02 early 20:00-26:00`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { day, shift, on_plan, off_plan } = self;
        let clock = |minutes: &i32| (minutes.div_euclid(60), minutes.rem_euclid(60));
        let ((on_hour, on_minute), (off_hour, off_minute)) = (clock(on_plan), clock(off_plan));
        write!(f, "{day} {shift} {on_hour:02}:{on_minute:02}-{off_hour:02}:{off_minute:02}")
    }
}

/// Why a command of the roster is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Shifts, rosters and a centre's days stand in a centre's log.
    NotInACentre,
    /// The centre has no such shift; where the request names it.
    UnknownShift(String),
    /// Nobody with this id is in the directory; where the request names them.
    UnknownPerson(String),
    /// The person has never been assigned to this centre; where the request names them.
    NotAssignedHere(String),
    /// A roster begins longer ago than it may; where the request says so.
    TooLongAgo(String),
    /// One person would be at work twice at once.
    OverlappingSpans {
        /// Whose.
        person_id: String,
        /// The earlier one.
        first: Named,
        /// The one that begins before it ends.
        second: Named,
    },
    /// A policy is proposed and approved by people, never by a system or at the machine.
    NotAPerson,
    /// Without a reason to judge what is past, a policy begins after the day on which it is approved.
    NotInTheFuture,
    /// In the deployment's log a policy says which pack it begins from.
    NoPack,
    /// There is no such proposal in this log.
    NoSuchProposal,
    /// Who proposed it does not approve it.
    OwnProposal,
    /// It was approved before.
    AlreadyApproved,
    /// Who is to give a duty away has none on that date; where the request names it.
    NoDuty(&'static str),
    /// Who is to take a duty over is at work on that date already; where the request names it.
    AlreadyOnDuty(&'static str),
    /// Both work the same on the date: there is nothing to exchange.
    SameDuty,
    /// A duty that is to be exchanged has begun, or is past.
    HasBegun,
    /// The roster says something else since the swap was asked for.
    RosterChanged,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotInACentre => "NOT_IN_A_CENTRE",
            Self::UnknownShift(_) => "UNKNOWN_SHIFT",
            Self::UnknownPerson(_) => "UNKNOWN_PERSON",
            Self::NotAssignedHere(_) => "NOT_ASSIGNED_HERE",
            Self::TooLongAgo(_) => "TOO_LONG_AGO",
            Self::OverlappingSpans { .. } => "OVERLAPPING_SPANS",
            Self::NotAPerson => "NOT_A_PERSON",
            Self::NotInTheFuture => "NOT_IN_THE_FUTURE",
            Self::NoPack => "NO_PACK",
            Self::NoSuchProposal => "NO_SUCH_PROPOSAL",
            Self::OwnProposal => "OWN_PROPOSAL",
            Self::AlreadyApproved => "ALREADY_APPROVED",
            Self::NoDuty(_) => "NO_DUTY",
            Self::AlreadyOnDuty(_) => "ALREADY_ON_DUTY",
            Self::SameDuty => "SAME_DUTY",
            Self::HasBegun => "HAS_BEGUN",
            Self::RosterChanged => "ROSTER_CHANGED",
        }
    }

    fn said(&self) -> Said {
        match self {
            Self::NotInACentre => {
                Said::new("须写入某个中心", "stands in a centre's log, not the deployment's")
            }
            Self::UnknownShift(at) => Said::new(
                format!("本中心没有 {at} 所列的班次"),
                format!("the centre has no shift as {at} names it"),
            ),
            Self::UnknownPerson(at) => {
                Said::new(format!("没有 {at} 所列的人员"), format!("there is no person as {at} names one"))
            }
            Self::NotAssignedHere(at) => Said::new(
                format!("{at} 所列人员未派驻本中心"),
                format!("the person that {at} names is not assigned to this centre"),
            ),
            Self::TooLongAgo(at) => Said::new(
                format!("{at} 的日期早于 {PAST_DAYS_MOST} 天之前"),
                format!("{at} begins more than {PAST_DAYS_MOST} days ago"),
            ),
            Self::OverlappingSpans { person_id, first, second } => Said::new(
                format!("人员 {person_id} 的两个班段重叠：{first} 与 {second}"),
                format!("two spans of {person_id} overlap: {first} and {second}"),
            ),
            Self::NotAPerson => {
                Said::new("考勤规则须由两名人员提出和批准", "a policy is proposed and approved by two people")
            }
            Self::NotInTheFuture => Said::new(
                "生效日须晚于批准日，否则须说明追溯理由",
                "begins after the day of its approval, unless a reason is given to judge what is past",
            ),
            Self::NoPack => Said::new("须指明规则包", "names the pack that it begins from"),
            Self::NoSuchProposal => Said::new("没有这项提案", "there is no such proposal"),
            Self::OwnProposal => Said::new("提案人不得自行批准", "who proposed it does not approve it"),
            Self::NoDuty(at) => Said::new(
                format!("{at} 当日没有可换出的班"),
                format!("who is to give a duty away has none on {at}"),
            ),
            Self::AlreadyOnDuty(at) => Said::new(
                format!("{at} 当日接班人已有班"),
                format!("who is to take a duty over is at work already on {at}"),
            ),
            Self::SameDuty => Said::new("两人当日班次相同", "both work the same shift on the date"),
            Self::HasBegun => Said::new("该班已开始", "a duty that is to be exchanged has begun"),
            Self::RosterChanged => Said::new(
                "申请之后排班已变动，请重新申请",
                "the roster has changed since the swap was asked for: ask again",
            ),
            Self::AlreadyApproved => Said::new("该提案已经批准", "the proposal was approved before"),
        }
    }
}
