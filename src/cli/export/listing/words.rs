//! What the codes of lists are called in a file that people read.

use crate::proto::guidance::Kind as Guided;
use crate::proto::leave::Kind as Leave;
use crate::proto::pause::{Classification, Decision, EndMode, Reason, SignMode, Subject};
use crate::proto::punch::{Direction, Method};
use crate::proto::{DutyFlag, PunchFlag};

/// Every kind of leave, in the order of the columns.
pub(super) const LEAVE: [Leave; 13] = [
    Leave::Official,
    Leave::Personal,
    Leave::Sick,
    Leave::Annual,
    Leave::Marriage,
    Leave::Maternity,
    Leave::Paternity,
    Leave::Bereavement,
    Leave::HomeVisit,
    Leave::TempOut,
    Leave::Training,
    Leave::Other,
    Leave::Trip,
];

/// Which way somebody went.
pub(super) const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Unspecified => "",
        Direction::In => "签到",
        Direction::Out => "签退",
        Direction::Unknown => "不明",
    }
}

/// By what they were known.
pub(super) const fn method(method: Method) -> &'static str {
    match method {
        Method::Unspecified => "",
        Method::Card => "刷卡",
        Method::Face => "人脸",
        Method::Fingerprint => "指纹",
        Method::Pin => "密码",
        Method::Qr => "扫码",
        Method::Manual => "手工",
    }
}

/// Why a clock-in should be looked at.
pub(super) const fn punch_flag(flag: PunchFlag) -> &'static str {
    match flag {
        PunchFlag::Unspecified => "",
        PunchFlag::UnknownPerson => "当时无法识别人员",
        PunchFlag::NotAssignedHere => "当日不在本中心",
        PunchFlag::PersonRetired => "人员已停用",
        PunchFlag::FutureTime => "自报时间超前",
        PunchFlag::OldTime => "自报时间过早",
        PunchFlag::BadSignature => "签名无效",
        PunchFlag::JournalGap => "流水缺号",
        PunchFlag::FallbackCredential => "未用常用凭证",
        PunchFlag::DeviceRetired => "设备已停用",
        PunchFlag::FromImport => "文件导入",
        PunchFlag::UnprovenWitness => "见证人凭证无效",
    }
}

/// Whose absence a pause is.
pub(super) const fn subject(subject: Subject) -> &'static str {
    match subject {
        Subject::Unspecified => "",
        Subject::Person => "人员",
        Subject::Window => "窗口",
    }
}

/// Why a window pauses.
pub(super) const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Unspecified => "",
        Reason::Comfort => "如厕饮水",
        Reason::Consult => "请示会商",
        Reason::DeliverDocs => "送取材料",
        Reason::BackOffice => "后台办理",
        Reason::SiteVisit => "现场踏勘",
        Reason::Meeting => "会议",
        Reason::TrainingCourse => "培训",
        Reason::Medical => "就医",
        Reason::Nursing => "哺乳",
        Reason::MealRotation => "轮流用餐",
        Reason::HallDuty => "大厅值守",
        Reason::Equipment => "设备故障",
        Reason::SystemOutage => "系统故障",
        Reason::Emergency => "紧急情况",
        Reason::OtherReason => "其他",
    }
}

/// How a pause ended.
pub(super) const fn end_mode(mode: EndMode) -> &'static str {
    match mode {
        EndMode::Unspecified => "",
        EndMode::Returned => "返回",
        EndMode::CoveredBy => "他人顶岗",
        EndMode::ShiftEnd => "下班",
        EndMode::ForcedClose => "强制结束",
        EndMode::AutoClose => "自动结束",
        EndMode::NotStarted => "未开始",
    }
}

/// How it kept its promise.
pub(super) const fn classification(classification: Classification) -> &'static str {
    match classification {
        Classification::Unspecified => "",
        Classification::OnTime => "按时",
        Classification::LateReturn => "超时返回",
        Classification::LeftPost => "疑似脱岗",
        Classification::ExcusedPause => "不计个人",
    }
}

/// Which sign stood in the window.
pub(super) const fn sign_mode(mode: SignMode) -> &'static str {
    match mode {
        SignMode::Unspecified => "",
        SignMode::CardSign => "桌牌",
        SignMode::Led => "电子屏",
        SignMode::QueueScreen => "叫号屏",
    }
}

/// What citizens are told.
pub(super) const fn guidance(kind: Guided) -> &'static str {
    match kind {
        Guided::Unspecified => "",
        Guided::Redirect => "请到窗口",
        Guided::BPost => "他人代班",
        Guided::ReturnTime => "已告知返回时间",
    }
}

/// What somebody decided about a pause.
pub(super) const fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Unspecified => "",
        Decision::Approve => "同意",
        Decision::Refuse => "不同意",
        Decision::ReturnNow => "召回",
    }
}

/// What is odd about a pause.
pub(super) const fn duty_flag(flag: DutyFlag) -> &'static str {
    match flag {
        DutyFlag::Unspecified => "",
        DutyFlag::NoSign => "未放标识",
        DutyFlag::NoGuidance => "未引导",
        DutyFlag::LastWindow => "事项仅此窗口",
        DutyFlag::NoApproval => "未经批准",
        DutyFlag::LeftAnyway => "强制离开",
        DutyFlag::NotClockedIn => "未签到",
        DutyFlag::Overridden => "例外放行",
        DutyFlag::TooManyPauses => "次数或时长超限",
        DutyFlag::OutOfTurn => "次序不符",
        DutyFlag::UnknownStaff => "无法识别人员",
        DutyFlag::NotBound => "非本窗口人员",
        DutyFlag::Offline => "离线补传",
        DutyFlag::ClaimedTime => "时间为终端自报",
        DutyFlag::StampSignatureBad => "签名无效",
        DutyFlag::StampJournalGap => "流水缺号",
        DutyFlag::ReturnTimeOdd => "承诺时间异常",
    }
}
