//! `qinlian init`: keys, database, the genesis of a deployment with its two first administrators, and a first centre.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use super::office::{self, Office, Opening};
use super::{Answer, Where, quiet_log, say};
use crate::clock::random;
use crate::config::{Config, Database};
use crate::kernel::{CentreId, LogId, Name, PersonId};
use crate::ledger::setup::NewLog;
use crate::proto::role_grant::Holder;
use crate::proto::{Centre, DirectoryPersonal, Person, Role, RoleGrant, person};
use crate::registers::directory::fact::{Command, Record};
use crate::store::{Inserts, OpenMode};

/// `qinlian init --help`.
#[derive(Debug, Args)]
pub struct Options {
    /// The folder to make; it must be new or empty
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The code of the first centre: a-z, 0-9 and -
    #[arg(long, value_name = "CODE")]
    pub centre: String,
    /// Its public name
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// The two first administrators, by name; both are needed for what needs two people
    #[arg(long = "admin", value_name = "NAME")]
    pub admins: Vec<String>,
    /// The name that the origins of all logs begin with, for ever; a domain of yours makes it unique
    #[arg(long, value_name = "NAME", default_value = "qinlian")]
    pub deployment: String,
    /// The centre's time zone
    #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai")]
    pub tz: String,
    /// The database, sqlite://… or postgres://…; an SQLite file in the folder unless given
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
}

/// What `init` made.
#[derive(Debug)]
pub struct Begun {
    /// The open deployment.
    pub office: Office,
    /// The first administrators.
    pub administrators: [PersonId; 2],
    /// A line per log.
    pub verifier_keys: String,
}

/// Runs `init`.
pub(super) async fn run(options: Options) -> anyhow::Result<Answer> {
    quiet_log();
    let data = options.data.clone();
    let begun = begin(options, Opening::default()).await?;
    let [first, second] = &begun.administrators;
    say(&format!("A deployment has begun in {}.", data.display()));
    say(&format!("First administrators: person:{first} person:{second}"));
    say("Verifier keys (verifier.key), for whoever checks without trusting us:");
    say(begun.verifier_keys.trim_end());
    say(&format!("Next: qinlian serve --data {}", data.display()));
    begun.office.close().await;
    Ok(Answer::Yes)
}

/// Begins a deployment.
pub async fn begin(options: Options, opening: Opening) -> anyhow::Result<Begun> {
    let centre = CentreId::parse(&options.centre).context("--centre")?;
    if centre.is_deployment() {
        bail!("--centre: _ is the deployment itself");
    }
    let names = names(&options.admins)?;
    let name = parse_name("--name", &options.name)?;
    crate::kernel::Zone::parse(&options.tz).context("--tz")?;
    let config = prepare(&options.data, &options.deployment, options.database.as_deref())?;
    for path in [&config.keys.seal, &config.keys.log, &config.keys.token] {
        office::write_secret(path, &*opening.clock)?;
    }
    office::local_issuer(&config)?
        .write_jwks(&config.local_issuer().jwks_file)
        .context("failed to write the token key's JWKS")?;

    let store = office::open_store(&config, OpenMode::Create).await?;
    store.migrate().await?;
    let keys = office::read_keys(&config)?;
    let mut inserts = Inserts::new();
    NewLog { log: LogId::DEPLOYMENT, centre: CentreId::deployment(), opened: opening.clock.now() }.insert(
        &keys,
        &config.deployment,
        &mut inserts,
    );
    let mut tx = store.begin().await?;
    tx.insert(inserts).await.context("the database holds a deployment already")?;
    tx.commit().await?;

    let office = Office::start(config, store, opening).await?;
    let administrators = [PersonId::mint(random(&*office.clock)), PersonId::mint(random(&*office.clock))];
    let genesis = office.genesis()?;
    let first = administrators.clone().map(|id| (person(&id), administrator(&id)));
    office
        .administer(LogId::DEPLOYMENT, Command::Genesis { genesis, administrators: Box::new(first) })
        .await?;
    for (id, name) in administrators.iter().zip(names) {
        let personal = DirectoryPersonal { name: name.as_str().to_owned(), ..DirectoryPersonal::default() };
        let record = Record::Person(person(id));
        office.administer(LogId::DEPLOYMENT, Command::Put { record, personal }).await?;
    }
    let record = Record::Centre(Centre {
        centre: centre.to_string(),
        name: name.as_str().to_owned(),
        timezone: options.tz,
        retired: false,
    });
    let personal = DirectoryPersonal::default();
    office.administer(LogId::DEPLOYMENT, Command::Put { record, personal }).await?;
    let verifier_keys = office.write_verifier_keys().await?;
    Ok(Begun { office, administrators, verifier_keys })
}

/// Two names: those given, or two that say what they are.
fn names(given: &[String]) -> anyhow::Result<[Name; 2]> {
    let [first, second] = match given {
        [] => ["First administrator", "Second administrator"],
        [first, second] => [first.as_str(), second.as_str()],
        _ => bail!("--admin: name two administrators, or none: what needs two people needs both"),
    };
    Ok([parse_name("--admin", first)?, parse_name("--admin", second)?])
}

fn parse_name(option: &str, text: &str) -> anyhow::Result<Name> {
    Name::parse(text).map_err(|(_, said)| anyhow::anyhow!("{option}: {}", said.en))
}

fn person(id: &PersonId) -> Person {
    Person { person_id: id.to_string(), employment: person::Employment::Other.into(), ..Person::default() }
}

fn administrator(id: &PersonId) -> RoleGrant {
    RoleGrant {
        grant: format!("administrator-{}", id.as_str().chars().take(9).collect::<String>()),
        holder: Some(Holder::PersonId(id.to_string())),
        role: Role::Administrator.into(),
        ..RoleGrant::default()
    }
}

/// What a new configuration file says.
#[derive(Serialize)]
struct Beginning<'a> {
    deployment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<Database>,
}

/// The folder, with a configuration file that remembers the deployment's name.
fn prepare(data: &Path, deployment: &str, database: Option<&str>) -> anyhow::Result<Config> {
    if fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is not empty: a deployment begins in a folder of its own", data.display());
    }
    let valid = !deployment.is_empty()
        && deployment.len() <= 200
        && deployment.bytes().all(|b| b.is_ascii_alphanumeric() || b"./-_".contains(&b));
    if !valid {
        bail!("--deployment: 1 to 200 characters of A-Z, a-z, 0-9, ., /, - and _");
    }
    fs::create_dir_all(data).with_context(|| format!("failed to make {}", data.display()))?;
    let file = data.join("config.toml");
    let database = database.map(|url| Database { url: url.to_owned() });
    let settings = toml::to_string(&Beginning { deployment, database }).context("the settings")?;
    // A URL may hold a password.
    let mut made = fs::OpenOptions::new();
    made.write(true).create_new(true).mode(0o600);
    made.open(&file)
        .and_then(|mut file| file.write_all(settings.as_bytes()))
        .with_context(|| format!("failed to write {}", file.display()))?;
    Where { data: Some(data.to_owned()), config: None }.load()
}
