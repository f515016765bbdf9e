//! Keys that are fetched from an issuer over HTTPS: rotation, what is not believed, and a restart without a network.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qinlian::access::token::KEYS_LOOK_MS;
use qinlian::access::{
    Algorithm, FetchFault, FetchPace, IssuerSettings, KeyFault, LocalIssuer, TokenError, Verifier,
};
use qinlian::clock::MockClock;
use qinlian::kernel::Subject;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::server::NOW;
use crate::support::authority::{Authority, Held};

const ISSUER: &str = "https://idp.example";
const AUDIENCE: &str = "qinlian";
const LIFETIME_MAX_S: u32 = 86_400;
/// The name in the issuer's certificate.
const HOST: &str = "localhost";
/// Nothing here takes that long; a rig that hangs fails.
const LIMIT: Duration = Duration::from_secs(30);

/// An answer of HTTP/1.1: status line and headers, body.
#[derive(Clone)]
struct Page(&'static str, String);

impl Page {
    fn ok(body: &str) -> Self {
        Self("200 OK", body.to_owned())
    }
}

/// An issuer that publishes its keys, and a verifier's files.
struct Rig {
    dir: tempfile::TempDir,
    clock: Arc<MockClock>,
    port: u16,
    page: Arc<Mutex<Page>>,
    asked: Arc<AtomicUsize>,
}

impl Rig {
    async fn open() -> Self {
        let authority = Authority::new("issuers");
        Self::with(&authority.issue(HOST), &authority.pem).await
    }

    /// The issuer has this certificate, and the verifier believes this authority.
    async fn with(held: &Held, authority: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), authority).unwrap();
        let page = Arc::new(Mutex::new(Page::ok(&signer(1).jwks())));
        let asked = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(publish(listener, acceptor(held), Arc::clone(&page), Arc::clone(&asked)));
        Self { dir, clock: Arc::new(MockClock::new(NOW, 1)), port, page, asked }
    }

    fn settings(&self) -> IssuerSettings {
        IssuerSettings {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            algorithm: Algorithm::EdDsa,
            jwks_file: self.copy(),
            jwks_url: Some(format!("https://{HOST}:{}/keys", self.port)),
            jwks_ca: Some(self.dir.path().join("ca.pem")),
            subjects: Vec::new(),
        }
    }

    fn copy(&self) -> PathBuf {
        self.dir.path().join("copies").join("idp.jwks")
    }

    fn verifier(&self) -> Verifier {
        Verifier::new(&[self.settings()], LIFETIME_MAX_S, Arc::<MockClock>::clone(&self.clock)).unwrap()
    }

    fn publishes(&self, page: Page) {
        *self.page.lock().unwrap() = page;
    }

    /// Long enough for the verifier to look at its file again.
    fn later(&self) {
        self.clock.advance_ms(KEYS_LOOK_MS);
    }
}

fn signer(seed: u8) -> LocalIssuer {
    LocalIssuer::new(&[seed; 32], ISSUER, AUDIENCE)
}

fn token(seed: u8) -> String {
    signer(seed).token(&Subject::parse("system:hr").unwrap(), NOW, 3600)
}

fn acceptor(held: &Held) -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_slice(held.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(held.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn publish(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    page: Arc<Mutex<Page>>,
    asked: Arc<AtomicUsize>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, Page(status, body)) = (acceptor.clone(), page.lock().unwrap().clone());
        asked.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut request = [0; 2048];
            let _heard = stream.read(&mut request).await;
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _said = stream.write_all(format!("{head}{body}").as_bytes()).await;
            let _ended = stream.shutdown().await;
        });
    }
}

#[tokio::test]
async fn a_rotated_key_is_believed_and_the_one_before_it_no_longer() {
    let rig = Rig::open().await;
    let verifier = rig.verifier();
    assert_eq!(verifier.verify(&token(1)), Err(TokenError::Key), "not fetched yet");

    verifier.fetch_keys().await.unwrap();
    rig.later();
    assert!(verifier.verify(&token(1)).is_ok());

    let both = format!(r#"{{"keys":[{},{}]}}"#, key(1), key(2));
    for (published, believed) in [(both, [true, true]), (signer(2).jwks(), [false, true])] {
        rig.publishes(Page::ok(&published));
        verifier.fetch_keys().await.unwrap();
        rig.later();
        assert_eq!([1, 2].map(|seed| verifier.verify(&token(seed)).is_ok()), believed, "{published}");
    }
}

/// The one key of a set.
fn key(seed: u8) -> String {
    let set: serde_json::Value = serde_json::from_str(&signer(seed).jwks()).unwrap();
    set["keys"][0].to_string()
}

#[tokio::test]
async fn a_token_with_a_key_that_is_not_known_has_the_keys_fetched_but_not_by_every_token() {
    const TOKENS: usize = 1_000;
    let rig = Rig::open().await;
    let verifier = Arc::new(rig.verifier());
    let pace = FetchPace { every: Duration::from_hours(1), gap: Duration::from_millis(200) };
    let keeper = Arc::clone(&verifier);
    let keeping = tokio::spawn(async move { keeper.keep_keys(pace).await });
    until(|| rig.copy().exists()).await;
    rig.later();
    assert!(verifier.verify(&token(1)).is_ok(), "the first fetch needs no token");

    rig.publishes(Page::ok(&signer(2).jwks()));
    let before = rig.asked.load(Ordering::SeqCst);
    for _ in 0..TOKENS {
        assert_eq!(verifier.verify(&token(2)), Err(TokenError::Key));
    }
    until(|| {
        rig.later();
        verifier.verify(&token(2)).is_ok()
    })
    .await;
    let fetches = rig.asked.load(Ordering::SeqCst) - before;
    assert!((1..=TOKENS / 10).contains(&fetches), "{fetches} fetches for {TOKENS} tokens");
    keeping.abort();
}

async fn until(mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.expect("it happens");
}

#[tokio::test]
async fn what_cannot_be_fetched_or_used_changes_nothing() {
    let rig = Rig::open().await;
    let verifier = rig.verifier();
    verifier.fetch_keys().await.unwrap();
    let kept = std::fs::read(rig.copy()).unwrap();

    let private = key(2).replacen('{', r#"{"d":"AAAA","#, 1);
    let other = format!(r#"{{"keys":[{}]}}"#, key(2).replace("Ed25519", "X25519"));
    let moved = "302 Found\r\nlocation: https://elsewhere.example/keys";
    for (what, page, said) in [
        ("an error", Page("500 Internal Server Error", signer(2).jwks()), "500"),
        ("moved", Page(moved, signer(2).jwks()), "302"),
        ("a page for people", Page::ok("<html></html>"), "is not a JWKS"),
        ("nothing", Page::ok(""), "is not a JWKS"),
        ("no keys", Page::ok(r#"{"keys":[]}"#), "has no key for EdDSA"),
        ("keys for something else", Page::ok(&other), "has no key for EdDSA"),
        ("a private key", Page::ok(&format!(r#"{{"keys":[{private}]}}"#)), "is a private key"),
        ("the same kid twice", Page::ok(&format!(r#"{{"keys":[{},{}]}}"#, key(2), key(2))), "twice"),
        ("too much", Page::ok(&format!("{}{}", signer(2).jwks(), " ".repeat(256 << 10))), "broke off"),
    ] {
        rig.publishes(page);
        let fault = verifier.fetch_keys().await.expect_err(what).to_string();
        assert!(fault.contains(said), "{what}: {fault}");
        rig.later();
        assert!(verifier.verify(&token(1)).is_ok(), "{what}: the keys read before stay");
        assert_eq!(verifier.verify(&token(2)), Err(TokenError::Key), "{what}");
        assert_eq!(std::fs::read(rig.copy()).unwrap(), kept, "{what}: so does the copy");
    }
    rig.publishes(Page::ok(&signer(2).jwks()));
    verifier.fetch_keys().await.unwrap();
    rig.later();
    assert!(verifier.verify(&token(2)).is_ok(), "the rig publishes what is believed");
}

#[tokio::test]
async fn who_cannot_show_the_right_certificate_is_no_issuer() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    for (what, held) in [
        ("another authority's", theirs.issue(HOST)),
        ("another name's", ours.issue("elsewhere.example")),
        ("one that is over", ours.issue_until(HOST, 2020)),
    ] {
        let rig = Rig::with(&held, &ours.pem).await;
        let fault = rig.verifier().fetch_keys().await.expect_err(what);
        assert!(
            matches!(&fault, FetchFault::NoAnswer(why) if why.contains("certificate")),
            "{what}: {fault}"
        );
        assert!(!rig.copy().exists(), "{what}");
    }
    let rig = Rig::with(&ours.issue(HOST), &ours.pem).await;
    rig.verifier().fetch_keys().await.expect("the right one is believed");
}

#[tokio::test]
async fn a_restart_without_a_network_goes_on_with_the_copy() {
    let rig = Rig::open().await;
    rig.verifier().fetch_keys().await.unwrap();
    let away = IssuerSettings { jwks_url: Some("https://127.0.0.1:1/keys".to_owned()), ..rig.settings() };
    let verifier = Verifier::new(&[away], LIFETIME_MAX_S, Arc::<MockClock>::clone(&rig.clock)).unwrap();
    assert!(matches!(verifier.fetch_keys().await, Err(FetchFault::NoAnswer(_))));
    assert!(verifier.verify(&token(1)).is_ok());
}

#[test]
fn keys_come_over_https_or_from_a_file_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("empty.pem"), "").unwrap();
    let settings = |url: Option<&str>, authority: Option<&str>| IssuerSettings {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        algorithm: Algorithm::EdDsa,
        jwks_file: dir.path().join("none.jwks"),
        jwks_url: url.map(str::to_owned),
        jwks_ca: authority.map(|name| dir.path().join(name)),
        subjects: Vec::new(),
    };
    let open = |settings| Verifier::new(&[settings], LIFETIME_MAX_S, Arc::new(MockClock::new(NOW, 1)));
    for url in ["http://idp.example/keys", "idp.example/keys", "/keys", "https://", "file:///keys", ""] {
        assert!(
            matches!(open(settings(Some(url), None)), Err(KeyFault::Url(named)) if named == url),
            "{url}"
        );
    }
    let good = Some("https://idp.example/keys");
    assert!(open(settings(good, None)).is_ok(), "the system's authorities");
    assert!(matches!(open(settings(good, Some("none.pem"))), Err(KeyFault::Unreadable { .. })));
    assert!(matches!(open(settings(good, Some("empty.pem"))), Err(KeyFault::Unusable { .. })));
    assert!(matches!(open(settings(None, None)), Err(KeyFault::Unreadable { .. })), "nobody fetches it");
}
