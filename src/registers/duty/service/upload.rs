//! `UploadDutyEvents`: what a terminal recorded while it was offline. One bad event never blocks the next.

use prost::Message;

use super::{Calls, verify};
use crate::access::Caller;
use crate::kernel::{Check, DeviceId, RequestId};
use crate::ledger::committer::Outcome as Stored;
use crate::ledger::port::Submission;
use crate::proto::upload_duty_events_response::Result as Item;
use crate::proto::{DutyEvent, Outcome, ReceiptView, UploadDutyEventsRequest, UploadDutyEventsResponse};
use crate::registers::attendance::service::upload::why_not;
use crate::registers::desk::Written;
use crate::registers::duty::fact::{Command, Deed, duties, flags_of, quarantined};
use crate::registers::duty::parse;
use crate::registers::duty::view::{UPLOAD_BYTES_MOST, UPLOAD_ITEMS_MOST};
use crate::registers::failure::Failure;
use crate::registers::rulebook::author;
use crate::registers::wire;

type Parsed = Result<(RequestId, Deed), Item>;

impl Calls {
    /// `UploadDutyEvents`.
    pub async fn upload_duty_events(
        &self,
        caller: &Caller,
        request: UploadDutyEventsRequest,
    ) -> Result<UploadDutyEventsResponse, Failure> {
        let most = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        if request.events.len() > most(UPLOAD_ITEMS_MOST) || request.encoded_len() > most(UPLOAD_BYTES_MOST) {
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
        let parsed: Vec<Parsed> = request.events.into_iter().map(|given| self.item(&device, given)).collect();
        let submissions = parsed
            .iter()
            .filter_map(|item| item.as_ref().ok())
            .map(|(request_id, deed)| {
                let mut deed = deed.clone();
                verify(&place, &mut deed);
                Submission {
                    log: place.log,
                    request_id: *request_id,
                    author: author(&place.pass),
                    command: Command::deed(deed).into(),
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
                    other => {
                        let (outcome, reason) = why_not(other.and_then(Result::err).as_ref());
                        Item {
                            request_id: request_id.to_string(),
                            outcome: outcome.into(),
                            reason: reason.to_owned(),
                            ..Item::default()
                        }
                    }
                },
            });
        }
        Ok(UploadDutyEventsResponse {
            results,
            checkpoint: self.desk.checkpoint(place.log).await?,
            server_time: Some(wire::timestamp(self.desk.now())),
            contiguous_through: self.desk.through(&place, &device).await?,
        })
    }

    fn item(&self, device: &DeviceId, given: DutyEvent) -> Parsed {
        let said = given.request_id.clone();
        let rejected = |reason: String| Item {
            request_id: said.clone(),
            outcome: Outcome::Rejected.into(),
            reason,
            ..Item::default()
        };
        let mut check = Check::new();
        let event = parse::event(&mut check, self.desk.registers().keys(), given);
        if let Err(wrong) = check.done() {
            return Err(rejected(wrong.named()));
        }
        match event {
            Some((_, deed)) if deed.stamp.as_ref().is_none_or(|stamp| stamp.device != *device) => {
                Err(rejected("ANOTHER_DEVICE".to_owned()))
            }
            Some(parsed) => Ok(parsed),
            None => Err(rejected("MALFORMED".to_owned())),
        }
    }
}

fn answered(request_id: RequestId, written: &Written) -> Item {
    let fact = duties(&written.facts).next();
    let odd = fact.and_then(quarantined);
    let (outcome, reason) = match written.outcome {
        Stored::Accepted => match odd {
            Some(flag) => (Outcome::Quarantined, flag.as_str_name()),
            None => (Outcome::Accepted, ""),
        },
        Stored::Repeat => (Outcome::Duplicate, ""),
        Stored::Conflict => (Outcome::Conflict, "JOURNAL_NUMBER_REUSED"),
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
