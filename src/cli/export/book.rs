//! The workbook of days: what it is, a month that can be read at a glance, and the table.

use std::path::Path;

use rust_xlsxwriter::{Format, FormatAlign, Workbook, Worksheet};

use super::canon::date;
use super::numbered::Numbered;
use super::sheet::{self, Sheets, Value};
use super::table::{COLUMNS, lines};
use super::words;
use crate::kernel::{EpochDay, Zone};

/// Columns before the days of the month sheet.
const BEFORE: u16 = 2;

/// A workbook that is being written.
pub(super) struct Book {
    workbook: Workbook,
    head: Worksheet,
    month: Worksheet,
    month_row: u32,
    person: Option<Person>,
    from: EpochDay,
    until: EpochDay,
    table: Sheets,
    bold: Format,
    mark: Format,
}

/// The line of the month sheet that is being collected: people come one after the other.
struct Person {
    employee_no: String,
    person_id: String,
    marks: Vec<&'static str>,
}

impl Book {
    /// Begins, with temporary files in `folder`.
    pub(super) fn begin(folder: &Path, (from, until): (EpochDay, EpochDay)) -> anyhow::Result<Self> {
        let mut workbook = sheet::workbook(folder)?;
        let bold = Format::new().set_bold();
        let mark = Format::new().set_align(FormatAlign::Center);
        let head = sheet::head(&mut workbook)?;
        let mut month = workbook.new_worksheet_with_constant_memory()?;
        month.set_name("月历")?.set_freeze_panes(1, BEFORE)?;
        month.set_column_width(0, 14)?.set_column_width(1, 30)?;
        for (column, heading) in [(0, "工号"), (1, "人员标识")] {
            month.write_string_with_format(0, column, heading, &bold)?;
        }
        for (column, day) in (BEFORE..).zip(days(from, until)) {
            let (_, _, number) = day.ymd();
            month.set_column_width(column, 4)?;
            month.write_number_with_format(0, column, number, &mark)?;
        }
        let table = Sheets::begin(&mut workbook, &COLUMNS, "说明", &bold)?;
        Ok(Self { workbook, head, month, month_row: 1, person: None, from, until, table, bold, mark })
    }

    /// The next day, in the order of person and date.
    pub(super) fn day(&mut self, told: &Numbered, zone: &Zone) -> anyhow::Result<()> {
        for cells in lines(told, zone) {
            self.table.line(&mut self.workbook, cells.iter().map(|cell| Value::Text(cell)))?;
        }
        if self.person.as_ref().is_none_or(|person| person.person_id != told.day.person_id) {
            self.person_done()?;
            self.person = Some(Person {
                employee_no: told.employee_no.clone(),
                person_id: told.day.person_id.clone(),
                marks: vec![""; days(self.from, self.until).count()],
            });
        }
        let on = date(&told.day);
        let at = days(self.from, self.until).position(|day| day.to_string() == on);
        let marks = self.person.as_mut().map(|person| &mut person.marks);
        if let Some(mark) = marks.zip(at).and_then(|(marks, at)| marks.get_mut(at)) {
            *mark = words::mark(told.day.headline());
        }
        Ok(())
    }

    fn person_done(&mut self) -> anyhow::Result<()> {
        let Some(person) = self.person.take() else { return Ok(()) };
        let row = self.month_row;
        self.month.write_string(row, 0, person.employee_no)?;
        self.month.write_string(row, 1, person.person_id)?;
        for (column, mark) in (BEFORE..).zip(person.marks) {
            self.month.write_string_with_format(row, column, mark, &self.mark)?;
        }
        self.month_row += 1;
        Ok(())
    }

    /// Writes the workbook: what it is, with the legend, first.
    pub(super) fn finish(mut self, path: &Path, about: &[(&str, String)]) -> anyhow::Result<()> {
        self.person_done()?;
        let mut row = sheet::tell(&mut self.head, about, &self.bold)? + 1;
        self.head.write_string_with_format(row, 0, "图例", &self.bold)?;
        for headline in words::HEADLINES {
            row += 1;
            self.head.write_string(row, 0, words::mark(headline))?;
            self.head.write_string(row, 1, words::headline(headline))?;
        }
        self.head.write_string(row + 1, 1, "待定、无法核实均不作旷工")?;
        let Self { mut workbook, head, month, table, .. } = self;
        for sheet in [head, month].into_iter().chain(table.finish()) {
            workbook.push_worksheet(sheet);
        }
        workbook.save(path)?;
        Ok(())
    }
}

/// The days, both included.
fn days(from: EpochDay, until: EpochDay) -> impl Iterator<Item = EpochDay> {
    let last = until.column() - from.column();
    (0..=i32::try_from(last).unwrap_or(-1)).map(move |days| from.plus_days(days))
}
