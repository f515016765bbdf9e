//! The sidecar: what an export is of, beside every file of one. `FILE.json`; docs/exports.md has its fields.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::{Format, Kind};

/// What `format` says.
pub const FORMAT: &str = "qinlian export 1";

/// What an export is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    /// This form.
    pub format: String,
    /// What is in the file, as [`Kind`] names it.
    pub kind: String,
    /// The centre.
    pub centre: String,
    /// The department, when only its people are in the file.
    pub department: Option<String>,
    /// The first day.
    pub from: String,
    /// The last day.
    pub until: String,
    /// The position of the centre's log that the file is of.
    pub log: Position,
    /// The size of the deployment's log that the last entry there names.
    pub deployment_size: u64,
    /// The rules by which results are derived.
    pub rules: u32,
    /// People who are in the file.
    pub people: u64,
    /// Days of people; only of days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u64>,
    /// Rows of the digest.
    pub rows: u64,
    /// Days that a later clock-in may still change; only of days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_days: Option<u64>,
    /// SHA-256 over the rows in the canonical form, in hex: the same for every form of file.
    pub digest: String,
    /// The entry of the centre's log that says who read employee numbers and why; absent when nobody did.
    pub disclosure_index: Option<u64>,
    /// The file.
    pub file: FileOf,
}

/// A position of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Its origin.
    pub origin: String,
    /// The size of its tree.
    pub tree_size: u64,
    /// The root of that tree, in base64.
    pub root: String,
}

/// The file that a sidecar stands beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileOf {
    /// Its name.
    pub name: String,
    /// Its form.
    pub form: Format,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

impl Sidecar {
    /// Where the sidecar of a file is.
    pub fn path(file: &Path) -> PathBuf {
        let mut path = file.as_os_str().to_owned();
        path.push(".json");
        PathBuf::from(path)
    }

    /// Reads one.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
        let sidecar: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{} is no sidecar of an export", path.display()))?;
        anyhow::ensure!(
            sidecar.format == FORMAT && Kind::parse(&sidecar.kind).is_some(),
            "{} is a sidecar of a form that this version does not know",
            path.display()
        );
        Ok(sidecar)
    }

    /// The text.
    pub fn render(&self) -> anyhow::Result<String> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }
}
