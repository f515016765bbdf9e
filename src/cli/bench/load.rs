//! Callers in a closed loop: each has a terminal, and sends its next clock-in when the last one is answered.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::town::Terminal;
use crate::cli::client::{Client, connect};
use crate::cli::office::Office;
use crate::clock::Stopwatch;
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::{Outcome, RecordPunchResponse};

/// Before anything counts: connections, statements and caches are warm.
const WARM_UP: Duration = Duration::from_millis(500);

/// The longest latency that is told apart: a minute, in microseconds.
const LONGEST_US: u64 = 60_000_000;

/// How much, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Terminals that call at once.
    pub(super) callers: usize,
    /// Connections that they share.
    pub(super) connections: usize,
    /// How long it is measured.
    pub(super) time: Duration,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    /// Calls answered in the time that counts.
    pub(super) calls: u64,
    /// Calls answered in all, with those of the warm-up.
    pub(super) stored: u64,
    /// The time that counts.
    pub(super) seconds: f64,
    /// From sending to the answer, in microseconds.
    pub(super) latency: Histogram<u64>,
}

impl Measured {
    /// Calls a second.
    #[expect(clippy::cast_precision_loss, reason = "fewer calls than 2^53")]
    pub(super) fn rate(&self) -> f64 {
        self.calls as f64 / self.seconds
    }
}

/// Puts load on a server. Every answer must be an acceptance: a server that refuses is not fast.
pub(super) async fn run(
    office: &Arc<Office>,
    port: u16,
    terminals: &mut [Terminal],
    load: Load,
) -> anyhow::Result<Measured> {
    let mut channels = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        channels.push(connect(port).await?);
    }
    let watch = Stopwatch::start();
    let mut callers = JoinSet::new();
    for (number, terminal) in terminals.iter().take(load.callers).cloned().enumerate() {
        let channel = channels.get(number % channels.len()).cloned().context("no connection")?;
        let office = Arc::clone(office);
        callers.spawn(caller(number, office, channel, terminal, watch, load.time));
    }
    let mut latency = Histogram::new_with_bounds(1, LONGEST_US, 3)?;
    let mut stored = 0;
    while let Some(ended) = callers.join_next().await {
        let (number, terminal, own, calls) = ended??;
        latency.add(own)?;
        stored += calls;
        if let Some(kept) = terminals.get_mut(number) {
            *kept = terminal;
        }
    }
    Ok(Measured { calls: latency.len(), stored, seconds: load.time.as_secs_f64(), latency })
}

type Ended = (usize, Terminal, Histogram<u64>, u64);

async fn caller(
    number: usize,
    office: Arc<Office>,
    channel: Channel,
    mut terminal: Terminal,
    watch: Stopwatch,
    time: Duration,
) -> anyhow::Result<Ended> {
    let mut service = AttendanceServiceClient::new(channel.clone());
    let client: Client = terminal.client(&channel);
    let mut latency = Histogram::new_with_bounds(1, LONGEST_US, 3)?;
    let mut stored = 0;
    loop {
        let request = client.with(terminal.punch(&office))?;
        let sent = watch.elapsed();
        let answer = service.record_punch(request).await.context("a clock-in was refused")?;
        accepted(answer.get_ref())?;
        stored += 1;
        let now = watch.elapsed();
        if now >= WARM_UP + time {
            return Ok((number, terminal, latency, stored));
        }
        if sent >= WARM_UP {
            let took = u64::try_from(now.saturating_sub(sent).as_micros()).unwrap_or(LONGEST_US);
            latency.saturating_record(took.clamp(1, LONGEST_US));
        }
    }
}

fn accepted(answer: &RecordPunchResponse) -> anyhow::Result<()> {
    if answer.outcome() != Outcome::Accepted {
        bail!("a clock-in was answered {:?} {:?}", answer.outcome(), answer.flags);
    }
    Ok(())
}
