//! Requests to valid facts of the months: every violation at once, with its field.

use std::collections::BTreeSet;

use crate::kernel::{Check, DepartmentId, EpochDay, PersonId, Said};
use crate::proto::{Date, lock_month_request, month_lock_fact};
use crate::registers::wire;

/// The longest period: two months of any length.
const DAYS_MOST: i32 = 62;
/// The most exceptions of a lock.
const EXCEPTIONS_MOST: usize = 1_000;
/// Bytes of SHA-256.
const DIGEST_BYTES: usize = 32;

/// A period, both days included.
pub fn period(check: &mut Check, from: Option<&Date>, until: Option<&Date>) -> Option<(EpochDay, EpochDay)> {
    let (from, until) = wire::from_until(check, from, until)?;
    if until > from.plus_days(DAYS_MOST) {
        let said = Said::new("应在开始日之后 62 天之内", "is not within 62 days of the first");
        check.refuse("until", "OUT_OF_RANGE", said);
        return None;
    }
    Some((from, until))
}

/// A department that may be left out.
pub fn department(check: &mut Check, department: &str) -> Option<DepartmentId> {
    if department.is_empty() {
        return None;
    }
    check.take("department", DepartmentId::parse(department))
}

/// A digest.
pub fn digest(check: &mut Check, digest: &[u8]) -> Option<Vec<u8>> {
    if digest.len() == DIGEST_BYTES {
        return Some(digest.to_vec());
    }
    check.refuse("digest", "NOT_A_DIGEST", Said::new("应为 32 字节", "must be a digest of 32 bytes"));
    None
}

/// The days that may stay open.
pub fn exceptions(
    check: &mut Check,
    given: &[lock_month_request::Exception],
) -> Option<Vec<month_lock_fact::Exception>> {
    if given.len() > EXCEPTIONS_MOST {
        let said = Said::new("至多 1000 项", "may have at most 1,000 items");
        check.refuse("exceptions", "COUNT", said);
        return None;
    }
    let mut named = BTreeSet::new();
    let exceptions = given.iter().enumerate().map(|(at, exception)| {
        let person = check.take(format!("exceptions[{at}].person_id"), PersonId::parse(&exception.person_id));
        let on = wire::day(check, &format!("exceptions[{at}].work_date"), exception.work_date.as_ref());
        let (person, on) = person.zip(on)?;
        if !named.insert((person.to_string(), on)) {
            check.refuse(format!("exceptions[{at}]"), "TWICE", Said::new("重复", "stands there already"));
            return None;
        }
        let work_date = Some(wire::date(on));
        Some(month_lock_fact::Exception { person_id: person.to_string(), work_date })
    });
    // All of them are looked at before one that is wrong ends it.
    let exceptions: Vec<Option<month_lock_fact::Exception>> = exceptions.collect();
    exceptions.into_iter().collect()
}
