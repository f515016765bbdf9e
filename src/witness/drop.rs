//! The same by file, for a witness that is on no network.
//!
//! ```text
//! <sha256 of the origin, hex>/<size>.add-checkpoint    what the log asks: the body of the HTTP call
//! <sha256 of the origin, hex>/<size>.cosig             what the witness answers: its signature lines
//! <sha256 of the origin, hex>/<size>.refused           or its status, and with 409 the size that it has
//! ```
//! A folder goes there and back on any medium. A refusal with a size is answered by the next request.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::witness::{Answer, Witness, WitnessFault, origin_hash};
use crate::kernel::{CentreId, LogId};
use crate::ledger::cosig;
use crate::ledger::reader::{Epoch, ReadError, Reader};
use crate::store::StoreError;
use crate::tlog::{AddCheckpoint, Checkpoint, CosignatureKey, Note};

/// A failed exchange of files.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    /// The files.
    #[error("failed to use the folder: {0}")]
    Io(#[from] io::Error),
    /// The log.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The witness.
    #[error(transparent)]
    Witness(#[from] WitnessFault),
    /// No log of that centre.
    #[error("there is no log of centre {0}")]
    NoLog(CentreId),
}

/// Writes a request for one centre's newest checkpoint, for one witness. Answers with the file.
pub async fn request(
    reader: &Reader,
    centre: &CentreId,
    witness: &CosignatureKey,
    out: &Path,
) -> Result<PathBuf, DropError> {
    let logs = reader.logs().await?;
    let log = logs.into_iter().find(|(_, known)| known == centre).map(|(log, _)| log);
    let log = log.ok_or_else(|| DropError::NoLog(centre.clone()))?;
    let (head, epoch) = reader.head(log).await?;
    let folder = out.join(origin_hash(&epoch.origin));
    fs::create_dir_all(&folder)?;
    let known = cosig::newest(reader, log, epoch.epoch, witness).await?.map_or(0, |(size, _)| size);
    let old_size = refused_size(&folder)?.unwrap_or(known).min(head.size);
    let body = body(reader, log, &epoch, old_size, head.size).await?;
    let path = folder.join(format!("{}.add-checkpoint", head.size));
    fs::write(&path, body)?;
    for answered in ["cosig", "refused"] {
        remove(&folder.join(format!("{}.{answered}", head.size)))?;
    }
    Ok(path)
}

/// The body of add-checkpoint.
pub(super) async fn body(
    reader: &Reader,
    log: LogId,
    epoch: &Epoch,
    old_size: u64,
    size: u64,
) -> Result<String, ReadError> {
    let sealed = reader.checkpoint(log, epoch.epoch, size).await?;
    let proof = reader.consistency(log, epoch, old_size, size).await?;
    let checkpoint = reader.note(log, &epoch.origin, &sealed)?;
    Ok(AddCheckpoint { old_size, proof, checkpoint }.to_string())
}

/// The size that the witness says it has, of the newest refusal that says one.
fn refused_size(folder: &Path) -> io::Result<Option<u64>> {
    let mut newest = None;
    for (size, path) in files(folder, "refused")? {
        let text = fs::read_to_string(path)?;
        if let Some(has) = text.strip_prefix("409 ").and_then(|rest| rest.trim_end().parse().ok()) {
            newest = newest.max(Some((size, has)));
        }
    }
    Ok(newest.map(|(_, has)| has))
}

/// The files of one kind in a log's folder, by the size that they are named after.
fn files(folder: &Path, kind: &str) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let size = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let Some(size) = size.filter(|_| path.extension().is_some_and(|extension| extension == kind)) {
            found.push((size, path));
        }
    }
    found.sort();
    Ok(found)
}

fn folders(of: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(of)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The request's file.
    pub request: PathBuf,
    /// The answer.
    pub answer: Answer,
}

/// Answers every request in a folder that has no answer yet, smallest sizes first.
pub fn sign(witness: &Witness, folder: &Path) -> Result<Vec<Signed>, DropError> {
    let mut signed = Vec::new();
    for folder in folders(folder)? {
        for (_, request) in files(&folder, "add-checkpoint")? {
            if request.with_extension("cosig").exists() {
                continue;
            }
            let answer = witness.add_checkpoint(&fs::read_to_string(&request)?)?;
            let (kind, text) = match &answer {
                Answer::Cosigned(lines) => ("cosig", lines.clone()),
                Answer::Conflict(size) => ("refused", format!("409 {size}\n")),
                Answer::Refused(status) => ("refused", format!("{status}\n")),
            };
            fs::write(request.with_extension(kind), text)?;
            signed.push(Signed { request, answer });
        }
    }
    Ok(signed)
}

/// What was found in a folder that came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Cosignatures that verified and are kept.
    pub kept: u64,
    /// Files without a cosignature by a known witness of a checkpoint of ours.
    pub refused: Vec<PathBuf>,
}

/// Verifies and keeps every cosignature in a folder.
pub async fn import(
    reader: &Reader,
    witnesses: &[CosignatureKey],
    folder: &Path,
) -> Result<Imported, DropError> {
    let mut imported = Imported::default();
    let mut epochs = Vec::new();
    for (log, _) in reader.logs().await? {
        epochs.extend(reader.epochs(log).await?.into_iter().map(|epoch| (log, epoch)));
    }
    for folder in folders(folder)? {
        for (size, path) in files(&folder, "cosig")? {
            let lines = fs::read_to_string(&path)?;
            let origin = origin_of(&path.with_extension("add-checkpoint"));
            let known = epochs.iter().find(|(_, epoch)| {
                Some(&epoch.origin) == origin.as_ref() || folder.ends_with(origin_hash(&epoch.origin))
            });
            let kept = match known {
                Some((log, epoch)) => keep(reader, *log, epoch, size, &lines, witnesses).await?,
                None => 0,
            };
            imported.kept += kept;
            if kept == 0 {
                imported.refused.push(path);
            }
        }
    }
    Ok(imported)
}

/// The origin that a request names, for folders that were renamed on the way.
fn origin_of(request: &Path) -> Option<String> {
    let body = AddCheckpoint::parse(&fs::read_to_string(request).ok()?).ok()?;
    let note = Note::parse(&body.checkpoint).ok()?;
    Checkpoint::parse(note.unverified_text()).ok().map(|checkpoint| checkpoint.origin)
}

async fn keep(
    reader: &Reader,
    log: LogId,
    epoch: &Epoch,
    size: u64,
    lines: &str,
    witnesses: &[CosignatureKey],
) -> Result<u64, DropError> {
    let Ok(sealed) = reader.checkpoint(log, epoch.epoch, size).await else { return Ok(0) };
    let text = cosig::text(epoch, &sealed);
    let cosigned: Vec<_> =
        witnesses.iter().flat_map(|witness| cosig::verify(lines, &text, witness)).collect();
    if !cosigned.is_empty() {
        cosig::keep(reader, log, &sealed, &cosigned).await?;
    }
    Ok(u64::try_from(cosigned.len()).unwrap_or(u64::MAX))
}
