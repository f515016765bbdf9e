//! The process's log: one line per event, with stable codes, on standard error.
//!
//! Fields are codes, ids of calls, and numbers. Names, badges, tokens and what people wrote never go into one; a test
//! looks for canaries at the level TRACE.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, for collectors.
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
    let chosen = EnvFilter::try_new(filter).map_err(|_| TelemetryError::Filter(filter.to_owned()))?;
    let log = tracing_subscriber::fmt().with_env_filter(chosen).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => {
            log.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
        }
        LogFormat::Text => log.with_ansi(false).with_target(false).try_init(),
    }
    .map_err(|_| TelemetryError::Twice)
}

/// From now on a panic is a line with its place, never with its message: that may hold what a caller sent.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let (file, line) = panic.location().map_or(("", 0), |place| (place.file(), place.line()));
        tracing::error!(code = "PANIC", file, line, "a bug: something that cannot happen did");
    }));
}
