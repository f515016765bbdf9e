//! The deployment's own issuer: signs who somebody is, for `qinlian token` and the demonstration.
//!
//! It says nothing of what they may do: that is for grants.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Map, Value, json};

use super::thumbprint::{CertificateThumbprint, KeyThumbprint};
use crate::kernel::{DeviceId, EpochMs, Subject};

/// The audience of our own tokens.
pub const LOCAL_AUDIENCE: &str = "qinlian";

/// An issuer with an Ed25519 key.
pub struct LocalIssuer {
    key: SigningKey,
    issuer: String,
    audience: String,
    kid: String,
}

impl std::fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalIssuer({}, ***)", self.issuer)
    }
}

impl LocalIssuer {
    /// From an Ed25519 seed (RFC 8032). The `kid` is the key's thumbprint (RFC 7638).
    pub fn new(seed: &[u8; 32], issuer: &str, audience: &str) -> Self {
        let key = SigningKey::from_bytes(seed);
        let kid = KeyThumbprint::of(key.verifying_key().as_bytes()).spelled();
        Self { key, issuer: issuer.to_owned(), audience: audience.to_owned(), kid }
    }

    /// The name of a deployment's own issuer.
    pub fn name_of(deployment: &str) -> String {
        format!("{deployment}/tokens")
    }

    /// A token that says who somebody is, from now on, for `ttl_s` seconds.
    pub fn token(&self, subject: &Subject, now: EpochMs, ttl_s: u32) -> String {
        self.sign(self.claims(subject, now, ttl_s))
    }

    /// The same for a device that proved to hold a key: the token is worth nothing once the device has another
    /// (`cnf`, RFC 7800; `jkt`, RFC 9449 §6.1), and on a connection without the certificate, if it is got with one
    /// (`x5t#S256`, RFC 8705 §3.1).
    pub fn device_token(
        &self,
        device: &DeviceId,
        key: &KeyThumbprint,
        certificate: Option<&CertificateThumbprint>,
        now: EpochMs,
        ttl_s: u32,
    ) -> String {
        let mut claims = self.claims(&Subject::Device(device.clone()), now, ttl_s);
        let mut confirmation = json!({ "jkt": key.spelled() });
        if let (Value::Object(members), Some(certificate)) = (&mut confirmation, certificate) {
            members.insert("x5t#S256".to_owned(), json!(certificate.spelled()));
        }
        claims.insert("cnf".to_owned(), confirmation);
        self.sign(claims)
    }

    fn claims(&self, subject: &Subject, now: EpochMs, ttl_s: u32) -> Map<String, Value> {
        let from = now.get() / 1000;
        let mut claims = Map::new();
        for (claim, value) in [
            ("iss", json!(self.issuer)),
            ("aud", json!(self.audience)),
            ("sub", json!(subject.to_string())),
            ("iat", json!(from)),
            ("nbf", json!(from)),
            ("exp", json!(from + i64::from(ttl_s))),
        ] {
            claims.insert(claim.to_owned(), value);
        }
        claims
    }

    fn sign(&self, claims: Map<String, Value>) -> String {
        let claims = Value::Object(claims);
        let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": self.kid });
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// The public key as a JWKS (RFC 7517, 8037).
    pub fn jwks(&self) -> String {
        let key = json!({
            "kty": "OKP", "crv": "Ed25519", "x": public(&self.key),
            "kid": self.kid, "alg": "EdDSA", "use": "sig",
        });
        json!({ "keys": [key] }).to_string()
    }

    /// Writes the JWKS, in one step: a reader sees the old file or the new one.
    pub fn write_jwks(&self, path: &Path) -> std::io::Result<()> {
        let unfinished = path.with_extension("new");
        std::fs::write(&unfinished, self.jwks())?;
        std::fs::rename(&unfinished, path)
    }
}

fn public(key: &SigningKey) -> String {
    URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes())
}

fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}
