//! The keys that tokens are verified with: one JWKS file (RFC 7517) per issuer, and one algorithm per issuer.
//!
//! A key is bound to its issuer, to that algorithm and to its `kid`; a token cannot choose, nor make us fetch one from
//! where it says. The file is read again when it changes, whoever writes it: the operator, or `fetch`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::jwks::{self, Keys};
use crate::kernel::Subject;

/// A JWKS may have this many bytes: some hundred keys.
pub(super) const JWKS_BYTES_MAX: usize = 256 * 1024;

/// How an issuer signs: exactly one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA over P-256 with SHA-256 (RFC 7518 §3.4).
    #[serde(rename = "ES256")]
    Es256,
    /// RSA PKCS #1 v1.5 with SHA-256 (RFC 7518 §3.3).
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA-PSS with SHA-256 (RFC 7518 §3.5).
    #[serde(rename = "PS256")]
    Ps256,
}

impl Algorithm {
    /// The name in a token's header.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    pub(super) fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
        }
    }
}

/// Somebody whose tokens are believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The `aud` that its tokens must name.
    pub audience: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// Its public keys; where `jwks_url` is given, the copy that is kept of them.
    pub jwks_file: PathBuf,
    /// Where its keys are fetched from: `https://…`. None: from nowhere, somebody puts the file there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// The authorities, in PEM, that may vouch for that place. None: the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_ca: Option<PathBuf>,
    /// Whom its tokens may speak of. Empty: anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<SubjectKind>,
}

/// What a subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// `person:…`
    Person,
    /// `device:…`
    Device,
    /// `system:…`
    System,
}

impl SubjectKind {
    /// What this subject is.
    pub fn of(subject: &Subject) -> Self {
        match subject {
            Subject::Person(_) => Self::Person,
            Subject::Device(_) => Self::Device,
            Subject::System(_) => Self::System,
        }
    }
}

/// Why an issuer's keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
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
    /// The place that keys are fetched from is not one.
    #[error("{0} is not of the form https://host[:port]/path")]
    Url(String),
    /// Two issuers of one name: a token would not say which one it is from.
    #[error("the issuer {0} is configured twice")]
    Twice(String),
}

impl KeyFault {
    fn is_absence(&self) -> bool {
        matches!(self, Self::Unreadable { error, .. } if error.kind() == std::io::ErrorKind::NotFound)
    }
}

/// What tells that a file changed.
type Stamp = (Option<SystemTime>, u64);

/// A JWKS file and what was last read from it.
#[derive(Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
    algorithm: Algorithm,
    fetched: bool,
    read: RwLock<(Arc<Keys>, Stamp)>,
}

impl KeyFile {
    /// Without a file there are no keys, and that is a fault unless they are to be fetched.
    pub(super) fn open(settings: &IssuerSettings) -> Result<Self, KeyFault> {
        let (path, algorithm) = (settings.jwks_file.clone(), settings.algorithm);
        let fetched = settings.jwks_url.is_some();
        let (keys, stamp) = match load(&path, algorithm) {
            Err(fault) if fetched && fault.is_absence() => <(Keys, Stamp)>::default(),
            read => read?,
        };
        Ok(Self { path, algorithm, fetched, read: RwLock::new((Arc::new(keys), stamp)) })
    }

    pub(super) fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.read.read().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Reads the file again if it changed; true if the keys are new. A file that cannot be read changes nothing: a
    /// half-written one must not lock everybody out, and it is read again at the next look.
    pub(super) fn refresh(&self) -> bool {
        let before = self.read.read().unwrap_or_else(PoisonError::into_inner).1;
        if stamp_of(&self.path).is_ok_and(|now| now == before) {
            return false;
        }
        match load(&self.path, self.algorithm) {
            Ok((keys, stamp)) => {
                *self.read.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(keys), stamp);
                tracing::info!(code = "TOKEN_KEYS_READ", path = %self.path.display(), "an issuer's keys changed");
                true
            }
            Err(fault) if self.fetched && fault.is_absence() => false,
            Err(fault) => {
                tracing::error!(code = "TOKEN_KEYS_UNUSABLE", %fault, "the keys read before stay in use");
                false
            }
        }
    }
}

fn stamp_of(path: &Path) -> Result<Stamp, KeyFault> {
    let unreadable = |error| KeyFault::Unreadable { path: path.to_owned(), error };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    Ok((metadata.modified().ok(), metadata.len()))
}

fn load(path: &Path, algorithm: Algorithm) -> Result<(Keys, Stamp), KeyFault> {
    let unusable = |what: String| KeyFault::Unusable { path: path.to_owned(), what };
    // The stamp is taken first: a change while we read is seen at the next look.
    let stamp = stamp_of(path)?;
    if stamp.1 > JWKS_BYTES_MAX as u64 {
        return Err(unusable(format!("is larger than {JWKS_BYTES_MAX} bytes")));
    }
    let text = std::fs::read(path).map_err(|error| KeyFault::Unreadable { path: path.to_owned(), error })?;
    Ok((jwks::parse(&text, algorithm).map_err(unusable)?, stamp))
}
