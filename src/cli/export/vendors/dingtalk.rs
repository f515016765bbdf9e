//! DingTalk: a line for each end of each span, as its list of attendance results has them; a table (CSV).

use super::{DINGTALK_NO_PUNCH, beside, result, unknown};
use crate::cli::export::numbered::Numbered;
use crate::kernel::Zone;
use crate::proto::day_result::{Slot, Span, Supplement};
use crate::registers::directory::view;

/// The columns: DingTalk's, then ours.
pub const COLUMNS: [&str; 15] = [
    "userId",
    "workDate",
    "checkType",
    "timeResult",
    "sourceType",
    "baseCheckTime",
    "planCheckTime",
    "userCheckTime",
    "unknown",
    "personId",
    "slotResult",
    "spanResult",
    "isFinal",
    "seq",
    "entryIndex",
];

/// The lines of a day. An end that is not applicable has none.
pub fn lines(told: &Numbered, zone: &Zone) -> Vec<Vec<String>> {
    let spans = told.day.spans.iter();
    spans
        .flat_map(|span| {
            let on = span.on.as_ref().map(|slot| line(told, span, "OnDuty", slot, zone));
            let off = span.off.as_ref().map(|slot| line(told, span, "OffDuty", slot, zone));
            [on, off].into_iter().flatten().flatten()
        })
        .collect()
}

fn line(told: &Numbered, span: &Span, check_type: &str, slot: &Slot, zone: &Zone) -> Option<Vec<String>> {
    let (day, judged) = (&told.day, slot.r#final());
    let codes = result(judged);
    if codes.dingtalk.is_none() && unknown(judged).is_empty() {
        return None;
    }
    let millis = |stamp: Option<&prost_types::Timestamp>| {
        let ms = stamp.map(|at| at.seconds * 1_000 + i64::from(at.nanos / 1_000_000));
        ms.map(|ms| ms.to_string()).unwrap_or_default()
    };
    let by_device = matches!(slot.supplement(), Supplement::None | Supplement::ShiftChanged);
    let excused = span.excused() != crate::proto::day_result::Absence::Unspecified;
    let source = if by_device && !excused && slot.punch_index.is_none() {
        DINGTALK_NO_PUNCH
    } else {
        beside(span.excused(), slot.supplement()).dingtalk
    };
    Some(vec![
        told.employee_no.clone(),
        zone.start_of(view::day(day.work_date.as_ref())).get().to_string(),
        check_type.to_owned(),
        codes.dingtalk.unwrap_or_default().to_owned(),
        if codes.dingtalk.is_some() { source } else { "" }.to_owned(),
        millis(slot.required.as_ref()),
        millis(slot.plan.as_ref()),
        millis(slot.punched_at.as_ref()),
        unknown(judged).to_owned(),
        day.person_id.clone(),
        judged.as_str_name().to_owned(),
        span.result().as_str_name().to_owned(),
        slot.is_final.to_string(),
        day.seq.to_string(),
        day.entry_index.to_string(),
    ])
}
