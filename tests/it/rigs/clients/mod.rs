//! Clients that others write: the programs of `docs/clients` against the real server.
//!
//! Where what they need is missing the tests say so aloud; in CI they fail.

mod java;
mod python;
mod web;

use qinlian::clock::{SystemClock, random};
use qinlian::kernel::RequestId;
use qinlian::proto::directory_service_client::DirectoryServiceClient;
use qinlian::proto::{CreateEnrolmentCodeRequest, Device, PutDeviceRequest, device};
use tonic::Request;
use tonic::transport::Channel;

use super::town::{HALL, Town};
use crate::support::{in_ci, say_aloud};

/// These packages are not there.
fn missing(packages: &str) {
    assert!(!in_ci(), "{packages} are needed for docs/clients");
    say_aloud(&format!("SKIPPED: a program of docs/clients needs {packages}"));
}

/// Puts a terminal, and makes a code for it, as an administrator does.
pub(crate) async fn new_code(town: &Town, channel: Channel, device: &str) -> String {
    let mut directory = DirectoryServiceClient::new(channel);
    let token = town.token(&town.administrator);
    let device = device.to_owned();
    let put = PutDeviceRequest {
        centre: HALL.to_owned(),
        request_id: new_id(),
        device: Some(Device {
            device: device.clone(),
            kind: device::Kind::ClockTerminal.into(),
            ..Device::default()
        }),
        ..PutDeviceRequest::default()
    };
    directory.put_device(bearing(&token, put)).await.expect("a device");
    let create = CreateEnrolmentCodeRequest {
        centre: HALL.to_owned(),
        request_id: new_id(),
        device,
        ..CreateEnrolmentCodeRequest::default()
    };
    directory.create_enrolment_code(bearing(&token, create)).await.expect("a code").into_inner().code
}

/// An id for a request.
pub(crate) fn new_id() -> String {
    RequestId::random(random(&SystemClock::new())).to_string()
}

pub(crate) fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", token.parse().expect("a token"));
    request
}
