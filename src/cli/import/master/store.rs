//! Hands in what was judged, as the local administrator.

use anyhow::ensure;

use super::became::Fate;
use super::stage::Stage;
use super::wrong::Wrong;
use crate::cli::office::{Office, explain};
use crate::clock::random;
use crate::kernel::{LogId, RequestId};
use crate::ledger::committer::{Reply, SubmitError};
use crate::ledger::port::Submission;
use crate::registers::rulebook::{Command, Detail, local_administrator};

/// Commands handed in at once: one upload's worth.
const BATCH: usize = 1_000;

/// Is anything written?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Turn {
    /// Nothing: it is only said what would become of each line.
    Rehearse,
    /// What is judged to be good.
    Store,
}

/// Lines by their places, and what they ask for together.
pub(super) type Planned = (Vec<usize>, Command);

/// An id for a command that is recognised by what stands, not by its id.
pub(super) fn fresh_id(office: &Office) -> RequestId {
    RequestId::random(random(&*office.clock))
}

/// Commands, and for each its answer or the refusal of the rule. Anything else ends the import: what stands is recognised
/// when it is run again.
pub(super) async fn hand_in(
    office: &Office,
    commands: Vec<(LogId, RequestId, Command)>,
) -> anyhow::Result<Vec<Result<Reply<Detail>, Wrong>>> {
    let count = commands.len();
    let mut submissions: Vec<Submission<Command>> = commands
        .into_iter()
        .map(|(log, request_id, command)| Submission {
            log,
            request_id,
            author: local_administrator(),
            command,
        })
        .collect();
    let mut answers = Vec::with_capacity(count);
    while !submissions.is_empty() {
        let rest = submissions.split_off(submissions.len().min(BATCH));
        for answer in office.desk.ledger().submit_all(std::mem::replace(&mut submissions, rest)).await? {
            answers.push(match answer {
                Ok(reply) => Ok(reply),
                Err(SubmitError::Refused(reason)) => Err(Wrong::rule(&reason)),
                Err(error) => return Err(explain(error.into())),
            });
        }
    }
    ensure!(answers.len() == count, "not every command was answered");
    Ok(answers)
}

/// Commands for the centre's log. The rule judges them again: who wrote in between may have made a line wrong.
pub(super) async fn store(
    stage: &Stage<'_>,
    planned: Vec<Planned>,
    fates: &mut [(u64, Fate)],
) -> anyhow::Result<()> {
    let id = || fresh_id(stage.office);
    let (lines, commands): (Vec<_>, Vec<_>) =
        planned.into_iter().map(|(lines, command)| (lines, (stage.log, id(), command))).unzip();
    for (lines, answer) in lines.into_iter().zip(hand_in(stage.office, commands).await?) {
        if let Err(wrong) = answer {
            refuse(fates, &lines, &wrong);
        }
    }
    Ok(())
}

/// Refuses lines for one reason.
pub(super) fn refuse(fates: &mut [(u64, Fate)], lines: &[usize], wrong: &Wrong) {
    for at in lines {
        if let Some((_, fate)) = fates.get_mut(*at) {
            *fate = Fate::Wrong(wrong.clone());
        }
    }
}
