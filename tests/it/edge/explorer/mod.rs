//! An explorer that has the address of a server and some tokens, and learns the rest from its reflection.
//!
//! It makes messages from the descriptors, calls every method in several roles, and remembers what is answered, so that
//! what one method made another one finds. It knows no rule, so it judges what holds for every answer: no fault of
//! ours, an error that says what it is, and a message of the type that was promised.

mod learn;
mod make;

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use qinlian::kernel::RequestId;
use qinlian::proto::directory_service_client::DirectoryServiceClient;
use qinlian::proto::role_grant::Holder;
use qinlian::proto::{GrantRoleRequest, Role, RoleGrant};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use self::learn::methods_of;
use self::make::{Maker, Mood};
use super::dynamic::answered;
use super::dynamic::world::World;
use crate::rigs::town::Town;
use crate::support::{fuzz_seed, say_aloud, scale};

/// Calls under way at once.
const AT_ONCE: usize = 16;

/// Who it may be, beside the first administrator, two people who may erase, and nobody.
const CALLERS: [&str; 7] = [
    "system:officer",
    "system:hr",
    "system:auditor",
    "system:eraser",
    "system:discipline",
    "system:manager",
    "device:t0",
];

/// Where nobody gets past the request itself without a device's key, each with why.
const KEYS: &[(&str, &str)] = &[
    ("EnrolDevice", "a new key has to sign the code"),
    ("RotateDeviceKey", "the present key and the new one have to sign"),
    ("GetDeviceToken", "the key has to sign the challenge"),
    // Not a key, but as seldom found by trying.
    ("PutShift", "each span has to begin after the one before it ends"),
    ("PutCalendarYear", "each day has to be one of the year"),
    ("ProposePolicy", "each value has to be one of its key's"),
    ("RequestLeave", "it has to end after it begins"),
    ("RecordLeave", "it has to end after it begins"),
    ("PutDelegation", "it has to end after it begins"),
    ("RequestCorrection", "its reason, its slot and its span are all to be named"),
    ("RecordManualRoll", "its slots are all to be named"),
    ("ListMonthSummaries", "the period has to end after it begins, and soon"),
    ("GetMonthReadiness", "the period has to end after it begins, and soon"),
    ("ConfirmMonth", "a digest has 32 bytes"),
    ("ConfirmPull", "a digest has 32 bytes"),
    ("LockMonth", "the period has to end after it begins, and soon"),
    ("PreviewDays", "each value has to be one of its key's"),
    ("RequestSwap", "two people and one or two days have to be named, each of a duty"),
    ("StartPause", "the return has to come, and soon"),
    ("ReportQueue", "a window or an item is named, not both"),
    ("RecordInspection", "the finding has to fit the clause"),
    ("DeclareJournalLost", "the last number is not before the first"),
];

/// What is answered by a rule, and not by the check of the request's form or of its token.
const DECIDED: [&str; 5] = ["Ok", "NotFound", "FailedPrecondition", "AlreadyExists", "PermissionDenied"];

/// So many methods it makes succeed at least; which ones depends on ids that the server mints.
const SUCCEED: usize = 45;

/// In which order methods are tried: what takes away what others need comes last.
fn turn(method: &MethodDescriptor) -> usize {
    match method.name() {
        "RevokeRole" => 3,
        "RetireCentre" | "RetireDevice" => 2,
        name if ["Retire", "Revoke", "Replace", "Rotate"].iter().any(|verb| name.starts_with(verb)) => 1,
        _ => 0,
    }
}

/// What is wrong with an answer, whatever was asked.
fn complaint(method: &MethodDescriptor, answer: &Result<Vec<u8>, Status>) -> Option<String> {
    let status = match answer {
        Ok(bytes) => {
            return match DynamicMessage::decode(method.output(), bytes.as_slice()) {
                Ok(message) if message.unknown_fields().next().is_some() => {
                    Some("fields that the descriptor does not have".to_owned())
                }
                Ok(_) => None,
                Err(error) => Some(format!("not of the type that was promised: {error}")),
            };
        }
        Err(status) => status,
    };
    let ours = matches!(
        status.code(),
        Code::Internal
            | Code::Unknown
            | Code::DataLoss
            | Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unimplemented
            | Code::Ok
    );
    let details = status.get_error_details();
    let info = details.error_info();
    let is_reason =
        |reason: &str| !reason.is_empty() && reason.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    if ours {
        Some(format!("{:?}: {}", status.code(), status.message()))
    } else if info.is_none_or(|info| info.domain != "qinlian" || !is_reason(&info.reason)) {
        Some(format!("{:?} without its reason: {info:?}", status.code()))
    } else if details.localized_message().is_none_or(|said| said.message.is_empty()) {
        Some(format!("{:?} without a sentence", status.code()))
    } else {
        None
    }
}

/// What came of the calls of one method.
#[derive(Debug, Default)]
struct Seen {
    codes: BTreeMap<String, usize>,
    /// The callers who were not turned away.
    let_in: Vec<usize>,
}

/// Explores: so many cases of each method.
struct Explorer<'w> {
    world: &'w World,
    tokens: Vec<Option<String>>,
    maker: Maker,
    seen: BTreeMap<String, Seen>,
    wrong: Vec<String>,
}

/// Two people who may erase: no system may.
async fn erasers(world: &World) -> Vec<String> {
    let mut client = DirectoryServiceClient::new(world.channel.clone());
    let mut people = Vec::new();
    for (n, person) in world.town.people.iter().take(2).enumerate() {
        let role_grant = RoleGrant {
            holder: Some(Holder::PersonId(person.clone())),
            role: Role::AuditAdministrator.into(),
            ..RoleGrant::default()
        };
        let mut request = Request::new(GrantRoleRequest {
            centre: "hall".to_owned(),
            request_id: RequestId::random([u8::try_from(n).expect("two"); 16]).to_string(),
            role_grant: Some(role_grant),
            ..GrantRoleRequest::default()
        });
        let token = world.token(&world.town.administrator);
        request.metadata_mut().insert("authorization", token.parse().expect("ASCII"));
        client.grant_role(request).await.expect("granted");
        people.push(format!("person:{person}"));
    }
    people
}

impl<'w> Explorer<'w> {
    async fn new(world: &'w World) -> Self {
        let people = [vec![world.town.administrator.clone()], erasers(world).await].concat();
        let subjects = CALLERS.iter().map(|subject| (*subject).to_owned()).chain(people);
        let mut tokens: Vec<_> = subjects.map(|subject| Some(world.token(&subject))).collect();
        tokens.push(None);
        Self { world, tokens, maker: Maker::new(fuzz_seed()), seen: BTreeMap::new(), wrong: Vec::new() }
    }

    /// Mostly somebody who was let in before.
    fn caller(&mut self, method: &MethodDescriptor) -> usize {
        let any = self.maker.chance.below(self.tokens.len());
        let let_in = &self.seen.entry(method.name().to_owned()).or_default().let_in;
        if let_in.is_empty() || self.maker.chance.one_in(6) { any } else { *self.maker.chance.of(let_in) }
    }

    /// One call of each of these methods, all at once.
    async fn round(&mut self, methods: &[MethodDescriptor]) {
        let mut calls = Vec::new();
        for method in methods {
            let mood = *self.maker.chance.of(&[Mood::Tame, Mood::Tame, Mood::Edged, Mood::Wild]);
            let message = self.maker.request(&method.input(), mood);
            calls.push((method, self.caller(method), message));
        }
        let (channel, tokens) = (&self.world.channel, &self.tokens);
        let answers: Vec<_> = stream::iter(calls)
            .map(|(method, caller, message)| async move {
                let mut request = Request::new(message.encode_to_vec());
                if let Some(token) = &tokens[caller] {
                    request.metadata_mut().insert("authorization", token.parse().expect("ASCII"));
                }
                (method, caller, answered(channel, method, request).await, message)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        for (method, caller, answer, message) in answers {
            if let Some(why) = complaint(method, &answer) {
                // The library's own words for a message that may hold itself never end.
                let said = serde_json::to_string(&message).unwrap_or_default();
                self.wrong.push(format!("{}: {why}: {said}", method.name()));
            }
            let code = answer.as_ref().map_or_else(Status::code, |_| Code::Ok);
            let seen = self.seen.entry(method.name().to_owned()).or_default();
            *seen.codes.entry(format!("{code:?}")).or_default() += 1;
            let let_in =
                matches!(code, Code::Ok | Code::NotFound | Code::FailedPrecondition | Code::AlreadyExists);
            if let_in && !seen.let_in.contains(&caller) {
                seen.let_in.push(caller);
            }
            let missed = |reason: &str| {
                ["EMPTY", "MISSING", "UNSPECIFIED", "LENGTH", "OUT_OF_RANGE"].contains(&reason)
            };
            if let Err(status) = &answer {
                let details = status.get_error_details();
                let violations = details.bad_request().into_iter().flat_map(|bad| &bad.field_violations);
                violations
                    .filter(|it| missed(&it.reason))
                    .for_each(|it| self.maker.need(&method.input(), &it.field));
            }
            if let Ok(bytes) = answer
                && let Ok(message) = DynamicMessage::decode(method.output(), bytes.as_slice())
            {
                self.maker.learn(&message);
            }
        }
    }
}

async fn explore(town: Town) {
    let world = World::begin(town).await;
    let methods = methods_of(&world.channel, "qinlian.v1").await;
    assert!(methods.len() >= 60, "only {} methods", methods.len());
    let each = scale(100, 10_000);
    let mut explorer = Explorer::new(&world).await;
    for at in 0..4 {
        let methods: Vec<_> = methods.iter().filter(|method| turn(method) == at).cloned().collect();
        for _ in 0..each {
            explorer.round(&methods).await;
        }
    }
    let Explorer { seen, wrong, .. } = explorer;
    assert!(
        wrong.is_empty(),
        "seed {}: {} answers: {:#?}",
        fuzz_seed(),
        wrong.len(),
        &wrong[..wrong.len().min(8)]
    );
    for method in &methods {
        let seen = &seen[method.name()].codes;
        assert_eq!(seen.values().sum::<usize>(), each, "{}", method.name());
        let key = KEYS.iter().find(|(name, _)| *name == method.name());
        let decided = seen.keys().any(|code| DECIDED.contains(&code.as_str()));
        assert!(decided || key.is_some(), "{}: no rule ever decided: {seen:?}", method.name());
        assert!(seen.keys().any(|code| code != "Ok"), "{}: everything succeeds", method.name());
    }
    let succeed = seen.values().filter(|seen| seen.codes.contains_key("Ok")).count();
    assert!(succeed >= SUCCEED, "only {succeed} methods ever succeed");
    let mut codes = BTreeMap::<&str, usize>::new();
    for (code, count) in seen.values().flat_map(|seen| &seen.codes) {
        *codes.entry(code).or_default() += count;
    }
    say_aloud(&format!(
        "explored {} methods, {succeed} with success, {each} cases each: {codes:?}",
        methods.len()
    ));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explorer_finds_no_fault_on_sqlite() {
    explore(Town::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explorer_finds_no_fault_on_postgresql() {
    if let Some(town) = Town::on_postgres(1).await {
        explore(town).await;
    }
}

/// The control: answers with a fault in them.
#[test]
fn what_the_explorer_looks_for_it_would_see() {
    use tonic_types::ErrorDetails;
    let method =
        crate::rigs::canary::fill::methods().into_iter().find(|it| it.name() == "GetCentre").unwrap();
    let with = |domain: &str, reason: &str, said: &str| {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason, domain, std::collections::HashMap::new());
        details.set_localized_message("en", said);
        Err(Status::with_error_details(Code::NotFound, "there is no such thing", details))
    };
    assert_eq!(complaint(&method, &with("qinlian", "NOT_FOUND", "no")), None);
    assert_eq!(complaint(&method, &Ok(Vec::new())), None);
    for (name, answer) in [
        ("internal", Err(Status::internal("x"))),
        ("unknown", Err(Status::unknown("x"))),
        ("data loss", Err(Status::data_loss("x"))),
        ("without details", Err(Status::not_found("x"))),
        ("another domain", with("example.com", "NOT_FOUND", "no")),
        ("no reason", with("qinlian", "", "no")),
        ("a reason that is a sentence", with("qinlian", "not found", "no")),
        ("no sentence", with("qinlian", "NOT_FOUND", "")),
        ("bytes that are no message", Ok(vec![0xff])),
        ("a field that nobody described", Ok(vec![0xf8, 0x07, 1])),
    ] {
        assert!(complaint(&method, &answer).is_some(), "{name}");
    }
}
