//! `GetBoard`, and the board as a page shows it. Anybody may ask: no names, no reasons.

use std::sync::Arc;

use super::{Calls, look};
use crate::access::Visitor;
use crate::kernel::{CentreId, Check, EpochMs, LogId, Pos, Said, Zone};
use crate::proto::{BoardWindow, GetBoardRequest, GetBoardResponse, Window};
use crate::registers::directory::windows::serves_item;
use crate::registers::duty::board::board;
use crate::registers::duty::parse;
use crate::registers::failure::Failure;
use crate::registers::wire::{self, timestamp};

/// A board at an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// When.
    pub at: EpochMs,
    /// As far as was known before this position.
    pub before: Pos,
    /// The windows.
    pub windows: Vec<BoardWindow>,
}

/// What proves a board.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The instant.
    pub at: EpochMs,
    /// How many entries of the tree it is made of.
    pub size: u64,
    /// A signed checkpoint that covers them.
    pub checkpoint: String,
}

/// What the page needs besides: the centre's name and zone, and its service items.
#[derive(Debug, Clone)]
pub struct BoardPage {
    /// The centre's public name.
    pub name: String,
    /// Its zone.
    pub zone: Zone,
    /// Service items by code, with their public names.
    pub items: Vec<(String, String)>,
    /// The instant of which it is.
    pub now: EpochMs,
    /// The instant since which it has been so.
    pub since: EpochMs,
    /// The windows.
    pub windows: Vec<BoardWindow>,
}

impl Calls {
    /// `GetBoard`.
    pub async fn get_board(
        &self,
        _visitor: &Visitor,
        request: GetBoardRequest,
    ) -> Result<GetBoardResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let item = parse::opt_item(&mut check, &request.item);
        let at = wire::opt_instant(&mut check, "at", request.at.as_ref());
        if at.is_some_and(|at| at > self.desk.now()) {
            check.refuse("at", "IN_THE_FUTURE", Said::new("时间尚未到来", "has not come yet"));
        }
        check.done()?;
        let (Some(centre), Some(item)) = (centre, item) else { return Err(Failure::Fault("PARSE")) };
        let log = self.centre(&centre).await?;
        let shown = self.shown(log, item.as_deref(), at).await?;
        Ok(GetBoardResponse {
            as_of: Some(timestamp(shown.at)),
            log_size: self.size(log, shown.before).await?,
            windows: shown.windows,
        })
    }

    /// The log of a centre that has a board.
    pub(super) async fn centre(&self, centre: &CentreId) -> Result<LogId, Failure> {
        self.public(centre).await?.ok_or(Failure::NotFound("centre"))
    }

    /// The same; `None`: there is no such centre.
    async fn public(&self, centre: &CentreId) -> Result<Option<LogId>, Failure> {
        if centre.is_deployment() {
            return Ok(None);
        }
        Ok(self.desk.unproven(centre).await?.map(|(log, _)| log))
    }

    /// How many entries of the present tree come before a position.
    pub(super) async fn size(&self, log: LogId, before: Pos) -> Result<u64, Failure> {
        let (_, epoch) = self.desk.ledger().reader().head(log).await?;
        Ok(before.get().saturating_sub(epoch.base.get()))
    }

    /// The board now, or as the public saw it at an instant.
    pub(super) async fn shown(
        &self,
        log: LogId,
        item: Option<&str>,
        at: Option<EpochMs>,
    ) -> Result<Shown, Failure> {
        let look = match at {
            None => self.look(log).await?,
            Some(at) => {
                let _turn = self.turn().await?;
                let before = look::known_at(&self.desk, log, at).await?;
                look::at(&self.desk, log, before, at).await?
            }
        };
        let windows = board(&look.scene(), &look.silent, item);
        Ok(Shown { at: look.at, before: look.before, windows })
    }

    /// What proves the board of a past instant; `None`: there is no such centre.
    pub async fn board_proof(&self, centre: &str, at: EpochMs) -> Result<Option<Proof>, Failure> {
        let Ok(centre) = CentreId::parse(centre) else { return Ok(None) };
        let Some(log) = self.public(&centre).await? else { return Ok(None) };
        let at = at.min(self.desk.now());
        let _turn = self.turn().await?;
        let before = look::known_at(&self.desk, log, at).await?;
        let reader = self.desk.ledger().reader();
        let last = Pos::new(before.get().saturating_sub(1));
        let epoch = reader.epoch_of(log, last).await?;
        let size = before.get().saturating_sub(epoch.base.get());
        let checkpoint =
            reader.checkpoint_above(log, epoch.epoch, last.get().saturating_sub(epoch.base.get())).await?;
        Ok(Some(Proof { at, size, checkpoint: reader.note(log, &epoch.origin, &checkpoint)? }))
    }

    /// The board as a page; `None`: there is no such centre.
    pub async fn board_page(
        &self,
        centre: &str,
        item: &str,
        at: Option<EpochMs>,
    ) -> Result<Option<BoardPage>, Failure> {
        let Ok(centre) = CentreId::parse(centre) else { return Ok(None) };
        let Some(log) = self.public(&centre).await? else { return Ok(None) };
        let deployment = self.desk.directory(LogId::DEPLOYMENT).await?;
        let name = deployment.centre(&centre).map(|(_, known)| known.name.clone()).unwrap_or_default();
        let zone = deployment.zone(&centre).ok_or(Failure::Fault("ZONE"))?;
        let at = at.map(|at| at.min(self.desk.now()));
        let item = Some(item).filter(|item| !item.is_empty());
        let shown = match at {
            Some(_) => Arc::new(self.shown(log, item, at).await?),
            None => self.boards.recent(log).await?,
        };
        let served: std::collections::BTreeSet<&str> =
            shown.windows.iter().flat_map(|window| &window.items).map(String::as_str).collect();
        let items = deployment.items().filter(|known| served.contains(known.item.as_str()));
        let items = items.map(|item| (item.item.clone(), item.name.clone())).collect();
        let serves = |window: &&BoardWindow| item.is_none_or(|item| serves_item(&serving(window), item));
        let windows = shown.windows.iter().filter(serves).cloned().collect();
        let now = if at.is_some() { shown.at } else { self.desk.now() };
        Ok(Some(BoardPage { name, zone, items, now, since: shown.at, windows }))
    }
}

/// A window of a board, as far as it says what it serves.
pub(super) fn serving(shown: &BoardWindow) -> Window {
    Window { items: shown.items.clone(), kind: shown.kind, ..Window::default() }
}
