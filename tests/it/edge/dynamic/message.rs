//! A message that a method takes: every field well formed, and naming what the call is to be about.

use ed25519_dalek::SigningKey;
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value};
use qinlian::kernel::{PersonId, RequestId};

use crate::rigs::Dice;
use crate::rigs::load::now_ms;

/// What a call is about.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) centre: String,
    pub(crate) person: String,
    pub(crate) department: String,
    pub(crate) device: String,
    /// Does the call ask for personal fields?
    pub(crate) reveal: bool,
}

/// Makes messages; ids are new each time.
#[derive(Debug)]
pub(crate) struct Maker {
    pub(crate) dice: Dice,
    made: usize,
}

impl Maker {
    pub(crate) fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed), made: 0 }
    }

    /// The bytes of a request.
    pub(crate) fn request(&mut self, method: &MethodDescriptor, names: &Names) -> Vec<u8> {
        self.message(&method.input(), method, names, 0).encode_to_vec()
    }

    /// The request itself.
    pub(crate) fn message(
        &mut self,
        of: &MessageDescriptor,
        method: &MethodDescriptor,
        names: &Names,
        depth: usize,
    ) -> DynamicMessage {
        let mut message = DynamicMessage::new(of.clone());
        for field in of.fields() {
            let first = field
                .containing_oneof()
                .filter(|oneof| !oneof.is_synthetic())
                .is_none_or(|oneof| oneof.fields().next().is_some_and(|first| first == field));
            // No policy has to differ from its pack.
            if !first || field.is_map() {
                continue;
            }
            if let Some(value) = self.value(&field, method, names, depth) {
                let value = if field.is_list() { Value::List(vec![value]) } else { value };
                message.set_field(&field, value);
            }
        }
        message
    }

    fn value(
        &mut self,
        field: &FieldDescriptor,
        method: &MethodDescriptor,
        names: &Names,
        depth: usize,
    ) -> Option<Value> {
        Some(match field.kind() {
            // Erasing is asked for by person; ends are left open; nobody has to vouch.
            Kind::Message(_)
                if ["targets", "until", "witness"].contains(&field.name())
                    && ![
                        "EndDeviceOutage",
                        "ListRoster",
                        "ListDays",
                        "RequestLeave",
                        "RecordLeave",
                        "PutDelegation",
                        "ListMonthSummaries",
                        "GetMonthReadiness",
                        "ConfirmMonth",
                        "LockMonth",
                        "ConfirmPull",
                        "PreviewDays",
                        "GetDutyReport",
                    ]
                    .contains(&method.name()) =>
            {
                return None;
            }
            // Whoever acts from a desk has no stamp to give; only uploads are terminals' alone.
            Kind::Message(_)
                if depth == 0
                    && ["stamp", "presented"].contains(&field.name())
                    && method.parent_service().name() == "DutyService" =>
            {
                return None;
            }
            Kind::Message(_) if field.name() == "reveal" && !names.reveal => return None,
            Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => {
                let later = field.name() == "expected_return_at"
                    || (field.name() == "until" && method.name() != "EndDeviceOutage");
                timestamp(&inner, now_ms() / 1000 + if later { 3_600 } else { 0 })
            }
            Kind::Message(inner) => Value::Message(self.message(&inner, method, names, depth + 1)),
            Kind::Enum(named) => {
                let known = named.values().map(|value| value.number()).find(|number| *number != 0);
                Value::EnumNumber(known.expect("a value beside UNSPECIFIED"))
            }
            Kind::String => Value::String(self.text(field, method, names, depth)?),
            Kind::Bytes if field.name() == "value_hmac" && depth == 0 => Value::Bytes(vec![7; 32].into()),
            Kind::Bytes if field.name() == "public_key" && depth == 0 => {
                Value::Bytes(SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes().to_vec().into())
            }
            // Well formed; nobody here can make a good one.
            Kind::Bytes if field.name().ends_with("signature") && depth == 0 => {
                Value::Bytes(vec![0; 64].into())
            }
            Kind::Bytes if field.name() == "digest" => Value::Bytes(vec![7; 32].into()),
            Kind::Bytes => return None,
            Kind::Bool => Value::Bool(false),
            Kind::Uint64 => Value::U64(u64::from(field.name() != "journal")),
            Kind::Uint32 => Value::U32(1),
            Kind::Int64 => Value::I64(1),
            Kind::Int32 => Value::I32(match field.name() {
                "year" => 2026,
                "month" | "day" => 2,
                // Of holidays it is not told how they are worked.
                "as_weekday" => 0,
                "weekdays" => 1,
                "on_plan_min" => 510,
                "off_plan_min" => 1_050,
                "span" => 1,
                _ => 10,
            }),
            Kind::Double => Value::F64(0.5),
            other => panic!("{}: no example of {other:?}", field.full_name()),
        })
    }

    fn text(
        &mut self,
        field: &FieldDescriptor,
        method: &MethodDescriptor,
        names: &Names,
        depth: usize,
    ) -> Option<String> {
        let message = field.parent_message();
        let (of, name) = (message.name(), field.name());
        let ends = ["Retire", "Revoke", "Replace"].iter().any(|verb| method.name().starts_with(verb));
        Some(match (of, name) {
            ("Punch", "request_id") if method.name() == "RecordPunch" => return None,
            (_, "request_id") => RequestId::random(self.dice.bytes()).to_string(),
            ("Reach", _) | ("Person", "person_id") => return None,
            (_, "page_token" | "cursor" | "origin" | "windows" | "items" | "etag") => return None,
            ("EnrolDeviceRequest", "code") => "aaaa-bbbb-cccc".to_owned(),
            ("Device", "window") | ("CentreDay", "shift") => return None,
            // A queue is of a window or of an item; nobody acts in anybody's place.
            ("ReportQueueRequest", "item") | (_, "on_behalf_of" | "by" | "from_window" | "after") => {
                return None;
            }
            ("RecordInspectionRequest", "clause") => "4.1b".to_owned(),
            ("Policy", "pack") => "cn-default".to_owned(),
            (_, "retroactive_reason") => return None,
            ("Assignment", "centre") if names.centre == "_" => "hall".to_owned(),
            ("Centre", "centre") => self.code(),
            (_, "centre") => names.centre.clone(),
            // Nobody is ended for good by a call that only tries the door.
            (_, "person_id") if ends => PersonId::mint(self.dice.bytes()).to_string(),
            (_, "person_id" | "person_ids" | "to_person_id" | "with_person_id") => names.person.clone(),
            // Whoever stands in would have to be free.
            (_, "b_post_person_id") => return None,
            (_, "subject") => format!("system:{}", self.code()),
            (_, "timezone") => "Asia/Shanghai".to_owned(),
            ("Person" | "Assignment", "department") => names.department.clone(),
            ("Department" | "Device", "department" | "device") => self.code(),
            (_, "code" | "department" | "device") if ends => self.code(),
            (_, "code") if names.centre == "_" => "hall".to_owned(),
            (_, "code") => names.centre.clone(),
            (_, "department") => names.department.clone(),
            (_, "device") => names.device.clone(),
            (_, "window" | "item" | "grant") => self.code(),
            _ if depth > 0
                || [
                    "reason",
                    "explanation",
                    "boot_id",
                    "serial",
                    "override_reason",
                    "leave_reason",
                    "words",
                    "evidence_note",
                ]
                .contains(&name) =>
            {
                format!("w-{}", self.made)
            }
            _ => panic!("{}: no example", field.full_name()),
        })
    }

    /// A code that nothing has.
    pub(crate) fn code(&mut self) -> String {
        self.made += 1;
        format!("c-{}-{:08x}", self.made, self.dice.roll(1 << 31))
    }
}

/// A time as a message.
pub(crate) fn timestamp(of: &MessageDescriptor, seconds: i64) -> Value {
    let mut at = DynamicMessage::new(of.clone());
    at.set_field_by_name("seconds", Value::I64(seconds));
    Value::Message(at)
}
