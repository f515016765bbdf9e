//! Who gets a page: whoever looks is counted by address like a caller without a token, takes a place among the calls at work,
//! and waits no longer than a call may take. How it ended is told like a call's.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tonic::Code;
use tracing::Instrument as _;

use super::board::notice;
use crate::clock::Clock;
use crate::edge::figures::{Figures, PAGE};
use crate::edge::limit::{AtWork, Favour, Limiter, peer};
use crate::edge::outcome::{Outcome, Told};
use crate::edge::status::Refused;
use crate::registers::failure::Failure;

/// Too much waits: a second later there may be a place.
const AGAIN: Duration = Duration::from_secs(1);

/// What every page is asked through.
#[derive(Debug)]
pub(in crate::edge) struct Door {
    pub(in crate::edge) limiter: Arc<Limiter>,
    pub(in crate::edge) at_work: AtWork,
    pub(in crate::edge) figures: Arc<Figures>,
    pub(in crate::edge) clock: Arc<dyn Clock>,
    pub(in crate::edge) longest: Duration,
}

/// Lets a question for a page through, or answers it.
pub(in crate::edge) async fn enter(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let told = Told::default();
    let span = tracing::error_span!("call", method = PAGE);
    let (figures, clock) = (Arc::clone(&door.figures), Arc::clone(&door.clock));
    let outcome = Outcome::begin(PAGE.into(), figures, clock, told.clone(), span.clone());
    let response = answer(&door, request, next, &told).instrument(span).await;
    outcome.end(code(response.status()));
    response
}

async fn answer(door: &Door, request: Request, next: Next, told: &Told) -> Response {
    let peer = peer(request.extensions());
    if let Some(peer) = peer
        && let Err(wait) = door.limiter.address(peer.ip())
    {
        told.refused(Refused::RateLimited(wait));
        return later(StatusCode::TOO_MANY_REQUESTS, wait);
    }
    let Some(_place) = door.at_work.begin(peer, Favour::Others) else {
        told.shed();
        return later(StatusCode::SERVICE_UNAVAILABLE, AGAIN);
    };
    let Ok(response) = tokio::time::timeout(door.longest, next.run(request)).await else {
        told.given_up();
        return later(StatusCode::SERVICE_UNAVAILABLE, AGAIN);
    };
    match response.status() {
        StatusCode::BAD_REQUEST => told.refused(Refused::Malformed),
        StatusCode::NOT_FOUND => told.failure(&Failure::NotFound("board")),
        StatusCode::SERVICE_UNAVAILABLE => told.failure(&Failure::Overloaded),
        _ => {}
    }
    response
}

/// The code of gRPC that says the same ("HTTP to gRPC Status Code Mapping", where it has one).
fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::BAD_REQUEST => Code::InvalidArgument,
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::TOO_MANY_REQUESTS => Code::ResourceExhausted,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        other if other.is_client_error() || other.is_server_error() => Code::Unknown,
        _ => Code::Ok,
    }
}

fn later(status: StatusCode, wait: Duration) -> Response {
    let mut response = notice(status, "查询较多，请稍后再试", "Busy. Please try again.");
    // Whole seconds, and never too early (RFC 9110 §10.2.3).
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::num::NonZeroU32;

    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;
    use crate::access::Rules;
    use crate::clock::MockClock;
    use crate::config::Limits;
    use crate::edge::listen::Peer;
    use crate::kernel::{self, EpochMs};

    struct Rig {
        door: Arc<Door>,
        pages: Router,
    }

    impl Rig {
        fn new(limits: &Limits) -> Self {
            let clock: Arc<dyn Clock> = Arc::new(MockClock::new(EpochMs::clamped(1_772_411_400_000), 1));
            let door = Arc::new(Door {
                limiter: Arc::new(Limiter::new(limits, &clock)),
                at_work: AtWork::new(limits),
                figures: Arc::new(Figures::new(&Rules::ours().unwrap())),
                clock,
                longest: Duration::from_millis(limits.call_timeout_ms),
            });
            let pages = Router::new()
                .route("/page", get(|| async { "a page" }))
                .route("/nothing", get(|| async { StatusCode::NOT_FOUND }))
                .route("/slow", get(std::future::pending::<&'static str>))
                .route_layer(from_fn_with_state(Arc::clone(&door), enter));
            Self { door, pages }
        }

        async fn ask(&self, from: &str, path: &str) -> (u16, Option<String>) {
            let mut request = Request::new(Body::empty());
            *request.uri_mut() = path.parse().unwrap();
            let address = SocketAddr::new(from.parse().unwrap(), 1);
            request.extensions_mut().insert(Peer { address, certificate: None });
            let response = self.pages.clone().oneshot(request).await.unwrap();
            let again = response.headers().get(header::RETRY_AFTER);
            (response.status().as_u16(), again.map(|again| again.to_str().unwrap().to_owned()))
        }

        /// What is counted of pages that did not go well.
        fn refusals(&self) -> String {
            let figures = kernel::Figures::figures(&*self.door.figures);
            format!("{:?}", figures.iter().find(|figure| figure.name == "qinlian_refusals").unwrap())
        }
    }

    #[tokio::test]
    async fn whoever_looks_too_often_is_told_when_to_come_again_and_nobody_else_is() {
        let (public_calls_per_second, public_calls_burst) = (NonZeroU32::MIN, NonZeroU32::new(2).unwrap());
        let limits = Limits { public_calls_per_second, public_calls_burst, ..Limits::default() };
        let rig = Rig::new(&limits);
        for (from, path, wanted) in [
            ("192.0.2.1", "/page", (200, None)),
            ("192.0.2.1", "/nothing", (404, None)),
            ("192.0.2.1", "/page", (429, Some("1"))),
            ("192.0.2.2", "/page", (200, None)),
        ] {
            let (status, again) = rig.ask(from, path).await;
            assert_eq!((status, again.as_deref()), wanted, "{from} {path}");
        }
        let refusals = rig.refusals();
        assert!(refusals.contains("RATE_LIMITED") && refusals.contains("NOT_FOUND"), "{refusals}");
    }

    #[tokio::test]
    async fn pages_take_places_among_the_calls_that_are_not_for_terminals() {
        let rig = Rig::new(&Limits { calls: 2, ..Limits::default() });
        let held = rig.door.at_work.begin(None, Favour::Others);
        assert_eq!(rig.ask("192.0.2.1", "/page").await, (503, Some("1".to_owned())));
        assert!(rig.refusals().contains("OVERLOADED"));
        drop(held);
        assert_eq!(rig.ask("192.0.2.1", "/page").await, (200, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_takes_too_long_is_given_up_and_its_place_is_free() {
        let rig = Rig::new(&Limits { calls: 2, ..Limits::default() });
        assert_eq!(rig.ask("192.0.2.1", "/slow").await, (503, Some("1".to_owned())));
        assert!(rig.refusals().contains("IN_DOUBT"));
        assert_eq!(rig.ask("192.0.2.1", "/page").await, (200, None));
    }
}
