//! A copy of a workbook that says in each wrong row what is wrong, under a heading of its own. It can be mended and imported
//! as it is.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use rust_xlsxwriter::{Color, Workbook, Worksheet, XlsxError};

use super::book::{Book, Page};
use super::template::{heading, text};
use crate::cli::import::master::{Became, ERROR, Sheet, Wrong};

/// What a cell shows whose formula has an error.
const BROKEN: &str = "#错误";

/// Writes the copy.
pub(super) fn write(book: &Book, sheets: &[Sheet], became: &[Became], path: &Path) -> anyhow::Result<()> {
    let mut workbook = Workbook::new();
    for page in &book.pages {
        let of = sheets.iter().zip(became).find(|(sheet, _)| page.kind() == Some(sheet.kind));
        let wrong: HashMap<u64, &Wrong> = of
            .map(|(_, became)| became.refused.iter().map(|(line, wrong)| (*line, wrong)).collect())
            .unwrap_or_default();
        copy(workbook.add_worksheet(), page, of.is_some(), &wrong)
            .with_context(|| format!("failed to copy the sheet {}", page.name))?;
    }
    workbook.save(path).with_context(|| format!("failed to write {}", path.display()))
}

fn copy(
    to: &mut Worksheet,
    page: &Page,
    is_table: bool,
    wrong: &HashMap<u64, &Wrong>,
) -> Result<(), XlsxError> {
    to.set_name(&page.name)?;
    let headings = page.headings();
    let said = headings.iter().position(|heading| heading == ERROR).unwrap_or(headings.len());
    for (at, (number, row)) in page.rows.iter().enumerate() {
        let line = u32::try_from(number.saturating_sub(1)).unwrap_or(u32::MAX);
        let why = wrong.get(number).map(|wrong| format!("{}（{}）", wrong.said.zh, wrong.reason));
        let format = match (at, &why) {
            (0, _) if is_table => heading(),
            (_, Some(_)) => text().set_background_color(Color::RGB(0x00FC_E4D6)),
            (_, None) => text(),
        };
        for (column, cell) in
            (0_u16..).zip(row).filter(|(column, _)| !is_table || usize::from(*column) != said)
        {
            to.write_string_with_format(line, column, cell.as_deref().unwrap_or(BROKEN), &format)?;
        }
        let why = if at == 0 && is_table { Some(ERROR.to_owned()) } else { why };
        if let (Some(why), Ok(column)) = (why, u16::try_from(said)) {
            to.write_string_with_format(line, column, why, &format)?;
        }
    }
    Ok(())
}
