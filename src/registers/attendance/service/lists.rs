//! `ListPunches` and `ListPunchesSince`: the punches as they were recorded, with what is known of them now.

use std::collections::{BTreeSet, HashMap};

use prost::Message;

use super::Calls;
use super::seen::{STRIDE, Seen, Sight};
use crate::access::Caller;
use crate::kernel::{Check, EpochMs, PersonId, Pos};
use crate::ledger::disclosure::Disclosure;
use crate::proto::{
    ListPunchesRequest, ListPunchesResponse, ListPunchesSinceRequest, ListPunchesSinceResponse, Presented,
    PunchRecord,
};
use crate::registers::attendance::rows::{self, PunchRow};
use crate::registers::audit::service::reads::SessionRead;
use crate::registers::desk::{Place, Revealed};
use crate::registers::failure::Failure;
use crate::registers::wire;
use crate::store::{Binds, Keys, Statement};

static PUNCHES_FROM: Statement = Statement::new(
    "SELECT pos, recorded_ms, request_id, content FROM attendance_punch \
     WHERE log_id = $1 AND pos >= $2 AND pos < $3 AND claimed_ms >= $4 AND claimed_ms < $5 ORDER BY pos LIMIT $6",
);

static PUNCHES_OF_FROM: Statement = Statement::new(
    "SELECT pos, recorded_ms, request_id, content FROM attendance_punch \
     WHERE log_id = $1 AND pos >= $2 AND claimed_ms >= $3 AND claimed_ms < $4 \
     AND who = ANY($6::text[]) ORDER BY pos LIMIT $5",
);

/// Rows that are looked at for one page, at most: a department's system skips what is not its own.
const SCAN_MOST: usize = 20_000;
/// How often is asked for one page, a stride each time: a page may be short, or empty, and still not be the last.
const STRIDES_MOST: usize = 25;

/// What is asked for.
struct Wanted {
    from_pos: Pos,
    from: EpochMs,
    until: EpochMs,
    person: Option<PersonId>,
    size: usize,
}

/// What was found.
struct Found {
    punches: Vec<Seen>,
    /// Where the next page begins.
    next: Pos,
    /// There was nothing more.
    ended: bool,
}

impl Calls {
    /// `ListPunches`.
    pub async fn list_punches(
        &self,
        caller: &Caller,
        request: ListPunchesRequest,
    ) -> Result<ListPunchesResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let person = match request.person_id.as_str() {
            "" => None,
            id => check.take("person_id", PersonId::parse(id)),
        };
        let from = wire::opt_instant(&mut check, "from", request.from.as_ref());
        let until = wire::opt_instant(&mut check, "until", request.until.as_ref());
        let size = wire::page_size(&mut check, "page_size", request.page_size);
        let after = wire::parse_token(&mut check, "page_token", &request.page_token);
        let reveal = Revealed::parse(&mut check, request.reveal.as_ref());
        check.done()?;
        let Some(centre) = centre else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk.enter_to_read(caller, &centre).await?;
        let wanted = Wanted {
            from_pos: after.map_or(Pos::ZERO, |(pos, _)| pos),
            from: from.unwrap_or(EpochMs::ZERO),
            until: until.unwrap_or(EpochMs::MAX),
            person,
            size,
        };
        let found = self.find(&place, &wanted).await?;
        let next_page_token = if found.ended { String::new() } else { wire::token(found.next, "") };
        let disclosure = match &reveal {
            Some(reveal) => {
                let scope = match &wanted.person {
                    Some(person) => format!("punches/{person}"),
                    None => format!("punches/{}", found.punches.len()),
                };
                Some(self.reads.read(caller, &place, &scope, reveal).await?)
            }
            None => None,
        };
        let punches = self.records(&place, found.punches, disclosure.as_ref()).await?;
        let disclosure_index = disclosure.map(|disclosure| disclosure.index());
        Ok(ListPunchesResponse { punches, next_page_token, disclosure_index })
    }

    /// `ListPunchesSince`: in the order of the log, so that nothing is ever skipped.
    pub async fn list_punches_since(
        &self,
        caller: &Caller,
        request: ListPunchesSinceRequest,
    ) -> Result<ListPunchesSinceResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let size = wire::page_size(&mut check, "limit", request.limit);
        let after = wire::parse_token(&mut check, "cursor", &request.cursor);
        let reveal = Revealed::parse(&mut check, request.reveal.as_ref());
        check.done()?;
        let Some(centre) = centre else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk.enter_to_read(caller, &centre).await?;
        let wanted = Wanted {
            from_pos: after.map_or(Pos::ZERO, |(pos, _)| pos),
            from: EpochMs::ZERO,
            until: EpochMs::MAX,
            person: None,
            size,
        };
        let found = self.find(&place, &wanted).await?;
        let (next_cursor, caught_up) = (wire::token(found.next, ""), found.ended);
        // A feed that is polled is one session on record, not an entry for every poll.
        let session = match &reveal {
            Some(reveal) => Some(self.reads.session(caller, &place, "punches", reveal).await?),
            None => None,
        };
        let disclosure = session.as_ref().map(SessionRead::disclosure);
        let items = self.records(&place, found.punches, disclosure).await?;
        let disclosure_index = disclosure.map(Disclosure::index);
        let answer = ListPunchesSinceResponse { items, next_cursor, caught_up, disclosure_index };
        if let Some(session) = &session {
            let rows = u64::try_from(answer.items.len()).unwrap_or(u64::MAX);
            session.given(rows, &answer.next_cursor, &answer.encode_to_vec());
        }
        Ok(answer)
    }

    async fn find(&self, place: &Place, wanted: &Wanted) -> Result<Found, Failure> {
        let mut found = Found { punches: Vec::new(), next: wanted.from_pos, ended: false };
        let (mut scanned, mut strides) = (0, 0);
        while found.punches.len() < wanted.size && scanned < SCAN_MOST && strides < STRIDES_MOST {
            let missing = wanted.size - found.punches.len();
            let (page, end) = self.stride(place, wanted, found.next, missing).await?;
            scanned += page.len();
            strides += 1;
            let whole = page.len() < missing;
            match page.last().filter(|_| !whole).map(|last| last.pos.next()).or(end) {
                Some(next) => found.next = next,
                None => {
                    found.next = page.last().map_or(found.next, |last| last.pos.next());
                    found.ended = true;
                }
            }
            let seen = self.see(place, page).await?;
            found.punches.extend(seen.into_iter().filter(|seen| is_wanted(place, wanted, seen)));
            if found.ended {
                break;
            }
        }
        Ok(found)
    }

    /// Up to `missing` punches from a position on, and where the look ended, unless it was at the end of the log.
    async fn stride(
        &self,
        place: &Place,
        wanted: &Wanted,
        from: Pos,
        missing: usize,
    ) -> Result<(Vec<PunchRow>, Option<Pos>), Failure> {
        let store = self.desk.store();
        let limit = i64::try_from(missing).unwrap_or(i64::MAX);
        let binds = Binds::new().and(place.log.column()).and(from.column());
        if let Some(person) = &wanted.person {
            let binds = binds.and(wanted.from.get()).and(wanted.until.get()).and(limit);
            let binds = binds.keys(Keys::texts(names(place, person)));
            return Ok((store.fetch(&PUNCHES_OF_FROM, binds, rows::read_punch).await?, None));
        }
        let (head, epoch) = self.desk.ledger().reader().head(place.log).await?;
        let end = Pos::new(epoch.base.get() + head.size);
        let until = Pos::new(from.get().saturating_add(STRIDE));
        let binds = binds.and(until.column()).and(wanted.from.get()).and(wanted.until.get()).and(limit);
        let page = store.fetch(&PUNCHES_FROM, binds, rows::read_punch).await?;
        Ok((page, (until < end).then_some(until)))
    }

    /// When punches happened and whose they are, as far as is known now.
    async fn see(&self, place: &Place, punches: Vec<PunchRow>) -> Result<Vec<Seen>, Failure> {
        let zone = place.deployment.zone(&place.centre);
        let (log, before) = (place.log, Pos::new(u64::MAX));
        let sight = Sight { store: self.desk.store(), log, own: &place.own, zone: zone.as_ref(), before };
        Ok(sight.see(punches).await?)
    }

    async fn records(
        &self,
        place: &Place,
        punches: Vec<Seen>,
        disclosure: Option<&Disclosure>,
    ) -> Result<Vec<PunchRecord>, Failure> {
        let mut shown = None;
        if let Some(disclosure) = disclosure {
            let positions: Vec<Pos> = punches.iter().map(|seen| seen.punch.pos).collect();
            let revealed = rows::reveal(self.desk.store(), disclosure, place.log, &positions).await?;
            shown = Some(revealed.into_iter().collect::<HashMap<Pos, Presented>>());
        }
        let indexes = self.indexes(place.log).await?;
        Ok(punches
            .into_iter()
            .map(|seen| {
                let presented = shown.as_mut().map(|shown| shown.remove(&seen.punch.pos));
                let index = indexes.of(seen.punch.pos);
                seen.told(index, presented)
            })
            .collect())
    }
}

/// Is it what is asked for, and may the caller see it? A department's system sees the punches of its own people; those of
/// somebody whom nobody knows are seen by who sees the centre.
fn is_wanted(place: &Place, wanted: &Wanted, seen: &Seen) -> bool {
    let asked = wanted.person.as_ref().is_none_or(|person| person.as_str() == seen.person_id);
    let own = !place.pass.is_narrow()
        || place.deployment.person(&seen.person_id).is_some_and(|person| place.pass.sees(&person.department));
    asked && own
}

/// What rows call a person: their id, and the credentials that were ever bound to them.
fn names(place: &Place, person: &PersonId) -> BTreeSet<String> {
    let bound = place
        .own
        .bindings_of(person.as_str())
        .map(|binding| rows::unresolved(&rows::credential_key(binding.kind, &binding.value_hmac)));
    bound.chain(std::iter::once(person.to_string())).collect()
}
