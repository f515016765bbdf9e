//! Instants and days. Integer milliseconds, UTC, inside; civil dates only through a centre's zone.

use std::fmt;

use jiff::{Timestamp, civil, tz::TimeZone};

/// Why something is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Nothing given.
    #[error("is missing")]
    Missing,
    /// Outside 1970 to 9999.
    #[error("is outside the years 1970 to 9999")]
    OutOfRange,
    /// No such day.
    #[error("is not a day of the calendar")]
    NotADay,
    /// No such zone.
    #[error("is not the name of a time zone")]
    NotAZone,
}

/// An instant: milliseconds since 1970-01-01T00:00:00Z, from 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EpochMs(i64);

impl EpochMs {
    /// A day without a change of the clock.
    pub const DAY_MS: i64 = 86_400_000;
    /// 9999-12-30T00:00:00Z: one day less than the end of the calendar, so that every zone has a date for it.
    pub const MAX: Self = Self(253_402_128_000_000);
    /// 1970-01-01T00:00:00Z.
    pub const ZERO: Self = Self(0);

    /// An instant, if it is from 1970 to 9999.
    pub const fn new(ms: i64) -> Result<Self, TimeError> {
        if ms >= 0 && ms <= Self::MAX.0 { Ok(Self(ms)) } else { Err(TimeError::OutOfRange) }
    }

    /// The nearest instant from 1970 to 9999.
    pub const fn clamped(ms: i64) -> Self {
        if ms < 0 {
            Self::ZERO
        } else if ms > Self::MAX.0 {
            Self::MAX
        } else {
            Self(ms)
        }
    }

    /// From seconds and nanoseconds, cut to the millisecond.
    pub fn from_parts(seconds: i64, nanos: i32) -> Result<Self, TimeError> {
        if !(0..1_000_000_000).contains(&nanos) {
            return Err(TimeError::OutOfRange);
        }
        seconds
            .checked_mul(1000)
            .and_then(|ms| ms.checked_add(i64::from(nanos / 1_000_000)))
            .ok_or(TimeError::OutOfRange)
            .and_then(Self::new)
    }

    /// From RFC 3339, for example `2026-03-02T09:05:00Z`.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let stamp: Timestamp = text.parse().map_err(|_| TimeError::OutOfRange)?;
        Self::new(stamp.as_millisecond())
    }

    /// Milliseconds since 1970.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// This many milliseconds later (earlier if negative), within 1970 to 9999.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self::clamped(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to here; negative when it is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl fmt::Display for EpochMs {
    /// RFC 3339, UTC, milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stamp = Timestamp::from_millisecond(self.0).unwrap_or_default();
        write!(f, "{stamp:.3}")
    }
}

/// A civil day: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpochDay(i32);

const EPOCH: civil::Date = civil::date(1970, 1, 1);

impl EpochDay {
    /// 1970-01-01.
    pub const FIRST: Self = Self(0);
    /// 9999-12-31.
    pub const LAST: Self = Self(2_932_896);

    /// From year, month and day, 1970 to 9999.
    pub fn from_ymd(year: i32, month: i32, day: i32) -> Result<Self, TimeError> {
        if !(1970..=9999).contains(&year) {
            return Err(TimeError::OutOfRange);
        }
        let narrow = |n: i32| i8::try_from(n).map_err(|_| TimeError::NotADay);
        let year = i16::try_from(year).map_err(|_| TimeError::OutOfRange)?;
        let date = civil::Date::new(year, narrow(month)?, narrow(day)?).map_err(|_| TimeError::NotADay)?;
        Ok(Self::from_date(date))
    }

    fn from_date(date: civil::Date) -> Self {
        Self(date.since((jiff::Unit::Day, EPOCH)).map_or(0, |span| span.get_days()))
    }

    /// From a column; clamped to the calendar.
    pub fn from_column(days: i64) -> Self {
        Self(i32::try_from(days.clamp(0, Self::LAST.column())).unwrap_or_default())
    }

    /// As a column.
    pub const fn column(self) -> i64 {
        self.0 as i64
    }

    /// Year, month and day.
    pub fn ymd(self) -> (i32, i32, i32) {
        let date = self.date();
        (i32::from(date.year()), i32::from(date.month()), i32::from(date.day()))
    }

    fn date(self) -> civil::Date {
        EPOCH.checked_add(jiff::Span::new().days(self.0)).unwrap_or(EPOCH)
    }

    /// The day of the week: 1 is Monday, 7 is Sunday (ISO 8601).
    pub fn weekday(self) -> u8 {
        // 1970-01-01 was a Thursday.
        u8::try_from((self.0 + 3).rem_euclid(7) + 1).unwrap_or(1)
    }

    /// This many days later.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self::from_column(i64::from(self.0) + i64::from(days))
    }
}

impl fmt::Display for EpochDay {
    /// `2026-11-23`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

/// A centre's time zone, by IANA name; the database is built in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// The zone of a centre that names none.
    pub const DEFAULT: &'static str = "Asia/Shanghai";

    /// By IANA name; empty is [`Zone::DEFAULT`].
    pub fn parse(name: &str) -> Result<Self, TimeError> {
        let name = if name.is_empty() { Self::DEFAULT } else { name };
        let zone = TimeZone::get(name).map_err(|_| TimeError::NotAZone)?;
        Ok(Self { name: name.to_owned(), zone })
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The civil day of an instant here.
    pub fn day_of(&self, at: EpochMs) -> EpochDay {
        let stamp = Timestamp::from_millisecond(at.0).unwrap_or_default();
        EpochDay::from_date(self.zone.to_datetime(stamp).date())
    }

    /// The first instant of a civil day here.
    pub fn start_of(&self, day: EpochDay) -> EpochMs {
        let start = day.date().to_zoned_datetime(self.zone.clone());
        EpochMs::clamped(start.map_or(0, |z| z.timestamp().as_millisecond()))
    }

    /// The instant that a wall clock here calls `local`; in a gap or a fold, the earlier offset's.
    pub fn instant_of(&self, local: civil::DateTime) -> Result<EpochMs, TimeError> {
        let zoned =
            self.zone.to_ambiguous_zoned_datetime(local).compatible().map_err(|_| TimeError::OutOfRange)?;
        EpochMs::new(zoned.timestamp().as_millisecond())
    }

    /// The instant at which a wall clock here shows so many minutes after 00:00 of a day; before it if negative, on a
    /// later day from 1440 on. In a gap or a fold as [`Zone::instant_of`].
    pub fn at_minutes(&self, day: EpochDay, minutes: i32) -> EpochMs {
        let days = day.0.saturating_add(minutes.div_euclid(1_440));
        let Ok(date) = EPOCH.checked_add(jiff::Span::new().days(days)) else { return EpochMs::MAX };
        let minutes = minutes.rem_euclid(1_440);
        let [hour, minute] = [minutes / 60, minutes % 60].map(|part| i8::try_from(part).unwrap_or_default());
        self.instant_of(date.at(hour, minute, 0, 0)).unwrap_or(EpochMs::ZERO)
    }

    /// `2026-11-23 08:31:05` on a wall clock here.
    pub fn wall(&self, at: EpochMs) -> String {
        let local = self.zone.to_datetime(Timestamp::from_millisecond(at.0).unwrap_or_default());
        let (date, time) = (local.date(), local.time());
        format!("{date} {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monday_before_eight_in_shanghai_is_not_a_sunday() {
        let shanghai = Zone::parse("").unwrap();
        let monday_0759 = EpochMs::new(1_795_391_940_000).unwrap();
        let wall = shanghai.wall(monday_0759);
        let day = shanghai.day_of(monday_0759);
        assert_eq!(wall.split(' ').next(), Some(day.to_string().as_str()));
    }

    #[test]
    fn a_day_starts_at_midnight_of_its_zone() {
        let shanghai = Zone::parse("Asia/Shanghai").unwrap();
        let day = EpochDay::from_ymd(2026, 11, 23).unwrap();
        let start = shanghai.start_of(day);
        assert_eq!(start.to_string(), "2026-11-22T16:00:00.000Z");
        assert_eq!(shanghai.day_of(start), day);
        assert_eq!(shanghai.day_of(start.plus_ms(-1)), day.plus_days(-1));
    }

    #[test]
    fn the_summer_time_of_1990_in_china_is_known() {
        let shanghai = Zone::parse("Asia/Shanghai").unwrap();
        let noon = civil::date(1990, 7, 1).at(12, 0, 0, 0);
        assert_eq!(shanghai.instant_of(noon).unwrap().to_string(), "1990-07-01T03:00:00.000Z");
    }

    #[test]
    fn minutes_of_a_day_are_what_a_wall_clock_shows() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let day = |month, day| EpochDay::from_ymd(2026, month, day).unwrap();
        for (on, minutes, wall) in [
            (day(11, 23), 510, "2026-11-23 08:30:00"),
            (day(11, 23), -60, "2026-11-22 23:00:00"),
            (day(11, 23), 1560, "2026-11-24 02:00:00"),
            // Clocks went from 02:00 to 03:00, and from 03:00 back to 02:00.
            (day(3, 29), 510, "2026-03-29 08:30:00"),
            (day(3, 28), 1440 + 150, "2026-03-29 03:30:00"),
            (day(10, 25), 510, "2026-10-25 08:30:00"),
        ] {
            assert_eq!(berlin.wall(berlin.at_minutes(on, minutes)), wall);
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        assert_eq!(EpochDay::from_ymd(2026, 2, 29), Err(TimeError::NotADay));
        assert_eq!(EpochDay::from_ymd(1969, 12, 31), Err(TimeError::OutOfRange));
        assert_eq!(EpochDay::from_ymd(2024, 2, 29).unwrap().ymd(), (2024, 2, 29));
        assert_eq!(EpochMs::from_parts(i64::MAX, 0), Err(TimeError::OutOfRange));
        assert_eq!(EpochMs::from_parts(1, -1), Err(TimeError::OutOfRange));
        assert!(Zone::parse("Mars/Olympus").is_err());
    }
}
