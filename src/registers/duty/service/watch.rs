//! `WatchBoard`, `WatchHall`: told whenever something is different.
//!
//! One task per centre and process looks at the hall, however many people watch. Whoever reads slowly is told of what is
//! different from what they saw last, so nothing is missed and nothing piles up for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::sync::watch;

use super::board::{Shown, serving};
use super::{Calls, look};
use crate::access::{Caller, Visitor};
use crate::kernel::{Check, EpochMs, LogId, Pos};
use crate::proto::{
    BoardWindow, GetHallRequest, WatchBoardRequest, WatchBoardResponse, WatchHallRequest, WatchHallResponse,
};
use crate::registers::desk::Desk;
use crate::registers::directory::windows::serves_item;
use crate::registers::duty::board::{board, changes, shared};
use crate::registers::duty::parse;
use crate::registers::failure::Failure;
use crate::registers::wire::{self, timestamp};

/// Time alone changes a board too: a pause falls due.
const LOOK: Duration = Duration::from_secs(1);
/// Nobody is told of anything more often, so that a busy hall costs a bounded amount.
const PACE: Duration = Duration::from_millis(25);

/// A page is made of a board that is at most so old.
const FRESH_MS: u64 = 500;
/// A duty manager is told at most four times a second.
const HALL_PACE: Duration = Duration::from_millis(250);

/// The windows of a board, shared by everybody who watches, and with the board before it as far as they are the same.
type Windows = Arc<Vec<Arc<BoardWindow>>>;

/// A board as whoever watches gets it.
#[derive(Debug, Clone)]
struct Posted {
    at: EpochMs,
    before: Pos,
    windows: Windows,
}

type Shared = Option<Posted>;

/// The boards that somebody watches.
#[derive(Debug, Clone)]
pub(super) struct Boards {
    desk: Desk,
    news: watch::Receiver<u64>,
    watched: Arc<Mutex<HashMap<LogId, watch::Sender<Shared>>>>,
    /// When pages were last made of a board, on the process's monotonic clock, and of which.
    recent: Arc<Mutex<HashMap<LogId, (u64, Arc<Shown>)>>>,
}

/// However its task ends, nobody is left waiting for it: whoever watches is told that it is over.
struct Watched<'a>(&'a Boards, LogId);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.0.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Boards {
    pub(super) fn new(desk: Desk, news: watch::Receiver<u64>) -> Self {
        Self { desk, news, watched: Arc::default(), recent: Arc::default() }
    }

    /// The board of a centre, from now on.
    fn watch(&self, log: LogId) -> watch::Receiver<Shared> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = watched.get(&log) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        watched.insert(log, sender);
        tokio::spawn(self.clone().look_after(log));
        receiver
    }

    /// A board that is at most half a second old, for pages. Its instant is that since which it has been so.
    pub(super) async fn recent(&self, log: LogId) -> Result<Arc<Shown>, Failure> {
        let now = self.desk.ledger().clock().monotonic_ms();
        let kept = self.recent.lock().unwrap_or_else(PoisonError::into_inner).get(&log).cloned();
        let fresh = kept.as_ref().filter(|(made, _)| now.saturating_sub(*made) < FRESH_MS);
        if let Some((_, shown)) = fresh {
            return Ok(Arc::clone(shown));
        }
        let shown = Arc::new(self.look(log).await?);
        let same = kept.map(|(_, kept)| kept).filter(|kept| kept.windows == shown.windows);
        let shown = same.unwrap_or(shown);
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).insert(log, (now, Arc::clone(&shown)));
        Ok(shown)
    }

    fn is_watched(&self, log: LogId) -> bool {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.get(&log).is_some_and(|sender| !sender.is_closed())
    }

    /// Looks until nobody watches any more.
    async fn look_after(self, log: LogId) {
        let ends = Watched(&self, log);
        let mut news = self.news.clone();
        loop {
            news.mark_unchanged();
            match self.look(log).await {
                Ok(shown) => {
                    if !self.publish(log, shown) {
                        // The entry is gone already; another task may have come.
                        std::mem::forget(ends);
                        return;
                    }
                }
                Err(error) => {
                    if !self.is_watched(log) {
                        return;
                    }
                    tracing::warn!(code = "BOARD_LOOK_FAILED", %error, "will be tried again");
                    tokio::time::sleep(LOOK).await;
                }
            }
            tokio::time::sleep(PACE).await;
            if let Ok(Err(_nobody_tells)) = tokio::time::timeout(LOOK, news.changed()).await {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    async fn look(&self, log: LogId) -> Result<Shown, Failure> {
        let look = look::now(&self.desk, log).await?;
        Ok(Shown { at: look.at, before: look.before, windows: board(&look.scene(), &look.silent, None) })
    }

    /// Whoever came meanwhile is served by the same task, or nobody is there and it ends: one lock decides.
    fn publish(&self, log: LogId, shown: Shown) -> bool {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = watched.get(&log) else { return false };
        if sender.is_closed() {
            watched.remove(&log);
            return false;
        }
        sender.send_if_modified(|known| {
            let before = known.as_ref().map(|known| Arc::clone(&known.windows)).unwrap_or_default();
            let windows = shared(shown.windows, &before);
            let same = known.is_some() && changes(&before, &windows) == (Vec::new(), Vec::new());
            if !same {
                *known = Some(Posted { at: shown.at, before: shown.before, windows: Arc::new(windows) });
            }
            !same
        });
        true
    }
}

/// Where a board stands, as `after` names it.
fn version(shown: &Posted) -> String {
    wire::token(shown.before, &shown.at.get().to_string())
}

struct Watching {
    boards: watch::Receiver<Shared>,
    item: Option<String>,
    seen: Option<Windows>,
}

impl Watching {
    /// What is different from what was seen last.
    async fn next(&mut self) -> Result<WatchBoardResponse, Failure> {
        loop {
            let shown = self.boards.borrow_and_update().clone();
            if let Some(shown) = shown {
                let now = self.wanted(&shown.windows);
                let told = WatchBoardResponse {
                    version: version(&shown),
                    as_of: Some(timestamp(shown.at)),
                    ..WatchBoardResponse::default()
                };
                match self.seen.replace(Arc::clone(&now)) {
                    None => {
                        let snapshot = now.iter().map(|window| (**window).clone()).collect();
                        return Ok(WatchBoardResponse { snapshot, is_snapshot: true, ..told });
                    }
                    Some(before) => {
                        let (changes, removed) = changes(&before, &now);
                        if !changes.is_empty() || !removed.is_empty() {
                            let changes = changes.iter().map(|window| (**window).clone()).collect();
                            return Ok(WatchBoardResponse { changes, removed, ..told });
                        }
                    }
                }
            }
            self.boards.changed().await.map_err(|_| Failure::Fault("BOARD"))?;
        }
    }

    fn wanted(&self, windows: &Windows) -> Windows {
        let Some(item) = &self.item else { return Arc::clone(windows) };
        let serves = |shown: &&Arc<BoardWindow>| serves_item(&serving(shown), item);
        Arc::new(windows.iter().filter(serves).cloned().collect())
    }
}

impl Calls {
    /// `WatchBoard`.
    pub async fn watch_board(
        &self,
        _visitor: &Visitor,
        request: WatchBoardRequest,
    ) -> Result<impl Stream<Item = Result<WatchBoardResponse, Failure>> + Send + 'static + use<>, Failure>
    {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let item = parse::opt_item(&mut check, &request.item);
        let after = wire::parse_token(&mut check, "after", &request.after);
        check.done()?;
        let (Some(centre), Some(item)) = (centre, item) else { return Err(Failure::Fault("PARSE")) };
        let log = self.centre(&centre).await?;
        let mut watching = Watching { boards: self.boards.watch(log), item, seen: None };
        if let Some((before, at)) = after {
            // The board is a function of what was known and of the time: so is the one that was seen last.
            let at = EpochMs::clamped(at.parse().unwrap_or_default());
            let _turn = self.turn().await?;
            let look = look::at(&self.desk, log, before.min(self.size_of(log).await?), at).await?;
            let windows = board(&look.scene(), &look.silent, None);
            watching.seen = Some(watching.wanted(&Arc::new(windows.into_iter().map(Arc::new).collect())));
        }
        Ok(stream::try_unfold(watching, async |mut watching| {
            let message = watching.next().await?;
            Ok(Some((message, watching)))
        }))
    }

    async fn size_of(&self, log: LogId) -> Result<Pos, Failure> {
        let (head, epoch) = self.desk.ledger().reader().head(log).await?;
        Ok(Pos::new(epoch.base.get() + head.size))
    }

    /// `WatchHall`: who calls is checked again before every message, since a grant may end while a stream goes on.
    pub async fn watch_hall(
        &self,
        caller: &Caller,
        request: WatchHallRequest,
    ) -> Result<impl Stream<Item = Result<WatchHallResponse, Failure>> + Send + 'static + use<>, Failure>
    {
        let first = self.get_hall(caller, GetHallRequest { centre: request.centre.clone() }).await?;
        let watching = (self.clone(), caller.clone(), request.centre, Some(first), None);
        Ok(stream::try_unfold(watching, async |(calls, caller, centre, first, mut seen)| {
            let mut next = first;
            loop {
                if let Some(hall) = next.take() {
                    // The time alone is no news.
                    let said = crate::proto::GetHallResponse { as_of: None, ..hall.clone() };
                    if seen.as_ref() != Some(&said) {
                        seen = Some(said);
                        let message = WatchHallResponse { hall: Some(hall) };
                        return Ok(Some((message, (calls, caller, centre, None, seen))));
                    }
                }
                let mut news = calls.boards.news.clone();
                news.mark_unchanged();
                tokio::time::sleep(HALL_PACE).await;
                if let Ok(Err(_nobody_tells)) = tokio::time::timeout(LOOK, news.changed()).await {
                    tokio::time::sleep(LOOK).await;
                }
                next = Some(calls.get_hall(&caller, GetHallRequest { centre: centre.clone() }).await?);
            }
        }))
    }
}
