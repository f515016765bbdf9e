//! What a pause costs beside a clock-in: `StartPause`, where the server finds where citizens are sent, and `RecordPunch`,
//! both durable and receipted, on one server with one hall.
//!
//! Calls come in waves: every caller makes a few, one after the other, and the next wave begins when all are answered. So
//! `StartPause`, its `EndPause` and clock-ins are each timed alone, under the same load. Every round has a hall of its own,
//! since a hall that paused a thousand times today is none that anybody has.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use super::hall::{Hall, PAUSES_MOST};
use super::load::{Load, connections};
use super::place::{Place, Schema};
use super::report::{median, millis};
use super::server::Server;
use super::tally::{Answered, Figure, Tally};
use super::town::Terminal;
use super::{Contender, Options};
use crate::cli::office::{Office, Opening};
use crate::clock::Stopwatch;
use crate::proto::Outcome;
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::duty_service_client::DutyServiceClient;

/// What was measured under one load.
#[derive(Debug, Serialize)]
pub(super) struct Pauses {
    windows: usize,
    callers: usize,
    connections: usize,
    /// Calls of a caller in one wave.
    wave: usize,
    /// Pauses at each window in a round, on average.
    pauses_of_a_window: f64,
    punches: Figure,
    starts: Figure,
    ends: Figure,
    /// `StartPause` a second, of `RecordPunch` a second: the median of the rounds, each against itself, and every one.
    ratio: f64,
    ratios: Vec<f64>,
    /// Pauses whose answer sends citizens to other windows.
    guided: u64,
}

impl std::fmt::Display for Pauses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { windows, callers, connections, wave, pauses_of_a_window, .. } = self;
        writeln!(
            f,
            "{windows} windows, {callers} callers on {connections} connections, waves of {wave} calls each; in a round \
             {pauses_of_a_window:.1} pauses at each window"
        )?;
        for (name, figure) in
            [("RecordPunch", &self.punches), ("StartPause", &self.starts), ("EndPause", &self.ends)]
        {
            let refused: u64 = figure.refused.values().sum();
            writeln!(
                f,
                "{name:<12} {:>9.0} /s  median {:>8.2} ms  99 % {:>8.2} ms  max {:>8.2} ms  acknowledged {:>8}  refused {refused} {:?}",
                figure.per_second,
                millis(figure.p50_us),
                millis(figure.p99_us),
                millis(figure.max_us),
                figure.acknowledged,
                figure.refused,
            )?;
        }
        writeln!(
            f,
            "pauses that send citizens to other windows: {} of {}",
            self.guided, self.starts.acknowledged
        )?;
        write!(f, "StartPause against RecordPunch: {:.2} (rounds:", self.ratio)?;
        for ratio in &self.ratios {
            write!(f, " {ratio:.2}")?;
        }
        write!(f, ")")
    }
}

/// Measures under every load.
pub(super) async fn measure(options: &Options, place: &Place) -> anyhow::Result<Vec<Pauses>> {
    let mut measured = Vec::new();
    for load in options.cells() {
        let wave = options.windows * 2 / 3 / load.callers;
        ensure!(wave > 0, "--windows: one and a half times as many as callers, or more");
        let (mut tallies, mut guided, mut pauses) = ([Tally::new()?, Tally::new()?, Tally::new()?], 0, 0);
        for round in 0..options.rounds {
            place.remove(Schema::Main).await?;
            let hall = Hall::begin(
                &place.folder(Schema::Main),
                place.url(Schema::Main).await?,
                (options.windows, options.size(load.callers)),
                Opening::default(),
            )
            .await?;
            let office = Arc::new(hall.town.open(Opening::default()).await?);
            let played = play(&hall, &office, (load, wave, round), &mut tallies).await;
            Arc::into_inner(office).context("a caller still runs")?.close().await;
            let (sent, stored) = played?;
            guided += sent;
            pauses += stored;
        }
        measured.push(told(options, (load, wave), tallies, (guided, pauses)));
    }
    Ok(measured)
}

#[expect(clippy::cast_precision_loss, reason = "fewer calls than 2^53")]
fn told(
    options: &Options,
    (load, wave): (Load, usize),
    tallies: [Tally; 3],
    (guided, pauses): (u64, u64),
) -> Pauses {
    let [punches, starts, ends] = tallies.map(Tally::figure);
    let ratios: Vec<f64> =
        starts.rounds.iter().zip(&punches.rounds).map(|(start, punch)| start / punch).collect();
    Pauses {
        windows: options.windows,
        callers: load.callers,
        connections: load.connections,
        wave,
        pauses_of_a_window: pauses as f64 / (options.windows * options.rounds) as f64,
        ratio: median(ratios.clone()),
        ratios,
        punches,
        starts,
        ends,
        guided,
    }
}

/// One round over a hall that is new: so many pauses told where to go, and so many pauses stand.
async fn play(
    hall: &Hall,
    office: &Arc<Office>,
    (load, wave, round): (Load, usize, usize),
    tallies: &mut [Tally; 3],
) -> anyhow::Result<(u64, u64)> {
    hall.at_work(office).await?;
    let (before, none) = (hall.town.stored(office, Contender::Whole).await?, hall.paused(office).await?);
    let server = Server::start(office, Contender::Whole).await?;
    let played = async {
        let channels = connections(server.port(), load).await?;
        let terminals = hall.terminals(office, load.callers)?;
        let mut stage =
            Stage { hall, office, channels, terminals, load, wave, first: 0, guided: 0, all: [0; 3] };
        let mut nothing = [Tally::new()?, Tally::new()?, Tally::new()?];
        stage.plays(Duration::ZERO, round, &mut nothing).await?;
        stage.guided = 0;
        stage.plays(load.time, round, tallies).await?;
        anyhow::Ok((stage.guided, stage.all))
    };
    let played = played.await;
    server.stop().await?;
    let (guided, [punches, starts, _]) = played?;
    let stored = hall.town.stored(office, Contender::Whole).await? - before;
    let paused = hall.paused(office).await? - none;
    ensure!(
        (stored, paused) == (punches, starts),
        "{punches} clock-ins and {starts} pauses were acknowledged, {stored} and {paused} are stored"
    );
    Ok((guided, paused))
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Punch,
    Start,
    End,
}

/// A round.
struct Stage<'a> {
    hall: &'a Hall,
    office: &'a Arc<Office>,
    channels: Vec<Channel>,
    terminals: Vec<Terminal>,
    load: Load,
    wave: usize,
    /// The window that pauses next: all do in turn.
    first: usize,
    guided: u64,
    /// Acknowledged in all, those that warm up too.
    all: [u64; 3],
}

impl Stage<'_> {
    /// Waves of clock-ins, pauses and returns in turn, so that each finds the same server: with a log that is as long, and
    /// with results of the others to derive. One of each at least, and as many as it takes until the pauses had their time, or
    /// the policy has no more room for them.
    async fn plays(&mut self, time: Duration, round: usize, tallies: &mut [Tally; 3]) -> anyhow::Result<()> {
        let [punches, starts, ends] = tallies;
        let room = (PAUSES_MOST - 10) * self.hall.posts.len() / (self.load.callers * self.wave);
        for turn in 0..room.max(1) {
            let punches_first = (turn + round).is_multiple_of(2);
            if punches_first {
                self.wave(Call::Punch, punches).await?;
            }
            self.wave(Call::Start, starts).await?;
            if !punches_first {
                self.wave(Call::Punch, punches).await?;
            }
            self.wave(Call::End, ends).await?;
            self.first += self.load.callers * self.wave;
            if starts.time >= time {
                break;
            }
        }
        for tally in tallies {
            tally.end_round();
        }
        Ok(())
    }

    /// Every caller makes its calls, all at once.
    async fn wave(&mut self, call: Call, tally: &mut Tally) -> anyhow::Result<()> {
        let mut callers = JoinSet::new();
        let watch = Stopwatch::start();
        for (number, terminal) in self.terminals.iter().cloned().enumerate() {
            let caller = Caller {
                number,
                first: self.first + number * self.wave,
                posts: Arc::clone(&self.hall.posts),
                office: Arc::clone(self.office),
                channel: self.channels.get(number % self.channels.len()).cloned().context("no connection")?,
                terminal,
            };
            callers.spawn(caller.calls(call, self.wave));
        }
        let mut answers = Vec::new();
        while let Some(ended) = callers.join_next().await {
            let (number, terminal, own) = ended??;
            if let Some(kept) = self.terminals.get_mut(number) {
                *kept = terminal;
            }
            answers.extend(own);
        }
        tally.time += watch.elapsed();
        for answer in answers {
            if let Some(counted) = self.all.get_mut(call as usize) {
                *counted += u64::from(answer.outcome.is_ok());
            }
            self.guided += u64::from(answer.outcome == Ok(true));
            tally.note(answer)?;
        }
        Ok(())
    }
}

/// Somebody who calls in a wave.
struct Caller {
    number: usize,
    first: usize,
    posts: Arc<Vec<super::hall::Post>>,
    office: Arc<Office>,
    channel: Channel,
    terminal: Terminal,
}

impl Caller {
    async fn calls(mut self, call: Call, wave: usize) -> anyhow::Result<(usize, Terminal, Vec<Answered>)> {
        let mut answers = Vec::with_capacity(wave);
        for at in 0..wave {
            answers.push(self.call(call, self.first + at).await?);
        }
        Ok((self.number, self.terminal, answers))
    }

    async fn call(&mut self, call: Call, post: usize) -> anyhow::Result<Answered> {
        let post = self.posts.get(post % self.posts.len()).context("no window")?;
        let mut duty = DutyServiceClient::new(self.channel.clone());
        let (took, answered) = match call {
            Call::Punch => {
                let request = self.terminal.client(&self.channel).with(self.terminal.punch(&self.office))?;
                let watch = Stopwatch::start();
                let answer = AttendanceServiceClient::new(self.channel.clone()).record_punch(request).await;
                let said = answer.map(|answer| {
                    let answer = answer.get_ref();
                    (answer.outcome() == Outcome::Accepted && answer.receipt.is_some(), false)
                });
                (watch.elapsed(), said)
            }
            Call::Start => {
                let request = post.client(&self.channel).with(post.pauses(&self.office))?;
                let watch = Stopwatch::start();
                let answer = duty.start_pause(request).await;
                let said = answer.map(|answer| {
                    let answer = answer.into_inner();
                    (answer.receipt.is_some(), !answer.target_windows.is_empty())
                });
                (watch.elapsed(), said)
            }
            Call::End => {
                let request = post.client(&self.channel).with(post.returns(&self.office))?;
                let watch = Stopwatch::start();
                let answer = duty.end_pause(request).await;
                (watch.elapsed(), answer.map(|answer| (answer.get_ref().receipt.is_some(), false)))
            }
        };
        let outcome = match answered {
            Ok((true, guides)) => Ok(guides),
            Ok((false, _)) => bail!("an acknowledgement without a receipt"),
            Err(status) => {
                let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
                Err(if reason.is_empty() { format!("{:?}", status.code()) } else { reason })
            }
        };
        Ok(Answered { took, outcome })
    }
}
