//! The workbook, as a spreadsheet reads it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use qinlian::cli::export::table::COLUMNS;
use qinlian::cli::export::{Format, export};
use zip::ZipArchive;

use super::rig::{Month, for_payroll};
use crate::support::store::Fixture;

/// A part of the package.
fn part(path: &Path, name: &str) -> String {
    let mut package = ZipArchive::new(File::open(path).expect("a file")).expect("a package");
    let mut text = String::new();
    package.by_name(name).unwrap_or_else(|_| panic!("no {name}")).read_to_string(&mut text).expect("text");
    text
}

/// The texts of a sheet, row by row. Rows are written as they come, so texts stand in their cells.
pub(super) fn rows(path: &Path, sheet: usize) -> Vec<Vec<String>> {
    let xml = part(path, &format!("xl/worksheets/sheet{sheet}.xml"));
    let between = |text: &str, open: &str, close: &str| {
        let (_, rest) = text.split_once(open)?;
        rest.split_once(close).map(|(inner, _)| inner.to_owned())
    };
    let cell = |cell: &str| {
        let text =
            between(cell, "<t>", "</t>").or_else(|| between(cell, "<t xml:space=\"preserve\">", "</t>"));
        text.or_else(|| between(cell, "<v>", "</v>")).unwrap_or_default()
    };
    xml.split("<row ").skip(1).map(|row| row.split("<c ").skip(1).map(cell).collect()).collect()
}

#[tokio::test]
async fn a_workbook_says_what_it_is_shows_the_month_and_holds_the_table() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 521, 31).await;
    let out = dir.path().join("march.xlsx");
    let sidecar = export(&month.hall.office.desk, &for_payroll(Format::Xlsx), &out).await.unwrap();
    let names = part(&out, "xl/workbook.xml");
    for (number, name) in ["说明", "月历", "明细"].iter().enumerate() {
        assert!(names.contains(&format!("name=\"{name}\" sheetId=\"{}\"", number + 1)), "{names}");
    }
    let about = rows(&out, 1);
    for said in [&sidecar.digest, &sidecar.log.root, &sidecar.log.origin, "旷工", "待定、无法核实均不作旷工"]
    {
        assert!(about.iter().flatten().any(|cell| cell == said), "{said}");
    }
    // Sundays and Saturdays are the 1st, the 7th and the 8th, and so on; the 1st had not begun.
    let marks: Vec<String> = rows(&out, 2).into_iter().map(|row| row.join("")).collect();
    let person = |n: usize| month.hall.people[n].to_string();
    let wanted =
        |number: &str, n: usize, marks: &str| format!("{number}{}{}", person(n), marks.replace(' ', ""));
    let normal = "√√√√√休休 √√√√√休休 √√√√√休休 √√√√√休休 √√";
    let late = "√迟重旷旷休休 退缺旷旷√休休 √√√√√休休 √√√√√休休 √√";
    // The first of the two silent days was waited for long enough.
    let third = "√√√√√休休 √√√√?休休 √√√√√休休 √√√√√休休 ?…";
    let lines = [wanted("0007", 0, normal), wanted("=7+1", 1, late), wanted("", 2, third)];
    let mut lines: Vec<&String> = lines.iter().collect();
    lines.sort_by_key(|line| line.trim_start_matches("0007").trim_start_matches("=7+1").to_owned());
    assert_eq!(marks[1..].iter().collect::<Vec<_>>(), lines);
    let table = rows(&out, 3);
    assert_eq!(table[0], COLUMNS);
    assert_eq!(table.len() as u64, sidecar.rows + 1);
    month.hall.office.stop().await;
}
