//! Messages to commands: every violation at once, with its field.

use super::catalogue;
use super::fact::{Command, Found};
use crate::kernel::{Check, PersonId, Pos, Said, WindowId, Words};
use crate::proto::inspection::{Finding, Outcome, Source};
use crate::proto::{
    DecideInspectionRequest, InspectionPersonal, RecordInspectionRequest, RespondToInspectionRequest,
};
use crate::registers::wire;

/// Bytes of SHA-256.
const DIGEST_BYTES: usize = 32;

/// A text that may be left out: no code, no words are empty ones.
fn optional<T>(given: &str, parsed: impl FnOnce(&str) -> Option<T>) -> bool {
    given.is_empty() || parsed(given).is_some()
}

/// What somebody found.
pub fn found(check: &mut Check, given: &RecordInspectionRequest) -> Option<Found> {
    let finding = wire::named::<Finding>(check, "finding", given.finding);
    let source = wire::named::<Source>(check, "source", given.source);
    let clause = catalogue::clause(&given.clause);
    match (clause, finding) {
        (None, _) => check.refuse(
            "clause",
            "NO_SUCH_CLAUSE",
            Said::new("不是规范中的条款", "is no clause of the standard"),
        ),
        (Some(clause), Some(finding)) if !catalogue::fits(clause, finding) => check.refuse(
            "finding",
            "NOT_OF_THIS_CLAUSE",
            Said::new("与所引条款不符", "does not fit the clause that is cited"),
        ),
        (Some(_), _) => {}
    }
    let at = match &given.at {
        None => Some(None),
        Some(at) => wire::instant(check, "at", Some(at)).map(Some),
    };
    let window = optional(&given.window, |code| check.take("window", WindowId::parse(code)));
    let person = optional(&given.person_id, |id| check.take("person_id", PersonId::parse(id)));
    if given.window.is_empty() && given.person_id.is_empty() {
        check.refuse("window", "MISSING", Said::new("须指明窗口或人员", "or a person has to be named"));
        return None;
    }
    let words = optional(&given.words, |words| check.take("words", Words::parse(words)));
    if finding == Some(Finding::OtherFinding) && given.words.is_empty() {
        check.refuse("words", "MISSING", Said::new("须说明情况", "has to say what was found"));
        return None;
    }
    let note = optional(&given.evidence_note, |note| check.take("evidence_note", Words::parse(note)));
    let needed = matches!(source, Some(Source::Video | Source::AiAlert));
    let digest = match given.evidence_digest.len() {
        DIGEST_BYTES => true,
        0 if !needed => true,
        0 => {
            let said = Said::new("录像和预警须附证据摘要", "is needed for a recording or an alert");
            check.refuse("evidence_digest", "MISSING", said);
            false
        }
        _ => {
            let said = Said::new("应为 32 字节", "must be a digest of 32 bytes");
            check.refuse("evidence_digest", "NOT_A_DIGEST", said);
            false
        }
    };
    let found = Found {
        clause: clause?.code.clone(),
        finding: finding?,
        source: source?,
        at: at?,
        window: given.window.clone(),
        person_id: given.person_id.clone(),
        evidence_digest: given.evidence_digest.clone(),
        personal: InspectionPersonal {
            words: given.words.clone(),
            evidence_note: given.evidence_note.clone(),
        },
    };
    (window && person && words && note && digest).then_some(found)
}

/// A reply.
pub fn reply(check: &mut Check, given: &RespondToInspectionRequest) -> Option<Command> {
    let words = check.take("words", Words::parse(&given.words))?;
    Some(Command::Reply { inspection: Pos::new(given.inspection), words })
}

/// A decision.
pub fn decision(check: &mut Check, given: &DecideInspectionRequest) -> Option<Command> {
    let outcome = wire::named::<Outcome>(check, "outcome", given.outcome);
    let reason = check.take("reason", Words::parse(&given.reason));
    if given.publish && outcome == Some(Outcome::NoneWarranted) {
        let said = Said::new("不予处理的不通报", "has nothing to publish where nothing is warranted");
        check.refuse("publish", "NOTHING_TO_PUBLISH", said);
        return None;
    }
    Some(Command::Decide {
        inspection: Pos::new(given.inspection),
        outcome: outcome?,
        publish: given.publish,
        reason: reason?,
    })
}
