//! `AttendanceService`: terminals record, officers declare outages, HR and officers read.
//!
//! A punch that is sent alone goes through the live lane; uploads go through the bulk lane, and every item is answered
//! for itself. Reads answer from rows and derive times when asked; personal fields only under a
//! [`Disclosure`](crate::ledger::disclosure::Disclosure).

use tokio::sync::watch::Receiver;

use crate::access::Caller;
use crate::kernel::{Check, DeviceId, EpochMs, LogId, Pos, RequestId, Words};
use crate::ledger::committer::{Lane, Outcome};
use crate::ledger::reader::{Epoch, index_of};
use crate::proto::{
    EndDeviceOutageRequest, EndDeviceOutageResponse, Outcome as Said, PunchFact, RecordPunchRequest,
    RecordPunchResponse, ReportDeviceOutageRequest, ReportDeviceOutageResponse, ReportDeviceRequest,
    ReportDeviceResponse,
};
use crate::registers::attendance::contact::Contact;
use crate::registers::attendance::fact::{Command, Punch, Source, flags_of, punch_of, quarantined};
use crate::registers::attendance::{parse, signature};
use crate::registers::audit::service::reads::Reads;
use crate::registers::desk::{Desk, Place};
use crate::registers::failure::Failure;
use crate::registers::stamp::sample::Sample;
use crate::registers::wire;

mod blockers;
mod day_feed;
mod days;
mod feeds;
mod lists;
pub(crate) mod seen;
pub(crate) mod upload;
mod vouched;
pub mod watch;

/// The calls of `AttendanceService`.
#[derive(Debug, Clone)]
pub struct Calls {
    desk: Desk,
    reads: Reads,
    news: Receiver<u64>,
    stream_items: usize,
}

impl Calls {
    /// At a desk, with the sessions of reads that this replica keeps, told whenever there are new results.
    pub const fn new(desk: Desk, reads: Reads, news: Receiver<u64>) -> Self {
        Self { desk, reads, news, stream_items: day_feed::STREAM_ITEMS }
    }

    /// With messages of `WatchDayResults` of at most so many items: only how much a reader is told at once depends on it.
    #[must_use]
    pub fn with_stream_items(self, stream_items: usize) -> Self {
        Self { stream_items, ..self }
    }

    /// `RecordPunch`.
    pub async fn record_punch(
        &self,
        caller: &Caller,
        request: RecordPunchRequest,
    ) -> Result<RecordPunchResponse, Failure> {
        let view = wire::view(request.receipt_view);
        let (place, request_id, mut punch) = enter(&self.desk, caller, request).await?;
        verify(&place, &mut punch);
        let device = punch.stamp.device.clone();
        let written = self.desk.write(&place, request_id, Command::punch(punch), Lane::Live, view).await?;
        let fact = punch_of(&written.facts);
        let contiguous_through = match written.contiguous_through {
            Some(through) => through,
            None => self.desk.through(&place, &device).await?,
        };
        Ok(RecordPunchResponse {
            outcome: outcome(written.outcome, fact).into(),
            flags: fact.map(flags_of).unwrap_or_default().into_iter().map(Into::into).collect(),
            receipt: Some(written.receipt(&place.centre)),
            server_time: Some(wire::timestamp(self.desk.now())),
            contiguous_through,
        })
    }

    /// `ReportDevice`: the heartbeat. It leaves a contact in memory; what results need of it goes on record later.
    pub async fn report_device(
        &self,
        caller: &Caller,
        request: ReportDeviceRequest,
    ) -> Result<ReportDeviceResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let device = check.take("device", DeviceId::parse(&request.device));
        let boot_id = parse::boot_id(&mut check, "boot_id", &request.boot_id);
        let mono_ms = parse::mono_ms(&mut check, "mono_ms", request.mono_ms);
        let wall = wire::instant(&mut check, "wall_at", request.wall_at.as_ref());
        let journal_head = parse::journal_head(&mut check, "journal_head", request.journal_head);
        check.done()?;
        let (Some(centre), Some(device), Some(boot_id), Some(mono_ms), Some(wall), Some(journal_head)) =
            (centre, device, boot_id, mono_ms, wall, journal_head)
        else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk.enter(caller, &centre).await?;
        place.pass.device(&device)?;
        let known = place.own.device(device.as_str()).ok_or(Failure::NotFound("device"))?;
        let journal = Pos::new(known.journal);
        let now = self.desk.now();
        let sample = Sample { mono_ms, wall, server: now };
        let contact = Contact {
            device: device.clone(),
            journal,
            boot_id,
            first: sample,
            newest: sample,
            journal_head,
            going_down: request.going_down,
        };
        self.desk.registers().attendance.report(place.log, contact);
        Ok(ReportDeviceResponse {
            server_time: Some(wire::timestamp(now)),
            contiguous_through: self.desk.through(&place, &device).await?,
            checkpoint: self.desk.checkpoint(place.log).await?,
        })
    }

    /// `ReportDeviceOutage`.
    pub async fn report_device_outage(
        &self,
        caller: &Caller,
        request: ReportDeviceOutageRequest,
    ) -> Result<ReportDeviceOutageResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let request_id = wire::request_id(&mut check, &request.request_id);
        let device = check.take("device", DeviceId::parse(&request.device));
        let from: Option<EpochMs> = wire::instant(&mut check, "from", request.from.as_ref());
        let reason = check.take("reason", Words::parse(&request.reason));
        check.done()?;
        let (Some(centre), Some(request_id), Some(device), Some(from), Some(reason)) =
            (centre, request_id, device, from, reason)
        else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk.enter(caller, &centre).await?;
        let view = wire::view(request.receipt_view);
        let command = Command::Outage { device, from, reason };
        let written = self.desk.write(&place, request_id, command, Lane::Live, view).await?;
        Ok(ReportDeviceOutageResponse { receipt: Some(written.receipt(&centre)) })
    }

    /// `EndDeviceOutage`.
    pub async fn end_device_outage(
        &self,
        caller: &Caller,
        request: EndDeviceOutageRequest,
    ) -> Result<EndDeviceOutageResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let request_id = wire::request_id(&mut check, &request.request_id);
        let device = check.take("device", DeviceId::parse(&request.device));
        let until = wire::instant(&mut check, "until", request.until.as_ref());
        check.done()?;
        let (Some(centre), Some(request_id), Some(device), Some(until)) = (centre, request_id, device, until)
        else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk.enter(caller, &centre).await?;
        let view = wire::view(request.receipt_view);
        let command = Command::OutageEnd { device, until };
        let written = self.desk.write(&place, request_id, command, Lane::Live, view).await?;
        Ok(EndDeviceOutageResponse { receipt: Some(written.receipt(&centre)) })
    }

    /// What its calls work at.
    pub(crate) const fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(crate) async fn indexes(&self, log: LogId) -> Result<Indexes, Failure> {
        Ok(Indexes(self.desk.ledger().reader().epochs(log).await?))
    }
}

/// Lets a terminal in with a clock-in of its own.
pub async fn enter(
    desk: &Desk,
    caller: &Caller,
    request: RecordPunchRequest,
) -> Result<(Place, RequestId, Punch), Failure> {
    let mut check = Check::new();
    let centre = wire::centre(&mut check, &request.centre);
    let outer = Some(request.request_id.as_str());
    let keys = desk.registers().keys();
    let punch = parse::punch(&mut check, keys, "punch", Source::Live, outer, request.punch);
    check.done()?;
    let (Some(centre), Some((request_id, punch))) = (centre, punch) else {
        return Err(Failure::Fault("PARSE"));
    };
    let place = desk.enter(caller, &centre).await?;
    place.pass.device(&punch.stamp.device)?;
    Ok((place, request_id, punch))
}

/// From positions to the indexes that callers know: a new epoch counts from 0.
pub(crate) struct Indexes(Vec<Epoch>);

impl Indexes {
    /// Of a log's epochs.
    pub(crate) const fn new(epochs: Vec<Epoch>) -> Self {
        Self(epochs)
    }

    /// The index of an entry.
    pub(crate) fn of(&self, pos: Pos) -> u64 {
        index_of(&self.0, pos)
    }
}

/// Looks at a device's signature before the command waits for its commit.
fn verify(place: &Place, punch: &mut Punch) {
    let device = place.own.device(punch.stamp.device.as_str());
    if let Some(device) = device.filter(|device| !device.public_key.is_empty()) {
        signature::verify(&device.public_key, &place.centre, punch);
    }
}

/// What became of a punch.
fn outcome(outcome: Outcome, fact: Option<&PunchFact>) -> Said {
    match outcome {
        Outcome::Accepted if fact.and_then(quarantined).is_some() => Said::Quarantined,
        Outcome::Accepted => Said::Accepted,
        Outcome::Repeat => Said::Duplicate,
        Outcome::Conflict => Said::Conflict,
    }
}
