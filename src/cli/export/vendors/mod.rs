//! The shapes in which three attendance products hand out results, for systems that read those already.
//!
//! [`RESULTS`], [`SUPPLEMENTS`] and [`ABSENCES`] are the whole mapping; docs/exports.md shows the same, and a test holds the
//! two together. What is not known (PENDING, UNVERIFIED) has no code with any vendor: it is left blank, and a field of our
//! own says so. It is never absence.

use std::io::Write;

use serde_json::{Value, json};

pub mod dingtalk;
pub mod feishu;
pub mod wecom;

use crate::proto::DayResult;
use crate::proto::day_result::{Absence, SlotResult, SpanResult, Supplement};

/// The codes of a result of one end of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codes {
    /// DingTalk's `timeResult`; `None`: blank.
    pub dingtalk: Option<&'static str>,
    /// WeCom's `exception`; `None`: no exception, or, where it is not known, blank.
    pub wecom: Option<u8>,
    /// Feishu's `check_in_result` and `check_out_result`; `None`: blank.
    pub feishu: Option<&'static str>,
}

const fn codes(dingtalk: &'static str, wecom: Option<u8>, feishu: &'static str) -> Codes {
    Codes { dingtalk: Some(dingtalk), wecom, feishu: Some(feishu) }
}

const BLANK: Codes = Codes { dingtalk: None, wecom: None, feishu: None };

/// WeCom: late.
pub const WECOM_LATE: u8 = 1;
/// WeCom: left early.
pub const WECOM_EARLY: u8 = 2;
/// WeCom: a punch is missing.
pub const WECOM_MISSING: u8 = 3;
/// WeCom: absent.
pub const WECOM_ABSENT: u8 = 4;

/// Every result, and what it is called elsewhere.
pub const RESULTS: [(SlotResult, Codes); 11] = [
    (SlotResult::Normal, codes("Normal", None, "Normal")),
    (SlotResult::Late, codes("Late", Some(WECOM_LATE), "Late")),
    // Tasks of users know one lateness with Feishu; that it is serious stands in the record of the punch.
    (SlotResult::SeriousLate, codes("SeriousLate", Some(WECOM_LATE), "Late")),
    // Feishu's own rule: who is later than the limit of absence counts as not having clocked.
    (SlotResult::AbsentLate, codes("Absenteeism", Some(WECOM_ABSENT), "Lack")),
    (SlotResult::Early, codes("Early", Some(WECOM_EARLY), "Early")),
    (SlotResult::AbsentEarly, codes("Absenteeism", Some(WECOM_ABSENT), "Lack")),
    (SlotResult::Missing, codes("NotSigned", Some(WECOM_MISSING), "Lack")),
    (SlotResult::Excused, codes("Normal", None, "NoNeedCheck")),
    (SlotResult::Pending, BLANK),
    (SlotResult::Unverified, BLANK),
    (SlotResult::SlotNotApplicable, Codes { feishu: Some("NoNeedCheck"), ..BLANK }),
];

/// Where a result comes from, elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beside {
    /// DingTalk's `sourceType`, where a punch or somebody decided.
    pub dingtalk: &'static str,
    /// WeCom's type of an item of `sp_items`; `None`: no item.
    pub wecom: Option<u8>,
    /// Feishu's supplement.
    pub feishu: &'static str,
}

/// WeCom: leave.
pub const WECOM_LEAVE: u8 = 1;
/// WeCom: a card that was made good.
pub const WECOM_CORRECTED: u8 = 2;
/// WeCom: a business trip.
pub const WECOM_TRIP: u8 = 3;
/// WeCom: out on business.
pub const WECOM_OUT: u8 = 4;

/// DingTalk's `sourceType` of a result that nothing but the lack of a punch decided.
pub const DINGTALK_NO_PUNCH: &str = "SYSTEM";

/// Every supplement, and what it is called elsewhere.
pub const SUPPLEMENTS: [(Supplement, Beside); 5] = [
    (Supplement::None, Beside { dingtalk: "ATM", wecom: None, feishu: "None" }),
    (
        Supplement::Corrected,
        Beside { dingtalk: "APPROVE", wecom: Some(WECOM_CORRECTED), feishu: "CardReplacement" },
    ),
    (
        Supplement::ManualRoll,
        Beside { dingtalk: "BOSS", wecom: Some(WECOM_CORRECTED), feishu: "ManagerModification" },
    ),
    (Supplement::Excused, Beside { dingtalk: "APPROVE", wecom: Some(WECOM_LEAVE), feishu: "Leave" }),
    (Supplement::ShiftChanged, Beside { dingtalk: "ATM", wecom: None, feishu: "ShiftChange" }),
];

/// What excuses a whole span, elsewhere: it goes before the supplement of its ends.
pub const ABSENCES: [(Absence, Beside); 4] = [
    (Absence::Leave, Beside { dingtalk: "APPROVE", wecom: Some(WECOM_LEAVE), feishu: "Leave" }),
    (Absence::Trip, Beside { dingtalk: "APPROVE", wecom: Some(WECOM_TRIP), feishu: "Travel" }),
    (Absence::Out, Beside { dingtalk: "APPROVE", wecom: Some(WECOM_OUT), feishu: "GoOut" }),
    (Absence::Training, Beside { dingtalk: "APPROVE", wecom: Some(WECOM_OUT), feishu: "GoOut" }),
];

/// The codes of a result; blank for what is none.
pub fn result(result: SlotResult) -> Codes {
    RESULTS.iter().find(|(known, _)| *known == result).map_or(BLANK, |(_, codes)| *codes)
}

/// What stands beside a result: what excuses the span, else the supplement of the end.
pub fn beside(absence: Absence, supplement: Supplement) -> Beside {
    let excused = ABSENCES.iter().find(|(known, _)| *known == absence).map(|(_, beside)| *beside);
    let [(_, nothing), ..] = SUPPLEMENTS;
    excused.unwrap_or_else(|| {
        let known = SUPPLEMENTS.iter().find(|(known, _)| *known == supplement);
        known.map_or(nothing, |(_, beside)| *beside)
    })
}

/// What is not known of an end, as a code and in words; empty when it is known.
pub fn unknown(result: SlotResult) -> &'static str {
    match result {
        SlotResult::Pending => "PENDING",
        SlotResult::Unverified => "UNVERIFIED",
        SlotResult::Unspecified
        | SlotResult::Normal
        | SlotResult::Late
        | SlotResult::SeriousLate
        | SlotResult::AbsentLate
        | SlotResult::Early
        | SlotResult::AbsentEarly
        | SlotResult::Missing
        | SlotResult::Excused
        | SlotResult::SlotNotApplicable => "",
    }
}

/// What we say of a day beside a vendor's fields. A vendor's name for it would be none.
fn ours(day: &DayResult) -> Value {
    let ends = day.spans.iter().flat_map(|span| [&span.on, &span.off]).flatten();
    let mut open: Vec<&str> =
        ends.map(|slot| unknown(slot.r#final())).filter(|open| !open.is_empty()).collect();
    if day.spans.is_empty() && day.headline() == crate::proto::day_result::Headline::Pending {
        open.push("PENDING");
    }
    open.sort_unstable();
    open.dedup();
    json!({
        "person_id": day.person_id,
        "headline": day.headline().as_str_name(),
        "final": day.r#final,
        "unknown": open,
        "revision": day.revision,
        "seq": day.seq,
        "entry_index": day.entry_index,
    })
}

/// Is something of a day not known?
fn is_unknown(day: &DayResult) -> bool {
    ours(day).get("unknown").and_then(Value::as_array).is_some_and(|open| !open.is_empty())
}

/// Is a span absence, as a whole?
fn is_absent(result: SpanResult) -> bool {
    result == SpanResult::SpanAbsent
}

/// Seconds since 1970.
fn seconds(stamp: Option<&prost_types::Timestamp>) -> Option<i64> {
    stamp.map(|at| at.seconds)
}

/// The tables of docs/exports.md.
pub fn write_tables(to: &mut impl Write) -> std::io::Result<()> {
    let text = |code: Option<&str>| code.map_or_else(String::new, |code| format!("`{code}`"));
    let number = |code: Option<u8>| code.map_or_else(String::new, |code| format!("`{code}`"));
    writeln!(
        to,
        "| result | DingTalk `timeResult` | WeCom `exception` | Feishu `check_…_result` | `unknown` |"
    )?;
    writeln!(to, "|---|---|---|---|---|")?;
    for (result, codes) in RESULTS {
        let (name, open) = (result.as_str_name(), Some(unknown(result)).filter(|open| !open.is_empty()));
        let cells = [text(codes.dingtalk), number(codes.wecom), text(codes.feishu), text(open)];
        writeln!(to, "| {name} | {} |", cells.join(" | "))?;
    }
    writeln!(to, "\n| beside it | DingTalk `sourceType` | WeCom `sp_items` type | Feishu supplement |")?;
    writeln!(to, "|---|---|---|---|")?;
    let supplements = SUPPLEMENTS.iter().map(|(supplement, beside)| (supplement.as_str_name(), beside));
    let absences = ABSENCES.iter().map(|(absence, beside)| (absence.as_str_name(), beside));
    for (name, beside) in supplements.chain(absences) {
        let cells = [text(Some(beside.dingtalk)), number(beside.wecom), text(Some(beside.feishu))];
        writeln!(to, "| {name} | {} |", cells.join(" | "))?;
    }
    Ok(())
}
