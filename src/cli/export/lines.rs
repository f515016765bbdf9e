//! NDJSON: one message of the interface a line, in proto3 JSON, with `employee_no`.

use std::io::Write;

use anyhow::Context;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde::Serialize;
use serde_json::{Serializer, Value};

use crate::proto::DESCRIPTORS;

/// The message of a day.
pub(super) const DAY: &str = "qinlian.v1.DayResult";
/// The one field that no message has.
const NUMBER: &str = "employee_no";
/// Where it is.
pub(super) const EMPLOYEE_NO: [&str; 1] = [NUMBER];

/// Writes messages as lines.
#[derive(Debug)]
pub(super) struct Lines<W: Write> {
    to: W,
    message: MessageDescriptor,
}

impl<W: Write> Lines<W> {
    /// Of one message of this version.
    pub(super) fn begin(to: W, message: &str) -> anyhow::Result<Self> {
        let pool = DescriptorPool::decode(DESCRIPTORS)?;
        let message = pool.get_message_by_name(message).context("the interface has no such message")?;
        Ok(Self { to, message })
    }

    /// The next message, encoded, and the number of the person whom it is about.
    pub(super) fn line(&mut self, encoded: &[u8], employee_no: &str) -> anyhow::Result<()> {
        let message = DynamicMessage::decode(self.message.clone(), encoded)?;
        // What is no is there as well: a script should not have to know what absent means.
        let options = SerializeOptions::new().skip_default_fields(false);
        let mut value = message.serialize_with_options(serde_json::value::Serializer, &options)?;
        if let Value::Object(fields) = &mut value {
            fields.insert(NUMBER.to_owned(), employee_no.into());
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
