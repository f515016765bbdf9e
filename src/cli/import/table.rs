//! A CSV file as lines with named columns: every line comes out, readable or not, with its number.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

/// The file may have 1 GiB: it is read into memory once, for its digest and its lines.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// What a column of the file means: `time=timestamp,person=badge`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    /// When.
    pub time: String,
    /// Who, as read.
    pub person: String,
    /// Where, if the file says so.
    pub device: Option<String>,
    /// IN, OUT or UNKNOWN, if the file says so.
    pub direction: Option<String>,
}

impl Columns {
    /// Parses `--columns`.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut named: HashMap<&str, String> = HashMap::new();
        for pair in text.split(',') {
            let (ours, theirs) =
                pair.split_once('=').context("--columns: name=column, separated by commas")?;
            let ours = ours.trim();
            if !["time", "person", "device", "direction"].contains(&ours) {
                bail!("--columns: {ours} is none of time, person, device, direction");
            }
            if named.insert(ours, theirs.trim().to_owned()).is_some() {
                bail!("--columns: {ours} is named twice");
            }
        }
        Ok(Self {
            time: named.remove("time").context("--columns: time is missing")?,
            person: named.remove("person").context("--columns: person is missing")?,
            device: named.remove("device"),
            direction: named.remove("direction"),
        })
    }
}

/// One line of the file below its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number in the file; the header is line 1.
    pub number: u64,
    /// The cells that matter, or why they cannot be read.
    pub cells: Result<Cells, &'static str>,
}

/// The cells of a line that matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Cells {
    /// As written.
    pub time: String,
    /// As written.
    pub person: String,
    /// As written; empty when the file has no such column.
    pub device: String,
    /// As written; empty when the file has no such column.
    pub direction: String,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
    /// Its lines, in order.
    pub lines: Vec<Line>,
}

impl Table {
    /// Reads a file.
    pub(super) fn read(path: &Path, columns: &Columns) -> anyhow::Result<Self> {
        let size =
            std::fs::metadata(path).with_context(|| format!("failed to read {}", path.display()))?.len();
        if size > FILE_BYTES_MAX {
            bail!("{} has more than 1 GiB: split it", path.display());
        }
        let bytes = std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
        Self::parse(&bytes, columns)
    }

    /// Reads the bytes of a file: UTF-8, with or without a byte order mark, any line ends.
    pub(super) fn parse(bytes: &[u8], columns: &Columns) -> anyhow::Result<Self> {
        let digest = Sha256::digest(bytes).into();
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(true).from_reader(text);
        let header = reader.byte_headers().context("the header cannot be read")?.clone();
        let at = |name: &str| -> anyhow::Result<usize> {
            let found = header.iter().position(|cell| cell.trim_ascii() == name.as_bytes());
            found.with_context(|| format!("the file has no column {name}"))
        };
        let (time, person) = (at(&columns.time)?, at(&columns.person)?);
        let device = columns.device.as_deref().map(at).transpose()?;
        let direction = columns.direction.as_deref().map(at).transpose()?;
        let mut lines = Vec::new();
        let mut record = csv::ByteRecord::new();
        let mut place = Place { number: 1, at: 0 };
        while reader.read_byte_record(&mut record).context("the file cannot be read")? {
            let at = record.position().map_or(0, csv::Position::byte);
            let number = place.line_of(text, usize::try_from(at).unwrap_or(usize::MAX));
            let cell = |at: Option<usize>| match at.map(|at| record.get(at)) {
                None => Ok(String::new()),
                Some(None) => Err("MISSING_CELL"),
                Some(Some(bytes)) => {
                    std::str::from_utf8(bytes).map(|text| text.trim().to_owned()).map_err(|_| "BAD_UTF8")
                }
            };
            let cells = (|| {
                Ok(Cells {
                    time: cell(Some(time))?,
                    person: cell(Some(person))?,
                    device: cell(device)?,
                    direction: cell(direction)?,
                })
            })();
            lines.push(Line { number, cells });
        }
        Ok(Self { digest, lines })
    }
}

/// How many lines were counted, and up to where.
struct Place {
    number: u64,
    at: usize,
}

impl Place {
    /// The line on which a record begins that the reader says begins at `at`: it says so before it skips what ends the
    /// line before, and empty lines.
    fn line_of(&mut self, text: &[u8], at: usize) -> u64 {
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let skipped = text.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| is_end(byte)).count());
        let passed = text.get(self.at..at + skipped).unwrap_or_default();
        let ended = passed.split(|byte| *byte == b'\n').count() - 1;
        self.number += u64::try_from(ended).unwrap_or_default();
        self.at = at + skipped;
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        Columns::parse("time=timestamp,person=badge,device=zone").unwrap()
    }

    #[test]
    fn every_line_comes_out_with_its_number() {
        let bytes = "\u{FEFF}timestamp,badge,floor,zone\r\n2016-05-31 00:05:00,a1,1,7\r\n\r\nshort\n2016,\"b,2\",1,\u{4e2d}\n";
        let table = Table::parse(bytes.as_bytes(), &columns()).unwrap();
        let seen: Vec<_> = table
            .lines
            .iter()
            .map(|line| (line.number, line.cells.as_ref().map(|cells| cells.person.as_str()).map_err(|e| *e)))
            .collect();
        assert_eq!(seen, [(2, Ok("a1")), (4, Err("MISSING_CELL")), (5, Ok("b,2"))]);
    }

    #[test]
    fn bytes_that_are_no_utf8_are_said_of_their_line_alone() {
        let table = Table::parse(b"timestamp,badge,zone\n1,\xFF,1\n2,b,1\n", &columns()).unwrap();
        assert_eq!(table.lines[0].cells, Err("BAD_UTF8"));
        assert!(table.lines[1].cells.is_ok());
    }

    #[test]
    fn a_column_that_is_not_there_is_named() {
        let error = Table::parse(b"time,badge\n", &columns()).unwrap_err().to_string();
        assert!(error.contains("timestamp"), "{error}");
        assert!(Columns::parse("time=a").is_err());
        assert!(Columns::parse("time=a,person=b,time=c").is_err());
        assert!(Columns::parse("time=a,person=b,colour=c").is_err());
    }
}
