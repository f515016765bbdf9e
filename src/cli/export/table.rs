//! The table: a line for each end of each span, under Chinese headings. The same cells for CSV and for the workbook.

use std::io::Write;

use super::canon;
use super::numbered::Numbered;
use super::words;
use crate::kernel::{EpochMs, Zone};
use crate::proto::DayResult;
use crate::proto::day_result::{Slot, Span};

/// The columns, in their order. New ones come at the end.
pub const COLUMNS: [&str; 27] = [
    "工号",
    "人员标识",
    "日期",
    "班次",
    "段",
    "端",
    "计划",
    "应到",
    "实际",
    "原始结果",
    "最终结果",
    "分钟",
    "可信度",
    "是否终局",
    "补充",
    "缺勤事由",
    "说明",
    "日历",
    "当日结论",
    "当日是否终局",
    "旷工天数",
    "标志",
    "修订",
    "序号",
    "条目",
    "打卡条目",
    "起因",
];

/// What spreadsheets take for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// UTF-8 with a byte order mark, as spreadsheets want it.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Writes a table.
#[derive(Debug)]
pub(super) struct Table<W: Write>(csv::Writer<W>);

impl<W: Write> Table<W> {
    /// With its headings.
    pub(super) fn begin(mut to: W, columns: &[&str]) -> anyhow::Result<Self> {
        to.write_all(MARK)?;
        let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(to);
        table.write_record(columns)?;
        Ok(Self(table))
    }

    /// One line; what a spreadsheet would calculate is written as text.
    pub(super) fn line(&mut self, cells: &[String]) -> anyhow::Result<()> {
        let cells = cells.iter().map(|cell| {
            if cell.starts_with(FORMULA) && cell.parse::<f64>().is_err() {
                format!("'{cell}")
            } else {
                cell.clone()
            }
        });
        Ok(self.0.write_record(cells)?)
    }

    /// What it was written to.
    pub(super) fn finish(self) -> anyhow::Result<W> {
        self.0.into_inner().map_err(|error| error.into_error().into())
    }
}

/// The lines of a day: two for each span; one for a day without spans.
pub(super) fn lines(told: &Numbered, zone: &Zone) -> Vec<Vec<String>> {
    let day = &told.day;
    if day.spans.is_empty() {
        let reason = day.reason.as_ref().map(|reason| reason.zh.clone()).unwrap_or_default();
        let bare = [const { String::new() }; 11];
        return vec![line(told, ["", ""], bare, reason)];
    }
    let spans = day.spans.iter().zip(1_usize..);
    let ends = spans.flat_map(|(span, number)| {
        [("上班", &span.on), ("下班", &span.off)].map(|(end, slot)| (span, number.to_string(), end, slot))
    });
    ends.filter_map(|(span, number, end, slot)| {
        let slot = slot.as_ref()?;
        let reason = slot.reason.as_ref().map(|reason| reason.zh.clone()).unwrap_or_default();
        Some(line(told, [&number, end], cells(span, slot, zone), reason))
    })
    .collect()
}

/// From the plan to why the span is excused, then the entry of the punch.
fn cells(span: &Span, slot: &Slot, zone: &Zone) -> [String; 11] {
    [
        wall(slot.plan.as_ref(), zone),
        wall(slot.required.as_ref(), zone),
        wall(slot.punched_at.as_ref(), zone),
        words::slot(slot.raw()).to_owned(),
        words::slot(slot.r#final()).to_owned(),
        slot.minutes.to_string(),
        words::trust(slot.trust()).to_owned(),
        words::yes(slot.is_final).to_owned(),
        words::supplement(slot.supplement()).to_owned(),
        words::absence(span.excused()).to_owned(),
        slot.punch_index.map(|index| index.to_string()).unwrap_or_default(),
    ]
}

fn line(told: &Numbered, [span, end]: [&str; 2], slot: [String; 11], reason: String) -> Vec<String> {
    let day = &told.day;
    let [before @ .., punch] = slot;
    let mut cells = vec![
        told.employee_no.clone(),
        day.person_id.clone(),
        canon::date(day),
        day.shift.clone(),
        span.to_owned(),
        end.to_owned(),
    ];
    cells.extend(before);
    cells.extend([
        reason,
        words::kind(day.kind()).to_owned(),
        words::headline(day.headline()).to_owned(),
        words::yes(day.r#final).to_owned(),
        day.absent_fraction.to_string(),
        flags(day),
        day.revision.to_string(),
        day.seq.to_string(),
        day.entry_index.to_string(),
        punch,
        day.cause.clone(),
    ]);
    cells
}

fn flags(day: &DayResult) -> String {
    day.flags().map(words::flag).collect::<Vec<_>>().join("、")
}

/// What a wall clock in the centre shows.
fn wall(stamp: Option<&prost_types::Timestamp>, zone: &Zone) -> String {
    let at = stamp.and_then(|at| EpochMs::from_parts(at.seconds, at.nanos).ok());
    at.map(|at| zone.wall(at)).unwrap_or_default()
}
