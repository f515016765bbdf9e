//! Master data from a CSV file, or from the text with tabs that spreadsheets write.

use std::path::Path;

use anyhow::{Context, bail, ensure};

use super::kinds::Kind;
use super::sheet::{Cell, Headings, Line, Sheet};
use crate::cli::import::encoding::{Asked, Encoding, Last, Unmarked};
use crate::cli::import::row::Why;
use crate::cli::import::split::{Lines, Piece, Quotes};
use crate::cli::import::table::{cells, first_line};
use crate::cli::import::twice::Twice;

/// A file with more lines than this is not master data.
const LINES_MOST: usize = 200_000;

/// Reads a file.
pub(super) fn read(path: &Path, kind: Kind, asked: Asked) -> anyhow::Result<Sheet> {
    let mut file = Twice::open(path)?;
    let (head, _) = file.head()?;
    let (encoding, mark) = Encoding::of(&head, asked)?;
    let mut text = Vec::new();
    Unmarked::new(encoding, mark).push(&head, Last::No, &mut text);
    let begins = text.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    let Some(begins) = begins else { bail!("{} is empty: it has no headings", path.display()) };
    let first = first_line(text.get(begins..).unwrap_or_default());
    let delimiter = if first.contains(&b'\t') && !first.contains(&b',') { b'\t' } else { b',' };
    let mut lines = Lines::new(file.first()?, encoding, mark, Quotes::Csv(delimiter));
    let headings = match lines.next()? {
        Some((_, Piece::Line(line))) => headings(kind, line, delimiter, encoding)?,
        Some((_, Piece::Refused(_))) | None => bail!("the header cannot be read"),
    };
    let mut sheet = Sheet { kind, lines: Vec::new() };
    while let Some((number, piece)) = lines.next()? {
        ensure!(
            sheet.lines.len() < LINES_MOST,
            "more than {LINES_MOST} lines: is this a file of {}?",
            kind.word()
        );
        match piece {
            Piece::Refused(reason) => sheet.lines.push(Line::unreadable(number, Why::code(reason).into())),
            Piece::Line(line) => {
                let row: Vec<Cell> = cells(line, delimiter)
                    .iter()
                    .map(|cell| encoding.text(cell).map_err(|reason| Why::code(reason).into()))
                    .collect();
                sheet.lines.extend(headings.line(number, &row));
            }
        }
    }
    Ok(sheet)
}

fn headings(kind: Kind, line: &[u8], delimiter: u8, encoding: Encoding) -> anyhow::Result<Headings> {
    let texts: Result<Vec<String>, _> =
        cells(line, delimiter).iter().map(|cell| encoding.text(cell)).collect();
    let texts = texts.ok().with_context(|| {
        format!("the header cannot be read as {encoding}: say --encoding gb18030 if it is that")
    })?;
    Headings::find(kind, &texts)
}
