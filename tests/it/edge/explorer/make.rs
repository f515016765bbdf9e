//! Messages that conform to their descriptors: what is likely to be right, what is at an edge, and anything.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};
use qinlian::kernel::RequestId;

use crate::fuzz::engine::Chance;
use crate::rigs::load::now_ms;

/// All that the explorer is told: what somebody has to know to set up a client.
const TOLD: &[(&str, &[&str])] =
    &[("centre", &["hall", "_"]), ("device", &["t0"]), ("timezone", &["Asia/Shanghai"])];
/// No message of ours goes deeper.
const DEEP: usize = 8;
/// So many values of one name are remembered.
const REMEMBERED: usize = 48;

/// How a message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// With values that were seen before, or that could be right.
    Tame,
    /// The same, but for a value here and there.
    Edged,
    /// Anything that the types allow.
    Wild,
}

/// Makes messages, from chance and from what the server has answered.
#[derive(Debug)]
pub(super) struct Maker {
    pub(super) chance: Chance,
    texts: BTreeMap<String, Vec<String>>,
    bytes: BTreeMap<String, Vec<Vec<u8>>>,
    numbers: BTreeMap<String, Vec<u64>>,
    /// Fields that were missed when they were left out.
    needed: BTreeSet<String>,
    /// Which of the told values the message at hand is about.
    about: usize,
    /// Its id, and what was answered before that it takes over where the names are the same.
    id: String,
    context: Option<DynamicMessage>,
    answers: Vec<DynamicMessage>,
}

impl Maker {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            chance: Chance::new(seed),
            texts: BTreeMap::new(),
            bytes: BTreeMap::new(),
            numbers: BTreeMap::new(),
            needed: BTreeSet::new(),
            about: 0,
            id: String::new(),
            context: None,
            answers: Vec::new(),
        }
    }

    /// Remembers that a field of a request must not be left out.
    pub(super) fn need(&mut self, request: &MessageDescriptor, path: &str) {
        let mut within = Some(request.clone());
        let mut found = None;
        for name in path.split('.') {
            let name = name.split('[').next().unwrap_or_default();
            let Some(message) = within else { return };
            if let Some(oneof) = message.oneofs().find(|oneof| oneof.name() == name) {
                self.needed.extend(oneof.fields().map(|field| field.full_name().to_owned()));
            }
            found = message.get_field_by_name(name);
            within = found.as_ref().and_then(|field| field.kind().as_message().cloned());
        }
        self.needed.extend(found.map(|field| field.full_name().to_owned()));
    }

    /// A request.
    pub(super) fn request(&mut self, of: &MessageDescriptor, mood: Mood) -> DynamicMessage {
        self.about = self.chance.below(2);
        self.id = self.uuid();
        self.context = None;
        if !self.answers.is_empty() && !self.chance.one_in(3) {
            // Of a few, the one that has most to do with it.
            let few: Vec<usize> = (0..12).map(|_| self.chance.below(self.answers.len())).collect();
            let best = few.into_iter().max_by_key(|at| shared(of, &self.answers[*at]));
            self.context = best.map(|at| self.answers[at].clone());
        }
        self.message(of, mood, 0)
    }

    /// Remembers the values of an answer by the names of their fields: `next_cursor` is a `cursor`.
    pub(super) fn learn(&mut self, answer: &DynamicMessage) {
        remember(&mut self.chance, &mut self.answers, answer.clone(), 4 * REMEMBERED);
        for (field, value) in answer.fields() {
            let name = field.name().trim_start_matches("next_").to_owned();
            match value {
                Value::List(items) => items.iter().for_each(|item| self.learn_value(&name, item)),
                one => self.learn_value(&name, one),
            }
        }
    }

    fn learn_value(&mut self, name: &str, value: &Value) {
        match value {
            Value::Message(inner) => self.learn(inner),
            Value::String(text) if !text.is_empty() => {
                // A centre is called by its code where another one is what the call is about.
                let name = if name == "centre" { "code" } else { name };
                if TOLD.iter().any(|(told, _)| *told == name) {
                    return;
                }
                remember(
                    &mut self.chance,
                    self.texts.entry(name.to_owned()).or_default(),
                    text.clone(),
                    REMEMBERED,
                );
            }
            Value::Bytes(bytes) if !bytes.is_empty() => {
                remember(
                    &mut self.chance,
                    self.bytes.entry(name.to_owned()).or_default(),
                    bytes.to_vec(),
                    REMEMBERED,
                );
            }
            Value::U64(number) => {
                remember(
                    &mut self.chance,
                    self.numbers.entry(name.to_owned()).or_default(),
                    *number,
                    REMEMBERED,
                );
            }
            _ => {}
        }
    }

    /// A message of this type.
    fn message(&mut self, of: &MessageDescriptor, mood: Mood, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(of.clone());
        if of.full_name() == "google.protobuf.Timestamp" {
            self.time(&mut message, mood);
            return message;
        }
        for field in of.fields().filter(|field| field.containing_oneof().is_none_or(|it| it.is_synthetic())) {
            self.set(&mut message, &field, mood, depth);
        }
        for oneof in of.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let fields: Vec<_> = oneof.fields().collect();
            let field = self.chance.of(&fields).clone();
            self.set(&mut message, &field, mood, depth);
        }
        message
    }

    fn set(&mut self, message: &mut DynamicMessage, field: &FieldDescriptor, mood: Mood, depth: usize) {
        let left_out = match mood {
            Mood::Tame if self.needed.contains(field.full_name()) => false,
            // Half a date is none.
            Mood::Tame if depth > 0 && matches!(field.kind(), Kind::Int32 | Kind::Uint32) => false,
            Mood::Tame => self.chance.one_in(2),
            Mood::Edged | Mood::Wild => self.chance.one_in(4),
        };
        if left_out || depth > DEEP {
            return;
        }
        if mood != Mood::Wild
            && field.name() != "request_id"
            && let Some(value) = self.context.as_ref().and_then(|answer| same(field, answer))
        {
            message.set_field(field, value);
            return;
        }
        let mood = match mood {
            Mood::Edged if self.chance.one_in(5) => Mood::Wild,
            Mood::Edged => Mood::Tame,
            mood => mood,
        };
        if field.is_map() {
            let Kind::Message(entry) = field.kind() else { return };
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            let pairs = (0..self.chance.below(4)).filter_map(|_| {
                let key: MapKey = self.value(&key, mood, depth).into_map_key()?;
                Some((key, self.value(&value, mood, depth)))
            });
            let pairs = pairs.collect();
            message.set_field(field, Value::Map(pairs));
        } else if field.is_list() {
            let count = match mood {
                Mood::Wild => *self.chance.of(&[0, 1, 2, 3, 40, 201]),
                Mood::Tame | Mood::Edged => *self.chance.of(&[1, 1, 2]),
            };
            let items = (0..count).map(|_| self.value(field, mood, depth)).collect();
            message.set_field(field, Value::List(items));
        } else {
            let value = self.value(field, mood, depth);
            message.set_field(field, value);
        }
    }

    fn value(&mut self, field: &FieldDescriptor, mood: Mood, depth: usize) -> Value {
        let wild = mood == Mood::Wild;
        let number = self.number(field.name(), wild);
        let bits = number.to_le_bytes();
        let (low, _) = bits.split_first_chunk::<4>().expect("eight bytes");
        match field.kind() {
            Kind::Message(inner) => Value::Message(self.message(&inner, mood, depth + 1)),
            Kind::Enum(named) => {
                let known: Vec<i32> = named.values().map(|value| value.number()).collect();
                let odd = [i32::MIN, -1, i32::try_from(known.len()).expect("few"), 99, i32::MAX];
                let from = if wild && self.chance.one_in(2) {
                    &odd[..]
                } else if wild || known.len() == 1 {
                    &known[..]
                } else {
                    // The first of them says nothing.
                    &known[1..]
                };
                Value::EnumNumber(*self.chance.of(from))
            }
            Kind::String => Value::String(self.text(field.name(), wild, depth)),
            Kind::Bytes => Value::Bytes(self.octets(field.name(), wild).into()),
            Kind::Bool => Value::Bool(self.chance.one_in(2)),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(number.cast_signed()),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(number),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(i32::from_le_bytes(*low)),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(u32::from_le_bytes(*low)),
            Kind::Double => Value::F64(f64::from_bits(number)),
            Kind::Float => Value::F32(f32::from_bits(u32::from_le_bytes(*low))),
        }
    }

    fn number(&mut self, name: &str, wild: bool) -> u64 {
        const EDGES: &[u64] = &[
            0,
            1,
            2,
            127,
            128,
            255,
            256,
            999,
            1_000,
            1_001,
            9_999,
            10_000,
            1 << 31,
            (1 << 31) - 1,
            1 << 32,
            1 << 53,
            (1 << 53) + 1,
            1 << 62,
            (1 << 62) + 1,
            (1 << 63) - 1,
            1 << 63,
            u64::MAX - 1,
            u64::MAX,
        ];
        if wild {
            return *self.chance.of(EDGES);
        }
        match self.numbers.get(name) {
            _ if name == "year" => 2026,
            Some(known) if self.chance.one_in(2) => *self.chance.of(known),
            _ => *self.chance.of(&[1, 1, 2, 3, 10]),
        }
    }

    fn text(&mut self, name: &str, wild: bool, depth: usize) -> String {
        if wild {
            return self.wild_text();
        }
        if let Some((_, values)) = TOLD.iter().find(|(told, _)| *told == name) {
            // What is within is never about the whole deployment.
            let at = if depth == 0 { self.about % values.len() } else { 0 };
            return values[at].to_owned();
        }
        match self.texts.get(name) {
            // Every write has an id of its own.
            _ if name == "request_id" && !self.chance.one_in(3) => self.id.clone(),
            Some(known) if !self.chance.one_in(8) => self.chance.of(known).clone(),
            _ if name != "request_id" && self.chance.one_in(2) => format!("n{}", self.chance.below(1_000)),
            // What an id, a code, a name and a sentence may look like alike.
            _ => self.uuid(),
        }
    }

    fn uuid(&mut self) -> String {
        let bytes = self.chance.bytes(16);
        RequestId::random(bytes.try_into().expect("sixteen")).to_string()
    }

    fn wild_text(&mut self) -> String {
        let length = *self.chance.of(&[1, 2, 63, 64, 65, 100, 101, 200, 201, 500, 501, 2_000, 2_001]);
        match self.chance.below(9) {
            0 => String::new(),
            1 => "a".repeat(length),
            2 => "长".repeat(length),
            3 => "\u{1f600}".repeat(length),
            4 => (*self.chance.of(&[
                "\0",
                "a\nb",
                "\u{1b}[31m",
                "\u{202e}",
                "\u{feff}x",
                " ",
                "-",
                "..",
                "%s%n",
            ]))
            .to_owned(),
            5 => (*self.chance.of(&[
                "' OR 1=1 --",
                "${jndi:ldap://127.0.0.1:1/a}",
                "../../etc/passwd",
                "<b>",
                "{}",
                "null",
            ]))
            .to_owned(),
            6 => (*self.chance.of(&[
                "person:",
                "device:t0",
                "system:hr",
                "person:p",
                "Etc/UTC",
                "2026-02-30",
                "00000000-0000-0000-0000-000000000000",
            ]))
            .to_owned(),
            7 => {
                // Something of another field.
                let names: Vec<String> = self.texts.keys().cloned().collect();
                let name = names.get(self.chance.below(names.len())).map_or("centre", |name| name);
                self.text(name, false, 0)
            }
            _ => {
                let count = self.chance.below(80);
                String::from_utf8_lossy(&self.chance.bytes(count)).into_owned()
            }
        }
    }

    fn octets(&mut self, name: &str, wild: bool) -> Vec<u8> {
        match self.bytes.get(name) {
            Some(known) if !wild && self.chance.one_in(2) => self.chance.of(known).clone(),
            _ => {
                let edges: &[usize] = &[0, 1, 31, 32, 33, 63, 64, 65, 256, 257];
                let count = *self.chance.of(if wild { edges } else { &[32, 64] });
                self.chance.bytes(count)
            }
        }
    }

    fn time(&mut self, message: &mut DynamicMessage, mood: Mood) {
        const EDGES: &[i64] =
            &[i64::MIN, -62_135_596_800, -1, 0, 1, 253_402_300_799, 253_402_300_800, i64::MAX];
        let now = now_ms() / 1_000;
        let (seconds, nanos) = match mood {
            Mood::Wild => (
                *self.chance.of(EDGES),
                *self.chance.of(&[i32::MIN, -1, 0, 999_999_999, 1_000_000_000, i32::MAX]),
            ),
            Mood::Tame | Mood::Edged => (now - *self.chance.of(&[0, 1, 3_600, 86_400]), 0),
        };
        message.set_field_by_name("seconds", Value::I64(seconds));
        message.set_field_by_name("nanos", Value::I32(nanos));
    }
}

/// Keeps a value; when there are many, in the place of another.
fn remember<T: PartialEq>(chance: &mut Chance, known: &mut Vec<T>, value: T, most: usize) {
    if known.contains(&value) {
        return;
    }
    if known.len() < most {
        known.push(value);
    } else {
        let at = chance.below(most);
        known[at] = value;
    }
}

/// How many fields of an answer a request could take over.
fn shared(of: &MessageDescriptor, answer: &DynamicMessage) -> usize {
    of.fields().filter(|field| same(field, answer).is_some()).count()
}

/// The value of the field of the same name and type.
fn same(field: &FieldDescriptor, answer: &DynamicMessage) -> Option<Value> {
    let other = answer.descriptor().get_field_by_name(field.name())?;
    let alike = other.kind() == field.kind() && other.cardinality() == field.cardinality();
    (alike && answer.has_field(&other)).then(|| answer.get_field(&other).into_owned())
}
