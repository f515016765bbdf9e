//! What somebody may do is changed through one server, and holds on the others.

use std::time::Duration;

use ed25519_dalek::{Signer as _, SigningKey};
use futures_util::future::join_all;
use qinlian::kernel::{CentreId, DeviceId};
use qinlian::proto::directory_service_client::DirectoryServiceClient;
use qinlian::proto::{
    EnrolDeviceRequest, GetDeviceChallengeRequest, GetDeviceTokenRequest, GetTerminalConfigRequest,
    GrantRoleRequest, ListRoleGrantsRequest, ListWindowsRequest, RevokeDeviceRequest, RevokeRoleRequest,
    Role, RoleGrant, RotateDeviceKeyRequest, role_grant,
};
use qinlian::registers::directory::proof;
use tonic::Code;
use tonic::transport::Channel;

use super::{PROCESSES, end};
use crate::rigs::clients::{new_code, new_id};
use crate::rigs::load::{Answer, Load, reason, signed};
use crate::rigs::server::Server;
use crate::rigs::town::{HALL, Town};

/// How long a process may go by what was so before another process changed it.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);
/// A terminal of its own.
const GATE: &str = "gate-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_granted_revoked_or_changed_through_one_server_is_so_on_the_others() {
    let Some(town) = Town::on_postgres(PROCESSES).await else { return };
    let servers = join_all((0..PROCESSES).map(|process| town.serve(process))).await;
    let ways = join_all(servers.iter().map(Server::connect)).await;
    grants_are_revoked(&town, &ways).await;
    a_grant_is_made(&town, &ways).await;
    a_terminal_changes_its_key_and_is_stolen(&town, &ways).await;
    drop(ways);
    end(town, servers).await;
}

async fn grants_are_revoked(town: &Town, ways: &[Channel]) {
    let load = Load::new(town, 14);
    let manager = town.token("system:manager");
    for way in ways {
        assert_eq!(list_windows(way, &manager).await, Code::Ok);
        let answer = load.send(way, load.happen_at(0)).await;
        assert!(matches!(answer, Answer::Acknowledged(_)), "{answer:?}");
    }
    revoke(town, &ways[0], "system:manager").await;
    revoke(town, &ways[0], "device:t0").await;
    // A write looks at its grant once more under the log's lock: nothing is written any more, from now on.
    for way in ways {
        let answer = load.send(way, load.happen_at(0)).await;
        assert!(matches!(&answer, Answer::Refused(why) if why.starts_with("PermissionDenied")), "{answer:?}");
    }
    // A read looks at what its process knows.
    become_so(ways, "a revoked grant", async |way| list_windows(way, &manager).await, Code::PermissionDenied)
        .await;
}

async fn a_grant_is_made(town: &Town, ways: &[Channel]) {
    let newcomer = town.token("system:newcomer");
    for way in ways {
        assert_eq!(list_windows(way, &newcomer).await, Code::PermissionDenied);
    }
    let request = GrantRoleRequest {
        centre: HALL.to_owned(),
        request_id: new_id(),
        role_grant: Some(RoleGrant {
            holder: Some(role_grant::Holder::Subject("system:newcomer".to_owned())),
            role: Role::DutyManager.into(),
            ..RoleGrant::default()
        }),
        ..GrantRoleRequest::default()
    };
    let administrator = town.token(&town.administrator);
    DirectoryServiceClient::new(ways[0].clone())
        .grant_role(signed(request, &administrator))
        .await
        .expect("granted");
    become_so(ways, "a new grant", async |way| list_windows(way, &newcomer).await, Code::Ok).await;
}

async fn a_terminal_changes_its_key_and_is_stolen(town: &Town, ways: &[Channel]) {
    let (old, new) = (SigningKey::from_bytes(&[11; 32]), SigningKey::from_bytes(&[12; 32]));
    enrol(town, &ways[0], &old).await;
    // A process that has not heard of the key yet proves nothing by it.
    become_so(ways, "an enrolment", async |way| proves(way, &old).await, Code::Ok).await;
    let by_old = token(&ways[0], &old).await.expect("a token");
    for way in ways {
        assert_eq!(configured(way, &by_old).await, Code::Ok);
        assert_eq!(proves(way, &new).await, Code::Unauthenticated);
    }

    let message = proof::rotation(&hall(), &gate(), new.verifying_key().as_bytes());
    let request = RotateDeviceKeyRequest {
        centre: HALL.to_owned(),
        request_id: new_id(),
        device: GATE.to_owned(),
        public_key: new.verifying_key().to_bytes().to_vec(),
        signature: sign(&old, &message),
        new_signature: sign(&new, &message),
        ..RotateDeviceKeyRequest::default()
    };
    DirectoryServiceClient::new(ways[0].clone())
        .rotate_device_key(signed(request, &by_old))
        .await
        .expect("another key");
    become_so(
        ways,
        "the old key's token",
        async |way| configured(way, &by_old).await,
        Code::PermissionDenied,
    )
    .await;
    become_so(ways, "the old key", async |way| proves(way, &old).await, Code::Unauthenticated).await;
    become_so(ways, "the new key", async |way| proves(way, &new).await, Code::Ok).await;
    let by_new = token(&ways[0], &new).await.expect("a token");
    for way in ways {
        assert_eq!(configured(way, &by_new).await, Code::Ok);
    }

    let request = RevokeDeviceRequest {
        centre: HALL.to_owned(),
        request_id: new_id(),
        device: GATE.to_owned(),
        reason: "终端被盗".to_owned(),
        ..RevokeDeviceRequest::default()
    };
    let administrator = town.token(&town.administrator);
    DirectoryServiceClient::new(ways[0].clone())
        .revoke_device(signed(request, &administrator))
        .await
        .expect("revoked");
    become_so(ways, "a stolen terminal", async |way| configured(way, &by_new).await, Code::PermissionDenied)
        .await;
    become_so(ways, "its key", async |way| proves(way, &new).await, Code::Unauthenticated).await;
}

/// Every process answers so before long, and from then on.
async fn become_so(ways: &[Channel], what: &str, ask: impl AsyncFn(&Channel) -> Code, expected: Code) {
    let since = tokio::time::Instant::now();
    for (process, way) in ways.iter().enumerate() {
        loop {
            let answer = ask(way).await;
            if answer == expected {
                break;
            }
            assert!(since.elapsed() < KNOWN_WITHIN, "{what} through process {process}: still {answer:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(ask(way).await, expected, "{what} through process {process}, once more");
    }
}

fn hall() -> CentreId {
    CentreId::parse(HALL).expect("a code")
}

fn gate() -> DeviceId {
    DeviceId::parse(GATE).expect("a code")
}

fn sign(key: &SigningKey, message: &[u8]) -> Vec<u8> {
    key.sign(message).to_bytes().to_vec()
}

async fn enrol(town: &Town, way: &Channel, key: &SigningKey) {
    let code = new_code(town, way.clone(), GATE).await;
    let public_key = key.verifying_key().to_bytes();
    let typed = proof::Code::parse(&code).expect("a code");
    let request = EnrolDeviceRequest {
        centre: HALL.to_owned(),
        request_id: new_id(),
        device: GATE.to_owned(),
        signature: sign(key, &proof::enrolment(&hall(), &gate(), &typed, &public_key)),
        public_key: public_key.to_vec(),
        code,
        ..EnrolDeviceRequest::default()
    };
    DirectoryServiceClient::new(way.clone()).enrol_device(request).await.expect("enrolled");
}

/// A token for the terminal by a key, or what is said instead.
async fn token(way: &Channel, key: &SigningKey) -> Result<String, Code> {
    let (centre, device) = (HALL.to_owned(), GATE.to_owned());
    let mut client = DirectoryServiceClient::new(way.clone());
    let asked = GetDeviceChallengeRequest { centre: centre.clone(), device: device.clone() };
    let challenge = client.get_device_challenge(asked).await.expect("a challenge").into_inner().challenge;
    let signature = sign(key, &proof::token_request(&hall(), &gate(), &challenge));
    let request = GetDeviceTokenRequest { centre, device, challenge, signature };
    match client.get_device_token(request).await {
        Ok(answer) => Ok(format!("Bearer {}", answer.into_inner().token)),
        Err(status) => {
            assert_eq!(reason(&status), "NOT_PROVEN");
            Err(status.code())
        }
    }
}

/// Does a process give a token for this key?
async fn proves(way: &Channel, key: &SigningKey) -> Code {
    token(way, key).await.err().unwrap_or(Code::Ok)
}

/// Does a process let the terminal in with this token?
async fn configured(way: &Channel, token: &str) -> Code {
    let request = GetTerminalConfigRequest {
        centre: HALL.to_owned(),
        device: GATE.to_owned(),
        ..GetTerminalConfigRequest::default()
    };
    match DirectoryServiceClient::new(way.clone()).get_terminal_config(signed(request, token)).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

async fn list_windows(way: &Channel, token: &str) -> Code {
    let request = ListWindowsRequest { centre: HALL.to_owned(), ..ListWindowsRequest::default() };
    match DirectoryServiceClient::new(way.clone()).list_windows(signed(request, token)).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

/// Revokes what a subject holds in the hall.
async fn revoke(town: &Town, way: &Channel, subject: &str) {
    let administrator = town.token(&town.administrator);
    let mut client = DirectoryServiceClient::new(way.clone());
    let all = ListRoleGrantsRequest { centre: HALL.to_owned(), ..ListRoleGrantsRequest::default() };
    let grants = client.list_role_grants(signed(all, &administrator)).await.expect("grants").into_inner();
    let holder = Some(role_grant::Holder::Subject(subject.to_owned()));
    let grant = grants.role_grants.into_iter().find(|grant| grant.holder == holder).expect("its grant").grant;
    let request = RevokeRoleRequest {
        centre: HALL.to_owned(),
        request_id: new_id(),
        grant,
        reason: "调离".to_owned(),
        ..RevokeRoleRequest::default()
    };
    client.revoke_role(signed(request, &administrator)).await.expect("revoked");
}
