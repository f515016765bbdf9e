//! Pauses as messages.

use crate::kernel::EpochMs;
use crate::policy::Policy;
use crate::proto::Pause;
use crate::proto::pause::Extension;
use crate::registers::attendance::service::Indexes;
use crate::registers::duty::pause::PauseCourse;
use crate::registers::wire::timestamp;

/// A pause as it stood at an instant.
pub(super) fn pause(course: &PauseCourse, policy: &Policy, indexes: &Indexes, at: EpochMs) -> Pause {
    let ended = course.ended.filter(|(ended, _)| *ended <= at);
    let decided = course.decided.as_ref().filter(|(_, _, when)| *when <= at);
    Pause {
        pause: indexes.of(course.pos),
        window: course.window.clone(),
        person_id: course.person_id.clone(),
        subject: course.said.subject,
        reason: course.said.reason,
        started_at: Some(timestamp(course.begins)),
        expected_return_at: course.promised().map(timestamp),
        extensions: course
            .extensions
            .iter()
            .map(|(expected, at)| Extension {
                expected_return_at: Some(timestamp(*expected)),
                at: Some(timestamp(*at)),
            })
            .collect(),
        sign_displayed: course.said.sign_displayed,
        sign_mode: course.said.sign_mode,
        guidance: course.guidance.clone(),
        ended_at: ended.map(|(ended, _)| timestamp(ended)),
        end_mode: ended.map_or(0, |(_, mode)| mode.into()),
        overdue_minutes: course.overdue_minutes(at),
        classification: course.classification(policy, at).into(),
        flags: course.flags.iter().map(|flag| (*flag).into()).collect(),
        allowed_at: course.awaits(at).then(|| timestamp(course.begins)),
        decided_by: decided.map(|(_, by, _)| by.clone()).unwrap_or_default(),
        decision: decided.map_or(0, |(decision, _, _)| (*decision).into()),
        said: String::new(),
    }
}
