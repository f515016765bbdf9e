//! Feishu: an object for each day of a person, as its tasks of users have them: a record for each span.

use serde_json::{Value, json};

use super::{beside, ours, result, seconds, unknown};
use crate::cli::export::numbered::Numbered;
use crate::proto::day_result::{Slot, SlotResult, Span};

/// Where the object names whose day it is.
pub const USER: [&str; 1] = [ACCOUNT];
const ACCOUNT: &str = "user_id";

/// What the record of a punch says of serious lateness; a task has no code of its own for it.
const SERIOUS: &str = "SeriousLate";

/// The object of a day.
pub fn object(told: &Numbered) -> Value {
    let day = &told.day;
    let date = day.work_date.unwrap_or_default();
    json!({
        ACCOUNT: told.employee_no,
        "day": date.year * 10_000 + date.month * 100 + date.day,
        "shift_id": day.shift,
        "records": day.spans.iter().map(record).collect::<Vec<_>>(),
        "qinlian": ours(day),
    })
}

fn record(span: &Span) -> Value {
    let (on, off) = (end(span, span.on.as_ref()), end(span, span.off.as_ref()));
    json!({
        "check_in_result": on.result,
        "check_in_result_supplement": on.supplement,
        "check_in_shift_time": on.shift_time,
        "check_in_record": {"check_time": on.check_time, "check_result": on.check_result},
        "check_in_unknown": on.unknown,
        "check_out_result": off.result,
        "check_out_result_supplement": off.supplement,
        "check_out_shift_time": off.shift_time,
        "check_out_record": {"check_time": off.check_time, "check_result": off.check_result},
        "check_out_unknown": off.unknown,
    })
}

#[derive(Debug, Default)]
struct End {
    result: &'static str,
    supplement: &'static str,
    shift_time: String,
    check_time: String,
    check_result: &'static str,
    unknown: &'static str,
}

fn end(span: &Span, slot: Option<&Slot>) -> End {
    let Some(slot) = slot else { return End::default() };
    let text = |stamp| seconds(stamp).map(|at| at.to_string()).unwrap_or_default();
    let judged = slot.r#final();
    let known = result(judged).feishu;
    End {
        result: known.unwrap_or_default(),
        supplement: known.map(|_| beside(span.excused(), slot.supplement()).feishu).unwrap_or_default(),
        shift_time: text(slot.plan.as_ref()),
        check_time: text(slot.punched_at.as_ref()),
        check_result: if judged == SlotResult::SeriousLate { SERIOUS } else { known.unwrap_or_default() },
        unknown: unknown(judged),
    }
}
