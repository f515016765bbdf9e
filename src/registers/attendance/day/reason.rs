//! Why a slot and a day came to what they did, in words. Rendered from the outcome when it is read; nothing of it is
//! stored. No names: only times, codes and rules.

use super::outcome::{DayOutcome, Flag, Headline, Open, Slot, SlotResult, SpanResult, Supplement};
use super::slot::End;
use crate::kernel::{EpochMs, Said, Zone};
use crate::registers::attendance::view::Trust;
use crate::registers::roster::view::DaySource;

/// `08:42`, on a wall clock there.
fn clock(zone: &Zone, at: EpochMs) -> String {
    zone.wall(at).get(11..16).unwrap_or_default().to_owned()
}

/// `11-02 08:42`: where the day may be another one.
fn date_clock(zone: &Zone, at: EpochMs) -> String {
    zone.wall(at).get(5..16).unwrap_or_default().to_owned()
}

/// One end of a span.
pub fn slot(slot: &Slot, end: End, zone: &Zone) -> Said {
    let required = clock(zone, slot.required);
    let punched = slot.at.map(|at| clock(zone, at)).unwrap_or_default();
    let (due_zh, due_en) = match end {
        End::On => (format!("应 {required} 前上班"), format!("due by {required}")),
        End::Off => (format!("应 {required} 后下班"), format!("due until {required}")),
    };
    let minutes = slot.minutes;
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    let timed = |zh: String, en: String| {
        let zh = format!("{zh}：{due_zh}，{punched} 打卡");
        let en = format!("{en}: {due_en}, clocked at {punched}");
        (zh, en)
    };
    let (zh, en) = match slot.result {
        SlotResult::Normal => timed("正常".to_owned(), "in time".to_owned()),
        SlotResult::Late => timed(format!("迟到 {minutes} 分钟"), format!("{minutes} {unit} late")),
        SlotResult::SeriousLate => {
            timed(format!("严重迟到 {minutes} 分钟"), format!("seriously late, {minutes} {unit}"))
        }
        SlotResult::AbsentLate => timed(
            format!("迟到 {minutes} 分钟，按旷工计"),
            format!("{minutes} {unit} late, which is absence"),
        ),
        SlotResult::Early => timed(format!("早退 {minutes} 分钟"), format!("left {minutes} {unit} early")),
        SlotResult::AbsentEarly => timed(
            format!("早退 {minutes} 分钟，按旷工计"),
            format!("left {minutes} {unit} early, which is absence"),
        ),
        SlotResult::Missing => (
            format!("缺卡：{due_zh}，设备记录已齐，没有打卡"),
            format!("not clocked: {due_en}, and the devices have told of everything"),
        ),
        SlotResult::Excused => {
            ("已批准请假或外出，无需打卡".to_owned(), "excused by an approved absence".to_owned())
        }
        SlotResult::NotApplicable => {
            ("此时段不在本中心任职".to_owned(), "not assigned here at the time".to_owned())
        }
        SlotResult::Pending => open(slot, zone, "待定", "not known yet"),
        SlotResult::Unverified => open(slot, zone, "无法核实，不作旷工", "unverified, which is no absence"),
    };
    let (rule, supplement) = (rule(slot), supplement(slot));
    Said::new(format!("{zh}{}（规则 {rule}）", supplement.zh), format!("{en}{} (rule {rule})", supplement.en))
}

/// Which rule decided.
fn rule(slot: &Slot) -> &'static str {
    match (slot.result, &slot.open) {
        (_, Some(Open::Suspect)) => "R4",
        (SlotResult::Pending | SlotResult::Unverified, _) => "R5",
        (
            SlotResult::Normal
            | SlotResult::Late
            | SlotResult::SeriousLate
            | SlotResult::AbsentLate
            | SlotResult::Early
            | SlotResult::AbsentEarly
            | SlotResult::Missing
            | SlotResult::Excused
            | SlotResult::NotApplicable,
            _,
        ) => "R8",
    }
}

fn open(slot: &Slot, zone: &Zone, zh: &str, en: &str) -> (String, String) {
    match &slot.open {
        Some(Open::Device { device, threshold }) => {
            let until = date_clock(zone, *threshold);
            (
                format!("{zh}：设备 {device} 在 {until} 之前的记录尚未到齐"),
                format!("{en}: device {device} has not told of everything up to {until}"),
            )
        }
        Some(Open::AllOut) => (
            format!("{zh}：其间所有设备均已报故障，须人工点名"),
            format!("{en}: every device was out of order for a while, and a manual roll decides"),
        ),
        Some(Open::NoDevice) => {
            (format!("{zh}：其间没有在用设备"), format!("{en}: no device was in service for a while"))
        }
        Some(Open::Suspect) => (
            format!("{zh}：打卡时间不可靠，须人工认定"),
            format!("{en}: the time of a punch cannot be relied on, and a person decides"),
        ),
        None => (zh.to_owned(), en.to_owned()),
    }
}

fn supplement(slot: &Slot) -> Said {
    let decided = slot.punch.is_some();
    let (zh, en) = match slot.supplement {
        Supplement::Corrected => ("；经补卡", "; by a correction"),
        Supplement::ManualRoll => ("；经人工点名", "; by a manual roll"),
        Supplement::ShiftChanged => ("；班次已换", "; the shift was changed by a swap"),
        Supplement::Excused if slot.required != slot.plan => {
            ("；扣除已批准的时段", "; after an approved absence")
        }
        Supplement::Excused | Supplement::None => match slot.trust {
            Some(Trust::Corrected) if decided => ("；设备时间已校正", "; by the device's corrected clock"),
            Some(Trust::Imported) if decided => ("；时间来自导入文件", "; as the imported file says"),
            Some(Trust::Trusted | Trust::Suspect | Trust::Corrected | Trust::Imported) | None => ("", ""),
        },
    };
    Said::new(zh, en)
}

/// The day: its worst, where it comes from, and what somebody should look at.
pub fn day(outcome: &DayOutcome, zone: &Zone) -> Said {
    let (zh, en) = match outcome.headline {
        Headline::Pending | Headline::NotApplicable if outcome.spans.is_empty() => without_spans(outcome),
        Headline::Rest => without_spans(outcome),
        Headline::Pending
        | Headline::Unverified
        | Headline::Absent
        | Headline::Missing
        | Headline::SeriousLate
        | Headline::Late
        | Headline::Early
        | Headline::Normal
        | Headline::Excused
        | Headline::NotApplicable => worst(outcome, zone),
    };
    let mut said = Said::new(zh, en);
    if outcome.swapped.is_some() {
        said.zh = format!("{}；按换班", said.zh);
        said.en = format!("{}; by a swap of duties", said.en);
    }
    for flag in &outcome.flags {
        let (zh, en) = flagged(*flag);
        said.zh = format!("{}；{zh}", said.zh);
        said.en = format!("{}; {en}", said.en);
    }
    said
}

fn without_spans(outcome: &DayOutcome) -> (String, String) {
    let (zh, en) = match outcome.headline {
        Headline::Pending => {
            ("待定：这一年的节假日安排尚未录入", "not known yet: the year's calendar was not entered")
        }
        Headline::NotApplicable => {
            ("当日不在本中心任职，或未排班", "not assigned here, or nothing rostered, on the day")
        }
        Headline::Rest
        | Headline::Unverified
        | Headline::Absent
        | Headline::Missing
        | Headline::SeriousLate
        | Headline::Late
        | Headline::Early
        | Headline::Normal
        | Headline::Excused => match outcome.source {
            DaySource::Roster => ("按排班休息", "a day of rest by the roster"),
            DaySource::Centre => ("本中心当日不对外服务", "the centre is closed"),
            DaySource::Statutory => ("法定节假日", "a holiday by law"),
            DaySource::Adjusted => ("调休", "rest that was moved here"),
            DaySource::Makeup | DaySource::Weekly => ("休息日", "a day of rest"),
        },
    };
    (format!("{zh}（规则 R6）"), format!("{en} (rule R6)"))
}

/// The sentence of the slot that is to blame, with the span it belongs to.
fn worst(outcome: &DayOutcome, zone: &Zone) -> (String, String) {
    let both_missing = outcome.headline == Headline::Absent;
    let mut slots = outcome
        .spans
        .iter()
        .enumerate()
        .flat_map(|(nth, span)| [(nth, span, &span.on, End::On), (nth, span, &span.off, End::Off)]);
    let blamed = slots.find(|(_, span, of, _)| match outcome.headline {
        Headline::Pending => of.result == SlotResult::Pending,
        Headline::Unverified => of.result == SlotResult::Unverified,
        Headline::Absent => {
            let weighs =
                matches!(of.result, SlotResult::AbsentLate | SlotResult::AbsentEarly | SlotResult::Missing);
            span.result == SpanResult::Absent && weighs
        }
        Headline::Missing => of.result == SlotResult::Missing,
        Headline::SeriousLate => of.result == SlotResult::SeriousLate,
        Headline::Late => of.result == SlotResult::Late,
        Headline::Early => of.result == SlotResult::Early,
        Headline::Normal => of.result == SlotResult::Normal,
        Headline::Excused => of.result == SlotResult::Excused,
        Headline::Rest | Headline::NotApplicable => true,
    });
    let Some((nth, _, of, end)) = blamed else { return (String::new(), String::new()) };
    let said = slot(of, end, zone);
    let nth = nth + 1;
    let (absent_zh, absent_en) = if both_missing { ("旷工：", "absent: ") } else { ("", "") };
    match outcome.headline {
        Headline::Normal => ("正常（规则 R8）".to_owned(), "in time (rule R8)".to_owned()),
        Headline::Pending
        | Headline::Unverified
        | Headline::Absent
        | Headline::Missing
        | Headline::SeriousLate
        | Headline::Late
        | Headline::Early
        | Headline::Excused
        | Headline::Rest
        | Headline::NotApplicable => {
            (format!("{absent_zh}第 {nth} 段，{}", said.zh), format!("{absent_en}span {nth}, {}", said.en))
        }
    }
}

fn flagged(flag: Flag) -> (&'static str, &'static str) {
    match flag {
        Flag::RestWithPunch => ("休息日有打卡", "clocked on a day of rest"),
        Flag::PunchWhileExcused => ("请假时段有打卡", "clocked in a time that is excused"),
        Flag::MidSpanGap => ("中途外出超过允许时间", "out and in again for longer than is allowed"),
        Flag::AllDevicesOut => ("所有设备曾同时故障", "every device was out of order for a while"),
        Flag::JournalLost => {
            ("其间有设备记录经登记遗失", "records of a device of that time were declared lost")
        }
        Flag::SuspectTime => ("打卡时间不可靠", "the time of a punch cannot be relied on"),
    }
}
