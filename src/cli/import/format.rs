//! What a file is: found out by its shape or as `--format` says, before anything is written.

use anyhow::{bail, ensure};
use clap::ValueEnum;

use super::attlog::{Attlog, has_the_shape};
use super::columns::Columns;
use super::encoding::{self, Encoding, Last, Unmarked};
use super::row::{Row, Why};
use super::split::{End, LINE_BYTES_MAX, Lines, Piece, Quotes, end};
use super::table::Table;
use super::twice::{Reading, Twice};
use super::{Order, Refused};

/// What `--format` may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Asked {
    /// A table with headings, separated by commas or tabs.
    Csv,
    /// A terminal's attlog.dat, without headings.
    Attlog,
}

/// So many lines are looked at.
const LOOKED_AT: usize = 10;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    shape: Shape,
    encoding: Encoding,
    /// The bytes of its byte order mark.
    mark: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Table(Table),
    Attlog(Attlog),
}

impl Format {
    /// Finds out.
    pub(super) fn find(
        file: &mut Twice,
        asked: Option<Asked>,
        encoding: encoding::Asked,
        columns: &Columns,
    ) -> anyhow::Result<Self> {
        let (head, is_all) = file.head()?;
        let (encoding, mark) = Encoding::of(&head, encoding)?;
        let mut text = Vec::new();
        Unmarked::new(encoding, mark).push(&head, Last::No, &mut text);
        let shape = shape(&text, is_all, asked, encoding, columns)?;
        Ok(Self { shape, encoding, mark })
    }

    /// The lines of a reading, below the header where there is one.
    pub(super) fn rows<'f>(&'f self, order: &'f Order, reading: Reading<'f>) -> anyhow::Result<Rows<'f>> {
        let quotes = match self.shape {
            Shape::Table(table) => table.quotes(),
            Shape::Attlog(_) => Quotes::Plain,
        };
        let mut lines = Lines::new(reading, self.encoding, self.mark, quotes);
        if matches!(self.shape, Shape::Table(_)) {
            let header = lines.next()?.map(|(_, piece)| matches!(piece, Piece::Line(_)));
            ensure!(header != Some(false), "the header cannot be read");
        }
        Ok(Rows { format: self, order, lines })
    }
}

fn shape(
    head: &[u8],
    is_all: bool,
    asked: Option<Asked>,
    encoding: Encoding,
    columns: &Columns,
) -> anyhow::Result<Shape> {
    let begins = head.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    let head = begins.and_then(|at| head.get(at..)).unwrap_or_default();
    if head.is_empty() && is_all {
        if asked == Some(Asked::Attlog) {
            return Ok(Shape::Attlog(Attlog::of(columns)?));
        }
        bail!("the file is empty; if it is a terminal's that saw nobody, say --format attlog");
    }
    let table = || Ok(Shape::Table(Table::find(head, encoding, columns)?));
    let lines = first_lines(head, is_all);
    match asked {
        Some(Asked::Attlog) => Ok(Shape::Attlog(Attlog::of(columns)?)),
        Some(Asked::Csv) if lines.is_empty() => bail!("the header has more than 64 KiB"),
        Some(Asked::Csv) => table(),
        None => match lines.split_first() {
            None => bail!("the first line has more than 64 KiB: say --format csv or --format attlog"),
            Some((first, _)) if has_the_shape(first) => {
                ensure!(
                    columns.are_numbers(),
                    "the file looks like an attlog.dat, which has no headings that --columns could name: say \
                     --format attlog, with columns by number or without --columns; or --format csv"
                );
                Ok(Shape::Attlog(Attlog::of(columns)?))
            }
            Some((_, rest)) if rest.iter().any(|line| has_the_shape(line)) => table().map_err(|error| {
                error.context(
                    "the file has lines like those of an attlog.dat, and begins otherwise: say --format attlog \
                     (lines that are none will be refused), or --format csv with --columns",
                )
            }),
            Some(_) => table(),
        },
    }
}

/// Lines that are here as a whole.
fn first_lines(head: &[u8], is_all: bool) -> Vec<&[u8]> {
    let (mut lines, mut rest) = (Vec::new(), head);
    while lines.len() < LOOKED_AT && !rest.is_empty() {
        let (line, next) = match end(rest, Quotes::Plain) {
            End::At { line, next, .. } => (line, next),
            End::Beyond | End::Open if is_all => (rest.len(), rest.len()),
            End::Beyond | End::Open => break,
        };
        if line > LINE_BYTES_MAX {
            break;
        }
        lines.extend(rest.get(..line).filter(|line| !line.is_empty()));
        rest = rest.get(next..).unwrap_or_default();
    }
    lines
}

/// The lines of a file, one by one.
#[derive(Debug)]
pub(super) struct Rows<'f> {
    format: &'f Format,
    order: &'f Order,
    lines: Lines<'f>,
}

impl Rows<'_> {
    /// The next line that says anything: what it says, or why it cannot be read.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Result<Row, Refused>>> {
        loop {
            let Some((number, piece)) = self.lines.next()? else { return Ok(None) };
            let cells = match (piece, self.format.shape) {
                (Piece::Refused(reason), _) => Err(Why::code(reason)),
                (Piece::Line(line), Shape::Table(table)) => table.read(line, self.format.encoding),
                // A line of blanks is what some firmware ends with.
                (Piece::Line(line), Shape::Attlog(_)) if line.trim_ascii().is_empty() => continue,
                (Piece::Line(line), Shape::Attlog(attlog)) => attlog.read(line, self.format.encoding),
            };
            let row = cells.and_then(|cells| Row::of(self.order, number, cells));
            return Ok(Some(row.map_err(|why| why.refuses(number))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "  1\t2026-11-02 08:00:00\t1\t0\t0\n";

    fn found(text: &str, asked: Option<Asked>, columns: &str) -> Result<&'static str, String> {
        let columns = if columns.is_empty() { Columns::default() } else { Columns::parse(columns).unwrap() };
        match shape(text.as_bytes(), true, asked, Encoding::Utf8, &columns) {
            Ok(Shape::Table(_)) => Ok("table"),
            Ok(Shape::Attlog(_)) => Ok("attlog"),
            Err(error) => Err(format!("{error:#}")),
        }
    }

    #[test]
    fn a_file_is_what_it_looks_like_and_what_could_be_either_is_refused() {
        let (csv, attlog) = (Some(Asked::Csv), Some(Asked::Attlog));
        let excel = format!("id\ttime\tmode\tstate\n{LINE}");
        let serial = format!("3391214900123\n{LINE}");
        let broken = format!("{LINE}rubbish\n");
        for (text, asked, columns, wanted) in [
            ("time,person\n", None, "", "table"),
            ("time,person\n", csv, "", "table"),
            (LINE, None, "", "attlog"),
            (LINE, None, "method=5", "attlog"),
            (LINE, attlog, "", "attlog"),
            (broken.as_str(), None, "", "attlog"),
            // A table all the same: it has the columns that are asked for.
            (excel.as_str(), None, "time=time,person=id", "table"),
            (serial.as_str(), attlog, "", "attlog"),
            ("time,person\n", attlog, "", "attlog"),
            ("", attlog, "", "attlog"),
            ("\r\n\n", attlog, "", "attlog"),
            ("\n\ntime,person", None, "", "table"),
        ] {
            assert_eq!(found(text, asked, columns), Ok(wanted), "{text:?} as {asked:?} with {columns:?}");
        }
        for (text, asked, columns, complaint) in [
            ("", None, "", "--format attlog"),
            ("\n", csv, "time=a,person=b", "is empty"),
            (LINE, None, "time=a,person=b", "--format attlog"),
            (LINE, csv, "time=a,person=b", "no column a"),
            (LINE, attlog, "time=a,person=b", "no number of a column"),
            (excel.as_str(), None, "", "--format attlog"),
            (serial.as_str(), None, "", "--format attlog"),
            ("a,b\n", None, "", "time is missing"),
        ] {
            let said = found(text, asked, columns).unwrap_err();
            assert!(said.contains(complaint), "{text:?}: {said}");
        }
        let long = "x".repeat(2 * LINE_BYTES_MAX);
        assert!(found(&long, None, "").unwrap_err().contains("64 KiB"));
        assert!(found(&long, csv, "").unwrap_err().contains("64 KiB"));
    }
}
