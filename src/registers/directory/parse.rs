//! Requests to records: every violation at once, with its field. Personal fields are parted from the rest here.

use super::fact::Record;
use super::state::subject_of;
use crate::kernel::{
    Check, DepartmentId, DeviceId, GrantId, ItemId, Label, Name, PersonId, Said, Subject, WindowId, Zone,
};
use crate::ledger::keys::Keys;
use crate::proto::role_grant::{Holder, Reach};
use crate::proto::{
    Assignment, Centre, CredentialBinding, Department, Device, DirectoryPersonal, ExternalId, Person,
    RoleGrant, ServiceItem, Window, credential, device, person, window,
};
use crate::registers::wire;

/// The most external ids of one thing, and the most windows or items that one record names.
const LIST_MOST: usize = 200;

/// A record and its personal fields.
pub type Parsed = Option<(Record, DirectoryPersonal)>;

fn bare(record: Record) -> Parsed {
    Some((record, DirectoryPersonal::default()))
}

/// A code that may be left out.
fn opt_code<T, E: Into<crate::kernel::Complaint>>(
    check: &mut Check,
    field: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> bool {
    text.is_empty() || check.take(field, parse(text)).is_some()
}

fn few(check: &mut Check, field: &str, count: usize) -> bool {
    if count > LIST_MOST {
        check.refuse(
            field,
            "TOO_MANY",
            Said::new(format!("最多 {LIST_MOST} 项"), format!("may have at most {LIST_MOST} items")),
        );
    }
    count <= LIST_MOST
}

fn external_ids(check: &mut Check, field: &str, ids: &[ExternalId]) -> bool {
    let mut good = few(check, field, ids.len());
    for (at, id) in ids.iter().take(LIST_MOST).enumerate() {
        good &= check.take(format!("{field}[{at}].system"), Name::parse(&id.system)).is_some();
        good &= check.take(format!("{field}[{at}].id"), Name::parse(&id.id)).is_some();
    }
    good
}

/// A centre.
pub fn centre(check: &mut Check, given: Option<Centre>) -> Parsed {
    let given = check.require("centre_record", given)?;
    let code = check.take("centre_record.centre", DeviceId::parse(&given.centre));
    let name = check.take("centre_record.name", Name::parse(&given.name));
    let zone = check.take("centre_record.timezone", Zone::parse(&given.timezone));
    code.and(name)?;
    bare(Record::Centre(Centre { timezone: zone?.name().to_owned(), retired: false, ..given }))
}

/// A department.
pub fn department(check: &mut Check, given: Option<Department>) -> Parsed {
    let given = check.require("department", given)?;
    let code = check.take("department.department", DepartmentId::parse(&given.department));
    let name = check.take("department.name", Name::parse(&given.name));
    let ids = external_ids(check, "department.external_ids", &given.external_ids);
    (code.is_some() && name.is_some() && ids).then_some(())?;
    bare(Record::Department(Department { retired: false, ..given }))
}

/// A person; `path` is the field that holds it.
pub fn person(check: &mut Check, path: &str, given: Option<Person>) -> Parsed {
    let given = check.require(path, given)?;
    let id = opt_code(check, &format!("{path}.person_id"), &given.person_id, PersonId::parse);
    let name = check.take(format!("{path}.name"), Name::parse(&given.name));
    let department = opt_code(check, &format!("{path}.department"), &given.department, DepartmentId::parse);
    let employment =
        wire::named::<person::Employment>(check, &format!("{path}.employment"), given.employment);
    let ids = external_ids(check, &format!("{path}.external_ids"), &given.external_ids);
    (id && name.is_some() && department && employment.is_some() && ids).then_some(())?;
    let personal = DirectoryPersonal {
        name: given.name,
        external_ids: given.external_ids,
        ..DirectoryPersonal::default()
    };
    let record = Person {
        person_id: given.person_id,
        department: given.department,
        employment: given.employment,
        ..Person::default()
    };
    Some((Record::Person(record), personal))
}

/// An assignment, in the centre that the request names.
pub fn assignment(check: &mut Check, in_centre: &str, given: Option<Assignment>) -> Parsed {
    let given = check.require("assignment", given)?;
    let person = check.take("assignment.person_id", PersonId::parse(&given.person_id));
    let here = given.centre.is_empty() || given.centre == in_centre;
    if !here {
        check.refuse(
            "assignment.centre",
            "ANOTHER_CENTRE",
            Said::new("须与请求的中心一致", "is not the centre of the request"),
        );
    }
    let department = opt_code(check, "assignment.department", &given.department, DepartmentId::parse);
    let mut windows = few(check, "assignment.windows", given.windows.len());
    for (at, window) in given.windows.iter().take(LIST_MOST).enumerate() {
        windows &= check.take(format!("assignment.windows[{at}]"), WindowId::parse(window)).is_some();
    }
    let from = wire::day(check, "assignment.from", given.from.as_ref());
    let until = wire::opt_day(check, "assignment.until", given.until.as_ref());
    (person.is_some() && here && department && windows && from.is_some()).then_some(())?;
    (given.until.is_none() || until.is_some()).then_some(())?;
    bare(Record::Assignment(Assignment { centre: in_centre.to_owned(), retired: false, ..given }))
}

/// A window.
pub fn window(check: &mut Check, given: Option<Window>) -> Parsed {
    let given = check.require("window", given)?;
    let code = check.take("window.window", WindowId::parse(&given.window));
    let number = if (1..=16).contains(&given.number.chars().count()) {
        check.take("window.number", Label::parse(&given.number))
    } else {
        let said = Said::new("应为 1 至 16 个字符", "must have 1 to 16 characters");
        check.refuse("window.number", "LENGTH", said);
        None
    };
    let zone = check.take("window.zone", Label::parse(&given.zone));
    let kind = wire::named::<window::Kind>(check, "window.kind", given.kind);
    let mut items = few(check, "window.items", given.items.len());
    for (at, item) in given.items.iter().take(LIST_MOST).enumerate() {
        items &= check.take(format!("window.items[{at}]"), ItemId::parse(item)).is_some();
    }
    (code.is_some() && number.is_some() && zone.is_some() && kind.is_some() && items).then_some(())?;
    bare(Record::Window(Window { retired: false, ..given }))
}

/// A service item.
pub fn service_item(check: &mut Check, given: Option<ServiceItem>) -> Parsed {
    let given = check.require("service_item", given)?;
    let code = check.take("service_item.item", ItemId::parse(&given.item));
    let name = check.take("service_item.name", Name::parse(&given.name));
    let ids = external_ids(check, "service_item.external_ids", &given.external_ids);
    (code.is_some() && name.is_some() && ids).then_some(())?;
    bare(Record::ServiceItem(ServiceItem { retired: false, ..given }))
}

/// A device.
pub fn device(check: &mut Check, given: Option<Device>) -> Parsed {
    let given = check.require("device", given)?;
    let code = check.take("device.device", DeviceId::parse(&given.device));
    let kind = wire::named::<device::Kind>(check, "device.kind", given.kind);
    let window = opt_code(check, "device.window", &given.window, WindowId::parse);
    let serial = check.take("device.serial", Label::parse(&given.serial));
    let key = given.public_key.is_empty() || key(check, "device.public_key", &given.public_key).is_some();
    (code.is_some() && kind.is_some() && window && serial.is_some() && key).then_some(())?;
    bare(Record::Device(Device { journal: 0, retired: false, revoked: false, ..given }))
}

/// An Ed25519 public key; one of small order is nobody's.
pub fn key(check: &mut Check, field: &str, bytes: &[u8]) -> Option<[u8; 32]> {
    let point = <[u8; 32]>::try_from(bytes)
        .ok()
        .filter(|key| ed25519_dalek::VerifyingKey::from_bytes(key).is_ok_and(|point| !point.is_weak()));
    if point.is_none() {
        check.refuse(field, "NOT_A_KEY", Said::new("不是 Ed25519 公钥", "is not an Ed25519 public key"));
    }
    point
}

/// A credential binding: the value becomes a keyed hash, and stays in the personal part.
pub fn credential_binding(check: &mut Check, keys: &Keys, given: Option<CredentialBinding>) -> Parsed {
    let given = check.require("credential_binding", given)?;
    let person = check.take("credential_binding.person_id", PersonId::parse(&given.person_id));
    let kind = wire::named::<credential::Kind>(check, "credential_binding.kind", given.kind);
    let value = check.take("credential_binding.value", Name::parse(&given.value));
    let from = wire::day(check, "credential_binding.from", given.from.as_ref());
    let until = wire::opt_day(check, "credential_binding.until", given.until.as_ref());
    (given.until.is_none() || until.is_some()).then_some(())?;
    let (value, _) = (value?, person?);
    from?;
    Some(binding(keys, given.person_id, kind?, value.as_str(), given.from, given.until))
}

/// The record of a binding and its personal fields.
pub fn binding(
    keys: &Keys,
    person_id: String,
    kind: credential::Kind,
    value: &str,
    from: Option<crate::proto::Date>,
    until: Option<crate::proto::Date>,
) -> (Record, DirectoryPersonal) {
    let number = u8::try_from(i32::from(kind)).unwrap_or_default();
    let record = CredentialBinding {
        person_id,
        kind: kind.into(),
        value_hmac: keys.credential_hmac(number, value).to_vec(),
        from,
        until,
        retired: false,
        value: String::new(),
    };
    let personal = DirectoryPersonal { credential: value.to_owned(), ..DirectoryPersonal::default() };
    (Record::CredentialBinding(record), personal)
}

/// A role grant. The holder is kept in one form: people by their id, everything else by its subject.
pub fn role_grant(check: &mut Check, given: Option<RoleGrant>) -> Parsed {
    let given = check.require("role_grant", given)?;
    let id = opt_code(check, "role_grant.grant", &given.grant, GrantId::parse);
    let role = wire::named::<crate::proto::Role>(check, "role_grant.role", given.role);
    let subject = subject_of(&given);
    if subject.is_none() {
        check.refuse(
            "role_grant.holder",
            "NOT_A_SUBJECT",
            Said::new("应为人员编号，或 person:、device:、system: 开头的主体", "names nobody"),
        );
    }
    let scope = given.scope.clone().unwrap_or_default();
    let centre = opt_code(check, "role_grant.scope.centre", &scope.centre, DeviceId::parse);
    let department = opt_code(check, "role_grant.scope.department", &scope.department, DepartmentId::parse);
    let window = opt_code(check, "role_grant.scope.window", &scope.window, WindowId::parse);
    let from = wire::opt_instant(check, "role_grant.from", given.from.as_ref());
    let until = wire::opt_instant(check, "role_grant.until", given.until.as_ref());
    (id && role.is_some() && centre && department && window).then_some(())?;
    (given.from.is_some() == from.is_some() && given.until.is_some() == until.is_some()).then_some(())?;
    let holder = match subject? {
        Subject::Person(id) => Holder::PersonId(id.to_string()),
        other @ (Subject::Device(_) | Subject::System(_)) => Holder::Subject(other.to_string()),
    };
    let scope = (scope != Reach::default()).then_some(scope);
    bare(Record::RoleGrant(RoleGrant { holder: Some(holder), scope, revoked: false, ..given }))
}
