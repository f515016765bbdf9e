//! Fetches the keys of issuers that publish them: over HTTPS, from the place that the configuration names, into the file
//! that `keys` reads.
//!
//! The file is the copy that a restart begins with while the issuer cannot be reached. What cannot be fetched or used
//! changes nothing. Redirects are not followed: who moves says so in the configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Notify;

use super::jwks;
use super::keys::{Algorithm, IssuerSettings, JWKS_BYTES_MAX, KeyFault};

/// How often keys are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchPace {
    /// From one time to the next.
    pub every: Duration,
    /// A token with a key that is not known has them fetched sooner, but no more often than this.
    pub gap: Duration,
}

impl Default for FetchPace {
    /// Every five minutes, and no more often than every ten seconds.
    fn default() -> Self {
        Self { every: Duration::from_mins(5), gap: Duration::from_secs(10) }
    }
}

/// An issuer that takes longer than 10 s is asked again.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Why keys could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchFault {
    /// The issuer was not reached, is not who it says, or broke off.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// It took too long.
    #[error("no answer within {} s", ANSWER_MAX.as_secs())]
    TooSlow,
    /// It answered something else than 200.
    #[error("the answer was {0}")]
    Status(StatusCode),
    /// What it answered is no set of keys for its algorithm.
    #[error("the answer {0}")]
    Unusable(String),
    /// The copy cannot be written.
    #[error("the copy cannot be written: {0}")]
    Copy(#[from] std::io::Error),
}

/// Fetches the keys of one issuer.
pub(super) struct KeyFetcher {
    issuer: String,
    url: Uri,
    file: PathBuf,
    algorithm: Algorithm,
    http: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    wanted: Arc<Notify>,
}

impl KeyFetcher {
    /// None where keys are not fetched. `wanted` says that a key is missing.
    pub(super) fn new(settings: &IssuerSettings, wanted: &Arc<Notify>) -> Result<Option<Self>, KeyFault> {
        let Some(text) = &settings.jwks_url else { return Ok(None) };
        let url: Uri = text.parse().map_err(|_| KeyFault::Url(text.clone()))?;
        if url.scheme() != Some(&Scheme::HTTPS) || url.host().is_none() {
            return Err(KeyFault::Url(text.clone()));
        }
        let tls = client_config(settings.jwks_ca.as_deref())?;
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
        Ok(Some(Self {
            issuer: settings.issuer.clone(),
            url,
            file: settings.jwks_file.clone(),
            algorithm: settings.algorithm,
            http: Client::builder(TokioExecutor::new()).build(https),
            wanted: Arc::clone(wanted),
        }))
    }

    /// Fetches at once, then at this pace, until it is dropped.
    pub(super) async fn run(&self, pace: FetchPace) {
        loop {
            if let Err(fault) = self.fetch().await {
                let issuer = &self.issuer;
                tracing::error!(code = "TOKEN_KEYS_NOT_FETCHED", %issuer, %fault, "the keys read before stay in use");
            }
            tokio::time::sleep(pace.gap).await;
            // Over or wanted: the same follows.
            let _either =
                tokio::time::timeout(pace.every.saturating_sub(pace.gap), self.wanted.notified()).await;
        }
    }

    /// Fetches once, and keeps a copy of what is new.
    pub(super) async fn fetch(&self) -> Result<(), FetchFault> {
        let text = tokio::time::timeout(ANSWER_MAX, self.ask()).await.map_err(|_| FetchFault::TooSlow)??;
        jwks::parse(&text, self.algorithm).map_err(FetchFault::Unusable)?;
        if tokio::fs::read(&self.file).await.is_ok_and(|kept| kept == text) {
            return Ok(());
        }
        if let Some(folder) = self.file.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        // Whole or not at all: it may be read at any moment.
        let beside = self.file.with_extension("new");
        tokio::fs::write(&beside, &text).await?;
        Ok(tokio::fs::rename(&beside, &self.file).await?)
    }

    async fn ask(&self) -> Result<Bytes, FetchFault> {
        let request = Request::get(self.url.clone()).header(http::header::ACCEPT, "application/json");
        let request = request.body(Empty::new()).map_err(|error| FetchFault::NoAnswer(error.to_string()))?;
        let answer =
            self.http.request(request).await.map_err(|error| FetchFault::NoAnswer(causes(&error)))?;
        if answer.status() != StatusCode::OK {
            return Err(FetchFault::Status(answer.status()));
        }
        let body = Limited::new(answer.into_body(), JWKS_BYTES_MAX).collect().await;
        Ok(body.map_err(|error| FetchFault::Unusable(format!("broke off: {error}")))?.to_bytes())
    }
}

/// An error of the transport says little; what it is for says what went wrong.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

fn client_config(authorities: Option<&Path>) -> Result<ClientConfig, KeyFault> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(path) => {
            let unusable = |what: String| KeyFault::Unusable { path: path.to_owned(), what };
            let pem =
                std::fs::read(path).map_err(|error| KeyFault::Unreadable { path: path.to_owned(), error })?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
                roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unusable("has no certificate in PEM".to_owned()));
            }
        }
        // Some of the system's cannot be read by everybody; the others serve.
        None => {
            let _counted = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| KeyFault::Unusable {
        path: authorities.unwrap_or_else(|| Path::new("TLS")).to_owned(),
        what: error.to_string(),
    })?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
