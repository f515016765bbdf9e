//! What a person does becomes an event: stamped with the journal number and the device's clocks, and signed
//! (docs/device-signature.md). And the live call that tells the server of one.

use anyhow::Context;
use ed25519_dalek::{Signer, SigningKey};

use super::entry::Event;
use super::link::{Link, PATIENCE, Trouble};
use super::words::Deed;
use crate::clock::{Clock, random};
use crate::kernel::{CentreId, Check, EpochMs};
use crate::ledger::keys::Keys;
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::duty_event::{Close, End, Extend, Open, Start, What};
use crate::proto::duty_service_client::DutyServiceClient;
use crate::proto::presented::Who;
use crate::proto::punch::{Direction, Method};
use crate::proto::*;
use crate::registers::attendance::fact::Source;
use crate::registers::wire::timestamp;
use crate::registers::{attendance, duty};

/// What every stamp of this start of the terminal has.
#[derive(Debug, Clone)]
pub(super) struct Stamps {
    /// The centre.
    pub(super) centre: String,
    /// The device.
    pub(super) device: String,
    /// The window.
    pub(super) window: String,
    /// This start.
    pub(super) boot_id: String,
    /// The device's key.
    pub(super) key: SigningKey,
}

/// A request id of version 7, so that ids are in the order in which things happened.
pub(super) fn new_id(clock: &dyn Clock) -> String {
    let now_ms = u64::try_from(clock.now().get()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(now_ms, &random(clock)).into_uuid().hyphenated().to_string()
}

impl Stamps {
    /// Something that somebody does now, under a number of the journal.
    pub(super) fn event(
        &self,
        clock: &dyn Clock,
        seq: u64,
        deed: &Deed,
        who: Presented,
    ) -> anyhow::Result<Event> {
        let now = clock.now();
        let stamp = DeviceStamp {
            device: self.device.clone(),
            device_seq: seq,
            boot_id: self.boot_id.clone(),
            mono_ms: clock.monotonic_ms(),
            claimed_at: Some(timestamp(now)),
            signature: Vec::new(),
        };
        let back = |minutes: i64| Some(timestamp(now.plus_ms(minutes * 60_000)));
        let what = match deed {
            Deed::In => return self.punch(clock, stamp, Direction::In, who),
            Deed::Out => return self.punch(clock, stamp, Direction::Out, who),
            Deed::Open => What::Open(Open {}),
            Deed::Close => What::Close(Close {}),
            Deed::Return => What::EndPause(End {}),
            Deed::Extend(minutes) => What::ExtendPause(Extend { expected_return_at: back(*minutes) }),
            Deed::Pause(pause) => What::StartPause(Start {
                subject: pause::Subject::Person.into(),
                reason: pause.reason.into(),
                expected_return_at: back(pause.minutes),
                sign_displayed: pause.sign,
                sign_mode: pause::SignMode::CardSign.into(),
                leave_anyway: pause.anyway.is_some(),
                leave_reason: pause.anyway.clone().unwrap_or_default(),
            }),
        };
        let mut event = DutyEvent {
            request_id: new_id(clock),
            stamp: Some(stamp),
            presented: Some(who),
            window: self.window.clone(),
            what: Some(what),
        };
        let mut check = Check::new();
        let parsed = duty::parse::event(&mut check, &nobodys_keys(), event.clone());
        check.done().map_err(|wrong| anyhow::anyhow!("{}", wrong.named()))?;
        let (_, parsed) = parsed.context("an event that nobody can read")?;
        let bytes = duty::signature::message(&CentreId::parse(&self.centre)?, &parsed);
        self.sign(event.stamp.as_mut(), &bytes.context("an event without a stamp")?);
        Ok(Event::Duty(Box::new(event)))
    }

    fn punch(
        &self,
        clock: &dyn Clock,
        stamp: DeviceStamp,
        direction: Direction,
        who: Presented,
    ) -> anyhow::Result<Event> {
        let kind = match &who.who {
            Some(Who::Credential(credential)) => credential.kind(),
            Some(Who::PersonId(_)) | None => credential::Kind::Unspecified,
        };
        let method = match kind {
            credential::Kind::Card => Method::Card,
            credential::Kind::Face => Method::Face,
            credential::Kind::Fingerprint => Method::Fingerprint,
            credential::Kind::Pin => Method::Pin,
            credential::Kind::Qr => Method::Qr,
            credential::Kind::EmployeeNo | credential::Kind::Unspecified => Method::Manual,
        };
        let mut punch = Punch {
            request_id: new_id(clock),
            stamp: Some(stamp),
            direction: direction.into(),
            method: method.into(),
            presented: Some(who),
            device_label: String::new(),
        };
        let mut check = Check::new();
        let given = Some(punch.clone());
        let keys = nobodys_keys();
        let parsed = attendance::parse::punch(&mut check, &keys, "punch", Source::Live, None, given);
        check.done().map_err(|wrong| anyhow::anyhow!("{}", wrong.named()))?;
        let (_, parsed) = parsed.context("a punch that nobody can read")?;
        let bytes = attendance::signature::message(&CentreId::parse(&self.centre)?, &parsed);
        self.sign(punch.stamp.as_mut(), &bytes);
        Ok(Event::Punch(Box::new(punch)))
    }

    fn sign(&self, stamp: Option<&mut DeviceStamp>, bytes: &[u8]) {
        if let Some(stamp) = stamp {
            stamp.signature = self.key.sign(bytes).to_bytes().to_vec();
        }
    }
}

/// Reading an event hashes its credential under the server's keys. What is signed holds what was shown, never such a
/// hash: any keys will do.
fn nobodys_keys() -> Keys {
    Keys::new(&[0; 32], &[0; 32])
}

/// What the server answered to a live call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answer {
    /// Proof that it is in the log.
    pub(super) receipt: Receipt,
    /// Everything of the journal up to here has arrived.
    pub(super) through: u64,
    /// Not stored: its number stands for something else.
    pub(super) conflict: bool,
    /// What is odd about it.
    pub(super) flags: Vec<&'static str>,
    /// How the window is then.
    pub(super) state: Option<board_window::State>,
    /// The answer to a pause: what stands on the sign, where citizens are sent, from when on it counts.
    pub(super) told: Option<Told>,
}

/// What the answer to a pause tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Told {
    /// On the sign.
    pub(super) sign: LocalizedText,
    /// For citizens.
    pub(super) guidance: LocalizedText,
    /// Window codes.
    pub(super) windows: Vec<String>,
    /// It has to be approved, and counts from then on either way.
    pub(super) allowed_at: Option<EpochMs>,
}

/// An answer with the fields that most calls have under the same names.
macro_rules! answered {
    ($answer:ident) => {
        Answer {
            state: Some($answer.state()),
            flags: $answer.flags().map(|flag| flag.as_str_name()).collect(),
            through: $answer.contiguous_through,
            receipt: $answer.receipt.unwrap_or_default(),
            ..Answer::default()
        }
    };
}

/// Tells the server of one event by the call that is made for it.
pub(super) async fn live(link: &mut Link, centre: &str, event: &Event) -> Result<Answer, Trouble> {
    let centre = centre.to_owned();
    let duty = match event {
        Event::Punch(punch) => {
            let request = RecordPunchRequest {
                centre,
                request_id: punch.request_id.clone(),
                punch: Some((**punch).clone()),
                receipt_view: ReceiptView::Full.into(),
            };
            let call =
                async |channel, request| AttendanceServiceClient::new(channel).record_punch(request).await;
            let answer = link.ask(PATIENCE, request, call).await?;
            return Ok(Answer {
                conflict: answer.outcome() == Outcome::Conflict,
                flags: answer.flags().map(|flag| flag.as_str_name()).collect(),
                through: answer.contiguous_through,
                receipt: answer.receipt.unwrap_or_default(),
                ..Answer::default()
            });
        }
        Event::Duty(duty) => (**duty).clone(),
    };
    let DutyEvent { request_id, stamp, presented, window, what } = duty;
    let unlike = || Trouble::InDoubt("MALFORMED".to_owned());
    match what.ok_or_else(unlike)? {
        What::Open(Open {}) => {
            let request = OpenWindowRequest {
                centre,
                request_id,
                stamp,
                presented,
                window,
                ..OpenWindowRequest::default()
            };
            let call = async |channel, request| DutyServiceClient::new(channel).open_window(request).await;
            let answer = link.ask(PATIENCE, request, call).await?;
            Ok(answered!(answer))
        }
        What::Close(Close {}) => {
            let request = CloseWindowRequest {
                centre,
                request_id,
                stamp,
                presented,
                window,
                ..CloseWindowRequest::default()
            };
            let call = async |channel, request| DutyServiceClient::new(channel).close_window(request).await;
            let answer = link.ask(PATIENCE, request, call).await?;
            Ok(answered!(answer))
        }
        What::StartPause(start) => {
            let request = StartPauseRequest {
                centre,
                request_id,
                stamp,
                presented,
                window,
                subject: start.subject,
                reason: start.reason,
                expected_return_at: start.expected_return_at,
                sign_displayed: start.sign_displayed,
                sign_mode: start.sign_mode,
                leave_anyway: start.leave_anyway,
                leave_reason: start.leave_reason,
                ..StartPauseRequest::default()
            };
            let call = async |channel, request| DutyServiceClient::new(channel).start_pause(request).await;
            let answer = link.ask(PATIENCE, request, call).await?;
            let allowed =
                answer.allowed_at.filter(|_| answer.state() != start_pause_response::State::Started);
            let told = Told {
                allowed_at: allowed.and_then(|at| EpochMs::from_parts(at.seconds, at.nanos).ok()),
                sign: answer.sign_text.clone().unwrap_or_default(),
                guidance: answer.guidance_text.clone().unwrap_or_default(),
                windows: answer.target_windows.clone(),
            };
            Ok(Answer {
                flags: answer.flags().map(|flag| flag.as_str_name()).collect(),
                through: answer.contiguous_through,
                receipt: answer.receipt.unwrap_or_default(),
                told: Some(told),
                ..Answer::default()
            })
        }
        What::ExtendPause(extend) => {
            let request = ExtendPauseRequest {
                centre,
                request_id,
                stamp,
                presented,
                window,
                expected_return_at: extend.expected_return_at,
                ..ExtendPauseRequest::default()
            };
            let call = async |channel, request| DutyServiceClient::new(channel).extend_pause(request).await;
            let answer = link.ask(PATIENCE, request, call).await?;
            Ok(answered!(answer))
        }
        What::EndPause(End {}) => {
            let request = EndPauseRequest {
                centre,
                request_id,
                stamp,
                presented,
                window,
                ..EndPauseRequest::default()
            };
            let call = async |channel, request| DutyServiceClient::new(channel).end_pause(request).await;
            let answer = link.ask(PATIENCE, request, call).await?;
            Ok(answered!(answer))
        }
    }
}
