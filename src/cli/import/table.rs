//! A table with headings: CSV, or the text with tabs that spreadsheets call Unicode text.

use anyhow::{Context, bail};

use super::columns::Columns;
use super::encoding::Encoding;
use super::row::{Cells, Why};
use super::split::{End, Quotes, end};
use crate::proto::punch::Direction;

/// Headings that are understood where `--columns` does not say which column is meant.
const HEADINGS: [(&str, &[&str]); 4] = [
    ("time", &["time", "时间", "打卡时间"]),
    ("person", &["employee_no", "person", "工号"]),
    ("device", &["device", "设备"]),
    ("direction", &["direction", "方向"]),
];

/// Which cells of a line matter, and what separates them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table {
    delimiter: u8,
    time: usize,
    person: usize,
    device: Option<usize>,
    direction: Option<usize>,
}

impl Table {
    /// Finds the columns in the headings that a file begins with.
    pub(super) fn find(head: &[u8], encoding: Encoding, columns: &Columns) -> anyhow::Result<Self> {
        for ours in ["method", "work_code"] {
            if columns.get(ours).is_some() {
                bail!("--columns: a table with headings has no {ours}");
            }
        }
        let commas = Self::separated(b',', head, encoding, columns);
        match commas {
            Err(_) if first_line(head).contains(&b'\t') => {
                Self::separated(b'\t', head, encoding, columns).or(commas)
            }
            found => found,
        }
    }

    fn separated(delimiter: u8, head: &[u8], encoding: Encoding, columns: &Columns) -> anyhow::Result<Self> {
        let header = match end(head, Quotes::Csv(delimiter)) {
            End::At { line, .. } => head.get(..line).unwrap_or_default(),
            End::Beyond => head,
            End::Open => bail!("the header cannot be read: a quote in it is not closed"),
        };
        let cells = cells(header, delimiter);
        let headings: Result<Vec<String>, _> = cells.iter().map(|cell| encoding.text(cell)).collect();
        let Ok(headings) = headings else {
            bail!("the header cannot be read as {encoding}: say --encoding gb18030 if it is that")
        };
        let at = |name: &str| headings.iter().position(|heading| heading == name);
        let named = |meaning: &str| -> anyhow::Result<Option<usize>> {
            let name = columns.get(meaning);
            name.map(|name| at(name).with_context(|| format!("the file has no column {name}"))).transpose()
        };
        let (mut time, mut person) = (named("time")?, named("person")?);
        let (mut device, mut direction) = (named("device")?, named("direction")?);
        // Where --columns names both, what it leaves out is left out: what a punch is known by must not change with the
        // headings that happen to be there.
        if time.is_none() || person.is_none() {
            for (meaning, place) in [
                ("time", &mut time),
                ("person", &mut person),
                ("device", &mut device),
                ("direction", &mut direction),
            ] {
                let known = HEADINGS.iter().filter(|(of, _)| *of == meaning).flat_map(|(_, names)| *names);
                *place = place.or_else(|| known.copied().find_map(at));
            }
        }
        let missing = |meaning: &str| {
            format!("--columns: {meaning} is missing, and the file has no heading that means it")
        };
        Ok(Self {
            delimiter,
            time: time.with_context(|| missing("time"))?,
            person: person.with_context(|| missing("person"))?,
            device,
            direction,
        })
    }

    /// How its lines are taken apart.
    pub(super) fn quotes(&self) -> Quotes {
        Quotes::Csv(self.delimiter)
    }

    /// The cells of a line.
    pub(super) fn read(&self, line: &[u8], encoding: Encoding) -> Result<Cells, Why> {
        let record = cells(line, self.delimiter);
        let cell = |at: usize| {
            let bytes = record.get(at).ok_or_else(|| Why::code("MISSING_CELL"))?;
            encoding.text(bytes).map_err(Why::code)
        };
        let optional = |at: Option<usize>| at.map_or(Ok(String::new()), cell);
        let (time, person) = (cell(self.time)?, cell(self.person)?);
        let (device, direction) = (optional(self.device)?, optional(self.direction)?);
        Ok(Cells {
            time,
            person,
            device,
            direction: said(&direction)?,
            method: None,
            work_code: String::new(),
        })
    }
}

pub(super) fn first_line(head: &[u8]) -> &[u8] {
    match end(head, Quotes::Plain) {
        End::At { line, .. } => head.get(..line).unwrap_or_default(),
        End::Beyond | End::Open => head,
    }
}

/// One line, taken apart.
pub(super) fn cells(line: &[u8], delimiter: u8) -> csv::ByteRecord {
    let mut record = csv::ByteRecord::new();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .buffer_capacity(line.len().max(1))
        .from_reader(line);
    // Bytes in memory are read without fail; a line without anything has no cells.
    let _found = reader.read_byte_record(&mut record);
    record
}

fn said(direction: &str) -> Result<Direction, Why> {
    match direction.to_ascii_uppercase().as_str() {
        "IN" => Ok(Direction::In),
        "OUT" => Ok(Direction::Out),
        "" | "UNKNOWN" => Ok(Direction::Unknown),
        _ => Err(Why::new("BAD_DIRECTION", "IN, OUT or UNKNOWN")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(head: &str, columns: &str) -> Result<[Option<usize>; 4], String> {
        let columns = if columns.is_empty() { Columns::default() } else { Columns::parse(columns).unwrap() };
        let table =
            Table::find(head.as_bytes(), Encoding::Utf8, &columns).map_err(|error| error.to_string())?;
        Ok([Some(table.time), Some(table.person), table.device, table.direction])
    }

    #[test]
    fn columns_are_found_by_name_and_where_none_is_given_by_heading() {
        let both = "time=timestamp,person=badge";
        for (head, columns, wanted) in [
            ("timestamp,badge,device\n", both, [Some(0), Some(1), None, None]),
            ("badge,timestamp\n", both, [Some(1), Some(0), None, None]),
            ("\"badge\",\"a\nb\",timestamp", both, [Some(2), Some(0), None, None]),
            ("badge\ttimestamp\r\n", both, [Some(1), Some(0), None, None]),
            ("工号,时间,设备,方向\n", "", [Some(1), Some(0), Some(2), Some(3)]),
            ("工号\t姓名\t打卡时间\n", "", [Some(2), Some(0), None, None]),
            ("employee_no,time,direction\n", "", [Some(1), Some(0), None, Some(2)]),
            ("工号,when,方向\n", "time=when", [Some(1), Some(0), None, Some(2)]),
            ("工号,时间,门\n", "device=门", [Some(1), Some(0), Some(2), None]),
        ] {
            assert_eq!(found(head, columns), Ok(wanted), "{head} with {columns:?}");
        }
        for (head, columns, complaint) in [
            ("time,badge\n", both, "no column timestamp"),
            ("a\tb\n", both, "no column timestamp"),
            ("a,b\n", "", "time is missing"),
            ("时间,b\n", "", "person is missing"),
            ("时间,工号\n", "method=时间", "has no method"),
            ("\"时间,工号\n", "", "not closed"),
        ] {
            let said = found(head, columns).unwrap_err();
            assert!(said.contains(complaint), "{head}: {said}");
        }
        let chinese = b"\xB9\xA4\xBA\xC5,\xCA\xB1\xBC\xE4\n";
        assert!(Table::find(chinese, Encoding::Gb18030, &Columns::default()).is_ok());
        let said = Table::find(chinese, Encoding::Utf8, &Columns::default()).unwrap_err().to_string();
        assert!(said.contains("--encoding gb18030"), "{said}");
    }

    #[test]
    fn a_line_has_the_cells_that_matter_or_a_reason() {
        let table =
            Table::find("time,x,person,direction".as_bytes(), Encoding::Utf8, &Columns::default()).unwrap();
        for (line, wanted) in [
            (&b"1,\xFF, a1 ,in"[..], Ok(("1", "a1", Direction::In))),
            (b"1,\"x\ny\",\"a,1\",", Ok(("1", "a,1", Direction::Unknown))),
            (b"1,x,\"a\"\"1\",OUT,more", Ok(("1", "a\"1", Direction::Out))),
            (b"1,x,a1", Err("MISSING_CELL")),
            (b"1,x,\xFF,in", Err("BAD_UTF8")),
            (b"1,x,a1,sideways", Err("BAD_DIRECTION")),
        ] {
            let read = table.read(line, Encoding::Utf8);
            let read = read.as_ref().map(|c| (c.time.as_str(), c.person.as_str(), c.direction));
            assert_eq!(read.map_err(|why| why.reason), wanted, "{line:?}");
        }
    }
}
