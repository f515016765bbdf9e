//! Every reason of duty to say no.

use crate::kernel::{Reason, Said};

/// Why a command of duty is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Windows stand in a centre's log.
    NotInACentre,
    /// The centre has no such window, or no longer.
    NoSuchWindow,
    /// The centre has no such device.
    UnknownDevice,
    /// The journal number was used for something else; that is on record.
    JournalNumberReused,
    /// A terminal stamps what it does.
    NoStamp,
    /// The terminal stands at another window.
    AnotherWindow,
    /// The credential stands for nobody here.
    UnknownStaff,
    /// Somebody acts for whom they are not responsible.
    NotResponsible,
    /// The person holds it already.
    AlreadyOpen,
    /// Somebody else holds it: hand over.
    HeldByAnother,
    /// The person holds another window.
    HoldsAnotherWindow,
    /// The person has not clocked in.
    NotClockedIn,
    /// The person is not bound to the window.
    NotBound,
    /// The window is not open.
    NotOpen,
    /// The window is paused.
    WindowPaused,
    /// Somebody else holds the window, or paused it.
    NotYours,
    /// A pause of the window is open already.
    AlreadyPaused,
    /// The return time is not after now, or more than a day away.
    ReturnTimeOutOfRange,
    /// No sign stands in the window.
    SignNotDisplayed,
    /// A window that citizens were to be sent to is not open, or does not serve the items.
    GuidanceNotOpen,
    /// Whoever is to stand in is not free.
    BPostNotFree,
    /// No other window of an item would be open.
    LastWindow,
    /// So long an absence is leave.
    PauseTooLong,
    /// More pauses, or longer together, than the policy has.
    TooManyPauses,
    /// There is no such pause, or nothing of it is the caller's.
    NoSuchPause,
    /// The window has no open pause.
    NoOpenPause,
    /// The new promise is not later than the last one.
    NotLater,
    /// It was extended as often as the policy has.
    TooManyExtensions,
    /// So long a pause is a lead's or a duty manager's to extend.
    NotYoursToExtend,
    /// Nobody decides about their own pause.
    OwnPause,
    /// Nothing is to be decided any more.
    AlreadyDecided,
    /// The centre has no such service item.
    NoSuchItem,
    /// Nobody covers themselves.
    CoversThemselves,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        self.row().0
    }

    fn said(&self) -> Said {
        let (_, zh, en) = self.row();
        Said::new(zh, en)
    }
}

impl Refusal {
    const fn row(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::NotInACentre => {
                ("NOT_IN_A_CENTRE", "须在中心的日志中登记", "windows stand in a centre's log")
            }
            Self::NoSuchWindow => ("NO_SUCH_WINDOW", "本中心没有这个窗口", "the centre has no such window"),
            Self::UnknownDevice => ("UNKNOWN_DEVICE", "本中心没有这台设备", "the centre has no such device"),
            Self::JournalNumberReused => (
                "JOURNAL_NUMBER_REUSED",
                "日志编号已用于其他事项，冲突已记录",
                "the journal number was used for something else; that is on record",
            ),
            Self::NoStamp => ("NO_STAMP", "终端须加盖设备戳", "a terminal stamps what it does"),
            Self::AnotherWindow => {
                ("ANOTHER_WINDOW", "该终端属于另一窗口", "the terminal stands at another window")
            }
            Self::UnknownStaff => {
                ("UNKNOWN_STAFF", "凭证未对应任何人员", "the credential stands for nobody here")
            }
            Self::NotResponsible => {
                ("NOT_RESPONSIBLE", "您不负责该人员", "you are not responsible for this person")
            }
            Self::AlreadyOpen => ("ALREADY_OPEN", "窗口已由本人开放", "the person holds the window already"),
            Self::HeldByAnother => (
                "HELD_BY_ANOTHER",
                "窗口由他人值守，请办理交接",
                "somebody else holds the window: hand it over",
            ),
            Self::HoldsAnotherWindow => {
                ("HOLDS_ANOTHER_WINDOW", "该人员已在另一窗口值守", "the person holds another window")
            }
            Self::NotClockedIn => ("NOT_CLOCKED_IN", "该人员尚未上班打卡", "the person has not clocked in"),
            Self::NotBound => ("NOT_BOUND", "该人员未绑定此窗口", "the person is not bound to the window"),
            Self::NotOpen => ("NOT_OPEN", "窗口未开放", "the window is not open"),
            Self::WindowPaused => ("WINDOW_PAUSED", "窗口处于暂停中", "the window is paused"),
            Self::NotYours => {
                ("NOT_YOURS", "该窗口或暂停属于他人", "the window or the pause is somebody else's")
            }
            Self::AlreadyPaused => {
                ("ALREADY_PAUSED", "窗口已有未结束的暂停", "a pause of the window is open already")
            }
            Self::ReturnTimeOutOfRange => (
                "RETURN_TIME_OUT_OF_RANGE",
                "预计返回时间须晚于现在且在 24 小时内",
                "the return time is not after now, or more than 24 hours away",
            ),
            Self::SignNotDisplayed => {
                ("SIGN_NOT_DISPLAYED", "请先放置“暂停服务”标识", "put up the sign first")
            }
            Self::GuidanceNotOpen => (
                "GUIDANCE_NOT_OPEN",
                "所指引的窗口未开放或不办理该事项",
                "a window to send citizens to is not open, or does not serve the items",
            ),
            Self::BPostNotFree => ("B_POST_NOT_FREE", "B 岗人员不在岗", "whoever is to stand in is not free"),
            Self::LastWindow => {
                ("LAST_WINDOW", "该事项将无其他窗口开放", "no other window of an item would be open")
            }
            Self::PauseTooLong => ("PAUSE_TOO_LONG", "时间过长，请办理请假", "so long an absence is leave"),
            Self::TooManyPauses => (
                "TOO_MANY_PAUSES",
                "暂停次数或总时长超过规定",
                "more pauses, or longer together, than the policy has",
            ),
            Self::NoSuchPause => ("NO_SUCH_PAUSE", "没有这次暂停", "there is no such pause"),
            Self::NoOpenPause => ("NO_OPEN_PAUSE", "窗口没有未结束的暂停", "the window has no open pause"),
            Self::NotLater => {
                ("NOT_LATER", "新的返回时间须晚于原定时间", "the new promise is not later than the last one")
            }
            Self::TooManyExtensions => {
                ("TOO_MANY_EXTENSIONS", "延长次数已用完", "it was extended as often as the policy has")
            }
            Self::NotYoursToExtend => (
                "NOT_YOURS_TO_EXTEND",
                "须由窗口负责人或值班长延长",
                "so long a pause is a lead's or a duty manager's to extend",
            ),
            Self::OwnPause => ("OWN_PAUSE", "不得决定本人的暂停", "nobody decides about their own pause"),
            Self::AlreadyDecided => ("ALREADY_DECIDED", "无需再作决定", "nothing is to be decided any more"),
            Self::NoSuchItem => ("NO_SUCH_ITEM", "没有这个事项", "there is no such service item"),
            Self::CoversThemselves => {
                ("COVERS_THEMSELVES", "不得为本人顶岗", "nobody stands in for themselves")
            }
        }
    }
}
