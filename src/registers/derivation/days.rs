//! The days that an entry touches, and in which order they are derived again: pure but for the pages of a range.
//!
//! A day of somebody's is derived from when it begins on. Nothing that is on record later begins it: the first entry of a
//! local day opens the day for everybody who is assigned here, and when nobody writes, a TICK does (the room `OPENING`
//! waits for midnight). A clock-in touches two dates (at noon three), since a span may reach from before midnight until noon after it
//! (rule R7); what may touch very many days (a calendar, a policy, a shift) is a range.

use crate::kernel::{EpochDay, EpochMs, LogId, Pos, Zone};
use crate::proto::fact::Fact as Of;
use crate::proto::{ApprovalSubject, Fact, device};
use crate::registers::directory;
use crate::registers::directory::fact::{Record, day, opt_day};
use crate::registers::roster;
use crate::registers::roster::book::PolicyAt;
use crate::results::{AsOf, Key, RangeAt, Room};
use crate::store::{StoreError, Tx};

/// A person's day result.
pub const DAY: Room = Room::new(3);
/// Waits for the next local day.
pub const OPENING: Room = Room::new(4);

/// Local noon: a clock-in before it may belong to the day before, one after it to the day after.
const NOON_MINUTES: i32 = 720;

/// The key of a person's day: the id, then the day, so that a person's days stand together and in order.
pub fn day_key(room: Room, person_id: &str, day: EpochDay) -> Key {
    let mut bytes = person_id.as_bytes().to_vec();
    bytes.extend(u32::try_from(day.column()).unwrap_or_default().to_be_bytes());
    Key::new(room, bytes)
}

/// Whose day a key is.
pub fn day_of(key: &Key) -> Option<(&str, EpochDay)> {
    let (person, day) = key.bytes.split_last_chunk::<4>()?;
    let day = EpochDay::from_column(i64::from(u32::from_be_bytes(*day)));
    Some((std::str::from_utf8(person).ok()?, day))
}

/// The key that waits for midnight.
pub fn opening_key() -> Key {
    Key::new(OPENING, Vec::new())
}

/// The dates that a clock-in may belong to: its own and, before noon the one before, after noon the one after.
pub fn around(zone: &Zone, at: EpochMs) -> impl Iterator<Item = EpochDay> {
    let day = zone.day_of(at);
    let noon = zone.at_minutes(day, NOON_MINUTES);
    // A span's region may end with the second of noon.
    let before = (at <= noon.plus_ms(999)).then(|| day.plus_days(-1));
    let after = (at >= noon).then(|| day.plus_days(1));
    before.into_iter().chain([day]).chain(after)
}

/// The window in which a clock-in may belong to a date: from noon of the day before until noon of the day after.
pub fn around_of(zone: &Zone, day: EpochDay) -> (EpochMs, EpochMs) {
    let noon = |day: EpochDay| zone.at_minutes(day, NOON_MINUTES);
    (noon(day.plus_days(-1)), noon(day.plus_days(1)).plus_ms(999))
}

/// Days of people, to be expanded page by page. First and last day are included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Days {
    /// One person's.
    Person(String, EpochDay, EpochDay),
    /// Everybody's who was ever assigned here.
    Everybody(EpochDay, EpochDay),
    /// Those of whoever was ever rostered for a shift; everybody's if the centre or its policy names it.
    Shift(String, EpochDay, EpochDay),
    /// A day begins: everybody's, and midnight is waited for.
    Open(EpochDay),
}

impl Days {
    /// As the fold keeps it: a letter, the two days, the person.
    pub fn encode(&self) -> Vec<u8> {
        let (tag, from, until, person) = match self {
            Self::Person(person, from, until) => (b'P', from, until, person.as_str()),
            Self::Everybody(from, until) => (b'E', from, until, ""),
            Self::Shift(shift, from, until) => (b'S', from, until, shift.as_str()),
            Self::Open(day) => (b'O', day, day, ""),
        };
        let mut bytes = vec![tag];
        bytes.extend(from.column().to_be_bytes());
        bytes.extend(until.column().to_be_bytes());
        bytes.extend(person.as_bytes());
        bytes
    }

    /// Reads it back; `None` for another register's.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let (from, rest) = rest.split_first_chunk::<8>()?;
        let (until, person) = rest.split_first_chunk::<8>()?;
        let [from, until] = [from, until].map(|day| EpochDay::from_column(i64::from_be_bytes(*day)));
        match tag {
            b'P' => Some(Self::Person(std::str::from_utf8(person).ok()?.to_owned(), from, until)),
            b'E' => Some(Self::Everybody(from, until)),
            b'S' => Some(Self::Shift(std::str::from_utf8(person).ok()?.to_owned(), from, until)),
            b'O' => Some(Self::Open(from)),
            _ => None,
        }
    }
}

/// The ranges that a fact touches, as far as their days have begun by `today`.
pub fn touched_by(fact: &Fact, zone: &Zone, today: EpochDay) -> Vec<Days> {
    let until = |last: Option<EpochDay>| last.map_or(today, |last| last.min(today));
    let everybody = |from: EpochDay| vec![Days::Everybody(from, today)];
    let ranges = match &fact.fact {
        Some(Of::Shift(shift)) => {
            // A night reaches into the next day's region.
            let from = opt_day(shift.effective_from.as_ref()).unwrap_or(EpochDay::FIRST).plus_days(-1);
            vec![Days::Shift(shift.shift.clone(), from, today)]
        }
        Some(Of::Roster(roster)) => roster::book::duties_of(Pos::ZERO, roster)
            .map(|(person, duty)| {
                // Spans of neighbouring days are cut where they meet (rule R7).
                let last = duty.until.map(|until| until.plus_days(1));
                Days::Person(person, duty.from.plus_days(-1), until(last))
            })
            .collect(),
        Some(Of::CalendarYear(calendar)) => {
            let first = EpochDay::from_ymd(calendar.year, 1, 1).unwrap_or(EpochDay::FIRST);
            let last = EpochDay::from_ymd(calendar.year, 12, 31).unwrap_or(EpochDay::LAST);
            vec![Days::Everybody(first.plus_days(-1), until(Some(last.plus_days(1))))]
        }
        Some(Of::CentreDays(fact)) => fact
            .days
            .iter()
            .map(|item| day(item.date.as_ref()))
            .map(|on| Days::Everybody(on.plus_days(-1), until(Some(on.plus_days(1)))))
            .collect(),
        Some(Of::PolicyApproval(approval)) => {
            let policy = approval.policy.as_ref();
            everybody(day(policy.and_then(|policy| policy.effective_from.as_ref())).plus_days(-1))
        }
        Some(Of::DeviceOutage(outage)) => {
            everybody(zone.day_of(EpochMs::clamped(outage.from_ms)).plus_days(-1))
        }
        // What was out of order until now is so only until then.
        Some(Of::DeviceOutageEnd(outage)) => {
            everybody(zone.day_of(EpochMs::clamped(outage.until_ms)).plus_days(-1))
        }
        // What rests on it says so from now on.
        Some(Of::JournalLossSignature(lost)) => {
            let from = zone.day_of(EpochMs::clamped(lost.from_ms)).plus_days(-1);
            let last = zone.day_of(EpochMs::clamped(lost.until_ms)).plus_days(1);
            vec![Days::Everybody(from, until(Some(last)))]
        }
        Some(Of::Leave(leave)) if leave.steps.is_empty() => {
            vec![during(&leave.person_id, (leave.from_ms, leave.until_ms), zone, today)]
        }
        Some(Of::ApprovalDecision(decision)) => subjects(&decision.subjects, zone, today),
        Some(Of::ApprovalWithdrawal(withdrawal)) => subjects(&withdrawal.subjects, zone, today),
        Some(Of::LeaveReturn(back)) => subjects(&back.subjects, zone, today),
        Some(_) | None => match Record::from_fact(fact) {
            Some(Record::Assignment(assignment)) => {
                // A night of the day before may reach into its first day.
                let from = day(assignment.from.as_ref()).plus_days(-1);
                vec![Days::Person(assignment.person_id.clone(), from, today)]
            }
            // A source of files counts for all time until it is retired, and then for none.
            Some(Record::Device(device)) if device.kind() == device::Kind::ImportSource => {
                everybody(EpochDay::FIRST)
            }
            // What may be clocked in on, and so what may still tell, is another set from now on.
            Some(Record::Device(_)) => everybody(today.plus_days(-1)),
            Some(_) | None => Vec::new(),
        },
    };
    ranges.into_iter().filter(|range| !range.is_empty()).collect()
}

/// The days of whoever is concerned by what became of a request.
fn subjects(subjects: &[ApprovalSubject], zone: &Zone, today: EpochDay) -> Vec<Days> {
    let of = |subject: &ApprovalSubject| {
        during(&subject.person_id, (subject.from_ms, subject.until_ms), zone, today)
    };
    subjects.iter().map(of).collect()
}

/// A person's days that a time touches: a night of the day before may reach into it, and so may one of the day after
/// from before midnight.
fn during(person: &str, (from_ms, until_ms): (i64, i64), zone: &Zone, today: EpochDay) -> Days {
    let from = zone.day_of(EpochMs::clamped(from_ms)).plus_days(-1);
    let until = zone.day_of(EpochMs::clamped(until_ms)).plus_days(1).min(today);
    Days::Person(person.to_owned(), from, until)
}

impl Days {
    /// Has none of its days begun?
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Person(_, from, until) | Self::Everybody(from, until) | Self::Shift(_, from, until) => {
                from > until
            }
            Self::Open(_) => false,
        }
    }

    /// The next keys of a page, in order.
    pub async fn expand(
        &self,
        tx: &mut Tx,
        page: RangeAt<'_>,
        rostered: &Rostered,
    ) -> Result<Vec<Key>, StoreError> {
        let (from, until) = match self {
            Self::Person(_, from, until) | Self::Everybody(from, until) | Self::Shift(_, from, until) => {
                (*from, *until)
            }
            Self::Open(day) => (*day, *day),
        };
        // Nothing is due before anybody was rostered.
        let Some(from) = rostered.first.map(|first| first.max(from)).filter(|from| *from <= until) else {
            return Ok(Vec::new());
        };
        let after = page.after.filter(|key| key.room == DAY).and_then(day_of);
        let mut keys: Vec<Key> = Vec::new();
        if let Self::Person(person, _, _) = self {
            push(&mut keys, person, (from, until), after, page.limit);
            return Ok(keys);
        }
        if page.after.is_some_and(|key| key.room == OPENING) {
            return Ok(keys);
        }
        if let Self::Shift(shift, _, _) = self
            && !is_everybodys(tx, page.log, shift, page.as_of, &rostered.policies).await?
        {
            let mut people = roster::rows::people_on(tx, page.log, vec![shift.as_str()]).await?;
            people.sort_unstable();
            let rest = people.iter().filter(|person| after.is_none_or(|(last, _)| person.as_str() >= last));
            for person in rest {
                push(&mut keys, person, (from, until), after, page.limit);
            }
            return Ok(keys);
        }
        // The person of the last page may have days left.
        if let Some((person, last)) = after
            && last < until
        {
            push(&mut keys, person, (from, until), after, page.limit);
        }
        let mut person = after.map(|(person, _)| person.to_owned());
        while keys.len() < page.limit {
            let wanted = page.limit - keys.len();
            let log = page.log;
            let next =
                directory::rows::assigned_after(tx, log, person.as_deref(), page.as_of.pos, wanted).await?;
            let whole = next.len() < wanted;
            for next in next {
                push(&mut keys, &next, (from, until), None, page.limit);
                person = Some(next);
            }
            if whole {
                break;
            }
        }
        if keys.len() < page.limit {
            keys.extend(self.opening(page.after));
        }
        Ok(keys)
    }

    fn opening(&self, after: Option<&Key>) -> Vec<Key> {
        let wanted = matches!(self, Self::Open(_)) && after.is_none_or(|after| *after < opening_key());
        if wanted { vec![opening_key()] } else { Vec::new() }
    }
}

fn push(
    keys: &mut Vec<Key>,
    person: &str,
    (from, until): (EpochDay, EpochDay),
    after: Option<(&str, EpochDay)>,
    limit: usize,
) {
    let mut day = match after {
        Some((of, last)) if of == person => from.max(last.plus_days(1)),
        Some(_) | None => from,
    };
    while day <= until && keys.len() < limit {
        keys.push(day_key(DAY, person, day));
        day = day.plus_days(1);
    }
}

/// From when on anything is due in a log, as far as was known at a position: the same for every range that an entry touches.
#[derive(Debug)]
pub struct Rostered {
    log: LogId,
    as_of: AsOf,
    /// Every policy that may judge a day of the log: its own, and the deployment's.
    policies: Vec<PolicyAt>,
    /// The first day for which anybody was rostered, or is by a policy's default.
    first: Option<EpochDay>,
}

impl Rostered {
    /// As it is before a position.
    pub async fn load(tx: &mut Tx, log: LogId, as_of: AsOf) -> Result<Self, StoreError> {
        let mut policies = roster::rows::policies(tx, log, as_of.pos).await?;
        policies.extend(roster::rows::policies(tx, LogId::DEPLOYMENT, as_of.deployment).await?);
        let rostered = roster::rows::first_duty(tx, log, as_of.pos).await?;
        let default = policies
            .iter()
            .filter(|at| at.policy.values.get("default_shift").is_some_and(|shift| !shift.is_empty()))
            .map(|at| at.from)
            .min();
        let first = rostered.into_iter().chain(default).min();
        Ok(Self { log, as_of, policies, first })
    }

    /// Is it of this log, at this position?
    pub fn is_of(&self, log: LogId, as_of: AsOf) -> bool {
        self.log == log && self.as_of == as_of
    }
}

/// Does a centre's own day, or a policy's default, name a shift?
async fn is_everybodys(
    tx: &mut Tx,
    log: LogId,
    shift: &str,
    until: AsOf,
    policies: &[PolicyAt],
) -> Result<bool, StoreError> {
    let days = roster::rows::centre_days(tx, log, until.pos).await?;
    let default =
        policies.iter().any(|at| at.policy.values.get("default_shift").is_some_and(|of| of == shift));
    Ok(default || days.iter().any(|at| at.shift == shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_back_as_it_was_written() {
        let (from, until) = (EpochDay::from_column(20_000), EpochDay::from_column(20_031));
        for days in [
            Days::Person("p1".to_owned(), from, until),
            Days::Everybody(from, until),
            Days::Shift("day".to_owned(), from, until),
            Days::Open(from),
        ] {
            assert_eq!(Days::decode(&days.encode()), Some(days));
        }
        assert_eq!(Days::decode(b"cCARD/ab"), None);
        assert_eq!(Days::decode(b""), None);
    }

    #[test]
    fn a_clock_in_before_noon_may_be_of_yesterday_and_one_after_it_of_tomorrow() {
        let zone = Zone::parse("Asia/Shanghai").unwrap();
        let today = EpochDay::from_ymd(2026, 11, 26).unwrap();
        let at = |minutes: i64| zone.start_of(today).plus_ms(minutes * 60_000);
        let around = |minutes| around(&zone, at(minutes)).collect::<Vec<_>>();
        assert_eq!(around(719), [today.plus_days(-1), today]);
        assert_eq!(around(720), [today.plus_days(-1), today, today.plus_days(1)]);
        assert_eq!(around(721), [today, today.plus_days(1)]);
    }

    #[test]
    fn a_persons_days_stand_together_and_in_order() {
        let day = |day| EpochDay::from_ymd(2026, 11, day).unwrap();
        let keys = [day_key(DAY, "pa", day(2)), day_key(DAY, "pa", day(10)), day_key(DAY, "pb", day(1))];
        assert!(keys.is_sorted());
        assert_eq!(day_of(&keys[1]), Some(("pa", day(10))));
    }
}
