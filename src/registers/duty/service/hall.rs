//! `GetHall`, `GetWindowAt`, `ListPauses`: for whoever looks after the hall, and for whoever asks about the past.

use std::collections::BTreeMap;

use super::listed::Pauses;
use super::look::Look;
use super::{Calls, look, own, told};
use crate::access::Caller;
use crate::kernel::{Check, EpochMs, PersonId, Pos, Said};
use crate::proto::board_window::State;
use crate::proto::{
    GetHallRequest, GetHallResponse, GetWindowAtRequest, GetWindowAtResponse, HallWindow, ListPausesRequest,
    ListPausesResponse, Role,
};
use crate::registers::attendance::service::Indexes;
use crate::registers::desk::{Place, Revealed};
use crate::registers::directory::admit::Seen;
use crate::registers::directory::reach::Here;
use crate::registers::duty::board;
use crate::registers::duty::pause::PauseCourse;
use crate::registers::duty::{parse, rows};
use crate::registers::failure::Failure;
use crate::registers::wire::{self, timestamp};
use crate::results::AsOf;

/// Who knows of other people's pauses.
const KNOWS: [Role; 4] = [Role::Lead, Role::DutyManager, Role::Inspector, Role::Discipline];

impl Calls {
    /// `GetHall`.
    pub async fn get_hall(
        &self,
        caller: &Caller,
        request: GetHallRequest,
    ) -> Result<GetHallResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        check.done()?;
        let place = self.desk.enter_to_read(caller, &centre.ok_or(Failure::Fault("PARSE"))?).await?;
        let look = self.look(place.log).await?;
        let indexes = self.indexes(place.log).await?;
        Ok(hall(&place, &look, &indexes))
    }

    /// `GetWindowAt`.
    pub async fn get_window_at(
        &self,
        caller: &Caller,
        request: GetWindowAtRequest,
    ) -> Result<GetWindowAtResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let window = parse::window(&mut check, "window", &request.window);
        let at = wire::opt_instant(&mut check, "at", request.at.as_ref());
        if at.is_some_and(|at| at > self.desk.now()) {
            check.refuse("at", "IN_THE_FUTURE", Said::new("时间尚未到来", "has not come yet"));
        }
        let reveal = Revealed::parse(&mut check, request.reveal.as_ref());
        check.done()?;
        let (Some(centre), Some(window)) = (centre, window) else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk.enter_to_read(caller, &centre).await?;
        let code = window.as_str();
        let at = at.unwrap_or(self.desk.now());
        // What is known today of that minute, and what the public saw in it.
        let (head, epoch) = self.desk.ledger().reader().head(place.log).await?;
        let today = look::at(&self.desk, place.log, Pos::new(epoch.base.get() + head.size), at).await?;
        let before = look::known_at(&self.desk, place.log, at).await?;
        let then = look::at(&self.desk, place.log, before, at).await?;
        let known = today.own.window(code).ok_or(Failure::NotFound("window"))?;
        let line = board::board(&then.scene(), &then.silent, None);
        let public = line.into_iter().find(|line| line.window == code).and_then(|line| line.text);
        let scene = today.scene();
        let course = scene.course(code);
        let indexes = self.indexes(place.log).await?;
        let mut pause = course.paused(at).map(|pause| told::pause(pause, scene.policy, &indexes, at));
        let mut disclosure_index = None;
        if let Some(reveal) = &reveal {
            let scope = format!("windows/{code}");
            let disclosure = self.desk.disclose(caller, &place, &scope, reveal).await?;
            let positions: Vec<Pos> = course.paused(at).map(|pause| pause.pos).into_iter().collect();
            let said = rows::reveal(self.desk.store(), &disclosure, place.log, &positions).await?;
            if let (Some(pause), Some(said)) = (&mut pause, said.into_values().next()) {
                pause.said = said.reason;
            }
            disclosure_index = Some(disclosure.index());
        }
        Ok(GetWindowAtResponse {
            state: course.state(scene.policy, at).into(),
            person_id: course.hold.as_ref().map(|hold| hold.person_id.clone()).unwrap_or_default(),
            public_text: public,
            proof_index: course.by.map(|by| indexes.of(by)),
            redacted: disclosure_index.is_none(),
            disclosure_index,
            clocked_in: bound(&place, known.window.as_str(), &today)
                .into_iter()
                .filter(|person| today.hall.is_in(person, at))
                .collect(),
            pause,
        })
    }

    /// `ListPauses`: one's own, or of people that one is responsible for.
    pub async fn list_pauses(
        &self,
        caller: &Caller,
        request: ListPausesRequest,
    ) -> Result<ListPausesResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let window = parse::opt_window(&mut check, "window", &request.window);
        let person = parse::opt_person(&mut check, "person_id", &request.person_id);
        let from = wire::opt_instant(&mut check, "from", request.from.as_ref());
        let until = wire::opt_instant(&mut check, "until", request.until.as_ref());
        let size = wire::page_size(&mut check, "page_size", request.page_size);
        let after = wire::parse_token(&mut check, "page_token", &request.page_token);
        let reveal = Revealed::parse(&mut check, request.reveal.as_ref());
        check.done()?;
        let (Some(centre), Some(window), Some(person)) = (centre, window, person) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk.enter_to_read(caller, &centre).await?;
        let during = (from.unwrap_or(EpochMs::ZERO), until.unwrap_or(EpochMs::MAX));
        let wanted = rows::Wanted {
            after: after.map_or((-1, 0), |(pos, item)| (pos.column(), item.parse().unwrap_or(u32::MAX))),
            during,
            window: &request.window,
            person_id: person.as_ref().map(PersonId::as_str).unwrap_or_default(),
            before: Pos::MAX,
        };
        drop(window);
        let mut tx = self.desk.store().snapshot().await?;
        let found = rows::pauses(&mut tx, place.log, wanted, size + 1).await?;
        tx.rollback().await?;
        let more = found.len() > size;
        let page: Vec<_> = found.into_iter().take(size).collect();
        let next_page_token = match page.last() {
            Some(last) if more => wire::token(last.pos, &last.item.to_string()),
            Some(_) | None => String::new(),
        };
        let zone = place.deployment.zone(&place.centre).ok_or(Failure::Fault("ZONE"))?;
        let listed = Pauses {
            store: self.desk.store(),
            log: place.log,
            own: &place.own,
            zone: &zone,
            before: AsOf { pos: Pos::MAX, deployment: Pos::MAX },
            at: self.desk.now(),
        };
        let courses = listed.courses(&page).await?;
        let visible = |pause: &&PauseCourse| self.sees(caller, &place, pause);
        let courses: Vec<&PauseCourse> = courses.iter().filter(visible).collect();
        let indexes = self.indexes(place.log).await?;
        let mut pauses = listed.told(&courses, &indexes).await?;
        let mut disclosure_index = None;
        if let Some(reveal) = &reveal {
            let scope = format!("pauses/{}", pauses.len());
            let disclosure = self.desk.disclose(caller, &place, &scope, reveal).await?;
            let positions: Vec<Pos> = courses.iter().map(|course| course.pos).collect();
            let said = rows::reveal(self.desk.store(), &disclosure, place.log, &positions).await?;
            for (pause, course) in pauses.iter_mut().zip(&courses) {
                pause.said = said.get(&course.pos).map(|said| said.reason.clone()).unwrap_or_default();
            }
            disclosure_index = Some(disclosure.index());
        }
        Ok(ListPausesResponse {
            pauses,
            next_page_token,
            redacted: disclosure_index.is_none(),
            disclosure_index,
        })
    }

    /// Is a pause the caller's to know of?
    fn sees(&self, caller: &Caller, place: &Place, pause: &PauseCourse) -> bool {
        if own(caller).is_some_and(|own| own.as_str() == pause.person_id) {
            return true;
        }
        let zone = place.deployment.zone(&place.centre);
        let Some(zone) = zone else { return false };
        let at = self.desk.now();
        let here = Here {
            seen: Seen { deployment: &place.deployment, own: &place.own },
            log: place.log,
            centre: &place.centre,
            at,
            today: zone.day_of(at),
        };
        here.is_responsible(caller.subject(), &KNOWS, &pause.person_id)
    }
}

/// Who is bound to a window on the day of a look.
fn bound(place: &Place, window: &str, look: &Look) -> Vec<String> {
    let today = look.hall.zone().day_of(look.at);
    let people = place.own.assigned().into_iter();
    people
        .filter(|person| {
            let assignment = place.own.assignment(person, today);
            assignment.is_some_and(|assignment| assignment.windows.iter().any(|bound| bound == window))
        })
        .map(str::to_owned)
        .collect()
}

fn hall(place: &Place, look: &Look, indexes: &Indexes) -> GetHallResponse {
    let scene = look.scene();
    let today = look.hall.zone().day_of(look.at);
    let mut of_window: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for person in place.own.assigned() {
        let assignment = place.own.assignment(person, today);
        for window in assignment.into_iter().flat_map(|assignment| &assignment.windows) {
            of_window.entry(window).or_default().push(person.to_owned());
        }
    }
    let mut awaiting = Vec::new();
    let mut windows = Vec::new();
    for window in place.own.windows() {
        let course = scene.course(&window.window);
        let pause = course.pause.as_ref();
        awaiting.extend(pause.filter(|pause| pause.awaits(look.at)).map(|pause| indexes.of(pause.pos)));
        let bound = of_window.remove(window.window.as_str()).unwrap_or_default();
        let silent = look.silent.get(&window.window);
        windows.push(HallWindow {
            window: window.window.clone(),
            number: window.number.clone(),
            state: board::shown(&course, &scene, silent.is_some()).into(),
            person_id: course.hold.as_ref().map(|hold| hold.person_id.clone()).unwrap_or_default(),
            since: course.hold.as_ref().map(|hold| timestamp(hold.since)),
            pause: pause.map(|pause| told::pause(pause, scene.policy, indexes, look.at)),
            silent_since: silent.copied().map(timestamp),
            clocked_in: bound.iter().filter(|person| look.hall.is_in(person, look.at)).cloned().collect(),
            bound,
            last_window: matches!(course.state(scene.policy, look.at), State::Open | State::Covered)
                && scene.is_last(window),
        });
    }
    let served = |item: &String| {
        let mut serving = place.own.windows_serving(std::slice::from_ref(item));
        serving.any(|window| scene.is_serving(&window.window))
    };
    let items = place.deployment.items().map(|item| item.item.clone());
    // Of items that no window here serves at all nobody expects any.
    let here = |item: &String| place.own.windows().any(|window| window.items.contains(item));
    GetHallResponse {
        as_of: Some(timestamp(look.at)),
        windows,
        awaiting,
        unserved_items: items.filter(here).filter(|item| !served(item)).collect(),
        clocked_in: u32::try_from(look.hall.count_in(look.at)).unwrap_or(u32::MAX),
    }
}
