//! What a bench writes without a call: commands of the local administrator, and the stamps of terminals in them.

use crate::cli::office::{Office, explain};
use crate::clock::random;
use crate::kernel::{DeviceId, EpochMs, Label, LogId, RequestId};
use crate::ledger::port::Submission;
use crate::registers::attendance::fact::Stamp;
use crate::registers::rulebook::{Command, local_administrator};

/// Commands handed in at once.
const AT_ONCE: usize = 1_000;

/// Gives commands to a log, in their order. One that is refused is an error.
pub(super) async fn submit(office: &Office, log: LogId, commands: Vec<Command>) -> anyhow::Result<()> {
    let mut commands = commands.into_iter().peekable();
    while commands.peek().is_some() {
        let submission = |command| Submission {
            log,
            request_id: RequestId::random(random(&*office.clock)),
            author: local_administrator(),
            command,
        };
        let batch = commands.by_ref().take(AT_ONCE).map(submission).collect();
        for answer in office.desk.ledger().submit_all(batch).await? {
            answer.map_err(|error| explain(error.into()))?;
        }
    }
    Ok(())
}

/// What a terminal that was started at `began` puts beside its next event.
pub(super) fn stamp(device: &str, seq: u64, now: EpochMs, began: EpochMs) -> anyhow::Result<Stamp> {
    Ok(Stamp {
        device: DeviceId::parse(device)?,
        seq,
        boot_id: label("boot-1")?,
        mono_ms: now.since(began).max(0).unsigned_abs(),
        claimed: now,
        signature: Vec::new(),
    })
}

/// A label that is known to be one.
pub(super) fn label(text: &str) -> anyhow::Result<Label> {
    Label::parse(text).map_err(|(code, _)| anyhow::anyhow!("{code}"))
}
