//! One log's part of a batch while it is built, and what its receipts are made of afterwards.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::head::Head;
use super::keys::Keys;
use super::leaf::{Leaf, PartCommitment};
use super::part::{Salt, commit};
use super::port::{ConfigAt, Draft, Placed};
use super::tables;
use super::tiles::WIDTH;
use crate::clock::{Clock, random};
use crate::kernel::{CentreId, EpochMs, LogId, Pos, RequestId};
use crate::store::{Inserts, Value};
use crate::tlog::{self, Hash, NodeId};

/// A log whose head is checked.
#[derive(Debug, Clone)]
pub(super) struct OpenLog {
    pub(super) centre: CentreId,
    pub(super) base: Pos,
    pub(super) origin: String,
    pub(super) head: Head,
    /// The size that the head had when it was locked.
    pub(super) old_size: u64,
    /// Complete nodes known: the old edge and whatever this batch completed.
    pub(super) nodes: HashMap<NodeId, Hash>,
    /// The leaf hashes after the last full tile, if this replica wrote them all or began with one.
    pub(super) tail: Option<Vec<Hash>>,
    /// Tiles of leaf hashes that this batch completed, by number.
    pub(super) full: HashMap<u64, Vec<u8>>,
}

impl OpenLog {
    pub(super) fn new(centre: CentreId, base: Pos, origin: String, head: Head) -> Self {
        let nodes = head.edge.nodes().collect();
        let old_size = head.size;
        let tail = head.size.is_multiple_of(WIDTH).then(Vec::new);
        Self { centre, base, origin, head, old_size, nodes, tail, full: HashMap::new() }
    }

    pub(super) fn log(&self) -> LogId {
        self.head.log
    }

    /// The position that the next entry gets.
    pub(super) fn next_pos(&self) -> Pos {
        Pos::new(self.base.get() + self.head.size)
    }

    /// Where its directory and policy stand.
    pub(super) fn config(&self) -> ConfigAt {
        ConfigAt { log: self.log(), config_pos: self.head.config_pos, next_pos: self.next_pos() }
    }

    /// Gives a draft its place: salts, commitments, leaf, and the ledger's rows.
    pub(super) fn place<D>(
        &mut self,
        draft: Draft<D>,
        request: &Request,
        at: EpochMs,
        clock: &dyn Clock,
        keys: &Keys,
        inserts: &mut Inserts,
    ) -> Result<Entry<D>, tlog::SizeError> {
        let pos = self.next_pos();
        let index = self.head.size;
        let mut parts = Vec::with_capacity(draft.parts.len());
        let mut commitments: Vec<PartCommitment> = Vec::with_capacity(draft.parts.len());
        for part in draft.parts {
            let salt = Salt(random(clock));
            commitments.push(commit(&salt, part.part_type, part.schema, &part.payload));
            parts.push(Some((salt, part)));
        }
        let leaf = Leaf {
            kind: draft.kind,
            index,
            recorded: at,
            claimed: draft.claimed,
            request_id: request.id,
            refers_to: draft.refers_to,
            parts: commitments,
        }
        .encode();
        let leaf_hash = tlog::leaf_hash(&leaf);
        let nodes = &mut self.nodes;
        self.head.edge.push(leaf_hash, &mut |node, hash| {
            nodes.insert(node, hash);
        })?;
        self.head.size += 1;
        self.head.last = at;
        self.grow_tail(leaf_hash);
        if draft.changes_config {
            self.head.config_pos = pos.next();
        }
        inserts.push(
            &tables::ENTRY,
            [
                self.log().column().into(),
                pos.column().into(),
                i64::from(draft.kind).into(),
                leaf.clone().into(),
                leaf_hash.0.into(),
            ],
        );
        if let Some(Some((salt, facts))) = parts.first() {
            inserts.push(
                &tables::PART,
                [
                    self.log().column().into(),
                    pos.column().into(),
                    Value::Int(0),
                    salt.0.into(),
                    facts.payload.clone().into(),
                ],
            );
        }
        let kind = request.kind.unwrap_or(draft.kind);
        inserts.push(&tables::REQUEST, request_row(keys, self.log(), request, kind, pos));
        let placed = Placed {
            log: self.log(),
            pos,
            recorded: at,
            request_id: request.id,
            digest: Some(request.digest),
            parts,
            detail: draft.detail,
        };
        Ok(Entry { index, leaf, placed })
    }

    fn grow_tail(&mut self, leaf_hash: Hash) {
        if let Some(tail) = &mut self.tail {
            tail.push(leaf_hash);
        }
        if self.head.size.is_multiple_of(WIDTH)
            && let Some(tail) = self.tail.replace(Vec::new())
        {
            let hashes = tail.iter().flat_map(|hash| hash.0).collect();
            self.full.insert(self.head.size / WIDTH - 1, hashes);
        }
    }

    /// Ends the batch for this log: root, and what its receipts need.
    pub(super) fn close(&mut self) -> BatchTree {
        self.head.root = self.head.edge.root();
        BatchTree {
            log: self.log(),
            centre: self.centre.clone(),
            origin: self.origin.clone(),
            epoch: self.head.epoch,
            size: self.head.size,
            root: self.head.root,
            last: self.head.last,
            nodes: std::mem::take(&mut self.nodes),
            tail: self.tail.take().map(Arc::new),
            note: OnceLock::new(),
        }
    }
}

/// How a command will be recognised again.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) id: RequestId,
    pub(super) principal: String,
    /// The command's kind; a refusal on record has an entry of another kind.
    pub(super) kind: Option<u16>,
    pub(super) digest: [u8; 32],
}

/// A row of `ledger_request`, under a seal of its own: the digest is covered by nothing else, and is taken away when
/// a part is erased.
pub(super) fn request_row(keys: &Keys, log: LogId, request: &Request, kind: u16, pos: Pos) -> [Value; 7] {
    let seal = request_seal(keys, log, request.id, &request.principal, kind, Some(&request.digest), pos);
    [
        log.column().into(),
        request.id.to_bytes().into(),
        request.principal.clone().into(),
        i64::from(kind).into(),
        request.digest.into(),
        pos.column().into(),
        seal.into(),
    ]
}

/// The seal of a row of `ledger_request`.
pub fn request_seal(
    keys: &Keys,
    log: LogId,
    id: RequestId,
    principal: &str,
    kind: u16,
    digest: Option<&[u8; 32]>,
    pos: Pos,
) -> [u8; 32] {
    keys.seal(
        b"qinlian/v1/request",
        &[
            &log.column().to_be_bytes(),
            &id.to_bytes(),
            principal.as_bytes(),
            &kind.to_be_bytes(),
            digest.map_or(&[][..], |digest| &digest[..]),
            &pos.get().to_be_bytes(),
        ],
    )
}

/// An entry of the batch.
#[derive(Debug)]
pub struct Entry<D> {
    /// Its index in the tree.
    pub index: u64,
    /// Its leaf.
    pub leaf: Vec<u8>,
    /// Where it is and what it is.
    pub placed: Placed<D>,
}

/// What the receipts of one commit of one log are made of: no database is asked for them.
#[derive(Debug)]
pub struct BatchTree {
    /// The log.
    pub log: LogId,
    /// Its centre.
    pub centre: CentreId,
    /// The origin of its epoch.
    pub origin: String,
    /// The epoch.
    pub epoch: u32,
    /// The size after the commit.
    pub size: u64,
    /// The root at that size.
    pub root: Hash,
    /// When its last entry was recorded.
    pub(super) last: EpochMs,
    nodes: HashMap<NodeId, Hash>,
    /// The leaf hashes after the last full tile, if they are known: the next commit of this replica need not read them.
    pub(super) tail: Option<Arc<Vec<Hash>>>,
    note: OnceLock<String>,
}

impl BatchTree {
    /// The signed checkpoint; set after COMMIT, before any receipt is released.
    pub fn note(&self) -> &str {
        self.note.get().map_or("", String::as_str)
    }

    pub(super) fn sign(&self, note: String) {
        // Set once; a second signature would have the same bytes.
        let _ = self.note.set(note);
    }

    /// The inclusion proof of an entry of this commit, as a c2sp.org/tlog-proof text.
    pub fn proof(&self, index: u64) -> Result<String, tlog::ProofError> {
        let items = tlog::inclusion_nodes(index, self.size)?;
        let hashes = tlog::assemble(&items, |node| self.nodes.get(&node).copied())?;
        Ok(tlog::TlogProof { extra: None, index, hashes, checkpoint: self.note().to_owned() }.to_string())
    }
}
