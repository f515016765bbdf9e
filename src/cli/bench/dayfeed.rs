//! How long a clock-in needs to its day in the feed: everybody is rostered and clocks in once, at a steady rate, and somebody
//! who watches the feed of days must be told of every day that it changed. Whoever calls and whoever watches run in the same
//! process, which costs the server its share.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::commands::submit;
use super::load::{Load, connections};
use super::open::sleep_until;
use super::place::{Place, Schema};
use super::roster;
use super::server::Server;
use super::spread::{Spread, Times};
use super::town::{CENTRE, HR, Size, Town};
use super::{Contender, Options};
use crate::cli::client::{Client, connect};
use crate::cli::office::{Office, Opening};
use crate::clock::Stopwatch;
use crate::kernel::{EpochDay, LogId, Zone};
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::calendar_year::{Day, day};
use crate::proto::{CalendarYear, DayResult, DayResults, WatchDayResultsRequest};
use crate::registers::directory::fact::date;
use crate::registers::roster::fact::Command as Roster;

/// Clock-ins a second, unless `--rate` says how many.
const RATE: f64 = 500.0;
/// Clock terminals, as a large centre has.
const TERMINALS: usize = 64;
/// Connections that they share.
const CONNECTIONS: usize = 4;
/// Before anything counts.
const WARM_UP: Duration = Duration::from_secs(1);
/// What is not in the feed by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest that a day may take to begin for everybody.
const BEGIN: Duration = Duration::from_mins(2);

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct DayFeed {
    people: usize,
    rate: f64,
    seconds: f64,
    /// Clock-ins that count.
    punches: usize,
    /// Those of them that no revision of a day named.
    lost: usize,
    messages: u64,
    revisions: u64,
    /// From when a clock-in was to be sent, and from when it was answered, to its day's revision at the one who watches.
    from_due: Spread,
    from_answered: Spread,
    /// From when it was to be sent to its answer.
    answer: Spread,
}

impl std::fmt::Display for DayFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { people, rate, seconds, punches, lost, messages, revisions, .. } = self;
        writeln!(
            f,
            "{people} people, {rate} clock-ins a second for {seconds} s: {punches} clock-ins, {revisions} revisions in \
             {messages} messages, {lost} lost"
        )?;
        writeln!(f, "a clock-in in its day, from when it was due  {}", self.from_due)?;
        writeln!(f, "a clock-in in its day, from its answer       {}", self.from_answered)?;
        write!(f, "a clock-in answered, from when it was due    {}", self.answer)
    }
}

/// Measures.
pub(super) async fn measure(options: &Options, place: &Place) -> anyhow::Result<DayFeed> {
    let rate = options.per_second(RATE)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked below")]
    let needed = (rate * (WARM_UP.as_secs_f64() + options.seconds)).ceil() as usize + 1;
    // Everybody clocks in once: another one would not change how the day stands.
    let people = options.people.unwrap_or(needed);
    ensure!(people >= needed, "--people: at least {needed}, who clock in once each");
    ensure!(needed <= 100_000, "--rate, --seconds: more than 100000 people");
    place.remove(Schema::Main).await?;
    let (folder, url) = (place.folder(Schema::Main), place.url(Schema::Main).await?);
    let size = Size { people, terminals: TERMINALS };
    let town = Town::begin(&folder, url, size, Opening::default()).await?;
    let office = Arc::new(town.open(Opening::default()).await?);
    let measured = over(&town, &office, (options, rate, people)).await;
    Arc::into_inner(office).context("a caller still runs")?.close().await;
    measured
}

async fn over(
    town: &Town,
    office: &Arc<Office>,
    (options, rate, people): (&Options, f64, usize),
) -> anyhow::Result<DayFeed> {
    let today = at_work(town, office).await?;
    let server = Server::start(office, Contender::Whole).await?;
    let measured = async {
        let client = Client { channel: connect(server.port()).await?, token: town.reader(office, HR)? };
        let mut reader = Reader::begin(&client, today).await?;
        tokio::time::timeout(BEGIN, reader.until_begun(people)).await.context("the day did not begin")??;
        super::counted(office).await?;
        let watch = Stopwatch::start();
        let (stop, stopped) = watch::channel(());
        let reading = tokio::spawn(reader.watches(watch, stopped));
        let time = WARM_UP + Duration::from_secs_f64(options.seconds);
        let sent = clock_in(town, office, server.port(), (watch, rate, time)).await?;
        // What comes late is waited for; what does not come at all is counted below.
        tokio::time::sleep(PATIENCE).await;
        stop.send_replace(());
        let told = reading.await??;
        judge(options, (rate, people), &sent, &told)
    };
    let measured = measured.await;
    server.stop().await?;
    measured
}

/// Everybody is to work from now on, on a day like every other.
async fn at_work(town: &Town, office: &Office) -> anyhow::Result<EpochDay> {
    let zone = Zone::parse("Asia/Shanghai")?;
    let now = office.clock.now();
    let today = zone.day_of(now);
    let own = office.desk.directory(town.log).await?;
    let everybody: Vec<String> = own.assigned().into_iter().map(str::to_owned).collect();
    let year = today.ymd().0;
    let holiday = Day {
        date: Some(date(EpochDay::from_ymd(year, 1, 1)?)),
        kind: day::Kind::StatutoryHoliday.into(),
        ..Day::default()
    };
    let notice = CalendarYear { year, notice: "bench".to_owned(), days: vec![holiday] };
    submit(office, LogId::DEPLOYMENT, vec![Roster::CalendarYear(notice).into()]).await?;
    let minute = i32::try_from(now.since(zone.start_of(today)) / 60_000)?;
    let begins = (minute + 5).min(1_439);
    submit(office, town.log, roster::works(&everybody, today, [(begins, begins + 120)])).await?;
    Ok(today)
}

/// When a clock-in was due and when it was answered, by its entry.
type Sent = HashMap<u64, (Duration, Duration)>;

/// Everybody in turn, at the terminals in turn.
async fn clock_in(
    town: &Town,
    office: &Arc<Office>,
    port: u16,
    (watch, rate, time): (Stopwatch, f64, Duration),
) -> anyhow::Result<Sent> {
    let load = Load { callers: TERMINALS, connections: CONNECTIONS, time, upload: 0 };
    let channels = connections(port, load).await?;
    let mut terminals = town.terminals(office, TERMINALS)?;
    let (mut calls, mut sent) = (JoinSet::new(), HashMap::new());
    let began = watch.elapsed();
    let dues = (0_u32..).map(|number| Duration::from_secs_f64(f64::from(number) / rate));
    for (number, due) in dues.take_while(|due| *due < time).enumerate() {
        sleep_until(watch, began + due).await;
        let terminal = terminals.get_mut(number % TERMINALS).context("no terminal")?;
        let channel = channels.get(number % channels.len()).context("no connection")?;
        let client = terminal.client(channel);
        let request = client.with(terminal.punch_of(office, number))?;
        calls.spawn(async move {
            let answer = AttendanceServiceClient::new(client.channel.clone()).record_punch(request).await?;
            let entry = answer.into_inner().receipt.context("no receipt")?.entry_index;
            anyhow::Ok((due, entry, (began + due, watch.elapsed())))
        });
    }
    while let Some(ended) = calls.join_next().await {
        let (due, entry, when) = ended??;
        if due >= WARM_UP {
            sent.insert(entry, when);
        }
    }
    Ok(sent)
}

/// What the one who watches saw.
struct Told {
    /// When a revision first named a clock-in, by its entry.
    seen: HashMap<u64, Duration>,
    messages: u64,
    revisions: u64,
}

/// Somebody who watches the feed.
struct Reader {
    stream: tonic::Streaming<DayResults>,
}

impl Reader {
    async fn begin(client: &Client, today: EpochDay) -> anyhow::Result<Self> {
        let request = WatchDayResultsRequest {
            centre: CENTRE.to_owned(),
            from: Some(date(today)),
            until: Some(date(today)),
            ..WatchDayResultsRequest::default()
        };
        let mut service = AttendanceServiceClient::new(client.channel.clone());
        Ok(Self { stream: service.watch_day_results(client.with(request)?).await?.into_inner() })
    }

    /// Waits until the day of everybody has begun, and is one of work.
    async fn until_begun(&mut self, people: usize) -> anyhow::Result<()> {
        let mut begun = HashSet::new();
        while begun.len() < people {
            let message = self.stream.message().await?.context("the feed ended")?;
            let working = message.items()?.into_iter().filter(|day| !day.spans.is_empty());
            begun.extend(working.map(|day| day.person_id));
        }
        Ok(())
    }

    async fn watches(mut self, watch: Stopwatch, mut stopped: watch::Receiver<()>) -> anyhow::Result<Told> {
        let mut told = Told { seen: HashMap::new(), messages: 0, revisions: 0 };
        loop {
            let message = tokio::select! {
                message = self.stream.message() => message?.context("the feed ended")?,
                _ = stopped.changed() => return Ok(told),
            };
            let at = watch.elapsed();
            told.messages += 1;
            told.revisions += u64::try_from(message.encoded.len())?;
            for entry in message.items()?.iter().flat_map(named) {
                told.seen.entry(entry).or_insert(at);
            }
        }
    }
}

/// The clock-ins that a day names.
fn named(day: &DayResult) -> impl Iterator<Item = u64> {
    let slots = day.spans.iter().flat_map(|span| [&span.on, &span.off]).flatten();
    slots.filter_map(|slot| slot.punch_index)
}

fn judge(
    options: &Options,
    (rate, people): (f64, usize),
    sent: &Sent,
    told: &Told,
) -> anyhow::Result<DayFeed> {
    let (mut from_due, mut from_answered, mut answer) = (Times::none()?, Times::none()?, Times::none()?);
    let mut lost = 0;
    for (entry, (due, answered)) in sent {
        answer.note(answered.saturating_sub(*due));
        let Some(at) = told.seen.get(entry) else {
            lost += 1;
            continue;
        };
        from_due.note(at.saturating_sub(*due));
        // It may be seen before the answer has come back.
        from_answered.note(at.saturating_sub(*answered));
    }
    Ok(DayFeed {
        people,
        rate,
        seconds: options.seconds,
        punches: sent.len(),
        lost,
        messages: told.messages,
        revisions: told.revisions,
        from_due: from_due.spread(),
        from_answered: from_answered.spread(),
        answer: answer.spread(),
    })
}
