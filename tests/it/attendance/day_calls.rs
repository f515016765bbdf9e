//! `GetDay`, `ListDays`, `ListDayResultsSince`, `WatchDayResults`, `ListCoverageBlockers`: explained in words, in order, and each department's own.

use std::time::Duration;

use futures_util::StreamExt as _;
use qinlian::kernel::{DeviceId, LogId, PersonId, Subject, Words};
use qinlian::proto::day_result::{Headline, SlotResult};
use qinlian::proto::punch::Direction::In;
use qinlian::proto::role_grant::Reach;
use qinlian::proto::*;
use qinlian::registers::attendance::fact::Command as Attendance;
use qinlian::registers::attendance::service::Calls;
use qinlian::registers::audit::service::reads::{Reads, ReplicaId};
use qinlian::registers::directory::fact::Record;
use qinlian::registers::failure::Failure;
use qinlian::registers::roster::fact::Command as Roster;
use tokio::sync::watch;

use super::days::{Rostered, tuesday};
use crate::roster::rig::{date, refused, shift};
use crate::support::office::grant;
use crate::support::store::each;

struct Window {
    rig: Rostered,
    calls: Calls,
    news: watch::Sender<u64>,
}

impl Window {
    /// Everybody's Tuesday is over and final: the first two are of the tax department, the third of land.
    async fn begin(store: &qinlian::store::Store, seed: u64) -> Self {
        Self::told_by(store, seed, &["gate-1", "gate-2"]).await
    }

    /// The same, but only some gates have told.
    async fn told_by(store: &qinlian::store::Store, seed: u64, gates: &[&str]) -> Self {
        let rig = Rostered::begin(store, seed).await;
        for (person, department) in rig.hall.people.iter().zip(["tax", "tax", "land"]) {
            in_department(&rig, person, department).await;
        }
        for (name, role, department) in [
            ("officer", Role::AttendanceOfficer, ""),
            ("hr", Role::Hr, ""),
            ("tax-hr", Role::Hr, "tax"),
            ("land-hr", Role::Hr, "land"),
        ] {
            let subject = Subject::parse(&format!("system:{name}")).expect("a subject");
            let scope = Some(Reach { department: department.to_owned(), ..Reach::default() });
            let record = RoleGrant { scope, ..grant(&subject, role) };
            rig.hall.office.put(rig.hall.log(), Record::RoleGrant(record)).await.expect("a grant");
        }
        rig.at(tuesday("00:00")).await;
        rig.clock("A1", In, "08:42").await;
        rig.reported(gates, "18:40").await;
        rig.hall.fold().await;
        let desk = rig.hall.office.desk.clone();
        let reads = Reads::start(desk.clone(), ReplicaId::new(*b"replica1")).await.expect("reads");
        let (news, told) = watch::channel(0);
        Self { calls: Calls::new(desk, reads, told), rig, news }
    }

    fn caller(&self, subject: &str, method: &str) -> qinlian::access::Caller {
        let subject = Subject::parse(&format!("system:{subject}")).expect("a subject");
        self.rig.hall.office.caller(&subject, &format!("qinlian.v1.AttendanceService/{method}"))
    }

    /// The first person's Tuesday is a day of rest, or a day of work again; whoever watches is told.
    async fn changes(&self, works: bool) {
        let works = if works {
            roster_entry::Works::Shift("day".to_owned())
        } else {
            roster_entry::Works::Rest(true)
        };
        let entry =
            RosterEntry { person_id: self.person(0), date: Some(date("2026-03-03")), works: Some(works) };
        let fact = RosterFact { entries: vec![entry], patterns: vec![] };
        self.rig.put(Roster::Roster(fact)).await;
        self.rig.hall.fold().await;
        self.news.send_modify(|news| *news += 1);
    }

    fn person(&self, number: usize) -> String {
        self.rig.hall.people[number].to_string()
    }

    async fn day(&self, subject: &str, person: usize, as_of: Option<u64>) -> Result<DayResult, Failure> {
        let request = GetDayRequest {
            centre: "hall".to_owned(),
            person_id: self.person(person),
            work_date: Some(date("2026-03-03")),
            as_of,
        };
        let answer = self.calls.get_day(&self.caller(subject, "GetDay"), request).await?;
        Ok(answer.day.expect("a day"))
    }

    /// `gate-2 never: 3 people, 6 days from 03-02, since 03-02T12:30`.
    async fn blockers(&self, subject: &str) -> Vec<String> {
        let request = ListCoverageBlockersRequest { centre: "hall".to_owned() };
        let caller = self.caller(subject, "ListCoverageBlockers");
        let answer = self.calls.list_coverage_blockers(&caller, request).await.expect("an answer");
        let of_tuesday = |at: Option<prost_types::Timestamp>| {
            at.map(|at| (at.seconds - tuesday("00:00").get() / 1_000) / 60)
                .map(|minutes| format!("{}h{:02}", minutes.div_euclid(60), minutes.rem_euclid(60)))
        };
        let line = |blocker: CoverageBlocker| {
            let covered = of_tuesday(blocker.covered_until).unwrap_or_else(|| "never".to_owned());
            let since = of_tuesday(blocker.since).expect("since when");
            let first = blocker.first_work_date.expect("a day");
            format!(
                "{} told until {covered}: {} people, {} days from {:02}-{:02}, since {since}",
                blocker.device, blocker.people, blocker.days, first.month, first.day
            )
        };
        answer.blockers.into_iter().map(line).collect()
    }

    async fn feed(&self, subject: &str, request: ListDayResultsSinceRequest) -> Vec<DayResult> {
        let mut request = ListDayResultsSinceRequest { centre: "hall".to_owned(), ..request };
        let mut items = Vec::new();
        loop {
            let caller = self.caller(subject, "ListDayResultsSince");
            let page = self.calls.list_day_results_since(&caller, request.clone()).await.expect("a page");
            items.extend(page.items().expect("results"));
            if page.caught_up {
                return items;
            }
            request.cursor = page.next_cursor;
        }
    }
}

async fn in_department(rig: &Rostered, person: &PersonId, department: &str) {
    let office = &rig.hall.office;
    let record = Department {
        department: department.to_owned(),
        name: department.to_owned(),
        ..Department::default()
    };
    office.put(LogId::DEPLOYMENT, Record::Department(record)).await.expect("a department");
    let record = Person {
        person_id: person.to_string(),
        department: department.to_owned(),
        employment: person::Employment::CivilServant.into(),
        ..Person::default()
    };
    office.put(LogId::DEPLOYMENT, Record::Person(record)).await.expect("a person");
}

#[tokio::test]
async fn a_day_is_explained_in_words_and_can_be_read_as_it_stood() {
    each(async |fixture| {
        let window = Window::begin(&fixture.store, 411).await;
        let day = window.day("officer", 1, None).await.expect("a day");
        assert_eq!((day.headline(), day.r#final, day.absent_fraction), (Headline::Absent, true, 0.5));
        assert_eq!((day.shift.as_str(), day.cause.as_str()), ("day", "COVERAGE"));
        let policy = day.policy.clone().expect("a policy");
        assert_eq!((policy.pack.as_str(), policy.centre_index), ("cn-default", None));
        let on = day.spans[0].on.clone().expect("a slot");
        assert_eq!((on.r#final(), on.minutes, on.is_final), (SlotResult::Late, 12, true));
        let reason = on.reason.expect("a reason");
        for (text, parts) in
            [(&reason.zh, ["迟到 12 分钟", "08:30", "08:42"]), (&reason.en, ["late", "08:30", "08:42"])]
        {
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        }
        assert!(day.reason.expect("a reason").zh.contains("旷工"), "the afternoon");
        // The punch that decided is an entry that anybody may have proven.
        let index = on.punch_index.expect("a punch");
        let before = window.day("officer", 1, Some(index)).await.expect("a day");
        let as_it_stood = before.spans[0].on.as_ref().expect("a slot").r#final();
        assert_eq!((as_it_stood, before.headline()), (SlotResult::Pending, Headline::Pending));
        assert_eq!((before.cause.as_str(), before.entry_index), ("PUNCH", index));
        assert!(before.revision < day.revision && before.seq < day.seq);
        // What is not derived yet is not taken for what is; an entry that does not exist has no day after it.
        window.rig.put(Roster::Shift(shift("later", "1-5 09:00-17:00"))).await;
        let (head, _) =
            window.rig.hall.office.desk.ledger().reader().head(window.rig.hall.log()).await.expect("a head");
        let next = head.size - 1;
        assert_eq!(refused(window.day("officer", 1, Some(next)).await), "NOT_DERIVED_YET");
        let told = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            window.rig.hall.fold().await;
            window.news.send_modify(|count| *count += 1);
        };
        let (asked, ()) = tokio::join!(window.day("officer", 1, Some(next)), told);
        assert_eq!(asked.expect("folded meanwhile").headline(), Headline::Absent);
        let never = window.day("officer", 1, Some(head.size)).await;
        assert!(matches!(never, Err(Failure::NotFound("entry"))), "{never:?}");
        window.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_department_is_shown_its_own_peoples_days_and_nobody_elses() {
    each(async |fixture| {
        let window = Window::begin(&fixture.store, 412).await;
        let whose = |items: Vec<DayResult>| {
            let mut people: Vec<usize> = items
                .iter()
                .map(|day| (0..3).find(|n| window.person(*n) == day.person_id).expect("one of three"))
                .collect();
            people.sort_unstable();
            people.dedup();
            people
        };
        let all = ListDayResultsSinceRequest::default;
        let only =
            |department: &str| ListDayResultsSinceRequest { department: department.to_owned(), ..all() };
        for (subject, request, wanted) in [
            ("hr", all(), vec![0, 1, 2]),
            ("tax-hr", all(), vec![0, 1]),
            ("land-hr", all(), vec![2]),
            ("hr", only("land"), vec![2]),
            ("tax-hr", only("tax"), vec![0, 1]),
            // Naming another department opens nothing.
            ("tax-hr", only("land"), vec![]),
        ] {
            assert_eq!(whose(window.feed(subject, request).await), wanted, "{subject}");
        }
        assert_eq!(refused(window.day("tax-hr", 2, None).await), "Err(NotFound(\"day\"))");
        assert!(window.day("land-hr", 2, None).await.is_ok());
        let list = async |subject: &str, person: String| {
            let request = ListDaysRequest {
                centre: "hall".to_owned(),
                person_id: person,
                from: Some(date("2026-03-01")),
                until: Some(date("2026-03-31")),
                page_size: 2,
                ..ListDaysRequest::default()
            };
            let (mut days, mut token) = (Vec::new(), String::new());
            loop {
                let request = ListDaysRequest { page_token: token, ..request.clone() };
                let page = window.calls.list_days(&window.caller(subject, "ListDays"), request).await;
                let page = page.expect("a page");
                days.extend(page.days);
                token = page.next_page_token;
                if token.is_empty() {
                    return days;
                }
            }
        };
        assert_eq!(list("hr", String::new()).await.len(), 6, "Monday and Tuesday of three");
        assert_eq!(whose(list("tax-hr", String::new()).await), [0, 1]);
        assert!(list("tax-hr", window.person(2)).await.is_empty());
        window.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn payroll_takes_what_is_final_and_the_feed_begins_again_where_it_stopped() {
    each(async |fixture| {
        let window = Window::begin(&fixture.store, 413).await;
        let everything = window.feed("hr", ListDayResultsSinceRequest::default()).await;
        let with = |finality: Finality| ListDayResultsSinceRequest {
            finality: finality.into(),
            ..Default::default()
        };
        let settled = window.feed("hr", with(Finality::Final)).await;
        let open = window.feed("hr", with(Finality::Open)).await;
        assert!(settled.iter().all(|day| day.r#final) && open.iter().all(|day| !day.r#final));
        assert_eq!(settled.len() + open.len(), everything.len());
        assert!(!settled.is_empty() && !open.is_empty());
        // One by one, and each page asked for twice: the same, in order.
        let mut request =
            ListDayResultsSinceRequest { centre: "hall".to_owned(), limit: 1, ..Default::default() };
        let mut seen = Vec::new();
        loop {
            let caller = || window.caller("hr", "ListDayResultsSince");
            let page = window.calls.list_day_results_since(&caller(), request.clone()).await.expect("a page");
            let again =
                window.calls.list_day_results_since(&caller(), request.clone()).await.expect("a page");
            assert_eq!(page, again);
            seen.extend(page.items().expect("results"));
            request.cursor = page.next_cursor;
            if page.caught_up {
                break;
            }
        }
        assert_eq!(seen, everything);
        let tuesday = ListDayResultsSinceRequest {
            from: Some(date("2026-03-03")),
            until: Some(date("2026-03-03")),
            ..Default::default()
        };
        let tuesdays = window.feed("hr", tuesday).await;
        assert!(!tuesdays.is_empty() && tuesdays.iter().all(|day| day.work_date == Some(date("2026-03-03"))));
        window.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_feed_without_sentences_is_the_feed_but_for_them() {
    each(async |fixture| {
        let window = Window::begin(&fixture.store, 415).await;
        let with =
            |view: DayResultView| ListDayResultsSinceRequest { view: view.into(), ..Default::default() };
        let explained = window.feed("hr", with(DayResultView::Explained)).await;
        assert_eq!(window.feed("hr", with(DayResultView::Unspecified)).await, explained);
        assert!(explained.iter().all(|day| day.tombstone || day.reason.is_some()));
        let bare = |mut day: DayResult| {
            day.reason = None;
            for slot in day.spans.iter_mut().flat_map(|span| [&mut span.on, &mut span.off]).flatten() {
                slot.reason = None;
            }
            day
        };
        let basic = window.feed("hr", with(DayResultView::Basic)).await;
        assert!(basic.iter().any(|day| !day.spans.is_empty()));
        assert_eq!(basic, explained.into_iter().map(bare).collect::<Vec<_>>());
        let unknown = ListDayResultsSinceRequest { centre: "hall".to_owned(), view: 9, ..Default::default() };
        let caller = window.caller("hr", "ListDayResultsSince");
        let refused = window.calls.list_day_results_since(&caller, unknown).await.expect_err("no such view");
        let Failure::Invalid(violations) = refused else { panic!("{refused:?}") };
        assert!(format!("{violations:?}").contains("view"), "{violations:?}");
        window.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn who_watches_is_given_what_there_is_then_what_comes_until_the_grant_ends() {
    each(async |fixture| {
        let window = Window::begin(&fixture.store, 414).await;
        let request = WatchDayResultsRequest { centre: "hall".to_owned(), ..Default::default() };
        let caller = window.caller("land-hr", "WatchDayResults");
        let stream = window.calls.watch_day_results(&caller, request).await.expect("a stream");
        let mut stream = Box::pin(stream);
        let first = stream.next().await.expect("a message").expect("no failure");
        let days = first.items().expect("results");
        assert!(first.caught_up && !days.is_empty());
        assert!(days.iter().all(|day| day.person_id == window.person(2)));
        // Something happens to another department's person, and then to one of its own.
        let rest = |person: usize| RosterFact {
            entries: vec![RosterEntry {
                person_id: window.person(person),
                date: Some(date("2026-03-03")),
                works: Some(roster_entry::Works::Rest(true)),
            }],
            patterns: vec![],
        };
        for person in [0, 2] {
            window.rig.put(qinlian::registers::roster::fact::Command::Roster(rest(person))).await;
            window.rig.hall.fold().await;
            window.news.send_modify(|news| *news += 1);
        }
        let second = stream.next().await.expect("a message").expect("no failure");
        let [day] = &second.items().expect("results")[..] else { panic!("one day: {second:?}") };
        assert_eq!((&day.person_id, day.headline()), (&window.person(2), Headline::Rest));
        window.rig.hall.office.stop().await;
    })
    .await;
}

/// How many results the next message has, which must come well before a reader looks again by itself.
async fn soon(next: impl Future<Output = Option<Result<DayResults, Failure>>>) -> usize {
    let next = tokio::time::timeout(Duration::from_secs(4), next).await.expect("told at once");
    next.expect("a message").expect("no failure").items().expect("results").len()
}

#[tokio::test]
async fn who_watches_misses_nothing_however_many_results_make_a_message() {
    each(async |fixture| {
        let window = Window::begin(&fixture.store, 417).await;
        let all =
            ListDayResultsSinceRequest { centre: "hall".to_owned(), limit: 1_000, ..Default::default() };
        let caller = window.caller("hr", "ListDayResultsSince");
        for items in 1..=13 {
            let everything = window.calls.list_day_results_since(&caller, all.clone()).await.expect("a page");
            let everything = everything.items().expect("results");
            assert!(everything.len() > 10, "{items} items may or may not make full messages");
            let request = WatchDayResultsRequest { centre: "hall".to_owned(), ..Default::default() };
            let calls = window.calls.clone().with_stream_items(items);
            let watching = window.caller("hr", "WatchDayResults");
            let mut stream = Box::pin(calls.watch_day_results(&watching, request).await.expect("a stream"));
            let mut told = Vec::new();
            while told.len() < everything.len() {
                let message = stream.next().await.expect("a message").expect("no failure");
                let days = message.items().expect("results");
                assert!((1..=items).contains(&days.len()), "{} of {items}", days.len());
                told.extend(days);
            }
            assert_eq!(told, everything, "{items}");
            // Whether or not the last message was full: news is told at once, and not only when the reader looks again.
            window.changes(false).await;
            assert_eq!(soon(stream.next()).await, 1, "{items}: before the reader waits");
            let (told, ()) = tokio::join!(soon(stream.next()), window.changes(true));
            assert_eq!(told, 1, "{items}: while the reader waits");
        }
        window.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_device_that_has_not_told_is_named_with_how_many_people_it_holds() {
    each(async |fixture| {
        let window = Window::told_by(&fixture.store, 415, &["gate-1"]).await;
        // Monday's mornings may be clocked until 13:00: eleven hours before Tuesday.
        for (subject, held) in [
            ("officer", "3 people, 6 days"),
            ("hr", "3 people, 6 days"),
            ("tax-hr", "2 people, 4 days"),
            ("land-hr", "1 people, 2 days"),
        ] {
            let wanted = format!("gate-2 told until never: {held} from 03-02, since -11h00");
            assert_eq!(window.blockers(subject).await, [wanted], "{subject}");
        }
        window.rig.reported(&["gate-2"], "18:41").await;
        window.rig.hall.fold().await;
        assert_eq!(window.blockers("officer").await, [""; 0], "both have told");
        window.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_device_that_is_declared_out_of_order_holds_nobody() {
    each(async |fixture| {
        let window = Window::told_by(&fixture.store, 416, &["gate-1"]).await;
        assert_eq!(window.blockers("officer").await.len(), 1);
        let out = Attendance::Outage {
            device: DeviceId::parse("gate-2").expect("a code"),
            from: tuesday("-23:00"),
            reason: Words::parse("停电").expect("words"),
        };
        window.rig.hall.office.administer(window.rig.hall.log(), out).await.expect("declared");
        window.rig.hall.fold().await;
        assert_eq!(window.blockers("officer").await, [""; 0]);
        assert_eq!(window.day("officer", 2, None).await.expect("a day").headline(), Headline::Absent);
        window.rig.hall.office.stop().await;
    })
    .await;
}
