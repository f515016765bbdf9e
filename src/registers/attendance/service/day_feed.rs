//! `ListDayResultsSince` and `WatchDayResults`: every revision of people's days, in order (rule R12).

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use prost::Message;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Calls;
use super::days::{opt_department, visible};
use crate::access::Caller;
use crate::kernel::{CentreId, Check, DepartmentId, EpochDay, Said};
use crate::proto::{
    DayResult, DayResultView, DayResults, Finality, ListDayResultsSinceRequest, WatchDayResultsRequest,
};
use crate::registers::derivation::{self, DAY, day_of};
use crate::registers::desk::Place;
use crate::registers::failure::Failure;
use crate::registers::wire;
use crate::results::{Body, Filter, Item};

/// The most items of one message of a stream.
pub(super) const STREAM_ITEMS: usize = 1_000;
/// A stream looks again at the latest after this long, should it not be told that there is news.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Which results a reader of the feed wants.
#[derive(Debug, Clone)]
struct Wanted {
    department: Option<DepartmentId>,
    finality: Finality,
    from: Option<EpochDay>,
    until: Option<EpochDay>,
    view: DayResultView,
}

impl Wanted {
    fn parse(
        check: &mut Check,
        department: &str,
        [finality, view]: [i32; 2],
        from: Option<&crate::proto::Date>,
        until: Option<&crate::proto::Date>,
    ) -> Self {
        let mut refuse = |field| {
            let said = Said::new("须从列出的值中选择", "is none of the named values");
            check.refuse(field, "UNKNOWN", said);
        };
        let finality = Finality::try_from(finality).unwrap_or_else(|_| {
            refuse("finality");
            Finality::Unspecified
        });
        let view = DayResultView::try_from(view).unwrap_or_else(|_| {
            refuse("view");
            DayResultView::Unspecified
        });
        Self {
            department: opt_department(check, department),
            finality,
            from: wire::opt_day(check, "from", from),
            until: wire::opt_day(check, "until", until),
            view,
        }
    }

    fn wants(&self, place: &Place, item: &Item) -> bool {
        let Some((person, day)) = day_of(&item.key) else { return false };
        let within = self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until);
        within && visible(place, person, self.department.as_ref()) && self.is_as_final(item)
    }

    fn is_as_final(&self, item: &Item) -> bool {
        let is_final = || match &item.body {
            Body::Content(content) => DayResult::decode(content.as_slice()).is_ok_and(|day| day.r#final),
            Body::Nothing | Body::Erased => true,
        };
        match self.finality {
            Finality::Unspecified => true,
            Finality::Final => is_final(),
            Finality::Open => !is_final(),
        }
    }
}

impl Calls {
    /// `ListDayResultsSince`.
    pub async fn list_day_results_since(
        &self,
        caller: &Caller,
        request: ListDayResultsSinceRequest,
    ) -> Result<DayResults, Failure> {
        let mut check = Check::new();
        let (from, until) = (request.from.as_ref(), request.until.as_ref());
        let wanted =
            Wanted::parse(&mut check, &request.department, [request.finality, request.view], from, until);
        let centre = wire::centre(&mut check, &request.centre);
        derivation::cursor(&mut check, DAY, &request.cursor);
        let limit = wire::page_size(&mut check, "limit", request.limit);
        check.done()?;
        let centre = centre.ok_or(Failure::Fault("PARSE"))?;
        let place = self.desk.enter_to_read(caller, &centre).await?;
        self.since(&place, &wanted, &request.cursor, limit).await
    }

    async fn since(
        &self,
        place: &Place,
        wanted: &Wanted,
        cursor: &str,
        limit: usize,
    ) -> Result<DayResults, Failure> {
        let wants = |item: &Item| wanted.wants(place, item);
        let page = self.page(DAY, place.log, cursor, limit, Filter::Only(&wants)).await?;
        let encoded = self.telling(place, |telling| telling.encoded(&page.items, wanted.view)).await?;
        Ok(DayResults { encoded, next_cursor: page.next_cursor, caught_up: page.caught_up })
    }

    /// `WatchDayResults`: who calls is checked again before every message, since a grant may end while a stream goes on.
    pub async fn watch_day_results(
        &self,
        caller: &Caller,
        request: WatchDayResultsRequest,
    ) -> Result<impl Stream<Item = Result<DayResults, Failure>> + Send + 'static + use<>, Failure> {
        let mut check = Check::new();
        let (from, until) = (request.from.as_ref(), request.until.as_ref());
        let wanted =
            Wanted::parse(&mut check, &request.department, [request.finality, request.view], from, until);
        let centre = wire::centre(&mut check, &request.centre);
        derivation::cursor(&mut check, DAY, &request.cursor);
        check.done()?;
        let centre = centre.ok_or(Failure::Fault("PARSE"))?;
        self.desk.enter_to_read(caller, &centre).await?;
        let watching = Watching {
            calls: self.clone(),
            caller: caller.clone(),
            centre,
            wanted: Arc::new(wanted),
            cursor: request.cursor,
            news: self.news.clone(),
            begun: false,
            ahead: None,
        };
        Ok(stream::try_unfold(watching, async |mut watching| {
            let message = watching.next().await?;
            Ok(Some((message, watching)))
        }))
    }
}

/// A stream that goes on.
struct Watching {
    calls: Calls,
    caller: Caller,
    centre: CentreId,
    wanted: Arc<Wanted>,
    cursor: String,
    news: watch::Receiver<u64>,
    begun: bool,
    ahead: Option<Ahead>,
}

/// The next page, read while the one before is on its way.
struct Ahead {
    /// Whose view it is.
    place: Place,
    page: JoinHandle<Result<DayResults, Failure>>,
}

impl Watching {
    /// The next message: the first at once, the others when there is something.
    async fn next(&mut self) -> Result<DayResults, Failure> {
        loop {
            // What is news is news of what comes after a page was read, and one read ahead was read before.
            if self.ahead.is_none() {
                self.news.mark_unchanged();
            }
            let place = self.calls.desk.enter_to_read(&self.caller, &self.centre).await?;
            let page = match self.ahead.take().filter(|ahead| ahead.is_still_of(&place)) {
                Some(ahead) => ahead.page.await.map_err(|_| Failure::Fault("PANIC"))??,
                None => self.calls.since(&place, &self.wanted, &self.cursor, self.calls.stream_items).await?,
            };
            self.cursor.clone_from(&page.next_cursor);
            if !page.caught_up {
                self.ahead = Some(self.read_ahead(place));
            }
            if !page.encoded.is_empty() || !self.begun {
                self.begun = true;
                return Ok(page);
            }
            if !page.caught_up {
                continue;
            }
            // Told, or late: either way it looks again.
            if let Ok(Err(_nobody_tells)) = tokio::time::timeout(LOOK_AGAIN, self.news.changed()).await {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }

    fn read_ahead(&mut self, place: Place) -> Ahead {
        let (calls, wanted, cursor) = (self.calls.clone(), Arc::clone(&self.wanted), self.cursor.clone());
        let as_seen = place.clone();
        self.news.mark_unchanged();
        let page =
            tokio::spawn(async move { calls.since(&as_seen, &wanted, &cursor, calls.stream_items).await });
        Ahead { place, page }
    }
}

impl Ahead {
    /// Nobody has come to see more or less meanwhile, whether by a grant or because people changed departments.
    fn is_still_of(&self, place: &Place) -> bool {
        self.place.pass.is_as_wide_as(&place.pass) && Arc::ptr_eq(&self.place.deployment, &place.deployment)
    }
}
