//! The workbook that is filled in: a sheet for each kind with its headings and a row that shows how it is done, and notes.

use std::path::Path;

use anyhow::{Context, ensure};
use rust_xlsxwriter::{Color, Format, Workbook, Worksheet, XlsxError};

use crate::cli::import::master::{EXAMPLE, Kind};

/// The sheet of notes; nothing in it is read.
pub(super) const NOTES: &str = "说明";

/// How wide columns are, in characters.
const WIDTH: f64 = 18.0;

const TEXT: &[&str] = &[
    "填写说明",
    "",
    "一、每张表第一行是列名，请勿改名；列的先后可以调换，不用的选填列可以删去。",
    "二、以“例：”开头的行是示例，导入时跳过；空行也跳过。",
    "三、日期写作 2026-01-02 或 2026/1/2；所有单元格已设为文本，工号前的 0 不会丢失。",
    "四、先试：qinlian setup import 文件.xlsx --centre 中心代码 --dry-run；无误后把 --dry-run 改为 --apply。",
    "五、任何一行有误则全部不写入，并另存一份带“错误”列的副本，改好后可直接再次导入该副本。",
    "六、重复导入同一文件不会重复写入。",
    "",
    "人员：工号、姓名、起 必填；单位不存在时自动建立；身份为 公务员、事业编、合同制、劳务派遣 或 其他；起、止为在本中心的派驻期。",
    "班次：班次为代码（小写字母、数字、连字符）或中文名称；星期如 1-5、1,3,5、周一至周五；时段如 08:30-12:00;14:00-17:30，夜班如 20:00-26:00。",
    "　　　上班前、下班后为打卡有效的分钟数，不填为 60。同一班次各天时段不同的，分行填写。起为该版班次的生效日期，不填为自始有效。",
    "排班：填日期为当天的班，填起（和止）为该期间每周按班次上班；班次写“休”为休息。",
    "日历：类别为 法定节假日、调休休息 或 调休上班；调休上班可填按星期几上班。一份文件只含一年，并应含该年全部日期。",
    "请假：假别、起、止、事由都要填写。填日期为整天，也可填时间，如 2026-03-02 13:30。只填已经批准的请假。",
];

/// Writes the template.
pub(super) fn write(path: &Path) -> anyhow::Result<()> {
    ensure!(!path.exists(), "{} is there already, and stays as it is", path.display());
    let mut workbook = Workbook::new();
    for kind in Kind::ALL {
        sheet(workbook.add_worksheet(), kind)?;
    }
    notes(workbook.add_worksheet())?;
    workbook.save(path).with_context(|| format!("failed to write {}", path.display()))
}

/// How headings look.
pub(super) fn heading() -> Format {
    Format::new().set_bold().set_num_format("@").set_background_color(Color::RGB(0x00DD_EBF7))
}

/// Cells that stay as they were typed.
pub(super) fn text() -> Format {
    Format::new().set_num_format("@")
}

fn sheet(page: &mut Worksheet, kind: Kind) -> Result<(), XlsxError> {
    page.set_name(kind.sheet())?.set_freeze_panes(1, 0)?;
    let example = text().set_italic().set_font_color(Color::Gray);
    for (at, column) in (0_u16..).zip(kind.columns()) {
        page.set_column_format(at, &text())?.set_column_width(at, WIDTH)?;
        page.write_string_with_format(0, at, *column.zh.first().unwrap_or(&column.name), &heading())?;
        let mark = if at == 0 { EXAMPLE } else { "" };
        page.write_string_with_format(1, at, format!("{mark}{}", column.example), &example)?;
    }
    Ok(())
}

fn notes(page: &mut Worksheet) -> Result<(), XlsxError> {
    page.set_name(NOTES)?.set_column_width(0, 120)?;
    for (at, line) in (0_u32..).zip(TEXT) {
        page.write_string(at, 0, *line)?;
    }
    Ok(())
}
