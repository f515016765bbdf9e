//! What happens in the month before the morning: who comes when, who is away, what goes wrong. Pure, and the same every
//! time; days are counted as working days of the month, from 0, so that it fits any month.

use super::cast;
use crate::kernel::EpochDay;
use crate::proto::calendar_year::day::Kind;
use crate::proto::leave;
use crate::proto::punch::Direction;
use crate::proto::{CalendarYear, Date};
use crate::registers::roster::notices;

/// The spans of a day, in minutes: 08:30 to 12:00 and 14:00 to 17:30.
pub(super) const DAY: [i32; 4] = [510, 720, 840, 1_050];
/// A night: 20:00 to 02:00.
pub(super) const NIGHT: [i32; 2] = [1_200, 1_560];
/// On this working day the current was cut, from 08:10 to 09:30: no terminal worked.
pub(super) const CUT_ON: usize = 13;
/// From when until when, in minutes.
pub(super) const CUT: (i32, i32) = (490, 570);
/// Whom the chief representative forgot to write down meanwhile.
pub(super) const FORGOTTEN: usize = 25;
/// Who comes on the holiday by law.
pub(super) const ON_DUTY: usize = 38;

/// Three days worth a look: whose, which, and what happened.
pub(super) const EXPLAINED: [(usize, usize, &str); 3] = [
    (FORGOTTEN, CUT_ON, "came while the current was cut, and is on nobody's list"),
    (17, 9, "was allowed to be away until 16:00"),
    (22, 4, "forgot to clock out; two have signed that it counts"),
];

/// A moment: the working day, and the minute of it.
pub(super) type At = (usize, i32);

/// A month with a holiday by law and a Saturday on which work is made up.
#[derive(Debug, Clone)]
pub(super) struct Month {
    /// Its first day.
    pub(super) first: EpochDay,
    /// Its last day.
    pub(super) last: EpochDay,
    /// The days on which the centre works.
    pub(super) works: Vec<EpochDay>,
    /// The Saturday.
    pub(super) makeup: EpochDay,
    /// The holiday.
    pub(super) holiday: EpochDay,
    /// The notice that says so.
    pub(super) notice: CalendarYear,
}

/// Leave that somebody asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Away {
    /// Who.
    pub(super) who: usize,
    /// What kind.
    pub(super) kind: leave::Kind,
    /// From when.
    pub(super) from: At,
    /// Until when.
    pub(super) until: At,
    /// What becomes of it.
    pub(super) fate: Fate,
}

/// What becomes of leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is approved, and taken.
    Taken,
    /// The chief representative refuses it.
    Refused,
    /// It is approved; the person is back at another time.
    Back(At),
}

const fn away(who: usize, kind: leave::Kind, from: At, until: At, fate: Fate) -> Away {
    Away { who, kind, from, until, fate }
}

/// Everybody's leave. Beyond the last working day lie 60 days more.
pub(super) const LEAVES: [Away; 10] = [
    away(20, leave::Kind::Maternity, (0, 510), (usize::MAX, 0), Fate::Taken),
    away(21, leave::Kind::TempOut, (3, 600), (3, 660), Fate::Taken),
    away(19, leave::Kind::Training, (4, 510), (4, 1_050), Fate::Taken),
    away(12, leave::Kind::Annual, (5, 510), (9, 1_050), Fate::Taken),
    away(13, leave::Kind::Sick, (6, 510), (7, 1_050), Fate::Taken),
    away(14, leave::Kind::Personal, (8, 510), (8, 720), Fate::Taken),
    away(17, leave::Kind::Personal, (9, 840), (9, 960), Fate::Back((9, 980))),
    away(15, leave::Kind::Trip, (10, 510), (11, 1_050), Fate::Taken),
    away(16, leave::Kind::Marriage, (10, 510), (13, 1_050), Fate::Back((12, 500))),
    away(18, leave::Kind::Personal, (12, 510), (12, 1_050), Fate::Refused),
];

/// Somebody who forgot to clock out, and asks for a correction: who, on which day, and whether it is approved.
pub(super) const CORRECTIONS: [(usize, usize, bool); 2] = [(22, 4, true), (23, 6, false)];

/// Who does otherwise than everybody: who, on which day, at which end of which span, and when; `None`: not at all.
const OTHERWISE: [(usize, usize, usize, Option<i32>); 21] = [
    // Late by 7, 12, 18 and 4 minutes, and by 41: that is absence.
    (26, 1, 0, Some(517)),
    (27, 3, 0, Some(522)),
    (28, 6, 0, Some(528)),
    (26, 9, 2, Some(844)),
    (31, 12, 0, Some(551)),
    // At night too.
    (50, 5, 0, Some(1_206)),
    // Early by 20 and 9 minutes.
    (30, 5, 3, Some(1_030)),
    (32, 14, 3, Some(1_041)),
    // Not there at all.
    (33, 8, 0, None),
    (33, 8, 1, None),
    (33, 8, 2, None),
    (33, 8, 3, None),
    // Forgot to clock out; the first two ask for a correction.
    (22, 4, 3, None),
    (23, 6, 3, None),
    (24, 10, 3, None),
    (49, 7, 1, None),
    // Allowed to be away until 16:00, back at 16:20.
    (17, 9, 2, Some(980)),
    // Back early, in good time.
    (16, 12, 0, Some(500)),
    // Came while the current was cut, and is on nobody's list; and one who came before.
    (FORGOTTEN, CUT_ON, 0, None),
    (26, CUT_ON, 0, Some(482)),
    // The refused one came.
    (18, 12, 0, Some(505)),
];

/// Out and in again within a span: who, on which day, when, which way.
const BETWEEN: [(usize, usize, i32, Direction); 2] =
    [(21, 3, 601, Direction::Out), (21, 3, 657, Direction::In)];

/// Late on the Saturday, by 5 minutes.
const LATE_ON_SATURDAY: (usize, i32) = (29, 515);

/// A card that is held to a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Coming {
    /// The minute of the day.
    pub(super) minute: i32,
    /// Who.
    pub(super) who: usize,
    /// Does it open a span?
    pub(super) comes: bool,
}

fn day(date: Option<&Date>) -> Option<EpochDay> {
    let date = date?;
    EpochDay::from_ymd(date.year, date.month, date.day).ok()
}

fn said(notice: &CalendarYear, wanted: EpochDay) -> Option<Kind> {
    notice.days.iter().find(|said| day(said.date.as_ref()) == Some(wanted)).map(|said| said.kind())
}

impl Month {
    /// The newest such month that is over on a day.
    pub(super) fn before(today: EpochDay) -> Option<Self> {
        let mut notices: Vec<CalendarYear> = notices::codes().filter_map(notices::shipped).collect();
        notices.sort_by_key(|notice| notice.year);
        let years = notices.into_iter().rev();
        let mut months = years.flat_map(|notice| (1..=12).rev().map(move |month| (notice.clone(), month)));
        months.find_map(|(notice, month)| Self::of(notice, month).filter(|found| found.last < today))
    }

    fn of(notice: CalendarYear, month: i32) -> Option<Self> {
        let first = EpochDay::from_ymd(notice.year, month, 1).ok()?;
        let (year, next) = if month == 12 { (notice.year + 1, 1) } else { (notice.year, month + 1) };
        let last = EpochDay::from_ymd(year, next, 1).ok()?.plus_days(-1);
        let said = |wanted: EpochDay| said(&notice, wanted);
        let days: Vec<EpochDay> = days(first, last).collect();
        let works = days.iter().copied().filter(|day| {
            let made_up = said(*day) == Some(Kind::MakeupWorkday);
            made_up || (said(*day).is_none() && day.weekday() <= 5)
        });
        let works = works.collect();
        let saturday = |day: &&EpochDay| day.weekday() == 6 && said(**day) == Some(Kind::MakeupWorkday);
        let makeup = *days.iter().find(saturday)?;
        let holiday = *days.iter().find(|day| said(**day) == Some(Kind::StatutoryHoliday))?;
        Some(Self { first, last, works, makeup, holiday, notice })
    }

    /// `2026-10`
    pub(super) fn title(&self) -> String {
        let (year, month, _) = self.first.ymd();
        format!("{year}-{month:02}")
    }

    /// What the notice says of a date.
    pub(super) fn said(&self, date: EpochDay) -> Option<Kind> {
        said(&self.notice, date)
    }

    /// Which working day a date is.
    pub(super) fn nth(&self, date: EpochDay) -> Option<usize> {
        self.works.iter().position(|works| *works == date)
    }

    /// The date of a working day; beyond the last one 60 days later.
    pub(super) fn date(&self, nth: usize) -> EpochDay {
        self.works.get(nth).copied().unwrap_or_else(|| self.last.plus_days(60))
    }

    /// Everybody who holds a card to a terminal on a date, in order.
    pub(super) fn comings(&self, date: EpochDay) -> Vec<Coming> {
        let mut all = Vec::new();
        if date == self.holiday {
            all.push(Coming { minute: 540, who: ON_DUTY, comes: true });
            all.push(Coming { minute: 960, who: ON_DUTY, comes: false });
        }
        if let Some(nth) = self.nth(date) {
            for who in 0..cast::PEOPLE {
                for (end, minute) in self.ends(nth, who).into_iter().enumerate() {
                    let unseen = nth == CUT_ON && minute.is_some_and(in_the_dark);
                    let minute = minute.filter(|_| !unseen);
                    all.extend(minute.map(|minute| Coming { minute, who, comes: end.is_multiple_of(2) }));
                }
            }
            let between = BETWEEN.iter().filter(|(_, on, ..)| *on == nth);
            all.extend(between.map(|(who, _, minute, direction)| Coming {
                minute: *minute,
                who: *who,
                comes: *direction == Direction::In,
            }));
        }
        all.sort_unstable();
        all
    }

    /// Who came while the current was cut, and was written down: who, and at which minute.
    pub(super) fn written_down(&self) -> Vec<(usize, i32)> {
        let came = (0..cast::PEOPLE).filter_map(|who| {
            let minute = self.ends(CUT_ON, who).into_iter().next().flatten()?;
            in_the_dark(minute).then_some((who, minute))
        });
        came.collect()
    }

    /// When somebody comes to each end of each span of a working day; `None`: not at all.
    fn ends(&self, nth: usize, who: usize) -> Vec<Option<i32>> {
        let plan: &[i32] = if cast::NIGHTS.contains(&who) { &NIGHT } else { &DAY };
        let ends = plan.iter().enumerate().map(|(end, due)| {
            let otherwise =
                OTHERWISE.iter().find(|(person, on, which, _)| (*person, *on, *which) == (who, nth, end));
            if let Some((.., minute)) = otherwise {
                return *minute;
            }
            if end == 0 && who == LATE_ON_SATURDAY.0 && self.date(nth) == self.makeup {
                return Some(LATE_ON_SATURDAY.1);
            }
            (!is_away(who, (nth, *due), end.is_multiple_of(2))).then(|| usual(who, nth, end, *due))
        });
        ends.collect()
    }
}

/// The days from one to another.
pub(super) fn days(first: EpochDay, last: EpochDay) -> impl Iterator<Item = EpochDay> {
    (0..).map(move |days| first.plus_days(days)).take_while(move |day| *day <= last)
}

/// No terminal worked at this minute.
fn in_the_dark(minute: i32) -> bool {
    CUT.0 <= minute && minute < CUT.1
}

/// Is somebody away when a span begins or ends?
fn is_away(who: usize, at: At, begins: bool) -> bool {
    LEAVES.iter().filter(|leave| leave.who == who && leave.fate != Fate::Refused).any(|leave| {
        let until = match leave.fate {
            Fate::Back(at) => at.min(leave.until),
            Fate::Taken | Fate::Refused => leave.until,
        };
        if begins { leave.from <= at && at < until } else { leave.from < at && at <= until }
    })
}

/// In good time, and not all at once.
fn usual(who: usize, nth: usize, end: usize, due: i32) -> i32 {
    let spread = i32::try_from((who * 29 + nth * 7 + end * 11) % 24).unwrap_or_default();
    if end.is_multiple_of(2) { due - 1 - spread } else { due + spread }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ymd(year: i32, month: i32, day: i32) -> EpochDay {
        EpochDay::from_ymd(year, month, day).unwrap()
    }

    #[test]
    fn the_month_is_the_newest_that_is_over_with_a_saturday_of_work_and_a_holiday_by_law() {
        for (today, first, makeup, holiday, works) in [
            (ymd(2026, 11, 27), ymd(2026, 10, 1), ymd(2026, 10, 10), ymd(2026, 10, 1), 18),
            (ymd(2030, 1, 1), ymd(2026, 10, 1), ymd(2026, 10, 10), ymd(2026, 10, 1), 18),
            (ymd(2026, 10, 31), ymd(2026, 5, 1), ymd(2026, 5, 9), ymd(2026, 5, 1), 19),
            (ymd(2026, 3, 1), ymd(2026, 2, 1), ymd(2026, 2, 14), ymd(2026, 2, 16), 16),
        ] {
            let month = Month::before(today).unwrap();
            assert_eq!((month.first, month.makeup, month.holiday), (first, makeup, holiday), "{today}");
            assert_eq!(month.works.len(), works, "{today}");
        }
        assert!(Month::before(ymd(2024, 1, 1)).is_none());
    }

    #[test]
    fn every_month_that_may_be_told_has_room_for_the_story() {
        let told = notices::codes().filter_map(notices::shipped);
        let told = told.flat_map(|notice| (1..=12).filter_map(move |month| Month::of(notice.clone(), month)));
        let last = OTHERWISE.iter().map(|(_, nth, ..)| *nth).max().unwrap();
        for month in told {
            assert!(month.works.len() > last + 1, "{}", month.first);
        }
    }

    #[test]
    fn people_come_when_the_story_says_and_not_while_they_are_away() {
        let month = Month::before(ymd(2026, 11, 27)).unwrap();
        let of = |nth: usize, who: usize| {
            let all = month.comings(month.date(nth)).into_iter();
            all.filter(|coming| coming.who == who).map(|coming| coming.minute).collect::<Vec<_>>()
        };
        assert_eq!(of(0, 40).len(), 4, "in, out, in, out");
        assert_eq!(of(0, 48).len(), 2, "a night");
        assert!(of(0, 20).is_empty(), "on leave");
        assert_eq!(of(8, 14).len(), 2, "half a day");
        assert!(of(8, 33).is_empty(), "not there");
        assert_eq!(of(4, 22).len(), 3, "forgot");
        assert_eq!(of(3, 21).len(), 6, "out for an hour");
        assert!(of(11, 16).is_empty(), "still away");
        assert_eq!(of(12, 16).len(), 4, "back early");
        assert_eq!(of(CUT_ON, FORGOTTEN).len(), 3);
        assert!(month.written_down().len() > 40, "{}", month.written_down().len());
        assert!(!month.written_down().iter().any(|(who, _)| *who == FORGOTTEN));
    }
}
