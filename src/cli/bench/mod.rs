//! `qinlian bench`: what the ledger costs, on this machine.
//!
//! The same durable `RecordPunch` over real gRPC (or the same uploads), in a closed loop and at given rates, against four
//! servers over one database, in turn and several times round, so that what else the machine does falls on all of them:
//!
//! - `baseline`: plain rows ([`baseline`]).
//! - `ledger`: what Qinlian does, with compact receipts.
//! - `ledger, one by one`: the same with at most one entry per commit.
//! - `whole server`: `ledger` with everything that `serve` runs beside it: results, sessions of reads, cleaning.
//!
//! Ratios are of the medians over the rounds. Callers run in the same process: they cost every server the same.

use std::fmt::Display;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::office::{Office, Opening};
use super::{Answer, log_of, say};
use crate::clock::{SystemClock, random};
use crate::config;
use apart::Apart;
use load::{Load, Measured};
use open::{Arrivals, Rate};
use place::{Place, Schema};
use report::{Report, Row};
use server::Server;
use town::{PEOPLE, Size, Terminal, Town};

mod apart;
mod baseline;
mod board;
mod commands;
mod dayfeed;
mod daygrowth;
mod days;
mod exported;
mod feed;
mod growth;
mod hall;
mod load;
mod month;
mod open;
mod pauses;
mod place;
mod report;
mod roster;
mod server;
mod spread;
mod streams;
mod tally;
mod town;
mod year;

/// `qinlian bench --help`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The database; postgres://… gets schemas of its own in it, which are removed again. SQLite in a temporary file unless
    /// given
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Callers at once, several counts in turn
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,64,256")]
    callers: Vec<usize>,
    /// Connections that they share, several counts in turn
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "4")]
    connections: Vec<usize>,
    /// Clock-ins one by one or as uploads; or what readers get, of a log of --entries
    #[arg(long, value_enum, default_value = "punches")]
    kind: Kind,
    /// Clock-ins in an upload
    #[arg(long, value_name = "N", default_value_t = 100)]
    batch: usize,
    /// Beside the closed loop, open ones: calls come at this rate, whatever became of those before; calls a second, or 2x
    /// for twice what the closed loop reaches
    #[arg(long, value_name = "RATE", value_delimiter = ',')]
    rate: Vec<Rate>,
    /// How the calls of an open loop are spaced
    #[arg(long, value_enum, default_value = "poisson")]
    arrivals: Arrivals,
    /// With clock-ins and uploads: the server on the first processor and the callers on the second, instead of all on all (Linux)
    #[arg(long)]
    apart: bool,
    /// How long each server is measured, each time round
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0)]
    seconds: f64,
    /// Times round
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// The servers to compare
    #[arg(
        long,
        value_name = "SERVER",
        value_delimiter = ',',
        default_value = "baseline,ledger,one-by-one,whole"
    )]
    servers: Vec<Contender>,
    /// Instead: a clock-in in a log of so many entries against one in a young log
    #[arg(long, value_name = "N")]
    entries: Option<u64>,
    /// People, who clock in in turn: 2,000 unless given; with --kind days and daygrowth 2,100; with --kind dayfeed as many as clock in
    #[arg(long, value_name = "N")]
    people: Option<usize>,
    /// With --kind days: days that they live through, 31 unless given; with --kind daygrowth, 140; with --kind boardyear: the year's work days, 250
    #[arg(long, value_name = "N")]
    days: Option<usize>,
    /// With --kind pauses, board and boardyear: windows
    #[arg(long, value_name = "N", default_value_t = 200)]
    windows: usize,
    /// With --kind board: who watches
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    subscribers: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Options {
    /// How large a deployment is.
    fn size(&self, terminals: usize) -> Size {
        Size { people: self.people.unwrap_or(PEOPLE), terminals }
    }

    /// The one rate of a kind that has no closed loop, which a multiple would be of.
    fn per_second(&self, unless_given: f64) -> anyhow::Result<f64> {
        match self.rate.first().copied() {
            None => Ok(unless_given),
            Some(Rate::PerSecond(rate)) => Ok(rate),
            Some(Rate::Times(_)) => bail!("--rate: of this kind a number a second, not a multiple"),
        }
    }

    /// The matrix. No more connections than callers: a cell that is another one again is left out.
    fn cells(&self) -> Vec<Load> {
        let mut cells = Vec::new();
        for callers in &self.callers {
            for connections in &self.connections {
                let load = self.load(*callers, *connections, Duration::from_secs_f64(self.seconds));
                if !cells.contains(&load) {
                    cells.push(load);
                }
            }
        }
        cells
    }

    /// So many callers, for so long.
    fn load(&self, callers: usize, connections: usize, time: Duration) -> Load {
        let upload = if self.kind == Kind::Uploads { self.batch } else { 0 };
        Load { callers, connections: connections.min(callers), time, upload }
    }
}

/// The most callers at once.
const CALLERS_MAX: usize = 2_000;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// `RecordPunch`.
    Punches,
    /// `UploadPunches`.
    Uploads,
    /// `ListPunchesSince` from the beginning to the end, and `ExportBundle`.
    Streams,
    /// People's days of a month, all derived from nothing; the servers are not compared.
    Days,
    /// From a clock-in to its day in the feed, at --rate clock-ins a second; the servers are not compared.
    #[value(name = "dayfeed")]
    DayFeed,
    /// A team's day, and a clock-in, when very much has been derived, against little; the servers are not compared.
    #[value(name = "daygrowth")]
    DayGrowth,
    /// `StartPause` against `RecordPunch` on one server; the servers are not compared.
    Pauses,
    /// From a pause to everybody who watches the board, at --rate changes a second; the servers are not compared.
    Board,
    /// `GetBoard` after a year against the first day; the servers are not compared.
    #[value(name = "boardyear")]
    BoardYear,
}

/// When the next call is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pace {
    /// When the last one is answered.
    Closed,
    /// So many a second.
    Open(f64, Arrivals),
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Contender {
    /// Plain rows.
    Baseline,
    /// The ledger.
    Ledger,
    /// The ledger, one entry per commit.
    OneByOne,
    /// The ledger with everything that runs beside it.
    Whole,
}

impl Contender {
    /// Its name in a report.
    fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Ledger => "ledger",
            Self::OneByOne => "ledger, one by one",
            Self::Whole => "whole server",
        }
    }

    fn opening(self) -> Opening {
        match self {
            Self::OneByOne => Opening { batch: 1, ..Opening::default() },
            Self::Baseline | Self::Ledger | Self::Whole => Opening::default(),
        }
    }
}

/// Runs `bench`.
pub(super) async fn run(options: Options) -> anyhow::Result<Answer> {
    log_of("error");
    let most = options.callers.iter().copied().max().unwrap_or_default();
    ensure!(
        options.callers.iter().all(|callers| (1..=CALLERS_MAX).contains(callers)),
        "--callers: 1 to 2000 each"
    );
    ensure!(options.connections.iter().all(|n| (1..=2_000).contains(n)), "--connections: 1 to 2000 each");
    ensure!((1..=1_000).contains(&options.batch), "--batch: 1 to 1000");
    ensure!(
        options.kind != Kind::Uploads || !options.servers.contains(&Contender::Baseline),
        "--kind uploads: the baseline takes none; say --servers ledger,one-by-one,whole"
    );
    ensure!(
        options.entries.is_none() || (options.rate.is_empty() && options.kind != Kind::Uploads),
        "--entries: with single clock-ins or streams, in a closed loop alone"
    );
    ensure!(
        !options.apart
            || (options.entries.is_none() && matches!(options.kind, Kind::Punches | Kind::Uploads)),
        "--apart: with clock-ins and uploads, and no --entries"
    );
    ensure!((1..=100).contains(&options.rounds), "--rounds: 1 to 100");
    ensure!((0.1..=600.0).contains(&options.seconds), "--seconds: 0.1 to 600");
    let folder = config::temporary("qinlian-bench", random(&SystemClock::new()));
    let place = Place { folder, database: options.database.clone() };
    ensure!(options.people.is_none_or(|people| (1..=100_000).contains(&people)), "--people: 1 to 100000");
    ensure!(options.days.is_none_or(|days| (1..=366).contains(&days)), "--days: 1 to 366");
    let said = said(&options, &place, most).await;
    place.clean().await?;
    say(&said?);
    Ok(Answer::Yes)
}

/// Measures what is asked for, and tells it.
async fn said(options: &Options, place: &Place, most: usize) -> anyhow::Result<String> {
    match options.kind {
        Kind::Days => told(options, &[days::measure(options, place).await?]),
        Kind::DayFeed => told(options, &[dayfeed::measure(options, place).await?]),
        Kind::DayGrowth => told(options, &[daygrowth::measure(options, place).await?]),
        Kind::Pauses => told(options, &pauses::measure(options, place).await?),
        Kind::Board => told(options, &[board::measure(options, place).await?]),
        Kind::BoardYear => told(options, &[year::measure(options, place).await?]),
        Kind::Punches | Kind::Uploads | Kind::Streams => {
            let report = measure(options, place, most).await?;
            Ok(if options.json { report::json(&report) } else { report::table(&report) })
        }
    }
}

/// PostgreSQL plans by what autovacuum counted, which it does within a minute. A centre has been there for longer.
async fn counted(office: &Office) -> anyhow::Result<()> {
    Ok(office.desk.store().maintain("", "ANALYZE").await?)
}

/// Figures of a kind of their own, a line of JSON or a paragraph for each.
fn told<T: Serialize + Display>(options: &Options, figures: &[T]) -> anyhow::Result<String> {
    let one = |figures: &T| {
        if options.json { Ok(serde_json::to_string(figures)?) } else { Ok(figures.to_string()) }
    };
    let all: anyhow::Result<Vec<String>> = figures.iter().map(one).collect();
    Ok(all?.join("\n"))
}

async fn measure(options: &Options, place: &Place, most: usize) -> anyhow::Result<Report> {
    let mut rows = Vec::new();
    if options.kind == Kind::Streams {
        ensure!(options.rate.is_empty(), "--kind streams: in a closed loop alone");
        return streams::measure(options, place).await;
    }
    if let Some(entries) = options.entries {
        return growth::measure(options, place, entries).await;
    }
    let town = Town::begin(
        &place.folder(Schema::Main),
        place.url(Schema::Main).await?,
        options.size(most),
        Opening::default(),
    )
    .await?;
    let apart = options.apart.then(Apart::begin).transpose()?;
    let mut stage = Stage::new(town, apart);
    for load in options.cells() {
        rows.extend(stage.compare(options, load).await?);
    }
    Ok(Report { rows, verified: None })
}

/// A town whose contenders are measured in turn.
struct Stage {
    town: Arc<Town>,
    apart: Option<Apart>,
    /// The journals of the terminals as the ledger knows them, and as the baseline does.
    journals: [Vec<Terminal>; 2],
}

impl Stage {
    fn new(town: Town, apart: Option<Apart>) -> Self {
        Self { town: Arc::new(town), apart, journals: [Vec::new(), Vec::new()] }
    }

    /// Every contender, so many times round: each time first in a closed loop, then at every rate.
    async fn compare(&mut self, options: &Options, load: Load) -> anyhow::Result<Vec<Row>> {
        let rates: Vec<Option<Rate>> =
            iter::once(None).chain(options.rate.iter().copied().map(Some)).collect();
        let mut measured: Vec<Vec<Vec<Measured>>> =
            vec![vec![Vec::new(); options.servers.len()]; rates.len()];
        for _ in 0..options.rounds {
            // Each against its own peak, of the same time round: the more stands, the more there is to look at. The closed loops
            // come first.
            let mut peaks = Vec::new();
            for (rate, measured) in rates.iter().zip(&mut measured) {
                for (number, (contender, measured)) in options.servers.iter().zip(measured).enumerate() {
                    let peak = peaks.get(number).copied().unwrap_or_default();
                    let pace = rate.map_or(Pace::Closed, |rate| Pace::Open(rate.of(peak), options.arrivals));
                    let round = self.round(*contender, load, pace).await?;
                    if rate.is_none() {
                        peaks.push(round.calls_per_second(load));
                    }
                    measured.push(round);
                }
            }
        }
        let rows = rates.iter().zip(&measured).flat_map(|(rate, measured)| {
            let row = |(contender, rounds): (&Contender, &Vec<Measured>)| {
                Row::of(contender.name(), load, *rate, rounds)
            };
            options.servers.iter().zip(measured).map(row).collect::<Vec<_>>()
        });
        Ok(rows.collect())
    }

    /// One contender, once. What it says it stored must stand.
    async fn round(&mut self, contender: Contender, load: Load, pace: Pace) -> anyhow::Result<Measured> {
        let (town, apart) = (Arc::clone(&self.town), self.apart.as_ref());
        let opened = async move { town.open(contender.opening()).await };
        let office = Arc::new(Apart::at_server(apart, opened).await?);
        let [ledger, plain] = &mut self.journals;
        let journals = if contender == Contender::Baseline { plain } else { ledger };
        if journals.is_empty() {
            *journals = self.town.terminals(&office, CALLERS_MAX)?;
        }
        let before = self.town.stored(&office, contender).await?;
        let served = Arc::clone(&office);
        let started = async move { Server::start(&served, contender).await };
        let server = Apart::at_server(apart, started).await?;
        let measured = match pace {
            Pace::Closed => load::run(&office, server.port(), journals, load).await,
            Pace::Open(rate, arrivals) => {
                open::run(&office, server.port(), journals, load, rate, arrivals).await
            }
        };
        server.settle().await?;
        server.stop().await?;
        let after = self.town.stored(&office, contender).await?;
        Arc::into_inner(office).context("a caller still runs")?.close().await;
        let measured = measured?;
        ensure!(
            after - before == measured.stored,
            "{}: {} clock-ins were acknowledged, and {} are stored",
            contender.name(),
            measured.stored,
            after - before
        );
        Ok(measured)
    }
}
