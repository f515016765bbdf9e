//! Headers of pages.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::template::{SCRIPT, STYLE};

fn hash(of: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(of.as_bytes())))
}

/// Only this page's own script and style, and only requests to where it comes from.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; connect-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors *",
        hash(SCRIPT),
        hash(STYLE)
    )
});

fn put(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// A page, with a tag by which whoever has it already is told so.
pub(super) fn page(status: StatusCode, html: String, known: Option<&HeaderValue>) -> Response {
    let digest = Sha256::digest(html.as_bytes());
    let tag = format!("\"{}\"", STANDARD.encode(digest.get(..12).unwrap_or_default()));
    let same = status == StatusCode::OK && known.is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
    };
    let headers = response.headers_mut();
    put(headers, header::ETAG, &tag);
    common(headers);
    response
}

/// Plain text.
pub(super) fn text(status: StatusCode, text: String) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response();
    common(response.headers_mut());
    response
}

fn common(headers: &mut HeaderMap) {
    put(headers, header::CACHE_CONTROL, "no-cache");
    put(headers, header::CONTENT_SECURITY_POLICY, &POLICY);
    put(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(headers, header::REFERRER_POLICY, "no-referrer");
}
