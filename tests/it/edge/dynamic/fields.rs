//! Every field of every message, with everything that must not be in it: one wrong field at a time in a call that is
//! otherwise good, and then many at once.

use futures_util::{StreamExt as _, stream};
use prost_reflect::prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, MethodDescriptor, ReflectMessage as _,
    Value,
};
use qinlian::access::Rules;
use tonic::Code;
use tonic::transport::Channel;

use super::at_once;
use super::message::{Maker, timestamp};
use super::world::World;
use super::{Answer, call};
use crate::rigs::canary::fill::{methods, path_of};
use crate::rigs::canary::sieve::stored;
use crate::rigs::town::Town;
use crate::support::say_aloud;

/// What a text must not hold, each behind letters by which it would be found again.
pub(super) const FORBIDDEN: [&str; 5] =
    ["zqx\u{0}y", "zqx\u{1b}[31my", "zqx\r\ny", "zqx\u{202e}y", "zqx\u{2066}y"];
/// A text in whose place bytes are put that are no UTF-8.
const PLACE: &str = "zqplaceholderzq";
/// More items than any list may have.
const MANY: usize = 1_200;

/// In what way a text or a time is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Nothing, or none.
    Empty,
    TooLong,
    /// One of [`FORBIDDEN`].
    Forbidden(&'static str),
    /// So many seconds, outside of 1970 to 9999.
    Far(i64),
    /// What is no text and no time, and what need not be wrong at all.
    Other,
}

/// Before and after the years that there are.
const FAR: [i64; 5] = [-62_135_596_800, -1, 253_402_300_800, i64::MIN, i64::MAX];
/// Of items that are wrong in the same way, so many.
pub(super) const ITEMS: usize = 3;

/// The value that is wrong in this way, for a field of this kind; a time that is left out is none.
pub(super) fn value_of(field: &FieldDescriptor, wrong: Wrong) -> Option<Value> {
    let text = |text: &str| Some(Value::String(text.to_owned()));
    match (field.kind(), wrong) {
        (Kind::String, Wrong::Empty) => text(""),
        (Kind::String, Wrong::TooLong) => Some(Value::String("长".repeat(501))),
        (Kind::String, Wrong::Forbidden(forbidden)) => text(forbidden),
        (Kind::Message(of), Wrong::Far(seconds)) if is_time(&of) => Some(timestamp(&of, seconds)),
        (_, Wrong::Empty | Wrong::TooLong | Wrong::Forbidden(_) | Wrong::Far(_) | Wrong::Other) => None,
    }
}

fn is_time(of: &MessageDescriptor) -> bool {
    of.full_name() == "google.protobuf.Timestamp"
}

/// What is sent: a message with one field made wrong.
struct Variant {
    field: String,
    wrong: Wrong,
    bytes: Vec<u8>,
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Single {
    pub(super) method: String,
    pub(super) field: String,
    pub(super) wrong: Wrong,
    pub(super) answer: Answer,
}

/// Who said that a field is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// The call was refused.
    ByCall,
    /// The call was answered, and the field's item was not: what is wrong with it stands there.
    ByItem,
}

impl Single {
    /// Who named the field, if anybody did.
    pub(super) fn named(&self) -> Option<Named> {
        [Named::ByCall, Named::ByItem].into_iter().find(|by| says(&self.answer, &self.field, *by))
    }
}

/// Does an answer say that this field is wrong?
pub(super) fn says(answer: &Answer, field: &str, by: Named) -> bool {
    let name = match field {
        // Two ways to say one thing have one name.
        "role_grant.person_id" | "role_grant.subject" => "role_grant.holder",
        other => other,
    };
    match by {
        Named::ByCall => named(answer).any(|named| named == name),
        Named::ByItem => name.split_once('.').is_some_and(|(_, inside)| {
            let told = without_places(&String::from_utf8_lossy(&answer.bytes));
            answer.code == Code::Ok && told.contains(&format!("{inside}:"))
        }),
    }
}

/// The fields that an answer names, without their places in lists.
pub(super) fn named(answer: &Answer) -> impl Iterator<Item = String> {
    answer.violations.iter().map(|(field, _)| without_places(field))
}

/// Without `[3]` and the like. Brackets around anything else stay: an answer's bytes hold some by chance.
fn without_places(path: &str) -> String {
    let mut parts = path.split('[');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let place = part.split_once(']').filter(|(place, _)| place.parse::<usize>().is_ok());
        if let Some((_, rest)) = place {
            text.push_str(rest);
        } else {
            text.push('[');
            text.push_str(part);
        }
    }
    text
}

#[test]
fn a_bracket_by_chance_hides_no_field() {
    for (told, wanted) in [
        ("events[3].window:NUL", "events.window:NUL"),
        ("a[12][0].b", "a.b"),
        ("\u{1}[\u{2}window:NUL\u{3}]", "\u{1}[\u{2}window:NUL\u{3}]"),
        ("[window", "[window"),
    ] {
        assert_eq!(without_places(told), wanted);
    }
}

/// What may stand in a field that is no message.
fn values(field: &FieldDescriptor) -> Vec<Value> {
    let text = |text: &str| Value::String(text.to_owned());
    match field.kind() {
        Kind::String => {
            vec![text(PLACE), Value::String("a".repeat(60 * 1024))]
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

/// Every way in which a text or a time is wrong.
fn texts_and_times() -> impl Iterator<Item = Wrong> {
    let texts = FORBIDDEN.into_iter().map(Wrong::Forbidden);
    [Wrong::Empty, Wrong::TooLong].into_iter().chain(texts).chain(FAR.into_iter().map(Wrong::Far))
}

/// A message with one of its fields made wrong, in every way: the field, how it is wrong, and the whole message.
fn variants(message: &DynamicMessage, path: &str) -> Vec<(String, Wrong, DynamicMessage)> {
    let mut found = Vec::new();
    for field in message.descriptor().fields() {
        let named =
            if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        let mut made = |wrong: Wrong, value: Value| {
            let mut other = message.clone();
            other.set_field(&field, value);
            found.push((named.clone(), wrong, other));
        };
        for wrong in texts_and_times() {
            let Some(value) = value_of(&field, wrong).filter(|_| !field.is_map()) else { continue };
            if field.is_list() {
                made(wrong, Value::List(vec![value.clone(); ITEMS]));
                made(Wrong::Other, Value::List(vec![value; 40]));
            } else {
                made(wrong, value);
            }
        }
        let mut with = |value: Value| made(Wrong::Other, value);
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
                    with(Value::List(vec![value.clone(); ITEMS]));
                    with(Value::List(vec![value; 40]));
                } else {
                    with(value);
                }
            }
            continue;
        };
        if is_time(&inner) {
            for seconds in [0, 253_402_300_799] {
                with(timestamp(&inner, seconds));
            }
            let mut without = message.clone();
            without.clear_field(&field);
            found.push((named.clone(), Wrong::Empty, without));
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
                    for (inside, wrong, other) in variants(&item, &named) {
                        let mut whole = message.clone();
                        whole.set_field(&field, Value::List(vec![Value::Message(other)]));
                        found.push((inside, wrong, whole));
                    }
                }
            }
            Value::Message(own) => {
                for (inside, wrong, other) in variants(&own, &named) {
                    let mut whole = message.clone();
                    whole.set_field(&field, Value::Message(other));
                    found.push((inside, wrong, whole));
                }
                let mut without = message.clone();
                without.clear_field(&field);
                found.push((named.clone(), Wrong::Other, without));
            }
            other => panic!("{named}: {other:?} is no message"),
        }
    }
    found
}

/// The bytes of each variant; a text's placeholder becomes bytes that are no text.
fn encoded(message: &DynamicMessage) -> Vec<Variant> {
    let each = variants(message, "").into_iter().map(|(field, wrong, variant)| {
        let mut bytes = variant.encode_to_vec();
        while let Some(at) = bytes.windows(PLACE.len()).position(|window| window == PLACE.as_bytes()) {
            bytes[at..at + PLACE.len()].fill(0xff);
        }
        Variant { field, wrong, bytes }
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

/// Calls, and again when told to come again: that the machine is busy says nothing about a field.
pub(super) async fn patient(
    channel: &Channel,
    method: &MethodDescriptor,
    bytes: &[u8],
    token: &str,
    language: &str,
) -> Answer {
    for _ in 0..100 {
        let answer = call(channel, method, bytes.to_vec(), Some(token), language).await;
        if answer.reason != "OVERLOADED" {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{}: too much is waiting all the time", method.name());
}

async fn every_field(town: Town) {
    let world = World::begin(town).await;
    let rules = Rules::ours().unwrap();
    let mut maker = Maker::new(11);
    let mut calls = Vec::new();
    for method in methods() {
        let rule = rules.find(&path_of(&method)).unwrap();
        let (names, token) = world.at_home(rule);
        let message = maker.message(&method.input(), &method, &names, 0);
        for variant in encoded(&message) {
            calls.push((method.clone(), token.clone(), variant));
        }
    }
    let count = calls.len();
    let channel = &world.channel;
    let singles: Vec<Single> = stream::iter(calls)
        .map(|(method, token, Variant { field, wrong, bytes })| async move {
            let answer = patient(channel, &method, &bytes, &token, "zh").await;
            Single { method: method.full_name().to_owned(), field, wrong, answer }
        })
        .buffer_unordered(32)
        .collect()
        .await;
    let wrong = |single: &Single| complaint(&single.answer).map(|why| format!("{why}: {single:?}"));
    let found: Vec<String> = singles.iter().filter_map(wrong).collect();
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
    at_once::nothing_wrong_is_passed_over(&singles);
    at_once::all_at_once(&world, &mut maker, &singles).await;
    at_once::nothing_at_all(&world).await;
    world.end().await;
}

#[test]
fn what_the_rig_looks_for_it_would_see() {
    let good = Answer {
        code: Code::InvalidArgument,
        message: String::new(),
        reason: "INVALID_FIELDS".to_owned(),
        violations: vec![("centre".to_owned(), "不能为空".to_owned())],
        more: 0,
        bytes: Vec::new(),
    };
    let with = |code, violations| Answer { code, violations, ..good.clone() };
    assert_eq!(complaint(&good), None);
    assert!(complaint(&with(Code::Internal, Vec::new())).is_some());
    assert!(complaint(&with(Code::Unknown, Vec::new())).is_some());
    assert!(complaint(&with(Code::InvalidArgument, Vec::new())).is_some());
    assert!(complaint(&with(Code::InvalidArgument, vec![(String::new(), "x".to_owned())])).is_some());
}
