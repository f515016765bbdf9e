//! A month passes at the terminals and at the desks: people come and go, ask for leave and for corrections, and others
//! decide; one morning the current is cut. Everything over real gRPC, at the time at which it happens.

use anyhow::Context;
use tonic::transport::Channel;

use super::cast::{self, CENTRE};
use super::client::Terminal;
use super::desk::Desk;
use super::plan::{self, CUT, CUT_ON, Coming, Month};
use super::setup::Town;
use crate::cli::office::Office;
use crate::clock::{Clock, ShiftedClock, random};
use crate::kernel::{EpochDay, EpochMs, LogId, RequestId, Zone};
use crate::ledger::committer::{Lane, SubmitError};
use crate::ledger::port::Submission;
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::punch::Direction;
use crate::proto::{Outcome, Punch, UploadPunchesRequest};
use crate::registers::attendance::service::watch;
use crate::registers::audit::fact::Command as Audit;
use crate::registers::rulebook::server;

/// When the terminals send what they have, in minutes of a working day: the last time at night.
const SENDS: [i32; 5] = [545, 750, 845, 1_090, 1_590];
/// When the desks open.
const DESKS_OPEN: i32 = 600;
/// When those who are back from leave have said so.
const DESKS_CLOSE: i32 = 1_095;
/// The month ends at 08:00 of the next day, when nobody can come any more.
const ENDS_MINUTES: i32 = 480;
/// An ordinary silence is shorter than the 40 days that the ledger asks about.
const STRIDE_MS: i64 = 30 * 24 * 3_600_000;

/// Something that happens at a minute of a day.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Sends,
    CurrentGoes,
    CurrentComes,
    DesksOpen,
    DesksClose,
}

/// What is needed to live through it.
pub(super) struct Life<'a> {
    pub(super) office: &'a Office,
    pub(super) clock: &'a ShiftedClock,
    pub(super) channel: &'a Channel,
    pub(super) zone: &'a Zone,
    pub(super) month: &'a Month,
    /// What each terminal has not sent yet.
    waiting: Vec<Vec<Punch>>,
    /// How many clock-ins were stored.
    stored: usize,
}

impl<'a> Life<'a> {
    pub(super) fn new(
        office: &'a Office,
        clock: &'a ShiftedClock,
        channel: &'a Channel,
        (zone, month): (&'a Zone, &'a Month),
    ) -> Self {
        Self { office, clock, channel, zone, month, waiting: Vec::new(), stored: 0 }
    }

    /// Lets the month pass, and says how many clock-ins were stored.
    pub(super) async fn pass(&mut self, town: &mut Town) -> anyhow::Result<usize> {
        self.waiting = vec![Vec::new(); town.terminals.len()];
        self.reports(town, Terminal::report).await?;
        let mut desk = Desk::of(self.office, self.channel, self.zone, self.month, &town.people);
        for date in plan::days(self.month.first, self.month.last) {
            self.day(town, &mut desk, date).await?;
        }
        self.clock.leap_to(self.zone.at_minutes(self.month.last.plus_days(1), ENDS_MINUTES));
        town.renew(self.office)?;
        self.reports(town, Terminal::goes_down).await?;
        Ok(self.stored)
    }

    async fn day(&mut self, town: &mut Town, desk: &mut Desk<'_>, date: EpochDay) -> anyhow::Result<()> {
        let comings = self.month.comings(date);
        if comings.is_empty() {
            return Ok(());
        }
        let nth = self.month.nth(date);
        let mut happens: Vec<(i32, Happens)> = SENDS.iter().map(|minute| (*minute, Happens::Sends)).collect();
        if nth.is_some() {
            happens.extend([(DESKS_OPEN, Happens::DesksOpen), (DESKS_CLOSE, Happens::DesksClose)]);
        }
        if nth == Some(CUT_ON) {
            happens.retain(|(minute, _)| !(CUT.0..CUT.1).contains(minute));
            happens.extend([(CUT.0, Happens::CurrentGoes), (CUT.1, Happens::CurrentComes)]);
        }
        happens.sort_by_key(|(minute, _)| *minute);
        let mut comings = comings.into_iter().peekable();
        for (minute, what) in happens {
            let before = |coming: &Coming| coming.minute < minute;
            while let Some(coming) = comings.next_if(before) {
                self.stamp(town, date, coming)?;
            }
            self.clock.leap_to(self.zone.at_minutes(date, minute));
            town.renew(self.office)?;
            match (what, nth) {
                (Happens::Sends, _) => self.send(town).await?,
                (Happens::CurrentGoes, _) => desk.current_goes(&town.terminals).await?,
                (Happens::CurrentComes, _) => {
                    let now = self.clock.now();
                    town.terminals.iter_mut().for_each(|terminal| terminal.switch_on(now));
                    self.reports(town, Terminal::report).await?;
                    desk.current_comes(&town.terminals).await?;
                }
                (Happens::DesksOpen, Some(nth)) => desk.opens(nth).await?,
                (Happens::DesksClose, Some(nth)) => desk.closes(nth).await?,
                (Happens::DesksOpen | Happens::DesksClose, None) => {}
            }
        }
        Ok(())
    }

    /// Somebody holds a card to a terminal: it keeps the clock-in in its journal until it sends.
    fn stamp(&mut self, town: &mut Town, date: EpochDay, coming: Coming) -> anyhow::Result<()> {
        let place = (coming.who + usize::try_from(coming.minute)?) % town.terminals.len();
        let terminal = town.terminals.get_mut(place).context("a terminal")?;
        let seconds = i64::try_from(coming.who % 60)?;
        let at = self.zone.at_minutes(date, coming.minute).plus_ms(seconds * 1_000);
        let direction = if coming.comes { Direction::In } else { Direction::Out };
        let punch = terminal.punch(self.clock, at, &cast::card(coming.who), direction)?;
        self.waiting.get_mut(place).context("a journal")?.push(punch);
        Ok(())
    }

    /// All terminals send what they have at once, and tell of themselves.
    async fn send(&mut self, town: &Town) -> anyhow::Result<()> {
        let journals = self.waiting.iter_mut().map(std::mem::take);
        let sent = town.terminals.iter().zip(journals).filter(|(_, punches)| !punches.is_empty());
        let uploads = sent.map(|(terminal, punches)| {
            let terminal = terminal.clone();
            let request = UploadPunchesRequest {
                centre: CENTRE.to_owned(),
                request_id: RequestId::random(random(self.clock)).to_string(),
                device: terminal.code.clone(),
                punches,
            };
            tokio::spawn(async move {
                let mut calls = AttendanceServiceClient::new(terminal.client.channel.clone());
                let answer = calls.upload_punches(terminal.client.with(request)?).await?;
                anyhow::Ok(answer.into_inner().results)
            })
        });
        let uploads: Vec<_> = uploads.collect();
        for upload in uploads {
            let results = upload.await??;
            anyhow::ensure!(
                results.iter().all(|result| result.outcome() == Outcome::Accepted),
                "a clock-in of the month was not stored as it is: {results:?}"
            );
            self.stored += results.len();
        }
        self.reports(town, Terminal::report).await
    }

    async fn reports(
        &self,
        town: &Town,
        says: fn(&Terminal, EpochMs) -> crate::proto::ReportDeviceRequest,
    ) -> anyhow::Result<()> {
        for terminal in &town.terminals {
            let mut calls = AttendanceServiceClient::new(terminal.client.channel.clone());
            let report = says(terminal, self.clock.now());
            calls.report_device(terminal.client.with(report)?).await.context("a heartbeat")?;
        }
        watch::round(&self.office.desk).await?;
        Ok(())
    }
}

/// Lets the weeks pass until then, in which nothing is told. That they pass is on record.
pub(super) async fn weeks_until(office: &Office, clock: &ShiftedClock, then: EpochMs) -> anyhow::Result<()> {
    loop {
        let due = clock.now();
        let submission = Submission {
            log: LogId::DEPLOYMENT,
            request_id: RequestId::random(random(clock)),
            author: server("demo"),
            command: Audit::Tick { due }.into(),
        };
        match office.desk.ledger().submit(submission, Lane::Bulk).await {
            // Refused: something else has just been put on record.
            Ok(_) | Err(SubmitError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
        if due >= then {
            return Ok(());
        }
        clock.leap_to(due.plus_ms(STRIDE_MS).min(then));
    }
}
