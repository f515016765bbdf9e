//! The server: services, health and reflection on one listener, with every limit set by hand.
//!
//! The library's own limits are mostly "none". The figures are those of `config`, and stand there with their reasons.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use http::HeaderValue;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_web::GrpcWebLayer;

use super::authenticate::Authenticate;
use super::call::Surround;
use super::figures::Figures;
use super::limit::{AtWork, Limiter};
use super::listen;
use super::pages::{self, Door};
use super::size::BySize;
use super::tls::Tls;
use super::web;
use crate::access::{Binding, Rules, SupportKey, Verifier};
use crate::clock::Clock;
use crate::config::Limits;
use crate::proto::attendance_service_server::{AttendanceService, AttendanceServiceServer};
use crate::proto::audit_service_server::{AuditService, AuditServiceServer};
use crate::proto::directory_service_server::{DirectoryService, DirectoryServiceServer};
use crate::proto::duty_service_server::{DutyService, DutyServiceServer};
use crate::proto::roster_service_server::{RosterService, RosterServiceServer};
use crate::registers::duty::service::Calls as Boards;

/// Readiness is looked at twice a second.
const READY_LOOK: Duration = Duration::from_millis(500);

/// Why the server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Tokens in the clear on a network.
    #[error("{0} is not a loopback address: without listen.tls only there, unless --insecure says otherwise")]
    PlainText(SocketAddr),
    /// The listener has no address.
    #[error("the listener cannot be used: {0}")]
    Listener(#[from] std::io::Error),
    /// The descriptors do not serve for reflection.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport gave up.
    #[error("the transport stopped: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// What the edge is made of.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Who may call what.
    pub rules: Rules,
    /// Who is believed.
    pub verifier: Arc<Verifier>,
    /// Seals the ids that denied callers may quote.
    pub support_key: Arc<SupportKey>,
    /// Where calls and connections are counted.
    pub figures: Arc<Figures>,
    /// Time and randomness.
    pub clock: Arc<dyn Clock>,
    /// How much of everything.
    pub limits: Limits,
    /// Do callers see the descriptors?
    pub reflection: bool,
    /// What connections are encrypted with. None: plain text.
    pub tls: Option<Arc<Tls>>,
    /// Is plain text allowed beyond the loopback interface?
    pub insecure: bool,
    /// The origins whose pages may call over gRPC-web.
    pub web_origins: Vec<HeaderValue>,
}

/// The services that a server offers.
#[derive(Debug)]
pub struct Services {
    routes: Routes,
    names: Vec<&'static str>,
    limits: Limits,
    /// What is there for people; it needs no token.
    pages: axum::Router,
}

/// Puts a generated service into the routes, once with either limit.
macro_rules! mount {
    ($services:ident, $server:ident, $calls:ident) => {{
        let with_limit = |bytes| {
            $server::from_arc(Arc::clone($calls))
                .max_decoding_message_size(bytes)
                .max_encoding_message_size($services.limits.answer_bytes)
        };
        let small = with_limit($services.limits.single_bytes);
        let large = with_limit($services.limits.upload_bytes);
        $services.add(BySize { small, large })
    }};
}

impl Services {
    /// None yet.
    pub fn new(limits: &Limits) -> Self {
        Self {
            routes: Routes::default(),
            names: Vec::new(),
            limits: limits.clone(),
            pages: axum::Router::new(),
        }
    }

    /// With the directory's calls.
    #[must_use]
    pub fn directory<T: DirectoryService>(self, calls: &Arc<T>) -> Self {
        mount!(self, DirectoryServiceServer, calls)
    }

    /// With attendance's calls.
    #[must_use]
    pub fn attendance<T: AttendanceService>(self, calls: &Arc<T>) -> Self {
        mount!(self, AttendanceServiceServer, calls)
    }

    /// With the roster's calls.
    #[must_use]
    pub fn roster<T: RosterService>(self, calls: &Arc<T>) -> Self {
        mount!(self, RosterServiceServer, calls)
    }

    /// With duty's calls.
    #[must_use]
    pub fn duty<T: DutyService>(self, calls: &Arc<T>) -> Self {
        mount!(self, DutyServiceServer, calls)
    }

    /// With the public boards, as pages.
    #[must_use]
    pub fn boards(mut self, calls: &Arc<Boards>) -> Self {
        self.pages = self.pages.merge(pages::routes(Arc::clone(calls)));
        self
    }

    /// With audit's calls.
    #[must_use]
    pub fn audit<T: AuditService>(self, calls: &Arc<T>) -> Self {
        mount!(self, AuditServiceServer, calls)
    }

    fn add<S>(mut self, service: BySize<S>) -> Self
    where
        S: NamedService + Clone + Send + Sync + 'static,
        S: tower::Service<http::Request<tonic::body::Body>, Error = std::convert::Infallible>,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.names.push(S::NAME);
        self.routes = self.routes.add_service(service);
        self
    }
}

/// Serves until `until`: then health says no, for `limits.notice_ms` calls are still taken so that whoever spreads them
/// can turn to others, running calls are answered, and the listener closes. `ready` says
/// whether this replica is fit to be asked.
pub async fn serve(
    edge: Edge,
    listener: TcpListener,
    services: Services,
    ready: impl Fn() -> bool + Send + Sync + 'static,
    until: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    if edge.tls.is_none() && !address.ip().is_loopback() && !edge.insecure {
        return Err(ServeError::PlainText(address));
    }
    let Services { routes, names, limits, pages } = services;
    let (reporter, health) = tonic_health::server::health_reporter();
    report(&reporter, &names, ServingStatus::NotServing).await;
    let mut routes = routes.add_service(health);
    if edge.reflection {
        routes = with_reflection(routes)?;
    }
    let devices = edge.tls.as_ref().map_or(Binding::Optional, |tls| tls.terminals());
    let (limiter, at_work) = (Arc::new(Limiter::new(&limits, &edge.clock)), AtWork::new(&limits));
    let door = Door {
        limiter: Arc::clone(&limiter),
        at_work: at_work.clone(),
        figures: Arc::clone(&edge.figures),
        clock: Arc::clone(&edge.clock),
        longest: Duration::from_millis(limits.call_timeout_ms),
    };
    let pages = if pages.has_routes() {
        pages.route_layer(from_fn_with_state(Arc::new(door), pages::enter))
    } else {
        pages
    };
    // On the routes alone: pages have a fallback of their own. One layer for the router, which puts each into a box that
    // every call copies, with all that is in it.
    let around = (
        web::cors(&edge.web_origins),
        GrpcWebLayer::new(),
        Surround::new(
            Arc::clone(&edge.clock),
            edge.rules.clone(),
            Arc::clone(&edge.figures),
            at_work,
            &limits,
        ),
        Authenticate::new(
            edge.rules,
            edge.verifier,
            edge.support_key,
            limiter,
            Arc::clone(&edge.clock),
            devices,
        ),
    );
    let layered = routes.into_axum_router().route_layer(around).merge(pages);
    let (close, closing) = oneshot::channel::<()>();
    let incoming = listen::incoming(listener, edge.tls, &limits, edge.figures, edge.clock);
    let mut server = Box::pin(
        limited(&limits).add_routes(Routes::from(layered)).serve_with_incoming_shutdown(incoming, async {
            // A sender that is gone says the same: close.
            let _gone = closing.await;
        }),
    );
    tokio::select! {
        ended = &mut server => return Ok(ended?),
        () = watch(&reporter, &names, ready) => {}
        () = until => {}
    }
    report(&reporter, &names, ServingStatus::NotServing).await;
    tokio::select! {
        ended = &mut server => return Ok(ended?),
        () = tokio::time::sleep(Duration::from_millis(limits.notice_ms)) => {}
    }
    let _sent = close.send(());
    // Somebody who watches health would keep us for ever.
    match tokio::time::timeout(Duration::from_millis(limits.shutdown_ms), server).await {
        Ok(ended) => Ok(ended?),
        Err(_elapsed) => {
            tracing::warn!(
                code = "EDGE_CUT_OFF",
                "connections were still open when the time to stop was over"
            );
            Ok(())
        }
    }
}

/// Every limit of the transport, explicitly. How long a call may take and how many are at work is `call`'s, which says
/// so in our words.
fn limited(limits: &Limits) -> Server {
    Server::builder()
        // gRPC-web comes over HTTP/1.1 too.
        .accept_http1(true)
        .max_concurrent_streams(limits.streams_per_connection)
        .http2_max_local_error_reset_streams(Some(limits.local_error_resets))
        .http2_max_pending_accept_reset_streams(Some(limits.pending_accept_resets))
        .http2_max_header_list_size(limits.header_bytes)
        .max_frame_size(limits.frame_bytes)
        .http2_keepalive_interval(Some(Duration::from_millis(limits.keepalive_ms)))
        .http2_keepalive_timeout(Some(Duration::from_millis(limits.keepalive_timeout_ms)))
        // Without the library's grace: with it a connection is cut off, and not asked first. `listen` cuts it off.
        .max_connection_age(Duration::from_millis(limits.connection_age_ms))
}

fn with_reflection(routes: Routes) -> Result<Routes, tonic_reflection::server::Error> {
    // The very bytes of the build, so that callers see who may call what.
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(crate::proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    Ok(routes.add_service(builder().build_v1()?).add_service(builder().build_v1alpha()?))
}

/// Says in health whether this replica is ready, for ever.
async fn watch(reporter: &HealthReporter, names: &[&'static str], ready: impl Fn() -> bool) {
    let mut ticks = tokio::time::interval(READY_LOOK);
    let mut said = None;
    loop {
        ticks.tick().await;
        let now = ready();
        if said != Some(now) {
            tracing::info!(code = "EDGE_READY", ready = now, "readiness changed");
            let serving = if now { ServingStatus::Serving } else { ServingStatus::NotServing };
            report(reporter, names, serving).await;
            said = Some(now);
        }
    }
}

async fn report(reporter: &HealthReporter, names: &[&'static str], status: ServingStatus) {
    for name in std::iter::once("").chain(names.iter().copied()) {
        reporter.set_service_status(name, status).await;
    }
}
