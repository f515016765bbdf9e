//! The calls of `AttendanceService`: uploads answered item by item, who speaks for which device, who sees whose punches,
//! and what is shown only on record.

use std::sync::Arc;

use qinlian::access::Caller;
use qinlian::clock::MockClock;
use qinlian::kernel::{LogId, Subject};
use qinlian::proto::presented::Who;
use qinlian::proto::punch::{Direction, Method};
use qinlian::proto::role_grant::Reach;
use qinlian::proto::*;
use qinlian::registers::attendance::service::Calls;
use qinlian::registers::audit::service::reads::{Reads, ReplicaId};
use qinlian::registers::directory::fact::Record;
use qinlian::registers::failure::Failure;
use qinlian::registers::wire::timestamp;
use qinlian::store::Store;

use super::rig::{Hall, minute, wait_until};
use crate::support::clock;
use crate::support::office::grant;
use crate::support::store::each;

pub(super) struct Counter {
    pub(super) hall: Hall,
    calls: Calls,
}

impl Counter {
    pub(super) async fn begin(store: &Store, clock: &Arc<MockClock>) -> Self {
        let hall = Hall::begin(store, clock).await;
        for gate in ["device:gate-1", "device:gate-2"] {
            hall.office.grant(hall.log(), &Subject::parse(gate).expect("a subject"), Role::Terminal).await;
        }
        let desk = hall.office.desk.clone();
        let reads = Reads::start(desk.clone(), ReplicaId::new(*b"replica1")).await.expect("reads");
        let calls = Calls::new(desk, reads, tokio::sync::watch::channel(0).1);
        Self { hall, calls }
    }

    fn caller(&self, subject: &str, method: &str) -> Caller {
        let subject = Subject::parse(subject).expect("a subject");
        self.hall.office.caller(&subject, &format!("qinlian.v1.AttendanceService/{method}"))
    }

    pub(super) fn punch(&self, seq: u64, minutes: i64, card: &str) -> Punch {
        let credential = Credential { kind: credential::Kind::Card.into(), value: card.to_owned() };
        Punch {
            request_id: self.hall.office.request_id().to_string(),
            stamp: Some(DeviceStamp {
                device: "gate-1".to_owned(),
                device_seq: seq,
                boot_id: "b".to_owned(),
                mono_ms: u64::try_from(minutes * 60_000).expect("after eight"),
                claimed_at: Some(timestamp(minute(minutes))),
                signature: Vec::new(),
            }),
            direction: Direction::In.into(),
            method: Method::Card.into(),
            presented: Some(Presented { who: Some(Who::Credential(credential)), ..Presented::default() }),
            device_label: "east".to_owned(),
        }
    }

    pub(super) async fn record(&self, punch: Punch) -> RecordPunchResponse {
        let request = RecordPunchRequest {
            centre: "hall".to_owned(),
            punch: Some(punch),
            ..RecordPunchRequest::default()
        };
        let caller = self.caller("device:gate-1", "RecordPunch");
        self.calls.record_punch(&caller, request).await.expect("an answer")
    }

    async fn upload(&self, punches: Vec<Punch>) -> Result<UploadPunchesResponse, Failure> {
        let request = UploadPunchesRequest {
            centre: "hall".to_owned(),
            request_id: self.hall.office.request_id().to_string(),
            device: "gate-1".to_owned(),
            punches,
        };
        self.calls.upload_punches(&self.caller("device:gate-1", "UploadPunches"), request).await
    }

    async fn list(&self, subject: &str, request: ListPunchesRequest) -> ListPunchesResponse {
        let request = ListPunchesRequest { centre: "hall".to_owned(), ..request };
        self.calls.list_punches(&self.caller(subject, "ListPunches"), request).await.expect("punches")
    }
}

fn claimed(punches: &[PunchRecord]) -> Vec<i64> {
    let minutes = |record: &PunchRecord| {
        let stamp = record.punch.clone().and_then(|punch| punch.stamp).and_then(|stamp| stamp.claimed_at);
        (stamp.expect("a claim").seconds * 1_000 - minute(0).get()) / 60_000
    };
    punches.iter().map(minutes).collect()
}

#[tokio::test]
async fn every_item_of_an_upload_is_answered_for_itself() {
    each(async |fixture| {
        let clock = clock(41);
        let counter = Counter::begin(&fixture.store, &clock).await;
        wait_until(&clock, minute(60));
        let first = counter.record(counter.punch(1, 60, "A0")).await;
        assert_eq!((first.outcome(), first.contiguous_through), (Outcome::Accepted, 1));
        let first = first.receipt.expect("a receipt");

        let same = counter.punch(1, 60, "A0");
        let altered = Punch { direction: Direction::Out.into(), ..counter.punch(1, 60, "A0") };
        let good = counter.punch(2, 10, "A1");
        let reused = Punch { request_id: good.request_id.clone(), ..counter.punch(3, 11, "A1") };
        let nobody = counter.punch(4, 12, "A9");
        let mut nowhere = counter.punch(5, 13, "A1");
        nowhere.direction = 0;
        let mut elsewhere = counter.punch(1, 14, "A1");
        elsewhere.stamp = elsewhere.stamp.map(|stamp| DeviceStamp { device: "gate-2".to_owned(), ..stamp });
        let last = counter.punch(3, 15, "A0");
        let items = vec![same, altered, good, reused, nobody, nowhere, elsewhere, last];
        let answer = counter.upload(items.clone()).await.expect("an answer");

        let found: Vec<_> =
            answer.results.iter().map(|item| (item.outcome(), item.reason.as_str())).collect();
        assert_eq!(
            found,
            [
                (Outcome::Duplicate, ""),
                (Outcome::Conflict, "JOURNAL_NUMBER_REUSED"),
                (Outcome::Accepted, ""),
                (Outcome::Conflict, "REQUEST_ID_REUSED"),
                (Outcome::Quarantined, "UNKNOWN_PERSON"),
                (Outcome::Rejected, "punch.direction:UNSPECIFIED"),
                (Outcome::Rejected, "ANOTHER_DEVICE"),
                (Outcome::Accepted, ""),
            ]
        );
        assert_eq!(
            (answer.results[0].entry_index, &answer.results[0].leaf),
            (first.entry_index, &first.leaf),
            "a duplicate names the original"
        );
        let sent: Vec<_> = items.iter().map(|item| item.request_id.as_str()).collect();
        let named: Vec<_> = answer.results.iter().map(|item| item.request_id.as_str()).collect();
        assert_eq!(named, sent, "in the order of the request");
        assert_eq!(answer.contiguous_through, 4);
        assert!(answer.checkpoint.starts_with("test.example/centre/hall\n"), "{}", answer.checkpoint);

        let again = counter.upload(items).await.expect("an answer");
        let outcomes: Vec<_> = again.results.iter().map(upload_punches_response::Result::outcome).collect();
        assert_eq!(outcomes[2], Outcome::Duplicate, "sent again, it is the same");
        assert_eq!(outcomes[4], Outcome::Duplicate);
        assert_eq!(again.results[1].entry_index, answer.results[1].entry_index, "one conflict, one entry");
    })
    .await;
}

#[tokio::test]
async fn an_upload_carries_a_thousand_items_and_no_more() {
    each(async |fixture| {
        let counter = Counter::begin(&fixture.store, &clock(42)).await;
        let many = |count: u64| (1..=count).map(|seq| counter.punch(seq, 0, "A0")).collect::<Vec<_>>();
        let answer = counter.upload(many(1_000)).await.expect("an answer");
        assert!(answer.results.iter().all(|item| item.outcome() == Outcome::Accepted));
        assert_eq!(answer.contiguous_through, 1_000);
        let refused = counter.upload(many(1_001)).await;
        assert!(matches!(refused, Err(Failure::TooLarge)), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_terminal_speaks_for_itself_alone() {
    each(async |fixture| {
        let counter = Counter::begin(&fixture.store, &clock(43)).await;
        let request = || RecordPunchRequest {
            centre: "hall".to_owned(),
            punch: Some(counter.punch(1, 1, "A0")),
            ..RecordPunchRequest::default()
        };
        for subject in ["device:gate-2", "device:gate-9", "system:hr"] {
            let caller = counter.caller(subject, "RecordPunch");
            let denied = counter.calls.record_punch(&caller, request()).await;
            assert!(matches!(denied, Err(Failure::Denied(_))), "{subject}: {denied:?}");
        }
        let caller = counter.caller("device:gate-2", "ReportDevice");
        let request = ReportDeviceRequest {
            centre: "hall".to_owned(),
            device: "gate-1".to_owned(),
            boot_id: "b".to_owned(),
            wall_at: Some(timestamp(minute(0))),
            ..ReportDeviceRequest::default()
        };
        let denied = counter.calls.report_device(&caller, request).await;
        assert!(matches!(denied, Err(Failure::Denied(_))), "{denied:?}");
        assert_eq!(counter.list_all().await.len(), 0, "nothing was stored");
    })
    .await;
}

impl Counter {
    pub(super) async fn list_all(&self) -> Vec<PunchRecord> {
        let officer = Subject::parse("system:officer").expect("a subject");
        self.hall.office.grant(self.hall.log(), &officer, Role::AttendanceOfficer).await;
        self.list("system:officer", ListPunchesRequest::default()).await.punches
    }
}

#[tokio::test]
async fn a_heartbeat_is_answered_with_the_time_the_journal_and_the_newest_checkpoint() {
    each(async |fixture| {
        let clock = clock(44);
        let counter = Counter::begin(&fixture.store, &clock).await;
        counter.record(counter.punch(1, 0, "A0")).await;
        counter.record(counter.punch(3, 0, "A0")).await;
        let size = counter.hall.size().await;
        let request = ReportDeviceRequest {
            centre: "hall".to_owned(),
            device: "gate-1".to_owned(),
            boot_id: "b".to_owned(),
            mono_ms: 1,
            wall_at: Some(timestamp(minute(7))),
            journal_head: 3,
            going_down: false,
        };
        let caller = counter.caller("device:gate-1", "ReportDevice");
        let answer = counter.calls.report_device(&caller, request).await.expect("an answer");
        assert_eq!(answer.contiguous_through, 1);
        assert_eq!(answer.server_time, Some(timestamp(minute(0))));
        assert_eq!(answer.checkpoint.lines().nth(1), Some(size.to_string().as_str()));
        assert_eq!(counter.hall.size().await, size, "a heartbeat is no entry");
    })
    .await;
}

#[tokio::test]
async fn a_card_is_shown_only_on_record_and_a_person_found_later_is_named() {
    each(async |fixture| {
        let clock = clock(45);
        let counter = Counter::begin(&fixture.store, &clock).await;
        counter.record(counter.punch(1, 0, "A0")).await;
        counter.record(counter.punch(2, 0, "A2")).await;
        let officer = Subject::parse("system:officer").expect("a subject");
        counter.hall.office.grant(counter.hall.log(), &officer, Role::AttendanceOfficer).await;
        let ask = |reveal: Option<Reveal>, person: usize| ListPunchesRequest {
            person_id: counter.hall.people[person].to_string(),
            reveal,
            ..ListPunchesRequest::default()
        };
        assert!(counter.list("system:officer", ask(None, 2)).await.punches.is_empty());
        counter.hall.bind(2, "A2").await;
        let found = counter.list("system:officer", ask(None, 2)).await;
        let [record] = found.punches.as_slice() else { panic!("one punch: {found:?}") };
        assert_eq!(record.person_id, counter.hall.people[2].to_string(), "the card was bound later");
        assert_eq!(record.flags, [i32::from(PunchFlag::UnknownPerson)], "what was stored stays as it was");
        assert!(record.redacted && found.disclosure_index.is_none());
        let punch = record.punch.clone().expect("a punch");
        assert_eq!(punch.presented, None);
        assert_eq!(punch.device_label, "east");

        let size = counter.hall.size().await;
        let reveal = Reveal { purpose: reveal::Purpose::Attendance.into(), reason: "核对".to_owned() };
        let shown = counter.list("system:officer", ask(Some(reveal), 2)).await;
        assert_eq!(shown.disclosure_index, Some(size), "the read is the next entry");
        let presented = shown.punches[0].punch.clone().and_then(|punch| punch.presented).expect("shown");
        let Some(Who::Credential(card)) = presented.who else { panic!("a card") };
        assert_eq!((card.value.as_str(), shown.punches[0].redacted), ("A2", false));

        // The card changes hands: its earlier punch is the other's now, and nobody else's.
        counter.hall.unbind(2, "A2").await;
        counter.hall.bind(1, "A2").await;
        assert!(counter.list("system:officer", ask(None, 2)).await.punches.is_empty());
        assert_eq!(counter.list("system:officer", ask(None, 1)).await.punches.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn punches_are_listed_by_claim_and_fed_in_the_order_of_the_log() {
    each(async |fixture| {
        let clock = clock(46);
        let counter = Counter::begin(&fixture.store, &clock).await;
        wait_until(&clock, minute(100));
        let backlog = [(1, 50, "A0"), (2, 60, "A1"), (3, 70, "A0"), (4, 80, "A1")];
        let items = backlog.iter().map(|(seq, minutes, card)| counter.punch(*seq, *minutes, card)).collect();
        counter.record(counter.punch(5, 100, "A0")).await;
        counter.upload(items).await.expect("an answer");
        let officer = Subject::parse("system:officer").expect("a subject");
        counter.hall.office.grant(counter.hall.log(), &officer, Role::AttendanceOfficer).await;
        let between = ListPunchesRequest {
            from: Some(timestamp(minute(60))),
            until: Some(timestamp(minute(80))),
            ..ListPunchesRequest::default()
        };
        assert_eq!(claimed(&counter.list("system:officer", between).await.punches), [60, 70]);

        let mut pages = Vec::new();
        let mut token = String::new();
        loop {
            let page =
                ListPunchesRequest { page_size: 2, page_token: token, ..ListPunchesRequest::default() };
            let answer = counter.list("system:officer", page).await;
            pages.push(claimed(&answer.punches));
            token = answer.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(pages, [vec![100, 50], vec![60, 70], vec![80]], "what arrived late is not missed");

        let caller = counter.caller("system:officer", "ListPunchesSince");
        let feed = async |cursor: &str, limit| {
            let request = ListPunchesSinceRequest {
                centre: "hall".to_owned(),
                cursor: cursor.to_owned(),
                limit,
                reveal: None,
            };
            counter.calls.list_punches_since(&caller, request).await.expect("a page")
        };
        let first = feed("", 3).await;
        assert_eq!((claimed(&first.items), first.caught_up), (vec![100, 50, 60], false));
        let rest = feed(&first.next_cursor, 10).await;
        assert_eq!((claimed(&rest.items), rest.caught_up), (vec![70, 80], true));
        counter.record(counter.punch(6, 100, "A1")).await;
        let more = feed(&rest.next_cursor, 10).await;
        assert_eq!((claimed(&more.items), more.caught_up), (vec![100], true));
        assert_eq!(
            claimed(&feed(&first.next_cursor, 10).await.items),
            [70, 80, 100],
            "it may repeat, never skip"
        );
    })
    .await;
}

#[tokio::test]
async fn a_departments_system_sees_its_own_people() {
    each(async |fixture| {
        let clock = clock(47);
        let counter = Counter::begin(&fixture.store, &clock).await;
        let (office, log) = (&counter.hall.office, counter.hall.log());
        let tax =
            Department { department: "tax".to_owned(), name: "税务".to_owned(), ..Department::default() };
        office.put(LogId::DEPLOYMENT, Record::Department(tax)).await.expect("a department");
        let person = Person {
            person_id: counter.hall.people[1].to_string(),
            department: "tax".to_owned(),
            employment: person::Employment::CivilServant.into(),
            ..Person::default()
        };
        office.put(LogId::DEPLOYMENT, Record::Person(person)).await.expect("a person");
        let hr = Subject::parse("system:hr-tax").expect("a subject");
        let narrow = RoleGrant {
            scope: Some(Reach { department: "tax".to_owned(), ..Reach::default() }),
            ..grant(&hr, Role::Hr)
        };
        office.put(log, Record::RoleGrant(narrow)).await.expect("a grant");
        for (seq, card) in [(1, "A0"), (2, "A1"), (3, "A9")] {
            counter.record(counter.punch(seq, 0, card)).await;
        }
        let seen = counter.list("system:hr-tax", ListPunchesRequest::default()).await.punches;
        let people: Vec<_> = seen.iter().map(|record| record.person_id.as_str()).collect();
        assert_eq!(people, [counter.hall.people[1].as_str()], "neither another department's nor nobody's");

        counter.hall.fold().await;
        let request = || ListPresenceSinceRequest { centre: "hall".to_owned(), ..Default::default() };
        let caller = counter.caller("system:hr-tax", "ListPresenceSince");
        let feed = counter.calls.list_presence_since(&caller, request()).await.expect("a page");
        assert_eq!(feed.items.len(), 1);
        assert_eq!(feed.items[0].person_id, counter.hall.people[1].as_str());
        assert_eq!(feed.items[0].trust(), TimeTrust::Trusted);
        let officer = Subject::parse("system:officer").expect("a subject");
        office.grant(log, &officer, Role::AttendanceOfficer).await;
        let caller = counter.caller("system:officer", "ListPresenceSince");
        let feed = counter.calls.list_presence_since(&caller, request()).await.expect("a page");
        assert_eq!(feed.items.len(), 2, "who sees the centre sees both");
        let expired = ListPresenceSinceRequest { cursor: "nonsense".to_owned(), ..request() };
        let refused = counter.calls.list_presence_since(&caller, expired).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn an_outage_is_declared_and_shown_in_the_feed_of_devices() {
    each(async |fixture| {
        let counter = Counter::begin(&fixture.store, &clock(48)).await;
        let officer = Subject::parse("system:officer").expect("a subject");
        counter.hall.office.grant(counter.hall.log(), &officer, Role::AttendanceOfficer).await;
        let request = ReportDeviceOutageRequest {
            centre: "hall".to_owned(),
            request_id: counter.hall.office.request_id().to_string(),
            device: "gate-1".to_owned(),
            from: Some(timestamp(minute(-30))),
            reason: "停电".to_owned(),
            ..ReportDeviceOutageRequest::default()
        };
        let caller = counter.caller("system:officer", "ReportDeviceOutage");
        let answer = counter.calls.report_device_outage(&caller, request).await.expect("an answer");
        let index = answer.receipt.expect("a receipt").entry_index;
        counter.hall.fold().await;
        let caller = counter.caller("system:officer", "ListDeviceStatesSince");
        let request = ListDeviceStatesSinceRequest { centre: "hall".to_owned(), ..Default::default() };
        let feed = counter.calls.list_device_states_since(&caller, request).await.expect("a page");
        let [item] = feed.items.as_slice() else { panic!("one state: {feed:?}") };
        assert_eq!((item.device.as_str(), item.state()), ("gate-1", device_state::State::Outage));
        assert_eq!((item.entry_index, item.seq, item.revision), (index, 1, 1));
        assert_eq!(item.since, Some(timestamp(minute(-30))));
    })
    .await;
}
