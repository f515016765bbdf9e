//! The process's log: one line per event, with stable codes, on standard error.
//!
//! What may stand in a line is decided here and nowhere else: [`fields`] lists the names that pass, and
//! docs/events.md says what each holds. Names, badges, tokens and what people wrote never go into one; a test looks for
//! canaries at the level TRACE. Of what libraries say, a line keeps only where they said it
//! (docs/adr/0008-what-a-log-line-may-hold.md).

pub mod fields;
mod lines;

use serde::{Deserialize, Serialize};
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry};

use lines::Lines;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One flat JSON object a line, for collectors.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Why there is no log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("the log filter {0:?} is not of the form info,qinlian=debug")]
    Filter(String),
    /// A log was started before.
    #[error("the log was started before")]
    Twice,
}

/// Starts the log. `filter` is of the form `info,qinlian=debug`.
pub fn start(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    log_to(format, filter, std::io::stderr)?.try_init().map_err(|_| TelemetryError::Twice)
}

/// The log, written elsewhere.
pub fn log_to<W>(
    format: LogFormat,
    filter: &str,
    writer: W,
) -> Result<impl Subscriber + Send + Sync + 'static, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let chosen = EnvFilter::try_new(filter).map_err(|_| TelemetryError::Filter(filter.to_owned()))?;
    Ok(Registry::default().with(chosen).with(Lines::new(format, writer)))
}

/// From now on a panic is a line with its place, never with its message: that may hold what a caller sent.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let (file, line) = panic.location().map_or(("", 0), |place| (place.file(), place.line()));
        tracing::error!(code = "PANIC", file, line, "a bug: something that cannot happen did");
    }));
}
