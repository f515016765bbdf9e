//! Every reason of the approvals to say no.

use crate::kernel::{Reason, Said};

/// Why a command of the approvals is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Requests stand in a centre's log.
    NotInACentre,
    /// Somebody asks for whom they are not responsible, or for nobody; where the request names them.
    NotResponsible,
    /// The person is not assigned to this centre then.
    NotAssignedHere,
    /// Leave of the same person is asked for or approved for some of that time.
    LeaveOverlaps,
    /// It begins longer ago than the policy allows to ask.
    TooLongAgo,
    /// Somebody has to stand in: the person is alone at a window, or away for long.
    BPostMissing,
    /// Whoever is to stand in is somebody else, assigned here on those days, and not away themselves.
    BPostNotFree,
    /// There is no such request, or nothing of it is the caller's.
    NoSuchRequest,
    /// Nobody's decision is wanted any more.
    AlreadyDecided,
    /// Nobody decides about what they asked for or what is about themselves.
    OwnRequest,
    /// Whoever signed one step does not sign another.
    AlreadySigned,
    /// The step that is next is somebody else's.
    NotYoursToDecide,
    /// People decide, never systems or the machine.
    NotAPerson,
    /// Nobody records their own leave or roll.
    OwnRecord,
    /// Only who asked, and who it is about, take it back.
    NotYoursToWithdraw,
    /// It has begun: its end can be reported.
    HasBegun,
    /// It was not approved, or its end was reported before.
    NotOnLeave,
    /// Back before it began, or at a time that has not come.
    ReturnOutOfRange,
    /// More corrections in a month than the policy allows.
    QuotaUsed,
    /// What is claimed does not lie on the work date or in the night after it, or has not come.
    ClaimOutOfRange,
    /// There is no such declaration of an outage.
    UnknownOutage,
    /// Duties are exchanged with somebody else, and asked for by one of the two.
    NotAColleague,
    /// Leave of one of the two is approved for some of the time.
    OnLeave,
    /// Nobody stands in for themselves, and only for somebody who is in the directory.
    NoSuchDelegate,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotInACentre => "NOT_IN_A_CENTRE",
            Self::NotResponsible => "NOT_RESPONSIBLE",
            Self::NotAssignedHere => "NOT_ASSIGNED_HERE",
            Self::LeaveOverlaps => "LEAVE_OVERLAPS",
            Self::TooLongAgo => "TOO_LONG_AGO",
            Self::BPostMissing => "B_POST_MISSING",
            Self::BPostNotFree => "B_POST_NOT_FREE",
            Self::NoSuchRequest => "NO_SUCH_REQUEST",
            Self::AlreadyDecided => "ALREADY_DECIDED",
            Self::OwnRequest => "OWN_REQUEST",
            Self::AlreadySigned => "ALREADY_SIGNED",
            Self::NotYoursToDecide => "NOT_YOURS_TO_DECIDE",
            Self::NotAPerson => "NOT_A_PERSON",
            Self::OwnRecord => "OWN_RECORD",
            Self::NotYoursToWithdraw => "NOT_YOURS_TO_WITHDRAW",
            Self::HasBegun => "HAS_BEGUN",
            Self::NotOnLeave => "NOT_ON_LEAVE",
            Self::ReturnOutOfRange => "RETURN_OUT_OF_RANGE",
            Self::QuotaUsed => "QUOTA_USED",
            Self::ClaimOutOfRange => "CLAIM_OUT_OF_RANGE",
            Self::UnknownOutage => "UNKNOWN_OUTAGE",
            Self::NotAColleague => "NOT_A_COLLEAGUE",
            Self::OnLeave => "ON_LEAVE",
            Self::NoSuchDelegate => "NO_SUCH_DELEGATE",
        }
    }

    fn said(&self) -> Said {
        let (zh, en) = match self {
            Self::NotInACentre => ("须写入某个中心", "stands in a centre's log, not the deployment's"),
            Self::NotResponsible => {
                ("只能为本人或所负责的人员办理", "only for oneself, or for people one is responsible for")
            }
            Self::NotAssignedHere => {
                ("所列人员当日未派驻本中心", "the person is not assigned to this centre then")
            }
            Self::LeaveOverlaps => ("与该人员已有的请假时间重叠", "overlaps leave of the same person"),
            Self::TooLongAgo => ("已超过可补办的天数", "begins longer ago than the policy allows to ask"),
            Self::BPostMissing => {
                ("未落实 B 岗，不予受理", "names nobody who stands in, and somebody has to")
            }
            Self::BPostNotFree => (
                "B 岗须为当日派驻本中心且未请假的其他人员",
                "whoever stands in is another person, assigned here and not on leave then",
            ),
            Self::NoSuchRequest => ("没有这项申请", "there is no such request"),
            Self::AlreadyDecided => ("该申请已有结论", "was decided before"),
            Self::OwnRequest => ("不得审批本人的申请", "nobody decides about their own"),
            Self::AlreadySigned => ("同一人不得签批两级", "whoever signed one step does not sign another"),
            Self::NotYoursToDecide => ("当前一级不由您审批", "the step that is next is somebody else's"),
            Self::NotAPerson => ("须由人员本人办理", "is decided by people, not by systems"),
            Self::OwnRecord => ("不得登记本人", "nobody records their own"),
            Self::NotYoursToWithdraw => {
                ("只有申请人或当事人可以撤回", "only who asked, or whom it is about, takes it back")
            }
            Self::HasBegun => ("假期已开始，请办理销假", "has begun: report the return instead"),
            Self::NotOnLeave => ("没有可销的假", "was not approved, or the return was reported before"),
            Self::ReturnOutOfRange => (
                "返岗时间须在假期开始之后、当前时间之前",
                "the return is not between the beginning of the leave and now",
            ),
            Self::QuotaUsed => {
                ("本月补卡次数已用完", "the corrections that the policy allows in a month are used up")
            }
            Self::ClaimOutOfRange => (
                "补卡时间须在当日或次日中午之前，且已经过去",
                "the time is not on the work date or before noon of the next day, or has not come",
            ),
            Self::UnknownOutage => ("没有这项设备故障登记", "there is no such declaration of an outage"),
            Self::NotAColleague => {
                ("换班须由本人与另一名人员进行", "duties are exchanged with somebody else, and by oneself")
            }
            Self::OnLeave => {
                ("其中一人该时段已批准请假", "leave of one of the two is approved for some of that time")
            }
            Self::NoSuchDelegate => {
                ("受委托人须为目录中的其他人员", "whoever decides instead is another person of the directory")
            }
        };
        Said::new(zh, en)
    }
}
