//! Every kind of credential that a terminal may be shown: nobody's, somebody's, and nobody's again once it is revoked.

use prost_reflect::DescriptorPool;
use qinlian::proto::credential::Kind;
use qinlian::proto::presented::Who;
use qinlian::proto::punch::Method;
use qinlian::proto::*;

use super::calls::Counter;
use crate::support::clock;
use crate::support::office::HALL;
use crate::support::store::each;

/// The same text for all of them: a number typed in is not the card with that number.
const TEXT: &str = "4711";

/// Every kind, and how the terminal says that somebody was known. Their people take turns.
const KINDS: [(Kind, Method); 6] = [
    (Kind::Card, Method::Card),
    (Kind::Face, Method::Face),
    (Kind::Fingerprint, Method::Fingerprint),
    (Kind::Pin, Method::Pin),
    (Kind::Qr, Method::Qr),
    (Kind::EmployeeNo, Method::Manual),
];

/// Somebody presents a credential at the gate; the outcome and the flags.
async fn presents(counter: &Counter, seq: u64, (kind, method): (Kind, Method)) -> (Outcome, Vec<PunchFlag>) {
    let credential = Credential { kind: kind.into(), value: TEXT.to_owned() };
    let answer = counter
        .record(Punch {
            method: method.into(),
            presented: Some(Presented { who: Some(Who::Credential(credential)), ..Presented::default() }),
            ..counter.punch(seq, 0, "")
        })
        .await;
    (answer.outcome(), answer.flags().collect())
}

/// An administrator binds it to a person; the binding as it was answered.
async fn bind(counter: &Counter, kind: Kind, person: usize) -> CredentialBinding {
    let office = &counter.hall.office;
    let request = PutCredentialBindingRequest {
        centre: HALL.to_owned(),
        request_id: office.request_id().to_string(),
        credential_binding: Some(CredentialBinding {
            person_id: counter.hall.people[person].to_string(),
            kind: kind.into(),
            from: Some(Date { year: 2026, month: 1, day: 1 }),
            value: TEXT.to_owned(),
            ..CredentialBinding::default()
        }),
        ..PutCredentialBindingRequest::default()
    };
    let caller = office.administrator("PutCredentialBinding");
    let answer = office.directory_calls().put_credential_binding(&caller, request).await.expect("bound");
    answer.credential_binding.expect("the binding")
}

/// An administrator revokes it.
async fn revoke(counter: &Counter, binding: CredentialBinding) {
    let office = &counter.hall.office;
    let request = RetireCredentialBindingRequest {
        centre: HALL.to_owned(),
        request_id: office.request_id().to_string(),
        kind: binding.kind,
        value_hmac: binding.value_hmac,
        from: binding.from,
        reason: "遗失".to_owned(),
        ..RetireCredentialBindingRequest::default()
    };
    let caller = office.administrator("RetireCredentialBinding");
    office.directory_calls().retire_credential_binding(&caller, request).await.expect("revoked");
}

#[test]
fn the_table_has_every_kind_of_credential() {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("our descriptors");
    let kinds = pool.get_enum_by_name("qinlian.v1.Credential.Kind").expect("the kinds");
    let named: Vec<i32> = kinds.values().map(|value| value.number()).filter(|number| *number != 0).collect();
    assert_eq!(KINDS.map(|(kind, _)| i32::from(kind)).as_slice(), named);
}

#[tokio::test]
async fn a_credential_of_any_kind_is_its_persons_until_it_is_revoked_and_nobodys_after_that() {
    each(async |fixture| {
        let counter = Counter::begin(&fixture.store, &clock(49)).await;
        let (known, nobody) =
            ((Outcome::Accepted, vec![]), (Outcome::Quarantined, vec![PunchFlag::UnknownPerson]));
        let mut expected = Vec::new();
        let mut numbers = 1..;
        let mut next = || numbers.next().expect("numbers go on");
        let mut bindings = Vec::new();
        for (n, kind) in KINDS.into_iter().enumerate() {
            // All kinds before it are bound already, to the same text.
            assert_eq!(presents(&counter, next(), kind).await, nobody, "{kind:?} before it is bound");
            let person = n % counter.hall.people.len();
            bindings.push((kind, person, bind(&counter, kind.0, person).await));
            assert_eq!(presents(&counter, next(), kind).await, known, "{kind:?} bound");
            // Who it was is found when it is bound, and not any more once it is revoked.
            expected.extend([String::new(), counter.hall.people[person].to_string()]);
        }
        for (kind, person, binding) in bindings {
            assert_eq!(presents(&counter, next(), kind).await, known, "{kind:?} after others were revoked");
            revoke(&counter, binding).await;
            assert_eq!(presents(&counter, next(), kind).await, nobody, "{kind:?} revoked");
            expected.extend([counter.hall.people[person].to_string(), String::new()]);
        }
        let stored: Vec<String> =
            counter.list_all().await.into_iter().map(|record| record.person_id).collect();
        assert_eq!(stored, expected, "what was accepted stays the person's");
    })
    .await;
}
