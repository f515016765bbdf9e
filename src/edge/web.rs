//! Which pages may call over gRPC-web: those of the origins that the configuration names, and no others.
//!
//! Tokens travel in a header that a page has to set itself, never in a cookie; so a foreign page that is refused here
//! could do nothing with the answer anyway.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

use super::call::REQUEST_ID;

/// A browser asks again after an hour whether it may.
const PREFLIGHT_AGE: Duration = Duration::from_hours(1);

/// The layer that answers a browser's questions (CORS).
pub(super) fn cors(origins: &[HeaderValue]) -> CorsLayer {
    let request_id = HeaderName::from_static(REQUEST_ID);
    CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_methods([Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT_LANGUAGE,
            HeaderName::from_static("x-grpc-web"),
            HeaderName::from_static("x-user-agent"),
            HeaderName::from_static("grpc-timeout"),
            request_id.clone(),
        ])
        .expose_headers([
            HeaderName::from_static("grpc-status"),
            HeaderName::from_static("grpc-message"),
            HeaderName::from_static("grpc-status-details-bin"),
            request_id,
        ])
        .max_age(PREFLIGHT_AGE)
}
