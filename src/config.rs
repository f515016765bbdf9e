//! The configuration: one TOML file, every key with a default, and the only reader of the environment.
//!
//! `--data DIR` alone is enough: every path is in it. Unknown keys are refused by name, in the file and in the
//! environment. Secrets are files, named here and never held here.

mod file;
mod limits;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use file::File;
pub use limits::Limits;

use crate::access::local::LOCAL_AUDIENCE;
use crate::access::{Algorithm, Binding, IssuerSettings, LocalIssuer, SubjectKind};
use crate::telemetry::LogFormat;

/// What variables of ours begin with.
const PREFIX: &str = "QINLIAN_";
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
    /// Where figures are asked for.
    pub metrics: Metrics,
    /// Where spans are sent.
    pub telemetry: Telemetry,
    /// How much of everything.
    pub limits: Limits,
    /// Whose tokens are believed. None configured: the deployment's own; otherwise its own for terminals alone.
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
    /// The origins (`https://board.example`) whose pages may call over gRPC-web. By default none.
    pub web_origins: Vec<String>,
    /// What connections are encrypted with. None: plain text, and that on loopback only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// Files in PEM, read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tls {
    /// The server's certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Whose certificates clients may show. None: clients are not asked for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
    /// Must the tokens of terminals be bound to a certificate?
    pub terminals: Binding,
    /// The oldest version of TLS that is spoken.
    pub minimum: TlsVersion,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246: only where a terminal knows nothing newer.
    #[serde(rename = "1.2")]
    Tls12,
    /// RFC 8446.
    #[default]
    #[serde(rename = "1.3")]
    Tls13,
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

/// Where figures are asked for (docs/metrics.md).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Address and port, `127.0.0.1:9464`; port 0 takes a free one. None: nowhere. Anybody who reaches it may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
}

/// Where spans are sent (docs/metrics.md, "Traces").
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// A collector that speaks OTLP over gRPC, `http://127.0.0.1:4317`. None: nowhere. Only a program that is built with the
    /// feature `opentelemetry` starts with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp: Option<String>,
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

/// A place among the system's temporary files that nobody else has.
pub fn temporary(name: &str, random: [u8; 4]) -> PathBuf {
    std::env::temp_dir().join(format!("{name}-{:08x}", u32::from_be_bytes(random)))
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
        let mut file = file::read(&path, source, variables)?;
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
            jwks_url: None,
            jwks_ca: None,
            subjects: Vec::new(),
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
                web_origins: file.listen.web_origins,
                tls: file.listen.tls.whole(&data),
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
            metrics: file.metrics,
            telemetry: file.telemetry,
            limits: file.limits,
            issuers: file.issuers,
            witnesses: file.witnesses,
            data,
        };
        for issuer in &mut config.issuers {
            issuer.jwks_file = config.data.join(&issuer.jwks_file);
            issuer.jwks_ca = issuer.jwks_ca.take().map(|path| config.data.join(path));
        }
        let local = config.local_issuer();
        if config.issuers.is_empty() {
            config.issuers.push(local);
        } else if config.issuers.iter().all(|issuer| issuer.issuer != local.issuer) {
            // Terminals get their tokens here, whoever says who people and systems are.
            config.issuers.push(IssuerSettings { subjects: vec![SubjectKind::Device], ..local });
        }
        config
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
