//! How long a text may be stands in the comment of its field, for whoever writes a client. The server means the same:
//! exactly so many characters are taken, of any script, and one more is refused by name in both languages.

use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};
use qinlian::access::Rules;
use tonic::Code;

use super::call;
use super::message::Maker;
use super::world::{About, World};
use crate::rigs::canary::fill::{comment_of, methods, path_of};
use crate::rigs::town::Town;
use crate::support::say_aloud;

/// A request with one text of a certain length.
struct Length {
    field: String,
    characters: usize,
    good: bool,
    message: DynamicMessage,
}

/// `1 to 64 characters` or `at most 64 characters`: may it be empty, and how long may it be?
fn stated(comment: &str) -> Option<(bool, usize)> {
    let words: Vec<&str> = comment.split_whitespace().collect();
    words.windows(4).find_map(|words| {
        let ends = words[3].trim_end_matches(['.', ',', ';']) == "characters";
        let most = words[2].replace(',', "").parse().ok().filter(|_| ends)?;
        match [words[0], words[1]] {
            ["1", "to"] => Some((false, most)),
            ["at", "most"] => Some((true, most)),
            _ => None,
        }
    })
}

fn limit_of(field: &FieldDescriptor) -> Option<(bool, usize)> {
    (field.kind() == Kind::String && !field.is_list()).then(|| stated(&comment_of(field)))?
}

/// Every text of a message that has a stated length, at its limits.
fn lengths(message: &DynamicMessage, path: &str) -> Vec<Length> {
    let mut found = Vec::new();
    for field in message.descriptor().fields() {
        let named =
            if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        if let Some((may_be_empty, most)) = limit_of(&field) {
            for (characters, good) in [(0, may_be_empty), (1, true), (most, true), (most + 1, false)] {
                // Three bytes each: what is counted is not bytes.
                let mut message = message.clone();
                message.set_field(&field, Value::String("长".repeat(characters)));
                found.push(Length { field: named.clone(), characters, good, message });
            }
        }
        if field.is_list() || !message.has_field(&field) {
            continue;
        }
        if let Value::Message(own) = message.get_field(&field).into_owned() {
            for inner in lengths(&own, &named) {
                let mut message = message.clone();
                message.set_field(&field, Value::Message(inner.message));
                found.push(Length { message, ..inner });
            }
        }
    }
    found
}

async fn at_the_limits(town: Town) {
    let world = World::begin(town).await;
    let rules = Rules::ours().unwrap();
    let mut maker = Maker::new(51);
    let mut tried = 0;
    for method in methods() {
        let rule = rules.find(&path_of(&method)).unwrap();
        let deployment = rule.scope == qinlian::proto::access::Scope::Deployment;
        let names = world.names(About::Own, "t0", deployment);
        let token = world.token(&world.town.caller_for(rule));
        let message = maker.message(&method.input(), &method, &names, 0);
        for length in lengths(&message, "") {
            let what = format!("{} {} of {} characters", method.name(), length.field, length.characters);
            for language in ["zh", "en"] {
                let bytes = length.message.encode_to_vec();
                let answer = call(&world.channel, &method, bytes, Some(&token), language).await;
                let said = answer.violations.iter().find(|(field, _)| *field == length.field);
                assert_eq!(said.is_none(), length.good, "{what}: {answer:?}");
                assert!(length.good || answer.code == Code::InvalidArgument, "{what}: {answer:?}");
                let own_language =
                    said.is_none_or(|(_, said)| !said.is_empty() && said.is_ascii() == (language == "en"));
                assert!(own_language, "{what}, {language}: {answer:?}");
            }
            tried += 1;
        }
    }
    assert!(tried >= 4 * 20, "only {tried}");
    say_aloud(&format!("{tried} texts at the limits that the interface states"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_may_be_as_long_as_the_interface_says_on_sqlite() {
    at_the_limits(Town::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_may_be_as_long_as_the_interface_says_on_postgresql() {
    if let Some(town) = Town::on_postgres(1).await {
        at_the_limits(town).await;
    }
}

#[test]
fn limits_are_read_from_comments() {
    for (comment, limit) in [
        (" In words; 1 to 500 characters. Personal.", Some((false, 500))),
        (" Where at the device; at most 64 characters.", Some((true, 64))),
        (" 1 to 2,000 characters", Some((false, 2_000))),
        (" 100 when 0; at most 1,000.", None),
        (" Ed25519, 32 bytes.", None),
        ("", None),
    ] {
        assert_eq!(stated(comment), limit, "{comment}");
    }
}
