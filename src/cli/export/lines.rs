//! NDJSON: one `DayResult` a line in proto3 JSON, as the interface has it, with `employee_no`.

use std::io::Write;

use anyhow::Context;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde::Serialize;
use serde_json::{Serializer, Value};

use super::numbered::Numbered;
use crate::proto::DESCRIPTORS;

/// The message of a line.
const MESSAGE: &str = "qinlian.v1.DayResult";
/// The one field that the message does not have.
const NUMBER: &str = "employee_no";
/// Where it is.
pub(super) const EMPLOYEE_NO: [&str; 1] = [NUMBER];

/// Writes days as lines.
#[derive(Debug)]
pub(super) struct Lines<W: Write> {
    to: W,
    day: MessageDescriptor,
}

impl<W: Write> Lines<W> {
    /// With the descriptors of this version.
    pub(super) fn begin(to: W) -> anyhow::Result<Self> {
        let pool = DescriptorPool::decode(DESCRIPTORS)?;
        let day = pool.get_message_by_name(MESSAGE).context("the interface has no day result")?;
        Ok(Self { to, day })
    }

    /// The next day.
    pub(super) fn day(&mut self, told: &Numbered) -> anyhow::Result<()> {
        let bytes = told.day.encode_to_vec();
        let message = DynamicMessage::decode(self.day.clone(), bytes.as_slice())?;
        // What is no is there as well: a script should not have to know what absent means.
        let options = SerializeOptions::new().skip_default_fields(false);
        let mut value = message.serialize_with_options(serde_json::value::Serializer, &options)?;
        if let Value::Object(fields) = &mut value {
            fields.insert(NUMBER.to_owned(), told.employee_no.clone().into());
        }
        object(&mut self.to, &value)
    }

    /// What it was written to.
    pub(super) fn finish(self) -> W {
        self.to
    }
}

/// One object as a line.
pub(super) fn object(to: &mut impl Write, value: &impl Serialize) -> anyhow::Result<()> {
    value.serialize(&mut Serializer::new(&mut *to))?;
    to.write_all(b"\n")?;
    Ok(())
}
