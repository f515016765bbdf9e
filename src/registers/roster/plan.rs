//! What somebody is to work on a day (rule R6): the first layer that says something decides. Pure.

use super::book::{Book, Notice, Seen};
use super::shift::{spans, spans_on_rest, works_on};
use super::view::{DayKind, DayPlan, DaySource};
use crate::kernel::EpochDay;
use crate::policy::Policy;
use crate::proto::calendar_year::day::Kind as NoticeKind;
use crate::proto::centre_day::Kind as CentreKind;
use crate::proto::{self, Shift};

/// The numbers that judge a day.
pub fn policy(book: &Book, on: EpochDay, seen: Seen) -> Policy {
    let (deployment, own) = book.policies(on, seen);
    combined(deployment.map(|at| &at.policy), own.map(|at| &at.policy))
}

/// The pack, then what the deployment says, then what the centre says, key by key. A centre that names a pack of its own
/// begins from that instead.
pub fn combined(deployment: Option<&proto::Policy>, own: Option<&proto::Policy>) -> Policy {
    let mut layers: Vec<&proto::Policy> = Vec::new();
    for policy in [own, deployment].into_iter().flatten() {
        layers.push(policy);
        if !policy.pack.is_empty() {
            break;
        }
    }
    let pack = layers.last().map(|policy| policy.pack.as_str()).filter(|pack| !pack.is_empty());
    let pack = pack.and_then(Policy::of_pack).unwrap_or_default();
    // They were checked when they were proposed; a key that a later version no longer knows says nothing.
    layers.iter().rev().fold(pack, |policy, layer| policy.clone().with(&layer.values).unwrap_or(policy))
}

/// Does the centre work on a day: for whoever it is open, not for a person?
pub fn is_open(book: &Book, on: EpochDay, seen: Seen, policy: &Policy) -> bool {
    if let Some(day) = book.centre_day(on, seen) {
        return matches!(day.kind, CentreKind::Work | CentreKind::Extended);
    }
    match book.notice(on, seen) {
        Notice::Apart(NoticeKind::MakeupWorkday, _) => true,
        Notice::Apart(
            NoticeKind::StatutoryHoliday | NoticeKind::AdjustedRest | NoticeKind::Unspecified,
            _,
        ) => false,
        Notice::Ordinary | Notice::Unknown => policy.office_weekdays.holds(on.weekday()),
    }
}

/// The last of so many days on which the centre works after a day, each by the policy that judges it; where the centre does
/// not work for over a year, nobody waits for it.
pub fn work_days_after(book: &Book, from: EpochDay, days: u16, seen: Seen) -> EpochDay {
    let ahead = (1..=i32::from(days) * 7 + 400).map(|ahead| from.plus_days(ahead));
    let open = ahead.filter(|on| is_open(book, *on, seen, &policy(book, *on, seen)));
    open.take(usize::from(days)).last().unwrap_or(from)
}

/// What a person is to work on a day that this policy judges.
pub fn plan(book: &Book, person_id: &str, on: EpochDay, seen: Seen, policy: &Policy) -> DayPlan {
    let layers = Layers { book, on, seen, policy };
    // 1: the person's own entry.
    if let Some(entry) = book.entry(person_id, on, seen) {
        let planned = match entry.shift.as_deref().map(|code| (code, book.shift(code, on, seen))) {
            Some((_, Some(shift))) => layers.work(DayKind::Workday, DaySource::Roster, shift, None),
            Some((code, None)) => without(DayKind::Workday, DaySource::Roster, code),
            None => DayPlan { rostered: true, ..without(DayKind::Rest, DaySource::Roster, "") },
        };
        return DayPlan { swapped: entry.swap, ..planned };
    }
    let assigned = book.pattern(person_id, on, seen);
    let code =
        assigned.map_or(policy.default_shift.as_str(), |duty| duty.shift.as_deref().unwrap_or_default());
    let shift = if code.is_empty() { None } else { book.shift(code, on, seen) };
    let Some(shift) = shift else {
        return without(DayKind::Workday, DaySource::Weekly, code);
    };
    layers.centre(shift).unwrap_or_else(|| layers.calendar(shift))
}

/// Nothing is rostered.
fn without(kind: DayKind, source: DaySource, code: &str) -> DayPlan {
    DayPlan { kind, source, shift: code.to_owned(), spans: Vec::new(), rostered: false, swapped: None }
}

struct Layers<'a> {
    book: &'a Book,
    on: EpochDay,
    seen: Seen,
    policy: &'a Policy,
}

impl Layers<'_> {
    /// 2: the centre's own day.
    fn centre(&self, own: &Shift) -> Option<DayPlan> {
        let day = self.book.centre_day(self.on, self.seen)?;
        let named = self.book.shift(&day.shift, self.on, self.seen);
        Some(match day.kind {
            CentreKind::Extended | CentreKind::Work => {
                self.work(DayKind::Workday, DaySource::Centre, named.unwrap_or(own), None)
            }
            CentreKind::Closed | CentreKind::Rest | CentreKind::Unspecified => {
                rest(DayKind::Rest, DaySource::Centre, own)
            }
        })
    }

    /// 3: a notice; 4: the week.
    fn calendar(&self, own: &Shift) -> DayPlan {
        match self.book.notice(self.on, self.seen) {
            Notice::Unknown => rest(DayKind::PendingCalendar, DaySource::Weekly, own),
            Notice::Apart(NoticeKind::StatutoryHoliday, _) => {
                rest(DayKind::Holiday, DaySource::Statutory, own)
            }
            Notice::Apart(NoticeKind::AdjustedRest | NoticeKind::Unspecified, _) => {
                rest(DayKind::Rest, DaySource::Adjusted, own)
            }
            Notice::Apart(NoticeKind::MakeupWorkday, like) => {
                let like = like.unwrap_or(self.policy.makeup_as_weekday);
                self.work(DayKind::Makeup, DaySource::Makeup, own, Some(like))
            }
            Notice::Ordinary if works_on(own, self.on.weekday()) => {
                self.work(DayKind::Workday, DaySource::Weekly, own, None)
            }
            Notice::Ordinary => rest(DayKind::Rest, DaySource::Weekly, own),
        }
    }

    /// Work under a shift: like a given day of the week, or like this one; a day that the shift calls rest is worked like
    /// work that is made up.
    fn work(&self, kind: DayKind, source: DaySource, shift: &Shift, like: Option<u8>) -> DayPlan {
        let weekday = like.unwrap_or_else(|| self.on.weekday());
        let spans = if works_on(shift, weekday) {
            spans(shift, weekday)
        } else {
            spans_on_rest(shift, self.policy.makeup_as_weekday)
        };
        DayPlan { kind, source, shift: shift.shift.clone(), spans, rostered: true, swapped: None }
    }
}

fn rest(kind: DayKind, source: DaySource, shift: &Shift) -> DayPlan {
    DayPlan { kind, source, shift: shift.shift.clone(), spans: Vec::new(), rostered: true, swapped: None }
}
