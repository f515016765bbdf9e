//! WeCom: an object for each day of a person, as its daily report has them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{WECOM_ABSENT, beside, is_absent, is_unknown, ours, result, seconds};
use crate::cli::export::numbered::Numbered;
use crate::kernel::Zone;
use crate::proto::DayResult;
use crate::proto::day_result::{Absence, Kind, Slot, SlotResult, Span};
use crate::registers::directory::view;

/// Where the object names whose day it is.
pub const USER: [&str; 2] = [BASE, ACCOUNT];
const BASE: &str = "base_info";
const ACCOUNT: &str = "acctid";

/// The object of a day. WeCom's unit is the day: where one end is not known the exceptions of the day are blank, since a
/// list without any would say that it was in order.
pub fn object(told: &Numbered, zone: &Zone) -> Value {
    let day = &told.day;
    let exceptions = if is_unknown(day) { Value::Null } else { exceptions(day) };
    json!({
        BASE: {
            ACCOUNT: told.employee_no,
            "date": zone.start_of(view::day(day.work_date.as_ref())).get() / 1_000,
            "day_type": u8::from(matches!(day.kind(), Kind::Rest | Kind::Holiday)),
        },
        "exception_infos": exceptions,
        "sp_items": items(day),
        "qinlian": ours(day),
    })
}

/// What was wrong: how often, and for how many seconds.
fn exceptions(day: &DayResult) -> Value {
    let mut found: BTreeMap<u8, (u32, i64)> = BTreeMap::new();
    let mut add = |exception: u8, seconds: i64| {
        let (count, duration) = found.entry(exception).or_default();
        *count += 1;
        *duration += seconds;
    };
    for span in &day.spans {
        let absent = is_absent(span.result());
        if absent {
            // Once for the span, whichever of its ends made it that.
            add(WECOM_ABSENT, length(span));
        }
        for slot in [&span.on, &span.off].into_iter().flatten() {
            let judged = slot.r#final();
            let counted = absent && (judged == SlotResult::Missing || is_absence(judged));
            if let Some(exception) = result(judged).wecom.filter(|_| !counted) {
                add(exception, i64::from(slot.minutes) * 60);
            }
        }
    }
    found
        .into_iter()
        .map(|(exception, (count, duration))| json!({"exception": exception, "count": count, "duration": duration}))
        .collect()
}

fn is_absence(judged: SlotResult) -> bool {
    result(judged).wecom == Some(WECOM_ABSENT)
}

/// What was approved, or made good: of a span as a whole, or of one end.
fn items(day: &DayResult) -> Value {
    let mut found: BTreeMap<u8, (u32, i64)> = BTreeMap::new();
    let mut add = |item: Option<u8>, seconds: i64| {
        if let Some(item) = item {
            let (count, duration) = found.entry(item).or_default();
            *count += 1;
            *duration += seconds;
        }
    };
    for span in &day.spans {
        if span.excused() != Absence::Unspecified {
            let whole = beside(span.excused(), crate::proto::day_result::Supplement::None);
            add(whole.wecom, length(span));
            continue;
        }
        for slot in [&span.on, &span.off].into_iter().flatten() {
            add(beside(Absence::Unspecified, slot.supplement()).wecom, moved(slot));
        }
    }
    found
        .into_iter()
        .map(|(item, (count, duration))| json!({"type": item, "count": count, "duration": duration, "time_type": 1}))
        .collect()
}

fn length(span: &Span) -> i64 {
    let at = |slot: &Option<Slot>| seconds(slot.as_ref().and_then(|slot| slot.plan.as_ref()));
    at(&span.off).zip(at(&span.on)).map_or(0, |(off, on)| off - on)
}

/// By how much an end was moved.
fn moved(slot: &Slot) -> i64 {
    let moved = seconds(slot.required.as_ref()).zip(seconds(slot.plan.as_ref()));
    moved.map_or(0, |(required, plan)| (required - plan).abs())
}
