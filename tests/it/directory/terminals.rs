//! A terminal's life: a code, a key, tokens, another key, a theft, another machine; and what it keeps.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use qinlian::access::{Caller, CertificateThumbprint, KeyThumbprint, Visitor};
use qinlian::clock::MockClock;
use qinlian::kernel::{CentreId, DeviceId, RequestId, Subject};
use qinlian::proto::*;
use qinlian::registers::directory::fact::Record;
use qinlian::registers::directory::proof::{self, Code};
use qinlian::registers::directory::service::Calls;
use qinlian::registers::failure::Failure;

use crate::support::clock;
use crate::support::office::{HALL, Office, keys};
use crate::support::store::each;

const GATE: &str = "gate-1";

/// A desk with one clock terminal, and the calls.
struct Bench {
    office: Office,
    calls: Calls,
}

impl Bench {
    async fn open(fixture: &crate::support::store::Fixture, clock: &std::sync::Arc<MockClock>) -> Self {
        let office = Office::begin(&fixture.store, clock).await;
        let calls = office.directory_calls();
        let bench = Self { office, calls };
        bench.put_device(GATE, device::Kind::ClockTerminal).await;
        bench
    }

    async fn put_device(&self, code: &str, kind: device::Kind) {
        let record = Device { device: code.to_owned(), kind: kind.into(), ..Device::default() };
        self.office.put(self.office.hall, Record::Device(record)).await.expect("a device");
    }

    fn administrator(&self, method: &str) -> Caller {
        self.office.administrator(method)
    }

    /// The terminal calling a method, with a token that it got by a key.
    fn terminal(&self, method: &str, key: Option<&SigningKey>) -> Caller {
        let subject = Subject::parse(&format!("device:{GATE}")).expect("a subject");
        let caller = self.office.caller(&subject, &format!("qinlian.v1.DirectoryService/{method}"));
        caller.holding(key.map(|key| KeyThumbprint::of(key.verifying_key().as_bytes())))
    }

    fn visitor() -> Visitor {
        let rules = qinlian::access::Rules::ours().expect("rules");
        let rule = rules.find("/qinlian.v1.DirectoryService/EnrolDevice").expect("a rule");
        Visitor::new(std::sync::Arc::clone(rule), "test")
    }

    async fn code(&self, device: &str) -> Result<String, Failure> {
        let request = CreateEnrolmentCodeRequest {
            centre: HALL.to_owned(),
            request_id: self.office.request_id().to_string(),
            device: device.to_owned(),
            ..Default::default()
        };
        let caller = self.administrator("CreateEnrolmentCode");
        self.calls.create_enrolment_code(&caller, request).await.map(|answer| answer.code)
    }

    async fn enrol(&self, request: EnrolDeviceRequest) -> Result<EnrolDeviceResponse, Failure> {
        self.calls.enrol_device(&Self::visitor(), request).await
    }

    /// The terminal enrols with a new code and this key; its journal begins there.
    async fn enrolled(&self, key: &SigningKey) -> Device {
        let code = self.code(GATE).await.expect("a code");
        let request = enrolment(self.office.request_id(), GATE, &code, key);
        self.enrol(request).await.expect("enrolled").device.expect("the device")
    }

    async fn token(&self, key: &SigningKey) -> Result<GetDeviceTokenResponse, Failure> {
        self.token_over(key, None).await
    }

    /// The same over a connection with a certificate.
    async fn token_over(
        &self,
        key: &SigningKey,
        certificate: Option<CertificateThumbprint>,
    ) -> Result<GetDeviceTokenResponse, Failure> {
        let (centre, device) = (HALL.to_owned(), GATE.to_owned());
        let asked = GetDeviceChallengeRequest { centre: centre.clone(), device: device.clone() };
        let challenge = self.calls.get_device_challenge(&Self::visitor(), asked).await?.challenge;
        let signature = sign(key, &proof::token_request(&hall(), &gate(), &challenge));
        let request = GetDeviceTokenRequest { centre, device, challenge, signature };
        self.calls.get_device_token(&Self::visitor().with_certificate(certificate), request).await
    }

    /// May the terminal read its configuration with a token got by this key?
    async fn lets_in(&self, key: Option<&SigningKey>) -> bool {
        let request = GetTerminalConfigRequest {
            centre: HALL.to_owned(),
            device: GATE.to_owned(),
            ..Default::default()
        };
        let caller = self.terminal("GetTerminalConfig", key);
        match self.calls.get_terminal_config(&caller, request).await {
            Ok(_) => true,
            Err(Failure::Denied(_)) => false,
            Err(other) => panic!("{other:?}"),
        }
    }
}

fn hall() -> CentreId {
    CentreId::parse(HALL).expect("a code")
}

fn gate() -> DeviceId {
    DeviceId::parse(GATE).expect("a code")
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn sign(key: &SigningKey, message: &[u8]) -> Vec<u8> {
    key.sign(message).to_bytes().to_vec()
}

/// What a token says.
fn claims_of(token: &str) -> serde_json::Value {
    let claims = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON")
}

fn enrolment(id: RequestId, device: &str, code: &str, key: &SigningKey) -> EnrolDeviceRequest {
    let public_key = key.verifying_key().to_bytes();
    let typed = Code::parse(code).expect("a code");
    let device_id = DeviceId::parse(device).expect("a device");
    EnrolDeviceRequest {
        centre: HALL.to_owned(),
        request_id: id.to_string(),
        device: device.to_owned(),
        code: code.to_owned(),
        public_key: public_key.to_vec(),
        signature: sign(key, &proof::enrolment(&hall(), &device_id, &typed, &public_key)),
        ..Default::default()
    }
}

fn reason(failure: &Failure) -> &str {
    match failure {
        Failure::Refused(reason) => reason.code(),
        Failure::NotProven => "NOT_PROVEN",
        Failure::Denied(denied) => denied.why.code(),
        Failure::Invalid(violations) => violations.0[0].reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_terminal_enrols_gets_tokens_changes_its_key_is_stolen_and_comes_back() {
    each(async |fixture| {
        let bench = Bench::open(fixture, &clock(71)).await;
        let (first, second, third) = (key(1), key(2), key(3));
        assert_eq!(reason(&bench.token(&first).await.unwrap_err()), "NOT_PROVEN", "it has no key yet");

        let device = bench.enrolled(&first).await;
        let journal = device.journal;
        assert!(journal > 0 && !device.revoked);
        assert_eq!(device.public_key, first.verifying_key().to_bytes());
        let token = bench.token(&first).await.expect("a token");
        let held_s = token.expires_at.unwrap().seconds - token.server_time.unwrap().seconds;
        assert_eq!((held_s, token.token.split('.').count()), (900, 3));
        let certificate = CertificateThumbprint::of(b"in DER");
        let bound = bench.token_over(&first, Some(certificate)).await.expect("a token").token;
        for (token, expected) in [(&token.token, None), (&bound, Some(certificate.spelled()))] {
            let confirmation = claims_of(token)["cnf"].clone();
            assert!(confirmation["jkt"].is_string(), "{confirmation}");
            assert_eq!(confirmation["x5t#S256"].as_str(), expected.as_deref(), "{confirmation}");
        }
        assert!(bench.lets_in(Some(&first)).await, "the code brought the role with it");
        assert!(!bench.lets_in(Some(&second)).await, "another key's token");

        // Another key: the old one and its tokens are out at once, and the journal goes on.
        let message = proof::rotation(&hall(), &gate(), second.verifying_key().as_bytes());
        let rotate = RotateDeviceKeyRequest {
            centre: HALL.to_owned(),
            request_id: bench.office.request_id().to_string(),
            device: GATE.to_owned(),
            public_key: second.verifying_key().to_bytes().to_vec(),
            signature: sign(&first, &message),
            new_signature: sign(&second, &message),
            ..Default::default()
        };
        for (case, wrong, expected) in [
            (
                "not signed by the present key",
                RotateDeviceKeyRequest { signature: sign(&third, &message), ..rotate.clone() },
                "NOT_SIGNED",
            ),
            (
                "not signed by the new key",
                RotateDeviceKeyRequest { new_signature: sign(&first, &message), ..rotate.clone() },
                "NOT_SIGNED",
            ),
            (
                "no signature",
                RotateDeviceKeyRequest { signature: Vec::new(), ..rotate.clone() },
                "NOT_A_SIGNATURE",
            ),
            ("no key", RotateDeviceKeyRequest { public_key: vec![0; 32], ..rotate.clone() }, "NOT_A_KEY"),
        ] {
            let caller = bench.terminal("RotateDeviceKey", Some(&first));
            let refused = bench.calls.rotate_device_key(&caller, wrong).await.expect_err(case);
            assert_eq!(reason(&refused), expected, "{case}");
        }
        let caller = bench.terminal("RotateDeviceKey", Some(&first));
        let rotated = bench.calls.rotate_device_key(&caller, rotate.clone()).await.expect("rotated");
        assert_eq!(rotated.device.as_ref().map(|device| device.journal), Some(journal));
        assert_eq!(reason(&bench.token(&first).await.unwrap_err()), "NOT_PROVEN");
        assert!(bench.token(&second).await.is_ok());
        assert!(!bench.lets_in(Some(&first)).await && bench.lets_in(Some(&second)).await);
        // The answer was lost; the terminal comes back with its new key and the same request.
        let caller = bench.terminal("RotateDeviceKey", Some(&second));
        let again = bench.calls.rotate_device_key(&caller, rotate).await.expect("the same receipt");
        assert_eq!(again.receipt, rotated.receipt);

        // Stolen: nothing more is taken from it, by whatever token.
        let revoke = RevokeDeviceRequest {
            centre: HALL.to_owned(),
            request_id: bench.office.request_id().to_string(),
            device: GATE.to_owned(),
            reason: "终端被盗".to_owned(),
            ..Default::default()
        };
        let caller = bench.administrator("RevokeDevice");
        assert!(bench.calls.revoke_device(&caller, revoke).await.expect("revoked").device.unwrap().revoked);
        assert_eq!(reason(&bench.token(&second).await.unwrap_err()), "NOT_PROVEN");
        assert!(!bench.lets_in(Some(&second)).await && !bench.lets_in(None).await);

        // Found, and enrolled again: another journal.
        let device = bench.enrolled(&third).await;
        assert!(device.journal > journal && !device.revoked);
        assert!(bench.lets_in(Some(&third)).await && !bench.lets_in(Some(&second)).await);
        bench.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_code_is_good_once_for_one_device_for_a_day() {
    each(async |fixture| {
        let time = clock(72);
        let bench = Bench::open(fixture, &time).await;
        bench.put_device("gate-2", device::Kind::WindowTerminal).await;
        bench.put_device("files", device::Kind::ImportSource).await;
        let id = || bench.office.request_id();
        assert_eq!(reason(&bench.code("files").await.unwrap_err()), "NOT_A_TERMINAL");
        assert_eq!(reason(&bench.code("gate-9").await.unwrap_err()), "UNKNOWN_REFERENCE");

        let early = bench.code(GATE).await.expect("a code");
        let code = bench.code(GATE).await.expect("a code");
        let other = bench.code("gate-2").await.expect("a code");
        let good = enrolment(id(), GATE, &code, &key(1));
        let unsigned = EnrolDeviceRequest { signature: vec![0; 64], ..good.clone() };
        let elsewhere = EnrolDeviceRequest { centre: "annex".to_owned(), ..good.clone() };
        for (case, request, expected) in [
            (
                "a code that another took the place of",
                enrolment(id(), GATE, &early, &key(1)),
                "CODE_NOT_GOOD",
            ),
            ("another device's code", enrolment(id(), GATE, &other, &key(1)), "NOT_PROVEN"),
            ("a code that nobody gave", enrolment(id(), GATE, "aaaa-bbbb-cccc", &key(1)), "NOT_PROVEN"),
            ("a device that nobody knows", enrolment(id(), "gate-9", &code, &key(1)), "NOT_PROVEN"),
            ("a key that was not shown", unsigned, "NOT_SIGNED"),
            ("a centre that nobody knows: the signature is for another", elsewhere, "NOT_SIGNED"),
        ] {
            assert_eq!(reason(&bench.enrol(request).await.expect_err(case)), expected, "{case}");
        }
        let enrolled = bench.enrol(good.clone()).await.expect("enrolled");
        assert_eq!(enrolled.verifier_keys.len(), 2, "its centre's log and the deployment's");
        // The answer was lost: the same again, and nothing new. Otherwise the code is used up.
        assert_eq!(bench.enrol(good).await.expect("the same").receipt, enrolled.receipt);
        let second = enrolment(id(), GATE, &code, &key(4));
        assert_eq!(reason(&bench.enrol(second).await.unwrap_err()), "CODE_NOT_GOOD");
        let cloned = enrolment(id(), "gate-2", &other, &key(1));
        assert_eq!(reason(&bench.enrol(cloned).await.unwrap_err()), "KEY_TAKEN");

        let late = enrolment(id(), "gate-2", &other, &key(2));
        time.advance_ms(24 * 60 * 60 * 1_000);
        assert_eq!(reason(&bench.enrol(late).await.unwrap_err()), "CODE_NOT_GOOD");
        bench.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_same_request_gives_the_same_code_and_only_its_hash_is_kept() {
    each(async |fixture| {
        let bench = Bench::open(fixture, &clock(73)).await;
        let request = CreateEnrolmentCodeRequest {
            centre: HALL.to_owned(),
            request_id: bench.office.request_id().to_string(),
            device: GATE.to_owned(),
            ..Default::default()
        };
        let caller = bench.administrator("CreateEnrolmentCode");
        let first = bench.calls.create_enrolment_code(&caller, request.clone()).await.expect("a code");
        let again = bench.calls.create_enrolment_code(&caller, request).await.expect("the code");
        assert_eq!(first, again);
        let other = bench.code(GATE).await.expect("another");
        assert_ne!(first.code, other);
        let own = bench.office.desk.directory(bench.office.hall).await.expect("a directory");
        let kept: Vec<_> = own
            .list(qinlian::registers::directory::fact::Noun::EnrolmentCode, None)
            .map(|held| held.record.code())
            .collect();
        let hash = |code: &str| {
            let code = Code::parse(code).expect("a code");
            qinlian::registers::directory::fact::hex(&code.hmac(&keys(), &hall(), &gate()))
        };
        assert_eq!(kept, [hash(&first.code), hash(&other)]);
        bench.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn another_machine_takes_a_terminals_place() {
    each(async |fixture| {
        let bench = Bench::open(fixture, &clock(74)).await;
        let before = bench.enrolled(&key(1)).await;
        let request = ReplaceDeviceRequest {
            centre: HALL.to_owned(),
            request_id: bench.office.request_id().to_string(),
            device: GATE.to_owned(),
            serial: "SN-0042".to_owned(),
            reason: "主板损坏".to_owned(),
            ..Default::default()
        };
        let caller = bench.administrator("ReplaceDevice");
        let replaced = bench.calls.replace_device(&caller, request).await.expect("replaced");
        assert!(!bench.lets_in(Some(&key(1))).await, "the old machine is out");
        let request = enrolment(bench.office.request_id(), GATE, &replaced.code, &key(2));
        let after = bench.enrol(request).await.expect("enrolled").device.expect("the device");
        assert_eq!((after.serial.as_str(), after.revoked), ("SN-0042", false));
        assert!(after.journal > before.journal);
        // A record put over it later keeps what enrolment made.
        bench.put_device(GATE, device::Kind::ClockTerminal).await;
        let own = bench.office.desk.directory(bench.office.hall).await.expect("a directory");
        let known = own.device(GATE).expect("the device");
        assert_eq!((known.journal, &known.public_key), (after.journal, &after.public_key));
        bench.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_terminal_keeps_who_works_here_and_names_only_on_record() {
    each(async |fixture| {
        let bench = Bench::open(fixture, &clock(75)).await;
        let gate_key = key(1);
        bench.enrolled(&gate_key).await;
        let (here, gone) = (person(&bench, "张三").await, person(&bench, "李四").await);
        let date = |year| Some(Date { year, month: 1, day: 1 });
        for (person_id, until) in [(&here, None), (&gone, date(2020))] {
            let record = Assignment {
                person_id: person_id.clone(),
                centre: HALL.to_owned(),
                from: date(2019),
                until,
                ..Assignment::default()
            };
            bench.office.put(bench.office.hall, Record::Assignment(record)).await.expect("an assignment");
        }
        for (kind, value, person_id) in [
            (credential::Kind::Card, "A1", &here),
            (credential::Kind::Pin, "1234", &here),
            (credential::Kind::Card, "B2", &gone),
        ] {
            bind(&bench, person_id, kind, value).await;
        }
        let entries = async || {
            bench.office.desk.ledger().reader().head(bench.office.hall).await.expect("a head").0.size
        };
        let ask = async |etag: &str, reveal: Option<Reveal>| {
            let request = GetTerminalConfigRequest {
                centre: HALL.to_owned(),
                device: GATE.to_owned(),
                etag: etag.to_owned(),
                reveal,
            };
            let caller = bench.terminal("GetTerminalConfig", Some(&gate_key));
            bench.calls.get_terminal_config(&caller, request).await.expect("a configuration")
        };
        let reveal = || {
            Some(Reveal {
                purpose: reveal::Purpose::Attendance.into(), reason: "终端显示姓名".to_owned()
            })
        };
        let before = entries().await;
        let bare = ask("", None).await;
        let config = bare.config.expect("a configuration");
        assert!(config.redacted && bare.disclosure_index.is_none());
        assert_eq!((config.people.len(), config.people[0].name.as_str()), (1, ""));
        assert!(config.credentials.iter().all(|credential| credential.hash.is_empty()));
        let same = ask(&bare.etag, None).await;
        assert!(same.not_modified && same.config.is_none());
        assert_eq!(entries().await, before, "nothing personal was read");

        let full = ask(&bare.etag, reveal()).await;
        assert_eq!(full.disclosure_index, Some(before), "the entry after what was there before");
        let config = full.config.expect("a configuration");
        assert_eq!(
            (config.people[0].person_id.as_str(), config.people[0].name.as_str()),
            (here.as_str(), "张三")
        );
        assert_eq!(config.credentials.len(), 1, "never a PIN, and nobody who left: {:?}", config.credentials);
        assert_eq!(config.credentials[0].hash, hash(&config.salt, credential::Kind::Card, "A1"));
        assert_eq!(config.verifier_keys.len(), 2);
        assert_eq!(config.timezone, "Asia/Shanghai");
        let limits = config.limits.expect("limits");
        assert_eq!((limits.upload_items, limits.report_ms, limits.token_s), (1_000, 30_000, 900));

        // Nothing new: nothing is read, and nothing more on record.
        assert!(ask(&full.etag, reveal()).await.not_modified);
        assert_eq!(entries().await, before + 1);
        bind(&bench, &here, credential::Kind::Card, "A9").await;
        let newer = ask(&full.etag, reveal()).await;
        assert_ne!(newer.etag, full.etag);
        assert_eq!(newer.config.expect("a configuration").credentials.len(), 2);

        // Another device's configuration is not this one's to see.
        bench.put_device("gate-2", device::Kind::ClockTerminal).await;
        let request = GetTerminalConfigRequest {
            centre: HALL.to_owned(),
            device: "gate-2".to_owned(),
            ..Default::default()
        };
        let caller = bench.terminal("GetTerminalConfig", Some(&gate_key));
        let refused = bench.calls.get_terminal_config(&caller, request).await.expect_err("another device");
        assert_eq!(reason(&refused), "ANOTHER_DEVICE");
        bench.office.stop().await;
    })
    .await;
}

async fn person(bench: &Bench, name: &str) -> String {
    let request = PutPersonRequest {
        centre: "_".to_owned(),
        request_id: bench.office.request_id().to_string(),
        person: Some(Person {
            name: name.to_owned(),
            employment: person::Employment::CivilServant.into(),
            ..Person::default()
        }),
        ..PutPersonRequest::default()
    };
    let answer = bench.calls.put_person(&bench.administrator("PutPerson"), request).await.expect("a person");
    answer.person.expect("the person").person_id
}

async fn bind(bench: &Bench, person_id: &str, kind: credential::Kind, value: &str) {
    let request = PutCredentialBindingRequest {
        centre: HALL.to_owned(),
        request_id: bench.office.request_id().to_string(),
        credential_binding: Some(CredentialBinding {
            person_id: person_id.to_owned(),
            kind: kind.into(),
            value: value.to_owned(),
            from: Some(Date { year: 2020, month: 1, day: 1 }),
            ..CredentialBinding::default()
        }),
        ..PutCredentialBindingRequest::default()
    };
    let caller = bench.administrator("PutCredentialBinding");
    bench.calls.put_credential_binding(&caller, request).await.expect("a binding");
}

fn hash(salt: &[u8], kind: credential::Kind, value: &str) -> Vec<u8> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(salt).expect("a key");
    mac.update(&[u8::try_from(i32::from(kind)).expect("small")]);
    mac.update(value.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
