//! Every field of every message, with everything that must not be in it: one wrong field at a time in a call that is
//! otherwise good, and then many at once.

use futures_util::{StreamExt as _, stream};
use prost_reflect::prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MethodDescriptor, ReflectMessage as _, Value,
};
use qinlian::access::Rules;
use tonic::Code;

use super::message::{Maker, timestamp};
use super::world::{About, World};
use super::{Answer, call};
use crate::rigs::canary::fill::{methods, path_of};
use crate::rigs::canary::sieve::stored;
use crate::rigs::town::Town;
use crate::support::say_aloud;

/// What a text must not hold, each behind letters by which it would be found again.
const FORBIDDEN: [&str; 5] = ["zqx\u{0}y", "zqx\u{1b}[31my", "zqx\r\ny", "zqx\u{202e}y", "zqx\u{2066}y"];
/// A text in whose place bytes are put that are no UTF-8.
const PLACE: &str = "zqplaceholderzq";
/// More items than any list may have.
const MANY: usize = 1_200;

/// One field made wrong.
struct Variant {
    what: String,
    bytes: Vec<u8>,
}

/// What may stand in a field that is no message.
fn values(field: &FieldDescriptor) -> Vec<Value> {
    let text = |text: &str| Value::String(text.to_owned());
    match field.kind() {
        Kind::String => {
            let mut values = vec![text(""), text(PLACE), Value::String("长".repeat(501))];
            values.push(Value::String("a".repeat(60 * 1024)));
            values.extend(FORBIDDEN.map(text));
            values
        }
        Kind::Bytes => {
            [0, 1, 31, 33, 257, 60 * 1024].map(|len| Value::Bytes(vec![0xff; len].into())).to_vec()
        }
        Kind::Enum(_) => [0, 99, -1, i32::MAX, i32::MIN].map(Value::EnumNumber).to_vec(),
        Kind::Bool => vec![Value::Bool(true)],
        Kind::Int32 => [0, -1, 13, 10_000, i32::MAX, i32::MIN].map(Value::I32).to_vec(),
        Kind::Int64 => [0, -1, i64::MAX, i64::MIN].map(Value::I64).to_vec(),
        Kind::Double => [0.0, -1.0, 1.5, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE].map(Value::F64).to_vec(),
        Kind::Uint32 => [0, u32::MAX].map(Value::U32).to_vec(),
        Kind::Uint64 => [0, 1 << 53, 1 << 62, (1 << 63) - 1, 1 << 63, u64::MAX].map(Value::U64).to_vec(),
        other => panic!("{}: no wrong value of {other:?}", field.full_name()),
    }
}

/// A message with one of its fields made wrong, in every way.
fn variants(message: &DynamicMessage, path: &str) -> Vec<(String, DynamicMessage)> {
    let mut found = Vec::new();
    for field in message.descriptor().fields() {
        let named =
            if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        let mut with = |value: Value| {
            let mut other = message.clone();
            other.set_field(&field, value);
            found.push((named.clone(), other));
        };
        if field.is_map() {
            let long = "a".repeat(60 * 1024);
            let keys = ["", PLACE, "tol_late_minutes", long.as_str()].into_iter().chain(FORBIDDEN);
            for key in keys {
                for value in ["", PLACE, "-1"].into_iter().chain(FORBIDDEN) {
                    let pair = (MapKey::String(key.to_owned()), Value::String(value.to_owned()));
                    with(Value::Map([pair].into()));
                }
            }
            continue;
        }
        let Kind::Message(inner) = field.kind() else {
            for value in values(&field) {
                if field.is_list() {
                    with(Value::List(vec![value.clone(); 3]));
                    with(Value::List(vec![value; 40]));
                } else {
                    with(value);
                }
            }
            continue;
        };
        if inner.full_name() == "google.protobuf.Timestamp" {
            for seconds in [-62_135_596_800, -1, 0, 253_402_300_799, 253_402_300_800, i64::MIN, i64::MAX] {
                with(timestamp(&inner, seconds));
            }
            continue;
        }
        if !message.has_field(&field) {
            // What was left out is there, and empty.
            let empty = Value::Message(DynamicMessage::new(inner));
            with(if field.is_list() { Value::List(vec![empty]) } else { empty });
            continue;
        }
        match message.get_field(&field).into_owned() {
            Value::List(items) => {
                let item = items[0].clone();
                with(Value::List(vec![item.clone(); MANY]));
                with(Value::List(Vec::new()));
                if let Value::Message(item) = item {
                    for (_, other) in variants(&item, &named) {
                        with(Value::List(vec![Value::Message(other)]));
                    }
                }
            }
            Value::Message(own) => {
                for (_, other) in variants(&own, &named) {
                    with(Value::Message(other));
                }
                let mut without = message.clone();
                without.clear_field(&field);
                found.push((named.clone(), without));
            }
            other => panic!("{named}: {other:?} is no message"),
        }
    }
    found
}

/// The bytes of each variant; a text's placeholder becomes bytes that are no text.
fn encoded(method: &MethodDescriptor, message: &DynamicMessage) -> Vec<Variant> {
    let each = variants(message, "").into_iter().map(|(field, variant)| {
        let mut bytes = variant.encode_to_vec();
        while let Some(at) = bytes.windows(PLACE.len()).position(|window| window == PLACE.as_bytes()) {
            bytes[at..at + PLACE.len()].fill(0xff);
        }
        Variant { what: format!("{} {field}", method.name()), bytes }
    });
    each.collect()
}

/// What is wrong with an answer to a message that was wrong.
pub(crate) fn complaint(answer: &Answer) -> Option<&'static str> {
    match answer.code {
        Code::Internal | Code::Unknown => Some("a fault of ours"),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Some("not answered"),
        // A challenge or a signature that proves nothing: which of its bytes is wrong is not said.
        Code::Unauthenticated if answer.reason == "NOT_PROVEN" => None,
        Code::Unauthenticated => Some("it was not looked at"),
        Code::InvalidArgument if answer.reason == "INVALID_FIELDS" && answer.violations.is_empty() => {
            Some("no field is named")
        }
        _ if answer.violations.iter().any(|(field, said)| field.is_empty() || said.is_empty()) => {
            Some("a violation without field or sentence")
        }
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_field_of_any_message_makes_a_fault_or_stores_a_control_character_on_sqlite() {
    every_field(Town::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_field_of_any_message_makes_a_fault_or_stores_a_control_character_on_postgresql() {
    if let Some(town) = Town::on_postgres(1).await {
        every_field(town).await;
    }
}

async fn every_field(town: Town) {
    let world = World::begin(town).await;
    let rules = Rules::ours().unwrap();
    let mut maker = Maker::new(11);
    let mut calls = Vec::new();
    for method in methods() {
        let rule = rules.find(&path_of(&method)).unwrap();
        let deployment = rule.scope == qinlian::proto::access::Scope::Deployment;
        let mut names = world.names(About::Own, "t0", deployment);
        names.reveal = true;
        let token = world.token(&world.town.caller_for(rule));
        let message = maker.message(&method.input(), &method, &names, 0);
        for variant in encoded(&method, &message) {
            calls.push((method.clone(), token.clone(), variant));
        }
    }
    let count = calls.len();
    let channel = &world.channel;
    let found: Vec<String> = stream::iter(calls)
        .map(|(method, token, variant)| async move {
            let answer = call(channel, &method, variant.bytes, Some(&token), "zh").await;
            complaint(&answer).map(|why| format!("{}: {why}: {answer:?}", variant.what))
        })
        .buffer_unordered(32)
        .filter_map(async |found| found)
        .collect()
        .await;
    assert!(found.is_empty(), "{} of {count}: {:#?}", found.len(), &found[..found.len().min(12)]);
    let kept: Vec<String> = stored(&world.town)
        .await
        .into_iter()
        .filter(|cell| {
            let holds = |text: &str| cell.bytes.windows(text.len()).any(|window| window == text.as_bytes());
            FORBIDDEN.iter().any(|text| holds(text))
        })
        .map(|cell| format!("{}.{}", cell.table, cell.column))
        .collect();
    assert!(kept.is_empty(), "stored: {kept:?}");
    assert!(count > 2_000, "only {count} calls");
    say_aloud(&format!("{count} calls with a wrong field: no fault, nothing stored"));
    world.end().await;
}

/// The fields that must be named when everything in a message is empty, and every one of them at once.
const EMPTY: &[(&str, &[&str])] = &[
    ("PutCentre", &["centre", "request_id", "centre_record"]),
    ("PutPerson", &["centre", "request_id", "person"]),
    ("GrantRole", &["centre", "request_id", "role_grant"]),
    ("RetireWindow", &["centre", "reason", "request_id", "window"]),
    ("RecordPunch", &["centre", "punch"]),
    ("ReportDevice", &["boot_id", "centre", "device", "wall_at"]),
    ("ReportDeviceOutage", &["centre", "device", "from", "reason", "request_id"]),
    ("EndDeviceOutage", &["centre", "device", "request_id", "until"]),
    ("GetReceipt", &["centre", "request_id"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_field_is_named_at_once_in_both_languages() {
    let world = World::begin(Town::on_sqlite().await).await;
    let rules = Rules::ours().unwrap();
    for (name, fields) in EMPTY {
        let method = methods().into_iter().find(|method| method.name() == *name).expect(name);
        let token = world.token(&world.town.caller_for(rules.find(&path_of(&method)).unwrap()));
        let zh = call(&world.channel, &method, Vec::new(), Some(&token), "zh").await;
        let en = call(&world.channel, &method, Vec::new(), Some(&token), "en").await;
        let named = |answer: &Answer| {
            let mut fields: Vec<String> = answer.violations.iter().map(|(field, _)| field.clone()).collect();
            fields.sort();
            fields
        };
        let mut wanted = fields.to_vec();
        wanted.sort_unstable();
        assert_eq!((named(&zh), zh.code), (named(&en), Code::InvalidArgument), "{name}");
        assert_eq!(named(&en), wanted, "{name}");
        for ((field, zh), (_, en)) in zh.violations.iter().zip(&en.violations) {
            assert!(en.is_ascii() && !en.is_empty(), "{name} {field}: {en}");
            assert!(!zh.is_ascii(), "{name} {field}: {zh}");
        }
    }
    world.end().await;
}

#[test]
fn what_the_rig_looks_for_it_would_see() {
    let good = Answer {
        code: Code::InvalidArgument,
        message: String::new(),
        reason: "INVALID_FIELDS".to_owned(),
        violations: vec![("centre".to_owned(), "不能为空".to_owned())],
        bytes: Vec::new(),
    };
    let with = |code, violations| Answer { code, violations, ..good.clone() };
    assert_eq!(complaint(&good), None);
    assert!(complaint(&with(Code::Internal, Vec::new())).is_some());
    assert!(complaint(&with(Code::Unknown, Vec::new())).is_some());
    assert!(complaint(&with(Code::InvalidArgument, Vec::new())).is_some());
    assert!(complaint(&with(Code::InvalidArgument, vec![(String::new(), "x".to_owned())])).is_some());
}
