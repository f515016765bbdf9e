//! What a day came to, as a line.
//!
//! `ABSENT: MISSING, NORMAL | LATE 1, MISSING raw, NORMAL by CORRECTED; absent 500; MID_SPAN_GAP; waits 09:30, gate-1 12:30`

use qinlian::kernel::EpochMs;
use qinlian::registers::attendance::day::outcome::{
    DayOutcome, DayWait, Flag, Headline, Slot, SlotResult, SpanOutcome, SpanResult, Supplement,
};
use qinlian::registers::attendance::day::reason;
use qinlian::registers::attendance::day::slot::End;

use super::given::Given;

pub(super) fn shown(day: &DayOutcome, given: &Given) -> String {
    let spans: Vec<String> = day.spans.iter().map(span).collect();
    let mut line = headline(day.headline).to_owned();
    if !spans.is_empty() {
        line = format!("{line}: {}", spans.join(" | "));
    }
    if day.absent_fraction_permille > 0 {
        line = format!("{line}; absent {}", day.absent_fraction_permille);
    }
    for flag in &day.flags {
        line = format!("{line}; {}", flagged(*flag));
    }
    if !day.waits.is_empty() {
        let waits: Vec<String> = day
            .waits
            .iter()
            .map(|wait| match wait {
                DayWait::Time(at) => clock(given, *at),
                DayWait::Coverage { device, threshold } => format!("{device} {}", clock(given, *threshold)),
            })
            .collect();
        line = format!("{line}; waits {}", waits.join(", "));
    }
    let open = |slot: &Slot| !slot.is_final;
    let all_final = !day.spans.iter().any(|span| open(&span.on) || open(&span.off));
    let unknown = matches!(day.headline, Headline::Pending | Headline::Unverified);
    assert_eq!(day.is_final, all_final && !unknown, "a day is final when all of it is: {line}");
    line
}

/// `12:30`, and the date when it is not that of the day.
fn clock(given: &Given, at: EpochMs) -> String {
    let wall = given.zone.wall(at);
    if given.zone.day_of(at) == given.day { wall[11..16].to_owned() } else { wall[5..16].to_owned() }
}

fn span(span: &SpanOutcome) -> String {
    let slots = format!("{}, {}", slot(&span.on), slot(&span.off));
    let excused = span.excused.map_or(String::new(), |kind| format!(" {kind:?}").to_uppercase());
    let weighs = if span.result == SpanResult::Absent { "!" } else { "" };
    format!("{slots}{excused}{weighs}")
}

fn slot(slot: &Slot) -> String {
    let mut text = result(slot.result).to_owned();
    if slot.minutes != 0 {
        text = format!("{text} {}", slot.minutes);
    }
    if slot.raw != slot.result {
        text = format!("{text} instead of {}", result(slot.raw));
    }
    match slot.supplement {
        Supplement::None => {}
        Supplement::Corrected => text.push_str(" by correction"),
        Supplement::ManualRoll => text.push_str(" by roll"),
        Supplement::Excused if slot.result == SlotResult::Excused => {}
        Supplement::Excused => text.push_str(" after leave"),
        Supplement::ShiftChanged => text.push_str(" by swap"),
    }
    let known = !matches!(slot.result, SlotResult::Pending | SlotResult::Unverified);
    assert_eq!(slot.is_final, known, "what is known is final");
    assert_eq!(slot.open.is_none(), known, "what is open says why");
    text
}

fn result(result: SlotResult) -> &'static str {
    match result {
        SlotResult::Normal => "NORMAL",
        SlotResult::Late => "LATE",
        SlotResult::SeriousLate => "SERIOUS_LATE",
        SlotResult::AbsentLate => "ABSENT_LATE",
        SlotResult::Early => "EARLY",
        SlotResult::AbsentEarly => "ABSENT_EARLY",
        SlotResult::Missing => "MISSING",
        SlotResult::Excused => "EXCUSED",
        SlotResult::Pending => "PENDING",
        SlotResult::Unverified => "UNVERIFIED",
        SlotResult::NotApplicable => "NOT_APPLICABLE",
    }
}

fn headline(headline: Headline) -> &'static str {
    match headline {
        Headline::Pending => "PENDING",
        Headline::Unverified => "UNVERIFIED",
        Headline::Absent => "ABSENT",
        Headline::Missing => "MISSING",
        Headline::SeriousLate => "SERIOUS_LATE",
        Headline::Late => "LATE",
        Headline::Early => "EARLY",
        Headline::Normal => "NORMAL",
        Headline::Excused => "EXCUSED",
        Headline::Rest => "REST",
        Headline::NotApplicable => "NOT_APPLICABLE",
    }
}

fn flagged(flag: Flag) -> &'static str {
    match flag {
        Flag::RestWithPunch => "REST_WITH_PUNCH",
        Flag::PunchWhileExcused => "PUNCH_WHILE_EXCUSED",
        Flag::MidSpanGap => "MID_SPAN_GAP",
        Flag::AllDevicesOut => "ALL_DEVICES_OUT",
        Flag::SuspectTime => "SUSPECT_TIME",
        Flag::JournalLost => "JOURNAL_LOST",
    }
}

/// Every slot and every day has a sentence in both languages that names its rule.
pub(super) fn is_said_in_words(rule: &str, given: &Given) {
    let day = given.judge();
    let whole = reason::day(&day, &given.zone);
    assert!(whole.zh.contains("（规则 R") && whole.en.contains("(rule R"), "{rule}: {whole:?}");
    for span in &day.spans {
        for (slot, end) in [(&span.on, End::On), (&span.off, End::Off)] {
            let said = reason::slot(slot, end, &given.zone);
            assert!(said.zh.contains("（规则 R") && said.en.contains("(rule R"), "{rule}: {said:?}");
        }
    }
}

#[test]
fn reasons_read_like_this() {
    let table = [
        (
            "std; IN 08:42; OUT 12:00",
            End::On,
            "迟到 12 分钟：应 08:30 前上班，08:42 打卡（规则 R8）",
            "12 minutes late: due by 08:30, clocked at 08:42 (rule R8)",
        ),
        (
            "std; IN 08:29; OUT 11:45 corrected",
            End::Off,
            "早退 15 分钟：应 12:00 后下班，11:45 打卡；设备时间已校正（规则 R8）",
            "left 15 minutes early: due until 12:00, clocked at 11:45; by the device's corrected clock (rule R8)",
        ),
        (
            "std; told 10:00; at 11:00",
            End::On,
            "待定：设备 gate-1 在 11-02 13:00 之前的记录尚未到齐（规则 R5）",
            "not known yet: device gate-1 has not told of everything up to 11-02 13:00 (rule R5)",
        ),
        (
            "std; out 08:00-09:00",
            End::On,
            "无法核实，不作旷工：其间所有设备均已报故障，须人工点名（规则 R5）",
            "unverified, which is no absence: every device was out of order for a while, and a manual roll decides (rule R5)",
        ),
        (
            "std; leave 08:30-10:00; IN 10:01; OUT 12:00",
            End::On,
            "迟到 1 分钟：应 10:00 前上班，10:01 打卡；扣除已批准的时段（规则 R8）",
            "1 minute late: due by 10:00, clocked at 10:01; after an approved absence (rule R8)",
        ),
    ];
    for (text, end, zh, en) in table {
        let given = Given::parse(text);
        let day = given.judge();
        let of = if end == End::On { &day.spans[0].on } else { &day.spans[0].off };
        let said = reason::slot(of, end, &given.zone);
        assert_eq!((said.zh.as_str(), said.en.as_str()), (zh, en), "{text}");
    }
    let given = Given::parse("std; OUT 17:30");
    let said = reason::day(&given.judge(), &given.zone);
    assert_eq!(said.zh, "旷工：第 1 段，缺卡：应 08:30 前上班，设备记录已齐，没有打卡（规则 R8）");
}
