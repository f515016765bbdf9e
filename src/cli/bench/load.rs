//! Callers with a terminal each. In a closed loop they send the next call when the last one is answered; in an open one
//! ([`super::open`]) calls come when they come, whatever became of those before.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tonic::Code;
use tonic::transport::Channel;

use super::town::Terminal;
use crate::cli::client::{Client, connect};
use crate::cli::office::Office;
use crate::clock::Stopwatch;
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::{Outcome, RecordPunchRequest, UploadPunchesRequest};

/// Before anything counts: connections, statements and caches are warm.
pub(super) const WARM_UP: Duration = Duration::from_millis(500);

/// The longest latency that is told apart: a minute, in microseconds.
pub(super) const LONGEST_US: u64 = 60_000_000;

/// How much, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    /// Terminals that call at once.
    pub(super) callers: usize,
    /// Connections that they share.
    pub(super) connections: usize,
    /// How long it is measured.
    pub(super) time: Duration,
    /// Clock-ins in an upload; none are uploaded when it is 0, and each is a call of its own.
    pub(super) upload: usize,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    /// Clock-ins acknowledged in the time that counts.
    pub(super) acknowledged: u64,
    /// Clock-ins acknowledged in all, with those of the warm-up and those that were late.
    pub(super) stored: u64,
    /// Calls in the time that counts that were told to come again.
    pub(super) shed: u64,
    /// The time that counts.
    pub(super) seconds: f64,
    /// Calls a second that were to be sent; none in a closed loop.
    pub(super) offered: Option<f64>,
    /// From when a call was to be sent to its acknowledgement, in microseconds.
    pub(super) latency: Histogram<u64>,
    /// The same up to the answer that there is too much to do.
    pub(super) shed_latency: Histogram<u64>,
}

impl Measured {
    /// Nothing yet.
    pub(super) fn none(time: Duration) -> anyhow::Result<Self> {
        let none = Histogram::new_with_bounds(1, LONGEST_US, 3)?;
        let (seconds, shed_latency) = (time.as_secs_f64(), none.clone());
        Ok(Self { acknowledged: 0, stored: 0, shed: 0, seconds, offered: None, latency: none, shed_latency })
    }

    /// Clock-ins a second.
    #[expect(clippy::cast_precision_loss, reason = "fewer calls than 2^53")]
    pub(super) fn rate(&self) -> f64 {
        self.acknowledged as f64 / self.seconds
    }

    /// Calls a second, of which each may be an upload.
    #[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
    pub(super) fn calls_per_second(&self, load: Load) -> f64 {
        self.rate() / load.upload.max(1) as f64
    }

    /// One call that was to be sent at `due` and was answered at `answered`. Latency is of calls that were due in the time
    /// that counts, throughput of answers that came in it.
    pub(super) fn note(&mut self, answer: Answer, due: Duration, answered: Duration) {
        let counts = WARM_UP..WARM_UP + Duration::from_secs_f64(self.seconds);
        let took = u64::try_from(answered.saturating_sub(due).as_micros()).unwrap_or(LONGEST_US);
        let took = took.clamp(1, LONGEST_US);
        self.stored += answer.stored;
        if counts.contains(&answered) {
            self.acknowledged += answer.stored;
        }
        if counts.contains(&due) && answer.shed {
            self.shed += 1;
            self.shed_latency.saturating_record(took);
        } else if counts.contains(&due) {
            self.latency.saturating_record(took);
        }
    }

    /// With what another caller measured.
    pub(super) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.acknowledged += other.acknowledged;
        self.stored += other.stored;
        self.shed += other.shed;
        self.latency.add(&other.latency)?;
        self.shed_latency.add(&other.shed_latency)?;
        Ok(())
    }
}

/// What a call was answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    /// Clock-ins that were acknowledged.
    pub(super) stored: u64,
    /// Was it told to come again?
    pub(super) shed: bool,
}

/// Connections to a server.
pub(super) async fn connections(port: u16, load: Load) -> anyhow::Result<Vec<Channel>> {
    let mut channels = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        channels.push(connect(port).await?);
    }
    Ok(channels)
}

/// Puts load on a server in a closed loop.
pub(super) async fn run(
    office: &Arc<Office>,
    port: u16,
    terminals: &mut [Terminal],
    load: Load,
) -> anyhow::Result<Measured> {
    let channels = connections(port, load).await?;
    let watch = Stopwatch::start();
    let mut callers = JoinSet::new();
    for (number, terminal) in terminals.iter().take(load.callers).cloned().enumerate() {
        let channel = channels.get(number % channels.len()).cloned().context("no connection")?;
        let office = Arc::clone(office);
        callers.spawn(caller(number, office, channel, terminal, watch, load));
    }
    let mut measured = Measured::none(load.time)?;
    while let Some(ended) = callers.join_next().await {
        let (number, terminal, own) = ended??;
        measured.add(&own)?;
        if let Some(kept) = terminals.get_mut(number) {
            *kept = terminal;
        }
    }
    Ok(measured)
}

type Ended = (usize, Terminal, Measured);

async fn caller(
    number: usize,
    office: Arc<Office>,
    channel: Channel,
    mut terminal: Terminal,
    watch: Stopwatch,
    load: Load,
) -> anyhow::Result<Ended> {
    let mut measured = Measured::none(load.time)?;
    loop {
        let call = Call::of(&mut terminal, &office, load.upload);
        let sent = watch.elapsed();
        if sent >= WARM_UP + load.time {
            return Ok((number, terminal, measured));
        }
        let answer = call.send(terminal.client(&channel)).await?;
        measured.note(answer, sent, watch.elapsed());
    }
}

/// A call, ready to be sent.
#[derive(Debug)]
pub(super) enum Call {
    /// One clock-in.
    One(Box<RecordPunchRequest>),
    /// Many.
    Upload(UploadPunchesRequest),
}

impl Call {
    /// The next one of a terminal.
    pub(super) fn of(terminal: &mut Terminal, office: &Office, upload: usize) -> Self {
        if upload == 0 {
            return Self::One(Box::new(terminal.punch(office)));
        }
        Self::Upload(terminal.upload(office, upload))
    }

    /// Sends it. Every answer must be an acknowledgement, or say that there is too much to do: a server that refuses is not
    /// fast.
    pub(super) async fn send(self, client: Client) -> anyhow::Result<Answer> {
        let mut service = AttendanceServiceClient::new(client.channel.clone());
        let answered = match self {
            Self::One(request) => service
                .record_punch(client.with(*request)?)
                .await
                .map(|answer| vec![answer.get_ref().outcome()]),
            Self::Upload(request) => {
                let answer = service.upload_punches(client.with(request)?).await;
                answer.map(|answer| answer.get_ref().results.iter().map(|one| one.outcome()).collect())
            }
        };
        match answered {
            Ok(outcomes) => {
                let many = |of: Outcome| outcomes.iter().filter(|outcome| **outcome == of).count();
                let (stored, retry) = (many(Outcome::Accepted), many(Outcome::Retry));
                ensure!(stored + retry == outcomes.len(), "clock-ins were answered {outcomes:?}");
                Ok(Answer { stored: u64::try_from(stored)?, shed: stored == 0 })
            }
            Err(status) if status.code() == Code::ResourceExhausted => Ok(Answer { stored: 0, shed: true }),
            Err(status) => Err(status).context("a clock-in was refused"),
        }
    }
}
