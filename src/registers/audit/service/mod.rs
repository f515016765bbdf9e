//! `AuditService`: checkpoints, receipts, proofs, entries, bundles, who read what, and erasure.
//!
//! An index in a request is an index in the tree of an origin: the present one of the centre unless another is named.

use futures_util::Stream;

use crate::access::Caller;
use crate::kernel::{CentreId, Check, Pos, RequestId};
use crate::ledger::committer::Outcome;
use crate::ledger::reader::{Epoch, ReadError, SealedCheckpoint};
use crate::proto::*;
use crate::registers::audit::rows;
use crate::registers::desk::{Desk, Place};
use crate::registers::failure::Failure;
use crate::registers::wire;
use crate::tlog::{Checkpoint, CosignatureKey, NoteSignature};
use cleanup::Cleanup;

mod bundle;
pub mod cleanup;
mod entries;
mod erasures;
pub mod reads;
pub mod restore;

/// The newest cosignatures that are looked at for one that verifies.
const COSIGNATURES: u32 = 32;

/// The calls of `AuditService`.
#[derive(Debug, Clone)]
pub struct Calls {
    desk: Desk,
    witnesses: std::sync::Arc<[CosignatureKey]>,
    cleanup: Cleanup,
}

/// A tree of a log, and how far it goes.
#[derive(Debug, Clone)]
struct Tree {
    epoch: Epoch,
    size: u64,
}

impl Tree {
    /// The position of an entry of this tree.
    fn at(&self, index: u64) -> Option<Pos> {
        (index < self.size).then(|| Pos::new(self.epoch.base.get() + index))
    }
}

impl Calls {
    /// At a desk, with the witnesses whose cosignatures are shown.
    pub fn new(desk: Desk, witnesses: Vec<CosignatureKey>) -> Self {
        let cleanup = Cleanup::at(&desk);
        Self { desk, witnesses: witnesses.into(), cleanup }
    }

    /// The job that takes what was erased out of the database's files.
    pub fn cleanup(&self) -> &Cleanup {
        &self.cleanup
    }

    /// The newest signed checkpoint.
    pub async fn get_checkpoint(
        &self,
        caller: &Caller,
        request: GetCheckpointRequest,
    ) -> Result<GetCheckpointResponse, Failure> {
        let place = self.enter(caller, &request.centre).await?;
        let tree = self.tree(&place, "").await?;
        let checkpoint = self.checkpoint(&place, &tree, 0).await?;
        let note = self.cosigned(&place, &tree.epoch, &checkpoint).await?;
        Ok(GetCheckpointResponse { note, witnessed_size: self.witnessed(&place, &tree.epoch).await? })
    }

    /// The receipt of a write, for who made it and for auditors.
    pub async fn get_receipt(
        &self,
        caller: &Caller,
        request: GetReceiptRequest,
    ) -> Result<GetReceiptResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let id = wire::request_id(&mut check, &request.request_id);
        check.done()?;
        let (Some(centre), Some(id)) = (centre, id) else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk.enter(caller, &centre).await?;
        let pos = self.written_by(&place, id).await?.ok_or(Failure::NotFound("receipt"))?;
        let written = self.desk.stored(Outcome::Repeat, place.log, pos, ReceiptView::Full).await?;
        Ok(GetReceiptResponse { receipt: Some(written.receipt(&centre)) })
    }

    /// The entry of a request, if the caller made it or audits.
    async fn written_by(&self, place: &Place, id: RequestId) -> Result<Option<Pos>, Failure> {
        let known = self.desk.ledger().reader().request(place.log, id).await?;
        let audits =
            matches!(place.pass.grant().role, Role::Auditor | Role::AuditAdministrator | Role::Discipline);
        let subject = place.pass.subject().to_string();
        Ok(known.filter(|known| audits || known.principal == subject).map(|known| known.pos))
    }

    /// An inclusion proof.
    pub async fn prove_inclusion(
        &self,
        caller: &Caller,
        request: ProveInclusionRequest,
    ) -> Result<ProveInclusionResponse, Failure> {
        let place = self.enter(caller, &request.centre).await?;
        let tree = self.tree(&place, &request.origin).await?;
        let checkpoint = self.checkpoint(&place, &tree, request.size).await?;
        let reader = self.desk.ledger().reader();
        let proof = reader.inclusion(place.log, &tree.epoch, request.index, &checkpoint).await?;
        Ok(ProveInclusionResponse { proof })
    }

    /// A consistency proof.
    pub async fn prove_consistency(
        &self,
        caller: &Caller,
        request: ProveConsistencyRequest,
    ) -> Result<ProveConsistencyResponse, Failure> {
        let place = self.enter(caller, &request.centre).await?;
        let tree = self.tree(&place, &request.origin).await?;
        let checkpoint = self.checkpoint(&place, &tree, request.new_size).await?;
        let reader = self.desk.ledger().reader();
        let hashes = reader.consistency(place.log, &tree.epoch, request.old_size, checkpoint.size).await?;
        let note = self.cosigned(&place, &tree.epoch, &checkpoint).await?;
        Ok(ProveConsistencyResponse { hashes: hashes.iter().map(|hash| hash.0.to_vec()).collect(), note })
    }

    /// Who read personal content, in the order in which the reads were recorded.
    pub async fn list_reads(
        &self,
        caller: &Caller,
        request: ListReadsRequest,
    ) -> Result<ListReadsResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let size = wire::page_size(&mut check, "page_size", request.page_size);
        let from = wire::parse_token(&mut check, "page_token", &request.page_token);
        check.done()?;
        let centre = centre.ok_or(Failure::Fault("PARSE"))?;
        let place = self.desk.enter(caller, &centre).await?;
        let from = from.map_or(Pos::ZERO, |(pos, _)| pos);
        let mut reads = rows::reads_from(self.desk.store(), place.log, from, size + 1).await?;
        let next = reads.get(size).map(|read| wire::token(read.pos, "")).unwrap_or_default();
        reads.truncate(size);
        let epochs = self.desk.ledger().reader().epochs(place.log).await?;
        let reads = reads.into_iter().map(|row| read_of(row, &epochs)).collect();
        Ok(ListReadsResponse { reads, next_page_token: next })
    }

    async fn enter(&self, caller: &Caller, centre: &str) -> Result<Place, Failure> {
        self.enter_checked(caller, centre, Check::new()).await
    }

    /// What else is wrong has been noted, and is said with a centre that is.
    async fn enter_checked(&self, caller: &Caller, centre: &str, mut check: Check) -> Result<Place, Failure> {
        let centre: Option<CentreId> = wire::centre(&mut check, centre);
        check.done()?;
        self.desk.enter(caller, &centre.ok_or(Failure::Fault("PARSE"))?).await
    }

    /// The tree of an origin; empty: the present one.
    async fn tree(&self, place: &Place, origin: &str) -> Result<Tree, Failure> {
        let reader = self.desk.ledger().reader();
        let (head, present) = reader.head(place.log).await?;
        if origin.is_empty() || origin == present.origin {
            return Ok(Tree { epoch: present, size: head.size });
        }
        let epochs = reader.epochs(place.log).await?;
        let mut pairs = epochs.iter().zip(epochs.iter().skip(1));
        let (epoch, next) =
            pairs.find(|(epoch, _)| epoch.origin == origin).ok_or(Failure::NotFound("tree"))?;
        let size = next.base.get().saturating_sub(epoch.base.get());
        Ok(Tree { epoch: epoch.clone(), size })
    }

    /// The checkpoint of a size; 0: the newest.
    async fn checkpoint(&self, place: &Place, tree: &Tree, size: u64) -> Result<SealedCheckpoint, Failure> {
        let reader = self.desk.ledger().reader();
        let wanted = if size == 0 { tree.size } else { size };
        match reader.checkpoint(place.log, tree.epoch.epoch, wanted).await {
            // A commit adds many entries at once: not every size has one.
            Err(ReadError::Checkpoint) if size > 0 => Err(Failure::NotFound("checkpoint")),
            other => Ok(other?),
        }
    }

    /// The note of a checkpoint with our signature and what witnesses added.
    async fn cosigned(
        &self,
        place: &Place,
        epoch: &Epoch,
        checkpoint: &SealedCheckpoint,
    ) -> Result<String, Failure> {
        let reader = self.desk.ledger().reader();
        let mut note = reader.note(place.log, &epoch.origin, checkpoint)?;
        for cosignature in reader.cosignatures(place.log, epoch.epoch, checkpoint.size).await? {
            let known = |key: &&CosignatureKey| key.vkey().key_id() == cosignature.key_id;
            if let Some(line) = self.witnesses.iter().find(known).and_then(|key| line(key, &cosignature)) {
                note.push_str(&line.line());
            }
        }
        Ok(note)
    }

    /// The largest size that a known witness has cosigned.
    async fn witnessed(&self, place: &Place, epoch: &Epoch) -> Result<Option<u64>, Failure> {
        let reader = self.desk.ledger().reader();
        for (size, cosignature) in reader.newest_cosignatures(place.log, epoch.epoch, COSIGNATURES).await? {
            let checkpoint = match reader.checkpoint(place.log, epoch.epoch, size).await {
                Err(ReadError::Checkpoint) => continue,
                other => other?,
            };
            let text = Checkpoint::new(&epoch.origin, size, checkpoint.root).to_text();
            let verified = self.witnesses.iter().any(|key| {
                key.vkey().key_id() == cosignature.key_id
                    && line(key, &cosignature).is_some_and(|line| key.verify_line(&text, &line).is_ok())
            });
            if verified {
                return Ok(Some(size));
            }
        }
        Ok(None)
    }

    /// The files of an offline proof.
    pub async fn export_bundle(
        &self,
        caller: &Caller,
        request: ExportBundleRequest,
    ) -> Result<impl Stream<Item = Result<ExportBundleResponse, Failure>> + Send + 'static + use<>, Failure>
    {
        bundle::export(&self.desk, &self.witnesses, caller, request).await
    }
}

/// A stored cosignature as the line of a note.
fn line(
    witness: &CosignatureKey,
    cosignature: &crate::ledger::reader::StoredCosignature,
) -> Option<NoteSignature> {
    let seconds = cosignature.cosigned.get().max(0).cast_unsigned() / 1_000;
    let bytes = [&seconds.to_be_bytes()[..], &cosignature.sig].concat();
    NoteSignature::new(witness.vkey().name(), witness.vkey().key_id(), bytes).ok()
}

/// The tree and the index of a position.
fn index_of(epochs: &[Epoch], pos: Pos) -> (u64, String) {
    let epoch = epochs.iter().rev().find(|epoch| epoch.base <= pos);
    epoch.map(|epoch| (pos.get() - epoch.base.get(), epoch.origin.clone())).unwrap_or_default()
}

fn read_of(row: rows::ReadRow, epochs: &[Epoch]) -> Read {
    let (disclosure_index, origin) = index_of(epochs, row.pos);
    let closed = row.closed.unwrap_or_default();
    // A session that nobody closed cannot say what it gave.
    let rows = row.given.filter(|_| closed == i32::from(read::Closed::Closed));
    Read {
        disclosure_index,
        kind: row.kind,
        principal: row.principal,
        rpc: row.rpc,
        purpose: row.purpose,
        recorded_at: Some(wire::timestamp(row.recorded)),
        closed,
        rows,
        origin,
    }
}
