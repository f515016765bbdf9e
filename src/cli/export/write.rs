//! What is asked for into a file of one of the forms, page by page, and its digest on the way: by whoever exports, and by
//! whoever looks whether an export is what the logs say.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::Context;
use prost::Message;
use tokio::sync::mpsc;

use super::book::Book;
use super::canon::Canon;
use super::lines::{self, Lines};
use super::moment::{Days, Moment};
use super::numbered::Numbered;
use super::numbers::Numbers;
use super::table::{self, Table};
use super::vendors::{dingtalk, feishu, wecom};
use super::whole::Whole;
use super::{Format, Kind, Order, listing};
use crate::kernel::Zone;

/// Pages that are read before they are written: few, so that memory does not grow.
const PAGES_AHEAD: usize = 1;

/// A file that is being written.
enum Writer {
    Csv(Table<BufWriter<File>>),
    Ndjson(Lines<BufWriter<File>>),
    Xlsx(Box<Book>),
    Dingtalk(Table<BufWriter<File>>),
    Wecom(BufWriter<File>),
    Feishu(BufWriter<File>),
}

impl Writer {
    fn begin(whole: &Whole, order: &Order) -> anyhow::Result<Self> {
        let file = BufWriter::new(whole.create()?);
        Ok(match order.format {
            Format::Csv => Self::Csv(Table::begin(file, &table::COLUMNS)?),
            Format::Ndjson => Self::Ndjson(Lines::begin(file, lines::DAY)?),
            Format::Xlsx => Self::Xlsx(Box::new(Book::begin(whole.folder(), (order.from, order.until))?)),
            Format::Dingtalk => Self::Dingtalk(Table::begin(file, &dingtalk::COLUMNS)?),
            Format::Wecom => Self::Wecom(file),
            Format::Feishu => Self::Feishu(file),
        })
    }

    fn day(&mut self, told: &Numbered, zone: &Zone) -> anyhow::Result<()> {
        match self {
            Self::Csv(to) => table::lines(told, zone).iter().try_for_each(|line| to.line(line)),
            Self::Ndjson(to) => to.line(&told.day.encode_to_vec(), &told.employee_no),
            Self::Xlsx(to) => to.day(told, zone),
            Self::Dingtalk(to) => dingtalk::lines(told, zone).iter().try_for_each(|line| to.line(line)),
            Self::Wecom(to) => lines::object(to, &wecom::object(told, zone)),
            Self::Feishu(to) => lines::object(to, &feishu::object(told)),
        }
    }

    fn finish(self, whole: &Whole, about: &[(&str, String)]) -> anyhow::Result<()> {
        let mut file = match self {
            Self::Csv(to) | Self::Dingtalk(to) => to.finish()?,
            Self::Ndjson(to) => to.finish(),
            Self::Wecom(to) | Self::Feishu(to) => to,
            Self::Xlsx(book) => return book.finish(whole.part(), about),
        };
        Ok(file.flush()?)
    }
}

/// A file and its digest.
struct Writing {
    writer: Writer,
    canon: Canon,
    zone: Zone,
}

impl Writing {
    /// Every page that comes.
    fn all(&mut self, mut pages: mpsc::Receiver<Vec<Numbered>>) -> anyhow::Result<()> {
        while let Some(page) = pages.blocking_recv() {
            for told in page {
                self.canon.add(&told.day);
                self.writer.day(&told, &self.zone)?;
            }
        }
        Ok(())
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Written {
    /// The digest, in hex.
    pub(in crate::cli) digest: String,
    /// People who are in it.
    pub(in crate::cli) people: u64,
    /// Rows of the digest.
    pub(in crate::cli) rows: u64,
    /// What only an export of days counts.
    pub(in crate::cli) days: Option<DayCounts>,
}

/// Days of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct DayCounts {
    /// All.
    pub(in crate::cli) all: u64,
    /// Those that a later clock-in may still change.
    pub(in crate::cli) open: u64,
}

/// Writes what an order asks for as it stood at a moment.
pub(in crate::cli) async fn write(
    moment: &Moment,
    order: &Order,
    numbers: &Numbers,
    whole: &Whole,
    about: &[(&str, String)],
) -> anyhow::Result<Written> {
    match order.kind {
        Kind::Days => days(moment, order, numbers, whole, about).await,
        Kind::List(list) => listing::write(moment, (order, list), numbers, whole, about).await,
    }
}

async fn days(
    moment: &Moment,
    order: &Order,
    numbers: &Numbers,
    whole: &Whole,
    about: &[(&str, String)],
) -> anyhow::Result<Written> {
    let dates = (order.from, order.until);
    let (pages, received) = mpsc::channel(PAGES_AHEAD);
    let mut writing =
        Writing { writer: Writer::begin(whole, order)?, canon: Canon::default(), zone: moment.zone.clone() };
    // In a thread of its own: pages are read and told meanwhile.
    let written = tokio::task::spawn_blocking(move || writing.all(received).map(|()| writing));
    let mut days = Days::new(moment, dates, order.department.as_ref());
    loop {
        let page = days.next().await?;
        if page.is_empty() {
            break;
        }
        let people: BTreeSet<&str> = page.iter().map(|day| day.person_id.as_str()).collect();
        let known = numbers.of(moment, &people, dates).await?;
        let numbered = page.into_iter().map(|day| {
            let employee_no = known.get(&day.person_id).cloned().unwrap_or_default();
            Numbered { employee_no, day }
        });
        if pages.send(numbered.collect()).await.is_err() {
            // Whoever writes has failed, and says below why.
            break;
        }
    }
    drop(pages);
    let Writing { writer, canon, .. } = written.await.context("the thread that writes ended")??;
    let (digest, counts) = canon.finish();
    let mut about = about.to_vec();
    about.push(("摘要 SHA-256", digest.clone()));
    about.push(("人数", counts.people.to_string()));
    about.push(("人日", counts.days.to_string()));
    about.push(("未终局的人日", counts.open_days.to_string()));
    writer.finish(whole, &about)?;
    let days = DayCounts { all: counts.days, open: counts.open_days };
    Ok(Written { digest, people: counts.people, rows: counts.rows, days: Some(days) })
}
