//! How long something was waited for, in the time in which a centre works (rule R5): terminals are switched off on Friday
//! at six, and a weekend is no time to wait.

use crate::kernel::{EpochDay, EpochMs, Zone};
use crate::policy::OfficeHours;

/// A centre that works on no day within a year does not wait longer than that.
const DAYS_MOST: i32 = 366;
const MINUTE_MS: i64 = 60_000;

/// The time in which a centre works.
#[derive(Debug, Clone, Copy)]
pub struct WorkingTime<'a, F> {
    /// Where its clock is.
    pub zone: &'a Zone,
    /// The hours of a work day.
    pub hours: OfficeHours,
    /// Is this a day of work?
    pub works_on: F,
}

impl<F: Fn(EpochDay) -> bool> WorkingTime<'_, F> {
    /// The instant at which so many minutes of working time have passed since `from`.
    pub fn after(&self, from: EpochMs, minutes: u16) -> EpochMs {
        let mut left_ms = i64::from(minutes) * MINUTE_MS;
        if left_ms == 0 {
            return from;
        }
        let first = self.zone.day_of(from);
        for day in (0..DAYS_MOST).map(|days| first.plus_days(days)).filter(|day| (self.works_on)(*day)) {
            let opens = self.zone.at_minutes(day, i32::from(self.hours.from())).max(from);
            let closes = self.zone.at_minutes(day, i32::from(self.hours.until()));
            let open_ms = closes.since(opens).max(0);
            if left_ms <= open_ms {
                return opens.plus_ms(left_ms);
            }
            left_ms -= open_ms;
        }
        self.zone.start_of(first.plus_days(DAYS_MOST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-02 is a Monday.
    fn after(from: (i32, i32), minutes: u16, works_on: impl Fn(i32) -> bool) -> String {
        let zone = Zone::parse("").unwrap();
        let hours = OfficeHours::DEFAULT;
        let (day, minute) = from;
        let day = EpochDay::from_ymd(2026, 11, day).unwrap();
        let time = WorkingTime { zone: &zone, hours, works_on: |day: EpochDay| works_on(day.ymd().2) };
        zone.wall(time.after(zone.at_minutes(day, minute), minutes))[8..16].to_owned()
    }

    fn weekday(day: i32) -> bool {
        !matches!(day % 7, 0 | 1)
    }

    #[test]
    fn only_the_hours_of_work_days_count() {
        for (case, from, minutes, wanted) in [
            ("within a day", (2, 600), 60, "02 11:00"),
            ("to its last minute", (2, 990), 60, "02 17:30"),
            ("over a night", (2, 990), 61, "03 08:31"),
            ("from before it opens", (2, 0), 480, "02 16:30"),
            ("from after it closes", (2, 1080), 480, "03 16:30"),
            ("over a weekend", (6, 1080), 480, "09 16:30"),
            ("from a weekend", (7, 720), 60, "09 09:30"),
            ("nothing to wait for", (7, 720), 0, "07 12:00"),
            ("days on end", (2, 510), 1_080, "03 17:30"),
        ] {
            assert_eq!(after(from, minutes, weekday), wanted, "{case}");
        }
    }

    #[test]
    fn a_holiday_is_no_time_to_wait_and_no_work_at_all_is_no_reason_to_wait_for_ever() {
        assert_eq!(after((2, 1080), 60, |day| weekday(day) && day != 3), "04 09:30");
        assert_eq!(after((2, 1080), 60, |_| false), "03 00:00", "a year later");
    }
}
