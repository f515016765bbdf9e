//! `ListPauseResultsSince`: what became of pauses, as a feed.

use prost::Message;

use super::Calls;
use crate::access::Caller;
use crate::kernel::Check;
use crate::proto::{ListPauseResultsSinceRequest, ListPauseResultsSinceResponse, PauseResult};
use crate::registers::attendance::service::Indexes;
use crate::registers::derivation::pauses::pause_of;
use crate::registers::derivation::{self, PAUSE};
use crate::registers::failure::Failure;
use crate::registers::wire;
use crate::results::{Body, Filter, Item, Query, page};

impl Calls {
    /// `ListPauseResultsSince`.
    pub async fn list_pause_results_since(
        &self,
        caller: &Caller,
        request: ListPauseResultsSinceRequest,
    ) -> Result<ListPauseResultsSinceResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        derivation::cursor(&mut check, PAUSE, &request.cursor);
        let limit = wire::page_size(&mut check, "limit", request.limit);
        check.done()?;
        let place = self.desk.enter_to_read(caller, &centre.ok_or(Failure::Fault("PARSE"))?).await?;
        let logs = [place.log];
        let query =
            Query { room: PAUSE, logs: &logs, cursor: &request.cursor, limit, filter: Filter::Everything };
        let page = page(self.desk.store(), &query).await?;
        let indexes = self.indexes(place.log).await?;
        let items = page.items.iter().filter_map(|item| told(item, &indexes)).collect();
        Ok(ListPauseResultsSinceResponse { items, next_cursor: page.next_cursor, caught_up: page.caught_up })
    }
}

fn told(item: &Item, indexes: &Indexes) -> Option<PauseResult> {
    let (pause, _) = pause_of(&item.key)?;
    let known = match &item.body {
        Body::Content(content) => PauseResult::decode(content.as_slice()).ok()?,
        Body::Nothing | Body::Erased => PauseResult::default(),
    };
    Some(PauseResult {
        seq: item.seq,
        entry_index: indexes.of(item.pos),
        pause: indexes.of(pause),
        revision: u32::try_from(item.revision).unwrap_or(u32::MAX),
        tombstone: !matches!(item.body, Body::Content(_)),
        ..known
    })
}
