//! Tokens that must be refused, each for its own reason, beside tokens that must be accepted.
//!
//! Every forged token differs from an accepted one in the one thing that its row names; the accepted one is verified
//! before and after, so that a verifier that refuses everything fails too.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use jsonwebtoken::EncodingKey;
use jsonwebtoken::jwk::Jwk;
use qinlian::access::token::TOKEN_BYTES_MAX;
use qinlian::access::{
    Algorithm, CertificateThumbprint, IssuerSettings, KeyFault, KeyThumbprint, LocalIssuer, SubjectKind,
    TokenError, Verifier,
};
use qinlian::clock::{Clock, MockClock};
use qinlian::kernel::{DeviceId, EpochMs, Subject};

/// 2026-11-02T00:30:00Z, 08:30 on a Monday in the hall.
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
    verifier: Verifier,
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
            EncodingKey::from_ec_pem(include_bytes!("../../vectors/tokens/test-only-es256.pem")).unwrap();
        let rs =
            EncodingKey::from_rsa_pem(include_bytes!("../../vectors/tokens/test-only-rs256.pem")).unwrap();
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

    /// Signed with a secret: what somebody tries who knows a public key.
    fn hs256(&self, secret: &[u8]) -> String {
        let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{}"}}"#, self.ed_kid);
        let key = EncodingKey::from_secret(secret);
        signed(&header, &claims(ED, &[]), &key, jsonwebtoken::Algorithm::HS256)
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

type Row = (&'static str, String, TokenError);

fn forged_headers(rig: &Rig) -> Vec<Row> {
    use TokenError::{Algorithm, Header, Key, Type};
    let h = |members: &str| rig.with_header(members);
    let kid = |json: &str| rig.ed(&format!(r#"{{"alg":"EdDSA","kid":{json}}}"#), &claims(ED, &[]));
    vec![
        ("alg none", h(r#""alg":"none""#), Algorithm),
        ("alg None", h(r#""alg":"None""#), Algorithm),
        ("alg NONE", h(r#""alg":"NONE""#), Algorithm),
        ("alg empty", h(r#""alg":"""#), Algorithm),
        ("alg in another case", h(r#""alg":"eddsa""#), Algorithm),
        ("alg of another family", h(r#""alg":"ES256""#), Algorithm),
        ("alg that nobody knows", h(r#""alg":"XX999""#), Algorithm),
        ("alg missing", h(r#""typ":"JWT""#), Header),
        ("alg a list", h(r#""alg":["EdDSA"]"#), Header),
        ("alg twice", h(r#""alg":"EdDSA","alg":"none""#), Header),
        ("an identity token's type", h(r#""alg":"EdDSA","typ":"id+jwt""#), Type),
        ("a logout token's type", h(r#""alg":"EdDSA","typ":"logout+jwt""#), Type),
        ("an empty type", h(r#""alg":"EdDSA","typ":"""#), Type),
        ("crit with something unknown", h(r#""alg":"EdDSA","crit":["exp2"],"exp2":1"#), Header),
        ("crit empty", h(r#""alg":"EdDSA","crit":[]"#), Header),
        ("b64 false", h(r#""alg":"EdDSA","b64":false,"crit":["b64"]"#), Header),
        ("jku", h(r#""alg":"EdDSA","jku":"http://127.0.0.1:1/keys""#), Header),
        ("x5u", h(r#""alg":"EdDSA","x5u":"http://127.0.0.1:1/cert""#), Header),
        ("a key of its own", h(r#""alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"AA"}"#), Header),
        ("a certificate of its own", h(r#""alg":"EdDSA","x5c":["AAAA"]"#), Header),
        ("an encrypted token's header", h(r#""alg":"EdDSA","enc":"A256GCM""#), Header),
        ("a nested token's header", h(r#""alg":"EdDSA","cty":"JWT""#), Header),
        ("zip", h(r#""alg":"EdDSA","zip":"DEF""#), Header),
        ("a header of 2 KiB", h(&format!(r#""alg":"EdDSA","typ":"{}""#, "J".repeat(2048))), Header),
        ("kid missing", rig.ed(r#"{"alg":"EdDSA"}"#, &claims(ED, &[])), Header),
        ("kid unknown", kid(r#""other""#), Key),
        ("kid empty", kid(r#""""#), Key),
        ("kid of another issuer", kid(r#""es-1""#), Key),
        ("kid a path", kid(r#""../../etc/passwd""#), Key),
        ("kid an injection", kid(r#""' OR 1=1 --""#), Key),
        ("kid with a NUL", kid(r#""a\u0000""#), Key),
        ("kid a list", kid(r#"["a"]"#), Header),
        ("kid a number", kid("1"), Header),
    ]
}

fn forged_signatures(rig: &Rig) -> Vec<Row> {
    use TokenError::{Algorithm, Key, NotAJws, Signature, TooLong};
    let good = rig.good();
    let (signed_part, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = signed_part.split_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let signed_as = |bytes: &[u8]| format!("{signed_part}.{}", URL_SAFE_NO_PAD.encode(bytes));
    let other = SigningKey::from_bytes(&[8; 32]);
    let by_other = other.sign(signed_part.as_bytes()).to_bytes();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode([hex_der().as_slice(), &rig.ed_public].concat())
    );
    let es_header = r#"{"alg":"ES256","kid":"es-1"}"#;
    let zero_es = format!("{}.{}.{}", b64(es_header), b64(&claims(ES, &[])), URL_SAFE_NO_PAD.encode([0; 64]));
    let cross = |kid: &str, iss: &str, key, algorithm, alg: &str| {
        signed(&format!(r#"{{"alg":"{alg}","kid":"{kid}"}}"#), &claims(iss, &[]), key, algorithm)
    };
    vec![
        ("HS256 with the public key", rig.hs256(&rig.ed_public), Algorithm),
        ("HS256 with the public key as PEM", rig.hs256(pem.as_bytes()), Algorithm),
        ("HS256 with the PEM, no newline", rig.hs256(pem.trim_end().as_bytes()), Algorithm),
        ("HS256 with an empty secret", rig.hs256(b""), Algorithm),
        ("no signature", format!("{signed_part}."), Signature),
        ("no third part", signed_part.to_owned(), NotAJws),
        ("a fourth part", format!("{good}.AAAA"), NotAJws),
        ("five parts, an encrypted token", format!("{good}.AAAA.AAAA"), NotAJws),
        ("one part", header.to_owned(), NotAJws),
        ("empty", String::new(), NotAJws),
        ("two dots alone", "..".to_owned(), TokenError::Header),
        ("a signature cut by a byte", signed_as(&bytes[..63]), Signature),
        ("a signature longer by a byte", signed_as(&[&bytes[..], &[0]].concat()), Signature),
        ("a signature of zeros", signed_as(&[0; 64]), Signature),
        ("an ECDSA signature of zeros", zero_es, Signature),
        ("one bit of the signature", signed_as(&flipped(&bytes)), Signature),
        ("somebody else's signature", signed_as(&by_other), Signature),
        ("other claims under the signature", format!("{header}.{}.{signature}", b64(&swapped())), Signature),
        ("padding", padded(rig), NotAJws),
        ("base64 that is not canonical", noncanonical(&good), NotAJws),
        ("a space before", format!(" {good}"), NotAJws),
        ("a newline after", format!("{good}\n"), NotAJws),
        ("a byte order mark", format!("\u{feff}{good}"), NotAJws),
        ("a NUL in it", good.replacen('.', "\0.", 1), NotAJws),
        ("longer than 8 KiB", format!("{good}{}", "A".repeat(TOKEN_BYTES_MAX)), TooLong),
        ("64 KiB of dots", ".".repeat(65_536), TooLong),
        ("a payload in the header's place", format!("{payload}.{payload}.{signature}"), TokenError::Header),
        (
            "the algorithm of another issuer's key",
            cross("rs-1", RS, &rig.rs, jsonwebtoken::Algorithm::PS256, "PS256"),
            Algorithm,
        ),
        (
            "RS512 with the right RSA key",
            cross("rs-1", RS, &rig.rs, jsonwebtoken::Algorithm::RS512, "RS512"),
            Algorithm,
        ),
        (
            "one issuer's key for another's token",
            cross("es-1", RS, &rig.es, jsonwebtoken::Algorithm::ES256, "RS256"),
            Key,
        ),
    ]
}

fn forged_claims(rig: &Rig) -> Vec<Row> {
    use TokenError::{Audience, Claims, Expired, Issuer, Lifetime, NotYet, Subject};
    let c = |name: &str, json: &str| rig.with(&[(name, json)]);
    let at = |seconds: i64| (NOW_S + seconds).to_string();
    let text = |seconds: i64| format!("\"{}\"", NOW_S + seconds);
    vec![
        (
            "expired, beyond the leeway",
            rig.with(&[("iat", ""), ("nbf", &at(-60)), ("exp", &at(-30))]),
            Expired,
        ),
        (
            "expired yesterday",
            rig.with(&[("iat", ""), ("nbf", &at(-90_000)), ("exp", &at(-86_400))]),
            Expired,
        ),
        ("exp missing", c("exp", ""), Claims),
        ("exp a text", c("exp", &text(60)), Claims),
        ("exp a float", c("exp", &format!("{}.5", NOW_S + 60)), Claims),
        ("exp a whole float", c("exp", &format!("{}.0", NOW_S + 60)), Claims),
        ("exp with an exponent", c("exp", "1e10"), Claims),
        ("exp 1e400", c("exp", "1e400"), Claims),
        ("exp above 64 bits", c("exp", "99999999999999999999999"), Claims),
        ("exp at the end of 64 bits", c("exp", "18446744073709551615"), Claims),
        ("exp negative", c("exp", "-1"), Claims),
        ("exp null", c("exp", "null"), Claims),
        ("exp a list", c("exp", &format!("[{}]", NOW_S + 60)), Claims),
        ("exp twice", rig.with(&[("+", &format!(r#""exp":{}"#, NOW_S + 99))]), Claims),
        ("nbf in the future", rig.with(&[("nbf", &at(31)), ("exp", &at(60))]), NotYet),
        ("nbf missing", c("nbf", ""), Claims),
        ("nbf a text", c("nbf", &text(0)), Claims),
        ("nbf a text in the future", c("nbf", &text(9999)), Claims),
        ("nbf null", c("nbf", "null"), Claims),
        ("iat in the future", rig.with(&[("iat", &at(31)), ("exp", &at(60))]), NotYet),
        ("iat a text", c("iat", &text(0)), Claims),
        ("iat null", c("iat", "null"), Claims),
        ("valid for longer than is allowed", c("exp", &at(i64::from(LIFETIME_MAX_S) + 1)), Lifetime),
        ("ends before it begins", rig.with(&[("nbf", &at(20)), ("exp", &at(10)), ("iat", "")]), Lifetime),
        ("for another audience", c("aud", r#""other""#), Audience),
        ("an audience that begins with ours", c("aud", r#""qinlian2""#), Audience),
        ("an audience that ours begins with", c("aud", r#""qin""#), Audience),
        ("our audience in capitals", c("aud", r#""QINLIAN""#), Audience),
        ("our audience with a slash", c("aud", r#""qinlian/""#), Audience),
        ("no audience in a list", c("aud", "[]"), Audience),
        ("our audience in a list in a list", c("aud", r#"[["qinlian"]]"#), Claims),
        ("aud missing", c("aud", ""), Claims),
        ("aud a number", c("aud", "1"), Claims),
        ("an issuer that nobody knows", c("iss", r#""https://evil.example""#), Issuer),
        ("an issuer with a slash after", c("iss", r#""test/tokens/""#), Issuer),
        ("an issuer that looks alike", c("iss", r#""test/tоkens""#), Issuer),
        ("another issuer, our key", c("iss", r#""https://hr.example""#), TokenError::Algorithm),
        ("iss missing", c("iss", ""), Claims),
        ("iss a list", c("iss", r#"["test/tokens"]"#), Claims),
        ("iss twice", rig.with(&[("+", r#""iss":"https://idp.example""#)]), Claims),
        ("sub missing", c("sub", ""), Claims),
        ("sub twice", rig.with(&[("+", r#""sub":"system:root""#)]), Claims),
        ("sub empty", c("sub", r#""""#), Subject),
        ("sub without a kind", c("sub", r#""root""#), Subject),
        ("sub a name", c("sub", r#""person:zhang-san""#), Subject),
        ("sub with a NUL", c("sub", r#""system:hr\u0000""#), Subject),
        ("claims that are a list", rig.ed(&rig.header(), "[]"), Claims),
        ("claims that are no JSON", rig.ed(&rig.header(), "{"), Claims),
        ("claims with something after", rig.ed(&rig.header(), &(claims(ED, &[]) + "{}")), Claims),
    ]
}

#[test]
fn no_forged_token_is_accepted_and_each_is_refused_for_its_own_reason() {
    let rig = Rig::new();
    let rows: Vec<Row> =
        [forged_headers(&rig), forged_signatures(&rig), forged_claims(&rig)].into_iter().flatten().collect();
    assert!(rows.len() >= 60, "{} forged tokens", rows.len());
    assert_eq!(rig.refused(&rig.good()), None);
    let accepted: Vec<_> = rows.iter().filter(|(_, token, _)| rig.refused(token).is_none()).collect();
    assert!(accepted.is_empty(), "{accepted:?}");
    for (name, token, why) in &rows {
        assert_eq!(rig.refused(token), Some(*why), "{name}");
    }
    assert_eq!(rig.refused(&rig.good()), None);
}

/// The SubjectPublicKeyInfo prefix of Ed25519 (RFC 8410 §4).
fn hex_der() -> [u8; 12] {
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[5] ^= 1;
    bytes
}

fn swapped() -> String {
    claims(ED, &[("sub", r#""system:root""#)])
}

/// Signed over claims that end in `=`, so that the signature is right and only the form is not.
fn padded(rig: &Rig) -> String {
    let mut claims = claims(ED, &[]);
    while claims.len() % 3 != 1 {
        claims.push(' ');
    }
    let signed = format!("{}.{}", b64(&rig.header()), URL_SAFE.encode(claims));
    assert!(signed.ends_with("=="));
    let signature = rig.ed.sign(signed.as_bytes()).to_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The same bytes, written with other unused bits in the last character: 64 bytes leave four of them.
fn noncanonical(token: &str) -> String {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(token.chars().last().unwrap()).unwrap();
    format!("{}{}", &token[..token.len() - 1], alphabet.as_bytes()[last | 1] as char)
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

/// Writes a file and sets its time: two writes may come within one tick of the file system's clock.
fn write_at(path: &Path, text: &str, minute: u64) {
    std::fs::write(path, text).unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(60 * minute)).unwrap();
}

#[test]
fn keys_that_are_changed_in_the_file_are_in_use_two_seconds_later() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.jwks");
    let [old, new] = [1, 2].map(|seed| LocalIssuer::new(&[seed; 32], ED, AUDIENCE));
    let now = EpochMs::clamped(NOW_S * 1000);
    let subject = Subject::parse("system:hr-tax").unwrap();
    let [by_old, by_new] = [&old, &new].map(|issuer| issuer.token(&subject, now, 3600));
    write_at(&path, &old.jwks(), 1);
    let clock = Arc::new(MockClock::new(now, 1));
    let issuers = [settings(ED, Algorithm::EdDsa, path.clone())];
    let verifier = Verifier::new(&issuers, LIFETIME_MAX_S, Arc::<MockClock>::clone(&clock)).unwrap();
    let answers = || (verifier.verify(&by_old).is_ok(), verifier.verify(&by_new).is_ok());
    assert_eq!(answers(), (true, false));

    write_at(&path, &new.jwks(), 2);
    assert_eq!(answers(), (true, false), "not looked at yet");
    clock.advance_ms(2_000);
    assert_eq!(answers(), (false, true), "the old key's token is forgotten although it was remembered");

    write_at(&path, "{ half a fi", 3);
    clock.advance_ms(2_000);
    assert_eq!(answers(), (false, true), "a file that cannot be used changes nothing");
    write_at(&path, &old.jwks(), 4);
    clock.advance_ms(2_000);
    assert_eq!(answers(), (true, false), "and the next good one is read");
}

#[test]
fn a_key_file_with_a_bad_key_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let good = LocalIssuer::new(&[1; 32], ED, AUDIENCE).jwks();
    let member = |old: &str, new: &str| {
        assert!(good.contains(old), "{old}");
        good.replace(old, new)
    };
    let rsa = |bytes: usize, top: u8| {
        let n = URL_SAFE_NO_PAD.encode([&[0, top][..], &vec![0xff; bytes - 1]].concat());
        format!(r#"{{"keys":[{{"kty":"RSA","kid":"a","n":"{n}","e":"AQAB"}}]}}"#)
    };
    let zero_point =
        format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"a","x":"{}"}}]}}"#, "A".repeat(43));
    let twice =
        good.replace(']', &format!(",{}", good.trim_start_matches(r#"{"keys":["#).trim_end_matches('}')));
    for (name, algorithm, text, expected) in [
        ("a good one", Algorithm::EdDsa, good.clone(), None),
        ("no JSON", Algorithm::EdDsa, "keys".to_owned(), Some("is not a JWKS")),
        ("no keys", Algorithm::EdDsa, r#"{"keys":[]}"#.to_owned(), Some("has no key for EdDSA")),
        (
            "for encryption only",
            Algorithm::EdDsa,
            member(r#""sig""#, r#""enc""#),
            Some("has no key for EdDSA"),
        ),
        ("for another algorithm", Algorithm::Es256, good.clone(), Some("has no key for ES256")),
        ("without a kid", Algorithm::EdDsa, member(r#""kid""#, r#""kid2""#), Some("has no kid")),
        (
            "a private key",
            Algorithm::EdDsa,
            member(r#""alg""#, r#""d":"AA","alg""#),
            Some("is a private key"),
        ),
        ("a weak point", Algorithm::EdDsa, zero_point, Some("is a weak point")),
        ("an RSA key of 2048 bits", Algorithm::Rs256, rsa(256, 0x80), None),
        ("an RSA key of 2047 bits", Algorithm::Rs256, rsa(256, 0x7f), Some("has fewer than 2048 bits")),
        ("an RSA key of 1024 bits", Algorithm::Ps256, rsa(128, 0xff), Some("has fewer than 2048 bits")),
        ("a kid twice", Algorithm::EdDsa, twice, Some("is there twice")),
    ] {
        let path = dir.path().join("keys.jwks");
        std::fs::write(&path, text).unwrap();
        let clock = Arc::new(MockClock::new(EpochMs::ZERO, 1));
        let fault = Verifier::new(&[settings(ED, algorithm, path)], LIFETIME_MAX_S, clock).err();
        match (expected, fault) {
            (None, None) => {}
            (Some(words), Some(fault)) => assert!(fault.to_string().contains(words), "{name}: {fault}"),
            (expected, fault) => panic!("{name}: {expected:?}, {fault:?}"),
        }
    }
    let file = dir.path().join("good.jwks");
    std::fs::write(&file, good).unwrap();
    let same = [settings(ED, Algorithm::EdDsa, file.clone()), settings(ED, Algorithm::EdDsa, file)];
    let clock = Arc::new(MockClock::new(EpochMs::ZERO, 1));
    assert!(matches!(Verifier::new(&same, 60, clock), Err(KeyFault::Twice(_))));
}
