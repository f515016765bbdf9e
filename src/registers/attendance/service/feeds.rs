//! `ListPresenceSince` and `ListDeviceStatesSince`: the feeds of results.

use prost::Message;

use super::Calls;
use crate::access::Caller;
use crate::kernel::{Check, LogId};
use crate::proto::{
    DeviceState, ListDeviceStatesSinceRequest, ListDeviceStatesSinceResponse, ListPresenceSinceRequest,
    ListPresenceSinceResponse, Presence,
};
use crate::registers::derivation::{self, DEVICE, PRESENCE, day_of};
use crate::registers::desk::Place;
use crate::registers::failure::Failure;
use crate::registers::wire;
use crate::results::{Body, CursorError, FeedError, Filter, Item, Page, Query, Room, page};

impl From<FeedError> for Failure {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Cursor(CursorError::Expired) => Self::CursorExpired,
            FeedError::Cursor(_) => {
                let mut check = Check::new();
                derivation::no_cursor(&mut check);
                check.done().err().map_or(Self::CursorExpired, Self::Invalid)
            }
            FeedError::Store(error) => error.into(),
        }
    }
}

impl Calls {
    /// `ListPresenceSince`.
    pub async fn list_presence_since(
        &self,
        caller: &Caller,
        request: ListPresenceSinceRequest,
    ) -> Result<ListPresenceSinceResponse, Failure> {
        let cursor = (PRESENCE, request.cursor.as_str());
        let (place, limit) = self.feed(caller, &request.centre, request.limit, cursor).await?;
        let mine = |item: &Item| is_mine(&place, item);
        let page = self.page(PRESENCE, place.log, &request.cursor, limit, Filter::Only(&mine)).await?;
        let indexes = self.indexes(place.log).await?;
        let items = page.items.iter().filter_map(|item| presence(item, indexes.of(item.pos))).collect();
        Ok(ListPresenceSinceResponse { items, next_cursor: page.next_cursor, caught_up: page.caught_up })
    }

    /// `ListDeviceStatesSince`.
    pub async fn list_device_states_since(
        &self,
        caller: &Caller,
        request: ListDeviceStatesSinceRequest,
    ) -> Result<ListDeviceStatesSinceResponse, Failure> {
        let cursor = (DEVICE, request.cursor.as_str());
        let (place, limit) = self.feed(caller, &request.centre, request.limit, cursor).await?;
        let page = self.page(DEVICE, place.log, &request.cursor, limit, Filter::Everything).await?;
        let indexes = self.indexes(place.log).await?;
        let items = page.items.iter().filter_map(|item| device_state(item, indexes.of(item.pos))).collect();
        Ok(ListDeviceStatesSinceResponse { items, next_cursor: page.next_cursor, caught_up: page.caught_up })
    }

    async fn feed(
        &self,
        caller: &Caller,
        centre: &str,
        limit: i32,
        (room, cursor): (Room, &str),
    ) -> Result<(Place, usize), Failure> {
        let mut check = Check::new();
        derivation::cursor(&mut check, room, cursor);
        let centre = wire::centre(&mut check, centre);
        let limit = wire::page_size(&mut check, "limit", limit);
        check.done()?;
        let Some(centre) = centre else { return Err(Failure::Fault("PARSE")) };
        Ok((self.desk.enter_to_read(caller, &centre).await?, limit))
    }

    pub(crate) async fn page(
        &self,
        room: Room,
        log: LogId,
        cursor: &str,
        limit: usize,
        filter: Filter<'_>,
    ) -> Result<Page, Failure> {
        let query = Query { room, logs: &[log], cursor, limit, filter };
        Ok(page(self.desk.store(), &query).await?)
    }
}

/// A department's system sees its own people's days.
fn is_mine(place: &Place, item: &Item) -> bool {
    !place.pass.is_narrow()
        || day_of(&item.key).is_some_and(|(person, _)| {
            place.deployment.person(person).is_some_and(|person| place.pass.sees(&person.department))
        })
}

fn presence(item: &Item, entry_index: u64) -> Option<Presence> {
    let (person, day) = day_of(&item.key)?;
    let known = match &item.body {
        Body::Content(content) => Presence::decode(content.as_slice()).ok()?,
        Body::Nothing | Body::Erased => Presence::default(),
    };
    Some(Presence {
        seq: item.seq,
        entry_index,
        person_id: person.to_owned(),
        work_date: Some(wire::date(day)),
        revision: u32::try_from(item.revision).unwrap_or(u32::MAX),
        tombstone: !matches!(item.body, Body::Content(_)),
        ..known
    })
}

/// What is stored of a device's state; nothing of a tombstone.
pub(super) fn stored_state(item: &Item) -> Option<DeviceState> {
    match &item.body {
        Body::Content(content) => DeviceState::decode(content.as_slice()).ok(),
        Body::Nothing | Body::Erased => Some(DeviceState::default()),
    }
}

fn device_state(item: &Item, entry_index: u64) -> Option<DeviceState> {
    let known = stored_state(item)?;
    Some(DeviceState {
        seq: item.seq,
        entry_index,
        device: String::from_utf8(item.key.bytes.clone()).ok()?,
        revision: u32::try_from(item.revision).unwrap_or(u32::MAX),
        tombstone: !matches!(item.body, Body::Content(_)),
        ..known
    })
}
