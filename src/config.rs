//! The configuration: one TOML file, every key with a default, and the only reader of the environment.
//!
//! `--data DIR` alone is enough: every path is in it. Unknown keys are refused by name, in the file and in the
//! environment. Secrets are files, named here and never held here.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::access::local::LOCAL_AUDIENCE;
use crate::access::{Algorithm, IssuerSettings, LocalIssuer};
use crate::telemetry::LogFormat;

/// What variables of ours begin with.
const PREFIX: &str = "QINLIAN_";
/// Variables that the test suite reads; they configure no server.
const TEST_PREFIX: &str = "QINLIAN_TEST";
/// Where everything is when nobody says.
const DATA_DEFAULT: &str = "qinlian-data";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is wrong; the message names the key.
    #[error("{path}: {message}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A variable that means nothing.
    #[error("{0} is not a variable of qinlian")]
    UnknownVariable(String),
    /// A variable whose value is wrong.
    #[error("{name}: {message}")]
    WrongVariable {
        /// The variable.
        name: String,
        /// What is wrong.
        message: String,
    },
}

/// The effective configuration: nothing is left open, every path is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Config {
    /// The name that the origins of logs begin with; never changed once there are logs.
    pub deployment: String,
    /// The folder that everything else is in, unless said otherwise.
    pub data: PathBuf,
    /// The database.
    pub database: Database,
    /// The listener.
    pub listen: Listen,
    /// Key files.
    pub keys: KeyFiles,
    /// Other files.
    pub files: Files,
    /// The log of the process.
    pub log: Log,
    /// How much of everything.
    pub limits: Limits,
    /// Whose tokens are believed. None configured: the deployment's own.
    pub issuers: Vec<IssuerSettings>,
    /// Who cosigns.
    pub witnesses: Vec<Witness>,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Database {
    /// `sqlite://…` or `postgres://…`.
    pub url: String,
}

/// The listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listen {
    /// The address.
    pub address: IpAddr,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Do callers see the descriptors? By default on loopback only.
    pub reflection: bool,
}

/// Files of 32 secret bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyFiles {
    /// Seals heads and keys hashes.
    pub seal: PathBuf,
    /// Signs checkpoints.
    pub log: PathBuf,
    /// Signs the deployment's own tokens.
    pub token: PathBuf,
}

/// What is beside the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Files {
    /// What this replica saw last of every log.
    pub anchor: PathBuf,
    /// What was ever erased.
    pub erasures: PathBuf,
    /// The verifier keys of the logs, a line each.
    pub verifier_key: PathBuf,
}

/// The log of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// What is written, for example `info,qinlian=debug`.
    pub filter: String,
}

/// Somebody who cosigns checkpoints (c2sp.org/tlog-witness).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Where it is asked.
    pub url: String,
    /// Its verifier key.
    pub vkey: String,
}

/// How much of everything the edge takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// A call that is not answered by then is given up: 10 s.
    pub call_timeout_ms: u64,
    /// Calls at work at once on one connection; more are shed.
    pub calls_per_connection: usize,
    /// Streams that a client may open on one connection.
    pub streams_per_connection: u32,
    /// Streams that we reset because of a client's errors, before its connection is closed (CVE-2023-44487's kin).
    pub local_error_resets: usize,
    /// Streams that a client opened and reset before we took them, before its connection is closed (CVE-2023-44487).
    pub pending_accept_resets: usize,
    /// All headers of a call: a token of 8 KiB, and as much again.
    pub header_bytes: u32,
    /// One HTTP/2 frame: the smallest that the protocol allows (RFC 9113 §4.2).
    pub frame_bytes: u32,
    /// A silent connection is asked whether it is there: every 30 s.
    pub keepalive_ms: u64,
    /// And closed if it does not answer within 10 s.
    pub keepalive_timeout_ms: u64,
    /// A connection is closed, gently, after 30 min, so that callers spread over replicas.
    pub connection_age_ms: u64,
    /// How long running calls have when the server stops: 10 s.
    pub shutdown_ms: u64,
    /// The message of a single call: 64 KiB.
    pub single_bytes: usize,
    /// The message of an upload: 1 MiB, and room for a service to say by itself that it is more.
    pub upload_bytes: usize,
    /// The message of an answer: 4 MiB holds a page of 1,000 items.
    pub answer_bytes: usize,
    /// The longest that a token may hold: 24 h.
    pub token_lifetime_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_timeout_ms: 10_000,
            calls_per_connection: 64,
            streams_per_connection: 100,
            local_error_resets: 1024,
            pending_accept_resets: 20,
            header_bytes: 16 * 1024,
            frame_bytes: 16 * 1024,
            keepalive_ms: 30_000,
            keepalive_timeout_ms: 10_000,
            connection_age_ms: 30 * 60 * 1000,
            shutdown_ms: 10_000,
            single_bytes: 64 * 1024,
            upload_bytes: (1024 + 64) * 1024,
            answer_bytes: 4 * 1024 * 1024,
            token_lifetime_s: 24 * 60 * 60,
        }
    }
}

/// The file as written: everything may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    deployment: Option<String>,
    data: Option<PathBuf>,
    database: DatabaseFile,
    listen: ListenFile,
    keys: KeysFile,
    files: FilesFile,
    log: LogFile,
    limits: Limits,
    issuers: Vec<IssuerSettings>,
    witnesses: Vec<Witness>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DatabaseFile {
    url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ListenFile {
    address: Option<IpAddr>,
    port: Option<u16>,
    reflection: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct KeysFile {
    seal: Option<PathBuf>,
    log: Option<PathBuf>,
    token: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FilesFile {
    anchor: Option<PathBuf>,
    erasures: Option<PathBuf>,
    verifier_key: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LogFile {
    format: LogFormat,
    filter: Option<String>,
}

/// The keys that a variable may override, by their place in the file: `QINLIAN_LISTEN_PORT` is `listen.port`.
const OVERRIDES: &[(&str, &[&str])] = &[
    ("", &["deployment", "data"]),
    ("database", &["url"]),
    ("listen", &["address", "port", "reflection"]),
    ("keys", &["seal", "log", "token"]),
    ("files", &["anchor", "erasures", "verifier_key"]),
    ("log", &["format", "filter"]),
    (
        "limits",
        &[
            "call_timeout_ms",
            "calls_per_connection",
            "streams_per_connection",
            "local_error_resets",
            "pending_accept_resets",
            "header_bytes",
            "frame_bytes",
            "keepalive_ms",
            "keepalive_timeout_ms",
            "connection_age_ms",
            "shutdown_ms",
            "single_bytes",
            "upload_bytes",
            "answer_bytes",
            "token_lifetime_s",
        ],
    ),
];

/// Where a configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `--config FILE`.
    File(PathBuf),
    /// `--data DIR`: its `config.toml`, if there is one.
    Data(PathBuf),
    /// Neither: `QINLIAN_DATA`, or the folder `qinlian-data` here.
    Nothing,
}

/// The variables that begin with `QINLIAN_`.
pub fn environment() -> BTreeMap<String, String> {
    let ours = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
        Some((name, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(ours).collect()
}

impl Config {
    /// Reads the file, if any, and puts the variables over it.
    pub fn load(source: &Source, variables: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        // What the command line says wins over the environment, and that over the file.
        let said = match source {
            Source::Data(data) => Some(data.clone()),
            Source::File(_) | Source::Nothing => variables.get("QINLIAN_DATA").map(PathBuf::from),
        };
        let (path, folder) = match source {
            Source::File(path) => (path.clone(), path.parent().map(Path::to_owned).unwrap_or_default()),
            Source::Data(_) | Source::Nothing => {
                let data = said.clone().unwrap_or_else(|| PathBuf::from(DATA_DEFAULT));
                (data.join("config.toml"), data)
            }
        };
        let mut file = parse(&path, &text_of(&path, source)?, variables)?;
        if said.is_some() {
            file.data = None;
        }
        Ok(Self::whole(file, &said.unwrap_or(folder)))
    }

    /// The configuration as TOML, without what must not be shown.
    pub fn show(&self) -> String {
        let mut shown = self.clone();
        shown.database.url = masked(&self.database.url);
        toml::to_string(&shown).unwrap_or_default()
    }

    /// The deployment's own issuer, whether or not it is believed.
    pub fn local_issuer(&self) -> IssuerSettings {
        IssuerSettings {
            issuer: LocalIssuer::name_of(&self.deployment),
            audience: LOCAL_AUDIENCE.to_owned(),
            algorithm: Algorithm::EdDsa,
            jwks_file: self.keys.token.with_extension("jwks"),
        }
    }

    /// Fills in what the file leaves out. Relative paths are in the data folder.
    fn whole(file: File, folder: &Path) -> Self {
        let data = file.data.map_or_else(|| folder.to_owned(), |data| folder.join(data));
        let at = |path: Option<PathBuf>, name: &str| data.join(path.unwrap_or_else(|| PathBuf::from(name)));
        let address = file.listen.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let url =
            file.database.url.unwrap_or_else(|| format!("sqlite://{}", data.join("qinlian.db").display()));
        let mut config = Self {
            deployment: file.deployment.unwrap_or_else(|| "qinlian".to_owned()),
            database: Database { url },
            listen: Listen {
                address,
                port: file.listen.port.unwrap_or(50051),
                reflection: file.listen.reflection.unwrap_or_else(|| address.is_loopback()),
            },
            keys: KeyFiles {
                seal: at(file.keys.seal, "keys/seal.key"),
                log: at(file.keys.log, "keys/log.key"),
                token: at(file.keys.token, "keys/token.key"),
            },
            files: Files {
                anchor: at(file.files.anchor, "anchor"),
                erasures: at(file.files.erasures, "erasures"),
                verifier_key: at(file.files.verifier_key, "verifier.key"),
            },
            log: Log {
                format: file.log.format,
                filter: file.log.filter.unwrap_or_else(|| "info".to_owned()),
            },
            limits: file.limits,
            issuers: file.issuers,
            witnesses: file.witnesses,
            data,
        };
        for issuer in &mut config.issuers {
            issuer.jwks_file = config.data.join(&issuer.jwks_file);
        }
        if config.issuers.is_empty() {
            config.issuers.push(config.local_issuer());
        }
        config
    }
}

/// The file's text; empty if it need not be there and is not.
fn text_of(path: &Path, source: &Source) -> Result<String, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !matches!(source, Source::File(_)) => {
            Ok(String::new())
        }
        Err(error) => Err(ConfigError::Unreadable { path: path.to_owned(), error }),
    }
}

fn parse(path: &Path, text: &str, variables: &BTreeMap<String, String>) -> Result<File, ConfigError> {
    let wrong =
        |error: toml::de::Error| ConfigError::Wrong { path: path.to_owned(), message: error.to_string() };
    // First the file alone, so that what is wrong with it is said with its line.
    let mut file = toml::from_str::<File>(text).map_err(wrong)?;
    let mut table: toml::Table = toml::from_str(text).map_err(wrong)?;
    for (name, value) in variables.iter().filter(|(name, _)| !name.starts_with(TEST_PREFIX)) {
        put_over(&mut table, name, value)?;
        // One at a time, so that what is wrong is said with its name.
        file = table.clone().try_into().map_err(|error: toml::de::Error| ConfigError::WrongVariable {
            name: name.clone(),
            message: error.message().to_owned(),
        })?;
    }
    Ok(file)
}

/// Puts a variable's value at its place.
fn put_over(table: &mut toml::Table, name: &str, value: &str) -> Result<(), ConfigError> {
    let wanted = name.strip_prefix(PREFIX).unwrap_or_default();
    let named = |section: &str, key: &str| {
        let path = if section.is_empty() { key.to_owned() } else { format!("{section}_{key}") };
        path.to_ascii_uppercase() == wanted
    };
    let place = OVERRIDES
        .iter()
        .find_map(|(section, keys)| keys.iter().find(|key| named(section, key)).map(|key| (*section, *key)));
    let Some((section, key)) = place else { return Err(ConfigError::UnknownVariable(name.to_owned())) };
    let value = typed(section, key, value);
    if section.is_empty() {
        table.insert(key.to_owned(), value);
    } else {
        let inner = table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        if let toml::Value::Table(inner) = inner {
            inner.insert(key.to_owned(), value);
        }
    }
    Ok(())
}

/// Numbers and yes or no where the file has them; what does not parse stays a text, and is refused by its type.
fn typed(section: &str, key: &str, value: &str) -> toml::Value {
    let text = || toml::Value::String(value.to_owned());
    match (section, key) {
        ("limits", _) | ("listen", "port") => value.parse().map_or_else(|_| text(), toml::Value::Integer),
        ("listen", "reflection") => value.parse().map_or_else(|_| text(), toml::Value::Boolean),
        _ => text(),
    }
}

/// A URL without the password in it, or in its query. A password that holds what it should have escaped goes too.
fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = match rest.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _password)) => format!("{user}:***@{host}"),
            None => rest.to_owned(),
        },
        None => rest.to_owned(),
    };
    let rest = match rest.split_once('?') {
        Some((path, query)) => {
            format!("{path}?{}", query.split('&').map(masked_pair).collect::<Vec<_>>().join("&"))
        }
        None => rest,
    };
    format!("{scheme}://{rest}")
}

fn masked_pair(pair: &str) -> String {
    match pair.split_once('=') {
        Some((key, _)) if key.eq_ignore_ascii_case("password") => format!("{key}=***"),
        Some(_) | None => pair.to_owned(),
    }
}
