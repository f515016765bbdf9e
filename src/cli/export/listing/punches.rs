//! Clock-ins and clock-outs: a line for each that is stored and whose time (rule R4), or whose claimed time, is in the month,
//! as `ListPunches` tells it. No credential is in it.

use prost::Message;

use super::{Cell, PAGE, Row, words};
use crate::cli::export::moment::Moment;
use crate::cli::export::{Order, words as common};
use crate::kernel::{DepartmentId, EpochMs, Pos, Zone};
use crate::ledger::reader::index_of;
use crate::proto::PunchRecord;
use crate::registers::attendance::service::seen::Sight;

/// The columns, in their order. New ones come at the end.
pub const COLUMNS: [&str; 13] = [
    "工号",
    "人员标识",
    "设备",
    "设备位置",
    "流水号",
    "方向",
    "方式",
    "自报时间",
    "认定时间",
    "可信度",
    "记录时间",
    "标志",
    "条目",
];

/// The pages, in the order of the entries.
pub(super) struct Pages<'a> {
    moment: &'a Moment,
    department: Option<&'a DepartmentId>,
    during: (EpochMs, EpochMs),
    next: Pos,
}

impl<'a> Pages<'a> {
    pub(super) fn new(moment: &'a Moment, order: &'a Order) -> Self {
        let during = moment.during((order.from, order.until));
        Self { moment, department: order.department.as_ref(), during, next: Pos::ZERO }
    }

    pub(super) async fn next(&mut self) -> anyhow::Result<Vec<Row>> {
        let Moment { store, log, at, zone, epochs, own, .. } = self.moment;
        let sight = Sight { store, log: *log, own, zone: Some(zone), before: at.pos };
        while self.next < at.pos {
            let (seen, next) = sight.during(self.next, self.during, PAGE).await?;
            self.next = next;
            let wanted = seen.into_iter().filter(|seen| self.moment.is_of(&seen.person_id, self.department));
            let records = wanted.map(|seen| {
                let index = index_of(epochs, seen.punch.pos);
                seen.record(index)
            });
            let rows: Vec<Row> = records.map(|record| row(&record, zone)).collect();
            if !rows.is_empty() {
                return Ok(rows);
            }
        }
        Ok(Vec::new())
    }
}

fn row(record: &PunchRecord, zone: &Zone) -> Row {
    let punch = record.punch.clone().unwrap_or_default();
    let stamp = punch.stamp.clone().unwrap_or_default();
    let flags: Vec<_> = record.flags().collect();
    let cells = vec![
        Cell::text(&record.person_id),
        Cell::text(stamp.device),
        Cell::text(&punch.device_label),
        // What came from a file has no number.
        Cell::entry(Some(stamp.device_seq).filter(|seq| *seq > 0)),
        Cell::word(words::direction(punch.direction()), punch.direction().as_str_name()),
        Cell::word(words::method(punch.method()), punch.method().as_str_name()),
        Cell::instant(stamp.claimed_at.as_ref(), zone),
        Cell::instant(record.effective_at.as_ref(), zone),
        Cell::word(common::trust(record.trust()), record.trust().as_str_name()),
        Cell::instant(record.recorded_at.as_ref(), zone),
        Cell::word(
            flags.iter().map(|flag| words::punch_flag(*flag)).collect::<Vec<_>>().join("、"),
            flags.iter().map(|flag| flag.as_str_name()).collect::<Vec<_>>().join(","),
        ),
        Cell::entry(Some(record.entry_index)),
    ];
    Row { person_id: record.person_id.clone(), cells, message: record.encode_to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_its_cell() {
        let zone = Zone::parse("").unwrap();
        assert_eq!(row(&PunchRecord::default(), &zone).cells.len() + 1, COLUMNS.len());
    }
}
