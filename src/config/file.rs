//! The configuration file as written, and the variables that are put over it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{ConfigError, Limits, Metrics, PREFIX, Source, Telemetry, Tls, TlsVersion, Witness};
use crate::access::{Binding, IssuerSettings};
use crate::telemetry::LogFormat;

/// Variables that the test suite reads; they configure no server.
const TEST_PREFIX: &str = "QINLIAN_TEST";

/// The file as written: everything may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) deployment: Option<String>,
    pub(super) data: Option<PathBuf>,
    pub(super) database: DatabaseFile,
    pub(super) listen: ListenFile,
    pub(super) keys: KeysFile,
    pub(super) files: FilesFile,
    pub(super) log: LogFile,
    pub(super) metrics: Metrics,
    pub(super) telemetry: Telemetry,
    pub(super) limits: Limits,
    pub(super) issuers: Vec<IssuerSettings>,
    pub(super) witnesses: Vec<Witness>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DatabaseFile {
    pub(super) url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListenFile {
    pub(super) address: Option<IpAddr>,
    pub(super) port: Option<u16>,
    pub(super) reflection: Option<bool>,
    pub(super) web_origins: Vec<String>,
    pub(super) tls: TlsFile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsFile {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
    terminals: Option<Binding>,
    minimum: Option<TlsVersion>,
}

impl TlsFile {
    /// What cannot be meant: a server that somebody believes to be encrypted, or to ask for certificates, and is not.
    fn fault(&self) -> Option<&'static str> {
        let paired = self.certificate.is_some() && self.key.is_some();
        let empty = self.certificate.is_none() && self.key.is_none();
        let beside = self.client_ca.is_some() || self.terminals.is_some() || self.minimum.is_some();
        if !paired && (!empty || beside) {
            Some("listen.tls: certificate and key are both needed")
        } else if self.terminals == Some(Binding::Required) && self.client_ca.is_none() {
            Some("listen.tls.terminals: \"required\" needs client_ca")
        } else {
            None
        }
    }

    /// With its paths in the data folder.
    pub(super) fn whole(self, data: &Path) -> Option<Tls> {
        Some(Tls {
            certificate: data.join(self.certificate?),
            key: data.join(self.key?),
            client_ca: self.client_ca.map(|path| data.join(path)),
            terminals: self.terminals.unwrap_or_default(),
            minimum: self.minimum.unwrap_or_default(),
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct KeysFile {
    pub(super) seal: Option<PathBuf>,
    pub(super) log: Option<PathBuf>,
    pub(super) token: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FilesFile {
    pub(super) anchor: Option<PathBuf>,
    pub(super) erasures: Option<PathBuf>,
    pub(super) verifier_key: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogFile {
    pub(super) format: LogFormat,
    pub(super) filter: Option<String>,
}

/// The keys that a variable may override, by their place in the file: `QINLIAN_LISTEN_PORT` is `listen.port`.
const OVERRIDES: &[(&str, &[&str])] = &[
    ("", &["deployment", "data"]),
    ("database", &["url"]),
    ("listen", &["address", "port", "reflection", "web_origins"]),
    ("listen.tls", &["certificate", "key", "client_ca", "terminals", "minimum"]),
    ("keys", &["seal", "log", "token"]),
    ("files", &["anchor", "erasures", "verifier_key"]),
    ("log", &["format", "filter"]),
    ("metrics", &["listen"]),
    ("telemetry", &["otlp"]),
    (
        "limits",
        &[
            "connections",
            "connections_per_address",
            "handshake_ms",
            "call_timeout_ms",
            "calls",
            "calls_per_connection",
            "streams_per_connection",
            "local_error_resets",
            "pending_accept_resets",
            "header_bytes",
            "frame_bytes",
            "keepalive_ms",
            "keepalive_timeout_ms",
            "connection_age_ms",
            "notice_ms",
            "shutdown_ms",
            "single_bytes",
            "upload_bytes",
            "answer_bytes",
            "token_lifetime_s",
            "terminal_token_s",
            "calls_per_second",
            "calls_burst",
            "public_calls_per_second",
            "public_calls_burst",
        ],
    ),
];

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

/// The file with the variables over it.
pub(super) fn read(
    path: &Path,
    source: &Source,
    variables: &BTreeMap<String, String>,
) -> Result<File, ConfigError> {
    parse(path, &text_of(path, source)?, variables)
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
    match file.listen.tls.fault().map(str::to_owned).or_else(|| file.limits.fault()) {
        Some(message) => Err(ConfigError::Wrong { path: path.to_owned(), message }),
        None => Ok(file),
    }
}

/// Puts a variable's value at its place.
fn put_over(table: &mut toml::Table, name: &str, value: &str) -> Result<(), ConfigError> {
    let wanted = name.strip_prefix(PREFIX).unwrap_or_default();
    let named = |section: &str, key: &str| {
        let path = if section.is_empty() { key.to_owned() } else { format!("{section}_{key}") };
        path.replace('.', "_").to_ascii_uppercase() == wanted
    };
    let place = OVERRIDES
        .iter()
        .find_map(|(section, keys)| keys.iter().find(|key| named(section, key)).map(|key| (*section, *key)));
    let Some((section, key)) = place else { return Err(ConfigError::UnknownVariable(name.to_owned())) };
    let value = typed(section, key, value);
    let mut inner = table;
    for step in section.split('.').filter(|step| !step.is_empty()) {
        let entry = inner.entry(step).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        // What is no table was refused when the file alone was read.
        let toml::Value::Table(deeper) = entry else { return Ok(()) };
        inner = deeper;
    }
    inner.insert(key.to_owned(), value);
    Ok(())
}

/// Numbers and yes or no where the file has them; what does not parse stays a text, and is refused by its type.
fn typed(section: &str, key: &str, value: &str) -> toml::Value {
    let text = || toml::Value::String(value.to_owned());
    match (section, key) {
        ("limits", _) | ("listen", "port") => value.parse().map_or_else(|_| text(), toml::Value::Integer),
        ("listen", "web_origins") => {
            let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
            toml::Value::Array(items.map(|item| toml::Value::String(item.to_owned())).collect())
        }
        ("listen", "reflection") => value.parse().map_or_else(|_| text(), toml::Value::Boolean),
        _ => text(),
    }
}
