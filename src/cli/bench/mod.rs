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

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};

use super::office::{Office, Opening};
use super::serve::{self, Listening, Running};
use super::{Answer, log_of, say};
use crate::clock::{SystemClock, random};
use crate::config;
use crate::edge::Services;
use crate::registers::attendance;
use crate::store::{OpenMode, Store};
use load::{Load, Measured};
use open::{Arrivals, Rate};
use report::{Report, Row};
use town::{Terminal, Town};

mod baseline;
mod days;
mod growth;
mod load;
mod open;
mod report;
mod streams;
mod town;

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
    /// With --kind days: people
    #[arg(long, value_name = "N", default_value_t = 2_100)]
    people: usize,
    /// With --kind days: days that they live through
    #[arg(long, value_name = "N", default_value_t = 31)]
    days: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Options {
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
    ensure!((1..=100).contains(&options.rounds), "--rounds: 1 to 100");
    ensure!((0.1..=600.0).contains(&options.seconds), "--seconds: 0.1 to 600");
    let folder = config::temporary("qinlian-bench", random(&SystemClock::new()));
    let place = Place { folder, database: options.database.clone() };
    ensure!((1..=100_000).contains(&options.people) && (1..=366).contains(&options.days), "--people, --days");
    if options.kind == Kind::Days {
        let days = days::measure(&options, &place).await;
        place.clean().await?;
        let days = days?;
        say(&if options.json { serde_json::to_string(&days)? } else { days.to_string() });
        return Ok(Answer::Yes);
    }
    let report = measure(&options, &place, most).await;
    place.clean().await?;
    let report = report?;
    say(&if options.json { report::json(&report) } else { report::table(&report) });
    Ok(Answer::Yes)
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
    let town = Town::begin(&place.folder(Schema::Main), place.url(Schema::Main).await?, most).await?;
    let mut stage = Stage::new(town);
    for load in options.cells() {
        rows.extend(stage.compare(options, load).await?);
    }
    Ok(Report { rows, verified: None })
}

/// Where the databases are.
pub(super) struct Place {
    folder: PathBuf,
    database: Option<String>,
}

/// Which of the databases.
#[derive(Debug, Clone, Copy)]
pub(super) enum Schema {
    /// For the comparison, and later for the log that has grown.
    Main,
    /// For the log that stays young.
    Young,
}

impl Place {
    /// The URL of an empty database; `None` is a file in the deployment's own folder.
    async fn url(&self, schema: Schema) -> anyhow::Result<Option<String>> {
        let Some(url) = &self.database else { return Ok(None) };
        if !url.starts_with("postgres") {
            bail!("--database: postgres://… or nothing");
        }
        let (name, create) = match schema {
            Schema::Main => ("qinlian_bench", "CREATE SCHEMA qinlian_bench"),
            Schema::Young => ("qinlian_bench_young", "CREATE SCHEMA qinlian_bench_young"),
        };
        let store = Store::open(url, OpenMode::Existing).await.context("failed to open the database")?;
        store.maintain("", create).await.context("the schemas of an earlier run may be there still")?;
        store.close().await;
        let separator = if url.contains('?') { '&' } else { '?' };
        Ok(Some(format!("{url}{separator}options[search_path]={name}")))
    }

    /// The deployment's own folder.
    fn folder(&self, schema: Schema) -> PathBuf {
        self.folder.join(match schema {
            Schema::Main => "main",
            Schema::Young => "young",
        })
    }

    /// Removes a deployment, if there is one.
    async fn remove(&self, schema: Schema) -> anyhow::Result<()> {
        if let Some(url) = &self.database {
            let drop = match schema {
                Schema::Main => "DROP SCHEMA IF EXISTS qinlian_bench CASCADE",
                Schema::Young => "DROP SCHEMA IF EXISTS qinlian_bench_young CASCADE",
            };
            let store = Store::open(url, OpenMode::Existing).await?;
            store.maintain("", drop).await?;
            store.close().await;
        }
        remove(&self.folder(schema))
    }

    /// Removes everything that the run made.
    async fn clean(&self) -> anyhow::Result<()> {
        self.remove(Schema::Main).await?;
        self.remove(Schema::Young).await?;
        remove(&self.folder)
    }
}

/// Removes a folder of the run's own.
fn remove(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove {}", folder.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A town whose contenders are measured in turn.
struct Stage {
    town: Town,
    /// The journals of the terminals as the ledger knows them, and as the baseline does.
    journals: [Vec<Terminal>; 2],
}

impl Stage {
    fn new(town: Town) -> Self {
        Self { town, journals: [Vec::new(), Vec::new()] }
    }

    /// Every contender, so many times round: first in a closed loop, then at every rate.
    async fn compare(&mut self, options: &Options, load: Load) -> anyhow::Result<Vec<Row>> {
        let closed = options.servers.iter().map(|contender| (*contender, Pace::Closed)).collect();
        let mut rows = self.rounds(closed, load, options.rounds).await?;
        // Each against its own peak.
        for rate in &options.rate {
            let open = options.servers.iter().zip(&rows).map(|(contender, row)| {
                (*contender, Pace::Open(rate.of(row.calls_per_second(load)), options.arrivals))
            });
            let open = self.rounds(open.collect(), load, options.rounds).await?;
            rows.extend(open);
        }
        Ok(rows)
    }

    async fn rounds(
        &mut self,
        contenders: Vec<(Contender, Pace)>,
        load: Load,
        rounds: usize,
    ) -> anyhow::Result<Vec<Row>> {
        let mut measured: Vec<Vec<Measured>> = contenders.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            for ((contender, pace), measured) in contenders.iter().zip(&mut measured) {
                measured.push(self.round(*contender, load, *pace).await?);
            }
        }
        let rows = contenders.iter().zip(&measured).map(|((contender, pace), measured)| {
            let offered = match pace {
                Pace::Closed => None,
                Pace::Open(rate, _) => Some(*rate),
            };
            Row::of(contender.name(), load, offered, measured)
        });
        Ok(rows.collect())
    }

    /// One contender, once. What it says it stored must stand.
    async fn round(&mut self, contender: Contender, load: Load, pace: Pace) -> anyhow::Result<Measured> {
        let office = Arc::new(self.town.open(contender.opening()).await?);
        let [ledger, plain] = &mut self.journals;
        let journals = if contender == Contender::Baseline { plain } else { ledger };
        if journals.is_empty() {
            *journals = self.town.terminals(&office, CALLERS_MAX)?;
        }
        let before = self.town.stored(&office, contender).await?;
        let server = Server::start(&office, contender).await?;
        let measured = match pace {
            Pace::Closed => load::run(&office, server.port(), journals, load).await,
            Pace::Open(rate, arrivals) => {
                open::run(&office, server.port(), journals, load, rate, arrivals).await
            }
        };
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

/// The server of a contender.
enum Server {
    Part { listening: Listening, baseline: Option<tokio::task::JoinHandle<()>> },
    Whole(Running),
}

impl Server {
    async fn start(office: &Office, contender: Contender) -> anyhow::Result<Self> {
        let services = Services::new(&office.config.limits);
        let (services, baseline) = match contender {
            Contender::Whole => return Ok(Self::Whole(serve::start(office, false).await?)),
            Contender::Baseline => {
                let (calls, task) = baseline::Calls::start(office.desk.clone()).await?;
                (services.attendance(&Arc::new(calls)), Some(task))
            }
            Contender::Ledger | Contender::OneByOne => {
                let reads = serve::reads(office).await?;
                let calls = attendance::service::Calls::new(
                    office.desk.clone(),
                    reads,
                    tokio::sync::watch::channel(0).1,
                );
                (services.attendance(&Arc::new(calls)), None)
            }
        };
        Ok(Self::Part { listening: serve::listen(office, services, false).await?, baseline })
    }

    fn port(&self) -> u16 {
        match self {
            Self::Part { listening, .. } => listening.port,
            Self::Whole(running) => running.port,
        }
    }

    async fn stop(self) -> anyhow::Result<()> {
        match self {
            Self::Whole(running) => running.stop().await,
            Self::Part { listening, baseline } => {
                listening.stop().await?;
                if let Some(task) = baseline {
                    task.await.context("the baseline died")?;
                }
                Ok(())
            }
        }
    }
}
