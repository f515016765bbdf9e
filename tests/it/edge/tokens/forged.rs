//! The forged tokens, each with the one reason for which it is refused.

mod claims;
mod secrets;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use qinlian::access::TokenError;
use qinlian::access::token::TOKEN_BYTES_MAX;

use super::{ED, ES, RS, Rig, b64, claims, signed};

/// A forged token's name, the token, and why it is refused.
pub(super) type Row = (&'static str, String, TokenError);

/// All of them.
pub(super) fn rows(rig: &Rig) -> Vec<Row> {
    [forged_headers(rig), forged_signatures(rig), secrets::rows(rig), claims::rows(rig)].concat()
}

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
        ("kid null", kid("null"), Header),
        ("kid of 600 bytes", kid(&format!("{:?}", "a".repeat(600))), Key),
        ("kid of 1 MiB", kid(&format!("{:?}", "a".repeat(1 << 20))), TokenError::TooLong),
        ("kid an address", kid(r#""http://127.0.0.1:1/key""#), Key),
        ("kid a path in another system", kid(r#""..\\..\\keys""#), Key),
        ("kid with the right one before a NUL", kid(&format!(r#""{}\u0000""#, rig.ed_kid)), Key),
        ("kid in capitals", kid(&format!("{:?}", rig.ed_kid.to_uppercase())), Key),
        ("kid twice", h(r#""alg":"EdDSA","kid":"es-1""#), Header),
        ("typ twice", h(r#""alg":"EdDSA","typ":"JWT","typ":"JWT""#), Header),
        ("typ in capitals", h(r#""alg":"EdDSA","typ":"AT+JWT""#), Type),
        ("typ as a media type", h(r#""alg":"EdDSA","typ":"application/at+jwt""#), Type),
        ("typ a list", h(r#""alg":"EdDSA","typ":["JWT"]"#), Header),
        ("b64 true", h(r#""alg":"EdDSA","b64":true"#), Header),
        ("crit with what is there", h(r#""alg":"EdDSA","crit":["alg"]"#), Header),
        ("crit a text", h(r#""alg":"EdDSA","crit":"exp""#), Header),
        ("an ephemeral key", h(r#""alg":"EdDSA","epk":{"kty":"OKP"}"#), Header),
        ("a header that is a list", rig.ed("[]", &claims(ED, &[])), Header),
        ("a header that is null", rig.ed("null", &claims(ED, &[])), Header),
        ("a header with something after", rig.ed(&(rig.header() + "x"), &claims(ED, &[])), Header),
        (
            "a header with a byte order mark",
            rig.ed(&format!("\u{feff}{}", rig.header()), &claims(ED, &[])),
            Header,
        ),
        ("alg with a NUL", h(r#""alg":"EdDSA\u0000""#), Algorithm),
        ("alg with a space", h(r#""alg":" EdDSA""#), Algorithm),
        ("alg null", h(r#""alg":null"#), Header),
        ("a key of its own, and signed by it", by_its_own_key(rig), Header),
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
    let es_header = r#"{"alg":"ES256","kid":"es-1"}"#;
    let zero_es = format!("{}.{}.{}", b64(es_header), b64(&claims(ES, &[])), URL_SAFE_NO_PAD.encode([0; 64]));
    let cross = |kid: &str, iss: &str, key, algorithm, alg: &str| {
        signed(&format!(r#"{{"alg":"{alg}","kid":"{kid}"}}"#), &claims(iss, &[]), key, algorithm)
    };
    vec![
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
        ("an Ed25519 signature with the group's order added", signed_as(&order_added(&bytes)), Signature),
        ("an ECDSA signature in DER", der_es(rig), Signature),
        (
            "the signature of another algorithm",
            signed_as(&URL_SAFE_NO_PAD.decode(es_part(rig)).unwrap()),
            Signature,
        ),
        ("a good token twice", format!("{good}{good}"), NotAJws),
        ("a good token in JSON", format!(r#"{{"payload":"{payload}","signature":"{signature}"}}"#), NotAJws),
        ("64 KiB of letters", "A".repeat(65_536), TooLong),
        ("64 KiB and three parts", format!("{}.{payload}.{signature}", "A".repeat(65_536)), TooLong),
        ("1 MiB", format!("{header}.{}.{signature}", "A".repeat(1 << 20)), TooLong),
        ("base64 with plus and slash", good.replace('-', "+").replace('_', "/") + "+", NotAJws),
        ("a newline between the parts", good.replacen('.', "\n.", 1), NotAJws),
        ("full stops that only look so", good.replace('.', "\u{ff0e}"), NotAJws),
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

#[test]
fn no_forged_token_is_accepted_and_each_is_refused_for_its_own_reason() {
    let rig = Rig::new();
    let rows = rows(&rig);
    assert!(rows.len() >= 200, "{} forged tokens", rows.len());
    assert_eq!(rig.refused(&rig.good()), None);
    let accepted: Vec<_> = rows.iter().filter(|(_, token, _)| rig.refused(token).is_none()).collect();
    assert!(accepted.is_empty(), "{accepted:?}");
    let otherwise: Vec<_> = rows
        .iter()
        .filter(|(_, token, why)| rig.refused(token) != Some(*why))
        .map(|(name, token, why)| format!("{name}: {:?}, not {why:?}", rig.refused(token)))
        .collect();
    assert!(otherwise.is_empty(), "{otherwise:#?}");
    assert_eq!(rig.refused(&rig.good()), None);
}

/// The order of Ed25519's group, little-endian (RFC 8032 §5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The same signature with another S, which a careless verifier takes for the same number.
fn order_added(signature: &[u8]) -> Vec<u8> {
    let mut other = signature.to_vec();
    let mut carry = 0;
    for (byte, add) in other[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    other
}

/// The ES256 signature of a good token.
fn es_part(rig: &Rig) -> String {
    let token = es_token(rig);
    token.rsplit_once('.').unwrap().1.to_owned()
}

fn es_token(rig: &Rig) -> String {
    let header = r#"{"alg":"ES256","kid":"es-1"}"#;
    signed(header, &claims(ES, &[]), &rig.es, jsonwebtoken::Algorithm::ES256)
}

/// The two numbers of an ECDSA signature as X.509 writes them.
fn der_es(rig: &Rig) -> String {
    let token = es_token(rig);
    let (said, signature) = token.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let number = |half: &[u8]| [&[2, 33, 0], half].concat();
    let (r, s) = bytes.split_at(32);
    let der = [&[0x30, 70], number(r).as_slice(), number(s).as_slice()].concat();
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(der))
}

/// What RFC 8725 §2.1 and CVE-2018-0114 warn of: the token brings the key that it is signed with.
fn by_its_own_key(rig: &Rig) -> String {
    let own = SigningKey::from_bytes(&[8; 32]);
    let x = URL_SAFE_NO_PAD.encode(own.verifying_key().to_bytes());
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
    let header = format!(r#"{{"alg":"EdDSA","kid":"{}","jwk":{jwk}}}"#, rig.ed_kid);
    let said = format!("{}.{}", b64(&header), b64(&claims(ED, &[])));
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(own.sign(said.as_bytes()).to_bytes()))
}

/// ES256 has two signatures for one message, (r, s) and (r, n - s). Half of all that honest issuers make are the one,
/// half the other, so that both have to be taken; no token is known here by its signature.
#[test]
fn both_signatures_of_ecdsa_are_good() {
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let rig = Rig::new();
    let token = es_token(&rig);
    let (said, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0;
    for (byte, n) in bytes[32..].iter_mut().zip(N).rev() {
        let left = 256 + i16::from(n) - i16::from(*byte) - borrow;
        [*byte, _] = left.to_le_bytes();
        borrow = i16::from(left < 256);
    }
    let other = format!("{said}.{}", URL_SAFE_NO_PAD.encode(bytes));
    assert_ne!(token, other);
    assert_eq!((rig.refused(&token), rig.refused(&other)), (None, None));
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
