//! Terminals over real gRPC: each with a key and a journal.

use anyhow::Context;
use ed25519_dalek::{Signer, SigningKey};
use tonic::Status;
use tonic_types::StatusExt;

use super::cast::CENTRE;
use crate::cli::client::Client;
use crate::clock::{Clock, random};
use crate::kernel::{CentreId, Check, EpochMs, RequestId};
use crate::ledger::keys::Keys;
use crate::proto::presented::Who;
use crate::proto::punch::{Direction, Method};
use crate::proto::{Credential, DeviceStamp, Presented, Punch, ReportDeviceRequest, credential};
use crate::registers::attendance::fact::Source;
use crate::registers::attendance::{parse, signature};
use crate::registers::wire::timestamp;

/// What a refusal says: its code and our reason.
pub(super) fn reason(status: &Status) -> String {
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    format!("{:?} {reason}", status.code())
}

/// A clock terminal: its own key, its journal, and a clock that may be wrong.
#[derive(Debug, Clone)]
pub(super) struct Terminal {
    /// Its code.
    pub(super) code: String,
    /// Signs what it records.
    pub(super) key: SigningKey,
    /// The newest number in its journal.
    pub(super) seq: u64,
    /// How often it was switched on.
    pub(super) boots: u32,
    /// When it was switched on, by the true clock.
    pub(super) booted: EpochMs,
    /// How far its wall clock is ahead.
    pub(super) ahead_ms: i64,
    /// Who it is to the server.
    pub(super) client: Client,
}

impl Terminal {
    fn mono_ms(&self, at: EpochMs) -> u64 {
        u64::try_from(at.since(self.booted)).unwrap_or_default()
    }

    fn boot_id(&self) -> String {
        format!("{}-boot-{}", self.code, self.boots)
    }

    /// It is switched on; its journal has outlived that.
    pub(super) fn switch_on(&mut self, at: EpochMs) {
        self.boots += 1;
        self.booted = at;
    }

    /// What it says when it is switched off.
    pub(super) fn goes_down(&self, at: EpochMs) -> ReportDeviceRequest {
        ReportDeviceRequest { going_down: true, ..self.report(at) }
    }

    /// Its heartbeat.
    pub(super) fn report(&self, at: EpochMs) -> ReportDeviceRequest {
        ReportDeviceRequest {
            centre: CENTRE.to_owned(),
            device: self.code.clone(),
            boot_id: self.boot_id(),
            mono_ms: self.mono_ms(at),
            wall_at: Some(timestamp(at.plus_ms(self.ahead_ms))),
            journal_head: self.seq,
            going_down: false,
        }
    }

    /// Somebody holds a card to it at a true time: it writes its journal and signs.
    pub(super) fn punch(
        &mut self,
        clock: &dyn Clock,
        at: EpochMs,
        card: &str,
        direction: Direction,
    ) -> anyhow::Result<Punch> {
        self.seq += 1;
        let punch = Punch {
            request_id: RequestId::random(random(clock)).to_string(),
            stamp: Some(DeviceStamp {
                device: self.code.clone(),
                device_seq: self.seq,
                boot_id: self.boot_id(),
                mono_ms: self.mono_ms(at),
                claimed_at: Some(timestamp(at.plus_ms(self.ahead_ms))),
                signature: Vec::new(),
            }),
            direction: direction.into(),
            method: Method::Card.into(),
            presented: Some(Presented {
                who: Some(Who::Credential(Credential {
                    kind: credential::Kind::Card.into(),
                    value: card.to_owned(),
                })),
                ..Presented::default()
            }),
            device_label: String::new(),
        };
        self.sign(punch)
    }

    /// Signs a punch, docs/device-signature.md.
    pub(super) fn sign(&self, mut punch: Punch) -> anyhow::Result<Punch> {
        let mut check = Check::new();
        // The signed bytes hold what was said, never a keyed hash: any keys will do to read it.
        let keys = Keys::new(&[0; 32], &[0; 32]);
        let parsed = parse::punch(&mut check, &keys, "punch", Source::Live, None, Some(punch.clone()));
        let (_, parsed) = parsed.context("a punch of the demonstration is not valid")?;
        let bytes = signature::message(&CentreId::parse(CENTRE)?, &parsed);
        if let Some(stamp) = &mut punch.stamp {
            stamp.signature = self.key.sign(&bytes).to_bytes().to_vec();
        }
        Ok(punch)
    }
}
