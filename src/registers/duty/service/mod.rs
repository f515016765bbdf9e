//! `DutyService`: windows open, pause and are back; the board, the hall, and what was so at any minute.
//!
//! Whoever stands at a window acts through its terminal or from a desk; reads ask the pure functions of the hall.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::Caller;
use crate::kernel::{Check, EpochMs, LogId, PersonId, Pos, RequestId, WindowId, Words};
use crate::ledger::committer::{Lane, Outcome};
use crate::proto::board_window::State;
use crate::proto::{
    DecidePauseRequest, DecidePauseResponse, DeviceStamp, DutyFact, Presented, ReportQueueRequest,
    ReportQueueResponse,
};
use crate::registers::attendance::service::Indexes;
use crate::registers::desk::{Desk, Place, Written};
use crate::registers::duty::fact::{Act, Command, Deed, duties};
use crate::registers::duty::refusal::Refusal;
use crate::registers::duty::{parse, signature};
use crate::registers::failure::Failure;
use crate::registers::stamp::Source;
use crate::registers::wire;

mod board;
mod hall;
pub(crate) mod listed;
mod look;
mod pauses;
pub mod report;
mod results;
mod told;
mod upload;
mod watch;
mod windows;

pub use board::{BoardPage, Proof, Shown};

/// Past minutes that are looked at at once,
const REPLAYS: usize = 4;
/// and how long others wait for their turn before they are asked to come again.
const TURN: Duration = Duration::from_secs(4);

/// The calls of `DutyService`.
#[derive(Debug, Clone)]
pub struct Calls {
    desk: Desk,
    boards: watch::Boards,
    /// A past minute is made again from the rows, by whoever asks: so many at once.
    replays: Arc<Semaphore>,
}

/// What every deed is asked with.
struct Given<'a> {
    centre: &'a str,
    request_id: &'a str,
    stamp: Option<DeviceStamp>,
    presented: Option<Presented>,
    on_behalf_of: &'a str,
    view: i32,
}

/// What every request for a deed has, under the same names.
macro_rules! given {
    ($request:ident, $on_behalf_of:expr) => {
        Given {
            centre: &$request.centre,
            request_id: &$request.request_id,
            stamp: $request.stamp,
            presented: $request.presented,
            on_behalf_of: $on_behalf_of,
            view: $request.receipt_view,
        }
    };
}
use given;

/// What most deeds are answered, under the same names.
macro_rules! stands {
    ($response:ident, $calls:ident, $stood:ident) => {
        $response {
            state: $calls.state(&$stood.place, &$stood.fact.window).await?.into(),
            receipt: Some($stood.written.receipt(&$stood.place.centre)),
            flags: $stood.fact.flags.clone(),
            contiguous_through: $stood.contiguous_through,
        }
    };
}
use stands;

/// What somebody means to do.
struct Intent {
    window: Option<WindowId>,
    act: Act,
    reason: Option<Words>,
}

/// A deed that stands in the log, and how its window is then.
struct Stood {
    place: Place,
    written: Written,
    fact: DutyFact,
    contiguous_through: u64,
}

impl Calls {
    /// At a desk, told whenever there is something new.
    pub fn new(desk: Desk, news: Receiver<u64>) -> Self {
        let boards = watch::Boards::new(desk.clone(), news);
        Self { desk, boards, replays: Arc::new(Semaphore::new(REPLAYS)) }
    }

    pub(crate) const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// One past the last entry that was recorded at an instant or before.
    pub(crate) async fn known_at(&self, log: LogId, at: EpochMs) -> Result<Pos, Failure> {
        look::known_at(&self.desk, log, at).await
    }

    pub(crate) async fn indexes(&self, log: LogId) -> Result<Indexes, Failure> {
        Ok(Indexes::new(self.desk.ledger().reader().epochs(log).await?))
    }

    /// Does what `parsed` makes of a request, by whoever stands there or calls.
    async fn act(
        &self,
        caller: &Caller,
        given: Given<'_>,
        parsed: impl FnOnce(&mut Check) -> Option<Intent>,
    ) -> Result<Stood, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, given.centre);
        let id = wire::request_id(&mut check, given.request_id);
        let keys = self.desk.registers().keys();
        let stood = parse::stood(&mut check, keys, "", given.stamp, given.presented);
        let on_behalf_of = parse::opt_person(&mut check, "on_behalf_of", given.on_behalf_of);
        let intent = parsed(&mut check);
        check.done()?;
        let (Some(centre), Some(id), Some(stood), Some(on_behalf_of), Some(intent)) =
            (centre, id, stood, on_behalf_of, intent)
        else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk.enter(caller, &centre).await?;
        let (stamp, presented, who) = stood;
        let mut deed = Deed {
            source: Source::Live,
            stamp,
            verified_by: None,
            who,
            presented,
            on_behalf_of,
            window: intent.window,
            act: intent.act,
            reason: intent.reason,
        };
        own_stamp(caller, &place, &deed)?;
        verify(&place, &mut deed);
        let command = self.placed(&place, Command::deed(deed)).await?;
        let view = wire::view(given.view);
        let written = self.desk.write(&place, id, command, Lane::Live, view).await?;
        if written.outcome == Outcome::Conflict {
            // It is on record; what happened at the window is not.
            return Err(Failure::Refused(Arc::new(Refusal::JournalNumberReused)));
        }
        let fact = duties(&written.facts).next().cloned().ok_or(Failure::Fault("FACTS"))?;
        let contiguous_through = match written.contiguous_through {
            Some(through) => through,
            None => self.through(&place, &fact).await?,
        };
        Ok(Stood { place, written, fact, contiguous_through })
    }

    /// A pause is named by the index of its entry: where that stands.
    async fn placed(&self, place: &Place, command: Command) -> Result<Command, Failure> {
        let named = match &command {
            Command::Deed(deed) => deed.act.pause(),
            Command::Decide { pause, .. } => Some(*pause),
            Command::Queue { .. } => None,
        };
        let Some(index) = named else { return Ok(command) };
        let (_, epoch) = self.desk.ledger().reader().head(place.log).await?;
        let pos = epoch.base.get().saturating_add(index.get()).min(Pos::MAX.get());
        Ok(command.about_pause(Pos::new(pos)))
    }

    /// Up to which journal number everything of a fact's device has arrived; 0 of what no device stamped.
    async fn through(&self, place: &Place, fact: &DutyFact) -> Result<u64, Failure> {
        let Some(stamp) = &fact.stamp else { return Ok(0) };
        let (devices, _) = self.desk.devices(place.log).await?;
        Ok(devices.through(&stamp.device, Pos::new(stamp.journal)))
    }

    /// What a window is doing now.
    async fn state(&self, place: &Place, window: &str) -> Result<State, Failure> {
        let look = self.look(place.log).await?;
        Ok(look.hall.course(window, look.at).state(&look.policy, look.at))
    }

    /// `DecidePause`.
    pub async fn decide_pause(
        &self,
        caller: &Caller,
        request: DecidePauseRequest,
    ) -> Result<DecidePauseResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let id: Option<RequestId> = wire::request_id(&mut check, &request.request_id);
        let decision = wire::named(&mut check, "decision", request.decision);
        let pause = check.require("pause", parse::opt_pause(request.pause));
        check.done()?;
        let (Some(centre), Some(id), Some(decision), Some(pause)) = (centre, id, decision, pause) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk.enter(caller, &centre).await?;
        let command = self.placed(&place, Command::Decide { pause, decision }).await?;
        let view = wire::view(request.receipt_view);
        let written = self.desk.write(&place, id, command, Lane::Live, view).await?;
        let fact = duties(&written.facts).next().ok_or(Failure::Fault("FACTS"))?;
        let state = self.state(&place, &fact.window).await?;
        Ok(DecidePauseResponse { receipt: Some(written.receipt(&place.centre)), state: state.into() })
    }

    /// A turn to look at a past minute: waited for a while, and then no more.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let turn = Arc::clone(&self.replays).acquire_owned();
        match tokio::time::timeout(TURN, turn).await {
            Ok(turn) => turn.map_err(|_closed| Failure::Fault("REPLAYS")),
            Err(_elapsed) => Err(Failure::Overloaded),
        }
    }

    /// `ReportQueue`.
    pub async fn report_queue(
        &self,
        caller: &Caller,
        request: ReportQueueRequest,
    ) -> Result<ReportQueueResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let parsed = |check: &mut Check| parse::queue(check, &request);
        let (place, written) = self.desk.ask(caller, head, parsed).await?;
        Ok(ReportQueueResponse { receipt: Some(written.receipt(&place.centre)) })
    }
}

/// A terminal stamps what is its own; whoever calls for themselves has no stamp to give.
fn own_stamp(caller: &Caller, place: &Place, deed: &Deed) -> Result<(), Failure> {
    use crate::kernel::{Said, Subject};
    match (caller.subject(), &deed.stamp) {
        (Subject::Device(_), Some(stamp)) => Ok(place.pass.device(&stamp.device)?),
        (Subject::Device(_), None) => Err(Failure::Refused(Arc::new(Refusal::NoStamp))),
        (Subject::Person(_) | Subject::System(_), None) => Ok(()),
        (Subject::Person(_) | Subject::System(_), Some(_)) => {
            let mut check = Check::new();
            let said = Said::new("只有终端可以加盖设备戳", "is only for a terminal to give");
            check.refuse("stamp", "NOT_A_TERMINAL", said);
            Ok(check.done()?)
        }
    }
}

/// Looks at a device's signature before the command waits for its commit.
fn verify(place: &Place, deed: &mut Deed) {
    let device = deed.stamp.as_ref().and_then(|stamp| place.own.device(stamp.device.as_str()));
    if let Some(device) = device.filter(|device| !device.public_key.is_empty()) {
        signature::verify(&device.public_key, &place.centre, deed);
    }
}

/// The person who calls, if it is one.
fn own(caller: &Caller) -> Option<&PersonId> {
    use crate::kernel::Subject;
    match caller.subject() {
        Subject::Person(person) => Some(person),
        Subject::Device(_) | Subject::System(_) => None,
    }
}

/// An instant of a fact; 0 is none.
fn opt_ms(ms: i64) -> Option<EpochMs> {
    (ms > 0).then(|| EpochMs::clamped(ms))
}
