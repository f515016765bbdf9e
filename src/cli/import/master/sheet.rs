//! A table of master data, wherever it came from: lines with their numbers, cells by column. CSV files and the sheets of a
//! workbook both become one of these.

use anyhow::bail;

use super::kinds::{Column, Kind, Need, REMARKS};
use super::wrong::Wrong;

/// A cell: its text without blanks around it, or why it has none.
pub(in crate::cli) type Cell = Result<String, Wrong>;

/// What a row begins with that only shows how it is done.
pub(in crate::cli) const EXAMPLE: &str = "例：";

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Sheet {
    /// What it is of.
    pub kind: Kind,
    /// Its lines, below the headings; empty ones and examples are none.
    pub lines: Vec<Line>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Line {
    /// Its number in the file, from 1; the headings have one too.
    pub number: u64,
    /// Its cells, one for each column of the kind; or why it cannot be read.
    cells: Result<Vec<Cell>, Wrong>,
}

/// Which cell of a row is which column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Headings {
    kind: Kind,
    places: Vec<Option<usize>>,
}

impl Headings {
    /// Finds the columns of a kind. A heading that means nothing is refused by name: it may be a misspelt one, whose column
    /// would be left out without a word.
    pub(in crate::cli) fn find(kind: Kind, headings: &[String]) -> anyhow::Result<Self> {
        let mut places: Vec<Option<usize>> = vec![None; kind.columns().len()];
        let is_known = |heading: &String| {
            let lower = heading.to_ascii_lowercase();
            kind.columns().iter().any(|column| column.is_called(&lower))
        };
        if !headings.iter().any(is_known) {
            // What stands there may be somebody's name, and is not said back.
            bail!("the first line has none of the headings of {}: {}", kind.word(), names(kind));
        }
        for (at, heading) in headings.iter().enumerate().filter(|(_, heading)| !heading.is_empty()) {
            let lower = heading.to_ascii_lowercase();
            let mut columns = kind.columns().iter().zip(&mut places);
            match columns.find(|(column, _)| column.is_called(&lower)) {
                Some((column, Some(_))) => bail!("the column {} ({heading}) is there twice", column.name),
                Some((_, place @ None)) => *place = Some(at),
                None if REMARKS.contains(&lower.as_str()) => {}
                None => bail!("the heading {heading:?} is none of: {}", names(kind)),
            }
        }
        let found = Self { kind, places };
        for column in kind.columns().iter().filter(|column| column.need == Need::Always) {
            if !found.has(column.name) {
                bail!("the column {} is missing; columns are: {}", column.both(), names(kind));
            }
        }
        let either = kind.either();
        if !either.is_empty() && !either.iter().any(|name| found.has(name)) {
            bail!("one of the columns {} is needed; columns are: {}", either.join(", "), names(kind));
        }
        Ok(found)
    }

    fn has(&self, name: &str) -> bool {
        let mut columns = self.kind.columns().iter().zip(&self.places);
        columns.any(|(column, place)| column.name == name && place.is_some())
    }

    /// A row below the headings; `None` where it is empty or an example. A row that ends early has empty cells.
    pub(in crate::cli) fn line(&self, number: u64, row: &[Cell]) -> Option<Line> {
        let first = row.iter().find(|cell| cell.as_deref() != Ok(""))?;
        if matches!(first, Ok(text) if text.starts_with(EXAMPLE)) {
            return None;
        }
        let cell = |place: &Option<usize>| {
            let cell = place.and_then(|at| row.get(at)).cloned();
            cell.unwrap_or_else(|| Ok(String::new()))
        };
        Some(Line { number, cells: Ok(self.places.iter().map(cell).collect()) })
    }
}

impl Column {
    fn is_called(&self, heading: &str) -> bool {
        self.name == heading || self.zh.contains(&heading)
    }

    fn both(&self) -> String {
        self.zh.first().map_or_else(|| self.name.to_owned(), |zh| format!("{} ({zh})", self.name))
    }
}

fn names(kind: Kind) -> String {
    kind.columns().iter().map(Column::both).collect::<Vec<_>>().join(", ")
}

impl Line {
    /// A line that cannot be taken apart.
    pub(in crate::cli) fn unreadable(number: u64, wrong: Wrong) -> Self {
        Self { number, cells: Err(wrong) }
    }

    /// Its cells.
    pub(super) fn row(&self, kind: Kind) -> Result<Row<'_>, Wrong> {
        match &self.cells {
            Ok(cells) => Ok(Row { kind, cells }),
            Err(wrong) => Err(wrong.clone()),
        }
    }
}

/// The cells of a line that can be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'l> {
    kind: Kind,
    cells: &'l [Cell],
}

impl<'l> Row<'l> {
    /// The column and the text of its cell; empty where the file has no such column.
    pub(super) fn get(&self, name: &str) -> Result<(&'static Column, &'l str), Wrong> {
        let mut columns = self.kind.columns().iter().zip(self.cells);
        match columns.find(|(column, _)| column.name == name) {
            Some((column, Ok(text))) => Ok((column, text)),
            Some((column, Err(wrong))) => Err(Wrong::of(column, wrong.reason, &wrong.said)),
            None => Err(Wrong::new("MISSING_CELL", "没有此列", "there is no such column")),
        }
    }

    /// The same, where something has to stand.
    pub(super) fn need(&self, name: &str) -> Result<(&'static Column, &'l str), Wrong> {
        let (column, text) = self.get(name)?;
        if text.is_empty() {
            let said = crate::kernel::Said::new("不能为空", "must not be empty");
            return Err(Wrong::of(column, "MISSING_CELL", &said));
        }
        Ok((column, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind, headings: &str) -> Result<Headings, String> {
        let headings: Vec<String> = headings.split(',').map(str::to_owned).collect();
        Headings::find(kind, &headings).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_found_in_any_order_and_in_either_language() {
        for (kind, headings) in [
            (Kind::People, "employee_no,name,department,employment,from,until"),
            (Kind::People, "工号,姓名,单位,身份,起,止"),
            (Kind::People, "止,起,姓名,备注,Employee_No,错误,"),
            (Kind::Shifts, "shift,weekdays,spans,on_before,off_after"),
            (Kind::Roster, "employee_no,date,shift"),
            (Kind::Roster, "班次,工号,止,起"),
            (Kind::Calendar, "日期,类别,按星期"),
            (Kind::Leave, "employee_no,kind,from,until,reason"),
        ] {
            assert!(found(kind, headings).is_ok(), "{headings}");
        }
        for (kind, headings, complaint) in [
            (Kind::People, "employee_no,name,form", "\"form\" is none of"),
            (Kind::People, "工号,姓名", "from (起) is missing"),
            (Kind::People, "工号,姓名,起,employee_no", "employee_no (employee_no) is there twice"),
            (Kind::Roster, "employee_no,shift", "date, from is needed"),
            (Kind::Roster, "employee_no,from,unitl,shift", "\"unitl\" is none of"),
            (Kind::Calendar, "date,kind;as_weekday", "is none of"),
        ] {
            let said = found(kind, headings).unwrap_err();
            assert!(said.contains(complaint), "{headings}: {said}");
        }
    }

    #[test]
    fn rows_without_text_and_examples_are_no_lines_and_short_ones_have_empty_cells() {
        let headings = found(Kind::Roster, "备注,工号,班次,日期").unwrap();
        let line = |texts: &[&str]| {
            let row: Vec<Cell> = texts.iter().map(|text| Ok((*text).to_owned())).collect();
            headings.line(2, &row)
        };
        assert_eq!(line(&["", ""]), None);
        assert_eq!(line(&["", "例：A001", "day"]), None);
        let short = line(&["x", "A001"]).unwrap();
        let row = short.row(Kind::Roster).unwrap();
        assert_eq!(row.need("employee_no").map(|(_, text)| text), Ok("A001"));
        assert_eq!(row.need("shift").unwrap_err().reason, "MISSING_CELL");
        assert_eq!(row.get("until").map(|(_, text)| text), Ok(""));
    }
}
