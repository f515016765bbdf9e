//! What the codes of results are called in a file that people read.

use crate::proto::TimeTrust;
use crate::proto::day_result::{Absence, Flag, Headline, Kind, SlotResult, Supplement};

/// The result of an end of a span.
pub(in crate::cli) const fn slot(result: SlotResult) -> &'static str {
    match result {
        SlotResult::Unspecified => "",
        SlotResult::Normal => "正常",
        SlotResult::Late => "迟到",
        SlotResult::SeriousLate => "严重迟到",
        SlotResult::AbsentLate => "迟到按旷工计",
        SlotResult::Early => "早退",
        SlotResult::AbsentEarly => "早退按旷工计",
        SlotResult::Missing => "缺卡",
        SlotResult::Excused => "已批准缺勤",
        SlotResult::Pending => "待定",
        SlotResult::Unverified => "无法核实",
        SlotResult::SlotNotApplicable => "不适用",
    }
}

/// What a day came to.
pub(in crate::cli) const fn headline(headline: Headline) -> &'static str {
    match headline {
        Headline::Unspecified => "",
        Headline::Pending => "待定",
        Headline::Unverified => "无法核实",
        Headline::Absent => "旷工",
        Headline::Missing => "缺卡",
        Headline::SeriousLate => "严重迟到",
        Headline::Late => "迟到",
        Headline::Early => "早退",
        Headline::Normal => "正常",
        Headline::Excused => "已批准缺勤",
        Headline::Rest => "休息",
        Headline::NotApplicable => "不适用",
    }
}

/// The same as one mark of a month.
pub(in crate::cli) const fn mark(headline: Headline) -> &'static str {
    match headline {
        Headline::Unspecified => "",
        Headline::Pending => "…",
        Headline::Unverified => "?",
        Headline::Absent => "旷",
        Headline::Missing => "缺",
        Headline::SeriousLate => "重",
        Headline::Late => "迟",
        Headline::Early => "退",
        Headline::Normal => "√",
        Headline::Excused => "假",
        Headline::Rest => "休",
        Headline::NotApplicable => "－",
    }
}

/// Every headline, the worst first: the legend.
pub(in crate::cli) const HEADLINES: [Headline; 11] = [
    Headline::Pending,
    Headline::Unverified,
    Headline::Absent,
    Headline::Missing,
    Headline::SeriousLate,
    Headline::Late,
    Headline::Early,
    Headline::Normal,
    Headline::Excused,
    Headline::Rest,
    Headline::NotApplicable,
];

/// What a day is.
pub(super) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Unspecified => "",
        Kind::Workday => "工作日",
        Kind::Rest => "休息日",
        Kind::Holiday => "法定节假日",
        Kind::Makeup => "调休上班日",
        Kind::PendingCalendar => "日历未定",
        Kind::NotApplicable => "不适用",
    }
}

/// How far a time can be relied on.
pub(super) const fn trust(trust: TimeTrust) -> &'static str {
    match trust {
        TimeTrust::Unspecified => "",
        TimeTrust::Trusted => "可信",
        TimeTrust::Corrected => "已校正",
        TimeTrust::Suspect => "存疑",
        TimeTrust::Imported => "文件导入",
    }
}

/// What stands beside the punches.
pub(super) const fn supplement(supplement: Supplement) -> &'static str {
    match supplement {
        Supplement::Unspecified | Supplement::None => "",
        Supplement::Corrected => "补卡",
        Supplement::ManualRoll => "人工点名",
        Supplement::Excused => "扣除已批准时段",
        Supplement::ShiftChanged => "班次调整",
    }
}

/// What excuses a span.
pub(super) const fn absence(absence: Absence) -> &'static str {
    match absence {
        Absence::Unspecified => "",
        Absence::Leave => "请假",
        Absence::Trip => "出差",
        Absence::Out => "外出",
        Absence::Training => "培训",
    }
}

/// What somebody should look at.
pub(super) const fn flag(flag: Flag) -> &'static str {
    match flag {
        Flag::Unspecified => "",
        Flag::RestWithPunch => "休息日打卡",
        Flag::PunchWhileExcused => "缺勤期间打卡",
        Flag::MidSpanGap => "中途离开",
        Flag::AllDevicesOut => "设备全部故障",
        Flag::SuspectTime => "时间存疑",
        Flag::JournalLost => "记录登记遗失",
    }
}

/// Yes or no.
pub(super) const fn yes(yes: bool) -> &'static str {
    if yes { "是" } else { "否" }
}
