//! What surrounds every call: an id for log lines, one line when it fails, and an answer even if a handler panics.
//!
//! The outermost layer of our own. It also puts what the gRPC library says by itself into our words: a message too
//! large, a message that does not decode. Every status of ours has details, so what has none is the library's.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::HeaderMap;
use http::{HeaderValue, Request, Response};
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::Language;
use super::limit::{AtWork, Favour, peer};
use super::status::{self, Refused};
use crate::access::Rules;
use crate::clock::{Clock, random};
use crate::config::Limits;
use crate::registers::failure::Failure;

/// The header that carries a call's id, both ways.
pub const REQUEST_ID: &str = "x-request-id";
/// A caller's id may have this many characters of `A-Za-z0-9-`.
const REQUEST_ID_MAX: usize = 64;

/// The id of a call in log lines: the caller's, if it is harmless, else ours.
#[derive(Debug, Clone)]
pub struct CallId(pub Arc<str>);

/// The layer.
#[derive(Debug, Clone)]
pub struct Surround {
    clock: Arc<dyn Clock>,
    rules: Rules,
    at_work: AtWork,
    call_timeout: Duration,
}

impl Surround {
    /// Ids come from the clock's randomness. The library has limits like these two, but answers them in its own
    /// words and outside of any layer of ours.
    pub fn new(clock: Arc<dyn Clock>, rules: Rules, limits: &Limits) -> Self {
        let call_timeout = Duration::from_millis(limits.call_timeout_ms);
        Self { clock, rules, at_work: AtWork::new(limits), call_timeout }
    }
}

impl<S> Layer<S> for Surround {
    type Service = Surrounded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Surrounded { inner, with: self.clone() }
    }
}

/// The service inside the layer.
#[derive(Debug, Clone)]
pub struct Surrounded<S> {
    inner: S,
    with: Surround,
}

impl<S, B, R> Service<Request<B>> for Surrounded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<R>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The service that was polled ready is used; its clone waits for the next call.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let Surround { clock, rules, at_work, call_timeout } = self.with.clone();
        let id = call_id(request.headers(), &*clock);
        let language = language_of(request.headers());
        let method = request.uri().path().to_owned();
        let span = tracing::info_span!("call", request = &*id.0, trace = trace_id(request.headers()));
        request.extensions_mut().insert(id.clone());
        let answer = async move {
            let started_ms = clock.monotonic_ms();
            let call = async {
                // Held until the head of the answer is there; a stream's body counts against the streams.
                let favour = Favour::of(rules.find(&method).map(|rule| &**rule));
                let Some(_place) = at_work.begin(peer(request.extensions()), favour) else {
                    tracing::info!(code = "CALL_SHED", method, "too many calls are at work");
                    return Ok(status::status(&Failure::Overloaded, language).into_http());
                };
                match tokio::time::timeout(call_timeout, inner.call(request)).await {
                    Ok(answered) => answered,
                    Err(_elapsed) => {
                        tracing::warn!(code = "CALL_GIVEN_UP", method, "a call took longer than it may");
                        // What it sent to be committed may yet be: the same id finds out.
                        Ok(status::status(&Failure::InDoubt, language).into_http())
                    }
                }
            };
            let mut response = match AssertUnwindSafe(call).catch_unwind().await {
                Ok(answered) => answered?,
                Err(_panic) => {
                    tracing::error!(code = "CALL_PANICKED", method, "a handler panicked");
                    status::status(&Failure::Fault("PANIC"), language).into_http()
                }
            };
            if let Some(status) = in_our_words(response.headers(), language) {
                response = status.into_http();
            }
            let duration_ms = clock.monotonic_ms().saturating_sub(started_ms);
            note(&method, response.headers(), duration_ms);
            if let Ok(value) = HeaderValue::from_str(&id.0) {
                response.headers_mut().insert(REQUEST_ID, value);
            }
            Ok(response)
        };
        Box::pin(answer.instrument(span))
    }
}

/// The language that a caller prefers.
pub(super) fn language_of(headers: &HeaderMap) -> Language {
    let header = headers.get(http::header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    header.map_or_else(Language::default, Language::preferred)
}

fn call_id(headers: &HeaderMap, clock: &dyn Clock) -> CallId {
    let harmless = |id: &&str| {
        (1..=REQUEST_ID_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let theirs = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(harmless);
    match theirs {
        Some(id) => CallId(id.into()),
        None => CallId(format!("{:032x}", u128::from_be_bytes(random(clock))).into()),
    }
}

/// The trace id of a W3C `traceparent`, `00-<32 hex>-<16 hex>-<2 hex>`; empty if there is none.
fn trace_id(headers: &HeaderMap) -> &str {
    let parent = headers.get("traceparent").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let id = parent.split('-').nth(1).unwrap_or_default();
    if id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) { id } else { "" }
}

/// The status that the library gave in the head of the answer; `None` for success and for what comes in trailers.
fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|value| Code::from_bytes(value.as_bytes()))
}

fn in_our_words(headers: &HeaderMap, language: Language) -> Option<Status> {
    if headers.contains_key(Status::GRPC_STATUS_DETAILS) {
        return None;
    }
    match code_of(headers)? {
        // What tonic says of a message above the limit.
        Code::OutOfRange => Some(status::status(&Failure::TooLarge, language)),
        // What tonic says of a message that prost cannot decode, and of one that is missing.
        Code::Internal => Some(status::refused(Refused::Malformed, language)),
        Code::Unimplemented => Some(status::refused(Refused::NoSuchMethod, language)),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => None,
    }
}

fn note(method: &str, headers: &HeaderMap, duration_ms: u64) {
    match code_of(headers) {
        None | Some(Code::Ok) => tracing::debug!(code = "CALL_OK", method, duration_ms, "answered"),
        Some(code) => tracing::info!(code = "CALL_FAILED", method, status = ?code, duration_ms, "answered"),
    }
}
