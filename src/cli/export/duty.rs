//! `qinlian export duty`: what windows did through a month, by the day, as a table or a workbook (docs/exports.md).

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use rust_xlsxwriter::Format as Style;
use serde::{Deserialize, Serialize};

use super::options::month;
use super::sheet;
use super::sidecar::{self, Position, Sidecar};
use super::table::Table;
use super::whole::{self, Whole};
use super::{Answer, Office, Opening, explain, say};
use crate::cli::Where;
use crate::kernel::{CentreId, EpochDay, LogId, WindowId};
use crate::proto::{ItemDuty, WindowDuty};
use crate::registers::desk::Desk;
use crate::registers::duty::service::report::{Order, Reported, duty_report};
use crate::registers::rulebook;

/// What `kind` says.
pub const KIND: &str = "duty";

/// The columns of the table, in their order. New ones come at the end.
pub const COLUMNS: [&str; 26] = [
    "窗口",
    "窗口号",
    "日期",
    "应开分钟",
    "开放",
    "顶岗",
    "暂停",
    "超时",
    "脱岗",
    "空岗",
    "故障",
    "关闭",
    "排班外开放",
    "在岗率%",
    "暂停次数",
    "未结束",
    "承诺分钟",
    "实际分钟",
    "延长次数",
    "超时返回",
    "脱岗次数",
    "超时率%",
    "未放标识",
    "未引导",
    "强制离开",
    "故障次数",
];
const ITEM_COLUMNS: [&str; 3] = ["事项", "应开分钟", "无窗口分钟"];

const EXAMPLES: &str = "Examples:
  qinlian export duty --data ./data --centre hall --month 2026-11 -o duty.csv
  qinlian export duty --data ./data --centre hall --month 2026-11 --format xlsx -o duty.xlsx

Beside FILE stands FILE.json: the position of the log that it is of. No person is named.";

/// `qinlian export duty --help`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Options {
    #[command(flatten)]
    place: Where,
    /// The centre
    #[arg(long, value_name = "CODE")]
    centre: String,
    /// The month
    #[arg(long, value_name = "YYYY-MM")]
    month: String,
    /// Only this window
    #[arg(long, value_name = "CODE")]
    window: Option<String>,
    /// The form of the file
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// The file to write; what stands there is replaced
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Answer with the sidecar, one JSON object
    #[arg(long)]
    json: bool,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A table with Chinese headings, a line for each window and day
    Csv,
    /// A workbook: what it is of, the table, and service items
    Xlsx,
}

/// What an export of duty is of: `FILE.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutySidecar {
    /// The form of this file.
    pub format: String,
    /// What is in the file.
    pub kind: String,
    /// The centre.
    pub centre: String,
    /// The window, when only one is in the file.
    pub window: Option<String>,
    /// The first day.
    pub from: String,
    /// The last day.
    pub until: String,
    /// Until when the last day is counted: milliseconds since 1970.
    pub as_of_ms: i64,
    /// The position of the centre's log.
    pub log: Position,
    /// Lines of the table.
    pub lines: u64,
    /// The file.
    pub file: DutyFile,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutyFile {
    /// Its name.
    pub name: String,
    /// Its form.
    pub form: Format,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

pub(super) async fn run(options: Options) -> anyhow::Result<Answer> {
    let during = month(&options.month)?;
    let centre = CentreId::parse(&options.centre).context("--centre")?;
    let window = options.window.as_deref().map(WindowId::parse).transpose().context("--window")?;
    let order = Order { during, window, by_day: true };
    let office = Office::open(options.place.load()?, Opening::default()).await?;
    let sidecar = duty(&office.desk, (&centre, &order), options.format, &options.out).await;
    office.close().await;
    let sidecar = sidecar?;
    if options.json {
        say(&serde_json::to_string(&sidecar)?);
    } else {
        let DutySidecar { file, log, .. } = &sidecar;
        say(&format!("{}: {} lines of windows and days", file.name, sidecar.lines));
        say(&format!("of {} at size {}, root {}", log.origin, log.tree_size, log.root));
    }
    Ok(Answer::Yes)
}

/// Exports what windows did into a file, and what it is of into its sidecar.
pub async fn duty(
    desk: &Desk,
    (centre, order): (&CentreId, &Order),
    format: Format,
    out: &Path,
) -> anyhow::Result<DutySidecar> {
    let directory = desk.directory(LogId::DEPLOYMENT).await?;
    let log = rulebook::log_of(&directory, centre)
        .with_context(|| format!("--centre: there is no centre {centre}"))?;
    if log == LogId::DEPLOYMENT {
        bail!("--centre: the deployment has no windows");
    }
    let Reported { at, before, report } = duty_report(desk, log, order).await.map_err(explain)?;
    let reader = desk.ledger().reader();
    let (_, epoch) = reader.head(log).await?;
    let size = before.get().saturating_sub(epoch.base.get());
    let root = reader.checkpoint(log, epoch.epoch, size).await?.root;
    let position = Position { origin: epoch.origin.clone(), tree_size: size, root: root.to_string() };
    let whole = Whole::new(out)?;
    match format {
        Format::Csv => {
            let mut table = Table::begin(whole.create()?, &COLUMNS)?;
            for line in &report.windows {
                table.line(&cells(line))?;
            }
            table.finish()?;
        }
        Format::Xlsx => {
            let about = about((centre, order), &position);
            book(&whole, &about, (&report.windows, &report.total), &report.items)?;
        }
    }
    let (bytes, sha256) = whole.measure()?;
    let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sidecar = DutySidecar {
        format: sidecar::FORMAT.to_owned(),
        kind: KIND.to_owned(),
        centre: centre.to_string(),
        window: order.window.as_ref().map(ToString::to_string),
        from: order.during.0.to_string(),
        until: order.during.1.to_string(),
        as_of_ms: at.get(),
        log: position,
        lines: u64::try_from(report.windows.len())?,
        file: DutyFile { name, form: format, bytes, sha256 },
    };
    whole.place()?;
    let mut text = serde_json::to_string_pretty(&sidecar)?;
    text.push('\n');
    whole::write(&Sidecar::path(out), &text)?;
    Ok(sidecar)
}

fn about((centre, order): (&CentreId, &Order), position: &Position) -> Vec<(&'static str, String)> {
    let window = order.window.as_ref().map(ToString::to_string);
    vec![
        ("中心", centre.to_string()),
        ("窗口", window.unwrap_or_else(|| "全部".to_owned())),
        ("起止", format!("{} 至 {}", order.during.0, order.during.1)),
        ("日志", position.origin.clone()),
        ("日志位置", position.tree_size.to_string()),
        ("根哈希", position.root.clone()),
    ]
}

/// Hundredths of a percent as `93.05`; empty when there is no rate.
fn percent(rate: Option<u32>) -> String {
    rate.map(|rate| format!("{}.{:02}", rate / 100, rate % 100)).unwrap_or_default()
}

/// The cells of a line.
fn cells(line: &WindowDuty) -> Vec<String> {
    let minutes = line.minutes.unwrap_or_default();
    let pauses = line.pauses.unwrap_or_default();
    let date = line.date.as_ref().and_then(|date| EpochDay::from_ymd(date.year, date.month, date.day).ok());
    let mut cells =
        vec![line.window.clone(), line.number.clone(), date.map(|date| date.to_string()).unwrap_or_default()];
    let counts = [
        minutes.scheduled,
        minutes.open,
        minutes.covered,
        minutes.paused,
        minutes.overdue,
        minutes.off_post,
        minutes.unstaffed,
        minutes.fault,
        minutes.closed,
        minutes.beyond_schedule,
    ];
    cells.extend(counts.map(|count| count.to_string()));
    cells.push(percent(line.in_post_rate));
    let counts = [
        pauses.pauses,
        pauses.open,
        pauses.promised_minutes,
        pauses.actual_minutes,
        pauses.extensions,
        pauses.late_returns,
        pauses.left_post,
    ];
    cells.extend(counts.map(|count| count.to_string()));
    cells.push(percent(pauses.overdue_rate));
    let counts = [pauses.without_sign, pauses.without_guidance, pauses.left_anyway, pauses.out_of_order];
    cells.extend(counts.map(|count| count.to_string()));
    cells
}

/// Writes the workbook. Cells that are numbers are written as numbers, but for what names a window.
fn book(
    whole: &Whole,
    about: &[(&str, String)],
    (windows, total): (&[WindowDuty], &WindowDuty),
    items: &[ItemDuty],
) -> anyhow::Result<()> {
    let mut workbook = sheet::workbook(whole.folder())?;
    let bold = Style::new().set_bold();
    let mut head = sheet::head(&mut workbook)?;
    sheet::tell(&mut head, about, &bold)?;
    workbook.push_worksheet(head);
    let table = windows.iter().chain([total]).map(cells);
    let items = items.iter().map(|item| {
        vec![item.item.clone(), item.scheduled_minutes.to_string(), item.unserved_minutes.to_string()]
    });
    let sheets = [
        ("窗口", &COLUMNS[..], 3, table.collect::<Vec<_>>()),
        ("事项", &ITEM_COLUMNS[..], 1, items.collect::<Vec<_>>()),
    ];
    for (name, columns, names, lines) in sheets {
        let sheet = workbook.add_worksheet();
        sheet.set_name(name)?.set_freeze_panes(1, 0)?;
        for (column, heading) in (0..).zip(columns) {
            sheet.write_string_with_format(0, column, *heading, &bold)?;
        }
        for (row, cells) in (1..).zip(lines) {
            for (column, cell) in (0..).zip(&cells) {
                match cell.parse::<f64>().ok().filter(|_| column >= names) {
                    Some(number) => sheet.write_number(row, column, number)?,
                    None => sheet.write_string(row, column, cell)?,
                };
            }
        }
    }
    let mut file = whole.create()?;
    workbook.save_to_writer(&mut file)?;
    Ok(())
}
