//! How long a change needs to the board: windows pause and are back at a steady rate, and everybody who watches must be told
//! of every change. Whoever watches runs in the same process, which costs the server its share.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::hall::{Hall, PAUSES_MOST};
use super::place::{Place, Schema};
use super::server::Server;
use super::spread::{Spread, Times};
use super::town::CENTRE;
use super::{Contender, Options};
use crate::cli::client::connect;
use crate::cli::office::{Office, Opening};
use crate::clock::Stopwatch;
use crate::proto::board_window::State;
use crate::proto::duty_service_client::DutyServiceClient;
use crate::proto::{BoardWindow, WatchBoardRequest};

/// Subscribers on one connection: a server takes 64 calls of one at once.
const OF_A_CONNECTION: usize = 50;
/// Changes a second, unless `--rate` says how many.
const RATE: f64 = 20.0;
/// Who has not been told by then is not told any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Boards {
    windows: usize,
    subscribers: usize,
    connections: usize,
    rate: f64,
    seconds: f64,
    /// Windows that paused, and that were back.
    paused: usize,
    returned: usize,
    /// Changes that somebody was not told of: each subscriber counts.
    lost: usize,
    /// Messages to all, with what else they changed.
    messages: u64,
    /// A pause, from when its call was sent, and from when it was answered, to each subscriber.
    pause_from_sent: Spread,
    pause_from_answered: Spread,
    /// The same of a window that is back.
    return_from_sent: Spread,
    return_from_answered: Spread,
}

impl std::fmt::Display for Boards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} windows, {} subscribers on {} connections, {} changes a second for {} s: {} pauses, {} returns, {} \
             messages, {} lost",
            self.windows,
            self.subscribers,
            self.connections,
            self.rate,
            self.seconds,
            self.paused,
            self.returned,
            self.messages,
            self.lost
        )?;
        let all = [
            ("a pause on the board, from when it was sent", &self.pause_from_sent),
            ("a pause on the board, from its answer", &self.pause_from_answered),
            ("a return on the board, from when it was sent", &self.return_from_sent),
            ("a return on the board, from its answer", &self.return_from_answered),
        ];
        for (number, (name, at)) in all.into_iter().enumerate() {
            let end = if number == 3 { "" } else { "\n" };
            write!(f, "{name:<46} {at}{end}")?;
        }
        Ok(())
    }
}

/// A window, and its how many-eth change: they are told apart because a window changes again only seconds later.
type Change = (usize, usize);

/// Measures.
pub(super) async fn measure(options: &Options, place: &Place) -> anyhow::Result<Boards> {
    let rate = options.per_second(RATE)?;
    let changing = options.windows / 2;
    ensure!(changing > 0, "--windows: 2 or more");
    ensure!((1..=10_000).contains(&options.subscribers), "--subscribers: 1 to 10000");
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^53")]
    let most = (PAUSES_MOST * 2 * changing) as f64;
    ensure!(rate * options.seconds <= most, "--rate, --seconds: nobody may pause so often; more --windows");
    place.remove(Schema::Main).await?;
    let (folder, url) = (place.folder(Schema::Main), place.url(Schema::Main).await?);
    let hall = Hall::begin(&folder, url, (options.windows, options.size(0)), Opening::default()).await?;
    let office = Arc::new(hall.town.open(Opening::default()).await?);
    let measured = over(&hall, &office, (options, rate, changing)).await;
    Arc::into_inner(office).context("a caller still runs")?.close().await;
    measured
}

async fn over(
    hall: &Hall,
    office: &Arc<Office>,
    (options, rate, changing): (&Options, f64, usize),
) -> anyhow::Result<Boards> {
    hall.at_work(office).await?;
    let server = Server::start(office, Contender::Whole).await?;
    let measured = async {
        let watch = Stopwatch::start();
        let (stop, stopped) = watch::channel(());
        let connections = options.subscribers.div_ceil(OF_A_CONNECTION);
        let mut watching = JoinSet::new();
        for _ in 0..connections {
            let channel = connect(server.port()).await?;
            let many = OF_A_CONNECTION.min(options.subscribers - watching.len());
            for _ in 0..many {
                let subscriber = Subscriber::begin(channel.clone(), hall).await?;
                watching.spawn(subscriber.watches(watch, stopped.clone()));
            }
        }
        let channel = connect(server.port()).await?;
        let time = Duration::from_secs_f64(options.seconds);
        let (changes, refused) = change(hall, office, &channel, (watch, rate, time, changing)).await?;
        ensure!(refused.is_none(), "a window did not change: {refused:?}");
        // Whoever is told late is waited for; whoever is not told at all is counted below.
        tokio::time::sleep(PATIENCE.min(time * 2)).await;
        stop.send_replace(());
        let mut told = Vec::new();
        while let Some(ended) = watching.join_next().await {
            told.push(ended??);
        }
        judge(options, (rate, connections), &changes, &told)
    };
    let measured = measured.await;
    server.stop().await?;
    measured
}

/// When a call was sent, and answered.
type Sent = HashMap<Change, (Duration, Duration)>;

/// Every second window pauses in turn, and is back in the next turn: the others are where citizens are sent.
async fn change(
    hall: &Hall,
    office: &Arc<Office>,
    channel: &Channel,
    (watch, rate, time, changing): (Stopwatch, f64, Duration, usize),
) -> anyhow::Result<(Sent, Option<String>)> {
    let mut calls = JoinSet::new();
    let began = watch.elapsed();
    let dues = (0_u32..).map(|number| Duration::from_secs_f64(f64::from(number) / rate));
    for (number, due) in dues.take_while(|due| *due < time).enumerate() {
        tokio::time::sleep((began + due).saturating_sub(watch.elapsed())).await;
        let (window, turn) = (number % changing * 2, number / changing);
        let (posts, office, channel) = (Arc::clone(&hall.posts), Arc::clone(office), channel.clone());
        calls.spawn(async move {
            let post = posts.get(window).context("no window")?;
            let client = post.client(&channel);
            let mut duty = DutyServiceClient::new(channel);
            let answered = if turn % 2 == 0 {
                let request = client.with(post.pauses(&office))?;
                let sent = watch.elapsed();
                duty.start_pause(request).await.map(|_| sent)
            } else {
                let request = client.with(post.returns(&office))?;
                let sent = watch.elapsed();
                duty.end_pause(request).await.map(|_| sent)
            };
            anyhow::Ok(((window, turn), answered.map(|sent| (sent, watch.elapsed()))))
        });
    }
    let (mut changes, mut refused) = (HashMap::new(), None);
    while let Some(ended) = calls.join_next().await {
        let (change, answered) = ended??;
        match answered {
            Ok(when) => drop(changes.insert(change, when)),
            Err(status) => refused = Some(status.to_string()),
        }
    }
    Ok((changes, refused))
}

/// What one subscriber saw.
struct Told {
    seen: HashMap<Change, Duration>,
    messages: u64,
}

/// Somebody who watches.
struct Subscriber {
    stream: tonic::Streaming<crate::proto::WatchBoardResponse>,
    /// By window: its place, how it stands, and how often that changed.
    known: HashMap<String, (usize, bool, usize)>,
}

impl Subscriber {
    /// Has the whole board.
    async fn begin(channel: Channel, hall: &Hall) -> anyhow::Result<Self> {
        let request = WatchBoardRequest { centre: CENTRE.to_owned(), ..WatchBoardRequest::default() };
        let mut stream = DutyServiceClient::new(channel).watch_board(request).await?.into_inner();
        let first = stream.message().await?.context("no board")?;
        ensure!(first.is_snapshot && first.snapshot.iter().all(|window| !is_paused(window)), "an odd board");
        let known = hall.posts.iter().enumerate();
        let known = known.map(|(place, post)| (post.window().to_owned(), (place, false, 0))).collect();
        Ok(Self { stream, known })
    }

    async fn watches(mut self, watch: Stopwatch, mut stopped: watch::Receiver<()>) -> anyhow::Result<Told> {
        let mut told = Told { seen: HashMap::new(), messages: 0 };
        loop {
            let message = tokio::select! {
                message = self.stream.message() => message?.context("a board ended")?,
                _ = stopped.changed() => return Ok(told),
            };
            let at = watch.elapsed();
            told.messages += 1;
            for window in &message.changes {
                let (place, paused, turn) = self.known.get_mut(&window.window).context("a new window")?;
                // Another line may say only that citizens are sent elsewhere now.
                if *paused != is_paused(window) {
                    told.seen.insert((*place, *turn), at);
                    *paused = !*paused;
                    *turn += 1;
                }
            }
        }
    }
}

fn is_paused(window: &BoardWindow) -> bool {
    window.state() == State::Paused
}

fn judge(
    options: &Options,
    (rate, connections): (f64, usize),
    changes: &Sent,
    told: &[Told],
) -> anyhow::Result<Boards> {
    let mut spreads: [Times; 4] = [Times::none()?, Times::none()?, Times::none()?, Times::none()?];
    let [pause_sent, pause_answered, return_sent, return_answered] = &mut spreads;
    let mut lost = 0;
    for told in told {
        for (change, (sent, answered)) in changes {
            let Some(at) = told.seen.get(change) else {
                lost += 1;
                continue;
            };
            let (from_sent, from_answered) = if change.1 % 2 == 0 {
                (&mut *pause_sent, &mut *pause_answered)
            } else {
                (&mut *return_sent, &mut *return_answered)
            };
            for (spread, from) in [(from_sent, sent), (from_answered, answered)] {
                // Somebody may see it before the answer has come back.
                spread.note(at.saturating_sub(*from));
            }
        }
    }
    let paused = changes.keys().filter(|(_, turn)| turn % 2 == 0).count();
    let [pause_from_sent, pause_from_answered, return_from_sent, return_from_answered] =
        spreads.map(|times| times.spread());
    Ok(Boards {
        windows: options.windows,
        subscribers: told.len(),
        connections,
        rate,
        seconds: options.seconds,
        paused,
        returned: changes.len() - paused,
        lost,
        messages: told.iter().map(|told| told.messages).sum(),
        pause_from_sent,
        pause_from_answered,
        return_from_sent,
        return_from_answered,
    })
}
