//! Messages made from their descriptors, with a canary in every text and every bytes field.

use std::collections::BTreeMap;

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, MethodDescriptor, Value,
};
use qinlian::kernel::RequestId;
use qinlian::proto::DESCRIPTORS;

use super::sieve::canaries_in;
use crate::rigs::Dice;
use crate::rigs::load::now_ms;
use crate::rigs::town::Town;

/// What every canary begins with. A canary is a code, a name and a label alike, so that it is accepted wherever a text
/// is free.
pub(super) const PREFIX: &str = "cnry-";
/// What ends a line, begins another one, moves a cursor, and turns a line around.
const TEARS: &str = "\r\n\u{1b}[31m{\"code\":\"CALL_OK\"}\u{202e}\u{2066}\u{2028}\u{9b}\0";
/// Fewer methods than this are not the whole interface.
pub(super) const METHODS_AT_LEAST: usize = 50;
/// A message in a message in a message: deeper than any of ours needs.
const DEEP: usize = 6;

/// How a call is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Everything that refers to something refers to what exists; canaries where a text is free.
    Plausible,
    /// The same id as the plausible call before, and other canaries.
    Reused,
    /// Canaries everywhere.
    Wild,
    /// Plausible, and every free text with what ends lines, moves cursors and turns lines around.
    Broken,
    /// The same in every text, codes and ids included.
    Torn,
}

impl Mood {
    pub(super) const ALL: [Self; 5] = [Self::Plausible, Self::Reused, Self::Wild, Self::Broken, Self::Torn];
}

/// Where a canary was put: the n-th has the number n.
#[derive(Debug)]
pub(super) struct Planted {
    pub(super) field: String,
    /// Does the interface call the field personal?
    pub(super) personal: bool,
}

/// Fills messages, and remembers with what.
#[derive(Debug)]
pub(super) struct Filler {
    pub(super) planted: Vec<Planted>,
    people: Vec<String>,
    dice: Dice,
    request_id: String,
    device_seq: u64,
    /// The codes of what was put last, by the name of the field that holds them.
    put: BTreeMap<String, String>,
}

/// Where in a call a field is.
struct Place<'a> {
    method: &'a MethodDescriptor,
    mood: Mood,
    round: usize,
    centre: &'a str,
    depth: usize,
    personal: bool,
}

/// Every method of ours, in the order of the files.
pub(crate) fn methods() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("our descriptors");
    let ours = pool.services().filter(|service| service.package_name() == "qinlian.v1");
    let mut methods: Vec<_> = ours.flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    // The directory first: what it puts is what the others name. The sort is stable.
    methods.sort_by_key(|method| method.parent_service().name() != "DirectoryService");
    methods
}

/// A method's path.
pub(crate) fn path_of(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

impl Filler {
    pub(super) fn new(town: &Town) -> Self {
        Self {
            planted: Vec::new(),
            people: town.people.clone(),
            dice: Dice::new(5),
            request_id: String::new(),
            device_seq: 0,
            put: BTreeMap::new(),
        }
    }

    /// The request of a method.
    pub(super) fn fill(
        &mut self,
        method: &MethodDescriptor,
        mood: Mood,
        round: usize,
        centre: &str,
    ) -> DynamicMessage {
        if mood != Mood::Reused {
            self.request_id = RequestId::random(self.dice.bytes()).to_string();
        }
        let place = Place { method, mood, round, centre, depth: 0, personal: false };
        self.message(&method.input(), &place)
    }

    /// The personal fields whose canaries stand in these bytes.
    pub(super) fn personal(&self, bytes: &[u8]) -> impl Iterator<Item = &str> {
        let planted = canaries_in(bytes).into_iter().filter_map(|canary| {
            let number: usize = canary[PREFIX.len()..].parse().ok()?;
            self.planted.get(number)
        });
        planted.filter(|planted| planted.personal).map(|planted| planted.field.as_str())
    }

    fn message(&mut self, descriptor: &MessageDescriptor, place: &Place<'_>) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields() {
            let chosen = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()).is_none_or(|oneof| {
                let fields: Vec<_> = oneof.fields().collect();
                fields[place.round % fields.len()].number() == field.number()
            });
            if !chosen {
                continue;
            }
            if field.is_map() {
                message.set_field(&field, self.pairs(&field, place));
                continue;
            }
            let inside =
                Place { depth: place.depth + 1, personal: place.personal || is_personal(&field), ..*place };
            if let Some(value) = self.value(&field, &inside) {
                let value = if field.is_list() { Value::List(vec![value]) } else { value };
                message.set_field(&field, value);
            }
        }
        message
    }

    fn value(&mut self, field: &FieldDescriptor, place: &Place<'_>) -> Option<Value> {
        Some(match field.kind() {
            Kind::Message(_) if place.depth > DEEP => return None,
            Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => {
                let mut at = DynamicMessage::new(inner);
                // A time ends after it begins.
                let later = if field.name() == "until" && place.mood != Mood::Wild { 3_600 } else { 0 };
                at.set_field_by_name("seconds", Value::I64(now_ms() / 1000 + later));
                Value::Message(at)
            }
            // Erasing is asked for by targets or by person, not by both.
            Kind::Message(_) if place.mood != Mood::Wild && field.name() == "targets" => return None,
            Kind::Message(inner) => Value::Message(self.message(&inner, place)),
            Kind::Enum(named) => {
                let known: Vec<i32> =
                    named.values().map(|value| value.number()).filter(|n| *n != 0).collect();
                let number = if place.mood == Mood::Wild { 99 } else { known[place.round % known.len()] };
                Value::EnumNumber(number)
            }
            Kind::String => Value::String(self.text(field, place)?),
            // Of whatever else they would not be digests.
            Kind::Bytes if place.mood != Mood::Wild && field.name() == "digest" => {
                Value::Bytes(vec![7; 32].into())
            }
            Kind::Bytes if place.mood != Mood::Wild && field.name().contains("digest") => return None,
            Kind::Bytes => Value::Bytes(self.canary(field, place).into_bytes().into()),
            Kind::Bool => Value::Bool(place.round % 3 == 1),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(self.number(field, place)),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(1),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(1),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(match field.name() {
                "year" => 2026,
                "month" | "day" => 2,
                "as_weekday" => 0,
                "weekdays" => 1,
                "on_plan_min" => 510,
                "off_plan_min" => 1_050,
                "span" => 1,
                _ => 10,
            }),
            Kind::Double => Value::F64(1.0),
            Kind::Float => Value::F32(1.0),
        })
    }

    /// A key that is known with a good value, or a canary for a canary.
    fn pairs(&mut self, field: &FieldDescriptor, place: &Place<'_>) -> Value {
        let torn = |text: String| if place.mood == Mood::Torn { format!("{text}{TEARS}") } else { text };
        let (key, value) = if [Mood::Plausible, Mood::Reused].contains(&place.mood) {
            ("serious_late_minutes".to_owned(), "12".to_owned())
        } else {
            (torn(self.canary(field, place)), torn(self.canary(field, place)))
        };
        Value::Map([(MapKey::String(key), Value::String(value))].into())
    }

    fn number(&mut self, field: &FieldDescriptor, place: &Place<'_>) -> u64 {
        match (field.name(), place.mood) {
            (_, Mood::Wild) => u64::MAX,
            ("device_seq", Mood::Plausible) => {
                self.device_seq += 1;
                self.device_seq
            }
            ("device_seq", _) => self.device_seq,
            _ => 1,
        }
    }

    fn canary(&mut self, field: &FieldDescriptor, place: &Place<'_>) -> String {
        let value = format!("{PREFIX}{:05}", self.planted.len());
        let field = format!("{} {}", place.method.name(), field.full_name());
        self.planted.push(Planted { field, personal: place.personal });
        value
    }

    /// What stands in a text field; `None` leaves it out.
    fn text(&mut self, field: &FieldDescriptor, place: &Place<'_>) -> Option<String> {
        if place.mood == Mood::Wild {
            return Some(self.canary(field, place));
        }
        if place.mood == Mood::Torn {
            return Some(format!("{}{TEARS}", self.canary(field, place)));
        }
        let message = field.parent_message();
        let (of, name) = (message.name(), field.name());
        let in_directory = place.method.parent_service().name() == "DirectoryService";
        let own_code = of.to_lowercase() == name.replace('_', "")
            || [("ServiceItem", "item"), ("RoleGrant", "grant")].contains(&(of, name));
        if own_code {
            let code = self.canary(field, place);
            self.put.insert(name.to_owned(), code.clone());
            return Some(code);
        }
        match name {
            "request_id" if of == "Punch" && place.method.name() == "RecordPunch" => None,
            "request_id" if place.depth > 1 && place.mood != Mood::Reused => {
                Some(RequestId::random(self.dice.bytes()).to_string())
            }
            "request_id" => Some(self.request_id.clone()),
            "centre" if of == "Reach" => None,
            "centre" if of == "Assignment" => Some("hall".to_owned()),
            "centre" => Some(place.centre.to_owned()),
            // Minted by the directory.
            "person_id" if of == "Person" => None,
            "person_id" if place.method.name().starts_with("Retire") => self.people.last().cloned(),
            "person_id" | "person_ids" => self.people.first().cloned(),
            "b_post_person_id" | "to_person_id" => self.people.last().cloned(),
            "subject" => Some(format!("system:{}", self.canary(field, place))),
            "timezone" => Some("Asia/Shanghai".to_owned()),
            "page_token" | "cursor" => None,
            "windows" | "items" | "department" | "window" if place.depth > 1 => None,
            "device" if !in_directory || place.depth > 1 => Some("t0".to_owned()),
            "pack" => Some("cn-default".to_owned()),
            "clause" => Some("4.1b".to_owned()),
            "code" => self.put.get("centre").cloned(),
            "department" | "window" | "item" | "device" | "grant" => self.put.get(name).cloned(),
            _ if place.mood == Mood::Broken => Some(format!("{}{TEARS}", self.canary(field, place))),
            _ => Some(self.canary(field, place)),
        }
    }
}

/// What the interface itself says of a field: its comment calls it personal.
fn is_personal(field: &FieldDescriptor) -> bool {
    comment_of(field).contains("Personal")
}

/// The comment above a field.
pub(crate) fn comment_of(field: &FieldDescriptor) -> String {
    let file = field.parent_file();
    let source = file.file_descriptor_proto().source_code_info.as_ref();
    let place = source.and_then(|source| source.location.iter().find(|place| place.path == field.path()));
    place.and_then(|place| place.leading_comments.clone()).unwrap_or_default()
}

mod tests {
    use super::*;

    #[test]
    fn the_comments_of_the_interface_say_which_fields_are_personal() {
        let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
        for (message, field, personal) in [
            ("Person", "name", true),
            ("Person", "external_ids", true),
            ("Person", "department", false),
            ("Credential", "value", true),
            ("RetirePersonRequest", "reason", true),
            ("Window", "number", false),
        ] {
            let descriptor = pool.get_message_by_name(&format!("qinlian.v1.{message}")).unwrap();
            let field = descriptor.get_field_by_name(field).unwrap();
            assert_eq!(is_personal(&field), personal, "{}", field.full_name());
        }
    }
}
