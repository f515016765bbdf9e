//! How much a call may carry: little for most methods, more for uploads.
//!
//! The gRPC library has one limit per service. So a service is there twice, with either limit, and the path chooses.

use std::task::{Context, Poll};

use http::Request;
use tonic::server::NamedService;
use tower::Service;

/// One service with two limits.
#[derive(Debug, Clone)]
pub(super) struct BySize<S> {
    pub(super) small: S,
    pub(super) large: S,
    /// The paths of the methods that may carry more.
    pub(super) large_paths: &'static [&'static str],
}

impl<S: NamedService> NamedService for BySize<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<Request<B>> for BySize<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        std::task::ready!(self.small.poll_ready(context))?;
        self.large.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        if self.large_paths.contains(&request.uri().path()) {
            self.large.call(request)
        } else {
            self.small.call(request)
        }
    }
}
