//! Terminals let in: codes, enrolment, keys, challenges and tokens (docs/terminals.md).
//!
//! Three of these calls are made by nobody yet. They answer the same whatever was wrong, as long as no code or key was
//! shown, and nothing is submitted before one was.

use super::Calls;
use crate::access::{Caller, KeyThumbprint, LocalIssuer, Visitor};
use crate::clock::random;
use crate::kernel::{CentreId, Check, DeviceId, EpochMs, Label, LogId, RequestId, Said, Words};
use crate::ledger::committer::Lane;
use crate::ledger::signature;
use crate::proto::*;
use crate::registers::desk::{Place, Written};
use crate::registers::directory::fact::{Command, Noun, Record, hex};
use crate::registers::directory::proof::{self, Code};
use crate::registers::directory::view::is_signed;
use crate::registers::directory::{parse, terminal};
use crate::registers::failure::Failure;
use crate::registers::rulebook::server;
use crate::registers::wire;

/// What terminals are given and told.
#[derive(Debug)]
pub struct Terminals {
    issuer: LocalIssuer,
    pub(super) token_s: u32,
}

impl Terminals {
    /// With the issuer of the deployment's own tokens, and how many seconds a terminal's token holds.
    pub fn new(issuer: LocalIssuer, token_s: u32) -> Self {
        Self { issuer, token_s }
    }
}

/// Where, which request, which device: what every one of these writes begins with.
struct Head {
    centre: CentreId,
    request_id: RequestId,
    device: DeviceId,
    view: ReceiptView,
}

/// Parses what a write begins with, and with the same `check` the rest.
fn parsed<T>(
    (centre, request_id, device, view): (&str, &str, &str, i32),
    rest: impl FnOnce(&mut Check) -> Option<T>,
) -> Result<(Head, T), Failure> {
    let mut check = Check::new();
    let centre = wire::centre(&mut check, centre);
    let request_id = wire::request_id(&mut check, request_id);
    let device = check.take("device", DeviceId::parse(device));
    let rest = rest(&mut check);
    check.done()?;
    match (centre, request_id, device, rest) {
        (Some(centre), Some(request_id), Some(device), Some(rest)) => {
            Ok((Head { centre, request_id, device, view: wire::view(view) }, rest))
        }
        _ => Err(Failure::Fault("PARSE")),
    }
}

/// Refuses a signature that is not there, as a field.
fn length(check: &mut Check, field: &str, signature: &[u8]) -> Option<()> {
    let good = signature.len() == 64;
    if !good {
        check.refuse(
            field,
            "NOT_A_SIGNATURE",
            Said::new("应为 64 字节的签名", "is not a signature of 64 bytes"),
        );
    }
    good.then_some(())
}

fn not_signed(field: &str) -> Failure {
    let mut check = Check::new();
    check.refuse(
        field,
        "NOT_SIGNED",
        Said::new("签名与公钥不符", "is not the key's signature over these bytes"),
    );
    check.done().err().map_or(Failure::Fault("PARSE"), Failure::Invalid)
}

impl Calls {
    /// `CreateEnrolmentCode`.
    pub async fn create_enrolment_code(
        &self,
        caller: &Caller,
        request: CreateEnrolmentCodeRequest,
    ) -> Result<CreateEnrolmentCodeResponse, Failure> {
        let named = (&*request.centre, &*request.request_id, &*request.device, request.receipt_view);
        let (head, ()) = parsed(named, |_| Some(()))?;
        let place = self.desk.enter(caller, &head.centre).await?;
        let (code, code_hmac) = self.code(&head);
        let command = terminal::Command::Code { device: head.device.clone(), code_hmac };
        let written = self.terminal_write(&place, &head, command).await?;
        Ok(CreateEnrolmentCodeResponse {
            receipt: Some(written.receipt(&head.centre)),
            code: code.shown(),
            expires_at: until(&written),
        })
    }

    /// `EnrolDevice`. Made by nobody yet: the code and the key's signature are what it proves itself with.
    pub async fn enrol_device(
        &self,
        _visitor: &Visitor,
        request: EnrolDeviceRequest,
    ) -> Result<EnrolDeviceResponse, Failure> {
        let named = (&*request.centre, &*request.request_id, &*request.device, request.receipt_view);
        let (head, (code, key)) = parsed(named, |check| {
            let code = check.take("code", Code::parse(&request.code));
            let key = parse::key(check, "public_key", &request.public_key);
            length(check, "signature", &request.signature)?;
            code.zip(key)
        })?;
        let message = proof::enrolment(&head.centre, &head.device, &code, &key);
        if !is_signed(&key, &message, &request.signature) {
            return Err(not_signed("signature"));
        }
        let code_hmac = code.hmac(self.desk.registers().keys(), &head.centre, &head.device);
        // Whoever never had a code of this device does not get as far as the log.
        let (log, own) = self.desk.unproven(&head.centre).await?.ok_or(Failure::NotProven)?;
        let known = own.get(Noun::EnrolmentCode, &hex(&code_hmac)).is_some();
        if !known {
            return Err(Failure::NotProven);
        }
        let command = Command::Terminal(terminal::Command::Enrol { device: head.device, code_hmac, key });
        let author = server("enrolment");
        let submitted = self.desk.submit(log, head.request_id, author, command.into(), Lane::Live, head.view);
        let written = submitted.await?;
        Ok(EnrolDeviceResponse {
            receipt: Some(written.receipt(&head.centre)),
            device: device(&written),
            verifier_keys: self.verifier_keys(log).await?,
        })
    }

    /// `RotateDeviceKey`.
    pub async fn rotate_device_key(
        &self,
        caller: &Caller,
        request: RotateDeviceKeyRequest,
    ) -> Result<RotateDeviceKeyResponse, Failure> {
        let named = (&*request.centre, &*request.request_id, &*request.device, request.receipt_view);
        let (head, key) = parsed(named, |check| {
            let key = parse::key(check, "public_key", &request.public_key);
            let present = length(check, "signature", &request.signature);
            let new = length(check, "new_signature", &request.new_signature);
            present.and(new).and(key)
        })?;
        let place = self.desk.enter_to_read(caller, &head.centre).await?;
        place.pass.device(&head.device)?;
        let message = proof::rotation(&head.centre, &head.device, &key);
        if !is_signed(&key, &message, &request.new_signature) {
            return Err(not_signed("new_signature"));
        }
        let present = place.own.device(head.device.as_str()).map(|device| device.public_key.clone());
        // The answer to the first attempt was lost: the present key is the new one, and the log knows the request.
        let again = present.as_deref() == Some(key.as_slice());
        if !again && !present.is_some_and(|present| is_signed(&present, &message, &request.signature)) {
            return Err(not_signed("signature"));
        }
        let command = terminal::Command::RotateKey { device: head.device.clone(), key };
        let written = self.terminal_write(&place, &head, command).await?;
        Ok(RotateDeviceKeyResponse { receipt: Some(written.receipt(&head.centre)), device: device(&written) })
    }

    /// `RevokeDevice`.
    pub async fn revoke_device(
        &self,
        caller: &Caller,
        request: RevokeDeviceRequest,
    ) -> Result<RevokeDeviceResponse, Failure> {
        let named = (&*request.centre, &*request.request_id, &*request.device, request.receipt_view);
        let (head, reason) = parsed(named, |check| check.take("reason", Words::parse(&request.reason)))?;
        let place = self.desk.enter(caller, &head.centre).await?;
        let command = terminal::Command::Revoke { device: head.device.clone(), reason };
        let written = self.terminal_write(&place, &head, command).await?;
        Ok(RevokeDeviceResponse { receipt: Some(written.receipt(&head.centre)), device: device(&written) })
    }

    /// `ReplaceDevice`.
    pub async fn replace_device(
        &self,
        caller: &Caller,
        request: ReplaceDeviceRequest,
    ) -> Result<ReplaceDeviceResponse, Failure> {
        let named = (&*request.centre, &*request.request_id, &*request.device, request.receipt_view);
        let (head, (serial, reason)) = parsed(named, |check| {
            let serial = check.take("serial", Label::parse(&request.serial));
            serial.zip(check.take("reason", Words::parse(&request.reason)))
        })?;
        let place = self.desk.enter(caller, &head.centre).await?;
        let (code, code_hmac) = self.code(&head);
        let device_code = head.device.clone();
        let command = terminal::Command::Replace { device: device_code, serial, code_hmac, reason };
        let written = self.terminal_write(&place, &head, command).await?;
        Ok(ReplaceDeviceResponse {
            receipt: Some(written.receipt(&head.centre)),
            device: device(&written),
            code: code.shown(),
            expires_at: until(&written),
        })
    }

    /// `GetDeviceChallenge`. The same whether there is such a device or not.
    #[expect(clippy::unused_async, reason = "a call like every other: nothing has to be looked up for it")]
    pub async fn get_device_challenge(
        &self,
        _visitor: &Visitor,
        request: GetDeviceChallengeRequest,
    ) -> Result<GetDeviceChallengeResponse, Failure> {
        let (centre, device) = place_of(&request.centre, &request.device)?;
        let now = self.desk.now();
        let random = random(&**self.desk.ledger().clock());
        let keys = self.desk.registers().keys();
        let expires = EpochMs::clamped(now.get().saturating_add(proof::CHALLENGE_MS));
        Ok(GetDeviceChallengeResponse {
            challenge: proof::challenge(keys, &centre, &device, now, random),
            expires_at: Some(wire::timestamp(expires)),
        })
    }

    /// `GetDeviceToken`. Over a connection with a certificate the token is bound to that.
    pub async fn get_device_token(
        &self,
        visitor: &Visitor,
        request: GetDeviceTokenRequest,
    ) -> Result<GetDeviceTokenResponse, Failure> {
        let (centre, device) = place_of(&request.centre, &request.device)?;
        let (keys, now) = (self.desk.registers().keys(), self.desk.now());
        if !proof::is_challenge(keys, &centre, &device, now, &request.challenge) {
            return Err(Failure::NotProven);
        }
        let (_, own) = self.desk.unproven(&centre).await?.ok_or(Failure::NotProven)?;
        let known = own.device(device.as_str()).filter(|known| !known.revoked && !known.retired);
        let key = known.map(|known| known.public_key.as_slice()).ok_or(Failure::NotProven)?;
        if !is_signed(key, &proof::token_request(&centre, &device, &request.challenge), &request.signature) {
            return Err(Failure::NotProven);
        }
        let ttl_s = self.terminals.token_s;
        let (issuer, key) = (&self.terminals.issuer, KeyThumbprint::of(key));
        let token = issuer.device_token(&device, &key, visitor.certificate(), now, ttl_s);
        let expires = EpochMs::clamped((now.get() / 1_000 + i64::from(ttl_s)) * 1_000);
        Ok(GetDeviceTokenResponse {
            token,
            expires_at: Some(wire::timestamp(expires)),
            server_time: Some(wire::timestamp(now)),
        })
    }

    /// The verifier keys of a centre's log and of the deployment's.
    pub(super) async fn verifier_keys(&self, log: LogId) -> Result<Vec<String>, Failure> {
        let mut lines = Vec::new();
        for log in [log, LogId::DEPLOYMENT] {
            let (_, epoch) = self.desk.ledger().reader().head(log).await?;
            let key = signature::verifier_key(self.desk.registers().keys(), &epoch.origin);
            lines.extend(key.map(|key| key.to_string()));
        }
        Ok(lines)
    }

    fn code(&self, head: &Head) -> (Code, [u8; 32]) {
        let keys = self.desk.registers().keys();
        let code = Code::of_request(keys, &head.centre, &head.device, head.request_id);
        let hmac = code.hmac(keys, &head.centre, &head.device);
        (code, hmac)
    }

    async fn terminal_write(
        &self,
        place: &Place,
        head: &Head,
        command: terminal::Command,
    ) -> Result<Written, Failure> {
        self.desk.write(place, head.request_id, Command::Terminal(command), Lane::Live, head.view).await
    }
}

fn place_of(centre: &str, device: &str) -> Result<(CentreId, DeviceId), Failure> {
    let mut check = Check::new();
    let centre = wire::centre(&mut check, centre);
    let device = check.take("device", DeviceId::parse(device));
    check.done()?;
    centre.zip(device).ok_or(Failure::Fault("PARSE"))
}

/// The device as an entry left it.
fn device(written: &Written) -> Option<Device> {
    written.facts.iter().find_map(|fact| {
        if let Record::Device(device) = Record::from_fact(fact)? { Some(device) } else { None }
    })
}

/// Until when an entry's new code holds.
fn until(written: &Written) -> Option<prost_types::Timestamp> {
    let mut codes = written.facts.iter().filter_map(|fact| {
        if let Record::EnrolmentCode(code) = Record::from_fact(fact)? { Some(code) } else { None }
    });
    codes.find(|code| !code.ended)?.until
}
