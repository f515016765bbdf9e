//! Requests to valid facts of the approvals: every violation at once, with its field.

use std::collections::BTreeSet;

use super::fact::Asked;
use crate::kernel::{Check, EpochMs, Label, PersonId, Said, Words};
use crate::proto::correction::{Reason, Slot};
use crate::proto::{
    ApprovalPersonal, ApprovalStep, Correction, CorrectionFact, Delegation, DelegationFact, ExternalApproval,
    Leave, LeaveFact, ManualRoll, ManualRollFact, RequestSwapRequest, SwapFact, approval_step,
    correction_fact, leave, manual_roll_fact,
};
use crate::registers::wire;

/// The longest leave, and the longest delegation: 400 days.
const LONGEST_MS: i64 = 34_560_000_000;
/// The most attachments of one request, and the most approvers of another system.
const FEW_MOST: usize = 10;
/// The most corrections of an outage, and the most lines of a manual roll.
const MANY_MOST: usize = 500;
/// The most spans of a day.
const SPANS_MOST: i32 = 8;
/// Bytes of SHA-256.
const DIGEST_BYTES: usize = 32;

/// From and until, in order and not too far apart.
fn stretch(
    check: &mut Check,
    path: &str,
    from: Option<&prost_types::Timestamp>,
    until: Option<&prost_types::Timestamp>,
) -> Option<(EpochMs, EpochMs)> {
    let from = wire::instant(check, &format!("{path}from"), from);
    let until = wire::instant(check, &format!("{path}until"), until);
    let (from, until) = from.zip(until)?;
    if !(1..=LONGEST_MS).contains(&until.since(from)) {
        let said =
            Said::new("须晚于开始时间，最长 400 天", "must be after the beginning, by at most 400 days");
        check.refuse(format!("{path}until"), "OUT_OF_RANGE", said);
        return None;
    }
    Some((from, until))
}

/// A person, or whoever calls where none is named.
fn person(check: &mut Check, field: String, given: &str, own: Option<&PersonId>) -> Option<String> {
    match (given, own) {
        ("", Some(own)) => Some(own.to_string()),
        (given, _) => check.take(field, PersonId::parse(given)).map(|person| person.to_string()),
    }
}

fn digests(check: &mut Check, field: &str, given: &[Vec<u8>]) -> bool {
    let good = given.len() <= FEW_MOST && given.iter().all(|digest| digest.len() == DIGEST_BYTES);
    if !good {
        let said = Said::new("至多 10 项，每项 32 字节", "may have at most 10 digests of 32 bytes each");
        check.refuse(field, "NOT_A_DIGEST", said);
    }
    good
}

/// Leave that is asked for; of whoever calls where nobody is named.
pub fn leave(
    check: &mut Check,
    given: Option<Leave>,
    own: Option<&PersonId>,
) -> Option<(Asked, ApprovalPersonal)> {
    let given = check.require("leave", given)?;
    let person_id = person(check, "leave.person_id".to_owned(), &given.person_id, own);
    let kind = wire::named::<leave::Kind>(check, "leave.kind", given.kind);
    let stretch = stretch(check, "leave.", given.from.as_ref(), given.until.as_ref());
    let reason = check.take("leave.reason", Words::parse(&given.reason));
    let destination = check.take("leave.destination", Label::parse(&given.destination));
    let contact = check.take("leave.contact", Label::parse(&given.contact));
    let b_post = match given.b_post_person_id.as_str() {
        "" => Some(String::new()),
        named => person(check, "leave.b_post_person_id".to_owned(), named, None),
    };
    let digests = digests(check, "leave.attachment_digests", &given.attachment_digests);
    let (from, until) = stretch?;
    let fact = LeaveFact {
        person_id: person_id?,
        kind: kind?.into(),
        from_ms: from.get(),
        until_ms: until.get(),
        b_post_person_id: b_post?,
        attachment_digests: given.attachment_digests,
        ..LeaveFact::default()
    };
    let said = ApprovalPersonal {
        reason: reason?.as_str().to_owned(),
        destination: destination?.as_str().to_owned(),
        contact: contact?.as_str().to_owned(),
        ..ApprovalPersonal::default()
    };
    digests.then_some((Asked::Leave(fact), said))
}

/// What `RecordLeave` tells of leave.
#[derive(Debug)]
pub struct Recorded<'a> {
    /// Whose.
    pub person_id: &'a str,
    /// What for.
    pub kind: i32,
    /// From when on.
    pub from: Option<&'a prost_types::Timestamp>,
    /// Until when.
    pub until: Option<&'a prost_types::Timestamp>,
    /// Who approved it, and where.
    pub external: Option<ExternalApproval>,
}

/// Leave that was approved in another system.
pub fn recorded_leave(check: &mut Check, given: Recorded<'_>) -> Option<(Asked, ApprovalPersonal)> {
    let person_id = person(check, "person_id".to_owned(), given.person_id, None);
    let kind = wire::named::<leave::Kind>(check, "kind", given.kind);
    let stretch = stretch(check, "", given.from, given.until);
    let external = check.require("external_approval", given.external)?;
    let field = |name: &str| format!("external_approval.{name}");
    let system = check.take(field("system"), crate::kernel::DepartmentId::parse(&external.system));
    let reference = check.take(field("ref"), Label::parse(&external.r#ref));
    let decided = wire::instant(check, &field("decided_at"), external.decided_at.as_ref());
    let mut good = external.approvers.len() <= FEW_MOST;
    if !good {
        check.refuse(field("approvers"), "COUNT", Said::new("至多 10 人", "may have at most 10 items"));
    }
    for (at, approver) in external.approvers.iter().take(FEW_MOST).enumerate() {
        good &= check.take(format!("{}[{at}]", field("approvers")), Label::parse(approver)).is_some();
    }
    let (from, until) = stretch?;
    let fact = LeaveFact {
        person_id: person_id?,
        kind: kind?.into(),
        from_ms: from.get(),
        until_ms: until.get(),
        external_system: system?.to_string(),
        external_decided_ms: decided?.get(),
        ..LeaveFact::default()
    };
    let said = ApprovalPersonal {
        external_ref: reference?.as_str().to_owned(),
        external_approvers: external.approvers,
        ..ApprovalPersonal::default()
    };
    good.then_some((Asked::Leave(fact), said))
}

/// Corrections: one, or those of an outage.
pub fn corrections(
    check: &mut Check,
    given: &[Correction],
    outage: Option<u64>,
    own: Option<&PersonId>,
) -> Option<Vec<correction_fact::Item>> {
    let most = if outage.is_some() { MANY_MOST } else { 1 };
    if !(1..=most).contains(&given.len()) {
        let zh = format!("应有 1 至 {most} 项；多项须指明设备故障登记");
        let en = format!("must have 1 to {most} items; several only for an outage");
        check.refuse("corrections", "COUNT", Said::new(zh, en));
        return None;
    }
    let mut slots = BTreeSet::new();
    let items = given.iter().enumerate().map(|(at, item)| {
        let item = correction(check, &format!("corrections[{at}]"), item, own)?;
        if !slots.insert((item.person_id.clone(), item.claimed_ms, item.slot)) {
            check.refuse(format!("corrections[{at}]"), "TWICE", Said::new("重复", "stands there already"));
            return None;
        }
        Some(item)
    });
    // All of them are looked at before one that is wrong ends it.
    let items: Vec<Option<correction_fact::Item>> = items.collect();
    items.into_iter().collect()
}

fn correction(
    check: &mut Check,
    path: &str,
    given: &Correction,
    own: Option<&PersonId>,
) -> Option<correction_fact::Item> {
    let person_id = person(check, format!("{path}.person_id"), &given.person_id, own);
    let work_date = wire::day(check, &format!("{path}.work_date"), given.work_date.as_ref());
    let slot = wire::named::<Slot>(check, &format!("{path}.slot"), given.slot);
    let claimed = wire::instant(check, &format!("{path}.claimed_at"), given.claimed_at.as_ref());
    let reason = wire::named::<Reason>(check, &format!("{path}.reason"), given.reason);
    let span = (1..=SPANS_MOST).contains(&given.span);
    if !span {
        check.refuse(format!("{path}.span"), "OUT_OF_RANGE", Said::new("应为 1 至 8", "must be 1 to 8"));
    }
    Some(correction_fact::Item {
        person_id: person_id?,
        work_date: Some(wire::date(work_date?)),
        span: Some(given.span).filter(|_| span)?,
        slot: slot?.into(),
        claimed_ms: claimed?.get(),
        reason: reason?.into(),
    })
}

/// A request for corrections.
pub fn correction_request(
    check: &mut Check,
    (items, outage): (Option<Vec<correction_fact::Item>>, Option<u64>),
    explanation: &str,
    evidence_digest: &[u8],
) -> Option<(Asked, ApprovalPersonal)> {
    let explanation = check.take("explanation", Words::parse(explanation));
    let evidence = [0, DIGEST_BYTES].contains(&evidence_digest.len());
    if !evidence {
        let said = Said::new("应为 32 字节", "must be a digest of 32 bytes");
        check.refuse("evidence_digest", "NOT_A_DIGEST", said);
    }
    let fact = CorrectionFact {
        items: items?,
        outage,
        evidence_digest: evidence_digest.to_vec(),
        steps: Vec::new(),
    };
    let said = ApprovalPersonal { reason: explanation?.as_str().to_owned(), ..ApprovalPersonal::default() };
    evidence.then_some((Asked::Correction(fact), said))
}

/// A manual roll.
pub fn manual_roll(
    check: &mut Check,
    given: Option<ManualRoll>,
    reason: &str,
) -> Option<(Asked, ApprovalPersonal)> {
    let reason = check.take("reason", Words::parse(reason));
    let given = check.require("roll", given)?;
    if !(1..=MANY_MOST).contains(&given.entries.len()) {
        let said = Said::new("应有 1 至 500 项", "must have 1 to 500 items");
        check.refuse("roll.entries", "COUNT", said);
        return None;
    }
    let items = given.entries.iter().enumerate().map(|(at, entry)| {
        let field = |name: &str| format!("roll.entries[{at}].{name}");
        let person_id = person(check, field("person_id"), &entry.person_id, None);
        let slot = wire::named::<Slot>(check, &field("slot"), entry.slot);
        let at = wire::instant(check, &field("at"), entry.at.as_ref());
        Some(manual_roll_fact::Item { person_id: person_id?, slot: slot?.into(), at_ms: at?.get() })
    });
    let items: Vec<Option<manual_roll_fact::Item>> = items.collect();
    let fact = ManualRollFact { items: items.into_iter().collect::<Option<_>>()?, steps: Vec::new() };
    let said = ApprovalPersonal { reason: reason?.as_str().to_owned(), ..ApprovalPersonal::default() };
    Some((Asked::ManualRoll(fact), said))
}

/// A swap, asked for by one of the two.
pub fn swap(
    check: &mut Check,
    given: &RequestSwapRequest,
    own: Option<&PersonId>,
) -> Option<(Asked, ApprovalPersonal)> {
    let date = wire::day(check, "date", given.date.as_ref());
    let with = person(check, "with_person_id".to_owned(), &given.with_person_id, None);
    let with_date = match &given.with_date {
        Some(with_date) => wire::day(check, "with_date", Some(with_date)),
        None => date,
    };
    let reason = check.take("reason", Words::parse(&given.reason));
    let fact = SwapFact {
        person_id: own.map(PersonId::to_string).unwrap_or_default(),
        date: Some(wire::date(date?)),
        with_person_id: with?,
        with_date: Some(wire::date(with_date?)),
        ..SwapFact::default()
    };
    let said = ApprovalPersonal { reason: reason?.as_str().to_owned(), ..ApprovalPersonal::default() };
    Some((Asked::Swap(fact), said))
}

/// Yes or no, and why: a no says why.
pub fn decision(check: &mut Check, decision: i32, reason: &str) -> Option<(bool, Option<Words>)> {
    let decision = wire::named::<approval_step::Decision>(check, "decision", decision);
    let reason = match (reason, decision) {
        ("", Some(approval_step::Decision::Approve) | None) => Some(None),
        (reason, _) => check.take("reason", Words::parse(reason)).map(Some),
    };
    Some((decision? == approval_step::Decision::Approve, reason?))
}

/// A delegation; of whoever calls where nobody is named.
pub fn delegation(
    check: &mut Check,
    given: Option<Delegation>,
    own: Option<&PersonId>,
) -> Option<DelegationFact> {
    let given = check.require("delegation", given)?;
    let person_id = person(check, "delegation.person_id".to_owned(), &given.person_id, own);
    let to = person(check, "delegation.to_person_id".to_owned(), &given.to_person_id, None);
    let (from, until) = stretch(check, "delegation.", given.from.as_ref(), given.until.as_ref())?;
    Some(DelegationFact {
        person_id: person_id?,
        to_person_id: to?,
        from_ms: from.get(),
        until_ms: until.get(),
    })
}

/// A step as a message, not decided yet.
pub fn step(fact: &crate::proto::ApprovalStepFact) -> ApprovalStep {
    ApprovalStep {
        by: fact.by,
        role: fact.role,
        person_id: fact.person_id.clone(),
        department: fact.department.clone(),
        ..ApprovalStep::default()
    }
}
