//! The process's log: one line per event, with stable codes, on standard error.
//!
//! What may stand in a line is decided here and nowhere else: [`fields`] lists the names that pass, and
//! docs/events.md says what each holds. Names, badges, tokens and what people wrote never go into one; a test looks for
//! canaries at the level TRACE. Of what libraries say, a line keeps only where they said it
//! (docs/adr/0008-what-a-log-line-may-hold.md).

pub mod fields;
mod lines;
#[cfg(feature = "opentelemetry")]
mod traces;
#[cfg(not(feature = "opentelemetry"))]
mod untraced;

use serde::{Deserialize, Serialize};
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry};

use lines::Lines;
#[cfg(feature = "opentelemetry")]
pub use traces::{Sending, follow};
#[cfg(not(feature = "opentelemetry"))]
pub use untraced::{Sending, follow};

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
    /// The program has nothing to send spans with.
    #[error("telemetry.otlp is set, and this program was built without the feature opentelemetry")]
    NotBuilt,
    /// The collector's URL is none.
    #[error("telemetry.otlp: {0:?} is not of the form http://host:4317")]
    Collector(String),
}

/// Starts the log. `filter` is of the form `info,qinlian=debug`, and decides on spans too; those go to a collector at
/// `otlp`, if one is named.
pub fn start(format: LogFormat, filter: &str, otlp: Option<&str>) -> Result<Sending, TelemetryError> {
    let sending = Sending::to(otlp)?;
    let log = log_to(format, filter, std::io::stderr)?.with(sending.layer());
    log.try_init().map_err(|_| TelemetryError::Twice)?;
    Ok(sending)
}

/// The log, written elsewhere.
pub fn log_to<W>(
    format: LogFormat,
    filter: &str,
    writer: W,
) -> Result<impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync + 'static, TelemetryError>
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
