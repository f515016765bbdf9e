//! The keys that tokens are verified with: one JWKS file (RFC 7517) per issuer, and one algorithm per issuer.
//!
//! A key is bound to its issuer, to that algorithm and to its `kid`; a token cannot choose. Nothing is ever fetched:
//! who runs an identity provider elsewhere puts its JWKS file here. The file is read again when it changes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};

use crate::kernel::Subject;

/// A JWKS file may have this many bytes: some hundred keys.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// The smallest RSA modulus.
const RSA_BITS_MIN: usize = 2048;

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
    /// Its public keys.
    pub jwks_file: PathBuf,
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
    /// Two issuers of one name: a token would not say which one it is from.
    #[error("the issuer {0} is configured twice")]
    Twice(String),
}

/// The keys of an issuer, by `kid`.
pub(super) type Keys = HashMap<String, DecodingKey>;

/// What tells that a file changed.
type Stamp = (Option<SystemTime>, u64);

/// A JWKS file and what was last read from it.
#[derive(Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
    algorithm: Algorithm,
    read: RwLock<(Arc<Keys>, Stamp)>,
}

impl KeyFile {
    pub(super) fn open(path: &Path, algorithm: Algorithm) -> Result<Self, KeyFault> {
        let (keys, stamp) = load(path, algorithm)?;
        Ok(Self { path: path.to_owned(), algorithm, read: RwLock::new((Arc::new(keys), stamp)) })
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
    if stamp.1 > FILE_BYTES_MAX {
        return Err(unusable(format!("is larger than {FILE_BYTES_MAX} bytes")));
    }
    let text = std::fs::read(path).map_err(|error| KeyFault::Unreadable { path: path.to_owned(), error })?;
    let set: JwkSet =
        serde_json::from_slice(&text).map_err(|error| unusable(format!("is not a JWKS: {error}")))?;
    let mut keys = Keys::new();
    for jwk in set.keys.iter().filter(|jwk| jwk.is_for(algorithm)) {
        let Some(kid) = jwk.kid.as_deref().filter(|kid| !kid.is_empty()) else {
            return Err(unusable("a key has no kid".to_owned()));
        };
        let key = jwk.key(algorithm).map_err(|what| unusable(format!("the key {kid} {what}")))?;
        if keys.insert(kid.to_owned(), key).is_some() {
            return Err(unusable(format!("the kid {kid} is there twice")));
        }
    }
    if keys.is_empty() {
        return Err(unusable(format!("has no key for {}", algorithm.name())));
    }
    Ok((keys, stamp))
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

/// The members of a JWK (RFC 7517, 7518, 8037) that matter here; others are passed over.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<serde::de::IgnoredAny>,
}

impl Jwk {
    /// Is it a key for this algorithm? `alg` and `use` are optional (RFC 7517 §4).
    fn is_for(&self, algorithm: Algorithm) -> bool {
        let (kty, crv) = match algorithm {
            Algorithm::EdDsa => ("OKP", Some("Ed25519")),
            Algorithm::Es256 => ("EC", Some("P-256")),
            Algorithm::Rs256 | Algorithm::Ps256 => ("RSA", None),
        };
        self.kty == kty
            && (crv.is_none() || self.crv.as_deref() == crv)
            && self.alg.as_deref().is_none_or(|alg| alg == algorithm.name())
            && self.usage.as_deref().is_none_or(|usage| usage == "sig")
    }

    fn key(&self, algorithm: Algorithm) -> Result<DecodingKey, &'static str> {
        if self.d.is_some() {
            return Err("is a private key");
        }
        match algorithm {
            Algorithm::EdDsa => {
                let (text, bytes) = exactly_32(self.x.as_deref())?;
                let point = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| "is no point")?;
                if point.is_weak() {
                    return Err("is a weak point");
                }
                DecodingKey::from_ed_components(text).map_err(|_| "does not decode")
            }
            Algorithm::Es256 => {
                let ((x, _), (y, _)) = (exactly_32(self.x.as_deref())?, exactly_32(self.y.as_deref())?);
                DecodingKey::from_ec_components(x, y).map_err(|_| "does not decode")
            }
            Algorithm::Rs256 | Algorithm::Ps256 => {
                let (n, e) = (self.n.as_deref().ok_or("has no n")?, self.e.as_deref().ok_or("has no e")?);
                let modulus = URL_SAFE_NO_PAD.decode(n).map_err(|_| "does not decode")?;
                if bits(&modulus) < RSA_BITS_MIN {
                    return Err("has fewer than 2048 bits");
                }
                DecodingKey::from_rsa_components(n, e).map_err(|_| "does not decode")
            }
        }
    }
}

fn exactly_32(text: Option<&str>) -> Result<(&str, [u8; 32]), &'static str> {
    let text = text.ok_or("lacks a coordinate")?;
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "does not decode")?;
    Ok((text, bytes.try_into().map_err(|_| "has a coordinate that is not 32 bytes long")?))
}

fn bits(big_endian: &[u8]) -> usize {
    let mut rest = big_endian.iter().skip_while(|byte| **byte == 0);
    match rest.next() {
        None => 0,
        Some(first) => {
            let top = 8 - usize::try_from(first.leading_zeros()).unwrap_or_default();
            top + 8 * rest.count()
        }
    }
}
