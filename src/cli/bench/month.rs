//! A centre that lives through a month, on a clock of its own: everybody clocks in and out four times a day, and terminals tell
//! of themselves every five minutes.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use tonic::transport::Channel;

use super::commands::{label, stamp, submit};
use super::place::{Place, Schema};
use super::roster;
use super::town::{CENTRE, HR, TTL_S, code, options};
use crate::cli::client::Client;
use crate::cli::import::people;
use crate::cli::office::{Office, Opening};
use crate::cli::{init, token};
use crate::clock::{Clock, MockClock};
use crate::kernel::{CentreId, DeviceId, EpochDay, EpochMs, LogId, PersonId, Pos, Subject, Zone};
use crate::proto::presented::Who as Shown;
use crate::proto::punch::{Direction, Method};
use crate::proto::{CalendarYear, Device, DirectoryPersonal, Presented, Role, device};
use crate::registers::attendance::contact::Contact;
use crate::registers::attendance::fact::{Command as Attendance, Punch, Source, Who};
use crate::registers::attendance::service::watch;
use crate::registers::directory::fact::{Command as Directory, Record};
use crate::registers::roster::fact::Command as Roster;
use crate::registers::roster::notices;
use crate::registers::rulebook::Command;
use crate::registers::stamp::sample::Sample;

/// Terminals; people share them.
const TERMINALS: usize = 20;
/// When people clock in or out, in minutes of the day, and over how many minutes they spread.
const TIMES: [(i32, i32, Direction); 4] = [
    (480, 40, Direction::In),
    (720, 15, Direction::Out),
    (815, 25, Direction::In),
    (1_050, 20, Direction::Out),
];
/// Terminals tell of themselves so often.
const REPORT_MINUTES: i32 = 5;

/// A centre that lives through a month.
pub(super) struct Month {
    /// What it works with.
    pub(super) office: Office,
    /// Its log.
    pub(super) log: LogId,
    /// Everybody.
    pub(super) people: Vec<String>,
    /// Its first day.
    pub(super) first: EpochDay,
    clock: Arc<MockClock>,
    zone: Zone,
    journals: [u64; TERMINALS],
    began: EpochMs,
}

impl Month {
    /// People, terminals, a calendar, a shift that everybody works every day.
    pub(super) async fn begin(place: &Place, schema: Schema, people: usize) -> anyhow::Result<Self> {
        let zone = Zone::parse("Asia/Shanghai")?;
        let first = EpochDay::from_ymd(2026, 3, 1)?;
        let clock = Arc::new(MockClock::new(zone.start_of(first.plus_days(-1)), 1));
        let opening =
            Opening { clock: Arc::<MockClock>::clone(&clock) as Arc<dyn Clock>, ..Opening::default() };
        let options = options(&place.folder(schema), place.url(schema).await?);
        let mut office = init::begin(options, opening).await?.office;
        office.config.listen.port = 0;
        let log = office.log_of(&CentreId::parse(CENTRE)?).await?;
        let began = office.clock.now();
        let cards: BTreeSet<String> = (0..people).map(|number| format!("{number:08}")).collect();
        people::create(&office, log, CENTRE, "bench", &cards, first.plus_days(-1)).await?;
        let own = office.desk.directory(log).await?;
        let people: Vec<String> = own.assigned().into_iter().map(str::to_owned).collect();
        let journals = [0; TERMINALS];
        let month = Self { office, log, people, first, clock, zone, journals, began };
        month.furnish().await?;
        Ok(month)
    }

    async fn furnish(&self) -> anyhow::Result<()> {
        let terminals = (0..TERMINALS).map(|number| {
            let kind = device::Kind::ClockTerminal.into();
            let record = Record::Device(Device { device: code(number), kind, ..Device::default() });
            Directory::Put { record, personal: DirectoryPersonal::default() }.into()
        });
        submit(&self.office, self.log, terminals.collect()).await?;
        let year: CalendarYear = notices::shipped("cn-2026").context("the notice of 2026")?;
        submit(&self.office, LogId::DEPLOYMENT, vec![Roster::CalendarYear(year).into()]).await?;
        let rosters = roster::works(&self.people, self.first, [(510, 720), (840, 1_050)]);
        submit(&self.office, self.log, rosters).await?;
        let centre = CentreId::parse(CENTRE)?;
        token::grant(&self.office, &Subject::parse(HR)?, Role::Hr, &centre, None).await
    }

    /// Who reads the feed of days, over a connection.
    pub(super) fn reader(&self, channel: Channel) -> anyhow::Result<Client> {
        let issuer = self.office.issuer()?;
        Ok(Client { channel, token: issuer.token(&Subject::parse(HR)?, self.clock.now(), TTL_S) })
    }

    /// One day, minute by minute; how many clock-ins that were.
    pub(super) async fn live(&mut self, day: EpochDay) -> anyhow::Result<u64> {
        let mut punches = 0;
        for minute in 0..1_440 {
            let due = self.people.iter().enumerate().flat_map(|(number, person)| {
                let spread = i32::try_from(number % 97).unwrap_or_default() * 7 + day.ymd().2;
                let at = move |(from, over, direction): &(i32, i32, Direction)| {
                    (from + spread % over == minute).then_some(*direction)
                };
                TIMES.iter().filter_map(at).map(move |direction| (number, person, direction))
            });
            let due: Vec<(usize, String, Direction)> =
                due.map(|(number, person, direction)| (number, person.clone(), direction)).collect();
            if due.is_empty() && minute % REPORT_MINUTES != 0 {
                continue;
            }
            self.wait_until(self.zone.at_minutes(day, minute));
            let mut commands = Vec::with_capacity(due.len());
            for (number, person, direction) in due {
                commands.push(self.punch(number, &person, direction)?);
            }
            punches += u64::try_from(commands.len())?;
            submit(&self.office, self.log, commands).await?;
            if minute % REPORT_MINUTES == 0 {
                self.report().await?;
            }
        }
        Ok(punches)
    }

    /// Somebody clocks so many times, in and out in turn, a second after each other.
    pub(super) async fn clock(&mut self, person: &str, times: usize) -> anyhow::Result<()> {
        let mut commands = Vec::with_capacity(times);
        for time in 0..times {
            self.clock.advance_ms(1_000);
            let direction = if time % 2 == 0 { Direction::In } else { Direction::Out };
            commands.push(self.punch(0, person, direction)?);
        }
        submit(&self.office, self.log, commands).await
    }

    fn wait_until(&self, then: EpochMs) {
        self.clock.advance_ms(then.since(self.clock.now()).max(0).unsigned_abs());
    }

    fn mono_ms(&self) -> u64 {
        self.clock.now().since(self.began).max(0).unsigned_abs()
    }

    fn punch(&mut self, number: usize, person: &str, direction: Direction) -> anyhow::Result<Command> {
        let terminal = number % TERMINALS;
        let journal = self.journals.get_mut(terminal).context("a terminal")?;
        *journal += 1;
        let seq = *journal;
        let person_id = PersonId::parse(person)?;
        Ok(Attendance::punch(Punch {
            source: Source::Live,
            stamp: stamp(&code(terminal), seq, self.clock.now(), self.began)?,
            direction,
            method: Method::Face,
            device_label: label("")?,
            presented: Presented { who: Some(Shown::PersonId(person.to_owned())), ..Presented::default() },
            who: Who::Person(person_id),
            witness: None,
            verified_by: None,
        })
        .into())
    }

    /// Every terminal tells that it has told of everything, and that goes on record.
    async fn report(&self) -> anyhow::Result<()> {
        let own = self.office.desk.directory(self.log).await?;
        let now = self.clock.now();
        let sample = Sample { mono_ms: self.mono_ms(), wall: now, server: now };
        for (number, journal_head) in self.journals.iter().enumerate() {
            let known = own.device(&code(number)).context("a terminal")?;
            let contact = Contact {
                device: DeviceId::parse(&code(number))?,
                journal: Pos::new(known.journal),
                boot_id: label("boot-1")?,
                first: sample,
                newest: sample,
                journal_head: *journal_head,
                going_down: false,
            };
            self.office.desk.registers().attendance.report(self.log, contact);
        }
        watch::round(&self.office.desk).await.context("what terminals told was not recorded")?;
        Ok(())
    }
}
