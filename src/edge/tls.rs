//! How connections are encrypted: TLS 1.3 (RFC 8446), 1.2 (RFC 5246) where the configuration says so, and certificates of clients if an authority is named.
//!
//! The files are read again when they change; one that cannot be used changes nothing, and open connections go on. It
//! must not know who is let in, nor what tokens say.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ServerConfig, VerifierBuilderError, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::access::{Binding, CertificateThumbprint};
use crate::clock::Clock;
use crate::config::{self, TlsVersion};

/// The files are looked at no more often than every 2 s.
pub const FILES_LOOK_MS: u64 = 2_000;
/// A file may have this many bytes: some hundred certificates.
const FILE_BYTES_MAX: usize = 256 * 1024;
/// What is spoken inside (RFC 7301): HTTP/2, and HTTP/1.1 for gRPC-web.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is not what it must be.
    #[error("{path}: {what}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The certificate and the key do not go together, or are of a kind that nobody uses.
    #[error("the certificate and its key: {0}")]
    Pair(#[from] rustls::Error),
    /// The clients' authority serves to verify nothing.
    #[error("client_ca: {0}")]
    Authority(#[from] VerifierBuilderError),
}

/// What connections are encrypted with.
pub struct Tls {
    files: config::Tls,
    clock: Arc<dyn Clock>,
    in_use: Mutex<InUse>,
}

/// Owned by whoever holds the lock; that is the accept loop, which only looks at small files meanwhile.
struct InUse {
    config: Arc<ServerConfig>,
    /// What was read last, whether or not it could be used: a broken file is one line on the log, not one per look.
    read: Option<[u8; 32]>,
    looked_ms: u64,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tls").field(&self.files).finish()
    }
}

impl Tls {
    /// Reads the files.
    pub fn open(files: &config::Tls, clock: Arc<dyn Clock>) -> Result<Self, TlsFault> {
        let material = Material::read(files)?;
        let in_use = InUse {
            config: material.config(files, &clock)?,
            read: Some(material.digest()),
            looked_ms: clock.monotonic_ms(),
        };
        Ok(Self { files: files.clone(), clock, in_use: Mutex::new(in_use) })
    }

    /// Must the tokens of terminals be bound to a certificate?
    pub fn terminals(&self) -> Binding {
        self.files.terminals
    }

    /// The server's side of the next handshake, with the files as they are now.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.monotonic_ms();
        if now.saturating_sub(in_use.looked_ms) >= FILES_LOOK_MS {
            in_use.looked_ms = now;
            self.look(&mut in_use);
        }
        TlsAcceptor::from(Arc::clone(&in_use.config))
    }

    /// Compares what is in the files, not their times: who mounts them elsewhere may keep those.
    fn look(&self, in_use: &mut InUse) {
        let unusable = |fault: &TlsFault| {
            tracing::error!(code = "EDGE_TLS_UNUSABLE", %fault, "the certificate read before stays in use");
        };
        let material = match Material::read(&self.files) {
            Ok(material) => material,
            Err(fault) => return unusable(&fault),
        };
        let digest = Some(material.digest());
        if in_use.read == digest {
            return;
        }
        in_use.read = digest;
        match material.config(&self.files, &self.clock) {
            Ok(config) => {
                in_use.config = config;
                tracing::info!(code = "EDGE_TLS_READ", "the certificate for new connections changed");
            }
            Err(fault) => unusable(&fault),
        }
    }
}

/// The certificate that the client of a connection proved to hold the key of.
pub(super) fn certificate_of(connection: &TlsStream<TcpStream>) -> Option<CertificateThumbprint> {
    let (_, session) = connection.get_ref();
    session.peer_certificates()?.first().map(|certificate| CertificateThumbprint::of(certificate))
}

/// What is in the files.
struct Material {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Material {
    fn read(files: &config::Tls) -> Result<Self, TlsFault> {
        Ok(Self {
            certificate: bytes(&files.certificate)?,
            key: bytes(&files.key)?,
            client_ca: files.client_ca.as_deref().map(bytes).transpose()?,
        })
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten()
        {
            digest.update(Sha256::digest(part));
        }
        digest.finalize().into()
    }

    fn config(&self, files: &config::Tls, clock: &Arc<dyn Clock>) -> Result<Arc<ServerConfig>, TlsFault> {
        let chain = certificates(&files.certificate, &self.certificate)?;
        // The reason is not said: it could quote the key.
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| unusable(&files.key, "has no private key in PEM".to_owned()))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = match (&files.client_ca, &self.client_ca) {
            (Some(path), Some(pem)) => verifier(certificates(path, pem)?, path, &provider)?,
            _ => WebPkiClientVerifier::no_client_auth(),
        };
        let time = Arc::new(Time(Arc::clone(clock)));
        let versions = match files.minimum {
            TlsVersion::Tls13 => vec![&TLS13],
            TlsVersion::Tls12 => vec![&TLS13, &TLS12],
        };
        let mut config = ServerConfig::builder_with_details(provider, time)
            .with_protocol_versions(&versions)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        // A resumed session would bring a client's certificate back without looking at it again: none is kept.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

/// Verifies the certificate of a client that shows one; who shows none is let in, and has none.
fn verifier(
    authorities: Vec<CertificateDer<'static>>,
    path: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsFault> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(|error| unusable(path, error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    Ok(builder.allow_unauthenticated().build()?)
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(unusable(path, "has no certificate in PEM".to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(unusable(path, error.to_string())),
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsFault> {
    let read = std::fs::read(path);
    let bytes = read.map_err(|error| TlsFault::Unreadable { path: path.to_owned(), error })?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(unusable(path, format!("is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

fn unusable(path: &Path, what: String) -> TlsFault {
    TlsFault::Unusable { path: path.to_owned(), what }
}

/// Our clock, for the times in certificates.
#[derive(Debug)]
struct Time(Arc<dyn Clock>);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let ms = u64::try_from(self.0.now().get()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(ms)))
    }
}
