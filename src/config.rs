//! The configuration: one TOML file, every key with a default, and the only reader of the environment.
//!
//! `--data DIR` alone is enough: every path is in it. Unknown keys are refused by name, in the file and in the
//! environment. Secrets are files, named here and never held here.

mod file;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use file::File;

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

/// How much of everything the edge takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections in all; more are closed at once. Each is a file descriptor: the system must allow as many.
    pub connections: usize,
    /// Connections from one IP address, loopback included. A proxy in front counts as one address.
    pub connections_per_address: usize,
    /// A connection that is not encrypted by then is closed: 5 s.
    pub handshake_ms: u64,
    /// A call that is not answered by then is given up: 10 s.
    pub call_timeout_ms: u64,
    /// Calls at work at once, in all; more are shed. What terminals call may take every place, what others call half.
    pub calls: usize,
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
    /// How long a server that stops says so in health, and still takes calls, before it closes: 0.5 s.
    pub notice_ms: u64,
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
    /// How long a token holds that a terminal gets with its key: 15 min (RFC 9700 §2.2: short-lived).
    pub terminal_token_s: u32,
    /// Calls of one subject in a second, on average; a terminal makes one every few seconds, an HR system tens.
    pub calls_per_second: NonZeroU32,
    /// And at once, after a while of silence: two seconds' worth.
    pub calls_burst: NonZeroU32,
    /// Calls from one address in a second, on average, of methods that need no token.
    pub public_calls_per_second: NonZeroU32,
    /// And at once: a hall of screens behind one address.
    pub public_calls_burst: NonZeroU32,
}

/// A figure that is not nought, written as a literal.
const fn figure(figure: u32) -> NonZeroU32 {
    match NonZeroU32::new(figure) {
        Some(figure) => figure,
        None => NonZeroU32::MIN,
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 256,
            handshake_ms: 5_000,
            call_timeout_ms: 10_000,
            calls: 2_048,
            calls_per_connection: 64,
            streams_per_connection: 100,
            local_error_resets: 1024,
            pending_accept_resets: 20,
            header_bytes: 16 * 1024,
            frame_bytes: 16 * 1024,
            keepalive_ms: 30_000,
            keepalive_timeout_ms: 10_000,
            connection_age_ms: 30 * 60 * 1000,
            notice_ms: 500,
            shutdown_ms: 10_000,
            single_bytes: 64 * 1024,
            upload_bytes: (1024 + 64) * 1024,
            answer_bytes: 4 * 1024 * 1024,
            token_lifetime_s: 24 * 60 * 60,
            terminal_token_s: 15 * 60,
            calls_per_second: figure(100),
            calls_burst: figure(200),
            public_calls_per_second: figure(20),
            public_calls_burst: figure(100),
        }
    }
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
