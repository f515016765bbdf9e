//! A public key taken for a secret (RFC 8725 §2.1): whoever knows it, and everybody does, signs HS256 with its bytes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use qinlian::access::TokenError;

use super::Row;
use crate::edge::tokens::{ED, ES, RS, Rig, claims, jwks, signed};

const ES_PEM: &str = include_str!("../../../../vectors/tokens/test-only-es256.pub.pem");
const RS_PEM: &str = include_str!("../../../../vectors/tokens/test-only-rs256.pub.pem");

pub(super) fn rows(rig: &Rig) -> Vec<Row> {
    use TokenError::{Algorithm, Signature};
    let ed_der = [ED_PREFIX.as_slice(), &rig.ed_public].concat();
    let ed_pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&ed_der));
    let (es_der, rs_der) = (der(ES_PEM), der(RS_PEM));
    // It would be no attack if these were other keys than the issuers'.
    assert!(holds(&es_der, &part(&rig.es, jsonwebtoken::Algorithm::ES256, &["x", "y"])));
    assert!(holds(&rs_der, &part(&rig.rs, jsonwebtoken::Algorithm::RS256, &["n"])));

    let ed = |secret: &[u8]| by_secret("HS256", ED, &rig.ed_kid, secret);
    let es = |secret: &[u8]| by_secret("HS256", ES, "es-1", secret);
    let rs = |secret: &[u8]| by_secret("HS256", RS, "rs-1", secret);
    vec![
        ("HS256 with an empty secret", ed(b""), Algorithm),
        ("HS256 with the Ed25519 key", ed(&rig.ed_public), Algorithm),
        ("HS256 with the Ed25519 key in DER", ed(&ed_der), Algorithm),
        ("HS256 with the Ed25519 key as PEM", ed(ed_pem.as_bytes()), Algorithm),
        ("HS256 with the Ed25519 key as PEM, no newline", ed(ed_pem.trim_end().as_bytes()), Algorithm),
        ("HS256 with the EC key in DER", es(&es_der), Algorithm),
        ("HS256 with the EC key as PEM", es(ES_PEM.as_bytes()), Algorithm),
        ("HS256 with the EC key as PEM, no newline", es(ES_PEM.trim_end().as_bytes()), Algorithm),
        ("HS256 with the RSA key in DER", rs(&rs_der), Algorithm),
        ("HS256 with the RSA key as PEM", rs(RS_PEM.as_bytes()), Algorithm),
        ("HS256 with the RSA key as PEM, no newline", rs(RS_PEM.trim_end().as_bytes()), Algorithm),
        // The header names what the issuer uses, and the signature is what a secret makes.
        (
            "HMAC with the Ed25519 key under EdDSA",
            by_secret("EdDSA", ED, &rig.ed_kid, &rig.ed_public),
            Signature,
        ),
        ("HMAC with the EC key under ES256", by_secret("ES256", ES, "es-1", ES_PEM.as_bytes()), Signature),
        ("HMAC with the RSA key under RS256", by_secret("RS256", RS, "rs-1", RS_PEM.as_bytes()), Signature),
    ]
}

/// What a SubjectPublicKeyInfo of Ed25519 begins with (RFC 8410 §4).
const ED_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A token that says one algorithm, signed with HMAC-SHA-256.
fn by_secret(says: &str, issuer: &str, kid: &str, secret: &[u8]) -> String {
    let header = format!(r#"{{"alg":"{says}","typ":"JWT","kid":"{kid}"}}"#);
    let key = EncodingKey::from_secret(secret);
    signed(&header, &claims(issuer, &[]), &key, jsonwebtoken::Algorithm::HS256)
}

fn der(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(lines).unwrap()
}

/// The part of a public key that no other key has, by the names of its numbers in a JWK.
fn part(key: &EncodingKey, algorithm: jsonwebtoken::Algorithm, names: &[&str]) -> Vec<u8> {
    let set: serde_json::Value = serde_json::from_str(&jwks(key, algorithm, "")).unwrap();
    let number = |name: &&str| URL_SAFE_NO_PAD.decode(set["keys"][0][*name].as_str().unwrap()).unwrap();
    names.iter().flat_map(number).collect()
}

fn holds(der: &[u8], part: &[u8]) -> bool {
    der.windows(part.len()).any(|window| window == part)
}
