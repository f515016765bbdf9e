//! How a call ended: one line of the log and one count for each, whenever and however it ends.
//!
//! Whoever answers with a failure says so in [`Told`]; the answer itself is written when it has left, with its last
//! byte. A caller that goes away before is an end as well.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use tonic::{Code, Status};
use tracing::Span;

use super::Language;
use super::figures::Figures;
use super::status::{self, Refused};
use crate::clock::Clock;
use crate::registers::failure::Failure;

/// What those further in say about a call that does not end well. What is said last counts.
#[derive(Debug, Clone, Default)]
pub struct Told(Arc<Mutex<Option<Said>>>);

#[derive(Debug)]
struct Said {
    end: End,
    reason: &'static str,
    support_id: Option<String>,
    wait_ms: Option<u64>,
}

/// The ways to end badly that have a line of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Deadline,
    Failed,
    Fault,
    GivenUp,
    Panicked,
    RateLimited,
    Shed,
}

impl Told {
    /// A service failed.
    pub(super) fn failure(&self, failure: &Failure) {
        let end = if matches!(failure, Failure::Fault(_)) { End::Fault } else { End::Failed };
        let support_id = match failure {
            Failure::Denied(denied) => Some(denied.support_id.clone()),
            Failure::Invalid(_)
            | Failure::Refused(_)
            | Failure::NotProven
            | Failure::NotFound(_)
            | Failure::RequestIdReused
            | Failure::CursorExpired
            | Failure::TooLarge
            | Failure::Overloaded
            | Failure::DiskFull
            | Failure::InDoubt
            | Failure::Unavailable(_)
            | Failure::Fault(_) => None,
        };
        self.say(Said { end, reason: status::reason(failure), support_id, wait_ms: None });
    }

    /// The edge refused.
    pub(super) fn refused(&self, refused: Refused) {
        let (end, wait_ms) = match refused {
            Refused::RateLimited(wait) => {
                (End::RateLimited, Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
            }
            Refused::NoSuchMethod
            | Refused::TokenMissing
            | Refused::TokenRepeated
            | Refused::TokenExpired
            | Refused::TokenInvalid
            | Refused::CertificateMissing
            | Refused::Compressed
            | Refused::Malformed
            | Refused::AnswerTooLarge => (End::Failed, None),
        };
        self.say(Said { end, reason: status::reason_of(refused), support_id: None, wait_ms });
    }

    /// Its connection, or the server, had too many calls at work.
    pub(super) fn shed(&self) -> Failure {
        self.ended(End::Shed, Failure::Overloaded)
    }

    /// It took longer than its client gave it; for what it sent the same holds as when it took longer than it may.
    pub(super) fn deadline(&self) -> Failure {
        self.ended(End::Deadline, Failure::InDoubt)
    }

    /// It took longer than it may. What it sent to be committed may yet be: the same id finds out.
    pub(super) fn given_up(&self) -> Failure {
        self.ended(End::GivenUp, Failure::InDoubt)
    }

    /// A handler panicked.
    pub(super) fn panicked(&self) -> Failure {
        self.ended(End::Panicked, Failure::Fault("PANIC"))
    }

    fn ended(&self, end: End, failure: Failure) -> Failure {
        self.say(Said { end, reason: status::reason(&failure), support_id: None, wait_ms: None });
        failure
    }

    fn say(&self, said: Said) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
    }

    fn take(&self) -> Option<Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A call that has not ended. Dropped before, its caller went away.
#[derive(Debug)]
pub(super) struct Outcome {
    method: Arc<str>,
    figures: Arc<Figures>,
    clock: Arc<dyn Clock>,
    begun_ms: u64,
    told: Told,
    span: Span,
    over: bool,
}

impl Outcome {
    /// A call begins.
    pub(super) fn begin(
        method: Arc<str>,
        figures: Arc<Figures>,
        clock: Arc<dyn Clock>,
        told: Told,
        span: Span,
    ) -> Self {
        figures.at_work.up();
        Self { method, figures, begun_ms: clock.monotonic_ms(), clock, told, span, over: false }
    }

    /// It ended with this code.
    pub(super) fn end(mut self, code: Code) {
        self.over = true;
        let said = if code == Code::Ok { None } else { self.told.take() };
        let duration_ms = self.count(code, said.as_ref());
        self.span.in_scope(|| note(&self.method, code, said.as_ref(), duration_ms));
    }

    fn count(&self, code: Code, said: Option<&Said>) -> u64 {
        let duration_ms = self.clock.monotonic_ms().saturating_sub(self.begun_ms);
        self.figures.at_work.down();
        self.figures.call(
            &self.method,
            code,
            said.map(|said| said.reason),
            Duration::from_millis(duration_ms),
        );
        duration_ms
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        // Handlers' panics are caught; one inside a stream takes the connection's task with it.
        if std::thread::panicking() {
            self.told.panicked();
            let said = self.told.take();
            let duration_ms = self.count(Code::Internal, said.as_ref());
            self.span.in_scope(|| note(&self.method, Code::Internal, said.as_ref(), duration_ms));
            return;
        }
        let left = Said { end: End::Failed, reason: "LEFT", support_id: None, wait_ms: None };
        let duration_ms = self.count(Code::Cancelled, Some(&left));
        let method = &*self.method;
        self.span.in_scope(|| {
            tracing::debug!(code = "CALL_LEFT", method, duration_ms, "the caller went away before the end");
        });
    }
}

/// The one line of a call that was answered.
fn note(method: &str, status: Code, said: Option<&Said>, duration_ms: u64) {
    if status == Code::Ok {
        tracing::debug!(code = "CALL_OK", method, duration_ms, "answered");
        return;
    }
    let reason = said.map(|said| said.reason);
    match said.map_or(End::Failed, |said| said.end) {
        End::Failed => {
            let support_id = said.and_then(|said| said.support_id.as_deref());
            tracing::info!(
                code = "CALL_FAILED",
                method,
                ?status,
                reason,
                support_id,
                duration_ms,
                "answered"
            );
        }
        End::Fault => {
            tracing::error!(
                code = "CALL_FAULT",
                method,
                ?status,
                reason,
                duration_ms,
                "a call failed through our fault"
            );
        }
        End::GivenUp => {
            tracing::warn!(code = "CALL_GIVEN_UP", method, duration_ms, "a call took longer than it may");
        }
        End::Deadline => {
            tracing::info!(
                code = "CALL_DEADLINE",
                method,
                duration_ms,
                "a call took longer than its client gave it"
            );
        }
        End::Panicked => tracing::error!(code = "CALL_PANICKED", method, duration_ms, "a handler panicked"),
        End::RateLimited => {
            let wait_ms = said.and_then(|said| said.wait_ms);
            tracing::info!(
                code = "CALL_RATE_LIMITED",
                method,
                wait_ms,
                duration_ms,
                "a caller calls too often"
            );
        }
        End::Shed => {
            tracing::info!(code = "CALL_SHED", method, duration_ms, "too many calls are at work");
        }
    }
}

/// The status in the head of an answer, or in its trailers.
pub(super) fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|value| Code::from_bytes(value.as_bytes()))
}

/// The body of an answer, followed to its end.
#[derive(Debug)]
pub struct Followed<R> {
    inner: R,
    outcome: Option<Outcome>,
    language: Language,
}

impl<R: Body> Followed<R> {
    /// An answer whose head says how the call ended, or whose trailers will.
    pub(super) fn new(inner: R, outcome: Outcome, code: Option<Code>, language: Language) -> Self {
        // A body that has ended is not asked for trailers.
        match code.or_else(|| inner.is_end_stream().then_some(Code::Ok)) {
            Some(code) => {
                outcome.end(code);
                Self { inner, outcome: None, language }
            }
            None => Self { inner, outcome: Some(outcome), language },
        }
    }
}

impl<R> Followed<R> {
    /// What the library says of an answer that is larger than it may be, in our words.
    fn worded(&self, trailers: &mut HeaderMap) {
        let ours = trailers.contains_key(Status::GRPC_STATUS_DETAILS);
        if ours || code_of(trailers) != Some(Code::OutOfRange) {
            return;
        }
        let refused = Refused::AnswerTooLarge;
        let mut said = HeaderMap::new();
        // What a status of ours holds is a header; were it not, the library's stays.
        if status::refused(refused, self.language).add_header(&mut said).is_ok() {
            *trailers = said;
            if let Some(outcome) = &self.outcome {
                outcome.told.refused(refused);
            }
        }
    }
}

impl<R: Body + Unpin> Body for Followed<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<R::Data>, R::Error>>> {
        let mut polled = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(trailers) = polled.as_mut().and_then(|frame| frame.as_mut().ok()?.trailers_mut()) {
            self.worded(trailers);
        }
        let code = match &polled {
            Some(Ok(frame)) => frame.trailers_ref().map(|trailers| code_of(trailers).unwrap_or(Code::Ok)),
            Some(Err(_)) => Some(Code::Unknown),
            None => Some(Code::Ok),
        };
        if let Some(code) = code
            && let Some(outcome) = self.outcome.take()
        {
            outcome.end(code);
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
