//! Somebody with the database's password changes one clock-in, in a copy. The checker names it.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::cli::Where;
use crate::cli::audit::check_office;
use crate::cli::office::{Office, Opening};
use crate::ledger::check::Finding;
use crate::store::{Binds, OpenMode, Statement, Store};

/// One clock-in, half an hour earlier.
static ALTER: Statement = Statement::new(
    "UPDATE attendance_punch SET claimed_ms = claimed_ms - 1800000 WHERE log_id = $1 AND pos = $2",
);

/// Copies a deployment, alters one clock-in in the copy, and says what the checker finds.
pub(super) async fn alter_and_check(
    data: &Path,
    copy: &Path,
    opening: Opening,
    log: i64,
    pos: i64,
) -> anyhow::Result<Vec<Finding>> {
    copy_folder(data, copy)?;
    let config = Where { data: Some(copy.to_owned()), config: None }.load()?;
    let store = Store::open(&config.database.url, OpenMode::Existing).await?;
    let mut tx = store.begin().await?;
    let altered = tx.execute(&ALTER, Binds::new().and(log).and(pos)).await?;
    anyhow::ensure!(altered == 1, "there is no clock-in at {pos}");
    tx.commit().await?;
    store.close().await;
    let office = Office::open(config, opening).await?;
    let found = check_office(&office).await?;
    office.close().await;
    Ok(found.findings)
}

/// The files of a deployment, without what a running server holds beside them.
fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
