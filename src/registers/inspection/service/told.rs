//! Inspections as messages.

use std::collections::HashMap;

use crate::kernel::{EpochMs, Pos};
use crate::proto::inspection::{Decision, Reply, Snapshot};
use crate::proto::{Inspection, InspectionPersonal};
use crate::registers::attendance::service::Indexes;
use crate::registers::inspection::standing::{Course, explained};
use crate::registers::wire::timestamp;

/// An inspection as it stands at an instant; with words only where they were read on record.
pub(super) fn inspection(
    course: &Course,
    indexes: &Indexes,
    at: EpochMs,
    said: Option<&HashMap<Pos, InspectionPersonal>>,
) -> Inspection {
    let fact = &course.fact;
    let said = |pos: Pos| said.and_then(|said| said.get(&pos)).cloned().unwrap_or_default();
    let InspectionPersonal { words, evidence_note } = said(course.pos);
    let snapshot = fact.snapshot.clone().map(|snapshot| Snapshot {
        pause: fact.pause.map(|pause| indexes.of(Pos::new(pause))),
        log_size: indexes.of(Pos::new(fact.known)),
        ..snapshot
    });
    let replies = course.replies().map(|reply| Reply {
        at: Some(timestamp(reply.recorded)),
        words: said(reply.pos).words,
        entry_index: indexes.of(reply.pos),
    });
    let decision = course.decision().map(|(event, decision)| Decision {
        outcome: decision.outcome,
        publish: decision.publish,
        decided_by: event.principal.clone(),
        at: Some(timestamp(event.recorded)),
        reason: said(event.pos).words,
        entry_index: indexes.of(event.pos),
    });
    Inspection {
        inspection: indexes.of(course.pos),
        clause: fact.clause.clone(),
        finding: fact.finding,
        source: fact.source,
        at: Some(timestamp(EpochMs::clamped(fact.at_ms))),
        window: fact.window.clone(),
        person_id: fact.person_id.clone(),
        inspector: course.principal.clone(),
        recorded_at: Some(timestamp(course.recorded)),
        words,
        evidence_digest: fact.evidence_digest.clone(),
        evidence_note,
        snapshot,
        explained: explained(fact),
        reply_until: course.reply_until().map(timestamp),
        state: course.state(at).into(),
        replies: replies.collect(),
        decision,
    }
}
