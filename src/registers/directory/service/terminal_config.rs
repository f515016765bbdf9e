//! `GetTerminalConfig`: what a terminal keeps to work through an outage.
//!
//! Who works here, which windows there are, what the terminal has to keep to. Names, and hashes by which it recognises
//! a credential, only under a [`Disclosure`](crate::ledger::disclosure::Disclosure), once per change.

use std::collections::HashMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use super::{Calls, rows};
use crate::access::Caller;
use crate::kernel::{Check, DeviceId, EpochDay, LogId, Pos, Said};
use crate::proto::terminal_config::{CredentialHash, Limits, Person};
use crate::proto::{
    DirectoryPersonal, GetTerminalConfigRequest, GetTerminalConfigResponse, TerminalConfig, credential,
};
use crate::registers::attendance::view::{UPLOAD_BYTES_MOST, UPLOAD_ITEMS_MOST};
use crate::registers::desk::{Place, Revealed};
use crate::registers::directory::fact::{Noun, Record, hex, opt_day};
use crate::registers::directory::proof;
use crate::registers::failure::Failure;
use crate::registers::wire;

/// A device reports every 30 s (architecture.md, "Devices").
const REPORT_MS: u32 = 30_000;
/// A terminal keeps what was acknowledged for 45 days (rule R3).
const JOURNAL_DAYS: u32 = 45;
/// An etag of ours has 64 letters.
const ETAG_BYTES_MAX: usize = 64;

/// A configuration without personal content, and where its personal content stands.
struct Bare {
    config: TerminalConfig,
    /// Where the names of its people were put, in the deployment's log.
    names: Vec<Pos>,
    /// Where the values of its credentials were put, in the centre's log.
    values: Vec<Pos>,
}

impl Calls {
    /// `GetTerminalConfig`.
    pub async fn get_terminal_config(
        &self,
        caller: &Caller,
        request: GetTerminalConfigRequest,
    ) -> Result<GetTerminalConfigResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let device = check.take("device", DeviceId::parse(&request.device));
        if request.etag.len() > ETAG_BYTES_MAX {
            check.refuse("etag", "NOT_AN_ETAG", Said::new("不是配置标记", "is not an etag of this call"));
        }
        let reveal = Revealed::parse(&mut check, request.reveal.as_ref());
        check.done()?;
        let (Some(centre), Some(device)) = (centre, device) else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk.enter_to_read(caller, &centre).await?;
        place.pass.device(&device)?;
        let bare = self.bare(&place, &device).await?;
        let etag = bare.etag(reveal.is_some());
        if request.etag == etag {
            let not_modified = true;
            return Ok(GetTerminalConfigResponse { etag, not_modified, ..Default::default() });
        }
        let (config, disclosure_index) = match reveal {
            None => (TerminalConfig { redacted: true, ..bare.config }, None),
            Some(reveal) => {
                let scope = format!("terminal/{device}");
                let disclosure = self.desk.disclose(caller, &place, &scope, &reveal).await?;
                let store = self.desk.store();
                let names = rows::reveal(store, &disclosure, LogId::DEPLOYMENT, &bare.names).await?;
                let values = rows::reveal(store, &disclosure, place.log, &bare.values).await?;
                (bare.with(&by_pos(names), &by_pos(values)), Some(disclosure.index()))
            }
        };
        Ok(GetTerminalConfigResponse { etag, not_modified: false, config: Some(config), disclosure_index })
    }

    async fn bare(&self, place: &Place, device: &DeviceId) -> Result<Bare, Failure> {
        let zone = place.deployment.zone(&place.centre).ok_or(Failure::Fault("ZONE"))?;
        let today = zone.day_of(self.desk.now());
        let known = place.own.device(device.as_str()).ok_or(Failure::NotFound("device"))?.clone();
        let salt = proof::salt(self.desk.registers().keys(), &place.centre, device, known.journal);
        let mut bare = Bare {
            config: TerminalConfig {
                device: Some(known),
                salt: salt.to_vec(),
                windows: windows(place),
                limits: Some(Limits {
                    upload_items: UPLOAD_ITEMS_MOST,
                    upload_bytes: UPLOAD_BYTES_MOST,
                    report_ms: REPORT_MS,
                    token_s: self.terminals.token_s,
                    journal_days: JOURNAL_DAYS,
                }),
                verifier_keys: self.verifier_keys(place.log).await?,
                timezone: zone.name().to_owned(),
                ..TerminalConfig::default()
            },
            names: Vec::new(),
            values: Vec::new(),
        };
        bare.add_people(place, today);
        bare.add_credentials(place, today);
        Ok(bare)
    }
}

impl Bare {
    /// People whose assignment here is not over.
    fn add_people(&mut self, place: &Place, today: EpochDay) {
        for held in place.own.list(Noun::Assignment, None) {
            let Record::Assignment(assignment) = &held.record else { continue };
            let over =
                assignment.retired || opt_day(assignment.until.as_ref()).is_some_and(|until| until < today);
            let person = place.deployment.get(Noun::Person, &assignment.person_id);
            let Some(person) = person.filter(|person| !over && !person.record.is_retired()) else { continue };
            self.names.push(person.put);
            self.config.people.push(Person {
                person_id: assignment.person_id.clone(),
                name: String::new(),
                department: assignment.department.clone(),
                windows: assignment.windows.clone(),
                from: assignment.from,
                until: assignment.until,
            });
        }
    }

    /// Their credentials, without hashes: those need the value.
    fn add_credentials(&mut self, place: &Place, today: EpochDay) {
        let here: std::collections::HashSet<&str> =
            self.config.people.iter().map(|person| person.person_id.as_str()).collect();
        let mut credentials = Vec::new();
        for held in place.own.list(Noun::CredentialBinding, None) {
            let Record::CredentialBinding(binding) = &held.record else { continue };
            let over = binding.retired || opt_day(binding.until.as_ref()).is_some_and(|until| until < today);
            let is_pin = binding.kind == i32::from(credential::Kind::Pin);
            if over || is_pin || !here.contains(binding.person_id.as_str()) {
                continue;
            }
            self.values.push(held.put);
            credentials.push(CredentialHash {
                person_id: binding.person_id.clone(),
                kind: binding.kind,
                hash: Vec::new(),
                from: binding.from,
                until: binding.until,
            });
        }
        self.config.credentials = credentials;
    }

    /// What tells one configuration from another: its content, and where its personal content was put.
    fn etag(&self, revealed: bool) -> String {
        let mut hash = Sha256::new();
        hash.update(self.config.encode_to_vec());
        for places in [&self.names, &self.values] {
            hash.update(u64::try_from(places.len()).unwrap_or_default().to_be_bytes());
            for pos in places {
                hash.update(pos.get().to_be_bytes());
            }
        }
        hash.update([u8::from(revealed)]);
        hex(&hash.finalize())
    }

    /// With names and hashes. A part that was erased leaves its name empty, and its credential out.
    fn with(
        self,
        names: &HashMap<Pos, DirectoryPersonal>,
        values: &HashMap<Pos, DirectoryPersonal>,
    ) -> TerminalConfig {
        let mut config = self.config;
        for (person, pos) in config.people.iter_mut().zip(&self.names) {
            person.name = names.get(pos).map(|fields| fields.name.clone()).unwrap_or_default();
        }
        for (credential, pos) in config.credentials.iter_mut().zip(&self.values) {
            let value = values.get(pos).map(|fields| fields.credential.as_str()).unwrap_or_default();
            if !value.is_empty() {
                credential.hash = hash(&config.salt, credential.kind, value);
            }
        }
        config.credentials.retain(|credential| !credential.hash.is_empty());
        config
    }
}

/// `HMAC-SHA256(salt, kind ‖ value)`.
fn hash(salt: &[u8], kind: i32, value: &str) -> Vec<u8> {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(salt) else { return Vec::new() };
    mac.update(&[u8::try_from(kind).unwrap_or_default()]);
    mac.update(value.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn windows(place: &Place) -> Vec<crate::proto::Window> {
    place
        .own
        .list(Noun::Window, None)
        .filter_map(|held| if let Record::Window(window) = &held.record { Some(window) } else { None })
        .filter(|window| !window.retired)
        .cloned()
        .collect()
}

fn by_pos(revealed: Vec<(Pos, DirectoryPersonal)>) -> HashMap<Pos, DirectoryPersonal> {
    revealed.into_iter().collect()
}
