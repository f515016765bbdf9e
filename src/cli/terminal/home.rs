//! What the terminal keeps beside its journal: where it stands, its key, whom it believes, its last configuration.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use ed25519_dalek::SigningKey;
use hmac::{Hmac, KeyInit, Mac};
use prost::Message;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::journal::Journal;
use crate::clock::{Clock, random};
use crate::kernel::Zone;
use crate::proto::presented::Who;
use crate::proto::{Credential, GetTerminalConfigResponse, Presented, TerminalConfig};
use crate::tlog::VerifierKey;

/// Names of settings.
const PLACE: &str = "place";
const CONFIG: &str = "config";

/// Where the terminal stands, and which server it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// `http://HOST:PORT` or `https://HOST:PORT`.
    pub(super) server: String,
    /// The authority behind the server's certificate: a PEM file.
    pub(super) ca: Option<std::path::PathBuf>,
    /// Its own certificate and the key of it: PEM files.
    pub(super) certificate: Option<(std::path::PathBuf, std::path::PathBuf)>,
    /// The centre's code.
    pub(super) centre: String,
    /// The device's code.
    pub(super) device: String,
    /// The window's code, or its number as long as no configuration was seen.
    pub(super) window: String,
    /// The request id of an enrolment that was not answered yet.
    pub(super) enrolling: Option<String>,
    /// The keys of the centre's log and the deployment's: empty until it is enrolled.
    pub(super) verifier_keys: Vec<String>,
}

/// The folder of a terminal.
#[derive(Debug)]
pub(super) struct Home {
    /// The journal, which the settings stand in too.
    pub(super) journal: Journal,
    /// Signs what it records.
    pub(super) key: SigningKey,
    /// Where it stands; `None`: a folder that is new.
    pub(super) place: Option<Place>,
    /// What the server told last of people, windows and limits, with its etag.
    pub(super) config: Option<(String, TerminalConfig)>,
}

impl Home {
    /// Opens the folder, or begins it with a key of its own.
    pub(super) async fn open(folder: &Path, clock: &dyn Clock) -> anyhow::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("failed to make {}", folder.display()))?;
        let journal = Journal::open(&folder.join("journal.db")).await?;
        let key = key(folder, clock)?;
        let place = match journal.setting(PLACE).await? {
            Some(bytes) => Some(serde_json::from_slice(&bytes).context("the folder's settings")?),
            None => None,
        };
        let config = match journal.setting(CONFIG).await? {
            Some(bytes) => {
                let known = GetTerminalConfigResponse::decode(bytes.as_slice())?;
                known.config.map(|config| (known.etag, config))
            }
            None => None,
        };
        Ok(Self { journal, key, place, config })
    }

    /// Keeps where it stands.
    pub(super) async fn settle_at(&mut self, place: Place) -> anyhow::Result<()> {
        self.journal.set(vec![(PLACE, serde_json::to_vec(&place)?)]).await?;
        self.place = Some(place);
        Ok(())
    }

    /// Keeps a configuration.
    pub(super) async fn learn(&mut self, told: GetTerminalConfigResponse) -> anyhow::Result<()> {
        self.journal.set(vec![(CONFIG, told.encode_to_vec())]).await?;
        self.config = told.config.map(|config| (told.etag, config));
        Ok(())
    }

    /// The keys whose signatures it believes.
    pub(super) fn verifier_keys(&self) -> anyhow::Result<Vec<VerifierKey>> {
        let known = self.place.iter().flat_map(|place| &place.verifier_keys);
        known.map(|key| VerifierKey::parse(key).context("a verifier key")).collect()
    }

    /// The name of whoever is presented, as far as the configuration tells: a credential is recognised by its hash under
    /// the terminal's own salt.
    pub(super) fn name_of(&self, shown: &Presented) -> Option<&str> {
        let (_, config) = self.config.as_ref()?;
        let person_id = match shown.who.as_ref()? {
            Who::PersonId(person_id) => person_id,
            Who::Credential(Credential { kind, value }) => {
                let mut hash = Hmac::<Sha256>::new_from_slice(&config.salt).ok()?;
                hash.update(&[u8::try_from(*kind).ok()?]);
                hash.update(value.as_bytes());
                let hash = hash.finalize().into_bytes();
                let known = config.credentials.iter().find(|known| known.hash == hash.as_slice());
                &known?.person_id
            }
        };
        let person = config.people.iter().find(|person| person.person_id == *person_id)?;
        Some(person.name.as_str()).filter(|name| !name.is_empty())
    }

    /// The centre's zone, as far as it is known.
    pub(super) fn zone(&self) -> anyhow::Result<Zone> {
        let name = self.config.as_ref().map(|(_, config)| config.timezone.as_str()).unwrap_or_default();
        Ok(Zone::parse(name)?)
    }

    /// The code of a window that was named by its code or by its number; as it was named where nothing is known.
    pub(super) fn window_code(&self, named: &str) -> anyhow::Result<String> {
        let Some((_, config)) = &self.config else { return Ok(named.to_owned()) };
        let by_code = config.windows.iter().find(|window| window.window == named);
        let found = by_code.or_else(|| config.windows.iter().find(|window| window.number == named));
        match found {
            Some(window) => Ok(window.window.clone()),
            None => bail!("--window: the centre has no window {named}"),
        }
    }
}

/// The key of this folder; a new one in a new folder. The private half never leaves it.
fn key(folder: &Path, clock: &dyn Clock) -> anyhow::Result<SigningKey> {
    let file = folder.join("device.key");
    if let Ok(bytes) = fs::read(&file).map(Zeroizing::new) {
        let seed = <[u8; 32]>::try_from(bytes.as_slice()).map(Zeroizing::new);
        let seed = seed.ok().with_context(|| format!("{} is no key", file.display()))?;
        return Ok(SigningKey::from_bytes(&seed));
    }
    let seed = Zeroizing::new(random::<32>(clock));
    // Under its name only when it is whole: a start that was cut off leaves no half a key.
    let part = folder.join("device.key.new");
    let mut made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    made.write_all(&*seed)?;
    made.sync_all()?;
    fs::rename(&part, &file)?;
    fs::File::open(folder)?.sync_all()?;
    Ok(SigningKey::from_bytes(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MockClock;
    use crate::kernel::EpochMs;
    use crate::proto::Window;

    #[tokio::test]
    async fn a_folder_keeps_its_key_its_place_and_what_it_learnt() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("t1");
        let clock = MockClock::new(EpochMs::ZERO, 5);
        let mut home = Home::open(&folder, &clock).await.unwrap();
        assert_eq!((&home.place, &home.config), (&None, &None));
        let place = Place {
            server: "http://127.0.0.1:1".to_owned(),
            ca: None,
            certificate: None,
            centre: "hall".to_owned(),
            device: "t1".to_owned(),
            window: "3".to_owned(),
            enrolling: None,
            verifier_keys: Vec::new(),
        };
        home.settle_at(place.clone()).await.unwrap();
        assert_eq!(home.window_code("3").unwrap(), "3", "nothing is known yet");
        let window = Window { window: "w3".to_owned(), number: "3".to_owned(), ..Window::default() };
        let config = TerminalConfig { windows: vec![window], ..TerminalConfig::default() };
        let told = GetTerminalConfigResponse {
            etag: "e".to_owned(),
            config: Some(config),
            ..GetTerminalConfigResponse::default()
        };
        home.learn(told).await.unwrap();
        let key = home.key.to_bytes();
        home.journal.close().await;
        let again = Home::open(&folder, &clock).await.unwrap();
        assert_eq!((again.key.to_bytes(), again.place.clone()), (key, Some(place)));
        for (named, wanted) in [("3", Some("w3")), ("w3", Some("w3")), ("4", None)] {
            assert_eq!(again.window_code(named).ok().as_deref(), wanted);
        }
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.join("device.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
