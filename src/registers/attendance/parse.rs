//! Messages to commands: every violation at once, with its field. Credentials become keyed hashes here.

use super::fact::{Command, Punch, Source};
use crate::kernel::{Check, DeviceId, Label, RequestId, Said, Words};
use crate::ledger::keys::Keys;
use crate::proto::punch::{Direction, Method};
use crate::proto::{DeclareCoverageRequest, DeclareJournalLostRequest, Punch as Given};
use crate::registers::stamp::{NUMBER_MOST, counted};
pub use crate::registers::stamp::{boot_id, mono_ms};
use crate::registers::{stamp, wire};

/// A punch and its request id. `outer` is the id beside it, when there is one: either may be left out.
pub fn punch(
    check: &mut Check,
    keys: &Keys,
    path: &str,
    source: Source,
    outer: Option<&str>,
    given: Option<Given>,
) -> Option<(RequestId, Punch)> {
    let given = check.require(path, given)?;
    let field = |name: &str| format!("{path}.{name}");
    let id = request_id(check, path, outer, &given.request_id);
    let stamp = stamp::stamp(check, &field("stamp"), given.stamp);
    let direction = wire::named::<Direction>(check, &field("direction"), given.direction);
    let method = wire::named::<Method>(check, &field("method"), given.method);
    let device_label = check.take(field("device_label"), Label::parse(&given.device_label));
    let presented = stamp::presented(check, keys, &field("presented"), given.presented);
    let (presented, who, witness) = presented?;
    let punch = Punch {
        source,
        stamp: stamp?,
        direction: direction?,
        method: method?,
        device_label: device_label?,
        who,
        witness,
        presented,
        verified_by: None,
    };
    Some((id?, punch))
}

/// The id stands beside the punch, in it, or the same in both.
fn request_id(check: &mut Check, path: &str, outer: Option<&str>, inner: &str) -> Option<RequestId> {
    let inside = format!("{path}.request_id");
    let Some(outer) = outer.filter(|outer| !outer.is_empty()) else {
        return check.take(inside, RequestId::parse(inner));
    };
    let id = check.take("request_id", RequestId::parse(outer));
    if inner.is_empty() {
        return id;
    }
    let inner = check.take(inside.clone(), RequestId::parse(inner));
    if let (Some(id), Some(inner)) = (id, inner)
        && id != inner
    {
        check.refuse(
            inside,
            "ANOTHER_ID",
            Said::new("须与 request_id 相同", "is not the same as request_id"),
        );
        return None;
    }
    inner.and(id)
}

/// The newest number of a journal.
pub fn journal_head(check: &mut Check, field: &str, given: u64) -> Option<u64> {
    counted(check, field, given, 0..=NUMBER_MOST)
}

/// A declaration of lost journal numbers.
pub fn journal_loss(check: &mut Check, given: &DeclareJournalLostRequest) -> Option<Command> {
    let device = check.take("device", DeviceId::parse(&given.device));
    let reason = check.take("reason", Words::parse(&given.reason));
    let (first, last) = (given.first_seq, given.last_seq);
    let first = counted(check, "first_seq", first, 1..=NUMBER_MOST);
    let last = counted(check, "last_seq", last, 1..=NUMBER_MOST).filter(|last| {
        let ordered = first.is_none_or(|first| first <= *last);
        if !ordered {
            check.refuse(
                "last_seq",
                "OUT_OF_RANGE",
                Said::new("不能小于首号", "must not be below the first"),
            );
        }
        ordered
    });
    Some(Command::JournalLoss { device: device?, first: first?, last: last?, reason: reason? })
}

/// A declaration that an import source is complete.
pub fn declared_coverage(check: &mut Check, given: &DeclareCoverageRequest) -> Option<Command> {
    let device = check.take("device", DeviceId::parse(&given.device));
    let through = wire::instant(check, "complete_through", given.complete_through.as_ref());
    let reason = check.take("reason", Words::parse(&given.reason));
    Some(Command::DeclareCoverage { device: device?, complete_through: through?, reason: reason? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::PersonId;
    use crate::proto::presented::Who as Shown;
    use crate::proto::{Credential, DeviceStamp, Presented, credential};
    use crate::registers::stamp::Who;

    fn keys() -> Keys {
        Keys::new(&[1; 32], &[2; 32])
    }

    fn card(value: &str) -> Presented {
        let credential = Credential { kind: credential::Kind::Card.into(), value: value.to_owned() };
        Presented { who: Some(Shown::Credential(credential)), ..Presented::default() }
    }

    fn good() -> Given {
        Given {
            request_id: "0192f0c1-2345-7abc-8def-0123456789ab".to_owned(),
            stamp: Some(DeviceStamp {
                device: "gate-1".to_owned(),
                device_seq: 1,
                boot_id: "b1".to_owned(),
                mono_ms: 5,
                claimed_at: Some(prost_types::Timestamp { seconds: 1_772_409_600, nanos: 0 }),
                signature: Vec::new(),
            }),
            direction: Direction::In.into(),
            method: Method::Card.into(),
            presented: Some(card("A1")),
            device_label: String::new(),
        }
    }

    fn wrong(outer: Option<&str>, given: Given) -> Vec<(String, &'static str)> {
        let mut check = Check::new();
        let parsed = punch(&mut check, &keys(), "punch", Source::Live, outer, Some(given));
        match check.done() {
            Ok(()) => {
                assert!(parsed.is_some(), "nothing is wrong, and nothing comes out");
                Vec::new()
            }
            Err(violations) => violations.0.into_iter().map(|v| (v.field, v.reason)).collect(),
        }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let mut given = good();
        given.direction = 0;
        given.method = 99;
        given.device_label = "x".repeat(65);
        given.presented = Some(Presented {
            who: Some(Shown::PersonId("E1024".to_owned())),
            fallback_reason: "x".repeat(501),
            witness: Some(Box::new(Presented { witness: Some(Box::new(card("A3"))), ..card("A2") })),
        });
        given.stamp = Some(DeviceStamp { device: "Gate 1".to_owned(), ..DeviceStamp::default() });
        given.request_id = "1".to_owned();
        let named = wrong(None, given);
        let named: Vec<_> = named.iter().map(|(field, reason)| (field.as_str(), *reason)).collect();
        assert_eq!(
            named,
            [
                ("punch.request_id", "NOT_A_REQUEST_ID"),
                ("punch.stamp.device", "NOT_A_CODE"),
                ("punch.stamp.device_seq", "OUT_OF_RANGE"),
                ("punch.stamp.boot_id", "EMPTY"),
                ("punch.stamp.claimed_at", "MISSING"),
                ("punch.direction", "UNSPECIFIED"),
                ("punch.method", "UNSPECIFIED"),
                ("punch.device_label", "TOO_LONG"),
                ("punch.presented.person_id", "NOT_A_PERSON_ID"),
                ("punch.presented.fallback_reason", "TOO_LONG"),
                ("punch.presented.witness.witness", "NOT_ALLOWED"),
            ]
        );
    }

    #[test]
    fn a_witness_shows_a_credential_of_their_own() {
        let person = Presented {
            who: Some(Shown::PersonId("0192f0c1-2345-7abc-8def-0123456789ab".to_owned())),
            ..Presented::default()
        };
        let excused = Presented { fallback_reason: "forgotten".to_owned(), ..card("A2") };
        for (witness, named) in [
            (card("A2"), None),
            (person, Some("punch.presented.witness.person_id")),
            (excused, Some("punch.presented.witness.fallback_reason")),
            (Presented::default(), Some("punch.presented.witness.who")),
        ] {
            let presented = Presented { witness: Some(Box::new(witness.clone())), ..card("A1") };
            let fields = wrong(None, Given { presented: Some(presented), ..good() });
            assert_eq!(fields.first().map(|(field, _)| field.as_str()), named, "{witness:?}");
        }
    }

    #[test]
    fn the_request_id_may_stand_in_either_place() {
        let id = good().request_id;
        let bare = Given { request_id: String::new(), ..good() };
        let other = "0192f0c1-2345-7abc-8def-0123456789ac";
        for (outer, given, reason) in [
            (None, good(), None),
            (Some(""), good(), None),
            (Some(id.as_str()), bare.clone(), None),
            (Some(id.as_str()), good(), None),
            (Some(other), good(), Some("ANOTHER_ID")),
            (None, bare, Some("EMPTY")),
        ] {
            let named = wrong(outer, given);
            assert_eq!(named.first().map(|(_, reason)| *reason), reason, "{outer:?}");
        }
    }

    #[test]
    fn what_was_shown_is_hashed_and_kept_apart() {
        let parse = |value: &str| {
            let given = Given { presented: Some(card(value)), ..good() };
            punch(&mut Check::new(), &keys(), "punch", Source::Live, None, Some(given)).unwrap().1
        };
        let (one, two) = (parse("A1"), parse("A2"));
        assert_eq!(one.who, Who::credential(&keys(), credential::Kind::Card, "A1"));
        assert_ne!(one.said(), two.said());
        assert_eq!(one.personal().and_then(|personal| personal.presented), Some(card("A1")));
        assert!(!format!("{one:?}").contains("A1"));
        let known = Presented {
            who: Some(Shown::PersonId(PersonId::mint([7; 16]).to_string())),
            ..Presented::default()
        };
        let given = Given { presented: Some(known), ..good() };
        let (_, punch) = punch(&mut Check::new(), &keys(), "punch", Source::Live, None, Some(given)).unwrap();
        assert_eq!(punch.personal(), None, "an id alone says nothing personal");
    }
}
