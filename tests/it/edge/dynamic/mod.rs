//! Calls of every method from its descriptor alone: what somebody adds to the interface tomorrow is tried tomorrow.
//!
//! The server is the real process, over either database, with two centres, two departments, people, terminals, and a
//! holder of every role at every reach.

mod at_once;
mod denials;
pub(crate) mod fields;
mod limits;
mod matrix;
pub(crate) mod message;
mod rows;
pub(crate) mod world;

use http::uri::PathAndQuery;
use prost_reflect::MethodDescriptor;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::rigs::canary::calls::Plain;
use crate::rigs::canary::fill::path_of;

/// What an answer comes to, but for the id that differs each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) reason: String,
    /// The fields that were wrong, each with its sentence in the caller's language.
    pub(crate) violations: Vec<(String, String)>,
    /// How many more there were than an answer has room for.
    pub(crate) more: usize,
    /// The bytes of the (first) message of an answer.
    pub(crate) bytes: Vec<u8>,
}

/// Calls a method with these bytes, in a language.
pub(crate) async fn call(
    channel: &Channel,
    method: &MethodDescriptor,
    message: Vec<u8>,
    token: Option<&str>,
    language: &str,
) -> Answer {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", token.parse().expect("ASCII"));
    }
    request.metadata_mut().insert("accept-language", language.parse().expect("ASCII"));
    match answered(channel, method, request).await {
        Ok(bytes) => Answer {
            code: Code::Ok,
            message: String::new(),
            reason: String::new(),
            violations: Vec::new(),
            more: 0,
            bytes,
        },
        Err(status) => refused(&status),
    }
}

pub(crate) async fn answered(
    channel: &Channel,
    method: &MethodDescriptor,
    request: Request<Vec<u8>>,
) -> Result<Vec<u8>, Status> {
    let path = PathAndQuery::try_from(path_of(method)).expect("a path");
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(16 << 20);
    grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
    if !method.is_server_streaming() {
        return grpc.unary(request, path, Plain).await.map(tonic::Response::into_inner);
    }
    let mut stream = grpc.server_streaming(request, path, Plain).await?.into_inner();
    let first = stream.message().await?.unwrap_or_default();
    // What is watched has no end of its own.
    if method.name().starts_with("Watch") {
        return Ok(first);
    }
    while stream.message().await?.is_some() {}
    Ok(first)
}

fn refused(status: &Status) -> Answer {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| {
        let each = bad.field_violations.iter();
        each.map(|violation| {
            let said = violation.localized_message.as_ref().map(|said| said.message.clone());
            (violation.field.clone(), said.unwrap_or_default())
        })
        .collect()
    });
    let more = details.error_info().and_then(|info| info.metadata.get("more_violations"));
    Answer {
        code: status.code(),
        message: status.message().to_owned(),
        reason: details.error_info().map(|info| info.reason.clone()).unwrap_or_default(),
        violations: violations.unwrap_or_default(),
        more: more.map_or(0, |more| more.parse().expect("a count")),
        bytes: Vec::new(),
    }
}
