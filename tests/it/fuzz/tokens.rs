//! Tokens, and everything else by which somebody says who they are.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use qinlian::access::support::{Denial, SupportKey, Why};
use qinlian::access::{
    Algorithm, CertificateThumbprint, IssuerSettings, KeyThumbprint, LocalIssuer, Verifier,
};
use qinlian::clock::MockClock;
use qinlian::kernel::{CentreId, DeviceId, RequestId, Subject};
use qinlian::ledger::keys::Keys;
use qinlian::registers::directory::proof::{Code, challenge, is_challenge};

use super::count_of;
use super::engine::{Food, Tally, feed};
use crate::support::MORNING;

const ISSUER: &str = "test/tokens";
const SEED: [u8; 32] = [7; 32];
const LIFETIME_MAX_S: u32 = 8 * 3600;

const PIECES: &[&[u8]] = &[
    b".",
    b"..",
    b"=",
    b"-_",
    b"+/",
    b" ",
    b"\n",
    b"\0",
    b"eyJ",
    b"e30",
    b"bnVsbA",
    b"W10",
    "中".as_bytes(),
];

/// What headers and claims are made of.
const JSON: &[&[u8]] = &[
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e400",
    b"1.5",
    b"18446744073709551615",
    b"99999999999999999999999999",
    b"\"\"",
    b"[]",
    b"{}",
    b"[[[[[[[[",
    b",",
    b":",
    b"\\u0000",
    b"\\ud800",
    b"\\\"",
    b"\xff\xfe",
    b"\"alg\":\"none\"",
    b"\"crit\":[\"exp\"]",
    b"\"b64\":false",
    b"\"jku\":\"http://127.0.0.1:1\"",
    b"\"kid\":\"../../etc/passwd\"",
    b"\"exp\":1",
    b"\"sub\":\"system:root\"",
    b"\"aud\":[\"qinlian\"]",
    b"\"cnf\":{\"jkt\":\"a\"}",
    b"\"cnf\":{\"x5t#S256\":\"a\"}",
    b"\"cnf\":null",
];

fn verifier(dir: &std::path::Path) -> (Verifier, LocalIssuer) {
    let local = LocalIssuer::new(&SEED, ISSUER, "qinlian");
    let jwks_file = dir.join("token.jwks");
    local.write_jwks(&jwks_file).unwrap();
    let settings = IssuerSettings {
        issuer: ISSUER.to_owned(),
        audience: "qinlian".to_owned(),
        algorithm: Algorithm::EdDsa,
        jwks_file,
        jwks_url: None,
        jwks_ca: None,
        subjects: Vec::new(),
    };
    let clock = Arc::new(MockClock::new(MORNING, 1));
    (Verifier::new(&[settings], LIFETIME_MAX_S, clock).unwrap(), local)
}

fn good_tokens(local: &LocalIssuer) -> Vec<Vec<u8>> {
    let device = DeviceId::parse("hall-1").unwrap();
    let (key, certificate) = (KeyThumbprint::of(&[5; 32]), CertificateThumbprint::of(b"in DER"));
    let bare = local.token(&Subject::parse("system:hr-tax").unwrap(), MORNING, 3600);
    let with = |certificate| local.device_token(&device, &key, certificate, MORNING, 900);
    [bare, with(None), with(Some(&certificate))].map(String::into_bytes).to_vec()
}

fn text_of(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[test]
fn tokens_are_refused_without_a_panic_and_only_the_good_ones_are_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let (verifier, local) = verifier(dir.path());
    let good = good_tokens(&local);
    let food = Food { name: "tokens", good: good.clone(), pieces: PIECES, most: 5 };
    let tally = feed(&food, count_of("tokens"), |bytes| {
        let accepted = verifier.verify(&text_of(bytes)).is_ok();
        assert!(!accepted || good.iter().any(|good| good == bytes), "a changed token is accepted");
        accepted
    });
    assert!(tally.refused > tally.read, "{tally:?}");
}

/// Header and claims, changed before they are signed: what a signature in order does not excuse.
#[test]
fn whatever_an_issuer_signs_is_read_without_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let (verifier, local) = verifier(dir.path());
    let key = SigningKey::from_bytes(&SEED);
    let plain = |token: &Vec<u8>| {
        let token = text_of(token).into_owned();
        let part = |at| URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap();
        [part(0), part(1)].join(&b'\n')
    };
    let good = good_tokens(&local).iter().map(plain).collect();
    let food = Food { name: "claims", good, pieces: JSON, most: 5 };
    let tally = feed(&food, count_of("claims"), |bytes| {
        let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (header, claims) = (&bytes[..at], bytes.get(at + 1..).unwrap_or_default());
        let said = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(said.as_bytes()).to_bytes());
        let Ok(identity) = verifier.verify(&format!("{said}.{signature}")) else { return false };
        let lasts = identity.until.since(identity.from);
        assert!((1..=i64::from(LIFETIME_MAX_S) * 1_000).contains(&lasts), "{lasts} ms");
        true
    });
    both(tally);
}

fn both(tally: Tally) {
    assert!(tally.read > 20 && tally.refused > 20, "{tally:?}");
}

#[test]
fn thumbprints_are_read_without_a_panic() {
    let good = [KeyThumbprint::of(&[5; 32]).spelled(), CertificateThumbprint::of(b"der").spelled()];
    let food =
        Food { name: "thumbprints", good: good.map(String::into_bytes).to_vec(), pieces: PIECES, most: 5 };
    both(feed(&food, count_of("thumbprints"), |bytes| {
        let text = text_of(bytes);
        let (key, certificate) = (KeyThumbprint::parse(&text), CertificateThumbprint::parse(&text));
        assert_eq!(key.is_some(), certificate.is_some());
        for spelled in [key.map(|it| it.spelled()), certificate.map(|it| it.spelled())] {
            assert!(spelled.is_none_or(|spelled| spelled == text), "one thumbprint, one spelling");
        }
        key.is_some()
    }));
}

#[test]
fn support_ids_are_read_without_a_panic() {
    let key = SupportKey::new([5; 32]);
    let denials = Why::ALL.map(|why| Denial { at: MORNING, method: 77, why });
    let good = denials.iter().map(|denial| key.seal(denial, [3; 8]).into_bytes()).collect();
    let food = Food { name: "support_ids", good, pieces: PIECES, most: 5 };
    both(feed(&food, count_of("support_ids"), |bytes| key.open(&text_of(bytes)).is_some()));
}

fn place() -> (Keys, CentreId, DeviceId) {
    (Keys::new(&[1; 32], &[2; 32]), CentreId::parse("hall").unwrap(), DeviceId::parse("t0").unwrap())
}

#[test]
fn enrolment_codes_are_read_without_a_panic() {
    let (keys, centre, device) = place();
    let code = |n| Code::of_request(&keys, &centre, &device, RequestId::random([n; 16]));
    let good = (0..8).map(|n| code(n).shown().into_bytes()).collect();
    let food = Food { name: "enrolment_codes", good, pieces: PIECES, most: 5 };
    both(feed(&food, count_of("enrolment_codes"), |bytes| {
        let Ok(code) = Code::parse(&text_of(bytes)) else { return false };
        assert_eq!(Code::parse(&code.shown()).as_ref(), Ok(&code));
        assert!(code.hmac(&keys, &centre, &device) != [0; 32]);
        true
    }));
}

#[test]
fn challenges_are_read_without_a_panic_and_only_the_good_ones_hold() {
    let (keys, centre, device) = place();
    let good: Vec<_> = (0..4).map(|n| challenge(&keys, &centre, &device, MORNING, [n; 16])).collect();
    let food =
        Food { name: "challenges", good: good.clone(), pieces: &[&[0xff; 8], &[0x7f; 8], &[0x80]], most: 5 };
    let tally = feed(&food, count_of("challenges"), |bytes| {
        let holds = is_challenge(&keys, &centre, &device, MORNING, bytes);
        assert!(!holds || good.iter().any(|good| good == bytes), "a changed challenge holds");
        holds
    });
    assert!(tally.refused > tally.read, "{tally:?}");
}
