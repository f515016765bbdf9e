//! Two files of one form, row by row, employee numbers aside: those are personal, and no log tells them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::Value;

use super::vendors::{feishu, wecom};
use super::{Format, lines};

/// The first row in which two files differ, counted from 1; headings are a row. `None`: they say the same. A workbook is
/// not compared: its digest is.
pub(in crate::cli) fn first_difference(
    form: Format,
    theirs: &Path,
    ours: &Path,
) -> anyhow::Result<Option<u64>> {
    let open = |path: &Path| File::open(path).map(BufReader::new);
    let (theirs, ours) = (open(theirs)?, open(ours)?);
    Ok(match form {
        Format::Csv | Format::Dingtalk => differ(records(theirs), records(ours)),
        Format::Ndjson => differ(objects(theirs, &lines::EMPLOYEE_NO), objects(ours, &lines::EMPLOYEE_NO)),
        Format::Wecom => differ(objects(theirs, &wecom::USER), objects(ours, &wecom::USER)),
        Format::Feishu => differ(objects(theirs, &feishu::USER), objects(ours, &feishu::USER)),
        Format::Xlsx => None,
    })
}

/// A row that cannot be read is like no other.
fn differ<T: PartialEq>(
    mut theirs: impl Iterator<Item = Option<T>>,
    mut ours: impl Iterator<Item = Option<T>>,
) -> Option<u64> {
    let mut row = 1;
    loop {
        match (theirs.next(), ours.next()) {
            (None, None) => return None,
            (Some(Some(theirs)), Some(Some(ours))) if theirs == ours => row += 1,
            _ => return Some(row),
        }
    }
}

/// Lines of a table without their first cell, which is the employee number.
fn records(from: impl Read) -> impl Iterator<Item = Option<Vec<String>>> {
    let table = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(from);
    table.into_records().map(|record| Some(record.ok()?.iter().skip(1).map(str::to_owned).collect()))
}

/// Objects without one of their fields, which stands in others.
fn objects(from: impl BufRead, without: &'static [&'static str]) -> impl Iterator<Item = Option<Value>> {
    from.lines().map(move |line| {
        let mut value: Value = serde_json::from_str(&line.ok()?).ok()?;
        let (field, within) = without.split_last()?;
        let object = within.iter().try_fold(&mut value, |object, name| object.get_mut(name))?;
        object.as_object_mut()?.remove(*field);
        Some(value)
    })
}
