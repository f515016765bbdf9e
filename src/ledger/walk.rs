//! The rules that every entry of a log keeps, checked in the order of the entries: offline against a bundle, and
//! against the live database. Pure; what is remembered is one id per entry, and the parts that are gone.

use std::collections::{BTreeMap, HashSet};

use super::bundle::PartHere;
use super::erase::ERASE_KIND;
use super::leaf::{Leaf, LeafError, PartType};
use super::part::{Salt, commit};
use super::port::{PartAt, Rulebook};
use crate::kernel::{EpochMs, Pos, RequestId};

/// What an audit needs to know of the meaning of facts.
pub trait Meaning {
    /// The parts that an entry erases and the size of the deployment log that it names; `None` for a kind or for bytes
    /// that this version cannot read.
    fn recollect(&self, kind: u16, facts: &[u8]) -> Option<(Vec<PartAt>, u64)>;

    /// Is this a kind of this version? Facts of an unknown kind are passed over, of a known kind they have to be read.
    fn knows(&self, kind: u16) -> bool;
}

impl<R: Rulebook> Meaning for R {
    fn recollect(&self, kind: u16, facts: &[u8]) -> Option<(Vec<PartAt>, u64)> {
        self.recall(kind, facts).map(|recalled| (recalled.erases, recalled.deployment_size))
    }

    fn knows(&self, kind: u16) -> bool {
        self.kind_code(kind).is_some()
    }
}

/// What is wrong with one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The leaf cannot be read.
    Leaf(LeafError),
    /// The leaf names another index.
    Index(u64),
    /// Recorded before the entry before it.
    Recorded(EpochMs),
    /// Its request id is another entry's.
    RequestId,
    /// Another number of parts than the leaf has.
    PartCount,
    /// The facts were left out.
    FactsWithheld,
    /// Salt and payload do not give the leaf's commitment.
    Part(u32),
    /// Gone, and no ERASE entry says so.
    Destroyed(u32),
    /// Here, although an ERASE entry erased it.
    Resurrected {
        /// The part.
        part: u32,
        /// The ERASE entry.
        by: Pos,
    },
    /// The part is erased and the digest of its command is not.
    DigestKept,
    /// Facts of a known kind that cannot be read.
    Facts,
    /// An ERASE entry that erases something that no entry before it has.
    ErasesNothing(PartAt),
    /// Admitted under an older deployment log than the entry before it.
    DeploymentSize(u64),
}

impl Flaw {
    /// Where in the entry.
    pub(super) fn field(&self) -> String {
        match self {
            Self::Leaf(_) => "leaf".to_owned(),
            Self::Index(_) => "leaf.index".to_owned(),
            Self::Recorded(_) => "leaf.recorded_ms".to_owned(),
            Self::RequestId => "leaf.request_id".to_owned(),
            Self::PartCount => "parts".to_owned(),
            Self::FactsWithheld => "parts[0]".to_owned(),
            Self::Part(part) | Self::Destroyed(part) | Self::Resurrected { part, .. } => {
                format!("parts[{part}]")
            }
            Self::DigestKept => "digest".to_owned(),
            Self::Facts | Self::ErasesNothing(_) | Self::DeploymentSize(_) => "parts[0].payload".to_owned(),
        }
    }

    /// In words.
    pub(super) fn why(&self) -> String {
        match self {
            Self::Leaf(error) => format!("the leaf {error}"),
            Self::Index(index) => format!("the leaf says that it is entry {index}"),
            Self::Recorded(before) => format!("recorded before the entry before it, which says {before}"),
            Self::RequestId => "an earlier entry has the same request id".to_owned(),
            Self::PartCount => "the leaf commits to another number of parts".to_owned(),
            Self::FactsWithheld => "facts are never left out of a bundle".to_owned(),
            Self::Part(_) => "salt and payload are not what the leaf commits to".to_owned(),
            Self::Destroyed(_) => "destroyed evidence: the part is gone and no entry erases it".to_owned(),
            Self::Resurrected { by, .. } => {
                format!("resurrected: the entry at position {by} erased the part, and it is here")
            }
            Self::DigestKept => "a part was erased, and the digest of its command was not".to_owned(),
            Self::Facts => "facts of a kind that this version knows cannot be read".to_owned(),
            Self::ErasesNothing(at) => {
                format!("erases part {} at position {}, which no earlier entry has", at.part, at.pos)
            }
            Self::DeploymentSize(before) => {
                format!("names a smaller deployment log than the entry before it, which named {before}")
            }
        }
    }
}

/// More flaws than this are not kept one by one: 4,096.
const KEPT: usize = 4_096;

/// Goes from entry to entry, through all epochs of a log.
#[derive(Debug, Default)]
pub(super) struct Walk {
    base: u64,
    last: EpochMs,
    deployment_size: u64,
    ids: HashSet<RequestId>,
    /// Parts that are gone and wait for the entry that erased them; with them, whether the digest is still there.
    gone: BTreeMap<PartAt, bool>,
    erased: HashSet<PartAt>,
    flaws: Vec<(Pos, Flaw)>,
    withheld: u64,
    /// The last entry that cannot be believed: it may have been the one that erases a part that is gone.
    disbelieved: Option<Pos>,
}

impl Walk {
    /// The next epoch begins at this position.
    pub(super) fn begin(&mut self, base: Pos) {
        self.base = base.get();
    }

    /// Nothing that this entry says of others counts.
    pub(super) fn disbelieve(&mut self, index: u64) {
        self.disbelieved = self.disbelieved.max(Some(Pos::new(self.base + index)));
    }

    fn flaw(&mut self, index: u64, flaw: Flaw) {
        // Facts that open are facts, whatever became of a name beside them.
        if !matches!(flaw, Flaw::Part(1..)) {
            self.disbelieve(index);
        }
        self.flaw_at(Pos::new(self.base + index), flaw);
    }

    fn flaw_at(&mut self, pos: Pos, flaw: Flaw) {
        let first = self.flaws.iter().map(|(pos, _)| *pos).min();
        if self.flaws.len() < KEPT || first.is_some_and(|first| pos < first) {
            self.flaws.push((pos, flaw));
        }
    }

    /// The envelope.
    pub(super) fn leaf(&mut self, index: u64, bytes: &[u8]) -> Option<Leaf> {
        let leaf = match Leaf::decode(bytes) {
            Ok(leaf) => leaf,
            Err(error) => {
                self.flaw(index, Flaw::Leaf(error));
                return None;
            }
        };
        if leaf.index != index {
            self.flaw(index, Flaw::Index(leaf.index));
        }
        if leaf.recorded < self.last {
            self.flaw(index, Flaw::Recorded(self.last));
        }
        self.last = self.last.max(leaf.recorded);
        if !self.ids.insert(leaf.request_id) {
            self.flaw(index, Flaw::RequestId);
        }
        Some(leaf)
    }

    /// What it commits to. `digest_kept`: is the digest of its command still in the database?
    pub(super) fn parts(&mut self, index: u64, leaf: &Leaf, parts: &[PartHere<'_>], digest_kept: bool) {
        if parts.len() != leaf.parts.len() {
            self.flaw(index, Flaw::PartCount);
        }
        for ((number, here), committed) in (0_u32..).zip(parts).zip(&leaf.parts) {
            match here {
                PartHere::Gone => {
                    let at = PartAt { pos: Pos::new(self.base + index), part: number };
                    self.gone.insert(at, digest_kept);
                }
                PartHere::Withheld if committed.part_type == PartType::Facts => {
                    self.flaw(index, Flaw::FactsWithheld);
                }
                PartHere::Withheld => self.withheld += 1,
                PartHere::Here { salt, payload } => {
                    let opened = commit(&Salt(*salt), committed.part_type, committed.schema, payload);
                    if opened.commitment != committed.commitment {
                        self.flaw(index, Flaw::Part(number));
                    }
                }
            }
        }
    }

    /// What it says: of the parts that it erases, and of the deployment log. `said` is what the meaning made of facts
    /// that are there. An entry that is not what it was is not asked.
    pub(super) fn facts(&mut self, index: u64, leaf: &Leaf, known: bool, said: Option<&(Vec<PartAt>, u64)>) {
        if self.disbelieved == Some(Pos::new(self.base + index)) {
            return;
        }
        let Some((erases, deployment_size)) = said else {
            if known || leaf.kind == ERASE_KIND {
                self.flaw(index, Flaw::Facts);
            }
            return;
        };
        if *deployment_size < self.deployment_size {
            self.flaw(index, Flaw::DeploymentSize(self.deployment_size));
        }
        self.deployment_size = self.deployment_size.max(*deployment_size);
        // An entry of another kind erases nothing, whatever it says.
        for at in erases.iter().filter(|_| leaf.kind == ERASE_KIND) {
            self.erases(Pos::new(self.base + index), *at);
        }
    }

    fn erases(&mut self, by: Pos, at: PartAt) {
        if at.pos >= by {
            self.flaw_at(by, Flaw::ErasesNothing(at));
            return;
        }
        match self.gone.remove(&at) {
            Some(digest_kept) => {
                self.erased.insert(at);
                if digest_kept {
                    self.flaw_at(at.pos, Flaw::DigestKept);
                }
            }
            // Erased twice is erased.
            None if self.erased.contains(&at) => {}
            None => self.flaw_at(at.pos, Flaw::Resurrected { part: at.part, by }),
        }
    }

    /// What was found since the last call.
    pub(super) fn take(&mut self) -> Vec<(Pos, Flaw)> {
        std::mem::take(&mut self.flaws)
    }

    /// All entries were seen: what is gone and was not erased was destroyed. Where a later entry cannot be believed,
    /// that cannot be said: it may have been the one that erases.
    pub(super) fn finish(&mut self) {
        for (at, _) in std::mem::take(&mut self.gone) {
            if self.disbelieved.is_none_or(|last| last <= at.pos) {
                self.flaw_at(at.pos, Flaw::Destroyed(at.part));
            }
        }
    }

    /// Parts that were erased, as their entries say.
    pub(super) fn erased(&self) -> u64 {
        u64::try_from(self.erased.len()).unwrap_or(u64::MAX)
    }

    /// Parts that were left out.
    pub(super) fn withheld(&self) -> u64 {
        self.withheld
    }

    /// Is there an entry with this request id?
    pub(super) fn has(&self, id: RequestId) -> bool {
        self.ids.contains(&id)
    }

    /// The recorded time of the newest entry.
    pub(super) fn last(&self) -> EpochMs {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::leaf::PartCommitment;

    fn entry(index: u64, kind: u16, at: i64, parts: &[(PartType, &[u8])]) -> Leaf {
        let commitments: Vec<PartCommitment> = parts
            .iter()
            .map(|(part_type, payload)| commit(&Salt([1; 32]), *part_type, 0x11, payload))
            .collect();
        let mut id = [0; 16];
        id[15] = u8::try_from(index).unwrap();
        Leaf {
            kind,
            index,
            recorded: EpochMs::clamped(at),
            claimed: None,
            request_id: RequestId::random(id),
            refers_to: None,
            parts: commitments,
        }
    }

    const TWO: &[(PartType, &[u8])] = &[(PartType::Facts, b"f"), (PartType::Personal, b"p")];

    fn here(payload: &[u8]) -> PartHere<'_> {
        PartHere::Here { salt: [1; 32], payload }
    }

    fn at(pos: u64, part: u32) -> PartAt {
        PartAt { pos: Pos::new(pos), part }
    }

    /// Entry 0 with its personal part as given, entry 1 that erases `erases`.
    fn run(personal: PartHere<'_>, erases: Option<PartAt>) -> Vec<(Pos, Flaw)> {
        let mut walk = Walk::default();
        let first = entry(0, 0x21, 10, TWO);
        let leaf = walk.leaf(0, &first.encode()).unwrap();
        walk.parts(0, &leaf, &[here(b"f"), personal], false);
        walk.facts(0, &leaf, true, Some(&(vec![], 3)));
        let second = entry(1, ERASE_KIND, 10, &[(PartType::Facts, b"e")]);
        let leaf = walk.leaf(1, &second.encode()).unwrap();
        walk.parts(1, &leaf, &[here(b"e")], false);
        walk.facts(1, &leaf, true, Some(&(erases.into_iter().collect(), 3)));
        walk.finish();
        walk.take()
    }

    #[test]
    fn a_part_is_here_or_erased_and_anything_else_is_named() {
        let resurrected = Flaw::Resurrected { part: 1, by: Pos::new(1) };
        for (case, personal, erases, flaws) in [
            ("here", here(b"p"), None, vec![]),
            ("left out", PartHere::Withheld, None, vec![]),
            ("erased", PartHere::Gone, Some(at(0, 1)), vec![]),
            ("destroyed", PartHere::Gone, None, vec![(Pos::ZERO, Flaw::Destroyed(1))]),
            ("resurrected", here(b"p"), Some(at(0, 1)), vec![(Pos::ZERO, resurrected.clone())]),
            ("resurrected and left out", PartHere::Withheld, Some(at(0, 1)), vec![(Pos::ZERO, resurrected)]),
            ("changed", here(b"q"), None, vec![(Pos::ZERO, Flaw::Part(1))]),
            ("erases itself", here(b"p"), Some(at(1, 0)), vec![(Pos::new(1), Flaw::ErasesNothing(at(1, 0)))]),
        ] {
            assert_eq!(run(personal, erases), flaws, "{case}");
        }
    }

    #[test]
    fn order_time_and_ids_are_the_logs() {
        let mut walk = Walk::default();
        walk.begin(Pos::new(100));
        walk.leaf(0, &entry(0, 1, 50, &[]).encode());
        walk.leaf(1, &entry(7, 1, 40, &[]).encode());
        walk.leaf(2, &entry(7, 1, 60, &[]).encode());
        walk.leaf(3, b"QL");
        let flaws = walk.take();
        let found: Vec<(u64, String)> = flaws.iter().map(|(pos, f)| (pos.get(), f.field())).collect();
        let expected = [
            (101, "leaf.index"),
            (101, "leaf.recorded_ms"),
            (102, "leaf.index"),
            (102, "leaf.request_id"),
            (103, "leaf"),
        ];
        assert_eq!(found, expected.map(|(pos, field)| (pos, field.to_owned())));
    }
}
