//! In the place of [`traces`](super), where the program is built without them.

use http::HeaderMap;
use tracing::{Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Identity;

use super::TelemetryError;

/// Nothing is sent.
#[derive(Debug, Default)]
pub struct Sending;

impl Sending {
    /// To nobody; whoever names a collector is told.
    pub(super) fn to(url: Option<&str>) -> Result<Self, TelemetryError> {
        if url.is_some() { Err(TelemetryError::NotBuilt) } else { Ok(Self) }
    }

    /// Nothing to do.
    #[expect(clippy::unused_self, reason = "the same as with traces")]
    pub(super) fn layer<S: Subscriber>(&self) -> Option<impl Layer<S> + Send + Sync + 'static> {
        None::<Identity>
    }

    /// Nothing is left.
    #[expect(clippy::unused_async, reason = "the same as with traces")]
    pub async fn stop(self) {}
}

/// A trace has nowhere to go.
pub fn follow(_span: &Span, _headers: &HeaderMap) {}
