//! Does a board cost more when the centre has a year behind it? Deployments with the same windows on clocks of their own: one
//! lives through its first morning, another through a year of work days and then the same morning. They are asked for their
//! boards in turn, each time over a database that has just been opened, and then again and again.
//!
//! On its first morning a hall remembers nothing of the day before, which every later one does. So there is a third, after a
//! week: what a year costs of that is what history costs.

use std::sync::Arc;

use anyhow::{Context, ensure};
use serde::Serialize;

use super::Options;
use super::hall::{Hall, Post, SHARE, pause};
use super::place::{Place, Schema};
use super::report::median;
use super::town::CENTRE;
use crate::cli::client::connect;
use crate::cli::office::{Office, Opening};
use crate::cli::serve;
use crate::clock::{Clock, MockClock, Stopwatch};
use crate::edge::Services;
use crate::kernel::{EpochDay, EpochMs, Zone};
use crate::proto::board_window::State;
use crate::proto::duty_service_client::DutyServiceClient;
use crate::proto::pause::EndMode;
use crate::proto::punch::Direction;
use crate::proto::{BoardWindow, GetBoardRequest};
use crate::registers::duty;
use crate::registers::duty::fact::Act;
use crate::registers::wire::timestamp;

/// Work days of a year, unless `--days` says how many.
const DAYS: usize = 250;
/// Days that make no history yet.
const WEEK: usize = 5;
/// Windows pause by groups: others of the same items stay open.
const GROUPS: usize = 4;
/// Two pauses of everybody a day, by group, in minutes: when the first group begins each.
const PAUSES: [i32; 2] = [570, 930];
/// From one group to the next.
const APART: i32 = 15;
/// How long a pause is.
const LONG: i32 = 7;
/// Boards that are asked for in a round, of each sort.
const CALLS: usize = 20;

/// Boards of one deployment. Of every sort the median of a round's calls, in microseconds, one figure per round.
#[derive(Debug, Default, Serialize)]
pub(super) struct Boards {
    entries: u64,
    filled_seconds: f64,
    /// The first call after the database was opened.
    first_us: Vec<f64>,
    /// The board now.
    now_us: Vec<f64>,
    /// A minute of the same morning.
    past_us: Vec<f64>,
    /// The same minute of the day in the middle of its days; of the first, of its one morning.
    middle_us: Vec<f64>,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Year {
    windows: usize,
    days: usize,
    young: Boards,
    week: Boards,
    grown: Boards,
    /// What a board costs after a year, of one on the first day and of one after a week: the medians of the rounds.
    ratios: Vec<Ratio>,
}

/// Of one sort of boards.
#[derive(Debug, Serialize)]
struct Ratio {
    sort: &'static str,
    to_day_one: f64,
    to_week: f64,
}

type Sort = (&'static str, fn(&Boards) -> &Vec<f64>);

/// The sorts of boards.
const SORTS: [Sort; 4] = [
    ("the first call of a process", |boards| &boards.first_us),
    ("the board now", |boards| &boards.now_us),
    ("a minute of the same morning", |boards| &boards.past_us),
    ("a minute half way back", |boards| &boards.middle_us),
];

fn middle(boards: &Boards, (_, of): &Sort) -> f64 {
    median(of(boards).clone())
}

impl std::fmt::Display for Year {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { windows, days, young, week, grown, ratios } = self;
        write!(
            f,
            "{windows} windows: {} entries on day one, {} after {WEEK} days, {} after {days} ({:.0} s to fill)",
            young.entries, week.entries, grown.entries, grown.filled_seconds
        )?;
        for (sort, ratio) in SORTS.iter().zip(ratios) {
            let [young, week, grown] = [young, week, grown].map(|boards| middle(boards, sort) / 1_000.0);
            write!(
                f,
                "\n{:<30} day one {young:>8.2} ms  a week {week:>8.2} ms  a year {grown:>8.2} ms  a year to day one {:.2}, to a week {:.2}",
                ratio.sort, ratio.to_day_one, ratio.to_week
            )?;
        }
        Ok(())
    }
}

/// When a day's things happen, in minutes: everybody comes, windows open, close, everybody goes.
const DAY: [i32; 4] = [480, 485, 1_020, 1_030];
/// Now: the last group of the morning is away. And the minute before in which another one was.
const NOW: i32 = 620;
const PAST: i32 = 590;

/// Measures.
pub(super) async fn measure(options: &Options, place: &Place) -> anyhow::Result<Year> {
    let days = options.days.unwrap_or(DAYS);
    let zone = Zone::parse("Asia/Shanghai")?;
    let today = EpochDay::from_ymd(2026, 11, 2)?;
    place.clean().await?;
    let mut centres = Vec::with_capacity(3);
    for (schema, days) in [(Schema::Young, 0), (Schema::Week, WEEK.min(days)), (Schema::Main, days)] {
        centres.push(Centre::fill(options, (place, schema), (&zone, today, days)).await?);
    }
    for round in 0..options.rounds {
        let mut boards = Vec::new();
        for turn in 0..centres.len() {
            // Each is first in turn, and each is last.
            let at = (round + turn) % centres.len();
            boards.push(centres.get_mut(at).context("a centre")?.asked().await?);
        }
        ensure!(boards.windows(2).all(|two| two.first() == two.last()), "the same morning makes two boards");
    }
    let mut boards = centres.into_iter().map(|centre| centre.boards);
    let mut next = || boards.next().context("a centre");
    let (young, week, grown) = (next()?, next()?, next()?);
    let ratios = SORTS.iter().map(|sort| Ratio {
        sort: sort.0,
        to_day_one: middle(&grown, sort) / middle(&young, sort),
        to_week: middle(&grown, sort) / middle(&week, sort),
    });
    Ok(Year { windows: options.windows, days, ratios: ratios.collect(), young, week, grown })
}

/// A deployment with its clock.
struct Centre {
    hall: Hall,
    clock: Arc<MockClock>,
    past: EpochMs,
    middle: EpochMs,
    boards: Boards,
}

impl Centre {
    /// So many days, and the morning of today.
    async fn fill(
        options: &Options,
        (place, schema): (&Place, Schema),
        (zone, today, days): (&Zone, EpochDay, usize),
    ) -> anyhow::Result<Self> {
        let days = i32::try_from(days)?;
        let first = today.plus_days(-days);
        let clock = Arc::new(MockClock::new(zone.at_minutes(first, DAY[0] - 60), 1));
        let (folder, url) = (place.folder(schema), place.url(schema).await?);
        let hall = Hall::begin(&folder, url, (options.windows, options.size(0)), opening(&clock)).await?;
        let office = hall.town.open(opening(&clock)).await?;
        let watch = Stopwatch::start();
        let filled = async {
            for day in 0..days {
                live(&hall, &office, (&clock, zone), (first.plus_days(day), 1_440)).await?;
            }
            live(&hall, &office, (&clock, zone), (today, NOW)).await?;
            super::counted(&office).await?;
            let (head, _) = office.desk.ledger().reader().head(hall.town.log).await?;
            anyhow::Ok(head.size)
        };
        let filled = filled.await;
        office.close().await;
        let filled_seconds = watch.elapsed().as_secs_f64();
        let boards = Boards { entries: filled?, filled_seconds, ..Boards::default() };
        let past = zone.at_minutes(today, PAST);
        let middle = zone.at_minutes(first.plus_days(days / 2), PAST);
        Ok(Self { hall, clock, past, middle, boards })
    }

    /// A round: the boards now, and in the past minutes.
    async fn asked(&mut self) -> anyhow::Result<[Vec<BoardWindow>; 2]> {
        let office = self.hall.town.open(opening(&self.clock)).await?;
        let news = tokio::sync::watch::channel(0).1;
        let calls = Arc::new(duty::service::Calls::new(office.desk.clone(), news));
        let services = Services::new(&office.config.limits).duty(&calls).boards(&calls);
        drop(calls);
        let listening = serve::listen(&office, services, false).await?;
        let asked = async {
            let mut service = DutyServiceClient::new(connect(listening.port).await?);
            let (first, now) = board(&mut service, None).await?;
            self.boards.first_us.push(first);
            self.boards.now_us.push(repeated(&mut service, None).await?);
            self.boards.past_us.push(repeated(&mut service, Some(self.past)).await?);
            self.boards.middle_us.push(repeated(&mut service, Some(self.middle)).await?);
            let (_, past) = board(&mut service, Some(self.past)).await?;
            anyhow::Ok([now, past])
        };
        let asked = asked.await;
        listening.stop().await?;
        office.close().await;
        asked
    }
}

fn opening(clock: &Arc<MockClock>) -> Opening {
    Opening { clock: Arc::<MockClock>::clone(clock) as Arc<dyn Clock>, ..Opening::default() }
}

/// One day until a minute.
async fn live(
    hall: &Hall,
    office: &Office,
    (clock, zone): (&MockClock, &Zone),
    (day, until): (EpochDay, i32),
) -> anyhow::Result<()> {
    let everybody: Vec<&Post> = hall.posts.iter().collect();
    let items = everybody.len().div_ceil(SHARE);
    let [come, open, close, go] = DAY;
    let mut due: Vec<(i32, Doing)> =
        vec![(come, Doing::Come), (open, Doing::Open), (close, Doing::Close), (go, Doing::Go)];
    for begins in PAUSES {
        for (group, at) in (0..GROUPS).zip((begins..).step_by(APART.unsigned_abs() as usize)) {
            due.extend([(at, Doing::Pause(group)), (at + LONG, Doing::Return(group))]);
        }
    }
    due.sort_by_key(|(minute, _)| *minute);
    for (minute, doing) in due.into_iter().filter(|(minute, _)| *minute <= until) {
        turn_to(clock, zone.at_minutes(day, minute));
        let of = |wanted: usize| {
            let group = move |number: usize| number / (2 * items) % GROUPS;
            everybody.iter().copied().enumerate().filter(move |(number, _)| group(*number) == wanted)
        };
        let some = |wanted| of(wanted).map(|(_, post)| post).collect::<Vec<_>>();
        match doing {
            Doing::Come => hall.clock(office, &everybody, Direction::In).await?,
            Doing::Go => hall.clock(office, &everybody, Direction::Out).await?,
            Doing::Open => hall.act(office, &everybody, |_| Act::Open).await?,
            Doing::Close => hall.act(office, &everybody, |_| Act::Close).await?,
            Doing::Pause(group) => hall.act(office, &some(group), pause).await?,
            Doing::Return(group) => {
                let back = |_| Act::End { pause: None, mode: EndMode::Returned };
                hall.act(office, &some(group), back).await?;
            }
        }
    }
    turn_to(clock, zone.at_minutes(day, until));
    Ok(())
}

/// Something that happens in a day.
#[derive(Debug, Clone, Copy)]
enum Doing {
    Come,
    Go,
    Open,
    Close,
    Pause(usize),
    Return(usize),
}

fn turn_to(clock: &MockClock, then: EpochMs) {
    clock.advance_ms(then.since(clock.now()).max(0).unsigned_abs());
}

type Service = DutyServiceClient<tonic::transport::Channel>;

/// A board, and how long it took in microseconds.
async fn board(service: &mut Service, at: Option<EpochMs>) -> anyhow::Result<(f64, Vec<BoardWindow>)> {
    let at = at.map(timestamp);
    let request = GetBoardRequest { centre: CENTRE.to_owned(), at, ..GetBoardRequest::default() };
    let watch = Stopwatch::start();
    let answer = service.get_board(request).await?.into_inner();
    let took = watch.elapsed();
    let paused = answer.windows.iter().filter(|window| window.state() == State::Paused).count();
    ensure!(paused > 0 && paused < answer.windows.len(), "{paused} windows are paused");
    Ok((took.as_secs_f64() * 1e6, answer.windows))
}

/// The middle of many.
async fn repeated(service: &mut Service, at: Option<EpochMs>) -> anyhow::Result<f64> {
    let mut took = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        took.push(board(service, at).await?.0);
    }
    Ok(median(took))
}
