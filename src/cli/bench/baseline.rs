//! What the ledger is measured against: the same call, token, queue and batches, and plain rows behind them. A punch, what
//! was presented, and the request; no leaf, tile, head, seal, signature or proof, and no rule beyond whose card it is.

use std::collections::HashMap;

use futures_util::stream::Empty;
use prost::Message;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::access::Caller;
use crate::kernel::{EpochMs, LogId, Pos, RequestId};
use crate::ledger::committer::BATCH;
use crate::ledger::tables::REQUEST;
use crate::proto::*;
use crate::registers::attendance::fact::{Punch, Who};
use crate::registers::attendance::rows::{PERSONAL, PUNCH, who};
use crate::registers::attendance::service;
use crate::registers::desk::Desk;
use crate::registers::failure::Failure;
use crate::registers::wire;
use crate::store::{Binds, Inserts, Keys, Statement, Store, StoreError, Value};

/// Its rows stand in the same tables, under a log that no ledger has.
pub(super) const LOG: LogId = LogId::from_column(1 << 40);
/// As deep as the ledger's queue of what is live.
const QUEUE: usize = 4_096;

static KNOWN: Statement = Statement::new(
    "SELECT request_id, pos FROM ledger_request WHERE log_id = $1 AND request_id = ANY($2::bytea[])",
);

static COUNT: Statement = Statement::new("SELECT COUNT(*) FROM attendance_punch WHERE log_id = $1");

/// A punch that waits for its commit.
struct Waiting {
    id: RequestId,
    principal: String,
    fact: PunchFact,
    personal: Vec<u8>,
    answer: oneshot::Sender<Result<(Pos, EpochMs), Failure>>,
}

/// The calls.
#[derive(Debug, Clone)]
pub(super) struct Calls {
    desk: Desk,
    queue: mpsc::Sender<Waiting>,
}

impl Calls {
    /// At a desk, for its directories; the task writes until the calls are gone.
    pub(super) async fn start(desk: Desk) -> anyhow::Result<(Self, JoinHandle<()>)> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let next = count(desk.store(), LOG).await?;
        let task = tokio::spawn(write(desk.clone(), waiting, next));
        Ok((Self { desk, queue }, task))
    }

    async fn record_punch(
        &self,
        caller: &Caller,
        request: RecordPunchRequest,
    ) -> Result<RecordPunchResponse, Failure> {
        let (place, id, punch) = service::enter(&self.desk, caller, request).await?;
        let zone = place.deployment.zone(&place.centre).ok_or(Failure::NotFound("centre"))?;
        let on = zone.day_of(punch.stamp.claimed);
        let seq = punch.stamp.seq;
        let mut fact = punch.said();
        fact.person_id = match &punch.who {
            Who::Person(id) => id.to_string(),
            Who::Credential(kind, hmac) => {
                place.own.person_for((*kind).into(), hmac, on).unwrap_or_default().to_owned()
            }
        };
        let (answer, answered) = oneshot::channel();
        let personal = presented(&punch);
        let principal = place.pass.subject().to_string();
        let waiting = Waiting { id, principal, fact, personal, answer };
        self.queue.try_send(waiting).map_err(|_| Failure::Overloaded)?;
        let (pos, at) = answered.await.unwrap_or(Err(Failure::InDoubt))?;
        Ok(RecordPunchResponse {
            outcome: Outcome::Accepted.into(),
            receipt: Some(Receipt {
                centre: place.centre.to_string(),
                entry_index: pos.get(),
                recorded_at: Some(wire::timestamp(at)),
                ..Receipt::default()
            }),
            server_time: Some(wire::timestamp(self.desk.now())),
            contiguous_through: seq,
            ..RecordPunchResponse::default()
        })
    }
}

fn presented(punch: &Punch) -> Vec<u8> {
    punch.personal().map(|personal| personal.encode_to_vec()).unwrap_or_default()
}

/// How many punches of a log stand.
pub(super) async fn count(store: &Store, log: LogId) -> Result<u64, StoreError> {
    let binds = Binds::new().and(log.column());
    let counted = store.fetch(&COUNT, binds, |cells| Ok(cells.int()?.cast_unsigned())).await?;
    Ok(counted.first().copied().unwrap_or_default())
}

/// One transaction for what waits, up to the ledger's limit.
async fn write(desk: Desk, mut queue: mpsc::Receiver<Waiting>, mut next: u64) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let written = commit(&desk, &batch, next).await;
        for (at, waiting) in batch.drain(..).enumerate() {
            let answer = match &written {
                Ok((positions, recorded)) => {
                    positions.get(at).map(|pos| (*pos, *recorded)).ok_or(Failure::Fault("BASELINE"))
                }
                Err(_) => Err(Failure::Fault("BASELINE")),
            };
            // A caller that has gone away is told nothing.
            let _told = waiting.answer.send(answer);
        }
        if let Ok((positions, _)) = written {
            next = positions.iter().map(|pos| pos.get() + 1).max().unwrap_or(next).max(next);
        }
    }
}

async fn commit(desk: &Desk, batch: &[Waiting], mut next: u64) -> Result<(Vec<Pos>, EpochMs), StoreError> {
    let at = desk.now();
    let mut tx = desk.store().begin().await?;
    let ids = Keys::blobs(batch.iter().map(|waiting| waiting.id.to_bytes().to_vec()));
    let known: HashMap<[u8; 16], i64> = tx
        .fetch(&KNOWN, Binds::new().and(LOG.column()).keys(ids), |cells| {
            Ok((cells.array("ledger_request", "request_id")?, cells.int()?))
        })
        .await?
        .into_iter()
        .collect();
    let mut inserts = Inserts::new();
    let mut positions = Vec::with_capacity(batch.len());
    for waiting in batch {
        if let Some(pos) = known.get(&waiting.id.to_bytes()).copied().and_then(Pos::from_column) {
            positions.push(pos);
            continue;
        }
        let pos = Pos::new(next);
        next += 1;
        rows(waiting, pos, at, &mut inserts);
        positions.push(pos);
    }
    tx.insert(inserts).await?;
    tx.commit().await?;
    Ok((positions, at))
}

fn rows(waiting: &Waiting, pos: Pos, at: EpochMs, inserts: &mut Inserts) {
    let fact = &waiting.fact;
    let content = fact.encode_to_vec();
    let digest = Sha256::new().chain_update(&content).chain_update(&waiting.personal).finalize();
    inserts.push(
        &PUNCH,
        [
            LOG.column().into(),
            pos.column().into(),
            who(fact).into(),
            fact.claimed_ms.into(),
            at.get().into(),
            fact.device.as_str().into(),
            Value::Int(0),
            fact.device_seq.cast_signed().into(),
            Value::Int(0),
            waiting.id.to_bytes().into(),
            content.into(),
        ],
    );
    inserts.push(
        &PERSONAL,
        [
            LOG.column().into(),
            pos.column().into(),
            Value::Int(1),
            Value::Blob(Vec::new()),
            waiting.personal.as_slice().into(),
        ],
    );
    inserts.push(
        &REQUEST,
        [
            LOG.column().into(),
            waiting.id.to_bytes().into(),
            waiting.principal.as_str().into(),
            Value::Int(0),
            <[u8; 32]>::from(digest).into(),
            pos.column().into(),
            Value::Blob(Vec::new()),
        ],
    );
}

/// Calls that are not measured are not answered.
macro_rules! unanswered {
    ($($name:ident($request:ident) -> $response:ident;)*) => {
        impl Calls {
            $(
                async fn $name(&self, _: &Caller, _: $request) -> Result<$response, Failure> {
                    Err(Failure::NotFound("call"))
                }
            )*
        }
    };
}

unanswered! {
    upload_punches(UploadPunchesRequest) -> UploadPunchesResponse;
    report_device(ReportDeviceRequest) -> ReportDeviceResponse;
    report_device_outage(ReportDeviceOutageRequest) -> ReportDeviceOutageResponse;
    end_device_outage(EndDeviceOutageRequest) -> EndDeviceOutageResponse;
    declare_journal_lost(DeclareJournalLostRequest) -> DeclareJournalLostResponse;
    countersign_journal_lost(CountersignJournalLostRequest) -> CountersignJournalLostResponse;
    declare_coverage(DeclareCoverageRequest) -> DeclareCoverageResponse;
    list_punches(ListPunchesRequest) -> ListPunchesResponse;
    list_punches_since(ListPunchesSinceRequest) -> ListPunchesSinceResponse;
    list_presence_since(ListPresenceSinceRequest) -> ListPresenceSinceResponse;
    list_device_states_since(ListDeviceStatesSinceRequest) -> ListDeviceStatesSinceResponse;
    get_day(GetDayRequest) -> GetDayResponse;
    list_days(ListDaysRequest) -> ListDaysResponse;
    list_coverage_blockers(ListCoverageBlockersRequest) -> ListCoverageBlockersResponse;
    list_day_results_since(ListDayResultsSinceRequest) -> DayResults;
    request_leave(RequestLeaveRequest) -> RequestLeaveResponse;
    decide_leave(DecideLeaveRequest) -> DecideLeaveResponse;
    record_leave(RecordLeaveRequest) -> RecordLeaveResponse;
    report_return(ReportReturnRequest) -> ReportReturnResponse;
    withdraw_leave(WithdrawLeaveRequest) -> WithdrawLeaveResponse;
    list_leaves(ListLeavesRequest) -> ListLeavesResponse;
    request_correction(RequestCorrectionRequest) -> RequestCorrectionResponse;
    decide_correction(DecideCorrectionRequest) -> DecideCorrectionResponse;
    withdraw_correction(WithdrawCorrectionRequest) -> WithdrawCorrectionResponse;
    list_corrections(ListCorrectionsRequest) -> ListCorrectionsResponse;
    record_manual_roll(RecordManualRollRequest) -> RecordManualRollResponse;
    countersign_manual_roll(CountersignManualRollRequest) -> CountersignManualRollResponse;
    list_my_tasks(ListMyTasksRequest) -> ListMyTasksResponse;
    put_delegation(PutDelegationRequest) -> PutDelegationResponse;
    list_month_summaries(ListMonthSummariesRequest) -> ListMonthSummariesResponse;
    get_month_readiness(GetMonthReadinessRequest) -> GetMonthReadinessResponse;
    confirm_month(ConfirmMonthRequest) -> ConfirmMonthResponse;
    lock_month(LockMonthRequest) -> LockMonthResponse;
    list_adjustments(ListAdjustmentsRequest) -> ListAdjustmentsResponse;
    confirm_pull(ConfirmPullRequest) -> ConfirmPullResponse;
    preview_days(PreviewDaysRequest) -> PreviewDaysResponse;
}

impl Calls {
    #[expect(clippy::unused_async, reason = "the trait's own shape")]
    async fn watch_day_results(
        &self,
        _: &Caller,
        _: WatchDayResultsRequest,
    ) -> Result<Empty<Result<DayResults, Failure>>, Failure> {
        Err(Failure::NotFound("call"))
    }
}

crate::attendance_calls!(Calls);
