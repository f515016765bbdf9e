//! Who has to approve what: the steps of a request, by the policy of the day on which it is made. Pure.

use crate::policy::Policy;
use crate::proto::approval_step::By;
use crate::proto::{ApprovalStepFact, Role};

/// Those who approve, from the nearest to the farthest: the window's chief representative, the office that keeps
/// attendance, and whoever is responsible for the whole hall.
pub const RUNGS: [Role; 3] = [Role::Lead, Role::AttendanceOfficer, Role::DutyManager];

/// How many rungs leave of so many days climbs.
pub fn rungs_of_leave(policy: &Policy, days: u16) -> usize {
    if days <= policy.leave_lead_days {
        1
    } else if days <= policy.leave_office_days {
        2
    } else {
        RUNGS.len()
    }
}

/// So many rungs, from the first one that stands above whoever asks: a chief representative's own request goes one up.
/// Who stands on the last one needs somebody else on it.
pub fn climb(rungs: usize, own: &[Role]) -> Vec<ApprovalStepFact> {
    let above = RUNGS.iter().rposition(|rung| own.contains(rung)).map_or(0, |highest| highest + 1);
    let first = above.min(RUNGS.len() - 1);
    let last = rungs.clamp(first + 1, RUNGS.len());
    RUNGS
        .into_iter()
        .take(last)
        .skip(first)
        .map(|role| ApprovalStepFact {
            by: By::Role.into(),
            role: role.into(),
            ..ApprovalStepFact::default()
        })
        .collect()
}

/// The colleague who stands in.
pub fn b_post(person_id: &str) -> ApprovalStepFact {
    ApprovalStepFact { by: By::BPost.into(), person_id: person_id.to_owned(), ..ApprovalStepFact::default() }
}

/// The colleague with whom duties are exchanged.
pub fn colleague(person_id: &str) -> ApprovalStepFact {
    ApprovalStepFact {
        by: By::Colleague.into(),
        person_id: person_id.to_owned(),
        ..ApprovalStepFact::default()
    }
}

/// The department that a person is seconded by.
pub fn department(department: &str) -> ApprovalStepFact {
    ApprovalStepFact {
        by: By::Department.into(),
        role: Role::Hr.into(),
        department: department.to_owned(),
        ..ApprovalStepFact::default()
    }
}

/// The roles of which any may decide a step that waits for so long: those above its own too, when it waits too long.
pub fn deciders(step: &ApprovalStepFact, waited_ms: i64, policy: &Policy) -> &'static [Role] {
    const HR: &[Role] = &[Role::Hr];
    let Some(rung) = RUNGS.iter().position(|rung| *rung == step.role()) else {
        return if step.by() == By::Department { HR } else { &[] };
    };
    let up = if is_escalated(waited_ms, policy) { RUNGS.len() } else { rung + 1 };
    RUNGS.get(rung..up).unwrap_or_default()
}

/// Has a step waited so long that others may decide it?
pub fn is_escalated(waited_ms: i64, policy: &Policy) -> bool {
    escalation_ms(policy).is_some_and(|patience| waited_ms >= patience)
}

/// For how long a step waits for those whose it is; `None`: for ever.
pub fn escalation_ms(policy: &Policy) -> Option<i64> {
    Some(i64::from(policy.approval_escalate_minutes) * 60_000).filter(|patience| *patience > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_the_leave_the_higher_it_climbs_and_nobody_stands_on_their_own_rung() {
        let roles =
            |steps: Vec<ApprovalStepFact>| steps.iter().map(ApprovalStepFact::role).collect::<Vec<_>>();
        let policy = Policy::default();
        let table: &[(&str, u16, &[Role], &[Role])] = &[
            ("a day", 1, &[], &RUNGS[..1]),
            ("two days", 2, &[], &RUNGS[..2]),
            ("three days", 3, &[], &RUNGS[..2]),
            ("four days", 4, &[], &RUNGS),
            ("a chief representative's day", 1, &[Role::Lead], &RUNGS[1..2]),
            ("a chief representative's week", 7, &[Role::Lead], &RUNGS[1..]),
            ("the office's own day", 1, &[Role::AttendanceOfficer], &RUNGS[2..]),
            ("the hall's own day", 1, &[Role::DutyManager], &RUNGS[2..]),
            ("of somebody who keeps personnel files", 1, &[Role::Hr, Role::Staff], &RUNGS[..1]),
        ];
        for (case, days, own, wanted) in table {
            assert_eq!(roles(climb(rungs_of_leave(&policy, *days), own)), *wanted, "{case}");
        }
    }

    #[test]
    fn what_waits_too_long_is_everybodys_above() {
        let policy = Policy::default();
        let step = |rung: usize| climb(rung + 1, &[]).pop().unwrap_or_default();
        let day_ms = 86_400_000;
        assert_eq!(deciders(&step(0), day_ms - 1, &policy), &RUNGS[..1]);
        assert_eq!(deciders(&step(0), day_ms, &policy), &RUNGS);
        assert_eq!(deciders(&step(1), day_ms, &policy), &RUNGS[1..]);
        assert_eq!(deciders(&department("tax"), 9 * day_ms, &policy), &[Role::Hr]);
        assert!(deciders(&b_post("p"), 9 * day_ms, &policy).is_empty());
        let patient = Policy { approval_escalate_minutes: 0, ..policy };
        assert_eq!(deciders(&step(0), 9 * day_ms, &patient), &RUNGS[..1]);
    }
}
