//! A workbook as it was read: the texts of its sheets, and which sheet is of which kind.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use calamine::{Data, Reader, Xlsx, open_workbook};

use super::template::NOTES;
use crate::cli::import::master::{Cell, Headings, Kind, Sheet, Wrong};

/// A file with more bytes than this is no workbook of master data: 32 MiB.
const BYTES_MOST: u64 = 32 << 20;

/// A workbook.
#[derive(Debug)]
pub(super) struct Book {
    /// Its sheets, in their order.
    pub pages: Vec<Page>,
}

/// A sheet as it was read.
#[derive(Debug)]
pub(super) struct Page {
    /// Its name.
    pub name: String,
    /// Its rows from the first on that says anything, with their numbers.
    pub rows: Vec<(u64, Vec<Cell>)>,
}

impl Book {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let bytes = std::fs::metadata(path).with_context(|| format!("failed to read {name}"))?.len();
        ensure!(bytes <= BYTES_MOST, "{name} has more than 32 MiB");
        let mut workbook: Xlsx<BufReader<File>> =
            open_workbook(path).map_err(|_| anyhow::anyhow!("{name} is no workbook (.xlsx)"))?;
        let mut pages = Vec::new();
        for name in workbook.sheet_names() {
            let range = workbook.worksheet_range(&name).with_context(|| format!("sheet {name}"))?;
            let (top, left) = range.start().unwrap_or_default();
            let left = usize::try_from(left).unwrap_or_default();
            let rows = (u64::from(top) + 1..).zip(range.rows()).map(|(number, row)| {
                let blank = std::iter::repeat_n(Ok(String::new()), left);
                (number, blank.chain(row.iter().map(cell)).collect())
            });
            pages.push(Page { name, rows: rows.collect() });
        }
        Ok(Self { pages })
    }

    /// Its tables, in the order in which they are taken.
    pub(super) fn sheets(&self) -> anyhow::Result<Vec<Sheet>> {
        for page in self.pages.iter().filter(|page| !page.rows.is_empty()) {
            if page.kind().is_none() && page.name != NOTES {
                bail!("the sheet {:?} is none of: {}, {NOTES}", page.name, names().join(", "));
            }
        }
        let mut sheets = Vec::new();
        for kind in Kind::ALL {
            let mut pages =
                self.pages.iter().filter(|page| page.kind() == Some(kind) && !page.rows.is_empty());
            let Some(page) = pages.next() else { continue };
            ensure!(pages.next().is_none(), "there are two sheets of {}: {}", kind.word(), kind.sheet());
            sheets.push(page.sheet(kind).with_context(|| format!("sheet {}", page.name))?);
        }
        ensure!(!sheets.is_empty(), "no sheet says anything: {}", names().join(", "));
        Ok(sheets)
    }
}

fn names() -> Vec<&'static str> {
    Kind::ALL.iter().map(|kind| kind.sheet()).collect()
}

impl Page {
    /// What it is of.
    pub(super) fn kind(&self) -> Option<Kind> {
        let name = self.name.trim();
        Kind::ALL.into_iter().find(|kind| kind.sheet() == name || kind.word() == name.to_ascii_lowercase())
    }

    /// Its headings.
    pub(super) fn headings(&self) -> Vec<String> {
        let first = self.rows.first().map(|(_, row)| row.as_slice()).unwrap_or_default();
        first.iter().map(|cell| cell.clone().unwrap_or_default()).collect()
    }

    fn sheet(&self, kind: Kind) -> anyhow::Result<Sheet> {
        let headings = Headings::find(kind, &self.headings())?;
        let lines = self.rows.iter().skip(1).filter_map(|(number, row)| headings.line(*number, row));
        Ok(Sheet { kind, lines: lines.collect() })
    }
}

/// What a cell shows, near enough: numbers without a fraction as such, days as days, times as times.
fn cell(data: &Data) -> Cell {
    Ok(match data {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.trim().to_owned(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Bool(yes) => yes.to_string(),
        Data::DateTime(at) => {
            let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
            let time = format!("{hour:02}:{minute:02}");
            match (at.as_f64() < 1.0 || at.is_duration(), (hour, minute, second)) {
                (true, _) => time,
                (false, (0, 0, 0)) => format!("{year:04}-{month:02}-{day:02}"),
                (false, _) => format!("{year:04}-{month:02}-{day:02} {time}"),
            }
        }
        Data::Error(_) => {
            return Err(Wrong::new("BAD_CELL", "单元格的公式有错误", "the cell's formula has an error"));
        }
    })
}
