//! What the roster says, as of any position: the rows of a log and of the deployment's, and which of them holds on a
//! day. Pure.

use std::collections::HashMap;

use crate::kernel::{EpochDay, Pos};
use crate::proto::calendar_year::day::Kind as NoticeKind;
use crate::proto::centre_day::Kind as CentreKind;
use crate::proto::fact::Fact as Of;
use crate::proto::roster_entry::Works;
use crate::proto::{
    ApprovalDecisionFact, CalendarYear, CentreDay, Fact, Policy, RosterEntry, RosterFact, Shift,
};
use crate::registers::directory::view::{day, opt_day};

/// How much has been seen: only rows before these positions count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// In the centre's log.
    pub own: Pos,
    /// In the deployment's.
    pub deployment: Pos,
}

impl Seen {
    /// Everything.
    pub const ALL: Self = Self { own: Pos::new(u64::MAX), deployment: Pos::new(u64::MAX) };
}

/// A version of a shift.
#[derive(Debug, Clone, PartialEq)]
pub struct ShiftAt {
    /// The entry.
    pub pos: Pos,
    /// What it says.
    pub shift: Shift,
}

/// What somebody is rostered for on some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// The entry.
    pub pos: Pos,
    /// Which of the entry's duties, from 0.
    pub item: u32,
    /// The first day.
    pub from: EpochDay,
    /// The last day.
    pub until: Option<EpochDay>,
    /// A pattern, which calendars interrupt; else an entry for one day, which wins over them.
    pub pattern: bool,
    /// The shift; of an entry, `None` is rest; of a pattern, that nothing is rostered.
    pub shift: Option<String>,
    /// Of an entry that an approved swap made: the request.
    pub swap: Option<Pos>,
}

impl Duty {
    /// Does it speak of a day?
    pub fn covers(&self, on: EpochDay) -> bool {
        self.from <= on && self.until.is_none_or(|until| on <= until)
    }
}

/// The days of a year that a notice sets apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YearAt {
    /// The entry.
    pub pos: Pos,
    /// The year.
    pub year: i32,
    /// Each day, and like which day of the week it is worked.
    pub days: HashMap<EpochDay, (NoticeKind, Option<u8>)>,
}

impl YearAt {
    /// Of a fact.
    pub fn new(pos: Pos, calendar: &CalendarYear) -> Self {
        let days = calendar.days.iter().map(|item| {
            let weekday = u8::try_from(item.as_weekday).ok().filter(|weekday| *weekday > 0);
            (day(item.date.as_ref()), (item.kind(), weekday))
        });
        Self { pos, year: calendar.year, days: days.collect() }
    }
}

/// A day on which the centre differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CentreDayAt {
    /// The entry.
    pub pos: Pos,
    /// The day.
    pub day: EpochDay,
    /// How.
    pub kind: CentreKind,
    /// Under which shift; empty: each person's own.
    pub shift: String,
}

impl CentreDayAt {
    /// Of a fact.
    pub fn new(pos: Pos, item: &CentreDay) -> Self {
        Self { pos, day: day(item.date.as_ref()), kind: item.kind(), shift: item.shift.clone() }
    }
}

/// An approved policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyAt {
    /// The entry of its approval.
    pub pos: Pos,
    /// The first day that it judges.
    pub from: EpochDay,
    /// What it says.
    pub policy: Policy,
}

/// The rows of one log that are not about a person, in the order of their entries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pages {
    /// Versions of shifts.
    pub shifts: Vec<ShiftAt>,
    /// Calendars.
    pub years: Vec<YearAt>,
    /// The centre's days.
    pub centre_days: Vec<CentreDayAt>,
    /// Approved policies.
    pub policies: Vec<PolicyAt>,
}

/// What a notice says of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// No calendar of the year is there, or one without days.
    Unknown,
    /// The calendar does not set it apart.
    Ordinary,
    /// It does; and like which day of the week it is worked.
    Apart(NoticeKind, Option<u8>),
}

/// The roster of a centre.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Book {
    /// The centre's log.
    pub own: Pages,
    /// The deployment's.
    pub deployment: Pages,
    /// Who is rostered for what, by person, in the order of their entries.
    pub duties: HashMap<String, Vec<Duty>>,
}

impl Book {
    /// The version of a shift that holds on a day: the newest of those with the latest beginning.
    pub fn shift(&self, code: &str, on: EpochDay, seen: Seen) -> Option<&Shift> {
        self.own
            .shifts
            .iter()
            .filter(|at| at.pos < seen.own && at.shift.shift == code)
            .map(|at| (opt_day(at.shift.effective_from.as_ref()), at))
            .filter(|(from, _)| from.is_none_or(|from| from <= on))
            .max_by_key(|(from, at)| (*from, at.pos))
            .map(|(_, at)| &at.shift)
    }

    /// A person's entry for a day: the newest.
    pub fn entry(&self, person_id: &str, on: EpochDay, seen: Seen) -> Option<&Duty> {
        self.newest(person_id, on, seen, false)
    }

    /// A person's pattern on a day: the newest that speaks of it.
    pub fn pattern(&self, person_id: &str, on: EpochDay, seen: Seen) -> Option<&Duty> {
        self.newest(person_id, on, seen, true)
    }

    fn newest(&self, person_id: &str, on: EpochDay, seen: Seen, pattern: bool) -> Option<&Duty> {
        let duties = self.duties.get(person_id)?.iter();
        duties.rev().find(|duty| duty.pattern == pattern && duty.pos < seen.own && duty.covers(on))
    }

    /// The centre's own day.
    pub fn centre_day(&self, on: EpochDay, seen: Seen) -> Option<&CentreDayAt> {
        self.own.centre_days.iter().rev().find(|at| at.day == on && at.pos < seen.own)
    }

    /// What the calendar of the day's year says: the centre's own, or else the deployment's.
    pub fn notice(&self, on: EpochDay, seen: Seen) -> Notice {
        let (year, _, _) = on.ymd();
        let newest =
            |pages: &'_ [YearAt], until: Pos| pages.iter().rposition(|at| at.year == year && at.pos < until);
        let own = newest(&self.own.years, seen.own).and_then(|at| self.own.years.get(at));
        let deployed =
            newest(&self.deployment.years, seen.deployment).and_then(|at| self.deployment.years.get(at));
        match own.or(deployed) {
            Some(calendar) if !calendar.days.is_empty() => calendar
                .days
                .get(&on)
                .map_or(Notice::Ordinary, |(kind, weekday)| Notice::Apart(*kind, *weekday)),
            Some(_) | None => Notice::Unknown,
        }
    }

    /// The policies that judge a day: the deployment's, and the centre's own. Of several, the one with the latest
    /// beginning; of those, the newest.
    pub fn policies(&self, on: EpochDay, seen: Seen) -> (Option<&PolicyAt>, Option<&PolicyAt>) {
        (in_force(&self.deployment.policies, on, seen.deployment), in_force(&self.own.policies, on, seen.own))
    }
}

fn in_force(policies: &[PolicyAt], on: EpochDay, until: Pos) -> Option<&PolicyAt> {
    policies.iter().filter(|at| at.pos < until && at.from <= on).max_by_key(|at| (at.from, at.pos))
}

/// The shift of an entry; `None` is rest.
pub fn shift_of(entry: &RosterEntry) -> Option<&str> {
    match &entry.works {
        Some(Works::Shift(shift)) => Some(shift),
        Some(Works::Rest(_)) | None => None,
    }
}

/// The duties of a fact, in the order of its rows.
pub fn duties_of(pos: Pos, roster: &RosterFact) -> impl Iterator<Item = (String, Duty)> {
    let entries = roster.entries.iter().map(move |entry| {
        let on = day(entry.date.as_ref());
        let shift = shift_of(entry).map(str::to_owned);
        let duty = Duty { pos, item: 0, from: on, until: Some(on), pattern: false, shift, swap: None };
        (entry.person_id.clone(), duty)
    });
    let patterns = roster.patterns.iter().map(move |pattern| {
        let duty = Duty {
            pos,
            item: 0,
            from: day(pattern.from.as_ref()),
            until: opt_day(pattern.until.as_ref()),
            pattern: true,
            shift: Some(pattern.shift.clone()).filter(|shift| !shift.is_empty()),
            swap: None,
        };
        (pattern.person_id.clone(), duty)
    });
    (0..).zip(entries.chain(patterns)).map(|(item, (person_id, duty))| (person_id, Duty { item, ..duty }))
}

/// The duties of an approved swap, in the order of its rows; nothing of any other decision.
pub fn swapped_of(pos: Pos, decision: &ApprovalDecisionFact) -> impl Iterator<Item = (String, Duty)> {
    let swap = Some(Pos::new(decision.request));
    (0..).zip(&decision.swapped).map(move |(item, of)| {
        let on = day(of.date.as_ref());
        let shift = Some(of.shift.clone()).filter(|shift| !shift.is_empty());
        (of.person_id.clone(), Duty { pos, item, from: on, until: Some(on), pattern: false, shift, swap })
    })
}

/// What a fact adds to a book.
pub fn apply(book: &mut Book, pos: Pos, fact: &Fact) {
    match &fact.fact {
        Some(Of::Shift(shift)) => book.own.shifts.push(ShiftAt { pos, shift: shift.clone() }),
        Some(Of::Roster(roster)) => {
            for (person_id, duty) in duties_of(pos, roster) {
                book.duties.entry(person_id).or_default().push(duty);
            }
        }
        Some(Of::ApprovalDecision(decision)) => {
            for (person_id, duty) in swapped_of(pos, decision) {
                book.duties.entry(person_id).or_default().push(duty);
            }
        }
        Some(Of::CalendarYear(calendar)) => book.own.years.push(YearAt::new(pos, calendar)),
        Some(Of::CentreDays(fact)) => {
            book.own.centre_days.extend(fact.days.iter().map(|item| CentreDayAt::new(pos, item)));
        }
        _ => {}
    }
}
