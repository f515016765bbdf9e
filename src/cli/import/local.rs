//! Local times as files have them.

use jiff::civil::DateTime;

use crate::kernel::{EpochMs, Zone};

/// A local time: `2016-05-31 00:05:00`, with `/` or `T` as well, with or without seconds, and as spreadsheets write it,
/// `2016/5/31 8:05`. A day without a time, an offset, and what no clock in the zone ever showed are refused; an hour that
/// came twice is the earlier one.
pub(super) fn instant(zone: &Zone, text: &str) -> Result<EpochMs, &'static str> {
    let local = parse(text).ok_or("BAD_TIME")?;
    let at = zone.instant_of(local).map_err(|_| "TIME_OUT_OF_RANGE")?;
    // Clocks were put forward over it.
    let shown = local.strftime("%Y-%m-%d %H:%M:%S").to_string();
    if zone.wall(at) == shown { Ok(at) } else { Err("NO_SUCH_TIME") }
}

fn parse(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once(['T', ' '])?;
    let separator = if date.contains('/') { '/' } else { '-' };
    let mut date = date.split(separator);
    let (year, month, day) = (date.next()?, date.next()?, date.next()?);
    let mut time = time.trim_start().split(':');
    let (hour, minute) = (time.next()?, time.next()?);
    let (second, fraction) = match time.next() {
        None => ("00", "0"),
        Some(second) => second.split_once('.').unwrap_or((second, "0")),
    };
    if date.next().is_some() || time.next().is_some() || year.len() != 4 {
        return None;
    }
    let two = |text: &str| digits(text, 2).and_then(|n| i8::try_from(n).ok());
    let exactly_two = |text: &str| two(text).filter(|_| text.len() == 2);
    let nanos = digits(fraction, 9)? * 10_i32.pow(9 - u32::try_from(fraction.len()).ok()?);
    let year = i16::try_from(digits(year, 4)?).ok()?;
    DateTime::new(year, two(month)?, two(day)?, two(hour)?, exactly_two(minute)?, exactly_two(second)?, nanos)
        .ok()
}

/// One to `most` digits, and nothing else.
fn digits(text: &str, most: usize) -> Option<i32> {
    let valid = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if valid { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_read_in_the_zone_that_is_named() {
        for (zone, text, wanted) in [
            ("Asia/Shanghai", "2016-05-31 00:05:00", Ok("2016-05-30T16:05:00.000Z")),
            ("Asia/Shanghai", "2016/05/31 00:05:00", Ok("2016-05-30T16:05:00.000Z")),
            ("Asia/Shanghai", "2016-05-31T00:05", Ok("2016-05-30T16:05:00.000Z")),
            ("Asia/Shanghai", "2016/5/31 8:05", Ok("2016-05-31T00:05:00.000Z")),
            ("Asia/Shanghai", "2016-05-31 00:05:00.25", Ok("2016-05-30T16:05:00.250Z")),
            ("Asia/Shanghai", "2024-02-29 23:59:59", Ok("2024-02-29T15:59:59.000Z")),
            ("Asia/Shanghai", "31.05.2016 00:05", Err("BAD_TIME")),
            ("Asia/Shanghai", "2016-02-30 00:05:00", Err("BAD_TIME")),
            ("Asia/Shanghai", "2016-02-28 24:00:00", Err("BAD_TIME")),
            ("Asia/Shanghai", "2016-02-28 08:60:00", Err("BAD_TIME")),
            ("Asia/Shanghai", "2016-02-28 08:00:60", Err("BAD_TIME")),
            ("Asia/Shanghai", "2016-02-28 8:5", Err("BAD_TIME")),
            ("Asia/Shanghai", "2016-02-28", Err("BAD_TIME")),
            ("Asia/Shanghai", "08:00:00", Err("BAD_TIME")),
            ("Asia/Shanghai", "2016-02-28 08:00:00+08:00", Err("BAD_TIME")),
            ("Asia/Shanghai", "2016-02-28T08:00:00Z", Err("BAD_TIME")),
            ("Asia/Shanghai", "2016-02-28 +8:00:00", Err("BAD_TIME")),
            ("Asia/Shanghai", "2016-02-28 08:00:00.", Err("BAD_TIME")),
            ("Asia/Shanghai", "2016-02-28 ０８:00:00", Err("BAD_TIME")),
            ("Asia/Shanghai", "16-02-28 08:00:00", Err("BAD_TIME")),
            ("Asia/Shanghai", "", Err("BAD_TIME")),
            ("Asia/Shanghai", "1969-01-01 00:00:00", Err("TIME_OUT_OF_RANGE")),
            // Summer time began in China on 1986-05-04 at 02:00, and in New York on 2026-03-08.
            ("Asia/Shanghai", "1986-05-04 02:30:00", Err("NO_SUCH_TIME")),
            ("Asia/Shanghai", "1986-05-04 03:00:00", Ok("1986-05-03T18:00:00.000Z")),
            ("America/New_York", "2026-03-08 02:30:00", Err("NO_SUCH_TIME")),
            ("Asia/Shanghai", "2026-03-08 02:30:00", Ok("2026-03-07T18:30:00.000Z")),
            // It ended there on 2026-11-01: half past one came twice.
            ("America/New_York", "2026-11-01 01:30:00", Ok("2026-11-01T05:30:00.000Z")),
        ] {
            let read = instant(&Zone::parse(zone).unwrap(), text).map(|at| at.to_string());
            assert_eq!(read.as_deref().map_err(|reason| *reason), wanted, "{text} in {zone}");
        }
    }
}
