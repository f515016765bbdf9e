//! The workbook: what it is, a month that can be read at a glance, and the table. Rows go to temporary files beside the
//! workbook as they come, so memory does not grow with them.

use std::path::Path;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet};

use super::canon::date;
use super::numbered::Numbered;
use super::table::{COLUMNS, lines};
use super::words;
use crate::kernel::{EpochDay, Zone};

/// Rows of one sheet: a spreadsheet has 1,048,576, and one of them is for headings.
const ROWS_MOST: u32 = 1_000_000;
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
    table: Worksheet,
    table_row: u32,
    full: Vec<Worksheet>,
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
        let mut workbook = Workbook::new();
        workbook.set_tempdir(folder)?;
        // Equal exports are equal files: no time of writing.
        let made = ExcelDateTime::from_ymd(2000, 1, 1)?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&made));
        let bold = Format::new().set_bold();
        let mark = Format::new().set_align(FormatAlign::Center);
        let mut head = workbook.new_worksheet_with_constant_memory()?;
        head.set_name("说明")?.set_column_width(0, 18)?.set_column_width(1, 80)?;
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
        let table = sheet(&mut workbook, 1, &bold)?;
        Ok(Self {
            workbook,
            head,
            month,
            month_row: 1,
            person: None,
            from,
            until,
            table,
            table_row: 1,
            full: Vec::new(),
            bold,
            mark,
        })
    }

    /// The next day, in the order of person and date.
    pub(super) fn day(&mut self, told: &Numbered, zone: &Zone) -> anyhow::Result<()> {
        for cells in lines(told, zone) {
            self.line(&cells)?;
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

    fn line(&mut self, cells: &[String]) -> anyhow::Result<()> {
        if self.table_row > ROWS_MOST {
            let next = sheet(&mut self.workbook, self.full.len() + 2, &self.bold)?;
            self.full.push(std::mem::replace(&mut self.table, next));
            self.table_row = 1;
        }
        for (column, cell) in (0..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            self.table.write_string(self.table_row, column, cell)?;
        }
        self.table_row += 1;
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
        let mut row = 0;
        for (name, value) in about {
            self.head.write_string_with_format(row, 0, *name, &self.bold)?;
            self.head.write_string(row, 1, value)?;
            row += 1;
        }
        row += 1;
        self.head.write_string_with_format(row, 0, "图例", &self.bold)?;
        for headline in words::HEADLINES {
            row += 1;
            self.head.write_string(row, 0, words::mark(headline))?;
            self.head.write_string(row, 1, words::headline(headline))?;
        }
        self.head.write_string(row + 1, 1, "待定、无法核实均不作旷工")?;
        let Self { mut workbook, head, month, table, full, .. } = self;
        for sheet in [head, month].into_iter().chain(full).chain([table]) {
            workbook.push_worksheet(sheet);
        }
        workbook.save(path)?;
        Ok(())
    }
}

/// A sheet of the table, with its headings.
fn sheet(workbook: &mut Workbook, number: usize, bold: &Format) -> anyhow::Result<Worksheet> {
    let mut sheet = workbook.new_worksheet_with_constant_memory()?;
    let name = if number == 1 { "明细".to_owned() } else { format!("明细{number}") };
    sheet.set_name(name)?.set_freeze_panes(1, 0)?;
    for (column, heading) in (0..).zip(COLUMNS) {
        let width = if heading == "说明" { 60 } else { 14 };
        sheet.set_column_width(column, width)?;
        sheet.write_string_with_format(0, column, heading, bold)?;
    }
    Ok(sheet)
}

/// The days, both included.
fn days(from: EpochDay, until: EpochDay) -> impl Iterator<Item = EpochDay> {
    let last = until.column() - from.column();
    (0..=i32::try_from(last).unwrap_or(-1)).map(move |days| from.plus_days(days))
}
