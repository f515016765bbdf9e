//! `UploadPunches`: a device's journal after an outage. One bad item never blocks the next (rule R3).

use prost::Message;

use super::{Calls, outcome, verify};
use crate::access::Caller;
use crate::kernel::{Check, DeviceId, RequestId};
use crate::ledger::committer::SubmitError;
use crate::ledger::port::Submission;
use crate::proto::upload_punches_response::Result as Item;
use crate::proto::{Outcome, ReceiptView, UploadPunchesRequest, UploadPunchesResponse};
use crate::registers::attendance::fact::{Command, Punch, Source, flags_of, punch_of, quarantined};
use crate::registers::attendance::parse;
use crate::registers::attendance::view::{UPLOAD_BYTES_MOST, UPLOAD_ITEMS_MOST};
use crate::registers::desk::Written;
use crate::registers::failure::Failure;
use crate::registers::rulebook::author;
use crate::registers::wire;

type Parsed = Result<(RequestId, Punch), Item>;

impl Calls {
    /// `UploadPunches`.
    pub async fn upload_punches(
        &self,
        caller: &Caller,
        request: UploadPunchesRequest,
    ) -> Result<UploadPunchesResponse, Failure> {
        let most = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        if request.punches.len() > most(UPLOAD_ITEMS_MOST) || request.encoded_len() > most(UPLOAD_BYTES_MOST)
        {
            return Err(Failure::TooLarge);
        }
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        wire::request_id(&mut check, &request.request_id);
        let device = check.take("device", DeviceId::parse(&request.device));
        check.done()?;
        let (Some(centre), Some(device)) = (centre, device) else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk.enter(caller, &centre).await?;
        place.pass.device(&device)?;
        let parsed: Vec<Parsed> =
            request.punches.into_iter().map(|given| self.item(&device, given)).collect();
        let submissions = parsed
            .iter()
            .filter_map(|item| item.as_ref().ok())
            .map(|(request_id, punch)| {
                let mut punch = punch.clone();
                verify(&place, &mut punch);
                Submission {
                    log: place.log,
                    request_id: *request_id,
                    author: author(&place.pass),
                    command: Command::punch(punch).into(),
                }
            })
            .collect();
        let mut answers = self.desk.ledger().submit_all(submissions).await?.into_iter();
        let mut results = Vec::with_capacity(parsed.len());
        for item in parsed {
            results.push(match item {
                Err(refused) => refused,
                Ok((request_id, _)) => match answers.next() {
                    Some(Ok(reply)) => {
                        answered(request_id, &self.desk.written(reply, ReceiptView::Compact).await?)
                    }
                    Some(Err(error)) => failed(request_id, &error),
                    None => failed(request_id, &SubmitError::InDoubt),
                },
            });
        }
        Ok(UploadPunchesResponse {
            results,
            checkpoint: self.desk.checkpoint(place.log).await?,
            server_time: Some(wire::timestamp(self.desk.now())),
            contiguous_through: self.desk.through(&place, &device).await?,
        })
    }

    fn item(&self, device: &DeviceId, given: crate::proto::Punch) -> Parsed {
        let said = given.request_id.clone();
        let rejected = |reason: String| Item {
            request_id: said.clone(),
            outcome: Outcome::Rejected.into(),
            reason,
            ..Item::default()
        };
        let mut check = Check::new();
        let keys = self.desk.registers().keys();
        let punch = parse::punch(&mut check, keys, "punch", Source::Upload, None, Some(given));
        if let Err(wrong) = check.done() {
            return Err(rejected(wrong.named()));
        }
        match punch {
            Some((_, punch)) if punch.stamp.device != *device => Err(rejected("ANOTHER_DEVICE".to_owned())),
            Some(parsed) => Ok(parsed),
            None => Err(rejected("MALFORMED".to_owned())),
        }
    }
}

fn answered(request_id: RequestId, written: &Written) -> Item {
    let fact = punch_of(&written.facts);
    let outcome = outcome(written.outcome, fact);
    let reason = match outcome {
        Outcome::Quarantined => fact.and_then(quarantined).map(|flag| flag.as_str_name()).unwrap_or_default(),
        Outcome::Conflict => "JOURNAL_NUMBER_REUSED",
        Outcome::Accepted
        | Outcome::Duplicate
        | Outcome::Rejected
        | Outcome::Retry
        | Outcome::Unspecified => "",
    };
    Item {
        request_id: request_id.to_string(),
        outcome: outcome.into(),
        reason: reason.to_owned(),
        entry_index: written.index,
        leaf: written.leaf.clone(),
        flags: fact.map(flags_of).unwrap_or_default().into_iter().map(Into::into).collect(),
    }
}

fn failed(request_id: RequestId, error: &SubmitError) -> Item {
    let (outcome, reason) = why_not(Some(error));
    Item {
        request_id: request_id.to_string(),
        outcome: outcome.into(),
        reason: reason.to_owned(),
        ..Item::default()
    }
}

/// What an item is answered that does not stand in the log; without an error nobody knows whether it does.
pub(crate) fn why_not(error: Option<&SubmitError>) -> (Outcome, &'static str) {
    match error.unwrap_or(&SubmitError::InDoubt) {
        SubmitError::Refused(reason) => (Outcome::Rejected, reason.code()),
        SubmitError::RequestIdReused => (Outcome::Conflict, "REQUEST_ID_REUSED"),
        SubmitError::PassGone => (Outcome::Rejected, "DENIED"),
        SubmitError::Overloaded => (Outcome::Retry, "OVERLOADED"),
        SubmitError::Head(_) => (Outcome::Retry, "HEAD"),
        SubmitError::Clock(_) => (Outcome::Retry, "CLOCK"),
        SubmitError::Unavailable => (Outcome::Retry, "STORE"),
        SubmitError::DiskFull => (Outcome::Retry, "DISK_FULL"),
        SubmitError::InDoubt => (Outcome::Retry, "IN_DOUBT"),
        SubmitError::Tampered => (Outcome::Retry, "TAMPERED"),
        SubmitError::Fault => (Outcome::Retry, "FAULT"),
    }
}
