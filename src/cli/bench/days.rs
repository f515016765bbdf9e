//! How long people's days take: a centre lives through a month on a clock of its own (everybody clocks in four times a day,
//! and terminals tell of themselves every five minutes); then all results are deleted and derived again, the feed is read
//! from its beginning to its end, and the month is exported.

use anyhow::{Context, ensure};
use serde::Serialize;

use super::Options;
use super::exported::{self, Exported};
use super::feed::{self, Feed};
use super::month::Month;
use super::place::{Place, Schema};
use crate::clock::Stopwatch;
use crate::registers::derivation::{DAY, registered};
use crate::results::{Filter, Folder, Query, page};

/// People, unless `--people` says how many.
const PEOPLE: usize = 2_100;
/// Days that they live through, unless `--days` says how many.
const DAYS: usize = 31;

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Days {
    people: usize,
    days: usize,
    punches: u64,
    entries: u64,
    revisions: u64,
    /// Filling the log, and deriving nothing.
    filled_seconds: f64,
    /// Deriving everything from nothing, twice: as far as the clock on the wall goes, and this process.
    derived_seconds: [f64; 2],
    derived_cpu_seconds: [f64; 2],
    /// Reading the feed of days, pages of 1,000, without gRPC.
    feed_per_second: f64,
    feed: Feed,
    exported: Vec<Exported>,
}

impl std::fmt::Display for Days {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { people, days, punches, entries, revisions, filled_seconds, .. } = self;
        writeln!(
            f,
            "{people} people, {days} days: {punches} clock-ins, {entries} entries, {filled_seconds:.0} s to fill"
        )?;
        for (wall, cpu) in self.derived_seconds.iter().zip(self.derived_cpu_seconds) {
            writeln!(
                f,
                "derived from nothing: {revisions} revisions, {wall:.1} s, of the server's CPU {cpu:.1} s"
            )?;
        }
        writeln!(f, "feed, pages of 1000, without gRPC: {:.0} revisions a second", self.feed_per_second)?;
        write!(f, "{}", self.feed)?;
        self.exported.iter().try_for_each(|exported| write!(f, "\n{exported}"))
    }
}

/// Measures.
pub(super) async fn measure(options: &Options, place: &Place) -> anyhow::Result<Days> {
    let (people, days) = (options.people.unwrap_or(PEOPLE), options.days.unwrap_or(DAYS));
    place.remove(Schema::Main).await?;
    let watch = Stopwatch::start();
    let mut month = Month::begin(place, Schema::Main, people).await?;
    let mut punches = 0;
    for day in 0..days {
        punches += month.live(month.first.plus_days(i32::try_from(day)?)).await?;
    }
    let filled_seconds = watch.elapsed().as_secs_f64();
    let measured = async {
        let (revisions, derived_seconds, derived_cpu_seconds, feed_per_second) = derive(&month).await?;
        let (head, _) = month.office.desk.ledger().reader().head(month.log).await?;
        Ok(Days {
            people,
            days,
            punches,
            entries: head.size,
            revisions,
            filled_seconds,
            derived_seconds,
            derived_cpu_seconds,
            feed_per_second,
            feed: feed::read(&month, place, options.rounds).await?,
            exported: exported::write(&month, place, days).await?,
        })
    };
    let measured = measured.await;
    month.office.close().await;
    measured
}

type Derived = (u64, [f64; 2], [f64; 2], f64);

/// Derives everything twice, and reads the feed.
async fn derive(month: &Month) -> anyhow::Result<Derived> {
    let (desk, log) = (&month.office.desk, month.log);
    let store = desk.store().clone();
    let folder = Folder::new(store.clone(), registered(desk.ledger().clone()));
    let (mut wall, mut cpu) = ([0.0; 2], [0.0; 2]);
    for (wall, cpu) in wall.iter_mut().zip(&mut cpu) {
        folder.rebuild(log).await?;
        let (watch, before) = (Stopwatch::start(), cpu_seconds()?);
        folder.catch_up(log).await?;
        (*wall, *cpu) = (watch.elapsed().as_secs_f64(), cpu_seconds()? - before);
    }
    let watch = Stopwatch::start();
    let (mut revisions, mut cursor) = (0, String::new());
    loop {
        let query =
            Query { room: DAY, logs: &[log], cursor: &cursor, limit: 1_000, filter: Filter::Everything };
        let page = page(&store, &query).await?;
        revisions += u64::try_from(page.items.len())?;
        cursor = page.next_cursor;
        if page.caught_up {
            break;
        }
    }
    ensure!(revisions > 0, "no day was derived");
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52")]
    let feed = revisions as f64 / watch.elapsed().as_secs_f64();
    Ok((revisions, wall, cpu, feed))
}

/// What this process has used of the processors, as Linux counts it: in hundredths of a second.
fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("only Linux tells")?;
    // After the name, which may hold anything, the 12th and the 13th field are user and system time.
    let (_, fields) = stat.rsplit_once(')').context("an odd /proc/self/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    let ticks = ticks.sum::<Result<u32, _>>()?;
    Ok(f64::from(ticks) / 100.0)
}
