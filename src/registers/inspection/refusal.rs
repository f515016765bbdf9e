//! Every reason of the inspections to say no.

use crate::kernel::{Reason, Said};

/// Why a command of the inspections is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Inspections stand in a centre's log.
    NotInACentre,
    /// There is no such window.
    NoSuchWindow,
    /// The person is not assigned to this centre then.
    NotAssignedHere,
    /// Somebody inspects or decides about whom their role does not reach.
    NotResponsible,
    /// Nobody inspects themselves, or decides about themselves.
    OwnConduct,
    /// The instant has not come.
    InTheFuture,
    /// It is more than 30 days ago.
    TooLongAgo,
    /// There is no such inspection.
    NoSuchInspection,
    /// Only the person concerned answers.
    NotYoursToAnswer,
    /// The deadline has passed.
    ReplyTooLate,
    /// They answered 20 times.
    TooManyReplies,
    /// It is decided: nobody answers, and nobody decides again.
    AlreadyDecided,
    /// Whoever found it does not decide.
    OwnFinding,
    /// People decide, never systems or the machine.
    NotAPerson,
    /// The person concerned may still answer.
    ReplyAwaited,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotInACentre => "NOT_IN_A_CENTRE",
            Self::NoSuchWindow => "NO_SUCH_WINDOW",
            Self::NotAssignedHere => "NOT_ASSIGNED_HERE",
            Self::NotResponsible => "NOT_RESPONSIBLE",
            Self::OwnConduct => "OWN_CONDUCT",
            Self::InTheFuture => "IN_THE_FUTURE",
            Self::TooLongAgo => "TOO_LONG_AGO",
            Self::NoSuchInspection => "NO_SUCH_INSPECTION",
            Self::NotYoursToAnswer => "NOT_YOURS_TO_ANSWER",
            Self::ReplyTooLate => "REPLY_TOO_LATE",
            Self::TooManyReplies => "TOO_MANY_REPLIES",
            Self::AlreadyDecided => "ALREADY_DECIDED",
            Self::OwnFinding => "OWN_FINDING",
            Self::NotAPerson => "NOT_A_PERSON",
            Self::ReplyAwaited => "REPLY_AWAITED",
        }
    }

    fn said(&self) -> Said {
        let (zh, en) = match self {
            Self::NotInACentre => ("须写入某个中心", "stands in a centre's log, not the deployment's"),
            Self::NoSuchWindow => ("没有这个窗口", "there is no such window"),
            Self::NotAssignedHere => {
                ("所列人员当日未派驻本中心", "the person is not assigned to this centre then")
            }
            Self::NotResponsible => ("不在您的职责范围内", "is not within what one's role reaches"),
            Self::OwnConduct => ("不得督查或处理本人", "nobody inspects or decides about themselves"),
            Self::InTheFuture => ("时间尚未到来", "has not come yet"),
            Self::TooLongAgo => ("已超过三十天", "is more than 30 days ago"),
            Self::NoSuchInspection => ("没有这条督查记录", "there is no such inspection"),
            Self::NotYoursToAnswer => ("只有当事人可以申辩", "only the person concerned answers"),
            Self::ReplyTooLate => ("申辩期限已过", "the time to answer has passed"),
            Self::TooManyReplies => ("申辩次数已满二十次", "was answered 20 times, which is the most"),
            Self::AlreadyDecided => ("该督查已有结论", "was decided before"),
            Self::OwnFinding => ("督查人员不得自行处理", "whoever found it does not decide"),
            Self::NotAPerson => ("须由人员办理", "is decided by people, not by systems"),
            Self::ReplyAwaited => {
                ("当事人尚可申辩", "the person concerned may still answer, until the deadline")
            }
        };
        Said::new(zh, en)
    }
}
