//! How long people's days take: a centre lives through a month on a clock of its own (everybody clocks in four times a day,
//! and terminals tell of themselves every five minutes); then all results are deleted and derived again, and the feed is
//! read from its beginning to its end.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, ensure};
use serde::Serialize;

use super::Options;
use super::place::{Place, Schema};
use super::town::CENTRE;
use crate::cli::import::people;
use crate::cli::init;
use crate::cli::office::{Office, Opening};
use crate::clock::{Clock, MockClock, Stopwatch, random};
use crate::kernel::{CentreId, DeviceId, EpochDay, EpochMs, Label, LogId, Pos, RequestId, Zone};
use crate::ledger::port::Submission;
use crate::proto::presented::Who as Shown;
use crate::proto::punch::{Direction, Method};
use crate::proto::shift::{Span, Template};
use crate::proto::{
    CalendarYear, Device, DirectoryPersonal, Presented, RosterFact, RosterPattern, Shift, device,
};
use crate::registers::attendance::contact::Contact;
use crate::registers::attendance::fact::{Command as Attendance, Punch, Source, Stamp, Who};
use crate::registers::attendance::service::watch;
use crate::registers::derivation::{DAY, registered};
use crate::registers::directory::fact::{Command as Directory, Record, date};
use crate::registers::roster::fact::Command as Roster;
use crate::registers::roster::notices;
use crate::registers::rulebook::{Command, local_administrator};
use crate::registers::stamp::sample::Sample;
use crate::results::{Filter, Folder, Query, page};

/// Terminals; people share them.
const TERMINALS: usize = 20;
/// When people clock in or out, in minutes of the day, and over how many minutes they spread.
const TIMES: [(i32, i32, Direction); 4] = [
    (480, 40, Direction::In),
    (720, 15, Direction::Out),
    (815, 25, Direction::In),
    (1_050, 20, Direction::Out),
];
/// Terminals tell of themselves so often.
const REPORT_MINUTES: i32 = 5;
/// People, unless `--people` says how many.
const PEOPLE: usize = 2_100;
/// Days that they live through, unless `--days` says how many.
const DAYS: usize = 31;
/// Commands handed in at once.
const AT_ONCE: usize = 1_000;

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
        write!(f, "feed, pages of 1000, without gRPC: {:.0} revisions a second", self.feed_per_second)
    }
}

/// Measures.
pub(super) async fn measure(options: &Options, place: &Place) -> anyhow::Result<Days> {
    let zone = Zone::parse("Asia/Shanghai")?;
    let first = EpochDay::from_ymd(2026, 3, 1)?;
    let clock = Arc::new(MockClock::new(zone.start_of(first.plus_days(-1)), 1));
    let opening = Opening { clock: Arc::<MockClock>::clone(&clock) as Arc<dyn Clock>, ..Opening::default() };
    let begun = init::begin(
        init::Options {
            data: place.folder(Schema::Main),
            centre: CENTRE.to_owned(),
            name: "Bench".to_owned(),
            admins: Vec::new(),
            deployment: "bench.qinlian.example".to_owned(),
            tz: "Asia/Shanghai".to_owned(),
            database: place.url(Schema::Main).await?,
        },
        opening,
    )
    .await?;
    let office = begun.office;
    let log = office.log_of(&CentreId::parse(CENTRE)?).await?;
    let mut month =
        Month { office: &office, clock, zone, log, journals: [0; TERMINALS], began: EpochMs::ZERO };
    let (people, days) = (options.people.unwrap_or(PEOPLE), options.days.unwrap_or(DAYS));
    let watch = Stopwatch::start();
    let everybody = month.settle(people, first).await?;
    let mut punches = 0;
    for day in 0..days {
        punches += month.live(first.plus_days(i32::try_from(day)?), &everybody).await?;
    }
    let filled_seconds = watch.elapsed().as_secs_f64();
    let measured = derive(&office, log).await;
    let (head, _) = office.desk.ledger().reader().head(log).await?;
    office.close().await;
    let (revisions, derived_seconds, derived_cpu_seconds, feed_per_second) = measured?;
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
    })
}

type Derived = (u64, [f64; 2], [f64; 2], f64);

/// Derives everything twice, and reads the feed.
async fn derive(office: &Office, log: LogId) -> anyhow::Result<Derived> {
    let store = office.desk.store().clone();
    let folder = Folder::new(store.clone(), registered(office.desk.ledger().clone()));
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

/// A centre that lives through a month.
struct Month<'a> {
    office: &'a Office,
    clock: Arc<MockClock>,
    zone: Zone,
    log: LogId,
    journals: [u64; TERMINALS],
    began: EpochMs,
}

impl Month<'_> {
    /// People, terminals, a calendar, a shift that everybody works every day.
    async fn settle(&mut self, people: usize, first: EpochDay) -> anyhow::Result<Vec<String>> {
        let cards: BTreeSet<String> = (0..people).map(|number| format!("{number:08}")).collect();
        people::create(self.office, self.log, CENTRE, "bench", &cards, first.plus_days(-1)).await?;
        let own = self.office.desk.directory(self.log).await?;
        let everybody: Vec<String> = own.assigned().into_iter().map(str::to_owned).collect();
        let terminals = (0..TERMINALS).map(|number| {
            let kind = device::Kind::ClockTerminal.into();
            let record = Record::Device(Device { device: code(number), kind, ..Device::default() });
            Directory::Put { record, personal: DirectoryPersonal::default() }.into()
        });
        self.submit(self.log, terminals.collect()).await?;
        let year: CalendarYear = notices::shipped("cn-2026").context("the notice of 2026")?;
        self.submit(LogId::DEPLOYMENT, vec![Roster::CalendarYear(year).into()]).await?;
        let span = |on_plan_min, off_plan_min| Span { on_plan_min, off_plan_min, ..Span::default() };
        let template =
            Template { weekdays: (1..=7).collect(), spans: vec![span(510, 720), span(840, 1_050)] };
        let (shift, name) = ("day".to_owned(), "day".to_owned());
        let shift = Shift { shift, name, templates: vec![template], ..Shift::default() };
        self.submit(self.log, vec![Roster::Shift(shift).into()]).await?;
        let patterns = everybody.iter().map(|person| RosterPattern {
            person_id: person.clone(),
            from: Some(date(first)),
            until: None,
            shift: "day".to_owned(),
        });
        let patterns: Vec<RosterPattern> = patterns.collect();
        let rosters = patterns.chunks(AT_ONCE).map(|patterns| {
            Roster::Roster(RosterFact { entries: Vec::new(), patterns: patterns.to_vec() }).into()
        });
        self.submit(self.log, rosters.collect()).await?;
        self.began = self.clock.now();
        Ok(everybody)
    }

    async fn submit(&self, log: LogId, commands: Vec<Command>) -> anyhow::Result<()> {
        let mut commands = commands.into_iter().peekable();
        while commands.peek().is_some() {
            let batch = commands.by_ref().take(AT_ONCE).map(|command| Submission {
                log,
                request_id: RequestId::random(random(&*self.clock)),
                author: local_administrator(),
                command,
            });
            let batch = batch.collect::<Vec<_>>();
            for answer in self.office.desk.ledger().submit_all(batch).await? {
                answer.context("a command was refused")?;
            }
        }
        Ok(())
    }

    /// One day, minute by minute.
    async fn live(&mut self, day: EpochDay, everybody: &[String]) -> anyhow::Result<u64> {
        let mut punches = 0;
        for minute in 0..1_440 {
            let due = everybody.iter().enumerate().flat_map(|(number, person)| {
                let spread = i32::try_from(number % 97).unwrap_or_default() * 7 + day.ymd().2;
                let at = move |(from, over, direction): &(i32, i32, Direction)| {
                    (from + spread % over == minute).then_some(*direction)
                };
                TIMES.iter().filter_map(at).map(move |direction| (number, person, direction))
            });
            let due: Vec<(usize, &String, Direction)> = due.collect();
            if due.is_empty() && minute % REPORT_MINUTES != 0 {
                continue;
            }
            self.wait_until(self.zone.at_minutes(day, minute));
            let mut commands = Vec::with_capacity(due.len());
            for (number, person, direction) in due {
                commands.push(self.punch(number, person, direction)?);
            }
            punches += u64::try_from(commands.len())?;
            self.submit(self.log, commands).await?;
            if minute % REPORT_MINUTES == 0 {
                self.report().await?;
            }
        }
        Ok(punches)
    }

    fn wait_until(&self, then: EpochMs) {
        self.clock.advance_ms(then.since(self.clock.now()).max(0).unsigned_abs());
    }

    fn mono_ms(&self) -> u64 {
        self.clock.now().since(self.began).max(0).unsigned_abs()
    }

    fn punch(&mut self, number: usize, person: &str, direction: Direction) -> anyhow::Result<Command> {
        let terminal = number % TERMINALS;
        let journal = self.journals.get_mut(terminal).context("a terminal")?;
        *journal += 1;
        let seq = *journal;
        let person_id = crate::kernel::PersonId::parse(person)?;
        Ok(Attendance::punch(Punch {
            source: Source::Live,
            stamp: Stamp {
                device: DeviceId::parse(&code(terminal))?,
                seq,
                boot_id: label("boot-1")?,
                mono_ms: self.mono_ms(),
                claimed: self.clock.now(),
                signature: Vec::new(),
            },
            direction,
            method: Method::Face,
            device_label: label("")?,
            presented: Presented { who: Some(Shown::PersonId(person.to_owned())), ..Presented::default() },
            who: Who::Person(person_id),
            witness: None,
            verified_by: None,
        })
        .into())
    }

    /// Every terminal tells that it has told of everything, and that goes on record.
    async fn report(&self) -> anyhow::Result<()> {
        let own = self.office.desk.directory(self.log).await?;
        let now = self.clock.now();
        let sample = Sample { mono_ms: self.mono_ms(), wall: now, server: now };
        for (number, journal_head) in self.journals.iter().enumerate() {
            let known = own.device(&code(number)).context("a terminal")?;
            let contact = Contact {
                device: DeviceId::parse(&code(number))?,
                journal: Pos::new(known.journal),
                boot_id: label("boot-1")?,
                first: sample,
                newest: sample,
                journal_head: *journal_head,
                going_down: false,
            };
            self.office.desk.registers().attendance.report(self.log, contact);
        }
        watch::round(&self.office.desk).await.context("what terminals told was not recorded")?;
        Ok(())
    }
}

fn code(number: usize) -> String {
    format!("clock-{number:03}")
}

fn label(text: &str) -> anyhow::Result<Label> {
    Label::parse(text).map_err(|(code, _)| anyhow::anyhow!("{code}"))
}
