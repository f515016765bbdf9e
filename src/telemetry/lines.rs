//! Events as lines: one each, whatever they hold.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::Value;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::LogFormat;
use super::fields::{Picked, clean, is_ours};

/// Writes every event that it is given.
#[derive(Debug)]
pub(super) struct Lines<W> {
    format: LogFormat,
    writer: W,
}

impl<W> Lines<W> {
    pub(super) fn new(format: LogFormat, writer: W) -> Self {
        Self { format, writer }
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id).filter(|span| is_ours(span.metadata().target())) else { return };
        let mut picked = Picked::default();
        attributes.record(&mut picked);
        span.extensions_mut().insert(picked);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(picked) = span.extensions_mut().get_mut::<Picked>() {
            values.record(picked);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut picked = Picked::default();
        if is_ours(metadata.target()) {
            // From the outermost span to the event itself, which has the last word.
            for span in context.event_scope(event).into_iter().flatten().collect::<Vec<_>>().iter().rev() {
                if let Some(of_span) = span.extensions().get::<Picked>() {
                    of_span.fields.iter().for_each(|(name, value)| picked.put(name, value.clone()));
                }
            }
            event.record(&mut picked);
        } else if let Some(line) = metadata.line() {
            // Which of its sentences it was: whoever has the library's source can read it there.
            picked.put("line", Value::from(line));
        }
        let line = match self.format {
            LogFormat::Json => json(metadata, &picked),
            LogFormat::Text => text(metadata, &picked),
        };
        // In one piece. A log that cannot be written is nobody's to tell.
        let _written = self.writer.make_writer_for(metadata).write_all(line.as_bytes());
    }
}

/// RFC 3339, in UTC.
fn timestamp() -> String {
    let mut at = String::new();
    // A text takes every text.
    let _formatted = SystemTime.format_time(&mut Writer::new(&mut at));
    at
}

fn json(metadata: &Metadata<'_>, picked: &Picked) -> String {
    let (at, level, target) =
        (timestamp().into(), metadata.level().as_str().into(), clean(metadata.target()).into());
    let message = picked.message.as_deref().map(|message| ("message", Value::from(message)));
    let before = [("timestamp", at), ("level", level), ("target", target)];
    let mut line = String::from("{");
    for (name, value) in before.into_iter().chain(picked.fields.iter().cloned()).chain(message) {
        let comma = if line.len() > 1 { "," } else { "" };
        let _written = write!(line, "{comma}{}:{value}", Value::from(name));
    }
    line.push_str("}\n");
    line
}

fn text(metadata: &Metadata<'_>, picked: &Picked) -> String {
    let mut line = format!("{} {:>5}", timestamp(), metadata.level());
    let said = picked.message.as_deref().unwrap_or(metadata.target());
    let _written = write!(line, " {}", clean(said));
    for (name, value) in &picked.fields {
        let _written = write!(line, " {name}={value}");
    }
    line.push('\n');
    line
}
