//! A database of its own, filled with the facts of bundles by the registers' own rows, for as long as it takes to look.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::meaning;
use crate::cli::export::sidecar::Position;
use crate::clock::SystemClock;
use crate::kernel::{CentreId, LogId, Pos};
use crate::ledger::bundle::{EpochLine, MANIFEST, Manifest, PartHere, PartsReader, folder, parts_path};
use crate::ledger::keys::Keys;
use crate::ledger::leaf::{Leaf, PartType};
use crate::ledger::part::Salt;
use crate::ledger::port::{DraftPart, Placed, Rulebook};
use crate::ledger::reader::Epoch;
use crate::ledger::verify::{Files, Folder};
use crate::ledger::{Ledger, Parts, tables};
use crate::registers::derivation;
use crate::registers::directory;
use crate::registers::rulebook::{Registers, log_of};
use crate::results::{self, Folded};
use crate::store::{Inserts, OpenMode, Store};
use crate::tlog::{Edge, Hash, Tile, decode_bundle, leaf_hash};

/// Entries per file (c2sp.org/tlog-tiles).
const WIDTH: u64 = 256;

/// The database.
pub(super) struct Replay {
    store: Store,
    /// Without a log of its own: only what the fold asks of it is used.
    ledger: Ledger<Registers>,
    committer: JoinHandle<()>,
    registers: Registers,
    folder: TempDir,
}

/// A log that is in it.
pub(super) struct Filled {
    /// Its epochs, oldest first.
    pub(super) epochs: Vec<Epoch>,
    /// One past its last entry here.
    pub(super) end: Pos,
    /// Its root where it was to end.
    pub(super) root: Option<Hash>,
}

impl Replay {
    /// With nothing in it.
    pub(super) async fn begin() -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("qinlian-").context("failed to make a folder for the replay")?;
        let url = format!("sqlite://{}", folder.path().join("replay.db").display());
        let store = Store::open(&url, OpenMode::Create).await?;
        store.migrate().await?;
        // Nothing is signed, sealed or looked up by a keyed hash here.
        let keys = Keys::new(&[0; 32], &[0; 32]);
        let parts = Parts::new(store.clone(), keys, Arc::new(SystemClock::new()), meaning(), "replay");
        let (ledger, committer) = Ledger::start(parts).await?;
        Ok(Self { store, ledger, committer, registers: meaning(), folder })
    }

    /// The database.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// A folder that goes when it ends.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Closes, and leaves nothing behind.
    pub(super) async fn end(self) {
        drop(self.ledger);
        self.committer.abort();
        self.store.close().await;
    }

    /// Fills in the log of a bundle that was verified, to its end or to a position.
    pub(super) async fn fill(
        &self,
        bundle: &Path,
        log: LogId,
        until: Option<&Position>,
    ) -> anyhow::Result<Filled> {
        let files = Folder(bundle.to_owned());
        let text = String::from_utf8(read(&files, MANIFEST)?)?;
        let manifest = Manifest::parse(&text).context(MANIFEST)?;
        let present = manifest.epochs.last().map_or(0, |line| line.epoch);
        let mut filled = Filled { epochs: Vec::new(), end: Pos::ZERO, root: None };
        for line in &manifest.epochs {
            let base = Pos::new(line.base);
            filled.epochs.push(Epoch { epoch: line.epoch, base, origin: line.origin.clone() });
            let last = until.filter(|until| until.origin == line.origin);
            let size = last.map_or(line.size, |until| until.tree_size);
            if size > line.size {
                break;
            }
            let edge = self.fill_epoch(&files, log, line, &folder(line.epoch, present), size).await?;
            filled.end = Pos::new(line.base + size);
            if last.is_some() {
                filled.root = Some(edge.root());
                break;
            }
        }
        Ok(filled)
    }

    async fn fill_epoch(
        &self,
        files: &Folder,
        log: LogId,
        line: &EpochLine,
        folder: &str,
        size: u64,
    ) -> anyhow::Result<Edge> {
        let mut edge = Edge::new();
        for n in 0..size.div_ceil(WIDTH) {
            let width = u16::try_from((line.size - n * WIDTH).min(WIDTH))?;
            let tile = Tile { level: None, index: n, width };
            let entries = read(files, &format!("{folder}{tile}"))?;
            let parts = read(files, &format!("{folder}{}", parts_path(n)))?;
            let mut parts = PartsReader::new(&parts);
            let mut inserts = Inserts::new();
            for (index, bytes) in (n * WIDTH..size).zip(decode_bundle(&entries)?) {
                let pos = Pos::new(line.base + index);
                self.entry(log, pos, bytes, &parts.entry()?, &mut inserts)?;
                edge.push(leaf_hash(bytes), &mut |_, _| ())?;
            }
            let mut tx = self.store.begin().await?;
            tx.insert(inserts).await?;
            tx.commit().await?;
        }
        Ok(edge)
    }

    /// The rows of an entry: the ledger's, and what the registers make of it.
    fn entry(
        &self,
        log: LogId,
        pos: Pos,
        bytes: &[u8],
        here: &[PartHere<'_>],
        inserts: &mut Inserts,
    ) -> anyhow::Result<()> {
        let leaf = Leaf::decode(bytes)?;
        let Some(PartHere::Here { salt, payload }) = here.first() else {
            bail!("the facts of the entry at {} are not in the bundle", pos.get());
        };
        let hash = leaf_hash(bytes);
        inserts.push(
            &tables::ENTRY,
            [
                log.column().into(),
                pos.column().into(),
                i64::from(leaf.kind).into(),
                bytes.into(),
                hash.0.into(),
            ],
        );
        inserts.push(
            &tables::PART,
            [log.column().into(), pos.column().into(), 0_i64.into(), (*salt).into(), (*payload).into()],
        );
        let recalled = self.registers.recall(leaf.kind, payload);
        let recalled = recalled.with_context(|| format!("the facts at {} cannot be read", pos.get()))?;
        let parts = leaf.parts.iter().zip(here).map(|(committed, part)| match part {
            // No result is made of personal parts.
            PartHere::Here { salt, payload } if committed.part_type == PartType::Facts => {
                let (part_type, schema) = (committed.part_type, committed.schema);
                Some((Salt(*salt), DraftPart { part_type, schema, payload: payload.to_vec() }))
            }
            PartHere::Here { .. } | PartHere::Gone | PartHere::Withheld => None,
        });
        let placed = Placed {
            log,
            pos,
            recorded: leaf.recorded,
            request_id: leaf.request_id,
            digest: None,
            parts: parts.collect(),
            detail: recalled.detail,
        };
        self.registers.rows(&placed, inserts);
        Ok(())
    }

    /// The log of a centre, as the deployment's log says before a position.
    pub(super) async fn log_of(&self, centre: &CentreId, before: Pos) -> anyhow::Result<LogId> {
        let mut tx = self.store.snapshot().await?;
        let deployment = directory::rows::advance(&mut tx, LogId::DEPLOYMENT, None, before).await?;
        tx.rollback().await?;
        log_of(&deployment, centre)
            .filter(|log| *log != LogId::DEPLOYMENT)
            .with_context(|| format!("--deployment: the bundle is of no deployment with the centre {centre}"))
    }

    /// Derives the results of a log.
    pub(super) async fn fold(&self, log: LogId) -> anyhow::Result<()> {
        let derivation = derivation::registered(self.ledger.clone());
        let folded = results::Folder::new(self.store.clone(), derivation).catch_up(log).await?;
        ensure!(folded == Folded::CaughtUp, "the log is under rules that this version does not know");
        Ok(())
    }
}

fn read(files: &Folder, path: &str) -> anyhow::Result<Vec<u8>> {
    let bytes = files.read(path).with_context(|| format!("failed to read {path}"))?;
    bytes.with_context(|| format!("{path} is missing"))
}
