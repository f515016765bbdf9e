//! People's months: a line for each person who has a day in the month, as `ListMonthSummaries` adds it up.

use std::collections::BTreeSet;
use std::collections::btree_set::IntoIter;

use prost::Message;

use super::{Cell, Row, words};
use crate::cli::export::Order;
use crate::cli::export::moment::Moment;
use crate::kernel::EpochDay;
use crate::proto::{Date, MonthSummary};
use crate::registers::attendance::service::Indexes;
use crate::registers::directory::fact::hex;
use crate::registers::month::canonical::thousandths;
use crate::registers::month::service::summed::Months;

/// People who are added up for one page: some 3,100 days.
const PEOPLE: usize = 100;

/// The columns, in their order. New ones come at the end.
pub const COLUMNS: [&str; 35] = [
    "工号",
    "人员标识",
    "起",
    "止",
    "应出勤天数",
    "出勤天数",
    "旷工天数",
    "迟到次数",
    "迟到分钟",
    "严重迟到次数",
    "早退次数",
    "早退分钟",
    "缺卡次数",
    "公出天数",
    "事假天数",
    "病假天数",
    "年休假天数",
    "婚假天数",
    "产假天数",
    "陪产假天数",
    "丧假天数",
    "探亲假天数",
    "临时外出天数",
    "学习天数",
    "其他假天数",
    "出差天数",
    "休息日出勤天数",
    "调休日出勤天数",
    "法定节假日出勤天数",
    "补卡次数",
    "人工点名次数",
    "未定天数",
    "本人已确认",
    "确认条目",
    "日结果摘要",
];

/// The pages, by person.
pub(super) struct Pages<'a> {
    moment: &'a Moment,
    people: IntoIter<String>,
    dates: (EpochDay, EpochDay),
    indexes: Indexes,
}

impl<'a> Pages<'a> {
    pub(super) fn new(moment: &'a Moment, order: &Order) -> Self {
        let people = moment.people(order.department.as_ref()).into_iter();
        let indexes = Indexes::new(moment.epochs.clone());
        Self { moment, people, dates: (order.from, order.until), indexes }
    }

    pub(super) async fn next(&mut self) -> anyhow::Result<Vec<Row>> {
        let Moment { store, log, at, .. } = self.moment;
        loop {
            let people: BTreeSet<String> = self.people.by_ref().take(PEOPLE).collect();
            if people.is_empty() {
                return Ok(Vec::new());
            }
            let months =
                Months { store, log: *log, indexes: &self.indexes, before: at.pos, confirmed_before: at.pos };
            let summaries = months.of(&people, self.dates).await?;
            if !summaries.is_empty() {
                return Ok(summaries.iter().map(row).collect());
            }
        }
    }
}

fn row(sum: &MonthSummary) -> Row {
    let mut cells = vec![
        Cell::text(&sum.person_id),
        date(sum.from.as_ref()),
        date(sum.until.as_ref()),
        days(sum.days_due),
        days(sum.days_attended),
        days(sum.days_absent),
    ];
    let counts = [sum.late, sum.late_minutes, sum.serious_late, sum.early, sum.early_minutes, sum.missing];
    cells.extend(counts.map(Cell::count));
    cells.extend(words::LEAVE.map(|kind| {
        let of_kind = sum.leave.iter().filter(|leave| leave.kind() == kind);
        // The sum of nothing would be -0.
        days(of_kind.fold(0.0, |sum, leave| sum + leave.days))
    }));
    let counts = [
        sum.rest_days_worked,
        sum.adjusted_rest_worked,
        sum.holidays_worked,
        sum.corrected,
        sum.manual_roll,
        sum.open_days,
    ];
    cells.extend(counts.map(Cell::count));
    cells.extend([
        Cell::yes(sum.confirmed_by.is_some()),
        Cell::entry(sum.confirmed_by),
        Cell::text(hex(&sum.digest)),
    ]);
    Row { person_id: sum.person_id.clone(), cells, message: sum.encode_to_vec() }
}

fn date(date: Option<&Date>) -> Cell {
    let text = date.map(|date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day));
    Cell::text(text.unwrap_or_default())
}

/// Days to a thousandth, without zeros at the end: a third of a day three times is a day.
fn days(days: f64) -> Cell {
    let shown = format!("{days:.3}");
    let shown = shown.trim_end_matches('0').trim_end_matches('.');
    Cell { is_number: true, ..Cell::word(shown, thousandths(days)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::leave;
    use crate::proto::month_summary::LeaveDays;

    #[test]
    fn every_column_has_its_cell_and_leave_stands_under_its_kind() {
        let leave = |kind: leave::Kind, days| LeaveDays { kind: kind.into(), days };
        let sum = MonthSummary {
            person_id: "p1".to_owned(),
            days_due: 21.0,
            days_attended: 1.0 / 3.0 + 1.0 / 3.0 + 1.0 / 3.0,
            days_absent: 0.5,
            late: 2,
            leave: vec![leave(leave::Kind::Sick, 1.5), leave(leave::Kind::Trip, 2.0)],
            open_days: 3,
            confirmed_by: Some(77),
            digest: vec![0xab; 32],
            ..MonthSummary::default()
        };
        let row = row(&sum);
        assert_eq!(row.cells.len() + 1, COLUMNS.len());
        let of = |heading: &str| {
            let cell = COLUMNS.iter().skip(1).zip(&row.cells).find(|(column, _)| **column == heading);
            cell.map(|(_, cell)| (cell.shown.as_str(), cell.canon.as_str())).unwrap()
        };
        for (heading, wanted) in [
            ("应出勤天数", ("21", "21000")),
            ("出勤天数", ("1", "1000")),
            ("旷工天数", ("0.5", "500")),
            ("迟到次数", ("2", "2")),
            ("病假天数", ("1.5", "1500")),
            ("年休假天数", ("0", "0")),
            ("出差天数", ("2", "2000")),
            ("未定天数", ("3", "3")),
            ("本人已确认", ("是", "1")),
            ("确认条目", ("77", "77")),
        ] {
            assert_eq!(of(heading), wanted, "{heading}");
        }
    }
}
