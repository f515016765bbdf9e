//! More calls than the server can take: two times and five times as many come, whatever became of those before. What is
//! too much is told to come again, what is acknowledged stands, and nobody who clocks in waits for an upload.
//!
//! The server is whole and real, over a disk that is slow on purpose: eight entries in 60 ms. What it can take is eight for
//! each of its commits, however slow the machine is beside; a server that collapses commits what nobody waits for any more,
//! or commits less than it could. The rates themselves are compared where nothing else runs (`QINLIAN_TESTS=full`), and
//! measured by `qinlian bench --rate 2x,5x`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use qinlian::cli::office::{Office, Opening};
use qinlian::cli::serve::{self, Running};
use qinlian::clock::{Stopwatch, SystemClock, random};
use qinlian::config::{Config, Limits, Source};
use qinlian::kernel::RequestId;
use qinlian::ledger::faults::{Faults, Point};
use qinlian::proto::attendance_service_client::AttendanceServiceClient;
use qinlian::proto::{ListPunchesRequest, Outcome, UploadPunchesRequest, presented};
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

use super::judge::Judge;
use super::load::{Answer, Load, punch, reason, signed};
use super::town::{HALL, Town};
use crate::support::{say_aloud, scale};

/// Entries per commit, and how long one takes at least.
const BATCH: usize = 8;
const COMMIT: Duration = Duration::from_millis(60);
/// Places for calls at work; with these a call waits a quarter of a second.
const PLACES: usize = 32;
/// Callers in a closed loop: enough for every commit to be full, and for nothing to be too much.
const CALLERS: usize = 24;
const CONNECTIONS: usize = 8;
/// The share of what it can take that has to be left.
const GOODPUT: f64 = 0.9;
/// What was told to come again comes again at the end, as far as there is time for it.
const AGAIN: usize = 40;

fn time() -> Duration {
    Duration::from_secs(u64::try_from(scale(4, 30)).unwrap())
}

/// A server in this process, over a slow disk.
struct Slow {
    office: Office,
    running: Running,
    channels: Vec<Channel>,
    commits: Arc<AtomicUsize>,
}

/// What came of a load.
#[derive(Debug, Clone, Copy)]
struct Came {
    /// Acknowledged in time.
    acknowledged: usize,
    /// Acknowledged after the last one was sent.
    late: usize,
    /// Told to come again.
    shed: usize,
    /// What the commits of that time had room for.
    room: usize,
}

#[expect(clippy::cast_precision_loss, reason = "thousands")]
impl Came {
    /// The share of what could be taken.
    fn goodput(self) -> f64 {
        self.acknowledged as f64 / self.room as f64
    }

    /// Acknowledged in a second.
    fn rate(self) -> f64 {
        self.acknowledged as f64 / time().as_secs_f64()
    }
}

impl Slow {
    async fn start(town: &Town, limits: impl Fn(&mut Limits)) -> Self {
        let mut config =
            Config::load(&Source::Data(town.site(0).to_owned()), &BTreeMap::new()).expect("a configuration");
        config.listen.port = 0;
        config.limits.calls = PLACES;
        limits(&mut config.limits);
        let commits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&commits);
        let faults = Faults::planned(Arc::new(move |point| {
            if point == Point::Commit {
                std::thread::sleep(COMMIT);
                counted.fetch_add(1, Ordering::SeqCst);
            }
            None
        }));
        let opening = Opening { batch: BATCH, faults, ..Opening::default() };
        let office = Office::open(config, opening).await.expect("the office opens");
        let running = serve::start(&office, false).await.expect("it serves");
        let url = format!("http://127.0.0.1:{}", running.port);
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            let endpoint = Endpoint::from_shared(url.clone()).expect("a URL");
            channels.push(endpoint.connect().await.expect("it listens"));
        }
        Self { office, running, channels, commits }
    }

    fn channel(&self, number: usize) -> Channel {
        self.channels[number % CONNECTIONS].clone()
    }

    async fn stop(self) {
        drop(self.channels);
        self.running.stop().await.expect("it stops");
        self.office.close().await;
    }

    /// In a closed loop.
    async fn closed_loop(&self, load: &Arc<Load>) -> Came {
        let (begins, before) = (Stopwatch::start(), self.commits.load(Ordering::SeqCst));
        let mut callers = JoinSet::new();
        for number in 0..CALLERS {
            let (load, channel) = (Arc::clone(load), self.channel(number));
            callers.spawn(async move {
                let mut acknowledged = 0;
                while begins.elapsed() < time() {
                    let answer = load.send(&channel, load.happen_at_a_terminal()).await;
                    assert!(matches!(answer, Answer::Acknowledged(_)), "somebody stands there: {answer:?}");
                    acknowledged += 1;
                }
                acknowledged
            });
        }
        let acknowledged = callers.join_all().await.into_iter().sum();
        let room = BATCH * (self.commits.load(Ordering::SeqCst) - before);
        Came { acknowledged, late: 0, shed: 0, room }
    }

    /// Calls come at a rate, a second.
    async fn open_loop(&self, load: &Arc<Load>, rate: f64) -> Came {
        let (begins, before) = (Stopwatch::start(), self.commits.load(Ordering::SeqCst));
        let mut calls = JoinSet::new();
        let mut due = Duration::ZERO;
        while due < time() {
            tokio::time::sleep(due.saturating_sub(begins.elapsed())).await;
            let (load, channel) = (Arc::clone(load), self.channel(calls.len()));
            calls.spawn(async move {
                let answer = load.send(&channel, load.happen_at_a_terminal()).await;
                (answer, begins.elapsed())
            });
            due += Duration::from_secs_f64(1.0 / rate);
        }
        let room = BATCH * (self.commits.load(Ordering::SeqCst) - before);
        let ended = begins.elapsed();
        let mut came = Came { acknowledged: 0, late: 0, shed: 0, room };
        for (answer, answered) in calls.join_all().await {
            match answer {
                Answer::Acknowledged(_) if answered <= ended => came.acknowledged += 1,
                Answer::Acknowledged(_) => came.late += 1,
                Answer::InDoubt(said) if said.starts_with("ResourceExhausted OVERLOADED") => came.shed += 1,
                other => panic!("too much is told to come again, and nothing else: {other:?}"),
            }
        }
        came
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_too_much_is_told_so_and_the_rest_goes_on_on_sqlite() {
    flood(Town::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_too_much_is_told_so_and_the_rest_goes_on_on_postgres() {
    let Some(town) = Town::on_postgres(1).await else { return };
    flood(town).await;
}

async fn flood(town: Town) {
    let slow = Slow::start(&town, |_| {}).await;
    let load = Arc::new(Load::new(&town, 31));
    let peak = slow.closed_loop(&load).await;
    for times in [2.0, 5.0] {
        let came = slow.open_loop(&load, times * peak.rate()).await;
        let of_peak = came.rate() / peak.rate();
        say_aloud(&format!("{times} times the peak: {came:?}, {of_peak:.2} of the peak's rate"));
        assert!(came.shed > 0, "{times} times as much as it can take is too much");
        assert!(came.goodput() >= GOODPUT, "{times}: {came:?}");
        assert!(came.late <= 2 * PLACES, "{times}: nobody else waits: {came:?}");
        assert!(scale(0, 1) == 0 || of_peak >= GOODPUT, "{times}: {of_peak:.2} of the peak's rate");
    }
    for id in load.in_doubt().into_iter().take(AGAIN) {
        assert!(matches!(load.send(&slow.channel(0), id).await, Answer::Acknowledged(_)), "later is as good");
    }
    slow.stop().await;
    let (journal, leaves) = (load.journal(), town.leaves().await);
    let found = Judge::new(town.vkey.clone(), town.base).judge(&journal, &leaves);
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(Judge::ours(&journal, &leaves), load.known().len(), "nothing of what was told to come again");
    assert_eq!(town.audit(0).await, leaves.len() as u64);
    town.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_who_clocks_in_waits_for_uploads_and_exports() {
    /// Of a batch of eight one is for bulk, and what callers are too slow to fill. In one queue with what is uploaded,
    /// clock-ins would have less than a quarter.
    const CLOCK_INS: f64 = 0.5;
    let town = Town::on_sqlite().await;
    // Room for the callers and the uploads, beside as many exports as there may be.
    let slow = Slow::start(&town, |limits| limits.calls = 2 * PLACES).await;
    let load = Arc::new(Load::new(&town, 32));
    let stop = Arc::new(AtomicBool::new(false));
    let (uploaded, shed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut others = JoinSet::new();
    for terminal in 0..4 {
        let uploader = Uploader {
            device: format!("t{terminal}"),
            token: town.token(&format!("device:t{terminal}")),
            person: town.people[terminal].clone(),
            channel: slow.channel(terminal),
            // Far from what the load numbers.
            next: 1_000_000,
        };
        others.spawn(uploader.run(Arc::clone(&stop), Arc::clone(&uploaded)));
    }
    for number in 0..2 * PLACES {
        let (token, channel) = (town.token("system:officer"), slow.channel(number));
        others.spawn(export(token, channel, town.people[0].clone(), Arc::clone(&stop), Arc::clone(&shed)));
    }
    let came = slow.closed_loop(&load).await;
    stop.store(true, Ordering::SeqCst);
    others.join_all().await;
    let (uploaded, shed) = (uploaded.load(Ordering::SeqCst), shed.load(Ordering::SeqCst));
    say_aloud(&format!("clock-ins {came:?}; {uploaded} uploaded beside, {shed} exports shed"));
    assert!(came.goodput() >= CLOCK_INS, "{came:?}");
    assert!(uploaded > 0, "uploads move too");
    assert!(shed > 0, "half of the places are not for exports");
    slow.stop().await;
    town.end().await;
}

/// The control: without the limit nobody is told, and what waits grows.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_places_more_and_more_calls_wait() {
    let town = Town::on_sqlite().await;
    let slow =
        Slow::start(&town, |limits| (limits.calls, limits.calls_per_connection) = (10_000, 10_000)).await;
    let load = Arc::new(Load::new(&town, 33));
    let peak = slow.closed_loop(&load).await;
    let came = slow.open_loop(&load, 2.0 * peak.rate()).await;
    assert!(came.shed == 0 && came.late > 2 * PLACES, "{came:?}");
    slow.stop().await;
    town.end().await;
}

/// A terminal that was away, and has much to tell.
struct Uploader {
    device: String,
    token: String,
    person: String,
    channel: Channel,
    next: u64,
}

impl Uploader {
    /// Uploads as fast as it is taken.
    async fn run(mut self, stop: Arc<AtomicBool>, uploaded: Arc<AtomicUsize>) {
        const ITEMS: u64 = 20;
        while !stop.load(Ordering::SeqCst) {
            let who = || presented::Who::PersonId(self.person.clone());
            let id = || RequestId::random(random(&SystemClock::new()));
            let punches =
                (self.next..self.next + ITEMS).map(|seq| punch(id(), self.device.clone(), seq, who()));
            let request = UploadPunchesRequest {
                centre: HALL.to_owned(),
                request_id: id().to_string(),
                device: self.device.clone(),
                punches: punches.collect(),
            };
            self.next += ITEMS;
            let mut service = AttendanceServiceClient::new(self.channel.clone());
            let answer = service.upload_punches(signed(request, &self.token)).await;
            let results = answer.expect("an upload is taken").into_inner().results;
            let stored = results.iter().filter(|result| result.outcome() == Outcome::Accepted).count();
            uploaded.fetch_add(stored, Ordering::SeqCst);
        }
    }
}

/// Reads a year of somebody's punches, again and again.
async fn export(
    token: String,
    channel: Channel,
    person: String,
    stop: Arc<AtomicBool>,
    shed: Arc<AtomicUsize>,
) {
    while !stop.load(Ordering::SeqCst) {
        let request = ListPunchesRequest {
            centre: HALL.to_owned(),
            person_id: person.clone(),
            page_size: 1_000,
            ..ListPunchesRequest::default()
        };
        let answer =
            AttendanceServiceClient::new(channel.clone()).list_punches(signed(request, &token)).await;
        if let Err(status) = answer {
            assert_eq!(reason(&status), "OVERLOADED", "{status:?}");
            shed.fetch_add(1, Ordering::SeqCst);
            // As it was told, in the rig's shorter time.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
