//! Writes a bundle, file by file, from one moment of the database.
//!
//! What the database holds is copied as it stands, right or wrong: finding out is the verifier's business. Only
//! checkpoints are signed on the way, and only under seals that are ours.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs;
use std::io;
use std::path::Path;

use super::checkpoints::{Selection, Whose};
use super::manifest::{EpochLine, FileLine, Manifest};
use super::parts::{PartHere, encode_parts};
use super::wanted::Shown;
use super::{MANIFEST, WIDTH, folder, parts_path};
use crate::kernel::{LogId, Pos};
use crate::ledger::commit::{HEADS, read_head};
use crate::ledger::disclosure::Disclosure;
use crate::ledger::head::HeadFault;
use crate::ledger::leaf::Leaf;
use crate::ledger::reader::{EPOCHS, Epoch, Reader, read_epoch};
use crate::ledger::{signature, tables, tiles};
use crate::store::{Binds, Cells, Keys as KeySet, Statement, StoreError, Table, Tx, Value};
use crate::tlog::{self, CosignatureKey, Tile, encode_bundle, tiles_of};

/// Leaves from one position up to, not including, another.
static LEAVES: Statement = Statement::new(
    "SELECT pos, leaf FROM ledger_entry WHERE log_id = $1 AND pos >= $2 AND pos < $3 ORDER BY pos",
);

/// Full tiles per question: 32 × 8 KiB.
const TILES: usize = 32;

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub struct BundleRequest<'a> {
    /// The log.
    pub log: LogId,
    /// Where personal parts are: `rulebook.personal_tables()`.
    pub personal_tables: &'static [&'static Table],
    /// Which personal parts are in it; of the others it says that they were left out.
    pub personal: Option<Shown<'a>>,
    /// Witnesses whose cosignatures are written as lines: the table has their key ids, the line needs their names.
    pub witnesses: &'a [CosignatureKey],
}

/// A file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFile {
    /// Relative, with slashes.
    pub path: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The head is not ours.
    #[error(transparent)]
    Head(#[from] HeadFault),
    /// A checkpoint whose seal is broken is not signed.
    #[error("the checkpoint of size {size} has a broken seal: `qinlian audit check` says more")]
    Seal {
        /// Its size.
        size: u64,
    },
    /// A row that has to be there.
    #[error("{table} lacks the row at {pos}: `qinlian audit check` says more")]
    Missing {
        /// The table.
        table: &'static str,
        /// The position; for a checkpoint its size.
        pos: Pos,
    },
    /// The record of the read is in another log.
    #[error("the read is on record in another log")]
    Disclosure,
    /// The folder cannot be written.
    #[error("failed to write the bundle: {0}")]
    Io(#[from] io::Error),
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Files, MANIFEST included.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The size of the present epoch's tree.
    pub size: u64,
}

#[derive(Debug)]
struct Plan {
    epoch: Epoch,
    size: u64,
    folder: String,
    line: EpochLine,
}

#[derive(Debug)]
enum Step {
    Newest,
    Checkpoints(Selection),
    Parts(u64),
    Tiles(VecDeque<Tile>),
    Entries(u64),
}

/// Gives the files one after the other: per epoch, oldest first, `checkpoint`, `checkpoints/`, `parts/`, `tile/` by
/// level, `tile/entries/`; MANIFEST is the last of all.
#[derive(Debug)]
pub struct BundleWriter<'a> {
    reader: &'a Reader,
    request: BundleRequest<'a>,
    tx: Tx,
    plans: VecDeque<Plan>,
    step: Step,
    ready: VecDeque<BundleFile>,
    manifest: Option<Manifest>,
    size: u64,
}

impl<'a> BundleWriter<'a> {
    /// Fixes the moment, checks the head, and plans.
    pub async fn open(reader: &'a Reader, request: BundleRequest<'a>) -> Result<Self, BundleError> {
        if request.personal.is_some_and(|shown| shown.on_record.log() != request.log) {
            return Err(BundleError::Disclosure);
        }
        let mut tx = reader.store().snapshot().await?;
        let log = request.log.column();
        let heads = tx.fetch(&HEADS, Binds::new().keys(KeySet::ints([log])), read_head).await?;
        let row = heads.into_iter().next().ok_or(HeadFault::Missing)?;
        let head = row.stored.open(reader.keys(), &row.centre, row.base, &row.origin)?;
        let epochs = tx.fetch(&EPOCHS, Binds::new().and(log), read_epoch).await?;
        let bases: Vec<u64> = epochs.iter().skip(1).map(|epoch| epoch.base.get()).collect();
        let mut plans = VecDeque::new();
        for (at, epoch) in epochs.into_iter().enumerate() {
            let size = match bases.get(at) {
                Some(next) => next.saturating_sub(epoch.base.get()),
                None => head.size,
            };
            let key = signature::verifier_key(reader.keys(), &epoch.origin);
            let line = EpochLine {
                epoch: epoch.epoch,
                origin: epoch.origin.clone(),
                key: key.map(|key| key.to_string()).unwrap_or_default(),
                base: epoch.base.get(),
                size,
                parts: 0,
                withheld: 0,
                gone: 0,
            };
            plans.push_back(Plan { folder: folder(epoch.epoch, head.epoch), epoch, size, line });
        }
        let (step, ready, manifest) = (Step::Newest, VecDeque::new(), Some(Manifest::default()));
        Ok(Self { reader, request, tx, plans, step, ready, manifest, size: head.size })
    }

    /// The next file; `None` after MANIFEST.
    pub async fn next(&mut self) -> Result<Option<BundleFile>, BundleError> {
        while self.ready.is_empty() {
            let Some(plan) = self.plans.pop_front() else {
                let text = self.manifest.take().map(|manifest| manifest.render());
                return Ok(
                    text.map(|text| BundleFile { path: MANIFEST.to_owned(), bytes: text.into_bytes() })
                );
            };
            self.advance(plan).await?;
        }
        let file = self.ready.pop_front();
        if let (Some(file), Some(manifest)) = (&file, &mut self.manifest) {
            manifest.files.insert(file.path.clone(), FileLine::of(&file.bytes));
        }
        Ok(file)
    }

    /// Does one step of an epoch; the plan goes back to the front unless it is done.
    async fn advance(&mut self, mut plan: Plan) -> Result<(), BundleError> {
        let whose = Whose {
            keys: self.reader.keys(),
            log: self.request.log,
            epoch: &plan.epoch,
            size: plan.size,
            witnesses: self.request.witnesses,
        };
        match &mut self.step {
            Step::Newest => {
                let note = whose.newest(&mut self.tx).await?;
                let path = format!("{}checkpoint", plan.folder);
                self.ready.push_back(BundleFile { path, bytes: note.into_bytes() });
                self.step = Step::Checkpoints(Selection::default());
            }
            Step::Checkpoints(selection) => match selection.next(&mut self.tx, &whose, &plan.folder).await? {
                Some(files) => self.ready = files,
                None => self.step = Step::Parts(0),
            },
            Step::Parts(n) if *n * WIDTH < plan.size => {
                let n = *n;
                self.parts(&mut plan, n).await?;
                self.step = Step::Parts(n + 1);
            }
            Step::Parts(_) => self.step = Step::Tiles(tiles_of(plan.size).collect()),
            Step::Tiles(tiles) if tiles.is_empty() => self.step = Step::Entries(0),
            Step::Tiles(tiles) => {
                let level = tiles.front().and_then(|tile| tile.level);
                let like = |tile: &Tile| tile.level == level && u64::from(tile.width) == WIDTH;
                let full = tiles.iter().take(TILES).take_while(|tile| like(tile)).count();
                let next: Vec<Tile> = tiles.drain(..full.max(1)).collect();
                self.tiles(&plan, &next).await?;
            }
            Step::Entries(n) if *n * WIDTH < plan.size => {
                let n = *n;
                self.entries(&plan, n).await?;
                self.step = Step::Entries(n + 1);
            }
            Step::Entries(_) => {
                if let Some(manifest) = &mut self.manifest {
                    manifest.epochs.push(plan.line);
                }
                self.step = Step::Newest;
                return Ok(());
            }
        }
        self.plans.push_front(plan);
        Ok(())
    }

    fn range(plan: &Plan, n: u64) -> (Pos, Pos) {
        let (base, from) = (plan.epoch.base.get(), n * WIDTH);
        (Pos::new(base + from), Pos::new(base + plan.size.min(from + WIDTH)))
    }

    async fn leaves(&mut self, plan: &Plan, n: u64) -> Result<Vec<Vec<u8>>, BundleError> {
        let (from, until) = Self::range(plan, n);
        let binds = Binds::new().and(self.request.log.column()).and(from.column()).and(until.column());
        let rows = self.tx.fetch(&LEAVES, binds, |cells| Ok((cells.int()?, cells.blob()?))).await?;
        let mut leaves = Vec::with_capacity(rows.len());
        let mut expected = from;
        for (pos, leaf) in rows {
            if pos != expected.column() {
                break;
            }
            leaves.push(leaf);
            expected = expected.next();
        }
        if expected == until {
            Ok(leaves)
        } else {
            Err(BundleError::Missing { table: "ledger_entry", pos: expected })
        }
    }

    async fn entries(&mut self, plan: &Plan, n: u64) -> Result<(), BundleError> {
        let leaves = self.leaves(plan, n).await?;
        let width = u16::try_from(leaves.len()).unwrap_or(u16::MAX);
        let path = format!("{}{}", plan.folder, Tile { level: None, index: n, width });
        let bytes = encode_bundle(leaves.iter().map(Vec::as_slice))
            .map_err(|_| StoreError::Inconsistent { table: "ledger_entry", column: "leaf" })?;
        self.ready.push_back(BundleFile { path, bytes });
        Ok(())
    }

    async fn parts(&mut self, plan: &mut Plan, n: u64) -> Result<(), BundleError> {
        let leaves = self.leaves(plan, n).await?;
        let (from, until) = Self::range(plan, n);
        let facts = self.stored(&tables::PART, from, until).await?;
        let mut personal = HashMap::new();
        let mut withheld = HashSet::new();
        for table in self.request.personal_tables {
            match self.request.personal {
                Some(shown) => personal.extend(self.disclosed(shown.on_record, table, from, until).await?),
                None => withheld.extend(self.places(table, from, until).await?),
            }
        }
        let mut bytes = Vec::new();
        for (pos, leaf) in (from.column()..).zip(&leaves) {
            // A leaf that cannot be read commits to nothing that could be named.
            let leaf = Leaf::decode(leaf).ok();
            let count = leaf.as_ref().map_or(0, |leaf| leaf.parts.len());
            let count = i64::try_from(count).unwrap_or_default();
            let selected =
                leaf.zip(self.request.personal).is_some_and(|(leaf, shown)| shown.of.holds(pos, &leaf));
            let parts: Vec<PartHere<'_>> = (0..count)
                .map(|part| {
                    let stored = if part == 0 { facts.get(&(pos, 0)) } else { personal.get(&(pos, part)) };
                    match stored {
                        Some(_) if part > 0 && !selected => PartHere::Withheld,
                        Some((salt, payload)) => PartHere::Here { salt: *salt, payload },
                        None if part > 0 && withheld.contains(&(pos, part)) => PartHere::Withheld,
                        None => PartHere::Gone,
                    }
                })
                .collect();
            let count_of = |wanted: PartHere<'_>| parts.iter().filter(|part| **part == wanted).count();
            plan.line.parts += u64::try_from(parts.len()).unwrap_or_default();
            plan.line.withheld += u64::try_from(count_of(PartHere::Withheld)).unwrap_or_default();
            plan.line.gone += u64::try_from(count_of(PartHere::Gone)).unwrap_or_default();
            encode_parts(&mut bytes, &parts);
        }
        self.ready.push_back(BundleFile { path: format!("{}{}", plan.folder, parts_path(n)), bytes });
        Ok(())
    }

    /// Personal parts, under the record of their reading.
    async fn disclosed(
        &mut self,
        _on_record: &Disclosure,
        table: &'static Table,
        from: Pos,
        until: Pos,
    ) -> Result<StoredParts, BundleError> {
        self.stored(table, from, until).await
    }

    async fn stored(
        &mut self,
        table: &'static Table,
        from: Pos,
        until: Pos,
    ) -> Result<StoredParts, BundleError> {
        let log = self.request.log.column();
        let rows = self.tx.range(table, log, from.column(), until.column()).await?;
        let mut parts = HashMap::with_capacity(rows.len());
        for row in rows {
            if let [_, Value::Int(pos), Value::Int(part), Value::Blob(salt), Value::Blob(payload)] =
                row.as_slice()
            {
                // A salt of another length opens nothing: it is shown cut or filled up, and found.
                let mut fixed = [0; 32];
                fixed.iter_mut().zip(salt).for_each(|(to, from)| *to = *from);
                parts.insert((*pos, *part), (fixed, payload.clone()));
            }
        }
        Ok(parts)
    }

    async fn places(
        &mut self,
        table: &'static Table,
        from: Pos,
        until: Pos,
    ) -> Result<Vec<(i64, i64)>, BundleError> {
        let binds = Binds::new().and(self.request.log.column()).and(from.column()).and(until.column());
        let read = |cells: &mut Cells<'_>| Ok((cells.int()?, cells.int()?));
        Ok(self.tx.fetch(table.places(), binds, read).await?)
    }

    async fn tiles(&mut self, plan: &Plan, next: &[Tile]) -> Result<(), BundleError> {
        let (log, epoch) = (self.request.log, plan.epoch.epoch);
        let level = next.first().and_then(|tile| tile.level).unwrap_or(0);
        let full = next.iter().filter(|tile| u64::from(tile.width) == WIDTH).map(|tile| (level, tile.index));
        let mut stored = tiles::fetch(&mut self.tx, log, epoch, full).await?;
        for tile in next {
            let bytes = if u64::from(tile.width) == WIDTH {
                stored.remove(&(level, tile.index))
            } else {
                Some(self.partial(plan, tile, level).await?)
            };
            let pos = Pos::new(tile.index);
            let bytes = bytes.ok_or(BundleError::Missing { table: "ledger_tile", pos })?;
            self.ready.push_back(BundleFile { path: format!("{}{tile}", plan.folder), bytes });
        }
        Ok(())
    }

    /// A partial tile: leaf hashes, or the roots of the full tiles one level below.
    async fn partial(&mut self, plan: &Plan, tile: &Tile, level: u8) -> Result<Vec<u8>, BundleError> {
        let (first, count) = (tile.index * WIDTH, u64::from(tile.width));
        let log = self.request.log;
        let hashes: Vec<tlog::Hash> = match level.checked_sub(1) {
            None => {
                let base = plan.epoch.base.get();
                let binds = Binds::new()
                    .and(log.column())
                    .and(Pos::new(base + first).column())
                    .and(Pos::new(base + first + count).column());
                self.tx.fetch(&tiles::LEAF_HASHES, binds, tiles::read_leaf_hash).await?
            }
            Some(below) => {
                let wanted = (first..first + count).map(|n| (below, n));
                let stored = tiles::fetch(&mut self.tx, log, plan.epoch.epoch, wanted.clone()).await?;
                wanted.filter_map(|at| stored.get(&at).and_then(|bytes| tiles::root_of(bytes))).collect()
            }
        };
        Ok(hashes.iter().flat_map(|hash| hash.0).collect())
    }

    /// The size of the present epoch's tree.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// Salt and payload by (position, part).
type StoredParts = HashMap<(i64, i64), ([u8; 32], Vec<u8>)>;

/// Writes a bundle into a folder, which is made and has to be empty.
pub async fn write_folder(
    reader: &Reader,
    request: BundleRequest<'_>,
    folder: &Path,
) -> Result<Summary, BundleError> {
    fs::create_dir_all(folder)?;
    if fs::read_dir(folder)?.next().is_some() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the folder is not empty").into());
    }
    let mut writer = BundleWriter::open(reader, request).await?;
    let mut summary = Summary { files: 0, bytes: 0, size: writer.size() };
    while let Some(file) = writer.next().await? {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, &file.bytes)?;
        summary.files += 1;
        summary.bytes += u64::try_from(file.bytes.len()).unwrap_or_default();
    }
    Ok(summary)
}
