//! Tokens that must be refused, each for its own reason, beside tokens that must be accepted.
//!
//! Every forged token differs from an accepted one in the one thing that its row names; the accepted one is verified
//! before and after, so that a verifier that refuses everything fails too.

mod forged;
mod keys;
mod remembered;
mod roles;
mod served;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use jsonwebtoken::EncodingKey;
use jsonwebtoken::jwk::Jwk;
use qinlian::access::{
    Algorithm, CertificateThumbprint, IssuerSettings, KeyThumbprint, LocalIssuer, SubjectKind, TokenError,
    Verifier,
};
use qinlian::clock::{Clock, MockClock};
use qinlian::kernel::{DeviceId, EpochMs, Subject};

const NOW_S: i64 = 1_793_579_400;
const AUDIENCE: &str = "qinlian";
const ED: &str = "test/tokens";
const ES: &str = "https://hr.example";
const RS: &str = "https://idp.example";
const PS: &str = "https://province.example";
const LIFETIME_MAX_S: u32 = 8 * 3600;

/// A verifier that believes four issuers, and the keys of all of them.
struct Rig {
    dir: tempfile::TempDir,
    clock: Arc<MockClock>,
    verifier: Arc<Verifier>,
    ed: SigningKey,
    ed_kid: String,
    ed_public: [u8; 32],
    es: EncodingKey,
    rs: EncodingKey,
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let local = LocalIssuer::new(&[7; 32], ED, AUDIENCE);
        let ed = SigningKey::from_bytes(&[7; 32]);
        let es =
            EncodingKey::from_ec_pem(include_bytes!("../../../vectors/tokens/test-only-es256.pem")).unwrap();
        let rs =
            EncodingKey::from_rsa_pem(include_bytes!("../../../vectors/tokens/test-only-rs256.pem")).unwrap();
        let file = |name: &str, text: String| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let issuers = [
            settings(ED, Algorithm::EdDsa, file("ed", local.jwks())),
            settings(ES, Algorithm::Es256, file("es", jwks(&es, jsonwebtoken::Algorithm::ES256, "es-1"))),
            settings(RS, Algorithm::Rs256, file("rs", jwks(&rs, jsonwebtoken::Algorithm::RS256, "rs-1"))),
            settings(PS, Algorithm::Ps256, file("ps", jwks(&rs, jsonwebtoken::Algorithm::PS256, "ps-1"))),
        ];
        let clock = Arc::new(MockClock::new(EpochMs::clamped(NOW_S * 1000), 1));
        let verifier = Verifier::new(&issuers, LIFETIME_MAX_S, Arc::<MockClock>::clone(&clock)).unwrap();
        let verifier = Arc::new(verifier);
        let ed_kid = kid_of(&local);
        Self { dir, clock, verifier, ed_public: ed.verifying_key().to_bytes(), ed, ed_kid, es, rs }
    }

    fn refused(&self, token: &str) -> Option<TokenError> {
        self.verifier.verify(token).err()
    }

    fn header(&self) -> String {
        format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{}"}}"#, self.ed_kid)
    }

    /// A token signed with the right key, whatever it says.
    fn ed(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", b64(header), b64(claims));
        let signature = self.ed.sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// As a good one, with these members of the header instead.
    fn with_header(&self, members: &str) -> String {
        self.ed(&format!(r#"{{"kid":"{}",{members}}}"#, self.ed_kid), &claims(ED, &[]))
    }

    /// As a good one, with these claims instead.
    fn with(&self, over: &[(&str, &str)]) -> String {
        self.ed(&self.header(), &claims(ED, over))
    }

    fn good(&self) -> String {
        self.with(&[])
    }
}

fn settings(issuer: &str, algorithm: Algorithm, jwks_file: PathBuf) -> IssuerSettings {
    IssuerSettings {
        issuer: issuer.to_owned(),
        audience: AUDIENCE.to_owned(),
        algorithm,
        jwks_file,
        jwks_url: None,
        jwks_ca: None,
        subjects: Vec::new(),
    }
}

/// A JWKS without the optional `alg`, as many issuers publish it.
fn jwks(key: &EncodingKey, algorithm: jsonwebtoken::Algorithm, kid: &str) -> String {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    jwk.common.key_algorithm = None;
    format!(r#"{{"keys":[{}]}}"#, serde_json::to_string(&jwk).unwrap())
}

fn kid_of(issuer: &LocalIssuer) -> String {
    let set: serde_json::Value = serde_json::from_str(&issuer.jwks()).unwrap();
    set["keys"][0]["kid"].as_str().unwrap().to_owned()
}

fn b64(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn signed(header: &str, claims: &str, key: &EncodingKey, algorithm: jsonwebtoken::Algorithm) -> String {
    let message = format!("{}.{}", b64(header), b64(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// Good claims of an issuer as JSON text; `over` replaces a claim's JSON, or leaves it out if empty.
fn claims(issuer: &str, over: &[(&str, &str)]) -> String {
    let good = [
        ("iss", format!("{issuer:?}")),
        ("aud", format!("{AUDIENCE:?}")),
        ("sub", r#""system:hr-tax""#.to_owned()),
        ("iat", NOW_S.to_string()),
        ("nbf", NOW_S.to_string()),
        ("exp", (NOW_S + 3600).to_string()),
    ];
    let mut members = Vec::new();
    for (name, json) in good {
        match over.iter().find(|(other, _)| *other == name) {
            Some((_, "")) => {}
            Some((_, json)) => members.push(format!("{name:?}:{json}")),
            None => members.push(format!("{name:?}:{json}")),
        }
    }
    members.extend(over.iter().filter(|(name, _)| name.starts_with('+')).map(|(_, json)| (*json).to_owned()));
    format!("{{{}}}", members.join(","))
}

#[test]
fn every_algorithm_that_an_issuer_may_use_is_accepted() {
    let rig = Rig::new();
    assert!(!claims(ED, &[]).contains("jti"));
    let header = |alg: &str, kid: &str| format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"{kid}"}}"#);
    let with = |iss: &str, alg: &str, kid: &str, key: &EncodingKey, algorithm| {
        signed(&header(alg, kid), &claims(iss, &[]), key, algorithm)
    };
    for (name, token) in [
        ("EdDSA", rig.good()),
        ("ES256", with(ES, "ES256", "es-1", &rig.es, jsonwebtoken::Algorithm::ES256)),
        ("RS256", with(RS, "RS256", "rs-1", &rig.rs, jsonwebtoken::Algorithm::RS256)),
        ("PS256", with(PS, "PS256", "ps-1", &rig.rs, jsonwebtoken::Algorithm::PS256)),
        ("one audience among several", rig.with(&[("aud", r#"["other","qinlian"]"#)])),
        ("no type", rig.with_header(r#""alg":"EdDSA""#)),
        ("a thumbprint, as common issuers send it", rig.with_header(r#""alg":"EdDSA","x5t":"abc""#)),
        ("no iat", rig.with(&[("iat", "")])),
        // No token is revoked by its own number (docs/issuers.md), so that it needs none.
        ("without a jti", rig.good()),
        ("with a jti", rig.with(&[("+", r#""jti":"a-1""#)])),
        ("a claim that is not ours", rig.with(&[("+", r#""groups":["admins"]"#)])),
    ] {
        let proven = rig.verifier.verify(&token);
        assert_eq!(proven.map(|i| i.subject.to_string()), Ok("system:hr-tax".to_owned()), "{name}");
    }
}

#[test]
fn a_local_issuers_token_says_who_and_until_when() {
    let rig = Rig::new();
    let subject = Subject::parse("device:hall-1").unwrap();
    let now = EpochMs::clamped(NOW_S * 1000);
    let token = LocalIssuer::new(&[7; 32], ED, AUDIENCE).token(&subject, now, 900);
    let identity = rig.verifier.verify(&token).unwrap();
    assert_eq!((identity.subject, identity.until), (subject, now.plus_ms(900_000)));
}

#[test]
fn a_devices_token_names_the_key_that_it_was_got_with() {
    let rig = Rig::new();
    let device = DeviceId::parse("hall-1").unwrap();
    let now = EpochMs::clamped(NOW_S * 1000);
    let key = KeyThumbprint::of(&[5; 32]);
    let token = LocalIssuer::new(&[7; 32], ED, AUDIENCE).device_token(&device, &key, None, now, 900);
    let identity = rig.verifier.verify(&token).unwrap();
    assert_eq!((identity.subject, identity.key), (Subject::Device(device.clone()), Some(key)));
    assert_eq!(identity.certificate, None);
    let certificate = CertificateThumbprint::of(b"in DER");
    let token =
        LocalIssuer::new(&[7; 32], ED, AUDIENCE).device_token(&device, &key, Some(&certificate), now, 900);
    let identity = rig.verifier.verify(&token).unwrap();
    assert_eq!((identity.key, identity.certificate), (Some(key), Some(certificate)));
    // A confirmation that cannot be read, or that nobody here understands, may not be passed over.
    for cnf in [
        r#"{"jkt":"short"}"#,
        r#"{"jkt":7}"#,
        r#"{"kid":"k"}"#,
        r#"{"jkt":"a","jwk":{}}"#,
        r#"{"x5t#S256":"short"}"#,
        "7",
    ] {
        let refused = rig.verifier.verify(&rig.with(&[("+", &format!(r#""cnf":{cnf}"#))]));
        assert_eq!(refused, Err(TokenError::Claims), "{cnf}");
    }
}

#[test]
fn an_issuer_speaks_of_no_others_than_it_may() {
    let rig = Rig::new();
    for (may, subject, good) in [
        (vec![], "device:hall-1", true),
        (vec![SubjectKind::Device], "device:hall-1", true),
        (vec![SubjectKind::Device], "system:hr-tax", false),
        (vec![SubjectKind::Device], "person:paaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        (vec![SubjectKind::Person, SubjectKind::System], "device:hall-1", false),
        (vec![SubjectKind::Person, SubjectKind::System], "system:hr-tax", true),
    ] {
        let local = LocalIssuer::new(&[7; 32], ED, AUDIENCE);
        let file = rig.dir.path().join("narrow.jwks");
        local.write_jwks(&file).unwrap();
        let settings = IssuerSettings { subjects: may.clone(), ..settings(ED, Algorithm::EdDsa, file) };
        let clock: Arc<dyn Clock> = Arc::new(MockClock::new(EpochMs::clamped(NOW_S * 1000), 1));
        let verifier = Verifier::new(&[settings], 3600, clock).unwrap();
        let token = local.token(&Subject::parse(subject).unwrap(), EpochMs::clamped(NOW_S * 1000), 900);
        let verdict = verifier.verify(&token).map(|_| ());
        let expected = if good { Ok(()) } else { Err(TokenError::Subject) };
        assert_eq!(verdict, expected, "{may:?} {subject}");
    }
}

#[test]
fn a_token_holds_from_nbf_to_exp_with_thirty_seconds_of_leeway_by_our_clock() {
    let rig = Rig::new();
    let token = rig.with(&[("iat", ""), ("exp", &(NOW_S + 60).to_string())]);
    // The same token at different times: from a cold cache and from a warm one, the answer is the clock's.
    for (at_s, expected) in [
        (0, None),
        (-30, None),
        (-31, Some(TokenError::NotYet)),
        (60, None),
        (89, None),
        (90, Some(TokenError::Expired)),
        (10, None),
    ] {
        rig.clock.turn_to(EpochMs::clamped((NOW_S + at_s) * 1000));
        assert_eq!(rig.refused(&token), expected, "{at_s} s after nbf");
        assert_eq!(Rig::at(at_s).refused(&token), expected, "{at_s} s after nbf, not seen before");
    }
}

impl Rig {
    fn at(seconds: i64) -> Self {
        let rig = Self::new();
        rig.clock.turn_to(EpochMs::clamped((NOW_S + seconds) * 1000));
        rig
    }
}
