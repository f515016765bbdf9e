//! The rule of the directory as a table: what is put and retired, and what is said to it.

use qinlian::kernel::{LogId, PersonId, Subject};
use qinlian::proto::{
    Assignment, Centre, CredentialBinding, Date, Department, Device, Person, Role, ServiceItem, Window,
    device, person, window,
};
use qinlian::registers::directory::fact::{Command, Noun, Record};
use qinlian::registers::failure::Failure;

use crate::support::clock;
use crate::support::office::{Office, grant};
use crate::support::store::each;

fn day(day: i32) -> Option<Date> {
    Some(Date { year: 2026, month: 3, day })
}

fn window(items: &[&str]) -> Record {
    Record::Window(Window {
        window: "w1".to_owned(),
        number: "1".to_owned(),
        items: items.iter().map(|item| (*item).to_owned()).collect(),
        kind: window::Kind::Specialised.into(),
        ..Window::default()
    })
}

fn device(kind: device::Kind, at: &str) -> Record {
    Record::Device(Device {
        device: "t1".to_owned(),
        kind: kind.into(),
        window: at.to_owned(),
        ..Device::default()
    })
}

fn assignment(person: &PersonId, windows: &[&str], from: i32, until: Option<i32>) -> Record {
    Record::Assignment(Assignment {
        person_id: person.to_string(),
        centre: "hall".to_owned(),
        windows: windows.iter().map(|window| (*window).to_owned()).collect(),
        from: day(from),
        until: until.and_then(day),
        ..Assignment::default()
    })
}

fn binding(person: &PersonId, card: u8, from: i32, until: Option<i32>) -> Record {
    Record::CredentialBinding(CredentialBinding {
        person_id: person.to_string(),
        kind: 1,
        value_hmac: vec![card; 32],
        from: day(from),
        until: until.and_then(day),
        ..CredentialBinding::default()
    })
}

fn centre(zone: &str) -> Record {
    Record::Centre(Centre {
        centre: "hall".to_owned(),
        name: "大厅".to_owned(),
        timezone: zone.to_owned(),
        retired: false,
    })
}

fn item(code: &str) -> Record {
    Record::ServiceItem(ServiceItem {
        item: code.to_owned(),
        name: "办证".to_owned(),
        ..ServiceItem::default()
    })
}

fn in_department(code: &str) -> Record {
    Record::Person(Person {
        department: code.to_owned(),
        employment: person::Employment::Contract.into(),
        ..Person::default()
    })
}

/// What was said: `ok`, or the refusal's code.
async fn put(office: &Office, log: LogId, record: Record) -> &'static str {
    match office.put(log, record).await {
        Ok(_) => "ok",
        Err(Failure::Refused(reason)) => reason.code(),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_record_names_must_exist_and_stands_in_its_own_log() {
    each(async |fixture| {
        let office = Office::begin(&fixture.store, &clock(11)).await;
        let (hall, all) = (office.hall, LogId::DEPLOYMENT);
        let (zhang, li) = (office.add_person().await, office.add_person().await);
        let nobody = PersonId::mint([9; 16]);
        for (case, log, record, said) in [
            ("an item in the deployment's log", all, item("permit"), "ok"),
            ("an item in a centre's log", hall, item("permit"), "WRONG_LOG"),
            ("a window for an item that is not there", hall, window(&["tax"]), "UNKNOWN_REFERENCE"),
            ("a window for one that is", hall, window(&["permit"]), "ok"),
            ("a window in the deployment's log", all, window(&[]), "WRONG_LOG"),
            (
                "a terminal at a window that is not there",
                hall,
                device(device::Kind::WindowTerminal, "w9"),
                "UNKNOWN_REFERENCE",
            ),
            ("a terminal at one that is", hall, device(device::Kind::WindowTerminal, "w1"), "ok"),
            (
                "the same terminal as an import source",
                hall,
                device(device::Kind::ImportSource, ""),
                "KIND_FIXED",
            ),
            ("a person of no such department", all, in_department("tax"), "UNKNOWN_REFERENCE"),
            ("an assignment of nobody", hall, assignment(&nobody, &[], 1, None), "UNKNOWN_REFERENCE"),
            (
                "an assignment that ends before it begins",
                hall,
                assignment(&zhang, &[], 9, Some(8)),
                "ENDS_BEFORE_IT_BEGINS",
            ),
            ("an assignment of one day", hall, assignment(&zhang, &["w1"], 9, Some(9)), "ok"),
            ("a card", hall, binding(&zhang, 7, 1, Some(10)), "ok"),
            (
                "the same card for somebody else on one of those days",
                hall,
                binding(&li, 7, 10, None),
                "CREDENTIAL_TAKEN",
            ),
            ("the same card for somebody else from the next day", hall, binding(&li, 7, 11, None), "ok"),
            ("a centre put again", all, centre("Asia/Shanghai"), "ok"),
            ("a centre moved to another zone", all, centre("Asia/Urumqi"), "ZONE_FIXED"),
        ] {
            assert_eq!(put(&office, log, record).await, said, "{case}");
        }
        office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_retired_is_named_no_more_and_the_last_administrator_stays() {
    each(async |fixture| {
        let office = Office::begin(&fixture.store, &clock(12)).await;
        let department = Record::Department(Department {
            department: "tax".to_owned(),
            name: "税务局".to_owned(),
            ..Department::default()
        });
        assert_eq!(put(&office, LogId::DEPLOYMENT, department).await, "ok");
        let retire = async |log, noun, code: &str| {
            let reason = qinlian::kernel::Words::parse("撤并").expect("words");
            match office.administer(log, Command::Retire { noun, code: code.to_owned(), reason }).await {
                Ok(_) => "ok",
                Err(Failure::Refused(reason)) => reason.code(),
                Err(other) => panic!("{other:?}"),
            }
        };
        let all = LogId::DEPLOYMENT;
        assert_eq!(retire(all, Noun::Department, "tax").await, "ok");
        assert_eq!(retire(all, Noun::Department, "tax").await, "RETIRED_REFERENCE");
        assert_eq!(retire(all, Noun::Department, "customs").await, "UNKNOWN_REFERENCE");
        assert_eq!(put(&office, all, in_department("tax")).await, "RETIRED_REFERENCE");

        let grants: Vec<String> = office
            .administrators
            .iter()
            .map(|id| grant(&Subject::Person(id.clone()), Role::Administrator).grant)
            .collect();
        assert_eq!(retire(all, Noun::RoleGrant, &grants[0]).await, "ok");
        assert_eq!(retire(all, Noun::RoleGrant, &grants[1]).await, "LAST_ADMINISTRATOR");
        office.stop().await;
    })
    .await;
}
