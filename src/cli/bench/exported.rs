//! What people's days of a month take as a file, and how much memory.

use anyhow::{Context, ensure};
use serde::Serialize;

use super::month::Month;
use super::place::Place;
use super::town::CENTRE;
use crate::cli::export::{Format, Kind, List, Order, export};
use crate::clock::Stopwatch;
use crate::kernel::{CentreId, EpochDay};

/// One file.
#[derive(Debug, Serialize)]
pub(super) struct Exported {
    what: &'static str,
    form: &'static str,
    people: u64,
    rows: u64,
    bytes: u64,
    seconds: f64,
    /// The process before, and at most while it was written, in MiB.
    before_mib: u64,
    peak_mib: u64,
}

impl std::fmt::Display for Exported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, form, people, rows, bytes, seconds, before_mib, peak_mib } = self;
        write!(
            f,
            "export of {what} as {form}: {people} people, {rows} rows, {bytes} bytes, {seconds:.1} s; memory {before_mib} MiB \
             before, {peak_mib} MiB at most"
        )
    }
}

/// The days of its first so many days in two forms, and the months.
pub(super) async fn write(month: &Month, place: &Place, days: usize) -> anyhow::Result<Vec<Exported>> {
    let last = month.first.plus_days(i32::try_from(days)? - 1);
    // Months are whole ones.
    let (year, number, _) = month.first.ymd();
    let next = if number == 12 { (year + 1, 1) } else { (year, number + 1) };
    let end = EpochDay::from_ymd(next.0, next.1, 1)?.plus_days(-1);
    let files = [
        (Kind::Days, Format::Csv, "CSV", last.min(end)),
        (Kind::Days, Format::Xlsx, "XLSX", last.min(end)),
        (Kind::List(List::Months), Format::Csv, "CSV", end),
    ];
    let mut all = Vec::new();
    for (kind, format, form, until) in files {
        let order = Order {
            kind,
            centre: CentreId::parse(CENTRE)?,
            from: month.first,
            until,
            department: None,
            format,
            reveal: None,
        };
        // Linux: the peak begins anew.
        std::fs::write("/proc/self/clear_refs", "5").context("only Linux tells")?;
        let (before_mib, watch) = (memory("VmRSS")?, Stopwatch::start());
        let out = place.folder.join("exported");
        let sidecar = export(&month.office.desk, &order, &out).await?;
        let seconds = watch.elapsed().as_secs_f64();
        ensure!(sidecar.people > 0, "nobody was exported");
        all.push(Exported {
            what: kind.name(),
            form,
            people: sidecar.people,
            rows: sidecar.rows,
            bytes: sidecar.file.bytes,
            seconds,
            before_mib,
            peak_mib: memory("VmHWM")?,
        });
        std::fs::remove_file(&out).context("failed to remove the export")?;
    }
    Ok(all)
}

/// Of this process, in MiB.
fn memory(name: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("only Linux tells")?;
    let line = status.lines().find(|line| line.starts_with(name)).context("an odd /proc/self/status")?;
    let kib: u64 = line.split_whitespace().nth(1).context("an odd /proc/self/status")?.parse()?;
    Ok(kib / 1_024)
}
