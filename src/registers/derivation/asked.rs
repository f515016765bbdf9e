//! What of a person's day was approved: absences, and comings and goings that no device stamped (rules R5, R8, R11).

use std::collections::{BTreeSet, HashMap};

use super::days::around_of;
use crate::kernel::{EpochDay, EpochMs, LogId, Pos, Zone};
use crate::proto::leave;
use crate::proto::punch::Direction;
use crate::registers::approval::rows;
use crate::registers::approval::standing::Course;
use crate::registers::approval::view::{ApprovedPunch, End, Source};
use crate::registers::attendance::day::coverage::Coverage;
use crate::registers::attendance::day::inputs::{Absence, AbsenceKind, DayPunch, PunchSource};
use crate::registers::attendance::view::{Effective, Trust};
use crate::store::{StoreError, Tx};

/// The time in which something may count for one of some days.
pub(super) fn time(zone: &Zone, first: EpochDay, last: EpochDay) -> (EpochMs, EpochMs) {
    (around_of(zone, first).0, around_of(zone, last).1)
}

/// What people asked for that touches a time, by person.
pub(super) async fn courses(
    tx: &mut Tx,
    log: LogId,
    people: &BTreeSet<&str>,
    time: (EpochMs, EpochMs),
    until: Pos,
) -> Result<HashMap<String, Vec<Course>>, StoreError> {
    let requests = rows::requests_of(tx, log, people, time, until).await?;
    let mut courses: HashMap<String, Vec<Course>> = HashMap::new();
    for course in rows::courses(tx, log, &requests, until).await? {
        let of: BTreeSet<String> =
            course.filed.asked.subjects().into_iter().map(|subject| subject.person_id).collect();
        for person in of.into_iter().filter(|person| people.contains(person.as_str())) {
            courses.entry(person).or_default().push(course.clone());
        }
    }
    Ok(courses)
}

/// The approved absences that touch a time.
pub(super) fn absences(courses: &[Course], (from, until): (EpochMs, EpochMs), as_of: Pos) -> Vec<Absence> {
    courses
        .iter()
        .filter(|course| course.filed.pos < as_of)
        .filter_map(|course| course.leave(as_of))
        .filter(|leave| leave.from < until && from < leave.until)
        .map(|leave| Absence {
            entry: leave.entry,
            from: leave.from,
            until: leave.until,
            kind: absence_kind(leave.kind),
        })
        .collect()
}

const fn absence_kind(kind: leave::Kind) -> AbsenceKind {
    match kind {
        leave::Kind::Official | leave::Kind::TempOut => AbsenceKind::Out,
        leave::Kind::Trip => AbsenceKind::Trip,
        leave::Kind::Training => AbsenceKind::Training,
        leave::Kind::Unspecified
        | leave::Kind::Personal
        | leave::Kind::Sick
        | leave::Kind::Annual
        | leave::Kind::Marriage
        | leave::Kind::Maternity
        | leave::Kind::Paternity
        | leave::Kind::Bereavement
        | leave::Kind::HomeVisit
        | leave::Kind::Other => AbsenceKind::Leave,
    }
}

/// The approved comings and goings of a person within a time. A manual roll stands in for devices that were all out of
/// order, and for nothing else: whoever was out by mistake may still be declared so, or the outage ended.
pub(super) fn punches(
    courses: &[Course],
    person: &str,
    (from, until): (EpochMs, EpochMs),
    as_of: Pos,
    coverage: &Coverage,
) -> Vec<DayPunch> {
    courses
        .iter()
        .filter(|course| course.filed.pos < as_of)
        .flat_map(|course| course.punches(person, as_of))
        .filter(|punch| from <= punch.at && punch.at <= until)
        .filter(|punch| punch.source == Source::Correction || coverage.is_all_out(punch.at))
        .map(day_punch)
        .collect()
}

fn day_punch(punch: ApprovedPunch) -> DayPunch {
    DayPunch {
        punch: punch.entry,
        // What people agree on is as good as a clock that is right.
        at: Effective { at: punch.at, trust: Trust::Trusted, earliest: punch.at, latest: punch.at },
        direction: match punch.end {
            End::On => Direction::In,
            End::Off => Direction::Out,
        },
        source: match punch.source {
            Source::Correction => PunchSource::Correction,
            Source::ManualRoll => PunchSource::ManualRoll,
        },
    }
}
