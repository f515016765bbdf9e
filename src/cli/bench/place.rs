//! Where a run keeps its databases, and takes them away again.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::store::{OpenMode, Store};

/// Where the databases are.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) database: Option<String>,
}

/// Which of the databases.
#[derive(Debug, Clone, Copy)]
pub(super) enum Schema {
    /// For the comparison, and later for the log that has grown.
    Main,
    /// For the log that stays young.
    Young,
    /// For one in between.
    Week,
}

impl Place {
    /// The URL of an empty database; `None` is a file in the deployment's own folder.
    pub(super) async fn url(&self, schema: Schema) -> anyhow::Result<Option<String>> {
        let Some(url) = &self.database else { return Ok(None) };
        if !url.starts_with("postgres") {
            bail!("--database: postgres://… or nothing");
        }
        let (name, create) = match schema {
            Schema::Main => ("qinlian_bench", "CREATE SCHEMA qinlian_bench"),
            Schema::Young => ("qinlian_bench_young", "CREATE SCHEMA qinlian_bench_young"),
            Schema::Week => ("qinlian_bench_week", "CREATE SCHEMA qinlian_bench_week"),
        };
        let store = Store::open(url, OpenMode::Existing).await.context("failed to open the database")?;
        store.maintain("", create).await.context("the schemas of an earlier run may be there still")?;
        store.close().await;
        let separator = if url.contains('?') { '&' } else { '?' };
        Ok(Some(format!("{url}{separator}options[search_path]={name}")))
    }

    /// The deployment's own folder.
    pub(super) fn folder(&self, schema: Schema) -> PathBuf {
        self.folder.join(match schema {
            Schema::Main => "main",
            Schema::Young => "young",
            Schema::Week => "week",
        })
    }

    /// Removes a deployment, if there is one.
    pub(super) async fn remove(&self, schema: Schema) -> anyhow::Result<()> {
        if let Some(url) = &self.database {
            let drop = match schema {
                Schema::Main => "DROP SCHEMA IF EXISTS qinlian_bench CASCADE",
                Schema::Young => "DROP SCHEMA IF EXISTS qinlian_bench_young CASCADE",
                Schema::Week => "DROP SCHEMA IF EXISTS qinlian_bench_week CASCADE",
            };
            let store = Store::open(url, OpenMode::Existing).await?;
            store.maintain("", drop).await?;
            store.close().await;
        }
        remove(&self.folder(schema))
    }

    /// Removes everything that the run made.
    pub(super) async fn clean(&self) -> anyhow::Result<()> {
        self.remove(Schema::Main).await?;
        self.remove(Schema::Young).await?;
        self.remove(Schema::Week).await?;
        remove(&self.folder)
    }
}

/// Removes a folder of the run's own.
fn remove(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove {}", folder.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
