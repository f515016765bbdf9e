//! What every workbook of an export has: a sheet that says what it is of, and a table that goes on in further sheets. Rows go
//! to temporary files beside the workbook as they come, so memory does not grow with them.

use std::path::Path;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet};

/// Rows of one sheet: a spreadsheet has 1,048,576, and one of them is for headings.
const ROWS_MOST: u32 = 1_000_000;
/// Of 1 to 9: 6, which is usual, takes as long as all the rest together and saves a quarter of the file.
const COMPRESSION: u8 = 2;
/// Columns of sentences are so much wider than others, in characters.
const WIDTHS: (u16, u16) = (14, 60);

/// A workbook, with temporary files in `folder`.
pub(super) fn workbook(folder: &Path) -> anyhow::Result<Workbook> {
    let mut workbook = Workbook::new();
    workbook.set_tempdir(folder)?;
    workbook.set_zip_compression_level(COMPRESSION);
    // Equal exports are equal files: no time of writing.
    let made = ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&made));
    Ok(workbook)
}

/// The sheet that says what a workbook is of.
pub(super) fn head(workbook: &mut Workbook) -> anyhow::Result<Worksheet> {
    let mut head = workbook.new_worksheet_with_constant_memory()?;
    head.set_name("说明")?.set_column_width(0, 18)?.set_column_width(1, 80)?;
    Ok(head)
}

/// Fills it in; the next row.
pub(super) fn tell(head: &mut Worksheet, about: &[(&str, String)], bold: &Format) -> anyhow::Result<u32> {
    let mut row = 0;
    for (name, value) in about {
        head.write_string_with_format(row, 0, *name, bold)?;
        head.write_string(row, 1, value)?;
        row += 1;
    }
    Ok(row)
}

/// What stands in a cell of a table.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    /// Text, whatever it looks like.
    Text(&'a str),
    /// A number that a spreadsheet can add up.
    Number(f64),
}

/// A table over one sheet, or more when it is long.
pub(super) struct Sheets {
    columns: &'static [&'static str],
    /// The column of sentences.
    wide: &'static str,
    bold: Format,
    sheet: Worksheet,
    row: u32,
    full: Vec<Worksheet>,
}

impl Sheets {
    /// With its headings.
    pub(super) fn begin(
        workbook: &mut Workbook,
        columns: &'static [&'static str],
        wide: &'static str,
        bold: &Format,
    ) -> anyhow::Result<Self> {
        let sheet = sheet(workbook, 1, (columns, wide), bold)?;
        Ok(Self { columns, wide, bold: bold.clone(), sheet, row: 1, full: Vec::new() })
    }

    /// The next line.
    pub(super) fn line<'a>(
        &mut self,
        workbook: &mut Workbook,
        cells: impl IntoIterator<Item = Value<'a>>,
    ) -> anyhow::Result<()> {
        if self.row > ROWS_MOST {
            let next = sheet(workbook, self.full.len() + 2, (self.columns, self.wide), &self.bold)?;
            self.full.push(std::mem::replace(&mut self.sheet, next));
            self.row = 1;
        }
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Value::Text("") => {}
                Value::Text(text) => {
                    self.sheet.write_string(self.row, column, text)?;
                }
                Value::Number(number) => {
                    self.sheet.write_number(self.row, column, number)?;
                }
            }
        }
        self.row += 1;
        Ok(())
    }

    /// Its sheets, in their order.
    pub(super) fn finish(self) -> impl Iterator<Item = Worksheet> {
        self.full.into_iter().chain([self.sheet])
    }
}

fn sheet(
    workbook: &mut Workbook,
    number: usize,
    (columns, wide): (&[&str], &str),
    bold: &Format,
) -> anyhow::Result<Worksheet> {
    let mut sheet = workbook.new_worksheet_with_constant_memory()?;
    let name = if number == 1 { "明细".to_owned() } else { format!("明细{number}") };
    sheet.set_name(name)?.set_freeze_panes(1, 0)?;
    for (column, heading) in (0..).zip(columns) {
        let width = if *heading == wide { WIDTHS.1 } else { WIDTHS.0 };
        sheet.set_column_width(column, width)?;
        sheet.write_string_with_format(0, column, *heading, bold)?;
    }
    Ok(sheet)
}
