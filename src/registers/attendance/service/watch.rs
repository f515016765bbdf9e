//! The task that watches devices' contacts and has what is new put on record (rule R5). Any replica may run it: of two
//! that notice the same, the rule refuses the second.

use std::collections::BTreeMap;
use std::time::Duration;

use prost::Message;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::kernel::LogId;
use crate::ledger::committer::{Lane, SubmitError};
use crate::ledger::port::Submission;
use crate::proto::CoverageFact;
use crate::registers::attendance::contact::Contact;
use crate::registers::attendance::coverage::{self, Proposal};
use crate::registers::attendance::fact::Command;
use crate::registers::derivation::server_id;
use crate::registers::desk::Desk;
use crate::registers::failure::Failure;
use crate::registers::kind;
use crate::registers::rulebook::server;

/// A silence of two minutes is noticed within 2 s.
const LOOK: Duration = Duration::from_secs(2);

/// Starts watching; ends when the task is aborted.
pub fn start(desk: Desk) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = round(&desk).await {
                tracing::warn!(code = "COVERAGE_ROUND_FAILED", %error, "will be tried again");
            }
        }
    })
}

/// Looks once at every device of every centre.
pub async fn round(desk: &Desk) -> Result<(), Failure> {
    let now = desk.now();
    let mut logs: BTreeMap<LogId, Vec<Contact>> = BTreeMap::new();
    for (log, contact) in desk.registers().attendance.reporting(desk.store(), now).await? {
        logs.entry(log).or_default().push(contact);
    }
    for (log, contacts) in logs {
        let (known, epoch) = desk.devices(log).await?;
        let mut proposals = Vec::new();
        let mut due = Vec::new();
        for contact in contacts {
            let through = known.accounted_through(contact.device.as_str(), contact.journal);
            if let Some(one) = coverage::due(known.covered(contact.device.as_str()), &contact, through, now) {
                proposals.push(Proposal { contact, item: one.item.clone() });
                due.push(one);
            }
        }
        let devices = coverage::worth_recording(due);
        if devices.is_empty() {
            continue;
        }
        let content = CoverageFact { devices }.encode_to_vec();
        let submission = Submission {
            log,
            request_id: server_id(kind::COVERAGE, &epoch.origin, &content),
            author: server("coverage"),
            command: Command::Coverage(proposals).into(),
        };
        match desk.ledger().submit(submission, Lane::Live).await {
            // Refused: another replica was first.
            Ok(_) | Err(SubmitError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
