//! When a centre works: the hours of a day, and the days of a week.

use std::fmt;

/// From a time of day to a later one, in minutes after midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfficeHours {
    from: u16,
    until: u16,
}

impl OfficeHours {
    /// 08:30 to 17:30.
    pub const DEFAULT: Self = Self { from: 510, until: 1050 };

    /// `08:30-17:30`; up to `24:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, until) = text.split_once('-')?;
        let (from, until) = (minutes(from)?, minutes(until)?);
        (from < until).then_some(Self { from, until })
    }

    /// Minutes after midnight at which work begins.
    pub fn from(self) -> u16 {
        self.from
    }

    /// Minutes after midnight at which it ends; at most 1440.
    pub fn until(self) -> u16 {
        self.until
    }
}

/// `08:30` as minutes after midnight.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |part: &str| {
        (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<u16>().ok())?
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= 1440).then_some(total)
}

impl fmt::Display for OfficeHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, until) = (self.from, self.until);
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, until / 60, until % 60)
    }
}

/// A run of days of the week: 1 is Monday, 7 is Sunday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekdays {
    first: u8,
    last: u8,
}

impl Weekdays {
    /// Monday to Friday.
    pub const DEFAULT: Self = Self { first: 1, last: 5 };

    /// `1-5`.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        let day = |part: &str| part.parse::<u8>().ok().filter(|day| (1..=7).contains(day));
        let (first, last) = (day(first)?, day(last)?);
        (first <= last).then_some(Self { first, last })
    }

    /// Is this day of the week one of them?
    pub fn holds(self, weekday: u8) -> bool {
        (self.first..=self.last).contains(&weekday)
    }
}

impl fmt::Display for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_weekdays_are_written_as_they_are_read() {
        for text in ["08:30-17:30", "00:00-24:00", "23:59-24:00"] {
            assert_eq!(OfficeHours::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "08:30", "8:30-17:30", "08:30-08:30", "08:60-09:00", "08:30-24:01", "+8:30-17:30"] {
            assert_eq!(OfficeHours::parse(text), None, "{text}");
        }
        assert_eq!(Weekdays::parse("1-6").unwrap().to_string(), "1-6");
        assert!(Weekdays::parse("1-6").unwrap().holds(6) && !Weekdays::DEFAULT.holds(6));
        for text in ["", "1", "0-5", "1-8", "6-5"] {
            assert_eq!(Weekdays::parse(text), None, "{text}");
        }
    }
}
