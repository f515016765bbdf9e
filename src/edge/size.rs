//! How much a call may carry: little for most methods, more for uploads.
//!
//! The gRPC library has one limit per service. So a service is there twice, with either limit, and the path chooses.

use std::task::{Context, Poll};

use http::Request;
use tonic::server::NamedService;
use tower::Service;

use crate::config::Limits;

/// The paths of the methods that may carry more. An erasure names up to 10,000 parts, a roster 1,000 people's
/// days, corrections for an outage and a manual roll 500 clock-ins, a lock 1,000 days that stay open.
const LARGE: [&str; 9] = [
    "/qinlian.v1.DirectoryService/BatchPutPeople",
    "/qinlian.v1.AttendanceService/UploadPunches",
    "/qinlian.v1.AttendanceService/RequestCorrection",
    "/qinlian.v1.AttendanceService/RecordManualRoll",
    "/qinlian.v1.AttendanceService/LockMonth",
    "/qinlian.v1.DutyService/UploadDutyEvents",
    "/qinlian.v1.AuditService/RequestErasure",
    "/qinlian.v1.RosterService/PutRoster",
    "/qinlian.v1.RosterService/PutCalendarYear",
];

/// How much a call of this path may carry.
pub(super) fn most_bytes(path: &str, limits: &Limits) -> usize {
    if LARGE.contains(&path) { limits.upload_bytes } else { limits.single_bytes }
}

/// One service with two limits.
#[derive(Debug, Clone)]
pub(super) struct BySize<S> {
    pub(super) small: S,
    pub(super) large: S,
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
        if LARGE.contains(&request.uri().path()) {
            self.large.call(request)
        } else {
            self.small.call(request)
        }
    }
}
