//! Who calls, before anything of the body is read: the path finds the rule, the token finds the subject.
//!
//! What is not in the table of rules is refused first, so that a method that somebody forgot cannot be reached. What
//! the caller may do is not decided here: it needs the centre that the request names (see `access::Caller::pass`).

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::header::{AUTHORIZATION, HeaderMap};
use http::{Request, Response};
use tower::{Layer, Service};

use super::call::{CallId, language_of};
use super::limit::{Limiter, peer};
use super::listen::Peer;
use super::outcome::Told;
use super::status::{self, Refused};
use crate::access::{Binding, Caller, Rule, Rules, Support, SupportKey, TokenError, Verifier, Visitor};
use crate::clock::{Clock, random};

/// What the paths of our own methods begin with; health and reflection are not counted.
const OURS: &str = "/qinlian.";
/// Where terminals get their tokens.
const DEVICE_TOKEN: &str = "/qinlian.v1.DirectoryService/GetDeviceToken";

/// The layer: puts a [`Caller`] into the request, or answers.
#[derive(Debug, Clone)]
pub struct Authenticate {
    with: Arc<With>,
}

#[derive(Debug)]
struct With {
    rules: Rules,
    verifier: Arc<Verifier>,
    support_key: Arc<SupportKey>,
    limiter: Arc<Limiter>,
    clock: Arc<dyn Clock>,
    devices: Binding,
}

impl Authenticate {
    /// By these rules, with these issuers, counted by this limiter; `devices` says whether their tokens must be bound to
    /// certificates.
    pub fn new(
        rules: Rules,
        verifier: Arc<Verifier>,
        support_key: Arc<SupportKey>,
        limiter: Arc<Limiter>,
        clock: Arc<dyn Clock>,
        devices: Binding,
    ) -> Self {
        Self { with: Arc::new(With { rules, verifier, support_key, limiter, clock, devices }) }
    }
}

impl<S> Layer<S> for Authenticate {
    type Service = Authenticated<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Authenticated { inner, with: Arc::clone(&self.with) }
    }
}

/// The service inside the layer.
#[derive(Debug, Clone)]
pub struct Authenticated<S> {
    inner: S,
    with: Arc<With>,
}

impl<S, B, R> Service<Request<B>> for Authenticated<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<R>, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let checked = self.with.check(&request);
        // Nobody further in needs the token.
        request.headers_mut().remove(AUTHORIZATION);
        match checked {
            Ok(Checked::Caller(caller)) => {
                request.extensions_mut().insert(caller);
                Either::Left(self.inner.call(request))
            }
            Ok(Checked::Visitor(visitor)) => {
                request.extensions_mut().insert(visitor);
                Either::Left(self.inner.call(request))
            }
            Err(refused) => {
                if let Some(told) = request.extensions().get::<Told>() {
                    told.refused(refused);
                }
                let status = status::refused(refused, language_of(request.headers()));
                Either::Right(ready(Ok(status.into_http())))
            }
        }
    }
}

/// Who was found to call.
enum Checked {
    /// Somebody with a good token.
    Caller(Caller),
    /// Anybody: the method is public.
    Visitor(Visitor),
}

impl With {
    fn check<B>(&self, request: &Request<B>) -> Result<Checked, Refused> {
        let rule = self.rules.find(request.uri().path()).ok_or(Refused::NoSuchMethod)?;
        let id = request.extensions().get::<CallId>().map_or("", |id| &*id.0);
        // Put there by the transport, from the connection itself: nothing in a request can say it.
        let certificate = request.extensions().get::<Peer>().and_then(|peer| peer.certificate);
        if rule.public {
            if rule.method.starts_with(OURS)
                && let Some(peer) = peer(request.extensions())
            {
                self.limiter.address(peer.ip()).map_err(Refused::RateLimited)?;
            }
            // Its token would be bound to nothing, and refused at the next call.
            if rule.method == DEVICE_TOKEN && self.devices == Binding::Required && certificate.is_none() {
                return Err(Refused::CertificateMissing);
            }
            let visitor = Visitor::new(Arc::clone(rule), id).with_certificate(certificate);
            return Ok(Checked::Visitor(visitor));
        }
        let token = bearer(request.headers()).inspect_err(|refused| refuse(rule, &format!("{refused:?}")))?;
        let verified = self
            .verifier
            .verify(token)
            .and_then(|identity| identity.shown_with(certificate.as_ref(), self.devices).map(|()| identity));
        let identity = verified.map_err(|error| {
            refuse(rule, error.code());
            if error == TokenError::Expired { Refused::TokenExpired } else { Refused::TokenInvalid }
        })?;
        self.limiter.subject(&identity.subject).map_err(Refused::RateLimited)?;
        let support = Support::new(Arc::clone(&self.support_key), random(&*self.clock), self.clock.now());
        let caller = Caller::new(identity.subject, Arc::clone(rule), id, support);
        Ok(Checked::Caller(caller.holding(identity.key)))
    }
}

fn refuse(rule: &Rule, why: &str) {
    tracing::warn!(code = "TOKEN_REFUSED", why, method = rule.method, "a call without a good token");
}

/// The one bearer token of the call (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Refused> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Refused::TokenMissing)?;
    if values.next().is_some() {
        return Err(Refused::TokenRepeated);
    }
    let text = value.to_str().map_err(|_| Refused::TokenInvalid)?;
    let (scheme, token) = text.split_once(' ').ok_or(Refused::TokenMissing)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Refused::TokenMissing);
    }
    // A comma would be a second token that some proxy folded into one line.
    if token.contains(',') { Err(Refused::TokenRepeated) } else { Ok(token) }
}
