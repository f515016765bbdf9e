//! Is this token one that an issuer of ours signed, for us, and does it hold now? JWT, RFC 7519 and 8725.
//!
//! The issuer that the token names decides the algorithm and the keys; the token decides nothing. Header and claims
//! are parsed into closed types, so that a claim of another type, or one given twice, is refused instead of read
//! somehow. Time is our clock's: the library's own look at the system clock is off.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use jsonwebtoken::Validation;
use jsonwebtoken::errors::ErrorKind;
use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use super::confirmation::Confirmation;
use super::fetch::{FetchFault, FetchPace, KeyFetcher};
use super::keys::{Algorithm, IssuerSettings, KeyFault, KeyFile, SubjectKind};
use super::thumbprint::{CertificateThumbprint, KeyThumbprint};
use crate::clock::Clock;
use crate::kernel::{EpochMs, Figure, Figures, Subject, number};

/// The longest token that is looked at: 8 KiB.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// How far an issuer's clock may be from ours: 30 s.
pub const LEEWAY_MS: i64 = 30_000;
/// Key files are looked at no more often than every 2 s.
pub const KEYS_LOOK_MS: u64 = 2_000;
/// So many verified tokens are remembered.
pub const REMEMBERED_MAX: usize = 10_000;
/// A header says algorithm, type and key: more than 1 KiB says something else.
const HEADER_BYTES_MAX: usize = 1024;

/// Who a token proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The subject.
    pub subject: Subject,
    /// The key that a device proved to hold when it got the token.
    pub key: Option<KeyThumbprint>,
    /// The certificate that a connection must be made with to show the token.
    pub certificate: Option<CertificateThumbprint>,
    /// From when on the token holds.
    pub from: EpochMs,
    /// Until when.
    pub until: EpochMs,
}

/// Why a token is refused. The code is for the log line; the caller hears no more than "expired" or "not valid".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than any token of ours.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of base64url.
    #[error("the token is not a JWS in compact form")]
    NotAJws,
    /// A header that says too much, too little, or something twice.
    #[error("the token's header is not one of ours")]
    Header,
    /// Another algorithm than its issuer's.
    #[error("the token's algorithm is not its issuer's")]
    Algorithm,
    /// A type that is not an access token's.
    #[error("the token is of another type")]
    Type,
    /// Claims that are missing, given twice, or of another type.
    #[error("the token's claims are not whole")]
    Claims,
    /// Nobody we know.
    #[error("the token's issuer is not known")]
    Issuer,
    /// A key that its issuer does not have.
    #[error("the token's key is not its issuer's")]
    Key,
    /// The signature is not the key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// For somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// Over.
    #[error("the token has expired")]
    Expired,
    /// Not yet.
    #[error("the token does not hold yet")]
    NotYet,
    /// Valid for longer than is allowed, or ends before it begins.
    #[error("the token's lifetime is not allowed")]
    Lifetime,
    /// Not a person, a device or a system.
    #[error("the token's subject is not one of ours")]
    Subject,
    /// Bound to a certificate that the connection is not made with.
    #[error("the token is bound to another certificate")]
    Certificate,
    /// A device's, bound to no certificate where it must be.
    #[error("the token is bound to no certificate")]
    NotBound,
}

impl TokenError {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "TOO_LONG",
            Self::NotAJws => "NOT_A_JWS",
            Self::Header => "HEADER",
            Self::Algorithm => "ALGORITHM",
            Self::Type => "TYPE",
            Self::Claims => "CLAIMS",
            Self::Issuer => "ISSUER",
            Self::Key => "KEY",
            Self::Signature => "SIGNATURE",
            Self::Audience => "AUDIENCE",
            Self::Expired => "EXPIRED",
            Self::NotYet => "NOT_YET",
            Self::Lifetime => "LIFETIME",
            Self::Subject => "SUBJECT",
            Self::Certificate => "CERTIFICATE",
            Self::NotBound => "NOT_BOUND",
        }
    }
}

/// Verifies tokens, and remembers those that it verified.
pub struct Verifier {
    issuers: HashMap<String, Issuer>,
    clock: Arc<dyn Clock>,
    lifetime_max_ms: i64,
    looked_ms: AtomicU64,
    remembered: Mutex<Remembered>,
    fetchers: Vec<KeyFetcher>,
}

struct Issuer {
    algorithm: Algorithm,
    validation: Validation,
    keys: KeyFile,
    /// A token named a key that is not there.
    wanted: Arc<Notify>,
    subjects: Vec<SubjectKind>,
}

/// Verified tokens by their SHA-256. A generation ends when an issuer's keys change; what was verified with the keys
/// of an older one is not remembered.
#[derive(Default)]
struct Remembered {
    generation: u64,
    tokens: HashMap<[u8; 32], Identity>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.issuers.keys()).finish()
    }
}

impl Verifier {
    /// Reads the issuers' keys; a token may hold for at most `lifetime_max_s` seconds.
    pub fn new(
        issuers: &[IssuerSettings],
        lifetime_max_s: u32,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyFault> {
        let mut table = HashMap::new();
        let mut fetchers = Vec::new();
        for settings in issuers {
            let wanted = Arc::new(Notify::new());
            fetchers.extend(KeyFetcher::new(settings, &wanted)?);
            let issuer = Issuer {
                algorithm: settings.algorithm,
                validation: validation(settings),
                keys: KeyFile::open(settings)?,
                wanted,
                subjects: settings.subjects.clone(),
            };
            if table.insert(settings.issuer.clone(), issuer).is_some() {
                return Err(KeyFault::Twice(settings.issuer.clone()));
            }
        }
        Ok(Self {
            issuers: table,
            looked_ms: AtomicU64::new(clock.monotonic_ms()),
            clock,
            lifetime_max_ms: i64::from(lifetime_max_s) * 1000,
            remembered: Mutex::default(),
            fetchers,
        })
    }

    /// Fetches the keys of the issuers that publish them, at this pace, until it is dropped.
    pub async fn keep_keys(&self, pace: FetchPace) {
        join_all(self.fetchers.iter().map(|fetcher| fetcher.run(pace))).await;
    }

    /// Fetches those keys once; the first fault is said, after all were tried.
    pub async fn fetch_keys(&self) -> Result<(), FetchFault> {
        join_all(self.fetchers.iter().map(KeyFetcher::fetch)).await.into_iter().collect()
    }

    /// Who this token proves, now.
    pub fn verify(&self, token: &str) -> Result<Identity, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong);
        }
        self.look_for_new_keys();
        let now = self.clock.now();
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let (known, generation) = self.with(|r| (r.tokens.get(&digest).cloned(), r.generation));
        if let Some(identity) = known {
            return identity.holds_at(now).map(|()| identity);
        }
        let identity = self.verify_anew(token)?;
        identity.holds_at(now)?;
        self.with(|remembered| remembered.add(generation, digest, &identity, now));
        Ok(identity)
    }

    fn verify_anew(&self, token: &str) -> Result<Identity, TokenError> {
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(_signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::NotAJws);
        };
        let header = Header::parse(header)?;
        // Read before the signature is checked, only to know whose it would have to be.
        let named: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| TokenError::Claims)?;
        let issuer = self.issuers.get(&named.iss).ok_or(TokenError::Issuer)?;
        if header.alg != issuer.algorithm.name() {
            return Err(TokenError::Algorithm);
        }
        let keys = issuer.keys.keys();
        let key = keys.get(&header.kid).ok_or_else(|| {
            issuer.wanted.notify_one();
            TokenError::Key
        })?;
        let verified =
            jsonwebtoken::decode::<Claims>(token, key, &issuer.validation).map_err(|e| refusal(e.kind()))?;
        let identity = self.identity(&verified.claims)?;
        let speaks_of =
            issuer.subjects.is_empty() || issuer.subjects.contains(&SubjectKind::of(&identity.subject));
        if speaks_of { Ok(identity) } else { Err(TokenError::Subject) }
    }

    fn identity(&self, claims: &Claims) -> Result<Identity, TokenError> {
        let (from, until) = (claims.nbf.instant()?, claims.exp.instant()?);
        let issued = claims.iat.map(Seconds::instant).transpose()?.unwrap_or(from);
        // Issued in the future is not valid yet, whatever nbf says.
        let from = from.max(issued);
        if !(1..=self.lifetime_max_ms).contains(&until.since(from)) {
            return Err(TokenError::Lifetime);
        }
        let subject = Subject::parse(&claims.sub).map_err(|_| TokenError::Subject)?;
        let (key, certificate) = match &claims.cnf {
            Some(confirmation) => (confirmation.key()?, confirmation.certificate()?),
            None => (None, None),
        };
        Ok(Identity { subject, key, certificate, from, until })
    }

    /// At most every two seconds; a stat of a small local file, so it may be done here.
    fn look_for_new_keys(&self) {
        let now = self.clock.monotonic_ms();
        let last = self.looked_ms.load(Ordering::Acquire);
        if now.saturating_sub(last) < KEYS_LOOK_MS
            || self.looked_ms.compare_exchange(last, now, Ordering::AcqRel, Ordering::Acquire).is_err()
        {
            return;
        }
        let changed = self.issuers.values().filter(|issuer| issuer.keys.refresh()).count();
        if changed > 0 {
            self.with(|remembered| {
                remembered.generation += 1;
                remembered.tokens.clear();
            });
        }
    }

    /// How many verified tokens are remembered.
    pub fn remembered(&self) -> usize {
        self.with(|remembered| remembered.tokens.len())
    }

    fn with<T>(&self, of: impl FnOnce(&mut Remembered) -> T) -> T {
        of(&mut self.remembered.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Figures for Verifier {
    fn figures(&self) -> Vec<Figure> {
        let remembered = number(u64::try_from(self.remembered()).unwrap_or(u64::MAX));
        vec![Figure::level("qinlian_tokens_remembered", "Verified tokens that are remembered", remembered)]
    }
}

impl Identity {
    fn holds_at(&self, now: EpochMs) -> Result<(), TokenError> {
        if now.since(self.until) >= LEEWAY_MS {
            Err(TokenError::Expired)
        } else if self.from.since(now) > LEEWAY_MS {
            Err(TokenError::NotYet)
        } else {
            Ok(())
        }
    }
}

impl Remembered {
    fn add(&mut self, generation: u64, digest: [u8; 32], identity: &Identity, now: EpochMs) {
        if self.generation != generation {
            return;
        }
        if self.tokens.len() >= REMEMBERED_MAX {
            self.tokens.retain(|_, known| known.holds_at(now).is_ok());
        }
        if self.tokens.len() >= REMEMBERED_MAX {
            self.tokens.clear();
        }
        self.tokens.insert(digest, identity.clone());
    }
}

/// What the library checks: the signature under one algorithm, issuer, audience, and that the claims are there.
fn validation(settings: &IssuerSettings) -> Validation {
    let mut validation = Validation::new(settings.algorithm.library());
    validation.set_issuer(&[&settings.issuer]);
    validation.set_audience(&[&settings.audience]);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    // Ours does it, by our clock: the library asks the system's.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

/// The header: closed. What would point elsewhere (`jku`, `x5u`, `jwk`, `x5c`) or change the meaning (`crit`, `b64`,
/// `zip`, `enc`) makes the token another thing than ours. Thumbprints do no harm, and common issuers send them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: Option<String>,
    #[serde(rename = "x5t")]
    _x5t: Option<serde::de::IgnoredAny>,
    #[serde(rename = "x5t#S256")]
    _x5t_s256: Option<serde::de::IgnoredAny>,
}

impl Header {
    fn parse(part: &str) -> Result<Self, TokenError> {
        if part.len() > HEADER_BYTES_MAX {
            return Err(TokenError::Header);
        }
        let header: Self = serde_json::from_slice(&decode(part)?).map_err(|_| TokenError::Header)?;
        match header.typ.as_deref() {
            None | Some("JWT" | "at+jwt") => Ok(header),
            Some(_) => Err(TokenError::Type),
        }
    }
}

/// The claims that matter; others are passed over. One of these given twice is an error, and so is another type.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    #[serde(rename = "aud")]
    _aud: Audience,
    sub: String,
    exp: Seconds,
    nbf: Seconds,
    #[serde(default, deserialize_with = "there")]
    iat: Option<Seconds>,
    #[serde(default)]
    cnf: Option<Confirmation>,
}

/// One or several; the library looks for ours.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(#[expect(dead_code, reason = "only its type is checked here")] String),
    Several(#[expect(dead_code, reason = "only its type is checked here")] Vec<String>),
}

/// NumericDate (RFC 7519 §2) without fractions: never a text, never a float.
#[derive(Clone, Copy, Deserialize)]
struct Seconds(u64);

impl Seconds {
    fn instant(self) -> Result<EpochMs, TokenError> {
        i64::try_from(self.0)
            .ok()
            .and_then(|seconds| seconds.checked_mul(1000))
            .and_then(|ms| EpochMs::new(ms).ok())
            .ok_or(TokenError::Claims)
    }
}

/// `null` is not the same as absent.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Seconds>, D::Error> {
    Seconds::deserialize(deserializer).map(Some)
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::NotAJws)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a foreign, open enum: whatever else it says, the token is bad"
)]
fn refusal(kind: &ErrorKind) -> TokenError {
    match kind {
        ErrorKind::InvalidAudience => TokenError::Audience,
        ErrorKind::InvalidIssuer => TokenError::Issuer,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => TokenError::Algorithm,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) | ErrorKind::Json(_) => {
            TokenError::Claims
        }
        ErrorKind::Base64(_) => TokenError::NotAJws,
        _ => TokenError::Signature,
    }
}
