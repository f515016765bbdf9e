//! Does a day cost more when much has been derived? Two centres with the same people on clocks of their own: one a day and a half
//! old, the other after a hundred times as many results. In both the day of a small team is asked for in turn; in the grown one
//! somebody with thousands of clock-ins clocks in turn with somebody who has a handful.

use anyhow::{Context, ensure};
use serde::Serialize;

use super::commands::submit;
use super::month::Month;
use super::place::{Place, Schema};
use super::report::median;
use super::server::Server;
use super::town::CENTRE;
use super::{Contender, Options, counted};
use crate::cli::client::{Client, connect};
use crate::clock::Stopwatch;
use crate::kernel::LogId;
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::{Department, DirectoryPersonal, ListDaysRequest, Person, person};
use crate::registers::derivation::{Registered, registered};
use crate::registers::directory::fact::{Command as Directory, Record, date};
use crate::registers::rulebook::Command;
use crate::results::{Folder, REVISION};
use crate::store::Binds;

/// People, unless `--people` says how many.
const PEOPLE: usize = 2_100;
/// The days of the young centre, and of the grown one unless `--days` says how many.
const YOUNG_DAYS: usize = 2;
const GROWN_DAYS: usize = 140;
/// What one person has clocked before the last day, and what the other one has.
const MANY: usize = 5_000;
const FEW: usize = 5;
/// A team.
const TEAM: usize = 30;
const TEAM_CODE: &str = "team";
/// Calls, and clock-ins, in a round.
const CALLS: usize = 40;
const PUNCHES: usize = 10;

/// What was measured: the medians of each round, in microseconds.
#[derive(Debug, Default, Serialize)]
pub(super) struct Growth {
    people: usize,
    days: usize,
    young_results: i64,
    grown_results: i64,
    filled_seconds: f64,
    young_team_us: Vec<f64>,
    grown_team_us: Vec<f64>,
    /// Until a clock-in is stored, and from then on until its day is derived.
    few_stored_us: Vec<f64>,
    many_stored_us: Vec<f64>,
    few_derived_us: Vec<f64>,
    many_derived_us: Vec<f64>,
}

impl std::fmt::Display for Growth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { people, days, young_results, grown_results, filled_seconds, .. } = self;
        write!(
            f,
            "{people} people: {young_results} results after {YOUNG_DAYS} days, {grown_results} after {days} \
             ({filled_seconds:.0} s to fill and derive)"
        )?;
        for (what, young, grown) in [
            ("the day of a team of 30", &self.young_team_us, &self.grown_team_us),
            ("a clock-in stored, of 5 and of 5,000", &self.few_stored_us, &self.many_stored_us),
            ("and its day derived", &self.few_derived_us, &self.many_derived_us),
        ] {
            let [young, grown] = [young, grown].map(|figures| median(figures.clone()));
            let ratio = grown / young;
            write!(f, "\n{what:<38} {young:>8.0} µs  {grown:>8.0} µs  ratio {ratio:.2}")?;
        }
        Ok(())
    }
}

/// Measures.
pub(super) async fn measure(options: &Options, place: &Place) -> anyhow::Result<Growth> {
    let people = options.people.unwrap_or(PEOPLE);
    let days = options.days.unwrap_or(GROWN_DAYS);
    ensure!(people > TEAM && days > YOUNG_DAYS, "--people, --days: more than 30, and more than 2");
    place.clean().await?;
    let watch = Stopwatch::start();
    let young = Centre::fill(place, Schema::Young, people, YOUNG_DAYS).await?;
    let mut grown = Centre::fill(place, Schema::Main, people, days).await?;
    let mut growth = Growth {
        people,
        days,
        young_results: young.results().await?,
        grown_results: grown.results().await?,
        filled_seconds: watch.elapsed().as_secs_f64(),
        ..Growth::default()
    };
    for _ in 0..options.rounds {
        growth.young_team_us.push(young.team().await?);
        growth.grown_team_us.push(grown.team().await?);
        let [few, many] = grown.clocked().await?;
        growth.few_stored_us.push(few.0);
        growth.few_derived_us.push(few.1);
        growth.many_stored_us.push(many.0);
        growth.many_derived_us.push(many.1);
    }
    young.close().await;
    grown.close().await;
    Ok(growth)
}

/// A centre whose results are all derived.
struct Centre {
    month: Month,
    folder: Folder<Registered>,
    /// Everybody, with the one who hardly ever comes at the end.
    rare: String,
    days: usize,
}

impl Centre {
    async fn fill(place: &Place, schema: Schema, people: usize, days: usize) -> anyhow::Result<Self> {
        let mut month = Month::begin(place, schema, people).await?;
        let desk = &month.office.desk;
        let folder = Folder::new(desk.store().clone(), registered(desk.ledger().clone()));
        let team = month.people.iter().take(TEAM).cloned().collect::<Vec<_>>();
        submit(&month.office, LogId::DEPLOYMENT, of_a_team(&team)).await?;
        let rare = month.people.pop().context("somebody")?;
        let usual = month.people.first().cloned().context("somebody")?;
        let missing = MANY.saturating_sub(days * 4).div_ceil(days.saturating_sub(1).max(1));
        for day in 0..days {
            month.live(month.first.plus_days(i32::try_from(day)?)).await?;
            if day + 1 < days && days > YOUNG_DAYS {
                month.clock(&usual, missing).await?;
            }
            folder.catch_up(month.log).await?;
        }
        month.clock(&rare, FEW).await?;
        folder.catch_up(month.log).await?;
        counted(&month.office).await?;
        Ok(Self { month, folder, rare, days })
    }

    /// The folder goes first: it holds on to the ledger, which closes when nobody does.
    async fn close(self) {
        let Self { month, folder, .. } = self;
        drop(folder);
        month.office.close().await;
    }

    /// How many revisions there are.
    async fn results(&self) -> anyhow::Result<i64> {
        let store = self.month.office.desk.store();
        let counts = store.fetch(REVISION.census(), Binds::new(), |cells| Ok((cells.int()?, cells.int()?)));
        let own = counts.await?.into_iter().find(|(log, _)| *log == self.month.log.column());
        own.map(|(_, count)| count).context("no results")
    }

    /// The team's last day, again and again: the median, in microseconds.
    async fn team(&self) -> anyhow::Result<f64> {
        let server = Server::start(&self.month.office, Contender::Ledger).await?;
        let asked = async {
            let client: Client = self.month.reader(connect(server.port()).await?)?;
            let mut service = AttendanceServiceClient::new(client.channel.clone());
            let last = self.month.first.plus_days(i32::try_from(self.days)? - 1);
            let request = ListDaysRequest {
                centre: CENTRE.to_owned(),
                department: TEAM_CODE.to_owned(),
                from: Some(date(last)),
                until: Some(date(last)),
                page_size: 100,
                ..ListDaysRequest::default()
            };
            let mut took = Vec::with_capacity(CALLS);
            for _ in 0..CALLS {
                let watch = Stopwatch::start();
                let answer = service.list_days(client.with(request.clone())?).await?.into_inner();
                took.push(watch.elapsed().as_secs_f64() * 1e6);
                ensure!(answer.days.len() == TEAM, "{} days of a team of {TEAM}", answer.days.len());
            }
            Ok(median(took))
        };
        let asked = asked.await;
        server.stop().await?;
        asked
    }

    /// The one with few clock-ins and the one with many clock in turn; of each until it is stored and until it is derived.
    async fn clocked(&mut self) -> anyhow::Result<[(f64, f64); 2]> {
        let usual = self.month.people.first().cloned().context("somebody")?;
        let who = [self.rare.clone(), usual];
        let mut took: [(Vec<f64>, Vec<f64>); 2] = Default::default();
        for _ in 0..PUNCHES {
            for (person, (stored, derived)) in who.iter().zip(&mut took) {
                let watch = Stopwatch::start();
                self.month.clock(person, 1).await?;
                stored.push(watch.elapsed().as_secs_f64() * 1e6);
                let watch = Stopwatch::start();
                self.folder.catch_up(self.month.log).await?;
                derived.push(watch.elapsed().as_secs_f64() * 1e6);
            }
        }
        Ok(took.map(|(stored, derived)| (median(stored), median(derived))))
    }
}

/// Commands by which some people are of one department.
fn of_a_team(people: &[String]) -> Vec<Command> {
    let put = |record| Directory::Put { record, personal: DirectoryPersonal::default() }.into();
    let department =
        Department { department: TEAM_CODE.to_owned(), name: TEAM_CODE.to_owned(), ..Department::default() };
    let person = |person: &String| {
        put(Record::Person(Person {
            person_id: person.clone(),
            department: TEAM_CODE.to_owned(),
            employment: person::Employment::Other.into(),
            ..Person::default()
        }))
    };
    std::iter::once(put(Record::Department(department))).chain(people.iter().map(person)).collect()
}
