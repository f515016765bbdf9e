//! Tokens as they arrive: in one header, once, in one form, and never with the address of somebody else to ask.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use http::uri::PathAndQuery;
use prost::Message as _;
use qinlian::access::LocalIssuer;
use tonic::client::Grpc;
use tonic::metadata::{AsciiMetadataKey, MetadataValue};
use tonic::{Code, Request, Status};

use super::{b64, kid_of};
use crate::edge::server::{Hall, NOW, TERMINAL, punch_at, reason};
use crate::rigs::canary::calls::Plain;

pub(super) const PUNCH: &str = "/qinlian.v1.AttendanceService/RecordPunch";

/// A punch at this path, under one header with these bytes.
pub(super) async fn punch(hall: &Hall, path: &str, header: &'static str, value: &[u8]) -> Result<(), Status> {
    let mut request = Request::new(punch_at("hall", "").encode_to_vec());
    let value = MetadataValue::try_from(value).expect("the value of a header");
    request.metadata_mut().insert(AsciiMetadataKey::from_static(header), value);
    let mut grpc = Grpc::new(hall.channel.clone());
    grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
    grpc.unary(request, PathAndQuery::try_from(path).expect("a path"), Plain).await.map(drop)
}

#[tokio::test]
async fn a_token_counts_in_its_one_header_and_nowhere_else() {
    let hall = Hall::open().await;
    let good = hall.token(TERMINAL);
    let bare = good.trim_start_matches("Bearer ");
    punch(&hall, PUNCH, "authorization", good.as_bytes()).await.expect("the good one");
    for header in [
        "x-authorization",
        "proxy-authorization",
        "x-forwarded-authorization",
        "x-access-token",
        "cookie",
        "grpc-token",
    ] {
        for value in
            [good.clone(), bare.to_owned(), format!("authorization={good}"), format!("access_token={bare}")]
        {
            let status = punch(&hall, PUNCH, header, value.as_bytes()).await.unwrap_err();
            assert_eq!(
                (status.code(), &*reason(&status)),
                (Code::Unauthenticated, "TOKEN_MISSING"),
                "{header}"
            );
        }
    }
    for name in ["access_token", "token", "authorization"] {
        let path = format!("{PUNCH}?{name}={bare}");
        let status = punch(&hall, &path, "x-other", b"1").await.unwrap_err();
        assert_eq!((status.code(), &*reason(&status)), (Code::Unauthenticated, "TOKEN_MISSING"), "?{name}=");
    }
}

#[tokio::test]
async fn the_scheme_is_bearer_in_any_case_and_one_space() {
    let hall = Hall::open().await;
    let good = hall.token(TERMINAL);
    let token = good.trim_start_matches("Bearer ");
    for (value, expected) in [
        (format!("Bearer {token}"), None),
        (format!("bearer {token}"), None),
        (format!("BEARER {token}"), None),
        (token.to_owned(), Some("TOKEN_MISSING")),
        (format!("Token {token}"), Some("TOKEN_MISSING")),
        (format!("DPoP {token}"), Some("TOKEN_MISSING")),
        (format!("Bearer:{token}"), Some("TOKEN_MISSING")),
        (format!("Bearer\t{token}"), Some("TOKEN_MISSING")),
        (format!("Bearer  {token}"), Some("TOKEN_INVALID")),
        (format!("Bearer \t{token}"), Some("TOKEN_INVALID")),
        (format!("Bearer Bearer {token}"), Some("TOKEN_INVALID")),
        (format!("Bearer \"{token}\""), Some("TOKEN_INVALID")),
        (format!("Bearer {token}="), Some("TOKEN_INVALID")),
        (format!("Bearer {token} {token}"), Some("TOKEN_INVALID")),
        (format!("Bearer {token};{token}"), Some("TOKEN_INVALID")),
        (format!("Bearer {token},{token}"), Some("TOKEN_REPEATED")),
        (format!("Bearer {token}, Bearer {token}"), Some("TOKEN_REPEATED")),
        ("Bearer 令牌".to_owned(), Some("TOKEN_INVALID")),
    ] {
        let answer = punch(&hall, PUNCH, "authorization", value.as_bytes()).await;
        let said = answer.as_ref().err().map(reason);
        assert_eq!(said.as_deref(), expected, "{value}");
        assert!(
            answer.is_ok() || answer.is_err_and(|status| status.code() == Code::Unauthenticated),
            "{value}"
        );
    }
}

#[tokio::test]
async fn a_token_of_any_length_is_refused_and_the_server_answers_the_next_call() {
    let hall = Hall::open().await;
    let good = hall.token(TERMINAL);
    for kib in [9, 12, 64, 100, 1024] {
        for token in
            ["A".repeat(kib * 1024), ".".repeat(kib * 1024), format!("{good}{}", "A".repeat(kib * 1024))]
        {
            let value = format!("Bearer {}", token.trim_start_matches("Bearer "));
            let status = punch(&hall, PUNCH, "authorization", value.as_bytes()).await.unwrap_err();
            // What fits into a header is looked at and refused; what does not is refused by the transport.
            if kib < 16 {
                assert_eq!(&*reason(&status), "TOKEN_INVALID", "{kib} KiB: {status:?}");
            }
            assert_ne!(status.code(), Code::Ok);
            let next = punch(&hall, PUNCH, "authorization", good.as_bytes()).await;
            assert!(next.is_ok(), "after {kib} KiB: {next:?}");
        }
    }
}

/// What would make a careless verifier ask the address that the token names.
fn inviting(address: &str) -> Vec<(&'static str, String, &'static str)> {
    let other = SigningKey::from_bytes(&[8; 32]);
    let x = URL_SAFE_NO_PAD.encode(other.verifying_key().to_bytes());
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
    vec![
        ("jku", format!(r#","jku":"{address}/keys""#), "test/tokens"),
        ("x5u", format!(r#","x5u":"{address}/certificate""#), "test/tokens"),
        ("jwk", format!(r#","jwk":{jwk}"#), "test/tokens"),
        ("jwk and jku", format!(r#","jwk":{jwk},"jku":"{address}/keys""#), "test/tokens"),
        ("jku as well known", format!(r#","jku":"{address}/.well-known/jwks.json""#), "test/tokens"),
        ("an issuer to be discovered", String::new(), "ISSUER"),
        ("a kid to be fetched", format!(r#","kid2":"{address}/key""#), "test/tokens"),
    ]
}

#[tokio::test]
async fn no_token_makes_the_server_ask_anybody() {
    let hall = Hall::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let local = LocalIssuer::new(&[3; 32], "test/tokens", "qinlian");
    let now = NOW.get() / 1_000;
    // Signed by the deployment's own key, and by one that only the token speaks for.
    for key in [SigningKey::from_bytes(&[3; 32]), SigningKey::from_bytes(&[8; 32])] {
        for (name, members, issuer) in inviting(&address) {
            let issuer = if issuer == "ISSUER" { &address } else { issuer };
            for kid in [kid_of(&local), format!("{address}/kid"), "other".to_owned()] {
                if members.is_empty() && issuer == "test/tokens" {
                    continue;
                }
                let header = format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{kid}"{members}}}"#);
                let claims = format!(
                    r#"{{"iss":"{issuer}","aud":"qinlian","sub":"{TERMINAL}","nbf":{now},"exp":{}}}"#,
                    now + 900
                );
                let said = format!("{}.{}", b64(&header), b64(&claims));
                let token =
                    format!("{said}.{}", URL_SAFE_NO_PAD.encode(key.sign(said.as_bytes()).to_bytes()));
                let status = hall.punch(&[&format!("Bearer {token}")], "").await.unwrap_err();
                assert_eq!(
                    (status.code(), &*reason(&status)),
                    (Code::Unauthenticated, "TOKEN_INVALID"),
                    "{name}"
                );
            }
        }
    }
    // As long as a server needs to send something if it means to.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let asked = listener.accept().map(|(_, from)| from).map_err(|error| error.kind());
    assert_eq!(asked, Err(std::io::ErrorKind::WouldBlock), "a token made the server connect");
    // The control: whoever connects is seen.
    let _connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    listener.set_nonblocking(false).unwrap();
    assert!(listener.accept().is_ok());
}
