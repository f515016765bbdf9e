//! Between messages and valid types: instants, days, receipt views, pages. Pure; every violation is noted with its field.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost_types::Timestamp;

use crate::kernel::{CentreId, Check, EpochDay, EpochMs, Pos, RequestId, Said, TimeError};
use crate::proto::{Date, ReceiptView};

/// Items of a page when the caller names no number.
const PAGE_DEFAULT: i32 = 100;
/// The most items of a page; a larger number is brought down to it (AIP-158).
const PAGE_MOST: i32 = 1_000;

/// An instant as a message.
pub fn timestamp(at: EpochMs) -> Timestamp {
    let (seconds, ms) = (at.get().div_euclid(1_000), at.get().rem_euclid(1_000));
    Timestamp { seconds, nanos: i32::try_from(ms).unwrap_or_default() * 1_000_000 }
}

/// A required instant.
pub fn instant(check: &mut Check, field: &str, stamp: Option<&Timestamp>) -> Option<EpochMs> {
    let parsed = stamp.ok_or(TimeError::Missing).and_then(|at| EpochMs::from_parts(at.seconds, at.nanos));
    check.take(field, parsed)
}

/// An instant that may be left out.
pub fn opt_instant(check: &mut Check, field: &str, stamp: Option<&Timestamp>) -> Option<EpochMs> {
    stamp.and_then(|stamp| instant(check, field, Some(stamp)))
}

/// A day as a message.
pub fn date(day: EpochDay) -> Date {
    let (year, month, day) = day.ymd();
    Date { year, month, day }
}

/// A required day.
pub fn day(check: &mut Check, field: &str, date: Option<&Date>) -> Option<EpochDay> {
    let parsed =
        date.ok_or(TimeError::Missing).and_then(|date| EpochDay::from_ymd(date.year, date.month, date.day));
    check.take(field, parsed)
}

/// A day that may be left out.
pub fn opt_day(check: &mut Check, field: &str, date: Option<&Date>) -> Option<EpochDay> {
    date.and_then(|date| day(check, field, Some(date)))
}

/// The most days after the first of a question.
const DAYS_MOST: i32 = 366;

/// The first and the last day of a question.
pub fn from_until(
    check: &mut Check,
    from: Option<&Date>,
    until: Option<&Date>,
) -> Option<(EpochDay, EpochDay)> {
    let from = day(check, "from", from);
    let until = day(check, "until", until);
    let (from, until) = from.zip(until)?;
    if !(from..=from.plus_days(DAYS_MOST)).contains(&until) {
        let said = Said::new("应在开始日之后 366 天之内", "is not within 366 days of the first");
        check.refuse("until", "OUT_OF_RANGE", said);
        return None;
    }
    Some((from, until))
}

/// The centre of a request.
pub fn centre(check: &mut Check, centre: &str) -> Option<CentreId> {
    check.take("centre", CentreId::parse(centre))
}

/// The id of a write.
pub fn request_id(check: &mut Check, id: &str) -> Option<RequestId> {
    check.take("request_id", RequestId::parse(id))
}

/// A number that stands for an enum's value other than UNSPECIFIED.
pub fn named<E: TryFrom<i32> + PartialEq + Default>(check: &mut Check, field: &str, value: i32) -> Option<E> {
    match E::try_from(value) {
        Ok(named) if named != E::default() => Some(named),
        Ok(_) | Err(_) => {
            check.refuse(
                field,
                "UNSPECIFIED",
                Said::new("须从列出的值中选择", "is none of the named values"),
            );
            None
        }
    }
}

/// How much of a receipt is asked for; what is not named is answered in full.
pub fn view(value: i32) -> ReceiptView {
    ReceiptView::try_from(value).unwrap_or(ReceiptView::Full)
}

/// How many items a page may have.
pub fn page_size(check: &mut Check, field: &str, asked: i32) -> usize {
    if asked < 0 {
        check.refuse(field, "NEGATIVE", Said::new("不能为负数", "must not be negative"));
    }
    let size = if asked == 0 { PAGE_DEFAULT } else { asked.clamp(1, PAGE_MOST) };
    usize::try_from(size).unwrap_or_default()
}

/// A place in a list that is ordered by position, as an opaque token.
pub fn token(pos: Pos, code: &str) -> String {
    let mut bytes = pos.get().to_be_bytes().to_vec();
    bytes.extend_from_slice(code.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a token back; empty: from the beginning.
pub fn parse_token(check: &mut Check, field: &str, token: &str) -> Option<(Pos, String)> {
    if token.is_empty() {
        return None;
    }
    let decoded = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| {
        let (pos, code) = bytes.split_first_chunk::<8>()?;
        Some((Pos::new(u64::from_be_bytes(*pos)), String::from_utf8(code.to_vec()).ok()?))
    });
    if decoded.is_none() {
        check.refuse(field, "NOT_A_TOKEN", Said::new("不是分页标记", "is not a token of this list"));
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Role;

    #[test]
    fn a_token_names_the_same_place_when_it_comes_back() {
        let mut check = Check::new();
        let place = (Pos::new(77), "hall/x".to_owned());
        assert_eq!(parse_token(&mut check, "page_token", &token(place.0, &place.1)), Some(place));
        assert_eq!(parse_token(&mut check, "page_token", ""), None);
        assert!(check.done().is_ok());
        let mut check = Check::new();
        assert_eq!(parse_token(&mut check, "page_token", "%%"), None);
        assert!(check.done().is_err());
    }

    #[test]
    fn an_instant_survives_the_message() {
        let at = EpochMs::clamped(1_795_391_940_123);
        let stamp = timestamp(at);
        assert_eq!(EpochMs::from_parts(stamp.seconds, stamp.nanos), Ok(at));
    }

    #[test]
    fn an_enum_that_is_left_out_is_refused() {
        let mut check = Check::new();
        assert_eq!(named::<Role>(&mut check, "role", 1), Some(Role::Administrator));
        assert_eq!(named::<Role>(&mut check, "role", 0), None);
        assert_eq!(named::<Role>(&mut check, "role", 999), None);
        assert_eq!(check.done().map_err(|violations| violations.0.len()), Err(2));
    }
}
