//! One epoch: its checkpoints, then its entries, 256 at a time with their tile and their parts.

use super::collect::Found;
use super::files::Files;
use super::notes::{self, Brackets, Mark};
use super::report::FirstBad;
use super::tree::{Due, Tree};
use super::{Checks, Verifier};
use crate::kernel::Pos;
use crate::ledger::bundle::{EpochLine, PartHere, PartsReader, parts_path};
use crate::ledger::leaf::Leaf;
use crate::ledger::walk::Meaning;
use crate::tlog::{Hash, Tile, leaf_hash};

/// Entries per tile (c2sp.org/tlog-tiles).
const WIDTH: u64 = 256;

/// What an epoch came to.
pub(super) struct Epoch {
    pub(super) root: Hash,
    pub(super) witnessed: bool,
}

/// The epoch while its entries go by.
struct State<'a> {
    folder: &'a str,
    base: u64,
    tree: Tree,
    brackets: Brackets,
    /// The newest checkpoint whose root was right.
    good_until: u64,
}

/// Bytes of one tile's worth of entries.
struct Chunk {
    n: u64,
    width: u64,
    entries: Vec<u8>,
    hashes: Vec<u8>,
    tile: Tile,
}

impl<F: Files, M: Meaning> Verifier<'_, F, M> {
    /// Checks one epoch. An error ends everything: what follows could not be believed or read.
    pub(super) fn epoch(&mut self, line: &EpochLine, folder: &str) -> Result<Epoch, FirstBad> {
        let (marks, newest) = self.checkpoints(line, folder)?;
        let times = |mark: &Mark| mark.newest_at;
        let witnessed = marks.iter().any(|mark| times(mark).is_some());
        self.witnessed_until = marks.iter().filter_map(times).max().max(self.witnessed_until);
        self.walk.begin(Pos::new(line.base));
        (self.parts, self.withheld, self.gone) = (0, 0, 0);
        let brackets = Brackets::new(&marks);
        let mut state = State { folder, base: line.base, tree: Tree::new(marks), brackets, good_until: 0 };
        for due in state.tree.begin() {
            self.due(&mut state, due);
        }
        for n in 0..line.size.div_ceil(WIDTH) {
            let width = (line.size - n * WIDTH).min(WIDTH);
            self.chunk(&mut state, n, width)?;
        }
        for due in state.tree.end() {
            self.due(&mut state, due);
        }
        let counted = (self.parts, self.withheld, self.gone);
        if counted != (line.parts, line.withheld, line.gone) && self.options.checks == Checks::All {
            self.found.push(Found::Whole(FirstBad::file("MANIFEST", "counts other parts than there are")));
        }
        Ok(Epoch { root: newest, witnessed })
    }

    /// Every checkpoint of the epoch, in the order of sizes, with what the verifier saw before among them; and the
    /// newest root.
    fn checkpoints(&mut self, line: &EpochLine, folder: &str) -> Result<(Vec<Mark>, Hash), FirstBad> {
        let keys = self.options.all_keys();
        let newest_path = format!("{folder}checkpoint");
        let newest = self.note(&newest_path, line)?;
        let key = keys.iter().find(|key| key.name() == line.origin).map(ToString::to_string);
        if key.as_deref() != Some(line.key.as_str()) {
            self.found.push(Found::Whole(FirstBad::file(
                "MANIFEST",
                "names another key than the one that was given",
            )));
        }
        if newest.0.size != line.size {
            let why = format!("has size {}, and the MANIFEST says {}", newest.0.size, line.size);
            return Err(FirstBad::file(&newest_path, &why));
        }
        let prefix = format!("{folder}checkpoints/");
        let mut sizes: Vec<u64> = self
            .listed
            .range(prefix.clone()..)
            .take_while(|path| path.starts_with(&prefix))
            .filter_map(|path| path.strip_prefix(&prefix).and_then(|size| size.parse().ok()))
            .collect();
        sizes.sort_unstable();
        let mut marks = Vec::with_capacity(sizes.len() + 1);
        for size in sizes {
            let path = format!("{prefix}{size}");
            let (mark, text) = self.note(&path, line)?;
            if mark.size != size || size > line.size {
                return Err(FirstBad::file(&path, &format!("is a checkpoint of size {}", mark.size)));
            }
            if size == line.size && text != newest.1 {
                return Err(FirstBad::file(&path, "differs from the newest checkpoint of the same size"));
            }
            marks.push(mark);
        }
        if marks.last().is_none_or(|mark| mark.size != line.size) {
            return Err(FirstBad::file(&format!("{prefix}{}", line.size), "is missing"));
        }
        marks.extend(self.since(line));
        marks.sort_by_key(|mark| mark.size);
        Ok((marks, newest.0.root))
    }

    fn note(&mut self, path: &str, line: &EpochLine) -> Result<(Mark, String), FirstBad> {
        let bad = |why: &str| FirstBad::file(path, why);
        let bytes = self.read(path).map_err(|error| bad(&error))?.ok_or_else(|| bad("is missing"))?;
        let text = String::from_utf8(bytes).map_err(|_| bad("untrusted checkpoint: is not text"))?;
        let keys = self.options.all_keys();
        let (mark, checkpoint) =
            notes::mark(path, &text, &keys, self.options.policy.as_ref()).map_err(|why| bad(&why))?;
        if checkpoint.origin == line.origin {
            Ok((mark, text))
        } else {
            Err(bad(&format!("untrusted checkpoint: it is of {}", checkpoint.origin)))
        }
    }

    fn since(&self, line: &EpochLine) -> Option<Mark> {
        let checkpoint =
            notes::parse_signed(self.options.since.as_deref()?, &self.options.all_keys()).ok()?;
        let here = checkpoint.origin == line.origin && checkpoint.size <= line.size;
        here.then(|| Mark {
            size: checkpoint.size,
            root: checkpoint.root,
            from: "the checkpoint seen before".to_owned(),
            seen_by: None,
            newest_at: None,
        })
    }

    /// A file that has to be there for entries from `first` on.
    fn needed(&mut self, state: &State<'_>, path: &str, first: u64) -> Result<Vec<u8>, FirstBad> {
        let path = format!("{}{path}", state.folder);
        let read = self.read(&path).and_then(|bytes| bytes.ok_or_else(|| "is missing".to_owned()));
        read.map_err(|why| self.fatal(state, first, &path, &why))
    }

    /// Nothing after `index` can be read; what was found before it still counts more.
    fn fatal(&mut self, state: &State<'_>, index: u64, field: &str, why: &str) -> FirstBad {
        self.collect_flaws();
        self.found.push(Found::Exact {
            pos: Pos::new(state.base + index),
            field: field.to_owned(),
            why: why.to_owned(),
        });
        self.found.first().unwrap_or_else(|| FirstBad::entry(index, field, why))
    }

    fn chunk(&mut self, state: &mut State<'_>, n: u64, width: u64) -> Result<(), FirstBad> {
        let first = n * WIDTH;
        let partial = u16::try_from(width).unwrap_or(u16::MAX);
        let bundle = Tile { level: None, index: n, width: partial }.to_string();
        let tile = Tile { level: Some(0), index: n, width: partial };
        let entries = self.needed(state, &bundle, first)?;
        let hashes = self.needed(state, &tile.to_string(), first)?;
        let parts = self.needed(state, &parts_path(n), first)?;
        let chunk = Chunk { n, width, entries, hashes, tile };
        self.lengths(state, &chunk)?;
        let mut parts = PartsReader::new(&parts);
        let mut rest = chunk.entries.as_slice();
        let before = state.tree.edge().clone();
        for (index, stored) in (first..first + width).zip(chunk.hashes.as_chunks::<32>().0) {
            let Some(entry) = next_entry(&mut rest) else {
                return Err(self.fatal(state, index, &bundle, "the bundle of entries is cut short"));
            };
            let here = parts.entry();
            let here = here.map_err(|error| self.fatal(state, index, &parts_path(n), &error.to_string()))?;
            let hash = leaf_hash(entry);
            if hash.0 != *stored {
                self.walk.disbelieve(index);
                if !self.found.has_exact() {
                    self.differs(state, &chunk, index, &before);
                }
            }
            self.entry(state, index, entry, &here);
            for due in state.tree.push(hash) {
                self.due(state, due);
            }
        }
        if !rest.is_empty() || !parts.is_empty() {
            let path = if rest.is_empty() { parts_path(n) } else { bundle };
            return Err(self.fatal(state, first + width, &path, "goes on after its last entry"));
        }
        self.collect_flaws();
        Ok(())
    }

    fn lengths(&mut self, state: &State<'_>, chunk: &Chunk) -> Result<(), FirstBad> {
        let bytes = u64::try_from(chunk.hashes.len()).unwrap_or(u64::MAX);
        if bytes == chunk.width * 32 {
            return Ok(());
        }
        let index = chunk.n * WIDTH + (bytes / 32).min(chunk.width - 1);
        let path = format!("{}{}", state.folder, chunk.tile);
        Err(self.fatal(state, index, &path, "the tile does not have 32 bytes for each entry"))
    }

    fn entry(&mut self, state: &mut State<'_>, index: u64, bytes: &[u8], here: &[PartHere<'_>]) {
        self.entries += 1;
        let count = |wanted: PartHere<'_>| here.iter().filter(|part| **part == wanted).count();
        self.parts += u64::try_from(here.len()).unwrap_or_default();
        self.withheld += u64::try_from(count(PartHere::Withheld)).unwrap_or_default();
        self.gone += u64::try_from(count(PartHere::Gone)).unwrap_or_default();
        let Some(leaf) = self.walk.leaf(index, bytes) else { return };
        self.brackets(state, index, &leaf);
        if self.options.checks == Checks::NoParts {
            return;
        }
        self.walk.parts(index, &leaf, here, false);
        if let Some(PartHere::Here { payload, .. }) = here.first() {
            let said = self.meaning.recollect(leaf.kind, payload);
            self.walk.facts(index, &leaf, self.meaning.knows(leaf.kind), said.as_ref());
        }
    }

    /// Recorded within what the witnesses' clocks allow.
    fn brackets(&mut self, state: &mut State<'_>, index: u64, leaf: &Leaf) {
        let (after, before) = state.brackets.of(index);
        let skew = self.options.skew_ms;
        let why = match (after, before) {
            (Some(after), _) if leaf.recorded < after.plus_ms(-skew) => {
                format!("back-dated: a witness saw the log without this entry at {after}")
            }
            (_, Some(before)) if leaf.recorded > before.plus_ms(skew) => {
                format!("post-dated: a witness saw the log with this entry by {before}")
            }
            _ => return,
        };
        self.found.push(Found::Exact {
            pos: Pos::new(state.base + index),
            field: "leaf.recorded_ms".to_owned(),
            why,
        });
    }

    /// The leaf's hash is not the tile's: the next checkpoint in the same tile says which of the two was changed.
    fn differs(&mut self, state: &State<'_>, chunk: &Chunk, index: u64, before: &crate::tlog::Edge) {
        let end = chunk.n * WIDTH + chunk.width;
        let fits = |leaves: &mut dyn Iterator<Item = Hash>| {
            let mark = state.tree.next_mark().filter(|mark| mark.size <= end)?;
            let mut edge = before.clone();
            for leaf in leaves.take(usize::try_from(mark.size.saturating_sub(edge.size())).ok()?) {
                edge.push(leaf, &mut |_, _| ()).ok()?;
            }
            (edge.root() == mark.root).then_some(())
        };
        let mut rest = chunk.entries.as_slice();
        let tile_is_wrong = fits(&mut std::iter::from_fn(|| next_entry(&mut rest).map(leaf_hash))).is_some();
        let field = if tile_is_wrong { format!("{}{}", state.folder, chunk.tile) } else { "leaf".to_owned() };
        let why = if tile_is_wrong {
            "the tile holds another hash than the leaf's, and the signed root is the leaf's"
        } else {
            "the leaf does not have the hash that stands in the tile"
        };
        self.found.push(Found::Exact { pos: Pos::new(state.base + index), field, why: why.to_owned() });
    }

    fn due(&mut self, state: &mut State<'_>, due: Due) {
        match due {
            Due::Root(mark, root) if mark.root == root => state.good_until = mark.size,
            Due::Root(mark, _) => {
                let (from, until) = (state.good_until, mark.size);
                let why = format!(
                    "the entries do not give the root of {} ({until} entries): the first bad entry is in [{from}, {until})",
                    mark.from
                );
                let (from, until) = (Pos::new(state.base + from), Pos::new(state.base + until));
                self.found.push(Found::Range { from, until, field: "root".to_owned(), why });
            }
            Due::Tile(tile, hashes) => self.upper(state, tile, &hashes),
        }
    }

    /// A tile above the first level holds the roots of the tiles below it.
    fn upper(&mut self, state: &State<'_>, tile: Tile, hashes: &[Hash]) {
        let path = format!("{}{tile}", state.folder);
        // 256^level entries below each hash.
        let span = 1_u64.checked_shl(u32::from(tile.level.unwrap_or(0)) * 8).unwrap_or(u64::MAX);
        let first = tile.index.saturating_mul(WIDTH);
        let bytes = match self.read(&path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return self.found.push(Found::Whole(FirstBad::file(&path, "is missing"))),
            Err(error) => return self.found.push(Found::Whole(FirstBad::file(&path, &error))),
        };
        let (stored, odd) = bytes.as_chunks::<32>();
        if stored.len() != hashes.len() || !odd.is_empty() {
            return self
                .found
                .push(Found::Whole(FirstBad::file(&path, "does not have 32 bytes for each tile below it")));
        }
        for (at, (stored, hash)) in (first..).zip(stored.iter().zip(hashes)) {
            if hash.0 != *stored {
                let (from, until) = (at.saturating_mul(span), at.saturating_add(1).saturating_mul(span));
                let why = format!("holds another hash than that of the entries in [{from}, {until})");
                let (from, until) = (Pos::new(state.base + from), Pos::new(state.base + until));
                return self.found.push(Found::Range { from, until, field: path, why });
            }
        }
    }
}

/// The next entry of a bundle, c2sp.org/tlog-tiles "Log entries".
fn next_entry<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<2>()?;
    let (entry, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = tail;
    Some(entry)
}
