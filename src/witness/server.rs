//! The witness over HTTP, c2sp.org/tlog-witness: one call to submit, one to read.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;

use super::witness::{Answer, Witness, WitnessFault};
use crate::tlog::MAX_NOTE_BYTES;

/// A note, 63 hashes of 45 bytes and a line: more is not read.
const MAX_BODY_BYTES: usize = MAX_NOTE_BYTES + 4_096;

/// The content type of a conflict's size, c2sp.org/tlog-witness "add-checkpoint".
const TLOG_SIZE: &str = "text/x.tlog.size";
/// Of a checkpoint, c2sp.org/tlog-tiles "Checkpoints".
const PLAIN: &str = "text/plain; charset=utf-8";

/// The two calls, below a prefix: empty, or `/` and a path without a slash at its end.
pub fn router(witness: Arc<Witness>, prefix: &str) -> Router {
    let prefix = prefix.trim_end_matches('/');
    Router::new()
        .route(&format!("{prefix}/add-checkpoint"), post(add_checkpoint))
        .route(&format!("{prefix}/{{origin_hash}}/checkpoint"), get(checkpoint))
        .with_state(witness)
}

/// Serves until `stop` ends.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, request: Request) -> Response {
    let Ok(body) = to_bytes(request.into_body(), MAX_BODY_BYTES).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Ok(body) = String::from_utf8(body.to_vec()) else { return StatusCode::BAD_REQUEST.into_response() };
    // It waits for the disk: not on a thread that others need.
    match tokio::task::spawn_blocking(move || witness.add_checkpoint(&body)).await {
        Ok(Ok(answer)) => respond(answer),
        Ok(Err(fault)) => unable(&fault),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn unable(fault: &WitnessFault) -> Response {
    tracing::error!(code = "WITNESS_FAULT", %fault, "nothing was cosigned");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn respond(answer: Answer) -> Response {
    let typed = |kind: &'static str| -> [(HeaderName, &'static str); 1] { [(header::CONTENT_TYPE, kind)] };
    match answer {
        Answer::Cosigned(lines) => (StatusCode::OK, typed(PLAIN), lines).into_response(),
        Answer::Conflict(size) => {
            (StatusCode::CONFLICT, typed(TLOG_SIZE), format!("{size}\n")).into_response()
        }
        Answer::Refused(status) => {
            StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST).into_response()
        }
    }
}

async fn checkpoint(State(witness): State<Arc<Witness>>, Path(hash): Path<String>) -> Response {
    match tokio::task::spawn_blocking(move || witness.checkpoint(&hash)).await {
        Ok(Ok(Some(note))) => (StatusCode::OK, [(header::CONTENT_TYPE, PLAIN)], note).into_response(),
        Ok(Ok(None)) => StatusCode::NOT_FOUND.into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
