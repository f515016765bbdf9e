//! `BatchPutPeople`: up to 1,000 people, a command each, each answered for itself.

use std::sync::Arc;

use super::{Calls, outcome, parse};
use crate::access::Caller;
use crate::kernel::{Check, Pos, Reason, RequestId};
use crate::ledger::port::Submission;
use crate::proto::batch_put_people_response::Result as Item;
use crate::proto::{BatchPutPeopleRequest, BatchPutPeopleResponse, Outcome, ReceiptView};
use crate::registers::desk::Place;
use crate::registers::directory::admit::{Seen, admit};
use crate::registers::directory::fact::{Command, Record};
use crate::registers::failure::Failure;
use crate::registers::rulebook::author;
use crate::registers::verdict::Moment;
use crate::registers::wire;

/// Items of one call.
const MOST: usize = 1_000;

type Parsed = Result<(RequestId, Command), Item>;

impl Calls {
    /// `BatchPutPeople`.
    pub async fn batch_put_people(
        &self,
        caller: &Caller,
        request: BatchPutPeopleRequest,
    ) -> Result<BatchPutPeopleResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        wire::request_id(&mut check, &request.request_id);
        check.done()?;
        let Some(centre) = centre else { return Err(Failure::Fault("PARSE")) };
        if request.people.len() > MOST {
            return Err(Failure::TooLarge);
        }
        let place = self.desk.enter_to_read(caller, &centre).await?;
        let parsed: Vec<Parsed> = request.people.into_iter().map(item).collect();
        if request.dry_run {
            let results = parsed.into_iter().map(|item| self.rehearse(&place, item)).collect();
            return Ok(BatchPutPeopleResponse { results, checkpoint: String::new() });
        }
        let submissions = parsed
            .iter()
            .filter_map(|item| item.as_ref().ok())
            .map(|(request_id, command)| Submission {
                log: place.log,
                request_id: *request_id,
                author: author(&place.pass),
                command: command.clone().into(),
            })
            .collect();
        let mut answers = self.desk.ledger().submit_all(submissions).await?.into_iter();
        let mut results = Vec::with_capacity(parsed.len());
        for item in parsed {
            results.push(match item {
                Err(refused) => refused,
                Ok((request_id, _)) => match answers.next() {
                    Some(Ok(reply)) => {
                        let written = self.desk.written(reply, ReceiptView::Compact).await?;
                        Item {
                            outcome: outcome(&written).into(),
                            entry_index: written.index,
                            person_id: person_id(&written.facts),
                            leaf: written.leaf,
                            ..answer(request_id)
                        }
                    }
                    Some(Err(error)) => failed(request_id, error.into()),
                    None => failed(request_id, Failure::InDoubt),
                },
            });
        }
        let reader = self.desk.ledger().reader();
        let (head, epoch) = reader.head(place.log).await?;
        let checkpoint = reader.checkpoint(place.log, head.epoch, head.size).await?;
        let checkpoint = reader.note(place.log, &epoch.origin, &checkpoint)?;
        Ok(BatchPutPeopleResponse { results, checkpoint })
    }

    /// What would become of an item, as far as can be told before anything is written.
    fn rehearse(&self, place: &Place, item: Parsed) -> Item {
        let (request_id, command) = match item {
            Ok(parsed) => parsed,
            Err(refused) => return refused,
        };
        let principal = place.pass.subject().to_string();
        let moment = Moment {
            log: place.log,
            centre: &place.centre,
            base: Pos::ZERO,
            pos: place.own.config_pos,
            at: self.desk.now(),
            last: self.desk.now(),
            principal: &principal,
            random: [0; 16],
        };
        match admit(&command, Seen { deployment: &place.deployment, own: &place.own }, &moment) {
            Ok(_) => Item { outcome: Outcome::Accepted.into(), ..answer(request_id) },
            Err(reason) => failed(request_id, Failure::Refused(reason)),
        }
    }
}

fn item(given: crate::proto::batch_put_people_request::Item) -> Parsed {
    let mut check = Check::new();
    let request_id = wire::request_id(&mut check, &given.request_id);
    let person = parse::person(&mut check, "person", given.person);
    let wrong = check.done().err();
    match (wrong, request_id, person) {
        (None, Some(request_id), Some((record, personal))) => {
            Ok((request_id, Command::Put { record, personal }))
        }
        (wrong, _, _) => Err(Item {
            request_id: given.request_id,
            outcome: Outcome::Rejected.into(),
            reason: wrong.map_or_else(String::new, |wrong| wrong.named()),
            ..Item::default()
        }),
    }
}

fn answer(request_id: RequestId) -> Item {
    Item { request_id: request_id.to_string(), ..Item::default() }
}

fn failed(request_id: RequestId, failure: Failure) -> Item {
    let (outcome, reason) = match failure {
        Failure::Refused(reason) => (Outcome::Rejected, code(&reason)),
        Failure::RequestIdReused => (Outcome::Conflict, "REQUEST_ID_REUSED"),
        Failure::Denied(_) | Failure::NotProven => (Outcome::Rejected, "DENIED"),
        Failure::Invalid(_) | Failure::NotFound(_) | Failure::CursorExpired | Failure::TooLarge => {
            (Outcome::Rejected, "INVALID")
        }
        Failure::Overloaded => (Outcome::Retry, "OVERLOADED"),
        Failure::DiskFull => (Outcome::Retry, "DISK_FULL"),
        Failure::InDoubt => (Outcome::Retry, "IN_DOUBT"),
        Failure::Unavailable(what) | Failure::Fault(what) => (Outcome::Retry, what),
    };
    Item { outcome: outcome.into(), reason: reason.to_owned(), ..answer(request_id) }
}

fn code(reason: &Arc<dyn Reason>) -> &'static str {
    reason.code()
}

fn person_id(facts: &[crate::proto::Fact]) -> String {
    facts
        .iter()
        .find_map(|fact| match Record::from_fact(fact) {
            Some(Record::Person(person)) => Some(person.person_id),
            _ => None,
        })
        .unwrap_or_default()
}
