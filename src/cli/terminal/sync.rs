//! Keeping up with the server, when nobody waits for it: the report every 30 seconds, the configuration, and what
//! the journal still has to send. One item that the server will not have never blocks the next.

use anyhow::Context;
use prost::Message;

use super::act::new_id;
use super::entry::{Entry, Event, State};
use super::link::{PATIENCE, Trouble, UPLOAD};
use super::stand::Terminal;
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::directory_service_client::DirectoryServiceClient;
use crate::proto::duty_service_client::DutyServiceClient;
use crate::proto::*;
use crate::registers::wire::timestamp;
use crate::tlog::{Note, TlogProof, VerifierKey, leaf_hash};

/// Items of one upload; the server takes 1,000.
const BATCH: u32 = 500;
/// Bytes of one upload; the server takes 1 MiB.
const BATCH_BYTES: usize = 512 * 1_024;
/// How long what was acknowledged is kept, where the server has not said: a week.
const KEPT_DAYS: u32 = 7;
/// 24 × 3,600,000.
const DAY_MS: i64 = 86_400_000;

/// What an upload was answered.
struct Uploaded {
    results: Vec<(String, Outcome, String)>,
    checkpoint: String,
    through: u64,
}

/// What ends a round.
pub(super) enum Halt {
    /// The server: it is tried again.
    Trouble(Trouble),
    /// The terminal's own disk: nothing may go on.
    Fault(anyhow::Error),
}

impl From<Trouble> for Halt {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<anyhow::Error> for Halt {
    fn from(fault: anyhow::Error) -> Self {
        Self::Fault(fault)
    }
}

/// Is the entry in the tree that one of these keys signed? A receipt that nobody we know signed proves nothing.
pub(super) fn believed(keys: &[VerifierKey], receipt: &Receipt) -> anyhow::Result<()> {
    let key = keys.iter().find(|key| key.name() == receipt.origin);
    let key = key.with_context(|| format!("nobody we know signs for {}", receipt.origin))?;
    let proof = TlogProof::parse(&receipt.proof)?;
    anyhow::ensure!(proof.index == receipt.entry_index, "the proof is of another entry");
    proof.verify(leaf_hash(&receipt.leaf), key)?;
    Ok(())
}

impl Terminal {
    /// Everything that is to be told, in order: how the device is, what it recorded, and last what it may do without. The report comes first, since it
    /// dates what was recorded since this start (docs/duty.md, "Offline").
    pub(super) async fn round(&mut self) -> Result<(), Halt> {
        self.reports(false).await?;
        self.sends(u64::MAX).await?;
        self.learns().await
    }

    /// `ReportDevice`.
    pub(super) async fn reports(&mut self, going_down: bool) -> Result<(), Halt> {
        // The report dates what was recorded since this start: a clock that was read before a connection was made would make
        // all of it late by as long as that took.
        self.link.is_ready().await?;
        let request = ReportDeviceRequest {
            centre: self.stamps.centre.clone(),
            device: self.stamps.device.clone(),
            boot_id: self.stamps.boot_id.clone(),
            mono_ms: self.clock.monotonic_ms(),
            wall_at: Some(timestamp(self.clock.now())),
            journal_head: self.home.journal.head().await?,
            going_down,
        };
        let call =
            async |channel, request| AttendanceServiceClient::new(channel).report_device(request).await;
        let answer = self.link.ask(PATIENCE, request, call).await?;
        self.signed(&answer.checkpoint)?;
        self.covered(answer.contiguous_through).await?;
        Ok(())
    }

    /// The configuration, at each start and when a quarter of an hour has passed.
    async fn learns(&mut self) -> Result<(), Halt> {
        const EVERY_MS: u64 = 15 * 60_000;
        let now = self.clock.monotonic_ms();
        if self.learnt_at.is_some_and(|at| now < at + EVERY_MS) {
            return Ok(());
        }
        let request = GetTerminalConfigRequest {
            centre: self.stamps.centre.clone(),
            device: self.stamps.device.clone(),
            etag: self.home.config.as_ref().map(|(etag, _)| etag.clone()).unwrap_or_default(),
            reveal: Some(Reveal {
                purpose: reveal::Purpose::Attendance.into(),
                reason: "terminal display".to_owned(),
            }),
        };
        let call =
            async |channel, request| DirectoryServiceClient::new(channel).get_terminal_config(request).await;
        let answer = self.link.ask(PATIENCE, request, call).await?;
        if !answer.not_modified {
            self.home.learn(answer).await?;
            self.screen.zone = self.home.zone()?;
        }
        self.learnt_at = Some(now);
        Ok(())
    }

    /// What waits in the journal below a number, in its order: one upload for each stretch of one kind.
    pub(super) async fn sends(&mut self, below: u64) -> Result<(), Halt> {
        loop {
            let mut entries = self.home.journal.waiting(BATCH).await?;
            entries.retain(|entry| entry.seq < below);
            let Some(first) = entries.first() else { return Ok(()) };
            let is_punch = |entry: &Entry| matches!(entry.event, Event::Punch(_));
            let (kind, mut bytes) = (is_punch(first), 0);
            let fits = |entry: &&Entry| {
                bytes += match &entry.event {
                    Event::Punch(punch) => punch.encoded_len(),
                    Event::Duty(duty) => duty.encoded_len(),
                };
                is_punch(entry) == kind && bytes <= BATCH_BYTES
            };
            let stretch: Vec<Entry> = entries.iter().take_while(fits).cloned().collect();
            let answer = self.upload(&stretch).await?;
            self.signed(&answer.checkpoint)?;
            let left = self.takes(&stretch, &answer.results).await?;
            self.covered(answer.through).await?;
            if let Some(why) = left {
                // What comes later waits for it: nothing is told before what came earlier.
                return Err(Trouble::InDoubt(why).into());
            }
        }
    }

    async fn upload(&mut self, stretch: &[Entry]) -> Result<Uploaded, Trouble> {
        let (centre, device) = (self.stamps.centre.clone(), self.stamps.device.clone());
        let request_id = new_id(&*self.clock);
        let (mut punches, mut events) = (Vec::new(), Vec::new());
        for entry in stretch {
            match &entry.event {
                Event::Punch(punch) => punches.push((**punch).clone()),
                Event::Duty(duty) => events.push((**duty).clone()),
            }
        }
        if punches.is_empty() {
            let request = UploadDutyEventsRequest { centre, request_id, device, events };
            let call =
                async |channel, request| DutyServiceClient::new(channel).upload_duty_events(request).await;
            let answer = self.link.ask(UPLOAD, request, call).await?;
            let results = answer.results.into_iter();
            return Ok(Uploaded {
                results: results.map(|item| (item.request_id.clone(), item.outcome(), item.reason)).collect(),
                checkpoint: answer.checkpoint,
                through: answer.contiguous_through,
            });
        }
        let request = UploadPunchesRequest { centre, request_id, device, punches };
        let call =
            async |channel, request| AttendanceServiceClient::new(channel).upload_punches(request).await;
        let answer = self.link.ask(UPLOAD, request, call).await?;
        let results = answer.results.into_iter();
        Ok(Uploaded {
            results: results.map(|item| (item.request_id.clone(), item.outcome(), item.reason)).collect(),
            checkpoint: answer.checkpoint,
            through: answer.contiguous_through,
        })
    }

    /// Writes down what became of each, and shows it. Answers with why something has to be sent again.
    async fn takes(
        &mut self,
        stretch: &[Entry],
        results: &[(String, Outcome, String)],
    ) -> anyhow::Result<Option<String>> {
        let mut left = None;
        let mut settled = Vec::new();
        for entry in stretch {
            let id = entry.event.request_id();
            let result = results.iter().find(|(of, _, _)| of == id);
            let (outcome, reason) =
                result.map_or((Outcome::Unspecified, ""), |(_, outcome, why)| (*outcome, why));
            let state = match outcome {
                Outcome::Accepted | Outcome::Duplicate | Outcome::Quarantined => State::Stored,
                Outcome::Conflict => State::Conflict,
                // That the terminal is not let in says nothing of what happened at it.
                Outcome::Rejected if reason != "DENIED" => State::Rejected,
                Outcome::Rejected | Outcome::Retry | Outcome::Unspecified => {
                    left.get_or_insert_with(|| format!("{} {reason}", outcome.as_str_name()));
                    continue;
                }
            };
            settled.push(Entry { state, reason: reason.to_owned(), ..entry.clone() });
        }
        let outcome =
            |entry: &Entry| (entry.event.request_id().to_owned(), entry.state, entry.reason.clone());
        self.home.journal.settle(settled.iter().map(outcome).collect()).await?;
        let now = self.clock.now();
        for entry in &settled {
            self.screen.stands(entry, now);
        }
        Ok(left)
    }

    /// A checkpoint that nobody we know signed is not the server's: nothing that came with it is believed.
    fn signed(&self, checkpoint: &str) -> Result<(), Trouble> {
        let note = Note::parse(checkpoint).ok();
        let good = note.is_some_and(|note| note.verify(&self.verifier_keys).is_ok());
        if good { Ok(()) } else { Err(Trouble::InDoubt("CHECKPOINT_NOT_SIGNED".to_owned())) }
    }

    /// The server has everything up to a number: what is older than it asks terminals to keep goes.
    pub(super) async fn covered(&self, through: u64) -> anyhow::Result<()> {
        let limits = self.home.config.as_ref().and_then(|(_, config)| config.limits);
        let days = limits.map_or(KEPT_DAYS, |limits| limits.journal_days);
        let before = self.clock.now().plus_ms(-(i64::from(days) * DAY_MS));
        self.home.journal.covered(through, before).await
    }
}
