//! What surrounds every call: an id for log lines, an outcome, and an answer even if a handler panics.
//!
//! The outermost layer of our own; how a call ended is written by [`outcome`](super::outcome). It also puts what the gRPC
//! library says by itself into our words: a message too large, one that does not decode, a deadline. Every status of ours
//! has details, so what has none is the library's.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::HeaderMap;
use http::{HeaderValue, Request, Response};
use hyper::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::Language;
use super::figures::Figures;
use super::limit::{AtWork, Favour, peer};
use super::outcome::{Followed, Outcome, Told, code_of};
use super::size::most_bytes;
use super::status::{self, Refused};
use super::unread::{Watched, watch};
use crate::access::Rules;
use crate::clock::{Clock, random};
use crate::config::Limits;
use crate::registers::failure::Failure;
use crate::telemetry;

/// The header that carries a call's id, both ways.
pub const REQUEST_ID: &str = "x-request-id";
/// A caller's id may have this many characters of `A-Za-z0-9-`.
const REQUEST_ID_MAX: usize = 64;

/// The id of a call in log lines: the caller's, if it is harmless, else ours.
#[derive(Debug, Clone)]
pub struct CallId(pub Arc<str>);

/// Of the time that a client gives a call, this part is kept for the answer to travel, and to be ahead of the library's
/// own timer, which says CANCELLED without details.
const TRAVEL_SHARE: u32 = 10;
/// But no more than this.
const TRAVEL_MOST: Duration = Duration::from_secs(1);
/// Timers tick in milliseconds. With less time than this a call is over before it begins: the library's timer, that was set
/// earlier, would tick first.
const TICK: Duration = Duration::from_millis(1);

/// The layer.
#[derive(Debug, Clone)]
pub struct Surround {
    // Every call of every connection has a copy of its own.
    with: Arc<With>,
}

#[derive(Debug)]
struct With {
    clock: Arc<dyn Clock>,
    rules: Rules,
    figures: Arc<Figures>,
    at_work: AtWork,
    limits: Limits,
}

impl Surround {
    /// Ids come from the clock's randomness. The library has limits like these two, but answers them in its own
    /// words and outside of any layer of ours.
    pub fn new(
        clock: Arc<dyn Clock>,
        rules: Rules,
        figures: Arc<Figures>,
        at_work: AtWork,
        limits: &Limits,
    ) -> Self {
        Self { with: Arc::new(With { clock, rules, figures, at_work, limits: limits.clone() }) }
    }
}

impl<S> Layer<S> for Surround {
    type Service = Surrounded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Surrounded { inner, with: Arc::clone(&self.with) }
    }
}

/// The service inside the layer.
#[derive(Debug, Clone)]
pub struct Surrounded<S> {
    inner: S,
    with: Arc<With>,
}

impl<S, B, R> Service<Request<B>> for Surrounded<S>
where
    S: Service<Request<Watched<B>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    R: Default + Body + Unpin + Send,
{
    type Response = Response<Followed<R>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The service that was polled ready is used; its clone waits for the next call.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let with = Arc::clone(&self.with);
        let call_timeout = Duration::from_millis(with.limits.call_timeout_ms);
        let id = call_id(request.headers(), &*with.clock);
        let language = language_of(request.headers());
        let compressed = request.headers().get("grpc-encoding").is_some_and(|value| value != "identity");
        let client_timeout = client_timeout(request.headers());
        let time = client_timeout.map_or(call_timeout, |client| client.min(call_timeout));
        let method = with.figures.method(request.uri().path());
        // Whatever the filter lets through, its lines have the id.
        let span =
            tracing::error_span!("call", method = &*method, request = &*id.0, trace = tracing::field::Empty);
        if let Some(trace) = trace_id(request.headers()) {
            span.record("trace", trace);
        }
        telemetry::follow(&span, request.headers());
        let told = Told::default();
        let (figures, clock) = (Arc::clone(&with.figures), Arc::clone(&with.clock));
        let outcome = Outcome::begin(method, figures, clock, told.clone(), span.clone());
        request.extensions_mut().insert(id.clone());
        request.extensions_mut().insert(told.clone());
        let most_bytes = most_bytes(request.uri().path(), &with.limits);
        let (request, rest) = watch(request);
        let answer = async move {
            let mut over = pin!(tokio::time::sleep(time));
            let call = async {
                if time < TICK {
                    return Ok(status::status(&told.deadline(), language).into_http());
                }
                // Held until the head of the answer is there; a stream's body counts against the streams.
                let favour = Favour::of(with.rules.find(request.uri().path()).map(|rule| &**rule));
                let Some(_place) = with.at_work.begin(peer(request.extensions()), favour) else {
                    return Ok(status::status(&told.shed(), language).into_http());
                };
                tokio::select! {
                    biased;
                    answered = inner.call(request) => answered,
                    () = &mut over => {
                        let failure = if time < call_timeout { told.deadline() } else { told.given_up() };
                        Ok(status::status(&failure, language).into_http())
                    }
                }
            };
            let mut response = match AssertUnwindSafe(call).catch_unwind().await {
                Ok(answered) => answered?,
                Err(_panic) => status::status(&told.panicked(), language).into_http(),
            };
            // Its place is free again. The time of the call counts for this too, or the client would give up before.
            let mut reading = pin!(rest.read(most_bytes));
            if reading.as_mut().now_or_never().is_none() && time >= TICK {
                tokio::select! {
                    () = reading => {}
                    () = over => {}
                }
            }
            if let Some(status) = in_our_words(response.headers(), compressed, &told, language) {
                response = status.into_http();
            }
            if let Ok(value) = HeaderValue::from_str(&id.0) {
                response.headers_mut().insert(REQUEST_ID, value);
            }
            // What is no answer of gRPC has no status of it: a content type that is not served, for example.
            let strange = (!response.status().is_success()).then_some(Code::Unknown);
            let code = code_of(response.headers()).or(strange);
            Ok(response.map(|body| Followed::new(body, outcome, code, language)))
        };
        Box::pin(answer.instrument(span))
    }
}

/// The language that a caller prefers.
pub(super) fn language_of(headers: &HeaderMap) -> Language {
    let header = headers.get(http::header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    header.map_or_else(Language::default, Language::preferred)
}

/// How long a call may take by its client's own `grpc-timeout` (gRPC over HTTP/2, "Timeout": up to eight digits and a
/// unit), less what the answer needs to travel. What is not of that form is no deadline.
pub fn client_timeout(headers: &HeaderMap) -> Option<Duration> {
    let header = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = header.split_at_checked(header.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    let given = match unit {
        "H" => Duration::from_secs(amount * 3_600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    };
    Some(given.saturating_sub((given / TRAVEL_SHARE).min(TRAVEL_MOST)))
}

/// The id of a call: its caller's if it is harmless.
pub fn call_id(headers: &HeaderMap, clock: &dyn Clock) -> CallId {
    let harmless = |id: &&str| {
        (1..=REQUEST_ID_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let theirs = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(harmless);
    match theirs {
        Some(id) => CallId(id.into()),
        None => CallId(format!("{:032x}", u128::from_be_bytes(random(clock))).into()),
    }
}

/// The trace id of a W3C `traceparent`, `00-<32 hex>-<16 hex>-<2 hex>`.
pub fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let parent = headers.get("traceparent").and_then(|value| value.to_str().ok())?;
    parent.split('-').nth(1).filter(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The status that the library gave in the head of the answer, as ours; `None` for success, for what is ours, and for
/// what comes in trailers.
fn in_our_words(headers: &HeaderMap, compressed: bool, told: &Told, language: Language) -> Option<Status> {
    if headers.contains_key(Status::GRPC_STATUS_DETAILS) {
        return None;
    }
    let refuse = |refused| {
        told.refused(refused);
        Some(status::refused(refused, language))
    };
    match code_of(headers)? {
        // What tonic says of a message above the limit.
        Code::OutOfRange => {
            told.failure(&Failure::TooLarge);
            Some(status::status(&Failure::TooLarge, language))
        }
        // What tonic says of a message that prost cannot decode, and of one that is missing.
        Code::Internal => refuse(Refused::Malformed),
        // What tonic says of an encoding that is not enabled, and of a method that is not there.
        Code::Unimplemented if compressed => refuse(Refused::Compressed),
        Code::Unimplemented => refuse(Refused::NoSuchMethod),
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
