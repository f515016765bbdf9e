//! Every wrong field of a message is named at once, in the caller's language: what was named when it was wrong alone is
//! named when everything is wrong.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, MethodDescriptor, ReflectMessage as _, Value};
use qinlian::access::Rules;
use tonic::Code;

use super::fields::{FORBIDDEN, ITEMS, Named, Single, Wrong, named, patient, says, value_of};
use super::message::Maker;
use super::world::World;
use super::{Answer, call};
use crate::rigs::canary::fill::{methods, path_of};
use crate::support::say_aloud;

/// Fields in which anything may stand, what the call is answered with, and why nothing comes of it.
const FREE: &[(&str, &str, Code, &str)] = &[
    ("DecideErasure", "origin", Code::NotFound, "names a tree: there is none of that name"),
    ("GetEntry", "origin", Code::NotFound, "the same"),
    ("ListEntries", "origin", Code::NotFound, "the same"),
    ("ProveConsistency", "origin", Code::NotFound, "the same"),
    ("ProveInclusion", "origin", Code::NotFound, "the same"),
    ("GetTerminalConfig", "etag", Code::Ok, "is compared with the present one, and kept nowhere"),
    (
        "StartPause",
        "guidance.person_id",
        Code::FailedPrecondition,
        "is of another kind of guidance, and dropped",
    ),
];

/// A text that holds what it must not or is too long, and a time outside of all years, is refused, and its field is named.
pub(super) fn nothing_wrong_is_passed_over(singles: &[Single]) {
    let (mut texts, mut free, mut passed) = (0, BTreeSet::new(), BTreeSet::new());
    for single in singles {
        if matches!(single.wrong, Wrong::Empty | Wrong::Other) {
            continue;
        }
        texts += 1;
        if single.named().is_some() {
            continue;
        }
        let name = single.method.rsplit('.').next().unwrap_or_default();
        let (code, reason) = (single.answer.code, &single.answer.reason);
        let found = FREE.iter().find(|free| (free.0, free.1, free.2) == (name, single.field.as_str(), code));
        if let Some((method, field, ..)) = found {
            free.insert((method, field));
        } else {
            passed.insert(format!("{name} {} {:?}: {code:?} {reason}", single.field, single.wrong));
        }
    }
    assert!(passed.is_empty(), "{} of {texts} were not named: {passed:#?}", passed.len());
    assert_eq!(free.len(), FREE.len(), "some need no exception any more: {free:?}");
    assert!(texts > 1_000, "only {texts} texts and times");
}

/// What is put into fields, by the field's path.
type Spoils = BTreeMap<String, Vec<Wrong>>;

/// Puts a wrong value into every field that has one, and says into which. One member of a oneof is set: the first that has.
fn spoil(message: &mut DynamicMessage, path: &str, spoils: &Spoils, round: usize) -> Vec<String> {
    let mut done = Vec::new();
    let mut taken = Vec::new();
    for field in message.descriptor().fields() {
        let here = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
        if oneof.as_ref().is_some_and(|oneof| taken.contains(oneof)) {
            continue;
        }
        let before = done.len();
        if let Some(wrongs) = spoils.get(&here) {
            put(message, &field, wrongs[round % wrongs.len()]);
            done.push(here);
        } else if message.has_field(&field) && !field.is_map() {
            match message.get_field_mut(&field) {
                Value::Message(inner) => done.extend(spoil(inner, &here, spoils, round)),
                Value::List(items) => {
                    if let Some(Value::Message(inner)) = items.first_mut() {
                        done.extend(spoil(inner, &here, spoils, round));
                    }
                }
                other => assert!(other.as_message().is_none(), "{here}"),
            }
        }
        if done.len() > before {
            taken.extend(oneof);
        }
    }
    done
}

fn put(message: &mut DynamicMessage, field: &FieldDescriptor, wrong: Wrong) {
    match value_of(field, wrong) {
        None => message.clear_field(field),
        Some(value) if field.is_list() => message.set_field(field, Value::List(vec![value; ITEMS])),
        Some(value) => message.set_field(field, value),
    }
}

/// What is wrong with the answers to a message of which these fields are wrong.
fn complaint(wanted: &[String], by: Named, zh: &Answer, en: &Answer) -> Option<String> {
    for answer in [zh, en] {
        let missing: Vec<_> = wanted.iter().filter(|field| !says(answer, field, by)).collect();
        let told = || format!("{:?} {}, {:?}", answer.code, answer.reason, named(answer).collect::<Vec<_>>());
        // What had no room is counted.
        if missing.len() > answer.more {
            return Some(format!("{missing:?} not named: {}", told()));
        }
        let refused = (answer.code, answer.reason.as_str()) == (Code::InvalidArgument, "INVALID_FIELDS");
        if !refused && by == Named::ByCall {
            return Some(format!("not refused: {}", told()));
        }
    }
    let all = |answer: &Answer| answer.violations.len() + answer.more;
    let mut both = zh.violations.iter().zip(&en.violations);
    let other = both.clone().find(|((zh, _), (en, _))| zh != en);
    if all(zh) != all(en) || other.is_some() {
        return Some(format!("{} in Chinese, {} in English: {other:?}", all(zh), all(en)));
    }
    let strange = both.find(|((_, zh), (_, en))| !is_chinese(zh) || !en.is_ascii() || en.is_empty());
    strange.map(|wrong| format!("not in its language: {wrong:?}"))
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// A message with many wrong fields.
struct Spoiled {
    method: MethodDescriptor,
    token: String,
    way: Wrong,
    by: Named,
    wanted: Vec<String>,
    bytes: Vec<u8>,
}

/// For every method and every way in which texts are wrong, one message in which all fields are wrong that were named when they
/// were wrong alone. Times are wrong in one way after the other.
fn spoiled(world: &World, maker: &mut Maker, singles: &[Single]) -> Vec<Spoiled> {
    let rules = Rules::ours().unwrap();
    let ways: Vec<_> =
        [Wrong::Empty, Wrong::TooLong].into_iter().chain(FORBIDDEN.map(Wrong::Forbidden)).collect();
    let mut named_alone: BTreeMap<&str, Vec<(&Single, Named)>> = BTreeMap::new();
    for single in singles {
        if let Some(by) = single.named() {
            named_alone.entry(&single.method).or_default().push((single, by));
        }
    }
    let mut all = Vec::new();
    for method in methods() {
        let rule = rules.find(&path_of(&method)).unwrap();
        let (names, token) = world.at_home(rule);
        let ours = named_alone.get(method.full_name()).map(Vec::as_slice).unwrap_or_default();
        // A call that is refused looks into no item.
        for by in [Named::ByCall, Named::ByItem] {
            for (round, way) in ways.iter().enumerate() {
                let mut spoils = Spoils::new();
                for (single, _) in ours.iter().filter(|(_, named)| *named == by) {
                    if single.wrong == *way || matches!(single.wrong, Wrong::Far(_)) {
                        spoils.entry(single.field.clone()).or_default().push(single.wrong);
                    }
                }
                let mut message = maker.message(&method.input(), &method, &names, 0);
                let mut wanted = spoil(&mut message, "", &spoils, round);
                // It has to be the centre of the request, which is as wrong here, and named.
                wanted.retain(|field| field != "assignment.centre");
                if !wanted.is_empty() {
                    let (method, token, bytes) = (method.clone(), token.clone(), message.encode_to_vec());
                    all.push(Spoiled { method, token, way: *way, by, wanted, bytes });
                }
            }
        }
    }
    all
}

/// Everything that is named when it is wrong alone is named when everything is wrong, in either language.
pub(super) async fn all_at_once(world: &World, maker: &mut Maker, singles: &[Single]) {
    let messages = spoiled(world, maker, singles);
    let (count, fields) = (messages.len(), messages.iter().map(|it| it.wanted.len()).sum::<usize>());
    let found: Vec<String> = stream::iter(messages)
        .map(|Spoiled { method, token, way, by, wanted, bytes }| async move {
            let zh = patient(&world.channel, &method, &bytes, &token, "zh").await;
            let en = patient(&world.channel, &method, &bytes, &token, "en").await;
            let why = complaint(&wanted, by, &zh, &en)?;
            Some(format!("{} {way:?} {wanted:?}: {why}", method.name()))
        })
        .buffer_unordered(16)
        .filter_map(async |found| found)
        .collect()
        .await;
    assert!(found.is_empty(), "{} of {count}: {found:#?}", found.len());
    assert!(count > 500 && fields > 1_000, "only {count} messages, {fields} fields");
    say_aloud(&format!(
        "{count} messages with {fields} wrong fields in all: all named at once, in both languages"
    ));
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

/// Messages in which there is nothing.
pub(super) async fn nothing_at_all(world: &World) {
    let rules = Rules::ours().unwrap();
    for (name, fields) in EMPTY {
        let method = methods().into_iter().find(|method| method.name() == *name).expect(name);
        let token = world.token(&world.town.caller_for(rules.find(&path_of(&method)).unwrap()));
        let zh = call(&world.channel, &method, Vec::new(), Some(&token), "zh").await;
        let en = call(&world.channel, &method, Vec::new(), Some(&token), "en").await;
        let mut wanted: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        assert_eq!(complaint(&wanted, Named::ByCall, &zh, &en), None, "{name}");
        let mut told: Vec<String> = named(&en).collect();
        told.sort();
        wanted.sort();
        assert_eq!(told, wanted, "{name}");
    }
}

#[test]
fn a_field_that_is_not_named_and_a_sentence_in_another_language_are_found() {
    let answer = |fields: &[(&str, &str)], more| Answer {
        code: Code::InvalidArgument,
        message: String::new(),
        reason: "INVALID_FIELDS".to_owned(),
        violations: fields.iter().map(|(field, said)| ((*field).to_owned(), (*said).to_owned())).collect(),
        more,
        bytes: Vec::new(),
    };
    let zh = answer(&[("a", "为空"), ("b[2].c", "为空")], 0);
    let en = answer(&[("a", "is empty"), ("b[2].c", "is empty")], 0);
    let wanted = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
    let found = |fields: &[&str], zh: &Answer, en: &Answer| complaint(&wanted(fields), Named::ByCall, zh, en);
    assert_eq!(found(&["a", "b.c"], &zh, &en), None);
    // There was no room for one of them; of two, one is not counted.
    let (cut, short) = (answer(&[("a", "为空")], 1), answer(&[("a", "is empty")], 1));
    assert_eq!(found(&["a", "b.c"], &cut, &short), None);
    for (case, fields, zh, en) in [
        ("one is not named", &["a", "b.c", "d"][..], &zh, &en),
        ("one is not counted", &["a", "b.c", "d"], &cut, &short),
        ("one has more", &["a"], &zh, &answer(&[("a", "is empty")], 0)),
        ("one has another order", &["a"], &zh, &answer(&[("b[2].c", "is empty"), ("a", "is empty")], 0)),
        ("Chinese in English", &["a"], &zh, &zh),
        ("English in Chinese", &["a"], &en, &en),
        ("nothing in English", &["a"], &zh, &answer(&[("a", "is empty"), ("b[2].c", "")], 0)),
        ("accepted", &[], &Answer { code: Code::Ok, ..zh.clone() }, &en),
    ] {
        assert!(found(fields, zh, en).is_some(), "{case}");
    }
}
