//! JSON Web Key Sets (RFC 7517): the public keys of one issuer, for its one algorithm.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use super::keys::Algorithm;

/// The smallest RSA modulus.
const RSA_BITS_MIN: usize = 2048;

/// The keys of an issuer, by `kid`.
pub(super) type Keys = HashMap<String, DecodingKey>;

/// The keys for this algorithm; at least one, each with a `kid` of its own. Otherwise says what is wrong.
pub(super) fn parse(text: &[u8], algorithm: Algorithm) -> Result<Keys, String> {
    let set: JwkSet = serde_json::from_slice(text).map_err(|error| format!("is not a JWKS: {error}"))?;
    let mut keys = Keys::new();
    for jwk in set.keys.iter().filter(|jwk| jwk.is_for(algorithm)) {
        let Some(kid) = jwk.kid.as_deref().filter(|kid| !kid.is_empty()) else {
            return Err("a key has no kid".to_owned());
        };
        let key = jwk.key(algorithm).map_err(|what| format!("the key {kid} {what}"))?;
        if keys.insert(kid.to_owned(), key).is_some() {
            return Err(format!("the kid {kid} is there twice"));
        }
    }
    if keys.is_empty() {
        return Err(format!("has no key for {}", algorithm.name()));
    }
    Ok(keys)
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
