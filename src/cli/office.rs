//! A deployment, opened: configuration, keys, database, ledger and desk. What every command that works on the
//! database begins with.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::access::LocalIssuer;
use crate::clock::{Clock, SystemClock, random};
use crate::config::Config;
use crate::kernel::{CentreId, LogId, Pos, RequestId};
use crate::ledger::anchor::Anchor;
use crate::ledger::committer::Lane;
use crate::ledger::erase::Erasures;
use crate::ledger::faults::Faults;
use crate::ledger::keys::Keys;
use crate::ledger::{Ledger, Parts, setup, signature};
use crate::proto::fact::Fact as Of;
use crate::proto::{EntryFacts, GenesisFact, ReceiptView};
use crate::registers::desk::{Desk, Written};
use crate::registers::rulebook::{self, Command, Registers, local_administrator};
use crate::store::{OpenMode, Store};
use prost::Message;

/// An open deployment.
pub struct Office {
    /// Where everything is.
    pub config: Config,
    /// Time and randomness.
    pub clock: Arc<dyn Clock>,
    /// The keys.
    pub keys: Arc<Keys>,
    /// The desk of its services.
    pub desk: Desk,
    committer: JoinHandle<()>,
}

impl std::fmt::Debug for Office {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Office({})", self.config.deployment)
    }
}

/// How an office is opened: the benchmarks change what is usual.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The most entries per commit.
    pub batch: usize,
    /// Time and randomness.
    pub clock: Arc<dyn Clock>,
    /// What goes wrong on purpose, for a test: nothing as a rule.
    pub faults: Faults,
}

impl Default for Opening {
    fn default() -> Self {
        let clock = Arc::new(SystemClock::new());
        Self { batch: crate::ledger::committer::BATCH, clock, faults: Faults::none() }
    }
}

impl Office {
    /// Opens a deployment that `init` began.
    pub async fn open(config: Config, opening: Opening) -> anyhow::Result<Self> {
        if !config.keys.seal.exists() {
            bail!(
                "{} holds no deployment; begin one with\n  qinlian init --data {} --centre CODE --name NAME",
                config.data.display(),
                config.data.display()
            );
        }
        let store = open_store(&config, OpenMode::Existing).await?;
        store.migrate().await?;
        Self::start(config, store, opening).await
    }

    /// Starts the ledger over an open database, and checks that the keys are the deployment's.
    pub(super) async fn start(config: Config, store: Store, opening: Opening) -> anyhow::Result<Self> {
        let Opening { batch, clock, faults } = opening;
        let keys = read_keys(&config)?;
        let registers = Registers::new(Arc::clone(&keys));
        let parts = Parts {
            anchor: Anchor::open(&config.files.anchor).context("failed to open the anchor")?,
            erasures: Erasures::open(&config.files.erasures)
                .context("failed to open the list of erasures")?,
            batch,
            keys: Arc::clone(&keys),
            clock: Arc::clone(&clock),
            store,
            rulebook: Arc::new(registers),
            deployment: config.deployment.clone(),
            faults,
        };
        let (ledger, committer) = Ledger::start(parts).await?;
        let office = Self { config, clock, keys, desk: Desk::new(ledger), committer };
        office.check_genesis().await?;
        Ok(office)
    }

    /// The genesis entry names the keys: a replica with others must not serve.
    async fn check_genesis(&self) -> anyhow::Result<()> {
        let entries = self.desk.ledger().reader().entries(LogId::DEPLOYMENT, &[Pos::ZERO]).await?;
        let Some(entry) = entries.first() else { return Ok(()) };
        let facts = entry.facts.as_ref().and_then(|(_, bytes)| EntryFacts::decode(bytes.as_slice()).ok());
        let genesis = facts.into_iter().flat_map(|facts| facts.facts).find_map(|fact| match fact.fact {
            Some(Of::Genesis(genesis)) => Some(genesis),
            _ => None,
        });
        let Some(genesis) = genesis else { bail!("the first entry is no genesis") };
        if genesis.deployment != self.config.deployment {
            bail!("the database is of the deployment {}, not {}", genesis.deployment, self.config.deployment);
        }
        if genesis.seal_key_digest != self.keys.seal_key_digest() || genesis.verifier_key != self.vkey("_")? {
            bail!("the key files are not those of this deployment");
        }
        Ok(())
    }

    /// What the genesis entry says.
    pub(super) fn genesis(&self) -> anyhow::Result<GenesisFact> {
        Ok(GenesisFact {
            deployment: self.config.deployment.clone(),
            verifier_key: self.vkey("_")?,
            seal_key_digest: self.keys.seal_key_digest().to_vec(),
            rules: 1,
        })
    }

    /// The verifier key of a centre's log in its first epoch.
    pub fn vkey(&self, centre: &str) -> anyhow::Result<String> {
        let centre = CentreId::parse(centre)?;
        let origin = setup::origin(&self.config.deployment, &centre, 1);
        let key =
            signature::verifier_key(&self.keys, &origin).context("the deployment's name is no key name")?;
        Ok(key.to_string())
    }

    /// Writes `verifier.key` anew: one line per log and epoch, and returns it.
    pub async fn write_verifier_keys(&self) -> anyhow::Result<String> {
        let reader = self.desk.ledger().reader();
        let mut lines = String::new();
        for (log, _) in reader.logs().await? {
            for epoch in reader.epochs(log).await? {
                if let Some(key) = signature::verifier_key(&self.keys, &epoch.origin) {
                    lines.push_str(&key.to_string());
                    lines.push('\n');
                }
            }
        }
        fs::write(&self.config.files.verifier_key, &lines).context("failed to write the verifier keys")?;
        Ok(lines)
    }

    /// Gives a command as the local administrator.
    pub async fn administer(&self, log: LogId, command: impl Into<Command>) -> anyhow::Result<Written> {
        let id = RequestId::random(random(&*self.clock));
        let written = self.desk.submit(
            log,
            id,
            local_administrator(),
            command.into(),
            Lane::Live,
            ReceiptView::Compact,
        );
        written.await.map_err(explain)
    }

    /// The log of a centre.
    pub async fn log_of(&self, centre: &CentreId) -> anyhow::Result<LogId> {
        let deployment = self.desk.directory(LogId::DEPLOYMENT).await?;
        rulebook::log_of(&deployment, centre).with_context(|| format!("there is no centre {centre}"))
    }

    /// The issuer of the deployment's own tokens.
    pub fn issuer(&self) -> anyhow::Result<LocalIssuer> {
        local_issuer(&self.config)
    }

    /// Waits until everything that was handed in is answered, and closes.
    pub async fn close(self) {
        let store = self.desk.store().clone();
        drop(self.desk);
        if self.committer.await.is_err() {
            tracing::error!(code = "COMMITTER_DIED", "the committer ended by a panic");
        }
        store.close().await;
    }
}

/// A failure with its sentence, for the command line.
pub(super) fn explain(failure: crate::registers::failure::Failure) -> anyhow::Error {
    if let crate::registers::failure::Failure::Refused(reason) = &failure {
        return anyhow::anyhow!("{} ({})", reason.said().en, reason.code());
    }
    failure.into()
}

/// Opens the database.
pub(super) async fn open_store(config: &Config, mode: OpenMode) -> anyhow::Result<Store> {
    Store::open(&config.database.url, mode).await.context("failed to open the database")
}

fn read_secret(path: &Path) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(fs::read(path).with_context(|| format!("failed to read {}", path.display()))?);
    let secret = <[u8; 32]>::try_from(bytes.as_slice());
    Ok(Zeroizing::new(secret.with_context(|| format!("{} does not hold 32 bytes", path.display()))?))
}

/// The keys from their files.
pub(super) fn read_keys(config: &Config) -> anyhow::Result<Arc<Keys>> {
    Ok(Arc::new(Keys::new(&*read_secret(&config.keys.seal)?, &*read_secret(&config.keys.log)?)))
}

/// The issuer of the deployment's own tokens.
pub(super) fn local_issuer(config: &Config) -> anyhow::Result<LocalIssuer> {
    let settings = config.local_issuer();
    Ok(LocalIssuer::new(&*read_secret(&config.keys.token)?, &settings.issuer, &settings.audience))
}

/// Makes a file of 32 random bytes that only its owner reads.
pub(super) fn write_secret(path: &Path, clock: &dyn Clock) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    }
    let secret: Zeroizing<[u8; 32]> = Zeroizing::new(random(clock));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o400)
        .open(path)
        .with_context(|| format!("failed to make {}", path.display()))?;
    file.write_all(&*secret)?;
    file.sync_all()?;
    Ok(())
}
