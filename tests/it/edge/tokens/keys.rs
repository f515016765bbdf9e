//! The files that hold issuers' keys: read again when they change, refused when they are not in order.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use qinlian::access::{Algorithm, KeyFault, LocalIssuer, Verifier};
use qinlian::clock::MockClock;
use qinlian::kernel::{EpochMs, Subject};

use super::{AUDIENCE, ED, LIFETIME_MAX_S, NOW_S, settings};

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
