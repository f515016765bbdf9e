//! `qinlian setup`: a workbook that is taken as a whole or comes back with what is wrong.

use std::collections::BTreeMap;
use std::path::Path;

use calamine::{Data, Reader, Xlsx, open_workbook};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use serde_json::Value;

use super::super::{done, qinlian, text};
use super::{Hall, became};

/// A sheet's name and its rows, headings first.
pub(super) type Page<'a> = (&'a str, Vec<Vec<&'a str>>);

/// Writes a workbook. A cell `=7` is a number, `=2026-01-02` a day.
pub(super) fn write(path: &Path, pages: &[Page<'_>]) {
    let mut workbook = Workbook::new();
    let day = Format::new().set_num_format("yyyy/m/d");
    for (name, rows) in pages {
        let page = workbook.add_worksheet();
        page.set_name(*name).unwrap();
        for (row, cells) in (0..).zip(rows) {
            for (column, cell) in (0..).zip(cells) {
                match cell.strip_prefix('=') {
                    Some(date) if date.contains('-') => {
                        let date = ExcelDateTime::parse_from_str(date).unwrap();
                        page.write_datetime_with_format(row, column, &date, &day).unwrap();
                    }
                    Some(number) => {
                        page.write_number(row, column, number.parse::<f64>().unwrap()).unwrap();
                    }
                    None => {
                        page.write_string(row, column, *cell).unwrap();
                    }
                }
            }
        }
    }
    workbook.save(path).unwrap();
}

/// What stands in a workbook: each sheet's rows.
fn read(path: &Path) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut workbook: Xlsx<_> = open_workbook(path).unwrap();
    let cell = |data: &Data| data.to_string();
    let names = workbook.sheet_names();
    let page = |name: String| {
        let range = workbook.worksheet_range(&name).unwrap();
        (name, range.rows().map(|row| row.iter().map(cell).collect()).collect())
    };
    names.into_iter().map(page).collect()
}

impl Hall {
    /// Exit code and answer.
    pub(super) fn setup(&self, file: &Path, more: &[&str]) -> (Option<i32>, Value) {
        let words = ["setup", "import", text(file), "--data", text(&self.data), "--centre", "hall", "--json"];
        let output = qinlian(&[&words[..], more].concat());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        (
            output.status.code(),
            serde_json::from_str(&said).unwrap_or_else(|_| Value::String(error.into_owned())),
        )
    }
}

/// Of each sheet: lines, accepted and duplicate; and every refused line.
fn sheets(report: &Value) -> (Vec<(String, [u64; 3])>, Vec<(u64, String)>) {
    let sheets = report["sheets"].as_array().unwrap_or_else(|| panic!("{report}"));
    let of = |sheet: &Value| (sheet["sheet"].as_str().unwrap().to_owned(), became(sheet).0);
    let refused = sheets.iter().flat_map(|sheet| became(sheet).1);
    (sheets.iter().map(of).collect(), refused.collect())
}

fn good() -> Vec<Page<'static>> {
    vec![
        (
            "排班",
            vec![
                vec!["班次", "工号", "起"],
                vec!["行政班", "=1001", "=2026-01-01"],
                vec!["行政班", "A002", "2026-01-01"],
            ],
        ),
        (
            "人员",
            vec![
                vec!["工号", "姓名", "单位", "身份", "起", "止"],
                vec!["=1001", "张三", "税务局", "公务员", "=2026-01-01", ""],
                vec!["A002", "李四", "税务局", "", "2026/1/1", "=2026-12-31"],
            ],
        ),
        ("班次", vec![vec!["班次", "星期", "时段"], vec!["行政班", "1-5", "08:30-17:30"]]),
        ("日历", vec![vec!["日期", "类别"], vec!["=2026-01-01", "法定节假日"]]),
        ("请假", vec![vec!["工号", "假别", "起", "止", "事由"]]),
        ("说明", vec![vec!["随便写"]]),
    ]
}

#[test]
fn the_template_has_a_sheet_for_each_kind_and_imports_nothing_by_itself() {
    let hall = Hall::on_sqlite();
    let file = hall.path("template.xlsx");
    done(&["setup", "template", "-o", text(&file)]);
    let pages = read(&file);
    let mut names: Vec<&str> = pages.keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut wanted = ["人员", "班次", "排班", "日历", "请假", "说明"];
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    assert_eq!(pages["人员"][0], ["工号", "姓名", "单位", "身份", "起", "止"]);
    assert!(
        ["人员", "班次", "排班", "日历", "请假"].iter().all(|name| pages[*name][1][0].starts_with("例："))
    );
    let (code, report) = hall.setup(&file, &["--apply"]);
    assert_eq!((code, sheets(&report).0.iter().map(|(_, counts)| counts[0]).sum::<u64>()), (Some(0), 0));
    let again = qinlian(&["setup", "template", "-o", text(&file)]);
    assert_eq!(again.status.code(), Some(2), "a file that is there stays");
}

#[test]
fn a_good_workbook_is_taken_and_taking_it_again_changes_nothing() {
    for hall in Hall::on_both() {
        let file = hall.path("centre.xlsx");
        write(&file, &good());
        let before = hall.heads();
        let wanted = |counts: [[u64; 3]; 5]| {
            let names = ["people", "shifts", "roster", "calendar", "leave"].map(str::to_owned);
            (names.into_iter().zip(counts).collect::<Vec<_>>(), Vec::new())
        };
        let once = wanted([[2, 2, 0], [1, 1, 0], [2, 2, 0], [1, 1, 0], [0, 0, 0]]);
        let (code, report) = hall.setup(&file, &["--dry-run"]);
        assert_eq!((code, sheets(&report)), (Some(0), once.clone()));
        assert_eq!((hall.heads(), &report["applied"]), (before, &Value::Bool(false)));
        let (code, report) = hall.setup(&file, &["--apply", "--notice", "放假通知"]);
        assert_eq!((code, sheets(&report)), (Some(0), once));
        assert_eq!(report["applied"], true);
        let after = hall.heads();
        let again = wanted([[2, 0, 2], [1, 0, 1], [2, 0, 2], [1, 0, 1], [0, 0, 0]]);
        for turn in ["--dry-run", "--apply"] {
            let (code, report) = hall.setup(&file, &[turn]);
            assert_eq!((code, sheets(&report)), (Some(0), again.clone()), "{turn}");
        }
        assert_eq!(hall.heads(), after);
        hall.end();
    }
}

#[test]
fn one_wrong_row_keeps_everything_out_and_comes_back_with_its_reason() {
    let hall = Hall::on_sqlite();
    let file = hall.path("centre.xlsx");
    let errors = hall.path("errors.xlsx");
    let mut pages = good();
    pages[0].1.push(vec!["夜班", "A002", "2026-02-01"]);
    pages[1].1.push(vec!["A003", "王五", "", "教授", "2026-01-01"]);
    pages[4].1.push(vec!["A002", "年休假", "=2026-03-02", "2026-03-03", "探亲"]);
    pages[4].1.push(vec!["A002", "年休假", "2026-03-02", "2026-03-01", "探亲"]);
    write(&file, &pages);
    let before = hall.heads();
    for turn in ["--dry-run", "--apply"] {
        let (code, report) = hall.setup(&file, &[turn, "-o", text(&errors)]);
        let refused = [(4, "BAD_EMPLOYMENT"), (4, "UNKNOWN_SHIFT"), (3, "BEFORE_FROM")];
        assert_eq!(
            (code, sheets(&report).1),
            (Some(1), refused.map(|(line, why)| (line, why.to_owned())).to_vec())
        );
        assert_eq!((&report["applied"], hall.heads()), (&Value::Bool(false), before.clone()), "{turn}");
    }
    let back = read(&errors);
    assert_eq!(back.len(), 6, "a copy of every sheet");
    assert_eq!(back["排班"][0], ["班次", "工号", "起", "错误"]);
    assert_eq!(back["排班"][1], ["行政班", "1001", "2026-01-01", ""]);
    assert_eq!(back["排班"][3], ["夜班", "A002", "2026-02-01", "班次：本中心没有这个班次（UNKNOWN_SHIFT）"]);
    assert_eq!(back["人员"][3][6], "身份：应为 公务员、事业编、合同制、劳务派遣 或 其他（BAD_EMPLOYMENT）");
    assert_eq!(
        (back["请假"][1][5].as_str(), back["请假"][2][5].as_str()),
        ("", "止须晚于起，最长 400 天（BEFORE_FROM）")
    );
    // What came back is mended, and taken as it is.
    let mut mended: Vec<Page<'_>> = Vec::new();
    for (name, rows) in &back {
        let rows =
            rows.iter().enumerate().filter(|(at, row)| *at == 0 || row.last().is_none_or(String::is_empty));
        mended.push((name, rows.map(|(_, row)| row.iter().map(String::as_str).collect()).collect()));
    }
    write(&file, &mended);
    let (code, report) = hall.setup(&file, &["--apply"]);
    assert_eq!((code, &report["applied"]), (Some(0), &Value::Bool(true)), "{report}");
    // Leave too is found to stand.
    let after = hall.heads();
    assert_eq!((hall.setup(&file, &["--apply"]).0, hall.heads()), (Some(0), after));
    // Beside the workbook, where nobody says where to.
    write(&file, &pages);
    assert_eq!(hall.setup(&file, &["--dry-run"]).0, Some(1));
    assert!(hall.path("centre-errors.xlsx").exists());
    hall.end();
}

#[test]
fn what_is_wrong_with_the_workbook_is_said_by_the_name_of_the_sheet() {
    let hall = Hall::on_sqlite();
    let before = hall.heads();
    let rows: [(&str, Vec<Page<'_>>, &str); 5] = [
        (
            "a wrong sheet",
            vec![("人员表", vec![vec!["工号", "姓名", "起"]])],
            "\"人员表\" is none of: 人员, 班次",
        ),
        (
            "a wrong heading",
            vec![("人员", vec![vec!["工号", "名字", "起"]])],
            "sheet 人员: the heading \"名字\"",
        ),
        (
            "a missing one",
            vec![("日历", vec![vec!["日期"]])],
            "sheet 日历: the column kind (类别) is missing",
        ),
        (
            "two of a kind",
            vec![("人员", vec![vec!["工号", "姓名", "起"]]), ("people", vec![vec!["x"]])],
            "two sheets",
        ),
        ("nothing", vec![("说明", vec![vec!["x"]])], "no sheet says anything"),
    ];
    for (case, pages, complaint) in rows {
        let file = hall.path("centre.xlsx");
        write(&file, &pages);
        let (code, said) = hall.setup(&file, &["--apply"]);
        assert_eq!(code, Some(2), "{case}: {said}");
        assert!(said.as_str().unwrap().contains(complaint), "{case}: {said}");
    }
    let text_file = hall.write("text.xlsx", "工号,姓名,起\n");
    for bytes in [hall.write("empty.xlsx", ""), text_file] {
        let (code, said) = hall.setup(&bytes, &["--dry-run"]);
        assert!(code == Some(2) && said.as_str().unwrap().contains("is no workbook"), "{said}");
    }
    let neither = hall.setup(&hall.path("centre.xlsx"), &[]);
    assert!(neither.0 == Some(2) && neither.1.as_str().unwrap().contains("--apply"));
    assert_eq!(hall.heads(), before);
}
