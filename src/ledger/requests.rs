//! Which command became which entry: what makes a retry find its receipt.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::batch::request_seal;
use super::keys::Keys;
use super::port::Slot;
use crate::kernel::{LogId, Pos, RequestId};
use crate::store::{Binds, Cells, Keys as KeySet, Statement, StoreError, Tx};

/// A command that is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRequest {
    /// Who gave it.
    pub principal: String,
    /// Its kind.
    pub kind: u16,
    /// Its keyed digest; `None` once a part was erased.
    pub digest: Option<[u8; 32]>,
    /// Its entry.
    pub pos: Pos,
}

impl KnownRequest {
    /// The same caller, kind and content. Once the digest is gone, the caller and the kind have to do.
    pub(super) fn is(&self, principal: &str, kind: u16, digest: &[u8; 32]) -> bool {
        self.principal == principal && self.kind == kind && self.digest.is_none_or(|known| known == *digest)
    }
}

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// On record.
    At(KnownRequest),
    /// A row under a seal that is not ours.
    Tampered,
}

/// The requests of a batch that are on record.
#[derive(Debug, Default)]
pub(super) struct Requests(HashMap<(LogId, RequestId), Known>);

impl Requests {
    pub(super) fn get(&self, log: LogId, id: RequestId) -> Option<&Known> {
        self.0.get(&(log, id))
    }

    pub(super) fn insert(&mut self, log: LogId, id: RequestId, known: KnownRequest) {
        self.0.insert((log, id), Known::At(known));
    }

    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }
}

/// A set of (log, request id).
static REQUESTS: Statement = Statement::new(
    "SELECT log_id, request_id, principal, kind, digest, pos, seal FROM ledger_request \
     WHERE (log_id, request_id) IN (SELECT * FROM UNNEST($1::bigint[], $2::bytea[]))",
);

pub(super) async fn load(
    tx: &mut Tx,
    keys: &Keys,
    ids: impl Iterator<Item = (LogId, RequestId)>,
) -> Result<Requests, StoreError> {
    let (logs, ids): (Vec<i64>, Vec<Vec<u8>>) =
        ids.map(|(log, id)| (log.column(), id.to_bytes().to_vec())).unzip();
    if logs.is_empty() {
        return Ok(Requests::default());
    }
    let rows = tx
        .fetch(&REQUESTS, Binds::new().keys(KeySet::ints(logs).and_blobs(ids)), |cells| read(cells, keys))
        .await?;
    Ok(Requests(rows.into_iter().collect()))
}

fn read(cells: &mut Cells<'_>, keys: &Keys) -> Result<((LogId, RequestId), Known), StoreError> {
    const TABLE: &str = "ledger_request";
    let log = LogId::from_column(cells.int()?);
    let id = RequestId::from_bytes(cells.array(TABLE, "request_id")?);
    let principal = cells.text()?;
    let kind = cells.int()?;
    let digest = cells.opt_blob()?;
    let pos = cells.int()?;
    let seal = cells.blob()?;
    let digest = digest.map(<[u8; 32]>::try_from).transpose();
    let known = match (u16::try_from(kind), digest, Pos::from_column(pos)) {
        (Ok(kind), Ok(digest), Some(pos))
            if seal.as_slice() == request_seal(keys, log, id, &principal, kind, digest.as_ref(), pos) =>
        {
            Known::At(KnownRequest { principal, kind, digest, pos })
        }
        _ => Known::Tampered,
    };
    Ok(((log, id), known))
}

/// The id of the record of a conflict: the same bytes in the same place are recorded once, however often they come.
pub(super) fn conflict_id(origin: &str, slot: &Slot, digest: &[u8; 32]) -> RequestId {
    let hash = Sha256::new()
        .chain_update(b"qinlian/v1/conflict\0")
        .chain_update(origin)
        .chain_update([0])
        .chain_update(&slot.device)
        .chain_update([0])
        .chain_update(slot.journal.get().to_be_bytes())
        .chain_update(slot.seq.to_be_bytes())
        .chain_update(digest)
        .finalize();
    RequestId::server_made(&hash.into())
}
