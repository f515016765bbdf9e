//! Encrypted connections, and tokens that are bound to certificates: who is answered, and what happens to those who say
//! nothing.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use qinlian::access::{
    Binding, CertificateThumbprint, Identity, KeyThumbprint, LocalIssuer, Rules, TokenError, Visitor,
};
use qinlian::clock::MockClock;
use qinlian::config::{self, Limits, TlsVersion};
use qinlian::edge::limit::Limiter;
use qinlian::edge::listen::Peer;
use qinlian::edge::tls::FILES_LOOK_MS;
use qinlian::edge::{Authenticate, Edge, Figures, ServeError, Services, Tls, TlsFault, serve};
use qinlian::kernel::Subject;
use qinlian::proto::Role;
use qinlian::proto::attendance_service_client::AttendanceServiceClient;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity as Pair};
use tonic::{Request, Status};
use tower::{Layer as _, Service as _};

use super::pass::{Table, grant};
use super::server::{FakeAttendance, NOW, TERMINAL, edge, punch_at, reason};
use crate::support::authority::{Authority, Held};
use crate::support::told::told;

/// Nothing here takes that long; a rig that hangs fails.
const LIMIT: Duration = Duration::from_secs(30);
/// The name in the server's certificate.
const HALL: &str = "hall.example";

fn put(dir: &Path, held: &Held) {
    std::fs::write(dir.join("server.pem"), &held.certificate).unwrap();
    std::fs::write(dir.join("server.key"), &held.key).unwrap();
}

fn files(dir: &Path, terminals: Binding) -> config::Tls {
    config::Tls {
        certificate: dir.join("server.pem"),
        key: dir.join("server.key"),
        client_ca: Some(dir.join("clients.pem")),
        terminals,
        minimum: TlsVersion::default(),
    }
}

/// A server with a certificate of its own that lets in the certificates of one authority.
struct Rig {
    dir: tempfile::TempDir,
    address: SocketAddr,
    clock: Arc<MockClock>,
    local: LocalIssuer,
    server: Authority,
    clients: Authority,
    figures: Arc<Figures>,
    _stop: oneshot::Sender<()>,
    _serving: JoinHandle<Result<(), ServeError>>,
}

impl Rig {
    async fn open(terminals: Binding) -> Self {
        Self::limited(terminals, Limits::default()).await
    }

    async fn limited(terminals: Binding, limits: Limits) -> Self {
        Self::with(|files| config::Tls { terminals, ..files }, limits).await
    }

    async fn with(change: impl FnOnce(config::Tls) -> config::Tls, limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (server, clients) = (Authority::new("servers"), Authority::new("clients"));
        put(dir.path(), &server.issue(HALL));
        std::fs::write(dir.path().join("clients.pem"), &clients.pem).unwrap();
        let clock = Arc::new(MockClock::new(NOW, 1));
        let (edge, local) = edge(dir.path(), &clock);
        let tls = Tls::open(&change(files(dir.path(), Binding::Optional)), Arc::<MockClock>::clone(&clock))
            .unwrap();
        let edge = Edge { tls: Some(Arc::new(tls)), limits, ..edge };
        let figures = Arc::clone(&edge.figures);
        // Any address: what is encrypted may be anywhere.
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().unwrap().port()));
        let grants = Table(Some(vec![grant("hall", TERMINAL, Role::Terminal)]));
        let calls = FakeAttendance { grants, clock: Arc::clone(&clock) };
        let services = Services::new(&edge.limits).attendance(&Arc::new(calls));
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(edge, listener, services, || true, async {
            stopped.await.unwrap_or_default();
        }));
        Self { dir, address, clock, local, server, clients, figures, _stop: stop, _serving: serving }
    }

    /// The token of a terminal, or of somebody else, bound to a certificate or not.
    fn token(&self, subject: &str, bound: Option<&Held>) -> String {
        let subject = Subject::parse(subject).unwrap();
        match (&subject, bound) {
            (Subject::Device(device), Some(held)) => {
                self.local.device_token(device, &KeyThumbprint::of(&[7; 32]), Some(&held.print), NOW, 900)
            }
            _ => self.local.token(&subject, NOW, 900),
        }
    }

    /// A connection that is encrypted for whoever trusts this authority, with this certificate.
    fn encrypted(&self, trusted: &Authority, held: Option<&Held>) -> Endpoint {
        let mut tls =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&trusted.pem)).domain_name(HALL);
        if let Some(held) = held {
            tls = tls.identity(Pair::from_pem(&held.certificate, &held.key));
        }
        Channel::from_shared(format!("https://{}", self.address)).unwrap().tls_config(tls).unwrap()
    }

    fn plain(&self) -> Endpoint {
        Channel::from_shared(format!("http://{}", self.address)).unwrap()
    }

    /// What the client of a new connection hears.
    async fn hears(&self, endpoint: &Endpoint, token: &str) -> String {
        let heard = async {
            match endpoint.connect().await {
                Ok(channel) => punch(&channel, token).await,
                Err(_refused) => NOTHING.to_owned(),
            }
        };
        tokio::time::timeout(LIMIT, heard).await.expect("it is decided")
    }
}

/// There is no connection, or it ended before a call was answered.
const NOTHING: &str = "nothing";
const ANSWER: &str = "an answer";

async fn punch(channel: &Channel, token: &str) -> String {
    let mut request = Request::new(punch_at("hall", ""));
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    match AttendanceServiceClient::new(channel.clone()).record_punch(request).await {
        Ok(_) => ANSWER.to_owned(),
        Err(status) => match reason(&status) {
            // What the server says has a reason; what the client's side makes of a broken connection has none.
            none if none.is_empty() => NOTHING.to_owned(),
            reason => reason,
        },
    }
}

#[tokio::test]
async fn who_is_answered() {
    let rig = Rig::open(Binding::Optional).await;
    let strangers = Authority::new("strangers");
    let (a, b) = (rig.clients.issue("a"), rig.clients.issue("b"));
    let expired = rig.clients.issue_until("a", 2026);
    let foreign = strangers.issue("a");
    let free = rig.token(TERMINAL, None);
    let bound = rig.token(TERMINAL, Some(&a));
    for (name, client, token, expected) in [
        ("plain text", rig.plain(), &free, NOTHING),
        ("a client that does not trust the server", rig.encrypted(&strangers, None), &free, NOTHING),
        ("no certificate", rig.encrypted(&rig.server, None), &free, ANSWER),
        ("a good certificate", rig.encrypted(&rig.server, Some(&a)), &free, ANSWER),
        ("another authority's", rig.encrypted(&rig.server, Some(&foreign)), &free, NOTHING),
        ("an expired one", rig.encrypted(&rig.server, Some(&expired)), &free, NOTHING),
        ("a's token, with a", rig.encrypted(&rig.server, Some(&a)), &bound, ANSWER),
        ("a's token, with b", rig.encrypted(&rig.server, Some(&b)), &bound, "TOKEN_INVALID"),
        ("a's token, without", rig.encrypted(&rig.server, None), &bound, "TOKEN_INVALID"),
    ] {
        assert_eq!(rig.hears(&client, token).await, expected, "{name}");
    }
}

#[tokio::test]
async fn where_it_is_required_a_terminals_token_must_be_bound_and_nobody_elses() {
    let rig = Rig::open(Binding::Required).await;
    let a = rig.clients.issue("a");
    for (name, held, subject, bound, expected) in [
        ("bound", Some(&a), TERMINAL, Some(&a), ANSWER),
        ("not bound, with a certificate", Some(&a), TERMINAL, None, "TOKEN_INVALID"),
        ("not bound, without", None, TERMINAL, None, "TOKEN_INVALID"),
        ("a system: the token is good, and the call is not for systems", None, "system:hr", None, "DENIED"),
    ] {
        let client = rig.encrypted(&rig.server, held);
        assert_eq!(rig.hears(&client, &rig.token(subject, bound)).await, expected, "{name}");
    }
}

#[test]
fn what_is_shown_with_a_token() {
    let [a, b] = [b"a", b"b"].map(|der| CertificateThumbprint::of(der));
    for (name, subject, own, connection, devices, expected) in [
        ("free", TERMINAL, None, None, Binding::Optional, None),
        ("free, with a certificate", TERMINAL, None, Some(a), Binding::Optional, None),
        ("bound", TERMINAL, Some(a), Some(a), Binding::Required, None),
        ("bound to another", TERMINAL, Some(a), Some(b), Binding::Optional, Some("CERTIFICATE")),
        ("bound, without", TERMINAL, Some(a), None, Binding::Optional, Some("CERTIFICATE")),
        ("a system's, bound, without", "system:hr", Some(a), None, Binding::Optional, Some("CERTIFICATE")),
        ("free where it may not be", TERMINAL, None, Some(a), Binding::Required, Some("NOT_BOUND")),
        ("a system's, free", "system:hr", None, None, Binding::Required, None),
    ] {
        let subject = Subject::parse(subject).unwrap();
        let identity = Identity { subject, key: None, certificate: own, from: NOW, until: NOW };
        let refused = identity.shown_with(connection.as_ref(), devices).err().map(TokenError::code);
        assert_eq!(refused, expected, "{name}");
    }
}

#[tokio::test]
async fn who_asks_for_a_token_is_known_by_the_certificate_of_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    let (edge, _) = edge(dir.path(), &Arc::new(MockClock::new(NOW, 1)));
    let layer = Authenticate::new(
        Rules::ours().unwrap(),
        edge.verifier,
        edge.support_key,
        Arc::new(Limiter::new(&Limits::default(), &edge.clock)),
        edge.clock,
        Binding::Required,
    );
    let print = CertificateThumbprint::of(b"der");
    for (method, certificate, refused) in [
        ("GetDeviceToken", Some(print), false),
        ("GetDeviceToken", None, true),
        ("GetDeviceChallenge", None, false),
        ("EnrolDevice", None, false),
    ] {
        let mut seen = layer.layer(tower::service_fn(async |request: http::Request<()>| {
            let visitor = request.extensions().get::<Visitor>().unwrap();
            Ok::<_, Infallible>(http::Response::new(Some(visitor.certificate().copied())))
        }));
        let mut request = http::Request::new(());
        *request.uri_mut() = format!("/qinlian.v1.DirectoryService/{method}").parse().unwrap();
        request.extensions_mut().insert(Peer { address: ([127, 0, 0, 1], 7).into(), certificate });
        let answer = seen.call(request).await.unwrap();
        assert_eq!(
            Status::from_header_map(answer.headers()).map(|status| reason(&status)),
            refused.then(|| "CERTIFICATE_MISSING".to_owned()),
            "{method}"
        );
        assert_eq!(answer.into_body(), (!refused).then_some(certificate), "{method}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_changed_on_disk_is_shown_to_the_next_client_and_open_connections_go_on() {
    let rig = Rig::open(Binding::Optional).await;
    let token = rig.token(TERMINAL, None);
    let renewed = Authority::new("renewed");
    let open = rig.encrypted(&rig.server, None).connect().await.unwrap();
    let next = async || {
        let by_old = rig.hears(&rig.encrypted(&rig.server, None), &token).await;
        (by_old, rig.hears(&rig.encrypted(&renewed, None), &token).await)
    };
    let (old, new) = ((ANSWER.to_owned(), NOTHING.to_owned()), (NOTHING.to_owned(), ANSWER.to_owned()));
    assert_eq!(next().await, old);

    let held = renewed.issue(HALL);
    put(rig.dir.path(), &held);
    assert_eq!(next().await, old, "not looked at yet");
    rig.clock.advance_ms(FILES_LOOK_MS);
    assert_eq!(next().await, new);

    for (name, certificate, key) in [
        ("half written", &held.certificate[..100], &*held.key),
        ("empty", "", &held.key),
        ("another's key", &held.certificate, &rig.server.issue(HALL).key),
        ("no key", &held.certificate, &held.certificate),
    ] {
        std::fs::write(rig.dir.path().join("server.pem"), certificate).unwrap();
        std::fs::write(rig.dir.path().join("server.key"), key).unwrap();
        rig.clock.advance_ms(FILES_LOOK_MS);
        assert_eq!(next().await, new, "{name}: it changes nothing");
    }
    std::fs::remove_file(rig.dir.path().join("server.pem")).unwrap();
    rig.clock.advance_ms(FILES_LOOK_MS);
    assert_eq!(next().await, new, "gone: it changes nothing");
    put(rig.dir.path(), &rig.server.issue(HALL));
    rig.clock.advance_ms(FILES_LOOK_MS);
    assert_eq!(next().await, old, "and the next good one is read");
    assert_eq!(punch(&open, &token).await, ANSWER);
}

#[tokio::test]
async fn an_authority_that_is_changed_on_disk_decides_about_the_next_client() {
    let rig = Rig::open(Binding::Optional).await;
    let other = Authority::new("other clients");
    let token = rig.token(TERMINAL, None);
    let [before, after] =
        [rig.clients.issue("a"), other.issue("a")].map(|held| rig.encrypted(&rig.server, Some(&held)));
    let next = async || [rig.hears(&before, &token).await, rig.hears(&after, &token).await];
    assert_eq!(next().await, [ANSWER, NOTHING]);
    std::fs::write(rig.dir.path().join("clients.pem"), &other.pem).unwrap();
    rig.clock.advance_ms(FILES_LOOK_MS);
    assert_eq!(next().await, [NOTHING, ANSWER]);
}

#[tokio::test]
async fn who_says_nothing_has_a_place_does_not_hold_up_the_next_and_is_closed() {
    const FOR_EVER_MS: u64 = 3_600_000;
    for (name, connections, expected) in [("room for two", 2, ANSWER), ("room for one", 1, NOTHING)] {
        let limits = Limits { handshake_ms: FOR_EVER_MS, connections, ..Limits::default() };
        let rig = Rig::limited(Binding::Optional, limits).await;
        let _silent = TcpStream::connect(rig.address).await.unwrap();
        let client = rig.encrypted(&rig.server, None);
        assert_eq!(rig.hears(&client, &rig.token(TERMINAL, None)).await, expected, "{name}");
    }
    let limits = Limits { handshake_ms: 1, ..Limits::default() };
    let rig = Rig::limited(Binding::Optional, limits).await;
    let mut silent = TcpStream::connect(rig.address).await.unwrap();
    let mut said = Vec::new();
    let end = tokio::time::timeout(LIMIT, silent.read_to_end(&mut said)).await.expect("it is closed");
    assert_eq!((end.unwrap_or_default(), said.len()), (0, 0), "nothing is said to it");
    let failed = || told(&*rig.figures, "qinlian_handshakes_failed", "");
    let counted = async {
        while failed() == "0" {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LIMIT, counted).await.expect("it is counted");
    assert_eq!(failed(), "1", "once");
}

#[tokio::test]
async fn both_protocols_are_spoken_and_the_old_version_only_where_it_is_asked_for() {
    let by_default = Rig::open(Binding::Optional).await;
    let old_too = |files| config::Tls { minimum: TlsVersion::Tls12, ..files };
    let old_too = Rig::with(old_too, Limits::default()).await;
    let (old, new) = (&rustls::version::TLS12, &rustls::version::TLS13);
    for (rig, version, protocol, expected) in [
        (&by_default, new, "h2", Some(ProtocolVersion::TLSv1_3)),
        (&by_default, new, "http/1.1", Some(ProtocolVersion::TLSv1_3)),
        (&by_default, old, "h2", None),
        (&by_default, new, "imap", None),
        (&old_too, new, "h2", Some(ProtocolVersion::TLSv1_3)),
        (&old_too, old, "h2", Some(ProtocolVersion::TLSv1_2)),
    ] {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(rig.server.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(rig.address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let spoken = connector.connect(ServerName::try_from(HALL).unwrap(), stream).await.ok();
        let session = spoken.as_ref().map(|stream| stream.get_ref().1);
        assert_eq!(session.and_then(|session| session.protocol_version()), expected, "{protocol}");
        let agreed = session.and_then(|session| session.alpn_protocol());
        assert_eq!(agreed, expected.map(|_| protocol.as_bytes()), "{protocol}");
    }
}

#[test]
fn files_that_cannot_be_used_stop_the_start() {
    let authority = Authority::new("servers");
    let good = authority.issue(HALL);
    let other = authority.issue(HALL);
    for (name, certificate, key, clients, expected) in [
        ("the control", &good.certificate, &good.key, &authority.pem, "opened"),
        ("no certificate", &good.key, &good.key, &authority.pem, "server.pem"),
        ("no key", &good.certificate, &good.certificate, &authority.pem, "server.key"),
        ("another's key", &good.certificate, &other.key, &authority.pem, "a pair"),
        ("an authority that is none", &good.certificate, &good.key, &good.key, "clients.pem"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        for (file, text) in [("server.pem", certificate), ("server.key", key), ("clients.pem", clients)] {
            std::fs::write(dir.path().join(file), text).unwrap();
        }
        let clock = Arc::new(MockClock::new(NOW, 1));
        let found = match Tls::open(&files(dir.path(), Binding::Optional), clock) {
            Ok(_) => "opened".to_owned(),
            Err(TlsFault::Pair(_)) => "a pair".to_owned(),
            Err(TlsFault::Unusable { path, .. } | TlsFault::Unreadable { path, .. }) => {
                path.file_name().unwrap().to_string_lossy().into_owned()
            }
            Err(TlsFault::Authority(error)) => error.to_string(),
        };
        assert_eq!(found, expected, "{name}");
    }
}
