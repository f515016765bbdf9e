//! A bundle as a stream: file by file, in pieces.

use std::sync::Arc;

use futures_util::{Stream, stream};
use tokio::sync::mpsc;

use crate::access::Caller;
use crate::kernel::{Check, LogId};
use crate::ledger::bundle::{BundleError, BundleRequest, BundleWriter, Shown, Wanted};
use crate::ledger::disclosure::Disclosure;
use crate::ledger::port::Rulebook;
use crate::ledger::reader::ReadError;
use crate::proto::{ExportBundleRequest, ExportBundleResponse};
use crate::registers::desk::{Desk, Revealed};
use crate::registers::failure::Failure;
use crate::registers::wire;
use crate::tlog::CosignatureKey;

/// Bytes per message: 64 KiB, below every limit on messages.
const PIECE: usize = 64 * 1_024;
/// Messages that wait for a slow reader; one file more is in memory.
const WAITING: usize = 8;

type Piece = Result<ExportBundleResponse, Failure>;

/// Puts the read on record when personal parts are asked for, and begins.
pub(super) async fn export(
    desk: &Desk,
    witnesses: &Arc<[CosignatureKey]>,
    caller: &Caller,
    request: ExportBundleRequest,
) -> Result<impl Stream<Item = Piece> + Send + 'static + use<>, Failure> {
    let mut check = Check::new();
    let centre = wire::centre(&mut check, &request.centre);
    let reveal = Revealed::parse(&mut check, request.reveal.as_ref());
    check.done()?;
    let place = desk.enter(caller, &centre.ok_or(Failure::Fault("PARSE"))?).await?;
    let disclosure = match reveal {
        Some(reveal) => Some(desk.disclose(caller, &place, "bundle", &reveal).await?),
        None => None,
    };
    let (sender, receiver) = mpsc::channel(WAITING);
    let (desk, witnesses) = (desk.clone(), Arc::clone(witnesses));
    tokio::spawn(async move {
        if let Err(failure) = write(&desk, &witnesses, place.log, disclosure.as_ref(), &sender).await {
            // A reader that went away needs no reason.
            let _gone = sender.send(Err(failure)).await;
        }
    });
    Ok(stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver))))
}

async fn write(
    desk: &Desk,
    witnesses: &[CosignatureKey],
    log: LogId,
    disclosure: Option<&Disclosure>,
    sender: &mpsc::Sender<Piece>,
) -> Result<(), Failure> {
    let personal_tables = desk.registers().personal_tables();
    let all = Wanted::default();
    let personal = disclosure.map(|on_record| Shown { on_record, of: &all });
    let request = BundleRequest { log, personal_tables, personal, witnesses };
    let mut writer = BundleWriter::open(desk.ledger().reader(), request).await.map_err(failed)?;
    while let Some(file) = writer.next().await.map_err(failed)? {
        let mut rest = file.bytes.as_slice();
        loop {
            let (piece, more) = rest.split_at(rest.len().min(PIECE));
            let message = ExportBundleResponse { path: file.path.clone(), chunk: piece.to_vec() };
            if sender.send(Ok(message)).await.is_err() {
                return Ok(());
            }
            if more.is_empty() {
                break;
            }
            rest = more;
        }
    }
    Ok(())
}

fn failed(error: BundleError) -> Failure {
    match error {
        BundleError::Store(error) => error.into(),
        BundleError::Head(fault) => ReadError::Head(fault).into(),
        BundleError::Seal { .. } => Failure::Fault("CHECKPOINT"),
        BundleError::Missing { .. } => Failure::Fault("MISSING"),
        BundleError::Disclosure => Failure::Fault("DISCLOSURE"),
        BundleError::Io(_) => Failure::Fault("IO"),
    }
}
