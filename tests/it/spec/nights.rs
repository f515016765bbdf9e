//! Nights (rule R7): spans that end on the next day, and their neighbours.

use super::Row;

#[rustfmt::skip]
pub(super) const DAYS: &[Row] = &[
    ("R7: a night belongs to the day on which it begins", "20:00-26:00; IN 19:55; OUT 26:02", "NORMAL: NORMAL, NORMAL"),
    ("R7: a night, late after midnight", "20:00-26:00; IN 24:10; OUT 26:00", "ABSENT: ABSENT_LATE 250, NORMAL!; absent 1000"),
    ("R7: a night, gone at ten to two", "20:00-26:00; IN 20:00; OUT 25:50", "EARLY: NORMAL, EARLY 10"),
    ("R7: a night's out at three counts, a second later it does not", "20:00-26:00; IN 20:00; OUT 27:00", "NORMAL: NORMAL, NORMAL"),
    ("R7: a night's out after three", "20:00-26:00; IN 20:00; OUT 27:00:01", "MISSING: NORMAL, MISSING"),
    ("R7: a night that cannot tell which way: its middle is 23:00", "20:00-26:00; ? 19:58; ? 26:01", "NORMAL: NORMAL, NORMAL"),
    ("R7: back-to-back nights: this morning's out is yesterday's", "20:00-26:00; before 20:00-26:00; after 20:00-26:00; OUT 02:01; IN 19:58; OUT 26:01", "NORMAL: NORMAL, NORMAL"),
    ("R7: back-to-back nights: without tonight's out it is missing", "20:00-26:00; before 20:00-26:00; after 20:00-26:00; OUT 02:01; IN 19:58; IN 43:58", "MISSING: NORMAL, MISSING"),
    ("R7: the region of yesterday's night keeps its punches from today", "02:30-08:00; before 20:00-26:00; OUT 02:01; IN 02:20; OUT 08:00", "NORMAL: NORMAL, NORMAL"),
    ("R7: cut half way between 26:00 and 02:30: 02:15 is yesterday's", "02:30-08:00; before 20:00-26:00; IN 02:15; OUT 08:00", "MISSING: MISSING, NORMAL"),
    ("R7: a second later it is today's", "02:30-08:00; before 20:00-26:00; IN 02:15:01; OUT 08:00", "NORMAL: NORMAL, NORMAL"),
    ("R7: a night until eight, then the next day's shift at half past", "20:00-32:00; after std; IN 19:58; OUT 32:01; IN 32:20", "NORMAL: NORMAL, NORMAL"),
    ("R7: the same, seen from the next day", "std; before 20:00-32:00; OUT 08:01; IN 08:20; OUT 12:00; IN 14:00; OUT 17:30", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R7: two spans over midnight", "18:00-23:00 24:30-29:00; IN 17:59; OUT 23:01; IN 24:29; OUT 29:00", "NORMAL: NORMAL, NORMAL | NORMAL, NORMAL"),
    ("R6: a day of rest after a night: its out is no punch on rest", "kind rest; before 20:00-26:00; OUT 02:01", "REST"),
    ("R6: a day of rest after a night: a later punch is one", "kind rest; before 20:00-26:00; OUT 02:01; IN 10:00", "REST; REST_WITH_PUNCH"),
    ("R6: a day of rest before an early shift: coming at 23:40 for midnight is no punch on rest", "kind rest; after 00:00-06:00; IN 23:40", "REST"),
    ("R7: a shift from midnight begins before it", "00:00-06:00; IN -1:40; OUT 06:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: a night that one is assigned until midnight for", "20:00-26:00; here -24:00; IN 20:00; OUT 24:00", "NORMAL: NORMAL, NORMAL"),
    ("R8: leave for the rest of the night", "20:00-26:00; leave 24:00-26:00; IN 20:00; OUT 24:00", "NORMAL: NORMAL, NORMAL after leave"),
    ("R5: a night in which the device told until midnight", "20:00-26:00; IN 20:00; told 24:00; at 30:00", "PENDING: NORMAL, PENDING; waits 11-03 16:30, gate-1 11-03 03:00"),
];

#[test]
fn nights_end_on_the_next_day() {
    super::days::hold(DAYS);
}
