//! The calls of `DirectoryService`: put, get, list, retire; who sees whom; names only on record.

use qinlian::access::Caller;
use qinlian::kernel::{CentreId, LogId, Subject};
use qinlian::proto::role_grant::Reach;
use qinlian::proto::*;
use qinlian::registers::directory::fact::Record;
use qinlian::registers::directory::service::Calls;
use qinlian::registers::failure::Failure;

use crate::support::clock;
use crate::support::office::{HALL, Office, grant};
use crate::support::store::each;

fn named(name: &str, department: &str) -> Option<Person> {
    Some(Person {
        name: name.to_owned(),
        department: department.to_owned(),
        employment: person::Employment::CivilServant.into(),
        external_ids: vec![ExternalId { system: "hr".to_owned(), id: "E1024".to_owned() }],
        ..Person::default()
    })
}

async fn put_person(calls: &Calls, office: &Office, name: &str, department: &str) -> String {
    let request = PutPersonRequest {
        centre: "_".to_owned(),
        request_id: office.request_id().to_string(),
        person: named(name, department),
        ..PutPersonRequest::default()
    };
    let answer = calls.put_person(&office.administrator("PutPerson"), request).await.expect("a person");
    let person = answer.person.expect("the person");
    assert_eq!((person.name.as_str(), person.external_ids.len()), ("", 0), "nothing personal in the answer");
    person.person_id
}

async fn put_department(calls: &Calls, office: &Office, code: &str) {
    let request = PutDepartmentRequest {
        centre: "_".to_owned(),
        request_id: office.request_id().to_string(),
        department: Some(Department {
            department: code.to_owned(),
            name: code.to_owned(),
            ..Department::default()
        }),
        ..PutDepartmentRequest::default()
    };
    calls.put_department(&office.administrator("PutDepartment"), request).await.expect("a department");
}

fn reader(office: &Office, name: &str, method: &str) -> (Subject, Caller) {
    let subject = Subject::parse(&format!("system:{name}")).expect("a subject");
    let caller = office.caller(&subject, &format!("qinlian.v1.DirectoryService/{method}"));
    (subject, caller)
}

fn reveal() -> Option<Reveal> {
    Some(Reveal { purpose: reveal::Purpose::DirectorySync.into(), reason: "每周核对".to_owned() })
}

#[tokio::test]
async fn a_name_is_given_only_after_the_read_is_on_record() {
    each(async |fixture| {
        let office = Office::begin(&fixture.store, &clock(21)).await;
        let calls = office.directory_calls();
        let id = put_person(&calls, &office, "张三", "").await;
        let (hr, caller) = reader(&office, "hr", "GetPerson");
        office.grant(LogId::DEPLOYMENT, &hr, Role::Hr).await;
        let request = |reveal| GetPersonRequest { centre: "_".to_owned(), person_id: id.clone(), reveal };
        let (before, _) = office.desk.ledger().reader().head(LogId::DEPLOYMENT).await.expect("a head");
        let redacted = calls.get_person(&caller, request(None)).await.expect("an answer");
        let person = redacted.person.expect("a person");
        assert!(person.redacted && person.name.is_empty() && redacted.disclosure_index.is_none());

        let revealed = calls.get_person(&caller, request(reveal())).await.expect("an answer");
        let person = revealed.person.expect("a person");
        assert_eq!((person.name.as_str(), person.redacted), ("张三", false));
        assert_eq!(person.external_ids[0].id, "E1024");
        assert_eq!(revealed.disclosure_index, Some(before.size), "the entry after what was there before");

        // A system administrator keeps the directory and reads nothing in it.
        let refused = calls.get_person(&office.administrator("GetPerson"), request(reveal())).await;
        assert!(matches!(refused, Err(Failure::Denied(_))), "{refused:?}");
        office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_departments_system_sees_its_own_people_and_a_centre_those_who_work_there() {
    each(async |fixture| {
        let office = Office::begin(&fixture.store, &clock(22)).await;
        let calls = office.directory_calls();
        put_department(&calls, &office, "tax").await;
        put_department(&calls, &office, "land").await;
        let mut people = Vec::new();
        for (name, department) in [("张", "tax"), ("李", "land"), ("王", "tax")] {
            people.push(put_person(&calls, &office, name, department).await);
        }
        let here = Record::Assignment(Assignment {
            person_id: people[0].clone(),
            centre: HALL.to_owned(),
            department: "tax".to_owned(),
            from: Some(Date { year: 2026, month: 1, day: 1 }),
            ..Assignment::default()
        });
        office.put(office.hall, here).await.expect("an assignment");

        let (tax, _) = reader(&office, "tax-hr", "ListPeople");
        let scope = Some(Reach { department: "tax".to_owned(), ..Reach::default() });
        let narrow = RoleGrant { scope, ..grant(&tax, Role::Hr) };
        office.put(LogId::DEPLOYMENT, Record::RoleGrant(narrow)).await.expect("a grant");
        let (both, _) = reader(&office, "two-hr", "ListPeople");
        for department in ["tax", "land"] {
            let scope = Some(Reach { department: department.to_owned(), ..Reach::default() });
            let narrow = RoleGrant { scope, ..grant(&both, Role::Hr) };
            office.put(LogId::DEPLOYMENT, Record::RoleGrant(narrow)).await.expect("a grant");
        }
        let (officer, _) = reader(&office, "officer", "ListPeople");
        office.grant(office.hall, &officer, Role::AttendanceOfficer).await;

        for (case, name, centre, seen) in [
            ("its own, everywhere", "tax-hr", "_", vec![&people[0], &people[2]]),
            ("its own, here", "tax-hr", HALL, vec![&people[0]]),
            ("of two departments, both", "two-hr", "_", vec![&people[0], &people[1], &people[2]]),
            ("everybody who works here", "officer", HALL, vec![&people[0]]),
        ] {
            let (_, caller) = reader(&office, name, "ListPeople");
            let request = ListPeopleRequest { centre: centre.to_owned(), ..ListPeopleRequest::default() };
            let answer = calls.list_people(&caller, request).await.expect(case);
            let ids: Vec<_> = answer.people.iter().map(|person| &person.person_id).collect();
            assert_eq!(ids, seen, "{case}");
        }
        // Whoever may not, and whatever does not exist: the same answer.
        for centre in ["_", "elsewhere"] {
            let (_, caller) = reader(&office, "officer", "ListPeople");
            let request = ListPeopleRequest { centre: centre.to_owned(), ..ListPeopleRequest::default() };
            let refused = calls.list_people(&caller, request).await;
            assert!(matches!(refused, Err(Failure::Denied(_))), "{centre}: {refused:?}");
        }
        office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_list_is_paged_by_commit_order_and_stable_while_things_are_added() {
    each(async |fixture| {
        let office = Office::begin(&fixture.store, &clock(23)).await;
        let calls = office.directory_calls();
        let add = async |code: String| {
            let request = PutWindowRequest {
                centre: HALL.to_owned(),
                request_id: office.request_id().to_string(),
                window: Some(Window {
                    window: code.clone(),
                    number: code,
                    kind: window::Kind::General.into(),
                    ..Window::default()
                }),
                ..PutWindowRequest::default()
            };
            calls.put_window(&office.administrator("PutWindow"), request).await.expect("a window");
        };
        for n in (0..7).rev() {
            add(format!("w{n}")).await;
        }
        let (mut seen, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListWindowsRequest { centre: HALL.to_owned(), page_size: 3, page_token };
            let answer =
                calls.list_windows(&office.administrator("ListWindows"), request).await.expect("a page");
            seen.extend(answer.windows.into_iter().map(|window| window.window));
            if seen.len() == 3 {
                add("late".to_owned()).await;
            }
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, ["w6", "w5", "w4", "w3", "w2", "w1", "w0", "late"]);
        office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_write_sent_again_answers_the_same_receipt_byte_for_byte() {
    each(async |fixture| {
        let office = Office::begin(&fixture.store, &clock(24)).await;
        let calls = office.directory_calls();
        let request = PutPersonRequest {
            centre: "_".to_owned(),
            request_id: office.request_id().to_string(),
            person: named("张三", ""),
            ..PutPersonRequest::default()
        };
        let first =
            calls.put_person(&office.administrator("PutPerson"), request.clone()).await.expect("first");
        put_person(&calls, &office, "李四", "").await;
        let again =
            calls.put_person(&office.administrator("PutPerson"), request.clone()).await.expect("again");
        assert_eq!(first, again);
        let other = PutPersonRequest { person: named("王五", ""), ..request };
        let refused = calls.put_person(&office.administrator("PutPerson"), other).await;
        assert!(matches!(refused, Err(Failure::RequestIdReused)), "{refused:?}");
        office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn every_wrong_field_is_named_and_nothing_is_written() {
    each(async |fixture| {
        let office = Office::begin(&fixture.store, &clock(25)).await;
        let calls = office.directory_calls();
        let (before, _) = office.desk.ledger().reader().head(office.hall).await.expect("a head");
        let request = PutWindowRequest {
            centre: "Hall".to_owned(),
            request_id: "7".to_owned(),
            window: Some(Window {
                window: "W 1".to_owned(),
                number: "1\u{202E}".to_owned(),
                items: vec!["办证".to_owned()],
                ..Window::default()
            }),
            ..PutWindowRequest::default()
        };
        let Err(Failure::Invalid(wrong)) =
            calls.put_window(&office.administrator("PutWindow"), request).await
        else {
            panic!("accepted")
        };
        let fields: Vec<_> = wrong.0.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(
            fields,
            ["centre", "request_id", "window.window", "window.number", "window.kind", "window.items[0]"]
        );
        let (after, _) = office.desk.ledger().reader().head(office.hall).await.expect("a head");
        assert_eq!(before, after);
        office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_batch_answers_every_item_for_itself_and_a_dry_run_writes_nothing() {
    each(async |fixture| {
        let office = Office::begin(&fixture.store, &clock(26)).await;
        let calls = office.directory_calls();
        let item =
            |person| batch_put_people_request::Item { request_id: office.request_id().to_string(), person };
        let people = vec![
            item(named("张三", "")),
            item(named("", "")),
            item(named("李四", "nowhere")),
            item(named("王五", "")),
        ];
        let mut request = BatchPutPeopleRequest {
            centre: "_".to_owned(),
            request_id: office.request_id().to_string(),
            people,
            dry_run: true,
        };
        let caller = || office.administrator("BatchPutPeople");
        let (before, _) = office.desk.ledger().reader().head(LogId::DEPLOYMENT).await.expect("a head");
        let rehearsed = calls.batch_put_people(&caller(), request.clone()).await.expect("a rehearsal");
        let (after, _) = office.desk.ledger().reader().head(LogId::DEPLOYMENT).await.expect("a head");
        assert_eq!(before, after);
        request.dry_run = false;
        let done = calls.batch_put_people(&caller(), request).await.expect("done");
        for answer in [&rehearsed, &done] {
            let outcomes: Vec<_> =
                answer.results.iter().map(|item| (item.outcome(), item.reason.as_str())).collect();
            assert_eq!(
                outcomes,
                [
                    (Outcome::Accepted, ""),
                    (Outcome::Rejected, "person.name:EMPTY"),
                    (Outcome::Rejected, "UNKNOWN_REFERENCE"),
                    (Outcome::Accepted, ""),
                ]
            );
        }
        assert!(done.checkpoint.starts_with("test.example/deployment\n"));
        assert!(CentreId::parse(&done.results[0].person_id).is_ok(), "an id was minted");
        office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_revoked_grant_ends_with_the_next_call() {
    each(async |fixture| {
        let office = Office::begin(&fixture.store, &clock(27)).await;
        let calls = office.directory_calls();
        let (auditor, caller) = reader(&office, "auditor", "ListRoleGrants");
        let request = GrantRoleRequest {
            centre: HALL.to_owned(),
            request_id: office.request_id().to_string(),
            role_grant: Some(RoleGrant { grant: "g1".to_owned(), ..grant(&auditor, Role::Auditor) }),
            ..GrantRoleRequest::default()
        };
        let list = || ListRoleGrantsRequest { centre: HALL.to_owned(), ..ListRoleGrantsRequest::default() };
        assert!(matches!(calls.list_role_grants(&caller, list()).await, Err(Failure::Denied(_))));
        calls.grant_role(&office.administrator("GrantRole"), request).await.expect("granted");
        assert_eq!(calls.list_role_grants(&caller, list()).await.expect("allowed").role_grants.len(), 1);
        let request = RevokeRoleRequest {
            centre: HALL.to_owned(),
            request_id: office.request_id().to_string(),
            grant: "g1".to_owned(),
            reason: "调离".to_owned(),
            ..RevokeRoleRequest::default()
        };
        calls.revoke_role(&office.administrator("RevokeRole"), request).await.expect("revoked");
        assert!(matches!(calls.list_role_grants(&caller, list()).await, Err(Failure::Denied(_))));
        office.stop().await;
    })
    .await;
}
