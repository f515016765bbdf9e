//! The workbook of a list: what it is of, and the table.

use std::path::Path;

use rust_xlsxwriter::{Format, Workbook, Worksheet};

use super::Row;
use crate::cli::export::sheet::{self, Sheets, Value};

/// A workbook that is being written.
pub(super) struct Book {
    workbook: Workbook,
    head: Worksheet,
    table: Sheets,
    bold: Format,
}

impl Book {
    /// Begins, with temporary files in `folder`.
    pub(super) fn begin(folder: &Path, columns: &'static [&'static str]) -> anyhow::Result<Self> {
        let mut workbook = sheet::workbook(folder)?;
        let bold = Format::new().set_bold();
        let head = sheet::head(&mut workbook)?;
        let table = Sheets::begin(&mut workbook, columns, "", &bold)?;
        Ok(Self { workbook, head, table, bold })
    }

    /// The next line.
    pub(super) fn row(&mut self, employee_no: &str, row: &Row) -> anyhow::Result<()> {
        let cells = row.cells.iter().map(|cell| match cell.shown.parse() {
            Ok(number) if cell.is_number => Value::Number(number),
            Ok(_) | Err(_) => Value::Text(&cell.shown),
        });
        self.table.line(&mut self.workbook, std::iter::once(Value::Text(employee_no)).chain(cells))
    }

    /// Writes the workbook.
    pub(super) fn finish(mut self, path: &Path, about: &[(&str, String)]) -> anyhow::Result<()> {
        sheet::tell(&mut self.head, about, &self.bold)?;
        let Self { mut workbook, head, table, .. } = self;
        for sheet in [head].into_iter().chain(table.finish()) {
            workbook.push_worksheet(sheet);
        }
        workbook.save(path)?;
        Ok(())
    }
}
