//! A centre without an authority of its own: `qinlian pki`, the server, and a terminal from its code to a token that is
//! worth nothing on another connection.

use std::fs;
use std::path::Path;

use ed25519_dalek::{Signer as _, SigningKey};
use qinlian::kernel::{CentreId, DeviceId};
use qinlian::proto::directory_service_client::DirectoryServiceClient;
use qinlian::proto::{
    EnrolDeviceRequest, GetDeviceChallengeRequest, GetDeviceTokenRequest, GetTerminalConfigRequest,
};
use qinlian::registers::directory::proof::{self, Code};

use tonic::Code as Status;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Error, Identity};

use super::clients::{bearing, new_code, new_id};
use super::load::reason;
use super::server::{begin, qinlian, run};
use super::town::{HALL, Town};

const GATE: &str = "gate-1";

/// How a client connects: whom it trusts, and what it shows.
struct Connecting {
    url: String,
    trusts: String,
    shows: Option<(String, String)>,
}

impl Connecting {
    async fn now(&self) -> Result<Channel, Error> {
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&self.trusts));
        if let Some((certificate, key)) = &self.shows {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        Endpoint::from_shared(self.url.clone())?.tls_config(tls)?.connect().await
    }
}

async fn pki(words: &[&str], folders: &[(&str, &Path)]) {
    let mut command = qinlian();
    command.arg("pki").args(words);
    for (option, folder) in folders {
        command.arg(option).arg(folder);
    }
    run(&mut command).await;
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).expect("a file")
}

#[tokio::test]
async fn a_terminal_with_a_certificate_enrols_and_its_token_is_of_no_use_to_who_copied_it() {
    let town = Town::on_sqlite().await;
    let (ours, theirs) = (town.home().join("ours"), town.home().join("theirs"));
    let (site, held) = (town.site(0), town.home().join("gate"));
    pki(&["authority"], &[("-o", &ours)]).await;
    pki(&["authority"], &[("-o", &theirs)]).await;
    pki(&["server", "--name", "localhost"], &[("--authority", &ours), ("-o", site)]).await;
    pki(&["terminal", "--device", GATE], &[("--authority", &ours), ("-o", &held)]).await;
    pki(&["terminal", "--device", "gate-2"], &[("--authority", &ours), ("-o", &held)]).await;
    pki(&["terminal", "--device", "stranger"], &[("--authority", &theirs), ("-o", &held)]).await;
    let authority = ours.join("authority.pem");
    let variables = [
        ("QINLIAN_LISTEN_TLS_CERTIFICATE", "server.pem"),
        ("QINLIAN_LISTEN_TLS_KEY", "server.key"),
        ("QINLIAN_LISTEN_TLS_CLIENT_CA", authority.to_str().expect("a path")),
        ("QINLIAN_LISTEN_TLS_TERMINALS", "required"),
    ];
    let server = begin(site, &town.log(0), &variables).listens().await;
    let port = server.address().rsplit(':').next().expect("a port");
    let connecting = |trusts: &Path, shows: Option<&str>| Connecting {
        url: format!("https://localhost:{port}"),
        trusts: read(trusts, "authority.pem"),
        shows: shows.map(|name| (read(&held, &format!("{name}.pem")), read(&held, &format!("{name}.key")))),
    };
    let without = connecting(&ours, None).now().await.expect("the server shows what its authority issued");
    assert!(
        connecting(&theirs, None).now().await.is_err(),
        "a client that trusts somebody else goes no further"
    );

    let code = new_code(&town, without.clone(), GATE).await;
    let (key, centre, device) =
        (SigningKey::from_bytes(&[9; 32]), CentreId::parse(HALL).unwrap(), DeviceId::parse(GATE).unwrap());
    let channel = connecting(&ours, Some(GATE)).now().await.expect("its certificate is one of ours");
    let mut terminal = DirectoryServiceClient::new(channel.clone());
    let public_key = key.verifying_key().to_bytes();
    let message = proof::enrolment(&centre, &device, &Code::parse(&code).unwrap(), &public_key);
    let enrol = EnrolDeviceRequest {
        centre: HALL.to_owned(),
        request_id: new_id(),
        device: GATE.to_owned(),
        code,
        public_key: public_key.to_vec(),
        signature: key.sign(&message).to_bytes().to_vec(),
        ..EnrolDeviceRequest::default()
    };
    terminal.enrol_device(enrol).await.expect("enrolled");

    let asked = GetDeviceChallengeRequest { centre: HALL.to_owned(), device: GATE.to_owned() };
    let challenge = terminal.get_device_challenge(asked).await.expect("a challenge").into_inner().challenge;
    let signature = key.sign(&proof::token_request(&centre, &device, &challenge)).to_bytes().to_vec();
    let request =
        GetDeviceTokenRequest { centre: HALL.to_owned(), device: GATE.to_owned(), challenge, signature };
    let bare = DirectoryServiceClient::new(without.clone()).get_device_token(request.clone()).await;
    let bare = bare.expect_err("its token would be bound to nothing");
    assert_eq!((bare.code(), &*reason(&bare)), (Status::Unauthenticated, "CERTIFICATE_MISSING"));
    let token = terminal.get_device_token(request).await.expect("a token").into_inner().token;
    let token = format!("Bearer {token}");

    let again = connecting(&ours, Some(GATE)).now().await.expect("another connection");
    let another = connecting(&ours, Some("gate-2")).now().await.expect("another terminal");
    for (who, channel, answer) in [
        ("the terminal", channel, Ok(())),
        ("the terminal on another connection", again, Ok(())),
        ("another terminal", another, Err(Status::Unauthenticated)),
        ("somebody without a certificate", without, Err(Status::Unauthenticated)),
    ] {
        let config = GetTerminalConfigRequest {
            centre: HALL.to_owned(),
            device: GATE.to_owned(),
            ..GetTerminalConfigRequest::default()
        };
        let said = DirectoryServiceClient::new(channel).get_terminal_config(bearing(&token, config)).await;
        assert_eq!(said.map(|_| ()).map_err(|status| status.code()), answer, "{who}");
    }
    // TLS 1.3 lets a client believe that it is connected until it hears otherwise: it hears at its first call.
    if let Ok(channel) = connecting(&ours, Some("stranger")).now().await {
        let asked = GetDeviceChallengeRequest { centre: HALL.to_owned(), device: GATE.to_owned() };
        let said = DirectoryServiceClient::new(channel).get_device_challenge(asked).await;
        assert!(said.is_err(), "another authority's certificate opens nothing");
    }
    server.stop().await;
    town.end().await;
}
